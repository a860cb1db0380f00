import test from "node:test";
import assert from "node:assert/strict";
import { openScopes, Scope } from "./view";

test("a closed scope has no listeners, timers or views left", async () => {
	const before = openScopes();
	const scope = new Scope();
	const inner = scope.own(new Scope());
	const target = new EventTarget();
	const calls: string[] = [];
	scope.listen(target, "x", () => void calls.push("event"));
	scope.after(0, () => calls.push("timer"));
	scope.after(1000, () => calls.push("late"));
	scope.onClose(() => void calls.push("closed"));
	target.dispatchEvent(new Event("x"));
	await new Promise((done) => setTimeout(done, 5));
	assert.deepEqual(calls, ["event", "timer"]);
	assert.equal(openScopes(), before + 2);

	scope.close();
	scope.close();
	target.dispatchEvent(new Event("x"));
	assert.deepEqual(calls, ["event", "timer", "closed"]);
	assert(inner.closed);
	assert.equal(openScopes(), before);
});

test("after close, what comes is closed at once", () => {
	const scope = new Scope();
	scope.close();
	let closed = false;
	scope.onClose(() => void (closed = true));
	assert(closed);
	assert(scope.own(new Scope()).closed);
	scope.after(0, () => assert.fail("a timer ran"))();
});

test("a timer can be called off", async () => {
	const scope = new Scope();
	scope.after(0, () => assert.fail("a timer ran"))();
	await new Promise((done) => setTimeout(done, 5));
	scope.close();
});
