import assert from "node:assert/strict";
import test from "node:test";
import { Scope } from "../../web/lib/view";
import { ComposeKind, type Query, Scope as MailScope, Sort } from "./api";
import type { Route } from "./app";
import { formatRoute, HashRouter, parseRoute, type Place } from "./router";

const defaults = { inbox: 1, threads: true, sort: Sort.SortDate };
const email = "0123456789abcdef0123456789abcdef";
const inbox: Query = { Scope: MailScope.ScopeMailbox, Mailbox: 1, Text: "", Filters: [], Sort: Sort.SortDate, Oldest: false, Threads: true };

test("addresses say it all", () => {
	const routes: Route[] = [
		{ kind: "view", query: inbox },
		{ kind: "view", query: inbox, email },
		{ kind: "view", query: { ...inbox, Mailbox: 7, Filters: ["unread", "label:a/b&c=d?#%"], Sort: Sort.SortSubject, Oldest: true, Threads: false }, email },
		{ kind: "view", query: { ...inbox, Scope: MailScope.ScopeNormal, Mailbox: 0, Text: 'from:"é ü" a+b & 100% #1?' } },
		{ kind: "view", query: { ...inbox, Scope: MailScope.ScopeAll, Mailbox: 0, Text: "x" }, email },
		{ kind: "view", query: { ...inbox, Scope: MailScope.ScopeChildren, Mailbox: 3 } },
		{ kind: "message", email },
		{ kind: "compose", request: { Kind: ComposeKind.ComposeReply, Emails: [email], Mailto: "", Quote: "" } },
		{ kind: "compose", request: { Kind: ComposeKind.ComposeNew, Emails: [], Mailto: "mailto:a@b.example?subject=x&body=y", Quote: "" } },
		{ kind: "settings", section: "keys" },
		{ kind: "scheduled" },
	];
	for (const route of routes) assert.deepEqual(parseRoute(formatRoute(route, defaults), defaults), route);
});

test("what makes no sense leads to Inbox", () => {
	for (const address of ["", "#", "#?", "#nonsense", "#mailbox", "#mailbox/0", "#mailbox/x", "#mailbox/-1", "#mailbox/99999999999", "#mailbox/%", "#search/mailbox/0", "#message/xyz", `#message/${email}0`]) {
		assert.deepEqual(parseRoute(address, defaults), { kind: "view", query: inbox }, address);
	}
});

test("parts that make no sense are left out", () => {
	assert.deepEqual(parseRoute("#mailbox/2/zzz?sort=evil&filter=nothing&filter=unread", defaults), { kind: "view", query: { ...inbox, Mailbox: 2, Filters: ["unread"] } });
	assert.deepEqual(parseRoute(`#compose/evil?email=${email}&email=x`, defaults), { kind: "compose", request: { Kind: ComposeKind.ComposeNew, Emails: [email], Mailto: "", Quote: "" } });
});

test("going on, back, and to where one is", () => {
	const history = [""];
	let told = () => {};
	const place: Place = {
		location: { get hash() { return history.at(-1)!; } },
		history: {
			pushState: (_s, _u, url) => void history.push(url),
			replaceState: (_s, _u, url) => void history.splice(-1, 1, url),
		},
		addEventListener: (_type, run) => (told = run),
	};
	const router = new HashRouter(() => defaults, place);
	const scope = new Scope();
	const seen: string[] = [];
	router.onChange(scope, (route, before) => seen.push(`${before.kind} ${route.kind}`));
	router.go({ kind: "scheduled" });
	router.go({ kind: "settings", section: "" });
	router.go({ kind: "settings", section: "keys" }, { replace: true });
	assert.deepEqual(history, ["", "#scheduled", "#settings/keys"]);
	router.go({ kind: "settings", section: "keys" });
	assert.equal(history.length, 3, "no entry for the same place");
	history.pop();
	told();
	told(); // Browsers tell twice.
	assert.equal(router.route.kind, "scheduled");
	scope.close();
	router.go({ kind: "settings", section: "" });
	assert.deepEqual(seen, ["view scheduled", "scheduled settings", "settings settings", "settings settings", "settings scheduled"]);
});
