/** Tells whether what has the focus leaves it to what is shown in the reader: meanwhile one may have begun to search or to write. */
export function focusIsFree(reader: HTMLElement, alone: boolean): boolean {
	const at = document.activeElement ?? document.body;
	return reader.contains(at) || alone && (at === document.body || at.closest(".list") !== null);
}
