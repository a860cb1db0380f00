import assert from "node:assert/strict";
import test, { mock } from "node:test";
import { Scope } from "../../web/lib/view";

test("what is written of days is told when another one begins", async () => {
	Object.defineProperty(globalThis, "navigator", { value: { languages: ["en-GB"] }, configurable: true });
	const { dateGroup, onNewDay, setTimeZone } = await import("./dates");
	mock.timers.enable({ apis: ["setInterval", "Date"] });
	globalThis.document = new EventTarget() as Document;
	try {
		setTimeZone("Asia/Tokyo");
		const at = Date.UTC(2026, 10, 23, 14, 30); // Half an hour before midnight.
		mock.timers.setTime(at);
		const scope = new Scope();
		const groups: string[] = [];
		onNewDay(scope, () => groups.push(dateGroup(at / 1000)));
		mock.timers.tick(29 * 60_000);
		document.dispatchEvent(new Event("visibilitychange"));
		assert.deepEqual(groups, []);
		mock.timers.tick(2 * 60_000);
		assert.deepEqual(groups, ["Yesterday"]);
		mock.timers.tick(23 * 3_600_000);
		assert.deepEqual(groups, ["Yesterday"]);

		// The computer sleeps until the day after: no timer has run when it is looked at.
		mock.timers.setTime(at + 2 * 86_400_000);
		document.dispatchEvent(new Event("visibilitychange"));
		assert.equal(groups.length, 2);
		assert(groups[1] !== "Yesterday");

		scope.close();
		mock.timers.setTime(at + 5 * 86_400_000);
		document.dispatchEvent(new Event("visibilitychange"));
		mock.timers.tick(120_000);
		assert.equal(groups.length, 2);
	} finally {
		setTimeZone("");
		mock.timers.reset();
	}
});
