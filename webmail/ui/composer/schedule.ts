import { button } from "../../../web/components/button/button";
import { Dialog } from "../../../web/components/dialog/dialog";
import { field, input } from "../../../web/components/form/form";
import type { MenuItem } from "../../../web/components/menu/menu";
import { h, uniqueID } from "../../../web/lib/dom";
import { t } from "../texts";

const hour = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const whole = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const withYear = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });

/** A time in words, for what is to come: "Mon, 23 Nov, 08:00". Seconds since 1970. */
export function timeText(seconds: number, now = new Date()): string {
	const d = new Date(seconds * 1000);
	return (d.getFullYear() === now.getFullYear() ? whole : withYear).format(d);
}

export interface Preset {
	readonly label: string;
	readonly at: Date;
}

/** When one may want to send later: this evening, tomorrow and on Monday, in the morning. */
export function presets(now: Date): Preset[] {
	const at = (days: number, h: number) => new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, h);
	const monday = (8 - now.getDay()) % 7 || 7;
	return [
		...now.getHours() < 17 ? [{ label: "schedule.evening", at: at(0, 18) }] : [],
		{ label: "schedule.tomorrow", at: at(1, 8) },
		...monday > 1 ? [{ label: "schedule.monday", at: at(monday, 8) }] : [],
	];
}

/** Menu items for sending later; choose is told the time in seconds since 1970. */
export function scheduleItems(choose: (at: number) => void, now = new Date()): MenuItem[] {
	return [
		...presets(now).map((p) => ({ label: t(p.label, { time: hour.format(p.at) }), icon: "clock" as const, run: () => choose(p.at.getTime() / 1000) })),
		{ label: t("schedule.pick"), icon: "calendar", run: () => void askTime().then((at) => at && choose(at)) },
	];
}

/** A time as the browser's field for it has it, in its own zone. */
export function localValue(d: Date): string {
	const two = (n: number) => String(n).padStart(2, "0");
	return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}T${two(d.getHours())}:${two(d.getMinutes())}`;
}

/** Asks for a time to come. Resolves to seconds since 1970, or undefined if the user gives up. */
export function askTime(begin?: number): Promise<number | undefined> {
	return new Promise((resolve) => {
		let answer: number | undefined;
		const now = new Date();
		const when = input({ type: "datetime-local", value: localValue(begin ? new Date(begin * 1000) : presets(now).find((p) => p.label === "schedule.tomorrow")!.at), required: true });
		when.min = localValue(now);
		const checked = field(when, { label: t("schedule.when"), hint: Intl.DateTimeFormat().resolvedOptions().timeZone });
		const form = h("form", {
			id: uniqueID("when"), props: { noValidate: true }, on: {
				submit: (event) => {
					event.preventDefault();
					const at = new Date(when.value).getTime();
					if (!(at > Date.now())) {
						checked.setError(t("schedule.past"));
						when.focus();
						return;
					}
					answer = Math.floor(at / 1000);
					dialog.close();
				},
			},
		}, checked.root);
		const go = button({ label: t("schedule.do"), kind: "primary", type: "submit" });
		go.setAttribute("form", form.id);
		const dialog: Dialog = new Dialog({
			title: t("schedule.title"), closeLabel: t("cancel"), size: "small", body: [form], focus: when,
			actions: [button({ label: t("cancel"), run: () => dialog.close() }), go], closed: () => resolve(answer),
		});
	});
}
