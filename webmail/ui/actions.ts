import type { Toast, Toasts } from "../../web/components/toast/toast";
import { APIError } from "../../web/lib/api";
import { Scope } from "../../web/lib/view";
import { type API, type Acted, type Action, ActionKind, type Mailbox } from "./api";
import type { Account, Actions, Optimistic, Streams, Target } from "./app";
import { optimistic } from "./list/optimistic";
import { isMissingPart } from "./parts";
import { mailboxLabel, t } from "./texts";

/** A long action shows how far it is after this, in milliseconds. */
const showProgressAfter = 1000;

interface Listener {
	readonly apply: (o: Optimistic) => void;
	readonly settle: (o: Optimistic, ok: boolean) => void;
}

export interface ActionsOptions {
	readonly api: API;
	readonly account: Account;
	readonly streams: Streams;
	readonly toasts: Toasts;
	readonly scope: Scope;
}

/** What a user does to messages: shown at once, told to the server, and undone where that can be. */
export class PageActions implements Actions {
	readonly #o: ActionsOptions;
	readonly #listeners = new Set<Listener>();
	readonly #running = new Map<string, (done: number, of: number) => void>();
	#last: (() => void) | undefined; // Undoes what was done last.
	#offered = false;
	#doing: Promise<Acted | undefined> | undefined; // What is being done.

	constructor(o: ActionsOptions) {
		this.#o = o;
		o.streams.on(o.scope, "progress", (e) => this.#running.get(e.Action)?.(e.Done, e.Of));
		o.scope.after(3000, () => void import("./pick").catch(() => {}));
	}

	onOptimistic(scope: Scope, apply: Listener["apply"], settle: Listener["settle"]): void {
		const listener = { apply, settle };
		this.#listeners.add(listener);
		scope.onClose(() => this.#listeners.delete(listener));
	}

	async act(target: Target, action: Action): Promise<Acted | undefined> {
		if (target.count === 0) return undefined;
		if (action.Kind === ActionKind.ActExpunge && !await this.#sure(target)) return undefined;
		const doing = this.#doing = this.#act(target, action);
		try {
			return await doing;
		} finally {
			if (this.#doing === doing) this.#doing = undefined;
		}
	}

	async #act(target: Target, action: Action): Promise<Acted | undefined> {
		const { api, streams } = this.#o;
		const id = crypto.randomUUID();
		const shown = optimistic(target, action);
		for (const l of [...this.#listeners]) l.apply(shown);
		const progress = this.#progress(id, action);
		try {
			const acted = await api.Act({ ...target.selection, Stream: streams.id, Action: id }, action, { timeout: 30 * 60_000 });
			progress.end();
			this.#settle(shown, acted.Count > 0);
			this.#done(target, action, acted);
			return acted;
		} catch (e) {
			progress.end();
			this.#settle(shown, false);
			this.fail(e, t("act.failed"));
			return undefined;
		}
	}

	undo(): void {
		if (this.#doing) {
			// Who undoes at once means what the server has not done yet.
			void this.#doing.then((acted) => acted && acted.Count > 0 && this.undo());
			return;
		}
		const last = this.#last;
		this.#last = undefined;
		if (last) last();
		else this.say(t("undo.nothing"));
	}

	/** Loads what asks for mailboxes and labels. Keys that are typed for it meanwhile do nothing else. */
	async #picker(): Promise<typeof import("./pick")> {
		const loading = new AbortController();
		document.addEventListener("keydown", (event) => {
			event.preventDefault();
			event.stopPropagation();
		}, { capture: true, signal: loading.signal });
		try {
			return await import("./pick");
		} finally {
			loading.abort();
		}
	}

	async pickMailbox(title: string, fits: (m: Mailbox) => boolean): Promise<Mailbox | null> {
		const { pickMailbox } = await this.#picker();
		return pickMailbox(this.#o.account, title, fits);
	}

	async pickLabels(title: string, present: readonly string[]): Promise<{ add: string[]; remove: string[] } | null> {
		const { pickLabels } = await this.#picker();
		return pickLabels(this.#o.account, title, present);
	}

	say(text: string, undo?: () => void, seconds = 10): void {
		const toast = this.#o.toasts.show({ text, ...(undo && { action: { label: t("undo"), run: () => once() }, seconds }) });
		if (!undo) return;
		const once = this.#last = () => {
			toast.close();
			if (this.#last === once) this.#last = undefined;
			undo();
		};
	}

	done(text: string, undo: string): void {
		this.say(text, undo === "" ? undefined : () => void this.#undo(undo));
	}

	fail(error: unknown, what: string): void {
		if (error instanceof DOMException && error.name === "AbortError") return;
		console.warn(what, error);
		if (isMissingPart(error) && this.#o.account.connection === "live") {
			this.#offered = false; // It is needed now.
			this.offerReload();
			return;
		}
		const why = isMissingPart(error) ? t("error.offline") : error instanceof APIError ? error.kind === "offline" ? t("error.offline") : error.message : t("error.unknown");
		this.#o.toasts.show({ text: `${what} ${why}`, failed: true });
	}

	/** Says that there is a new version of the page, once. */
	offerReload(): void {
		if (this.#offered) return;
		this.#offered = true;
		this.#o.toasts.show({ text: t("version.new"), seconds: 0, action: { label: t("reload"), run: () => location.reload() } });
	}

	async #sure(target: Target): Promise<boolean> {
		const { confirm } = await import("../../web/components/dialog/dialog");
		return confirm({
			title: t("expunge.title"), text: t("expunge.text", { n: target.count }), action: t("expunge.action"), cancel: t("cancel"), danger: true,
		});
	}

	#settle(o: Optimistic, ok: boolean): void {
		for (const l of [...this.#listeners]) l.settle(o, ok);
	}

	/** Shows how far a long action is, and a button that ends it. */
	#progress(id: string, action: Action): { end(): void } {
		const { toasts, api, streams } = this.#o;
		let toast: Toast | undefined;
		let at = { done: 0, of: 0 };
		const text = () => at.of > 0 ? t("act.progress", { done: at.done, of: at.of }) : t("act.busy");
		const timer = setTimeout(() => {
			toast = toasts.show({ text: text(), seconds: 0, action: { label: t("stop"), run: () => void api.ActionCancel(streams.id, id).catch(() => {}) } });
		}, action.Kind === ActionKind.ActRead || action.Kind === ActionKind.ActUnread ? 2 * showProgressAfter : showProgressAfter);
		this.#running.set(id, (done, of) => {
			at = { done, of };
			toast?.setText(text());
		});
		return {
			end: () => {
				clearTimeout(timer);
				this.#running.delete(id);
				toast?.close();
			},
		};
	}

	/** Tells what was done, with Undo. */
	#done(target: Target, action: Action, acted: Acted): void {
		if (acted.Count === 0 && !quiet.has(action.Kind)) {
			this.say(t("act.nothing"));
			return;
		}
		const undo = acted.Undo === "" ? undefined : () => void this.#undo(acted.Undo);
		this.#last = undo;
		if (quiet.has(action.Kind) && target.count < 2) return; // The row shows it; the key for undo works.
		const mailbox = this.#o.account.mailbox(acted.Mailbox);
		this.say(t(`done.${action.Kind}`, { n: target.count, mailbox: mailbox ? mailboxLabel(mailbox) : "" }), undo);
	}

	async #undo(token: string): Promise<void> {
		try {
			const { Count } = await this.#o.api.Undo(token, { timeout: 30 * 60_000 });
			this.say(Count > 0 ? t("undo.done") : t("undo.late"));
		} catch (e) {
			this.fail(e, t("undo.failed"));
		}
	}
}

/** What is done by the way, and shown by the row itself. */
const quiet: ReadonlySet<ActionKind> = new Set([ActionKind.ActRead, ActionKind.ActUnread, ActionKind.ActFlag, ActionKind.ActUnflag, ActionKind.ActLabel, ActionKind.ActUnlabel, ActionKind.ActAnswered, ActionKind.ActForwarded]);
