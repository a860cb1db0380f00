import { button } from "../../../web/components/button/button";
import { h } from "../../../web/lib/dom";
import { Scope, type View } from "../../../web/lib/view";
import type { Draft, Person } from "../api";
import type { App } from "../app";
import { t } from "../texts";
import { From } from "./from";
import { type FieldName, fieldLabel, Recipients } from "./recipients";
import type { SecurityBook } from "./security";

const names: readonly FieldName[] = ["To", "Cc", "Bcc", "ReplyTo"];

/** The head of a message being written: from whom, to whom, about what. Fields that are seldom needed come when they are asked for. */
export class Fields implements View {
	readonly root: HTMLElement;
	readonly from: From;
	readonly subject: HTMLInputElement;
	readonly #scope = new Scope();
	readonly #recipients = new Map<FieldName, Recipients>();
	readonly #more = new Map<FieldName, HTMLButtonElement>();
	#last: FieldName = "To"; // The field that had the focus last.

	constructor(app: App, security: SecurityBook, changed: () => void, fromChanged: (before: Person, after: Person) => void) {
		this.from = this.#scope.own(new From(app, fromChanged));
		for (const name of names) {
			const r = this.#scope.own(new Recipients({
				app, security, name, changed,
				move: (person, to) => {
					this.#show(to);
					this.#recipients.get(to)!.add(person);
				},
			}));
			r.root.addEventListener("focusin", () => (this.#last = name));
			this.#recipients.set(name, r);
			if (name !== "To") this.#more.set(name, button({ label: fieldLabel(name), kind: "quiet", run: () => this.focus(name) }));
		}
		for (const [name, b] of this.#more) b.setAttribute("aria-label", t("composer.cc.more", { name: fieldLabel(name) }));
		this.subject = h("input", { class: "composer-subject", type: "text", aria: { label: t("composer.subject") }, props: { placeholder: t("composer.subject"), autocomplete: "off", maxLength: 2000 }, on: { input: changed } });
		// They stand at the end, but come before the field: from there Tab goes on to the subject.
		this.#recipients.get("To")!.root.prepend(h("span", { class: "composer-add" }, [...this.#more.values()]));
		this.root = h("div", { class: "composer-fields" }, this.from.root, [...this.#recipients.values()].map((r) => r.root), h("div", { class: "composer-row" }, this.subject));
		this.subject.addEventListener("keydown", (event) => {
			if (event.key === "Enter" && !event.isComposing && !event.ctrlKey && !event.metaKey) event.preventDefault();
		});
	}

	get values(): Pick<Draft, "From" | "To" | "Cc" | "Bcc" | "ReplyTo" | "Subject"> {
		const of = (name: FieldName) => this.#recipients.get(name)!.values;
		return { From: this.from.value, To: of("To"), Cc: of("Cc"), Bcc: of("Bcc"), ReplyTo: of("ReplyTo"), Subject: this.subject.value };
	}

	set(draft: Draft): void {
		this.from.set(draft.From);
		this.from.root.hidden = !this.from.choice;
		for (const [name, r] of this.#recipients) {
			r.set(draft[name]);
			if (name !== "To") {
				r.root.hidden = r.empty;
				this.#more.get(name)!.hidden = !r.empty;
			}
		}
		this.subject.value = draft.Subject;
	}

	setReplyTo(people: readonly Person[]): void {
		const r = this.#recipients.get("ReplyTo")!;
		r.set(people);
		if (!r.empty) this.#show("ReplyTo");
	}

	/** Makes chips of what is typed. Returns what is wrong, and puts the focus there. */
	check(): string {
		for (const [name, r] of this.#recipients) {
			const bad = r.commit();
			if (bad === undefined) continue;
			this.focus(name);
			return t("composer.badaddress", { address: bad });
		}
		const { To, Cc, Bcc } = this.values;
		if (To.length + Cc.length + Bcc.length > 0) return "";
		this.focus("To");
		return t("composer.norecipient");
	}

	focus(name: FieldName | "From" | "Subject"): void {
		if (name === "Subject") this.subject.focus();
		else if (name === "From") {
			this.from.root.hidden = false;
			this.from.focus();
		} else {
			this.#show(name);
			this.#recipients.get(name)!.focus();
		}
	}

	/** Goes to the field that was used last, to add somebody. */
	add(): void {
		this.focus(this.#last);
	}

	/** Takes the field away that has the focus, if it is empty. */
	removeEmpty(): boolean {
		const r = this.#recipients.get(this.#last)!;
		if (this.#last === "To" || !r.empty || !r.root.contains(document.activeElement)) return false;
		r.root.hidden = true;
		this.#more.get(this.#last)!.hidden = false;
		this.focus("To");
		return true;
	}

	close(): void {
		this.#scope.close();
		this.root.remove();
	}

	#show(name: FieldName): void {
		this.#recipients.get(name)!.root.hidden = false;
		const b = this.#more.get(name);
		if (b) b.hidden = true;
	}
}
