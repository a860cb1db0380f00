/**
 * What the generated clients of the API share: calls with their retries and errors. A generated client has the types (as
 * TypeScript and, compactly, for checks at run time) and a table of its functions; all that moves is here.
 */

import { Checks, MismatchError, type Types } from "./apicheck";
import { APIError } from "./apierror";
import { type Network, browserNetwork, send } from "./apifetch";
import type { Session } from "./apisession";
import { backoff, sleep } from "./clock";

export { MismatchError, type Types } from "./apicheck";
export { APIError, type ErrorKind } from "./apierror";
export { type AskLogin, type Credentials, Session, type SessionState } from "./apisession";

/** The functions of an API: type words of the parameters and of what is returned, separated by commas. */
export type Functions = { readonly [name: string]: readonly [params: string, returns: string] };

/** Options of one call, the last argument of each function of a client. */
export interface CallOptions {
	/** Takes the call back: it rejects with the reason of the signal. The server may have carried it out nevertheless. */
	readonly signal?: AbortSignal;
	/** How long to wait for an answer, in milliseconds; that of the client otherwise. */
	readonly timeout?: number;
}

/** Options of a client. */
export interface ClientOptions<A> {
	readonly session: Session;
	/** Functions that change nothing, or nothing more when called again: they are tried again when the server is not reached. */
	readonly safe?: readonly (keyof A & string)[];
	/** Place of the API, relative to the page. Default "api/". */
	readonly base?: string;
	/** How long to wait for an answer, in milliseconds. Default 30,000. */
	readonly timeout?: number;
	/** Told of each call that fails, but for those that the page itself aborted. */
	readonly onError?: (e: APIError, method: string) => void;
	readonly network?: Network;
	/** More fields of the header of calls. */
	readonly headers?: () => Readonly<Record<string, string>>;
}

/** How often a safe call is tried, with those after the first. */
const attempts = 3;

/** Retry-After beyond this is for the user to wait for, in milliseconds. */
const longestRetryAfter = 5000;

/**
 * Returns a client: an object with a function for each of the API. Arguments and results are checked against the types. Calls reject with an
 * APIError, or with the reason of the signal they were given. When the session is over the user is asked to log in again,
 * and the call is repeated.
 */
export const newClient = <A>(types: Types, functions: Functions, o: ClientOptions<A>): A => {
	const caller = new Caller(types, o as ClientOptions<never>);
	const client: { [name: string]: (...args: unknown[]) => Promise<unknown> } = {};
	for (const [name, [params, returns]] of Object.entries(functions)) {
		client[name] = (...args) => caller.call(name, split(params), split(returns), args);
	}
	return client as A;
};

/** Returns a function that checks data from elsewhere, such as events, against a named type. It throws a MismatchError. */
export const newParse = <Named>(types: Types) => {
	const checks = new Checks(types, true);
	return <K extends keyof Named & string>(name: K, value: unknown): Named[K] => {
		try {
			return checks.of(name)(value) as Named[K];
		} catch (e) {
			throw e instanceof MismatchError ? e.within(name) : e;
		}
	};
};

const split = (words: string): string[] => words ? words.split(",") : [];

class Caller {
	readonly #o: ClientOptions<never>;
	readonly #incoming: Checks;
	readonly #outgoing: Checks;
	readonly #network: Network;
	readonly #safe: ReadonlySet<string>;

	constructor(types: Types, o: ClientOptions<never>) {
		this.#o = o;
		this.#incoming = new Checks(types, true);
		this.#outgoing = new Checks(types, false);
		this.#network = o.network ?? browserNetwork;
		this.#safe = new Set<string>(o.safe);
	}

	async call(name: string, params: string[], returns: string[], args: unknown[]): Promise<unknown> {
		const options: CallOptions = args.length > params.length ? args[params.length] as CallOptions | undefined ?? {} : {};
		try {
			const body = this.#body(params, args);
			return this.#result(returns, await this.#try(name, body, options));
		} catch (e) {
			const error = e instanceof MismatchError ? new APIError("client:badTypes", `${name}: ${e.message}`) : e;
			if (error instanceof APIError) {
				this.#o.onError?.(error, name);
			}
			throw error;
		}
	}

	#body(params: string[], args: unknown[]): string {
		params.forEach((words, i) => {
			try {
				this.#outgoing.of(words)(args[i]);
			} catch (e) {
				throw e instanceof MismatchError ? e.within(`params[${i}]`) : e;
			}
		});
		return JSON.stringify({ params: params.map((_, i) => args[i] ?? null) });
	}

	/** Sends the request, as often as it makes sense. */
	async #try(name: string, body: string, options: CallOptions): Promise<unknown> {
		const { clock, random, online } = this.#network;
		for (let attempt = 1; ; attempt++) {
			try {
				return await this.#send(name, body, options);
			} catch (e) {
				const again = this.#safe.has(name) && attempt < attempts && e instanceof APIError && e.temporary && online() && e.retryAfter <= longestRetryAfter;
				if (!again) {
					throw e;
				}
				await sleep(clock, Math.max(e.retryAfter, backoff(attempt, 250, 4000, random)), options.signal);
			}
		}
	}

	/** Sends the request; again once, if there was no session and now is one: without a session it was not carried out. */
	async #send(name: string, body: string, { signal, timeout }: CallOptions): Promise<unknown> {
		const { session, base = "api/" } = this.#o;
		for (let renewed = false; ; renewed = true) {
			let csrf = "";
			try {
				csrf = await session.csrf();
				const init = { method: "POST", headers: { ...this.#o.headers?.(), "Content-Type": "application/json", "x-mox-csrf": csrf }, body };
				return (await send(this.#network, base + name, init, { signal, timeout: timeout ?? this.#o.timeout ?? 30_000 })).value;
			} catch (e) {
				if (renewed || !(e instanceof APIError) || e.kind !== "session" || e.code === "client:otherAccount") {
					throw e;
				}
				await session.renew(csrf);
				signal?.throwIfAborted();
			}
		}
	}

	#result(returns: string[], answer: unknown): unknown {
		if (typeof answer !== "object" || answer === null || !Object.hasOwn(answer, "result")) {
			throw new APIError("client:badAnswer", "The answer has no result.", 200);
		}
		const { result } = answer as { result: unknown };
		try {
			if (returns.length === 0) {
				return undefined;
			} else if (returns.length === 1) {
				return this.#incoming.of(returns[0] ?? "")(result);
			}
			if (!Array.isArray(result) || result.length !== returns.length) {
				throw new MismatchError(`list of ${returns.length}`, result);
			}
			return returns.map((words, i) => this.#incoming.of(words)(result[i]));
		} catch (e) {
			throw e instanceof MismatchError ? e.within("result") : e;
		}
	}
}
