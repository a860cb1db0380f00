// What the buttons of the editor do to the text.

/** Commands on the text that is selected. */
export type Format = "bold" | "italic" | "underline" | "strike" | "bulletList" | "numberedList" | "quote" | "clearFormat";

// The browser's own commands, where all of them do the same.
const own: { readonly [format in Format]?: string } = {
	bold: "bold", italic: "italic", underline: "underline", strike: "strikeThrough", bulletList: "insertUnorderedList", numberedList: "insertOrderedList",
};

/** Does a command to what is selected within root. */
export function apply(root: HTMLElement, format: Format): void {
	const command = own[format];
	if (command) {
		document.execCommand("styleWithCSS", false, "false");
		if (format !== "bulletList" && format !== "numberedList") document.execCommand(command);
		else keepLetters(root, () => {
			document.execCommand(command);
			freeLists(root);
		});
	} else if (format === "quote") {
		quote(root);
	} else {
		clear(root);
	}
}

/** Tells which formats what is selected has. */
export function present(root: HTMLElement): ReadonlySet<Format> {
	const found = new Set<Format>();
	for (const [format, command] of Object.entries(own)) if (document.queryCommandState(command)) found.add(format as Format);
	const at = getSelection()?.anchorNode;
	if (at && root.contains(at) && above(root, at, "blockquote")) found.add("quote");
	return found;
}

/** The nearest element of a kind that a node is in. */
export function above(root: HTMLElement, node: Node, selector: string): HTMLElement | undefined {
	const found = (node instanceof HTMLElement ? node : node.parentElement)?.closest<HTMLElement>(selector);
	return found && found !== root && root.contains(found) ? found : undefined;
}

/** The children of root that a range touches. Bare text among them gets a line of its own first. */
function lines(root: HTMLElement, range: Range): HTMLElement[] {
	for (const n of [...root.childNodes]) {
		if (n instanceof HTMLElement && /^(DIV|P|UL|OL|BLOCKQUOTE|PRE|H\d|HR|TABLE)$/.test(n.nodeName)) continue;
		if (n instanceof Text && n.data.trim() === "") continue; // Between lines, as in the source of a message.
		const before = n.previousSibling;
		if (before instanceof HTMLElement && before.hasAttribute("data-line")) before.append(n);
		else {
			const line = document.createElement("div");
			line.setAttribute("data-line", "");
			n.before(line);
			line.append(n);
		}
	}
	for (const l of root.querySelectorAll("[data-line]")) l.removeAttribute("data-line");
	return [...root.children].filter((e): e is HTMLElement => e instanceof HTMLElement && range.intersectsNode(e));
}

/** Makes the lines that are selected a quote; or what is one no quote, of which only the selected lines leave it. */
function quote(root: HTMLElement): void {
	keepSelection(root, (range) => {
		const inside = above(root, range.commonAncestorContainer, "blockquote");
		if (inside) {
			const out = lines(inside, range);
			const first = out[0];
			const last = out.at(-1);
			if (!first || !last) return;
			// What follows stays quoted, in a quote of its own.
			if (last.nextSibling) {
				const rest = inside.cloneNode(false) as HTMLElement;
				while (last.nextSibling) rest.append(last.nextSibling);
				inside.after(rest);
			}
			for (const e of out) if (e.textContent === "") e.removeAttribute("style"); // What is written there is not in the looks of the quote.
			inside.after(...out);
			if (!inside.hasChildNodes()) inside.remove();
			return;
		}
		const chosen = lines(root, range);
		if (chosen.length === 0) return;
		const made = document.createElement("blockquote");
		chosen[0]!.before(made);
		made.append(...chosen);
	});
}

/** Takes all looks from what is selected: fonts, colours, links, lists and headings. Quotes stay. */
function clear(root: HTMLElement): void {
	const s = getSelection();
	if (s?.isCollapsed && s.anchorNode) {
		const line = above(root, s.anchorNode, "div, p, li, h1, h2, h3, pre, td");
		if (line) s.selectAllChildren(line);
	}
	document.execCommand("removeFormat");
	document.execCommand("unlink");
	keepSelection(root, (range) => {
		for (const e of [...root.querySelectorAll<HTMLElement>("[style], h1, h2, h3, pre, font, span, code, small, sub, sup")]) {
			if (!range.intersectsNode(e)) continue;
			e.removeAttribute("style");
			if (/^(H\d|PRE)$/.test(e.nodeName)) {
				const line = document.createElement("div");
				line.append(...e.childNodes);
				e.replaceWith(line);
			} else if (/^(FONT|SPAN|CODE|SMALL|SUB|SUP)$/.test(e.nodeName)) {
				e.replaceWith(...e.childNodes);
			}
		}
	});
	for (const list of ["insertUnorderedList", "insertOrderedList"]) if (document.queryCommandState(list)) document.execCommand(list);
}

/** Runs with the range that is selected, and selects the same nodes again. */
function keepSelection(root: HTMLElement, run: (range: Range) => void): void {
	const s = getSelection();
	if (!s || s.rangeCount === 0) return;
	const range = s.getRangeAt(0);
	if (!root.contains(range.commonAncestorContainer)) return;
	const { startContainer, startOffset, endContainer, endOffset } = range;
	run(range);
	if (!root.contains(startContainer) || !root.contains(endContainer)) return;
	const most = (n: Node, at: number) => Math.min(at, n.nodeType === Node.TEXT_NODE ? n.nodeValue!.length : n.childNodes.length);
	s.setBaseAndExtent(startContainer, most(startContainer, startOffset), endContainer, most(endContainer, endOffset));
}

/** Browsers put lists into the line that they were made of; they stand in its place. */
function freeLists(root: HTMLElement): void {
	for (const list of root.querySelectorAll("p > ul, p > ol, div > ul, div > ol")) {
		const line = list.parentElement!;
		if (line !== root && line.childNodes.length === 1 && line.attributes.length === 0) line.replaceWith(list);
	}
}

/** Runs what makes other nodes of the same letters, and selects the same letters again. */
function keepLetters(root: HTMLElement, run: () => void): void {
	const s = getSelection();
	const { anchorNode, anchorOffset, focusNode, focusOffset } = s ?? {};
	const letters = (upTo: Node, at: number): number => {
		let n = 0;
		for (const text of texts(root)) {
			if (text === upTo) return n + at;
			n += text.length;
		}
		return -1;
	};
	const from = anchorNode instanceof Text ? letters(anchorNode, anchorOffset!) : -1;
	const to = focusNode instanceof Text ? letters(focusNode, focusOffset!) : -1;
	run();
	if (from < 0 || to < 0) return; // An empty line, which the browser finds again.
	const place = (letter: number): [Text, number] | undefined => {
		let left = letter;
		for (const text of texts(root)) {
			if (left <= text.length) return [text, left];
			left -= text.length;
		}
		return undefined;
	};
	const [a, b] = [place(from), place(to)];
	if (a && b) s!.setBaseAndExtent(...a, ...b);
}

function* texts(root: HTMLElement): Generator<Text> {
	const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
	while (walker.nextNode()) yield walker.currentNode as Text;
}
