/** Where a selection is; the nodes are those of the text, which come back by undoing. */
interface Place {
	readonly anchor: Node;
	readonly anchorAt: number;
	readonly focus: Node;
	readonly focusAt: number;
}

interface Step {
	readonly records: MutationRecord[];
	readonly before: Place | undefined;
	readonly kind: string;
	at: number;
}

/** Typing that goes on within this belongs to one step, in milliseconds. */
const pause = 1200;
const most = 200;

/**
 * What was done to the text of an editor, to undo and redo it. It watches the nodes themselves, so that typing, commands of
 * the browser and changes by the page are all undone in their order, which browsers' own undoing does not do.
 */
export class History {
	readonly #root: HTMLElement;
	readonly #observer: MutationObserver;
	readonly #changed: () => void;
	#done: Step[] = [];
	#undone: Step[] = [];
	#kind = "other";
	#before: Place | undefined;

	/** Changed is called after each change, however it came. */
	constructor(root: HTMLElement, changed: () => void) {
		this.#root = root;
		this.#changed = changed;
		this.#observer = new MutationObserver((records) => this.#add(records));
		this.watch();
	}

	watch(): void {
		this.#observer.observe(this.#root, { childList: true, subtree: true, characterData: true, characterDataOldValue: true, attributes: true, attributeOldValue: true });
	}

	/** Tells what is about to be done. What is typed or deleted in one go is undone together; all else one by one. */
	begin(kind: "typing" | "delete" | "other"): void {
		this.#add(this.#observer.takeRecords());
		this.#kind = kind;
		this.#before = this.#selection();
	}

	/** Does what is not to be undone, such as a new address of an image. */
	quietly(run: () => void): void {
		this.#add(this.#observer.takeRecords());
		run();
		this.#observer.takeRecords();
	}

	/** Forgets all, after another text was put into the editor. */
	clear(): void {
		this.#observer.takeRecords();
		this.#done = [];
		this.#undone = [];
	}

	undo(): boolean {
		this.#add(this.#observer.takeRecords());
		return this.#turn(this.#done, this.#undone);
	}

	redo(): boolean {
		this.#add(this.#observer.takeRecords());
		return this.#turn(this.#undone, this.#done);
	}

	close(): void {
		this.#observer.disconnect();
	}

	#add(all: MutationRecord[]): void {
		// Attributes of the root, such as that it is blank or hidden, are none of the text.
		const records = all.filter((r) => r.type !== "attributes" || r.target !== this.#root);
		if (records.length === 0) return;
		const now = performance.now();
		const last = this.#done.at(-1);
		if (last && this.#undone.length === 0 && this.#kind !== "other" && last.kind === this.#kind && now - last.at < pause) {
			last.records.push(...records);
			last.at = now;
		} else {
			this.#done.push({ records, before: this.#before, kind: this.#kind, at: now });
			if (this.#done.length > most) this.#done.shift();
		}
		this.#undone = [];
		this.#changed();
	}

	/** Takes back the last step of one list, and puts what takes that back into the other. */
	#turn(from: Step[], to: Step[]): boolean {
		const step = from.pop();
		if (!step) return false;
		const after = this.#selection();
		for (const r of step.records.reverse()) reverse(r);
		to.push({ records: this.#observer.takeRecords(), before: after, kind: "other", at: 0 });
		this.#select(step.before);
		this.#changed();
		return true;
	}

	#selection(): Place | undefined {
		const s = getSelection();
		if (!s?.anchorNode || !s.focusNode || !this.#root.contains(s.anchorNode) || !this.#root.contains(s.focusNode)) return undefined;
		return { anchor: s.anchorNode, anchorAt: s.anchorOffset, focus: s.focusNode, focusAt: s.focusOffset };
	}

	#select(place: Place | undefined): void {
		if (!place || !this.#root.contains(place.anchor) || !this.#root.contains(place.focus)) return;
		const length = (n: Node) => n.nodeType === Node.TEXT_NODE ? n.nodeValue!.length : n.childNodes.length;
		getSelection()?.setBaseAndExtent(place.anchor, Math.min(place.anchorAt, length(place.anchor)), place.focus, Math.min(place.focusAt, length(place.focus)));
	}
}

/** Makes the nodes what they were before a change, if that was the last one. */
function reverse(r: MutationRecord): void {
	switch (r.type) {
		case "characterData":
			r.target.nodeValue = r.oldValue;
			break;
		case "attributes": {
			const e = r.target as HTMLElement;
			const name = r.attributeName!;
			if (r.oldValue === null) e.removeAttribute(name);
			else if (name === "style") e.style.cssText = r.oldValue; // Not as an attribute, which the policy of the page forbids.
			else e.setAttribute(name, r.oldValue);
			break;
		}
		case "childList":
			for (const n of r.addedNodes) if (n.parentNode === r.target) r.target.removeChild(n);
			if (r.removedNodes.length > 0) {
				const next = r.nextSibling?.parentNode === r.target ? r.nextSibling : r.previousSibling?.parentNode === r.target ? r.previousSibling.nextSibling : null;
				for (const n of [...r.removedNodes]) r.target.insertBefore(n, next);
			}
	}
}
