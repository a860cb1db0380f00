import { h } from "../../../web/lib/dom";
import { Scope } from "../../../web/lib/view";
import { type ComposeRequest, ComposeKind, type Draft, Role, type Sent } from "../api";
import type { App, Composers, TypedAhead } from "../app";
import { dateText, mediumDateText } from "../dates";
import { queryOf } from "../queries";
import { t } from "../texts";
import { Composer, type Shape } from "./composer";
import { KeptDrafts } from "./kept";
import { SecurityBook } from "./security";
import "./texts";

export { ScheduledPage } from "./scheduled";

const commands = [
	"send", "sendArchive", "save", "closeComposer", "discard", "focusTo", "focusCc", "focusBcc", "focusReplyTo", "focusFrom", "removeRecipient", "addRecipient", "attach",
	"bold", "italic", "insertLink", "numberedList", "bulletList", "quote", "clearFormat",
] as const;

/** Names of windows that were made for a composer begin so. */
const windowName = "mox-compose-";

/** What a composer in a window of its own tells the page that it came from. */
interface Told {
	readonly window: string;
	readonly sent: Sent;
	readonly draft: Draft;
}

const page = (): string => crypto.randomUUID();

/** The composers of the page: docked side by side at its foot, or one over all of it. */
export class PageComposers implements Composers {
	readonly #app: App;
	readonly #scope = new Scope();
	readonly #root: HTMLElement;
	readonly #security: SecurityBook;
	readonly #kept: KeptDrafts;
	readonly #page = page();
	readonly #windows = new Set<string>();
	readonly #channel: BroadcastChannel | undefined;
	#open: Composer[] = []; // The one used last is the last.
	#before: Element | null = null; // What had the focus before.
	#pushed = false; // Whether the history of the browser has an entry for the composer that covers the page.

	constructor(app: App) {
		this.#app = app;
		this.#security = new SecurityBook(app.api);
		const { Account } = app.account.start;
		this.#kept = new KeptDrafts(storage(), Account, this.#page);
		this.#root = h("div", { class: "composers", role: "region", aria: { label: t("composer.all") } });
		document.body.append(this.#root);
		app.commands.register(this.#scope, Object.fromEntries(commands.map((name) => [name, () => this.#focused()?.run(name) ?? false])));
		this.#root.addEventListener("focusin", () => {
			const c = this.#focused();
			if (c) this.#open = [...this.#open.filter((o) => o !== c), c];
		});
		app.onLayout(this.#scope, () => this.#arrange());
		this.#scope.listen(window, "resize", () => this.#arrange());
		this.#scope.listen(window, "popstate", () => this.#wentBack());
		if (typeof BroadcastChannel === "function") {
			this.#channel = new BroadcastChannel(`mox-webmail-composers/${Account}`);
			this.#channel.onmessage = (event: MessageEvent<Told>) => {
				if (this.#windows.delete(event.data.window)) this.sent(event.data.sent, event.data.draft);
			};
		}
		void this.#restore();
	}

	async open(request: ComposeRequest, typed?: TypedAhead): Promise<void> {
		const there = request.Kind === ComposeKind.ComposeDraft && this.#open.find((c) => c.email !== "" && request.Emails.includes(c.email));
		if (there) {
			this.#shape(there, there.shape === "minimised" ? "docked" : there.shape);
			there.focus(typed?.keys);
			return;
		}
		const draft = await this.#app.api.Compose(request, typed && { signal: typed.signal });
		const { route } = this.#app.router;
		const c = this.#add(draft, { alone: route.kind === "compose" && this.#open.length === 0 });
		if (!typed?.elsewhere || this.#app.layout === "phone") c.focus(typed?.keys); // On a phone it covers the page.
	}

	async edit(draft: Draft): Promise<void> {
		this.#add(draft, { focus: true, unsaved: true });
	}

	/** Tells of what was sent, with Undo. */
	sent(sent: Sent, draft: Draft): void {
		const { actions, account } = this.#app;
		const later = draft.SendAt > Date.now() / 1000 && draft.SendAt === sent.Until;
		const text = later ? t("composer.scheduled", { time: mediumDateText(sent.Until) }) : t(sent.Undo ? "composer.sent.archived" : "composer.sent");
		actions.say(text, sent.Until > 0 && (later || account.settings.UndoSeconds > 0) ? () => void this.#takeBack(sent, draft) : undefined, later ? 10 : account.settings.UndoSeconds);
	}

	/** Takes a message back, and goes on with it. */
	async #takeBack(sent: Sent, draft: Draft): Promise<void> {
		const { api, actions } = this.#app;
		try {
			const back = await api.SendUndo(sent.Submission);
			if (sent.Undo) void api.Undo(sent.Undo).catch((e: unknown) => actions.fail(e, t("undo.failed")));
			// What was sent does not tell all that the draft had.
			const { Bcc, Related, Forward, RequireTLS, InReplyTo, References } = draft;
			this.#add({ ...back, Bcc, Related, Forward, RequireTLS, InReplyTo, References, SendAt: 0 }, { focus: true, unsaved: true });
		} catch (e) {
			actions.fail(e, t("composer.undofailed"));
		}
	}

	#add(draft: Draft, o: { alone?: boolean; focus?: boolean; unsaved?: boolean; note?: string; shape?: Shape }): Composer {
		const id = page();
		if (this.#open.length === 0) this.#before = document.activeElement;
		const c = new Composer({
			app: this.#app, security: this.#security, draft, id, unsaved: o.unsaved ?? false,
			keep: (d) => this.#kept.keep(id, d), drop: () => this.#kept.drop(id),
			shape: (composer, shape) => {
				this.#shape(composer, shape);
				if (shape !== "minimised") composer.focus();
			},
			popOut: (composer) => void this.#popOut(composer),
			sent: (sent, d) => {
				if (o.alone && window.name.startsWith(windowName) && this.#channel) {
					this.#channel.postMessage({ window: window.name, sent, draft: d } satisfies Told);
					window.close();
				} else {
					this.sent(sent, d);
				}
			},
			closed: (composer) => this.#closed(composer, o.alone ?? false),
		});
		this.#open.push(c);
		this.#root.prepend(c.root);
		this.#shape(c, o.alone ? "alone" : o.shape ?? "docked");
		if (o.note) c.note(o.note);
		if (o.focus) c.focus();
		return c;
	}

	#closed(c: Composer, alone: boolean): void {
		this.#open = this.#open.filter((o) => o !== c);
		this.#arrange();
		if (alone) {
			if (window.name.startsWith(windowName)) window.close();
			// The window stays if the browser does not let it close: then it is a page as any other.
			const { router, account } = this.#app;
			if (router.route.kind === "compose") router.go({ kind: "view", query: queryOf(this.#app, account.withRole(Role.RoleInbox)?.ID ?? 0) }, { replace: true });
			return;
		}
		const next = this.#open.at(-1);
		if (next && next.shape !== "minimised") next.focus();
		else if (this.#before instanceof HTMLElement && this.#before.isConnected) this.#before.focus({ preventScroll: true });
	}

	#focused(): Composer | undefined {
		const root = document.activeElement?.closest(".composer");
		return this.#open.find((c) => c.root === root);
	}

	#shape(c: Composer, shape: Shape): void {
		c.setShape(shape);
		if (shape !== "minimised") {
			this.#open = [...this.#open.filter((o) => o !== c), c];
			// One at a time where there is no room for more, or when one covers the page.
			if (shape === "grown" || shape === "alone") for (const o of this.#open) if (o !== c && o.shape === "grown") o.setShape("docked");
		}
		this.#arrange();
	}

	/** Minimises the oldest ones for which there is no room, and keeps what is covered from being used. */
	#arrange(): void {
		const phone = this.#app.layout === "phone";
		// A docked one takes 640 CSS pixels, a title 160 at least, each with a gap.
		const n = this.#open.length;
		let room = phone ? 1 : Math.max(1, Math.min(n, Math.floor((innerWidth - 32 - n * 176) / (656 - 176))));
		for (const c of [...this.#open].reverse()) {
			if (c.shape === "docked" && room-- <= 0) c.setShape("minimised");
		}
		const top = this.#open.findLast((c) => c.shape !== "minimised");
		const over = top !== undefined && (phone || top.shape === "grown" || top.shape === "alone");
		for (const c of this.#open) {
			if (c === top && over) c.root.setAttribute("aria-modal", "true");
			else c.root.removeAttribute("aria-modal");
			c.root.classList.toggle("covered", over && c !== top);
		}
		this.#root.classList.toggle("over", over);
		this.#history(over && phone && top.shape !== "alone");
		const shell = document.querySelector<HTMLElement>("body > .shell");
		if (shell) shell.inert = over;
	}

	/** On a phone the composer covers the page, and going back leaves it, not the page. */
	#history(covered: boolean): void {
		if (covered === this.#pushed) return;
		this.#pushed = covered;
		if (covered) history.pushState(null, "", location.href);
		else history.back();
	}

	#wentBack(): void {
		if (!this.#pushed) return;
		this.#pushed = false;
		void this.#open.findLast((c) => c.shape !== "minimised")?.leave();
	}

	async #popOut(c: Composer): Promise<void> {
		// The window has to be opened in the same moment as the press; browsers refuse it later.
		const name = windowName + page();
		const w = window.open("", name, "popup,width=760,height=720");
		if (!w) {
			this.#app.actions.say(t("composer.popfailed"));
			return;
		}
		if (!await c.save(true)) {
			w.close();
			return;
		}
		const request: ComposeRequest = { Kind: ComposeKind.ComposeDraft, Emails: [c.email], Mailto: "", Quote: "" };
		this.#windows.add(name);
		w.location.href = new URL(this.#app.router.href({ kind: "compose", request }), location.href).href;
		c.close();
	}

	/** Brings back what pages have left that ended without saving it. */
	async #restore(): Promise<void> {
		const { locks } = navigator;
		const name = (id: string) => `mox-composers/${id}`;
		let open = new Set<string>();
		if (locks) {
			// The lock goes with the page.
			void locks.request(name(this.#page), () => new Promise<void>((resolve) => this.#scope.onClose(resolve))).catch(() => {});
			try {
				const { held = [], pending = [] } = await locks.query();
				open = new Set([...held, ...pending].map((l) => (l.name ?? "").replace(name(""), "")));
			} catch {
				return;
			}
		}
		for (const k of this.#kept.left(open)) {
			this.#kept.remove(k.key);
			this.#add(k.draft, { unsaved: true, note: t("composer.restored", { time: dateText(k.at / 1000) }), shape: this.#app.layout === "phone" ? "minimised" : "docked" });
		}
	}
}

function storage(): Storage | undefined {
	try {
		return localStorage;
	} catch {
		return undefined;
	}
}
