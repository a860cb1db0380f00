import type { VirtualList } from "../../../web/lib/virtuallist";
import type { Row, ViewEvent } from "../api";
import { Hidden } from "./hidden";

/** Tells whether an event has all rows that it inserts. */
export const allKnown = (e: ViewEvent): boolean => e.Splices.reduce((n, s) => n + s.Insert, 0) <= e.Rows.reduce((n, r) => n + r.Rows.length, 0);

/** What is needed of the list that shows the rows. */
export type Shown = Pick<VirtualList<Row>, "total" | "top" | "focused" | "get" | "set" | "insert" | "remove" | "reset" | "resetInPlace" | "moved" | "findIndex">;

/** In this time after an action the server has told what came of it, unless it is very slow, in milliseconds. It tells of changes once a second at least. */
export const settling = 2000;

/** What an action changes before the server has done it. */
interface Change {
	readonly fits: (row: Row) => boolean;
	readonly change: (row: Row) => Row;
	readonly before: ReadonlyMap<Row, Row>; // By how they are shown since.
}

/** The rows that are shown, as the server tells of them and as actions change them before it does. */
export class ServerRows {
	readonly #list: Shown;
	readonly #hidden = new Hidden<Row>();
	readonly #changed = new Map<unknown, Change>(); // By action.
	readonly #told = new WeakMap<Row, Row>(); // What the server told of rows that are shown otherwise.

	constructor(list: Shown) {
		this.#list = list;
	}

	/** Begins anew, with nothing known. */
	reset(): void {
		this.#hidden.clear();
		this.#changed.clear();
		this.#list.reset(0);
	}

	/** The position in the server's list of a row that is shown, and the other way round. */
	toServer(shown: number): number {
		return this.#hidden.toServer(shown);
	}
	toShown(server: number): number {
		return this.#hidden.toShown(server);
	}

	/** Follows the server. Returns known rows that were taken out. */
	follow(e: ViewEvent): Row[] {
		const list = this.#list;
		const gone: Row[] = [];
		const { top, focused } = list;
		const [atTop, withFocus] = [list.get(top), list.get(focused)];
		const anew = e.Reset || list.total + this.#hidden.count + e.Splices.reduce((n, s) => n + s.Insert - s.Remove, 0) !== e.Total;
		if (e.Reset) {
			this.#hidden.clear();
			list.resetInPlace(e.Total, e.Rows.map((r) => ({ first: r.First, rows: r.Rows }))); // So that they are not asked for.
		}
		for (const s of e.Splices) {
			const shown = this.#hidden.splice(s.At, s.Remove, s.Insert);
			for (let i = shown.at; i < shown.at + shown.remove; i++) {
				const row = list.get(i);
				if (row) gone.push(row);
			}
			if (shown.remove > 0) list.remove(shown.at, shown.remove);
			if (shown.insert > 0) list.insert(shown.at, shown.insert);
		}
		if (!e.Reset && list.total + this.#hidden.count !== e.Total) {
			// It missed something: what is known is not to be trusted.
			this.#hidden.clear();
			list.resetInPlace(e.Total);
		}
		for (const r of e.Rows) {
			r.Rows.forEach((told, i) => {
				const row = this.#asChanged(told);
				if (!this.#hidden.set(r.First + i, row)) list.set(this.#hidden.toShown(r.First + i), [row]);
			});
		}
		if (anew) {
			// What is read stays where it is.
			const moved = (row: Row | undefined, from: number) => {
				let at = row ? list.findIndex((r) => r.Email === row.Email) : -1;
				if (row && at < 0) at = list.findIndex((r) => r.Thread === row.Thread);
				return at < 0 ? 0 : at - from;
			};
			list.moved(top > 0 ? moved(atTop, top) : 0, focused > 0 ? moved(withFocus, focused) : 0);
		}
		return gone;
	}

	/** Known rows that fit, at most so many. */
	where(fits: (row: Row) => boolean, most = Infinity): Row[] {
		const l: Row[] = [];
		for (let i = 0; i < this.#list.total && l.length < most; i++) {
			const row = this.#list.get(i);
			if (row && fits(row)) l.push(row);
		}
		return l;
	}

	/** Hides rows that fit, as an action is about to take them away; told is called with the position of each that is hidden, from the end. */
	hide(by: unknown, fits: (row: Row) => boolean, told: (row: Row, at: number) => void): void {
		this.#fromEnd(fits, (row, i) => {
			told(row, i);
			this.#hidden.hide(this.#hidden.toServer(i), row, by);
			this.#list.remove(i);
		});
	}

	/** Changes rows that fit, as an action is about to. */
	change(by: unknown, fits: (row: Row) => boolean, change: (row: Row) => Row): void {
		const before = new Map<Row, Row>();
		this.#fromEnd(fits, (row, i) => {
			const after = change(row);
			before.set(after, row);
			this.#list.set(i, [after]);
		});
		this.#changed.set(by, { fits, change, before });
	}

	/** A row that the server has told, perhaps before it has done what is being done: with what that changes. */
	#asChanged(told: Row): Row {
		let row = told;
		for (const { fits, change } of this.#changed.values()) if (fits(row)) row = change(row);
		if (row !== told) this.#told.set(row, told);
		return row;
	}

	/** Shows rows as the server told them, but for what is being done. */
	#asTold(): void {
		this.#fromEnd((row) => this.#told.has(row), (row, i) => this.#list.set(i, [this.#asChanged(this.#told.get(row)!)]));
	}

	/**
	 * The server has done an action: what rows are now, it tells. What is returned is to be called after settling: of rows that it told of while it did it, and
	 * not since, the action has changed nothing.
	 */
	done(by: unknown): () => void {
		this.#changed.delete(by);
		return () => this.#asTold();
	}

	/** Takes back what was shown of an action: shows rows again that it has hidden, and changed ones as they were, but for those that the server told of since. */
	restore(by: unknown): void {
		for (const { at, row } of this.#hidden.show(by)) this.#list.insert(at, [row]);
		const before = this.#changed.get(by)?.before;
		this.#changed.delete(by);
		if (!before) return;
		this.#fromEnd((row) => before.has(row), (row, i) => this.#list.set(i, [before.get(row)!]));
		this.#asTold();
	}

	#fromEnd(fits: (row: Row) => boolean, run: (row: Row, at: number) => void): void {
		for (let i = this.#list.total - 1; i >= 0; i--) {
			const row = this.#list.get(i);
			if (row && fits(row)) run(row, i);
		}
	}
}
