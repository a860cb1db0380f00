import { button } from "../../web/components/button/button";
import { Tree, type TreeNode } from "../../web/components/tree/tree";
import { h } from "../../web/lib/dom";
import { Scope, type View } from "../../web/lib/view";
import { Role, Scope as MailScope } from "./api";
import type { App, Route } from "./app";
import { mailboxIcon } from "./icons";
import { isShown, type MailboxBranch, mailboxTrees, takesMessages } from "./mailboxtree";
import { queryOf, sameQuery } from "./queries";
import { labelFilter } from "./router";
import { labelName, mailboxLabel, sizeText, t } from "./texts";

/** Data of what is dragged from the list. */
export const dragType = "application/x-mox-messages";

export interface SidebarOptions {
	readonly app: App;
	/** Messages were dropped on a mailbox, or on a label. */
	readonly dropped: (to: { mailbox: number } | { label: string }) => void;
}

/** Mailboxes, labels and saved searches, and how much space is used. */
export class Sidebar implements View {
	readonly root: HTMLElement;
	readonly #o: SidebarOptions;
	readonly #scope = new Scope();
	readonly #special: Tree;
	readonly #own: Tree;
	readonly #labels: Tree;
	readonly #searches: Tree;
	readonly #expanded = new Map<number, boolean>(); // By mailbox, as the trees have it.
	readonly #ownHead = h("h2", { class: "sidebar-head" }, t("mailboxes.own"));
	readonly #labelsHead = h("h2", { class: "sidebar-head" }, t("labels"));
	readonly #searchesHead = h("h2", { class: "sidebar-head" }, t("searches"));
	readonly #storage = h("div", { class: "storage" });
	readonly #connection = h("span", { class: "connection-word", role: "status" });

	constructor(o: SidebarOptions) {
		this.#o = o;
		const { app } = o;
		const tree = (label: string) => new Tree({
			label, nodes: [], expanded: [],
			choose: (id) => this.#choose(id),
			toggled: (id, expanded) => this.#toggled(id, expanded),
			accepts: (id, data) => data.types.includes(dragType) && !id.startsWith("search:") && (id.startsWith("label:") || takesMessages(app.account.mailbox(Number(id)))),
			dropped: (id) => o.dropped(id.startsWith("label:") ? { label: id.slice(6) } : { mailbox: Number(id) }),
			menu: (id, at) => void this.#menu(id, at),
		});
		this.#special = this.#scope.own(tree(t("mailboxes")));
		this.#own = this.#scope.own(tree(t("mailboxes.own")));
		this.#labels = this.#scope.own(tree(t("labels")));
		this.#searches = this.#scope.own(tree(t("searches")));
		this.root = h("nav", { class: "sidebar", aria: { label: t("mailboxes") } },
			button({ label: t("compose"), icon: "compose", kind: "primary", key: app.commands.keys("compose"), run: () => void app.commands.run("compose") }),
			h("div", { class: "sidebar-scroll" },
				this.#special.root,
				h("div", { class: "sidebar-row" }, this.#ownHead, button({ label: t("mailbox.new"), icon: "plus", kind: "quiet", run: () => void this.#create() })),
				this.#own.root, this.#labelsHead, this.#labels.root, this.#searchesHead, this.#searches.root),
			h("footer", { class: "sidebar-foot" }, this.#storage, this.#connection));
		app.account.on(this.#scope, ["mailboxes", "settings"], () => this.#draw());
		app.account.on(this.#scope, ["usage"], () => this.#usage());
		app.account.on(this.#scope, ["connection"], () => this.#connected());
		app.router.onChange(this.#scope, (route) => this.#select(route));
		// The trees know the usual keys themselves; these are for others that somebody has chosen.
		const at = (run: (id: string, row: HTMLElement) => boolean | void) => () => {
			const row = document.activeElement?.closest<HTMLElement>(".sidebar .tree-row");
			const id = row?.dataset["id"];
			return row && id !== undefined ? run(id, row) : false;
		};
		app.commands.register(this.#scope, {
			mailboxActions: at((id, row) => void this.#menu(id, row)),
			openMailbox: at((id) => this.#choose(id)),
			collapseMailbox: at((id) => this.#expand(id, false)), expandMailbox: at((id) => this.#expand(id, true)),
		});
		this.#draw();
		this.#usage();
		this.#connected();
	}

	/** Opens a picker that goes to a mailbox by its name. */
	async jump(): Promise<void> {
		const m = await this.#o.app.actions.pickMailbox(t("go.mailbox"), isShown);
		if (m) this.#choose(String(m.ID));
	}

	focus(): void {
		this.#special.focus();
	}

	#draw(): void {
		const { app } = this.#o;
		const { mailboxes, settings } = app.account;
		for (const m of mailboxes) {
			const expanded = !settings.CollapsedMailboxes.includes(m.ID);
			if (this.#expanded.get(m.ID) === expanded) continue;
			this.#expanded.set(m.ID, expanded);
			for (const tree of [this.#special, this.#own]) tree.setExpanded(String(m.ID), expanded);
		}
		const { special, own } = mailboxTrees(mailboxes);
		const colours = new Map(settings.MailboxColors.map((c) => [c.Mailbox, c.Color]));
		this.#special.setNodes(special.map((b) => this.#node(b, colours)));
		this.#own.setNodes(own.map((b) => this.#node(b, colours)));
		const keywords = new Map<string, string>();
		for (const k of [...settings.Labels.map((l) => l.Keyword), ...mailboxes.flatMap((m) => m.Labels)]) keywords.set(k.toLowerCase(), keywords.get(k.toLowerCase()) ?? k);
		const labels = [...keywords.values()].sort((a, b) => labelName(settings, a).localeCompare(labelName(settings, b))).map((k): TreeNode => ({
			id: "label:" + k, label: labelName(settings, k), colour: settings.Labels.find((l) => l.Keyword.toLowerCase() === k.toLowerCase())?.Color || 9,
		}));
		const searches = settings.SavedSearches.map((s): TreeNode => ({ id: "search:" + s.Name, label: s.Name, icon: "search" }));
		this.#labels.setNodes(labels);
		this.#labelsHead.hidden = this.#labels.root.hidden = labels.length === 0;
		this.#searches.setNodes(searches);
		this.#searchesHead.hidden = this.#searches.root.hidden = searches.length === 0;
		this.#select(app.router.route);
	}

	#node({ mailbox: m, children }: MailboxBranch, colours: ReadonlyMap<number, number>): TreeNode {
		const { app } = this.#o;
		const quiet = m.Role === Role.RoleJunk || m.Role === Role.RoleRejects || m.Role === Role.RoleTrash;
		const count = m.Role === Role.RoleDrafts || m.Role === Role.RoleScheduled ? m.Total : m.Unread;
		const colour = colours.get(m.ID);
		return {
			id: String(m.ID), label: m.Role === Role.RoleNone ? m.Name.slice(m.Name.lastIndexOf("/") + 1) : mailboxLabel(m), icon: mailboxIcon(m),
			count, countLabel: count === m.Unread ? t("count.unread", { n: count }) : t("count.messages", { n: count }), quiet,
			...(colour && { colour }),
			...(children.length > 0 && { children: children.map((c) => this.#node(c, colours)) }),
			href: app.router.href({ kind: "view", query: queryOf(app, m.ID) }),
		};
	}

	#select(route: Route): void {
		const { app } = this.#o;
		let id: string | undefined;
		if (route.kind === "view") {
			const { query } = route;
			const label = query.Filters.find((f) => f.startsWith(labelFilter));
			id = app.account.settings.SavedSearches.some((s) => sameQuery(s.Query, query)) ? "search:" + app.account.settings.SavedSearches.find((s) => sameQuery(s.Query, query))!.Name
				: query.Scope === MailScope.ScopeMailbox && query.Text === "" ? String(query.Mailbox)
				: label && query.Text === "" ? "label:" + label.slice(labelFilter.length) : undefined;
		}
		if (route.kind === "scheduled") id = String(app.account.withRole(Role.RoleScheduled)?.ID ?? "");
		for (const tree of [this.#special, this.#own, this.#labels, this.#searches]) tree.select(id);
	}

	#choose(id: string): void {
		const { app } = this.#o;
		if (id.startsWith("search:")) {
			const search = app.account.settings.SavedSearches.find((s) => s.Name === id.slice(7));
			if (search) app.router.go({ kind: "view", query: search.Query });
		} else if (id.startsWith("label:")) {
			app.router.go({ kind: "view", query: { ...queryOf(app, 0), Scope: MailScope.ScopeNormal, Filters: [labelFilter + id.slice(6)] } });
		} else if (app.account.mailbox(Number(id))?.Role === Role.RoleScheduled) {
			app.router.go({ kind: "scheduled" });
		} else {
			app.router.go({ kind: "view", query: queryOf(app, Number(id)) });
		}
	}

	#expand(id: string, expanded: boolean): boolean {
		const { mailboxes } = this.#o.app.account;
		const m = mailboxes.find((m) => String(m.ID) === id);
		if (!m || !mailboxes.some((c) => c.Name.startsWith(m.Name + "/"))) return false;
		for (const tree of [this.#special, this.#own]) tree.setExpanded(id, expanded);
		this.#toggled(id, expanded);
		return true;
	}

	#toggled(id: string, expanded: boolean): void {
		const { account } = this.#o.app;
		const mailbox = Number(id);
		if (!account.mailbox(mailbox)) return;
		this.#expanded.set(mailbox, expanded);
		// Those that are gone are left out, lest they fill the settings.
		const rest = account.settings.CollapsedMailboxes.filter((m) => m !== mailbox && account.mailbox(m));
		account.change({ CollapsedMailboxes: expanded ? rest : [...rest, mailbox] });
	}

	async #menu(id: string, at: HTMLElement | { x: number; y: number }): Promise<void> {
		const { openSidebarMenu } = await import("./sidebarmenu");
		openSidebarMenu(this.#o.app, id, at);
	}

	async #create(): Promise<void> {
		const { createMailbox } = await import("./sidebarmenu");
		await createMailbox(this.#o.app, "");
	}

	#usage(): void {
		const { Bytes, Quota } = this.#o.app.account.usage;
		const words = Quota > 0 ? t("storage.of", { used: sizeText(Bytes), quota: sizeText(Quota) }) : t("storage.used", { used: sizeText(Bytes) });
		const share = Quota > 0 ? Math.min(1, Bytes / Quota) : 0;
		this.#storage.replaceChildren(...(Quota > 0 ? [h("div", { class: ["storage-bar", share > 0.9 && "full"], style: { "--share": String(share) }, aria: { hidden: true } })] : []), h("p", { class: "meta" }, words));
	}

	#connected(): void {
		const { connection } = this.#o.app.account;
		this.root.dataset["connection"] = connection;
		this.#connection.textContent = connection === "live" ? "" : t(`connection.${connection}`);
	}

	close(): void {
		this.#scope.close();
		this.root.remove();
	}
}
