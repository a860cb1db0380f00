import assert from "node:assert/strict";
import test from "node:test";
import { quiet } from "./inert";

test("styles and scripts in attributes are renamed, and nothing else", () => {
	for (const [html, want] of [
		[`<p style="color: red">x</p>`, `<p data-style="color: red">x</p>`],
		[`<p onclick="a()" STYLE = 'b'>x`, `<p data-onclick="a()" data-STYLE = 'b'>x`],
		[`<img/onerror=alert(1) src=x>`, `<img/data-onerror=alert(1) src=x>`],
		[`<img alt="a"onload="b">`, `<img alt="a"data-onload="b">`],
		[`<a title="a > b" onclick=c>`, `<a title="a > b" data-onclick=c>`],
		[`<a href="/x?on=1&onclick=2" title=" onclick=3">`, `<a href="/x?on=1&onclick=2" title=" onclick=3">`],
		[`<a href=https://x.example/onclick=2 onclick=3>`, `<a href=https://x.example/onclick=2 data-onclick=3>`],
		[`onclick=1 style="x" < p onclick=1>`, `onclick=1 style="x" < p onclick=1>`],
		[`<p align="1" data-style="2" on="3" onclick>`, `<p align="1" data-style="2" on="3" onclick>`],
		[`<p onclick="`, `<p onclick="`],
	] as const) {
		assert.equal(quiet(html), want, html);
	}
	const long = `<a "`.repeat(100_000);
	assert.equal(quiet(long), long);
});
