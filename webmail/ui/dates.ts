// Dates in words, in the language of the page and the zone of the browser, or the one of the settings.

import { Dates } from "../../web/lib/dates";
import type { Scope } from "../../web/lib/view";
import { language } from "./texts";

let dates = new Dates(language);

/** Has dates written in a time zone; empty for that of the browser. */
export function setTimeZone(zone: string): void {
	try {
		dates = zone ? new Dates(language, zone) : new Dates(language);
	} catch {
		dates = new Dates(language); // A zone that this browser does not know.
	}
}

const date = (seconds: number) => new Date(seconds * 1000);

/** The time zone that dates are written in, by its name. */
export const timeZone = (): string => dates.zone;

/** A date for a list. Seconds since 1970, as everywhere. */
export const dateText = (seconds: number): string => dates.short(date(seconds), new Date());

/** A date with all that is known of it. */
export const fullDateText = (seconds: number): string => dates.full(date(seconds));

/** Day and time, for the head of a message. */
export const mediumDateText = (seconds: number): string => dates.medium(date(seconds), new Date());

/** The time of day. */
export const timeText = (seconds: number): string => dates.time(date(seconds));

/** The group of a date in a list, such as "Yesterday". */
export const dateGroup = (seconds: number): string => dates.group(date(seconds), new Date());

/** How long ago, or ahead. */
export const relativeText = (seconds: number): string => dates.relative(date(seconds), new Date());

/** Calls run when another day has begun, until the scope ends: within a minute, or when the page is seen again, as after the computer has slept. */
export function onNewDay(scope: Scope, run: () => void): void {
	const today = () => dates.toLocal(new Date()).slice(0, 10);
	let day = today();
	const look = () => {
		if (day === (day = today())) return;
		run();
	};
	const timer = setInterval(look, 60_000);
	scope.onClose(() => clearInterval(timer));
	scope.listen(document, "visibilitychange", look);
}

/** Dates, for what else there is. */
export const pageDates = (): Dates => dates;
