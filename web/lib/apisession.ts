import { APIError } from "./apierror";
import { type Network, browserNetwork, send } from "./apifetch";

/** The session of the page, as the server tells it. */
export interface SessionState {
	/** The account by name. */
	readonly Account: string;
	/** Its id in the list of sessions. */
	readonly Session: string;
	/** What requests that change something have in the header x-mox-csrf. */
	readonly CSRF: string;
	readonly Created: Date;
	/** When it ends, however much it is used. */
	readonly Expires: Date;
}

/** What somebody types to log in. */
export interface Credentials {
	readonly Username: string;
	readonly Password: string;
	/** Whether to stay logged in on this device. */
	readonly Remember: boolean;
}

/**
 * Asks the user to log in again over the page, which stays as it is: shows a dialog that calls logIn, until it resolves; its
 * errors (code user:badCredentials, user:loginDisabled, client:offline ...) are shown in the dialog, which stays open. Resolves after a
 * login, and rejects when the user gives up. The signal is aborted when another tab has logged in meanwhile: then the dialog closes and the
 * promise is resolved.
 */
export type AskLogin = (logIn: (c: Credentials) => Promise<void>, signal: AbortSignal) => Promise<void>;

/** Options of a Session. */
export interface SessionOptions {
	/** Place of the API of sessions, relative to the page. Default "session/". */
	readonly base?: string;
	/** The state when the page was made, if it holds one. Otherwise the server is asked when first needed. */
	readonly state?: SessionState;
	readonly ask: AskLogin;
	/** Told when another tab logs in, and where that is told to others; absent without support by the browser. */
	readonly channel?: BroadcastChannel;
	readonly network?: Network;
	/** How long to wait for an answer, in milliseconds. Default 20,000. */
	readonly timeout?: number;
}

/** A page that is still there this long after its user has logged out stays, in milliseconds. */
const going = 5000;

/**
 * The session that requests of the page are made with. When it is over, the first request to notice has the user log in again, and
 * all that wait go on after that. A page is of one account: logging in to another is refused with client:otherAccount, and the page must be
 * loaded again.
 */
export class Session {
	readonly #o: SessionOptions;
	#state: SessionState | undefined;
	/** The account of the page while there is no session. */
	#over = "";
	#fetching: Promise<SessionState> | undefined;
	#renewing: Promise<void> | undefined;
	#leaving = false; // The user logs out.
	#elsewhere = new AbortController();
	readonly #network: Network;

	constructor(o: SessionOptions) {
		this.#o = o;
		this.#state = o.state;
		this.#network = o.network ?? browserNetwork;
		if (o.channel) {
			o.channel.onmessage = e => {
				if (e.data === "login") {
					void this.#loggedInElsewhere();
				}
			};
		}
	}

	/** The name of the account; empty while it is not known. */
	get account(): string {
		return this.#state?.Account ?? "";
	}

	/** Returns the token for the header x-mox-csrf. */
	async csrf(): Promise<string> {
		return (this.#state ?? await this.#fetch()).CSRF;
	}

	/** Asks the server whether the session goes on; true if so. Rejects if there is no answer. No dialog is shown. */
	async check(): Promise<boolean> {
		if (this.#leaving) return true; // The user knows.
		try {
			await this.#fetch();
			return true;
		} catch (e) {
			if (e instanceof APIError && e.kind === "session" && e.code !== "client:otherAccount") {
				return false;
			}
			throw e;
		}
	}

	/**
	 * Called when a request made with the token was refused, or without one when the session was said to be over: resolves when there is a session
	 * again, with a dialog if it takes one. Does nothing if there is another token than the refused one already.
	 */
	renew(refused?: string): Promise<void> {
		if (refused !== undefined && this.#state && this.#state.CSRF !== refused) {
			return Promise.resolve();
		}
		this.#renewing ??= this.#ask().finally(() => {
			this.#renewing = undefined;
		});
		return this.#renewing;
	}

	/** Logs in. Errors are those of the server. */
	async logIn(c: Credentials): Promise<void> {
		const init = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(c) };
		const { value } = await send(this.#network, this.#base, init, { timeout: this.#timeout });
		this.#accept(value);
		this.#o.channel?.postMessage("login");
	}

	/** Ends the session. */
	async logOut(): Promise<void> {
		const init = { method: "DELETE", headers: { "x-mox-csrf": await this.csrf() } };
		this.#leaving = true;
		try {
			await send(this.#network, this.#base, init, { timeout: this.#timeout });
		} catch (e) {
			this.#leaving = false;
			throw e;
		}
		this.#state = undefined;
		// The page goes now. One that stays, as for a text that is not saved, needs a session.
		this.#network.clock.setTimeout(() => {
			this.#leaving = false;
		}, going);
	}

	get #base(): string {
		return this.#o.base ?? "session/";
	}

	get #timeout(): number {
		return this.#o.timeout ?? 20_000;
	}

	async #ask(): Promise<void> {
		// Another tab may have logged in already, which gives the same cookie to all.
		if (await this.check()) {
			return;
		}
		this.#elsewhere = new AbortController();
		await this.#o.ask(c => this.logIn(c), this.#elsewhere.signal);
		if (!this.#state) {
			throw new APIError("user:sessionOver", "Your session is over. Please log in again.", 401);
		}
	}

	#fetch(): Promise<SessionState> {
		const before = this.#state;
		this.#fetching ??= send(this.#network, this.#base, { method: "GET" }, { timeout: this.#timeout })
			.then(({ value }) => this.#accept(value), (e: unknown) => {
				if (e instanceof APIError && e.kind === "session" && before && this.#state === before) {
					this.#over = before.Account;
					this.#state = undefined;
				}
				throw e;
			})
			.finally(() => {
				this.#fetching = undefined;
			});
		return this.#fetching;
	}

	#accept(value: unknown): SessionState {
		const v = value as { [key: string]: unknown } | null;
		const text = (key: string): string => {
			const s = v?.[key];
			if (typeof s !== "string") {
				throw new APIError("client:badTypes", `${key} of the session is missing.`, 200);
			}
			return s;
		};
		const state = {
			Account: text("Account"), Session: text("Session"), CSRF: text("CSRF"), Created: new Date(text("Created")), Expires: new Date(text("Expires")),
		};
		const account = this.#state?.Account ?? this.#over;
		if (account && account !== state.Account) {
			throw new APIError("client:otherAccount", "This is another account than that of the page. Please load the page again.", 200);
		}
		this.#state = state;
		return state;
	}

	async #loggedInElsewhere(): Promise<void> {
		try {
			if (await this.check()) {
				this.#elsewhere.abort();
			}
		} catch {
			// The next request finds out.
		}
	}
}
