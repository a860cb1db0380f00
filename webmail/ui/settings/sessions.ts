import { button } from "../../../web/components/button/button";
import { errorState } from "../../../web/components/state/state";
import { h, replaceChildren } from "../../../web/lib/dom";
import { relativeText } from "../dates";
import { t } from "../texts";
import { answerError, withToken } from "../token";
import { card } from "./card";
import type { SectionContext } from "./settings";

interface Info {
	readonly ID: string;
	readonly Current: boolean;
	readonly Service: string;
	readonly Created: string;
	readonly LastUse: string;
	readonly Client: string;
	readonly UserAgent: string;
}

interface Attempt {
	readonly Last: string;
	readonly Count: number;
	readonly Result: string;
	readonly Protocol: string;
	readonly Client: string;
	readonly UserAgent: string;
}

const seconds = (time: string): number => Date.parse(time) / 1000;

/** Where somebody is logged in, and who tried. */
export function sessions({ app, scope }: SectionContext): HTMLElement {
	const list = h("div", { class: "settings-list" });
	const attempts = h("div", { class: "settings-list" });
	const call = (path: string, method = "GET"): Promise<unknown> => withToken(app.csrf, async (token) => {
		const answer = await fetch(`session/${path}`, { method, signal: scope.signal, headers: { "x-mox-csrf": token } });
		if (!answer.ok) throw answerError(answer.status, await answer.json().catch(() => null), String(answer.status));
		return answer.status === 204 ? undefined : answer.json();
	}, scope.signal);
	const end = async (path: string) => {
		try {
			await call(path, "DELETE");
			await load();
		} catch (e) {
			app.actions.fail(e, t("sessions.failed"));
		}
	};
	const load = async () => {
		try {
			const [all, tried] = await Promise.all([call("all") as Promise<Info[] | null>, call("attempts") as Promise<Attempt[] | null>]);
			replaceChildren(list, (all ?? []).map((s) => h("div", { class: "settings-row" },
				h("div", { class: "settings-words" }, h("strong", s.UserAgent || t("sessions.unknown"), s.Current && ` (${t("sessions.current")})`), h("span", { class: "meta" }, t("sessions.line", { client: s.Client || "?", used: relativeText(seconds(s.LastUse)), since: relativeText(seconds(s.Created)) }))),
				!s.Current && button({ label: t("sessions.end"), run: () => void end(`all/${s.ID}`) }))));
			replaceChildren(attempts, (tried ?? []).slice(0, 50).map((a) => h("div", { class: "settings-row" }, h("div", { class: "settings-words" },
				h("span", t(`attempt.${a.Result}`), a.Count > 1 && ` (${a.Count})`), h("span", { class: "meta" }, [a.Protocol, a.Client, a.UserAgent, relativeText(seconds(a.Last))].filter(Boolean).join(", "))))));
		} catch (e) {
			if (!scope.closed) replaceChildren(list, errorState({ title: t("sessions.failed"), hint: e instanceof Error && e.message }));
		}
	};
	void load();
	return h("div",
		card(t("sessions"), list, button({ label: t("sessions.endOthers"), kind: "danger", run: () => void end("all") })),
		card(t("sessions.attempts"), h("p", { class: "meta" }, t("sessions.attemptsText")), attempts));
}
