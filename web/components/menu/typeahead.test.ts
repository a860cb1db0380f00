import test from "node:test";
import assert from "node:assert/strict";
import { typeAhead } from "./typeahead";

const labels = ["Archive", "Delete", "Drafts", "Junk", "dRop"];

test("letters in a row make a word", () => {
	const find = typeAhead(() => 0);
	assert.equal(find("d", labels, -1), 1);
	assert.equal(find("r", labels, 1), 2);
	assert.equal(find("o", labels, 2), 4);
	assert.equal(find("x", labels, 4), -1);
});

test("the same letter goes around", () => {
	let now = 0;
	const find = typeAhead(() => now);
	assert.equal(find("d", labels, 0), 1);
	assert.equal(find("d", labels, 1), 2);
	assert.equal(find("d", labels, 2), 4);
	now += 10;
	assert.equal(find("d", labels, 4), 1);
});

test("after a pause a new word begins", () => {
	let now = 0;
	const find = typeAhead(() => now);
	assert.equal(find("d", labels, -1), 1);
	now = 5000;
	assert.equal(find("j", labels, 1), 3);
});

test("nothing is found in nothing", () => {
	assert.equal(typeAhead()("a", [], -1), -1);
});
