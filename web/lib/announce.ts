import { h } from "./dom";

// Changes within this time are said together (WCAG 4.1.3): a screen reader that hears ten messages in a second says none.
const pause = 250;

/** Says things to screen readers, politely. One per page. */
export class Announcer {
	readonly root: HTMLElement;
	#waiting: string[] = [];
	#timer = 0;

	constructor() {
		this.root = h("div", { class: "visually-hidden", role: "status", aria: { live: "polite" } });
	}

	/** Says text soon. The same text waiting already is not said twice. */
	say(text: string): void {
		if (!this.#waiting.includes(text)) this.#waiting.push(text);
		this.#timer ||= window.setTimeout(() => {
			// An element of its own, so that the same words said again are news.
			this.root.replaceChildren(h("p", this.#waiting.join(". ")));
			this.#waiting = [];
			this.#timer = 0;
		}, pause);
	}

	close(): void {
		clearTimeout(this.#timer);
		this.root.remove();
	}
}
