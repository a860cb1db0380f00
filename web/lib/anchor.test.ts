import test from "node:test";
import assert from "node:assert/strict";
import { place } from "./anchor";

const window = { width: 1000, height: 600 };
const popup = { width: 200, height: 100 };
const at = (left: number, top: number) => ({ left, top, right: left + 50, bottom: top + 30 });

test("a popup stands below its anchor, edges in line", () => {
	assert.deepEqual(place(at(100, 100), popup, window), { left: 100, top: 134, maxHeight: 458 });
	assert.equal(place(at(300, 100), popup, window, { align: "end" }).left, 150);
	assert.equal(place(at(300, 100), popup, window, { align: "center" }).left, 225);
});

test("start and end follow the direction of writing", () => {
	assert.equal(place(at(300, 100), popup, window, { align: "start" }, true).left, 150);
	assert.equal(place(at(300, 100), popup, window, { align: "end" }, true).left, 300);
});

test("it turns over where the other side has more room", () => {
	assert.equal(place(at(100, 550), popup, window).top, 446);
	assert.equal(place(at(100, 20), popup, window, { side: "above" }).top, 54);
	// Neither side has enough: the larger one, and it must scroll.
	const tall = { width: 200, height: 900 };
	assert.deepEqual(place(at(100, 400), tall, window), { left: 100, top: 8, maxHeight: 388 });
});

test("it never leaves the window", () => {
	assert.equal(place(at(980, 100), popup, window).left, 792);
	assert.equal(place(at(0, 100), popup, window, { align: "end" }).left, 8);
});
