import { type Child, h } from "../../lib/dom";
import { type IconName, icon } from "../../lib/icons";
import { iconButton } from "../button/button";

export interface StateOptions {
	readonly icon: IconName;
	readonly title: string;
	/** One sentence that helps. */
	readonly hint?: Child;
	readonly actions?: readonly HTMLElement[];
}

/** Makes what stands where there is nothing to show, or nothing yet to choose. */
export function emptyState(options: StateOptions): HTMLElement {
	return state(options);
}

export interface ErrorOptions {
	/** What failed. */
	readonly title: string;
	readonly hint?: Child;
	/** Retry and the like. */
	readonly actions?: readonly HTMLElement[];
	/** The correlation id, with the name of the button that copies it. */
	readonly id?: { readonly text: string; readonly copyLabel: string };
}

/** Makes what stands where something failed. It is said to screen readers. */
export function errorState(options: ErrorOptions): HTMLElement {
	const { id } = options;
	const root = state({ ...options, icon: "warning" });
	root.classList.add("failed");
	root.setAttribute("role", "alert");
	if (id) {
		root.append(h("p", { class: "state-id" }, h("code", id.text), iconButton({
			label: id.copyLabel, icon: "copy", size: 16, run: () => void navigator.clipboard?.writeText(id.text),
		})));
	}
	return root;
}

function state(options: StateOptions): HTMLElement {
	return h("div", { class: "state" },
		h("span", { class: "state-icon" }, icon(options.icon, 32)),
		h("p", { class: "state-title" }, options.title),
		options.hint && h("p", { class: "state-hint" }, options.hint),
		options.actions && h("div", { class: "state-actions" }, options.actions));
}

/**
 * Makes grey bars in the form of rows, which are seen after 150 ms: what comes sooner does not flicker. kind message has
 * the form of a row in the message list.
 */
export function skeletonRows(label: string, count: number, kind: "message" | "line" = "message"): HTMLElement {
	const root = h("div", { class: "skeleton", role: "status", aria: { label, busy: true } });
	for (let i = 0; i < count; i++) {
		root.append(h("div", { class: ["skeleton-row", kind], aria: { hidden: true } },
			kind === "message" && h("span", { class: "skeleton-circle" }),
			h("span", { class: "skeleton-lines" },
				h("span", { class: "skeleton-bar", style: { "inline-size": `${28 + ((i * 37) % 30)}%` } }),
				kind === "message" && h("span", { class: "skeleton-bar", style: { "inline-size": `${60 + ((i * 23) % 35)}%` } }))));
	}
	return root;
}
