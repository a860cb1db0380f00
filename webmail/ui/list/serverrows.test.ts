import assert from "node:assert/strict";
import test from "node:test";
import type { Row, ViewEvent } from "../api";
import { allKnown, ServerRows, type Shown } from "./serverrows";

const row = (Email: string, more: Partial<Row> = {}): Row => ({ Email, Thread: `t${Email}`, Unread: 1, Flagged: false, ...more } as Row);

/** A list as an array: undefined is a row that is not known. */
class Plain implements Shown {
	rows: (Row | undefined)[] = [];
	top = 0;
	focused = 0;
	get total(): number {
		return this.rows.length;
	}
	get(i: number): Row | undefined {
		return this.rows[i];
	}
	set(first: number, rows: readonly Row[]): void {
		rows.forEach((r, i) => (this.rows[first + i] = r));
	}
	insert(at: number, rows: readonly Row[] | number): void {
		this.rows.splice(at, 0, ...typeof rows === "number" ? new Array<undefined>(rows).fill(undefined) : rows);
	}
	remove(at: number, n = 1): void {
		this.rows.splice(at, n);
	}
	reset(total: number): void {
		this.rows = new Array<undefined>(total).fill(undefined);
		this.top = this.focused = 0;
	}
	resetInPlace(total: number): void {
		this.rows = new Array<undefined>(total).fill(undefined);
	}
	moved(top: number, focused: number): void {
		this.top += top;
		this.focused += focused;
	}
	findIndex(fits: (r: Row) => boolean): number {
		return this.rows.findIndex((r) => r !== undefined && fits(r));
	}
	get emails(): string {
		return this.rows.map((r) => r?.Email ?? "?").join("");
	}
}

const event = (Total: number, more: Partial<ViewEvent>): ViewEvent =>
	({ View: "v", ModSeq: 1, Reset: false, Gone: false, Splices: [], Total, Unread: 0, Rows: [], Focus: -1, Search: null, ...more });
const rowsAt = (First: number, emails: string) => [{ First, Rows: [...emails].map((e) => row(e)) }];
const is = (emails: string) => (r: Row) => emails.includes(r.Email);

function opened(emails: string): { list: Plain; rows: ServerRows } {
	const list = new Plain();
	const rows = new ServerRows(list);
	rows.follow(event(emails.length, { Reset: true, Rows: rowsAt(0, emails) }));
	assert.equal(list.emails, emails);
	return { list, rows };
}

test("a row that is hidden leaves with the splice of the server, whatever comes meanwhile", () => {
	const { list, rows } = opened("abcd");
	const act = {};
	rows.hide(act, is("b"), () => {});
	assert.equal(list.emails, "acd");
	rows.follow(event(5, { Splices: [{ At: 0, Remove: 0, Insert: 1 }], Rows: rowsAt(0, "n") }));
	assert.equal(list.emails, "nacd");
	const gone = rows.follow(event(3, { Splices: [{ At: 2, Remove: 2, Insert: 0 }] }));
	assert.equal(list.emails, "nad");
	assert.deepEqual(gone.map((r) => r.Email), ["c"], "those that were shown");
	rows.restore(act);
	assert.equal(list.emails, "nad", "there is nothing to show again");
});

test("an action that fails brings back what it has hidden, and only that", () => {
	const { list, rows } = opened("abcd");
	const [one, other] = [{}, {}];
	rows.hide(one, is("ab"), () => {});
	rows.hide(other, is("c"), () => {});
	assert.equal(list.emails, "d");
	rows.follow(event(4, { Rows: [{ First: 1, Rows: [row("B")] }] }));
	rows.restore(one);
	assert.equal(list.emails, "aBd", "as the server has told meanwhile");
	rows.restore(other);
	assert.equal(list.emails, "aBcd");
});

test("rows that were changed are as before, if the server did not say otherwise", () => {
	const { list, rows } = opened("abc");
	const act = {};
	rows.change(act, is("ab"), (r) => ({ ...r, Flagged: true }));
	rows.follow(event(3, { Rows: [{ First: 1, Rows: [row("b", { Flagged: true, Unread: 0 })] }] }));
	rows.restore(act);
	assert.deepEqual(list.rows.map((r) => [r!.Flagged, r!.Unread]), [[false, 1], [true, 0], [false, 1]]);

	rows.change(act, is("c"), (r) => ({ ...r, Flagged: true }));
	rows.follow(event(3, { Rows: [{ First: 2, Rows: [row("c", { Unread: 0 })] }] }));
	assert.deepEqual([list.rows[2]!.Flagged, list.rows[2]!.Unread], [true, 0], "what the server told before it has done it does not take it back");
	const settle = rows.done(act);
	rows.restore(act);
	assert.equal(list.rows[2]!.Flagged, true, "what was done stays");

	rows.change(act, is("c"), (r) => ({ ...r, Flagged: false }));
	rows.follow(event(3, { Rows: [{ First: 2, Rows: [row("c", { Flagged: true, Unread: 5 })] }] }));
	rows.restore(act);
	assert.deepEqual([list.rows[2]!.Flagged, list.rows[2]!.Unread], [true, 5], "what failed is as the server told last");
	settle();
	assert.deepEqual(list.rows.map((r) => r!.Flagged), [false, true, true]);
});

test("what the server tells while it does an action, and not after it, is true", () => {
	const { list, rows } = opened("ab");
	const [all, flag] = [{}, {}];
	rows.change(all, () => true, (r) => ({ ...r, Unread: 0 }));
	rows.change(flag, is("n"), (r) => ({ ...r, Flagged: true }));
	rows.follow(event(3, { Splices: [{ At: 0, Remove: 0, Insert: 1 }], Rows: rowsAt(0, "n") })); // Mail that came too late to be marked as read.
	const state = () => list.rows.map((r) => [r!.Unread, r!.Flagged]);
	assert.deepEqual(state()[0], [0, true]);
	const settle = rows.done(all);
	rows.follow(event(3, { Rows: [{ First: 1, Rows: [row("a", { Unread: 0 })] }] }));
	settle();
	assert.deepEqual(state(), [[1, true], [0, false], [0, false]], "it is unread, and being flagged");
	rows.restore(flag);
	assert.deepEqual(state()[0], [1, false]);
});

test("after the stream was lost the list stays where it was", () => {
	const { list, rows } = opened("abcdefgh");
	list.top = 4;
	list.focused = 5;
	rows.follow(event(10, { Reset: true, Rows: rowsAt(3, "bcdefgh") }));
	assert.deepEqual([list.top, list.focused], [6, 7]);
	rows.follow(event(3, { Reset: true, Rows: rowsAt(0, "xyz") }));
	assert.deepEqual([list.top, list.focused], [6, 7], "none of it is there any more");
});

test("a list that has missed something knows nothing", () => {
	const { list, rows } = opened("abc");
	rows.hide({}, is("a"), () => {});
	rows.follow(event(7, { Rows: rowsAt(2, "z") }));
	assert.equal(list.emails, "??z????");
	assert(!allKnown(event(7, { Splices: [{ At: 0, Remove: 0, Insert: 2 }], Rows: rowsAt(0, "z") })));
});
