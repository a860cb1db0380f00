/**
 * Splits a list as people type and paste it: at commas, semicolons and line ends, but not within double quotes, angle
 * brackets or parentheses (RFC 5322 §3.4: "Silva, Ana" <ana@example.org>). Empty entries are left out.
 */
export function splitEntries(text: string): string[] {
	const entries: string[] = [];
	let quoted = false;
	let depth = 0;
	let start = 0;
	const end = (at: number) => {
		const entry = text.slice(start, at).trim();
		if (entry) entries.push(entry);
		start = at + 1;
	};
	for (let i = 0; i < text.length; i++) {
		const c = text[i];
		if (quoted) {
			if (c === "\\") i++;
			else if (c === '"') quoted = false;
		} else if (c === '"' && text.indexOf('"', i + 1) > 0) {
			quoted = true; // One that is never closed is a letter as any other.
		} else if (c === "<" || c === "(") {
			depth++;
		} else if ((c === ">" || c === ")") && depth > 0) {
			depth--;
		} else if (c === "\n" || c === "\r" || ((c === "," || c === ";") && depth === 0)) {
			end(i);
			depth = 0;
		}
	}
	end(text.length);
	return entries;
}
