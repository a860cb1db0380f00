import { type Child, h, uniqueID } from "../../lib/dom";
import { button, iconButton } from "../button/button";
import type { View } from "../../lib/view";

export interface DialogOptions {
	readonly title: string;
	/** Name of the button in the corner. Without it the dialog has none, and Escape does not close it. */
	readonly closeLabel?: string;
	readonly body: readonly Child[];
	/** Buttons at the foot, the one that goes on last. */
	readonly actions?: readonly HTMLElement[];
	/** Width: small 400 px, medium 560, large 760. */
	readonly size?: "small" | "medium" | "large";
	/** What gets the focus at first; otherwise the first field or button does. */
	readonly focus?: HTMLElement;
	/** Called once, when the dialog is gone. */
	readonly closed?: () => void;
}

/** A dialog over the page, which cannot be used meanwhile. The focus goes back to where it was. */
export class Dialog implements View {
	readonly root: HTMLDialogElement;
	readonly body: HTMLElement;
	#closed: (() => void) | undefined;

	constructor(options: DialogOptions) {
		const id = uniqueID("dialog");
		const closable = options.closeLabel !== undefined;
		this.#closed = options.closed;
		this.body = h("div", { class: "dialog-body" }, options.body);
		this.root = h("dialog", { class: ["dialog", options.size ?? "medium"], aria: { labelledby: id } },
			h("header", { class: "dialog-head" },
				h("h2", { id }, options.title),
				closable && iconButton({ label: options.closeLabel, icon: "x", run: () => this.close() })),
			this.body,
			options.actions && h("footer", { class: "dialog-foot" }, options.actions));
		this.root.addEventListener("cancel", (event) => {
			event.preventDefault();
			if (closable) this.close();
		});
		this.root.addEventListener("keydown", (event) => event.stopPropagation()); // The page's keys rest.
		// A click beside the dialog has the dialog itself as target. It counts when it began there too.
		let pressed = false;
		this.root.addEventListener("pointerdown", (event) => (pressed = event.target === this.root && !this.#inside(event)));
		this.root.addEventListener("click", (event) => {
			if (closable && pressed && event.target === this.root && !this.#inside(event)) this.close();
		});
		this.root.addEventListener("close", () => this.close());
		document.body.append(this.root);
		this.root.showModal();
		(options.focus ?? this.body.querySelector<HTMLElement>("input, select, textarea, [contenteditable], button") ?? this.root.querySelector<HTMLElement>(".dialog-foot button:last-child"))?.focus();
	}

	#inside(event: MouseEvent): boolean {
		const box = this.root.getBoundingClientRect();
		return event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
	}

	close(): void {
		if (!this.root.isConnected) return;
		if (this.root.open) this.root.close(); // Gives the focus back.
		this.root.remove();
		const closed = this.#closed;
		this.#closed = undefined;
		closed?.();
	}
}

export interface ConfirmOptions {
	readonly title: string;
	/** What will be, in a sentence or two. */
	readonly text: Child;
	/** What is done, as a verb: "Delete for ever". */
	readonly action: string;
	readonly cancel: string;
	/** It loses something: then the focus is on Cancel. */
	readonly danger?: boolean;
}

/** Asks whether to do what cannot be undone. Resolves to false on Cancel and Escape. */
export function confirm(options: ConfirmOptions): Promise<boolean> {
	return new Promise((resolve) => {
		let answer = false;
		const cancel = button({ label: options.cancel, run: () => dialog.close() });
		const action = button({
			label: options.action, kind: options.danger ? "danger" : "primary",
			run: () => {
				answer = true;
				dialog.close();
			},
		});
		const dialog: Dialog = new Dialog({
			title: options.title, closeLabel: options.cancel, size: "small", body: [h("p", options.text)], actions: [cancel, action],
			focus: options.danger ? cancel : action, closed: () => resolve(answer),
		});
	});
}

export interface PromptOptions {
	readonly title: string;
	/** Label of the field. */
	readonly label: string;
	readonly value?: string;
	readonly action: string;
	readonly cancel: string;
	/** Returns what is wrong with a value, or "". */
	readonly check?: (value: string) => string;
}

/** Asks for a line of text. Resolves to undefined on Cancel and Escape. */
export function prompt(options: PromptOptions): Promise<string | undefined> {
	return new Promise((resolve) => {
		let answer: string | undefined;
		const wrong = h("p", { class: "field-error", id: uniqueID("error"), role: "alert" });
		const input = h("input", { class: "input", id: uniqueID("prompt"), type: "text", aria: { describedby: wrong.id }, props: { value: options.value ?? "" } });
		const form = h("form", {
			class: "field", id: uniqueID("form"),
			on: {
				submit: (event) => {
					event.preventDefault();
					const value = input.value.trim();
					const problem = options.check?.(value) ?? "";
					wrong.textContent = problem;
					input.setAttribute("aria-invalid", String(problem !== ""));
					if (problem) {
						input.focus();
						return;
					}
					answer = value;
					dialog.close();
				},
			},
		}, h("label", { for: input.id, class: "field-label" }, options.label), input, wrong);
		const action = button({ label: options.action, kind: "primary", type: "submit" });
		action.setAttribute("form", form.id);
		const dialog: Dialog = new Dialog({
			title: options.title, closeLabel: options.cancel, size: "small", body: [form],
			actions: [button({ label: options.cancel, run: () => dialog.close() }), action], focus: input, closed: () => resolve(answer),
		});
		input.select();
	});
}
