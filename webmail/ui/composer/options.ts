import type { MenuEntry } from "../../../web/components/menu/menu";
import { chip } from "../../../web/components/chip/chip";
import { h, replaceChildren } from "../../../web/lib/dom";
import type { IconName } from "../../../web/lib/icons";
import { formatAddress } from "../../../web/lib/text";
import { type Draft, type Settings, type Signature, TLSChoice } from "../api";
import type { App } from "../app";
import { mediumDateText } from "../dates";
import { t } from "../texts";
import { scheduleItems } from "./schedule";
import type { SendWay } from "./sending";

/** What is chosen for a message besides its text and its recipients. */
export type Options = Pick<Draft, "RequireTLS" | "Priority" | "Receipt" | "SendAt">;

/** The choices for a message: as a menu, and as chips that each have a cross to take it back. */
export class Chosen {
	readonly root = h("div", { class: "composer-options" });
	readonly #auto: () => boolean;
	readonly #changed: () => void;
	#values: Options;
	#drawn = "";

	/** Auto tells whether encryption is required by itself, as all recipients can. A time that has passed is none. */
	constructor({ RequireTLS, Priority, Receipt, SendAt }: Options, auto: () => boolean, changed: () => void) {
		this.#values = { RequireTLS, Priority, Receipt, SendAt: SendAt > Date.now() / 1000 ? SendAt : 0 };
		this.#auto = auto;
		this.#changed = changed;
	}

	get values(): Options {
		return this.#values;
	}

	change(change: Partial<Options>): void {
		this.#values = { ...this.#values, ...change };
		this.#changed();
	}

	/** Entries of the menu More. */
	items(): MenuEntry[] {
		const v = this.#values;
		const one = (name: string, value: Partial<Options>, label = t(name), hint = "") => ({
			label, ...hint && { hint: t(hint) }, choice: "one" as const, checked: Object.entries(value).every(([k, x]) => v[k as keyof Options] === x), run: () => this.change(value),
		});
		return [
			{ heading: t("tls.heading") },
			one("tls.default", { RequireTLS: TLSChoice.TLSDefault }, this.#auto() ? t("tls.auto") : t("tls.default"), "tls.default.hint"),
			one("tls.required", { RequireTLS: TLSChoice.TLSRequired }, t("tls.required"), "tls.required.hint"),
			one("tls.optional", { RequireTLS: TLSChoice.TLSOptional }, t("tls.optional"), "tls.optional.hint"),
			{ heading: t("priority.heading") },
			one("priority.normal", { Priority: "" }), one("priority.high", { Priority: "high" }), one("priority.low", { Priority: "low" }),
			"line",
			{ label: t("receipt"), hint: t("receipt.hint"), choice: "many", checked: v.Receipt, run: () => this.change({ Receipt: !v.Receipt }) },
		];
	}

	/** Shows what is chosen. */
	draw(): void {
		const v = this.#values;
		const auto = this.#auto();
		const state = JSON.stringify([v, auto]);
		if (state === this.#drawn) return;
		this.#drawn = state;
		const one = (label: string, name: IconName, back: Partial<Options>) =>
			chip({ label, icon: name, tone: "info", remove: { label: t("option.remove", { name: label }), run: () => this.change(back) } });
		replaceChildren(this.root,
			v.SendAt > 0 && one(t("schedule.chip", { time: mediumDateText(v.SendAt) }), "clock", { SendAt: 0 }),
			v.RequireTLS === TLSChoice.TLSRequired && one(t("tls.chip"), "lock-closed", { RequireTLS: TLSChoice.TLSDefault }),
			v.RequireTLS === TLSChoice.TLSDefault && auto && chip({ label: t("tls.chip"), icon: "lock-closed", tone: "ok", tip: t("tls.auto") }),
			v.RequireTLS === TLSChoice.TLSOptional && one(t("tls.chip.optional"), "lock-open", { RequireTLS: TLSChoice.TLSDefault }),
			v.Priority !== "" && one(`${t("priority.heading")}: ${t(`priority.${v.Priority}`)}`, "flag", { Priority: "" }),
			v.Receipt && one(t("receipt"), "check", { Receipt: false }));
	}
}

/** Entries of the menu of signatures. Own is that of the address that the message is from. */
export function signatureItems(settings: Settings, own: Signature | undefined, choose: (s: Signature | undefined) => void): MenuEntry[] {
	return [
		...settings.Signatures.filter((s) => s.HTML || s.Text).map((s) => ({
			label: s.Address ? t("composer.signature.for", { name: formatAddress({ name: s.Name, address: s.Address }) }) : t("composer.signature.all"), ...(s === own && { hint: t("composer.from") }), run: () => choose(s),
		})),
		{ label: t("composer.signature.none"), run: () => choose(undefined) },
	];
}

/** Entries of the menu beside Send. */
export function sendItems(app: App, answers: boolean, send: (way: SendWay) => void, later: (at: number) => void): MenuEntry[] {
	return [
		...answers ? [{ label: t("composer.sendarchive"), icon: "archive" as const, key: app.commands.keys("sendArchive"), run: () => send({ archive: true }) }] : [],
		{ label: t("composer.sendnow"), icon: "send", run: () => send({ now: true }) },
		{ heading: t("composer.schedule") },
		...scheduleItems(later),
	];
}
