import { button } from "../../../web/components/button/button";
import { Dialog } from "../../../web/components/dialog/dialog";
import { field, input } from "../../../web/components/form/form";
import { attachMenu, type MenuEntry } from "../../../web/components/menu/menu";
import { h, uniqueID } from "../../../web/lib/dom";
import { icon } from "../../../web/lib/icons";
import { isAddress } from "../../../web/lib/text";
import type { View } from "../../../web/lib/view";
import type { Person } from "../api";
import type { App } from "../app";
import { t } from "../texts";
import { signatureOf } from "./signature";

/** Who the message is from: one of the addresses of the account, also those that a catch-all or a suffix allows. */
export class From implements View {
	readonly root: HTMLElement;
	readonly #app: App;
	readonly #changed: (before: Person, after: Person) => void;
	readonly #button: HTMLButtonElement;
	readonly #name = h("span", { class: "truncate", id: uniqueID("from") });
	readonly #address = h("span", { class: "truncate", id: uniqueID("from") });
	#value: Person = { Name: "", Address: "" };

	constructor(app: App, changed: (before: Person, after: Person) => void) {
		this.#app = app;
		this.#changed = changed;
		const label = uniqueID("from");
		this.#button = h("button", { class: "composer-from", type: "button", aria: { labelledby: `${label} ${this.#name.id} ${this.#address.id}` } }, this.#name, this.#address, icon("chevron-down", 16));
		attachMenu(this.#button, t("composer.from"), () => this.#items());
		this.root = h("div", { class: "composer-row" }, h("span", { class: "composer-label", id: label }, t("composer.from")), this.#button);
	}

	/** Whether there is something to choose. */
	get choice(): boolean {
		const { identities } = this.#app.account;
		return identities.length > 1 || identities.some((i) => i.Separator !== "" || i.Address.startsWith("@"));
	}

	get value(): Person {
		return this.#value;
	}

	set(person: Person): void {
		this.#value = person;
		this.#name.textContent = person.Name;
		this.#address.textContent = person.Name ? `<${person.Address}>` : person.Address;
	}

	focus(): void {
		this.#button.focus();
	}

	close(): void {
		this.root.remove();
	}

	#choose(address: string, name?: string): void {
		const { account } = this.#app;
		const before = this.#value;
		const own = account.identities.find((i) => i.Address.toLowerCase() === address.toLowerCase())?.Name || account.identities[0]?.Name || account.start.Name;
		this.set({ Name: name ?? (signatureOf(account.settings, address)?.Name || own), Address: address });
		this.#changed(before, this.#value);
	}

	#items(): MenuEntry[] {
		const { identities } = this.#app.account;
		const plain = identities.filter((i) => !i.Address.startsWith("@"));
		const known = plain.some((i) => i.Address.toLowerCase() === this.#value.Address.toLowerCase());
		return [
			...!known && this.#value.Address ? [{ label: this.#value.Address, checked: true, choice: "one" as const, run: () => {} }] : [],
			...plain.map((i) => ({
				label: i.Address, ...(i.Name && { hint: i.Name }), choice: "one" as const, checked: i.Address.toLowerCase() === this.#value.Address.toLowerCase(), run: () => this.#choose(i.Address),
			})),
			...identities.some((i) => i.Address.startsWith("@") || i.Separator) ? ["line" as const] : [],
			...plain.filter((i) => i.Separator).slice(0, 1).map((i) => ({
				label: t("from.suffix", { separator: i.Separator }), icon: "edit" as const, run: () => this.#other((known && this.#value.Address || i.Address).replace("@", `${i.Separator}@`)),
			})),
			...identities.filter((i) => i.Address.startsWith("@")).map((i) => ({
				label: t("from.other", { domain: i.Address.slice(1) }), icon: "edit" as const, run: () => this.#other(i.Address),
			})),
		];
	}

	/** Asks for an address, of which a part is there. */
	#other(begin: string): void {
		const address = input({ type: "text", value: begin, autocomplete: "off" });
		address.inputMode = "email";
		const name = input({ value: this.#value.Name, autocomplete: "off" });
		const checked = field(address, { label: t("from.address") });
		const form = h("form", {
			class: "composer-form", id: uniqueID("form"), on: {
				submit: (event) => {
					event.preventDefault();
					const a = address.value.trim();
					if (!isAddress(a) || !this.#app.account.isMine(a)) {
						checked.setError(t("from.bad"));
						address.focus();
						return;
					}
					dialog.close();
					this.#choose(a, name.value.trim());
				},
			},
		}, checked.root, field(name, { label: t("from.name") }).root);
		const use = button({ label: t("from.use"), kind: "primary", type: "submit" });
		use.setAttribute("form", form.id);
		const dialog: Dialog = new Dialog({ title: t("from.title"), closeLabel: t("cancel"), size: "small", body: [form], focus: address, actions: [button({ label: t("cancel"), run: () => dialog.close() }), use] });
		const at = begin.indexOf("@");
		address.setSelectionRange(at, at);
	}
}
