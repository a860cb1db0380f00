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
