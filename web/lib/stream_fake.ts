import { FakeClock } from "./clock_fake";
import type { Browser } from "./streambrowser";
import type { Source } from "./streamconnection";
import type { Channel, Locks, TabMessage } from "./streamtabs";

/** A connection as the server sees it. */
export class FakeSource implements Source {
	readonly url: string;
	onmessage: Source["onmessage"] = null;
	onerror: Source["onerror"] = null;
	closed = false;
	readyState = 1;
	readonly #listeners = new Map<string, (e: MessageEvent<string>) => void>();

	constructor(url: string) {
		this.url = url;
	}

	/** The id of the stream. */
	get id(): string {
		return new URLSearchParams(this.url.split("?")[1]).get("stream") ?? "";
	}

	addEventListener(kind: string, f: (e: MessageEvent<string>) => void): void {
		this.#listeners.set(kind, f);
	}

	close(): void {
		this.closed = true;
	}

	/** Sends an event of a kind. */
	send(kind: string, data: unknown = {}): void {
		this.#listeners.get(kind)?.({ data: JSON.stringify(data) } as MessageEvent<string>);
	}

	/** Breaks the connection, or refuses it. */
	fail(refused = false): void {
		this.readyState = refused ? 2 : 0;
		this.onerror?.({} as Event);
	}
}

class FakeLocks implements Locks {
	readonly #held = new Map<string, { reject: (e: Error) => void; done: () => void }>();
	readonly #queue = new Map<string, (() => void)[]>();

	request(name: string, o: { signal?: AbortSignal; steal?: boolean }, f: () => Promise<void>): Promise<unknown> {
		return new Promise((resolve, reject) => {
			const grant = () => {
				if (o.signal?.aborted) {
					this.#next(name);
					return;
				}
				let over = false;
				const done = () => {
					over = true;
				};
				this.#held.set(name, { reject, done });
				void f().then(() => {
					resolve(undefined);
					if (!over) {
						this.#next(name);
					}
				});
			};
			o.signal?.addEventListener("abort", () => reject(new Error("AbortError")));
			const holder = this.#held.get(name);
			if (o.steal && holder) {
				holder.done();
				holder.reject(new Error("AbortError"));
				queueMicrotask(grant);
			} else if (holder) {
				this.#queue.set(name, [...this.#queue.get(name) ?? [], grant]);
			} else {
				this.#held.set(name, { reject, done: () => undefined });
				queueMicrotask(grant);
			}
		});
	}

	#next(name: string): void {
		this.#held.delete(name);
		const next = this.#queue.get(name)?.shift();
		if (next) {
			queueMicrotask(next);
		}
	}
}

/** A browser with tabs, all of whose connections the test holds. */
export class FakeWorld {
	readonly clock = new FakeClock();
	readonly sources: FakeSource[] = [];
	isOnline = true;
	readonly #locks = new FakeLocks();
	readonly #channels = new Map<string, FakeChannel[]>();
	#ids = 0;

	/** The connections that are open. */
	get open(): FakeSource[] {
		return this.sources.filter(s => !s.closed);
	}

	/** The connection that is open, which must be the only one. */
	get source(): FakeSource {
		const [source, other] = this.open;
		if (!source || other) {
			throw new Error(`${this.open.length} connections are open`);
		}
		return source;
	}

	/** Returns a new tab. */
	tab(options: { alone?: boolean } = {}): FakeTab {
		return new FakeTab(this, this.#locks, this.#channels, () => `${(++this.#ids).toString(16).padStart(12, "0")}${"f".repeat(20)}`, options.alone ?? false);
	}
}

class FakeChannel implements Channel {
	onmessage: Channel["onmessage"] = null;
	readonly #all: FakeChannel[];
	readonly #tab: FakeTab;

	constructor(all: FakeChannel[], tab: FakeTab) {
		this.#all = all;
		this.#tab = tab;
		all.push(this);
	}

	postMessage(message: TabMessage): void {
		if (this.#tab.frozen) {
			return;
		}
		for (const other of [...this.#all]) {
			if (other !== this) {
				const data = structuredClone(message);
				queueMicrotask(() => {
					if (!other.#tab.frozen) {
						other.onmessage?.({ data } as MessageEvent<TabMessage>);
					}
				});
			}
		}
	}

	close(): void {
		this.#all.splice(this.#all.indexOf(this), 1);
		this.onmessage = null;
	}
}

/** A tab of a FakeWorld. */
export class FakeTab implements Browser {
	readonly clock: FakeClock;
	readonly random = () => 1;
	readonly newID: () => string;
	readonly locks: Locks | undefined;
	readonly channel: ((name: string) => Channel) | undefined;
	/** A frozen tab neither hears nor says anything. */
	frozen = false;
	isVisible = true;
	readonly #world: FakeWorld;
	readonly #listeners = new Map<string, (() => void)[]>();

	constructor(world: FakeWorld, locks: Locks, channels: Map<string, FakeChannel[]>, newID: () => string, alone: boolean) {
		this.#world = world;
		this.clock = world.clock;
		this.newID = newID;
		this.locks = alone ? undefined : locks;
		this.channel = alone ? undefined : name => {
			const all = channels.get(name) ?? [];
			channels.set(name, all);
			return new FakeChannel(all, this);
		};
	}

	readonly online = () => this.#world.isOnline;
	readonly visible = () => this.isVisible;

	readonly open = (url: string): Source => {
		const source = new FakeSource(url);
		this.#world.sources.push(source);
		return source;
	};

	readonly listen = (event: string, f: () => void, signal: AbortSignal) => {
		this.#listeners.set(event, [...this.#listeners.get(event) ?? [], () => {
			if (!signal.aborted) {
				f();
			}
		}]);
	};

	/** Fires an event of window or document. */
	fire(event: string): void {
		for (const f of this.#listeners.get(event) ?? []) {
			f();
		}
	}
}
