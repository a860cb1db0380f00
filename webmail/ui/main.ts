// The page. Everything is made and wired here; what the parts know of each other is in app.ts.

import { Toasts } from "../../web/components/toast/toast";
import { Tooltips } from "../../web/components/tooltip/tooltip";
import { APIError, Session } from "../../web/lib/api";
import { Announcer } from "../../web/lib/announce";
import { laterStyle } from "../../web/lib/style";
import { Scope, type View } from "../../web/lib/view";
import { AccountState } from "./account";
import { PageActions } from "./actions";
import { ActionKind, type API, type ComposeRequest, connect, type Draft, parse, Role, Scope as MailScope } from "./api";
import type { App, Composers, Route } from "./app";
import { PageCommands } from "./commands";
import { setTimeZone, timeZone } from "./dates";
import { TypedKeys } from "./composer/typedkeys";
import type { KeyHint } from "./keyhint";
import type { Scope as KeyScope } from "./keys";
import { MessageList } from "./list/list";
import { Notifier } from "./notify";
import { isMissingPart } from "./parts";
import { queryOf, sameQuery } from "./queries";
import { ConversationReader } from "./reader/reader";
import { HashRouter } from "./router";
import { Shell } from "./shell";
import { Sidebar } from "./sidebar";
import { BrowserStreams } from "./streams";
import { t } from "./texts";

/** The page, from the data in it. */
class Page implements App {
	readonly api: API;
	readonly account: AccountState;
	readonly router: HashRouter;
	readonly streams: BrowserStreams;
	readonly actions: PageActions;
	readonly commands: PageCommands;
	readonly composers: Composers;
	readonly #scope = new Scope();
	readonly #phone = matchMedia("(max-width: 767px)");
	readonly #narrow = matchMedia("(max-width: 1099px)");
	readonly #darkSystem = matchMedia("(prefers-color-scheme: dark)");
	readonly #list: MessageList;
	readonly #reader: ConversationReader;
	readonly #shell: Shell;
	readonly #sidebar: Sidebar;
	readonly #announcer = new Announcer();
	#shownEmail = ""; // Of the message in the reader.
	readonly csrf: App["csrf"];
	#hint: Promise<KeyHint> | undefined;
	#ownPage: View | undefined; // Settings, or what is sent later.

	constructor() {
		const start = parse("Start", JSON.parse(document.getElementById("data")!.textContent));
		const scope = this.#scope;
		const address = start.Identities[0]?.Address ?? start.Account;
		const session = new Session({
			ask: async (logIn, signal) => (await import("./loginagain")).askLogin(address)(logIn, signal),
			state: { Account: start.Account, Session: "", CSRF: start.CSRF, Created: new Date(), Expires: new Date(Date.now() + 3_600_000) },
			...(typeof BroadcastChannel === "function" && { channel: new BroadcastChannel(`mox-webmail-session/${start.Account}`) }),
		});
		this.api = connect({ session, headers: () => ({ "x-mox-zone": timeZone() }), safe: ["Thread", "Message", "Hints", "Headers", "Find", "ViewRange", "ViewClose", "SearchTerms", "Settings", "Recipients", "RecipientSecurity", "Scheduled", "Warnings", "Compose"] });
		this.csrf = async (refused) => {
			if (refused !== undefined) await session.renew(refused);
			return session.csrf();
		};
		const toasts = new Toasts(t("notices"), t("close"));
		this.account = new AccountState(start, this.api, (e) => this.actions.fail(e, t("settings.failed")));
		this.#theme();
		setTimeZone(this.account.settings.TimeZone);
		this.account.on(scope, ["settings"], () => {
			this.#theme();
			setTimeZone(this.account.settings.TimeZone);
		});
		scope.listen(document, "visibilitychange", () => document.visibilityState === "hidden" && this.account.flush());
		// Parts of the page that are loaded when needed, and were not.
		scope.listen(window, "unhandledrejection", (event) => {
			if (isMissingPart(event.reason)) this.actions.fail(event.reason, t("part.failed"));
		});
		scope.listen(this.#darkSystem, "change", () => this.#theme());
		this.router = new HashRouter(() => ({ inbox: this.account.withRole(Role.RoleInbox)?.ID ?? 0, threads: this.account.settings.Threads, sort: this.account.settings.Sort }));
		this.streams = new BrowserStreams({
			api: this.api, account: start.Account, version: start.Version,
			session: () => session.check(),
			onSessionOver: () => void session.renew().then(() => this.streams.reconnect(), () => {}),
			onError: (e) => this.actions.fail(e, t("view.failed")),
			// While somebody is asked to log in again, the server is reached.
			onState: (state) => this.account.setConnection(state.reason === "session" ? "connecting" : state.status),
			onOtherVersion: () => this.actions.offerReload(),
		});
		this.streams.on(scope, "account", (e) => this.account.apply(e));
		this.actions = new PageActions({ api: this.api, account: this.account, streams: this.streams, toasts, scope });
		this.commands = new PageCommands(scope, this.account, () => this.#where(), (keys) => this.#pending(keys));
		this.composers = new LazyComposers(this);

		this.#list = new MessageList(this, {
			open: (row, query) => {
				this.#shownEmail = row.Email;
				this.#reader.show(row, query);
				this.router.go({ kind: "view", query, email: row.Email }, { replace: this.router.route.kind === "view" && this.router.route.email !== undefined && this.layout !== "phone" });
				this.#shell.show("reader");
				this.#reader.prepare(this.#list.beside());
			},
			leave: () => this.#reader.empty(),
		});
		this.#reader = new ConversationReader(this, { back: () => this.#back(), step: (by, unread) => this.#list.step(by, { unread }) });
		this.#sidebar = new Sidebar({ app: this, dropped: (to) => this.#dropped(to) });
		this.#shell = new Shell({ app: this, sidebar: this.#sidebar, list: this.#list, reader: this.#reader, help: () => this.#help(), logOut: () => void this.#logOut(session) });
		document.body.prepend(this.#shell.root, toasts.root, this.#announcer.root);
		new Tooltips();
		new Notifier(this, scope, (text) => this.#announcer.say(text));
		this.#register();
		this.router.onChange(scope, (route, before) => this.#go(route, before));
		this.#go(this.router.route);
		for (const m of [this.#phone, this.#narrow]) scope.listen(m, "change", () => this.#layoutChanged());
	}

	readonly #layoutListeners = new Set<() => void>();
	readonly #darkListeners = new Set<() => void>();

	get layout(): "phone" | "narrow" | "wide" {
		return this.#phone.matches ? "phone" : this.#narrow.matches ? "narrow" : "wide";
	}

	onLayout(scope: Scope, run: () => void): void {
		this.#layoutListeners.add(run);
		scope.onClose(() => this.#layoutListeners.delete(run));
	}

	get dark(): boolean {
		const { Theme } = this.account.settings;
		return Theme === "dark" || Theme === "" && this.#darkSystem.matches;
	}

	onDark(scope: Scope, run: () => void): void {
		this.#darkListeners.add(run);
		scope.onClose(() => this.#darkListeners.delete(run));
	}

	/** Shows the theme, and keeps it for the next first paint. */
	#theme(): void {
		const { Theme } = this.account.settings;
		const root = document.documentElement;
		if (Theme === "") delete root.dataset["theme"];
		else root.dataset["theme"] = Theme;
		try {
			localStorage.setItem("mox-theme", Theme);
		} catch {
			// Not every browser lets pages keep something.
		}
		for (const run of this.#darkListeners) run();
	}

	#layoutChanged(): void {
		for (const run of this.#layoutListeners) run();
	}

	/** Shows what the address says. */
	#go(route: Route, before?: Route): void {
		if (route.kind !== "settings" && route.kind !== "scheduled") {
			this.#ownPage?.close();
			this.#ownPage = undefined;
		}
		const same = before?.kind === "view" && route.kind === "view" && sameQuery(before.query, route.query);
		// What is being typed stays while a message is opened.
		if (!same || before.email === route.email) this.#shell.search.set(route.kind === "view" ? route.query.Text : "");
		switch (route.kind) {
			case "view": {
				if (!same) this.#list.show(route.query, route.email);
				if (same && this.#shownEmail !== (route.email ?? "")) this.#list.read(route.email ?? "");
				if (route.email === undefined) {
					this.#shownEmail = "";
					if (!same || before?.email !== undefined) this.#reader.empty();
					this.#shell.show("list");
				} else {
					if (this.#shownEmail !== route.email) this.#reader.open(route.email);
					this.#shownEmail = route.email;
					this.#shell.show("reader");
				}
				break;
			}
			case "message":
				this.#shownEmail = route.email;
				this.#reader.open(route.email);
				this.#shell.show("reader");
				break;
			case "compose":
				if (before === undefined) this.#list.show(queryOf(this, this.account.withRole(Role.RoleInbox)?.ID ?? 0));
				void this.composers.open(route.request);
				break;
			case "settings":
				void this.#settings(route);
				break;
			case "scheduled":
				void this.#scheduled(route);
				break;
		}
	}

	async #settings(route: Route & { kind: "settings" }): Promise<void> {
		const { SettingsPage } = await import("./settings/settings");
		if (this.router.route !== route) return; // One has gone on meanwhile.
		if (this.#ownPage instanceof SettingsPage) this.#ownPage.show(route.section);
		else this.#showPage(new SettingsPage(this, this.commands, route.section));
	}

	async #scheduled(route: Route): Promise<void> {
		const [{ ScheduledPage }] = await importComposers();
		if (this.router.route === route) this.#showPage(new ScheduledPage(this));
	}

	#showPage(page: View): void {
		this.#ownPage?.close();
		this.#ownPage = page;
		this.#shell.show("page", page.root);
	}

	#back(): void {
		const { route } = this.router;
		const inbox = this.account.withRole(Role.RoleInbox)?.ID ?? 0;
		this.router.go({ kind: "view", query: route.kind === "view" ? route.query : queryOf(this, inbox) });
		this.#list.focus();
	}

	/** Where the focus is, for keys. */
	#where(): KeyScope[] {
		const at = document.activeElement;
		if (at?.closest(".composer")) return ["composer"];
		if (at?.closest(".viewer")) return ["viewer"];
		if (this.#ownPage) return []; // What is behind it is not seen.
		if (at?.closest(".sidebar")) return ["mailboxes", "list", "reader"];
		return at?.closest(".reader") ? ["reader", "list"] : ["list", "reader"];
	}

	/** Keys are pressed that begin a sequence; empty when it has ended. To who hesitates is shown what may follow. */
	#pending(keys: string): void {
		if (keys !== "") this.#hint ??= import("./keyhint").then((m) => new m.KeyHint());
		void this.#hint?.then((hint) => hint.pending(this.commands, keys, () => this.#where()), () => this.#hint = undefined);
	}

	#dropped(to: { mailbox: number } | { label: string }): void {
		const target = this.#list.target();
		if (!target) return;
		void this.actions.act(target, "mailbox" in to
			? { Kind: ActionKind.ActMove, Mailbox: to.mailbox, Labels: [] }
			: { Kind: ActionKind.ActLabel, Mailbox: 0, Labels: [to.label] });
	}

	#help(): void {
		void import("./help").then(({ showHelp }) => showHelp(this.commands));
	}

	async #logOut(session: Session): Promise<void> {
		try {
			await this.account.flush();
			await session.logOut();
		} catch (e) {
			if (!(e instanceof APIError) || e.kind !== "session") {
				this.actions.fail(e, t("logout.failed"));
				return;
			}
		}
		location.reload();
	}

	/** Commands of the page as a whole; the list and the reader have their own. */
	#register(): void {
		const goRole = (role: Role) => () => {
			const m = this.account.withRole(role);
			if (m) this.router.go({ kind: "view", query: queryOf(this, m.ID) });
			return m !== undefined;
		};
		const goFilter = (filter: string) => () => this.router.go({ kind: "view", query: { ...queryOf(this, 0), Scope: MailScope.ScopeNormal, Filters: filter ? [filter] : [] } });
		this.commands.register(this.#scope, {
			compose: () => void this.composers.open({ Kind: "new", Emails: [], Mailto: "", Quote: "" }),
			composeInTab: () => void open(this.router.href({ kind: "compose", request: { Kind: "new", Emails: [], Mailto: "", Quote: "" } })),
			search: () => {
				this.#shell.search.input.focus();
				this.#shell.search.input.select();
			},
			help: () => this.#help(),
			settings: () => this.router.go({ kind: "settings", section: "" }),
			undo: () => this.actions.undo(),
			focusMessage: () => this.#reader.focus(),
			goInbox: goRole(Role.RoleInbox), goSent: goRole(Role.RoleSent), goDrafts: goRole(Role.RoleDrafts), goArchive: goRole(Role.RoleArchive),
			goJunk: goRole(Role.RoleJunk), goTrash: goRole(Role.RoleTrash), goScheduled: () => this.router.go({ kind: "scheduled" }),
			goFlagged: goFilter("flagged"), goAll: goFilter(""),
			goMailbox: () => void this.#sidebar.jump(),
			goLabel: () => this.#sidebar.focus(),
		});
	}
}

const importComposers = () => Promise.all([import("./composer/composers"), laterStyle()]);

/** The composers, which are loaded with the first one, or when the page has nothing to do. */
class LazyComposers implements Composers {
	readonly #app: App;
	#loaded: Promise<Composers> | undefined;
	readonly #opening = new Map<string, Promise<void>>();

	constructor(app: App) {
		this.#app = app;
		const idle = window.requestIdleCallback ?? ((run: () => void) => setTimeout(run, 2000));
		setTimeout(() => idle(() => void this.#load().catch(() => {})), 3000);
	}

	#load(): Promise<Composers> {
		return this.#loaded ??= this.#import().catch((e: unknown) => {
			this.#loaded = undefined; // A page of an earlier version, or no network.
			throw e;
		});
	}

	async #import(): Promise<Composers> {
		const [{ PageComposers }] = await importComposers();
		return new PageComposers(this.#app);
	}

	/** Opens what is being opened already only once. */
	open(request: ComposeRequest): Promise<void> {
		const { Kind, Emails, Mailto } = request;
		const of = JSON.stringify([Kind, Emails, Mailto]);
		const opening = this.#opening.get(of) ?? this.#begin(request).finally(() => this.#opening.delete(of));
		this.#opening.set(of, opening);
		return opening;
	}

	async #begin(request: ComposeRequest): Promise<void> {
		const typed = new TypedKeys();
		try {
			await (await this.#load()).open(request, typed);
		} catch (e) {
			if (!typed.signal.aborted) this.#app.actions.fail(e, t("compose.failed"));
		} finally {
			typed.end();
		}
	}

	async edit(draft: Draft): Promise<void> {
		await (await this.#load()).edit(draft);
	}
}

new Page();
