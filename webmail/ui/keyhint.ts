import { keyCaps } from "../../web/components/tooltip/tooltip";
import { keyNames } from "../../web/lib/keymap";
import { h } from "../../web/lib/dom";
import type { PageCommands } from "./commands";
import { commandLabels } from "./keylabels";
import type { Scope as KeyScope } from "./keys";

/**
 * Shows which keys may follow those that begin a sequence, at the foot of the page. It takes no focus, and screen readers are not told: the
 * help has all keys. Returns what takes it away.
 */
export function showFollowing({ keymap }: PageCommands, keys: string, scopes: readonly KeyScope[]): () => void {
	const begins = keys + " ";
	const rows = Object.entries(keymap.commands)
		.filter(([, c]) => c.scope === "global" || scopes.includes(c.scope))
		.flatMap(([name, c]) => keymap.keys(name).filter((k) => k.startsWith(begins)).slice(0, 1)
			.map((k) => h("li", keyCaps(keyNames(k.slice(begins.length)).join(" ")), " ", commandLabels[c.label] ?? name)));
	const root = h("div", { class: "key-hint no-print", aria: { hidden: true } }, h("p", keyCaps(keyNames(keys).join(" ")), " …"), h("ul", rows));
	document.body.append(root);
	return () => root.remove();
}
