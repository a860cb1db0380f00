import type { IconName } from "../../lib/icons";

/** One node of a tree, such as a mailbox. */
export interface TreeNode {
	readonly id: string;
	readonly label: string;
	readonly icon?: IconName;
	/** Number of a label colour, 1 to 9: a dot in the place of the icon. */
	readonly colour?: number;
	readonly children?: readonly TreeNode[];
	/** A number at the end of the line, not shown when 0. */
	readonly count?: number;
	/** What the number says: "3 unread". */
	readonly countLabel?: string;
	/** The number is grey, as for junk. */
	readonly quiet?: boolean;
	/** Where it leads, for a press with Ctrl or the middle button. */
	readonly href?: string;
}

/** A node that is seen, as its parents are expanded. */
export interface VisibleNode {
	readonly node: TreeNode;
	readonly parent: string | undefined;
	/** From 1, as aria-level. */
	readonly level: number;
	/** Its place among its siblings, from 1, and how many these are. */
	readonly position: number;
	readonly siblings: number;
	/** undefined for a node without children. */
	readonly expanded: boolean | undefined;
}

/** Returns the nodes that are seen, from the top down. */
export function visibleNodes(nodes: readonly TreeNode[], expanded: ReadonlySet<string>): VisibleNode[] {
	const list: VisibleNode[] = [];
	const walk = (siblings: readonly TreeNode[], parent: string | undefined, level: number) => {
		siblings.forEach((node, i) => {
			const children = node.children ?? [];
			const open = children.length > 0 ? expanded.has(node.id) : undefined;
			list.push({ node, parent, level, position: i + 1, siblings: siblings.length, expanded: open });
			if (open) walk(children, node.id, level + 1);
		});
	};
	walk(nodes, undefined, 1);
	return list;
}

/** What a key asks for. */
export type TreeMove =
	| { readonly focus: number }
	| { readonly toggle: string }
	| { readonly choose: string }
	| { readonly expandSiblings: string }
	| undefined;

/** Tells what a key means when the node at has the focus (ARIA Authoring Practices, tree view). Other keys are undefined. */
export function treeMove(list: readonly VisibleNode[], at: number, key: string, rtl = false): TreeMove {
	const here = list[at];
	if (!here) return list.length > 0 ? { focus: 0 } : undefined;
	if (rtl && key === "ArrowLeft") key = "ArrowRight";
	else if (rtl && key === "ArrowRight") key = "ArrowLeft";
	switch (key) {
		case "ArrowDown":
			return at + 1 < list.length ? { focus: at + 1 } : undefined;
		case "ArrowUp":
			return at > 0 ? { focus: at - 1 } : undefined;
		case "Home":
			return { focus: 0 };
		case "End":
			return { focus: list.length - 1 };
		case "ArrowRight":
			if (here.expanded === false) return { toggle: here.node.id };
			return here.expanded ? { focus: at + 1 } : undefined;
		case "ArrowLeft": {
			if (here.expanded) return { toggle: here.node.id };
			const parent = list.findIndex((v) => v.node.id === here.parent);
			return parent >= 0 ? { focus: parent } : undefined;
		}
		case "Enter":
		case " ":
			return { choose: here.node.id };
		case "*":
			return { expandSiblings: here.node.id };
	}
	return undefined;
}
