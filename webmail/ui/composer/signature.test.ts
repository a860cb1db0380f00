import test from "node:test";
import assert from "node:assert/strict";
import type { Settings, Signature } from "../api";
import { replaceInText, signatureOf } from "./signature";

const sig = (Address: string, Text: string): Signature => ({ Address, Name: "", ReplyTo: "", HTML: "", Text });

test("the signature of a plain text follows the address", () => {
	const [a, b, none] = [sig("a@example.org", "Ana\n"), sig("b@example.org", "Ben"), sig("c@example.org", "")];
	const cases: readonly [string, Signature | undefined, Signature | undefined, boolean, string][] = [
		["hi\n\n-- \nAna\n", a, b, false, "hi\n\n-- \nBen\n"],
		["hi\n\n-- \nAna\n", a, none, false, "hi\n\n"],
		["hi\n\n-- \nAna, from home\n", a, b, false, "hi\n\n-- \nBen, from home\n"],
		["hi", a, b, false, "hi"], // It was taken out.
		["hi", undefined, b, false, "hi\n\n-- \nBen\n"],
		["hi\n\nOn x, y wrote:\n> z\n", none, b, false, "hi\n\n-- \nBen\n\nOn x, y wrote:\n> z\n"],
		["> z\n\nhi\n", none, b, true, "> z\n\nhi\n\n-- \nBen\n"],
	];
	for (const [text, before, after, below, want] of cases) assert.equal(replaceInText(text, before, after, below), want);
	const settings = { Signatures: [sig("", "all"), a] } as unknown as Settings;
	assert.equal(signatureOf(settings, "A@example.org"), a);
	assert.equal(signatureOf(settings, "x@example.org")?.Text, "all");
	assert.equal(signatureOf({ Signatures: [a] } as unknown as Settings, "x@example.org"), undefined);
});
