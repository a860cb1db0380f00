import { button } from "../../web/components/button/button";
import { openPicker } from "../../web/components/combobox/picker";
import { Dialog } from "../../web/components/dialog/dialog";
import { checkbox, field, input } from "../../web/components/form/form";
import { h } from "../../web/lib/dom";
import type { Mailbox } from "./api";
import type { Account } from "./app";
import { mailboxIcon } from "./icons";
import { labelName, mailboxLabel, t } from "./texts";

/** Returns how well a name fits what is typed, less is better; undefined if it does not. */
export function fit(name: string, typed: string): number | undefined {
	const n = name.toLocaleLowerCase();
	const words = typed.toLocaleLowerCase().split(/\s+/).filter(Boolean);
	let score = 0;
	for (const w of words) {
		const at = n.indexOf(w);
		if (at < 0) return undefined;
		score += at === 0 ? 0 : /[\s/._-]/.test(n[at - 1] ?? "") ? 1 : 2;
	}
	return score;
}

/** Where a popup stands that belongs to no button: in the upper middle. */
const middle = () => ({ x: Math.max(16, window.innerWidth / 2 - 160), y: Math.min(120, window.innerHeight / 5) });

/** Asks for a mailbox, by typing. */
export function pickMailbox(account: Account, title: string): Promise<Mailbox | null> {
	return new Promise((resolve) => {
		let chosen: Mailbox | null = null;
		openPicker<Mailbox>({
			label: title,
			anchor: middle(),
			find: (text) => account.mailboxes
				.filter((m) => !m.NoSelect)
				.map((m) => ({ m, score: fit(mailboxLabel(m), text) }))
				.filter((x) => x.score !== undefined)
				.sort((a, b) => a.score! - b.score!)
				.slice(0, 50)
				.map(({ m }) => ({ label: mailboxLabel(m), icon: mailboxIcon(m), value: m })),
			choose: (m) => {
				chosen = m;
			},
			closed: () => queueMicrotask(() => resolve(chosen)),
		});
	});
}

/** Asks for labels: those that are there can be taken away, and new ones made. */
export function pickLabels(account: Account, title: string, present: readonly string[]): Promise<{ add: string[]; remove: string[] } | null> {
	return new Promise((resolve) => {
		let answer: { add: string[]; remove: string[] } | null = null;
		const before = new Set(present.map((p) => p.toLowerCase()));
		const known = new Map<string, string>();
		for (const k of [...account.settings.Labels.map((l) => l.Keyword), ...account.mailboxes.flatMap((m) => m.Labels), ...present]) {
			if (!known.has(k.toLowerCase())) known.set(k.toLowerCase(), k);
		}
		const chosen = new Set(before);
		const boxes = [...known].map(([key, keyword]) => {
			const label = labelName(account.settings, keyword);
			return { label, root: checkbox({ label, checked: before.has(key), changed: (on) => void (on ? chosen.add(key) : chosen.delete(key)) }).root };
		}).sort((a, b) => a.label.localeCompare(b.label));
		const name = input({});
		const fresh = field(name, { label: t(known.size > 0 ? "label.find" : "label.new") });
		// Typing finds labels; what none is called becomes a new one.
		const make = h("p", { class: "meta", role: "status" });
		name.addEventListener("input", () => {
			for (const b of boxes) b.root.hidden = fit(b.label, name.value) === undefined;
			const typed = name.value.trim();
			make.textContent = typed !== "" && boxes.length > 0 && !named(typed) ? t("label.makes", { name: typed }) : "";
		});
		const named = (typed: string) => boxes.findIndex((b) => b.label.toLocaleLowerCase() === typed.toLocaleLowerCase()) >= 0;
		const form = h("form", {
			class: "pick-labels",
			on: {
				submit: (event) => {
					event.preventDefault();
					const typed = name.value.trim();
					const there = [...known.values()].find((k) => labelName(account.settings, k).toLocaleLowerCase() === typed.toLocaleLowerCase());
					const keyword = there ?? keywordOf(typed);
					if (typed && !keyword) {
						fresh.setError(t("label.bad"));
						return;
					}
					if (keyword) {
						known.set(keyword.toLowerCase(), known.get(keyword.toLowerCase()) ?? keyword);
						chosen.add(keyword.toLowerCase());
						if (!there && typed !== keyword && !account.settings.Labels.some((l) => l.Keyword === keyword)) {
							account.change({ Labels: [...account.settings.Labels, { Keyword: keyword, Name: typed, Color: 0 }] });
						}
					}
					answer = {
						add: [...chosen].filter((k) => !before.has(k)).map((k) => known.get(k)!),
						remove: [...before].filter((k) => !chosen.has(k)).map((k) => known.get(k)!),
					};
					dialog.close();
				},
			},
		}, fresh.root, make, h("div", { class: "pick-list" }, boxes.map((b) => b.root)));
		form.id = "pick-labels";
		const done = button({ label: t("label.apply"), kind: "primary", type: "submit" });
		done.setAttribute("form", form.id);
		const dialog: Dialog = new Dialog({
			title, closeLabel: t("cancel"), size: "small", focus: name, body: [form], actions: [button({ label: t("cancel"), run: () => dialog.close() }), done],
			closed: () => resolve(answer),
		});
	});
}

/** Returns the keyword for a name (RFC 9051 §9, flag-keyword): words are joined, and what cannot be in one is left out. */
export function keywordOf(name: string): string {
	return name.trim().replace(/\s+/g, "_").replace(/[^\x21-\x7e]|[(){%*"\\\]]/g, "").slice(0, 100);
}
