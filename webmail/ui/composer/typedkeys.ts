import { chordOf, isTextField, makesText } from "../../../web/lib/keymap";
import type { TypedAhead } from "../app";

/** Keys that edit, beside those that make a character. */
const edits = new Set(["Enter", "Backspace", "Tab"]);

/**
 * Takes the keys that are pressed while a composer is being opened. They are meant for it: they are kept in their order, and none of them is a command of
 * the list. Escape gives the opening up. What is typed into fields or pressed in dialogs and menus is left alone.
 */
export class TypedKeys implements TypedAhead {
	readonly keys: string[] = [];
	readonly #given = new AbortController();
	readonly #ended = new AbortController();
	readonly #from = document.activeElement;

	constructor() {
		addEventListener("keydown", (event) => this.#take(event), { capture: true, signal: this.#ended.signal });
	}

	get signal(): AbortSignal {
		return this.#given.signal;
	}

	get elsewhere(): boolean {
		const at = document.activeElement;
		return at !== this.#from && isTextField(at);
	}

	/** Takes no more keys. */
	end(): void {
		this.#ended.abort();
	}

	#take(event: KeyboardEvent): void {
		const { key, target } = event;
		if (isTextField(target) || target instanceof Element && target.closest("dialog, [popover]")) return;
		event.stopImmediatePropagation();
		const typed = edits.has(key) && !event.shiftKey && !event.ctrlKey && !event.altKey && !event.metaKey || makesText(event, chordOf(event));
		if (typed) event.preventDefault();
		if (typed && !event.repeat) this.keys.push(key);
		if (key === "Escape") {
			this.end();
			this.#given.abort();
		}
	}
}
