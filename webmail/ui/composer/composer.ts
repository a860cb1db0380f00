import { button, changeIconButton, iconButton, setBusy } from "../../../web/components/button/button";
import { confirm } from "../../../web/components/dialog/dialog";
import { attachMenu, type MenuEntry } from "../../../web/components/menu/menu";
import { h, uniqueID } from "../../../web/lib/dom";
import { APIError } from "../../../web/lib/api";
import { systemClock } from "../../../web/lib/clock";
import { Scope, type View } from "../../../web/lib/view";
import { type Draft, type Person, type Sent, TLSChoice } from "../api";
import type { App } from "../app";
import { dateText } from "../dates";
import { t } from "../texts";
import { Saver, type SaveState } from "./autosave";
import { Body } from "./body";
import { acceptFiles } from "./drop";
import { Fields } from "./fields";
import { Files } from "./files";
import { Notes } from "./notes";
import { Chosen, sendItems, signatureItems } from "./options";
import { retype } from "./retype";
import type { SecurityBook } from "./security";
import { allCanRequireTLS, confirmWarnings, send, type SendWay, unsure, why } from "./sending";
import { signatureOf } from "./signature";

/** How a composer stands: docked at the foot, as its title alone, over the page, or alone in its window. */
export type Shape = "docked" | "minimised" | "grown" | "alone";

export interface ComposerOptions {
	readonly app: App;
	readonly security: SecurityBook;
	readonly draft: Draft;
	/** Of the copy in the browser. */
	readonly id: string;
	/** The draft is not saved as it is here. */
	readonly unsaved: boolean;
	readonly keep: (draft: Draft) => void;
	readonly drop: () => void;
	readonly shape: (composer: Composer, shape: Shape) => void;
	/** Saved, for a window of its own. */
	readonly popOut: (composer: Composer) => void;
	readonly sent: (sent: Sent, draft: Draft) => void;
	/** It is gone from the page. */
	readonly closed: (composer: Composer) => void;
}

/** A message being written. */
export class Composer implements View {
	readonly root: HTMLElement;
	readonly #o: ComposerOptions;
	readonly #scope = new Scope();
	readonly #saver: Saver;
	readonly #fields: Fields;
	readonly #body: Body;
	readonly #files: Files;
	readonly #title = h("h2", { class: "composer-title truncate", id: uniqueID("composer") });
	readonly #status = h("p", { class: "composer-status meta truncate" });
	readonly #notes = new Notes();
	readonly #send: HTMLButtonElement;
	readonly #minimise: HTMLButtonElement;
	readonly #grow: HTMLButtonElement;
	readonly #picker = h("input", { type: "file", hidden: true, aria: { label: t("composer.attach") }, props: { multiple: true } });
	readonly #chosen: Chosen;
	#draft: Draft;
	#shape: Shape = "docked";
	#pickInline = false;
	#sending = false;
	#keepTimer: ReturnType<typeof setTimeout> | undefined;

	constructor(o: ComposerOptions) {
		this.#o = o;
		this.#draft = o.draft;
		const { app, draft } = o;
		this.#chosen = new Chosen(draft, () => this.#auto(), () => this.#changed());
		const changed = () => this.#changed();
		this.#fields = this.#scope.own(new Fields(app, o.security, changed, (before, after) => this.#from(before, after)));
		this.#files = this.#scope.own(new Files({
			csrf: app.csrf, limit: app.account.start.Limits.MessageSize, changed,
			image: (a) => this.#body.rich ? this.#body.insertImage(a) : this.#files.setInline((o) => o.Inline && o.ID !== a.ID),
		}));
		this.#body = this.#scope.own(new Body({
			app, changed, files: (files, inText) => this.#files.add(files, inText && this.#body.rich),
			pickImage: () => this.pick(true),
			switched: () => this.#inline(),
		}));
		this.#saver = new Saver({
			clock: systemClock, draft: () => this.#collect(false), save: (d) => app.api.DraftSave(d, { timeout: 120_000 }),
			saved: (saved, sent) => {
				this.#draft = { ...this.#draft, Email: saved.Email };
				this.#files.saved(sent.Attachments, saved.Attachments);
				this.#body.readdress(this.#files.values);
			},
			state: (s) => this.#saveState(s),
			temporary: (e) => e instanceof APIError && (e.temporary || e.kind === "session" || e.kind === "server"),
		});

		this.#send = button({ label: t("composer.send"), kind: "primary", key: app.commands.keys("send"), run: () => void this.send() });
		const ways = iconButton({ label: t("composer.sendmenu"), icon: "chevron-up", size: 18, class: "composer-ways" });
		attachMenu(ways, t("composer.sendmenu"), () => this.#ways(), { side: "above" });
		const sign = iconButton({ label: t("composer.signature"), icon: "signature" });
		attachMenu(sign, t("composer.signature"), () => this.#signatures(), { side: "above" });
		const more = iconButton({ label: t("composer.more"), icon: "more" });
		attachMenu(more, t("composer.more"), () => this.#chosen.items(), { side: "above", align: "end" });
		this.#minimise = iconButton({ label: t("composer.minimise"), icon: "minus", size: 18, run: () => o.shape(this, this.#shape === "minimised" ? "docked" : "minimised") });
		this.#grow = iconButton({ label: t("composer.grow"), icon: "grow", size: 18, class: "composer-grow", run: () => o.shape(this, this.#shape === "grown" ? "docked" : "grown") });
		const head = h("header", { class: "composer-head" }, this.#title, this.#minimise, this.#grow,
			iconButton({ label: t("composer.popout"), icon: "external", size: 18, class: "composer-pop", run: () => o.popOut(this) }),
			iconButton({ label: t("composer.close"), icon: "x", size: 18, key: app.commands.keys("closeComposer"), run: () => void this.leave() }));
		head.addEventListener("click", (event) => {
			if (this.#shape === "minimised" && !(event.target as Element).closest("button")) o.shape(this, "docked");
		});
		this.#picker.addEventListener("change", () => {
			this.#files.add([...this.#picker.files ?? []], this.#pickInline);
			this.#picker.value = "";
		});
		this.root = h("section", { class: "composer", role: "dialog", aria: { labelledby: this.#title.id } }, head,
			this.#notes.root,
			h("div", { class: "composer-scroll" }, this.#fields.root, this.#body.root, this.#files.root),
			h("div", { class: "composer-tools" }, this.#body.bar),
			this.#chosen.root,
			h("footer", { class: "composer-foot" }, h("span", { class: "composer-send" }, this.#send, ways),
				iconButton({ label: t("composer.attach"), icon: "clip", key: app.commands.keys("attach"), run: () => this.pick(false) }), sign, more,
				this.#status, iconButton({ label: t("composer.discard"), icon: "trash", key: app.commands.keys("discard"), run: () => void this.discard() })),
			this.#picker);
		this.#listen();
		this.#fields.set(draft);
		this.#body.set(draft);
		this.#files.set(draft.Attachments);
		this.#titled();
		this.#options();
		if (o.unsaved) this.#changed();
	}

	get email(): string {
		return this.#draft.Email;
	}

	get shape(): Shape {
		return this.#shape;
	}

	/** Whether something would be lost if the page ended. */
	get dirty(): boolean {
		return this.#saver.dirty || this.#files.busy;
	}

	setShape(shape: Shape): void {
		const before = this.#shape;
		this.#shape = shape;
		this.root.dataset["shape"] = shape;
		const small = shape === "minimised";
		changeIconButton(this.#minimise, t(small ? "composer.restore" : "composer.minimise"), small ? "chevron-up" : "minus");
		changeIconButton(this.#grow, t(shape === "grown" ? "composer.shrink" : "composer.grow"), shape === "grown" ? "shrink" : "grow");
		for (const e of this.root.children) if (!e.matches(".composer-head, input")) (e as HTMLElement).inert = small;
		if (small && before !== shape) void this.#saver.now();
	}

	/** Says something above the message, such as that it was restored. */
	note(text: string): void {
		this.#notes.say(text, () => this.focus());
	}

	/** Puts the focus where one goes on, and types keys there that were pressed before. */
	focus(keys: readonly string[] = []): void {
		const { To, Subject } = this.#fields.values;
		if (To.length === 0) this.#fields.focus("To");
		else if (Subject === "") this.#fields.focus("Subject");
		else this.#body.focus(true);
		retype(keys, this.#fields, this.#body);
	}

	/** Runs a command of the composer. Returns false if there is none of that name. */
	run(command: string): boolean {
		switch (command) {
			case "send": void this.send(); break;
			case "sendArchive": void this.send({ archive: true }); break;
			case "save": void this.#saver.now(); break;
			case "closeComposer": void this.leave(); break;
			case "discard": void this.discard(); break;
			case "focusTo": this.#fields.focus("To"); break;
			case "focusCc": this.#fields.focus("Cc"); break;
			case "focusBcc": this.#fields.focus("Bcc"); break;
			case "focusReplyTo": this.#fields.focus("ReplyTo"); break;
			case "focusFrom": this.#fields.focus("From"); break;
			case "removeRecipient": return this.#fields.removeEmpty();
			case "addRecipient": this.#fields.add(); break;
			case "attach": this.pick(false); break;
			case "insertLink": this.#body.link(); break;
			case "bold": case "italic": case "numberedList": case "bulletList": case "quote": case "clearFormat":
				this.#body.format(command);
				break;
			default: return false;
		}
		return true;
	}

	/** Asks for files; with inText for images to show in the text. */
	pick(inText: boolean): void {
		this.#pickInline = inText;
		this.#picker.accept = inText ? "image/*" : "";
		this.#picker.click();
	}

	/** Saves what is not saved; with untouched also what was not changed. Resolves to whether all is saved. */
	save(untouched = false): Promise<boolean> {
		if (untouched && this.email === "") this.#changed();
		return this.#saver.now();
	}

	/** Sends the message, after warnings. */
	async send(way: SendWay = {}): Promise<void> {
		if (this.#sending) return;
		const { app, security } = this.#o;
		this.#notes.tell("");
		const wrong = this.#fields.check() || (this.#files.failed ? t("composer.filefailed") : "");
		if (wrong) {
			this.#notes.tell(wrong);
			return;
		}
		this.#sending = true;
		const done = setBusy(this.#send);
		try {
			if (this.#files.busy) {
				this.#status.textContent = t("composer.waiting");
				await this.#files.settled();
				if (this.#files.failed) throw new APIError("user:file", t("composer.filefailed"));
			}
			if (!await confirmWarnings(app.api, this.#collect(true), security) || this.#scope.closed) return;
			await this.#saver.hold();
			const draft = { ...this.#collect(true), ...way.now && { SendAt: 0 } };
			this.#status.textContent = t("composer.sending");
			this.root.inert = true;
			const sent = await send(app.api, draft, { archive: app.account.settings.SendAndArchive, ...way }, app.account.settings.UndoSeconds, app.streams.id);
			this.#o.drop();
			this.close();
			this.#o.sent(sent, draft);
		} catch (e) {
			this.#notes.tell(t("composer.sendfailed", { why: why(e) }) + (unsure(e) ? ` ${t("composer.sendunsure")}` : ""));
		} finally {
			done();
			this.#sending = false;
			this.root.inert = false;
			if (!this.#scope.closed) this.#saver.release();
		}
	}

	/** Closes it and keeps the draft. */
	async leave(): Promise<void> {
		if (this.#files.busy && !await confirm({ title: t("composer.leave.title"), text: t("composer.leave"), action: t("composer.leave.do"), cancel: t("cancel"), danger: true })) return;
		this.root.inert = true;
		const saved = await this.#saver.now();
		this.root.inert = false;
		if (saved) this.#o.drop();
		// What the server does not take stays open; what does not reach it is kept in the browser.
		else if (this.#notes.problem) return;
		else this.#o.app.actions.say(t("composer.closefailed"));
		this.close();
	}

	/** Throws the draft away, which can be undone. */
	async discard(): Promise<void> {
		await this.#saver.hold();
		const { app } = this.#o;
		const draft = this.#collect(false);
		const { Email } = this.#draft;
		const changed = this.#saver.dirty || Email !== "";
		this.#o.drop();
		this.close();
		if (!changed) return;
		let undo = "";
		try {
			if (Email) ({ Undo: undo } = await app.api.DraftDiscard(Email));
		} catch (e) {
			app.actions.fail(e, t("composer.discardfailed"));
			return;
		}
		app.actions.say(t("composer.discarded"), () => {
			// It comes back as it was here, in the place of what was saved.
			void (undo ? app.api.Undo(undo).catch(() => {}) : Promise.resolve()).then(() => app.composers.edit({ ...draft, Email }));
		});
	}

	/** Takes it from the page, as it is. */
	close(): void {
		if (this.#scope.closed) return;
		clearTimeout(this.#keepTimer);
		this.#saver.close();
		this.#scope.close();
		this.root.remove();
		this.#o.closed(this);
	}

	/** Puts the present state into a copy, at once. */
	keep(): void {
		clearTimeout(this.#keepTimer);
		if (this.#saver.dirty && !this.#scope.closed) this.#o.keep(this.#collect(false));
	}

	#listen(): void {
		const scope = this.#scope;
		const { app } = this.#o;
		this.root.addEventListener("focusout", (event) => {
			if (!(event.relatedTarget instanceof Node) || !this.root.contains(event.relatedTarget)) setTimeout(() => {
				if (!scope.closed && !this.root.contains(document.activeElement) && !document.querySelector("dialog[open], :popover-open")) void this.#saver.now();
			});
		});
		scope.listen(document, "visibilitychange", () => {
			if (document.visibilityState !== "hidden") return;
			this.keep();
			void this.#saver.now();
		});
		scope.listen(window, "pagehide", () => this.keep());
		scope.listen(window, "beforeunload", (event) => {
			if (this.dirty) event.preventDefault();
		});
		app.account.on(scope, ["connection"], () => {
			if (app.account.connection === "live" && this.#saver.dirty) void this.#saver.now();
		});
		this.#o.security.onChange(scope, () => this.#options());
		acceptFiles(this.root, (files) => this.#files.add(files, false));
	}

	/** The draft as it is here. Final leaves out images that the text does not show. */
	#collect(final: boolean): Draft {
		const rich = this.#body.rich;
		const d: Draft = {
			...this.#draft, ...this.#fields.values, ...this.#chosen.values, Rich: rich, HTML: this.#body.html, Text: this.#body.text,
			Attachments: this.#files.values.filter((a) => !a.Inline || !final || rich && this.#body.holds(a)),
		};
		if (final && this.#auto()) d.RequireTLS = TLSChoice.TLSRequired;
		return d;
	}

	#changed(): void {
		this.#saver.changed();
		this.#titled();
		this.#options();
		clearTimeout(this.#keepTimer);
		this.#keepTimer = setTimeout(() => this.keep(), 500);
	}

	#titled(): void {
		this.#title.textContent = this.#fields.subject.value.trim() || t("composer.new");
	}

	#saveState(s: SaveState): void {
		switch (s.kind) {
			case "saving":
				this.#status.textContent = t("composer.saving");
				break;
			case "saved":
				this.#status.textContent = t("composer.saved", { time: dateText(s.at) });
				this.#notes.tell("");
				this.#o.drop();
				break;
			case "failed":
				this.#status.textContent = s.again ? t("composer.failed.again", { why: why(s.error) }) : t("composer.unsaved");
				this.keep();
				if (!s.again) this.#notes.tell(t("composer.failed", { why: why(s.error) }), () => void this.#saver.now());
		}
	}

	#from(before: Person, after: Person): void {
		const { settings } = this.#o.app.account;
		const [old, now] = [signatureOf(settings, before.Address), signatureOf(settings, after.Address)];
		if (old !== now) this.#body.sign(old, now);
		const replyTo = this.#fields.values.ReplyTo;
		const was = old?.ReplyTo ?? "";
		if (now?.ReplyTo !== was && (replyTo.length === 0 || replyTo.length === 1 && replyTo[0]!.Address === was)) this.#fields.setReplyTo(now?.ReplyTo ? [{ Name: "", Address: now.ReplyTo }] : []);
		this.#changed();
	}

	/** Images are in the text or have cards, as the text is. What was taken out of the text before has none. */
	#inline(): void {
		const rich = this.#body.rich;
		this.#files.setInline((a) => rich ? a.Inline || this.#body.holds(a) : a.Inline && !this.#body.holds(a));
	}

	#auto(): boolean {
		return this.#chosen.values.RequireTLS === TLSChoice.TLSDefault && this.#o.app.account.settings.RequireTLSAuto && allCanRequireTLS(this.#fields.values, this.#o.security);
	}

	#options(): void {
		this.#chosen.draw();
		this.#send.querySelector(".button-label")!.textContent = t(this.#chosen.values.SendAt > 0 ? "schedule.send" : "composer.send");
	}

	#ways(): MenuEntry[] {
		return sendItems(this.#o.app, this.#draft.Related.length > 0, (way) => void this.send(way), (at) => {
			this.#chosen.change({ SendAt: at });
			void this.send();
		});
	}

	#signatures(): MenuEntry[] {
		const { settings } = this.#o.app.account;
		const own = signatureOf(settings, this.#fields.from.value.Address);
		return signatureItems(settings, own, (s) => this.#body.sign(own, s, true));
	}
}
