import assert from "node:assert/strict";
import test from "node:test";
import type { Message } from "../api";
import { Messages } from "./messages";

function fake() {
	const asked: string[] = [];
	let fails = false;
	const api = {
		Message: (email: string, path: string) => {
			asked.push(email + path);
			return fails ? Promise.reject(new Error("no")) : Promise.resolve({ MessageID: email } as Message);
		},
		Hints: () => Promise.reject(new Error("no")),
	};
	return { asked, messages: new Messages(api), fail: (on: boolean) => (fails = on) };
}

test("a message is asked for once, until something of it changed", async () => {
	const { asked, messages } = fake();
	messages.prepare(["a", "a"]);
	assert.equal((await messages.get("a")).MessageID, "a");
	const late = messages.get("a", "1");
	assert.equal(messages.peek("a", "1"), undefined);
	await late;
	assert.deepEqual(asked, ["a", "a1"]);
	assert.equal(messages.peek("a")?.MessageID, "a");
	assert.equal(messages.peek("b"), undefined);
	messages.forget("a");
	assert.equal(messages.peek("a"), undefined);
	await messages.get("a");
	assert.deepEqual(asked, ["a", "a1", "a"]);
});

test("errors are not kept", async () => {
	const { asked, messages, fail } = fake();
	fail(true);
	await assert.rejects(messages.get("a"));
	fail(false);
	await messages.get("a");
	assert.equal(asked.length, 2);
	assert.deepEqual(await messages.hints("a"), []);
});

test("those used last are kept", async () => {
	const { asked, messages } = fake();
	for (let i = 0; i < 60; i++) await messages.get(`m${i}`);
	await messages.get("m0");
	await messages.get("new");
	await messages.get("m0");
	assert.equal(asked.length, 61);
	await messages.get("m1");
	assert.equal(asked.length, 62);
});
