import { button } from "../../../web/components/button/button";
import { Dialog } from "../../../web/components/dialog/dialog";
import { field, input } from "../../../web/components/form/form";
import type { MenuItem } from "../../../web/components/menu/menu";
import { h, uniqueID } from "../../../web/lib/dom";
import { mediumDateText, pageDates } from "../dates";
import { t } from "../texts";

/** Menu items for sending later; choose is told the time in seconds since 1970. */
export function scheduleItems(choose: (at: number) => void, now = new Date()): MenuItem[] {
	return [
		...pageDates().presets(now).map(({ label, at }) => {
			const seconds = at.getTime() / 1000;
			return { label, hint: mediumDateText(seconds), icon: "clock" as const, run: () => choose(seconds) };
		}),
		{ label: t("schedule.pick"), icon: "calendar", run: () => void askTime().then((at) => at && choose(at)) },
	];
}

/** Asks for a time to come. Resolves to seconds since 1970, or undefined if the user gives up. */
export function askTime(begin?: number): Promise<number | undefined> {
	return new Promise((resolve) => {
		let answer: number | undefined;
		const dates = pageDates();
		const now = new Date();
		const when = input({ type: "datetime-local", value: dates.toLocal(begin ? new Date(begin * 1000) : dates.at(now, 1, 8)), required: true });
		when.min = dates.toLocal(now);
		const checked = field(when, { label: t("schedule.when") });
		const form = h("form", {
			id: uniqueID("when"), props: { noValidate: true }, on: {
				submit: (event) => {
					event.preventDefault();
					const at = dates.fromLocal(when.value)?.getTime() ?? 0;
					if (at <= Date.now()) {
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
