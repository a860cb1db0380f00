import { h } from "../../lib/dom";
import { type IconName, icon } from "../../lib/icons";

export interface BottomBarItem {
	readonly id: string;
	readonly label: string;
	readonly icon: IconName;
	/** Stands out: the one thing that makes something new. */
	readonly raised?: boolean;
	/** Opens a menu. */
	readonly menu?: boolean;
	readonly run: (event: MouseEvent) => void;
}

/** The bar at the foot of a phone's page. */
export interface BottomBar {
	readonly root: HTMLElement;
	/** Marks the place where one is; undefined marks none. */
	setCurrent(id: string | undefined): void;
	/** Shows a number at an item; 0 takes it away. words say it to screen readers. */
	setCount(id: string, count: number, words: string): void;
}

export function bottomBar(label: string, items: readonly BottomBarItem[]): BottomBar {
	const parts = new Map(items.map((item) => {
		const badge = h("span", { class: "bottom-badge", hidden: true, aria: { hidden: true } });
		const words = h("span", { class: "visually-hidden" });
		const b = h("button", {
			class: ["bottom-item", item.raised && "raised"], type: "button", aria: { haspopup: item.menu ? "menu" : undefined }, on: { click: item.run },
		}, h("span", { class: "bottom-icon" }, icon(item.icon, 24), badge), h("span", { class: "bottom-label" }, item.label, words));
		return [item.id, { b, badge, words }] as const;
	}));
	return {
		root: h("nav", { class: "bottom-bar", aria: { label } }, [...parts.values()].map((p) => p.b)),
		setCurrent(id) {
			for (const [key, { b }] of parts) {
				if (key === id) b.setAttribute("aria-current", "page");
				else b.removeAttribute("aria-current");
			}
		},
		setCount(id, count, words) {
			const part = parts.get(id);
			if (!part) return;
			part.badge.hidden = count === 0;
			part.badge.textContent = count > 99 ? "99+" : String(count);
			part.words.textContent = count === 0 ? "" : ", " + words;
		},
	};
}
