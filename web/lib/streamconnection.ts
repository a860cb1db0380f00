import { type Clock, backoff } from "./clock";

/** What a connection needs of EventSource. */
export interface Source {
	/** 2 once it has given up, as when the server has refused it. */
	readonly readyState: number;
	onmessage: ((e: MessageEvent<string>) => void) | null;
	onerror: ((e: Event) => void) | null;
	addEventListener(kind: string, f: (e: MessageEvent<string>) => void): void;
	close(): void;
}

/** How the stream is at the moment, for all tabs. */
export interface StreamState {
	/**
	 * - live: events come.
	 * - connecting: the first attempt, at the start or after a loss, is under way.
	 * - offline: that attempt has failed, or the browser has no network; attempts go on.
	 */
	readonly status: "live" | "connecting" | "offline";
	/** The id of the stream that is live; empty otherwise. */
	readonly stream: string;
	/** Why it is offline: "session" means that somebody must log in again before attempts go on. */
	readonly reason?: "network" | "session";
	/** When the next attempt is made, in milliseconds since 1970. */
	readonly retryAt?: number;
}

/** What a connection is made with. */
export interface ConnectionOptions {
	readonly clock: Clock;
	readonly random: () => number;
	readonly online: () => boolean;
	readonly newID: () => string;
	/** Opens an EventSource for the stream with an id. */
	readonly open: (id: string) => Source;
	/** The kinds of events to listen to, besides hello, ping and over. */
	readonly kinds: readonly string[];
	/** Tells whether the session goes on, after an attempt that failed; rejects if that cannot be known. */
	readonly session: () => Promise<boolean>;
	readonly onState: (state: StreamState) => void;
	/** Called with the data of an event, as text. */
	readonly onEvent: (kind: string, data: string, stream: string) => void;
}

/** The readyState of a source that tries no more. */
const closed = 2;

/** A connection that had been live for less than this counts as a failure, so that one which is ended at once is not made again and again. */
const steady = 10_000;

/** How long the server may take to say hello. */
const helloTimeout = 20_000;

/** The server sends a ping when it has nothing to say for 25 s. Without anything for this time the connection is dead. */
const silence = 60_000;

/** How often is looked whether time has jumped or the connection is silent. */
const tickEvery = 5000;

/** Timers may be this late, as those of hidden tabs are, without that the computer has slept. */
const late = 90_000;

/**
 * The connection of the leading tab, which is made again, with a new id, however it ends. EventSource's own reconnecting is not used: it
 * keeps the id, does not notice connections that died silently, and gives up on some answers.
 */
export class Connection {
	readonly #o: ConnectionOptions;
	#source: Source | undefined;
	#state: StreamState = { status: "connecting", stream: "" };
	#failures = 0;
	#overs = 0; // Times in a row that the server said so of a session that goes on, soon after it was live.
	#hasty = 0; // Times in a row that another attempt was asked for soon after the last one.
	#attempted = 0;
	#liveSince = 0;
	#heard = 0;
	#pings = false;
	#attemptTimer: unknown;
	#retryAt = 0; // When it runs.
	#tickTimer: unknown;
	#ticked: number;
	#waitsForLogin = false;
	#closed = false;

	/** Connects at once. */
	constructor(o: ConnectionOptions) {
		this.#o = o;
		this.#ticked = o.clock.now();
		this.#tick();
		this.#attempt();
	}

	get state(): StreamState {
		return this.#state;
	}

	/**
	 * Connects again now: the stream is not known to the server any more, or the user asks, or logged in. Where that is asked for again and again it
	 * takes longer each time.
	 */
	reconnect(): void {
		if (this.#closed) {
			return;
		}
		this.#waitsForLogin = false;
		this.#failures = 0;
		this.#hasty = this.#o.clock.now() - this.#attempted < steady ? this.#hasty + 1 : 0;
		this.#drop();
		if (this.#hasty < 2) {
			this.#attempt();
			return;
		}
		this.#set({ status: "connecting", stream: "" });
		this.#wait(this.#hasty - 1);
	}

	/** The browser has network again, or the tab is looked at: an attempt that is waited for is made now, and a silent connection again. */
	wake(): void {
		if (this.#closed) {
			return;
		}
		this.#look();
		if (!this.#source && !this.#waitsForLogin && this.#o.online()) {
			this.#attempt();
		}
	}

	/** The browser has lost its network. */
	offline(): void {
		if (!this.#closed && !this.#waitsForLogin) {
			this.#drop();
			this.#set({ status: "offline", stream: "", reason: "network" });
			this.#wait();
		}
	}

	/** Ends the connection for good. */
	close(): void {
		this.#closed = true;
		this.#drop();
		this.#o.clock.clearTimeout(this.#tickTimer);
	}

	#set(state: StreamState): void {
		this.#state = state;
		this.#o.onState(state);
	}

	#drop(): void {
		this.#o.clock.clearTimeout(this.#attemptTimer);
		this.#source?.close();
		this.#source = undefined;
		this.#liveSince = 0;
	}

	#attempt(): void {
		const { clock, kinds } = this.#o;
		clock.clearTimeout(this.#attemptTimer);
		if (!this.#o.online()) {
			this.offline();
			return;
		}
		// Once an attempt has failed it stays offline until events come, so that it does not flicker.
		this.#set(this.#failures === 0 ? { status: "connecting", stream: "" } : { status: "offline", stream: "", reason: "network" });
		this.#attempted = clock.now();
		const id = this.#o.newID();
		const source = this.#source = this.#o.open(id);
		const listen = (kind: string, f: (data: string) => void) => source.addEventListener(kind, e => {
			if (this.#source === source) {
				this.#heard = clock.now();
				f(e.data);
			}
		});
		listen("hello", data => {
			this.#live(id);
			if (kinds.includes("hello")) {
				this.#o.onEvent("hello", data, id);
			}
		});
		listen("ping", () => {
			this.#pings = true;
		});
		listen("over", () => void this.#over());
		for (const kind of kinds) {
			if (kind !== "hello" && kind !== "ping") {
				listen(kind, data => this.#o.onEvent(kind, data, id));
			}
		}
		source.onmessage = e => {
			if (this.#source === source) {
				this.#o.onEvent("message", e.data, id);
			}
		};
		source.onerror = () => {
			if (this.#source === source) {
				void this.#lost();
			}
		};
		this.#attemptTimer = clock.setTimeout(() => void this.#lost(), helloTimeout);
	}

	#live(id: string): void {
		const { clock } = this.#o;
		clock.clearTimeout(this.#attemptTimer);
		this.#liveSince = clock.now();
		this.#set({ status: "live", stream: id });
	}

	get #wasSteady(): boolean {
		return this.#liveSince > 0 && this.#o.clock.now() - this.#liveSince >= steady;
	}

	async #lost(): Promise<void> {
		const wasLive = this.#liveSince > 0;
		const wasSteady = this.#wasSteady;
		// Then the server is reached, and may have an answer of a better kind.
		const refused = !wasLive && this.#source?.readyState === closed;
		this.#drop();
		if (wasSteady) {
			this.#failures = 0;
			this.#set({ status: "connecting", stream: "" });
			this.#wait();
			return;
		}
		this.#failures++;
		if (!refused) {
			this.#set({ status: "offline", stream: "", reason: "network" });
		}
		this.#wait();
		const over = !wasLive && this.#o.online() && await this.#o.session().catch(() => true) === false;
		if (this.#closed || this.#source) {
			return;
		}
		if (over) {
			this.#waitForLogin();
		} else if (refused && this.#state.reason !== "network") {
			this.#set({ status: "offline", stream: "", reason: "network", retryAt: this.#retryAt });
		}
	}

	/**
	 * The server says that the session is over. There may be another one by now; if it says so of that too, it is asked less and less often. Attempts
	 * are made once that is known: one before would be refused, and the server be taken for lost.
	 */
	async #over(): Promise<void> {
		this.#overs = this.#wasSteady ? 0 : this.#overs + 1;
		this.#drop();
		this.#set({ status: "connecting", stream: "" });
		const attempted = this.#attempted;
		const over = await this.#o.session().catch(() => true) === false;
		if (this.#closed || this.#source || this.#attempted !== attempted) {
			return;
		}
		if (over) {
			this.#waitForLogin();
		} else {
			this.#wait(this.#overs);
		}
	}

	#waitForLogin(): void {
		this.#waitsForLogin = true;
		this.#o.clock.clearTimeout(this.#attemptTimer);
		this.#set({ status: "offline", stream: "", reason: "session" });
	}

	/** Makes an attempt later; soon after the first loss, by chance within a second since others have lost theirs too. */
	#wait(failures = this.#failures): void {
		const { clock, random } = this.#o;
		const ms = failures === 0 ? random() * 1000 : backoff(failures, 500, 30_000, random);
		clock.clearTimeout(this.#attemptTimer);
		this.#attemptTimer = clock.setTimeout(() => this.#attempt(), ms);
		this.#retryAt = clock.now() + ms;
		if (this.#state.status === "offline") {
			this.#set({ ...this.#state, retryAt: this.#retryAt });
		}
	}

	#tick(): void {
		this.#tickTimer = this.#o.clock.setTimeout(() => {
			this.#look();
			this.#tick();
		}, tickEvery);
	}

	/** Connects again if the computer has slept, as the connection hardly lives then, or the server has been silent for too long. */
	#look(): void {
		const now = this.#o.clock.now();
		const slept = Math.abs(now - this.#ticked) > tickEvery + late;
		this.#ticked = now;
		const silent = this.#liveSince > 0 && this.#pings && now - this.#heard > silence;
		if ((slept || silent) && !this.#waitsForLogin && this.#source) {
			this.reconnect();
		} else if (slept && !this.#waitsForLogin && this.#o.online()) {
			this.#failures = 0;
			this.#attempt();
		}
	}
}
