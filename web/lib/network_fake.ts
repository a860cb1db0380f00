import type { Network } from "./apifetch";
import { FakeClock } from "./clock_fake";

/** A request as a FakeNetwork saw it. */
export interface Seen {
	readonly method: string;
	readonly url: string;
	readonly csrf: string;
	readonly body: unknown;
}

/** What a FakeNetwork answers: a value with a status, or nothing for a server that is not reached, or "hang" for one that says nothing. */
export type Reply = { readonly status?: number; readonly value?: unknown; readonly text?: string; readonly headers?: { readonly [name: string]: string } } | undefined | "hang";

/** A network for tests: a function answers what is sent. */
export class FakeNetwork implements Network {
	readonly clock = new FakeClock();
	readonly seen: Seen[] = [];
	readonly random = () => 1;
	isOnline = true;
	/** Answers requests; may be changed at any time. */
	answer: (seen: Seen) => Reply;

	constructor(answer: (seen: Seen) => Reply) {
		this.answer = answer;
	}

	readonly online = () => this.isOnline;

	readonly fetch = async (url: string, init: RequestInit): Promise<Response> => {
		const headers = new Headers(init.headers);
		const body: unknown = typeof init.body === "string" ? JSON.parse(init.body) : undefined;
		const seen = { method: init.method ?? "GET", url, csrf: headers.get("x-mox-csrf") ?? "", body };
		this.seen.push(seen);
		const reply = this.answer(seen);
		if (reply === "hang") {
			await new Promise((_, reject) => init.signal?.addEventListener("abort", () => reject(init.signal?.reason)));
		}
		if (!reply || reply === "hang") {
			throw new TypeError("network failed");
		}
		return new Response(reply.text ?? JSON.stringify(reply.value), { status: reply.status ?? 200, headers: { ...reply.headers } });
	};
}

/** A refusal as the server writes it. */
export const refusal = (status: number, code: string, message = "No."): Reply => ({ status, value: { error: { code, message } } });
