import { placeBeside } from "../../lib/anchor";
import { h, replaceChildren } from "../../lib/dom";
import { Scope, type View } from "../../lib/view";

/**
 * Says what an element's tooltip shows: words and a key ("e", "Ctrl+Enter", "g i"). Both empty is none. The key is told
 * to screen readers too. Costs nothing until it is shown: one Tooltips per page shows all of them.
 */
export function setTooltip(element: HTMLElement, text: string, key?: string): void {
	if (text) element.dataset["tip"] = text;
	else delete element.dataset["tip"];
	if (key) {
		element.dataset["key"] = key;
		// Sequences ("g i") have no form there.
		if (!key.includes(" ")) element.setAttribute("aria-keyshortcuts", key.replace("Ctrl", "Control"));
	} else {
		delete element.dataset["key"];
		element.removeAttribute("aria-keyshortcuts");
	}
}

/** Shows keys as they are on keyboards, for tooltips, menus and help. "+" joins keys pressed together, a space follows. */
export function keyCaps(key: string): HTMLElement {
	const caps = h("span", { class: "key-caps" });
	for (const chord of key.split(" ")) {
		const keys = chord === "+" ? ["+"] : chord.split(/\+(?=.)/);
		for (const k of keys) caps.append(h("kbd", names[k] ?? (k.length === 1 && keys.length > 1 ? k.toUpperCase() : k)));
	}
	return caps;
}

const names: { readonly [key: string]: string } = {
	ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", Enter: "↵", Escape: "Esc", Delete: "Del", Backspace: "⌫", Space: "Space", " ": "Space", Shift: "⇧",
};

const delay = 400; // Until the first one is shown; the next ones follow at once.

/** Shows the tooltips of a page, on hover and on keyboard focus. */
export class Tooltips implements View {
	readonly root = h("div", { class: "tooltip", role: "tooltip", popover: "manual" });
	readonly #scope = new Scope();
	#target: HTMLElement | undefined;
	#cancel = () => {};
	#hiddenAt = 0;

	constructor() {
		const { body } = document;
		body.append(this.root);
		const scope = this.#scope;
		scope.listen(body, "pointerover", (event) => {
			if (event.pointerType === "mouse") this.#point(owner(event.target));
		});
		scope.listen(body, "focusin", (event) => {
			const target = owner(event.target);
			if (target?.matches(":focus-visible")) this.#point(target);
		});
		scope.listen(body, "focusout", () => this.#point(undefined));
		for (const type of ["pointerdown", "keydown", "scroll", "wheel"]) {
			scope.listen(window, type, () => this.#point(undefined), { capture: true, passive: true });
		}
		scope.onClose(() => this.root.remove());
	}

	close(): void {
		this.#cancel();
		this.#scope.close();
	}

	#point(target: HTMLElement | undefined): void {
		if (target === this.#target) return;
		this.#cancel();
		this.#hide();
		this.#target = target;
		if (target) this.#cancel = this.#scope.after(Date.now() - this.#hiddenAt < 300 ? 0 : delay, () => this.#show(target));
	}

	#show(target: HTMLElement): void {
		if (!target.isConnected || target.getAttribute("aria-expanded") === "true") return;
		const { tip, key } = target.dataset;
		replaceChildren(this.root, tip, key && keyCaps(key));
		this.root.showPopover();
		placeBeside(this.root, target, { align: "center", gap: 6 });
	}

	#hide(): void {
		if (!this.root.matches(":popover-open")) return;
		this.root.hidePopover();
		this.#hiddenAt = Date.now();
	}
}

function owner(target: EventTarget | null): HTMLElement | undefined {
	return target instanceof Element ? target.closest<HTMLElement>("[data-tip], [data-key]") ?? undefined : undefined;
}
