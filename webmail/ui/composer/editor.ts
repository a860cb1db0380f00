import { h } from "../../../web/lib/dom";
import { parseInert } from "../../../web/lib/inert";
import { Scope, type View } from "../../../web/lib/view";
import type { Attachment } from "../api";
import { above, apply, type Format, present } from "./format";
import { History } from "./history";
import { build, imageAddress, linkAddress, type Piece, read } from "./schema";
import { fromText, toText } from "./text";

export interface EditorOptions {
	readonly label: string;
	/** The text is another one. */
	readonly changed: () => void;
	/** The formats of what is selected are others. */
	readonly formats: (formats: ReadonlySet<Format>) => void;
	/** Files were pasted or dropped into the text. */
	readonly files: (files: readonly File[], inText: boolean) => void;
}

/** An editor of text with formats. What is in it has only what schema.ts lists. */
export class Editor implements View {
	readonly root: HTMLElement;
	readonly #o: EditorOptions;
	readonly #scope = new Scope();
	readonly #history: History;
	#last: Range | undefined; // Where the selection was last.

	constructor(o: EditorOptions) {
		this.#o = o;
		this.root = h("div", { class: "rich", contenteditable: "true", role: "textbox", aria: { label: o.label } });
		this.root.setAttribute("aria-multiline", "true");
		this.#history = this.#scope.own(new History(this.root, () => {
			this.root.classList.toggle("blank", this.blank);
			o.changed();
		}));
		const on = this.root.addEventListener.bind(this.root);
		on("beforeinput", (event) => this.#beforeInput(event));
		on("keydown", (event) => this.#key(event));
		on("paste", (event) => this.#paste(event));
		on("cut", () => this.#history.begin("other"));
		on("drop", (event) => this.#drop(event));
		on("click", (event) => {
			if (event.ctrlKey || event.metaKey) this.#follow(event);
		});
		this.#scope.listen(document, "selectionchange", () => this.#selected());
	}

	/** Puts a text into the editor. */
	setHTML(html: string): void {
		this.set(read(parseInert(html).body.childNodes, "draft"));
	}

	/** Puts pieces into the editor, and forgets what was done before. */
	set(pieces: readonly Piece[]): void {
		this.root.replaceChildren(build(pieces));
		const first = this.root.firstElementChild;
		// Lines are of div: what one types has the space between lines that readers see.
		if (first?.localName === "p" && first.childNodes.length === 1 && first.firstChild?.nodeName === "BR") {
			const signed = first.nextElementSibling?.hasAttribute("data-mox-signature");
			first.replaceWith(h("div", h("br")), ...signed ? [h("div", h("br"))] : []);
		}
		if (!this.root.hasChildNodes()) this.root.append(h("div", h("br")));
		this.#history.clear();
		this.root.classList.toggle("blank", this.blank);
	}

	/** The text as HTML. */
	get html(): string {
		return this.root.innerHTML;
	}

	get pieces(): Piece[] {
		return read(this.root.childNodes, "draft");
	}

	get text(): string {
		return toText(this.pieces);
	}

	/** Whether there is nothing to be seen. */
	get blank(): boolean {
		return this.root.textContent.trim() === "" && !this.root.querySelector("img, hr, table, li, blockquote");
	}

	/** Puts the caret at the beginning, or at the end of what stands before the signature. */
	focus(where: "begin" | "own-end" | "as-was" = "as-was"): void {
		if (document.activeElement !== this.root) {
			const at = this.#last?.cloneRange(); // The focus itself puts the caret at the beginning.
			this.root.focus({ preventScroll: where !== "as-was" });
			if (at && this.root.contains(at.startContainer)) {
				getSelection()?.removeAllRanges();
				getSelection()?.addRange(at);
			}
		}
		const s = getSelection();
		if (!s || where === "as-was") return;
		let at: Node | null = this.root.firstElementChild;
		if (where === "own-end") {
			const signature = this.root.querySelector(":scope > [data-mox-signature]");
			at = signature?.previousElementSibling ?? this.root.lastElementChild;
		}
		if (!at) return;
		s.selectAllChildren(at);
		if (where === "begin") s.collapseToStart();
		else s.collapseToEnd();
		(at as HTMLElement).scrollIntoView({ block: "nearest" });
	}

	format(format: Format): void {
		this.focus();
		this.#history.begin("other");
		apply(this.root, format);
		this.#history.begin("other");
		this.#selected();
	}

	/** The link that the caret is in, and what is selected. */
	get link(): { readonly address: string; readonly text: string } {
		const range = this.#range;
		const a = range && above(this.root, range.commonAncestorContainer, "a");
		return { address: a?.getAttribute("href") ?? "", text: a?.textContent ?? range?.toString() ?? "" };
	}

	/** Makes what is selected a link, or changes the one that the caret is in; an empty address takes it away. */
	setLink(address: string, text: string): void {
		this.focus();
		const range = this.#range;
		if (!range) return;
		this.#history.begin("other");
		const a = above(this.root, range.commonAncestorContainer, "a");
		if (address === "") {
			a?.replaceWith(...a.childNodes);
		} else if (a) {
			a.setAttribute("href", address);
			if (a.textContent !== text) a.textContent = text;
		} else if (!range.collapsed && range.toString() === text) {
			document.execCommand("createLink", false, address);
		} else {
			this.#insert([{ tag: "a", attributes: { href: address }, style: {}, children: [text || address] }]);
		}
		this.#history.begin("other");
	}

	insertImage({ Address, Name, ContentID }: Attachment): void {
		this.focus();
		if (!this.#range) this.focus("begin");
		this.#history.begin("other");
		this.#insert([{ tag: "img", attributes: { src: Address, alt: Name, "data-cid": ContentID }, style: {}, children: [] }]);
		this.#history.begin("other");
	}

	insertText(text: string): void {
		this.focus();
		this.#history.begin("other");
		this.#insert(fromText(text));
	}

	/** Tells whether the text shows an image. */
	shows(image: Attachment): boolean {
		return [...this.root.querySelectorAll("img")].some((i) => i.dataset["cid"] === image.ContentID || i.getAttribute("src") === image.Address);
	}

	/** Gives images the addresses that they have now. */
	readdress(images: readonly Attachment[]): void {
		this.#history.quietly(() => {
			for (const i of this.root.querySelectorAll("img")) {
				const to = images.find((a) => a.ContentID && a.ContentID === i.dataset["cid"])?.Address;
				if (to !== undefined && to !== i.getAttribute("src")) i.setAttribute("src", to);
			}
		});
	}

	/** Changes the text in one step. */
	change(run: (root: HTMLElement) => void): void {
		this.#history.begin("other");
		run(this.root);
		this.#history.begin("other");
	}

	close(): void {
		this.#scope.close();
		this.root.remove();
	}

	#beforeInput(event: InputEvent): void {
		const { inputType } = event;
		if (inputType === "historyUndo" || inputType === "historyRedo") {
			event.preventDefault();
			if (inputType === "historyUndo") this.#history.undo();
			else this.#history.redo();
			return;
		}
		document.execCommand("defaultParagraphSeparator", false, "div");
		const typing = inputType === "insertText" || inputType === "insertCompositionText";
		this.#history.begin(typing ? "typing" : inputType.startsWith("delete") ? "delete" : "other");
	}

	#key(event: KeyboardEvent): void {
		if (event.isComposing || event.altKey) return;
		const control = event.ctrlKey || event.metaKey;
		const key = event.key.toLowerCase();
		if (control && (key === "z" || key === "y")) {
			event.preventDefault();
			event.stopPropagation();
			if (key === "y" || event.shiftKey) this.#history.redo();
			else this.#history.undo();
		} else if (event.key === "Tab" && !control && this.#inList()) {
			// In lists Tab makes another level; elsewhere it goes on to the next control.
			event.preventDefault();
			this.#history.begin("other");
			document.execCommand(event.shiftKey ? "outdent" : "indent");
		} else if ((event.key === "Enter" || event.key === "Backspace") && !event.shiftKey && !control) {
			this.#leaveQuote(event);
		}
	}

	#inList(): boolean {
		return this.#range !== undefined && above(this.root, this.#range.startContainer, "li") !== undefined;
	}

	/** Enter on an empty line of a quote ends it there; it is how one answers between the lines. */
	#leaveQuote(event: KeyboardEvent): void {
		const range = this.#range;
		if (!range?.collapsed) return;
		const quote = above(this.root, range.startContainer, "blockquote");
		const line = above(this.root, range.startContainer, "blockquote > div, blockquote > p");
		if (!quote || !line || line.textContent !== "" || line.querySelector("img")) return;
		if (event.key === "Backspace" && line !== quote.firstElementChild) return;
		event.preventDefault();
		this.format("quote");
	}

	#paste(event: ClipboardEvent): void {
		const data = event.clipboardData;
		if (!data) return;
		event.preventDefault();
		const files = [...data.files];
		const html = data.getData("text/html");
		const text = data.getData("text/plain");
		if (files.length > 0 && !text) {
			this.#o.files(files, true);
			return;
		}
		this.#history.begin("other");
		const selected = this.#range && !this.#range.collapsed;
		const address = linkAddress(text.trim());
		if (address && selected && !/\s/.test(text.trim())) {
			document.execCommand("createLink", false, address);
		} else if (html) {
			const pieces = read(parseInert(html).body.childNodes, "paste");
			this.#images(pieces);
			this.#insert(trim(pieces));
		} else {
			this.#insert(fromText(text));
		}
		this.#history.begin("other");
	}

	#drop(event: DragEvent): void {
		const files = [...event.dataTransfer?.files ?? []];
		const html = event.dataTransfer?.getData("text/html") ?? "";
		if (files.length === 0 && !html) return; // Text, by the browser itself.
		event.preventDefault();
		const at = caretAt(event);
		if (at && this.root.contains(at.startContainer)) {
			getSelection()?.removeAllRanges();
			getSelection()?.addRange(at);
		}
		if (files.length > 0) {
			event.stopPropagation();
			this.#o.files(files, true);
			return;
		}
		this.focus();
		this.#history.begin("other");
		this.#insert(trim(read(parseInert(html).body.childNodes, "paste")));
	}

	/** Images that are in the pasted text itself become files. */
	#images(pieces: readonly Piece[]): void {
		const files: File[] = [];
		const walk = (l: readonly Piece[]) => {
			for (const p of l) {
				if (typeof p === "string") continue;
				const data = /^data:(image\/\w+);base64,(.*)$/s.exec(p.attributes["src"] ?? "");
				if (p.tag === "img" && data && !imagePlaceholder(p.attributes["src"]!)) {
					const bytes = Uint8Array.from(atob(data[2]!), (c) => c.charCodeAt(0));
					files.push(new File([bytes], `image.${data[1]!.slice(6)}`, { type: data[1]! }));
					(p.attributes as { [name: string]: string })["src"] = "";
				}
				walk(p.children);
			}
		};
		walk(pieces);
		if (files.length > 0) setTimeout(() => this.#o.files(files, true));
	}

	/** Puts pieces in the place of what is selected, and the caret behind them. */
	#insert(pieces: readonly Piece[]): void {
		const range = this.#range;
		if (!range) return;
		range.deleteContents();
		const fragment = build(pieces);
		for (const img of fragment.querySelectorAll('img[src=""]')) img.remove();
		const inline = ![...fragment.children].some((e) => /^(DIV|P|UL|OL|BLOCKQUOTE|PRE|H\d|HR|TABLE)$/.test(e.nodeName));
		const only = fragment.childNodes.length === 1 && fragment.firstElementChild?.localName === "div" ? fragment.firstElementChild : undefined;
		if (inline || only) {
			const nodes = [...(only ?? fragment).childNodes];
			const last = nodes.at(-1);
			for (const n of [...nodes].reverse()) range.insertNode(n);
			const line = above(this.root, range.startContainer, "div, p, li");
			if (line?.lastChild instanceof HTMLBRElement && line.childNodes.length > 1 && line.lastChild !== last) line.lastChild.remove();
			if (last) this.#caretAfter(last);
			return;
		}
		// Lines: that of the caret is divided.
		const line = this.#line(range);
		const last = fragment.lastChild;
		if (line) {
			const tail = range.cloneRange();
			tail.setEndAfter(line);
			const rest = tail.extractContents();
			line.after(fragment, rest);
			for (const e of [line, last?.nextSibling]) if (e instanceof HTMLElement && e.textContent === "" && !e.querySelector("img, br")) e.remove();
			if (line.textContent === "" && line.childNodes.length === 1 && line.firstChild?.nodeName === "BR") line.remove();
		} else {
			range.insertNode(fragment);
		}
		if (last) this.#caretAfter(last, true);
	}

	/** The line of the caret that stands in the text itself or in a quote; items of lists and tables are not divided. */
	#line(range: Range): HTMLElement | undefined {
		let n: Node | null = range.startContainer;
		while (n && n !== this.root && n.parentElement !== this.root && n.parentElement?.localName !== "blockquote") n = n.parentElement;
		return n instanceof HTMLElement && n !== this.root && /^(DIV|P|H\d)$/.test(n.nodeName) ? n : undefined;
	}

	#caretAfter(node: Node, within = false): void {
		const s = getSelection();
		if (!s) return;
		if (within && node instanceof HTMLElement && node.localName !== "hr" && node.localName !== "table") {
			s.selectAllChildren(node);
			s.collapseToEnd();
		} else {
			s.collapse(node.parentNode, [...node.parentNode!.childNodes].indexOf(node as ChildNode) + 1);
		}
		(node instanceof HTMLElement ? node : node.parentElement)?.scrollIntoView({ block: "nearest" });
	}

	/** What is selected now, or was before the focus went elsewhere. */
	get #range(): Range | undefined {
		const s = getSelection();
		if (s && s.rangeCount > 0 && this.root.contains(s.anchorNode)) this.#last = s.getRangeAt(0);
		return this.#last && this.root.contains(this.#last.startContainer) ? this.#last : undefined;
	}

	#selected(): void {
		if (!this.root.contains(getSelection()?.anchorNode ?? null)) return;
		this.#last = this.#range;
		this.#o.formats(present(this.root));
	}

	#follow(event: MouseEvent): void {
		const a = event.target instanceof Element ? event.target.closest("a") : null;
		const address = linkAddress(a?.getAttribute("href") ?? null);
		if (address) open(address, "_blank", "noopener,noreferrer");
	}
}

const imagePlaceholder = (address: string): boolean => imageAddress(address) === address && address.includes("#");

/** Takes empty lines and spaces between blocks from the ends of what was pasted. */
function trim(pieces: Piece[]): Piece[] {
	const some = (p: Piece) => typeof p !== "string" || p.trim() !== "";
	const block = (p: Piece) => typeof p !== "string" && /^(p|div|ul|ol|blockquote|pre|h\d|hr|table)$/.test(p.tag);
	return pieces.some(block) ? pieces.filter(some) : pieces.map((p) => typeof p === "string" ? p.replace(/\s*\n\s*/g, " ") : p);
}

function caretAt(event: DragEvent): Range | null {
	if (document.caretPositionFromPoint) {
		const at = document.caretPositionFromPoint(event.clientX, event.clientY);
		if (!at) return null;
		const range = document.createRange();
		range.setStart(at.offsetNode, at.offset);
		return range;
	}
	return document.caretRangeFromPoint?.(event.clientX, event.clientY) ?? null;
}
