import { button } from "../../web/components/button/button";
import { openPicker } from "../../web/components/combobox/picker";
import { Dialog } from "../../web/components/dialog/dialog";
import { checkbox, field, input } from "../../web/components/form/form";
import { h, replaceChildren } from "../../web/lib/dom";
import type { Mailbox } from "./api";
import type { Account } from "./app";
import { mailboxIcon } from "./icons";
import { addTexts, labelName, mailboxLabel, t } from "./texts";

addTexts({
	"label.find": "Find or make a label", "label.takes": "Enter takes “{name}”.", "label.makes": "“{name}” becomes a new label.", "label.other": "New label “{name}”", "label.bad": "A label needs a letter or digit.", "label.apply": "Apply",
});

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

/** Asks for a mailbox of those that fit, by typing. */
export function pickMailbox(account: Account, title: string, fits: (m: Mailbox) => boolean): Promise<Mailbox | null> {
	return new Promise((resolve) => {
		let chosen: Mailbox | null = null;
		openPicker<Mailbox>({
			label: title,
			anchor: middle(),
			find: (text) => account.mailboxes
				.filter((m) => !m.NoSelect && fits(m))
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
		let touched = false; // A box was, since something was typed: that alone is meant.
		const says = h("p", { class: "meta", role: "status" });
		const list = h("div", { class: "pick-list" });
		const say = (text: string) => {
			says.textContent = text;
			list.classList.toggle("found", text !== "" && fits.length > 0);
		};
		const boxes = [...known].map(([key, keyword]) => {
			const label = labelName(account.settings, keyword);
			const changed = (on: boolean) => {
				touched = true;
				say("");
				if (on) chosen.add(key);
				else chosen.delete(key);
			};
			return { keyword, label, root: checkbox({ label, checked: before.has(key), changed }).root };
		}).sort((a, b) => a.label.localeCompare(b.label));
		const name = input({});
		const fresh = field(name, { label: t(known.size > 0 ? "label.find" : "label.new") });
		// Typing finds labels, the best one first, which Enter takes; a new one is made if none fits, or if that is chosen.
		let fits = boxes;
		let make = false;
		replaceChildren(list, boxes.map((b) => b.root));
		name.addEventListener("input", () => {
			const typed = name.value.trim();
			fits = boxes.map((b) => ({ b, score: fit(b.label, typed) })).filter((x) => x.score !== undefined).sort((a, b) => a.score! - b.score!).map((x) => x.b);
			touched = false;
			make = typed !== "" && fits.length === 0;
			const other = !make && typed !== "" && !boxes.some((b) => b.label.toLocaleLowerCase() === typed.toLocaleLowerCase());
			replaceChildren(list, fits.map((b) => b.root), other && checkbox({ label: t("label.other", { name: typed }), checked: false, changed: (on) => {
				touched = true;
				make = on;
				say("");
			} }).root);
			say(typed === "" || boxes.length === 0 ? "" : make ? t("label.makes", { name: typed }) : t("label.takes", { name: fits[0]!.label }));
		});
		const form = h("form", {
			class: "pick-labels",
			on: {
				submit: (event) => {
					event.preventDefault();
					const typed = name.value.trim();
					const there = make || touched || typed === "" ? undefined : fits[0]?.keyword;
					const keyword = there ?? (make ? keywordOf(typed) : "");
					if (make && !keyword) {
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
		}, fresh.root, says, list);
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
