import { h } from "../../../web/lib/dom";
import { Scope, type View } from "../../../web/lib/view";

export interface FrameOptions {
	/** Of the document, relative to the page. */
	readonly address: string;
	readonly title: string;
	/** Height to begin with, such as that of what it replaces. */
	readonly height: number;
	readonly loaded: () => void | Promise<void>;
	/** A mailto: link was followed. */
	readonly mail: (address: string) => void;
}

/** A document that grows by being given more room, as one with heights in parts of the window does, is followed so many times. */
const mostGrowth = 3;

/**
 * The text of a message in its frame. The document runs nothing and has the origin of the page, so that the page can see its height and get the keys
 * that are pressed in it.
 */
export class BodyFrame implements View {
	readonly root: HTMLIFrameElement;
	readonly #o: FrameOptions;
	readonly #scope = new Scope();
	#growth = 0; // How often it grew with no reason but itself.
	#width = 0;

	constructor(o: FrameOptions) {
		this.#o = o;
		this.root = h("iframe", {
			class: "message-frame waiting", title: o.title, sandbox: "allow-same-origin allow-popups allow-popups-to-escape-sandbox",
			style: { "block-size": `${o.height}px` }, on: { load: () => this.#loaded() },
		});
		this.root.src = o.address;
	}

	/** The document, once it is there. */
	get document(): Document | null {
		const doc = this.root.contentDocument;
		return doc?.URL.startsWith("http") ? doc : null;
	}

	/** Shows it. Before it has a place, but is not seen. */
	reveal(): void {
		this.root.classList.remove("waiting");
	}

	/** Text that is selected in it. */
	get selection(): string {
		return this.document?.getSelection()?.toString().trim() ?? "";
	}

	get height(): number {
		return this.root.offsetHeight;
	}

	#loaded(): void {
		const doc = this.document;
		if (!doc || this.#scope.closed) return;
		this.#measure(true);
		const sizes = new ResizeObserver(() => this.#measure(false));
		sizes.observe(doc.documentElement);
		if (doc.body) sizes.observe(doc.body);
		this.#scope.onClose(() => sizes.disconnect());
		const scope = this.#scope;
		const anew = () => this.#measure(true);
		scope.listen(doc, "load", anew, { capture: true }); // Of images.
		scope.listen(doc, "toggle", anew, { capture: true });
		scope.listen(this.root, "transitionend", anew);
		scope.listen(doc, "keydown", (event: KeyboardEvent) => this.#key(event));
		scope.listen(doc, "click", (event: MouseEvent) => this.#click(event));
		void this.#o.loaded();
	}

	/** Gives the frame the height of its document. Afresh tells that there is a reason for it to be another one. */
	#measure(afresh: boolean): void {
		const doc = this.document;
		const html = doc?.documentElement;
		if (!html || !doc.body) return;
		const width = this.root.clientWidth;
		if (afresh || width !== this.#width) this.#growth = 0;
		this.#width = width;
		const content = Math.max(html.getBoundingClientRect().height, doc.compatMode === "CSS1Compat" ? doc.body.scrollHeight : 0);
		const bar = html.scrollWidth > html.clientWidth ? this.root.clientHeight - html.clientHeight || 0 : 0;
		const height = Math.ceil(content) + Math.min(Math.max(bar, 0), 20);
		const before = this.root.clientHeight;
		if (height === before || height > before && ++this.#growth > mostGrowth) return;
		this.root.style.setProperty("block-size", `${height}px`);
	}

	/** Keys that are pressed in the document are the page's. */
	#key(event: KeyboardEvent): void {
		const { key, code, ctrlKey, altKey, shiftKey, metaKey, repeat, location } = event;
		const copy = new KeyboardEvent("keydown", { key, code, ctrlKey, altKey, shiftKey, metaKey, repeat, location, bubbles: true, cancelable: true });
		if (!this.root.dispatchEvent(copy)) event.preventDefault();
	}

	#click(event: MouseEvent): void {
		const at = event.target as Element | null;
		const link = at?.closest?.("a[href], area[href]");
		const to = link?.getAttribute("href") ?? "";
		if (!/^\s*mailto:/i.test(to)) return;
		event.preventDefault();
		this.#o.mail(to.trim());
	}

	close(): void {
		this.#scope.close();
		this.root.remove();
	}
}
