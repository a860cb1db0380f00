import type { API, Hint, Message } from "../api";

/** How many messages are kept; each has some kB. */
const most = 60;

/** The details of messages that were read or will be. What was read before an item changed stays true but for its Item. */
export class Messages {
	readonly #api: Pick<API, "Message" | "Hints">;
	readonly #known = new Map<string, Promise<Message>>();
	readonly #there = new Map<string, Message>(); // Of known, what has come.
	readonly #hints = new Map<string, Promise<Hint[]>>();

	constructor(api: Pick<API, "Message" | "Hints">) {
		this.#api = api;
	}

	/** Returns a message, or with a path one within it. An error is not kept. */
	get(email: string, path = ""): Promise<Message> {
		const key = `${email}/${path}`;
		const known = this.#known.get(key);
		this.#known.delete(key); // The one used last goes last.
		const message: Promise<Message> = known ?? this.#api.Message(email, path, false).then((m) => {
			if (this.#known.get(key) === message) this.#there.set(key, m);
			return m;
		}, (e: unknown) => {
			if (this.#known.get(key) === message) this.#delete(key);
			throw e;
		});
		this.#known.set(key, message);
		for (const old of this.#known.keys()) {
			if (this.#known.size <= most) break;
			this.#delete(old);
			this.#hints.delete(old);
		}
		return message;
	}

	/** Returns a message if it need not be waited for. */
	peek(email: string, path = ""): Message | undefined {
		return this.#there.get(`${email}/${path}`);
	}

	/** Returns what takes longer to find out. */
	hints(email: string): Promise<Hint[]> {
		const key = `${email}/`;
		const hints = this.#hints.get(key) ?? this.#api.Hints(email).catch((): Hint[] => {
			this.#hints.delete(key);
			return [];
		});
		this.#hints.set(key, hints);
		return hints;
	}

	/** Reads messages that will probably be opened, and forgets errors: they are told when it is. */
	prepare(emails: readonly string[]): void {
		for (const email of emails) {
			this.get(email).catch(() => {});
			void this.hints(email);
		}
	}

	/** Forgets a message of which something changed. */
	forget(email: string): void {
		for (const key of [...this.#known.keys()]) if (key.startsWith(`${email}/`)) this.#delete(key);
	}

	/** Forgets all, such as after settings changed what is shown. */
	clear(): void {
		this.#known.clear();
		this.#there.clear();
	}

	#delete(key: string): void {
		this.#known.delete(key);
		this.#there.delete(key);
	}
}
