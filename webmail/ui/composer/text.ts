// The text of a message as plain text, and plain text as a message.

import { type Block, blocks, type Piece } from "./schema";

/** Returns the words of pieces as plain text: quotes with "> ", lists with their marks, links with their addresses. */
export function toText(pieces: readonly Piece[]): string {
	const out = new Lines();
	write(out, pieces, false);
	return out.text();
}

class Lines {
	readonly #lines: string[] = [];
	#line = "";
	#begun = false; // Whether the line is there, even if it is empty.
	#gap = false;

	add(text: string, pre: boolean): void {
		let t = text;
		if (!pre) {
			t = t.replace(/[ \t\r\n\f]+/g, " ");
			if (this.#line === "" || this.#line.endsWith(" ")) t = t.replace(/^ /, "");
			if (t === "") return;
			this.#put(t);
			return;
		}
		const [first = "", ...rest] = t.split(/\r?\n/);
		if (first) this.#put(first);
		for (const l of rest) {
			this.newline();
			if (l) this.#put(l);
		}
	}

	#put(text: string): void {
		if (this.#gap && this.#lines.length > 0 && this.#lines.at(-1) !== "") this.#lines.push("");
		this.#gap = false;
		this.#line += text;
		this.#begun = true;
	}

	newline(): void {
		this.#gap = false;
		this.#lines.push(this.#line.replace(/ $/, "").replace(/\u00a0/g, " "));
		this.#line = "";
		this.#begun = false;
	}

	/** Ends the line, if something stands in it. With gap an empty line follows, if something does. */
	end(gap = false): void {
		if (this.#begun) this.newline();
		if (gap) this.#gap = true;
	}

	/** Puts lines of another text here. */
	lines(lines: readonly string[], prefix: (i: number, line: string) => string): void {
		this.end();
		if (this.#gap && this.#lines.length > 0 && this.#lines.at(-1) !== "") this.#lines.push("");
		this.#gap = false;
		lines.forEach((l, i) => this.#lines.push(prefix(i, l)));
	}

	all(): string[] {
		this.end();
		return this.#lines;
	}

	text(): string {
		return this.all().join("\n").replace(/^\n+/, "");
	}
}

function write(out: Lines, pieces: readonly Piece[], pre: boolean): void {
	for (const p of pieces) {
		if (typeof p === "string") out.add(p, pre);
		else writeBlock(out, p, pre);
	}
}

function inner(children: readonly Piece[]): string[] {
	const lines = new Lines();
	write(lines, children, false);
	const all = lines.all();
	while (all.at(-1) === "") all.pop();
	return all;
}

function writeBlock(out: Lines, b: Block, pre: boolean): void {
	switch (b.tag) {
		case "br":
			out.newline();
			return;
		case "hr":
			out.lines(["---"], (_, l) => l);
			return;
		case "img":
			if (b.attributes["alt"]) out.add(`[${b.attributes["alt"]}]`, false);
			return;
		case "a": {
			const before = words(b);
			write(out, b.children, pre);
			const href = b.attributes["href"] ?? "";
			if (href && href.replace(/^mailto:|^tel:|^https?:\/\/|\/$/g, "") !== before.replace(/^https?:\/\/|\/$/g, "")) out.add(` <${href}>`, true);
			return;
		}
		case "blockquote":
			out.lines(inner(b.children), (_, l) => l === "" || l.startsWith(">") ? ">" + l : "> " + l);
			out.end(b.attributes["type"] !== "cite");
			return;
		case "ul":
		case "ol": {
			let n = Number(b.attributes["start"] ?? 1) || 1;
			for (const item of b.children) {
				if (typeof item === "string") continue;
				if (item.tag !== "li") {
					out.lines(inner([item]), (_, l) => l && "  " + l); // A list of the next level, as some editors put it.
					continue;
				}
				const mark = b.tag === "ol" ? `${n++}. ` : "- ";
				const lines = inner(item.children);
				out.lines(lines.length > 0 ? lines : [""], (i, l) => i === 0 ? mark + l : l && " ".repeat(mark.length) + l);
			}
			return;
		}
		case "tr":
			out.lines([b.children.filter((c) => typeof c !== "string").map((c) => inner((c as Block).children).join(" ")).join("\t")], (_, l) => l);
			return;
	}
	if (!blocks.has(b.tag)) {
		write(out, b.children, pre);
		return;
	}
	const apart = b.tag === "p" || /^h\d$/.test(b.tag);
	out.end(apart);
	if ("data-mox-signature" in b.attributes) out.lines(["-- "], (_, l) => l);
	const breaks = b.children.length === 1 && typeof b.children[0] !== "string" && b.children[0]?.tag === "br";
	write(out, b.children, pre || b.tag === "pre");
	if (!breaks) out.end(apart);
}

function words(b: Block): string {
	return b.children.map((c) => typeof c === "string" ? c : words(c)).join("").trim();
}

const make = (tag: string, children: readonly Piece[], attributes: Block["attributes"] = {}): Block => ({ tag, attributes, style: {}, children });

/** Returns plain text as pieces: quoted lines as quotes, the others line by line. What follows "-- " is the signature. */
export function fromText(text: string): Piece[] {
	const lines = text.replace(/\r\n?/g, "\n").split("\n");
	const pieces: Piece[] = [];
	for (let i = 0; i < lines.length;) {
		const line = lines[i]!;
		if (line.startsWith(">")) {
			const quoted: string[] = [];
			for (; i < lines.length && lines[i]!.startsWith(">"); i++) quoted.push(lines[i]!.replace(/^> ?/, ""));
			pieces.push(make("blockquote", fromText(quoted.join("\n")), { type: "cite" }));
			continue;
		}
		if (line === "-- ") {
			const own: Piece[] = [];
			for (i++; i < lines.length && !lines[i]!.startsWith(">") && lines[i] !== ""; i++) own.push(make("div", [lines[i]!]));
			pieces.push(make("div", own, { "data-mox-signature": "" }));
			continue;
		}
		pieces.push(make("div", line === "" ? [make("br", [])] : linked(line)));
		i++;
	}
	return pieces;
}

/** Makes links of what looks like an address of the web. */
function linked(line: string): Piece[] {
	const pieces: Piece[] = [];
	let at = 0;
	for (const m of line.matchAll(/https?:\/\/[^\s<>"]*[^\s<>".,;:!?)\]']/g)) {
		if (m.index > at) pieces.push(line.slice(at, m.index));
		pieces.push(make("a", [m[0]], { href: m[0] }));
		at = m.index + m[0].length;
	}
	if (at < line.length) pieces.push(line.slice(at));
	return pieces;
}
