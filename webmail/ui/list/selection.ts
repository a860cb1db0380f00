/** What is selected in a list: some keys, or all but some. */
export class Selected {
	#all = false;
	#keys = new Set<string>(); // Selected ones or, with all, those that are not.
	/** Where extending begins. */
	anchor = "";

	get all(): boolean {
		return this.#all;
	}

	/** The keys that are selected, unless all are. */
	get keys(): ReadonlySet<string> {
		return this.#all ? new Set() : this.#keys;
	}

	/** With all, those that are not selected. */
	get except(): ReadonlySet<string> {
		return this.#all ? this.#keys : new Set();
	}

	/** How many are selected, of a total. */
	count(total: number): number {
		return this.#all ? Math.max(0, total - this.#keys.size) : this.#keys.size;
	}

	has(key: string): boolean {
		return this.#keys.has(key) !== this.#all;
	}

	set(key: string, selected: boolean): void {
		if (selected !== this.#all) this.#keys.add(key);
		else this.#keys.delete(key);
	}

	toggle(key: string): void {
		this.set(key, !this.has(key));
	}

	/** Selects these and nothing else. */
	only(keys: Iterable<string>): void {
		this.#all = false;
		this.#keys = new Set(keys);
	}

	/** Selects from the anchor to a position, and nothing else, in a list of keys by their positions; a key that is not known is empty. */
	extend(to: number, find: (key: string) => number, keyAt: (index: number) => string): void {
		let from = find(this.anchor);
		if (from < 0) {
			from = to;
			this.anchor = keyAt(to);
		}
		const keys: string[] = [];
		for (let i = Math.min(from, to); i <= Math.max(from, to); i++) keys.push(keyAt(i));
		this.only(keys.filter((k) => k !== ""));
	}

	/** Selects everything, also what is not loaded. */
	everything(): void {
		this.#all = true;
		this.#keys = new Set();
	}

	clear(): void {
		this.only([]);
	}
}
