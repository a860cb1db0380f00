import test from "node:test";
import assert from "node:assert/strict";
import { imageAddress, linkAddress, type Piece, placeholder, read, readStyle, type Source } from "./schema";
import { fromText, toText } from "./text";

const el = (nodeName: string, attributes: { [name: string]: string }, ...children: (Source | string)[]): Source => ({
	nodeType: 1, nodeName: nodeName.toUpperCase(), nodeValue: null, getAttribute: (name) => attributes[name] ?? null,
	childNodes: children.map((c) => typeof c === "string" ? { nodeType: 3, nodeName: "#text", nodeValue: c, childNodes: [] } : c),
});

const html = (pieces: readonly Piece[]): string => pieces.map((p) => typeof p === "string" ? p
	: `<${p.tag}${Object.entries(p.attributes).map(([k, v]) => ` ${k}="${v}"`).join("")}${Object.keys(p.style).length ? ` style="${Object.entries(p.style).map(([k, v]) => `${k}:${v}`).join(";")}"` : ""}>${html(p.children)}</${p.tag}>`).join("");

test("what is pasted keeps words and structure, not looks", () => {
	const cases: readonly [Source, string][] = [
		[el("p", { style: "color:red", class: "x", onclick: "steal()" }, "a"), "<p>a</p>"],
		[el("strong", {}, "a", el("em", {}, "b")), "<b>a<i>b</i></b>"],
		[el("b", { style: "font-weight:normal" }, el("span", { style: "font-weight:700" }, "a")), "<b>a</b>"],
		[el("span", { style: "text-decoration: underline line-through" }, "a"), "<s><u>a</u></s>"],
		[el("script", {}, "alert(1)"), ""],
		[el("style", {}, "p{}"), ""],
		[el("svg", {}, el("a", { href: "https://example.org" }, "a")), ""],
		[el("form", {}, el("input", { value: "x" }), "a"), "a"],
		[el("a", { href: "javascript:alert(1)" }, "a"), "a"],
		[el("a", { href: "java\nscript:alert(1)" }, "a"), "a"],
		[el("a", { href: "https://example.org/", target: "_blank" }, "a"), `<a href="https://example.org/">a</a>`],
		[el("img", { src: "https://example.org/x.png", alt: "X", onerror: "x" }), `<img src="${placeholder}https%3A%2F%2Fexample.org%2Fx.png" alt="X"></img>`],
		[el("img", { src: "file:///etc/passwd", alt: "X" }), "X"],
		[el("o:p", {}, "a"), "a"],
		[el("div", { "data-mox-signature": "" }, "a"), "<div>a</div>"],
	];
	for (const [node, want] of cases) assert.equal(html(read([node], "paste")), want);
});

test("drafts keep the looks of what they quote, if they do no harm", () => {
	const cases: readonly [Source, string][] = [
		[el("p", { style: "color:red; position:fixed" }, "a"), `<p style="color:red">a</p>`],
		[el("p", { style: "background-color: url(https://example.org/x)" }, "a"), "<p>a</p>"],
		[el("font", { color: "blue", face: "Arial" }, "a"), `<span style="color:blue;font-family:Arial">a</span>`],
		[el("div", { "data-mox-signature": "" }, "a"), `<div data-mox-signature="">a</div>`],
		[el("td", { colspan: "2", width: "expression(1)" }, "a"), `<td colspan="2">a</td>`],
		[el("span", {}, "a"), "a"],
		[el("iframe", { src: "https://example.org" }, "a"), ""],
		[el("img", { src: "upload/ABC" }), `<img src="upload/ABC"></img>`],
	];
	for (const [node, want] of cases) assert.equal(html(read([node], "draft")), want);
	assert.deepEqual(readStyle("color: red !important; width: calc(1px); color:; x; behavior: url(x)"), { color: "red", width: "calc(1px)" });
	assert.equal(imageAddress("../admin"), undefined);
	assert.equal(imageAddress("//example.org/x"), undefined);
	assert.equal(linkAddress("data:text/html,x"), undefined);
	assert.equal(linkAddress(" mailto:ana@example.org"), "mailto:ana@example.org");
});

test("a rich message as plain text", () => {
	const cases: readonly [Source[], string][] = [
		[[el("div", {}, "one"), el("div", {}, el("br", {})), el("div", {}, "two")], "one\n\ntwo"],
		[[el("p", {}, "one"), el("p", {}, "two\n  three")], "one\n\ntwo three"],
		[[el("p", {}, "On x wrote:"), el("blockquote", { type: "cite" }, el("div", {}, "a"), el("blockquote", {}, "b"))], "On x wrote:\n\n> a\n>> b"],
		[[el("ul", {}, el("li", {}, "a"), el("li", {}, "b", el("ol", {}, el("li", {}, "c"))))], "- a\n- b\n  1. c"],
		[[el("div", {}, el("a", { href: "https://example.org/" }, "example.org"), " ", el("a", { href: "https://example.net/x" }, "here"))], "example.org here <https://example.net/x>"],
		[[el("pre", {}, "a\n  b")], "a\n  b"],
		[[el("div", {}, "hi"), el("div", { "data-mox-signature": "" }, el("div", {}, "Ana"))], "hi\n-- \nAna"],
		[[el("table", {}, el("tr", {}, el("td", {}, "a"), el("td", {}, "b")))], "a\tb"],
		[[el("div", {}, "a\u00a0\u00a0b", el("img", { src: "upload/1", alt: "cat" }))], "a  b[cat]"],
	];
	for (const [nodes, want] of cases) assert.equal(toText(read(nodes, "draft")), want);
});

test("plain text and back is the same text", () => {
	for (const text of ["a", "a\n\nb", "a\n> b\n>> c\n> d\ne", "see https://example.org/x?y=1.", "hi\n-- \nAna\nexample.org", "", "> only\n> quote"]) {
		assert.equal(toText(fromText(text)), text);
	}
	assert.equal(html(fromText("see https://example.org/.")), `<div>see <a href="https://example.org/">https://example.org/</a>.</div>`);
});
