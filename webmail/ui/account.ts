import type { APIError } from "../../web/lib/api";
import type { Scope } from "../../web/lib/view";
import type { API, AccountEvent, Identity, Mailbox, Role, Settings, Start, Usage } from "./api";
import type { Account } from "./app";

type Part = "mailboxes" | "settings" | "usage" | "identities" | "scheduled" | "connection";

/** Settings are saved so long after the last change, in milliseconds. */
const saveAfter = 600;

/** The account, as the server last told of it. */
export class AccountState implements Account {
	readonly start: Start;
	readonly #api: API;
	readonly #failed: (error: unknown) => void;
	readonly #listeners = new Set<{ parts: ReadonlySet<Part>; run: () => void }>();
	#mailboxes: readonly Mailbox[];
	#settings: Settings;
	#usage: Usage;
	#identities: readonly Identity[];
	#scheduled = 0;
	#connection: Account["connection"] = "connecting";
	#saved: Settings; // As the server has them.
	#changes: Partial<Settings> = {}; // Not saved yet.
	#timer: ReturnType<typeof setTimeout> | undefined;
	#saving = false;
	#run: Promise<void> = Promise.resolve(); // The last that saves.

	/** Failed is told when settings cannot be saved. */
	constructor(start: Start, api: API, failed: (error: unknown) => void) {
		this.start = start;
		this.#api = api;
		this.#failed = failed;
		this.#mailboxes = start.Mailboxes;
		this.#settings = this.#saved = start.Settings;
		this.#usage = start.Usage;
		this.#identities = start.Identities;
	}

	get mailboxes(): readonly Mailbox[] {
		return this.#mailboxes;
	}
	get settings(): Settings {
		return this.#settings;
	}
	get usage(): Usage {
		return this.#usage;
	}
	get identities(): readonly Identity[] {
		return this.#identities;
	}
	get scheduled(): number {
		return this.#scheduled;
	}
	get connection(): Account["connection"] {
		return this.#connection;
	}

	mailbox(id: number): Mailbox | undefined {
		return this.#mailboxes.find((m) => m.ID === id);
	}

	withRole(role: Role): Mailbox | undefined {
		return this.#mailboxes.find((m) => m.Role === role);
	}

	isMine(address: string): boolean {
		const a = address.toLowerCase();
		const [local = "", domain = ""] = a.split(/@(?=[^@]*$)/);
		return this.#identities.some((i) => {
			const own = i.Address.toLowerCase();
			if (own === a || own.startsWith("@") && own === "@" + domain) return true;
			const at = i.Separator ? local.indexOf(i.Separator) : -1;
			return at > 0 && own === `${local.slice(0, at)}@${domain}`;
		});
	}

	/** Applies an event of the server. */
	apply(event: AccountEvent): void {
		const parts = new Set<Part>();
		if (event.Mailboxes.length > 0) {
			this.#mailboxes = event.Mailboxes;
			parts.add("mailboxes");
		}
		if (event.Settings && event.Settings.ModSeq > this.#saved.ModSeq) {
			this.#saved = event.Settings;
			this.#settings = { ...event.Settings, ...this.#changes };
			parts.add("settings");
		}
		if (event.Usage) {
			this.#usage = event.Usage;
			parts.add("usage");
		}
		if (event.Identities.length > 0) {
			this.#identities = event.Identities;
			parts.add("identities");
		}
		if (event.Scheduled !== this.#scheduled) {
			this.#scheduled = event.Scheduled;
			parts.add("scheduled");
		}
		this.#tell(parts);
	}

	setConnection(connection: Account["connection"]): void {
		if (connection === this.#connection) return;
		this.#connection = connection;
		this.#tell(new Set<Part>(["connection"]));
		if (connection === "live") this.#saveSoon();
	}

	/** Saves what waits to be saved now, as when the page is left. */
	async flush(): Promise<void> {
		// What is changed while it saves is saved after that.
		for (let run: Promise<void> | undefined; run !== this.#run || this.#timer !== undefined;) {
			if (this.#timer !== undefined) {
				clearTimeout(this.#timer);
				this.#run = this.#save();
			}
			run = this.#run;
			await run;
		}
	}

	change(change: Partial<Settings>): void {
		this.#changes = { ...this.#changes, ...change };
		this.#settings = { ...this.#settings, ...change };
		this.#tell(new Set<Part>(["settings"]));
		this.#saveSoon();
	}

	on(scope: Scope, parts: readonly Part[], run: () => void): void {
		const listener = { parts: new Set(parts), run };
		this.#listeners.add(listener);
		scope.onClose(() => this.#listeners.delete(listener));
	}

	#tell(parts: ReadonlySet<Part>): void {
		for (const l of [...this.#listeners]) if ([...l.parts].some((p) => parts.has(p))) l.run();
	}

	#saveSoon(): void {
		if (Object.keys(this.#changes).length === 0 || this.#saving) return;
		clearTimeout(this.#timer);
		this.#timer = setTimeout(() => (this.#run = this.#save()), saveAfter);
	}

	/** Tells of settings that are others than those shown, as the server or another tab has changed some. */
	#show(): void {
		const before = this.#settings;
		this.#settings = { ...this.#saved, ...this.#changes };
		if (JSON.stringify({ ...before, ModSeq: 0 }) !== JSON.stringify({ ...this.#settings, ModSeq: 0 })) this.#tell(new Set<Part>(["settings"]));
	}

	/** Saves what was changed, over what another tab has saved meanwhile. */
	async #save(): Promise<void> {
		const sent = this.#changes;
		this.#timer = undefined;
		this.#saving = true;
		try {
			for (let attempt = 0; ; attempt++) {
				try {
					this.#saved = await this.#api.SettingsSave({ ...this.#saved, ...sent });
					break;
				} catch (e) {
					if ((e as APIError).code !== "user:changed" || attempt >= 5) throw e;
					this.#saved = await this.#api.Settings();
				}
			}
			// What was changed during the call stays to be saved.
			this.#changes = without(this.#changes, sent);
		} catch (e) {
			// It is tried again with the next change, or when the server is reached again; but not what the server does not accept.
			this.#saving = false;
			if ((e as APIError).kind === "user" && (e as APIError).code !== "user:changed") {
				this.#changes = without(this.#changes, sent);
				this.#show();
				this.#saveSoon();
			}
			this.#failed(e);
			return;
		}
		this.#saving = false;
		this.#show();
		this.#saveSoon();
	}
}

/** Changes but those that were sent. */
const without = (changes: Partial<Settings>, sent: Partial<Settings>): Partial<Settings> =>
	Object.fromEntries(Object.entries(changes).filter(([k, v]) => sent[k as keyof Settings] !== v));
