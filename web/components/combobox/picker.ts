import { placeBeside, type Placement } from "../../lib/anchor";
import { h } from "../../lib/dom";
import { ComboBox, type Suggestion } from "./combobox";

export interface PickerOptions<T> {
	/** What is chosen: "Move to". The name of the popup and the placeholder of its field. */
	readonly label: string;
	readonly anchor: HTMLElement | { readonly x: number; readonly y: number };
	readonly placement?: Placement;
	/** All that fits text; everything for "". */
	readonly find: (text: string) => readonly Suggestion<T>[];
	readonly choose: (value: T) => void;
	readonly closed?: () => void;
}

/** Opens a popup with a field that filters a list, as to move messages, set a label or jump to a mailbox. Returns what closes it. */
export function openPicker<T>(options: PickerOptions<T>): () => void {
	const before = document.activeElement;
	const input = h("input", { class: "input", type: "text", aria: { label: options.label }, props: { placeholder: options.label, spellcheck: false } });
	const root = h("div", { class: "menu picker", role: "dialog", popover: "auto", aria: { label: options.label } }, input);
	let done = false;
	const finish = () => {
		if (done) return;
		done = true;
		const inside = root.contains(document.activeElement) || document.activeElement === document.body;
		combo.close();
		if (root.matches(":popover-open")) root.hidePopover();
		root.remove();
		if (inside && before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
		options.closed?.();
	};
	root.addEventListener("toggle", (event) => {
		if ((event as ToggleEvent).newState === "closed") finish();
	});
	root.addEventListener("keydown", (event) => {
		event.stopPropagation();
		if (event.key === "Escape" || event.key === "Tab") {
			event.preventDefault();
			finish();
		}
	});
	const parent = options.anchor instanceof HTMLElement ? options.anchor.closest("dialog") : null;
	(parent ?? document.body).append(root);
	const combo = new ComboBox<T>({
		input, label: options.label, autoSelect: true, openEmpty: true, inside: root,
		suggest: (text) => Promise.resolve(options.find(text.trim())),
		choose: (s) => {
			finish();
			options.choose(s.value);
		},
	});
	root.showPopover();
	placeBeside(root, options.anchor, options.placement);
	input.focus();
	return finish;
}
