import { iconButton, toolbar } from "../../../web/components/button/button";
import { h } from "../../../web/lib/dom";
import type { IconName } from "../../../web/lib/icons";
import { Scope, type View } from "../../../web/lib/view";
import type { Attachment, Draft, Signature } from "../api";
import type { App } from "../app";
import { t } from "../texts";
import { Editor } from "./editor";
import type { Format } from "./format";
import { askLink } from "./link";
import { replaceInRich, replaceInText } from "./signature";
import { fromText } from "./text";

export interface BodyOptions {
	readonly app: App;
	readonly changed: () => void;
	readonly files: (files: readonly File[], inText: boolean) => void;
	/** Asks for images, to put them into the text. */
	readonly pickImage: () => void;
	/** The text has formats from now on, or is plain. */
	readonly switched: () => void;
}

const buttons: readonly [Format, IconName, string][] = [
	["bold", "bold", "command.bold"], ["italic", "italic", "command.italic"], ["underline", "underline", "composer.underline"], ["strike", "strike", "composer.strike"],
	["bulletList", "list-bullet", "command.bulletList"], ["numberedList", "list-number", "command.numberedList"], ["quote", "quote", "command.quote"],
];

/** The text of a message, with formats or plain, and the buttons for it. */
export class Body implements View {
	readonly root: HTMLElement;
	readonly bar: HTMLElement;
	readonly #o: BodyOptions;
	readonly #scope = new Scope();
	readonly #editor: Editor;
	readonly #plain: HTMLTextAreaElement;
	readonly #pressed = new Map<Format, HTMLButtonElement>();
	readonly #switch: HTMLButtonElement;
	#rich = true;

	constructor(o: BodyOptions) {
		this.#o = o;
		const { commands } = o.app;
		this.#editor = this.#scope.own(new Editor({
			label: t("composer.text"), changed: o.changed, files: o.files,
			formats: (formats) => {
				for (const [f, b] of this.#pressed) b.setAttribute("aria-pressed", String(formats.has(f)));
			},
		}));
		this.#plain = h("textarea", { class: "plain", aria: { label: t("composer.text") }, props: { spellcheck: true }, on: { input: () => o.changed() } });
		this.#plain.addEventListener("paste", (event) => {
			const files = [...event.clipboardData?.files ?? []];
			if (files.length === 0 || event.clipboardData?.getData("text/plain")) return;
			event.preventDefault();
			o.files(files, false);
		});
		for (const [format, icon, label] of buttons) {
			this.#pressed.set(format, this.#button({ label: t(label), icon, key: commands.keys(format), pressed: false, run: () => this.format(format) }));
		}
		this.#switch = iconButton({ label: t("composer.plain"), icon: "draft", pressed: false, run: () => this.setRich(!this.#rich, true) });
		this.bar = toolbar(t("composer.format"), ...this.#pressed.values(),
			this.#button({ label: t("command.insertLink"), icon: "link", key: commands.keys("insertLink"), run: () => this.link() }),
			this.#button({ label: t("composer.image"), icon: "image", run: o.pickImage }),
			this.#button({ label: t("command.clearFormat"), icon: "clear-format", key: commands.keys("clearFormat"), run: () => this.format("clearFormat") }),
			this.#switch);
		// The text keeps what is selected in it while one presses a button.
		this.bar.addEventListener("pointerdown", (event) => event.preventDefault());
		this.bar.addEventListener("mousedown", (event) => event.preventDefault());
		this.root = h("div", { class: "composer-body" }, this.#editor.root, this.#plain);
		this.root.addEventListener("click", (event) => {
			if (event.target === this.root) this.focus();
		});
		this.#show(true);
	}

	get rich(): boolean {
		return this.#rich;
	}

	get html(): string {
		return this.#rich ? this.#editor.html : "";
	}

	get text(): string {
		return this.#rich ? this.#editor.text : this.#plain.value;
	}

	set(draft: Pick<Draft, "Rich" | "HTML" | "Text">): void {
		this.#show(draft.Rich);
		if (draft.Rich) this.#editor.setHTML(draft.HTML);
		else this.#plain.value = draft.Text;
	}

	/** Changes between text with formats and plain text, and takes the words along. The focus goes into the text if it was asked for by the user. */
	setRich(rich: boolean, byUser = false): void {
		if (rich === this.#rich) return;
		if (rich) {
			this.#editor.set(fromText(this.#plain.value));
			this.#show(true);
			this.#o.switched();
		} else {
			const { text } = this.#editor;
			this.#plain.value = text;
			this.#show(false);
			this.#o.switched();
			if (byUser) {
				this.#o.app.actions.say(t("composer.plain.done"), () => {
					if (this.#rich || this.#scope.closed || this.#plain.value !== text) return;
					this.#show(true); // The editor has all still.
					this.#o.switched();
					this.#o.changed();
				});
			}
		}
		this.#o.changed();
		if (byUser) this.focus();
	}

	format(format: Format): void {
		if (this.#rich) this.#editor.format(format);
	}

	link(): void {
		if (this.#rich) askLink(this.#editor);
	}

	insertImage(image: Attachment): void {
		if (this.#rich) this.#editor.insertImage(image);
	}

	/** Tells whether an image is in the text, or was when the text had formats. */
	holds(image: Attachment): boolean {
		return this.#editor.shows(image);
	}

	readdress(images: readonly Attachment[]): void {
		this.#editor.readdress(images);
	}

	/** Puts a signature in the place of another. */
	sign(before: Signature | undefined, after: Signature | undefined, force = false): void {
		const below = this.#o.app.account.settings.QuoteBelow;
		if (this.#rich) this.#editor.change((root) => replaceInRich(root, before, after, below, force));
		else this.#plain.value = replaceInText(this.#plain.value, before, after, below, force);
		this.#o.changed();
	}

	/** Puts the caret where one goes on; with begin where a new text begins. */
	focus(begin = false): void {
		const below = this.#o.app.account.settings.QuoteBelow;
		if (this.#rich) {
			this.#editor.focus(!begin ? "as-was" : below ? "own-end" : "begin");
			return;
		}
		this.#plain.focus();
		if (!begin) return;
		const own = this.#plain.value.search(/^-- $/m);
		const at = !below ? 0 : own > 0 ? own - 1 : this.#plain.value.length;
		this.#plain.setSelectionRange(at, at);
		if (!below) this.#plain.scrollTop = 0;
	}

	close(): void {
		this.#scope.close();
		this.root.remove();
	}

	#button(o: Parameters<typeof iconButton>[0]): HTMLButtonElement {
		return iconButton({ ...o, size: 18 });
	}

	#show(rich: boolean): void {
		this.#rich = rich;
		this.#editor.root.hidden = !rich;
		this.#plain.hidden = rich;
		for (const b of this.bar.querySelectorAll<HTMLButtonElement>("button")) if (b !== this.#switch) b.hidden = !rich;
		this.#switch.setAttribute("aria-pressed", String(!rich));
	}
}
