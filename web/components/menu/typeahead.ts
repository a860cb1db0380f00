const pause = 700; // After this time a letter begins a new word.

/**
 * Finds items by typing their first letters, as menus and trees have it (ARIA Authoring Practices). The function takes a
 * letter, the labels, and which one has the focus (-1 for none), and returns which one is meant, or -1. The same letter
 * again goes to the next item that begins with it.
 */
export function typeAhead(now: () => number = Date.now): (letter: string, labels: readonly string[], at: number) => number {
	let typed = "";
	let last = -Infinity;
	return (letter, labels, at) => {
		const t = now();
		typed = t - last > pause ? letter : typed + letter;
		last = t;
		const same = [...typed].every((c) => c === typed[0]);
		const prefix = (same ? typed[0]! : typed).toLocaleLowerCase();
		// A longer word may still mean the one that has the focus.
		const start = same ? at + 1 : Math.max(at, 0);
		for (let i = 0; i < labels.length; i++) {
			const j = (start + i) % labels.length;
			if (labels[j]!.toLocaleLowerCase().startsWith(prefix)) return j;
		}
		return -1;
	};
}
