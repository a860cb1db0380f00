import { button } from "../../../web/components/button/button";
import { Dialog } from "../../../web/components/dialog/dialog";
import { h } from "../../../web/lib/dom";
import { icon } from "../../../web/lib/icons";
import { APIError } from "../../../web/lib/api";
import { type API, type Draft, type Sent, TLSChoice, type Warning } from "../api";
import { t } from "../texts";
import { canRequireTLS, type SecurityBook } from "./security";

/** How a message is sent. */
export interface SendWay {
	readonly archive?: boolean;
	/** At once, without a time in which it can be taken back. */
	readonly now?: boolean;
}

/** Everybody a draft goes to. */
export const recipientsOf = (d: Pick<Draft, "To" | "Cc" | "Bcc">): string[] => [...d.To, ...d.Cc, ...d.Bcc].map((p) => p.Address);

/** Tells whether all recipients can promise encryption. */
export function allCanRequireTLS(d: Pick<Draft, "To" | "Cc" | "Bcc">, security: SecurityBook): boolean {
	const all = recipientsOf(d);
	return all.length > 0 && all.every((a) => canRequireTLS(security.of(a)));
}

/** Asks the user about what may be amiss, all in one dialog. Resolves to whether to send. */
export async function confirmWarnings(api: API, draft: Draft, security: SecurityBook): Promise<boolean> {
	const warnings: Warning[] = await api.Warnings(draft);
	if (draft.RequireTLS === TLSChoice.TLSRequired) {
		for (const address of recipientsOf(draft)) {
			const s = security.of(address);
			if (s && !canRequireTLS(s)) warnings.push({ Kind: "tls", Text: t("warn.tls", { address }) });
		}
	}
	if (warnings.length === 0) return true;
	return new Promise((resolve) => {
		let answer = false;
		const back = button({ label: t("warn.back"), run: () => dialog.close() });
		const send = button({
			label: t("warn.send"), kind: "primary", run: () => {
				answer = true;
				dialog.close();
			},
		});
		const dialog: Dialog = new Dialog({
			title: t("warn.title"), closeLabel: t("warn.back"), size: "small", focus: back, actions: [back, send], closed: () => resolve(answer),
			body: [h("ul", { class: "composer-warnings", role: "list" }, warnings.map((w) => h("li", icon("warning", 18), h("span", w.Text))))],
		});
	});
}

/** What went wrong, for people. */
export function why(error: unknown): string {
	if (!(error instanceof APIError)) return t("error.unknown");
	return error.kind === "offline" ? t("error.offline") : error.message;
}

/** Whether it may be that a message was sent, although there was no answer. */
export const unsure = (error: unknown): boolean => error instanceof APIError && error.kind === "offline";

/** Sends a draft. */
export function send(api: API, draft: Draft, way: SendWay, hold: number, stream: string): Promise<Sent> {
	return api.Send(draft, { Hold: way.now || draft.SendAt > 0 ? 0 : hold, Archive: way.archive ?? false, Stream: stream }, { timeout: 120_000 });
}
