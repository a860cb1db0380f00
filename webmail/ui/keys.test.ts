import assert from "node:assert/strict";
import test from "node:test";
import { Keymap, normalizeKeys } from "../../web/lib/keymap";
import { commandLabels } from "./keylabels";
import { type CommandName, commands, type Preset, together } from "./keys";

const keymap = (preset: Preset) => new Keymap(commands, { preset, singleKeys: true, remapped: {} });

test("neither preset contradicts itself", () => {
	for (const preset of ["mox", "gmail"] as const) {
		assert.deepEqual(keymap(preset).conflicts(together), []);
	}
});

test("all keys can be pressed, and all commands have a label", () => {
	for (const [name, command] of Object.entries(commands)) {
		for (const keys of [...command.keys.mox ?? [], ...command.keys.gmail ?? []]) {
			assert(normalizeKeys(keys) !== "", `${name}: ${keys}`);
		}
		assert(commandLabels[command.label], name);
	}
});

test("people find the keys that they know", () => {
	const known: { readonly [preset in Preset]: { readonly [keys: string]: CommandName } } = {
		mox: {
			c: "compose", "/": "search", i: "goInbox", "?": "help", j: "next", k: "previous", l: "nextPage", h: "previousPage", ".": "last", ",": "first",
			Space: "toggle", d: "trash", Delete: "trash", D: "deleteForever", q: "junk", Q: "notJunk", a: "archive", m: "markRead", M: "markUnread", u: "nextUnread",
			S: "selectThread", C: "toggleThread", X: "mute", r: "reply", R: "replyAll", f: "forward", v: "viewAttachments", t: "showText", T: "showHTML", O: "showRaw",
		},
		gmail: {
			c: "compose", "/": "search", "?": "help", j: "next", k: "previous", o: "open", u: "back", x: "toggle", s: "flag", e: "archive", y: "archive", "#": "trash",
			"!": "junk", m: "mute", l: "label", v: "move", z: "undo", r: "reply", a: "replyAll", f: "forward", n: "nextInThread", p: "previousInThread",
			";": "expandAll", ":": "collapseAll", I: "markRead", U: "markUnread", "* a": "selectAll", "* t": "selectNotFlagged", "g i": "goInbox", "g s": "goFlagged", "g t": "goSent", "g d": "goDrafts",
		},
	};
	for (const preset of ["mox", "gmail"] as const) {
		for (const [keys, command] of Object.entries(known[preset])) {
			assert.deepEqual(keymap(preset).find(keys, ["list", "reader"]), { command }, `${preset} ${keys}`);
		}
	}
	assert.deepEqual(keymap("mox").find("Ctrl+Enter", ["composer"]), { command: "send" });
	assert.equal(keymap("gmail").find("e", ["composer"]), undefined);
});
