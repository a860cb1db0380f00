import type { Clock } from "./clock";

/** A clock for tests: time passes when the test says so. */
export class FakeClock implements Clock {
	#time: number;
	#timers: { at: number; f: () => void }[] = [];

	constructor(start = Date.UTC(2026, 10, 22, 12)) {
		this.#time = start;
	}

	now(): number {
		return this.#time;
	}

	setTimeout(f: () => void, ms: number): unknown {
		const timer = { at: this.#time + ms, f };
		this.#timers.push(timer);
		return timer;
	}

	clearTimeout(timer: unknown): void {
		this.#timers = this.#timers.filter(t => t !== timer);
	}

	/** How many timers are set. */
	get pending(): number {
		return this.#timers.length;
	}

	/** Lets time pass; timers go off in their order, and promises are settled after each. */
	async advance(ms: number): Promise<void> {
		const end = this.#time + ms;
		await settle();
		for (;;) {
			const next = this.#timers.filter(t => t.at <= end).sort((a, b) => a.at - b.at)[0];
			if (!next) {
				break;
			}
			this.#time = Math.max(this.#time, next.at);
			this.clearTimeout(next);
			next.f();
			await settle();
		}
		this.#time = end;
		await settle();
	}

	/** Sleeps like a computer: time passes, timers stand still, and those that are due go off late. */
	async sleep(ms: number): Promise<void> {
		this.#time += ms;
		await this.advance(0);
	}
}

declare const setImmediate: (f: () => void) => void;

/** Lets promises settle that wait for nothing but each other. */
export const settle = (): Promise<void> => new Promise(resolve => setImmediate(resolve));
