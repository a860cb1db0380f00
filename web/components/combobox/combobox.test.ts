import test from "node:test";
import assert from "node:assert/strict";
import { ComboBox, type ComboBoxOptions, type Suggestion } from "./combobox";

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

class FakeNode extends EventTarget {}

// As much of an element as the list and its field use.
class FakeElement extends FakeNode {
	children: FakeElement[] = [];
	text = "";
	value = "";
	open = false;
	className = "";
	offsetWidth = 100;
	offsetHeight = 20;
	readonly attributes = new Map<string, string>();
	readonly style = { setProperty: () => {}, removeProperty: () => {} };
	get id(): string {
		return this.attributes.get("id") ?? "";
	}
	setAttribute(name: string, value: string): void {
		this.attributes.set(name, value);
	}
	removeAttribute(name: string): void {
		this.attributes.delete(name);
	}
	append(child: FakeElement | string): void {
		if (typeof child === "string") this.text += child;
		else this.children.push(child);
	}
	replaceChildren(): void {
		this.children = [];
	}
	remove(): void {}
	closest(): null {
		return null;
	}
	matches(): boolean {
		return this.open; // Asked only for :popover-open.
	}
	showPopover(): void {
		this.open = true;
	}
	hidePopover(): void {
		this.open = false;
	}
	scrollIntoView(): void {}
	getBoundingClientRect() {
		return { left: 0, top: 0, right: 100, bottom: 20 };
	}
}

const page = { body: new FakeElement(), activeElement: undefined as FakeElement | undefined, createElement: () => new FakeElement() };
Object.assign(globalThis, {
	Node: FakeNode, Element: FakeElement, document: page, window: new EventTarget(), innerWidth: 1000, innerHeight: 800,
	getComputedStyle: () => ({ direction: "ltr" }),
});

/** A field like those of recipients: Enter makes a chip of what was typed, unless the list has taken the key. */
function field(more: Partial<ComboBoxOptions<string>> = {}) {
	const input = new FakeElement();
	page.activeElement = input;
	const chips: string[] = [];
	const asked: { readonly text: string; readonly answer: (found: readonly Suggestion<string>[]) => void }[] = [];
	const combo = new ComboBox<string>({
		input: input as unknown as HTMLInputElement, label: "To", autoSelect: true,
		suggest: (text) => new Promise((answer) => asked.push({ text, answer })),
		choose: (s) => {
			input.value = "";
			chips.push(s.value);
		},
		...more,
	});
	input.addEventListener("keydown", (event) => {
		if (event.defaultPrevented || (event as KeyboardEvent).key !== "Enter") return;
		chips.push(input.value);
		input.value = "";
	});
	return {
		combo, input, chips, asked,
		type(text: string): void {
			input.value = text;
			input.dispatchEvent(new Event("input"));
		},
		/** Answers the last question. */
		async answer(...found: string[]): Promise<void> {
			asked.at(-1)?.answer(found.map((value) => ({ label: value, value })));
			await settle();
		},
		/** Returns whether the list took the key. */
		press(key: string): boolean {
			return !input.dispatchEvent(Object.assign(new Event("keydown", { cancelable: true }), { key }));
		},
		options: () => (combo.root as unknown as FakeElement).children,
		/** What is selected, as assistive technology is told. */
		selected(): string | undefined {
			const options = (combo.root as unknown as FakeElement).children;
			const marked = options.filter((o) => o.attributes.get("aria-selected") === "true").map((o) => o.id);
			const active = input.attributes.get("aria-activedescendant");
			assert.deepEqual(marked, active === undefined ? [] : [active]);
			return options.find((o) => o.id === active)?.children[0]?.text;
		},
	};
}

test("the first suggestion is selected, arrow keys select others, and Enter and Tab take one", async () => {
	for (const key of ["Enter", "Tab"]) {
		const f = field();
		f.type("an");
		await f.answer("ana", "anton");
		assert.deepEqual([f.selected(), f.input.attributes.get("aria-expanded")], ["ana", "true"]);
		const seen = ["ArrowDown", "ArrowDown", "ArrowUp"].map((arrow) => f.press(arrow) && f.selected());
		assert.deepEqual(seen, ["anton", "ana", "anton"]);
		assert.equal(f.press(key), true);
		assert.deepEqual([f.chips.join(), f.combo.shown, f.selected(), f.input.attributes.get("aria-expanded")], ["anton", false, undefined, "false"]);
		f.combo.close();
	}
});

test("what was suggested for an earlier text is not taken by Enter and Tab", async () => {
	for (const key of ["Enter", "Tab"]) {
		for (const arrows of [[], ["ArrowDown"]]) {
			const f = field();
			f.type("an");
			await f.answer("ana", "anton");
			arrows.forEach(f.press);
			f.type("andrew@x.org");
			assert.equal(f.press(key), false, "the field and the page have the key");
			assert.deepEqual([f.chips.join(), f.combo.shown, f.selected()], [key === "Enter" ? "andrew@x.org" : "", false, undefined]);
			await f.answer("andrea");
			assert.equal(f.combo.shown, false, "the answer comes too late");
			f.combo.close();
		}
	}
});

test("a text that a field changes by itself is another one too", async () => {
	const f = field();
	f.type("an");
	await f.answer("ana");
	f.input.value = ""; // As when a list of addresses is pasted.
	f.press("Enter");
	assert.deepEqual(f.chips, [""]);
	f.combo.close();
});

test("with the answer for the new text its first suggestion is selected and taken", async () => {
	const f = field();
	f.type("an");
	await f.answer("ana", "anton");
	f.type("and");
	assert.equal(f.selected(), "ana", "the list stays until then");
	await f.answer("andrew", "andrea");
	assert.equal(f.selected(), "andrew");
	assert.equal(f.press("Enter"), true);
	assert.deepEqual(f.chips, ["andrew"]);
	f.combo.close();
});

test("what the user selects in the list for an earlier text is taken", async () => {
	for (const how of ["arrow", "pointer"]) {
		const f = field();
		f.type("an");
		await f.answer("ana", "anton");
		f.type("ant");
		if (how === "arrow") f.press("ArrowDown");
		else f.options()[1]!.dispatchEvent(new Event("pointermove"));
		assert.equal(f.selected(), "anton");
		assert.equal(f.press("Enter"), true);
		assert.deepEqual(f.chips, ["anton"]);
		f.combo.close();
	}
});

test("Escape takes the list for an earlier text away, and keeps that for the new one from coming", async () => {
	const f = field();
	f.type("an");
	await f.answer("ana");
	f.type("and");
	assert.equal(f.press("Escape"), true);
	await f.answer("andrew");
	assert.deepEqual([f.combo.shown, f.input.value, f.press("Escape")], [false, "and", false]);
	f.combo.close();
});

test("nothing is suggested for a text that became a chip before the answer", async () => {
	const f = field();
	f.type("andrew@x.org");
	f.press("Enter");
	await f.answer("andrea");
	assert.deepEqual([f.chips.join(), f.combo.shown], ["andrew@x.org", false]);
	f.combo.close();
});

test("an answer to an earlier text is not shown after the one to a later text", async () => {
	const f = field();
	f.type("an");
	f.type("and");
	await f.answer("andrew");
	f.asked[0]?.answer([{ label: "ana", value: "ana" }]);
	await settle();
	assert.equal(f.selected(), "andrew");
	f.combo.close();
});

test("a picker, whose list stays in its place, takes what is found as one types", async () => {
	const f = field({ inside: new FakeElement() as unknown as HTMLElement, suggest: (text) => Promise.resolve([{ label: text, value: text + "!" }]) });
	for (const text of ["a", "ab"]) {
		f.type(text);
		await settle();
	}
	assert.deepEqual([f.press("Tab"), f.press("Enter"), f.chips.join()], [false, true, "ab!"]);
	f.combo.close();
});
