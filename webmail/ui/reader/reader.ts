import { button } from "../../../web/components/button/button";
import { chip } from "../../../web/components/chip/chip";
import { emptyState, errorState, skeletonRows } from "../../../web/components/state/state";
import { h, reconcile, replaceChildren } from "../../../web/lib/dom";
import { Scope } from "../../../web/lib/view";
import { ActionKind, type Conversation, type Item, type Message, type Query, type Row, Scope as MailScope } from "../api";
import type { App, Optimistic, Reader, Target } from "../app";
import { sameMessages } from "../queries";
import { labelName, t } from "../texts";
import { moreMenu, phoneBar, readerToolbar, replyBox, scrollByKey } from "./bars";
import { type Cards, MessageCard } from "./card";
import { type ReaderParts, readerActions, readerCommands } from "./commands";
import { focusIsFree } from "./focus";
import { alone, changedItem, concerns, focusAtFirst, merged, openAtFirst, searchedWords } from "./items";
import { Messages } from "./messages";
import { writer } from "./head";
import "./texts";

export interface ReaderOptions {
	/** Back to the list, where the two are not side by side. */
	readonly back: () => void;
	/** The next or previous message of the list. */
	readonly step: (by: 1 | -1, unread: boolean) => void;
}

/** Messages that are shown within this time are marked as read together, in milliseconds. */
const together = 50;

const idle = window.requestIdleCallback ?? ((run: () => void) => setTimeout(run, 200));

/** What is shown. */
interface Shown {
	readonly scope: Scope;
	readonly email: string;
	readonly query: Query | undefined;
	/** Whether all messages of the conversation are. */
	whole: boolean;
	thread: string;
	/** Messages that were marked as read, or will be: each once. */
	readonly seen: Set<string>;
	/** Those of them that will be. */
	readonly unread: string[];
}

/** The reader: a conversation as a stack of messages, or one message. */
export class ConversationReader implements Reader, ReaderParts {
	readonly app: App;
	readonly root = h("section", { class: "reader", id: "reader", tabindex: -1 });
	readonly scroll: HTMLElement;
	readonly #options: ReaderOptions;
	readonly #scope = new Scope();
	readonly #messages: Messages;
	readonly #cards: Cards;
	readonly #actions;
	readonly #tools: HTMLElement;
	readonly #title = h("h1", { class: "reader-subject", dir: "auto" });
	readonly #labels = h("div", { class: "reader-labels" });
	readonly #stack = h("div", { class: "reader-stack" });
	readonly #rest = h("div", { class: "reader-rest" });
	readonly #foot: HTMLElement;
	readonly #bar: HTMLElement;
	readonly #live = h("div", { class: "visually-hidden", role: "status" });
	#shown: Shown | undefined;
	#conversation: Conversation | undefined; // Without what is being done to it.
	#doing = new Set<Optimistic>();
	#byEmail = new Map<string, MessageCard>();
	#elements = new Map<string, HTMLElement>();
	#current: MessageCard | undefined;
	#anchor: MessageCard | undefined; // Stays in sight while what is above it gets its height.
	#next: string[] = []; // Emails to be read in advance.
	#muted = false;
	#focusOn = false; // The focus waits for a message to be seen.

	constructor(app: App, options: ReaderOptions) {
		this.app = app;
		this.#options = options;
		this.#messages = new Messages(app.api);
		this.root.setAttribute("aria-label", t("reader"));
		this.#actions = readerActions(this);
		this.#cards = {
			app, messages: this.#messages, words: () => searchedWords(this.#shown?.query),
			more: (_card, anchor) => moreMenu(this, this.#actions, anchor, false),
			current: (card) => this.#use(card),
			shown: (card) => {
				this.#keepAnchor();
				if (this.#byEmail.has(card.item.Email)) this.#seen(card);
				idle(() => this.#messages.prepare(this.#next.splice(0)));
				if (this.#focusOn && card === this.#current && focusIsFree(this.root, this.alone)) this.focus();
			},
			later: (load, run) => this.later(load, run),
		};
		this.#tools = h("div", { class: "reader-tools no-print" }, readerToolbar(this, this.#actions));
		this.#foot = replyBox(this.#actions);
		this.#bar = phoneBar(this, this.#actions);
		this.scroll = h("div", { class: "reader-scroll" }, h("header", { class: "reader-head" }, this.#title, this.#labels), this.#stack, this.#rest, this.#foot);
		for (const type of ["wheel", "touchmove", "pointerdown", "keydown"] as const) {
			this.scroll.addEventListener(type, () => void (this.#anchor = undefined), { passive: true });
		}
		this.scroll.addEventListener("keydown", (event) => scrollByKey(this.scroll, event));
		app.commands.register(this.#scope, readerCommands(this, this.#actions));
		app.actions.onOptimistic(this.#scope, (o) => this.#apply(o), (o, ok) => this.#settle(o, ok));
		app.account.on(this.#scope, ["settings"], () => this.#draw());
		app.streams.on(this.#scope, "submission", (event) => {
			for (const card of this.#byEmail.values()) if (card.message?.Submission?.ID === event.Submission) card.reload();
		});
		this.empty();
	}

	get alone(): boolean {
		return this.app.layout === "phone" || this.app.account.settings.Pane === "none" || this.app.router.route.kind !== "view";
	}

	get muted(): boolean {
		return this.#muted;
	}

	show(row: Row, query: Query): void {
		void this.#show(row.Email, query, row);
	}

	open(email: string): void {
		const { route } = this.app.router;
		void this.#show(email, route.kind === "view" ? route.query : undefined);
	}

	/** Has details of messages that will probably be opened next read, once that which is opened is shown. */
	prepare(rows: readonly Row[]): void {
		this.#next = rows.map((r) => r.Email);
	}

	empty(): void {
		this.#end();
		this.root.replaceChildren(emptyState({ icon: "mail", title: t("reader.empty") }));
	}

	card(): MessageCard | null {
		return this.#current ?? null;
	}

	cards(): readonly MessageCard[] {
		return [...this.#elements.keys()].map((email) => this.#byEmail.get(email)!);
	}

	target(): Target | null {
		const shown = this.#shown;
		const items = this.#items();
		const only = items.find((i) => i.Email === shown?.email) ?? items.at(-1);
		if (!shown || !only) return null;
		const whole = shown.whole && shown.query !== undefined && shown.query.Threads;
		return {
			selection: { Messages: whole ? [] : only.Places.slice(0, 1), Threads: whole ? [shown.thread] : [], All: false, Query: shown.query ?? null, Except: [], Stream: "", Action: "" },
			rows: whole ? items : [only], all: false, except: new Set(), count: 1,
		};
	}

	message(): Message | null {
		return this.#current?.message ?? null;
	}

	focus(): void {
		const card = this.#current;
		card?.focus({ preventScroll: true });
		this.#focusOn = card !== undefined && document.activeElement !== card.root; // It is not seen yet.
		if (!card || this.#focusOn) this.root.focus({ preventScroll: true });
	}

	back(): void {
		this.#options.back();
	}

	step(by: 1 | -1): void {
		this.#options.step(by, false);
	}

	later<T>(load: Promise<T>, run: (module: T) => void): void {
		load.then(run, (e: unknown) => this.app.actions.fail(e, t("later.failed")));
	}

	// What is shown.

	#end(): void {
		this.#shown?.scope.close();
		for (const card of this.#byEmail.values()) card.close();
		this.#shown = this.#conversation = this.#current = this.#anchor = undefined;
		this.#focusOn = false;
		this.#byEmail.clear();
		this.#elements.clear();
	}

	async #show(email: string, query: Query | undefined, row?: Row): Promise<void> {
		const before = this.#shown;
		if (before && before.email === email && before.query?.Threads === query?.Threads && (row === undefined || row.Thread === before.thread)) return;
		this.#end();
		const scope = new Scope();
		const shown: Shown = { scope, email, query, whole: query?.Threads ?? false, thread: row?.Thread ?? "", seen: new Set(), unread: [] };
		this.#shown = shown;
		this.#title.textContent = row ? row.Subject || t("no.subject") : "";
		replaceChildren(this.#labels);
		replaceChildren(this.#stack, skeletonRows(t("reader.loading"), 6, "line"));
		replaceChildren(this.#rest);
		this.#foot.hidden = true;
		replaceChildren(this.root, this.#tools, this.scroll, this.#bar, this.#live);
		this.root.classList.toggle("by-itself", query === undefined);
		this.scroll.scrollTop = 0;
		this.#messages.prepare([email]);
		if (row && (row.Messages === 1 || !shown.whole) && !row.Draft && row.SendAt === 0) void this.#early(shown, row);
		try {
			const item = row ?? await this.app.api.Find(email, { signal: scope.signal });
			if (scope.closed) return;
			shown.thread = item.Thread;
			const mailbox = query?.Scope === MailScope.ScopeMailbox ? query.Mailbox : "Mailbox" in item ? item.Mailbox : item.Places[0]?.Mailbox ?? 0;
			const conversation = await this.app.streams.thread(scope, item.Thread, mailbox, (event) => this.#changed(event), (c) => this.#again(c));
			if (scope.closed) return;
			const early = this.#conversation !== undefined;
			this.#conversation = conversation;
			this.#muted = conversation.Muted;
			if (early) this.#draw();
			else this.#first(shown);
		} catch (e) {
			if (scope.closed) return;
			if (this.#conversation) { // The message itself can be read.
				this.app.actions.fail(e, t("reader.alone"));
				return;
			}
			this.#end();
			replaceChildren(this.#stack, errorState({
				title: t("reader.failed"), hint: e instanceof Error && e.message,
				actions: [button({ label: t("reader.retry"), icon: "refresh", run: () => void this.#show(email, query, row) })],
			}));
		}
	}

	/** Shows a message that is all of what is shown as soon as it is known itself, before its conversation is. */
	async #early(shown: Shown, row: Row): Promise<void> {
		const message = this.#messages.peek(row.Email) ?? await this.#messages.get(row.Email).catch(() => null);
		if (!message || shown.scope.closed || this.#conversation) return;
		this.#conversation = alone(row, message.Item);
		this.#muted = row.Muted;
		this.#first(shown);
	}

	/** The messages that are shown, oldest first, with what is being done to them. */
	#items(): Item[] {
		const shown = this.#shown;
		const all = this.#conversation?.Items ?? [];
		const some = shown && !shown.whole && all.some((i) => i.Email === shown.email) ? all.filter((i) => i.Email === shown.email) : all;
		return some.map((i) => [...this.#doing].reduce(changedItem, i));
	}

	/** Shows it for the first time. */
	#first(shown: Shown): void {
		this.#stack.replaceChildren();
		this.#draw();
		const items = this.#items();
		for (const email of openAtFirst(items, shown.email)) this.#byEmail.get(email)?.open();
		const focus = this.#byEmail.get(focusAtFirst(items, shown.email));
		if (focus) this.#use(focus);
		this.#anchor = items.length > 1 ? focus : undefined;
		this.#keepAnchor();
		if (focusIsFree(this.root, this.alone)) this.focus();
		idle(() => {
			if (shown.scope.closed) return;
			this.#messages.prepare(items.slice(-4).map((i) => i.Email)); // Those that are folded still.
			void import("./menus").catch(() => {});
		});
	}

	/** Shows the conversation as it is now. */
	#draw(): void {
		const [shown, conversation] = [this.#shown, this.#conversation];
		if (!shown || !conversation) return;
		const items = this.#items();
		const { settings } = this.app.account;
		this.#title.textContent = (shown.whole ? conversation.Subject : items[0]?.Subject) || t("no.subject");
		if (settings.NewestFirst) items.reverse();
		this.#elements = reconcile(this.#stack, this.#elements, items, (i) => i.Email, (i) => this.#make(i).root, (_e, i) => this.#byEmail.get(i.Email)!.update(i, items.length > 1));
		for (const [email, card] of this.#byEmail) {
			card.update(card.item, items.length > 1);
			if (this.#elements.has(email)) continue;
			card.close();
			this.#byEmail.delete(email);
			if (this.#current === card) this.#current = this.cards().at(-1);
		}
		this.#drawLabels(items);
		const rest = conversation.Items.length - items.length;
		replaceChildren(this.#rest, rest > 0 && button({ label: t("reader.rest", { n: rest }), kind: "quiet", icon: "mail", run: () => this.#showWhole() }));
		this.#foot.hidden = items.every((i) => i.Draft);
		if (items.length === 0) replaceChildren(this.#stack, emptyState({ icon: "mail", title: t("reader.gone") }));
	}

	#make(item: Item): MessageCard {
		const card = new MessageCard(this.#cards, item);
		this.#byEmail.set(item.Email, card);
		return card;
	}

	#drawLabels(items: readonly Item[]): void {
		const { settings } = this.app.account;
		const labels = new Map(items.flatMap((i) => i.Labels).map((l) => [l.toLowerCase(), l]));
		replaceChildren(this.#labels,
			[...labels.values()].map((keyword) => {
				const name = labelName(settings, keyword);
				const remove = () => {
					const target = this.target();
					if (target) void this.app.actions.act(target, { Kind: ActionKind.ActUnlabel, Mailbox: 0, Labels: [keyword] });
				};
				return chip({ label: name, colour: settings.Labels.find((l) => l.Keyword.toLowerCase() === keyword.toLowerCase())?.Color || 9, remove: { label: t("label.remove", { name }), run: remove } });
			}),
			this.#muted && chip({ label: t("muted"), icon: "mute" }));
	}

	#showWhole(): void {
		const shown = this.#shown;
		if (!shown) return;
		shown.whole = true;
		this.#draw();
		this.#current?.focus({ preventScroll: true });
	}

	/** Makes a message the one that commands are for. It is read now, if it is open. */
	#use(card: MessageCard): void {
		if (!this.#byEmail.has(card.item.Email)) return; // One within another message.
		this.#current = card;
		this.#seen(card);
	}

	/** Marks a message as read in a while, once. Those opened together are marked together. */
	#seen(card: MessageCard): void {
		const shown = this.#shown;
		const { MarkSeenAfter } = this.app.account.settings;
		const { item } = card;
		if (!shown || !card.message || !card.opened || item.Seen || MarkSeenAfter < 0 || shown.seen.has(item.Email)) return;
		shown.seen.add(item.Email);
		if (shown.unread.push(item.Email) === 1) shown.scope.after(MarkSeenAfter * 1000 || together, () => void this.#markRead(shown));
	}

	async #markRead(shown: Shown): Promise<void> {
		const emails = new Set(shown.unread.splice(0));
		const items = this.#items().filter((i) => emails.has(i.Email) && !i.Seen);
		if (items.length === 0) return;
		try {
			await this.app.api.Act({ Messages: items.flatMap((i) => i.Places), Threads: [], All: false, Query: null, Except: [], Stream: "", Action: "" }, { Kind: ActionKind.ActRead, Mailbox: 0, Labels: [] });
			if (!shown.scope.closed) this.#changed({ Items: this.#items().filter((i) => emails.has(i.Email)).map((i) => ({ ...i, Seen: true })), Gone: [] });
		} catch (e) {
			this.app.actions.fail(e, t("read.failed"));
		}
	}

	/** Keeps the message that one wants to see at the top while others get their height. */
	#keepAnchor(): void {
		const anchor = this.#anchor;
		if (!anchor) return;
		const at = anchor.root.offsetTop - this.scroll.offsetTop;
		const to = at < this.scroll.clientHeight / 3 ? 0 : at - 4; // What is in sight anyway stays below the subject.
		if (this.scroll.scrollTop !== to) this.scroll.scrollTop = to;
	}

	// Changes.

	#changed(event: { readonly Items: Item[]; readonly Gone: string[] }): void {
		const conversation = this.#conversation;
		if (!conversation) return;
		const known = new Set(conversation.Items.map((i) => i.Email));
		this.#conversation = { ...conversation, Items: merged(conversation.Items, event) };
		this.#draw();
		for (const item of event.Items) if (!known.has(item.Email) && !item.Mine && this.#byEmail.has(item.Email)) this.#live.textContent = t("reader.new", { name: writer(item, this.app.account) });
	}

	/** The conversation was read again, after the connection was lost. */
	#again(conversation: Conversation): void {
		this.#conversation = conversation;
		this.#muted = conversation.Muted;
		this.#draw();
	}

	#apply(o: Optimistic): void {
		const items = this.#conversation?.Items ?? [];
		const { query } = this.#shown ?? {};
		if (o.all && !(o.query && query && sameMessages(o.query, query)) || !items.some((i) => concerns(o, i))) return;
		this.#doing.add(o);
		if (o.change.muted !== undefined) this.#muted = o.change.muted;
		if (o.change.seen === false) for (const i of items) if (concerns(o, i)) this.#shown?.seen.add(i.Email); // It stays so.
		this.#draw();
	}

	#settle(o: Optimistic, ok: boolean): void {
		if (!this.#doing.delete(o)) return;
		const conversation = this.#conversation;
		if (!conversation) return;
		if (ok) this.#conversation = { ...conversation, Muted: this.#muted, Items: conversation.Items.map((i) => changedItem(i, o)) };
		else this.#muted = conversation.Muted;
		this.#draw();
	}

	close(): void {
		this.#end();
		this.#scope.close();
		this.root.remove();
	}
}
