import { type Clock, backoff } from "../../../web/lib/clock";
import type { Draft, Saved } from "../api";

/** How long after the last change a draft is saved, and how long at most after the first one, in milliseconds. */
const pause = 3000;
const longest = 12_000;

/** What is known of the saving: failed has words for people; again tells that it is tried again by itself. */
export type SaveState =
	| { readonly kind: "unchanged" }
	| { readonly kind: "changed" }
	| { readonly kind: "saving" }
	| { readonly kind: "saved"; readonly at: number }
	| { readonly kind: "failed"; readonly error: unknown; readonly again: boolean };

export interface SaverOptions {
	readonly clock: Clock;
	/** The draft as it is now. */
	readonly draft: () => Draft;
	readonly save: (draft: Draft) => Promise<Saved>;
	/** Told of what was saved, and what was sent for that; before the state changes. */
	readonly saved: (saved: Saved, sent: Draft) => void;
	readonly state: (state: SaveState) => void;
	/** Tells whether an error may be gone the next time. */
	readonly temporary: (error: unknown) => boolean;
	readonly random?: () => number;
}

/** Saves a draft some time after it changed, one save after the other, again after failures. */
export class Saver {
	readonly #o: SaverOptions;
	#changes = 0;
	#savedChanges = 0;
	#first = 0; // When the oldest change was made that is not saved.
	#timer: unknown;
	#running: Promise<boolean> | undefined;
	#failures = 0;
	#held = false;
	#closed = false;

	constructor(o: SaverOptions) {
		this.#o = o;
	}

	/** Whether something is not saved. */
	get dirty(): boolean {
		return this.#changes > this.#savedChanges;
	}

	/** Called after each change. */
	changed(): void {
		const { clock } = this.#o;
		if (!this.dirty) this.#first = clock.now();
		this.#changes++;
		if (this.#failures === 0) {
			this.#o.state({ kind: "changed" });
			this.#plan(Math.max(0, Math.min(pause, this.#first + longest - clock.now())));
		}
	}

	/** Saves now what is not saved, and after failures too. Resolves to whether all is saved. */
	async now(): Promise<boolean> {
		for (let i = 0; i < 5 && !this.#closed && !this.#held; i++) {
			if (this.#running) await this.#running;
			else if (!this.dirty) return true;
			else if (!await this.#save()) return false;
		}
		return !this.dirty;
	}

	/** Saves nothing until release, such as while it is sent. Resolves when no save runs any more. */
	async hold(): Promise<void> {
		this.#held = true;
		this.#o.clock.clearTimeout(this.#timer);
		await this.#running;
	}

	release(): void {
		this.#held = false;
		if (this.dirty) this.#plan(pause);
	}

	/** Ends it. What is not saved is not saved any more. */
	close(): void {
		this.#closed = true;
		this.#o.clock.clearTimeout(this.#timer);
	}

	#plan(ms: number): void {
		if (this.#closed || this.#held) return;
		this.#o.clock.clearTimeout(this.#timer);
		this.#timer = this.#o.clock.setTimeout(() => {
			if (!this.#running && this.dirty) void this.#save();
		}, ms);
	}

	#save(): Promise<boolean> {
		this.#o.clock.clearTimeout(this.#timer);
		this.#running = this.#try().finally(() => {
			this.#running = undefined;
		});
		return this.#running;
	}

	async #try(): Promise<boolean> {
		const { clock } = this.#o;
		const changes = this.#changes;
		const draft = this.#o.draft();
		this.#o.state({ kind: "saving" });
		try {
			const saved = await this.#o.save(draft);
			this.#savedChanges = changes;
			this.#failures = 0;
			this.#first = clock.now();
			this.#o.saved(saved, draft);
			this.#o.state(this.dirty ? { kind: "changed" } : { kind: "saved", at: saved.At });
			if (this.dirty) this.#plan(pause);
			return true;
		} catch (error) {
			const again = this.#o.temporary(error);
			this.#o.state({ kind: "failed", error, again });
			if (again) {
				this.#failures++;
				this.#plan(backoff(this.#failures - 1, 4000, 60_000, this.#o.random));
			} else {
				this.#failures = 0; // The next change is a new attempt.
			}
			return false;
		}
	}
}
