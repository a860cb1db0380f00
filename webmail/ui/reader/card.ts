import { button } from "../../../web/components/button/button";
import { errorState, skeletonRows } from "../../../web/components/state/state";
import { h, replaceChildren } from "../../../web/lib/dom";
import { Scope, type View } from "../../../web/lib/view";
import { BodyKind, ComposeKind, type Item, type Message } from "../api";
import type { App } from "../app";
import { t } from "../texts";
import { attachmentCards, contentAddress } from "./attachments";
import { type BannerActions, hintBanner, messageBanners, tellMarks } from "./banners";
import { BodyFrame } from "./frame";
import { foldedHead, type HeadActions, openHead, writer } from "./head";
import type { Messages } from "./messages";

/** What all cards of a reader have in common. */
export interface Cards {
	readonly app: App;
	readonly messages: Messages;
	/** Words of a search to mark. */
	readonly words: () => readonly string[];
	readonly more: (card: MessageCard, anchor: HTMLElement) => void;
	/** It is the one that commands are for from now on. */
	readonly current: (card: MessageCard) => void;
	/** The height has settled. */
	readonly shown: (card: MessageCard) => void;
	/** Loads a part of the page; a failure is told. */
	readonly later: <T>(load: Promise<T>, run: (module: T) => void) => void;
}

/** Heights of frames as they were last, so that opening one again moves nothing. */
const heights = new WeakMap<Messages, Map<string, number>>();

/** How long a text waits for what stands above it, in milliseconds. */
const patience = 30;

/** Where the browser keeps whether HTML is shown dark on dark pages. */
const shadeKey = "mox-message-dark";

/** A message of a conversation: one line, or opened. */
export class MessageCard implements View {
	readonly root = h("article", { class: "message", tabindex: -1 });
	readonly path: string;
	readonly #c: Cards;
	readonly #scope = new Scope();
	readonly #head = h("div", { class: "message-top" });
	readonly #details = h("div", { class: "message-details" });
	readonly #banners = h("div", { class: "banners" });
	readonly #sent = h("div", { class: "message-sent" });
	readonly #body = h("div", { class: "message-body" });
	readonly #files = h("div");
	#item: Item;
	#folds = true;
	#open = false;
	#loading: Scope | undefined;
	#message: Message | null = null;
	#kind: BodyKind | undefined;
	#remote = false;
	#all = false;
	#dark = kept();
	#frame: BodyFrame | undefined;
	#shownDetails = "";

	/** Path is that of a message within another one, empty for an email itself. */
	constructor(c: Cards, item: Item, path = "") {
		this.#c = c;
		this.#item = item;
		this.path = path;
		this.root.append(this.#head);
		this.root.addEventListener("focusin", () => c.current(this));
		c.app.onDark(this.#scope, () => {
			if (!this.#open) return;
			this.#drawHead();
			this.#drawBody();
		});
		this.#drawHead();
	}

	get item(): Item {
		return this.#item;
	}

	/** The details, if they are there. */
	get message(): Message | null {
		return this.#message;
	}

	get opened(): boolean {
		return this.#open;
	}

	/** How the text is shown, or would be. */
	get kind(): BodyKind {
		return this.#kind ?? this.#message?.Body ?? BodyKind.BodyText;
	}

	/** Text that is selected in it. */
	get selection(): string {
		return this.#frame?.selection ?? "";
	}

	/** The item has changed; folds is whether it can be folded. */
	update(item: Item, folds: boolean): void {
		const same = folds === this.#folds && JSON.stringify(item) === JSON.stringify(this.#item);
		const schedule = item.SendAt !== this.#item.SendAt;
		this.#item = item;
		this.#folds = folds;
		if (same) return;
		this.#drawHead();
		if (schedule) this.reload();
	}

	open(): void {
		if (this.#open) return;
		this.#open = true;
		this.root.classList.add("settling");
		this.root.append(this.#details, this.#banners, this.#sent, this.#body, this.#files);
		this.#drawHead();
		if (this.#message) this.#fill(this.#message);
		else void this.#load();
	}

	fold(): void {
		if (!this.#open || !this.#folds) return;
		this.#open = false;
		this.#settled();
		this.#close();
		for (const e of [this.#details, this.#banners, this.#sent, this.#body, this.#files]) {
			e.replaceChildren();
			e.remove();
		}
		this.#shownDetails = "";
		this.#drawHead();
	}

	toggle(): void {
		const focus = this.root.contains(document.activeElement);
		if (this.#item.Draft && !this.#open) {
			this.compose(ComposeKind.ComposeDraft);
			return;
		}
		if (this.#open) this.fold();
		else this.open();
		this.#c.current(this);
		if (focus) this.root.querySelector<HTMLElement>(".message-fold")?.focus({ preventScroll: true });
	}

	/** Puts the focus on it. */
	focus(options?: FocusOptions): void {
		this.root.focus(options);
	}

	/** Reads the details again, for what has changed of it on the server. */
	reload(): void {
		this.#c.messages.forget(this.#item.Email);
		if (this.#open) void this.#load(false);
		else this.#message = null;
	}

	/** Shows the text in another form, and has the server remember it for the sender. False if there is none. */
	showAs(kind: BodyKind): boolean {
		const message = this.#message;
		if (!message || !this.#open || !message.Bodies.includes(kind)) return false;
		if (kind === this.kind) return true;
		this.#kind = kind;
		this.#fill(message);
		const from = message.From[0]?.Address;
		if (from) this.#c.app.api.ShowBody(from, kind).then(() => this.#c.messages.clear(), (e) => this.#c.app.actions.fail(e, t("remote.failed")));
		return true;
	}

	/** Loads no images of the sender any more, or always. */
	async allowRemote(allow: boolean): Promise<void> {
		const from = this.#message?.From[0]?.Address;
		if (!from) return;
		const { app, messages } = this.#c;
		try {
			await app.api.AllowRemote(from, allow);
			messages.clear();
			this.reload();
		} catch (e) {
			app.actions.fail(e, t("remote.failed"));
		}
	}

	/** Opens the attachment at a position, in the viewer. */
	view(index: number): boolean {
		const message = this.#message;
		if (!message || message.Attachments.length === 0) return false;
		this.#c.later(import("./viewer"), (m) => void new m.Viewer(this.#c, { email: this.#item.Email, path: this.path }, message, index));
		return true;
	}

	/** Asks how to leave the list that it came by. */
	unsubscribe(): void {
		const message = this.#message;
		if (message) this.#c.later(import("./unsubscribe"), (m) => void m.unsubscribe(this.#c.app, message));
	}

	async #load(bars = true): Promise<void> {
		this.#loading?.close();
		const scope = this.#loading = new Scope();
		if (bars) replaceChildren(this.#body, skeletonRows(t("reader.loading"), 4, "line"));
		if (this.#hinted) void this.#c.messages.hints(this.#item.Email); // Early, so that nothing moves when they come.
		try {
			const { Email } = this.#item;
			const message = this.#c.messages.peek(Email, this.path) ?? await this.#c.messages.get(Email, this.path);
			if (scope.closed) return;
			this.#message = message;
			this.#drawHead();
			this.#fill(message);
		} catch (e) {
			if (scope.closed) return;
			this.#settled();
			replaceChildren(this.#body, errorState({ title: t("reader.failed"), hint: e instanceof Error && e.message, actions: [button({ label: t("reader.retry"), icon: "refresh", run: () => void this.#load() })] }));
		} finally {
			scope.close();
		}
	}

	#state() {
		const { app } = this.#c;
		const shade = app.dark && this.#message && this.kind === BodyKind.BodyHTML ? this.#dark ? "light" : "dark" : null;
		return {
			item: this.#item, message: this.#message, account: app.account, open: this.#open, folds: this.#folds, shade, replyKey: app.commands.keys("reply"), answers: this.path === "",
		} as const;
	}

	readonly #headActions: HeadActions = {
		toggle: () => this.toggle(),
		reply: () => {
			this.#c.current(this);
			this.compose(ComposeKind.ComposeReply);
		},
		more: (b) => {
			this.#c.current(this);
			this.#c.more(this, b);
		},
		details: (what) => this.#toggleDetails(what),
		shade: () => {
			this.#dark = !this.#dark;
			keep(this.#dark);
			this.#drawHead();
			this.#drawBody();
		},
	};

	#drawHead(): void {
		const { root } = this;
		const at = document.activeElement;
		const number = this.#head.contains(at) ? [...this.#head.querySelectorAll("button")].findIndex((b) => b === at) : undefined;
		root.classList.toggle("open", this.#open);
		root.classList.toggle("unread", !this.#item.Seen);
		root.setAttribute("aria-label", writer(this.#item, this.#c.app.account));
		replaceChildren(this.#head, this.#open ? openHead(this.#state(), this.#headActions) : foldedHead(this.#state(), this.#headActions));
		if (number === undefined) return;
		const buttons = [...this.#head.querySelectorAll("button")];
		const same = buttons.find((b) => b.className === at?.className && b.getAttribute("aria-label") === at.getAttribute("aria-label"));
		(same ?? buttons[number] ?? buttons[0] ?? root).focus({ preventScroll: true });
	}

	/** Shows addresses, or what is known of the sender; the other one goes. */
	#toggleDetails(what: "people" | "verdict"): boolean {
		const message = this.#message;
		this.#details.replaceChildren();
		this.#shownDetails = this.#shownDetails === what || !message ? "" : what;
		for (const b of this.#head.querySelectorAll(".message-second [aria-expanded]")) b.setAttribute("aria-expanded", "false");
		if (this.#shownDetails === "" || !message) return false;
		this.#c.later(import("./details"), (m) => {
			if (this.#shownDetails === what) replaceChildren(this.#details, what === "people" ? m.peopleDetails(this.#c.app, message) : m.verdictDetails(message));
		});
		return true;
	}

	readonly #bannerActions: BannerActions = {
		remote: (always) => {
			this.#remote = true;
			if (always) void this.allowRemote(true);
			else if (this.#message) this.#fill(this.#message);
		},
		all: () => {
			this.#all = true;
			if (this.#message) this.#fill(this.#message);
		},
		unsubscribe: () => this.unsubscribe(),
		draft: () => this.compose(ComposeKind.ComposeDraft),
	};

	#fill(message: Message): void {
		if (!this.#open) return;
		const html = this.kind === BodyKind.BodyHTML;
		const hints = this.#all ? message.Hints.filter((x) => !x.Items.includes("text")) : message.Hints;
		const remote = html && message.Remote.Count > 0 && !message.Remote.Allowed && !this.#remote;
		replaceChildren(this.#banners, messageBanners({ ...message, Hints: hints }, remote, this.#bannerActions));
		this.#drawBody();
		replaceChildren(this.#files, attachmentCards({ email: this.#item.Email, path: this.path }, message, (i) => this.view(i)));
		if (this.#hinted) void this.#slowHints(message);
		const { Submission: submission } = message;
		if (submission) {
			this.#c.later(import("./delivery"), (m) => {
				if (this.#open && this.#message === message) replaceChildren(this.#sent, m.deliveryLine(this.#c.app, submission, () => this.reload()));
			});
		} else {
			this.#sent.replaceChildren();
		}
	}

	/** Whether there may be more to know of who wrote it. */
	get #hinted(): boolean {
		return this.path === "" && !this.#item.Mine && !this.#item.Draft;
	}

	async #slowHints(message: Message): Promise<void> {
		const hints = await this.#c.messages.hints(this.#item.Email);
		if (!this.#open || this.#message !== message) return;
		for (const old of this.#banners.querySelectorAll("[data-late]")) old.remove();
		for (const hint of hints) {
			const b = hintBanner(hint, this.#bannerActions, true);
			b.dataset["late"] = "";
			this.#banners.append(b);
		}
	}

	/** Shows the text. */
	#drawBody(): void {
		const { app, messages } = this.#c;
		const message = this.#message;
		if (!message || !this.#open) return;
		const html = this.kind === BodyKind.BodyHTML;
		const dark = app.dark && (!html || this.#dark);
		const email = this.#item.Email;
		const address = contentAddress({ email, path: this.path }, html ? "html" : "text", {
			...(dark && { theme: "dark" }), ...(this.#remote && message.Remote.Token && { remote: message.Remote.Token }), ...(this.#all && { all: "1" }),
		});
		const known = heights.get(messages) ?? new Map<string, number>();
		heights.set(messages, known);
		const key = `${email}/${this.path}/${html}`;
		const height = this.#frame?.height || known.get(key) || 120;
		this.#frame?.close();
		// Hints stand above the text. If they come while it loads it does not have to move.
		const hints = this.#hinted && Promise.race([messages.hints(email), new Promise((late) => setTimeout(late, patience))]);
		const frame: BodyFrame = new BodyFrame({
			address, height, title: t("message.body", { name: writer(this.#item, app.account) }),
			loaded: async () => {
				known.set(key, frame.height);
				await hints;
				if (this.#frame !== frame) return;
				tellMarks(this.#banners, frame.document);
				frame.reveal();
				this.#settled();
				const words = this.#c.words();
				if (words.length > 0) this.#c.later(import("./marks"), (m) => frame.document && m.markWords(frame.document, words));
				this.#c.shown(this);
			},
			mail: (Mailto) => void app.composers.open({ Kind: ComposeKind.ComposeNew, Emails: [], Mailto, Quote: "" }),
		});
		this.#frame = frame;
		frame.root.addEventListener("focus", () => this.#c.current(this));
		this.root.classList.add("settling");
		this.#body.className = `message-body ${!html ? "text" : app.dark && !dark ? "html sheet" : "html"}`;
		replaceChildren(this.#body, frame.root);
	}

	/** It has its height, so that what is below it can be seen. */
	#settled(): void {
		this.root.classList.remove("settling");
	}

	/** Opens a composer about it; what is selected in it is what is quoted. */
	compose(Kind: ComposeKind): void {
		void this.#c.app.composers.open({ Kind, Emails: [this.#item.Email], Mailto: "", Quote: this.selection });
	}

	#close(): void {
		this.#loading?.close();
		this.#frame?.close();
		this.#frame = undefined;
	}

	close(): void {
		this.#close();
		this.#scope.close();
		this.root.remove();
	}
}

function kept(): boolean {
	try {
		return localStorage.getItem(shadeKey) === "1";
	} catch {
		return false;
	}
}

function keep(dark: boolean): void {
	try {
		localStorage.setItem(shadeKey, dark ? "1" : "0");
	} catch {
		// Not every browser lets pages keep something.
	}
}
