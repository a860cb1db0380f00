/** Texts about people: names, addresses as they are typed, initials. */

/** A mailbox of RFC 5322 §3.4, as typed or shown. */
export interface Address {
	/** Without quotes; may be empty. */
	readonly name: string;
	/** local@domain. Domains may be in Unicode. */
	readonly address: string;
}

/** What was made of a text with addresses. */
export interface ParsedAddresses {
	readonly addresses: Address[];
	/** Parts that are no address, as they were typed. */
	readonly rest: string[];
}

/**
 * Parses addresses as people type and paste them: "Ana <ana@example.org>, ben@example.org; \"Cy, Dr.\" <cy@example.org>", separated by
 * commas, semicolons and line ends; spaces separate addresses that have no names. Groups, comments and "mailto:" are taken off.
 */
export const parseAddresses = (text: string): ParsedAddresses => {
	const addresses: Address[] = [];
	const rest: string[] = [];
	for (const part of split(text)) {
		const words = part.split(/\s+/);
		const found = parseAddress(part);
		if (found) {
			addresses.push(found);
		} else if (words.length > 1 && words.every(w => parseAddress(w))) {
			addresses.push(...words.flatMap(w => parseAddress(w) ?? []));
		} else {
			rest.push(part);
		}
	}
	return { addresses, rest };
};

/** Parses one address, with or without a name. */
export const parseAddress = (text: string): Address | undefined => {
	const plain = withoutComments(text).trim();
	const angle = /^(.*?)\s*<\s*([^<>]*?)\s*>$/su.exec(plain);
	const address = (angle?.[2] ?? plain).replace(/^mailto:/i, "");
	if (!isAddress(address)) {
		return undefined;
	}
	return { name: unquote((angle?.[1] ?? "").trim()), address };
};

/**
 * Whether a text can be an address: the local part a dot-atom or a quoted string (RFC 5321 §4.1.2, RFC 6531), the domain names with
 * dots, or a single name as in local networks, or an address in brackets. The server has the last word.
 */
export const isAddress = (address: string): boolean => {
	const at = address.lastIndexOf("@");
	const local = address.slice(0, at);
	const domain = address.slice(at + 1);
	if (at < 1 || new TextEncoder().encode(local).length > 64 || domain.length > 255) {
		return false;
	}
	const atom = /^[^\s@"(),:;<>[\]\\\u0000-\u001f\u007f]+$/u;
	const localOK = local.split(".").every(a => atom.test(a)) || /^"(?:[^"\\\u0000-\u001f\u007f]|\\[\u0020-\u007e])*"$/u.test(local);
	const labels = domain.replace(/\.$/, "").split(".");
	const name = /^[\p{L}\p{N}_](?:[\p{L}\p{M}\p{N}_-]{0,61}[\p{L}\p{M}\p{N}_])?$/u;
	const literal = /^\[(?:\d{1,3}(?:\.\d{1,3}){3}|IPv6:[0-9a-f:.]+)\]$/i;
	return localOK && (labels.every(l => name.test(l)) || literal.test(domain));
};

/** Returns an address as it is typed, so that parseAddresses gives it back: with the name in quotes where that is needed. */
export const formatAddress = ({ name, address }: Address): string => {
	const clean = name.replace(/\s+/g, " ").trim();
	if (!clean) {
		return address;
	}
	const needsQuotes = /[^\p{L}\p{M}\p{N}\s!#$%&'*+/=?^_`{|}~-]/u.test(clean);
	return `${needsQuotes ? `"${clean.replace(/["\\]/g, "\\$&")}"` : clean} <${address}>`;
};

/** Returns addresses for one line. */
export const formatAddresses = (addresses: readonly Address[]): string => addresses.map(formatAddress).join(", ");

/** Returns what to call somebody where there is little room: the name, or what is before the @. */
export const displayName = ({ name, address }: Address): string => name.trim() || address.slice(0, Math.max(0, address.lastIndexOf("@"))) || address;

/** Returns one or two capitals for the circle of a sender: of the first and the last word of the name, or the address. */
export const initials = (a: Address): string => {
	const named = displayName(a).replace(/\(.*?\)|\[.*?\]/g, " ");
	const words = (named.includes(",") ? named.split(",").reverse().join(" ") : named).split(/[\s._+-]+/u)
		.map(w => /[\p{L}\p{N}]/u.exec(w)?.[0] ?? "").filter(w => w !== "");
	const [first = "", last = ""] = [words[0], words.length > 1 ? words[words.length - 1] : ""];
	return (first + last).toLocaleUpperCase() || "?";
};

/** Returns a number from 0 to n - 1 for a text, the same each time and in every browser: the hue of a sender (FNV-1a, without regard to case). */
export const hash = (text: string, n: number): number => {
	let sum = 0x811c9dc5;
	for (const byte of new TextEncoder().encode(text.trim().toLowerCase())) {
		sum = Math.imul(sum ^ byte, 0x01000193) >>> 0;
	}
	// The low bits of sums of similar texts are similar too.
	sum ^= sum >>> 15;
	return (sum >>> 0) % n;
};

/** Returns the hue of an address in degrees. */
export const hue = (address: string): number => hash(address, 360);

/** Splits at separators that are not within quotes, brackets or comments, and leaves out what is empty. */
const split = (text: string): string[] => {
	const parts: string[] = [];
	let part = "";
	let quoted = false;
	let angle = false;
	let comment = 0;
	// A quote that is not closed is a sign like others.
	const balanced = (text.replace(/\\./gs, "").match(/"/g) ?? []).length % 2 === 0;
	for (let i = 0; i < text.length; i++) {
		const c = text[i] ?? "";
		if (c === "\\" && (quoted || comment)) {
			part += c + (text[++i] ?? "");
			continue;
		} else if (c === "\"" && balanced && !comment) {
			quoted = !quoted;
		} else if (!quoted && c === "<") {
			angle = true;
		} else if (!quoted && c === ">") {
			angle = false;
		} else if (!quoted && c === "(" && text.includes(")", i)) {
			comment++;
		} else if (!quoted && c === ")" && comment) {
			comment--;
		}
		const line = c === "\n" || c === "\r";
		if (!quoted && !comment && (line || !angle && (c === "," || c === ";"))) {
			parts.push(part);
			part = "";
			angle = false;
		} else {
			part += c;
		}
	}
	// Names of groups (RFC 5322 §3.4) stand before their first address.
	return [...parts, part].map(p => p.trim().replace(/^[^"<>@:]*:\s*(?=$|\S*@|[^@]*<)/, "")).filter(p => p !== "");
};

/** Takes off comments (RFC 5322 §3.2.2), but not within quotes. */
const withoutComments = (text: string): string => text.replace(/("(?:[^"\\]|\\.)*")|\([^()]*\)/gs, (_, quoted: string | undefined) => quoted ?? "");

const unquote = (name: string): string => {
	const quoted = /^"((?:[^"\\]|\\.)*)"$/s.exec(name)?.[1] ?? /^'(.*)'$/s.exec(name)?.[1];
	return (quoted === undefined ? name : quoted.replace(/\\(.)/gs, "$1")).replace(/\s+/g, " ").trim();
};
