import { Stream, type StreamState } from "../../web/lib/stream";
import type { Scope } from "../../web/lib/view";
import { type API, type Conversation, type Named, type Query, type ThreadEvent, type ViewEvent, parse } from "./api";
import type { ServerView, Streams } from "./app";

/** The kinds of events, with their types. */
interface Events {
	readonly hello: Named["HelloEvent"];
	readonly view: Named["ViewEvent"];
	readonly thread: Named["ThreadEvent"];
	readonly account: Named["AccountEvent"];
	readonly new: Named["NewEvent"];
	readonly progress: Named["ProgressEvent"];
	readonly submission: Named["SubmissionEvent"];
}

/** When the server is told that a conversation is not shown any more, in milliseconds. */
const unhurried = 300;

export interface StreamsOptions {
	readonly api: API;
	/** The name of the account, and the version of the page. */
	readonly account: string;
	readonly version: string;
	/** Tells whether the session goes on. */
	readonly session: () => Promise<boolean>;
	readonly onSessionOver: () => void;
	readonly onError: (e: unknown) => void;
	readonly onState: (state: StreamState) => void;
	/** The server is of another version than the page, which is to be loaded again when that suits. */
	readonly onOtherVersion: () => void;
}

/** The views of this tab, in the stream of the browser. */
export class BrowserStreams implements Streams {
	readonly #o: StreamsOptions;
	readonly #stream: Stream<Events>;

	constructor(o: StreamsOptions) {
		this.#o = o;
		this.#stream = new Stream<Events>({
			name: `mox-webmail/${o.account}/${o.version}`,
			parsers: {
				hello: (v) => parse("HelloEvent", v),
				view: (v) => parse("ViewEvent", v),
				thread: (v) => parse("ThreadEvent", v),
				account: (v) => parse("AccountEvent", v),
				new: (v) => parse("NewEvent", v),
				progress: (v) => parse("ProgressEvent", v),
				submission: (v) => parse("SubmissionEvent", v),
			},
			session: o.session,
			onSessionOver: o.onSessionOver,
			onError: o.onError,
			onTabGone: (stream, tab) => void o.api.ViewClose(stream, [tab + "."]).catch(() => {}),
		});
		this.#stream.onState(o.onState);
		this.#stream.on("hello", (hello) => {
			if (hello.Version !== o.version) o.onOtherVersion();
		});
	}

	get id(): string {
		return this.#stream.state.stream;
	}

	/** Connects again: somebody has logged in, or asks for it. */
	reconnect(): void {
		this.#stream.reconnect();
	}

	view(request: { Query: Query; First: number; Count: number; Email: string }, on: (event: ViewEvent) => void, reopened: () => { First: number; Count: number }): ServerView {
		let { Query, First, Count, Email } = request;
		let modseq = 0;
		let told = false;
		const { api } = this.#o;
		const open = () => {
			const view = this.#stream.view(async (stream, id, signal) => {
				// Once it has told something, what is shown now is wanted, and not what was at first.
				await api.ViewOpen({ Stream: stream, View: id, Query, ...told ? reopened() : { First, Count }, Email: told ? "" : Email, ModSeq: modseq }, { signal });
			});
			view.on("view", (event) => {
				modseq = event.ModSeq;
				told = true;
				on(event);
			});
			return view;
		};
		let view = open();
		const close = () => {
			view.close();
			if (this.id) api.ViewClose(this.id, [view.id]).catch(() => {});
		};
		const failed = (e: unknown) => {
			// A stream or view that is gone is opened again; what it shows then comes by itself.
			if (!this.#lost(e)) this.#o.onError(e);
		};
		return {
			get id() {
				return view.id;
			},
			range: (f, n) => {
				if (this.id) api.ViewRange(this.id, view.id, f, n).catch(failed);
			},
			open: (query, f, n, email = "") => {
				Query = query;
				First = f;
				Count = n;
				Email = email;
				modseq = 0;
				told = false;
				// With a name of its own: events of the query before, which may be on their way still, are not for this one.
				close();
				view = open();
			},
			close,
		};
	}

	async thread(scope: Scope, thread: string, mailbox: number, on: (event: ThreadEvent) => void, again: (conversation: Conversation) => void): Promise<Conversation> {
		const { api } = this.#o;
		let follows = false;
		const view = this.#stream.view(async (stream, id, signal) => {
			if (!follows) return;
			again(await api.Thread(stream, id, thread, mailbox, { signal }));
		});
		view.on("thread", on);
		scope.onClose(() => {
			view.close();
			// What is shown next goes first.
			const { id } = this;
			if (id) setTimeout(() => void api.ViewClose(id, [view.id]).catch(() => {}), unhurried);
		});
		const conversation = await api.Thread(this.id, view.id, thread, mailbox, { signal: scope.signal });
		follows = true;
		if (!this.id) view.reopen();
		return conversation;
	}

	on<K extends "new" | "submission" | "account" | "progress">(scope: Scope, kind: K, run: (event: Events[K]) => void): void {
		scope.onClose(this.#stream.on(kind, run));
	}

	/** Sees to it that what the server has forgotten is opened again; false for another error. */
	#lost(e: unknown): boolean {
		const code = (e as { code?: string }).code;
		if (code === "user:noStream") {
			this.#stream.reconnect(this.id);
			return true;
		}
		return code === "user:noView" || e instanceof DOMException && e.name === "AbortError";
	}
}
