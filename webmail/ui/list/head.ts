import { bareCheckbox } from "../../../web/components/form/form";
import { button, iconButton, toolbar } from "../../../web/components/button/button";
import { chip } from "../../../web/components/chip/chip";
import { attachMenu, type MenuEntry } from "../../../web/components/menu/menu";
import { h, replaceChildren } from "../../../web/lib/dom";
import { type Query, Scope as MailScope, Sort } from "../api";
import type { App } from "../app";
import { labelName, language, mailboxLabel, t } from "../texts";
import { actionMenu, done } from "./commands";
import type { MessageList } from "./list";

/** Tells whether A is on top by default, as with words. */
const upward = (sort: Sort): boolean => sort === Sort.SortFrom || sort === Sort.SortSubject;

/** The head of the list: what it shows and how, or with a selection, what can be done to that. */
export class ListHead {
	readonly root = h("header", { class: "list-head" });
	readonly #app: App;
	readonly #list: MessageList;
	readonly #all: HTMLInputElement;
	readonly #title = h("h1", { class: "list-title truncate", tabindex: -1 });
	readonly #count = h("span", { class: "meta tabular list-count" });
	readonly #bar = h("div", { class: "list-bar" });
	readonly #chips = h("div", { class: "list-chips" });
	readonly #more = h("div", { class: "list-more", role: "status" });
	#shown = "";

	constructor(app: App, list: MessageList) {
		this.#app = app;
		this.#list = list;
		this.#all = bareCheckbox(t("select.all"), (on) => on ? list.selectWhere(() => true) : list.clear());
		this.root.append(h("div", { class: "list-row" }, this.#all, h("div", { class: "list-words" }, this.#title, this.#count), this.#bar), this.#chips, this.#more);
	}

	draw(): void {
		const { selected, total } = this.#list;
		const n = selected.count(total);
		this.#all.checked = n > 0 && (selected.all ? selected.except.size === 0 : n >= total);
		this.#all.indeterminate = n > 0 && !this.#all.checked;
		// Where there is little room, the number stands alone.
		replaceChildren(this.#title, n > 0 ? [h("span", { class: "select-number", aria: { hidden: true } }, language.number(n)), h("span", { class: "select-words" }, t("select.count", { n }))] : this.#list.title());
		if (n > 0) this.#title.setAttribute("aria-label", t("select.count", { n }));
		else this.#title.removeAttribute("aria-label");
		const threads = this.#list.query.Threads;
		this.#count.textContent = n > 0 || !this.#list.loaded ? "" : [t(threads ? "count.threads" : "count.messages", { n: total }), this.#list.unread > 0 && t("count.unread", { n: this.#list.unread })].filter(Boolean).join(", ");
		this.root.classList.toggle("selecting", n > 0);
		if (n === 0) this.#list.root.classList.remove("choosing"); // Taps open again.
		// Buttons stay as long as they are for the same, so that the focus does.
		const shown = n > 0 ? "actions" : "view";
		if (shown !== this.#shown) {
			this.#shown = shown;
			replaceChildren(this.#bar, n > 0 ? this.#actions() : this.#options());
		}
		this.#drawChips(n > 0);
		const known = n > 0 && !selected.all ? this.#list.known() : total;
		const offer = n >= known && known < total;
		replaceChildren(this.#more,
			offer && [t("select.loaded", { n }), " ", button({ label: t("select.everything", { n: total }), kind: "quiet", run: () => this.#everything() })],
			n > 0 && selected.all && selected.except.size === 0 && [t("select.allOf", { n: total }), " ", button({ label: t("select.clear"), kind: "quiet", run: () => this.#list.clear() })]);
		this.#more.hidden = this.#more.childNodes.length === 0;
	}

	focus(): void {
		this.#title.focus();
	}

	#everything(): void {
		this.#list.selected.everything();
		this.#list.changed();
	}

	/** What can be done to the selection. */
	#actions(): HTMLElement {
		const { commands } = this.#app;
		// What is wide-only is in the menu too.
		const b = (label: string, icon: Parameters<typeof iconButton>[0]["icon"], command: string, extra = "") =>
			iconButton({ label, icon, key: commands.keys(command), class: extra, run: () => void commands.run(command) });
		const more = iconButton({ label: t("more"), icon: "more" });
		attachMenu(more, t("more"), () => actionMenu(this.#app, this.#list));
		return toolbar(t("actions"),
			b(t("archive"), "archive", "archive"), b(t("delete"), "trash", "trash"), b(t("junk"), "junk", "junk", "wide-only"),
			b(t("move"), "folder-move", "move"), b(t("label"), "tag", "label", "wide-only"), b(t("mark.read"), "mail-open", "markRead", "wide-only"), more,
			iconButton({ label: t("select.clear"), icon: "x", run: () => this.#list.clear() }));
	}

	/** How the list is shown. */
	#options(): HTMLElement {
		const sort = iconButton({ label: t("sort"), icon: "sort" });
		attachMenu(sort, t("sort"), () => this.#sortMenu(), { align: "end" });
		const filter = iconButton({ label: t("filter"), icon: "filter" });
		attachMenu(filter, t("filter"), () => this.#filterMenu(), { align: "end" });
		const density = iconButton({ label: t("density"), icon: "density", class: "wide-only" });
		attachMenu(density, t("density"), () => this.#densityMenu(), { align: "end" });
		return toolbar(t("list.options"), filter, sort, density);
	}

	#change(change: Partial<Query>): void {
		this.#app.router.go({ kind: "view", query: { ...this.#list.query, ...change } }, { replace: true });
	}

	#sortMenu(): MenuEntry[] {
		const q = this.#list.query;
		const by = (sort: Sort, label: string) => ({ label, choice: "one" as const, checked: q.Sort === sort, run: () => this.#change({ Sort: sort, Oldest: upward(sort) }) });
		return [
			by(Sort.SortDate, t("sort.date")), by(Sort.SortFrom, t("sort.from")), by(Sort.SortSubject, t("sort.subject")), by(Sort.SortSize, t("sort.size")),
			"line",
			{ label: t("sort.oldest"), choice: "many", checked: q.Oldest !== upward(q.Sort), run: () => this.#change({ Oldest: !q.Oldest }) },
			{ label: t("threads"), choice: "many", checked: q.Threads, run: () => this.#change({ Threads: !q.Threads }) },
		];
	}

	#filterMenu(): MenuEntry[] {
		const q = this.#list.query;
		const { settings, mailboxes } = this.#app.account;
		const toggle = (f: string) => this.#change({ Filters: q.Filters.includes(f) ? q.Filters.filter((x) => x !== f) : [...q.Filters, f] });
		const labels = [...new Set(mailboxes.filter((m) => q.Scope !== MailScope.ScopeMailbox || m.ID === q.Mailbox).flatMap((m) => m.Labels))];
		return [
			...["unread", "read", "flagged", "attachment", "tome"].map((f) => ({ label: t(`filter.${f}`), choice: "many" as const, checked: q.Filters.includes(f), run: () => toggle(f) })),
			...(labels.length > 0 ? ["line" as const, ...labels.map((l) => ({
				label: labelName(settings, l), colour: settings.Labels.find((x) => x.Keyword === l)?.Color || 9, choice: "many" as const, checked: q.Filters.includes(`label:${l}`), run: () => toggle(`label:${l}`),
			}))] : []),
		];
	}

	#densityMenu(): MenuEntry[] {
		const { account } = this.#app;
		return [
			...["comfortable", "compact", "cosy"].map((d) => ({ label: t(`density.${d}`), choice: "one" as const, checked: account.settings.Density === d, run: () => account.change({ Density: d }) })),
			"line",
			...["right", "below", "none"].map((p) => ({ label: t(`pane.${p}`), choice: "one" as const, checked: account.settings.Pane === p, run: () => account.change({ Pane: p }) })),
		];
	}

	/** What narrows the list, each with a cross; quick filters; the scope of a search. */
	#drawChips(selecting: boolean): void {
		const q = this.#list.query;
		const { settings } = this.#app.account;
		const from = this.#app.account.mailbox(q.Mailbox);
		const key = JSON.stringify([q, from?.Name, selecting, settings.Labels, settings.SavedSearches.length]);
		if (this.#chips.dataset["drawn"] === key) return;
		this.#chips.dataset["drawn"] = key;
		const name = (f: string) => f.startsWith("label:") ? labelName(settings, f.slice(6)) : t(`filter.${f}`);
		const active = q.Filters.map((f) => chip({
			label: name(f), pressed: true, remove: { label: t("filter.remove", { name: name(f) }), run: () => this.#change({ Filters: q.Filters.filter((x) => x !== f) }) },
		}));
		const scope = q.Text !== "" && this.#scopes().map((s) => chip({ label: t(`scope.${s}`, { mailbox: from ? mailboxLabel(from) : "" }), pressed: q.Scope === s, run: () => this.#change({ Scope: s }) }));
		const keep = q.Text !== "" && chip({ label: t("search.save"), icon: "bookmark", run: () => void this.#save() });
		replaceChildren(this.#chips, active, scope, keep);
		this.#chips.hidden = selecting || this.#chips.childNodes.length === 0;
	}

	/** Where one can search: the mailbox that one comes from, with those below it if there are any, or all. */
	#scopes(): MailScope[] {
		const from = this.#app.account.mailbox(this.#list.query.Mailbox);
		const below = from && this.#app.account.mailboxes.some((m) => m.Name.startsWith(from.Name + "/"));
		return [...from ? [MailScope.ScopeMailbox] : [], ...below ? [MailScope.ScopeChildren] : [], MailScope.ScopeNormal, MailScope.ScopeAll];
	}

	async #save(): Promise<void> {
		const { account } = this.#app;
		const { prompt } = await import("../../../web/components/dialog/dialog");
		const Name = await prompt({ title: t("search.save"), label: t("name"), value: this.#list.query.Text, action: t("save"), cancel: t("cancel") });
		if (!Name) return;
		account.change({ SavedSearches: [...account.settings.SavedSearches.filter((s) => s.Name !== Name), { Name, Query: this.#list.query }] });
		done(this.#app, t("search.saved"));
	}
}
