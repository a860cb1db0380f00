import { button } from "../../../web/components/button/button";
import { field, input, select, textArea } from "../../../web/components/form/form";
import { h } from "../../../web/lib/dom";
import type { Signature } from "../api";
import { t } from "../texts";
import { card, flag } from "./card";
import type { SectionContext } from "./settings";

const empty = (Address: string): Signature => ({ Address, Name: "", ReplyTo: "", HTML: "", Text: "" });

/** How messages are written, and what they end with. */
export function writing({ app }: SectionContext): HTMLElement {
	const { account } = app;
	const undo = select(["0", "5", "10", "20", "30", "60"].map((value) => ({ value, label: t("set.UndoSeconds.n", { n: Number(value) }) })), String(account.settings.UndoSeconds), (v) => account.change({ UndoSeconds: Number(v) }));
	const many = input({ type: "number", value: String(account.settings.ManyRecipients), changed: (v) => account.change({ ManyRecipients: Math.max(0, Number(v) || 0) }) });
	return h("div",
		card(t("writing.sending"), field(undo, { label: t("set.UndoSeconds"), hint: t("set.UndoSeconds.hint") }).root, flag(app, "SendAndArchive"), field(many, { label: t("set.ManyRecipients"), hint: t("set.ManyRecipients.hint") }).root, flag(app, "RequireTLSAuto")),
		card(t("writing.text"), flag(app, "ComposeText"), flag(app, "QuoteBelow")),
		["", ...account.identities.filter((i) => !i.Address.startsWith("@")).map((i) => i.Address)].map((address) => signature(app, address)),
		card(t("writing.links"), h("p", t("writing.mailto")), button({ label: t("writing.register"), run: () => register() })));
}

/** Asks the browser to open mailto: links here. */
function register(): void {
	const page = location.href.replace(/[#?].*$/, "");
	navigator.registerProtocolHandler("mailto", `${page}#compose/new?mailto=%s`);
}

/** What messages from an address end with; of all others for "". */
function signature(app: SectionContext["app"], address: string): HTMLElement {
	const { account } = app;
	const have = account.settings.Signatures.find((s) => s.Address === address) ?? empty(address);
	const change = (part: Partial<Signature>) => {
		const all = account.settings.Signatures;
		const next = { ...(all.find((s) => s.Address === address) ?? empty(address)), ...part };
		account.change({ Signatures: [...all.filter((s) => s.Address !== address), next] });
	};
	const text = textArea({ value: have.Text, rows: 4, changed: (Text) => change({ Text, HTML: htmlOf(Text) }) });
	return card(address === "" ? t("signature.all") : t("signature.of", { address }),
		field(input({ value: have.Name, placeholder: account.identities[0]?.Name ?? "", changed: (Name) => change({ Name }) }), { label: t("signature.name") }).root,
		field(input({ type: "email", value: have.ReplyTo, changed: (ReplyTo) => change({ ReplyTo }) }), { label: t("signature.replyTo") }).root,
		field(text, { label: t("signature"), hint: t("signature.hint") }).root);
}

/** A signature in HTML, line by line. */
function htmlOf(text: string): string {
	if (text.trim() === "") return "";
	const escape = (s: string) => s.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]!);
	return `<p>-- <br>${text.split("\n").map(escape).join("<br>")}</p>`;
}
