import { type Placement, placeBeside } from "../../lib/anchor";
import { type Child, h } from "../../lib/dom";
import { type IconName, icon } from "../../lib/icons";
import { keyCaps } from "../tooltip/tooltip";
import { typeAhead } from "./typeahead";

/** One line of a menu. */
export interface MenuItem {
	readonly label: string;
	readonly icon?: IconName;
	/** Number of a label colour, 1 to 9, shown as a dot in the place of the icon; 0 for none. */
	readonly colour?: number;
	/** Key that does the same. */
	readonly key?: string | undefined;
	/** Says more, in a second line. */
	readonly hint?: string;
	/** For an item that is on or off; with group "one", one of several. */
	readonly checked?: boolean;
	readonly choice?: "one" | "many";
	readonly disabled?: boolean;
	/** It loses something. */
	readonly danger?: boolean;
	readonly run: () => void;
}

/** An item, a line between items, or a heading. */
export type MenuEntry = MenuItem | "line" | { readonly heading: string };

export interface MenuOptions {
	/** The name of the menu, for screen readers. */
	readonly label: string;
	readonly items: readonly MenuEntry[];
	/** What it belongs to: a button, which gets the focus back, or a point, as of a context menu. */
	readonly anchor: HTMLElement | { readonly x: number; readonly y: number };
	readonly placement?: Placement;
	/** Which item has the focus at first; the first one by default, the last after ArrowUp. */
	readonly focus?: "first" | "last";
	/** Called once, after the menu has gone and before the chosen item runs. */
	readonly closed?: () => void;
}

/** Opens a menu (ARIA menu). It closes by itself on a choice, Escape, Tab, a click elsewhere. Returns what closes it. */
export function openMenu(options: MenuOptions): () => void {
	const { anchor } = options;
	const before = document.activeElement;
	const items: { element: HTMLButtonElement; item: MenuItem }[] = [];
	const root = h("div", { class: "menu", role: "menu", popover: "manual", aria: { label: options.label } });
	for (const entry of options.items) root.append(entry === "line" ? h("div", { class: "menu-line", role: "separator" }) : "heading" in entry ? h("div", { class: "menu-heading", role: "presentation" }, entry.heading) : itemElement(entry));

	function itemElement(item: MenuItem): HTMLButtonElement {
		const element = h("button", {
			class: ["menu-item", item.danger && "danger"],
			role: item.checked === undefined ? "menuitem" : item.choice === "one" ? "menuitemradio" : "menuitemcheckbox",
			type: "button",
			tabindex: -1,
			aria: { checked: item.checked, disabled: item.disabled ? true : undefined, keyshortcuts: item.key && !item.key.includes(" ") ? item.key.replace("Ctrl", "Control") : undefined },
			on: {
				click: () => choose(item),
				pointermove: () => element.focus({ preventScroll: true }),
			},
		}, ...itemContent(item));
		items.push({ element, item });
		return element;
	}

	let done = false;
	function finish(refocus: boolean): void {
		if (done) return;
		done = true;
		elsewhere.abort();
		const inside = root.contains(document.activeElement) || document.activeElement === document.body;
		if (root.matches(":popover-open")) root.hidePopover();
		root.remove();
		if (anchor instanceof HTMLElement) anchor.removeAttribute("aria-expanded");
		if (refocus && inside) {
			const back = anchor instanceof HTMLElement ? anchor : before;
			if (back instanceof HTMLElement && back.isConnected) back.focus({ preventScroll: true });
		}
		options.closed?.();
	}

	function choose(item: MenuItem): void {
		if (item.disabled) return;
		finish(true);
		item.run();
	}

	const search = typeAhead();
	function onKey(event: KeyboardEvent): void {
		event.stopPropagation(); // The page's keys do not act on what is behind a menu.
		const at = items.findIndex((i) => i.element === document.activeElement);
		let next = -1;
		switch (event.key) {
			case "ArrowDown": next = (at + 1) % items.length; break;
			case "ArrowUp": next = (at < 0 ? items.length : at + items.length - 1) % items.length; break;
			case "Home": case "PageUp": next = 0; break;
			case "End": case "PageDown": next = items.length - 1; break;
			case "Tab":
				finish(true);
				return; // And the focus goes on from the button.
			case "Escape":
				event.preventDefault();
				finish(true);
				return;
			default:
				if (event.key.length !== 1 || event.key === " " || event.ctrlKey || event.altKey || event.metaKey) return;
				next = search(event.key, items.map((i) => i.item.label), at);
		}
		if (next < 0) return;
		event.preventDefault();
		items[next]?.element.focus();
	}
	root.addEventListener("keydown", onKey);
	root.addEventListener("contextmenu", (event) => event.preventDefault());
	// Not left to the browser (popover "auto"): it would take the release of the right button for a press elsewhere, and close
	// a context menu as soon as it is open.
	const elsewhere = new AbortController();
	const { signal } = elsewhere;
	document.addEventListener("pointerdown", (event) => {
		const target = event.target as Node;
		if (!root.contains(target) && !(anchor instanceof HTMLElement && anchor.contains(target))) finish(false);
	}, { capture: true, signal });
	window.addEventListener("resize", () => finish(true), { signal });

	// Within an open dialog, what is outside of it cannot be used.
	const parent = anchor instanceof HTMLElement ? anchor.closest("dialog") : null;
	(parent ?? document.body).append(root);
	if (anchor instanceof HTMLElement) anchor.setAttribute("aria-expanded", "true");
	root.showPopover();
	placeBeside(root, anchor, options.placement);
	items[options.focus === "last" ? items.length - 1 : 0]?.element.focus({ preventScroll: true });
	return () => finish(true);
}

function itemContent(item: MenuItem): Child[] {
	const check = item.checked === undefined ? null : item.checked ? icon("check", 18) : h("span", { class: "menu-blank" });
	const mark = item.colour !== undefined ? h("span", { class: "menu-blank" }, item.colour > 0 && h("span", { class: "dot", style: { "--hue-colour": `var(--label-${item.colour})` } }))
		: item.icon && !check ? icon(item.icon, 18) : null;
	return [check, mark, h("span", { class: "menu-label" }, item.label, item.hint && h("span", { class: "menu-hint" }, item.hint)), item.key && keyCaps(item.key)];
}

/** Makes a button open a menu, which is made anew each time. A second press closes it. */
export function attachMenu(b: HTMLButtonElement, label: string, items: () => readonly MenuEntry[], placement?: Placement): void {
	b.setAttribute("aria-haspopup", "menu");
	let close: (() => void) | undefined;
	const open = (focus: "first" | "last") => {
		close = openMenu({ label, items: items(), anchor: b, focus, ...(placement && { placement }), closed: () => (close = undefined) });
	};
	b.addEventListener("click", () => {
		if (close) close();
		else open("first");
	});
	b.addEventListener("keydown", (event) => {
		if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
		event.preventDefault();
		event.stopPropagation();
		open(event.key === "ArrowDown" ? "first" : "last");
	});
}

/** Opens a context menu on the right mouse button, the menu key and a long press within element. */
export function attachContextMenu(element: HTMLElement, label: string, items: (event: MouseEvent) => readonly MenuEntry[] | undefined): void {
	element.addEventListener("contextmenu", (event) => {
		const list = items(event);
		if (!list || list.length === 0) return;
		event.preventDefault();
		// From the keyboard there is no point; the focused element is the place.
		const target = event.target instanceof HTMLElement ? event.target : element;
		openMenu({ label, items: list, anchor: event.clientX || event.clientY ? { x: event.clientX, y: event.clientY } : target });
	});
}
