import { button } from "../../../web/components/button/button";
import { Dialog } from "../../../web/components/dialog/dialog";
import { h, isSafeAddress } from "../../../web/lib/dom";
import { ComposeKind, type Message } from "../api";
import type { App } from "../app";
import { t } from "../texts";
import "./latertexts";

/** Asks how to leave the list by which a message came: by one request of the server where that can be, by a message, or on its page. */
export async function unsubscribe(app: App, message: Message): Promise<void> {
	const u = message.Unsubscribe;
	if (!u) return;
	const email = message.Item.Email;
	const leave = async () => {
		dialog.close();
		try {
			await app.api.Unsubscribe(email, { timeout: 45_000 });
			app.actions.say(t("unsubscribe.done"));
		} catch (e) {
			app.actions.fail(e, t("unsubscribe.failed"));
		}
	};
	const write = () => {
		dialog.close();
		void app.composers.open({ Kind: ComposeKind.ComposeUnsubscribe, Emails: [email], Mailto: u.Mail, Quote: "" });
	};
	const web = u.Web !== "" && isSafeAddress(u.Web) ? u.Web : "";
	const visit = () => {
		dialog.close();
		open(web, "_blank", "noopener,noreferrer");
	};
	const host = web && new URL(web).host;
	const [text, run, label] = u.OneClick ? [t("unsubscribe.oneclick"), () => void leave(), t("unsubscribe")]
		: u.Mail ? [t("unsubscribe.mail"), write, t("unsubscribe.byMail")]
			: [t("unsubscribe.web", { host }), visit, t("unsubscribe.byWeb")];
	const dialog: Dialog = new Dialog({
		title: t("unsubscribe.title"), closeLabel: t("cancel"), size: "small",
		body: [h("p", text), message.ListID !== "" && h("p", { class: "meta" }, message.ListID)],
		actions: [
			u.OneClick && u.Mail !== "" && button({ label: t("unsubscribe.byMail"), kind: "quiet", run: write }),
			(u.OneClick || u.Mail !== "") && web !== "" && button({ label: t("unsubscribe.byWeb"), kind: "quiet", run: visit }),
			button({ label, kind: "primary", run }),
		].filter((b) => b !== false),
	});
}
