/** What tells the time and wakes one later; tests have one of their own. */
export interface Clock {
	/** Milliseconds since 1970, by the clock on the wall: it jumps when the computer has slept. */
	now(): number;
	/** Calls f once, after some milliseconds. */
	setTimeout(f: () => void, ms: number): unknown;
	/** Takes that back. Values that are not, or no longer, of a timer are fine. */
	clearTimeout(timer: unknown): void;
}

/** The clock of the browser. */
export const systemClock: Clock = {
	now: () => Date.now(),
	setTimeout: (f, ms) => setTimeout(f, ms),
	clearTimeout: timer => clearTimeout(timer as number),
};

/** Resolves after some milliseconds, or rejects with the reason of signal as soon as that is aborted. */
export const sleep = (clock: Clock, ms: number, signal?: AbortSignal): Promise<void> =>
	new Promise((resolve, reject) => {
		if (signal?.aborted) {
			reject(signal.reason);
			return;
		}
		const abort = () => {
			clock.clearTimeout(timer);
			reject(signal?.reason);
		};
		const timer = clock.setTimeout(() => {
			signal?.removeEventListener("abort", abort);
			resolve();
		}, ms);
		signal?.addEventListener("abort", abort, { once: true });
	});

/**
 * How long to wait before an attempt, in milliseconds: twice as long after each failure, between half and the whole of it by
 * chance, so that clients which failed together do not come back together.
 */
export const backoff = (failures: number, first: number, most: number, random: () => number = Math.random): number => {
	const whole = Math.min(most, first * 2 ** Math.min(failures, 30));
	return whole / 2 + random() * whole / 2;
};
