import { iconButton } from "../../../web/components/button/button";
import { progress } from "../../../web/components/progress/progress";
import { setTooltip } from "../../../web/components/tooltip/tooltip";
import { h, hiddenText } from "../../../web/lib/dom";
import { type IconName, icon } from "../../../web/lib/icons";
import { APIError } from "../../../web/lib/api";
import { Scope, type View } from "../../../web/lib/view";
import type { Attachment } from "../api";
import { sizeText, t } from "../texts";
import { upload, type UploadOptions } from "./upload";

export interface FilesOptions {
	readonly csrf: UploadOptions["csrf"];
	/** How large a message may be, in bytes. */
	readonly limit: number;
	readonly changed: () => void;
	/** An image for the text has arrived. */
	readonly image: (attachment: Attachment) => void;
}

interface Entry {
	attachment: Attachment | undefined; // Undefined while it is sent, and if that failed.
	readonly file: File | undefined;
	readonly inline: boolean;
	readonly controller: AbortController;
	error: string;
	card: HTMLElement;
}

/** The files of a message: cards, with those that are on their way to the server. Images in the text are files without a card. */
export class Files implements View {
	readonly root: HTMLElement;
	readonly #o: FilesOptions;
	readonly #scope = new Scope();
	readonly #list = h("ul", { class: "files", role: "list", aria: { label: t("file.list") } });
	#entries: Entry[] = [];
	#waiting: (() => void)[] = [];

	constructor(o: FilesOptions) {
		this.#o = o;
		this.root = h("div", { class: "composer-files", hidden: true }, this.#list);
	}

	/** The files that the server has, in their order. */
	get values(): Attachment[] {
		return this.#entries.flatMap((e) => e.attachment ?? []);
	}

	/** Whether a file is on its way. */
	get busy(): boolean {
		return this.#entries.some((e) => !e.attachment && !e.error);
	}

	get failed(): boolean {
		return this.#entries.some((e) => e.error !== "");
	}

	set(attachments: readonly Attachment[]): void {
		for (const e of this.#entries) e.controller.abort();
		this.#entries = attachments.map((attachment) => this.#entry(attachment, undefined, attachment.Inline));
		this.#draw();
	}

	/** Sends files. Images go into the text if inline says so. */
	add(files: readonly File[], inline: boolean): void {
		for (const file of files) {
			const entry = this.#entry(undefined, file, inline && file.type.startsWith("image/"));
			this.#entries.push(entry);
			void this.#send(entry);
		}
		this.#draw();
	}

	/** Takes the ids that files have after a draft was saved. */
	saved(sent: readonly Attachment[], saved: readonly Attachment[]): void {
		sent.forEach((before, i) => {
			const after = saved[i];
			const entry = this.#entries.find((e) => e.attachment?.ID === before.ID);
			if (after && entry?.attachment) entry.attachment = { ...after, Inline: entry.attachment.Inline, ContentID: entry.attachment.ContentID };
		});
		this.#draw();
	}

	/** Says which images are in the text, of those that can be; the others have cards. */
	setInline(inText: (attachment: Attachment) => boolean): void {
		for (const e of this.#entries) if (e.attachment?.ContentID) e.attachment = { ...e.attachment, Inline: inText(e.attachment) };
		this.#draw();
	}

	/** Resolves when no file is on its way. */
	settled(): Promise<void> {
		return this.busy ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve();
	}

	close(): void {
		for (const e of this.#entries) e.controller.abort();
		this.#scope.close();
		this.root.remove();
	}

	#entry(attachment: Attachment | undefined, file: File | undefined, inline: boolean): Entry {
		return { attachment, file, inline, controller: new AbortController(), error: "", card: h("li") };
	}

	async #send(entry: Entry): Promise<void> {
		const file = entry.file!;
		const { limit } = this.#o;
		const sum = this.values.reduce((n, a) => n + a.Size, file.size);
		if (limit > 0 && sum * 1.37 > limit) { // Base64, with its line ends.
			this.#fail(entry, t("file.large", { size: sizeText(limit / 1.37) }));
			return;
		}
		entry.error = "";
		const name = t("file.progress", { name: file.name });
		const bar = progress(name, 0);
		entry.card.replaceChildren(...this.#content(file.name, sizeText(file.size), file.type), bar.root, this.#remove(entry, t("file.cancel", { name: file.name })));
		try {
			entry.attachment = await upload(file, { inline: entry.inline, signal: entry.controller.signal, progress: (done) => bar.set(done), csrf: this.#o.csrf });
			if (!this.#entries.includes(entry)) return;
			this.#draw();
			if (entry.inline) this.#o.image(entry.attachment);
			this.#o.changed();
		} catch (e) {
			if (!entry.controller.signal.aborted) this.#fail(entry, e instanceof APIError ? e.kind === "offline" ? t("error.offline") : e.message : t("error.unknown"));
		}
		this.#settle();
	}

	#fail(entry: Entry, why: string): void {
		entry.error = why;
		this.#draw();
		this.#settle();
	}

	#settle(): void {
		if (this.busy) return;
		for (const run of this.#waiting.splice(0)) run();
	}

	#draw(): void {
		for (const e of this.#entries) if (e.attachment || e.error) this.#card(e);
		const shown = this.#entries.filter((e) => !e.attachment || !e.attachment.Inline);
		const cards = shown.map((e) => e.card);
		for (const old of [...this.#list.children]) if (!cards.includes(old as HTMLElement)) old.remove();
		cards.forEach((c, i) => {
			if (this.#list.children[i] !== c) this.#list.insertBefore(c, this.#list.children[i] ?? null);
		});
		this.root.hidden = cards.length === 0;
	}

	#card(entry: Entry): void {
		const { attachment: a, file, error } = entry;
		const name = a?.Name ?? file?.name ?? "";
		const type = a?.Type ?? file?.type ?? "";
		entry.card.className = error ? "file failed" : "file";
		const key = a ? a.Address : error;
		if (entry.card.dataset["shown"] === key) return;
		entry.card.dataset["shown"] = key;
		const words = this.#content(name, error || sizeText(a?.Size ?? 0), type);
		const link = a && h("a", { class: "file-link", href: a.Address, target: "_blank", rel: "noopener" }, hiddenText(t("file.view")), words);
		const retry = error && file && iconButton({
			label: t("file.retry", { name }), icon: "refresh", size: 18, run: () => {
				delete entry.card.dataset["shown"];
				void this.#send(entry);
			},
		});
		entry.card.replaceChildren(...[...link ? [link] : words, ...retry ? [retry] : [], this.#remove(entry, t("file.remove", { name }))]);
		if (error) setTooltip(entry.card, error);
	}

	#content(name: string, words: string, type: string): HTMLElement[] {
		return [h("span", { class: "file-icon" }, icon(iconOf(type), 20)), h("span", { class: "file-words" }, h("span", { class: "file-name truncate" }, name), h("span", { class: "file-size truncate" }, words))];
	}

	#remove(entry: Entry, label: string): HTMLElement {
		entry.card.classList.add("file");
		return iconButton({
			label, icon: "x", size: 16, run: () => {
				entry.controller.abort();
				const at = this.#entries.indexOf(entry);
				this.#entries = this.#entries.filter((e) => e !== entry);
				const next = (entry.card.nextElementSibling ?? entry.card.previousElementSibling)?.querySelector<HTMLElement>("button:last-child");
				this.#draw();
				if (at >= 0) next?.focus();
				this.#settle();
				this.#o.changed();
			},
		});
	}
}

function iconOf(type: string): IconName {
	if (type.startsWith("image/")) return "image";
	if (type.startsWith("audio/")) return "sound";
	if (type === "message/rfc822") return "mail";
	if (type === "text/calendar") return "calendar";
	return type.startsWith("text/") || type === "application/pdf" ? "draft" : "file";
}
