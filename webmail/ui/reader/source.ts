// What a message is made of: its header, its source, its parts. Loaded when it is first asked for.

import { button, iconButton } from "../../../web/components/button/button";
import { Dialog } from "../../../web/components/dialog/dialog";
import { errorState, skeletonRows } from "../../../web/components/state/state";
import { h, replaceChildren } from "../../../web/lib/dom";
import type { Message, Part } from "../api";
import type { App } from "../app";
import { sizeText, t } from "../texts";
import { contentAddress, downloadFrom, partAddress, type Place } from "./attachments";
import { pieces, textOf } from "./content";
import "./latertexts";

const titles = { headers: "message.headers", raw: "message.raw", parts: "message.parts" } as const;

/** Shows the header of a message, its source or its parts. */
export function showSource(app: App, at: Place, message: Message, what: keyof typeof titles): void {
	const abort = new AbortController();
	const resource = what === "raw" ? "raw" : "headers";
	const body = h("div", { class: "source", tabindex: 0, role: "region", aria: { label: t(titles[what]) } });
	let copied = "";
	const dialog: Dialog = new Dialog({
		title: t(titles[what]), closeLabel: t("close"), size: "large", body: [body], focus: body, closed: () => abort.abort(),
		actions: what === "parts" ? [button({ label: t("close"), run: () => dialog.close() })] : [
			button({ label: t("source.copy"), icon: "copy", run: () => void navigator.clipboard?.writeText(copied).then(() => app.actions.say(t("link.copied")), () => {}) }),
			button({ label: t("source.tab"), icon: "external", run: () => void open(contentAddress(at, resource), "_blank", "noopener") }),
		],
	});
	if (what === "parts") {
		replaceChildren(body, h("ul", { class: "parts" }, partLine(at, message.Tree)));
		return;
	}
	replaceChildren(body, skeletonRows(t("reader.loading"), 8, "line"));
	void fill();

	async function fill(): Promise<void> {
		try {
			if (what === "headers") {
				const l = await app.api.Headers(at.email, at.path, { signal: abort.signal });
				copied = l.map((f) => `${f.Name}: ${f.Value}\n`).join("");
				replaceChildren(body, h("dl", { class: "headers" }, l.map((f) => [h("dt", f.Name), h("dd", { dir: "auto" }, f.Value)])));
			} else {
				const { text, cut } = await textOf(contentAddress(at, "raw"), abort.signal);
				copied = text;
				replaceChildren(body, cut && h("p", { class: "meta" }, t("source.cut")), h("pre", pieces(text)));
			}
		} catch (e) {
			if (abort.signal.aborted) return;
			replaceChildren(body, errorState({ title: t("source.failed"), hint: e instanceof Error && e.message, actions: [button({ label: t("reader.retry"), icon: "refresh", run: () => void fill() })] }));
		}
	}
}

function partLine(at: Place, part: Part): HTMLElement {
	const address = part.Path !== "" && part.Parts.length === 0 ? partAddress(at.email, part, false) : "";
	return h("li",
		h("span", { class: "part" },
			h("code", part.Type), part.Name !== "" && h("bdi", part.Name),
			h("span", { class: "meta" }, [part.Path, part.Parts.length === 0 && sizeText(part.Size), part.Inline && t("source.inline"), part.ContentID !== "" && `<${part.ContentID}>`, part.Problem].filter(Boolean).join(" · ")),
			address !== "" && iconButton({ label: t("source.download"), icon: "download", size: 16, run: () => downloadFrom(address) })),
		part.Parts.length > 0 && h("ul", part.Parts.map((p) => partLine(at, p))));
}
