import { keyCaps } from "../../web/components/tooltip/tooltip";
import { keyNames } from "../../web/lib/keymap";
import { h } from "../../web/lib/dom";
import type { PageCommands } from "./commands";
import { commandLabels } from "./keylabels";
import type { Scope as KeyScope } from "./keys";

/** How long somebody hesitates after the first key of a sequence, in milliseconds. */
const hesitates = 400;

/**
 * Shows which keys may follow those that begin a sequence, at the foot of the page, to who hesitates. It takes no focus, and screen readers
 * are not told: the help has all keys.
 */
export class KeyHint {
	#timer = 0;
	#shown: HTMLElement | undefined;

	/** Keys have been pressed; empty when the sequence has ended. */
	pending({ keymap }: PageCommands, keys: string, scopes: () => readonly KeyScope[]): void {
		clearTimeout(this.#timer);
		this.#shown?.remove();
		if (keys !== "") this.#timer = window.setTimeout(() => this.#show(keymap, keys + " ", scopes()), hesitates);
	}

	#show(keymap: PageCommands["keymap"], begins: string, scopes: readonly KeyScope[]): void {
		const caps = (k: string) => keyCaps(keyNames(k).join(" "));
		const rows = Object.entries(keymap.commands)
			.filter(([, c]) => c.scope === "global" || scopes.includes(c.scope))
			.flatMap(([name, c]) => keymap.keys(name).filter((k) => k.startsWith(begins)).slice(0, 1).map((k) => h("li", caps(k.slice(begins.length)), " ", commandLabels[c.label] ?? name)));
		this.#shown = h("ul", { class: "key-hint no-print", aria: { hidden: true } }, h("li", caps(begins.trim()), " …"), rows);
		document.body.append(this.#shown);
	}
}
