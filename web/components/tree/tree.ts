import { h, hiddenText, reconcile, replaceChildren, setAria } from "../../lib/dom";
import { icon } from "../../lib/icons";
import type { View } from "../../lib/view";
import { typeAhead } from "../menu/typeahead";
import { type TreeNode, type VisibleNode, treeMove, visibleNodes } from "./treemodel";

export type { TreeNode } from "./treemodel";

export interface TreeOptions {
	/** The name of the tree. */
	readonly label: string;
	readonly nodes: readonly TreeNode[];
	readonly expanded?: Iterable<string>;
	readonly selected?: string;
	/** A node was chosen, by Enter or a click. The tree does not select it by itself: call select. */
	readonly choose: (id: string) => void;
	/** The user expanded or collapsed a node. */
	readonly toggled?: (id: string, expanded: boolean) => void;
	/** Whether what is dragged may be dropped on a node. */
	readonly accepts?: (id: string, data: DataTransfer) => boolean;
	readonly dropped?: (id: string, data: DataTransfer) => void;
	/** A context menu is wanted: at the pointer, or from the keyboard at the row. */
	readonly menu?: (id: string, at: HTMLElement | { x: number; y: number }) => void;
	/** A key that the tree has no use for, while a node has the focus; true when it did something. */
	readonly key?: (id: string, event: KeyboardEvent) => boolean;
}

const hoverToExpand = 700; // Milliseconds that something dragged rests on a collapsed node until it opens.

/** A tree of mailboxes or the like (ARIA tree): one tab stop, all keys, first letters, drop targets. */
export class Tree implements View {
	readonly root: HTMLElement;
	readonly #options: TreeOptions;
	readonly #expanded: Set<string>;
	readonly #find = typeAhead();
	#nodes: readonly TreeNode[];
	#visible: VisibleNode[] = [];
	#rows = new Map<string, HTMLElement>();
	readonly #drawn = new WeakMap<HTMLElement, { place: string; content: string }>(); // What rows show.
	#selected: string | undefined;
	#focused: string | undefined; // The tab stop.
	#dropTimer = 0;

	constructor(options: TreeOptions) {
		this.#options = options;
		this.#nodes = options.nodes;
		this.#expanded = new Set(options.expanded);
		this.#selected = options.selected;
		this.root = h("div", {
			class: "tree", role: "tree", aria: { label: options.label },
			on: {
				keydown: (event) => this.#key(event),
				focusin: (event) => this.#focusedRow(event),
				click: (event) => this.#clicked(event),
				auxclick: (event) => this.#opened(event),
				contextmenu: (event) => this.#menu(event),
				dragover: (event) => this.#dragged(event),
				dragleave: (event) => {
					if (!this.root.contains(event.relatedTarget as Node | null)) this.#setDropTarget(undefined);
				},
				drop: (event) => this.#dropped(event),
			},
		});
		this.#draw();
	}

	/** Shows other nodes; what has the focus keeps it as long as it is there. */
	setNodes(nodes: readonly TreeNode[]): void {
		this.#nodes = nodes;
		this.#draw();
	}

	/** Marks the node where one is; undefined marks none. Its parents are expanded. */
	select(id: string | undefined): void {
		if (id === this.#selected && (id === this.#focused || this.root.contains(document.activeElement))) return;
		this.#selected = id;
		for (let p = id === undefined ? undefined : parentOf(this.#nodes, id); p !== undefined; p = parentOf(this.#nodes, p)) this.#expanded.add(p);
		if (!this.root.contains(document.activeElement)) this.#focused = id;
		this.#draw();
	}

	setExpanded(id: string, expanded: boolean): void {
		if (expanded) this.#expanded.add(id);
		else this.#expanded.delete(id);
		this.#draw();
	}

	/** Focuses the tab stop. */
	focus(): void {
		(this.#rows.get(this.#focused ?? "") ?? this.#rows.values().next().value)?.focus();
	}

	/** The row of a node, while it is seen. */
	row(id: string): HTMLElement | undefined {
		return this.#rows.get(id);
	}

	close(): void {
		clearTimeout(this.#dropTimer);
		this.root.remove();
	}

	#draw(): void {
		const hadFocus = this.root.contains(document.activeElement);
		this.#visible = visibleNodes(this.#nodes, this.#expanded);
		if (!this.#visible.some((v) => v.node.id === this.#focused)) {
			this.#focused = this.#visible.some((v) => v.node.id === this.#selected) ? this.#selected : this.#visible[0]?.node.id;
		}
		this.#rows = reconcile(this.root, this.#rows, this.#visible, (v) => v.node.id, (v) => this.#update(h("div", { class: "tree-row focus-inset", role: "treeitem" }), v), (row, v) => void this.#update(row, v));
		if (hadFocus && !this.root.contains(document.activeElement)) this.focus();
	}

	/** Brings a row up to date. What is the same is not set again, as every attribute that is set has the browser compute styles. */
	#update(row: HTMLElement, v: VisibleNode): HTMLElement {
		const { node } = v;
		const selected = node.id === this.#selected;
		const tabIndex = node.id === this.#focused ? "0" : "-1";
		const count = node.count ?? 0;
		const drawn = this.#drawn.get(row);
		const place = JSON.stringify([v.level, v.position, v.siblings, v.expanded, selected]);
		if (drawn?.place !== place) {
			setAria(row, { level: v.level, posinset: v.position, setsize: v.siblings, expanded: v.expanded, selected, current: selected ? "page" : undefined });
			row.dataset["id"] = node.id;
			row.style.setProperty("--level", String(v.level - 1));
		}
		if (row.getAttribute("tabindex") !== tabIndex) row.setAttribute("tabindex", tabIndex); // Which focusedRow sets, too.
		const content = JSON.stringify([node.label, node.icon, node.colour, count, node.countLabel, node.quiet, v.expanded]);
		if (drawn?.content !== content) {
			row.classList.toggle("counted", count > 0 && !node.quiet);
			replaceChildren(row,
				h("span", { class: ["tree-toggle", v.expanded !== undefined && "can"], aria: { hidden: true } }, v.expanded !== undefined && icon(v.expanded ? "chevron-down" : "chevron-end", 14)),
				node.colour ? h("span", { class: "menu-blank" }, h("span", { class: "dot", style: { "--hue-colour": `var(--label-${node.colour})` } })) : icon(node.icon ?? "folder", 18),
				h("span", { class: "tree-label truncate" }, h("bdi", node.label)),
				count > 0 && h("span", { class: ["tree-count", node.quiet && "quiet"], aria: { hidden: node.countLabel ? true : undefined } }, count.toLocaleString(document.documentElement.lang || undefined)),
				count > 0 && node.countLabel && hiddenText(", " + node.countLabel));
		}
		this.#drawn.set(row, { place, content });
		return row;
	}

	#id(event: Event): string | undefined {
		return (event.target as Element).closest<HTMLElement>(".tree-row")?.dataset["id"];
	}

	#toggle(id: string): void {
		const open = !this.#expanded.has(id);
		this.setExpanded(id, open);
		this.#options.toggled?.(id, open);
	}

	#focusedRow(event: Event): void {
		const id = this.#id(event);
		if (id === undefined || id === this.#focused) return;
		const before = this.#rows.get(this.#focused ?? "");
		if (before) before.tabIndex = -1;
		this.#focused = id;
		this.#rows.get(id)!.tabIndex = 0;
	}

	#key(event: KeyboardEvent): void {
		const id = this.#focused;
		if (id === undefined) return;
		if ((event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey)) && this.#options.menu) {
			event.preventDefault();
			event.stopPropagation();
			this.#options.menu(id, this.#rows.get(id)!);
			return;
		}
		if (event.ctrlKey || event.altKey || event.metaKey) return;
		const at = this.#visible.findIndex((v) => v.node.id === id);
		const move = treeMove(this.#visible, at, event.key, getComputedStyle(this.root).direction === "rtl");
		if (move) {
			if ("focus" in move) this.#rows.get(this.#visible[move.focus]!.node.id)!.focus();
			else if ("toggle" in move) this.#toggle(move.toggle);
			else if ("choose" in move) this.#options.choose(move.choose);
			else for (const v of this.#visible.filter((v) => v.parent === this.#visible[at]?.parent && v.expanded === false)) this.#toggle(v.node.id);
		} else if (!this.#options.key?.(id, event)) {
			// The page's own keys stay its own, unless they find something here.
			if (event.key.length !== 1 || event.key === " " || event.defaultPrevented) return;
			const found = this.#visible[this.#find(event.key, this.#visible.map((v) => v.node.label), at)];
			if (!found) return;
			this.#rows.get(found.node.id)!.focus();
		}
		event.preventDefault();
		event.stopPropagation();
	}

	#clicked(event: MouseEvent): void {
		const id = this.#id(event);
		if (id === undefined) return;
		if ((event.target as Element).closest(".tree-toggle.can")) this.#toggle(id);
		else if (event.ctrlKey || event.metaKey) this.#opened(event);
		else this.#options.choose(id);
	}

	#opened(event: MouseEvent): void {
		if (event.type === "auxclick" && event.button !== 1) return;
		const href = this.#visible.find((v) => v.node.id === this.#id(event))?.node.href;
		if (href) window.open(href, "_blank", "noopener");
	}

	#menu(event: MouseEvent): void {
		const id = this.#id(event);
		if (id === undefined || !this.#options.menu) return;
		event.preventDefault();
		this.#options.menu(id, { x: event.clientX, y: event.clientY });
	}

	#setDropTarget(id: string | undefined): void {
		const target = id === undefined ? undefined : this.#rows.get(id);
		if (target?.classList.contains("drop")) return;
		clearTimeout(this.#dropTimer);
		for (const row of this.root.querySelectorAll(".drop")) row.classList.remove("drop");
		target?.classList.add("drop");
		if (id !== undefined && target?.getAttribute("aria-expanded") === "false") this.#dropTimer = window.setTimeout(() => this.#toggle(id), hoverToExpand);
	}

	#dragged(event: DragEvent): void {
		const id = this.#id(event);
		const data = event.dataTransfer;
		const ok = id !== undefined && data !== null && (this.#options.accepts?.(id, data) ?? false);
		this.#setDropTarget(ok ? id : undefined);
		if (ok) event.preventDefault();
	}

	#dropped(event: DragEvent): void {
		const id = this.#id(event);
		this.#setDropTarget(undefined);
		clearTimeout(this.#dropTimer);
		if (id === undefined || !event.dataTransfer || !this.#options.accepts?.(id, event.dataTransfer)) return;
		event.preventDefault();
		this.#options.dropped?.(id, event.dataTransfer);
	}
}

function parentOf(nodes: readonly TreeNode[], id: string, parent?: string): string | undefined {
	for (const n of nodes) {
		if (n.id === id) return parent;
		const found = n.children && parentOf(n.children, id, n.id);
		if (found !== undefined) return found;
	}
	return undefined;
}
