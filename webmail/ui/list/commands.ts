import { openMenu, type MenuEntry } from "../../../web/components/menu/menu";
import type { Move } from "../../../web/lib/virtuallist";
import { ActionKind, Role } from "../api";
import type { App, Target } from "../app";
import { takesMessages } from "../mailboxtree";
import { t } from "../texts";
import type { MessageList } from "./list";

/** Says that something was done. */
export function done(app: App, text: string): void {
	app.actions.say(text);
}

const act = (app: App, target: () => Target | null, Kind: ActionKind) => (): boolean => {
	const at = target();
	if (!at) return false;
	void app.actions.act(at, { Kind, Mailbox: 0, Labels: [] });
	return true;
};

/** Moves messages to a mailbox that is asked for. */
async function moveTo(app: App, target: Target, Kind: ActionKind): Promise<void> {
	const mailbox = await app.actions.pickMailbox(Kind === ActionKind.ActCopy ? t("copy.to") : t("move.to"), takesMessages);
	if (mailbox) await app.actions.act(target, { Kind, Mailbox: mailbox.ID, Labels: [] });
}

/** Asks for labels, and sets them. */
async function labels(app: App, target: Target): Promise<void> {
	const first = target.rows[0]?.Labels ?? [];
	const present = first.filter((l) => target.rows.every((r) => r.Labels.some((x) => x.toLowerCase() === l.toLowerCase())));
	const chosen = await app.actions.pickLabels(t("label"), present);
	if (!chosen) return;
	if (chosen.add.length > 0) await app.actions.act(target, { Kind: ActionKind.ActLabel, Mailbox: 0, Labels: chosen.add });
	if (chosen.remove.length > 0) await app.actions.act(target, { Kind: ActionKind.ActUnlabel, Mailbox: 0, Labels: chosen.remove });
}

/** What can be done to messages, for menus. */
export function actionMenu(app: App, list: { target(): Target | null }): MenuEntry[] {
	const { commands } = app;
	const target = list.target();
	if (!target) return [];
	const item = (label: string, icon: NonNullable<Exclude<MenuEntry, "line" | { heading: string }>["icon"]>, command: string, danger = false): MenuEntry =>
		({ label, icon, key: commands.keys(command), danger, run: () => void commands.run(command) });
	return [
		item(t("mark.read"), "mail-open", "markRead"), item(t("mark.unread"), "mail", "markUnread"), item(t(target.rows.every((r) => r.Flagged) ? "flag.off" : "flag.on"), "flag", "flag"), item(t("mute"), "mute", "mute"),
		"line",
		item(t("archive"), "archive", "archive"), item(t("move"), "folder-move", "move"), { label: t("copy"), icon: "copy", run: () => void moveTo(app, target, ActionKind.ActCopy) }, item(t("label"), "tag", "label"),
		"line",
		item(t("junk"), "junk", "junk"), item(t("notjunk"), "inbox", "notJunk"), item(t("delete"), "trash", "trash"), item(t("expunge.action"), "x", "deleteForever", true),
	];
}

/** The commands that work on the messages of a list or of the reader. */
export function messageCommands(app: App, target: () => Target | null): { readonly [name: string]: () => boolean | void } {
	const inTrash = () => {
		const at = target();
		return at !== null && at.rows.length > 0 && at.rows.every((r) => {
			const places = "Places" in r ? r.Places.map((p) => p.Mailbox) : [r.Mailbox];
			return places.every((m) => app.account.mailbox(m)?.Role === Role.RoleTrash);
		});
	};
	const flagged = () => target()?.rows.every((r) => r.Flagged) ?? false;
	const muted = () => target()?.rows.every((r) => "Muted" in r && r.Muted) ?? false;
	return {
		archive: act(app, target, ActionKind.ActArchive),
		// What is in Trash already is deleted for ever, after asking.
		trash: () => act(app, target, inTrash() ? ActionKind.ActExpunge : ActionKind.ActTrash)(),
		deleteForever: act(app, target, ActionKind.ActExpunge),
		junk: act(app, target, ActionKind.ActJunk),
		notJunk: act(app, target, ActionKind.ActNotJunk),
		markRead: act(app, target, ActionKind.ActRead),
		markUnread: act(app, target, ActionKind.ActUnread),
		flag: () => act(app, target, flagged() ? ActionKind.ActUnflag : ActionKind.ActFlag)(),
		mute: () => act(app, target, muted() ? ActionKind.ActUnmute : ActionKind.ActMute)(),
		move: () => {
			const at = target();
			if (at) void moveTo(app, at, ActionKind.ActMove);
			return at !== null;
		},
		label: () => {
			const at = target();
			if (at) void labels(app, at);
			return at !== null;
		},
	};
}

/** Goes to the next row with unread messages, from the top if there is none below. */
function nextUnread(list: MessageList): boolean {
	for (let n = 1; n <= list.total; n++) {
		const i = (list.focused + n) % list.total;
		if ((list.at(i)?.Unread ?? 0) === 0) continue;
		list.press(i);
		return true;
	}
	return false;
}

/** The commands of the list. */
export function listCommands(app: App, list: MessageList): { readonly [name: string]: () => boolean | void } {
	const moves: readonly [string, string, string, Move][] = [
		["next", "focusNext", "extendNext", "next"], ["previous", "focusPrevious", "extendPrevious", "previous"],
		["nextPage", "focusNextPage", "extendNextPage", "nextPage"], ["previousPage", "focusPreviousPage", "extendPreviousPage", "previousPage"],
		["last", "focusLast", "extendLast", "last"], ["first", "focusFirst", "extendFirst", "first"],
	];
	const moving = moves.flatMap(([go, focus, extend, move]) => [
		[go, () => list.move(move)], [focus, () => list.move(move, { select: false })], [extend, () => list.move(move, { extend: true })],
	] as [string, () => boolean][]);
	const archiveAnd = (by: 1 | -1) => () => {
		const target = list.target();
		if (!target) return false;
		list.step(by);
		void app.actions.act(target, { Kind: ActionKind.ActArchive, Mailbox: 0, Labels: [] });
		return true;
	};
	const all: { readonly [name: string]: () => boolean | void } = {
		...Object.fromEntries(moving),
		...messageCommands(app, () => list.target()),
		open: () => list.open(),
		back: () => {
			if (list.selected.count(list.total) > 0) list.clear();
			else return false;
			return true;
		},
		nextUnread: () => nextUnread(list),
		nextThread: () => list.step(1), previousThread: () => list.step(-1),
		toggle: () => list.toggle(), selectThread: () => list.toggle(),
		selectAll: () => list.selectWhere(() => true), selectNone: () => list.clear(),
		selectRead: () => list.selectWhere((r) => r.Unread === 0), selectUnread: () => list.selectWhere((r) => r.Unread > 0),
		selectFlagged: () => list.selectWhere((r) => r.Flagged), selectNotFlagged: () => list.selectWhere((r) => !r.Flagged),
		archivePrevious: archiveAnd(-1), archiveNext: archiveAnd(1),
		toggleThread: () => app.router.go({ kind: "view", query: { ...list.query, Threads: !list.query.Threads } }, { replace: true }),
		moreActions: () => {
			const at = document.activeElement;
			const items = actionMenu(app, list);
			if (items.length === 0 || !(at instanceof HTMLElement)) return false;
			openMenu({ label: t("actions"), anchor: at, items });
			return true;
		},
	};
	// Where a message is shown alone, the list is behind it and nobody sees what is done there.
	return Object.fromEntries(Object.entries(all).map(([name, run]) => [name, () => app.router.route.kind !== "message" && run()]));
}
