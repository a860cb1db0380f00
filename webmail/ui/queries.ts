import { type Query, Role, Scope as MailScope } from "./api";
import type { App } from "./app";

/** The query of a mailbox, as settings have it. */
export function queryOf(app: App, mailbox: number): Query {
	const { settings } = app.account;
	return { Scope: MailScope.ScopeMailbox, Mailbox: mailbox, Text: "", Filters: [], Sort: settings.Sort, Oldest: false, Threads: settings.Threads };
}

/** The mailbox that a query is of, or was when a search began in it; 0 for none. */
export const mailboxOf = (q: Query): number => q.Scope === MailScope.ScopeMailbox || q.Text !== "" ? q.Mailbox : 0;

/**
 * The query for a text: where one searches already, or else in all mail but junk, and in junk for who looks at that. It keeps the mailbox
 * that one comes from, to search there and to go back to it.
 */
export function searchQuery(app: App, text: string): Query {
	const { route } = app.router;
	if (route.kind === "view" && route.query.Text !== "") return { ...route.query, Text: text };
	const mailbox = route.kind === "view" ? mailboxOf(route.query) : 0;
	const role = app.account.mailbox(mailbox)?.Role;
	const apart = role === Role.RoleJunk || role === Role.RoleTrash || role === Role.RoleRejects;
	return { ...queryOf(app, mailbox), Scope: apart ? MailScope.ScopeMailbox : MailScope.ScopeNormal, Text: text, Threads: false };
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
