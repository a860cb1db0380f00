import { h } from "../../lib/dom";
import { type IconName, icon as makeIcon, setIcon } from "../../lib/icons";
import { setTooltip } from "../tooltip/tooltip";

/** How much a button asks for attention: one primary per view; quiet ones have no border. */
export type ButtonKind = "primary" | "normal" | "quiet" | "danger";

export interface ButtonOptions {
	readonly label: string;
	readonly icon?: IconName;
	readonly kind?: ButtonKind;
	/** submit within a form; button is the default. */
	readonly type?: "button" | "submit";
	readonly disabled?: boolean;
	/** Key that does the same, as shown in the tooltip: "e", "Ctrl+Enter", "g i". */
	readonly key?: string | undefined;
	readonly run?: (event: MouseEvent) => void;
}

/** Makes a button with words on it. */
export function button(options: ButtonOptions): HTMLButtonElement {
	const b = h("button", {
		class: ["button", options.kind && options.kind !== "normal" && options.kind],
		type: options.type ?? "button",
		props: { disabled: options.disabled ?? false },
		on: options.run ? { click: options.run } : {},
	}, options.icon && makeIcon(options.icon, 18), h("span", { class: "button-label" }, options.label));
	if (options.key) setTooltip(b, "", options.key);
	return b;
}

export interface IconButtonOptions {
	/** The name: for screen readers, and in the tooltip. */
	readonly label: string;
	readonly icon: IconName;
	readonly key?: string | undefined;
	/** Size of the icon in CSS pixels, 20 by default. */
	readonly size?: number;
	readonly disabled?: boolean;
	/** For a button that stays pressed. */
	readonly pressed?: boolean;
	/** -1 where a list or toolbar has one tab stop. */
	readonly tabindex?: number;
	readonly class?: string;
	readonly run?: (event: MouseEvent) => void;
}

/** Makes a button with an icon on it. Its tooltip shows its name and its key. */
export function iconButton(options: IconButtonOptions): HTMLButtonElement {
	const b = h("button", {
		class: ["icon-button", options.class],
		type: "button",
		tabindex: options.tabindex,
		aria: { label: options.label, pressed: options.pressed },
		props: { disabled: options.disabled ?? false },
		on: options.run ? { click: options.run } : {},
	}, makeIcon(options.icon, options.size ?? 20));
	setTooltip(b, options.label, options.key);
	return b;
}

/** Gives an icon button another name and icon, as for Read and Unread. */
export function changeIconButton(b: HTMLButtonElement, label: string, name: IconName, key?: string): void {
	b.setAttribute("aria-label", label);
	setTooltip(b, label, key);
	const svg = b.querySelector("svg");
	if (svg) setIcon(svg, name);
}

/**
 * Shows that the action of a button runs: it cannot be pressed again, and after a second it has a spinner. Returns what
 * ends that. The focus stays on the button.
 */
export function setBusy(b: HTMLButtonElement): () => void {
	const stop = (event: Event) => event.stopImmediatePropagation();
	b.setAttribute("aria-disabled", "true");
	b.addEventListener("click", stop, { capture: true });
	const timer = setTimeout(() => b.classList.add("busy"), 1000);
	return () => {
		clearTimeout(timer);
		b.classList.remove("busy");
		b.removeAttribute("aria-disabled");
		b.removeEventListener("click", stop, { capture: true });
	};
}

/**
 * Makes a row of buttons with one tab stop (ARIA toolbar): arrow keys, Home and End move between those that are shown
 * and enabled.
 */
export function toolbar(label: string, ...children: (HTMLElement | null | undefined | false)[]): HTMLDivElement {
	const bar = h("div", { class: "toolbar", role: "toolbar", aria: { label } }, children);
	const stops = () => [...bar.querySelectorAll<HTMLElement>("button, select, a[href]")].filter((e) => !e.matches(":disabled") && e.offsetParent !== null);
	const only = (chosen: HTMLElement | undefined) => {
		for (const e of bar.querySelectorAll<HTMLElement>("button, select, a[href]")) e.tabIndex = e === chosen ? 0 : -1;
	};
	only(bar.querySelector<HTMLElement>("button:enabled, select:enabled, a[href]") ?? undefined);
	bar.addEventListener("focusin", (event) => only(event.target as HTMLElement));
	bar.addEventListener("keydown", (event) => {
		if (event.ctrlKey || event.altKey || event.metaKey) return;
		const all = stops();
		const at = all.indexOf(event.target as HTMLElement);
		if (at < 0) return;
		const rtl = getComputedStyle(bar).direction === "rtl";
		let next: number;
		switch (event.key) {
			case "ArrowRight": next = at + (rtl ? -1 : 1); break;
			case "ArrowLeft": next = at + (rtl ? 1 : -1); break;
			case "Home": next = 0; break;
			case "End": next = all.length - 1; break;
			default: return;
		}
		event.preventDefault();
		all[(next + all.length) % all.length]?.focus();
	});
	return bar;
}
