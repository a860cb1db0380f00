import test from "node:test";
import assert from "node:assert/strict";
import type { Draft } from "../api";
import { KeptDrafts, type Store } from "./kept";

function memory(): Store {
	const all = new Map<string, string>();
	return {
		get length() {
			return all.size;
		},
		key: (i) => [...all.keys()][i] ?? null, getItem: (k) => all.get(k) ?? null,
		setItem: (k, v) => void all.set(k, v), removeItem: (k) => void all.delete(k),
	};
}

const draft = (Subject: string) => ({ Subject, Email: "", HTML: "", Text: "", From: { Name: "", Address: "" }, To: [], Cc: [], Bcc: [], ReplyTo: [], Attachments: [], References: [], Related: [] }) as unknown as Draft;

test("what a page leaves is found by the next one", () => {
	const store = memory();
	new KeptDrafts(store, "ana", "p1").keep("1", draft("left"));
	new KeptDrafts(store, "ana", "p2").keep("1", draft("still open"));
	new KeptDrafts(store, "ben", "p3").keep("1", draft("of another account"));
	store.setItem("mox-draft/ana/p4/1", `{"draft": {}}`);
	store.setItem("mox-draft/ana/p4/2", "no JSON");
	const now = new KeptDrafts(store, "ana", "p9");
	now.keep("1", draft("own"));
	const left = now.left(new Set(["p2", "p9"]));
	assert.deepEqual(left.map((k) => k.draft.Subject), ["left"]);
	now.remove(left[0]!.key);
	assert.deepEqual(now.left(new Set(["p2"])), []);
});

test("a browser that keeps nothing does no harm", () => {
	const none = new KeptDrafts(undefined, "ana", "p1");
	none.keep("1", draft("x"));
	assert.deepEqual(none.left(new Set()), []);
	const full = new KeptDrafts({ ...memory(), setItem: () => { throw new Error("full"); } }, "ana", "p1");
	full.keep("1", draft("x"));
	full.drop("1");
});
