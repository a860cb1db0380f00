import type { Draft } from "../api";

/** A draft that was not saved when its page ended. */
export interface Kept {
	readonly key: string;
	readonly draft: Draft;
	/** Milliseconds since 1970. */
	readonly at: number;
}

/** The part of localStorage that is needed. */
export type Store = Pick<Storage, "getItem" | "setItem" | "removeItem" | "key" | "length">;

/**
 * Copies of drafts in the browser, from each change until the server has saved it. Those of a page that crashed, or whose session
 * ended, are there when the next page opens.
 */
export class KeptDrafts {
	readonly #store: Store | undefined;
	readonly #prefix: string;
	readonly #page: string;

	/** Page is an id of the page. */
	constructor(store: Store | undefined, account: string, page: string) {
		this.#store = store;
		this.#prefix = `mox-draft/${account}/`;
		this.#page = page;
	}

	keep(id: string, draft: Draft): void {
		try {
			this.#store?.setItem(`${this.#prefix}${this.#page}/${id}`, JSON.stringify({ draft, at: Date.now() }));
		} catch {
			// It is full, or not allowed. The server has the draft in a moment.
		}
	}

	drop(id: string): void {
		this.remove(`${this.#prefix}${this.#page}/${id}`);
	}

	remove(key: string): void {
		try {
			this.#store?.removeItem(key);
		} catch {
			// As above.
		}
	}

	/** Returns what other pages have left, of those that are not open any more. The oldest is first. */
	left(open: ReadonlySet<string>): Kept[] {
		const found: Kept[] = [];
		try {
			for (let i = 0; this.#store && i < this.#store.length; i++) {
				const key = this.#store.key(i) ?? "";
				if (!key.startsWith(this.#prefix)) continue;
				const page = key.slice(this.#prefix.length).split("/")[0]!;
				if (page === this.#page || open.has(page)) continue;
				const kept = readKept(key, this.#store.getItem(key));
				if (kept) found.push(kept);
			}
		} catch {
			// As above.
		}
		return found.sort((a, b) => a.at - b.at);
	}
}

/** Reads a copy. What an earlier version of the page has written may lack something; then it is nothing. */
function readKept(key: string, text: string | null): Kept | undefined {
	try {
		const { draft, at } = JSON.parse(text ?? "") as { draft?: Partial<Draft>; at?: number };
		const lists = [draft?.To, draft?.Cc, draft?.Bcc, draft?.ReplyTo, draft?.Attachments, draft?.References, draft?.Related];
		if (!draft || typeof at !== "number" || !lists.every(Array.isArray)) return undefined;
		if (![draft.HTML, draft.Text, draft.Subject, draft.Email, draft.From?.Address].every((s) => typeof s === "string")) return undefined;
		return { key, draft: draft as Draft, at };
	} catch {
		return undefined;
	}
}
