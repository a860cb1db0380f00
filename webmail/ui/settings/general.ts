import { field, input, select } from "../../../web/components/form/form";
import { setTimeZone } from "../dates";
import { t } from "../texts";
import { card, choice, flag } from "./card";
import type { SectionContext } from "./settings";

/** How the page looks and behaves. */
export function general({ app }: SectionContext): HTMLElement {
	const { account } = app;
	const { settings } = account;
	const zone = input({ value: settings.TimeZone, placeholder: Intl.DateTimeFormat().resolvedOptions().timeZone });
	const zoneField = field(zone, { label: t("set.TimeZone"), hint: t("set.TimeZone.hint") });
	zone.addEventListener("change", () => {
		const name = zone.value.trim();
		try {
			if (name) new Intl.DateTimeFormat("en", { timeZone: name });
		} catch {
			zoneField.setError(t("set.TimeZone.wrong"));
			return;
		}
		zoneField.setError("");
		setTimeZone(name);
		account.change({ TimeZone: name });
	});
	const seen = select(["0", "1", "3", "5", "-1"].map((value) => ({ value, label: t(`set.MarkSeenAfter.${value}`) })), String(settings.MarkSeenAfter), (v) => account.change({ MarkSeenAfter: Number(v) }));
	const swipes = ["", "archive", "trash", "junk", "read", "flag"].map((value) => ({ value, label: t(`swipe.${value || "none"}`) }));
	const notify = flag(app, "NotifyDesktop", (on) => {
		if (on && "Notification" in window && Notification.permission === "default") void Notification.requestPermission();
	});
	const root = document.createElement("div");
	root.append(
		card(t("general.look"), choice(app, "Theme", ["", "light", "dark"]), choice(app, "Density", ["comfortable", "compact", "cosy"]), choice(app, "Pane", ["right", "below", "none"]), zoneField.root),
		card(t("general.reading"), flag(app, "Threads"), flag(app, "NewestFirst"), field(seen, { label: t("set.MarkSeenAfter") }).root, choice(app, "AfterAction", ["next", "previous", "list"])),
		card(t("general.notify"), notify, flag(app, "NotifySound")),
		card(t("general.touch"),
			field(select(swipes, settings.SwipeRight, (v) => account.change({ SwipeRight: v })), { label: t("set.SwipeRight") }).root,
			field(select(swipes, settings.SwipeLeft, (v) => account.change({ SwipeLeft: v })), { label: t("set.SwipeLeft") }).root));
	return root;
}
