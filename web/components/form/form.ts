import { type Child, h, uniqueID } from "../../lib/dom";
import { icon } from "../../lib/icons";

export interface FieldOptions {
	readonly label: string;
	/** Help below the control. */
	readonly hint?: Child;
}

/** A labelled control. */
export interface Field<E extends HTMLElement> {
	readonly root: HTMLElement;
	readonly control: E;
	/** Shows what is wrong below the control, and marks it; "" is nothing. */
	setError(text: string): void;
}

/** Puts a control under a label, with help and a place for what is wrong. */
export function field<E extends HTMLElement>(control: E, options: FieldOptions): Field<E> {
	control.id ||= uniqueID("field");
	const hint = options.hint ? h("p", { class: "field-hint", id: uniqueID("hint") }, options.hint) : undefined;
	const error = h("p", { class: "field-error", id: uniqueID("error"), role: "alert" });
	control.setAttribute("aria-describedby", [hint?.id, error.id].filter(Boolean).join(" "));
	return {
		root: h("div", { class: "field" }, h("label", { class: "field-label", for: control.id }, options.label), control, hint, error),
		control,
		setError(text) {
			error.textContent = text;
			if (text) control.setAttribute("aria-invalid", "true");
			else control.removeAttribute("aria-invalid");
		},
	};
}

export interface InputOptions {
	readonly type?: "text" | "email" | "password" | "number" | "url" | "search" | "date" | "time" | "datetime-local";
	readonly name?: string;
	readonly value?: string;
	readonly placeholder?: string;
	readonly autocomplete?: AutoFill;
	readonly required?: boolean;
	readonly changed?: (value: string) => void;
}

/** Makes a line of text. changed is called at each change. It needs a label: see field. */
export function input(options: InputOptions = {}): HTMLInputElement {
	return h("input", {
		class: "input", type: options.type ?? "text", name: options.name,
		props: { value: options.value ?? "", placeholder: options.placeholder ?? "", required: options.required ?? false, ...(options.autocomplete && { autocomplete: options.autocomplete }) },
		on: { input: (event) => options.changed?.((event.currentTarget as HTMLInputElement).value) },
	});
}

/** Makes a field of several lines that grows with its text. */
export function textArea(options: { readonly value?: string; readonly rows?: number; readonly changed?: (value: string) => void } = {}): HTMLTextAreaElement {
	return h("textarea", {
		class: "input text-area", props: { value: options.value ?? "", rows: options.rows ?? 3 },
		on: { input: (event) => options.changed?.((event.currentTarget as HTMLTextAreaElement).value) },
	});
}

/** Makes a choice of one from a list, as the system shows it. The type parameter is that of the values. */
export function select<V extends string>(choices: readonly { readonly value: V; readonly label: string }[], value: V, changed: (value: V) => void): HTMLSelectElement {
	return h("select", { class: "input select", on: { change: (event) => changed((event.currentTarget as HTMLSelectElement).value as V) } },
		choices.map((c) => h("option", { props: { value: c.value, selected: c.value === value } }, c.label)));
}

export interface ToggleOptions {
	readonly label: Child;
	readonly hint?: Child;
	readonly checked: boolean;
	readonly disabled?: boolean;
	readonly changed: (checked: boolean) => void;
}

/** A box or switch with its label. */
export interface Toggle {
	readonly root: HTMLElement;
	readonly control: HTMLInputElement;
}

/** Makes a box to tick, for a choice that takes effect later, with others. */
export function checkbox(options: ToggleOptions): Toggle {
	return toggle(options, "checkbox");
}

/** Makes a switch, for a choice that takes effect at once. */
export function switchControl(options: ToggleOptions): Toggle {
	return toggle(options, "switch");
}

function toggle(options: ToggleOptions, kind: "checkbox" | "switch"): Toggle {
	const hint = options.hint ? h("span", { class: "field-hint", id: uniqueID("hint") }, options.hint) : undefined;
	const control = h("input", {
		class: kind, type: "checkbox", id: uniqueID(kind), role: kind === "switch" ? "switch" : undefined, aria: { describedby: hint?.id },
		props: { checked: options.checked, disabled: options.disabled ?? false },
		on: { change: () => options.changed(control.checked) },
	});
	return { root: h("div", { class: "toggle-field" }, control, h("label", { for: control.id }, options.label), hint), control };
}

/** Makes a bare box, as in rows of a list. mixed is for "some of them". */
export function bareCheckbox(label: string, changed: (checked: boolean) => void, tabindex?: number): HTMLInputElement {
	const control = h("input", { class: "checkbox", type: "checkbox", tabindex, aria: { label }, on: { change: () => changed(control.checked) } });
	return control;
}

/** Makes a group of choices of which one holds. */
export function radioGroup<V extends string>(label: string, choices: readonly { readonly value: V; readonly label: string; readonly hint?: string }[], value: V, changed: (value: V) => void): HTMLFieldSetElement {
	const name = uniqueID("radio");
	return h("fieldset", { class: "radio-group" }, h("legend", { class: "field-label" }, label), choices.map((c) => {
		const hint = c.hint ? h("span", { class: "field-hint", id: uniqueID("hint") }, c.hint) : undefined;
		const control = h("input", { class: "radio", type: "radio", id: uniqueID("choice"), name, aria: { describedby: hint?.id }, props: { value: c.value, checked: c.value === value }, on: { change: () => changed(c.value) } });
		return h("div", { class: "toggle-field" }, control, h("label", { for: control.id }, c.label), hint);
	}));
}

/** Makes a row of exclusive choices side by side: theme, density. */
export function segmented<V extends string>(label: string, choices: readonly { readonly value: V; readonly label: string; readonly icon?: Parameters<typeof icon>[0] }[], value: V, changed: (value: V) => void): HTMLElement {
	const name = uniqueID("segment");
	return h("div", { class: "segmented", role: "radiogroup", aria: { label } }, choices.map((c) => {
		const control = h("input", { class: "visually-hidden-input", type: "radio", id: uniqueID("segment"), name, props: { value: c.value, checked: c.value === value }, on: { change: () => changed(c.value) } });
		return h("span", { class: "segment" }, control, h("label", { for: control.id }, c.icon && icon(c.icon, 18), c.label));
	}));
}
