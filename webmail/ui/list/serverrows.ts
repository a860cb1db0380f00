import type { VirtualList } from "../../../web/lib/virtuallist";
import type { Row, ViewEvent } from "../api";
import { Hidden } from "./hidden";

/** The rows that are shown, as the server tells of them and as actions change them before it does. */
export class ServerRows {
	readonly #list: VirtualList<Row>;
	readonly #hidden = new Hidden<Row>();

	constructor(list: VirtualList<Row>) {
		this.#list = list;
	}

	/** Begins anew, with nothing known. */
	reset(): void {
		this.#hidden.clear();
		this.#list.reset(0);
	}

	/** The position in the server's list of a row that is shown, and the other way round. */
	toServer(shown: number): number {
		return this.#hidden.toServer(shown);
	}
	toShown(server: number): number {
		return this.#hidden.toShown(server);
	}

	/** Follows the server. */
	follow(e: ViewEvent): void {
		const list = this.#list;
		if (e.Reset) {
			this.#hidden.clear();
			list.reset(e.Total, e.Rows[0]?.First === 0 ? e.Rows[0].Rows : []);
		}
		for (const s of e.Splices) {
			const shown = this.#hidden.splice(s.At, s.Remove, s.Insert);
			if (shown.remove > 0) list.remove(shown.at, shown.remove);
			if (shown.insert > 0) list.insert(shown.at, shown.insert);
		}
		if (!e.Reset && list.total + this.#hidden.count !== e.Total) {
			// It missed something: what is known is not to be trusted.
			this.#hidden.clear();
			list.reset(e.Total);
		}
		for (const r of e.Rows) {
			r.Rows.forEach((row, i) => {
				if (!this.#hidden.has(r.First + i)) list.set(this.#hidden.toShown(r.First + i), [row]);
			});
		}
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

	/** Hides rows that fit, as they are about to leave; told is called with the position of each that is hidden, from the end. */
	hide(fits: (row: Row) => boolean, told: (row: Row, at: number) => void): void {
		this.#fromEnd(fits, (row, i) => {
			told(row, i);
			this.#hidden.hide(this.#hidden.toServer(i), row);
			this.#list.remove(i);
		});
	}

	/** Changes rows that fit. */
	change(fits: (row: Row) => boolean, change: (row: Row) => Row): void {
		this.#fromEnd(fits, (row, i) => this.#list.set(i, [change(row)]));
	}

	/** Shows hidden rows again that fit. */
	restore(fits: (row: Row) => boolean): void {
		for (const { at, row } of this.#hidden.show(fits)) this.#list.insert(at, [row]);
	}

	#fromEnd(fits: (row: Row) => boolean, run: (row: Row, at: number) => void): void {
		for (let i = this.#list.total - 1; i >= 0; i--) {
			const row = this.#list.get(i);
			if (row && fits(row)) run(row, i);
		}
	}
}
