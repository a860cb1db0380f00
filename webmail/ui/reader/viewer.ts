// Looks at attachments, one after the other, over the page. Loaded when the first one is opened.

import { button, iconButton } from "../../../web/components/button/button";
import { emptyState, errorState, skeletonRows } from "../../../web/components/state/state";
import { type Child, h, replaceChildren, uniqueID } from "../../../web/lib/dom";
import { Scope, type View } from "../../../web/lib/view";
import { type Message, type Part, ViewKind } from "../api";
import { sizeText, t } from "../texts";
import { downloadFrom, partAddress, partName, type Place } from "./attachments";
import { type Cards, MessageCard } from "./card";
import { pieces, textOf } from "./content";
import "./latertexts";

/** Shows attachments of a message. */
export class Viewer implements View {
	readonly root: HTMLDialogElement;
	readonly #c: Cards;
	readonly #at: Place;
	readonly #parts: readonly Part[];
	readonly #message: Message;
	readonly #scope = new Scope();
	readonly #name = h("span", { class: "truncate" });
	readonly #of = h("span", { class: "meta tabular", role: "status" });
	readonly #stage = h("div", { class: "viewer-stage" });
	#index: number;
	#shown: Scope | undefined;

	constructor(c: Cards, at: Place, message: Message, index: number) {
		this.#c = c;
		this.#at = at;
		this.#message = message;
		this.#parts = message.Attachments;
		this.#index = index;
		const { commands } = c.app;
		const id = uniqueID("viewer");
		const several = this.#parts.length > 1;
		this.root = h("dialog", { class: "viewer", tabindex: -1, aria: { labelledby: id } },
			h("div", { class: "viewer-head" },
				h("h2", { id, class: "viewer-name" }, this.#name), this.#of,
				several && iconButton({ label: t("viewer.previous"), icon: "chevron-start", key: commands.keys("viewPrevious"), run: () => void this.#go(this.#index - 1) }),
				several && iconButton({ label: t("viewer.next"), icon: "chevron-end", key: commands.keys("viewNext"), run: () => void this.#go(this.#index + 1) }),
				iconButton({ label: t("source.download"), icon: "download", key: commands.keys("viewDownload"), run: () => this.#download() }),
				iconButton({ label: t("close"), icon: "x", key: commands.keys("viewClose"), run: () => this.close() })),
			this.#stage);
		this.root.addEventListener("cancel", (event) => {
			event.preventDefault();
			this.close();
		});
		this.root.addEventListener("close", () => this.close());
		commands.register(this.#scope, {
			viewPrevious: () => this.#go(this.#index - 1), viewNext: () => this.#go(this.#index + 1),
			viewFirst: () => this.#go(0), viewLast: () => this.#go(this.#parts.length - 1),
			viewDownload: () => this.#download(), viewClose: () => this.close(),
		});
		document.body.append(this.root);
		this.root.showModal();
		this.root.focus();
		this.#draw();
	}

	#go(index: number): boolean {
		if (index < 0 || index >= this.#parts.length) return false;
		this.#index = index;
		this.#draw();
		return true;
	}

	#download(): void {
		const part = this.#parts[this.#index];
		if (part) downloadFrom(partAddress(this.#at.email, part, false));
	}

	#draw(): void {
		this.#shown?.close();
		const scope = this.#shown = new Scope();
		const part = this.#parts[this.#index];
		if (!part) return;
		this.#name.textContent = partName(part);
		this.#of.textContent = [this.#parts.length > 1 && t("viewer.of", { i: this.#index + 1, n: this.#parts.length }), sizeText(part.Size)].filter(Boolean).join(" · ");
		this.#stage.className = `viewer-stage ${part.View}`;
		replaceChildren(this.#stage, this.#content(part, scope));
	}

	#content(part: Part, scope: Scope): Child {
		const address = partAddress(this.#at.email, part, true);
		const name = partName(part);
		switch (part.View) {
			case ViewKind.ViewImage:
				return h("img", { src: address, alt: name, on: { error: () => scope.closed || replaceChildren(this.#stage, this.#failed()) } });
			case ViewKind.ViewText:
				void this.#text(address, scope);
				return skeletonRows(t("reader.loading"), 8, "line");
			case ViewKind.ViewMessage:
				void this.#inner(part, scope);
				return skeletonRows(t("reader.loading"), 8, "line");
			case ViewKind.ViewPDF:
				return [h("iframe", { title: name, src: address }), h("p", { class: "meta" }, h("a", { href: address, target: "_blank", rel: "noopener" }, t("viewer.tab")))];
			case ViewKind.ViewAudio:
			case ViewKind.ViewVideo: {
				const player = h(part.View, { src: address, aria: { label: name }, props: { controls: true }, on: { error: () => scope.closed || replaceChildren(this.#stage, this.#nothing(name)) } });
				scope.onClose(() => player.pause());
				return player;
			}
			default:
				return this.#nothing(name);
		}
	}

	#nothing(name: string): HTMLElement {
		return emptyState({ icon: "file", title: name, hint: t("viewer.none"), actions: [button({ label: t("source.download"), icon: "download", kind: "primary", run: () => this.#download() })] });
	}

	#failed(hint = ""): HTMLElement {
		return errorState({ title: t("viewer.failed"), hint, actions: [button({ label: t("reader.retry"), icon: "refresh", run: () => this.#draw() })] });
	}

	async #text(address: string, scope: Scope): Promise<void> {
		try {
			const { text, cut } = await textOf(address, scope.signal);
			replaceChildren(this.#stage, h("div", { class: "viewer-text", tabindex: 0, role: "region", aria: { label: this.#name.textContent } }, cut && h("p", { class: "meta" }, t("viewer.cut")), h("pre", { dir: "auto" }, pieces(text))));
		} catch (e) {
			if (!scope.closed) replaceChildren(this.#stage, this.#failed(e instanceof Error ? e.message : ""));
		}
	}

	/** Opens a message within the message. */
	async #inner(part: Part, scope: Scope): Promise<void> {
		try {
			const message = await this.#c.messages.get(this.#at.email, part.Path);
			if (scope.closed) return;
			const none = { Name: "", Address: "" };
			const item = {
				...this.#message.Item, From: message.From[0] ?? none, To: [...message.To, ...message.Cc].slice(0, 4), More: Math.max(0, message.To.length + message.Cc.length - 4),
				Subject: message.Item.Subject, Received: message.Date || this.#message.Item.Received, Mine: false, Draft: false, Seen: true, Flagged: false, Junk: false, Attachments: false,
			};
			const card = new MessageCard(this.#c, item, part.Path);
			scope.onClose(() => card.close());
			card.update(item, false);
			card.open();
			replaceChildren(this.#stage, h("h3", { class: "reader-subject" }, message.Item.Subject || t("no.subject")), card.root);
		} catch (e) {
			if (!scope.closed) replaceChildren(this.#stage, this.#failed(e instanceof Error ? e.message : ""));
		}
	}

	close(): void {
		if (!this.root.isConnected) return;
		this.#shown?.close();
		this.#scope.close();
		if (this.root.open) this.root.close(); // Gives the focus back.
		this.root.remove();
	}
}
