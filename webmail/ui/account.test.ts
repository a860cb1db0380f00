import assert from "node:assert/strict";
import test, { mock } from "node:test";
import { APIError } from "../../web/lib/api";
import { Scope } from "../../web/lib/view";
import { AccountState } from "./account";
import type { AccountEvent, API, Settings, Start } from "./api";

const event = (Settings: Settings): AccountEvent => ({ ModSeq: 1, Mailboxes: [], Settings, Usage: null, Identities: [], Scheduled: 0 });
const turns = async () => {
	for (let i = 0; i < 20; i++) await Promise.resolve();
};

/** A server that keeps settings, and refuses to save over what it has changed. */
class Server {
	has = { ModSeq: 1, Theme: "", Density: "cosy", Labels: [] as unknown[] } as unknown as Settings;
	fail: APIError | undefined;
	saves = 0;
	during: (() => void) | undefined;

	set(change: Partial<Settings>): void {
		this.has = { ...this.has, ...change, ModSeq: this.has.ModSeq + 1 };
	}

	readonly api = {
		SettingsSave: async (s: Settings) => {
			this.saves++;
			this.during?.();
			if (this.fail) throw this.fail;
			if (s.ModSeq !== this.has.ModSeq) throw new APIError("user:changed", "changed");
			this.set(s);
			this.has = { ...this.has, ModSeq: s.ModSeq + 1 };
			return this.has;
		},
		Settings: async () => this.has,
	} as unknown as API;
}

function made(): { server: Server; account: AccountState; failed: unknown[]; told: () => number } {
	const server = new Server();
	const failed: unknown[] = [];
	const account = new AccountState({ Mailboxes: [], Settings: server.has, Identities: [{ Address: "me@x.example", Separator: "+" }, { Address: "@all.example", Separator: "" }] } as unknown as Start, server.api, (e) => failed.push(e));
	let n = 0;
	account.on(new Scope(), ["settings"], () => n++);
	return { server, account, failed, told: () => n };
}

/** Until changes are saved. */
const wait = async () => {
	mock.timers.tick(600);
	await turns();
};

/** A test of which the time is its own. */
const timed = (name: string, run: () => Promise<void>) => test(name, async () => {
	mock.timers.enable({ apis: ["setTimeout"] });
	try {
		await run();
	} finally {
		mock.timers.reset();
	}
});

timed("changes are shown at once and saved together", async () => {
	const { server, account } = made();
	account.change({ Theme: "dark" });
	account.change({ Density: "compact" });
	assert.deepEqual([account.settings.Theme, account.settings.Density, server.saves], ["dark", "compact", 0]);
	await wait();
	assert.deepEqual([server.has.Theme, server.has.Density, server.saves], ["dark", "compact", 1]);
	await account.flush();
	assert.equal(server.saves, 1, "there is nothing to save any more");
});

timed("who flushes waits for what is being saved, too", async () => {
	const { server, account } = made();
	let answer = (): void => assert.fail("not asked");
	const save = server.api.SettingsSave;
	server.api.SettingsSave = (s) => new Promise<void>((resolve) => (answer = resolve)).then(() => save(s));
	account.change({ Theme: "dark" });
	await wait();
	let flushed = false;
	void account.flush().then(() => (flushed = true));
	account.change({ Density: "compact" });
	await turns();
	assert.equal(flushed, false);
	answer();
	await turns();
	assert.deepEqual([flushed, server.has.Theme], [false, "dark"]);
	answer();
	await turns();
	assert.deepEqual([flushed, server.has.Density], [true, "compact"], "what was changed meanwhile");
});

timed("what another tab has changed meanwhile stays, and is told", async () => {
	const { server, account, told } = made();
	account.change({ Theme: "dark" });
	server.set({ Density: "compact" });
	const before = told();
	await wait();
	assert.deepEqual([server.has.Theme, server.has.Density], ["dark", "compact"]);
	assert.deepEqual([account.settings.Theme, account.settings.Density], ["dark", "compact"]);
	assert(told() > before);
});

timed("an event does not take back what is not saved yet", async () => {
	const { server, account } = made();
	account.change({ Theme: "dark" });
	server.set({ Theme: "light", Density: "compact" });
	account.apply(event(server.has));
	assert.deepEqual([account.settings.Theme, account.settings.Density], ["dark", "compact"]);
	account.apply(event({ ...server.has, ModSeq: 1, Density: "cosy" }));
	assert.equal(account.settings.Density, "compact", "an event of before");
	await account.flush();
	assert.equal(server.has.Theme, "dark");
});

timed("a change during saving is saved after it", async () => {
	const { server, account } = made();
	account.change({ Theme: "dark" });
	server.during = () => {
		server.during = undefined;
		account.change({ Theme: "light" });
	};
	await wait();
	assert.deepEqual([server.has.Theme, account.settings.Theme], ["dark", "light"]);
	await wait();
	assert.equal(server.has.Theme, "light");
});

timed("without the server it is kept; what is refused is not", async () => {
	const { server, account, failed } = made();
	account.change({ Theme: "dark" });
	server.fail = new APIError("client:offline", "offline");
	await wait();
	assert.deepEqual([account.settings.Theme, failed.length], ["dark", 1]);
	server.fail = undefined;
	account.setConnection("live");
	await wait();
	assert.equal(server.has.Theme, "dark");
	server.fail = new APIError("user:bad", "bad");
	account.change({ Theme: "ugly" });
	await wait();
	assert.deepEqual([account.settings.Theme, failed.length], ["dark", 2]);
});

test("addresses of the account", () => {
	const { account } = made();
	for (const [address, mine] of [["me@x.example", true], ["ME@X.example", true], ["me+tag@x.example", true], ["any@all.example", true], ["you@x.example", false], ["+me@x.example", false], ["me@y.example", false], ["me", false]] as const) {
		assert.equal(account.isMine(address), mine, address);
	}
});
