import assert from "node:assert/strict";
import test from "node:test";
import type { Item, Query, Row } from "../api";
import type { Optimistic } from "../app";
import { alone, changedItem, focusAtFirst, merged, namesOf, openAtFirst, searchedWords } from "./items";

const item = (Email: string, Received: number, more: Partial<Item> = {}): Item => ({
	Email, Thread: "t", Places: [{ Mailbox: 1, UID: Received }], From: { Name: "", Address: "" }, To: [], More: 0, Subject: "", Snippet: "", Received, Size: 1, Seen: true, Flagged: false,
	Answered: false, Forwarded: false, Draft: false, Mine: false, Junk: false, Attachments: false, SendAt: 0, Labels: [], ...more,
});

const doing = (more: Partial<Optimistic>): Optimistic => ({ emails: new Set(), threads: new Set(), all: false, query: null, except: new Set(), change: {}, leaves: false, ...more });

test("events change, add and take messages, and they stay in the order of time", () => {
	const l = merged([item("a", 1), item("c", 3)], { Items: [item("b", 2), item("c", 3, { Flagged: true })], Gone: ["a", "never"] });
	assert.deepEqual(l.map((i) => [i.Email, i.Flagged]), [["b", false], ["c", true]]);
	assert.deepEqual(merged([item("b", 1)], { Items: [item("a", 1)], Gone: [] }).map((i) => i.Email), ["a", "b"]);
});

test("a message read in advance is where its row is, and as it says", () => {
	const row = { Thread: "t", Subject: "s", Muted: true, Mailbox: 2, UID: 7, Unread: 1, Flagged: true, Answered: true, Forwarded: false, Labels: ["x"] } as unknown as Row;
	const { Items: [now], Muted } = alone(row, item("a", 1, { Places: [{ Mailbox: 1, UID: 1 }, { Mailbox: 2, UID: 3 }] }));
	assert.deepEqual([now!.Places, now!.Seen, now!.Flagged, now!.Answered, now!.Labels, Muted], [[{ Mailbox: 2, UID: 7 }, { Mailbox: 1, UID: 1 }], false, true, true, ["x"], true]);
});

test("what is unread, asked for, or last is open; drafts are not", () => {
	const l = [item("a", 1), item("b", 2, { Seen: false }), item("c", 3), item("d", 4), item("e", 5, { Draft: true, Seen: false })];
	assert.deepEqual([...openAtFirst(l, "a")].sort(), ["a", "b", "d"]);
	assert.deepEqual([...openAtFirst(l, "gone")].sort(), ["b", "d"]);
	assert.deepEqual([...openAtFirst([l[4]!], "e")], ["e"]);
	assert.deepEqual([...openAtFirst([], "e")], []);
	assert.equal(focusAtFirst(l, "d"), "b");
	assert.equal(focusAtFirst([l[0]!, l[2]!], "a"), "a");
	assert.equal(focusAtFirst([l[0]!, l[2]!], "gone"), "c");
	assert.equal(focusAtFirst([], ""), "");
});

test("an action changes what it is done to, and nothing else", () => {
	const it = item("a", 1, { Seen: false, Labels: ["Work", "old"] });
	assert.equal(changedItem(it, doing({ emails: new Set(["b"]), change: { seen: true } })), it);
	assert.equal(changedItem(it, doing({ threads: new Set(["t"]), change: { seen: true } })).Seen, true);
	assert.equal(changedItem(it, doing({ all: true, except: new Set(["a"]), change: { seen: true } })).Seen, false);
	assert.deepEqual(changedItem(it, doing({ emails: new Set(["a"]), change: { addLabels: ["work", "new"], removeLabels: ["OLD"] } })).Labels, ["Work", "new"]);
});

test("names are short, and the account is me", () => {
	const account = { isMine: (a: string) => a === "me@x.example" };
	const person = (Name: string, Address: string) => ({ Name, Address });
	assert.equal(namesOf([person("Mo Xi", "me@x.example"), person("Ben Doe", "b@x.example")], 3, account, "me"), "me, Ben +3");
	assert.equal(namesOf([person("Ben Doe", "b@x.example")], 0, account, "me"), "Ben Doe");
	assert.equal(namesOf([person("", "b@x.example"), person("Doe, Ann", "a@x.example")], 0, account, "me"), "b@x.example, Doe, Ann");
	assert.equal(namesOf([], 0, account, "me"), "");
});

test("only words that a message can hold are marked", () => {
	const words = (Text: string) => searchedWords({ Text } as Query);
	assert.deepEqual(words('budget subject:"next year" from:ann -secret -from:bob is:unread before:2024 label:x a OR'), ["budget", "next year", "ann"]);
	assert.deepEqual(words(""), []);
	assert.deepEqual(searchedWords(undefined), []);
});
