import assert from "node:assert/strict";
import test from "node:test";
import { type Mailbox, Role } from "./api";
import { type MailboxBranch, mailboxTrees } from "./mailboxtree";

const mailbox = (Name: string, role: Role = Role.RoleNone, Total = 0) => ({ ID: 0, Name, Role: role, Total }) as Mailbox;
const text = (l: readonly MailboxBranch[]): string => l.map((b) => b.mailbox.Name + (b.children.length > 0 ? `(${text(b.children)})` : "")).join(" ");
const trees = (...l: Mailbox[]) => {
	const { special, own } = mailboxTrees(l);
	return [text(special), text(own)];
};

test("mailboxes with a role stand in their order, others as they are given", () => {
	assert.deepEqual(trees(mailbox("Trash", Role.RoleTrash), mailbox("b"), mailbox("Inbox", Role.RoleInbox), mailbox("a")), ["Inbox Trash", "b a"]);
});

test("mailboxes stand below the nearest one that there is", () => {
	assert.deepEqual(trees(mailbox("Inbox", Role.RoleInbox), mailbox("Inbox/a"), mailbox("Inbox/a/b"), mailbox("Work/x/y"), mailbox("Work"), mailbox("Workshop"), mailbox("a/b")),
		["Inbox(Inbox/a(Inbox/a/b))", "Work(Work/x/y) Workshop a/b"]);
});

test("a mailbox with a role is not below another one, and has those below it", () => {
	assert.deepEqual(trees(mailbox("Inbox", Role.RoleInbox), mailbox("Work"), mailbox("Work/Old", Role.RoleArchive), mailbox("Work/Old/2024"), mailbox("Inbox/Drafts", Role.RoleDrafts)),
		["Inbox Inbox/Drafts Work/Old(Work/Old/2024)", "Work"]);
});

test("where messages wait to be sent is there while some do", () => {
	assert.deepEqual(trees(mailbox("Scheduled", Role.RoleScheduled)), ["", ""]);
	assert.deepEqual(trees(mailbox("Scheduled", Role.RoleScheduled, 1)), ["Scheduled", ""]);
});
