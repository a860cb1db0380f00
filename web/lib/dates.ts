/** Dates as people read them, in the time zone of the browser or another. */

import type { Language } from "./i18n";

const day = 86_400_000;

/** A calendar day: days since 1970, as if each had 24 hours. */
type Day = number;

/** Writes dates in a language and a time zone. Made once: what the browser needs for that is slow to make. */
export class Dates {
	readonly #language: Language;
	readonly #zone: string | undefined;
	readonly #formats = new Map<string, Intl.DateTimeFormat>();
	readonly #parts: Intl.DateTimeFormat;

	/** timeZone is a name of IANA; that of the browser if it is left out. */
	constructor(language: Language, timeZone?: string) {
		this.#language = language;
		this.#zone = timeZone;
		this.#parts = new Intl.DateTimeFormat("en-u-ca-gregory-nu-latn-hc-h23", { year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric", timeZone: this.#zone });
	}

	/** The name of the time zone. */
	get zone(): string {
		return this.#parts.resolvedOptions().timeZone;
	}

	/**
	 * Returns a date for a list: the time if it is today, the day of the week in the last six days, else day and month, with the year if that is another.
	 * What is in the future has its date, unless it is today.
	 */
	short(d: Date, now: Date): string {
		const age = this.#day(now) - this.#day(d);
		if (age === 0) {
			return this.time(d);
		} else if (age > 0 && age < 7) {
			return this.#format({ weekday: "short" }).format(d);
		} else if (this.#fields(d).year === this.#fields(now).year) {
			return this.#format({ day: "numeric", month: "short" }).format(d);
		}
		return this.#format({ day: "numeric", month: "short", year: "numeric" }).format(d);
	}

	/** Returns the time of day: "14:02". */
	time(d: Date): string {
		return this.#format({ timeStyle: "short" }).format(d);
	}

	/** Returns all of it, for tooltips and details: "Sunday, 22 November 2026 at 14:02:11 CET". */
	full(d: Date): string {
		return this.#format({ weekday: "long", day: "numeric", month: "long", year: "numeric", hour: "numeric", minute: "2-digit", second: "2-digit", timeZoneName: "short" }).format(d);
	}

	/** Returns day and time, for the head of a message: "22 Nov 2026, 14:02", without the year if that is the present one. */
	medium(d: Date, now: Date): string {
		const year = this.#fields(d).year === this.#fields(now).year ? {} : { year: "numeric" as const };
		return this.#format({ weekday: "short", day: "numeric", month: "short", ...year, hour: "numeric", minute: "2-digit" }).format(d);
	}

	/** Returns how long ago or ahead, in the largest unit that fits: "5 minutes ago", "in 2 days". */
	relative(d: Date, now: Date): string {
		const seconds = (d.getTime() - now.getTime()) / 1000;
		const units: readonly [Intl.RelativeTimeFormatUnit, number][] = [["year", 365 * 86_400], ["month", 30 * 86_400], ["week", 7 * 86_400], ["day", 86_400], ["hour", 3600], ["minute", 60], ["second", 1]];
		const [unit, length] = units.find(([, l]) => Math.abs(seconds) >= l) ?? ["second", 1];
		return new Intl.RelativeTimeFormat(this.#language.tag, { numeric: "auto" }).format(Math.trunc(seconds / length), unit);
	}

	/** Returns the group of a date in a list: "Today", "Yesterday", "This week", "Last week", the month, or the month with its year. */
	group(d: Date, now: Date): string {
		const today = this.#day(now);
		const that = this.#day(d);
		const age = today - that;
		const { t } = this.#language;
		if (age < 0) {
			return t("date.later");
		} else if (age === 0) {
			return t("date.today");
		} else if (age === 1) {
			return t("date.yesterday");
		}
		const week = today - this.#dayOfWeek(today);
		if (that >= week) {
			return t("date.thisWeek");
		} else if (that >= week - 7) {
			return t("date.lastWeek");
		}
		const sameYear = this.#fields(d).year === this.#fields(now).year;
		return this.#format(sameYear ? { month: "long" } : { month: "long", year: "numeric" }).format(d);
	}

	/** The first day of the week: 0 for Sunday to 6, as in Date.getDay. */
	get firstDay(): number {
		return firstDayOf(this.#language.tag);
	}

	/** Returns the time that the calendar and the clock of the zone show, as values for <input type="datetime-local">: "2026-11-22T14:02". */
	toLocal(d: Date): string {
		const f = this.#fields(d);
		const two = (n: number) => String(n).padStart(2, "0");
		return `${String(f.year).padStart(4, "0")}-${two(f.month)}-${two(f.day)}T${two(f.hour)}:${two(f.minute)}`;
	}

	/** Returns the date for a value of such an input, or undefined if it is none. A time that is skipped in spring is that much later. */
	fromLocal(value: string): Date | undefined {
		const m = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)/.exec(value);
		const utc = m ? Date.UTC(Number(m[1]), Number(m[2]) - 1, Number(m[3]), Number(m[4]), Number(m[5])) : NaN;
		// Date.UTC takes 31 February too.
		return isNaN(utc) || m && new Date(utc).toISOString().slice(0, 16) !== value.slice(0, 16) ? undefined : this.#at(utc);
	}

	/** Returns the date when it is an hour of the day, some days after now. */
	at(now: Date, days: number, hour: number): Date {
		return this.#at((this.#day(now) + days) * day + hour * 3_600_000);
	}

	/** Returns when one may want to send a message later, soonest first, each with its label: this evening, tomorrow at 8:00, and Monday at 8:00. */
	presets(now: Date): { readonly label: string; readonly at: Date }[] {
		const { t } = this.#language;
		const today = this.#day(now);
		const toMonday = (8 - dayOfWeek(today)) % 7 || 7;
		const evening = this.at(now, 0, 18);
		return [
			...evening.getTime() - now.getTime() >= 3_600_000 ? [{ label: t("schedule.laterToday"), at: evening }] : [],
			{ label: t("schedule.tomorrow"), at: this.at(now, 1, 8) },
			...toMonday > 1 ? [{ label: t("schedule.monday"), at: this.at(now, toMonday, 8) }] : [],
		];
	}

	/** Returns how long the texts of short and group stay right: until midnight, in milliseconds. */
	untilMidnight(now: Date): number {
		return Math.max(1000, this.at(now, 1, 0).getTime() - now.getTime());
	}

	#format(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
		const key = Object.entries(options).join();
		let format = this.#formats.get(key);
		if (!format) {
			format = new Intl.DateTimeFormat(this.#language.tag, { ...options, timeZone: this.#zone });
			this.#formats.set(key, format);
		}
		return format;
	}

	#fields(d: Date): { year: number; month: number; day: number; hour: number; minute: number; second: number } {
		if (!this.#zone) {
			return { year: d.getFullYear(), month: d.getMonth() + 1, day: d.getDate(), hour: d.getHours(), minute: d.getMinutes(), second: d.getSeconds() };
		}
		const parts = Object.fromEntries(this.#parts.formatToParts(d).map(p => [p.type, Number(p.value)]));
		const n = (name: string) => parts[name] ?? 0;
		return { year: n("year"), month: n("month"), day: n("day"), hour: n("hour"), minute: n("minute"), second: n("second") };
	}

	#day(d: Date): Day {
		const f = this.#fields(d);
		return Date.UTC(f.year, f.month - 1, f.day) / day;
	}

	/** Returns the day of the week, counted from the first of the language. */
	#dayOfWeek(d: Day): number {
		return (dayOfWeek(d) - this.firstDay + 7) % 7;
	}

	/** Returns the date when calendar and clock of the zone show what those of UTC do at a time. */
	#at(utc: number): Date {
		const shown = (ms: number) => {
			const f = this.#fields(new Date(ms));
			return Date.UTC(f.year, f.month - 1, f.day, f.hour, f.minute, f.second);
		};
		// The difference of the zone depends on the time itself: the second round is for days when the clock changes.
		const first = utc - (shown(utc) - utc);
		const second = first - (shown(first) - utc);
		return new Date(shown(second) === utc ? second : Math.max(first, second));
	}
}

/** 0 for Sunday. The first of 1970 was a Thursday. */
const dayOfWeek = (d: Day): number => (d + 4) % 7;

/** Where weeks begin on Sunday and on Saturday (CLDR); elsewhere it is Monday. */
const sunday = new Set("AG AS AU BD BR BS BT BW BZ CA CO DM DO ET GT GU HK HN ID IL IN JM JP KE KH KR LA MH MM MO MT MX MZ NI NP PA PE PH PK PR PT PY SA SG SV TH TT TW UM US VE VI WS YE ZA ZW".split(" "));
const saturday = new Set("AE AF BH DJ DZ EG IQ IR JO KW LY OM QA SD SY".split(" "));

/** Returns the first day of the week of a language and region: 0 for Sunday to 6. */
export const firstDayOf = (tag: string): number => {
	const locale = new Intl.Locale(tag) as Intl.Locale & { getWeekInfo?: () => { firstDay: number }; weekInfo?: { firstDay: number } };
	const info = locale.getWeekInfo?.() ?? locale.weekInfo;
	if (info) {
		return info.firstDay % 7;
	}
	const region = locale.maximize().region ?? "";
	return sunday.has(region) ? 0 : saturday.has(region) ? 6 : 1;
};
