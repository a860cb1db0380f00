import { APIError } from "../../../web/lib/api";
import type { Attachment } from "../api";
import { answerError, withToken } from "../token";

export interface UploadOptions {
	readonly inline: boolean;
	readonly signal: AbortSignal;
	/** Told how far it is, 0 to 1. */
	readonly progress: (done: number) => void;
	/** The token of the session, see App. */
	readonly csrf: (refused?: string) => Promise<string>;
}

/** Sends a file to the server, to be attached. Rejects with an APIError, or the reason of the signal. */
export function upload(file: File, o: UploadOptions): Promise<Attachment> {
	return withToken(o.csrf, (token) => send(file, o, token), o.signal);
}

/** By XMLHttpRequest: fetch does not tell how far sending is. */
function send(file: File, o: UploadOptions, csrf: string): Promise<Attachment> {
	return new Promise((resolve, reject) => {
		const request = new XMLHttpRequest();
		const abort = () => request.abort();
		o.signal.addEventListener("abort", abort);
		const end = (run: () => void) => {
			o.signal.removeEventListener("abort", abort);
			run();
		};
		request.open("POST", `upload?${new URLSearchParams({ name: file.name || "file", ...(o.inline && { inline: "" }) })}`);
		request.setRequestHeader("Content-Type", file.type || "application/octet-stream");
		request.setRequestHeader("x-mox-csrf", csrf);
		request.upload.addEventListener("progress", (e) => o.progress(e.lengthComputable ? e.loaded / e.total : 0));
		request.addEventListener("load", () => end(() => {
			const answer = parse(request.responseText);
			if (request.status === 200 && isAttachment(answer)) resolve(answer);
			else reject(answerError(request.status, answer, request.status === 413 ? "The file is too large." : "The server did not take the file."));
		}));
		request.addEventListener("error", () => end(() => reject(new APIError("client:offline", "The server is not reached."))));
		request.addEventListener("abort", () => end(() => reject(o.signal.reason instanceof Error ? o.signal.reason : new DOMException("", "AbortError"))));
		request.send(file);
	});
}

function parse(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

function isAttachment(v: unknown): v is Attachment {
	const a = v as Partial<Attachment> | undefined;
	return typeof a?.ID === "string" && typeof a.Name === "string" && typeof a.Type === "string" && typeof a.Size === "number" && typeof a.Address === "string" && typeof a.ContentID === "string" && typeof a.Inline === "boolean";
}
