import { button, iconButton } from "../../../web/components/button/button";
import { emptyState, errorState, skeletonRows } from "../../../web/components/state/state";
import { h, replaceChildren } from "../../../web/lib/dom";
import { icon } from "../../../web/lib/icons";
import { displayName } from "../../../web/lib/text";
import { Scope, type View } from "../../../web/lib/view";
import type { Submission } from "../api";
import type { App } from "../app";
import { mediumDateText } from "../dates";
import { t } from "../texts";
import { askTime } from "./schedule";
import "./texts";

/** The messages that wait to be sent: when, and what can be done about it. */
export class ScheduledPage implements View {
	readonly root: HTMLElement;
	readonly #app: App;
	readonly #scope = new Scope();
	readonly #list = h("div", { class: "scheduled-list" });

	constructor(app: App) {
		this.#app = app;
		this.root = h("section", { class: "scheduled-page", aria: { label: t("scheduled.title") } }, h("h1", t("scheduled.title")), this.#list);
		app.account.on(this.#scope, ["scheduled"], () => void this.#load());
		replaceChildren(this.#list, skeletonRows(t("scheduled.title"), 3, "line"));
		void this.#load();
	}

	close(): void {
		this.#scope.close();
		this.root.remove();
	}

	async #load(): Promise<void> {
		try {
			const all = await this.#app.api.Scheduled({ signal: this.#scope.signal });
			const at = document.activeElement?.closest<HTMLElement>("[data-submission]")?.dataset["submission"];
			replaceChildren(this.#list, all.length === 0
				? emptyState({ icon: "clock", title: t("scheduled.none"), hint: t("scheduled.none.hint") })
				: h("ul", { role: "list" }, all.map((s) => this.#row(s))));
			if (at) this.#list.querySelector<HTMLElement>(`[data-submission="${CSS.escape(at)}"] button`)?.focus();
		} catch (e) {
			if (this.#scope.closed) return;
			this.#app.actions.fail(e, t("scheduled.failed"));
			replaceChildren(this.#list, errorState({ title: t("scheduled.failed"), actions: [button({ label: t("composer.retry"), run: () => void this.#load() })] }));
		}
	}

	#row(s: Submission): HTMLElement {
		const { api, actions, composers } = this.#app;
		const subject = s.Subject || t("scheduled.nosubject");
		const act = (what: string, run: () => Promise<void>) => async () => {
			try {
				await run();
			} catch (e) {
				actions.fail(e, t(what));
			}
			void this.#load();
		};
		const change = act("scheduled.changefailed", async () => {
			const at = await askTime(s.SendAt);
			if (at === undefined) return;
			await api.Reschedule(s.ID, at);
			actions.say(t("scheduled.moved", { time: mediumDateText(at) }));
		});
		const named = (label: string) => `${label}: ${subject}`;
		return h("li", { class: "scheduled-row", data: { submission: s.ID } },
			h("div", { class: "scheduled-time" }, icon("clock", 18), h("time", { datetime: new Date(s.SendAt * 1000).toISOString() }, mediumDateText(s.SendAt))),
			h("div", { class: "scheduled-words" }, h("p", { class: "scheduled-subject truncate" }, subject),
				h("p", { class: "meta truncate" }, t("scheduled.to", { names: s.To.map((p) => displayName({ name: p.Name, address: p.Address })).join(", ") }))),
			h("div", { class: "scheduled-actions" },
				iconButton({ label: named(t("scheduled.change")), icon: "calendar", run: change }),
				iconButton({
					label: named(t("scheduled.now")), icon: "send", run: act("scheduled.nowfailed", async () => {
						await api.SendNow(s.ID);
						actions.say(t("scheduled.sent"));
					}),
				}),
				iconButton({
					label: named(t("scheduled.cancel")), icon: "x", run: act("composer.undofailed", async () => {
						await api.SendUndo(s.ID);
						actions.say(t("scheduled.kept"));
					}),
				}),
				iconButton({
					label: named(t("scheduled.edit")), icon: "edit", run: act("composer.undofailed", async () => {
						await composers.edit({ ...await api.SendUndo(s.ID), SendAt: s.SendAt });
					}),
				})));
	}
}
