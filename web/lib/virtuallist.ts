/**
 * A list of any number of rows of the same height, of which only those near the view have elements. The scrollbar is
 * that of the whole list from the start; rows that are not known yet are grey bars.
 */

import { type Clock, systemClock } from "./clock";
import { h } from "./dom";
import { Scope, type View } from "./view";
import { Geometry } from "./virtuallistgeometry";
import { Loader, type OnRange } from "./virtuallistloader";
import { Rows } from "./virtuallistrows";
import { type RowView, Slots } from "./virtuallistslots";

export type { OnRange } from "./virtuallistloader";
export type { Range } from "./virtuallistrows";
export type { RowState, RowView } from "./virtuallistslots";

/** Options of a list. */
export interface VirtualListOptions<T> {
	/** What the list is of, for those who do not see it. */
	readonly label: string;
	/** In CSS pixels. */
	readonly rowHeight: number;
	/** Makes the inside of one more row; called at most some 120 times. */
	readonly row: () => RowView<T>;
	/** What is said of a row; undefined is one that is not known. */
	readonly rowLabel: (row: T | undefined) => string;
	/** Asks for rows, which are given to set when they come. */
	readonly onRange: OnRange;
	readonly selected?: (row: T) => boolean;
	/** Name of the group of a row, such as a day; shown on top while rows of it are. */
	readonly group?: (row: T) => string;
	/** Called when another row has the focus. */
	readonly onFocus?: (index: number, row: T | undefined) => void;
	/** Whether arrows, Page Up and Down, Home and End move the focus. Default true; false if commands do that. */
	readonly keys?: boolean;
	readonly clock?: Clock;
}

/** Where to move the focus to. */
export type Move = "next" | "previous" | "nextPage" | "previousPage" | "first" | "last";

/** How many rows have elements beyond the edges, on each side. */
const extraRows = 12;

/** After this time without scrolling, in milliseconds, the scrollbar is put right, see Geometry. */
const rest = 150;

/** When more rows than this are known, those furthest away are forgotten. */
const mostKnown = 20_000;

/** See the top of the file. The root scrolls, and needs a height from outside. */
export class VirtualList<T> implements View {
	readonly root: HTMLElement;
	readonly #o: VirtualListOptions<T>;
	readonly #scope = new Scope();
	readonly #clock: Clock;
	readonly #rows = new Rows<T>();
	readonly #geometry: Geometry;
	readonly #loader: Loader;
	readonly #body: HTMLElement;
	readonly #groupLabel: HTMLElement;
	readonly #slots: Slots<T>;
	#focused = 0;
	#frame = 0;
	#scrollTop = 0; // Where the root is scrolled to.
	#misplaced = false; // That, or its height, is to be what #geometry says, when it is drawn next.
	#restTimer: unknown;

	constructor(o: VirtualListOptions<T>) {
		this.#o = o;
		this.#clock = o.clock ?? systemClock;
		this.#geometry = new Geometry(o.rowHeight);
		this.#loader = new Loader(this.#rows, o.onRange, this.#clock);
		this.#body = h("div", { class: "virtuallist-body", role: "rowgroup" });
		this.#slots = new Slots(this.#body, this.#rows, o);
		this.#groupLabel = h("div", { class: "virtuallist-group", hidden: true, aria: { hidden: true } });
		this.root = h("div", { class: "virtuallist", role: "grid", aria: { label: o.label, rowcount: 0, multiselectable: o.selected ? true : undefined } }, this.#groupLabel, this.#body);
		this.root.style.setProperty("--row-height", `${o.rowHeight}px`);
		this.#scope.listen(this.root, "scroll", () => this.#scrolled(), { passive: true });
		this.#scope.listen(this.root, "focusin", (e: FocusEvent) => this.#focusIn(e));
		this.#scope.listen(this.root, "keydown", (e: KeyboardEvent) => this.#key(e));
		const observer = new ResizeObserver(() => {
			this.#geometry.resize(this.root.clientHeight);
			this.#scrollTop = this.root.scrollTop; // Which it may have lost while it was not shown.
			this.#place();
		});
		observer.observe(this.root);
		this.#scope.signal.addEventListener("abort", () => {
			observer.disconnect();
			cancelAnimationFrame(this.#frame);
			this.#clock.clearTimeout(this.#restTimer);
			this.#loader.reset();
			this.root.remove();
		});
	}

	/** How many rows there are. */
	get total(): number {
		return this.#rows.total;
	}

	/** Index of the row that has the focus, or would get it. */
	get focused(): number {
		return this.#focused;
	}

	/** Index of the first row that is seen. */
	get top(): number {
		return this.#geometry.top;
	}

	/** How many rows are seen wholly. */
	get page(): number {
		return this.#geometry.page;
	}

	/** Returns a row, or undefined if it is not known. */
	get(index: number): T | undefined {
		return this.#rows.get(index);
	}

	/** Returns the index of the row whose element has a node, or -1. */
	indexOf(node: Node): number {
		return this.#slots.indexOf(node);
	}

	/** Returns the index of a known row, or -1. */
	findIndex(satisfies: (row: T) => boolean): number {
		return this.#rows.findIndex(satisfies);
	}

	/** Shows another list, from its top, of which the first rows may be known. */
	reset(total: number, first: readonly T[] = []): void {
		this.#rows.reset(total);
		this.#rows.set(0, first);
		this.#loader.reset();
		this.#geometry.reset(total);
		this.#focused = 0;
		this.#slots.stale();
		this.#place();
	}

	/** Forgets all rows: there are so many, about the same ones. Stays where it is scrolled to, as does the focus. */
	resetInPlace(total: number, known: readonly { readonly first: number; readonly rows: readonly T[] }[] = []): void {
		this.#rows.reset(total);
		for (const k of known) this.#rows.set(k.first, k.rows);
		this.#loader.moved();
		this.#geometry.resetInPlace(total);
		this.#focused = Math.max(0, this.#clamp(this.#focused));
		this.#slots.stale();
		this.#place();
	}

	/** After resetInPlace: what was on top is so many rows further on now, and what has the focus so many. */
	moved(top: number, focused: number): void {
		if (top === 0 && focused === 0) return;
		const hadFocus = this.#hasFocus;
		this.#geometry.resetInPlace(this.total, top);
		this.#focused = Math.max(0, this.#clamp(this.#focused + focused));
		this.#place();
		if (hadFocus) this.#slots.element(this.#focused)?.focus({ preventScroll: true });
	}

	/** Makes rows known, or changes them. */
	set(first: number, rows: readonly T[]): void {
		this.#rows.set(first, rows);
		if (this.#rows.known > mostKnown) {
			this.#rows.keep({ first: this.top - mostKnown / 4, count: mostKnown / 2 });
		}
		this.#loader.got();
		this.#later();
	}

	/** Inserts rows before index; a number is for as many that are not known. What is read stays where it is, but at the top of the list. */
	insert(index: number, rows: readonly T[] | number): void {
		const count = typeof rows === "number" ? rows : rows.length;
		const at = Math.min(Math.max(0, index), this.total);
		this.#rows.insert(at, rows);
		this.#geometry.inserted(at, count);
		if (this.#focused >= at && this.total > count && !(this.#focused === 0 && !this.#hasFocus)) {
			this.#focused += count;
		}
		this.#slots.inserted(at, count);
		this.#moved();
	}

	/** Removes rows. If one of them has the focus, that goes to the row that takes its place. */
	remove(index: number, count = 1): void {
		const from = Math.max(0, index);
		const n = Math.min(index + count, this.total) - from;
		if (n <= 0) {
			return;
		}
		const hadFocus = this.#hasFocus;
		this.#rows.remove(from, n);
		this.#geometry.removed(from, n);
		const focusGone = this.#focused >= from && this.#focused < from + n;
		if (this.#focused >= from) {
			this.#focused = Math.max(0, Math.min(focusGone ? from : this.#focused - n, this.total - 1));
		}
		this.#slots.removed(from, n);
		if (focusGone && hadFocus) {
			this.#place();
			this.focusRow(this.#focused);
		}
		this.#moved();
	}

	/** Draws rows again whose data or selection has changed; with all, every one, as what they are drawn from beside that has. */
	refresh(all = false): void {
		if (all) this.#slots.stale();
		this.#later();
	}

	/** Changes the height of rows. The row on top stays there. */
	setRowHeight(rowHeight: number): void {
		this.#geometry.setRowHeight(rowHeight);
		this.root.style.setProperty("--row-height", `${rowHeight}px`);
		this.#place();
	}

	/** Scrolls to a row. */
	scrollToIndex(index: number, where: "nearest" | "center" | "start" = "nearest"): void {
		this.#geometry.reveal(this.#clamp(index), where);
		this.#place();
	}

	/** Gives a row the focus, and scrolls to it if need be. */
	focusRow(index: number): void {
		this.#focused = this.#clamp(index);
		this.scrollToIndex(this.#focused);
		this.#slots.element(this.#focused)?.focus({ preventScroll: true });
	}

	/** Returns the row that a move leads to. */
	target(move: Move): number {
		const { page, total } = this;
		const step = { next: 1, previous: -1, nextPage: page, previousPage: -page, first: -total, last: total }[move];
		return this.#clamp(this.#focused + step);
	}

	/** Moves the focus. */
	move(move: Move): void {
		this.focusRow(this.target(move));
	}

	/** The list is of something else: what it is called. */
	setLabel(label: string): void {
		this.root.setAttribute("aria-label", label);
	}

	close(): void {
		this.#scope.close();
	}

	get #hasFocus(): boolean {
		return this.#slots.element(this.#focused)?.contains(document.activeElement) ?? false;
	}

	#clamp(index: number): number {
		return Math.max(0, Math.min(index, this.total - 1));
	}

	/** Rows came or went. Many do at once when much mail arrives: it is drawn once. */
	#moved(): void {
		this.#loader.moved();
		this.#misplaced = true;
		this.#later();
	}

	/** Sets the height and where it is scrolled to, and draws. That is not read from the root, as the browser would have to lay it out for that. */
	#place(): void {
		const { height, scrollTop } = this.#geometry;
		this.#misplaced = false;
		this.#body.style.height = `${height}px`;
		this.root.setAttribute("aria-rowcount", String(this.total));
		if (Math.abs(this.#scrollTop - scrollTop) >= 1) {
			this.root.scrollTop = scrollTop;
		}
		this.#scrollTop = scrollTop;
		this.#render();
	}

	#scrolled(): void {
		// Where it is to be scrolled to since the last picture is as much further.
		const since = this.#geometry.scrollTop - this.#scrollTop;
		this.#scrollTop = this.root.scrollTop;
		if (this.#geometry.scrolled(this.#scrollTop + since) || this.#misplaced) {
			this.#place();
		} else {
			this.#render();
		}
		if (this.#geometry.scaled) {
			this.#clock.clearTimeout(this.#restTimer);
			this.#restTimer = this.#clock.setTimeout(() => {
				if (this.#geometry.settle()) {
					this.#place();
				}
			}, rest);
		}
	}

	/** Draws once before the next frame, however much changes until then. */
	#later(): void {
		this.#frame ||= requestAnimationFrame(() => {
			this.#frame = 0;
			if (this.#misplaced) {
				this.#place();
			} else {
				this.#render();
			}
		});
	}

	#render(): void {
		if (this.#scope.closed) {
			return;
		}
		cancelAnimationFrame(this.#frame);
		this.#frame = 0;
		const { first, count } = this.#geometry.rendered(extraRows);
		const wanted = new Set(Array.from({ length: count }, (_, i) => first + i));
		// The row with the focus has an element wherever it is: Tab leads there, and the focus is not lost by scrolling.
		if (this.#focused < this.total) {
			wanted.add(this.#focused);
		}
		this.#slots.show([...wanted].sort((a, b) => a - b), i => this.#geometry.y(i), this.#focused);
		this.#showGroup();
		this.#loader.see(this.#geometry.visible);
	}

	#showGroup(): void {
		const { group } = this.#o;
		const row = this.#rows.get(this.top);
		const text = group && row !== undefined && this.#geometry.offset > 0 ? group(row) : "";
		if (this.#groupLabel.textContent !== text) {
			this.#groupLabel.textContent = text;
			this.#groupLabel.hidden = !text;
		}
	}

	#focusIn(e: FocusEvent): void {
		const index = this.#slots.indexOf(e.target as Node);
		if (index < 0) {
			return;
		}
		if (index !== this.#focused) {
			this.#focused = index;
			this.#later();
		}
		this.#o.onFocus?.(index, this.#rows.get(index));
	}

	#key(e: KeyboardEvent): void {
		const moves: { readonly [key: string]: Move } = {
			ArrowDown: "next", ArrowUp: "previous", PageDown: "nextPage", PageUp: "previousPage", Home: "first", End: "last",
		};
		const move = moves[e.key];
		if (this.#o.keys === false || !move || e.ctrlKey || e.altKey || e.metaKey || e.shiftKey || e.defaultPrevented) {
			return;
		}
		e.preventDefault();
		e.stopPropagation();
		this.move(move);
	}
}
