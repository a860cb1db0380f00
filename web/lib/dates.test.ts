import assert from "node:assert/strict";
import test from "node:test";
import { Dates, firstDayOf } from "./dates";
import { english, Language } from "./i18n";

const gb = new Dates(new Language("en-GB", english), "Europe/Berlin");
const us = new Dates(new Language("en-US", english), "America/New_York");
const now = new Date("2026-11-22T13:02:00Z"); // A Sunday, 14:02 in Berlin.
const at = (iso: string) => new Date(iso);

/** Spaces between time and AM are of several kinds. */
const plain = (s: string) => s.replace(/\s/gu, " ");

test("a date in a list is as short as it can be", () => {
	for (const [iso, want] of [
		["2026-11-22T13:01:00Z", "14:01"],
		["2026-11-21T23:00:00Z", "00:00"],
		["2026-11-21T22:59:59Z", "Sat"],
		["2026-11-16T10:00:00Z", "Mon"],
		["2026-11-15T10:00:00Z", "15 Nov"],
		["2026-03-03T10:00:00Z", "3 Mar"],
		["2024-03-03T10:00:00Z", "3 Mar 2024"],
		["2025-12-31T23:30:00Z", "1 Jan"],
		["2026-11-23T10:00:00Z", "23 Nov"],
	] as const) {
		assert.equal(gb.short(at(iso), now), want, iso);
	}
	assert.equal(plain(us.short(at("2026-11-22T12:30:00Z"), now)), "7:30 AM");
	assert.equal(us.short(at("2024-03-03T12:30:00Z"), now), "Mar 3, 2024");
});

test("details have all of it, with the zone", () => {
	assert.match(gb.full(at("2026-11-22T13:02:11Z")), /^Sunday,? 22 November 2026.* 14:02:11 (CET|GMT\+1)$/);
	assert.match(gb.medium(at("2024-03-03T10:05:00Z"), now), /^Sun,? 3 Mar 2024,? 11:05$/);
	assert.equal(gb.relative(at("2026-11-22T12:57:00Z"), now), "5 minutes ago");
	assert.equal(gb.relative(at("2026-11-24T14:00:00Z"), now), "in 2 days");
	assert.equal(gb.relative(now, now), "now");
});

test("groups follow the week of the language", () => {
	for (const [iso, inEurope, inAmerica] of [
		["2026-11-23T12:00:00Z", "Later", "Later"],
		["2026-11-22T12:00:00Z", "Today", "Today"],
		["2026-11-21T12:00:00Z", "Yesterday", "Yesterday"],
		["2026-11-17T12:00:00Z", "This week", "Last week"],
		["2026-11-15T12:00:00Z", "Last week", "Last week"],
		["2026-11-08T12:00:00Z", "November", "November"],
		["2025-11-08T12:00:00Z", "November 2025", "November 2025"],
	] as const) {
		assert.equal(gb.group(at(iso), now), inEurope, iso);
		assert.equal(us.group(at(iso), now), inAmerica, iso);
	}
	assert.deepEqual(["en-US", "de", "en-GB", "ar-EG", "pt-BR", "en"].map(firstDayOf), [0, 1, 1, 6, 0, 0]);
});

test("times to send later are in the zone of the user, also when clocks change", () => {
	const presets = (d: Dates, iso: string) => d.presets(at(iso)).map(p => `${p.label} ${p.at.toISOString()}`);
	assert.deepEqual(presets(gb, "2026-11-22T13:02:00Z"), ["Later today 2026-11-22T17:00:00.000Z", "Tomorrow morning 2026-11-23T07:00:00.000Z"]);
	assert.deepEqual(presets(gb, "2026-11-23T18:00:00Z"), ["Tomorrow morning 2026-11-24T07:00:00.000Z", "Monday morning 2026-11-30T07:00:00.000Z"]);
	// On 29 March 2026 clocks in Berlin go from 2:00 to 3:00.
	assert.equal(gb.at(at("2026-03-28T12:00:00Z"), 1, 8).toISOString(), "2026-03-29T06:00:00.000Z");
	assert.equal(gb.at(at("2026-03-28T12:00:00Z"), 1, 0).toISOString(), "2026-03-28T23:00:00.000Z");
	assert.equal(gb.untilMidnight(now), (10 * 60 - 2) * 60_000);
});

test("local times of inputs go there and back", () => {
	assert.equal(gb.toLocal(now), "2026-11-22T14:02");
	for (const value of ["2026-11-22T14:02", "2026-03-29T01:59", "2026-03-29T03:00", "2026-10-25T12:00", "2026-07-01T00:00"]) {
		const d = gb.fromLocal(value);
		assert(d);
		assert.equal(gb.toLocal(d), value);
	}
	const skipped = gb.fromLocal("2026-03-29T02:30");
	assert(skipped);
	assert.equal(gb.toLocal(skipped), "2026-03-29T03:30");
	for (const value of ["", "2026-02-31T10:00", "2026-11-22", "tomorrow", "2026-11-22T25:00"]) {
		assert.equal(gb.fromLocal(value), undefined, value);
	}
});
