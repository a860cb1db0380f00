/** Rows from first on, count of them. */
export interface Range {
	readonly first: number;
	readonly count: number;
}

interface Run<T> {
	first: number;
	rows: T[];
}

/** Runs are joined up to this length, so that no change moves many rows. */
const longestRun = 512;

/**
 * A list of which only some rows are known, as runs. Operations cost in proportion to the number of runs, not of rows. T must not be
 * undefined, which stands for a row that is not known.
 */
export class Rows<T> {
	#total = 0;
	#runs: Run<T>[] = [];

	/** How many rows there are, known or not. */
	get total(): number {
		return this.#total;
	}

	/** How many rows are known. */
	get known(): number {
		return this.#runs.reduce((n, r) => n + r.rows.length, 0);
	}

	/** Starts anew, with a number of rows that are not known. */
	reset(total: number): void {
		this.#total = total;
		this.#runs = [];
	}

	/** Returns a row, or undefined if it is not known, or there is none. */
	get(index: number): T | undefined {
		const run = this.#runs[this.#find(index)];
		return run && index >= run.first ? run.rows[index - run.first] : undefined;
	}

	/** Makes rows known, or changes them. Those beyond the total are ignored. */
	set(first: number, rows: readonly T[]): void {
		const from = Math.max(0, first);
		const added = rows.slice(from - first, Math.max(0, this.#total - first));
		if (!added.length) {
			return;
		}
		this.#cut(from, added.length);
		const at = this.#find(from);
		const before = this.#runs[at - 1];
		if (before && before.first + before.rows.length === from && before.rows.length + added.length <= longestRun) {
			before.rows.push(...added);
		} else {
			this.#runs.splice(at, 0, { first: from, rows: added });
		}
	}

	/** Inserts rows before index, which move the later ones; a number is for as many that are not known. */
	insert(index: number, rows: readonly T[] | number): void {
		const at = Math.min(Math.max(0, index), this.#total);
		const count = typeof rows === "number" ? rows : rows.length;
		this.#split(at);
		for (const run of this.#runs) {
			if (run.first >= at) {
				run.first += count;
			}
		}
		this.#total += count;
		if (typeof rows !== "number") {
			this.set(at, rows);
		}
	}

	/** Removes rows. */
	remove(index: number, count = 1): void {
		const from = Math.max(0, index);
		const n = Math.min(index + count, this.#total) - from;
		if (n <= 0) {
			return;
		}
		this.#cut(from, n);
		for (const run of this.#runs) {
			if (run.first >= from) {
				run.first -= n;
			}
		}
		this.#total -= n;
	}

	/** Forgets rows but those in a range, so that memory has a bound; whole runs only. */
	keep(range: Range): void {
		this.#runs = this.#runs.filter(r => r.first < range.first + range.count && r.first + r.rows.length > range.first);
	}

	/** Returns the first index of a known row that satisfies, or -1. */
	findIndex(satisfies: (row: T) => boolean): number {
		for (const run of this.#runs) {
			const i = run.rows.findIndex(satisfies);
			if (i >= 0) {
				return run.first + i;
			}
		}
		return -1;
	}

	/** Returns what is not known of a range, in order. */
	missing(range: Range): Range[] {
		const gaps: Range[] = [];
		let at = Math.max(0, range.first);
		const end = Math.min(range.first + range.count, this.#total);
		for (let i = this.#find(at); at < end; i++) {
			const run = this.#runs[i];
			const next = run ? Math.min(run.first, end) : end;
			if (next > at) {
				gaps.push({ first: at, count: next - at });
			}
			at = run ? Math.max(at, run.first + run.rows.length) : end;
		}
		return gaps;
	}

	/** Returns which run holds an index, or is the first after it. */
	#find(index: number): number {
		let low = 0;
		let high = this.#runs.length;
		while (low < high) {
			const middle = (low + high) >> 1;
			const run = this.#runs[middle] as Run<T>;
			if (run.first + run.rows.length <= index) {
				low = middle + 1;
			} else {
				high = middle;
			}
		}
		return low;
	}

	/** Sees to it that no run goes across an index. */
	#split(index: number): void {
		const at = this.#find(index);
		const run = this.#runs[at];
		if (run && run.first < index) {
			this.#runs.splice(at + 1, 0, { first: index, rows: run.rows.splice(index - run.first) });
		}
	}

	/** Forgets rows. */
	#cut(first: number, count: number): void {
		this.#split(first);
		this.#split(first + count);
		const from = this.#find(first);
		this.#runs.splice(from, this.#find(first + count) - from);
	}
}
