/** No message needs more words marked than this. */
const most = 500;

/** Marks words in a document. What is hidden or no text stays as it is. */
export function markWords(doc: Document, words: readonly string[]): void {
	const pattern = new RegExp(words.map((w) => w.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|"), "giu");
	const found: Text[] = [];
	const walker = doc.createTreeWalker(doc.body, NodeFilter.SHOW_TEXT, (node) => /^(STYLE|TITLE|MARK)$/.test(node.parentElement?.tagName ?? "") ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
	while (walker.nextNode()) {
		const text = walker.currentNode as Text;
		pattern.lastIndex = 0;
		if (pattern.test(text.data)) found.push(text);
		if (found.length >= most) break;
	}
	for (const text of found) {
		const parts = doc.createDocumentFragment();
		let at = 0;
		pattern.lastIndex = 0; // Where matchAll begins.
		for (const hit of text.data.matchAll(pattern)) {
			const mark = doc.createElement("mark");
			mark.textContent = hit[0];
			parts.append(text.data.slice(at, hit.index), mark);
			at = hit.index + hit[0].length;
		}
		parts.append(text.data.slice(at));
		text.replaceWith(parts);
	}
}
