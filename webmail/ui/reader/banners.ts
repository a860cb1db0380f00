import { banner, type Tone } from "../../../web/components/banner/banner";
import { button } from "../../../web/components/button/button";
import { type Child, h } from "../../../web/lib/dom";
import type { IconName } from "../../../web/lib/icons";
import { type Hint, HintKind, type Message } from "../api";
import { t } from "../texts";

/** What the buttons of banners do. */
export interface BannerActions {
	/** Loads remote images, from now on for all mail of the sender if that is asked for. */
	readonly remote: (always: boolean) => void;
	readonly all: () => void;
	readonly unsubscribe: () => void;
	readonly draft: () => void;
}

const action = (label: string, run: () => void, icon?: IconName) => button({ label, kind: "quiet", run, ...(icon && { icon }) });

/** Names of hosts: all of two, or else one and how many more. */
export function hostsText(hosts: readonly string[]): string {
	const [first = "", second] = hosts;
	return hosts.length <= 2 ? [first, second].filter(Boolean).join(", ") : t("remote.more", { host: first, n: hosts.length - 1 });
}

/** Makes the banner of a hint. Live tells that it comes later than the message. */
export function hintBanner(hint: Hint, actions: BannerActions, live = false): HTMLElement {
	const tone: Tone = hint.Level === "ok" ? "info" : hint.Level;
	const rest = hint.Kind === HintKind.HintIncomplete && hint.Items.includes("text");
	const words: Child = [hint.Text, !rest && hint.Items.length > 0 && h("ul", { class: "hint-items", role: "list" }, hint.Items.map((i) => h("li", h("bdi", i))))];
	return banner({ tone, text: words, live, ...(rest && { actions: [action(t("all.show"), actions.all)] }) });
}

/** Makes the banners of a message. Remote is whether those for remote images have a reason. */
export function messageBanners(message: Message, remote: boolean, actions: BannerActions): HTMLElement[] {
	const l: HTMLElement[] = [];
	const { Item: item } = message;
	if (item.Draft) l.push(banner({ tone: "neutral", icon: "draft", text: t("draft.is"), actions: [action(t("draft.edit"), actions.draft)] }));
	for (const hint of message.Hints) l.push(hintBanner(hint, actions));
	if (remote) {
		l.push(banner({
			tone: "neutral", icon: "image", text: t("remote.text", { hosts: hostsText(message.Remote.Hosts) }),
			actions: [action(t("remote.once"), () => actions.remote(false)), ...message.From[0]?.Address ? [action(t("remote.always"), () => actions.remote(true))] : []],
		}));
	}
	if (message.Unsubscribe && !item.Mine) l.push(banner({ tone: "neutral", icon: "users", text: message.ListID ? `${t("unsubscribe.text")} ${message.ListID}` : t("unsubscribe.text"), actions: [action(t("unsubscribe"), actions.unsubscribe)] }));
	if (message.Receipt.length > 0 && !item.Mine) l.push(banner({ tone: "neutral", text: t("receipt.text", { names: message.Receipt.map((p) => p.Address).join(", ") }) }));
	if (message.Invitation) l.push(banner({ tone: "info", icon: "calendar", text: t("invitation.text") }));
	if (message.SignedOrEncrypted) l.push(banner({ tone: "neutral", icon: "key", text: message.SignedOrEncrypted }));
	return l;
}

/** Says among banners where more words of a text mix scripts than are marked in it. */
export function tellMarks(banners: HTMLElement, doc: Document | null): void {
	banners.querySelector("[data-marks]")?.remove();
	if (!doc?.body.classList.contains("mox-unmarked")) return;
	const b = banner({ tone: "warn", text: t("text.unmarked") });
	b.dataset["marks"] = "";
	banners.append(b);
}
