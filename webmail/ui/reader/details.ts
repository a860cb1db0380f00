// What unfolds below the head of a message: addresses and dates, and what is known of who sent it.

import { iconButton } from "../../../web/components/button/button";
import { type Child, h } from "../../../web/lib/dom";
import { type IconName, icon } from "../../../web/lib/icons";
import { ComposeKind, Level, type Message, type Person } from "../api";
import type { App } from "../app";
import { fullDateText } from "../dates";
import { mailboxLabel, sizeText, t } from "../texts";
import "./latertexts";

/** Makes the list of addresses and dates. */
export function peopleDetails(app: App, message: Message): HTMLElement {
	const line = (label: string, value: Child) => [h("dt", t(label)), h("dd", value)];
	const people = (label: string, l: readonly Person[]) => l.length > 0 && line(label, h("ul", { role: "list" }, l.map((p) => person(app, p))));
	const { Item: item } = message;
	const places = item.Places.map((p) => app.account.mailbox(p.Mailbox)).filter((m) => m !== undefined).map(mailboxLabel).join(", ");
	return h("dl", { class: "details" },
		people("details.from", message.From), people("details.sender", message.Sender), people("details.replyto", message.ReplyTo),
		people("details.to", message.To), people("details.cc", message.Cc), people("details.bcc", message.Bcc),
		message.Date > 0 && line("details.date", fullDateText(message.Date)), line("details.received", fullDateText(item.Received)),
		message.ListID !== "" && line("details.list", h("bdi", message.ListID)), line("details.where", places), line("details.size", sizeText(item.Size)),
		message.MessageID !== "" && line("details.id", h("code", `<${message.MessageID}>`)));
}

function person(app: App, p: Person): HTMLElement {
	const to = p.Address;
	return h("li", p.Name !== "" && [h("bdi", p.Name), " "], to !== "" && h("span", { class: "details-address" },
		h("bdi", to),
		iconButton({ label: t("address.write", { name: to }), icon: "mail", size: 16, run: () => void app.composers.open({ Kind: ComposeKind.ComposeNew, Emails: [], Mailto: `mailto:${encodeURIComponent(to)}`, Quote: "" }) }),
		iconButton({
			label: t("address.copy", { name: to }), icon: "copy", size: 16,
			run: () => void navigator.clipboard?.writeText(to).then(() => app.actions.say(t("address.copied")), () => {}),
		})));
}

const marks: { readonly [level in Level]: IconName } = { ok: "check", info: "info", warn: "warning", bad: "warning" };

const levelMark = (level: Level): HTMLElement => h("span", { class: ["level", level], role: "img", aria: { label: t(`level.${level}`) } }, icon(marks[level], 16));

/** Makes what is known of who sent a message, a sentence for each way in which it was checked, and why it is where it is. */
export function verdictDetails(message: Message): HTMLElement {
	const { Checks: checks } = message.Verdict;
	return h("div", { class: "details verdict" },
		h("h3", t("verdict.checks")),
		checks.length === 0 ? h("p", t("verdict.none")) : h("ul", { role: "list" }, checks.map((c) => h("li", levelMark(c.Level), h("span", h("b", c.Name), " ", c.Text)))),
		message.Reasons.length > 0 && [h("h3", t("verdict.reasons")), h("ul", { role: "list" }, message.Reasons.map((r) => h("li", levelMark(r.Level), h("span", r.Text))))]);
}
