import assert from "node:assert/strict";
import test from "node:test";
import { type Query, type Row, Scope, Sort } from "../api";
import type { Optimistic } from "../app";
import { changed, concerned } from "./optimistic";

const inbox: Query = { Scope: Scope.ScopeMailbox, Mailbox: 1, Text: "", Filters: [], Sort: Sort.SortDate, Oldest: false, Threads: true };
const row = (more: Partial<Row>): Row => ({ Email: "e", Thread: "t", Messages: 1, Unread: 2, People: [{ Unread: true }], Labels: ["Work"], Flagged: false, Muted: false, ...more } as Row);
const doing = (more: Partial<Optimistic>): Optimistic => ({ emails: new Set(), threads: new Set(), all: false, query: inbox, except: new Set(), change: {}, leaves: false, ...more });

test("which rows an action concerns", () => {
	const mail = { ...inbox, Threads: false };
	const table: [string, Partial<Optimistic>, Query, Partial<Row>, boolean][] = [
		["a message", { emails: new Set(["e"]) }, mail, {}, true],
		["another one", { emails: new Set(["x"]) }, mail, {}, false],
		["a conversation", { threads: new Set(["t"]) }, inbox, { Messages: 3 }, true],
		["one message of a conversation", { emails: new Set(["e"]) }, inbox, { Messages: 3 }, false],
		["a conversation of one message", { emails: new Set(["e"]) }, inbox, {}, true],
		["all", { all: true }, inbox, {}, true],
		["all, shown otherwise", { all: true, query: { ...mail, Sort: Sort.SortSize } }, inbox, {}, true],
		["all but this", { all: true, except: new Set(["t"]) }, inbox, {}, false],
		["all of another mailbox", { all: true, query: { ...inbox, Mailbox: 2 } }, inbox, {}, false],
		["all that a filter finds", { all: true, query: { ...inbox, Filters: ["unread"] } }, inbox, {}, false],
	];
	for (const [name, o, query, r, want] of table) assert.equal(concerned(doing(o), query)(row(r)), want, name);
});

test("rows as they will be", () => {
	const read = changed(row({}), doing({ change: { seen: true } }));
	assert.deepEqual([read.Unread, read.People[0]!.Unread, read.Labels], [0, false, ["Work"]]);
	assert.equal(changed(row({ Unread: 0 }), doing({ change: { seen: false } })).Unread, 1);
	assert.deepEqual(changed(row({}), doing({ change: { addLabels: ["work", "new"] } })).Labels, ["Work", "new"]);
	assert.deepEqual(changed(row({}), doing({ change: { removeLabels: ["WORK"] } })).Labels, []);
});
