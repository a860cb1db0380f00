import type { Scope } from "../../web/lib/view";
import { ComposeKind, type Query, Scope as MailScope, Sort } from "./api";
import type { Route, Router } from "./app";

/** The part of window that the router needs. */
export interface Place {
	readonly location: { hash: string };
	readonly history: { pushState(state: unknown, unused: string, url: string): void; replaceState(state: unknown, unused: string, url: string): void };
	addEventListener(type: "popstate" | "hashchange", run: () => void): void;
}

/** What a query is without more being said. */
export interface Defaults {
	/** The mailbox to begin with. */
	readonly inbox: number;
	readonly threads: boolean;
	readonly sort: Sort;
}

const values = <T extends string>(all: { readonly [name: string]: T }, value: string | null, otherwise: T): T =>
	Object.values(all).find((v) => v === value) ?? otherwise;

/** The filters there are, and what one by a label begins with. */
export const filters: readonly string[] = ["unread", "read", "flagged", "attachment", "tome"];
export const labelFilter = "label:";

const emailID = /^[0-9a-f]{32}$/;

/**
 * Returns the route of an address, which is the part after "#". What makes no sense leads to the default. Addresses are
 *
 *	mailbox/ID[/EMAIL]              a mailbox, and a message open in it
 *	search/SCOPE/ID[/EMAIL]         messages of several mailboxes
 *	message/EMAIL                   a message alone
 *	compose/KIND                    a composer alone
 *	settings/SECTION, scheduled
 *
 * with parameters like those of an URL for the rest of the query.
 */
export function parseRoute(address: string, defaults: Defaults): Route {
	const [path = "", search = ""] = address.replace(/^#/, "").split(/\?(.*)/s, 2);
	const parts = path.split("/").map((p) => {
		try {
			return decodeURIComponent(p);
		} catch {
			return "";
		}
	});
	const params = new URLSearchParams(search);
	const query = (scope: MailScope, mailbox: string | undefined): Query => ({
		Scope: scope,
		Mailbox: /^\d{1,9}$/.test(mailbox ?? "") ? Number(mailbox) : 0,
		Text: params.get("q") ?? "",
		Filters: params.getAll("filter").filter((f) => filters.includes(f) || f.startsWith(labelFilter)),
		Sort: values(Sort, params.get("sort"), defaults.sort),
		Oldest: params.has("oldest"),
		Threads: params.has("threads") ? params.get("threads") !== "0" : defaults.threads,
	});
	const view = (query: Query, email: string | undefined): Route =>
		email !== undefined && emailID.test(email) ? { kind: "view", query, email } : { kind: "view", query };
	switch (parts[0]) {
		case "mailbox": {
			const q = query(MailScope.ScopeMailbox, parts[1]);
			if (q.Mailbox > 0) return view(q, parts[2]);
			break;
		}
		case "search": {
			const scope = values(MailScope, parts[1] ?? null, MailScope.ScopeNormal);
			const q = query(scope, parts[2]);
			if (q.Mailbox > 0 || scope === MailScope.ScopeNormal || scope === MailScope.ScopeAll) return view(q, parts[3]);
			break;
		}
		case "message":
			if (emailID.test(parts[1] ?? "")) return { kind: "message", email: parts[1]! };
			break;
		case "compose": {
			const Kind = values(ComposeKind, parts[1] ?? null, ComposeKind.ComposeNew);
			const Emails = params.getAll("email").filter((e) => emailID.test(e));
			return { kind: "compose", request: { Kind, Emails, Mailto: params.get("mailto") ?? "", Quote: "" } };
		}
		case "settings":
			return { kind: "settings", section: parts[1] ?? "" };
		case "scheduled":
			return { kind: "scheduled" };
	}
	return { kind: "view", query: { ...query(MailScope.ScopeMailbox, String(defaults.inbox)), Text: "", Filters: [] } };
}

/** Returns the address of a route, with "#". */
export function formatRoute(route: Route, defaults: Defaults): string {
	switch (route.kind) {
		case "message":
			return `#message/${route.email}`;
		case "settings":
			return `#settings/${encodeURIComponent(route.section)}`;
		case "scheduled":
			return "#scheduled";
		case "compose": {
			const params = new URLSearchParams();
			for (const e of route.request.Emails) params.append("email", e);
			if (route.request.Mailto) params.set("mailto", route.request.Mailto);
			return `#compose/${route.request.Kind}${question(params)}`;
		}
	}
	const q = route.query;
	const params = new URLSearchParams();
	if (q.Text) params.set("q", q.Text);
	for (const f of q.Filters) params.append("filter", f);
	if (q.Sort !== defaults.sort) params.set("sort", q.Sort);
	if (q.Oldest) params.set("oldest", "1");
	if (q.Threads !== defaults.threads) params.set("threads", q.Threads ? "1" : "0");
	const path = q.Scope === MailScope.ScopeMailbox ? `mailbox/${q.Mailbox}` : `search/${q.Scope}/${q.Mailbox}`;
	return `#${path}${route.email === undefined ? "" : "/" + route.email}${question(params)}`;
}

const question = (params: URLSearchParams): string => params.size > 0 ? `?${params}` : "";

/** Follows the address of the page. */
export class HashRouter implements Router {
	readonly #place: Place;
	readonly #defaults: () => Defaults;
	readonly #listeners = new Set<(route: Route, before: Route) => void>();
	#address: string;
	#route: Route;

	constructor(defaults: () => Defaults, place: Place = window) {
		this.#place = place;
		this.#defaults = defaults;
		this.#address = place.location.hash;
		this.#route = parseRoute(this.#address, defaults());
		// Going back, and an address that is typed. Browsers tell of some by both events.
		place.addEventListener("popstate", () => this.#follow());
		place.addEventListener("hashchange", () => this.#follow());
	}

	get route(): Route {
		return this.#route;
	}

	go(route: Route, { replace = false }: { replace?: boolean } = {}): void {
		const address = this.href(route);
		if (address === this.#address) {
			this.#change(route);
			return;
		}
		this.#address = address;
		if (replace) this.#place.history.replaceState(null, "", address);
		else this.#place.history.pushState(null, "", address);
		this.#change(route);
	}

	href(route: Route): string {
		return formatRoute(route, this.#defaults());
	}

	onChange(scope: Scope, run: (route: Route, before: Route) => void): void {
		this.#listeners.add(run);
		scope.onClose(() => this.#listeners.delete(run));
	}

	#follow(): void {
		const address = this.#place.location.hash;
		if (address === this.#address) return;
		this.#address = address;
		this.#change(parseRoute(address, this.#defaults()));
	}

	#change(route: Route): void {
		const before = this.#route;
		this.#route = route;
		for (const run of [...this.#listeners]) run(route, before);
	}
}
