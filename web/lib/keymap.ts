/**
 * Keys for commands. A face has a table of its commands, with the keys of each preset; the user chooses a preset, changes single
 * keys, or switches keys without a modifier off (WCAG 2.1.4). Menus, tooltips and help get their keys from here, so
 * that what they say is true.
 */

import { type Chord, type Platform, chordOf, normalizeKeys, parseKeys } from "./keymapkeys";
import { systemClock } from "./clock";

export { type Platform, chordOf, keyNames, normalizeKeys, parseKeys, platform } from "./keymapkeys";

/** What a key sends its command to. */
export interface Command<S extends string = string, P extends string = string> {
	/** Key of the catalogue for its label. */
	readonly label: string;
	/** Where it works. A command of the scope "global" works everywhere. */
	readonly scope: S;
	/** Its keys by preset, such as "Shift+j" (written "J"), "g i" or "Ctrl+Enter"; none in a preset that is not named. */
	readonly keys: { readonly [preset in P]?: readonly string[] };
}

/** Commands by name. */
export type Commands<S extends string = string, P extends string = string> = { readonly [name: string]: Command<S, P> };

/** What the user has chosen, as kept on the server. */
export interface KeySettings<P extends string = string> {
	readonly preset: P;
	/** False switches off keys without Ctrl, Alt or Meta, and sequences, everywhere; others, arrows, Enter and the like go on. */
	readonly singleKeys: boolean;
	/** Keys of single commands in place of those of the preset; an empty list is for no key. */
	readonly remapped: { readonly [command: string]: readonly string[] };
}

/** Two commands that have the same keys where both work, or one whose keys begin a sequence of the other. */
export interface Conflict {
	readonly keys: string;
	readonly commands: readonly [string, string];
}

/** How long the next key of a sequence may take, in milliseconds. */
const sequenceTimeout = 3000;

/** The keys of all commands, as settings have them. Immutable. */
export class Keymap<S extends string = string, P extends string = string> {
	readonly commands: Commands<S, P>;
	readonly settings: KeySettings<P>;
	readonly #keys = new Map<string, readonly string[]>();

	constructor(commands: Commands<S, P>, settings: KeySettings<P>) {
		this.commands = commands;
		this.settings = settings;
		for (const [name, command] of Object.entries(commands)) {
			const keys = Object.hasOwn(settings.remapped, name) ? settings.remapped[name] : command.keys[settings.preset];
			this.#keys.set(name, (keys ?? []).map(normalizeKeys).filter(k => k !== ""));
		}
	}

	/** Returns the keys of a command that work at present, the first of which is shown in menus. */
	keys(command: string): readonly string[] {
		const keys = this.#keys.get(command) ?? [];
		return this.settings.singleKeys ? keys : keys.filter(k => !isSingle(k));
	}

	/**
	 * Finds what keys do, in the order of scopes: "more" if they begin a sequence. The innermost scope that knows them wins,
	 * and a sequence that they begin wins over nothing only.
	 */
	find(keys: string, scopes: readonly S[]): { readonly command: string } | "more" | undefined {
		let more = false;
		for (const scope of [...scopes, "global"]) {
			for (const [name, command] of Object.entries(this.commands)) {
				if (command.scope !== scope) {
					continue;
				}
				for (const k of this.keys(name)) {
					if (k === keys) {
						return { command: name };
					}
					more ||= k.startsWith(keys + " ");
				}
			}
		}
		return more ? "more" : undefined;
	}

	/** Returns what contradicts itself. together tells which scopes can be active at once; a scope is with itself and with "global" always. */
	conflicts(together: (a: S, b: S) => boolean = () => false): Conflict[] {
		const conflicts: Conflict[] = [];
		const all = [...this.#keys].flatMap(([name, keys]) => keys.map(k => ({ name, k })));
		all.forEach((a, i) => {
			for (const b of all.slice(i + 1)) {
				const clash = a.k === b.k || b.k.startsWith(a.k + " ") || a.k.startsWith(b.k + " ");
				const x = this.commands[a.name]?.scope;
				const y = this.commands[b.name]?.scope;
				if (clash && a.name !== b.name && x && y && (x === y || x === "global" || y === "global" || together(x, y))) {
					conflicts.push({ keys: a.k.length < b.k.length ? a.k : b.k, commands: [a.name, b.name] });
				}
			}
		});
		return conflicts;
	}

	/** Returns what would contradict if a command had other keys. */
	conflictsWith(command: string, keys: readonly string[], together?: (a: S, b: S) => boolean): Conflict[] {
		return this.remap(command, keys).conflicts(together).filter(c => c.commands.includes(command));
	}

	/** Returns a map in which a command has other keys; those of the preset if keys is undefined. */
	remap(command: string, keys: readonly string[] | undefined): Keymap<S, P> {
		const { [command]: _, ...rest } = this.settings.remapped;
		return new Keymap(this.commands, { ...this.settings, remapped: keys ? { ...rest, [command]: keys } : rest });
	}
}

/** Whether keys are characters without Ctrl, Alt or Meta, which speech input and a cat press by accident (WCAG 2.1.4). */
const isSingle = (keys: string): boolean =>
	keys.includes(" ") || parseKeys(keys).some(c => !c.ctrl && !c.alt && !c.meta && (c.key.length === 1 || c.key === "Space"));

/**
 * Returns the scopes of an element: those named in data-keys of it or of the nearest element around it, such as data-keys="reader list", or
 * otherwise. So keys of the list work wherever nothing else has the focus, also while a composer is open.
 */
export const scopesAt = <S extends string>(target: EventTarget | null, otherwise: readonly S[]): readonly S[] => {
	for (let e = target as Partial<HTMLElement> | null | undefined; e; e = e.parentElement) {
		const keys = e.dataset?.["keys"];
		if (keys) {
			return keys.split(" ") as S[];
		}
	}
	return otherwise;
};

/** Options of a KeyHandler. */
export interface KeyHandlerOptions<S extends string, P extends string> {
	readonly keymap: Keymap<S, P>;
	/** The scopes where a key is pressed, the innermost first, without "global", which comes last: see scopesAt. */
	readonly scopes: (e: KeyboardEvent) => readonly S[];
	/** Runs a command; false if it does not apply now, and then the key does what the browser does with it. */
	readonly run: (command: string, e: KeyboardEvent) => boolean;
	/** Told of the keys of a sequence so far, to show them; empty when it ends. */
	readonly onPending?: (keys: string) => void;
	readonly platform?: Platform;
	readonly clock?: typeof systemClock;
}

/** Turns keys that are pressed into commands. handle is for keydown of the document. */
export class KeyHandler<S extends string = string, P extends string = string> {
	/** May be replaced when the settings change. */
	keymap: Keymap<S, P>;
	readonly #o: KeyHandlerOptions<S, P>;
	readonly #clock: typeof systemClock;
	#pending = "";
	#held = ""; // The key that ran a command, as long as it may be held down.
	#timer: unknown;

	constructor(o: KeyHandlerOptions<S, P>) {
		this.#o = o;
		this.#clock = o.clock ?? systemClock;
		this.keymap = o.keymap;
	}

	/**
	 * Handles a key. Keys that make text go to the field that has the focus, and nowhere else; so do those that are part of a composition, such
	 * as of Japanese; and those that are still held down after their command has moved the focus into the field. Returns whether the key was used.
	 */
	readonly handle = (e: KeyboardEvent): boolean => {
		if (e.defaultPrevented || e.isComposing || e.key === "Process" || ["Shift", "Control", "Alt", "Meta", "AltGraph", "CapsLock"].includes(e.key)) {
			return false;
		}
		if (!e.repeat) {
			this.#held = "";
		} else if (this.#held !== "" && this.#held === e.code && isTextField(e.target)) {
			e.preventDefault();
			return true;
		}
		const chord = chordOf(e, this.#o.platform);
		if (isTextField(e.target) && (makesText(e, chord) || editsText(chord))) {
			this.reset();
			return false;
		}
		if (isWidget(e.target, chord)) {
			this.reset();
			return false;
		}
		const keys = this.#pending ? `${this.#pending} ${chord.text}` : chord.text;
		let found = this.keymap.find(keys, this.#o.scopes(e));
		if (!found && this.#pending) {
			// A key that does not continue the sequence ends it, and does what it does alone.
			this.reset();
			found = this.keymap.find(chord.text, this.#o.scopes(e));
			return this.#use(found, chord.text, e);
		}
		if (!found && chord.place) {
			return this.#use(this.keymap.find(chord.place, this.#o.scopes(e)), chord.place, e);
		}
		return this.#use(found, keys, e);
	};

	/** Forgets the beginning of a sequence. */
	reset(): void {
		this.#clock.clearTimeout(this.#timer);
		if (this.#pending) {
			this.#pending = "";
			this.#o.onPending?.("");
		}
	}

	#use(found: ReturnType<Keymap["find"]>, keys: string, e: KeyboardEvent): boolean {
		if (found === "more") {
			this.reset();
			this.#pending = keys;
			this.#o.onPending?.(keys);
			this.#timer = this.#clock.setTimeout(() => this.reset(), sequenceTimeout);
			e.preventDefault();
			return true;
		}
		this.reset();
		if (!found || !this.#o.run(found.command, e)) {
			return false;
		}
		this.#held = isTextField(e.target) ? "" : e.code;
		e.preventDefault();
		return true;
	}
}

const notText = new Set(["button", "checkbox", "color", "file", "image", "radio", "range", "reset", "submit"]);

/** Whether somebody types text there. */
export const isTextField = (target: EventTarget | null): boolean => {
	const e = target as (Partial<HTMLInputElement> & { isContentEditable?: boolean }) | null;
	if (!e?.tagName) {
		return false;
	}
	const tag = e.tagName.toLowerCase();
	return e.isContentEditable === true || tag === "textarea" || tag === "select" || tag === "input" && !notText.has((e.type ?? "text").toLowerCase());
};

/** Whether the element that has the focus uses the key itself: buttons and links Enter, buttons and boxes the space bar. */
const isWidget = (target: EventTarget | null, { text }: Chord): boolean => {
	const tag = (target as Partial<Element> | null)?.tagName?.toLowerCase() ?? "";
	return text === "Enter" && ["a", "button", "summary"].includes(tag) || text === "Space" && ["button", "input", "summary"].includes(tag);
};

/** Whether a key makes a character, also with Alt and with AltGr, which Windows gives as Ctrl and Alt. */
export const makesText = (e: KeyboardEvent, chord: Chord): boolean =>
	e.key.length === 1 && !e.metaKey && (!e.ctrlKey || e.altKey || e.getModifierState?.("AltGraph") === true) && !(chord.alt && /^[a-z]$/.test(chord.key) && e.key.toLowerCase() === chord.key);

const fieldKeys = new Set(["Enter", "Tab", "Space", "Backspace", "Delete", "Home", "End", "PageUp", "PageDown", "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"]);

/** Whether a key moves the caret, or edits what is selected. */
const editsText = (c: Chord): boolean =>
	fieldKeys.has(c.key) && !c.ctrl && !c.alt && !c.meta
	|| (c.ctrl || c.meta) && !c.alt && (/^(Arrow|Home|End)/.test(c.key) || !c.shift && /^[acvxz]$/.test(c.key));
