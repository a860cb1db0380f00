import assert from "node:assert/strict";
import test from "node:test";
import { Selected } from "./selection";

test("some, all, and all but some", () => {
	const s = new Selected();
	s.toggle("a");
	s.set("b", true);
	s.set("b", true);
	assert.deepEqual([s.all, [...s.keys], s.count(5), s.has("a"), s.has("c")], [false, ["a", "b"], 2, true, false]);
	s.everything();
	assert.deepEqual([s.all, s.count(5), s.has("c"), [...s.keys]], [true, 5, true, []]);
	s.toggle("c");
	assert.deepEqual([s.count(5), s.has("c"), [...s.except]], [4, false, ["c"]]);
	s.toggle("c");
	assert.equal(s.count(5), 5);
	s.only(["x"]);
	assert.deepEqual([s.all, [...s.keys], [...s.except]], [false, ["x"], []]);
	s.clear();
	assert.equal(s.count(5), 0);
});

test("extending begins at the same row wherever that is now", () => {
	const s = new Selected();
	let rows = ["a", "b", "c", "d"];
	const extend = (to: number) => s.extend(to, (key) => rows.indexOf(key), (i) => rows[i] ?? "");
	s.anchor = "c";
	extend(3);
	assert.deepEqual([...s.keys], ["c", "d"]);
	rows = ["new", ...rows];
	extend(1);
	assert.deepEqual([...s.keys], ["a", "b", "c"], "mail came above it");
	rows[2] = "";
	extend(1);
	assert.deepEqual([...s.keys], ["a", "c"], "a row is not known");
	rows = ["x", "y"];
	extend(1);
	assert.deepEqual([...s.keys], ["y"], "where it began has gone");
});
