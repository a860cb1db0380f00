import { type Query, Scope as MailScope } from "./api";
import type { App } from "./app";

/** The query of a mailbox, as settings have it. */
export function queryOf(app: App, mailbox: number): Query {
	const { settings } = app.account;
	return { Scope: MailScope.ScopeMailbox, Mailbox: mailbox, Text: "", Filters: [], Sort: settings.Sort, Oldest: false, Threads: settings.Threads };
}

/** The query for a text: where one searches already, or else in all mail but junk. */
export function searchQuery(app: App, text: string): Query {
	const { route } = app.router;
	const searching = route.kind === "view" && route.query.Text !== "";
	return searching
		? { ...route.query, Text: text }
		: { ...queryOf(app, 0), Scope: MailScope.ScopeNormal, Text: text, Threads: false };
}

/** Tells whether two queries find the same messages, however they are shown. */
export function sameMessages(a: Query, b: Query): boolean {
	return sameQuery(a, { ...b, Sort: a.Sort, Oldest: a.Oldest, Threads: a.Threads });
}

/** Tells whether two queries show the same. */
export function sameQuery(a: Query, b: Query): boolean {
	return a.Scope === b.Scope && a.Mailbox === b.Mailbox && a.Text === b.Text && a.Sort === b.Sort && a.Oldest === b.Oldest && a.Threads === b.Threads
		&& a.Filters.length === b.Filters.length && a.Filters.every((f, i) => f === b.Filters[i]);
}
