import test from "node:test";
import assert from "node:assert/strict";
import { localValue, presets } from "./schedule";

test("times for sending later", () => {
	const cases: readonly [Date, readonly string[]][] = [
		[new Date(2026, 10, 22, 20, 0), ["schedule.tomorrow 2026-11-23T08:00"]], // A Sunday: tomorrow is Monday.
		[new Date(2026, 10, 23, 9, 0), ["schedule.evening 2026-11-23T18:00", "schedule.tomorrow 2026-11-24T08:00", "schedule.monday 2026-11-30T08:00"]],
		[new Date(2026, 11, 31, 17, 30), ["schedule.tomorrow 2027-01-01T08:00", "schedule.monday 2027-01-04T08:00"]],
	];
	for (const [now, want] of cases) assert.deepEqual(presets(now).map((p) => `${p.label} ${localValue(p.at)}`), [...want]);
});
