// Signatures in the text of a message. They follow the address that it is written from, unless they were edited.

import { parseInert } from "../../../web/lib/inert";
import type { Settings, Signature } from "../api";
import { build, read } from "./schema";
import { toText } from "./text";

/** What messages from an address end with; as the server chooses it. */
export function signatureOf(settings: Settings, address: string): Signature | undefined {
	const a = address.toLowerCase();
	return settings.Signatures.find((s) => s.Address.toLowerCase() === a) ?? settings.Signatures.find((s) => s.Address === "");
}

const htmlText = (html: string): string => toText(read(parseInert(html).body.childNodes, "draft")).trim();
const nodeText = (e: Element): string => toText(read(e.childNodes, "draft")).trim();

/** Puts a signature in the place of another in a rich text; with force also of one that was edited. */
export function replaceInRich(root: HTMLElement, before: Signature | undefined, after: Signature | undefined, below: boolean, force = false): void {
	const old = before?.HTML ? htmlText(before.HTML) : "";
	const marked = root.querySelector<HTMLElement>(":scope > [data-mox-signature]");
	// A draft that was saved has the text, but not the mark.
	const block = marked ?? (old ? [...root.children].find((e): e is HTMLElement => e instanceof HTMLDivElement && nodeText(e) === old) : undefined);
	if (block && nodeText(block) !== old && nodeText(block) !== "" && !force) return;
	if (!block && old && !force) return; // It was taken out.
	if (!after?.HTML) {
		block?.remove();
		return;
	}
	const made = document.createElement("div");
	made.setAttribute("data-mox-signature", "");
	made.append(build(read(parseInert(after.HTML).body.childNodes, "draft")));
	if (block) {
		block.replaceWith(made);
		return;
	}
	const quote = below ? undefined : quoteBegin(root);
	if (quote) quote.before(made);
	else root.append(made);
}

/** The line that stands above what is quoted or forwarded. */
function quoteBegin(root: HTMLElement): Element | undefined {
	for (const e of root.children) {
		if (e.localName === "blockquote" && e.getAttribute("type") === "cite") return e.previousElementSibling && e.previousElementSibling !== root.firstElementChild ? e.previousElementSibling : e;
		if (e.textContent.startsWith("---------- ")) return e;
	}
	return undefined;
}

/** Likewise in a plain text. */
export function replaceInText(text: string, before: Signature | undefined, after: Signature | undefined, below: boolean, force = false): string {
	const block = (s: Signature | undefined) => s?.Text.trim() ? `-- \n${s.Text.trimEnd()}` : "";
	const old = block(before);
	const made = block(after);
	const at = old ? text.indexOf(old) : -1;
	if (at >= 0) {
		const rest = text.slice(at + old.length);
		return made ? text.slice(0, at) + made + rest : text.slice(0, at).replace(/\n$/, "") + rest;
	}
	if (old && !force || !made) return text;
	const quote = below ? -1 : text.search(/^(?:[^\n>]+\n)?>|^---------- /m);
	return quote >= 0 ? `${text.slice(0, quote)}${made}\n\n${text.slice(quote)}` : `${text.replace(/\n*$/, "")}\n\n${made}\n`;
}
