import { h } from "../../lib/dom";

/** How far something is. */
export interface Progress {
	readonly root: HTMLElement;
	/** Sets the part that is done, 0 to 1; undefined when nobody knows. */
	set(done: number | undefined): void;
}

/** Makes a bar for what takes time: uploads, imports, actions on many messages. */
export function progress(label: string, done?: number): Progress {
	const fill = h("div", { class: "progress-fill" });
	const root = h("div", { class: "progress", role: "progressbar", aria: { label, valuemin: 0, valuemax: 100 } }, fill);
	const set = (value: number | undefined) => {
		root.classList.toggle("unknown", value === undefined);
		if (value === undefined) {
			root.removeAttribute("aria-valuenow");
			fill.style.removeProperty("inline-size");
			return;
		}
		const percent = Math.round(Math.max(0, Math.min(1, value)) * 100);
		root.setAttribute("aria-valuenow", String(percent));
		fill.style.setProperty("inline-size", `${percent}%`);
	};
	set(done);
	return { root, set };
}

/** Makes a bar for what is full, such as storage. From 0.9 on it warns, at 1 it is bad. */
export function meter(label: string, part: number, words: string): HTMLElement {
	const percent = Math.round(Math.max(0, Math.min(1, part)) * 100);
	return h("div", {
		class: ["progress", "meter", percent >= 100 ? "bad" : percent >= 90 && "warn"],
		role: "meter", aria: { label, valuemin: 0, valuemax: 100, valuenow: percent, valuetext: words },
	}, h("div", { class: "progress-fill", style: { "inline-size": `${percent}%` } }));
}

/** Makes a wheel for an action that takes more than a second. */
export function spinner(label: string, size = 20): HTMLElement {
	return h("span", { class: "spinner", role: "img", aria: { label }, style: { "--size": `${size}px` } });
}
