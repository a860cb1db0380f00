import assert from "node:assert/strict";
import test from "node:test";
import { ActionKind, type Query, type Row, Scope, Sort } from "./api";
import { optimistic } from "./list/optimistic";
import { allTarget, rowTarget } from "./list/target";
import { isMissingPart } from "./parts";

const query = (more: Partial<Query> = {}): Query => ({ Scope: Scope.ScopeMailbox, Mailbox: 1, Text: "", Filters: [], Sort: Sort.SortDate, Oldest: false, Threads: false, ...more });
const row = { Email: "e", Thread: "t", Mailbox: 1, UID: 5 } as Row;
const doing = (Kind: ActionKind, q = query(), Mailbox = 0) => optimistic(rowTarget(q, [row]), { Kind, Mailbox, Labels: ["x"] });

test("what leaves the list at once", () => {
	const table: [ActionKind, Partial<Query>, number, boolean][] = [
		[ActionKind.ActArchive, {}, 0, true],
		[ActionKind.ActExpunge, {}, 0, true],
		[ActionKind.ActMove, {}, 2, true],
		[ActionKind.ActMove, {}, 1, false],
		[ActionKind.ActCopy, {}, 2, false],
		[ActionKind.ActRead, {}, 0, false],
		[ActionKind.ActArchive, { Scope: Scope.ScopeAll }, 0, false],
		[ActionKind.ActArchive, { Scope: Scope.ScopeNormal }, 0, false],
		[ActionKind.ActTrash, { Scope: Scope.ScopeNormal }, 0, true],
		[ActionKind.ActTrash, { Scope: Scope.ScopeAll }, 0, false],
		[ActionKind.ActExpunge, { Scope: Scope.ScopeAll }, 0, true],
	];
	for (const [kind, q, mailbox, leaves] of table) assert.equal(doing(kind, query(q), mailbox).leaves, leaves, `${kind} ${JSON.stringify(q)} ${mailbox}`);
});

test("what rows look like at once", () => {
	assert.deepEqual(doing(ActionKind.ActRead).change, { seen: true });
	assert.deepEqual(doing(ActionKind.ActUnflag).change, { flagged: false });
	assert.deepEqual(doing(ActionKind.ActUnlabel).change, { removeLabels: ["x"] });
	assert.deepEqual(doing(ActionKind.ActArchive).change, {});
});

test("messages by their emails, conversations by their threads, all by the query", () => {
	const mail = doing(ActionKind.ActRead);
	assert.deepEqual([[...mail.emails], [...mail.threads], mail.all], [["e"], [], false]);
	const thread = doing(ActionKind.ActRead, query({ Threads: true }));
	assert.deepEqual([[...thread.emails], [...thread.threads]], [[], ["t"]]);
	const all = optimistic(allTarget(query(), [row], [], new Set(["x"]), 10), { Kind: ActionKind.ActRead, Mailbox: 0, Labels: [] });
	assert.deepEqual([all.all, all.query, [...all.except]], [true, query(), ["x"]]);
});

test("parts of the page that could not be loaded, in the words of browsers", () => {
	assert(isMissingPart(new TypeError("Failed to fetch dynamically imported module: https://x.example/assets/a.js")));
	assert(isMissingPart(new TypeError("error loading dynamically imported module: https://x.example/assets/a.js")));
	assert(isMissingPart(new TypeError("Importing a module script failed.")));
	assert(!isMissingPart(new TypeError("x is undefined")));
});
