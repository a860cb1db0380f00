import assert from "node:assert/strict";
import test from "node:test";
import { pieces } from "./content";

test("long lines are divided at spaces, others stay together", () => {
	assert.deepEqual(pieces(""), []);
	const lines = "some words\n".repeat(1000);
	assert.deepEqual(pieces(lines), [lines]);
	const line = "раyраl g\u200bo\u200bogle ".repeat(500);
	const l = pieces(`${lines}${line}\n${lines}`);
	assert.equal(l.join(""), `${lines}${line}\n${lines}`);
	assert.equal(l[0], lines);
	assert.equal(l.at(-1), lines);
	assert(l.length > 10 && l.slice(1, -1).every((s) => s.length <= 1100 && /\s$/.test(s)), JSON.stringify(l.map((s) => s.length)));
});

test("what has no spaces is divided between characters", () => {
	for (const s of ["раy".repeat(3000), "😀a".repeat(3000), "a\u0300".repeat(3001), "\u0300".repeat(9000), "\ud800".repeat(5000)]) {
		const l = pieces(s);
		assert.equal(l.join(""), s);
		assert(l.length > 3 && l.every((p) => p.length <= 2200));
	}
	for (const p of pieces("😀a\u0301".repeat(3000)).slice(1)) assert.match(p, /^(😀|a)/u);
});
