import test from "node:test";
import assert from "node:assert/strict";
import { hueOf, initials } from "./avatar";

test("initials", () => {
	for (const [name, address, want] of [
		["Ana Silva", "ana@example.org", "AS"],
		["Silva, Ana", "ana@example.org", "AS"],
		["ana maria da silva", "a@example.org", "AS"],
		["Ana Silva (Acme, Inc.)", "a@example.org", "AS"],
		["Prince", "p@example.org", "P"],
		["", "mjl@example.org", "M"],
		["", "+x@example.org", "X"],
		["\"\"", "bob@example.org", "B"],
		["李 明", "x@example.org", "李明"],
		["😀 Smile", "x@example.org", "S"],
		["Émile Zola", "x@example.org", "ÉZ"],
		["", "", "?"],
	] as const) {
		assert.equal(initials(name, address), want, name + address);
	}
});

test("an address has one hue, whatever its case", () => {
	assert.equal(hueOf("Ana@Example.org"), hueOf("ana@example.org"));
	assert.notEqual(hueOf("ana@example.org"), hueOf("ben@example.org"));
	for (const a of ["", "x", "ü@例え.jp"]) assert(hueOf(a) >= 0 && hueOf(a) < 360);
});
