/** A splice of the list that is shown. */
export interface Shown {
	readonly at: number;
	readonly remove: number;
	readonly insert: number;
}

/**
 * Rows that are hidden because they are about to leave, while the server still counts them: translates between positions of the
 * server's list and those of the list that is shown.
 */
export class Hidden<T> {
	#rows: { at: number; row: T; readonly by: unknown }[] = []; // By position in the server's list.

	get count(): number {
		return this.#rows.length;
	}

	/** Forgets all; the rows are not shown again. */
	clear(): void {
		this.#rows = [];
	}

	/** The position in the shown list of one of the server's: for a hidden row that of the row after it. */
	toShown(server: number): number {
		return server - this.#rows.filter((h) => h.at < server).length;
	}

	/** The position in the server's list of one of the shown list. */
	toServer(shown: number): number {
		let server = shown;
		for (const h of this.#rows) {
			if (h.at > server) break;
			server++;
		}
		return server;
	}

	/** Hides the row at a position of the server's list, by an action; returns where the shown list loses it. */
	hide(server: number, row: T, by: unknown): number {
		const shown = this.toShown(server);
		this.#rows.push({ at: server, row, by });
		this.#rows.sort((a, b) => a.at - b.at);
		return shown;
	}

	/** Changes the row at a position of the server's list, if it is hidden; false if it is not. */
	set(server: number, row: T): boolean {
		const hidden = this.#rows.find((h) => h.at === server);
		if (hidden) hidden.row = row;
		return hidden !== undefined;
	}

	/** Shows rows again that an action has hidden: returns where the shown list gets them, one after the other. */
	show(by: unknown): { at: number; row: T }[] {
		const back: { at: number; row: T }[] = [];
		for (const h of this.#rows.filter((h) => h.by === by)) {
			this.#rows = this.#rows.filter((x) => x !== h);
			back.push({ at: this.toShown(h.at), row: h.row });
		}
		return back;
	}

	/** Follows a splice of the server's list; returns that of the shown one. */
	splice(at: number, remove: number, insert: number): Shown {
		const gone = this.#rows.filter((h) => h.at >= at && h.at < at + remove).length;
		const shown = { at: this.toShown(at), remove: remove - gone, insert };
		this.#rows = this.#rows.filter((h) => h.at < at || h.at >= at + remove);
		for (const h of this.#rows) if (h.at >= at) h.at += insert - remove;
		return shown;
	}
}
