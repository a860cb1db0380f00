/**
 * Checks of data against the types of the API, at run time. The types come from sherpadoc: see apigen.mjs for the compact form
 * that they have here.
 */

/**
 * The named types of an API: a struct as its fields with their type words, such as {UIDs: '[] int64'}; names for strings or integers
 * as the list of values; or, for those of any value, 'string' or 'int64'.
 */
export type Types = { readonly [name: string]: { readonly [field: string]: string } | readonly (string | number)[] | string };

/** Data that is not of its type. The message says where, as in "result.Messages[3].UID", and what was expected. */
export class MismatchError extends Error {
	override readonly name = "MismatchError";
	readonly expected: string;
	readonly got: unknown;
	#where = "";

	constructor(expected: string, got: unknown) {
		super();
		this.expected = expected;
		this.got = got;
	}

	/** Notes that the mismatch is within a part of something larger. */
	within(part: string): this {
		this.#where = part + this.#where;
		return this;
	}

	override get message(): string {
		let got: string | undefined;
		try {
			got = JSON.stringify(this.got)?.slice(0, 60);
		} catch {
			// It is no data at all.
		}
		return `${this.#where}: expected ${this.expected}, got ${got ?? typeof this.got}`;
	}
}

/** Returns the value as it is used in the page, or throws a MismatchError. */
export type Check = (value: unknown) => unknown;

/**
 * Checks for the types of an API, made once each when first needed.
 *
 * Coming in, data is changed in place: timestamps become Date, and null or nothing at all becomes [] for lists, {} for maps and null for
 * what may be null, since Go writes nil slices as null. Fields that are not known are left alone: the server may be newer.
 *
 * Going out, nothing is changed (JSON.stringify writes a Date as Go reads it), and fields that are not known are refused, as the server
 * would.
 */
export class Checks {
	readonly #types: Types;
	readonly #incoming: boolean;
	readonly #made = new Map<string, Check>();

	constructor(types: Types, incoming: boolean) {
		this.#types = types;
		this.#incoming = incoming;
	}

	/** Returns the check for type words, such as 'nullable [] Message'. */
	of(words: string): Check {
		let check = this.#made.get(words);
		if (!check) {
			check = this.#make(words);
			this.#made.set(words, check);
		}
		return check;
	}

	#make(words: string): Check {
		const space = words.indexOf(" ");
		const first = space < 0 ? words : words.slice(0, space);
		const rest = words.slice(space + 1);
		switch (first) {
			case "nullable": {
				const inner = this.of(rest);
				return v => v === null || v === undefined ? null : inner(v);
			}
			case "[]":
				return list(this.of(rest), this.#incoming);
			case "{}":
				return map(this.of(rest), this.#incoming);
		}
		return base(first, this.#incoming) ?? this.#named(first);
	}

	#named(name: string): Check {
		const type = Object.hasOwn(this.#types, name) ? this.#types[name] : undefined;
		if (type === undefined) {
			throw new MismatchError("a type of the API", name);
		}
		if (typeof type === "string") {
			return this.of(type);
		}
		if (Array.isArray(type)) {
			const values = new Set<unknown>(type);
			return v => values.has(v) ? v : mismatch(`a value of ${name}`, v);
		}
		return this.#struct(name, type as { readonly [field: string]: string });
	}

	#struct(name: string, type: { readonly [field: string]: string }): Check {
		// Made at the first use and not before: types may refer to themselves.
		let fields: [string, Check][] | undefined;
		return v => {
			const o = object(v, name);
			fields ??= Object.entries(type).map(([field, words]) => [field, this.of(words)]);
			for (const [field, check] of fields) {
				try {
					const value = check(o[field]);
					if (this.#incoming && value !== o[field]) {
						o[field] = value;
					}
				} catch (e) {
					throw within(e, "." + field);
				}
			}
			if (!this.#incoming) {
				for (const key of Object.keys(o)) {
					if (!Object.hasOwn(type, key)) {
						throw within(new MismatchError(`only fields of ${name}`, o[key]), '.' + key);
					}
				}
			}
			return v;
		};
	}
}

const within = (e: unknown, part: string): unknown => e instanceof MismatchError ? e.within(part) : e;

const mismatch = (expected: string, got: unknown): never => {
	throw new MismatchError(expected, got);
};

const object = (v: unknown, expected: string): Record<string, unknown> =>
	typeof v === "object" && v !== null && !Array.isArray(v) ? v as Record<string, unknown> : mismatch(expected, v);

const list = (inner: Check, incoming: boolean): Check => v => {
	if (incoming && (v === null || v === undefined)) {
		return [];
	}
	if (!Array.isArray(v)) {
		return mismatch("list", v);
	}
	const l: unknown[] = v;
	for (let i = 0; i < l.length; i++) {
		try {
			const value = inner(l[i]);
			if (incoming) {
				l[i] = value;
			}
		} catch (e) {
			throw within(e, `[${i}]`);
		}
	}
	return l;
};

const map = (inner: Check, incoming: boolean): Check => v => {
	if (incoming && (v === null || v === undefined)) {
		return {};
	}
	const o = object(v, "map");
	for (const key of Object.keys(o)) {
		try {
			if (key === "__proto__") {
				mismatch("another key", key);
			}
			const value = inner(o[key]);
			if (incoming) {
				o[key] = value;
			}
		} catch (e) {
			throw within(e, `[${JSON.stringify(key)}]`);
		}
	}
	return o;
};

const base = (word: string, incoming: boolean): Check | undefined => {
	switch (word) {
		case "any":
			return v => v;
		case "bool":
			return v => typeof v === "boolean" ? v : mismatch("boolean", v);
		case "string":
			return v => typeof v === "string" ? v : mismatch("string", v);
		case "float32":
		case "float64":
			return v => Number.isFinite(v) ? v : mismatch("number", v);
		case "int64s":
		case "uint64s":
			return v => typeof v === "string" && /^-?\d{1,20}$/.test(v) ? v : mismatch("integer as string", v);
		case "timestamp":
			return incoming ? date : v => v instanceof Date && !isNaN(v.getTime()) ? v : mismatch("Date", v);
	}
	const integer = /^(u?)int(8|16|32|64)$/.exec(word);
	if (!integer) {
		return undefined;
	}
	// Integers of 64 bits are numbers here too: larger ones than a number holds exactly are refused.
	const bits = Number(integer[2]);
	const most = bits === 64 ? Number.MAX_SAFE_INTEGER : 2 ** (integer[1] ? bits : bits - 1) - 1;
	const least = integer[1] ? 0 : bits === 64 ? -most : -most - 1;
	return v => Number.isInteger(v) && (v as number) >= least && (v as number) <= most ? v : mismatch(word, v);
};

const date: Check = v => {
	const d = typeof v === "string" && /^\d{4}-\d\d-\d\dT/.test(v) ? new Date(v) : undefined;
	return d && !isNaN(d.getTime()) ? d : mismatch("time", v);
};
