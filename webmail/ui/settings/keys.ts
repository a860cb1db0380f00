import { button, iconButton } from "../../../web/components/button/button";
import { prompt } from "../../../web/components/dialog/dialog";
import { keyCaps } from "../../../web/components/tooltip/tooltip";
import { keyNames, normalizeKeys } from "../../../web/lib/keymap";
import { h, replaceChildren } from "../../../web/lib/dom";
import { commandLabels } from "../keylabels";
import { type Scope as KeyScope, together } from "../keys";
import { t } from "../texts";
import { card, choice } from "./card";
import type { SectionContext } from "./settings";

const scopes: readonly KeyScope[] = ["global", "mailboxes", "list", "reader", "viewer", "composer"];

/** Which keys do what (WCAG 2.1.4: they can be changed and switched off). */
export function keys({ app, commands, scope }: SectionContext): HTMLElement {
	const { account } = app;
	const body = h("div");
	const label = (name: string) => commandLabels[commands.keymap.commands[name]?.label ?? ""] ?? name;
	const change = async (name: string) => {
		const typed = await prompt({
			title: label(name), label: t("keys.type"), value: commands.keymap.keys(name).join(" or "), action: t("save"), cancel: t("cancel"),
			check: (value) => {
				const wanted = split(value);
				if (wanted.some((k) => normalizeKeys(k) === "")) return t("keys.bad");
				const clash = commands.keymap.conflictsWith(name, wanted, together)[0];
				const other = clash?.commands.find((c) => c !== name);
				return clash && other ? t("keys.taken", { keys: clash.keys, command: label(other) }) : "";
			},
		});
		if (typed === undefined) return;
		account.change({ Remapped: [...account.settings.Remapped.filter((r) => r.Command !== name), { Command: name, Keys: split(typed) }] });
	};
	const draw = () => {
		const { keymap } = commands;
		const remapped = new Set(account.settings.Remapped.map((r) => r.Command));
		replaceChildren(body, scopes.map((s) => card(t(`help.${s}`), h("table", { class: "keys-table" }, h("tbody", Object.entries(keymap.commands).filter(([, c]) => c.scope === s).map(([name]) => h("tr",
			h("th", { scope: "row" }, label(name)),
			h("td", keymap.keys(name).map((k, i) => [i > 0 && " ", keyCaps(keyNames(k).join(" "))])),
			h("td", iconButton({ label: t("keys.change", { command: label(name) }), icon: "edit", size: 16, run: () => void change(name) }),
				remapped.has(name) && iconButton({ label: t("keys.reset", { command: label(name) }), icon: "undo", size: 16, run: () => account.change({ Remapped: account.settings.Remapped.filter((r) => r.Command !== name) }) })))))))));
	};
	account.on(scope, ["settings"], draw);
	draw();
	return h("div",
		card(t("keys.preset"), choice(app, "Keys", ["mox", "gmail", "off"]), button({ label: t("keys.resetAll"), run: () => account.change({ Remapped: [] }) })),
		body);
}

const split = (typed: string): string[] => typed.split(/\s+or\s+/).map((k) => k.trim()).filter(Boolean);
