import { type Child, h } from "../../lib/dom";
import { type IconName, icon } from "../../lib/icons";
import { iconButton } from "../button/button";

/** What a colour says: neutral is plain information without one. */
export type Tone = "neutral" | "info" | "ok" | "warn" | "bad";

export interface BannerOptions {
	readonly tone: Tone;
	readonly text: Child;
	readonly icon?: IconName;
	/** Buttons at the end of the line, of kind quiet. */
	readonly actions?: readonly HTMLElement[];
	/** A cross to put it away, with its name. */
	readonly dismiss?: { readonly label: string; readonly run: () => void };
	/** Said by screen readers when it appears: for what comes later than the view it stands in. */
	readonly live?: boolean;
}

const icons: { readonly [tone in Tone]: IconName } = { neutral: "info", info: "info", ok: "check", warn: "warning", bad: "warning" };

/** Makes one line with a fact and what can be done about it. */
export function banner(options: BannerOptions): HTMLDivElement {
	const root = h("div", { class: ["banner", options.tone], role: options.live ? (options.tone === "bad" ? "alert" : "status") : undefined },
		icon(options.icon ?? icons[options.tone], 18),
		h("div", { class: "banner-text" }, options.text),
		options.actions && h("div", { class: "banner-actions" }, options.actions));
	const { dismiss } = options;
	if (dismiss) {
		root.append(iconButton({
			label: dismiss.label, icon: "x", size: 16,
			run: () => {
				root.remove();
				dismiss.run();
			},
		}));
	}
	return root;
}
