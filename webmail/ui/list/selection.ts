/** What is selected in a list: some keys, or all but some. */
export class Selected {
	#all = false;
	#keys = new Set<string>(); // Selected ones or, with all, those that are not.

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

	/** Selects everything, also what is not loaded. */
	everything(): void {
		this.#all = true;
		this.#keys = new Set();
	}

	clear(): void {
		this.only([]);
	}
}
