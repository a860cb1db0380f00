import type { StreamState } from "./streamconnection";

/** What a tab says to the others. */
export type TabMessage =
	/** A tab is new, or has not heard of the leader for long; the leader answers with its state. */
	| { readonly t: "who"; readonly tab: string }
	/** The state of the leader: on changes, as an answer, and every some seconds. */
	| { readonly t: "state"; readonly leader: string; readonly state: StreamState }
	/** An event of the stream, checked already. */
	| { readonly t: "event"; readonly leader: string; readonly stream: string; readonly kind: string; readonly data: unknown }
	/** The leader shall connect again; if it is about a stream, then only if that is still the one. */
	| { readonly t: "reconnect"; readonly stream: string };

/** What tabs need of BroadcastChannel. */
export interface Channel {
	onmessage: ((e: MessageEvent<TabMessage>) => void) | null;
	postMessage(message: TabMessage): void;
	close(): void;
}

/** What tabs need of navigator.locks. */
export interface Locks {
	request(name: string, options: { signal?: AbortSignal; steal?: boolean }, f: () => Promise<void>): Promise<unknown>;
}

/** Holds a place in the queue for leading: the tab that has the lock leads, and the next does when it goes. */
export class Election {
	readonly #locks: Locks;
	readonly #name: string;
	readonly #onLead: () => void;
	readonly #onFollow: () => void;
	#queued: AbortController | undefined;
	#release: (() => void) | undefined;
	#leads = false;

	/** onLead is called when the tab begins to lead, onFollow when another has taken that from it. */
	constructor(locks: Locks, name: string, onLead: () => void, onFollow: () => void) {
		this.#locks = locks;
		this.#name = name;
		this.#onLead = onLead;
		this.#onFollow = onFollow;
	}

	get leads(): boolean {
		return this.#leads;
	}

	/** Gets in line. */
	join(): void {
		this.#request({});
	}

	/** Takes the lead from a tab that does not answer, as those do not that the browser has frozen. */
	steal(): void {
		this.#request({ steal: true });
	}

	/** Gets out of line, or lets the next tab lead. onFollow is not called. */
	leave(): void {
		this.#queued?.abort();
		this.#queued = undefined;
		this.#leads = false;
		this.#release?.();
		this.#release = undefined;
	}

	#request(options: { steal?: boolean }): void {
		this.leave();
		const queued = this.#queued = new AbortController();
		// A request that steals cannot be taken back.
		this.#locks.request(this.#name, options.steal ? options : { signal: queued.signal }, () => {
			if (queued.signal.aborted) {
				return Promise.resolve();
			}
			this.#leads = true;
			return new Promise(resolve => {
				this.#release = resolve;
				this.#onLead();
			});
		}).catch(() => {
			if (this.#queued === queued) {
				// Another tab has stolen it.
				this.#release = undefined;
				this.#leads = false;
				this.#onFollow();
				this.join();
			}
		});
	}
}
