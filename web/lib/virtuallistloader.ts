import type { Clock } from "./clock";
import type { Range, Rows } from "./virtuallistrows";

/** Asks for rows, which are given to the list when they come. The signal is aborted when they are not needed any more. */
export type OnRange = (first: number, count: number, signal: AbortSignal) => Promise<void> | undefined;

/** How many rows are asked for at once, on borders of as many. */
export const pageSize = 50;

/** How long scrolling must rest before rows are asked for, in milliseconds. */
const rest = 60;

/** After a request has failed it is made again no sooner, in milliseconds. */
const retryAfter = 3000;

/** A request without a promise is taken for failed after this time, in milliseconds. */
const answerWithin = 10_000;

/** Requests under way at a time. */
const most = 3;

interface Request {
	readonly aborter: AbortController;
	readonly range: Range;
	timer: unknown;
}

/** Asks for rows that are not known, nearest to what is seen first, and takes back what was scrolled past. */
export class Loader {
	readonly #rows: Rows<unknown>;
	readonly #onRange: OnRange;
	readonly #clock: Clock;
	readonly #asked = new Map<number, Request>();
	#seen: Range = { first: 0, count: 0 };
	#timer: unknown;
	#asksSince = 0;

	constructor(rows: Rows<unknown>, onRange: OnRange, clock: Clock) {
		this.#rows = rows;
		this.#onRange = onRange;
		this.#clock = clock;
	}

	/** These rows are seen now. */
	see(seen: Range): void {
		// Rows that are seen at first are wanted at once; those around them can wait.
		const first = this.#seen.count === 0 && this.#rows.missing(seen).length > 0;
		this.#seen = seen;
		for (const [page, request] of this.#asked) {
			if (!this.#near(page * pageSize)) {
				this.#forget(page, request).abort();
			}
		}
		if (first) {
			this.ask();
			return;
		}
		this.#later(rest);
	}

	/** Forgets requests: the rows are others now. */
	reset(): void {
		for (const [page, request] of this.#asked) {
			this.#forget(page, request).abort();
		}
		this.#clock.clearTimeout(this.#timer);
		this.#seen = { first: 0, count: 0 };
	}

	/** Rows were inserted or removed, or the connection is another: answers that are under way may be for other rows, and are asked for again. */
	moved(): void {
		const seen = this.#seen;
		this.reset();
		this.#seen = seen;
		this.#later(rest);
	}

	/** Asks for what is missing, now. */
	ask(): void {
		this.#asksSince = this.#clock.now();
		const { first, count } = this.#seen;
		if (count === 0) {
			return;
		}
		for (const [page, request] of this.#asked) {
			if (this.#rows.missing(request.range).length === 0) {
				this.#forget(page, request);
			}
		}
		const middle = first + count / 2;
		const pages = new Set(this.#rows.missing({ first: first - count, count: 3 * count })
			.flatMap(gap => Array.from({ length: Math.ceil((gap.first % pageSize + gap.count) / pageSize) }, (_, i) => Math.floor(gap.first / pageSize) + i)));
		const distance = (page: number) => Math.abs((page + 0.5) * pageSize - middle);
		const seen = (page: number) => page * pageSize < first + count && (page + 1) * pageSize > first ? 0 : 1;
		for (const page of [...pages].sort((a, b) => seen(a) - seen(b) || distance(a) - distance(b))) {
			if (this.#asked.size >= most) {
				return;
			}
			if (!this.#asked.has(page)) {
				this.#request(page);
			}
		}
	}

	#request(page: number): void {
		const aborter = new AbortController();
		const from = page * pageSize;
		const range = { first: from, count: Math.min(pageSize, this.#rows.total - from) };
		const request: Request = { aborter, range, timer: undefined };
		this.#asked.set(page, request);
		const done = (wait: number) => {
			if (this.#asked.get(page) === request) {
				this.#forget(page, request);
				this.#later(wait);
			}
		};
		// Without a promise it is done when the rows are there.
		const answer = this.#onRange(range.first, range.count, aborter.signal);
		if (answer) {
			answer.then(() => done(this.#rows.missing(range).length ? retryAfter : 0), () => done(retryAfter));
		} else {
			request.timer = this.#clock.setTimeout(() => done(0), answerWithin);
		}
	}

	#forget(page: number, request: Request): AbortController {
		this.#clock.clearTimeout(request.timer);
		this.#asked.delete(page);
		return request.aborter;
	}

	/** Rows have come. */
	got(): void {
		if (this.#asked.size) {
			this.#later(0);
		}
	}

	#near(index: number): boolean {
		const { first, count } = this.#seen;
		return index + pageSize > first - count && index < first + 2 * count;
	}

	/** Asks after some time without calls, but not later than four times that after the last. */
	#later(ms: number): void {
		this.#clock.clearTimeout(this.#timer);
		const overdue = ms === rest && this.#clock.now() - this.#asksSince > 4 * rest;
		this.#timer = this.#clock.setTimeout(() => this.ask(), overdue ? 0 : ms);
	}
}
