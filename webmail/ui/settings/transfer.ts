import { button } from "../../../web/components/button/button";
import { field, select } from "../../../web/components/form/form";
import { progress } from "../../../web/components/progress/progress";
import { h } from "../../../web/lib/dom";
import { mailboxLabel, t } from "../texts";
import { answerError, withToken } from "../token";
import { card } from "./card";
import type { SectionContext } from "./settings";

/** Mail as files, out and in. */
export function transfer({ app, scope }: SectionContext): HTMLElement {
	const choices = app.account.mailboxes.filter((m) => !m.NoSelect).map((m) => ({ value: String(m.ID), label: mailboxLabel(m) }));
	let from = "";
	let format = "mbox";
	const out = card(t("transfer.export"),
		field(select([{ value: "", label: t("transfer.all") }, ...choices], "", (v) => void (from = v)), { label: t("transfer.mailbox") }).root,
		field(select(["mbox", "maildir", "eml"].map((value) => ({ value, label: t(`transfer.${value}`) })), "mbox", (v) => void (format = v)), { label: t("transfer.format") }).root,
		button({ label: t("transfer.download"), icon: "download", run: () => location.assign(`export?${from ? `mailbox=${from}&` : ""}format=${format}`) }));

	let to = choices[0]?.value ?? "";
	const file = h("input", { type: "file", class: "input" });
	file.accept = ".eml,.mbox,message/rfc822,application/mbox";
	file.multiple = true;
	const bar = progress(t("transfer.progress"), 0);
	bar.root.hidden = true;
	const said = h("p", { role: "status" });
	const upload = async () => {
		for (const f of file.files ?? []) {
			if (scope.closed) return;
			bar.root.hidden = false;
			try {
				const answer = await withToken(app.csrf, (token) => send(`import?mailbox=${to}&name=${encodeURIComponent(f.name)}`, f, token, (share) => bar.set(share), scope.signal), scope.signal);
				said.textContent = t("transfer.imported", { name: f.name, n: answer.Messages ?? answer.Imported ?? 0 });
			} catch (e) {
				app.actions.fail(e, t("transfer.failed", { name: f.name }));
			}
		}
		bar.root.hidden = true;
		file.value = "";
	};
	return h("div", out, card(t("transfer.import"),
		field(select(choices, to, (v) => void (to = v)), { label: t("transfer.into") }).root, field(file, { label: t("transfer.files") }).root,
		button({ label: t("transfer.upload"), icon: "upload", run: () => void upload() }), bar.root, said));
}

/** Sends a file, and tells how far that is. Only XMLHttpRequest tells of that in all browsers. */
function send(address: string, body: Blob, csrf: string, told: (share: number) => void, signal: AbortSignal): Promise<{ Messages?: number; Imported?: number }> {
	return new Promise((resolve, reject) => {
		const request = new XMLHttpRequest();
		request.open("POST", address);
		request.setRequestHeader("x-mox-csrf", csrf);
		request.responseType = "json";
		request.upload.onprogress = (e) => e.lengthComputable && told(e.loaded / e.total);
		request.onload = () => request.status < 300 ? resolve(request.response ?? {}) : reject(answerError(request.status, request.response, String(request.status)));
		request.onerror = () => reject(new Error(t("error.offline")));
		request.onabort = () => reject(new DOMException("The page was left.", "AbortError"));
		signal.addEventListener("abort", () => request.abort(), { once: true });
		request.send(body);
	});
}
