import type { Range } from "./virtuallistrows";

/** Firefox ignores heights above 17,895,697 px, WebKit those above 33.5 million: what is scrolled is not made higher than this. */
export const tallest = 15_000_000;

/** Rows that arrive move what is below, unless one reads within this many rows of the top: then they are seen to come. */
const topRows = 3;

/** At most this many rows have elements, with those beyond the edges. */
export const mostRows = 120;

/**
 * Where rows are. There are two scales: that of the list, in which each row has its height, and that of the scrolled element, which is lower when
 * the list is too high for browsers. offset is where the list is cut by the upper edge of the view, scrollTop where the element is
 * scrolled to. All lengths are pixels.
 */
export class Geometry {
	#total = 0;
	#rowHeight: number;
	#viewHeight = 0;
	#offset = 0;
	#scrollTop = 0;

	constructor(rowHeight: number) {
		this.#rowHeight = rowHeight;
	}

	get total(): number {
		return this.#total;
	}

	get rowHeight(): number {
		return this.#rowHeight;
	}

	get viewHeight(): number {
		return this.#viewHeight;
	}

	get offset(): number {
		return this.#offset;
	}

	/** Where the element is to be scrolled to. */
	get scrollTop(): number {
		return this.#scrollTop;
	}

	/** Height of what is scrolled. */
	get height(): number {
		return Math.min(this.#total * this.#rowHeight, tallest);
	}

	/** Whether the scales differ. */
	get scaled(): boolean {
		return this.#total * this.#rowHeight > tallest;
	}

	/** Index of the row at the upper edge. */
	get top(): number {
		return Math.floor(this.#offset / this.#rowHeight);
	}

	/** How many rows fit. At least 1. */
	get page(): number {
		return Math.max(1, Math.floor(this.#viewHeight / this.#rowHeight));
	}

	/** Rows that are seen, also in part. */
	get visible(): Range {
		const first = Math.min(this.top, Math.max(0, this.#total - 1));
		const end = Math.min(this.#total, Math.ceil((this.#offset + this.#viewHeight) / this.#rowHeight));
		return { first, count: Math.max(0, end - first) };
	}

	/** Rows that have elements: those seen, and as many more on both sides as are allowed, at most extra each. */
	rendered(extra: number): Range {
		const { first, count } = this.visible;
		const seen = Math.min(count, mostRows);
		const more = Math.max(0, Math.min(extra, Math.floor((mostRows - seen) / 2)));
		const from = Math.max(0, first - more);
		return { first: from, count: Math.min(this.#total, first + seen + more) - from };
	}

	/** Where a row is within what is scrolled. */
	y(index: number): number {
		return index * this.#rowHeight - this.#offset + this.#scrollTop;
	}

	/**
	 * The element was scrolled. Small steps, as of wheel and fingers, move the list by as much; jumps, as of the bar, by the
	 * proportion. Returns true if the element must be scrolled to scrollTop, as the end of one scale was reached before that of the other.
	 */
	scrolled(scrollTop: number): boolean {
		const step = scrollTop - this.#scrollTop;
		this.#scrollTop = scrollTop;
		if (!this.scaled) {
			this.#offset = clamp(scrollTop, 0, this.#furthest);
			return false;
		}
		const end = this.height - this.#viewHeight;
		if (Math.abs(step) > 2 * this.#viewHeight) {
			this.#offset = clamp(scrollTop / end * this.#furthest, 0, this.#furthest);
			return false;
		}
		this.#offset = clamp(this.#offset + step, 0, this.#furthest);
		const early = (scrollTop <= 0) !== (this.#offset <= 0) || (scrollTop >= end) !== (this.#offset >= this.#furthest);
		return early && this.settle();
	}

	/** Brings scrollTop to where the bar should be, after small steps; rows stay where they are seen. Returns whether it has changed. */
	settle(): boolean {
		const before = this.#scrollTop;
		this.#place(this.#offset);
		return Math.abs(before - this.#scrollTop) >= 1;
	}

	/** The view has another height. */
	resize(viewHeight: number): void {
		this.#viewHeight = viewHeight;
		this.#place(this.#offset);
	}

	/** Rows have another height: what is on top stays there. */
	setRowHeight(rowHeight: number): void {
		const rows = this.#offset / this.#rowHeight;
		this.#rowHeight = rowHeight;
		this.#place(rows * rowHeight);
	}

	/** It is another list, shown from its top. */
	reset(total: number): void {
		this.#total = total;
		this.#place(0);
	}

	/** There is a list of so many rows; what is seen of it stays, or is that so many rows further on. */
	resetInPlace(total: number, by = 0): void {
		this.#total = total;
		this.#place(this.#offset + by * this.#rowHeight);
	}

	/** Rows were inserted before index. What is read stays, unless it is within the top rows. */
	inserted(index: number, count: number): void {
		const top = this.top;
		this.#total += count;
		const moves = index <= top && top >= topRows;
		this.#place(this.#offset + (moves ? count * this.#rowHeight : 0));
	}

	/** Rows from index on were removed. What is read stays. */
	removed(index: number, count: number): void {
		const above = clamp(this.top - index, 0, count);
		this.#total -= count;
		this.#place(this.#offset - above * this.#rowHeight);
	}

	/** Moves the list so that a row is seen wholly: by as little as that takes, or with the row in the middle. */
	reveal(index: number, where: "nearest" | "center" | "start" = "nearest"): void {
		const y = index * this.#rowHeight;
		const below = y + this.#rowHeight - this.#viewHeight;
		switch (where) {
			case "nearest":
				this.#place(y < this.#offset ? y : Math.max(this.#offset, below));
				return;
			case "center":
				this.#place((y + below) / 2);
				return;
			case "start":
				this.#place(y);
		}
	}

	get #furthest(): number {
		return Math.max(0, this.#total * this.#rowHeight - this.#viewHeight);
	}

	#place(offset: number): void {
		this.#offset = clamp(offset, 0, this.#furthest);
		const end = Math.max(0, this.height - this.#viewHeight);
		// Whole pixels, as browsers would round it themselves and move what is seen by that.
		this.#scrollTop = this.scaled ? Math.round(this.#offset / this.#furthest * end) : this.#offset;
	}
}

const clamp = (n: number, least: number, most: number): number => Math.min(Math.max(n, least), most);
