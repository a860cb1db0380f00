// What else can be done to a message or a conversation. Loaded when it is first asked for.

import { openMenu, type MenuEntry } from "../../../web/components/menu/menu";
import type { IconName } from "../../../web/lib/icons";
import { ActionKind, BodyKind, Role } from "../api";
import { t } from "../texts";
import { contentAddress, downloadFrom } from "./attachments";
import type { ReaderParts, Run } from "./commands";

/** Opens the menu of a message, with what is done to the whole conversation before it if that is asked for. */
export function openMore(r: ReaderParts, actions: { readonly [name: string]: Run }, anchor: HTMLElement, whole: boolean): void {
	const { app } = r;
	const card = r.card();
	if (!card) return;
	const { message, item } = card;
	const entry = (label: string, icon: IconName, command: string): MenuEntry => ({ label, icon, key: app.commands.keys(command), run: () => void actions[command]?.() });
	const own = (label: string, icon: IconName, kind: ActionKind): MenuEntry => ({ label, icon, run: () => void app.actions.act(messageTarget(r), { Kind: kind, Mailbox: 0, Labels: [] }) });
	const junk = item.Places.some((p) => app.account.mailbox(p.Mailbox)?.Role === Role.RoleJunk);
	const items: (MenuEntry | false)[] = whole ? [
		junk ? entry(t("notjunk"), "inbox", "notJunk") : entry(t("junk"), "junk", "junk"), entry(t("move"), "folder-move", "move"), entry(t("label"), "tag", "label"),
		entry(t("mark.unread"), "mail", "markUnread"), entry(t(r.target()?.rows.every((x) => x.Flagged) ? "flag.off" : "flag.on"), "flag", "flag"), entry(r.muted ? t("unmute") : t("mute.it"), "mute", "mute"),
		"line",
	] : [
		entry(t("reply"), "reply", "reply"), entry(t("reply.all"), "reply-all", "replyAll"), message?.ListPost !== undefined && message.ListPost !== "" && entry(t("reply.list"), "users", "replyList"), entry(t("forward"), "forward", "forward"),
		"line",
		item.Seen ? own(t("mark.unread"), "mail", ActionKind.ActUnread) : own(t("mark.read"), "mail-open", ActionKind.ActRead),
		item.Flagged ? own(t("flag.off"), "flag", ActionKind.ActUnflag) : own(t("flag.on"), "flag", ActionKind.ActFlag),
		own(t("delete.one"), "trash", ActionKind.ActTrash),
		"line",
	];
	items.push(
		entry(t("forward.attached"), "clip", "forwardAttached"), entry(item.Draft ? t("draft.edit") : t("edit.new"), "edit", "edit"),
		message?.Bodies.length === 2 && (card.kind === BodyKind.BodyHTML ? entry(t("body.text"), "file", "showText") : entry(t("body.html"), "code", "showHTML")),
		message?.Remote.Allowed === true && message.Remote.Count > 0 && { label: t("remote.never"), icon: "eye-off", run: () => void card.allowRemote(false) },
		message !== null && message.Unsubscribe !== null && { label: t("unsubscribe"), icon: "users", run: () => card.unsubscribe() },
		"line",
		entry(t("tab.open"), "external", "openInTab"), { label: t("link.copy"), icon: "link", run: () => void copyLink(r, item.Email) },
		entry(t("print"), "print", "print"), { label: t("message.eml"), icon: "download", run: () => downloadFrom(contentAddress({ email: item.Email, path: card.path }, "eml")) },
		"line",
		entry(t("message.headers"), "list", "showHeaders"), entry(t("message.raw"), "code", "showRaw"), entry(t("message.parts"), "density", "showParts"),
	);
	if (!anchor.isConnected) {
		// The head was drawn anew while this module was loaded.
		anchor = card.root.querySelector<HTMLElement>(`.message-head [aria-label="${t("message.more")}"]`) ?? card.root;
	}
	openMenu({ label: t("message.more"), anchor, placement: { align: "end" }, items: items.filter((i) => i !== false) });
}

/** The message alone. What it looks like is told by the server: the row in the list may be of others too. */
function messageTarget(r: ReaderParts) {
	const item = r.card()!.item;
	return {
		selection: { Messages: item.Places.slice(0, 1), Threads: [], All: false, Query: null, Except: [], Stream: "", Action: "" },
		rows: r.cards().length > 1 ? [] : [item], all: false, except: new Set<string>(), count: 1,
	};
}

async function copyLink(r: ReaderParts, email: string): Promise<void> {
	try {
		await navigator.clipboard.writeText(new URL(r.app.router.href({ kind: "message", email }), location.href).href);
		r.app.actions.say(t("link.copied"));
	} catch (e) {
		r.app.actions.fail(e, t("link.failed"));
	}
}
