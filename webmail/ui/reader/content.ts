/** As much of a text is shown in the page, in bytes; more makes pages slow. */
const most = 500_000;

/** Reads a text of a message from the server: its beginning, if it is long. */
export async function textOf(address: string, signal: AbortSignal): Promise<{ text: string; cut: boolean }> {
	const response = await fetch(address, { signal, headers: { Range: `bytes=0-${most - 1}` } });
	if (response.status === 416) return { text: "", cut: false }; // Nothing at all.
	if (!response.ok) throw new Error(await response.text());
	const text = await response.text();
	const whole = Number(/\/(\d+)$/.exec(response.headers.get("Content-Range") ?? "")?.[1] ?? 0);
	return { text: text.slice(0, most), cut: whole > most || text.length > most };
}

/** Of a long line so much is laid out in one piece at least, in characters, and twice that at most. */
const piece = 512;

const parts = new RegExp(`[^]{${piece},${2 * piece}}?\\s|[^]{1,${2 * piece}}[\\p{M}\\p{Cf}]{0,64}`, "gu");

/**
 * Divides a text into what is to be text nodes of their own: a browser lays out each by itself, and a long line in which scripts change all the time
 * takes it minutes. Lines that are not long stay together.
 */
export function pieces(text: string): string[] {
	const l: string[] = [];
	let done = 0;
	for (let at = 0, end; at < text.length; at = end) {
		end = text.indexOf("\n", at) + 1 || text.length;
		if (end - at <= 2 * piece) continue;
		if (done < at) l.push(text.slice(done, at));
		l.push(...text.slice(at, end).match(parts) ?? []);
		done = end;
	}
	if (done < text.length) l.push(text.slice(done));
	return l;
}
