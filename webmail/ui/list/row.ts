import { avatar, setAvatar } from "../../../web/components/avatar/avatar";
import { iconButton, changeIconButton } from "../../../web/components/button/button";
import { bareCheckbox } from "../../../web/components/form/form";
import { chip } from "../../../web/components/chip/chip";
import { h, replaceChildren } from "../../../web/lib/dom";
import { icon } from "../../../web/lib/icons";
import type { RowState, RowView } from "../../../web/lib/virtuallist";
import { ActionKind, type Row, type Settings } from "../api";
import { dateText, fullDateText, mediumDateText } from "../dates";
import { labelName, sizeText, t } from "../texts";

export interface RowContext {
	readonly settings: () => Settings;
	/** Words that were searched for. */
	readonly mark: () => readonly string[];
	/** Whether a row is the one that is read. */
	readonly open: (row: Row) => boolean;
	/** The box of a row was pressed. */
	readonly selected: (row: Row, event: MouseEvent) => void;
	readonly act: (row: Row, kind: ActionKind) => void;
	/** Whether the size is shown, as when the list is sorted by it. */
	readonly bySize: () => boolean;
	/** The group that a row is in, such as a month; empty for none. */
	readonly group: (row: Row) => string;
}

/** Who a row is from or to, in words. */
export function peopleText(row: Row): string {
	const names = row.People.map((p) => p.Me ? t("me") : p.Name || p.Address);
	const distinct = names.filter((n, i) => names.indexOf(n) === i);
	return (distinct.join(", ") || t("nobody")) + (row.More > 0 ? ` +${row.More}` : "");
}

/** What is said of a row to those who do not see it. */
export function rowLabel(row: Row | undefined): string {
	if (!row) return t("row.loading");
	return [
		row.Unread > 0 && t("row.unread"), row.Draft && t("row.draft"), row.Flagged && t("row.flagged"), peopleText(row),
		row.Messages > 1 && t("count.messages", { n: row.Messages }), row.Subject || t("no.subject"), row.Attachments && t("row.attachments"), mediumDateText(row.Received),
	].filter(Boolean).join(", ");
}

/** A text with the words that were searched for marked. */
export function marked(text: string, words: readonly string[]): (string | HTMLElement)[] {
	const found = words.filter((w) => w !== "");
	if (found.length === 0) return [text];
	const pattern = new RegExp(`(${found.map((w) => w.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|")})`, "giu");
	return text.split(pattern).map((part, i) => i % 2 === 1 ? h("mark", part) : part).filter((p) => p !== "");
}

/** The inside of a row, drawn for one message after another. */
export class MessageRow implements RowView<Row> {
	readonly root: HTMLElement;
	readonly #c: RowContext;
	readonly #avatar = avatar("", "");
	readonly #box: HTMLInputElement;
	readonly #people = h("span", { class: "row-people truncate" });
	readonly #count = h("span", { class: "row-count tabular" });
	readonly #date = h("span", { class: "row-date meta tabular" });
	readonly #subject = h("span", { class: "row-subject" });
	readonly #snippet = h("span", { class: "row-snippet" });
	readonly #labels = h("span", { class: "row-labels" });
	readonly #icons = h("span", { class: "row-icons" });
	readonly #archive: HTMLButtonElement;
	readonly #trash: HTMLButtonElement;
	readonly #read: HTMLButtonElement;
	#row: Row | undefined;

	constructor(c: RowContext) {
		this.#c = c;
		this.#box = bareCheckbox(t("row.select"), () => {}, -1);
		this.#box.addEventListener("click", (event) => {
			event.stopPropagation();
			if (this.#row) c.selected(this.#row, event);
		});
		const act = (kind: () => ActionKind) => (event: MouseEvent) => {
			event.stopPropagation();
			if (this.#row) c.act(this.#row, kind());
		};
		this.#archive = iconButton({ label: t("archive"), icon: "archive", size: 18, tabindex: -1, run: act(() => ActionKind.ActArchive) });
		this.#trash = iconButton({ label: t("delete"), icon: "trash", size: 18, tabindex: -1, run: act(() => ActionKind.ActTrash) });
		this.#read = iconButton({ label: t("mark.read"), icon: "mail-open", size: 18, tabindex: -1, run: act(() => this.#row && this.#row.Unread > 0 ? ActionKind.ActRead : ActionKind.ActUnread) });
		this.root = h("div", { class: "row", draggable: true },
			h("div", { class: "row-mark", role: "gridcell" }, this.#avatar, this.#box),
			h("div", { class: "row-text", role: "gridcell" },
				h("div", { class: "row-line" }, this.#people, this.#count, this.#date),
				h("div", { class: "row-line" }, h("span", { class: "row-words" }, this.#subject, this.#snippet), this.#labels, this.#icons)),
			h("div", { class: "row-actions", role: "gridcell" }, this.#archive, this.#trash, this.#read));
	}

	update(row: Row | undefined, state: RowState<Row>): void {
		this.#row = row;
		const { root } = this;
		root.classList.toggle("waiting", !row);
		root.classList.toggle("unread", row !== undefined && row.Unread > 0);
		root.classList.toggle("selected", state.selected);
		root.classList.toggle("open", row !== undefined && this.#c.open(row));
		this.#box.hidden = !row;
		// A row says on its upper edge that another group begins.
		const group = row && state.before ? this.#c.group(row) : "";
		root.dataset["group"] = state.before && group !== this.#c.group(state.before) ? group : "";
		if (!row) {
			replaceChildren(this.#people, h("span", { class: "virtuallist-bar", style: { "inline-size": `${90 + (state.index * 37) % 80}px` } }));
			replaceChildren(this.#subject, h("span", { class: "virtuallist-bar", style: { "inline-size": `${140 + (state.index * 53) % 120}px` } }));
			for (const e of [this.#count, this.#date, this.#snippet, this.#labels, this.#icons]) e.replaceChildren();
			setAvatar(this.#avatar, "", "");
			return;
		}
		const mark = this.#c.mark();
		const first = row.People.find((p) => !p.Me) ?? row.People[0];
		setAvatar(this.#avatar, first?.Name ?? "", first?.Address ?? "");
		this.#box.checked = state.selected;
		this.#box.setAttribute("aria-label", `${t("row.select")}: ${row.Subject || t("no.subject")}`);
		replaceChildren(this.#people, row.Draft && h("span", { class: "row-draft" }, t("draft")), row.Draft && " ", marked(peopleText(row), mark));
		this.#count.textContent = row.Messages > 1 ? String(row.Messages) : "";
		const at = row.SendAt || row.Received;
		this.#date.textContent = this.#c.bySize() ? sizeText(row.Size) : dateText(at);
		this.#date.title = fullDateText(at);
		replaceChildren(this.#subject, marked(row.Subject || t("no.subject"), mark));
		replaceChildren(this.#snippet, marked(row.Found || row.Snippet, mark));
		const settings = this.#c.settings();
		replaceChildren(this.#labels, row.Labels.slice(0, 2).map((k) => chip({
			label: labelName(settings, k), colour: settings.Labels.find((l) => l.Keyword.toLowerCase() === k.toLowerCase())?.Color || 9,
		})), row.Labels.length > 2 && h("span", { class: "meta" }, `+${row.Labels.length - 2}`));
		replaceChildren(this.#icons,
			row.SendAt > 0 && icon("clock", 16), row.Muted && icon("mute", 16), row.Invitation && icon("calendar", 16), row.Attachments && icon("clip", 16),
			row.Answered && icon("reply", 16), row.Forwarded && icon("forward", 16), row.Flagged && h("span", { class: "row-flag" }, icon("flag", 16)));
		changeIconButton(this.#read, t(row.Unread > 0 ? "mark.read" : "mark.unread"), row.Unread > 0 ? "mail-open" : "mail");
	}
}
