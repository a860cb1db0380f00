import { button, iconButton, toolbar } from "../../../web/components/button/button";
import { h } from "../../../web/lib/dom";
import { type IconName, icon } from "../../../web/lib/icons";
import { t } from "../texts";
import type { ReaderParts, Run } from "./commands";

type Actions = { readonly [name: string]: Run };

/** Opens the menu with what else can be done. Whole is for the conversation too, not for one message alone. */
export function moreMenu(r: ReaderParts, actions: Actions, anchor: HTMLElement, whole: boolean): void {
	r.later(import("./menus"), (m) => m.openMore(r, actions, anchor, whole));
}

/** Makes the row of buttons above what is read. */
export function readerToolbar(r: ReaderParts, actions: Actions): HTMLElement {
	const { commands } = r.app;
	const one = (label: string, name: IconName, command: string, extra = "") =>
		iconButton({ label, icon: name, key: commands.keys(command), class: extra, run: () => void actions[command]?.() });
	return toolbar(t("reader.tools"),
		iconButton({ label: t("reader.back"), icon: "arrow-start", key: commands.keys("back"), class: "reader-back", run: () => r.back() }),
		one(t("reply"), "reply", "reply", "in-bar"), one(t("reply.all"), "reply-all", "replyAll"), one(t("forward"), "forward", "forward"),
		h("span", { class: "reader-gap" }),
		one(t("archive"), "archive", "archive", "in-bar"), one(t("delete"), "trash", "trash", "in-bar"),
		one(t("junk"), "junk", "junk", "wide-only"), one(t("move"), "folder-move", "move", "wide-only"), one(t("label"), "tag", "label", "wide-only"),
		iconButton({ label: t("more"), icon: "more-across", class: "in-bar", run: (e) => moreMenu(r, actions, e.currentTarget as HTMLElement, true) }),
		h("span", { class: "reader-space" }),
		iconButton({ label: t("reader.previous"), icon: "chevron-up", class: "reader-step", run: () => r.step(-1) }),
		iconButton({ label: t("reader.next"), icon: "chevron-down", class: "reader-step", run: () => r.step(1) }));
}

/** Makes the bar at the foot of a phone. */
export function phoneBar(r: ReaderParts, actions: Actions): HTMLElement {
	const item = (label: string, name: IconName, run: (e: MouseEvent) => void) =>
		h("button", { class: "bottom-item", type: "button", on: { click: run } }, h("span", { class: "bottom-icon" }, icon(name, 24)), h("span", { class: "bottom-label" }, label));
	return h("nav", { class: "reader-bar no-print", aria: { label: t("reader.tools") } },
		item(t("reply"), "reply", () => void actions["reply"]?.()), item(t("archive"), "archive", () => void actions["archive"]?.()),
		item(t("delete"), "trash", () => void actions["trash"]?.()), item(t("more"), "more-across", (e) => moreMenu(r, actions, e.currentTarget as HTMLElement, true)));
}

/** Makes the place at the end where one begins to answer. */
export function replyBox(actions: Actions): HTMLElement {
	const one = (label: string, name: IconName, command: string) => button({ label, icon: name, run: () => void actions[command]?.() });
	return h("div", { class: "reply-box no-print" },
		h("button", { type: "button", class: "reply-field", on: { click: () => void actions["reply"]?.() } }, t("reply.write")),
		one(t("reply.all"), "reply-all", "replyAll"), one(t("forward"), "forward", "forward"));
}

/** Keys for pages scroll what is read while the focus is in it, also in the frame of a message, which does not scroll. */
export function scrollByKey(scroll: HTMLElement, event: KeyboardEvent): void {
	const { key, target } = event;
	if (event.ctrlKey || event.altKey || event.metaKey || target instanceof Element && target.closest("button, a, input, select, textarea, summary, [role=toolbar]") && key === " ") return;
	const page = scroll.clientHeight * 0.9;
	const by = { " ": event.shiftKey ? -page : page, PageDown: page, PageUp: -page, Home: -scroll.scrollHeight, End: scroll.scrollHeight }[key];
	if (by === undefined || event.shiftKey && key !== " ") return;
	scroll.scrollBy({ top: by });
	event.preventDefault();
	event.stopPropagation();
}
