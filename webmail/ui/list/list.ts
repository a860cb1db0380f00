import { emptyState } from "../../../web/components/state/state";
import { h } from "../../../web/lib/dom";
import { Scope } from "../../../web/lib/view";
import { type Move, VirtualList } from "../../../web/lib/virtuallist";
import { type Progress, type Query, type Row, Scope as MailScope, Sort, type ViewEvent } from "../api";
import type { App, List, Optimistic, ServerView, Target } from "../app";
import { dateGroup, onNewDay } from "../dates";
import { t } from "../texts";
import { listCommands } from "./commands";
import { density } from "./density";
import { ListHead } from "./head";
import { changed, concerned } from "./optimistic";
import { followPointer } from "./pointer";
import { MessageRow, rowLabel } from "./row";
import { Selected } from "./selection";
import { allKnown, ServerRows, settling } from "./serverrows";
import { drawSearch, emptyList, listTitle } from "./state";
import { allTarget, goesOn, rowTarget } from "./target";

export interface ListOptions {
	/** A row is to be read. */
	readonly open: (row: Row, query: Query) => void;
	/** The message that is read left the list, or nothing is open any more. */
	readonly leave: () => void;
}

/** Rows that left are shown again if the server does not agree in this time, in milliseconds. */
const patience = 8000;

/** Opening follows the focus after this. */
const openAfter = 120;

/** The list of messages of a mailbox or a search. */
export class MessageList implements List {
	readonly root: HTMLElement;
	readonly #app: App;
	readonly #o: ListOptions;
	readonly #scope = new Scope();
	readonly #rows: VirtualList<Row>;
	readonly #head: ListHead;
	readonly #state = h("div", { class: "list-state" });
	readonly #search = h("div", { class: "list-search", role: "status" });
	readonly #server: ServerRows;
	readonly selected = new Selected();
	#query: Query;
	#view: ServerView | undefined;
	#wanted = ""; // The email that is to get the focus once it is known.
	#open = ""; // Key of the row that is read.
	#words: readonly string[] = [];
	#progress: Progress | undefined;
	#loaded = false;
	#gone = false; // The mailbox is no more.
	#unread = 0;
	#opening: (() => void) | undefined;

	constructor(app: App, o: ListOptions) {
		this.#app = app;
		this.#o = o;
		this.#query = { Scope: MailScope.ScopeMailbox, Mailbox: 0, Text: "", Filters: [], Sort: Sort.SortDate, Oldest: false, Threads: true };
		const group = (row: Row) => this.#query.Sort === Sort.SortDate ? dateGroup(row.Received) : "";
		this.#rows = this.#scope.own(new VirtualList<Row>({
			label: t("list"), rowHeight: density(app).height, keys: false,
			row: () => new MessageRow({
				settings: () => app.account.settings, mark: () => this.#words, open: (row) => this.key(row) === this.#open, bySize: () => this.#query.Sort === Sort.SortSize, group,
				selected: (row, event) => this.choose(this.#find(this.key(row)), event.shiftKey ? "extend" : "toggle"),
				act: (row, kind) => void app.actions.act(this.targetOf([row]), { Kind: kind, Mailbox: 0, Labels: [] }),
			}),
			rowLabel: (row) => rowLabel(row),
			selected: (row) => this.selected.has(this.key(row)),
			group,
			onRange: (first, count) => {
				const from = this.#server.toServer(first);
				this.#view?.range(from, Math.min(200, this.#server.toServer(first + count) - from));
			},
		}));
		this.#server = new ServerRows(this.#rows);
		this.#head = new ListHead(app, this);
		this.root = h("section", { class: "list", id: "list", aria: { label: t("list") } }, this.#head.root, this.#search, this.#state, this.#rows.root);
		followPointer(app, this.#scope, this.#rows, this);
		app.actions.onOptimistic(this.#scope, (c) => this.#apply(c), (c, ok) => this.#settle(c, ok));
		this.#dense();
		app.account.on(this.#scope, ["settings"], () => {
			this.#dense();
			this.#rows.refresh(true);
		});
		onNewDay(this.#scope, () => this.#rows.refresh(true));
		app.account.on(this.#scope, ["mailboxes"], () => this.#head.draw());
		app.onLayout(this.#scope, () => this.#dense());
		app.commands.register(this.#scope, listCommands(app, this));
	}

	get query(): Query {
		return this.#query;
	}
	get total(): number {
		return this.#rows.total;
	}
	get loaded(): boolean {
		return this.#loaded;
	}
	get unread(): number {
		return this.#unread;
	}
	/** What tells rows apart: a conversation by its thread. */
	key(row: Row): string {
		return this.#query.Threads ? row.Thread : row.Email;
	}

	show(query: Query, email = ""): void {
		this.#opening?.();
		this.#query = query;
		this.#wanted = email;
		this.#open = "";
		this.#words = [];
		this.#progress = undefined;
		this.#loaded = this.#gone = false;
		this.#unread = 0;
		this.selected.clear();
		this.selected.anchor = "";
		this.#server.reset();
		const count = Math.min(100, Math.ceil(window.innerHeight / density(this.#app).height) + 10);
		if (this.#view) this.#view.open(query, 0, count, email);
		else {
			this.#view = this.#app.streams.view({ Query: query, First: 0, Count: count, Email: email }, (e) => this.#event(e), () => ({
				First: this.#server.toServer(this.#rows.top), Count: count,
			}));
		}
		this.#rows.setLabel(this.title());
		this.#draw();
	}

	/** What the list is of, in words. */
	title(): string {
		return listTitle(this.#app, this.#query);
	}

	/** Follows the server. */
	#event(e: ViewEvent): void {
		const gone = this.#server.follow(e);
		// Those that are elsewhere in the list now stay selected; if not all that came is known, they may be.
		if (!this.selected.all && allKnown(e)) for (const row of gone) if (this.#find(this.key(row)) < 0) this.selected.set(this.key(row), false);
		this.#unread = e.Unread;
		this.#loaded = true;
		this.#gone = e.Gone;
		if (e.Search) {
			this.#progress = e.Search;
			if (e.Search.Mark.length > 0 || e.Search.Terms.length > 0) {
				this.#words = e.Search.Mark;
				this.#rows.refresh(true);
			}
		}
		if (this.#wanted !== "" && e.Focus >= 0) {
			const at = this.#server.toShown(e.Focus);
			const row = this.#rows.get(at);
			this.#wanted = "";
			if (row) this.#reads(this.key(row));
			this.#rows.scrollToIndex(at, "center");
		}
		this.#draw();
	}

	/** The position of a row by its key, -1 if it is not known. */
	#find(key: string): number {
		return this.#rows.findIndex((r) => this.key(r) === key);
	}

	#draw(): void {
		this.#rows.refresh();
		this.#head.draw();
		const empty = this.#loaded && this.total === 0 && (this.#progress?.Done ?? true);
		this.#state.hidden = !empty;
		this.#rows.root.hidden = empty;
		if (empty) this.#state.replaceChildren(this.#gone ? emptyState({ icon: "folder", title: t("list.gone") }) : emptyList(this.#app, this.#query));
		drawSearch(this.#search, this.#progress, this.total);
	}

	// What is done to rows.

	/** Known rows that are selected; or the one that has the focus. */
	rows(): Row[] {
		if (this.selected.all || this.selected.count(this.total) > 0) {
			return this.#server.where((row) => this.selected.has(this.key(row)), this.selected.all ? Infinity : this.selected.keys.size);
		}
		const row = this.current();
		return row ? [row] : [];
	}

	/** The row that has the focus; without the focus in the list, the one that is read. */
	current(): Row | undefined {
		const open = this.#open === "" || this.#rows.root.contains(document.activeElement) ? -1 : this.#find(this.#open);
		return this.#rows.get(open >= 0 ? open : this.#rows.focused);
	}

	target(): Target | null {
		if (this.selected.all) {
			const except = this.#server.where((row) => this.selected.except.has(this.key(row)), this.selected.except.size);
			return allTarget(this.#query, this.rows(), except, this.selected.except, this.selected.count(this.total));
		}
		const rows = this.rows();
		return rows.length > 0 ? this.targetOf(rows) : null;
	}

	/** Rows as the target of an action. */
	targetOf(rows: readonly Row[]): Target {
		return rowTarget(this.#query, rows);
	}

	/** Shows an action before the server has done it. */
	#apply(o: Optimistic): void {
		const fits = concerned(o, this.#query);
		let next = -1;
		if (o.leaves) this.#server.hide(o, fits, (row, at) => {
			this.selected.set(this.key(row), false);
			if (this.key(row) === this.#open) next = at;
			else if (next >= 0) next--;
		});
		else this.#server.change(o, fits, (row) => changed(row, o));
		if (o.leaves) {
			if (o.all && this.selected.all) this.selected.clear();
			if (next >= 0) this.#afterLeft(next);
		}
		this.#draw();
	}

	/** Goes on after the message that was read left the list. */
	#afterLeft(index: number): void {
		const { AfterAction } = this.#app.account.settings;
		const to = AfterAction === "list" ? -1 : AfterAction === "previous" ? index - 1 : Math.min(index, this.total - 1);
		const row = to >= 0 ? this.#rows.get(to) : undefined;
		this.#reads("");
		if (row && this.#app.router.route.kind === "view" && this.#app.router.route.email !== undefined) this.open(to, true);
		else {
			this.#o.leave();
			this.#app.router.go({ kind: "view", query: this.#query }, { replace: true });
		}
	}

	#settle(o: Optimistic, ok: boolean): void {
		const back = () => {
			this.#server.restore(o);
			this.#draw();
		};
		if (!ok) back();
		else if (o.leaves) this.#scope.after(patience, back);
		else this.#scope.after(settling, this.#server.done(o));
	}

	// The focus, and what is read.

	move(move: Move, options: { select?: boolean; extend?: boolean } = {}): boolean {
		if (this.total === 0) return false;
		const from = this.#rows.focused;
		const to = this.#rows.target(move);
		if (options.extend) this.#extend(from, to);
		this.#rows.focusRow(to);
		if (!options.extend && options.select !== false) {
			this.selected.anchor = this.#keyAt(to);
			if (this.selected.count(this.total) > 0) this.clear();
			if (this.#app.layout !== "phone" && this.#app.account.settings.Pane !== "none") this.#openSoon(to);
		}
		return true;
	}

	/** Selects from where extending began to a row. */
	#extend(from: number, to: number): void {
		if (this.selected.count(this.total) === 0) this.selected.anchor = this.#keyAt(from);
		this.selected.extend(to, (key) => this.#find(key), (i) => this.#keyAt(i));
		this.changed();
	}

	#openSoon(index: number): void {
		this.#opening?.();
		const key = this.#keyAt(index);
		this.#opening = this.#scope.after(openAfter, () => this.open(key === "" ? index : this.#find(key), true));
	}

	#keyAt(index: number): string {
		const row = this.#rows.get(index);
		return row ? this.key(row) : "";
	}

	/** Opens a row; that which has the focus by default. Who only comes by a draft sees it, and does not go on with it. */
	open(index = this.#rows.focused, passing = false): boolean {
		this.#opening?.();
		const row = this.#rows.get(index);
		if (!row) return false;
		this.#reads(this.key(row));
		if (!passing && goesOn(this.#app, this.#query, row)) {
			void this.#app.composers.open({ Kind: "draft", Emails: [row.Email], Mailto: "", Quote: "" });
			return true;
		}
		this.#o.open(row, this.#query);
		this.#rows.scrollToIndex(index);
		return true;
	}

	/** Another message is read, by its id, such as after going back; empty for none. */
	read(email: string): void {
		const row = email === "" ? undefined : this.#rows.get(this.#rows.findIndex((r) => r.Email === email));
		this.#reads(row ? this.key(row) : "");
	}

	/** A row is the one that is read, by its key. */
	#reads(key: string): void {
		this.#open = key;
		this.#rows.refresh(true);
	}

	step(by: 1 | -1, options: { unread?: boolean } = {}): void {
		const open = this.#open === "" ? -1 : this.#find(this.#open);
		const at = open < 0 ? this.#rows.focused - by : open;
		let to = at + by;
		while (options.unread && to >= 0 && to < this.total && (this.#rows.get(to)?.Unread ?? 1) === 0) to += by;
		if (to < 0 || to >= this.total) return;
		this.#rows.focusRow(to);
		this.open(to, true);
	}

	/** The known rows beside the one that is read, the one after it first. */
	beside(): Row[] {
		const at = this.#find(this.#open);
		return at < 0 ? [] : [this.#rows.get(at + 1), this.#rows.get(at - 1)].filter((r) => r !== undefined);
	}

	/** The position of the row that has the focus, or would get it. */
	get focused(): number {
		return this.#rows.focused;
	}

	focus(): void {
		if (this.total > 0) this.#rows.focusRow(this.#rows.focused);
		else this.#head.focus();
	}

	// The selection.

	/** The selection has changed. */
	changed(): void {
		this.#rows.refresh();
		this.#head.draw();
	}

	clear(): void {
		this.selected.clear();
		this.changed();
	}

	/** Selects the known rows that fit. */
	selectWhere(fits: (row: Row) => boolean): void {
		this.selected.only(this.#server.where(fits).map((row) => this.key(row)));
		this.changed();
	}

	/** How many rows are known. */
	known(): number {
		return this.#server.where(() => true).length;
	}

	toggle(): boolean {
		this.choose(this.#rows.focused, "toggle");
		return this.total > 0;
	}

	/** A known row by its position. */
	at(index: number): Row | undefined {
		return this.#rows.get(index);
	}

	/** Selects a row: alone, besides others or not any more, or all from where the selection began. */
	choose(index: number, how: "only" | "toggle" | "extend"): void {
		const row = this.#rows.get(index);
		if (!row) return;
		if (how === "extend") return this.#extend(this.#find(this.selected.anchor) < 0 ? this.#rows.focused : this.#find(this.selected.anchor), index);
		if (how === "only") this.selected.only([this.key(row)]);
		else this.selected.toggle(this.key(row));
		this.selected.anchor = this.key(row);
		this.changed();
	}

	/** Opens a row that was pressed, and gives up the selection. */
	press(index: number): void {
		this.#rows.focusRow(index);
		this.selected.anchor = this.#keyAt(index);
		if (this.selected.count(this.total) > 0) this.clear();
		this.open(index);
	}

	/** Has rows drawn as dense as is chosen. */
	#dense(): void {
		const { name, height } = density(this.#app);
		this.root.dataset["density"] = name;
		this.#rows.setRowHeight(height);
	}

	close(): void {
		this.#view?.close();
		this.#scope.close();
		this.root.remove();
	}
}
