// What the text of a message is made of. HTML from elsewhere (pasted text, quoted messages, saved drafts) is read into pieces,
// which have only names and values that are listed here, and elements are made of pieces.

import { isAddress } from "../../../web/lib/text";

/** What is read. Nodes of the browser fit. */
export interface Source {
	readonly nodeType: number;
	readonly nodeName: string;
	readonly nodeValue: string | null;
	readonly childNodes: ArrayLike<Source>;
	getAttribute?(name: string): string | null;
}

/** An element. */
export interface Block {
	readonly tag: string;
	readonly attributes: { readonly [name: string]: string };
	readonly style: { readonly [property: string]: string };
	readonly children: readonly Piece[];
}

/** An element or text. */
export type Piece = string | Block;

/** Where HTML comes from: a draft keeps the looks of what it quotes; what is pasted gets those of the message it is put into. */
export type Origin = "draft" | "paste";

/** An image that stands for a remote one: its address follows as a fragment. The server puts the image back when it is sent. */
export const placeholder = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7#";

// Tags by what they become.
const tags = new Map<string, string>([
	..."p br div b i u s a ul ol li blockquote pre code h1 h2 h3 hr img table thead tbody tfoot tr td th span sub sup small".split(" ").map((t) => [t, t] as const),
	["strong", "b"], ["em", "i"], ["cite", "i"], ["dfn", "i"], ["del", "s"], ["strike", "s"], ["ins", "u"],
	["h4", "h3"], ["h5", "h3"], ["h6", "h3"], ["tt", "code"], ["kbd", "code"], ["samp", "code"], ["var", "code"], ["font", "span"],
	..."center dl dt dd figure figcaption section article header footer main aside nav address fieldset details summary".split(" ").map((t) => [t, "div"] as const),
]);

// Nothing of these is kept, nor of what they hold.
const dropped = new Set("script style head title meta link base template iframe frame frameset object embed applet noscript svg math audio video canvas select textarea button input".split(" "));

const attributes: { readonly [tag: string]: readonly string[] } = {
	a: ["href", "title"], img: ["src", "alt", "width", "height", "data-cid"], ol: ["start", "type"], blockquote: ["type"], div: ["data-mox-signature", "align"], p: ["align"],
	table: ["width", "border", "cellpadding", "cellspacing", "align", "bgcolor"], tr: ["align", "valign", "bgcolor"],
	td: ["colspan", "rowspan", "width", "height", "align", "valign", "bgcolor"], th: ["colspan", "rowspan", "width", "height", "align", "valign", "bgcolor"],
};

const styles = new Set(("color background-color font-size font-family font-weight font-style text-decoration text-align line-height white-space direction " +
	"margin margin-left margin-right margin-top margin-bottom padding padding-left padding-right padding-top padding-bottom " +
	"border border-left border-right border-top border-bottom border-collapse border-color border-style border-width " +
	"width max-width height vertical-align list-style-type").split(" "));

/** What begins a line of its own. */
export const blocks: ReadonlySet<string> = new Set("p div ul ol li blockquote pre h1 h2 h3 hr table thead tbody tfoot tr td th".split(" "));

/** Reads the styles of an attribute. Values that could load something are left out. */
export function readStyle(text: string): { [property: string]: string } {
	const found: { [property: string]: string } = {};
	for (const part of text.split(";")) {
		const at = part.indexOf(":");
		const name = part.slice(0, at).trim().toLowerCase();
		const value = part.slice(at + 1).replace(/!\s*important/i, "").trim();
		if (at > 0 && styles.has(name) && value && value.length < 200 && !/url\s*\(|image|expression|attr\s*\(|var\s*\(|[\\<>@{}]/i.test(value)) found[name] = value;
	}
	return found;
}

/** Returns an address that a link may have, or undefined. */
export function linkAddress(address: string | null): string | undefined {
	const a = (address ?? "").trim().replace(/[\t\r\n]/g, "");
	return /^(https?:\/\/|mailto:|tel:)[^\s]/i.test(a) ? a : undefined;
}

/** Makes an address of what people type for one: pages without "https://", and addresses of people. */
export function typedAddress(text: string): string | undefined {
	const typed = text.trim();
	if (isAddress(typed)) return `mailto:${typed}`;
	return linkAddress(typed) ?? (/^[^\s:/]+\.[^\s:/]{2,}([/?#:].*)?$/.test(typed) ? linkAddress(`https://${typed}`) : undefined);
}

/** Returns an address that an image may have here: of this page, or that of a placeholder. Others would be loaded from elsewhere. */
export function imageAddress(address: string | null): string | undefined {
	const a = (address ?? "").trim();
	if (a.startsWith(placeholder) || /^(upload|message)\/[\w.:@/-]+(\?[\w=&-]*)?$/.test(a)) return a;
	if (/^https?:\/\//i.test(a)) return placeholder + encodeURIComponent(a);
	return /^data:image\/(png|jpeg|gif|webp);base64,[\w+/=\s]+$/.test(a) ? a.replace(/\s/g, "") : undefined;
}

/** Reads nodes, in order. */
export function read(nodes: ArrayLike<Source>, origin: Origin): Piece[] {
	const pieces: Piece[] = [];
	for (let i = 0; i < nodes.length; i++) pieces.push(...readNode(nodes[i]!, origin));
	return pieces;
}

function readNode(node: Source, origin: Origin): Piece[] {
	if (node.nodeType === 3) return node.nodeValue ? [node.nodeValue] : [];
	if (node.nodeType !== 1) return [];
	const name = node.nodeName.toLowerCase();
	if (dropped.has(name)) return [];
	const get = (attribute: string): string | null => node.getAttribute?.(attribute) ?? null;
	const style = readStyle(get("data-style") ?? get("style") ?? "");
	const tag = tags.get(name);
	const children = read(node.childNodes, origin);
	if (!tag) return children;
	if (origin === "paste") return pasted(tag, get, style, children);
	if (name === "font") {
		if (get("color")) Object.assign(style, readStyle(`color:${get("color")!}`));
		if (get("face")) Object.assign(style, readStyle(`font-family:${get("face")!}`));
	} else if (name === "center") {
		style["text-align"] ??= "center";
	}
	const kept = attributesOf(tag, get);
	if (tag === "img" && !kept["src"]) return kept["alt"] ? [kept["alt"]] : [];
	if (tag === "span" && Object.keys(style).length === 0 && Object.keys(kept).length === 0) return children;
	return [{ tag, attributes: kept, style, children: tag === "br" || tag === "hr" || tag === "img" ? [] : children }];
}

function attributesOf(tag: string, get: (name: string) => string | null): { [name: string]: string } {
	const kept: { [name: string]: string } = {};
	for (const name of [...attributes[tag] ?? [], "dir", "lang"]) {
		let value: string | null | undefined = get(name);
		if (name === "href") value = linkAddress(value);
		else if (name === "src") value = imageAddress(value);
		else if (name === "dir" && value && !/^(ltr|rtl|auto)$/i.test(value)) value = null;
		else if ((name === "width" || name === "height" || name.endsWith("span")) && value && !/^\d{1,4}%?$/.test(value)) value = null;
		if (value !== null && value !== undefined && value.length <= (name === "src" || name === "href" ? 1 << 20 : 500)) kept[name] = value;
	}
	return kept;
}

/** What is pasted keeps its structure, and bold and the like; colours and fonts it does not. */
function pasted(tag: string, get: (name: string) => string | null, style: { [property: string]: string }, children: Piece[]): Piece[] {
	const weight = style["font-weight"] ?? "";
	const bold = weight === "bold" || weight === "bolder" || Number(weight) >= 600;
	if (tag === "b" && weight && !bold) return children; // As some editors wrap all that they copy.
	const kept = attributesOf(tag, get);
	delete kept["align"];
	delete kept["bgcolor"];
	delete kept["data-mox-signature"];
	if (tag === "img") return kept["src"] ? [{ tag, attributes: kept, style: {}, children: [] }] : kept["alt"] ? [kept["alt"]] : [];
	if (tag === "a" && !kept["href"]) return children;
	if (tag !== "span") {
		const simple = tag === "br" || tag === "hr";
		return [{ tag, attributes: kept, style: {}, children: simple ? [] : children }];
	}
	let made = children;
	const wrap = (t: string, when: boolean) => {
		if (when && made.length > 0) made = [{ tag: t, attributes: {}, style: {}, children: made }];
	};
	wrap("b", bold);
	wrap("i", style["font-style"] === "italic");
	wrap("u", /underline/.test(style["text-decoration"] ?? ""));
	wrap("s", /line-through/.test(style["text-decoration"] ?? ""));
	return made;
}

/** Makes nodes of pieces. */
export function build(pieces: readonly Piece[]): DocumentFragment {
	const fragment = document.createDocumentFragment();
	for (const p of pieces) fragment.append(typeof p === "string" ? p : element(p));
	return fragment;
}

function element(b: Block): HTMLElement {
	const e = document.createElement(b.tag);
	for (const [name, value] of Object.entries(b.attributes)) e.setAttribute(name, value);
	for (const [property, value] of Object.entries(b.style)) e.style.setProperty(property, value);
	e.append(build(b.children));
	return e;
}
