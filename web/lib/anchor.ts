// Where popups stand: beside the element they belong to, and within the window.

export interface Box {
	readonly left: number;
	readonly top: number;
	readonly right: number;
	readonly bottom: number;
}

export interface Size {
	readonly width: number;
	readonly height: number;
}

export interface Placement {
	/** Preferred side. The other one is taken when there is more room. */
	readonly side?: "below" | "above";
	/** Which edges are in line. start and end follow the direction of writing. */
	readonly align?: "start" | "center" | "end";
	/** Between anchor and popup, in CSS pixels; 4 by default. */
	readonly gap?: number;
}

const margin = 8; // Between a popup and the edge of the window.

/** Computes the left and top edge of a popup beside its anchor, all in CSS pixels of the window. */
export function place(anchor: Box, popup: Size, window: Size, placement: Placement = {}, rtl = false): { left: number; top: number; maxHeight: number } {
	const gap = placement.gap ?? 4;
	const roomBelow = window.height - margin - anchor.bottom - gap;
	const roomAbove = anchor.top - gap - margin;
	let below = placement.side !== "above";
	if (below ? popup.height > roomBelow && roomAbove > roomBelow : popup.height > roomAbove && roomBelow > roomAbove) below = !below;
	const maxHeight = Math.max(0, below ? roomBelow : roomAbove);
	const height = Math.min(popup.height, maxHeight);
	const top = below ? anchor.bottom + gap : anchor.top - gap - height;

	let left: number;
	switch (placement.align ?? "start") {
		case "center":
			left = (anchor.left + anchor.right - popup.width) / 2;
			break;
		case rtl ? "end" : "start":
			left = anchor.left;
			break;
		default:
			left = anchor.right - popup.width;
	}
	left = Math.max(margin, Math.min(left, window.width - margin - popup.width));
	return { left, top, maxHeight };
}

/** Puts a popup that is shown (position: fixed) beside an anchor: an element, or a point such as that of the mouse. */
export function placeBeside(popup: HTMLElement, anchor: Element | { readonly x: number; readonly y: number }, placement: Placement = {}): void {
	const box = anchor instanceof Element ? anchor.getBoundingClientRect() : { left: anchor.x, right: anchor.x, top: anchor.y, bottom: anchor.y };
	popup.style.removeProperty("max-block-size");
	const rtl = getComputedStyle(popup).direction === "rtl";
	const at = place(box, { width: popup.offsetWidth, height: popup.offsetHeight }, { width: innerWidth, height: innerHeight }, placement, rtl);
	popup.style.setProperty("left", `${at.left}px`);
	popup.style.setProperty("top", `${at.top}px`);
	if (popup.offsetHeight > at.maxHeight) popup.style.setProperty("max-block-size", `${at.maxHeight}px`);
}
