import { openMenu } from "../../../web/components/menu/menu";
import type { Scope } from "../../../web/lib/view";
import type { VirtualList } from "../../../web/lib/virtuallist";
import type { ActionKind, Row } from "../api";
import type { App } from "../app";
import { dragType } from "../sidebar";
import { t } from "../texts";
import { actionMenu } from "./commands";
import type { MessageList } from "./list";
import { touchRows } from "./touch";

/** Follows the mouse and fingers on the rows of a list. */
export function followPointer(app: App, scope: Scope, rows: VirtualList<Row>, list: MessageList): void {
	const { root } = rows;
	const indexOf = (event: Event): number => rows.indexOf(event.target as Element);
	scope.listen(root, "click", (event) => {
		const index = indexOf(event);
		if (!rows.get(index) || (event.target as Element).closest("button, input")) return;
		if (event.shiftKey) list.choose(index, "extend");
		else if (event.ctrlKey || event.metaKey || list.root.classList.contains("choosing")) list.choose(index, "toggle");
		else list.press(index);
	});
	scope.listen(root, "dragstart", (event) => {
		const index = indexOf(event);
		const row = rows.get(index);
		if (!row || !event.dataTransfer) return;
		if (!list.selected.has(list.key(row))) list.choose(index, "only");
		event.dataTransfer.setData(dragType, "messages");
		event.dataTransfer.effectAllowed = "move";
	});
	scope.listen(root, "contextmenu", (event) => {
		const index = indexOf(event);
		const row = rows.get(index);
		if (!row || event.shiftKey || event.button !== 2) return; // The browser's own menu; or keys, which are commands; or a long press.
		event.preventDefault();
		if (!list.selected.has(list.key(row))) list.choose(index, "only");
		openMenu({ label: t("actions"), anchor: { x: event.clientX, y: event.clientY }, items: actionMenu(app, list) });
	});
	touchRows(scope, root, {
		at: (row) => rows.get(rows.indexOf(row)),
		// From a long press on, each tap selects.
		hold: (row) => {
			list.choose(rows.findIndex((r) => list.key(r) === list.key(row)), "toggle");
			list.root.classList.toggle("choosing", list.selected.count(list.total) > 0);
		},
		swipe: (row, to) => {
			const kind = to === "end" ? app.account.settings.SwipeRight : app.account.settings.SwipeLeft;
			if (kind) void app.actions.act(list.targetOf([row]), { Kind: kind as ActionKind, Mailbox: 0, Labels: [] });
		},
	});
}
