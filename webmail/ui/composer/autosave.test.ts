import test from "node:test";
import assert from "node:assert/strict";
import { FakeClock } from "../../../web/lib/clock_fake";
import type { Draft, Saved } from "../api";
import { Saver, type SaveState } from "./autosave";

function make(answer: (n: number) => Promise<void> = () => Promise.resolve()) {
	const clock = new FakeClock();
	const states: SaveState["kind"][] = [];
	let subject = "";
	const saves: string[] = [];
	const saver = new Saver({
		clock, draft: () => ({ Subject: subject }) as Draft,
		save: async (d) => {
			saves.push(d.Subject);
			await answer(saves.length);
			return { Email: "1", At: 1, Attachments: [] } satisfies Saved;
		},
		saved: () => {}, state: (s) => void states.push(s.kind), temporary: (e) => e === "later", random: () => 1,
	});
	return { clock, states, saves, saver, type: (s: string) => ((subject = s), saver.changed()) };
}

test("a draft is saved after a pause, once", async () => {
	const d = make();
	d.type("a");
	await d.clock.advance(2000);
	d.type("ab");
	await d.clock.advance(2000);
	assert.deepEqual(d.saves, []);
	await d.clock.advance(3000);
	assert.deepEqual(d.saves, ["ab"]);
	assert.equal(d.saver.dirty, false);
	await d.clock.advance(60_000);
	assert.deepEqual(d.saves, ["ab"]);
	assert.equal(d.clock.pending, 0);
});

test("who types without a pause loses little", async () => {
	const d = make();
	for (let i = 0; i < 14; i++) {
		d.type("a".repeat(i + 1));
		await d.clock.advance(1000);
	}
	assert.equal(d.saves.length, 1);
});

test("what is typed while it is saved is saved next", async () => {
	let go = () => {};
	const d = make((n) => n === 1 ? new Promise((resolve) => (go = resolve)) : Promise.resolve());
	d.type("a");
	await d.clock.advance(3000);
	d.type("ab");
	go();
	await d.clock.advance(0);
	assert.equal(d.saver.dirty, true);
	await d.clock.advance(3000);
	assert.deepEqual(d.saves, ["a", "ab"]);
	assert.equal(d.saver.dirty, false);
});

test("it is tried again when the server is not reached, and not when it refuses", async () => {
	const d = make((n) => n < 3 ? Promise.reject("later") : Promise.resolve());
	d.type("a");
	await d.clock.advance(3000);
	assert.equal(d.states.at(-1), "failed");
	await d.clock.advance(4000);
	assert.equal(d.saves.length, 2);
	await d.clock.advance(8000);
	assert.equal(d.saves.length, 3);
	assert.equal(d.states.at(-1), "saved");

	const r = make(() => Promise.reject("refused"));
	r.type("a");
	await r.clock.advance(120_000);
	assert.equal(r.saves.length, 1);
	assert.equal(r.saver.dirty, true);
	assert.equal(await r.saver.now(), false);
});

test("nothing is saved while it is sent", async () => {
	const d = make();
	d.type("a");
	await d.saver.hold();
	await d.clock.advance(60_000);
	assert.deepEqual(d.saves, []);
	d.saver.release();
	await d.clock.advance(3000);
	assert.deepEqual(d.saves, ["a"]);
	d.type("b");
	d.saver.close();
	await d.clock.advance(60_000);
	assert.deepEqual(d.saves, ["a"]);
});
