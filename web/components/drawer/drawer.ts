import { h } from "../../lib/dom";
import { Scope, type View } from "../../lib/view";

export interface DrawerOptions {
	/** The name of the drawer while it lies over the page. */
	readonly label: string;
	/** What it holds, such as the sidebar. */
	readonly content: HTMLElement;
	/** When it is a drawer; otherwise its content is simply there. "(max-width: 1099px)" by default. */
	readonly media?: string;
	/** What cannot be used while it is open: the rest of the page. */
	readonly behind: () => readonly HTMLElement[];
	readonly changed?: (open: boolean) => void;
}

/** A part of the page that, in narrow windows, comes in from the side over the rest. */
export class Drawer implements View {
	readonly root: HTMLElement;
	readonly #options: DrawerOptions;
	readonly #scope = new Scope();
	readonly #media: MediaQueryList;
	readonly #scrim: HTMLElement;
	#inert: readonly HTMLElement[] = [];
	#before: Element | null = null;

	constructor(options: DrawerOptions) {
		this.#options = options;
		this.#media = matchMedia(options.media ?? "(max-width: 1099px)");
		this.#scrim = h("div", { class: "drawer-scrim", on: { click: () => this.hide() } });
		this.root = h("div", { class: "drawer" }, this.#scrim, h("div", { class: "drawer-panel" }, options.content));
		this.root.addEventListener("keydown", (event) => {
			if (event.key !== "Escape" || !this.open || event.defaultPrevented) return;
			event.preventDefault();
			event.stopPropagation();
			this.hide();
		});
		this.#scope.listen(this.#media, "change", () => this.#fit());
		this.#fit();
	}

	/** Whether it lies over the page now. */
	get open(): boolean {
		return this.root.classList.contains("open");
	}

	/** Whether it can be opened: the window is narrow. */
	get narrow(): boolean {
		return this.#media.matches;
	}

	show(): void {
		if (!this.narrow || this.open) return;
		this.#before = document.activeElement;
		this.root.classList.add("open");
		this.#inert = this.#options.behind().filter((e) => !e.inert);
		for (const e of this.#inert) e.inert = true;
		this.root.setAttribute("role", "dialog");
		this.root.setAttribute("aria-modal", "true");
		this.root.setAttribute("aria-label", this.#options.label);
		this.root.querySelector<HTMLElement>('[tabindex="0"], button, a[href]')?.focus({ preventScroll: true });
		this.#options.changed?.(true);
	}

	hide(): void {
		if (!this.open) return;
		this.root.classList.remove("open");
		for (const e of this.#inert) e.inert = false;
		this.#inert = [];
		for (const name of ["role", "aria-modal", "aria-label"]) this.root.removeAttribute(name);
		if (this.#before instanceof HTMLElement && this.#before.isConnected) this.#before.focus({ preventScroll: true });
		this.#options.changed?.(false);
	}

	toggle(): void {
		if (this.open) this.hide();
		else this.show();
	}

	close(): void {
		this.hide();
		this.#scope.close();
		this.root.remove();
	}

	#fit(): void {
		this.hide();
		this.root.classList.toggle("narrow", this.narrow);
	}
}
