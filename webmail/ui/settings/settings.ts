import { Tabs } from "../../../web/components/tabs/tabs";
import { h } from "../../../web/lib/dom";
import { Scope, type View } from "../../../web/lib/view";
import type { App } from "../app";
import type { PageCommands } from "../commands";
import { addTexts, t } from "../texts";
import { general } from "./general";
import { keys } from "./keys";
import { labels } from "./labels";
import { privacy } from "./privacy";
import { sessions } from "./sessions";
import { texts } from "./texts";
import { transfer } from "./transfer";
import { writing } from "./writing";

/** What a section is made with. Changes are saved by themselves. */
export interface SectionContext {
	readonly app: App;
	readonly commands: PageCommands;
	readonly scope: Scope;
}

const sections = { general, writing, privacy, keys, labels, sessions, transfer };

/** The settings, in the place of list and reader. */
export class SettingsPage implements View {
	readonly root: HTMLElement;
	readonly #scope = new Scope();
	readonly #tabs: Tabs;
	readonly #search: HTMLInputElement;
	readonly #nothing = h("p", { role: "status" });

	constructor(app: App, commands: PageCommands, section: string) {
		addTexts(texts);
		const context: SectionContext = { app, commands, scope: this.#scope };
		const tabs = this.#tabs = this.#scope.own(new Tabs(t("settings"), Object.entries(sections).map(([id, make]) => ({
			id, label: t(`settings.${id}`), make: () => make(context),
		})), section in sections ? section : "general", (id) => app.router.go({ kind: "settings", section: id }, { replace: true })));
		const search = this.#search = h("input", { class: "input", type: "search", aria: { label: t("settings.search") }, props: { placeholder: t("settings.search") }, on: { input: () => this.#find(search.value) } });
		this.root = h("div", { class: "settings" }, h("div", { class: "settings-row" }, h("h1", t("settings")), search), h("p", { class: "meta" }, t("settings.saved")), this.#nothing, tabs.root);
	}

	/** Shows what has all words of a text in it, of all sections; nothing special for no words. */
	#find(text: string): void {
		const words = text.toLocaleLowerCase().split(/\s+/).filter(Boolean);
		this.#tabs.showAll(words.length > 0);
		const fits = (e: Element, section = "") => words.every((w) => `${section} ${e.textContent}`.toLocaleLowerCase().includes(w));
		let found = 0;
		for (const card of this.root.querySelectorAll<HTMLElement>(".settings-card")) {
			const tab = card.closest("[role=tabpanel]")?.getAttribute("aria-labelledby") ?? "";
			card.hidden = !fits(card, document.getElementById(tab)?.textContent);
			if (!card.hidden) found++;
			// Of keys, one for each command, only those are meant.
			for (const row of card.querySelectorAll<HTMLElement>("tr")) row.hidden = !fits(row) && !fits(card.querySelector("h2")!);
		}
		this.#nothing.textContent = found === 0 ? t("settings.nothing") : "";
	}

	/** Shows a section, by its name, in place of what was searched for; the first one for one that there is not. */
	show(section: string): void {
		if (this.#search.value !== "") this.#find(this.#search.value = "");
		this.#tabs.choose(section in sections ? section : "general");
	}

	close(): void {
		this.#scope.close();
		this.root.remove();
	}
}
