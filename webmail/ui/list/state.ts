import { button } from "../../../web/components/button/button";
import { progress } from "../../../web/components/progress/progress";
import { emptyState } from "../../../web/components/state/state";
import { h, replaceChildren } from "../../../web/lib/dom";
import { type Progress, type Query, Role, Scope as MailScope } from "../api";
import type { App } from "../app";
import { dateText } from "../dates";
import { mailboxIcon } from "../icons";
import { labelName, mailboxLabel, t } from "../texts";

/** What a list is of, in words. */
export function listTitle({ account }: App, q: Query): string {
	if (q.Text !== "") return t("list.search", { text: q.Text });
	const label = q.Filters.find((f) => f.startsWith("label:"));
	const mailbox = account.mailbox(q.Mailbox);
	if (mailbox) return mailboxLabel(mailbox);
	return label ? t("list.label", { label: labelName(account.settings, label.slice(6)) }) : q.Filters.includes("flagged") ? t("list.flagged") : t("list.all");
}

/** What stands where a query finds nothing. */
export function emptyList({ router, account }: App, q: Query): HTMLElement {
	if (q.Text !== "" || q.Filters.length > 0) {
		return emptyState({
			icon: "search", title: t("list.nothing"), hint: q.Text !== "" ? t("list.nothingFor", { text: q.Text }) : t("list.nothingWith"),
			actions: [
				...(q.Text !== "" && (q.Scope === MailScope.ScopeMailbox || q.Scope === MailScope.ScopeChildren) ? [button({ label: t("list.searchMore"), run: () => router.go({ kind: "view", query: { ...q, Scope: MailScope.ScopeNormal } }) })] : []),
				...(q.Scope === MailScope.ScopeNormal ? [button({ label: t("list.searchAll"), run: () => router.go({ kind: "view", query: { ...q, Scope: MailScope.ScopeAll } }) })] : []),
				...(q.Filters.length > 0 ? [button({ label: t("list.clearFilters"), run: () => router.go({ kind: "view", query: { ...q, Filters: [] } }) })] : []),
			],
		});
	}
	const mailbox = account.mailbox(q.Mailbox);
	return mailbox?.Role === Role.RoleInbox
		? emptyState({ icon: "check", title: t("list.allRead"), hint: t("list.allReadHint") })
		: emptyState({ icon: mailbox ? mailboxIcon(mailbox) : "folder", title: t("list.empty"), hint: t(`empty.${mailbox?.Role || "none"}`) });
}

/** Says how far a search has looked, and what was not understood of it. */
export function drawSearch(root: HTMLElement, p: Progress | undefined, found: number): void {
	const wrong = p?.Terms.filter((term) => term.Problem !== "") ?? [];
	root.hidden = !p || p.Done && wrong.length === 0 && p.Problem === "";
	if (!p || root.hidden) return;
	replaceChildren(root,
		!p.Done && [h("span", t("list.searching", { n: found, back: p.Back > 0 ? dateText(p.Back) : "…" })), progress(t("list.searchProgress"), p.Of > 0 ? p.Looked / p.Of : 0).root],
		p.Problem !== "" && h("span", { class: "problem" }, p.Problem),
		wrong.map((term) => h("span", { class: "problem" }, `${term.Text}: ${term.Problem}`)));
}
