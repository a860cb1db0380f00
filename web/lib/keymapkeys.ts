/** Which keyboard it is: on a Mac, Ctrl in tables means ⌘. */
export type Platform = "mac" | "other";

/** Returns the platform of the browser. */
export const platform = (): Platform =>
	/mac|iphone|ipad/i.test((navigator as { userAgentData?: { platform?: string } }).userAgentData?.platform ?? navigator.platform) ? "mac" : "other";

/** One key with its modifiers. */
export interface Chord {
	/** As in KeyboardEvent.key, but "Space" for the space bar and small letters. */
	readonly key: string;
	readonly ctrl: boolean;
	readonly alt: boolean;
	readonly meta: boolean;
	readonly shift: boolean;
	/** As in tables of keys: "Ctrl+Shift+b", "J" for j with Shift, "#" for what its keyboard has on 3 with Shift. */
	readonly text: string;
	/** The same by the place of the key, if that is a digit with Ctrl and Shift, which makes a sign: "Ctrl+Shift+7". */
	readonly place?: string;
}

const aliases: { readonly [name: string]: string } = {
	esc: "Escape", del: "Delete", ins: "Insert", return: "Enter", up: "ArrowUp", down: "ArrowDown", left: "ArrowLeft", right: "ArrowRight",
	pgup: "PageUp", pgdn: "PageDown", control: "ctrl", cmd: "meta", command: "meta", option: "alt", plus: "+", space: "Space",
};

const isLetter = (key: string): boolean => key.length === 1 && key.toLowerCase() !== key.toUpperCase();

const chord = (key: string, ctrl: boolean, alt: boolean, meta: boolean, shift: boolean): Chord => {
	const letter = isLetter(key);
	const small = letter ? key.toLowerCase() : key;
	const digit = /^\d$/.test(key) && (ctrl || alt || meta);
	const shifted = letter || digit ? shift : shift && key.length > 1;
	// A capital letter says Shift, unless there are other modifiers to name it with. Signs are what they are, however they are made.
	const plain = letter && !ctrl && !alt && !meta;
	const name = plain && shifted ? small.toUpperCase() : small;
	const text = `${ctrl ? "Ctrl+" : ""}${alt ? "Alt+" : ""}${meta ? "Meta+" : ""}${shifted && !plain ? "Shift+" : ""}${name}`;
	return { key: small, ctrl, alt, meta, shift: shifted, text };
};

/** Returns the key that is pressed. On a Mac ⌘ is Ctrl, as in tables, and Ctrl is Meta. */
export const chordOf = (e: Pick<KeyboardEvent, "key" | "code" | "ctrlKey" | "altKey" | "metaKey" | "shiftKey">, on: Platform = platform()): Chord => {
	const mac = on === "mac";
	let { key } = e;
	// Option and a letter make a sign on a Mac; other layouts than Latin have letters of their own, but mean the key of that place with Ctrl.
	const latin = /^Key([A-Z])$/.exec(e.code ?? "")?.[1];
	const strange = key === "Dead" || key.length === 1 && !/[\u0020-\u007e]/.test(key);
	if (latin && strange && (e.altKey || e.ctrlKey || e.metaKey)) {
		key = latin.toLowerCase();
	}
	// AltGr is Ctrl and Alt on Windows, and makes signs.
	const altGraph = !mac && e.ctrlKey && e.altKey && key.length === 1 && !isLetter(key);
	const ctrl = (mac ? e.metaKey : e.ctrlKey) && !altGraph;
	const sign = key.length === 1 && !isLetter(key) && key !== " ";
	const alt = e.altKey && !altGraph && !(mac && sign);
	const meta = mac ? e.ctrlKey : e.metaKey;
	const pressed = chord(key === " " ? "Space" : key, ctrl, alt, meta, e.shiftKey);
	const digit = /^Digit(\d)$/.exec(e.code ?? "")?.[1];
	return digit && e.shiftKey && (ctrl || meta) ? { ...pressed, place: chord(digit, ctrl, alt, meta, true).text } : pressed;
};

/** Parses keys as written in tables: chords with + between modifiers and key, sequences with spaces. Returns nothing if they cannot be pressed. */
export const parseKeys = (keys: string): Chord[] => {
	const chords = keys.trim().split(/\s+/).map(text => {
		const parts = text === "+" ? ["+"] : text.endsWith("++") ? [...text.slice(0, -2).split("+"), "+"] : text.split("+");
		const last = parts.pop() ?? "";
		const modifiers = parts.map(p => aliases[p.toLowerCase()] ?? p.toLowerCase());
		const has = (name: string) => modifiers.includes(name);
		if (!last || modifiers.some(m => !["ctrl", "alt", "meta", "shift"].includes(m))) {
			return undefined;
		}
		const key = last.length === 1 ? last : aliases[last.toLowerCase()] ?? last[0]?.toUpperCase() + last.slice(1);
		return chord(key, has("ctrl"), has("alt"), has("meta"), has("shift") || isLetter(key) && key !== key.toLowerCase());
	});
	return chords.every(c => c !== undefined) ? chords : [];
};

/** Returns keys in the one form in which they are compared, or an empty string. */
export const normalizeKeys = (keys: string): string => parseKeys(keys).map(c => c.text).join(" ");

const signs: { readonly [key: string]: string } = { ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→" };
const macSigns: { readonly [key: string]: string } = { ...signs, Enter: "↩", Backspace: "⌫", Delete: "⌦", Escape: "⎋", Tab: "⇥", PageUp: "⇞", PageDown: "⇟", Home: "↖", End: "↘" };
const names: { readonly [key: string]: string } = { Escape: "Esc", Delete: "Del", PageUp: "Page Up", PageDown: "Page Down" };

/**
 * Returns keys as people read them, one string for each key to be drawn; the keys of a sequence are separated by "then". name
 * translates names, such as "Ctrl", "Shift", "Enter" and "then".
 */
export const keyNames = (keys: string, on: Platform = platform(), name: (english: string) => string = s => s): string[] => {
	const out: string[] = [];
	for (const c of parseKeys(keys)) {
		if (out.length) {
			out.push(name("then"));
		}
		const mac = on === "mac";
		const letter = isLetter(c.key);
		const modifiers = mac
			? [c.meta && "⌃", c.alt && "⌥", c.shift && "⇧", c.ctrl && "⌘"]
			: [c.ctrl && name("Ctrl"), c.alt && name("Alt"), c.meta && name("Meta"), c.shift && name("Shift")];
		const key = letter ? c.key.toUpperCase() : mac ? macSigns[c.key] ?? c.key : signs[c.key] ?? name(names[c.key] ?? c.key);
		const parts = [...modifiers.filter(m => m !== false), key];
		out.push(parts.join(mac ? "" : "+"));
	}
	return out;
};
