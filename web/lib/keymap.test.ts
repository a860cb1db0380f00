import assert from "node:assert/strict";
import test from "node:test";
import { FakeClock } from "./clock_fake";
import { chordOf, type Commands, KeyHandler, Keymap, keyNames, type KeySettings, normalizeKeys, type Platform, scopesAt } from "./keymap";

type Scope = "global" | "list" | "composer";

const commands: Commands<Scope, "mox" | "gmail"> = {
	search: { label: "search", scope: "global", keys: { mox: ["/"], gmail: ["/"] } },
	inbox: { label: "inbox", scope: "global", keys: { mox: ["i"], gmail: ["g i"] } },
	archive: { label: "archive", scope: "list", keys: { mox: ["a"], gmail: ["e", "y"] } },
	next: { label: "next", scope: "list", keys: { mox: ["j", "ArrowDown"], gmail: ["j", "ArrowDown"] } },
	all: { label: "all", scope: "list", keys: { gmail: ["* a"] } },
	send: { label: "send", scope: "composer", keys: { mox: ["Ctrl+Enter"], gmail: ["Ctrl+Enter"] } },
	remove: { label: "remove", scope: "composer", keys: { mox: ["Ctrl+Shift+b"], gmail: ["Ctrl+Shift+b"] } },
	scroll: { label: "scroll", scope: "list", keys: { mox: ["Alt+j"], gmail: ["Alt+j"] } },
};

interface Press {
	key: string;
	code?: string;
	ctrlKey?: boolean;
	altKey?: boolean;
	metaKey?: boolean;
	shiftKey?: boolean;
	isComposing?: boolean;
	repeat?: boolean;
	target?: object;
	altGraph?: boolean;
}

const setup = (settings: Partial<KeySettings<"mox" | "gmail">> = {}, scopes: () => Scope[] = () => ["list"], platform: Platform = "other") => {
	const ran: string[] = [];
	const pending: string[] = [];
	const clock = new FakeClock();
	const keymap = new Keymap<Scope, "mox" | "gmail">(commands, { preset: "gmail", singleKeys: true, remapped: {}, ...settings });
	const handler = new KeyHandler({ keymap, scopes, run: c => ran.push(c) > 0, onPending: k => pending.push(k), platform, clock });
	const press = (p: Press | string): boolean => {
		const e = { code: "", ctrlKey: false, altKey: false, metaKey: false, shiftKey: false, defaultPrevented: false, isComposing: false, target: null, preventDefault: () => undefined, ...typeof p === "string" ? { key: p } : p };
		return handler.handle({ ...e, getModifierState: (m: string) => m === "AltGraph" && typeof p !== "string" && p.altGraph === true } as unknown as KeyboardEvent);
	};
	return { ran, pending, clock, press, keymap };
};

test("keys run their command where it works", () => {
	const { ran, press } = setup();
	assert(press("e"));
	assert(press("/"));
	assert(press("ArrowDown"));
	assert(!press({ key: "Enter", ctrlKey: true }));
	assert(!press("w"));
	assert.deepEqual(ran, ["archive", "search", "next"]);
});

test("sequences wait for their next key, for a while", async () => {
	const { ran, pending, press, clock } = setup();
	assert(press("g"));
	assert(press("i"));
	assert(press("*"));
	assert(press("a"));
	assert.deepEqual(ran, ["inbox", "all"]);
	assert.deepEqual(pending, ["g", "", "*", ""]);
	press("g");
	await clock.advance(3000);
	assert(!press("i"));
	press("g");
	assert(press("e"));
	assert.deepEqual(ran, ["inbox", "all", "archive"]);
	assert.equal(clock.pending, 0);
});

test("typing is never taken for a command, but keys with Ctrl are", () => {
	for (const target of [{ tagName: "INPUT", type: "text" }, { tagName: "TEXTAREA" }, { tagName: "DIV", isContentEditable: true }, { tagName: "SELECT" }]) {
		const { ran, press } = setup({}, () => ["composer", "list"]);
		assert(!press({ key: "e", target }));
		assert(!press({ key: "ArrowDown", target }));
		assert(!press({ key: "@", ctrlKey: true, altKey: true, target, altGraph: true }));
		assert(press({ key: "Enter", ctrlKey: true, target }));
		assert(press({ key: "B", ctrlKey: true, shiftKey: true, target }));
		assert.deepEqual(ran, ["send", "remove"]);
	}
	const { press } = setup();
	assert(!press({ key: "e", isComposing: true }));
	assert(press({ key: "e", target: { tagName: "INPUT", type: "checkbox" } }));
});

test("digits with Ctrl and Shift are found, whatever sign they make, and signs too", () => {
	const { press, ran } = setup({ remapped: { archive: ["Ctrl+Shift+7"], next: ["Ctrl+!"] } });
	assert(press({ key: "&", code: "Digit7", ctrlKey: true, shiftKey: true }));
	assert(press({ key: "/", code: "Digit7", ctrlKey: true, shiftKey: true }));
	assert(press({ key: "!", code: "Digit1", ctrlKey: true, shiftKey: true }));
	assert(!press({ key: "7", code: "Digit7", ctrlKey: true }));
	assert.deepEqual(ran, ["archive", "archive", "next"]);
});

test("single keys can be switched off, others go on", () => {
	const { press, ran, keymap } = setup({ singleKeys: false });
	for (const key of ["e", "g", "i", "/"]) {
		assert(!press(key));
	}
	assert(press("ArrowDown"));
	assert(press({ key: "j", altKey: true }));
	assert.deepEqual(ran, ["next", "scroll"]);
	assert.deepEqual(keymap.keys("archive"), []);
	assert.deepEqual(keymap.keys("next"), ["ArrowDown"]);
});

test("keys of single commands can be changed", () => {
	const { press, ran } = setup({ remapped: { archive: ["ctrl+E", "nonsense+q"], search: [] } });
	assert(!press("e"));
	assert(!press("/"));
	assert(press({ key: "E", ctrlKey: true, shiftKey: true }));
	assert.deepEqual(ran, ["archive"]);
});

test("a key that is held down after its command has moved the focus into a field makes no text", () => {
	const field = { tagName: "INPUT", type: "text" };
	const { press, ran } = setup();
	assert(press({ key: "/", code: "Slash" }));
	assert(press({ key: "/", code: "Slash", repeat: true, target: field }));
	assert(!press({ key: "/", code: "Slash", target: field }), "pressed again");
	assert(!press({ key: "/", code: "Slash", repeat: true, target: field }), "and held");
	assert(!press({ key: "w", code: "KeyW" }));
	assert(!press({ key: "w", code: "KeyW", repeat: true, target: field }), "no command was run");
	assert(press({ key: "j", code: "KeyJ" }));
	assert(press({ key: "j", code: "KeyJ", repeat: true }));
	assert.deepEqual(ran, ["search", "next", "next"]);
});

test("contradictions are found, with sequences too", () => {
	const { keymap } = setup();
	assert.deepEqual(keymap.conflicts(), []);
	assert.deepEqual(keymap.conflictsWith("archive", ["j"]), [{ keys: "j", commands: ["archive", "next"] }]);
	assert.deepEqual(keymap.conflictsWith("archive", ["g"]), [{ keys: "g", commands: ["inbox", "archive"] }]);
	assert.deepEqual(keymap.conflictsWith("send", ["/"]), [{ keys: "/", commands: ["search", "send"] }]);
	assert.deepEqual(keymap.conflictsWith("send", ["j"]), []);
	assert.equal(keymap.conflictsWith("send", ["j"], () => true).length, 1);
	assert.deepEqual(keymap.remap("archive", ["q"]).remap("archive", undefined).keys("archive"), ["e", "y"]);
});

test("keys are what is on the keyboard in use", () => {
	const key = (p: Press, on: Platform = "other") => chordOf({ code: "", ctrlKey: false, altKey: false, metaKey: false, shiftKey: false, ...p }, on).text;
	assert.equal(key({ key: "#", shiftKey: true }), "#");
	assert.equal(key({ key: "J", shiftKey: true }), "J");
	assert.equal(key({ key: "j" }), "j");
	assert.equal(key({ key: "J" }), "j");
	assert.equal(key({ key: "B", ctrlKey: true, shiftKey: true }), "Ctrl+Shift+b");
	assert.equal(key({ key: " " }), "Space");
	assert.equal(key({ key: "@", ctrlKey: true, altKey: true, altGraph: true }), "@");
	assert.equal(key({ key: "∆", code: "KeyJ", altKey: true }, "mac"), "Alt+j");
	assert.equal(key({ key: "Enter", metaKey: true }, "mac"), "Ctrl+Enter");
	assert.equal(key({ key: "с", code: "KeyC", ctrlKey: true }), "Ctrl+c");
	assert.equal(key({ key: "с", code: "KeyC" }), "с");
});

test("keys have one form, and names for people", () => {
	for (const [keys, want] of [["shift+j", "J"], ["CTRL+enter", "Ctrl+Enter"], ["esc", "Escape"], ["g  I", "g I"], ["Ctrl++", "Ctrl++"], ["+", "+"], ["Shift+Ctrl+S", "Ctrl+Shift+s"], ["Hyper+x", ""], ["", ""], ["Ctrl+", ""]]) {
		assert.equal(normalizeKeys(keys ?? ""), want ?? "", keys ?? "");
	}
	assert.deepEqual(keyNames("g i", "other"), ["G", "then", "I"]);
	assert.deepEqual(keyNames("Ctrl+Shift+Enter", "other"), ["Ctrl+Shift+Enter"]);
	assert.deepEqual(keyNames("Ctrl+Shift+Enter", "mac"), ["⇧⌘↩"]);
	assert.deepEqual(keyNames("J", "other", s => s === "Shift" ? "Umschalt" : s), ["Umschalt+J"]);
});

test("the keys of the list work while a composer is open that has not the focus", () => {
	const body = {};
	const composer = { dataset: { keys: "composer" }, parentElement: body };
	const field = { parentElement: composer };
	assert.deepEqual(scopesAt(field as unknown as Element, ["list", "reader"]), ["composer"]);
	assert.deepEqual(scopesAt(body as unknown as Element, ["list", "reader"]), ["list", "reader"]);
	assert.deepEqual(scopesAt(null, ["list"]), ["list"]);
});
