import test from "node:test";
import assert from "node:assert/strict";
import { splitEntries } from "./split";

test("lists of addresses", () => {
	for (const [text, want] of [
		["ana@example.org, ben@example.org", ["ana@example.org", "ben@example.org"]],
		["ana@example.org; ben@example.org;", ["ana@example.org", "ben@example.org"]],
		["ana@example.org\r\nben@example.org\n", ["ana@example.org", "ben@example.org"]],
		['"Silva, Ana" <ana@example.org>, Ben <ben@example.org>', ['"Silva, Ana" <ana@example.org>', "Ben <ben@example.org>"]],
		['"a\\", b" <a@example.org>,c@example.org', ['"a\\", b" <a@example.org>', "c@example.org"]],
		["Ana (Acme, Inc.) <ana@example.org>", ["Ana (Acme, Inc.) <ana@example.org>"]],
		["", []],
		[" , ;\n,", []],
		// What is never closed does not swallow the rest of the list.
		['5" disk, x@example.org', ['5" disk', "x@example.org"]],
		["<ana@example.org\nben@example.org", ["<ana@example.org", "ben@example.org"]],
		[">,)", [">", ")"]],
	] as const) {
		assert.deepEqual(splitEntries(text), [...want], text);
	}
});
