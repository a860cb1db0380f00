import { h, hiddenText, uniqueID } from "../../lib/dom";
import type { IconName } from "../../lib/icons";
import { icon } from "../../lib/icons";
import { Scope, type View } from "../../lib/view";
import type { Tone } from "../banner/banner";
import { ComboBox, type Suggestion } from "../combobox/combobox";
import { setTooltip } from "../tooltip/tooltip";
import { splitEntries } from "./split";

/** How a value looks as a chip. */
export interface ChipLook {
	readonly label: string;
	/** More words, on hover and focus, such as the address behind a name. */
	readonly tip?: string;
	readonly icon?: IconName;
	/** What the icon says. */
	readonly iconLabel?: string;
	readonly tone?: Tone;
}

export interface ChipInputOptions<T> {
	/** The name of the field. */
	readonly label: string;
	readonly values?: readonly T[];
	/** Makes a value of what was typed; undefined when it cannot be one, then it stays as text. */
	readonly parse: (text: string) => T | undefined;
	readonly look: (value: T) => ChipLook;
	/** Name of the cross of a chip: "Remove Ana". */
	readonly removeLabel: (value: T) => string;
	/** Two values with the same key are the same one; the second is not added. */
	readonly key: (value: T) => string;
	/** Finds values for what has been typed so far. */
	readonly suggest?: (text: string, signal: AbortSignal) => Promise<readonly Suggestion<T>[]>;
	readonly changed?: (values: readonly T[]) => void;
	/** For the press of Enter in the empty field. */
	readonly submit?: () => void;
	/** Chips show more at a press of Enter or a click: opens a menu or popup at the chip. */
	readonly open?: (value: T, chip: HTMLElement) => void;
}

/**
 * A field whose values are chips, as for recipients. Enter, comma, semicolon and leaving the field make a chip of what was
 * typed; pasted lists become many. Arrow keys go through the chips, Backspace and Delete take one away.
 */
export class ChipInput<T> implements View {
	readonly root: HTMLElement;
	readonly input: HTMLInputElement;
	readonly #options: ChipInputOptions<T>;
	readonly #scope = new Scope();
	readonly #chips: HTMLElement;
	readonly #combo: ComboBox<T> | undefined;
	#values: T[] = [];

	constructor(options: ChipInputOptions<T>) {
		this.#options = options;
		const hint = uniqueID("chips");
		this.input = h("input", {
			class: "chip-entry", type: "text", inputmode: "email",
			aria: { label: options.label, describedby: hint }, props: { autocomplete: "off", spellcheck: false, size: 1 },
		});
		this.input.setAttribute("autocapitalize", "none");
		this.#chips = h("span", { class: "chips", role: "list", id: hint, aria: { label: options.label } });
		this.root = h("div", { class: "chip-input", on: { pointerdown: (event) => this.#pressed(event) } }, this.#chips, this.input);
		const { suggest } = options;
		if (suggest) {
			this.#combo = this.#scope.own(new ComboBox<T>({
				input: this.input, anchor: this.root, label: options.label,
				suggest: (text, signal) => (text.trim() ? suggest(text.trim(), signal) : Promise.resolve([])),
				choose: (suggestion) => {
					this.input.value = "";
					this.add([suggestion.value]);
				},
				autoSelect: true,
			}));
		}
		this.input.addEventListener("keydown", (event) => this.#entryKey(event));
		this.input.addEventListener("input", () => {
			if (/[,;\n]\s*$/.test(this.input.value)) this.commit();
		});
		this.input.addEventListener("paste", (event) => {
			const entries = splitEntries(event.clipboardData?.getData("text/plain") ?? "");
			if (entries.length < 2) return;
			event.preventDefault();
			// A field of one line would drop the line ends of a list.
			this.input.value = [this.input.value, ...entries].filter(Boolean).join(", ");
			this.commit();
		});
		this.input.addEventListener("blur", () => {
			this.#combo?.hide();
			this.commit();
		});
		this.set(options.values ?? []);
	}

	get values(): readonly T[] {
		return this.#values;
	}

	/** Puts values in the place of those there are. changed is not called. */
	set(values: readonly T[]): void {
		this.#values = [...values];
		this.#draw();
	}

	/** Adds values that are not there yet. */
	add(values: readonly T[]): void {
		const known = new Set(this.#values.map(this.#options.key));
		const news = values.filter((v) => !known.has(this.#options.key(v)) && known.add(this.#options.key(v)));
		if (news.length > 0) this.#change([...this.#values, ...news]);
	}

	/** Draws the chip of each value anew, after what is known of it changed. */
	refresh(): void {
		this.#draw();
	}

	/** Makes chips of what has been typed. Returns false when some of it is no value; that stays in the field. */
	commit(): boolean {
		const values: T[] = [];
		const rest: string[] = [];
		for (const text of splitEntries(this.input.value)) {
			const value = this.#options.parse(text);
			if (value === undefined) rest.push(text);
			else values.push(value);
		}
		this.input.value = rest.join(", ");
		this.root.classList.toggle("invalid", rest.length > 0);
		if (rest.length > 0) this.input.setAttribute("aria-invalid", "true");
		else this.input.removeAttribute("aria-invalid");
		this.add(values);
		return rest.length === 0;
	}

	focus(): void {
		this.input.focus();
	}

	close(): void {
		this.#scope.close();
		this.root.remove();
	}

	#change(values: T[]): void {
		this.#values = values;
		this.#draw();
		this.#options.changed?.(values);
	}

	#remove(at: number, focus: boolean): void {
		this.#change(this.#values.filter((_, i) => i !== at));
		if (focus) (this.#bodies()[Math.min(at, this.#values.length - 1)] ?? this.input).focus();
	}

	#bodies(): HTMLElement[] {
		return [...this.#chips.querySelectorAll<HTMLElement>(".chip-body")];
	}

	#draw(): void {
		this.#chips.replaceChildren(...this.#values.map((value, i) => {
			const { look, removeLabel, open } = this.#options;
			const l = look(value);
			const body = h("button", {
				class: "chip-body", type: "button", tabindex: -1,
				on: { click: () => open?.(value, body), keydown: (event) => this.#chipKey(event, i) },
			}, l.icon && icon(l.icon, 14), l.iconLabel && hiddenText(l.iconLabel), h("span", { class: "truncate" }, l.label));
			if (l.tip) setTooltip(body, l.tip);
			return h("span", { class: ["chip removable", l.tone], role: "listitem" }, body, h("button", {
				class: "chip-remove", type: "button", tabindex: -1, aria: { label: removeLabel(value) },
				on: { click: () => this.#remove(this.#values.indexOf(value), true) },
			}, icon("x", 12)));
		}));
	}

	#pressed(event: PointerEvent): void {
		if (event.target !== this.root && event.target !== this.#chips) return;
		event.preventDefault();
		this.input.focus();
	}

	#entryKey(event: KeyboardEvent): void {
		if (event.defaultPrevented || event.isComposing) return;
		const empty = this.input.value === "";
		const rtl = getComputedStyle(this.root).direction === "rtl";
		switch (event.key) {
			case "Enter":
				if (event.ctrlKey || event.metaKey) return;
				event.preventDefault();
				if (empty) this.#options.submit?.();
				else this.commit();
				break;
			case "Backspace":
			case rtl ? "ArrowRight" : "ArrowLeft":
				// The first press only goes to the last chip: nobody loses one by a key held down.
				if (this.input.selectionStart !== 0 || this.input.selectionEnd !== 0 || event.repeat) return;
				if (!this.#bodies().length) return;
				event.preventDefault();
				this.#bodies().at(-1)?.focus();
		}
	}

	#chipKey(event: KeyboardEvent, at: number): void {
		const bodies = this.#bodies();
		const rtl = getComputedStyle(this.root).direction === "rtl";
		switch (event.key) {
			case rtl ? "ArrowRight" : "ArrowLeft":
				bodies[Math.max(0, at - 1)]?.focus();
				break;
			case rtl ? "ArrowLeft" : "ArrowRight":
				(bodies[at + 1] ?? this.input).focus();
				break;
			case "Home":
				bodies[0]?.focus();
				break;
			case "End":
				this.input.focus();
				break;
			case "Backspace":
			case "Delete":
				this.#remove(at, true);
				break;
			default:
				if (event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.altKey && !event.metaKey) this.input.focus(); // The letter goes there.
				return;
		}
		event.preventDefault();
		event.stopPropagation();
	}
}
