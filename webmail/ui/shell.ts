import { attachMenu, type MenuEntry, openMenu } from "../../web/components/menu/menu";
import { iconButton } from "../../web/components/button/button";
import { bottomBar } from "../../web/components/bottombar/bottombar";
import { Drawer } from "../../web/components/drawer/drawer";
import { SearchBox } from "../../web/components/search/search";
import { Splitter } from "../../web/components/splitter/splitter";
import { h, replaceChildren } from "../../web/lib/dom";
import { Scope, type View } from "../../web/lib/view";
import { Role } from "./api";
import type { App, List, Reader } from "./app";
import { mailboxOf, queryOf, searchQuery } from "./queries";
import type { Sidebar } from "./sidebar";
import { t } from "./texts";

export interface ShellOptions {
	readonly app: App;
	readonly sidebar: Sidebar;
	readonly list: List;
	readonly reader: Reader;
	readonly help: () => void;
	readonly logOut: () => void;
}

/** The frame of the page: the row on top, and below it sidebar, list and reader, next to each other or in turn. */
export class Shell implements View {
	readonly root: HTMLElement;
	readonly search: SearchBox;
	readonly #o: ShellOptions;
	readonly #scope = new Scope();
	readonly #main: HTMLElement;
	readonly #drawer: Drawer;
	readonly #bar: ReturnType<typeof bottomBar>;
	readonly #status = h("div", { class: "connection", role: "status" });
	readonly #page = h("section", { class: "page-pane" }); // Settings and other pages, in the place of list and reader.
	#splitter: Splitter | undefined;
	#split = ""; // What the splitter was made for.
	#paneShown: "list" | "reader" | "page" = "list";

	constructor(o: ShellOptions) {
		this.#o = o;
		const { app } = o;
		const menu = iconButton({ label: t("menu"), icon: "menu", class: "menu-button", run: () => this.#toggleSidebar() });
		const help = iconButton({ label: t("help"), icon: "help", key: app.commands.keys("help"), run: o.help });
		const theme = iconButton({ label: t("theme"), icon: app.dark ? "moon" : "sun", class: "theme-button" });
		attachMenu(theme, t("theme"), () => this.#themes(), { align: "end" });
		const user = iconButton({ label: t("account", { name: app.account.start.Account }), icon: "user" });
		attachMenu(user, t("account", { name: app.account.start.Account }), () => this.#accountMenu(), { align: "end" });
		this.search = new SearchBox({
			label: t("search"), clearLabel: t("search.clear"), key: app.commands.keys("search"),
			suggest: async (text, signal) => (await app.api.SearchTerms(text, { signal }))[1].map((s) => ({ label: s.Text, hint: s.Help, value: s.Text })),
			search: (text) => this.#search(text),
			typed: (text) => this.#typed(text),
		});
		this.#scope.own(this.search);
		this.#scope.listen(this.search.root, "focusout", () => setTimeout(() => this.#searching()));
		const leave = iconButton({ label: t("search.leave"), icon: "arrow-start", class: "search-leave", run: () => this.#endSearch() });

		const top = h("header", { class: "top" }, menu, h("a", { class: "product", href: "#" }, "mox"), leave, this.search.root, h("div", { class: "top-end" }, help, theme, user));
		this.#page.hidden = true;
		this.#main = h("main", { class: "panes", id: "main" }, o.list.root, o.reader.root, this.#page);
		this.#drawer = new Drawer({ label: t("mailboxes"), content: o.sidebar.root, behind: () => [top, this.#main] });
		this.#scope.own(this.#drawer);
		this.#bar = bottomBar(t("navigation"), [
			{ id: "inbox", label: t("inbox"), icon: "inbox", run: () => this.#goInbox() },
			{ id: "search", label: t("search.short"), icon: "search", run: () => this.#searchOnPhone() },
			{ id: "compose", label: t("compose"), icon: "compose", raised: true, run: () => void app.commands.run("compose") },
			{ id: "mailboxes", label: t("mailboxes"), icon: "folder", run: () => this.#drawer.toggle() },
			{ id: "more", label: t("more"), icon: "more-across", menu: true, run: (event) => this.#more(event) },
		]);
		this.root = h("div", { class: "shell" },
			h("a", { class: "skip-link", href: "#list", on: { click: (e) => this.#skip(e, o.list) } }, t("skip.list")),
			h("a", { class: "skip-link", href: "#reader", on: { click: (e) => this.#skip(e, o.reader) } }, t("skip.message")),
			top, this.#status, h("div", { class: "body" }, this.#drawer.root, this.#main), this.#bar.root);

		app.account.on(this.#scope, ["settings"], () => this.#layout());
		app.account.on(this.#scope, ["connection"], () => this.#connection());
		app.onLayout(this.#scope, () => this.#layout());
		app.onDark(this.#scope, () => theme.replaceChildren(...iconButton({ label: "", icon: app.dark ? "moon" : "sun" }).childNodes));
		this.#layout();
		this.#connection();
	}

	/** Shows the list, the reader or a page of its own; side by side where there is room. */
	show(pane: "list" | "reader" | "page", page?: HTMLElement): void {
		this.#paneShown = pane;
		if (page) replaceChildren(this.#page, page);
		this.#drawer.hide();
		this.#layout();
		this.#searching();
		const { route } = this.#o.app.router;
		this.#bar.setCurrent(route.kind === "view" && route.query.Text === "" && this.#o.app.account.mailbox(route.query.Mailbox)?.Role === Role.RoleInbox ? "inbox" : undefined);
	}

	/** The splitter between list and reader, and what is seen. */
	#layout(): void {
		const { app, list, reader } = this.#o;
		const { settings } = app.account;
		const pane = app.layout === "phone" ? "none" : settings.Pane;
		this.root.dataset["pane"] = pane;
		this.root.dataset["shown"] = this.#paneShown;
		const both = pane !== "none" && this.#paneShown !== "page" && app.router.route.kind !== "message";
		list.root.hidden = this.#paneShown === "page" || !both && this.#paneShown !== "list";
		reader.root.hidden = this.#paneShown === "page" || !both && this.#paneShown !== "reader";
		this.#page.hidden = this.#paneShown !== "page";
		this.root.style.setProperty("--sidebar", `${settings.SidebarWidth || 240}px`);
		this.root.style.setProperty("--list", `${(settings.ListWidth || 400) / 10}%`);
		this.root.style.setProperty("--list-height", `${(settings.ListHeight || 450) / 10}%`);
		const split = both ? `${pane} ${settings.ListWidth} ${settings.ListHeight} ${this.#main.clientWidth > 0}` : "";
		if (split === this.#split) return; // It may have the focus.
		this.#split = split;
		this.#splitter?.close();
		this.#splitter = undefined;
		if (both) this.#addSplitter(pane);
	}

	#addSplitter(pane: string): void {
		const { app, list } = this.#o;
		const below = pane === "below";
		const whole = () => below ? this.#main.clientHeight : this.#main.clientWidth;
		const name = below ? "ListHeight" : "ListWidth";
		const share = app.account.settings[name] || (below ? 450 : 400);
		const splitter = new Splitter({
			label: below ? t("splitter.height") : t("splitter.width"), orientation: below ? "horizontal" : "vertical",
			size: whole() * share / 1000, min: below ? 120 : 280, max: () => whole() - (below ? 160 : 320), normal: below ? whole() * 0.45 : 420,
			moved: (size) => this.root.style.setProperty(below ? "--list-height" : "--list", `${size}px`),
			settled: (size) => {
				const share = Math.round(size / Math.max(whole(), 1) * 1000);
				const { ListWidth, ListHeight } = app.account.settings;
				this.#split = `${pane} ${below ? ListWidth : share} ${below ? share : ListHeight} true`;
				app.account.change({ [name]: share });
			},
		});
		list.root.after(splitter.root);
		this.#splitter = splitter;
	}

	#connection(): void {
		const { connection } = this.#o.app.account;
		this.#status.textContent = connection === "offline" ? t("offline") : "";
		this.#status.classList.toggle("shown", connection === "offline");
	}

	#toggleSidebar(): void {
		if (this.#drawer.narrow) this.#drawer.toggle();
		else this.root.classList.toggle("no-sidebar");
	}

	#goInbox(): void {
		const inbox = this.#o.app.account.withRole(Role.RoleInbox);
		if (inbox) this.#o.app.router.go({ kind: "view", query: queryOf(this.#o.app, inbox.ID) });
	}

	#searchOnPhone(): void {
		this.root.classList.add("searching");
		this.search.input.focus();
	}

	/** On a phone the search box has the top row while one searches, or sees what was found. */
	#searching(): void {
		const { route } = this.#o.app.router;
		const text = route.kind === "view" ? route.query.Text : "";
		this.root.classList.toggle("searching", text !== "" || this.search.input.value !== "" || this.search.root.contains(document.activeElement));
	}

	/** Leaves the search box and what it found. */
	#endSearch(): void {
		this.search.set("");
		this.#search("");
		this.search.input.blur();
		this.#searching();
	}

	#skip(event: MouseEvent, to: List | Reader): void {
		event.preventDefault();
		to.focus();
	}

	/** A search of what one looks at, or of all mail but junk. */
	#search(text: string): void {
		clearTimeout(this.#typing);
		const { app } = this.#o;
		const route = app.router.route;
		if (text.trim() === "") {
			if (route.kind === "view" && route.query.Text !== "") this.#leaveSearch();
			return;
		}
		app.router.go({ kind: "view", query: searchQuery(app, text) }, { replace: route.kind === "view" && route.query.Text !== "" });
	}

	#typing: ReturnType<typeof setTimeout> | undefined;

	/** Answers come while one types. */
	#typed(text: string): void {
		clearTimeout(this.#typing);
		if (text.trim().length !== 1) this.#typing = setTimeout(() => this.#search(text), 200);
	}

	#leaveSearch(): void {
		const { app } = this.#o;
		const route = app.router.route;
		const mailbox = route.kind === "view" ? mailboxOf(route.query) : 0;
		app.router.go({ kind: "view", query: queryOf(app, mailbox || (app.account.withRole(Role.RoleInbox)?.ID ?? 0)) });
	}

	#themes(): MenuEntry[] {
		const { account } = this.#o.app;
		return ["", "light", "dark"].map((Theme) => ({ label: t(`theme.${Theme || "auto"}`), choice: "one", checked: account.settings.Theme === Theme, run: () => account.change({ Theme }) }));
	}

	#accountMenu(): MenuEntry[] {
		const { app } = this.#o;
		return [
			{ heading: app.account.identities[0]?.Address ?? app.account.start.Account },
			{ label: t("settings"), icon: "settings", key: app.commands.keys("settings"), run: () => app.router.go({ kind: "settings", section: "" }) },
			{ label: t("sessions"), icon: "key", run: () => app.router.go({ kind: "settings", section: "sessions" }) },
			"line",
			{ label: t("logout"), icon: "log-out", run: this.#o.logOut },
		];
	}

	#more(event: MouseEvent): void {
		const b = event.currentTarget as HTMLButtonElement;
		openMenu({
			label: t("more"), anchor: b, placement: { side: "above", align: "end" }, items: [
				...this.#themes(),
				"line",
				{ label: t("help"), icon: "help", run: this.#o.help },
				...this.#accountMenu().slice(1),
			],
		});
	}

	close(): void {
		this.#splitter?.close();
		this.#scope.close();
		this.root.remove();
	}
}
