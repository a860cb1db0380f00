import { chip } from "../../../web/components/chip/chip";
import { h, replaceChildren } from "../../../web/lib/dom";
import { t } from "../texts";
import { card, choice, flag } from "./card";
import type { SectionContext } from "./settings";

/** What messages may load, and how their text is shown. */
export function privacy({ app, scope }: SectionContext): HTMLElement {
	const { account } = app;
	const senders = h("div", { class: "settings-chips" });
	const draw = () => replaceChildren(senders, account.settings.RemoteSenders.length === 0 ? h("p", { class: "meta" }, t("privacy.nobody")) : account.settings.RemoteSenders.map((a) => chip({
		label: a, remove: { label: t("privacy.remove", { address: a }), run: () => account.change({ RemoteSenders: account.settings.RemoteSenders.filter((x) => x !== a) }) },
	})));
	account.on(scope, ["settings"], draw);
	draw();
	return h("div",
		card(t("privacy.remote"), h("p", t("privacy.remoteText")), choice(app, "Remote", ["ask", "contacts", "never"])),
		card(t("privacy.senders"), senders),
		card(t("privacy.text"), flag(app, "PreferText")));
}
