import { Dialog } from "../../web/components/dialog/dialog";
import { keyNames } from "../../web/lib/keymap";
import { h } from "../../web/lib/dom";
import { keyCaps } from "../../web/components/tooltip/tooltip";
import type { PageCommands } from "./commands";
import { commandLabels } from "./keylabels";
import type { Scope as KeyScope } from "./keys";
import { t } from "./texts";

const scopes: readonly KeyScope[] = ["global", "mailboxes", "list", "reader", "viewer", "composer"];

/** Shows all commands with their keys. */
export function showHelp(commands: PageCommands): void {
	const { keymap } = commands;
	const tables = scopes.map((scope) => {
		const rows = Object.entries(keymap.commands)
			.filter(([, c]) => c.scope === scope)
			.map(([name, c]) => ({ label: commandLabels[c.label] ?? name, keys: keymap.keys(name) }))
			.filter((r) => r.keys.length > 0);
		return rows.length > 0 && h("section", { class: "help-keys" },
			h("h3", t(`help.${scope}`)),
			h("table", h("tbody", rows.map((r) => h("tr", h("th", { scope: "row" }, r.label), h("td", r.keys.map((k, i) => [i > 0 && " ", keyCaps(keyNames(k).join(" "))])))))));
	});
	new Dialog({
		title: t("help.title"), closeLabel: t("close"), size: "large",
		body: [!keymap.settings.singleKeys && h("p", t("help.off")), h("div", { class: "help", tabindex: 0, role: "region", aria: { label: t("help.title") } }, tables)],
	});
}
