import { h } from "../../lib/dom";
import type { IconName } from "../../lib/icons";
import { icon } from "../../lib/icons";
import type { View } from "../../lib/view";
import { button, iconButton } from "../button/button";

export interface ToastOptions {
	readonly text: string;
	/** Usually Undo. The toast goes when it runs. */
	readonly action?: { readonly label: string; readonly run: () => void };
	readonly icon?: IconName;
	/** Something failed: said at once to screen readers, and stays until it is closed, unless seconds says otherwise. */
	readonly failed?: boolean;
	/** How long it stays, 6 by default; 0 until it is closed. The pointer or the focus on it stops the time. */
	readonly seconds?: number;
	/** Called once when it is gone, however that came. */
	readonly closed?: () => void;
}

/** A toast that is shown. */
export interface Toast {
	/** Changes the words, as for progress. */
	setText(text: string): void;
	close(): void;
}

const most = 3; // More would cover the list; the oldest one goes.

/**
 * The toasts of a page, at the start of its foot. One per page. Newest last; what they say is a live region, and undo()
 * is what the key for undo does.
 */
export class Toasts implements View {
	readonly root = h("div", { class: "toasts", role: "region" });
	readonly #closeLabel: string;
	readonly #shown: Toast[] = [];
	// What is said stands in regions that are there before it: only then all screen readers say it.
	readonly #polite = h("div", { class: "visually-hidden", role: "status" });
	readonly #urgent = h("div", { class: "visually-hidden", role: "alert" });

	constructor(label: string, closeLabel: string) {
		this.root.setAttribute("aria-label", label);
		this.#closeLabel = closeLabel;
		this.root.append(this.#polite, this.#urgent);
	}

	show(options: ToastOptions): Toast {
		const seconds = options.seconds ?? (options.failed ? 0 : 6);
		const text = h("p", { class: "toast-text" }, options.text);
		const bar = h("div", { class: "toast-bar", aria: { hidden: true }, style: { "--time": `${seconds}s` } });
		const { action } = options;
		const run = action && (() => {
			toast.close();
			action.run();
		});
		const element = h("div", { class: ["toast", options.failed && "failed"] },
			options.icon ? icon(options.icon, 18) : options.failed && icon("warning", 18),
			text,
			action && button({ label: action.label, kind: "quiet", run: () => run?.() }),
			iconButton({ label: this.#closeLabel, icon: "x", size: 16, run: () => toast.close() }),
			seconds > 0 && bar);

		let left = seconds * 1000;
		let started = 0;
		let timer = 0;
		const go = () => {
			if (seconds === 0 || timer || gone) return;
			started = performance.now();
			timer = window.setTimeout(() => toast.close(), left);
			element.classList.remove("paused");
		};
		const pause = () => {
			if (!timer) return;
			clearTimeout(timer);
			timer = 0;
			left -= performance.now() - started;
			element.classList.add("paused");
		};
		const resume = () => {
			if (!element.matches(":hover, :focus-within")) go();
		};
		element.addEventListener("pointerenter", pause);
		element.addEventListener("pointerleave", resume);
		element.addEventListener("focusin", pause);
		element.addEventListener("focusout", () => queueMicrotask(resume));

		let gone = false;
		const toast: Toast = {
			setText: (s) => {
				text.textContent = s;
			},
			close: () => {
				if (gone) return;
				gone = true;
				clearTimeout(timer);
				element.remove();
				this.#shown.splice(this.#shown.indexOf(toast), 1);
				options.closed?.();
			},
		};
		if (this.#shown.length >= most) this.#shown[0]?.close();
		this.#shown.push(toast);
		this.root.append(element);
		(options.failed ? this.#urgent : this.#polite).replaceChildren(h("p", options.text));
		go();
		return toast;
	}

	close(): void {
		for (const toast of [...this.#shown]) toast.close();
		this.root.remove();
	}
}
