/**
 * Words and numbers in the language of the user. English is part of the page; other catalogues are loaded when they are chosen. A catalogue
 * is plain data: texts by key, with {name} for arguments; texts that depend on a number have a form for each plural
 * category of the language (Unicode TR 35), such as {"one": "{n} message", "other": "{n} messages"}.
 */

/** The forms of a text by plural category; "other" is for all that have none. */
export type Plural = { readonly [category in Intl.LDMLPluralRule]?: string } & { readonly other: string };

/** Texts of a language by their keys. */
export type Catalogue = { readonly [key: string]: string | Plural };

/** What is put into a text. Numbers are written as the language does; which form it has depends on the argument n. */
export type Arguments = { readonly [name: string]: string | number };

/** Keys of a catalogue with plain keys, for type checks: const t = language.t<keyof typeof english>. */
export type Translate<K extends string = string> = (key: K, args?: Arguments) => string;

const rightToLeft = new Set(["ar", "fa", "he", "ur", "yi", "ps", "sd", "ug", "dv", "ckb"]);

/** A language, with its catalogue and the one to fall back to. */
export class Language {
	/** As in BCP 47, such as "en" or "pt-BR". */
	readonly tag: string;
	readonly #catalogue: Catalogue;
	readonly #fallback: Catalogue;
	readonly #plurals: Intl.PluralRules;
	readonly #numbers: Intl.NumberFormat;
	readonly #oneDigit: Intl.NumberFormat;

	/** Throws a RangeError for a tag that is none. */
	constructor(tag: string, catalogue: Catalogue, fallback: Catalogue = catalogue) {
		this.tag = tag;
		this.#catalogue = catalogue;
		this.#fallback = fallback;
		this.#plurals = new Intl.PluralRules(tag);
		this.#numbers = new Intl.NumberFormat(tag);
		this.#oneDigit = new Intl.NumberFormat(tag, { maximumFractionDigits: 1 });
	}

	/** For the attribute dir. */
	get direction(): "ltr" | "rtl" {
		return rightToLeft.has(this.tag.split("-")[0] ?? "") ? "rtl" : "ltr";
	}

	/** Returns the text of a key: that in English if the language lacks it, and the key itself if that does too. */
	readonly t: Translate = (key, args = {}) => {
		const entry = own(this.#catalogue, key) ?? own(this.#fallback, key) ?? key;
		const { n } = args;
		const text = typeof entry === "string" ? entry : entry[this.#plurals.select(typeof n === "number" ? n : 0)] ?? entry.other;
		return text.replace(/\{(\w+)\}/g, (all, name: string) => {
			const v = Object.hasOwn(args, name) ? args[name] : undefined;
			return v === undefined ? all : typeof v === "number" ? this.number(v) : v;
		});
	};

	/** Returns a number with its separators: "12,408". */
	number(n: number): string {
		return this.#numbers.format(n);
	}

	/** Returns a size in bytes as people read it: "512 B", "3.2 kB", "10 GB". A kB is 1000 bytes. */
	size(bytes: number): string {
		const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
		let n = Math.max(0, bytes);
		let unit = 0;
		while (n >= 999.5 && unit < units.length - 1) {
			n /= 1000;
			unit++;
		}
		// The short form of "byte" is the whole word, and the narrow one stands without a space.
		if (unit === 0) return `${this.number(Math.round(n))} B`;
		return new Intl.NumberFormat(this.tag, { style: "unit", unit: units[unit] ?? "byte", unitDisplay: "short", maximumFractionDigits: n < 9.95 ? 1 : 0 }).format(n);
	}

	/** Returns part of a whole in two numbers of the same unit: "3.2 of 10 GB", with "of" from the catalogue (key "size.of", {part} and {whole}). */
	sizeOf(part: number, whole: number): string {
		const power = Math.min(4, Math.max(0, Math.floor(Math.log10(Math.max(1, whole)) / 3)));
		return this.t("size.of", { part: this.#oneDigit.format(part / 1000 ** power), whole: this.size(whole) });
	}

	/** Returns a share as percent: "32 %", without decimals. */
	percent(share: number): string {
		return new Intl.NumberFormat(this.tag, { style: "percent", maximumFractionDigits: 0 }).format(share);
	}

	/** Returns names joined: "Ana, Ben, and Cy". */
	list(names: readonly string[]): string {
		return new Intl.ListFormat(this.tag, { type: "conjunction" }).format(names);
	}

	/** Compares texts for sorting, with numbers by their value and without regard to case. */
	readonly compare = (a: string, b: string): number => (this.#collator ??= new Intl.Collator(this.tag, { numeric: true, sensitivity: "base" })).compare(a, b);
	#collator: Intl.Collator | undefined;
}

const own = (catalogue: Catalogue, key: string): string | Plural | undefined => Object.hasOwn(catalogue, key) ? catalogue[key] : undefined;

/** Returns which of the languages that there are suits best: those wanted, in their order, also without their region. */
export const chooseLanguage = (wanted: readonly string[], available: readonly string[], otherwise = "en"): string => {
	for (const tag of wanted) {
		const base = (t: string) => t.toLowerCase().split("-")[0];
		const found = available.find(a => a.toLowerCase() === tag.toLowerCase()) ?? available.find(a => a.toLowerCase() === base(tag)) ?? available.find(a => base(a) === base(tag));
		if (found) {
			return found;
		}
	}
	return otherwise;
};

/** What the modules of this directory say, in English. Faces add their own texts. */
export const english = {
	"size.of": "{part} of {whole}",
	"date.today": "Today",
	"date.yesterday": "Yesterday",
	"date.thisWeek": "This week",
	"date.lastWeek": "Last week",
	"date.later": "Later",
	"schedule.laterToday": "Later today",
	"schedule.tomorrow": "Tomorrow morning",
	"schedule.monday": "Monday morning",
} as const satisfies Catalogue;
