import type { Scope } from "../../../web/lib/view";

export interface TouchOptions<T> {
	/** What the row of an element shows, if that is known. */
	readonly at: (row: Element) => T | undefined;
	/** A row was pressed for long. It is the one that was shown when that began: rows move while mail arrives. */
	readonly hold: (of: T) => void;
	/** A row was swiped, as far as it takes. */
	readonly swipe: (of: T, to: "end" | "start") => void;
}

const holdFor = 500; // Milliseconds.
const swipeBy = 80; // CSS pixels.

/** Follows fingers on rows: a long press, and swipes, which the row follows by --swipe. Both have another way too. */
export function touchRows<T>(scope: Scope, rows: HTMLElement, o: TouchOptions<T>): void {
	let start: { readonly x: number; readonly y: number; readonly of: T | undefined; readonly row: HTMLElement } | undefined;
	let cancelHold: (() => void) | undefined;
	let held = false; // The row was pressed for long, and the finger is still there.
	const end = () => {
		cancelHold?.();
		start?.row.style.removeProperty("--swipe");
		start = undefined;
	};
	scope.listen(rows, "touchstart", (event) => {
		const touch = event.touches[0];
		const row = (event.target as Element).closest<HTMLElement>("[aria-rowindex]");
		if (!touch || !row || event.touches.length > 1) return;
		held = false;
		start = { x: touch.clientX, y: touch.clientY, of: o.at(row), row };
		cancelHold = scope.after(holdFor, () => {
			const of = start?.of;
			end();
			held = true;
			if (of) o.hold(of);
		});
	}, { passive: true });
	scope.listen(rows, "touchmove", (event) => {
		const touch = event.touches[0];
		if (!start || !touch) return;
		const dx = touch.clientX - start.x;
		if (Math.abs(touch.clientY - start.y) > 24 && Math.abs(dx) < 32) end();
		else if (Math.abs(dx) > 12) {
			cancelHold?.();
			start.row.style.setProperty("--swipe", `${dx}px`);
		}
	}, { passive: true });
	scope.listen(rows, "touchend", (event) => {
		if (held) event.preventDefault(); // Who lets go then does not tap.
		const touch = event.changedTouches[0];
		const dx = start && touch ? touch.clientX - start.x : 0;
		const of = start?.of;
		end();
		if (of && Math.abs(dx) > swipeBy) o.swipe(of, dx > 0 ? "end" : "start");
	});
	scope.listen(rows, "touchcancel", end);
}
