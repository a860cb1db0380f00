import { h } from "../../lib/dom";

/** Returns one or two letters for a person: of the first and last word of the name, or else of the address. */
export function initials(name: string, address: string): string {
	// What stands in brackets or after a comma is no name: "Ana Silva (Acme)", "Silva, Ana".
	const plain = name.replace(/\(.*?\)|\[.*?\]/g, " ").trim();
	const comma = plain.match(/^([^,]+),\s*([^,]+)$/);
	const words = (comma ? `${comma[2]} ${comma[1]}` : plain).split(/[\s._-]+/).filter((w) => /^[\p{L}\p{N}]/u.test(w));
	const first = firstLetter(words[0] ?? address.replace(/^[^\p{L}\p{N}]+/u, ""));
	const last = words.length > 1 ? firstLetter(words[words.length - 1]!) : "";
	return (first + last).toLocaleUpperCase() || "?";
}

function firstLetter(word: string): string {
	return word.match(/^./su)?.[0] ?? "";
}

/** Returns the hue of an address, 0 to 359. The same address, in any case, always has the same. */
export function hueOf(address: string): number {
	let hash = 0x811c9dc5; // FNV-1a
	for (const c of address.toLowerCase()) {
		hash ^= c.codePointAt(0)!;
		hash = Math.imul(hash, 0x01000193);
	}
	return (hash >>> 0) % 360;
}

/** Makes the circle of a person. It is decoration: name and address stand beside it. */
export function avatar(name: string, address: string, size: 24 | 32 | 40 = 32): HTMLSpanElement {
	const circle = h("span", { class: "avatar", aria: { hidden: true }, style: { "--size": `${size}px` } });
	setAvatar(circle, name, address);
	return circle;
}

/** Makes an avatar that of someone else. */
export function setAvatar(circle: HTMLElement, name: string, address: string): void {
	circle.textContent = initials(name, address);
	circle.style.setProperty("--hue", String(hueOf(address)));
}
