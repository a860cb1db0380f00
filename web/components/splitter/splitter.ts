import { h } from "../../lib/dom";
import { Scope, type View } from "../../lib/view";

export interface SplitterOptions {
	/** The name: "Width of the list". */
	readonly label: string;
	/** Which way the line between the two goes: vertical between side by side. */
	readonly orientation: "vertical" | "horizontal";
	/** Size of the part before it (left or above, right in right-to-left), in CSS pixels. */
	readonly size: number;
	readonly min: number;
	/** May depend on the window. */
	readonly max: () => number;
	/** What a double click, or Enter, goes back to. */
	readonly normal: number;
	/** Called while it moves. */
	readonly moved: (size: number) => void;
	/** Called when it stands again, with what is to be remembered. */
	readonly settled?: (size: number) => void;
}

const step = 16; // Pixels by an arrow key; four times that with Shift.

/** A line between two parts of the page that is moved by the pointer or by arrow keys (ARIA separator). */
export class Splitter implements View {
	readonly root: HTMLElement;
	readonly #options: SplitterOptions;
	readonly #scope = new Scope();
	#size: number;

	constructor(options: SplitterOptions) {
		this.#options = options;
		this.#size = options.size;
		this.root = h("div", {
			class: ["splitter", options.orientation], role: "separator", tabindex: 0,
			aria: { label: options.label, orientation: options.orientation, valuemin: options.min },
			on: {
				pointerdown: (event) => this.#drag(event),
				dblclick: () => this.#move(options.normal, true),
				keydown: (event) => this.#key(event),
			},
		});
		this.#scope.listen(window, "resize", () => this.#move(this.#size, false));
		this.#move(options.size, false);
	}

	get size(): number {
		return this.#size;
	}

	close(): void {
		this.#scope.close();
		this.root.remove();
	}

	#move(size: number, settle: boolean): void {
		const { min, max, moved, settled } = this.#options;
		const most = Math.max(min, Math.round(max()));
		const shown = Math.round(Math.max(min, Math.min(most, size)));
		this.#size = shown;
		this.root.setAttribute("aria-valuenow", String(shown));
		this.root.setAttribute("aria-valuemax", String(most));
		moved(shown);
		if (settle) settled?.(shown);
	}

	#direction(): number {
		return this.#options.orientation === "vertical" && getComputedStyle(this.root).direction === "rtl" ? -1 : 1;
	}

	#drag(event: PointerEvent): void {
		if (event.button !== 0) return;
		event.preventDefault();
		this.root.focus({ preventScroll: true });
		this.root.setPointerCapture(event.pointerId);
		this.root.classList.add("moving");
		const vertical = this.#options.orientation === "vertical";
		const from = vertical ? event.clientX : event.clientY;
		const size = this.#size;
		const sign = this.#direction();
		const drag = new AbortController();
		const { signal } = drag;
		this.root.addEventListener("pointermove", (e) => this.#move(size + sign * ((vertical ? e.clientX : e.clientY) - from), false), { signal });
		const end = (settle: boolean) => {
			drag.abort();
			this.root.classList.remove("moving");
			this.#move(settle ? this.#size : size, settle);
		};
		this.root.addEventListener("pointerup", () => end(true), { signal });
		this.root.addEventListener("pointercancel", () => end(false), { signal });
		this.#scope.signal.addEventListener("abort", () => drag.abort(), { signal });
	}

	#key(event: KeyboardEvent): void {
		const vertical = this.#options.orientation === "vertical";
		const by = (event.shiftKey ? 4 : 1) * step * this.#direction();
		let size: number;
		switch (event.key) {
			case vertical ? "ArrowRight" : "ArrowDown": size = this.#size + by; break;
			case vertical ? "ArrowLeft" : "ArrowUp": size = this.#size - by; break;
			case "Home": size = this.#options.min; break;
			case "End": size = this.#options.max(); break;
			case "Enter": size = this.#options.normal; break;
			default: return;
		}
		event.preventDefault();
		event.stopPropagation();
		this.#move(size, true);
	}
}
