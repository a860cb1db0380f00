import { button, iconButton } from "../../../web/components/button/button";
import { field, input, select } from "../../../web/components/form/form";
import { h, replaceChildren } from "../../../web/lib/dom";
import type { Label } from "../api";
import { keywordOf } from "../pick";
import { t } from "../texts";
import { card } from "./card";
import type { SectionContext } from "./settings";

/** Names and colours of labels, and searches that are kept. */
export function labels({ app, scope }: SectionContext): HTMLElement {
	const { account } = app;
	const list = h("div", { class: "settings-list" });
	const searches = h("div", { class: "settings-list" });
	const set = (keyword: string, part: Partial<Label>) => {
		const all = account.settings.Labels;
		const have = all.find((l) => l.Keyword === keyword) ?? { Keyword: keyword, Name: "", Color: 0 };
		account.change({ Labels: all.some((l) => l.Keyword === keyword) ? all.map((l) => l.Keyword === keyword ? { ...l, ...part } : l) : [...all, { ...have, ...part }] });
	};
	const known = () => [...new Set([...account.settings.Labels.map((l) => l.Keyword), ...account.mailboxes.flatMap((m) => m.Labels)])].sort();
	let shown = "";
	const draw = () => {
		const key = JSON.stringify([known(), account.settings.SavedSearches.map((s) => s.Name)]);
		if (key === shown) return; // What is typed in stays.
		shown = key;
		replaceChildren(list, known().map((k) => {
			const l = account.settings.Labels.find((x) => x.Keyword === k);
			const name = input({ value: l?.Name ?? "", placeholder: k, changed: (Name) => set(k, { Name }) });
			name.setAttribute("aria-label", t("labels.name", { label: k }));
			const colour = select(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"].map((value) => ({ value, label: value === "0" ? t("colour.none") : t(`colour.${value}`) })), String(l?.Color ?? 0), (v) => set(k, { Color: Number(v) }));
			colour.setAttribute("aria-label", t("labels.colour", { label: k }));
			return h("div", { class: "settings-row" }, name, colour, l && iconButton({ label: t("labels.remove", { label: k }), icon: "trash", size: 18, run: () => account.change({ Labels: account.settings.Labels.filter((x) => x.Keyword !== k) }) }));
		}), known().length === 0 && h("p", { class: "meta" }, t("labels.none")));
		replaceChildren(searches, account.settings.SavedSearches.map((s) => h("div", { class: "settings-row" }, h("span", { class: "truncate" }, s.Name), iconButton({
			label: t("searches.remove", { name: s.Name }), icon: "trash", size: 18, run: () => account.change({ SavedSearches: account.settings.SavedSearches.filter((x) => x.Name !== s.Name) }),
		}))), account.settings.SavedSearches.length === 0 && h("p", { class: "meta" }, t("searches.none")));
	};
	account.on(scope, ["settings", "mailboxes"], draw);
	draw();
	const fresh = input({ placeholder: t("label.new") });
	const form = h("form", {
		class: "settings-row", on: {
			submit: (event) => {
				event.preventDefault();
				const Keyword = keywordOf(fresh.value);
				if (Keyword) account.change({ Labels: [...account.settings.Labels.filter((l) => l.Keyword !== Keyword), { Keyword, Name: fresh.value.trim(), Color: 0 }] });
				fresh.value = "";
			},
		},
	}, field(fresh, { label: t("label.new") }).root, button({ label: t("create"), type: "submit" }));
	return h("div", card(t("labels"), list, form), card(t("searches"), searches));
}
