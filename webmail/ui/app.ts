// What the parts of the webmail know of each other. Each part is given an App and uses what is here; it imports no other
// part. main.ts wires them.

import type { Scope, View } from "../../web/lib/view";
import type {
	API, AccountEvent, Acted, Action, ComposeRequest, Conversation, Draft, Identity, Item, Mailbox, Message, NewEvent, ProgressEvent, Query, Role, Row,
	Selection, Settings, Start, SubmissionEvent, ThreadEvent, Usage, ViewEvent, ViewRequest,
} from "./api";

/** Where the page is. The address after "#" says it, see router.ts; it works after loading again and in another tab. */
export type Route =
	| { readonly kind: "view"; readonly query: Query; readonly email?: string } // A list and, with email, an open message.
	| { readonly kind: "message"; readonly email: string } // A message alone, in a tab of its own.
	| { readonly kind: "compose"; readonly request: ComposeRequest } // A composer alone, in a window of its own.
	| { readonly kind: "settings"; readonly section: string }
	| { readonly kind: "scheduled" };

export interface Router {
	readonly route: Route;
	/** Goes there; replace leaves no entry in the history. */
	go(route: Route, options?: { replace?: boolean }): void;
	/** The address of a route, for links. */
	href(route: Route): string;
	/** Called for each new route until the scope ends. */
	onChange(scope: Scope, run: (route: Route, before: Route) => void): void;
}

/** What is known of the account. Lists are replaced, never changed in place. */
export interface Account {
	readonly start: Start;
	readonly mailboxes: readonly Mailbox[];
	readonly settings: Settings;
	readonly usage: Usage;
	readonly identities: readonly Identity[];
	readonly scheduled: number;
	readonly connection: "live" | "connecting" | "offline";
	mailbox(id: number): Mailbox | undefined;
	withRole(role: Role): Mailbox | undefined;
	/** Tells whether an address is one of the account's. */
	isMine(address: string): boolean;
	/** Changes settings at once, and saves them a moment later; also those that another tab changed meanwhile are kept. */
	change(change: Partial<Settings>): void;
	/** Called after any of the named parts changed, until the scope ends. */
	on(scope: Scope, parts: readonly ("mailboxes" | "settings" | "usage" | "identities" | "scheduled" | "connection")[], run: () => void): void;
}

/** A view of the server that is open: its events come here, also after the stream was lost and found again. */
export interface ServerView {
	readonly id: string;
	/** Asks for rows. */
	range(first: number, count: number): void;
	/** Asks for another query in its place. */
	open(query: Query, first: number, count: number, email?: string): void;
	close(): void;
}

export interface Streams {
	readonly id: string;
	/** Opens a view. Reopened gives the rows that are shown, when the server has forgotten the view. */
	view(request: Pick<ViewRequest, "Query" | "First" | "Count" | "Email">, on: (event: ViewEvent) => void, reopened: () => { First: number; Count: number }): ServerView;
	/** Follows a conversation until the scope ends; again is called when it should be read anew. */
	thread(scope: Scope, thread: string, mailbox: number, on: (event: ThreadEvent) => void, again: (conversation: Conversation) => void): Promise<Conversation>;
	on(scope: Scope, kind: "new", run: (event: NewEvent) => void): void;
	on(scope: Scope, kind: "submission", run: (event: SubmissionEvent) => void): void;
	on(scope: Scope, kind: "account", run: (event: AccountEvent) => void): void;
	on(scope: Scope, kind: "progress", run: (event: ProgressEvent) => void): void;
}

/** A change that is shown before the server has made it. Rows and items that fit are changed, or leave the list. */
export interface Optimistic {
	/** Emails of rows and messages; for conversations their threads. */
	readonly emails: ReadonlySet<string>;
	readonly threads: ReadonlySet<string>;
	readonly all: boolean; // Every row of query but those in except.
	readonly query: Query | null;
	readonly except: ReadonlySet<string>;
	readonly change: { readonly seen?: boolean; readonly flagged?: boolean; readonly muted?: boolean; readonly addLabels?: readonly string[]; readonly removeLabels?: readonly string[] };
	/** They leave the list. */
	readonly leaves: boolean;
}

/** What an action is done to, as the page sees it. */
export interface Target {
	/** For the server. */
	readonly selection: Selection;
	/** Rows or items as shown, for what is shown at once, and for words. */
	readonly rows: readonly (Row | Item)[];
	readonly all: boolean;
	readonly except: ReadonlySet<string>;
	/** How many messages or conversations, for words. */
	readonly count: number;
}

export interface Actions {
	/** Does it: shows it at once, tells in a toast with Undo what was done, and takes it back if the server refuses. */
	act(target: Target, action: Action): Promise<Acted | undefined>;
	/** Undoes the last action that can be (key z). */
	undo(): void;
	/** The list and the reader show changes at once by this. Settle ends one: with ok, the events of the server tell the truth from then on. */
	onOptimistic(scope: Scope, apply: (o: Optimistic) => void, settle: (o: Optimistic, ok: boolean) => void): void;
	/** Asks for a mailbox of those that fit, by typing; null if the user gives up. */
	pickMailbox(title: string, fits: (m: Mailbox) => boolean): Promise<Mailbox | null>;
	/** Asks for labels. */
	pickLabels(title: string, present: readonly string[]): Promise<{ add: string[]; remove: string[] } | null>;
	/** Tells the user something, in a toast. Undo is a button, for so many seconds. */
	say(text: string, undo?: () => void, seconds?: number): void;
	/** Tells what the server has done, with Undo by its token; empty if it cannot be undone. */
	done(text: string, undo: string): void;
	/** Tells of an error, with what can be done. */
	fail(error: unknown, what: string): void;
}

/** The list, as others use it. */
export interface List extends View {
	show(query: Query, email?: string): void;
	/** What commands are done to: the selected rows, or the one with the focus. Null for none. */
	target(): Target | null;
	/** Goes on to the next message after one left or on a key. */
	step(by: 1 | -1, options?: { unread?: boolean }): void;
	focus(): void;
}

/** The reader, as others use it. */
export interface Reader extends View {
	/** Shows the conversation, or message, of a row. */
	show(row: Row, query: Query): void;
	/** Shows a message by its id, such as after a link was followed. */
	open(email: string): void;
	empty(): void;
	/** The messages that are shown, as the target of an action; null for none. */
	target(): Target | null;
	/** The open message, if its details are there. */
	message(): Message | null;
	focus(): void;
}

/** What is typed while a composer is being opened. */
export interface TypedAhead {
	/** Keys, as events name them. */
	readonly keys: readonly string[];
	/** Is aborted when the opening is given up. */
	readonly signal: AbortSignal;
	/** Whether somebody has gone on to type elsewhere. */
	readonly elsewhere: boolean;
}

export interface Composers {
	/** Opens a composer, which is loaded when first used, and types into it what was typed since it was asked for. */
	open(request: ComposeRequest, typed?: TypedAhead): Promise<void>;
	/** Goes on with a draft that is at hand, such as one whose sending was undone. */
	edit(draft: Draft): Promise<void>;
}

/** Commands have names, see keys.ts. A part registers those it can do. */
export interface Commands {
	/** Registers commands until the scope ends. A command that returns false was not possible. The last one registered for a name is asked first. */
	register(scope: Scope, commands: { readonly [name: string]: () => boolean | void }): void;
	run(name: string): boolean;
	/** The keys of a command as text, for menus and tooltips; empty for none. */
	keys(name: string): string;
}

export interface App {
	readonly api: API;
	readonly account: Account;
	readonly router: Router;
	readonly streams: Streams;
	readonly actions: Actions;
	readonly commands: Commands;
	readonly composers: Composers;
	/** The token for requests that change something, without the API. With one that was refused another, after a login if it takes that. */
	csrf(refused?: string): Promise<string>;
	/** "phone" below 768 CSS pixels, "narrow" below 1100. */
	readonly layout: "phone" | "narrow" | "wide";
	onLayout(scope: Scope, run: () => void): void;
	/** "light" or "dark", as shown. */
	readonly dark: boolean;
	onDark(scope: Scope, run: () => void): void;
}
