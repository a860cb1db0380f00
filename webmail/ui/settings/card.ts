import { type Child, h } from "../../../web/lib/dom";
import { radioGroup, switchControl } from "../../../web/components/form/form";
import type { Settings } from "../api";
import type { App } from "../app";
import { t } from "../texts";

/** A part of a section under a heading. */
export const card = (title: string, ...children: Child[]): HTMLElement => h("section", { class: "settings-card" }, h("h2", title), children);

/** The settings that are on or off, and those that are words. */
type Flag = { [K in keyof Settings]: Settings[K] extends boolean ? K : never }[keyof Settings];
type Word = { [K in keyof Settings]: Settings[K] extends string ? K : never }[keyof Settings];

/** A switch for a setting. */
export const flag = (app: App, name: Flag, changed?: (on: boolean) => void): HTMLElement => switchControl({
	label: t(`set.${name}`), hint: hint(`set.${name}.hint`), checked: app.account.settings[name],
	changed: (on) => {
		app.account.change({ [name]: on });
		changed?.(on);
	},
}).root;

/** A choice among words for a setting. */
export const choice = (app: App, name: Word, values: readonly string[]): HTMLElement => radioGroup(
	t(`set.${name}`), values.map((value) => ({ value, label: t(`set.${name}.${value || "auto"}`) })), app.account.settings[name],
	(value) => app.account.change({ [name]: value }));

const hint = (key: string): string => {
	const text = t(key);
	return text === key ? "" : text;
};
