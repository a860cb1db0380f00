import { button } from "../../../web/components/button/button";
import { Dialog } from "../../../web/components/dialog/dialog";
import { h } from "../../../web/lib/dom";
import type { IconName } from "../../../web/lib/icons";
import type { Scope } from "../../../web/lib/view";
import { type API, Answer, Level, type Security } from "../api";
import { t } from "../texts";

/** What is known of the ways to recipients, for all composers. */
export class SecurityBook {
	readonly #api: API;
	readonly #known = new Map<string, Security>();
	readonly #asked = new Set<string>();
	readonly #listeners = new Set<() => void>();
	#wanted = new Set<string>();
	#timer: ReturnType<typeof setTimeout> | undefined;

	constructor(api: API) {
		this.#api = api;
	}

	/** Returns what is known of the way to an address, and asks the server if that is nothing. */
	of(address: string): Security | undefined {
		const key = address.toLowerCase();
		const known = this.#known.get(key);
		if (!known && !this.#asked.has(key)) {
			this.#asked.add(key);
			this.#wanted.add(key);
			clearTimeout(this.#timer);
			this.#timer = setTimeout(() => void this.#ask(), 150);
		}
		return known;
	}

	/** Calls run when more is known, until the scope ends. */
	onChange(scope: Scope, run: () => void): void {
		this.#listeners.add(run);
		scope.onClose(() => this.#listeners.delete(run));
	}

	async #ask(): Promise<void> {
		const wanted = [...this.#wanted];
		this.#wanted = new Set();
		try {
			const found = await this.#api.RecipientSecurity(wanted);
			found.forEach((s, i) => this.#known.set(wanted[i] ?? s.Address.toLowerCase(), s));
			for (const run of [...this.#listeners]) run();
		} catch {
			for (const w of wanted) this.#asked.delete(w); // Asked again with the next change.
		}
	}
}

/** The lock of a recipient: closed, open or broken, and what that means; nothing while it is not known. */
export function lock(s: Security | undefined): { readonly icon: IconName; readonly words: string; readonly tone?: "warn" } | undefined {
	if (!s) return undefined;
	if (s.Local || s.Level === Level.LevelOK || s.STARTTLS === Answer.AnswerYes) return { icon: "lock-closed", words: t("lock.closed") };
	if (s.STARTTLS === Answer.AnswerError) return { icon: "lock-broken", words: t("lock.broken"), tone: "warn" };
	if (s.STARTTLS === Answer.AnswerNo) return { icon: "lock-open", words: t("lock.open"), tone: "warn" };
	return undefined;
}

/** Tells whether the servers on the way to a recipient can promise encryption. */
export function canRequireTLS(s: Security | undefined): boolean {
	return s !== undefined && (s.Local || s.RequireTLS === Answer.AnswerYes);
}

/** Shows all that is known of the way to a recipient. */
export function showSecurity(s: Security): void {
	const rows: readonly [string, Answer][] = [["starttls", s.STARTTLS], ["mtasts", s.MTASTS], ["dnssec", s.DNSSEC], ["dane", s.DANE], ["requiretls", s.RequireTLS]];
	const close = button({ label: t("close"), run: () => dialog.close() });
	const dialog: Dialog = new Dialog({
		title: t("security.title", { address: s.Address }), closeLabel: t("close"), size: "small", focus: close, actions: [close],
		body: [h("p", s.Summary), !s.Local && h("dl", { class: "security" }, rows.map(([name, answer]) => h("div", h("dt", t(`security.${name}`)), h("dd", { class: answer }, t(`security.${answer}`)))))],
	});
}
