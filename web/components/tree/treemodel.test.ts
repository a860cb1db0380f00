import test from "node:test";
import assert from "node:assert/strict";
import { type TreeNode, treeMove, visibleNodes } from "./treemodel";

const nodes: TreeNode[] = [
	{ id: "inbox", label: "Inbox" },
	{ id: "lists", label: "Lists", children: [{ id: "go", label: "Go", children: [{ id: "dev", label: "Dev" }] }, { id: "imap", label: "IMAP" }] },
	{ id: "work", label: "Work", children: [] },
];

test("only children of expanded nodes are seen", () => {
	const ids = (...open: string[]) => visibleNodes(nodes, new Set(open)).map((v) => v.node.id).join(" ");
	assert.equal(ids(), "inbox lists work");
	assert.equal(ids("lists"), "inbox lists go imap work");
	assert.equal(ids("lists", "go"), "inbox lists go dev imap work");
	assert.equal(ids("go"), "inbox lists work", "a collapsed parent hides all below it");
	assert.equal(ids("work", "gone"), "inbox lists work");
});

test("level, place and state are those that screen readers say", () => {
	const list = visibleNodes(nodes, new Set(["lists"]));
	assert.deepEqual(list.map((v) => [v.level, v.position, v.siblings, v.expanded]), [
		[1, 1, 3, undefined], [1, 2, 3, true], [2, 1, 2, false], [2, 2, 2, undefined], [1, 3, 3, undefined],
	]);
});

test("keys", () => {
	const list = visibleNodes(nodes, new Set(["lists"])); // inbox lists go imap work
	for (const [at, key, want] of [
		[0, "ArrowDown", { focus: 1 }],
		[4, "ArrowDown", undefined],
		[0, "ArrowUp", undefined],
		[2, "ArrowUp", { focus: 1 }],
		[3, "Home", { focus: 0 }],
		[0, "End", { focus: 4 }],
		[1, "ArrowRight", { focus: 2 }],
		[2, "ArrowRight", { toggle: "go" }],
		[0, "ArrowRight", undefined],
		[1, "ArrowLeft", { toggle: "lists" }],
		[3, "ArrowLeft", { focus: 1 }],
		[0, "ArrowLeft", undefined],
		[2, "Enter", { choose: "go" }],
		[2, " ", { choose: "go" }],
		[2, "*", { expandSiblings: "go" }],
		[2, "x", undefined],
		[-1, "ArrowDown", { focus: 0 }],
	] as const) {
		assert.deepEqual(treeMove(list, at, key), want, `${key} at ${at}`);
	}
	assert.deepEqual(treeMove(list, 2, "ArrowLeft", true), { toggle: "go" }, "right to left, left is inwards");
	assert.equal(treeMove([], -1, "ArrowDown"), undefined);
});
