import test from "node:test";
import assert from "node:assert/strict";
import { isSafeAddress, reconcile } from "./dom";

test("addresses that may stand in links", () => {
	for (const a of ["", "assets/x.js", "../x", "#mailbox/3", "?q=a:b", "./a:b", "//example.org/", "https://example.org/", "HTTP://x", "mailto:a@example.org", "tel:1", "cid:x@y", "blob:https://x/1"]) {
		assert.equal(isSafeAddress(a), true, a);
	}
});

test("addresses that could run something", () => {
	for (const a of ["javascript:alert(1)", "JavaScript:x", " \u0001javascript:x", "java\nscript:x", "java\tscript\r:x", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "view-source:x", "x-y.z+1:"]) {
		assert.equal(isSafeAddress(a), false, a);
	}
});

// As much of an element as reconcile uses.
class Element {
	parent: Element | undefined;
	children: Element[] = [];
	inserted = 0;
	readonly name: string;
	constructor(name: string) {
		this.name = name;
	}
	get firstElementChild(): Element | null {
		return this.children[0] ?? null;
	}
	get nextElementSibling(): Element | null {
		const all = this.parent!.children;
		return all[all.indexOf(this) + 1] ?? null;
	}
	insertBefore(e: Element, before: Element | null): void {
		e.remove();
		e.parent = this;
		this.children.splice(before ? this.children.indexOf(before) : this.children.length, 0, e);
		this.inserted++;
	}
	remove(): void {
		const all = this.parent?.children ?? [];
		if (all.includes(this)) all.splice(all.indexOf(this), 1);
	}
}

test("reconcile keeps elements with their keys and moves no more than it must", () => {
	const parent = new Element("parent");
	let known = new Map<string, HTMLElement>();
	const updated: string[] = [];
	const show = (...keys: string[]) => {
		parent.inserted = 0;
		updated.length = 0;
		known = reconcile(parent as unknown as HTMLElement, known, keys, (k) => k, (k) => new Element(k) as unknown as HTMLElement, (_, k) => void updated.push(k));
		assert.deepEqual(parent.children.map((c) => c.name), keys);
		return parent.inserted;
	};
	assert.equal(show("a", "b", "c"), 3);
	const b = parent.children[1];
	assert.equal(show("a", "b", "c"), 0);
	assert.deepEqual(updated, ["a", "b", "c"]);
	assert.equal(show("a", "c"), 0, "what goes moves nothing");
	assert.equal(show("x", "a", "b", "c"), 2);
	assert.notEqual(parent.children[2], b, "an element that went is made anew");
	assert.equal(show("c", "x", "a", "b"), 1);
	assert.equal(show(), 0);
});
