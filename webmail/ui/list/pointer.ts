import { openMenu } from "../../../web/components/menu/menu";
import type { Scope } from "../../../web/lib/view";
import type { ActionKind } from "../api";
import type { App } from "../app";
import { dragType } from "../sidebar";
import { t } from "../texts";
import { actionMenu } from "./commands";
import type { MessageList } from "./list";
import { touchRows } from "./touch";

/** Follows the mouse and fingers on the rows of a list. */
export function followPointer(app: App, scope: Scope, rows: HTMLElement, list: MessageList): void {
	const indexOf = (event: Event): number => {
		const row = (event.target as Element).closest<HTMLElement>("[aria-rowindex]");
		return row ? Number(row.getAttribute("aria-rowindex")) - 1 : -1;
	};
	scope.listen(rows, "click", (event) => {
		const index = indexOf(event);
		if (!list.at(index) || (event.target as Element).closest("button, input")) return;
		if (event.shiftKey) list.choose(index, "extend");
		else if (event.ctrlKey || event.metaKey || list.root.classList.contains("choosing")) list.choose(index, "toggle");
		else list.press(index);
	});
	scope.listen(rows, "dragstart", (event) => {
		const index = indexOf(event);
		const row = list.at(index);
		if (!row || !event.dataTransfer) return;
		if (!list.selected.has(list.key(row))) list.choose(index, "only");
		event.dataTransfer.setData(dragType, "messages");
		event.dataTransfer.effectAllowed = "move";
	});
	scope.listen(rows, "contextmenu", (event) => {
		const index = indexOf(event);
		const row = list.at(index);
		if (!row || event.shiftKey || event.button !== 2) return; // The browser's own menu; or keys, which are commands; or a long press.
		event.preventDefault();
		if (!list.selected.has(list.key(row))) list.choose(index, "only");
		openMenu({ label: t("actions"), anchor: { x: event.clientX, y: event.clientY }, items: actionMenu(app, list) });
	});
	touchRows(scope, rows, {
		index: indexOf,
		// From a long press on, each tap selects.
		hold: (index) => {
			list.choose(index, "toggle");
			list.root.classList.toggle("choosing", list.selected.count(list.total) > 0);
		},
		swipe: (index, to) => {
			const row = list.at(index);
			const kind = to === "end" ? app.account.settings.SwipeRight : app.account.settings.SwipeLeft;
			if (row && kind) void app.actions.act(list.targetOf([row]), { Kind: kind as ActionKind, Mailbox: 0, Labels: [] });
		},
	});
}
