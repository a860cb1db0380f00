import { h } from "../../../web/lib/dom";
import type { View } from "../../../web/lib/view";
import type { App } from "../app";
import type { PageCommands } from "../commands";
import { t } from "../texts";

/** The settings, in the place of list and reader. */
export class SettingsPage implements View {
	readonly root: HTMLElement;

	constructor(_app: App, _commands: PageCommands, _section: string) {
		this.root = h("div", { class: "settings" }, h("h1", t("settings")));
	}

	close(): void {
		this.root.remove();
	}
}
