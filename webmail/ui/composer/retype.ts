import type { Body } from "./body";
import type { Fields } from "./fields";

/** Does what keys do in a composer, one after the other, from where the focus is. */
export function retype(keys: readonly string[], fields: Fields, body: Body): void {
	for (const key of keys) {
		const at = document.activeElement;
		// Fields that do something of their own with a key, such as making a chip, are asked first.
		const used = !at?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
		if (used) continue;
		if (key === "Tab") {
			if (at === fields.subject) body.focus(true);
			else if (fields.root.contains(at)) fields.focus("Subject");
		} else if (key === "Backspace") {
			document.execCommand("delete");
		} else if (key !== "Enter") {
			document.execCommand("insertText", false, key);
		} else if (at instanceof HTMLTextAreaElement) {
			document.execCommand("insertText", false, "\n");
		} else {
			document.execCommand("insertParagraph");
		}
	}
}
