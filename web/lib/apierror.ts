/**
 * What kind of failure an error is, for deciding what to do:
 *
 * - user: the request cannot work as it is; the message is for people.
 * - server: the server failed; the same may work later.
 * - session: the session is over, and the user did not log in again.
 * - offline: the server was not reached, or not in time. Whether the request was carried out is not known.
 * - protocol: what was sent or received is not of its type, or not an answer of this API; trying again is of no use.
 */
export type ErrorKind = "user" | "server" | "session" | "offline" | "protocol";

const sessionCodes = new Set(["user:noSession", "user:sessionOver", "user:badCSRF", "client:otherAccount"]);
const offlineCodes = new Set(["client:offline", "client:timeout"]);

/**
 * A call that failed. Codes are those of the server, such as "user:noStream" and "server:temporary", and those of the page:
 * "client:offline", "client:timeout", "client:badAnswer", "client:badTypes", "client:otherAccount", "client:http" (a status without more,
 * usually of a proxy). A call that the page itself aborted rejects with the reason of the signal instead.
 */
export class APIError extends Error {
	override readonly name = "APIError";

	readonly code: string;
	/** Status of HTTP; 0 without an answer. */
	readonly status: number;
	/** How long the server asks to wait before trying again, in milliseconds; 0 if it does not say. */
	readonly retryAfter: number;

	constructor(code: string, message: string, status = 0, retryAfter = 0) {
		super(message);
		this.code = code;
		this.status = status;
		this.retryAfter = retryAfter;
	}

	get kind(): ErrorKind {
		if (sessionCodes.has(this.code)) {
			return "session";
		} else if (offlineCodes.has(this.code)) {
			return "offline";
		} else if (this.code.startsWith("user:")) {
			return "user";
		}
		return this.code.startsWith("server:") || this.status >= 500 ? "server" : "protocol";
	}

	/** Whether the same request may work later without anybody changing anything. */
	get temporary(): boolean {
		return this.kind === "offline" || this.code === "server:temporary" || [429, 502, 503, 504].includes(this.status);
	}
}
