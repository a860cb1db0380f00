import { APIError } from "../../web/lib/api";
import type { App } from "./app";

/** Sends with the token of the session what is no call of the API: again once, with another token, if that one was refused. */
export async function withToken<T>(csrf: App["csrf"], send: (token: string) => Promise<T>, signal?: AbortSignal): Promise<T> {
	let token = "";
	try {
		token = await csrf();
		return await send(token);
	} catch (e) {
		if (!(e instanceof APIError) || e.kind !== "session" || e.code === "client:otherAccount") throw e;
		signal?.throwIfAborted();
		return send(await csrf(token));
	}
}

/** The error of an answer that is not what was asked for; of its body, if that tells one. */
export function answerError(status: number, body: unknown, otherwise: string): APIError {
	const error = (body as { error?: { code?: unknown; message?: unknown } } | null | undefined)?.error;
	if (typeof error?.code === "string" && typeof error.message === "string") return new APIError(error.code, error.message, status);
	if (status === 401 || status === 403) return new APIError("user:sessionOver", "Your session is over.", status);
	return new APIError("client:http", otherwise, status);
}
