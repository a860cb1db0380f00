import { h, uniqueID } from "../../lib/dom";
import type { View } from "../../lib/view";

export interface Tab {
	readonly id: string;
	readonly label: string;
	/** Makes what the tab shows, once, when it is first chosen. */
	readonly make: () => HTMLElement;
}

/** Several panels in one place (ARIA tabs). Arrow keys choose. */
export class Tabs implements View {
	readonly root: HTMLElement;
	readonly #tabs: readonly Tab[];
	readonly #buttons = new Map<string, HTMLButtonElement>();
	readonly #panels = new Map<string, HTMLElement>();
	readonly #changed: ((id: string) => void) | undefined;
	#chosen = "";

	constructor(label: string, tabs: readonly Tab[], chosen: string, changed?: (id: string) => void) {
		this.#tabs = tabs;
		this.#changed = changed;
		const list = h("div", { class: "tab-list", role: "tablist", aria: { label }, on: { keydown: (event) => this.#key(event) } });
		this.root = h("div", { class: "tabs" }, list);
		for (const tab of tabs) {
			const id = uniqueID("tab");
			const b = h("button", { class: "tab", type: "button", role: "tab", id, on: { click: () => this.choose(tab.id) } }, tab.label);
			const panel = h("div", { class: "tab-panel", role: "tabpanel", id: uniqueID("panel"), tabindex: 0, hidden: true, aria: { labelledby: id } });
			b.setAttribute("aria-controls", panel.id);
			this.#buttons.set(tab.id, b);
			this.#panels.set(tab.id, panel);
			list.append(b);
			this.root.append(panel);
		}
		this.#show(chosen);
	}

	get chosen(): string {
		return this.#chosen;
	}

	/** Shows a tab, and tells of it. */
	choose(id: string): void {
		if (id === this.#chosen) return;
		this.#show(id);
		this.#changed?.(id);
	}

	/** Shows all panels below each other and no tabs, such as for a search in them; or the chosen one again. */
	showAll(all: boolean): void {
		this.root.firstElementChild!.toggleAttribute("hidden", all);
		for (const tab of this.#tabs) {
			const panel = this.#panels.get(tab.id)!;
			if (all && !panel.hasChildNodes()) panel.append(tab.make());
			panel.hidden = !all && tab.id !== this.#chosen;
		}
	}

	close(): void {
		this.root.remove();
	}

	#show(id: string): void {
		this.#chosen = id;
		for (const tab of this.#tabs) {
			const on = tab.id === id;
			const b = this.#buttons.get(tab.id)!;
			const panel = this.#panels.get(tab.id)!;
			b.setAttribute("aria-selected", String(on));
			b.tabIndex = on ? 0 : -1;
			if (on && !panel.hasChildNodes()) panel.append(tab.make());
			panel.hidden = !on;
		}
	}

	#key(event: KeyboardEvent): void {
		const at = this.#tabs.findIndex((t) => t.id === this.#chosen);
		const n = this.#tabs.length;
		const rtl = getComputedStyle(this.root).direction === "rtl";
		let next: number;
		switch (event.key) {
			case "ArrowRight": next = at + (rtl ? n - 1 : 1); break;
			case "ArrowLeft": next = at + (rtl ? 1 : n - 1); break;
			case "Home": next = 0; break;
			case "End": next = n - 1; break;
			default: return;
		}
		event.preventDefault();
		event.stopPropagation();
		const tab = this.#tabs[next % n]!;
		this.choose(tab.id);
		this.#buttons.get(tab.id)!.focus();
	}
}
