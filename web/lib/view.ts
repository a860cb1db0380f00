/**
 * A part of the page: an element, and verbs that say what changed. Nothing redraws by itself. After close it listens to
 * nothing, and its element is out of the document.
 */
export interface View {
	readonly root: HTMLElement;
	close(): void;
}

const open = new Set<Scope>();

/** Returns how many scopes are open; tests see by it that all that was opened is closed. */
export function openScopes(): number {
	return open.size;
}

/**
 * How long a view lives: the one AbortController of a view. Listeners on what outlives the view (document, window, other
 * views), timers and inner views belong to its scope, and end with it.
 */
export class Scope {
	readonly #controller = new AbortController();

	constructor() {
		open.add(this);
	}

	/** Aborted by close. For fetch, addEventListener and promises. */
	get signal(): AbortSignal {
		return this.#controller.signal;
	}

	get closed(): boolean {
		return this.signal.aborted;
	}

	/** Ends everything. The second call does nothing. */
	close(): void {
		open.delete(this);
		this.#controller.abort();
	}

	/** Calls run at close, or at once if that has been. */
	onClose(run: () => void): void {
		if (this.closed) run();
		else this.signal.addEventListener("abort", run, { once: true });
	}

	/** Closes the view along with this scope. Returns it. */
	own<V extends { close(): void }>(view: V): V {
		this.onClose(() => view.close());
		return view;
	}

	/** Listens until close. */
	listen<T extends keyof WindowEventMap>(target: Window, type: T, handler: (event: WindowEventMap[T]) => void, options?: { capture?: boolean; passive?: boolean }): void;
	listen<T extends keyof DocumentEventMap>(target: Document, type: T, handler: (event: DocumentEventMap[T]) => void, options?: { capture?: boolean; passive?: boolean }): void;
	listen<T extends keyof HTMLElementEventMap>(target: HTMLElement, type: T, handler: (event: HTMLElementEventMap[T]) => void, options?: { capture?: boolean; passive?: boolean }): void;
	listen(target: EventTarget, type: string, handler: (event: Event) => void, options?: { capture?: boolean; passive?: boolean }): void;
	listen(target: EventTarget, type: string, handler: (event: never) => void, options: { capture?: boolean; passive?: boolean } = {}): void {
		target.addEventListener(type, handler as EventListener, { ...options, signal: this.signal });
	}

	/** Calls run after ms milliseconds, unless closed before. Returns a function that calls it off. */
	after(ms: number, run: () => void): () => void {
		if (this.closed) return () => {};
		const cancel = () => {
			clearTimeout(timer);
			this.signal.removeEventListener("abort", cancel);
		};
		const timer = setTimeout(() => {
			this.signal.removeEventListener("abort", cancel);
			run();
		}, ms);
		this.signal.addEventListener("abort", cancel, { once: true });
		return cancel;
	}
}
