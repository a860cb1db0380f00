import { avatar } from "../../../web/components/avatar/avatar";
import { iconButton } from "../../../web/components/button/button";
import { chip } from "../../../web/components/chip/chip";
import { h, hiddenText, setAria, uniqueID } from "../../../web/lib/dom";
import { type IconName, icon } from "../../../web/lib/icons";
import { type Item, Level, type Message } from "../api";
import type { Account } from "../app";
import { dateText, fullDateText, mediumDateText } from "../dates";
import { t } from "../texts";
import { namesOf } from "./items";

/** What the controls in the head of a message do. */
export interface HeadActions {
	readonly toggle: () => void;
	readonly reply: () => void;
	readonly more: (button: HTMLElement) => void;
	/** Shows or hides addresses and dates, or what is known of the sender. Returns whether they are shown then. */
	readonly details: (what: "people" | "verdict") => boolean;
	readonly shade: () => void;
}

export interface HeadState {
	readonly item: Item;
	readonly message: Message | null;
	readonly account: Account;
	readonly open: boolean;
	/** Whether it can be folded. */
	readonly folds: boolean;
	/** What the switch of light and dark says, null for no switch. */
	readonly shade: "light" | "dark" | null;
	readonly replyKey: string;
	/** Whether it can be answered: not if it is within another one. */
	readonly answers: boolean;
}

const shields: { readonly [level in Level]: IconName } = { ok: "shield-check", info: "shield", warn: "shield-alert", bad: "shield-alert" };

/** Who wrote a message, in words. */
export const writer = (item: Item, account: Pick<Account, "isMine">): string => account.isMine(item.From.Address) ? t("me") : item.From.Name || item.From.Address || t("nobody");

/** Makes the one line of a folded message. */
export function foldedHead({ item, account }: HeadState, actions: HeadActions): HTMLElement {
	const name = writer(item, account);
	return h("h2", { class: "message-line" }, h("button", { type: "button", class: "message-fold", aria: { expanded: false }, on: { click: actions.toggle } },
		avatar(item.From.Name, item.From.Address, 24),
		h("span", { class: "message-name truncate" }, !item.Seen && hiddenText(t("message.unread") + ", "), item.Draft && h("span", { class: "row-draft" }, t("draft"), " "), name),
		h("span", { class: "message-snippet truncate" }, item.Snippet),
		h("span", { class: "message-icons" }, stateIcons(item)),
		h("time", { class: "message-date meta tabular", title: fullDateText(item.Received) }, dateText(item.Received))));
}

function stateIcons(item: Item): (Node | false)[] {
	const one = (shown: boolean, name: IconName, label: string) => shown && h("span", { class: name === "flag" ? "row-flag" : "", title: label }, icon(name, 16), hiddenText(label));
	return [one(item.Attachments, "clip", t("message.attachments")), one(item.Flagged, "flag", t("message.flagged")), one(item.Junk, "junk", t("message.junk"))];
}

/** Makes the head of an open message. */
export function openHead({ item, message, account, folds, shade, replyKey, answers }: HeadState, actions: HeadActions): HTMLElement {
	const name = writer(item, account);
	const date = message?.Date || item.Received;
	const details = (b: HTMLButtonElement, what: "people" | "verdict") => {
		b.addEventListener("click", () => setAria(b, { expanded: actions.details(what) }));
		setAria(b, { expanded: false });
		return b;
	};
	const to = namesOf(item.To, item.More, account, t("me")) || t("list.members");
	const people = details(h("button", { type: "button", class: "message-to", title: t("message.details") },
		h("span", { class: "truncate" }, t("message.to", { names: to })), icon("chevron-down", 14)), "people");
	const id = uniqueID("from");
	const title = h("span", { class: "message-who" }, h("bdi", { class: "message-name" }, name), " ", item.From.Name !== "" && h("bdi", { class: "message-address meta", title: item.From.Address }, item.From.Address));
	const verdict = message && message.Verdict.Summary !== "" && details(chip({ label: message.Verdict.Summary, tone: message.Verdict.Level, icon: shields[message.Verdict.Level], run: () => {} }) as HTMLButtonElement, "verdict");
	return h("div", { class: "message-head" },
		avatar(item.From.Name, item.From.Address, 40),
		h("div", { class: "message-head-words" },
			h("h2", { class: "message-title", id }, folds ? h("button", { type: "button", class: "message-fold", aria: { expanded: true }, on: { click: actions.toggle } }, title) : title),
			h("div", { class: "message-second" }, people, verdict)),
		h("div", { class: "message-head-end" },
			h("span", { class: "message-icons" }, stateIcons(item)),
			h("time", { class: "message-date meta tabular", datetime: new Date(date * 1000).toISOString(), title: fullDateText(date) }, mediumDateText(date)),
			h("span", { class: "message-buttons no-print" },
				shade && iconButton({ label: t(`message.${shade}`), icon: shade === "dark" ? "moon" : "sun", size: 18, run: actions.shade }),
				answers && iconButton({ label: t("reply"), icon: "reply", size: 18, key: replyKey, run: actions.reply }),
				answers && iconButton({ label: t("message.more"), icon: "more", size: 18, run: (e) => actions.more(e.currentTarget as HTMLElement) }))));
}
