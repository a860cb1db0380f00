import { uniqueID } from "./dom";
import type { Rows } from "./virtuallistrows";

/** What a row is drawn with. */
export interface RowState<T> {
	/** Its position, by which bars may differ. A known row is not drawn again when it moves. */
	readonly index: number;
	/** The row before it, if it is known: a row may show the heading of a group that begins with it. */
	readonly before: T | undefined;
	readonly selected: boolean;
}

/** The inside of the element of a row. The element is used for one row after another. */
export interface RowView<T> {
	/** Has cells, elements with the role gridcell. The list makes it a row of the grid. */
	readonly root: HTMLElement;
	/** Draws a row; undefined is one that is not known, for which to draw bars (class "virtuallist-bar"). Must keep its height. */
	update(row: T | undefined, state: RowState<T>): void;
}

/** What Slots need of the options of a list. */
export interface SlotOptions<T> {
	readonly row: () => RowView<T>;
	readonly rowLabel: (row: T | undefined) => string;
	readonly selected?: (row: T) => boolean;
}

interface Slot<T> {
	readonly view: RowView<T>;
	index: number;
	y: number;
	drawn: boolean;
	row: T | undefined;
	before: T | undefined;
	focused: boolean;
	selected: boolean;
}

/** The elements of rows that are shown, in a body, and those that are free for others. */
export class Slots<T> {
	readonly #body: HTMLElement;
	readonly #rows: Rows<T>;
	readonly #o: SlotOptions<T>;
	#slots = new Map<number, Slot<T>>();
	readonly #free: Slot<T>[] = [];

	constructor(body: HTMLElement, rows: Rows<T>, o: SlotOptions<T>) {
		this.#body = body;
		this.#rows = rows;
		this.#o = o;
	}

	/** Returns the element of a row, if it has one. */
	element(index: number): HTMLElement | undefined {
		return this.#slots.get(index)?.view.root;
	}

	/** Returns which row a node is in, or -1. */
	indexOf(node: Node): number {
		for (const [index, slot] of this.#slots) {
			if (slot.view.root.contains(node)) {
				return index;
			}
		}
		return -1;
	}

	/** All rows must be drawn again even if their data is the same. */
	stale(): void {
		for (const slot of this.#slots.values()) {
			slot.drawn = false;
		}
	}

	/** Rows were inserted before index. */
	inserted(index: number, count: number): void {
		this.#slots = new Map([...this.#slots].map(([i, slot]) => [i >= index ? i + count : i, slot]));
	}

	/** Rows from index on were removed. */
	removed(index: number, count: number): void {
		const slots = new Map<number, Slot<T>>();
		for (const [i, slot] of this.#slots) {
			if (i >= index && i < index + count) {
				this.#free.push(slot);
			} else {
				slots.set(i >= index ? i - count : i, slot);
			}
		}
		this.#slots = slots;
	}

	/** Shows rows, in rising order, at their places, and no others. */
	show(indexes: readonly number[], y: (index: number) => number, focused: number): void {
		const wanted = new Set(indexes);
		for (const [i, slot] of this.#slots) {
			if (!wanted.has(i)) {
				this.#slots.delete(i);
				this.#free.push(slot);
			}
		}
		const elements = indexes.map(i => {
			const slot = this.#slots.get(i) ?? this.#take();
			this.#slots.set(i, slot);
			this.#draw(slot, i, y(i), i === focused);
			return slot.view.root;
		});
		for (const slot of this.#free) {
			slot.view.root.remove();
		}
		this.#arrange(elements);
	}

	#take(): Slot<T> {
		const free = this.#free.pop();
		if (free) {
			free.drawn = false;
			free.view.root.remove(); // Where it was, all others would be moved past it.
			return free;
		}
		const view = this.#o.row();
		view.root.id ||= uniqueID("row");
		view.root.classList.add("virtuallist-row");
		view.root.setAttribute("role", "row");
		view.root.tabIndex = -1;
		return { view, index: -1, y: NaN, drawn: false, row: undefined, before: undefined, focused: false, selected: false };
	}

	#draw(slot: Slot<T>, index: number, y: number, focused: boolean): void {
		const { root } = slot.view;
		const row = this.#rows.get(index);
		const before = this.#rows.get(index - 1);
		const selected = row !== undefined && (this.#o.selected?.(row) ?? false);
		if (slot.y !== y) {
			slot.y = y;
			root.style.transform = `translateY(${y}px)`;
		}
		const moved = slot.index !== index;
		if (moved) {
			slot.index = index;
			root.setAttribute("aria-rowindex", String(index + 1));
		}
		if (slot.focused !== focused) {
			slot.focused = focused;
			root.tabIndex = focused ? 0 : -1;
		}
		if (slot.drawn && slot.row === row && slot.before === before && slot.selected === selected && !(moved && row === undefined)) {
			return;
		}
		Object.assign(slot, { drawn: true, row, before, selected });
		root.setAttribute("aria-label", this.#o.rowLabel(row));
		root.setAttribute("aria-busy", String(row === undefined));
		if (this.#o.selected) {
			root.setAttribute("aria-selected", String(selected));
		}
		slot.view.update(row, { index, before, selected });
	}

	/** Puts elements in the order of their rows, for those who read them in that order, without moving the one that has the focus, which would lose it. */
	#arrange(elements: HTMLElement[]): void {
		const pivot = Math.max(0, elements.findIndex(e => e.contains(document.activeElement)));
		let next: Element | null = null;
		for (let i = elements.length - 1; i >= 0; i--) {
			const e = elements[i] as HTMLElement;
			const kept = i === pivot && e.parentNode === this.#body;
			if (!kept && (e.parentNode !== this.#body || e.nextElementSibling !== next)) {
				this.#body.insertBefore(e, next);
			}
			next = e;
		}
	}
}
