import { APIError } from "./apierror";
import { type Clock, systemClock } from "./clock";

/** What requests need of the browser. */
export interface Network {
	readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
	readonly clock: Clock;
	/** False when the browser knows that it has no network. */
	readonly online: () => boolean;
	readonly random: () => number;
}

/** Whether the browser may reach the server. Without any network it still reaches the machine it runs on. */
export const online = (): boolean => navigator.onLine || /^(localhost|127(\.\d+){3}|\[::1\])$/.test(location.hostname);

/** The network of the browser. */
export const browserNetwork: Network = {
	fetch: (url, init) => fetch(url, init),
	clock: systemClock,
	online,
	random: Math.random,
};

/** How a request ended: always with the value that the server sent as JSON. */
export interface Answer {
	readonly status: number;
	readonly value: unknown;
}

/** How long to wait for an answer, and what takes the request back. */
export interface RequestOptions {
	readonly signal?: AbortSignal | undefined;
	/** In milliseconds. */
	readonly timeout: number;
}

/**
 * Sends a request with credentials of the same origin and returns its answer. Throws an APIError for what is not a success, with the code that
 * the server gave, as {"error": {"code", "message"}}; or the reason of the signal.
 */
export const send = async (network: Network, url: string, init: RequestInit, o: RequestOptions): Promise<Answer> => {
	o.signal?.throwIfAborted();
	const aborter = new AbortController();
	let timedOut = false;
	const abort = () => aborter.abort(o.signal?.reason);
	o.signal?.addEventListener("abort", abort, { once: true });
	const timer = network.clock.setTimeout(() => {
		timedOut = true;
		aborter.abort();
	}, o.timeout);
	let response: Response;
	let text: string;
	try {
		response = await network.fetch(url, { credentials: "same-origin", redirect: "error", cache: "no-store", ...init, signal: aborter.signal });
		text = await response.text();
	} catch {
		o.signal?.throwIfAborted();
		throw timedOut
			? new APIError("client:timeout", "The server did not answer in time.")
			: new APIError("client:offline", "The server cannot be reached.");
	} finally {
		network.clock.clearTimeout(timer);
		o.signal?.removeEventListener("abort", abort);
	}
	return read(response, text);
};

const read = (response: Response, text: string): Answer => {
	let value: unknown;
	let valid = true;
	try {
		value = JSON.parse(text);
	} catch {
		valid = false;
	}
	const seconds = Number(response.headers.get("Retry-After") ?? 0);
	const retryAfter = seconds > 0 ? seconds * 1000 : 0;
	const error = valid ? errorOf(value) : undefined;
	if (error) {
		throw new APIError(error.code, error.message, response.status, retryAfter);
	} else if (!response.ok) {
		throw new APIError('client:http', `The server answered with status ${response.status}.`, response.status, retryAfter);
	} else if (!valid) {
		throw new APIError("client:badAnswer", "The server sent something that is not an answer.", response.status);
	}
	return { status: response.status, value };
};

const errorOf = (value: unknown): { code: string; message: string } | undefined => {
	const error = (value as { error?: unknown } | null)?.error;
	if (typeof error !== "object" || error === null) {
		return undefined;
	}
	const { code, message } = error as { code?: unknown; message?: unknown };
	return { code: String(code || "server:error"), message: String(message || "Something went wrong.") };
};
