import { h } from "../../lib/dom";
import { icon } from "../../lib/icons";
import { Scope, type View } from "../../lib/view";
import { iconButton } from "../button/button";
import { ComboBox, type Suggestion } from "../combobox/combobox";
import { setTooltip } from "../tooltip/tooltip";

export interface SearchOptions {
	/** The name and placeholder of the field: "Search mail". */
	readonly label: string;
	readonly clearLabel: string;
	/** Name of the button that opens the form of all that can be searched for; with options. */
	readonly optionsLabel?: string;
	readonly key?: string;
	/** Suggestions for what was typed, also for nothing: operators, people, searches made before. */
	readonly suggest: (text: string, signal: AbortSignal) => Promise<readonly Suggestion<string>[]>;
	/** Called with the text on Enter and when a suggestion is taken, and with "" when it is cleared. */
	readonly search: (text: string) => void;
	/** Called while one types. */
	readonly typed?: (text: string) => void;
	readonly options?: (anchor: HTMLElement) => void;
}

/** The search box of a page (landmark search), with suggestions. The value of a suggestion takes the place of the text. */
export class SearchBox implements View {
	readonly root: HTMLElement;
	readonly input: HTMLInputElement;
	readonly #options: SearchOptions;
	readonly #scope = new Scope();
	readonly #clear: HTMLButtonElement;
	readonly #combo: ComboBox<string>;

	constructor(options: SearchOptions) {
		this.#options = options;
		const input = (this.input = h("input", {
			class: "search-entry", type: "search", enterkeyhint: "search", aria: { label: options.label, keyshortcuts: options.key },
			props: { placeholder: options.label, spellcheck: false },
		}));
		input.setAttribute("autocapitalize", "none");
		this.#clear = iconButton({ label: options.clearLabel, icon: "x", size: 18, run: () => this.clear() });
		this.#clear.hidden = true;
		const more = options.options;
		this.root = h("form", {
			class: "search-box", role: "search",
			on: {
				submit: (event) => {
					event.preventDefault();
					this.#go(input.value);
				},
			},
		}, icon("search", 18), input, this.#clear, options.key && h("kbd", { class: "search-key", aria: { hidden: true } }, options.key),
		more && options.optionsLabel && iconButton({ label: options.optionsLabel, icon: "filter", size: 18, run: () => more(this.root) }));
		setTooltip(this.#clear, options.clearLabel, "Escape");
		this.#combo = this.#scope.own(new ComboBox<string>({
			input, anchor: this.root, label: options.label, openEmpty: true, suggest: options.suggest,
			choose: (s) => {
				this.set(s.value);
				// An operator such as "from:" wants its value first.
				if (s.value.endsWith(":")) void this.#combo.ask();
				else this.#go(s.value);
			},
		}));
		input.addEventListener("input", () => {
			this.#changed();
			options.typed?.(input.value);
		});
		input.addEventListener("keydown", (event) => {
			if (event.key !== "Escape" || event.defaultPrevented) return;
			event.preventDefault();
			event.stopPropagation();
			if (input.value) this.clear();
			else input.blur();
		});
	}

	/** Shows text as what is searched for; nothing is called. */
	set(text: string): void {
		this.input.value = text;
		this.#changed();
	}

	/** Empties the field and ends the search. */
	clear(): void {
		this.set("");
		this.#combo.hide();
		this.input.focus(); // The button goes, and what is told may look where the focus is.
		this.#options.search("");
	}

	focus(): void {
		this.input.focus();
		this.input.select();
	}

	close(): void {
		this.#scope.close();
		this.root.remove();
	}

	#changed(): void {
		this.#clear.hidden = this.input.value === "";
	}

	#go(text: string): void {
		this.#combo.hide();
		this.#options.search(text.trim());
	}
}
