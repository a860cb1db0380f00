import assert from "node:assert/strict";
import test from "node:test";
import { APIError } from "../../web/lib/api";
import { answerError, withToken } from "./token";

const over = new APIError("user:sessionOver", "Over.", 401);

test("what was refused is sent again with another token, once", async () => {
	const refused: (string | undefined)[] = [];
	const csrf = (r?: string) => {
		refused.push(r);
		return Promise.resolve(r === undefined ? "old" : "new");
	};
	const sent: string[] = [];
	const send = (...good: string[]) => (token: string) => {
		sent.push(token);
		return good.includes(token) ? Promise.resolve("done") : Promise.reject(over);
	};
	assert.equal(await withToken(csrf, send("old")), "done");
	assert.deepEqual([sent.splice(0), refused.splice(0)], [["old"], [undefined]]);
	assert.equal(await withToken(csrf, send("new")), "done");
	assert.deepEqual([sent.splice(0), refused.splice(0)], [["old", "new"], [undefined, "old"]]);
	await assert.rejects(withToken(csrf, send()), over);
	assert.deepEqual(sent.splice(0), ["old", "new"]);
	refused.splice(0);

	// What has failed otherwise, or is not wanted any more, is not sent again.
	for (const other of [new APIError("user:tooLarge", "Too large.", 413), new APIError("client:otherAccount", "Another."), new Error("x")]) {
		await assert.rejects(withToken(csrf, () => Promise.reject(other)), other);
	}
	await assert.rejects(withToken(csrf, send("new"), AbortSignal.abort(new Error("left"))), /left/);
	assert.deepEqual(refused, [undefined, undefined, undefined, undefined]);
});

test("while there is no session, it waits for one", async () => {
	const csrf = (refused?: string) => refused === undefined ? Promise.reject(over) : Promise.resolve(`after "${refused}"`);
	assert.equal(await withToken(csrf, (token) => Promise.resolve(token)), 'after ""');
});

test("errors of answers", () => {
	for (const [status, body, want] of [
		[400, { error: { code: "user:badFile", message: "No file." } }, "user:badFile No file."],
		[401, { error: { code: "user:noSession", message: "None." } }, "user:noSession None."],
		[401, null, "user:sessionOver Your session is over."],
		[403, { error: "text" }, "user:sessionOver Your session is over."],
		[502, undefined, "client:http Not taken."],
	] as const) {
		const e = answerError(status, body, "Not taken.");
		assert.equal(`${e.code} ${e.message}`, want);
		assert.equal(e.status, status);
	}
});
