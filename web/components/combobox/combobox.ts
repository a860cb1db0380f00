import { placeBeside } from "../../lib/anchor";
import { type Child, h, uniqueID } from "../../lib/dom";
import { type IconName, icon } from "../../lib/icons";
import { Scope, type View } from "../../lib/view";

/** One line below a field. */
export interface Suggestion<T> {
	readonly label: string;
	/** In grey, behind the label. */
	readonly hint?: string;
	readonly icon?: IconName;
	/** In the place of the icon: an avatar, a dot. It is decoration. */
	readonly mark?: Child;
	/** Suggestions with the same group stand under it as a heading. They must follow each other. */
	readonly group?: string;
	readonly value: T;
}

export interface ComboBoxOptions<T> {
	/** The field, which exists already and has a name. */
	readonly input: HTMLInputElement;
	/** Below what the list stands; the field by default. */
	readonly anchor?: HTMLElement;
	/** The name of the list. */
	readonly label: string;
	/** Finds what fits text. A newer call ends the signal. An error shows nothing. */
	readonly suggest: (text: string, signal: AbortSignal) => Promise<readonly Suggestion<T>[]>;
	readonly choose: (suggestion: Suggestion<T>) => void;
	/** Whether the first one is chosen by Enter without an arrow key. Then Tab takes it too. */
	readonly autoSelect?: boolean;
	/** Whether the list also opens on an empty field that gets the focus. */
	readonly openEmpty?: boolean;
	/** The list is put into this element and stays, instead of a popup. */
	readonly inside?: HTMLElement;
}

/** Suggestions below a field of text (ARIA combobox with a listbox). The focus stays in the field. */
export class ComboBox<T> implements View {
	readonly root: HTMLElement; // The list.
	readonly #options: ComboBoxOptions<T>;
	readonly #scope = new Scope();
	#suggestions: readonly Suggestion<T>[] = [];
	#elements: HTMLElement[] = [];
	#at = -1;
	/** What the field held when that was selected, by the user or with the answer to it. */
	#text = "";
	#request: AbortController | undefined;

	constructor(options: ComboBoxOptions<T>) {
		this.#options = options;
		const { input } = options;
		this.root = h("div", {
			class: "suggestions", role: "listbox", id: uniqueID("list"), popover: options.inside ? undefined : "manual", aria: { label: options.label },
			// A press must not take the focus out of the field.
			on: { pointerdown: (event) => event.preventDefault(), mousedown: (event) => event.preventDefault() },
		});
		for (const [name, value] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": this.root.id, autocomplete: "off" })) input.setAttribute(name, value);
		(options.inside ?? input.closest("dialog") ?? document.body).append(this.root);

		const scope = this.#scope;
		scope.listen(input, "input", () => void this.ask());
		scope.listen(input, "focus", () => {
			if (options.openEmpty && input.value === "") void this.ask();
		});
		if (!options.inside) scope.listen(input, "blur", () => this.hide());
		scope.listen(input, "keydown", (event) => this.#key(event), { capture: true });
		if (!options.inside) scope.listen(window, "resize", () => this.hide());
		scope.onClose(() => {
			this.#request?.abort();
			this.root.remove();
		});
	}

	/** Whether the list is shown. */
	get shown(): boolean {
		return this.#options.inside ? this.#suggestions.length > 0 : this.root.matches(":popover-open");
	}

	/** Asks for suggestions for what the field holds, and shows them. */
	async ask(): Promise<void> {
		this.#request?.abort();
		const request = (this.#request = new AbortController());
		const { input } = this.#options;
		const text = input.value;
		let found: readonly Suggestion<T>[];
		try {
			found = await this.#options.suggest(text, request.signal);
		} catch {
			return; // Suggestions help; without them one types on.
		}
		if (request.signal.aborted || this.#scope.closed || document.activeElement !== input) return;
		// The field may have been emptied meanwhile, as when Enter made a chip of its text: then there is nothing to suggest.
		this.#show(input.value === text ? found : []);
	}

	/** Takes the list away, and ends what is being asked. */
	hide(): void {
		this.#request?.abort();
		if (this.#options.inside) this.root.replaceChildren();
		else if (this.shown) this.root.hidePopover();
		this.#suggestions = [];
		this.#select(-1);
		this.#options.input.setAttribute("aria-expanded", "false");
	}

	close(): void {
		this.hide();
		this.#scope.close();
	}

	#show(suggestions: readonly Suggestion<T>[]): void {
		if (suggestions.length === 0) {
			this.hide();
			return;
		}
		this.#suggestions = suggestions;
		this.#elements = [];
		this.root.replaceChildren();
		let group: string | undefined;
		let parent: HTMLElement = this.root;
		for (const s of suggestions) {
			if (s.group !== group) {
				group = s.group;
				parent = this.root;
				if (group !== undefined) {
					const id = uniqueID("group");
					parent = h("div", { role: "group", aria: { labelledby: id } }, h("div", { class: "menu-heading", id, role: "presentation" }, group));
					this.root.append(parent);
				}
			}
			const element = h("div", {
				class: "suggestion", role: "option", id: uniqueID("option"), aria: { selected: false },
				on: { click: () => this.#choose(s), pointermove: () => this.#select(this.#suggestions.indexOf(s)) },
			}, s.mark ?? (s.icon && icon(s.icon, 18)), h("span", { class: "truncate" }, s.label), s.hint && h("span", { class: "suggestion-hint truncate" }, s.hint));
			this.#elements.push(element);
			parent.append(element);
		}
		const { input } = this.#options;
		const anchor = this.#options.anchor ?? input;
		if (!this.#options.inside) {
			if (!this.shown) this.root.showPopover();
			this.root.style.setProperty("min-inline-size", `${Math.min(anchor.offsetWidth, innerWidth - 16)}px`);
			placeBeside(this.root, anchor);
		}
		input.setAttribute("aria-expanded", "true");
		this.#select(this.#options.autoSelect ? 0 : -1);
	}

	#select(at: number): void {
		this.#elements[this.#at]?.setAttribute("aria-selected", "false");
		this.#at = at;
		const element = this.#elements[at];
		const { input } = this.#options;
		this.#text = input.value;
		if (!element || !this.#suggestions.length) {
			input.removeAttribute("aria-activedescendant");
			return;
		}
		element.setAttribute("aria-selected", "true");
		element.scrollIntoView({ block: "nearest" });
		input.setAttribute("aria-activedescendant", element.id);
	}

	#choose(suggestion: Suggestion<T>): void {
		this.hide();
		this.#options.choose(suggestion);
	}

	#key(event: KeyboardEvent): void {
		if (event.isComposing) return;
		if (!this.shown) {
			if (event.key === "ArrowDown" && !event.altKey && !event.ctrlKey) {
				event.preventDefault();
				void this.ask();
			}
			return;
		}
		const n = this.#suggestions.length;
		// While one types the list for the text before stays until there is another, so that it does not flicker. Enter and Tab then mean what was typed.
		const chosen = this.#options.input.value === this.#text ? this.#suggestions[this.#at] : undefined;
		switch (event.key) {
			case "ArrowDown":
				this.#select((this.#at + 1) % n);
				break;
			case "ArrowUp":
				this.#select(this.#at <= 0 ? n - 1 : this.#at - 1);
				break;
			case "Escape":
				if (this.#options.inside) return;
				this.hide();
				break;
			case "Tab":
				if (this.#options.inside) return;
				if (this.#options.autoSelect && !event.shiftKey && chosen) break;
				this.hide();
				return;
			case "Enter":
				if (event.ctrlKey || event.metaKey || !chosen) {
					this.hide();
					return;
				}
				break;
			default:
				return;
		}
		event.preventDefault();
		event.stopPropagation();
		if ((event.key === "Enter" || event.key === "Tab") && chosen) this.#choose(chosen);
	}
}
