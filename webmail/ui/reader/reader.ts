import { emptyState } from "../../../web/components/state/state";
import { h } from "../../../web/lib/dom";
import type { Message, Query, Row } from "../api";
import type { App, Reader, Target } from "../app";
import { t } from "../texts";

export interface ReaderOptions {
	/** Back to the list, where the two are not side by side. */
	readonly back: () => void;
	/** The next or previous message of the list. */
	readonly step: (by: 1 | -1, unread: boolean) => void;
}

/** The reader. */
export class ConversationReader implements Reader {
	readonly root = h("section", { class: "reader", id: "reader", tabindex: -1, aria: { label: "Message" } });

	constructor(_app: App, _options: ReaderOptions) {
		this.empty();
	}

	show(row: Row, _query: Query): void {
		this.root.replaceChildren(h("h1", row.Subject));
	}
	open(email: string): void {
		this.root.replaceChildren(h("h1", email));
	}
	empty(): void {
		this.root.replaceChildren(emptyState({ icon: "mail", title: t("reader.empty") }));
	}
	target(): Target | null {
		return null;
	}
	message(): Message | null {
		return null;
	}
	focus(): void {
		this.root.focus();
	}
	close(): void {
		this.root.remove();
	}
}
