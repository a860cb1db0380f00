import { avatar } from "../../../web/components/avatar/avatar";
import { ChipInput, type ChipLook } from "../../../web/components/chip/chipinput";
import type { Suggestion } from "../../../web/components/combobox/combobox";
import { openMenu, type MenuEntry } from "../../../web/components/menu/menu";
import { h } from "../../../web/lib/dom";
import { displayName, formatAddress, isAddress, parseAddress } from "../../../web/lib/text";
import { Scope, type View } from "../../../web/lib/view";
import type { Person } from "../api";
import type { App } from "../app";
import { t } from "../texts";
import { lock, type SecurityBook, showSecurity } from "./security";

/** The fields with people. */
export type FieldName = "To" | "Cc" | "Bcc" | "ReplyTo";

export interface RecipientsOptions {
	readonly app: App;
	readonly security: SecurityBook;
	readonly name: FieldName;
	readonly changed: () => void;
	/** Puts somebody into another field. */
	readonly move: (person: Person, to: FieldName) => void;
}

/** The name of a field as people see it. */
export const fieldLabel = (name: FieldName): string => t(`composer.${name.toLowerCase()}`);

const written = (p: Person): string => formatAddress({ name: p.Name, address: p.Address });

/** A field with recipients. What is no address is kept as it was typed, and marked. */
export class Recipients implements View {
	readonly root: HTMLElement;
	readonly #o: RecipientsOptions;
	readonly #scope = new Scope();
	readonly #chips: ChipInput<Person>;

	constructor(o: RecipientsOptions) {
		this.#o = o;
		this.#chips = this.#scope.own(new ChipInput<Person>({
			label: fieldLabel(o.name),
			parse: (text) => {
				const a = parseAddress(text);
				return a ? { Name: a.name, Address: a.address } : text.trim() ? { Name: "", Address: text.trim() } : undefined;
			},
			look: (p) => this.#look(p),
			removeLabel: (p) => t("chip.remove", { name: displayName({ name: p.Name, address: p.Address }) }),
			key: (p) => p.Address.toLowerCase(),
			suggest: (text, signal) => this.#suggest(text, signal),
			changed: () => o.changed(),
			open: (p, chip) => this.#menu(p, chip),
		}));
		this.#chips.input.addEventListener("input", () => o.changed());
		if (o.name !== "ReplyTo") o.security.onChange(this.#scope, () => this.#refresh());
		const label = h("span", { class: "composer-label", aria: { hidden: true } }, fieldLabel(o.name));
		label.addEventListener("pointerdown", (e) => {
			e.preventDefault();
			this.focus();
		});
		this.root = h("div", { class: "composer-row", data: { field: o.name } }, label, this.#chips.root);
	}

	/** People of the field, with what is typed but no chip yet. */
	get values(): Person[] {
		const text = this.#chips.input.value.trim();
		const a = text ? parseAddress(text) : undefined;
		const typed = text === "" ? [] : [a ? { Name: a.name, Address: a.address } : { Name: "", Address: text }];
		return [...this.#chips.values, ...typed];
	}

	get empty(): boolean {
		return this.#chips.values.length === 0 && this.#chips.input.value.trim() === "";
	}

	set(people: readonly Person[]): void {
		this.#chips.set(people);
	}

	add(person: Person): void {
		this.#chips.add([person]);
	}

	/** Makes chips of what is typed. Returns the first one that is no address. */
	commit(): string | undefined {
		this.#chips.commit();
		return this.#chips.values.find((p) => !isAddress(p.Address))?.Address;
	}

	focus(): void {
		this.#chips.focus();
	}

	close(): void {
		this.#scope.close();
		this.root.remove();
	}

	/** Draws chips anew, but not under the focus. */
	#refresh(): void {
		const at = [...this.#chips.root.querySelectorAll(".chip-body")].indexOf(document.activeElement as Element);
		this.#chips.refresh();
		if (at >= 0) (this.#chips.root.querySelectorAll<HTMLElement>(".chip-body")[at])?.focus();
	}

	#look(p: Person): ChipLook {
		const label = p.Name || p.Address;
		if (!isAddress(p.Address)) return { label, tone: "bad", icon: "warning", iconLabel: t("composer.badaddress", { address: p.Address }), tip: t("composer.badaddress", { address: p.Address }) };
		if (this.#o.name === "ReplyTo") return { label, tip: written(p) };
		const s = this.#o.security.of(p.Address);
		const l = lock(s);
		return { label, tip: `${p.Name ? p.Address : label}: ${s?.Summary ?? t("lock.unknown")}`, ...(l && { icon: l.icon, iconLabel: l.words + ": ", ...(l.tone && { tone: l.tone }) }) };
	}

	async #suggest(text: string, signal: AbortSignal): Promise<Suggestion<Person>[]> {
		if (text.includes(",") || text.includes(";")) return [];
		const found = await this.#o.app.api.Recipients(text, { signal });
		const have = new Set(this.#chips.values.map((p) => p.Address.toLowerCase()));
		const list = found.filter((c) => !have.has(c.Address.toLowerCase())).map((c): Suggestion<Person> => ({
			label: c.Name || c.Address, ...(c.Name && { hint: c.Address }), mark: avatar(c.Name, c.Address, 24), value: { Name: c.Name, Address: c.Address },
		}));
		// Who has typed a whole address means it, not one that begins with it.
		const typed = parseAddress(text);
		if (typed && /\.[^.]{2,}$/.test(typed.address) && list.length > 0 && !list.some((s) => s.value.Address.toLowerCase() === typed.address.toLowerCase())) {
			list.unshift({ label: text, hint: t("chip.typed"), icon: "user", value: { Name: typed.name, Address: typed.address } });
		}
		return list;
	}

	#menu(p: Person, chip: HTMLElement): void {
		const { app, security, name, move } = this.#o;
		const s = name === "ReplyTo" || !isAddress(p.Address) ? undefined : security.of(p.Address);
		const remove = () => {
			this.#chips.set(this.#chips.values.filter((v) => v !== p));
			this.#o.changed();
		};
		const items: MenuEntry[] = [
			{ heading: written(p) },
			...s ? [{ label: t("chip.details"), icon: lock(s)?.icon ?? "lock-open" as const, hint: s.Summary, run: () => showSecurity(s) }] : [],
			{
				label: t("chip.edit"), icon: "edit", run: () => {
					this.#chips.commit();
					remove();
					this.#chips.input.value = written(p);
					this.focus();
				},
			},
			{
				label: t("chip.copy"), icon: "copy",
				run: () => void navigator.clipboard.writeText(written(p)).then(() => app.actions.say(t("chip.copied")), () => {}),
			},
			...(["To", "Cc", "Bcc"] as const).filter((n) => n !== name && name !== "ReplyTo").map((to) => ({
				label: t("chip.move", { name: fieldLabel(to) }), icon: "move" as const, run: () => {
					remove();
					move(p, to);
				},
			})),
			{ label: t("chip.forget"), icon: "eye-off", run: () => void app.api.RecipientForget(p.Address).catch((e: unknown) => app.actions.fail(e, t("act.failed"))) },
			{
				label: t("chip.removeit"), icon: "x", run: () => {
					remove();
					this.focus();
				},
			},
		];
		openMenu({ label: written(p), items, anchor: chip });
	}
}
