/**
 * The one stream of events of a browser, shared by all tabs of a face: one tab leads, holds the connection and passes events on; when
 * it goes another leads, with a new stream. Each tab has its views opened in every new stream, with what it knows by then.
 */

import { APIError } from "./apierror";
import { type Browser, realBrowser } from "./streambrowser";
import { Connection, type StreamState } from "./streamconnection";
import { type Channel, Election, type TabMessage } from "./streamtabs";
import { type OpenView, type StreamView, View } from "./streamview";

export type { StreamState } from "./streamconnection";
export type { OpenView, StreamView } from "./streamview";

/** For each kind of event a function that checks its data, such as v => parse("ChangeAdd", v). */
export type Parsers<E> = { readonly [K in keyof E]: (data: unknown) => E[K] };

/** Options of a stream. */
export interface StreamOptions<E> {
	/**
	 * Name of what is shared: tabs with the same name share a stream. It must have the face, the account and the version of the page in it: tabs of
	 * different versions do not understand each other.
	 */
	readonly name: string;
	readonly parsers: Parsers<E>;
	/** Place of the events, relative to the page. Default "events". */
	readonly url?: string;
	/** Tells whether the session goes on: that of Session.check. */
	readonly session: () => Promise<boolean>;
	/** Called in the tab that is seen when somebody must log in again; when that is done, reconnect is to be called. */
	readonly onSessionOver?: () => void;
	/** Called when a view could not be opened. It is opened again in the next stream; for user:noStream that is at once. */
	readonly onError?: (e: unknown) => void;
	/** Called for events that are not of their type, or of no kind known; they are ignored. Default console.warn. */
	readonly warn?: (message: string) => void;
	/** Called in the leading tab when another tab has gone, so that its views can be closed: their ids begin with tab and a dot. */
	readonly onTabGone?: (stream: string, tab: string) => void;
	readonly browser?: Browser;
}

/** How often the leader says that it lives, in milliseconds. */
const heartbeat = 5000;

/** A leader that was not heard of for this long is asked, and after as long again is one no more. Hidden leaders have slow timers, but answer. */
const patience = 12_000;

/** A stream of events E, by their kinds. */
export class Stream<E extends object> {
	/** The id of this tab, with which the ids of its views begin. */
	readonly tab: string;

	readonly #o: StreamOptions<E>;
	readonly #browser: Browser;
	readonly #closer = new AbortController();
	readonly #listeners = new Map<string, Set<(data: never) => void>>();
	readonly #stateListeners = new Set<(state: StreamState) => void>();
	readonly #views = new Set<View<E>>();
	readonly #tabs = new Set<string>();
	#state: StreamState = { status: "connecting", stream: "" };
	#channel: Channel | undefined;
	#election: Election | undefined;
	#connection: Connection | undefined;
	#heard = 0;
	#timer: unknown;
	#due = 0; // When it is to go off.
	#letGo: (() => void) | undefined;
	#running = false;
	#lastView = 0;

	/** Begins at once. */
	constructor(o: StreamOptions<E>) {
		this.#o = o;
		this.#browser = o.browser ?? realBrowser();
		this.tab = this.#browser.newID().slice(0, 12);
		const { listen } = this.#browser;
		const { signal } = this.#closer;
		listen("online", () => this.#connection?.wake(), signal);
		listen("offline", () => this.#connection?.offline(), signal);
		listen("visibilitychange", () => this.#seen(), signal);
		// A page that is kept for going back, or frozen, must not keep others from leading.
		listen("pagehide", () => this.#stop(), signal);
		listen("freeze", () => this.#stop(), signal);
		listen("pageshow", () => this.#start(), signal);
		listen("resume", () => this.#start(), signal);
		this.#start();
	}

	/** How the stream is now. */
	get state(): StreamState {
		return this.#state;
	}

	/** Whether this tab holds the connection. */
	get leads(): boolean {
		return this.#connection !== undefined;
	}

	/** Calls f with each new state. Returns a function that ends that, as does signal. */
	onState(f: (state: StreamState) => void): () => void {
		this.#stateListeners.add(f);
		return () => this.#stateListeners.delete(f);
	}

	/** Calls f with each event of a kind, in all streams. Returns a function that ends that. */
	on<K extends keyof E & string>(kind: K, f: (data: E[K]) => void): () => void {
		const listeners = this.#listeners.get(kind) ?? new Set();
		this.#listeners.set(kind, listeners.add(f));
		return () => listeners.delete(f);
	}

	/** Opens a view in the stream, when it is live, and again in each that follows. Its events have its id in a field View. */
	view(open: OpenView): StreamView<E> {
		const view = new View<E>(`${this.tab}.${++this.#lastView}`, open, e => this.#viewFailed(e), v => this.#views.delete(v));
		this.#views.add(view);
		view.stream(this.#state.stream);
		return view;
	}

	/** Connects again now. With the id of a stream, as after user:noStream, only if that is still the one that is thought to be live. */
	reconnect(stream = ""): void {
		if (this.#connection) {
			this.#reconnect(stream);
		} else {
			this.#channel?.postMessage({ t: "reconnect", stream });
		}
	}

	/** Ends it in this tab; another leads if this one did. */
	close(): void {
		this.#closer.abort();
		this.#stop();
		for (const view of this.#views) {
			view.close();
		}
		this.#listeners.clear();
		this.#stateListeners.clear();
	}

	#start(): void {
		if (this.#running || this.#closer.signal.aborted) {
			return;
		}
		this.#running = true;
		const { channel, locks, clock } = this.#browser;
		if (!channel || !locks) {
			this.#lead();
			return;
		}
		this.#heard = clock.now();
		this.#channel = channel(this.#o.name);
		this.#channel.onmessage = e => this.#receive(e.data);
		this.#election = new Election(locks, this.#o.name, () => this.#lead(), () => {
			this.#follow();
			this.#channel?.postMessage({ t: "who", tab: this.tab });
		});
		this.#election.join();
		// While it is held this tab lives, see #watch. The leader hears of the tab only then: it would get the lock first, and take the tab for gone.
		locks.request(`${this.#o.name}/${this.tab}`, {}, () => new Promise(resolve => {
			this.#letGo = resolve;
			this.#channel?.postMessage({ t: "who", tab: this.tab });
		})).catch(() => {
			// The tab is going.
		});
		this.#beat();
	}

	#stop(): void {
		if (!this.#running) {
			return;
		}
		this.#running = false;
		this.#browser.clock.clearTimeout(this.#timer);
		this.#follow();
		this.#election?.leave();
		this.#election = undefined;
		this.#letGo?.();
		this.#channel?.close();
		this.#channel = undefined;
		this.#setState({ status: "connecting", stream: "" });
	}

	#lead(): void {
		const { clock, random, online, newID, open } = this.#browser;
		const url = this.#o.url ?? "events";
		this.#connection = new Connection({
			clock, random, online, newID,
			open: id => open(`${url}?stream=${encodeURIComponent(id)}`),
			kinds: Object.keys(this.#o.parsers),
			session: this.#o.session,
			onState: state => {
				this.#setState(state);
				this.#tellState();
			},
			onEvent: (kind, data, stream) => this.#event(kind, data, stream),
		});
	}

	/** Another tab leads, or will. */
	#follow(): void {
		this.#connection?.close();
		this.#connection = undefined;
		this.#tabs.clear();
		this.#heard = this.#browser.clock.now();
	}

	#event(kind: string, text: string, stream: string): void {
		let data: unknown;
		try {
			if (!Object.hasOwn(this.#o.parsers, kind)) {
				throw new Error("unknown kind of event");
			}
			data = this.#o.parsers[kind as keyof E](JSON.parse(text));
		} catch (e) {
			const warn = this.#o.warn ?? (message => console.warn(message));
			warn(`event ${kind} ignored: ${e instanceof Error ? e.message : String(e)}`);
			return;
		}
		this.#channel?.postMessage({ t: "event", leader: this.tab, stream, kind, data });
		this.#dispatch(kind, data);
	}

	#dispatch(kind: string, data: unknown): void {
		for (const f of [...this.#listeners.get(kind) ?? []]) {
			f(data as never);
		}
		const id = (data as { View?: unknown } | null)?.View;
		if (typeof id === "string") {
			for (const view of this.#views) {
				if (view.id === id) {
					view.event(kind, data);
				}
			}
		}
	}

	#receive(m: TabMessage): void {
		switch (m.t) {
			case "who":
				this.#tellState();
				this.#watch(m.tab);
				return;
			case "reconnect":
				if (this.#connection) {
					this.#reconnect(m.stream);
				}
				return;
			case "state":
				if (!this.#connection) {
					this.#heard = this.#browser.clock.now();
					this.#setState(m.state);
				}
				return;
			case "event":
				if (!this.#connection && m.stream === this.#state.stream) {
					this.#heard = this.#browser.clock.now();
					this.#dispatch(m.kind, m.data);
				}
		}
	}

	#tellState(): void {
		if (this.#connection) {
			this.#channel?.postMessage({ t: "state", leader: this.tab, state: this.#connection.state });
		}
	}

	#reconnect(stream: string): void {
		if (!stream || stream === this.#state.stream) {
			this.#connection?.reconnect();
		}
	}

	#setState(state: StreamState): void {
		const before = this.#state;
		if (JSON.stringify(before) === JSON.stringify(state)) {
			return;
		}
		this.#state = state;
		for (const f of [...this.#stateListeners]) {
			f(state);
		}
		if (state.stream !== before.stream) {
			for (const view of [...this.#views]) {
				view.stream(state.stream);
			}
		}
		this.#askForLogin();
	}

	#askForLogin(): void {
		if (this.#state.reason === "session" && this.#browser.visible()) {
			this.#o.onSessionOver?.();
		}
	}

	#viewFailed(e: unknown): void {
		if (e instanceof APIError && e.code === "user:noStream") {
			this.reconnect(this.#state.stream);
		} else {
			this.#o.onError?.(e);
		}
	}

	/** The tab is looked at, or not any more. */
	#seen(): void {
		if (!this.#browser.visible()) {
			return;
		}
		this.#connection?.wake();
		this.#look();
		this.#askForLogin();
	}

	#beat(): void {
		this.#due = this.#browser.clock.now() + heartbeat;
		this.#timer = this.#browser.clock.setTimeout(() => {
			this.#tellState();
			this.#look();
			this.#beat();
		}, heartbeat);
	}

	/** Sees to it that the leader lives, in other tabs. */
	#look(): void {
		if (this.#connection || !this.#election || !this.#channel) {
			return;
		}
		const { clock, visible } = this.#browser;
		if (clock.now() - this.#due > heartbeat) {
			// It is this tab that was asleep, busy or slowed down. What the leader said meanwhile may still wait to be read, so it is asked first. With a
			// timer less late than that it has been.
			this.#heard = Math.max(this.#heard, clock.now() - patience);
		} else if (clock.now() - this.#heard > 2 * patience && visible()) {
			this.#election.steal();
			return;
		}
		if (clock.now() - this.#heard >= patience) {
			this.#channel.postMessage({ t: "who", tab: this.tab });
		}
	}

	/** Waits until a tab has gone: it has a lock of its own as long as it lives. */
	#watch(tab: string): void {
		const { locks } = this.#browser;
		const connection = this.#connection;
		const { onTabGone } = this.#o;
		if (!locks || !connection || !onTabGone || this.#tabs.has(tab)) {
			return;
		}
		this.#tabs.add(tab);
		locks.request(`${this.#o.name}/${tab}`, { signal: this.#closer.signal }, async () => {
			if (this.#connection === connection) {
				this.#tabs.delete(tab);
				onTabGone(this.#state.stream, tab);
			}
		}).catch(() => {
			// This tab is going itself.
		});
	}
}
