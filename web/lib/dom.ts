// Elements are made here, from typed attributes and from text. Text becomes text nodes: nothing in mox's pages parses a
// string as HTML into the document.

/** What an element may contain. null, undefined and false are nothing, so a condition can stand in the list. */
export type Child = Node | string | number | null | undefined | false | readonly Child[];

type AriaValue = string | number | boolean | undefined;

/** ARIA attributes without "aria-". undefined leaves one out. */
export type Aria = { readonly [name in
	| "activedescendant" | "atomic" | "autocomplete" | "busy" | "checked" | "colcount" | "colindex" | "controls" | "current" | "describedby"
	| "details" | "disabled" | "errormessage" | "expanded" | "haspopup" | "hidden" | "invalid" | "keyshortcuts" | "label" | "labelledby"
	| "level" | "live" | "modal" | "multiline" | "multiselectable" | "orientation" | "owns" | "placeholder" | "posinset" | "pressed" | "readonly" | "relevant" | "required"
	| "roledescription" | "rowcount" | "rowindex" | "selected" | "setsize" | "sort" | "valuemax" | "valuemin" | "valuenow" | "valuetext"]?: AriaValue };

/** Handlers of events, with the event's own type. They live as long as the element. */
export type Handlers = { readonly [T in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[T]) => void };

type Writable<E> = { -readonly [P in keyof E as E[P] extends string | number | boolean | null | undefined ? P : never]?: E[P] };

/** What h sets on an element. undefined leaves an attribute out, true sets it empty. */
export interface Attributes<E extends HTMLElement = HTMLElement> {
	/** Classes; what is no string is left out of a list, so a condition can stand in it. */
	readonly class?: string | readonly (string | number | boolean | null | undefined)[] | undefined;
	readonly id?: string | undefined;
	readonly role?: string | undefined;
	readonly tabindex?: number | undefined;
	readonly title?: string | undefined;
	readonly lang?: string | undefined;
	readonly dir?: "ltr" | "rtl" | "auto" | undefined;
	readonly hidden?: boolean | undefined;
	readonly draggable?: boolean | undefined;
	readonly popover?: "auto" | "manual" | undefined;
	readonly for?: string | undefined;
	readonly type?: string | undefined;
	readonly name?: string | undefined;
	/** An address: relative, http, https, mailto, tel, cid or blob. Others throw. */
	readonly href?: string | undefined;
	readonly src?: string | undefined;
	readonly alt?: string | undefined;
	readonly target?: "_blank" | undefined;
	readonly rel?: string | undefined;
	readonly download?: string | boolean | undefined;
	readonly colspan?: number | undefined;
	readonly scope?: "col" | "row" | undefined;
	readonly datetime?: string | undefined;
	readonly sandbox?: string | undefined;
	readonly enterkeyhint?: "done" | "go" | "next" | "search" | "send" | undefined;
	readonly inputmode?: "text" | "email" | "numeric" | "search" | "url" | undefined;
	readonly contenteditable?: "true" | "plaintext-only" | undefined;
	readonly aria?: Aria | undefined;
	readonly data?: { readonly [name: string]: string | number | boolean | undefined } | undefined;
	/** Styles that are computed, such as sizes and custom properties ("--hue"). Everything else is for style sheets. */
	readonly style?: { readonly [property: string]: string | undefined } | undefined;
	/** Properties rather than attributes, such as value, checked, disabled. */
	readonly props?: Writable<E> | undefined;
	readonly on?: Handlers | undefined;
}

const scheme = /^[\u0000-\u0020]*([a-z][a-z0-9+.-]*):/i;
const allowedSchemes = new Set(["http", "https", "mailto", "tel", "cid", "blob"]);

/** Tells whether an address may stand in a link: it is relative, or of a scheme that cannot run anything. */
export function isSafeAddress(address: string): boolean {
	// Browsers leave out tabs and line ends within a scheme (URL Standard, basic URL parser).
	const found = scheme.exec(address.replace(/[\t\n\r]/g, ""));
	return !found || allowedSchemes.has(found[1]!.toLowerCase());
}

/** Makes an element. Children can follow without attributes. */
export function h<K extends keyof HTMLElementTagNameMap>(tag: K, ...rest: [Attributes<HTMLElementTagNameMap[K]>, ...Child[]] | Child[]): HTMLElementTagNameMap[K] {
	const element = document.createElement(tag);
	const [first, ...others] = rest;
	if (isAttributes(first)) {
		setAttributes(element, first);
		append(element, others as Child[]);
	} else {
		append(element, rest as Child[]);
	}
	return element;
}

function isAttributes(value: unknown): value is Attributes {
	return typeof value === "object" && value !== null && !(value instanceof Node) && !Array.isArray(value);
}

/** Sets attributes as h does, on an element that exists. What is not named stays as it is. */
export function setAttributes<E extends HTMLElement>(element: E, attributes: Attributes<E>): void {
	for (const [name, value] of Object.entries(attributes)) {
		if (value === undefined) continue;
		switch (name) {
			case "class":
				element.className = typeof value === "string" ? value : (value as unknown[]).filter((c) => typeof c === "string" && c).join(" ");
				break;
			case "aria":
				setAria(element, value as Aria);
				break;
			case "data":
				for (const [key, v] of Object.entries(value as object)) if (v !== undefined) element.dataset[key] = String(v);
				break;
			case "style":
				for (const [property, v] of Object.entries(value as object)) if (v !== undefined) element.style.setProperty(property, v as string);
				break;
			case "props":
				Object.assign(element, value);
				break;
			case "on":
				for (const [type, handler] of Object.entries(value as object)) element.addEventListener(type, handler as EventListener);
				break;
			case "draggable":
				element.draggable = value as boolean;
				break;
			case "href":
			case "src":
				if (!isSafeAddress(value as string)) throw new Error(`unsafe address in ${name}`);
				element.setAttribute(name, value as string);
				break;
			default:
				if (value === true) element.setAttribute(name, "");
				else if (value !== false) element.setAttribute(name, String(value));
		}
	}
}

/** Sets ARIA attributes; undefined removes one. */
export function setAria(element: Element, aria: Aria): void {
	for (const [name, value] of Object.entries(aria)) {
		if (value === undefined) element.removeAttribute("aria-" + name);
		else element.setAttribute("aria-" + name, String(value));
	}
}

/** Adds children at the end. */
export function append(parent: ParentNode, children: readonly Child[]): void {
	for (const child of children) {
		if (child === null || child === undefined || child === false) continue;
		if (Array.isArray(child)) append(parent, child as readonly Child[]);
		else parent.append(child instanceof Node ? child : String(child));
	}
}

/** Puts children in the place of all that an element has. */
export function replaceChildren(parent: ParentNode, ...children: Child[]): void {
	parent.replaceChildren();
	append(parent, children);
}

/** Makes an id for an element that another one refers to. */
export function uniqueID(prefix: string): string {
	return `${prefix}-${++ids}`;
}

let ids = 0;

/** Text that only screen readers get. */
export function hiddenText(text: string): HTMLElement {
	return h("span", { class: "visually-hidden" }, text);
}

/**
 * Makes the children of parent those of items, in their order: an element stays with its key, is made when the key is
 * new and removed when the key is gone. Elements whose place does not change are not touched, so focus and scroll
 * positions stay. update is called for those that were there. Keys must differ. Returns the elements by key.
 */
export function reconcile<T, K, E extends HTMLElement>(
	parent: HTMLElement, before: ReadonlyMap<K, E>, items: readonly T[],
	key: (item: T) => K, make: (item: T) => E, update: (element: E, item: T) => void,
): Map<K, E> {
	const after = new Map<K, E>();
	for (const item of items) {
		const k = key(item);
		const known = before.get(k);
		if (known) update(known, item);
		after.set(k, known ?? make(item));
	}
	for (const [k, element] of before) if (!after.has(k)) element.remove();
	let at = parent.firstElementChild;
	for (const element of after.values()) {
		if (element === at) at = at.nextElementSibling;
		else parent.insertBefore(element, at);
	}
	return after;
}
