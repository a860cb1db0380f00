// What became of a message that was sent, or will. Loaded with the first such message.

import { button } from "../../../web/components/button/button";
import { Dialog } from "../../../web/components/dialog/dialog";
import { field, input } from "../../../web/components/form/form";
import { openMenu } from "../../../web/components/menu/menu";
import { h, setAria } from "../../../web/lib/dom";
import { icon } from "../../../web/lib/icons";
import { type Delivery, Level, type Submission, SubmissionState } from "../api";
import type { App } from "../app";
import { mediumDateText, pageDates, relativeText } from "../dates";
import { t } from "../texts";
import "./latertexts";

/** Returns how far it came, in words. */
export function deliveryText(s: Submission): string {
	const done = s.Recipients.filter((r) => r.State === "delivered").length;
	const all = s.Recipients.length;
	switch (s.State) {
		case SubmissionState.SubmissionHeld:
			return t("sent.held", { date: mediumDateText(s.SendAt) });
		case SubmissionState.SubmissionCanceled:
			return t("sent.canceled");
	}
	if (all === 0) return t(s.State === SubmissionState.SubmissionSending ? "sent.sending" : "sent.done");
	if (done === all) return t("sent.all", { n: done });
	return done > 0 ? t("sent.some", { n: done, of: all }) : s.State === SubmissionState.SubmissionSending ? t("sent.sending") : t("sent.failed");
}

const order = [Level.LevelOK, Level.LevelInfo, Level.LevelWarn, Level.LevelBad];

const worst = (s: Submission): Level => s.Recipients.reduce<Level>((l, r) => order.indexOf(r.Level) > order.indexOf(l) ? r.Level : l, s.State === SubmissionState.SubmissionDone ? Level.LevelOK : Level.LevelInfo);

/** Makes the line below the head of a message that the account sent, or has planned to. */
export function deliveryLine(app: App, s: Submission, changed: () => void): HTMLElement {
	const held = s.State === SubmissionState.SubmissionHeld;
	const level = worst(s);
	const list = h("ul", { class: "deliveries", role: "list", hidden: true }, s.Recipients.map(recipient));
	const details = s.Recipients.length > 0 && button({
		label: t("sent.details"), kind: "quiet",
		run: () => {
			list.hidden = !list.hidden;
			setAria(details as HTMLElement, { expanded: !list.hidden });
		},
	});
	if (details) setAria(details, { expanded: false });
	const act = (label: string, run: () => Promise<unknown>) => button({ label, kind: "quiet", run: () => void run().then(changed, (e) => app.actions.fail(e, t("sent.failedAction"))) });
	// A message that leaves at another time can be another email then.
	const resend = (run: Promise<string>) => void run.then((email) => {
		const { router } = app;
		if (email === "" || email === s.Email) changed();
		else router.go(router.route.kind === "view" ? { ...router.route, email } : { kind: "message", email }, { replace: true });
	}, (e) => app.actions.fail(e, t("sent.failedAction")));
	return h("div", { class: ["banner", "delivery", level === Level.LevelOK ? "neutral" : level] },
		icon(held ? "clock" : level === Level.LevelOK ? "check" : level === Level.LevelInfo ? "send" : "warning", 18),
		h("div", { class: "banner-text" }, deliveryText(s)),
		h("div", { class: "banner-actions" }, details,
			held && [
				button({ label: t("sent.change"), kind: "quiet", run: (e) => changeTime(s, e.currentTarget as HTMLElement, (at) => resend(app.api.Reschedule(s.ID, at))) }),
				button({ label: t("sent.now"), kind: "quiet", run: () => resend(app.api.SendNow(s.ID)) }),
				act(t("sent.cancel"), async () => {
					await app.composers.edit(await app.api.SendUndo(s.ID));
				}),
			]),
		list);
}

function recipient(r: Delivery): HTMLElement {
	const more = [
		r.Remote, r.TLS, r.State !== "delivered" && r.Attempts > 0 && t("sent.tries", { n: r.Attempts }),
		r.State === "waiting" && r.Next > 0 && t("sent.next", { date: mediumDateText(r.Next) }),
	].filter(Boolean).join(" · ");
	return h("li", h("span", { class: ["level", r.Level] }, icon(r.Level === Level.LevelOK ? "check" : r.Level === Level.LevelInfo ? "clock" : "warning", 16)),
		h("span", h("bdi", h("b", r.Address)), " ", r.Text, more !== "" && h("span", { class: "meta" }, " ", more)));
}

/** Asks when a message shall leave. */
function changeTime(s: Submission, anchor: HTMLElement, choose: (at: number) => void): void {
	const set = (at: Date) => choose(Math.floor(at.getTime() / 1000));
	openMenu({
		label: t("sent.when"), anchor, items: [
			...pageDates().presets(new Date()).map(({ at }) => ({ label: mediumDateText(at.getTime() / 1000), hint: relativeText(at.getTime() / 1000), run: () => set(at) })),
			"line", { label: t("sent.pick"), icon: "calendar", run: () => pickTime(s.SendAt, set) },
		],
	});
}

function pickTime(now: number, set: (at: Date) => void): void {
	const box = input({ type: "datetime-local", value: pageDates().toLocal(new Date(now * 1000)) });
	const time = field(box, { label: t("sent.when") });
	const done = button({
		label: t("sent.set"), kind: "primary",
		run: () => {
			const at = pageDates().fromLocal(box.value);
			if (!at || at.getTime() <= Date.now()) {
				time.setError(t("sent.past"));
				return;
			}
			dialog.close();
			set(at);
		},
	});
	const dialog: Dialog = new Dialog({ title: t("sent.when"), closeLabel: t("cancel"), size: "small", body: [time.root], actions: [button({ label: t("cancel"), run: () => dialog.close() }), done], focus: box });
}
