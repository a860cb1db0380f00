/** A view of this tab in the stream. */
export interface StreamView<E> {
	/** Its id, different from those of all other views, tabs and times. */
	readonly id: string;
	/** Calls f with events of a kind that are of this view. */
	on<K extends keyof E & string>(kind: K, f: (data: E[K]) => void): void;
	/** Opens it again in the stream, if that is live: what it shall show has changed. */
	reopen(): void;
	/** Takes it out of the stream for good. The server is to be told by the caller. */
	close(): void;
}

/** Opens a view: calls the API with the stream and the id of the view, and what is known already. The signal is aborted when that stream is lost, or the view opened again or closed. */
export type OpenView = (stream: string, view: string, signal: AbortSignal) => Promise<void>;

/** What Stream.view makes. */
export class View<E> implements StreamView<E> {
	readonly id: string;
	readonly #open: OpenView;
	readonly #failed: (e: unknown) => void;
	readonly #closed: (v: View<E>) => void;
	readonly #listeners = new Map<string, ((data: never) => void)[]>();
	#stream = "";
	#aborter = new AbortController();

	constructor(id: string, open: OpenView, failed: (e: unknown) => void, closed: (v: View<E>) => void) {
		this.id = id;
		this.#open = open;
		this.#failed = failed;
		this.#closed = closed;
	}

	on<K extends keyof E & string>(kind: K, f: (data: E[K]) => void): void {
		this.#listeners.set(kind, [...this.#listeners.get(kind) ?? [], f]);
	}

	reopen(): void {
		this.stream(this.#stream);
	}

	close(): void {
		this.stream("");
		this.#listeners.clear();
		this.#closed(this);
	}

	/** There is another stream, or none. */
	stream(stream: string): void {
		this.#aborter.abort(new DOMException("the stream or the view has changed", "AbortError"));
		this.#stream = stream;
		if (!stream) {
			return;
		}
		const aborter = this.#aborter = new AbortController();
		this.#open(stream, this.id, aborter.signal).catch((e: unknown) => {
			if (!aborter.signal.aborted) {
				this.#failed(e);
			}
		});
	}

	event(kind: string, data: unknown): void {
		for (const f of this.#listeners.get(kind) ?? []) {
			f(data as never);
		}
	}
}
