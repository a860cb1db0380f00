import { h } from "../../lib/dom";
import { type IconName, icon } from "../../lib/icons";
import { setTooltip } from "../tooltip/tooltip";
import type { Tone } from "../banner/banner";

export interface ChipOptions {
	readonly label: string;
	readonly icon?: IconName;
	readonly tone?: Tone;
	/** Number of a label colour, 1 to 9. */
	readonly colour?: number;
	/** Words of the tooltip. */
	readonly tip?: string;
	/** A cross that takes it away, with its name: "Remove filter Unread". */
	readonly remove?: { readonly label: string; readonly run: () => void };
	/** What a press does. With pressed it is a switch, as quick filters are. */
	readonly run?: () => void;
	readonly pressed?: boolean;
}

/** Makes a chip: a label, a filter, a fact. */
export function chip(options: ChipOptions): HTMLElement {
	const content = [options.icon && icon(options.icon, 14), h("span", { class: "truncate" }, options.label)];
	const { run, remove, pressed } = options;
	const classes = ["chip", options.tone, options.colour && "coloured", remove && "removable", pressed && "pressed"];
	const style = { "--hue-colour": options.colour ? `var(--label-${options.colour})` : undefined };
	let root: HTMLElement;
	if (run && !remove) {
		root = h("button", { class: classes, type: "button", aria: { pressed }, style, on: { click: run } }, content);
	} else {
		root = h("span", { class: classes, style },
			run ? h("button", { class: "chip-body", type: "button", aria: { pressed }, on: { click: run } }, content) : h("span", { class: "chip-body" }, content),
			remove && h("button", { class: "chip-remove", type: "button", aria: { label: remove.label }, on: { click: remove.run } }, icon("x", 12)));
	}
	if (options.tip) setTooltip(root, options.tip);
	return root;
}
