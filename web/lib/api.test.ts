import assert from "node:assert/strict";
import test from "node:test";
import { APIError, type CallOptions, type ClientOptions, newClient, newParse, Session, type AskLogin } from "./api";
import { settle } from "./clock_fake";
import { FakeNetwork, type Reply, refusal } from "./network_fake";

interface API {
	list(mailbox: string, options?: CallOptions): Promise<{ UID: number }[]>;
	send(text: string, options?: CallOptions): Promise<void>;
	pair(options?: CallOptions): Promise<[number, Date]>;
}
const types = { Message: { UID: "int64" } };
const functions = { list: ["string", "[] Message"], send: ["string", ""], pair: ["", "int64,timestamp"] } as const;

const state = (csrf: string, account = "ana") => ({ Account: account, Session: "1f", CSRF: csrf, Created: "2026-11-22T10:00:00Z", Expires: "2026-12-22T10:00:00Z" });
const never: AskLogin = () => Promise.reject(new Error("asked for a login"));

/** Returns a client with a session whose token is "t1", on a network that answers calls of the API with reply. */
const setup = (reply: (n: number) => Reply, ask: AskLogin = never, more: Partial<ClientOptions<API>> = {}) => {
	let calls = 0;
	const network = new FakeNetwork(seen => seen.url.startsWith("session/") ? { value: state("t1") } : reply(++calls));
	const session = new Session({ ask, network });
	const client = newClient<API>(types, functions, { session, network, safe: ["list"], ...more });
	return { network, session, client, calls: () => calls };
};

const failure = async (p: Promise<unknown>): Promise<APIError> => {
	try {
		await p;
	} catch (e) {
		assert(e instanceof APIError, String(e));
		return e;
	}
	return assert.fail("no error");
};

test("a call sends its parameters with the token and returns the checked result", async () => {
	const { client, network } = setup(() => ({ value: { result: [{ UID: 4 }] } }));
	assert.deepEqual(await client.list("Inbox"), [{ UID: 4 }]);
	assert.deepEqual(network.seen[1], { method: "POST", url: "api/list", csrf: "t1", body: { params: ["Inbox"] } });
	network.answer = () => ({ value: { result: null } });
	assert.deepEqual(await client.list("Inbox"), []);
	network.answer = () => ({ value: { result: [3, "2026-11-22T10:00:00Z"] } });
	assert.deepEqual(await client.pair(), [3, new Date(Date.UTC(2026, 10, 22, 10))]);
});

test("parameters and results of other types are refused", async () => {
	const { client, calls } = setup(() => ({ value: { result: [{ UID: "4" }] } }));
	const wrong = await failure(client.list(5 as unknown as string));
	assert.equal(calls(), 0);
	assert.equal(wrong.code, "client:badTypes");
	assert.match(wrong.message, /^list: params\[0\]: expected string/);
	const answer = await failure(client.list("Inbox"));
	assert.equal(answer.kind, "protocol");
	assert.match(answer.message, /^list: result\[0\]\.UID: expected int64/);
});

test("errors have the code of the server, and a kind", async () => {
	for (const [reply, code, kind] of [
		[refusal(200, "user:noStream"), "user:noStream", "user"],
		[refusal(500, "server:error"), "server:error", "server"],
		[refusal(403, "user:crossSite"), "user:crossSite", "user"],
		[{ status: 502, text: "<html>bad gateway" }, "client:http", "server"],
		[{ status: 404, text: "not found" }, "client:http", "protocol"],
		[{ text: "<html>a portal of some hotel" }, "client:badAnswer", "protocol"],
		[{ value: { other: 1 } }, "client:badAnswer", "protocol"],
		[undefined, "client:offline", "offline"],
	] as const) {
		const told: string[] = [];
		const { client } = setup(() => reply, never, { onError: (e, method) => told.push(`${method} ${e.code}`) });
		const e = await failure(client.send("x"));
		assert.equal(e.code, code);
		assert.equal(e.kind, kind);
		assert.deepEqual(told, [`send ${code}`]);
	}
});

test("only safe calls are tried again", async () => {
	const { client, network, calls } = setup(n => n < 3 ? undefined : { value: { result: [] } });
	const list = client.list("Inbox");
	await network.clock.advance(10_000);
	assert.deepEqual(await list, []);
	assert.equal(calls(), 3);

	const other = setup(() => undefined);
	assert.equal((await failure(other.client.send("x"))).code, "client:offline");
	assert.equal(other.calls(), 1);

	const lasting = setup(() => undefined);
	const fails = failure(lasting.client.list("x"));
	await lasting.network.clock.advance(60_000);
	assert.equal((await fails).code, "client:offline");
	assert.equal(lasting.calls(), 3);

	const refused = setup(() => refusal(200, "user:noMailbox"));
	await failure(refused.client.list("x"));
	assert.equal(refused.calls(), 1);
});

test("Retry-After is waited for if it is short", async () => {
	const busy = (seconds: string) => (n: number): Reply => n < 2 ? { status: 503, value: {}, headers: { "Retry-After": seconds } } : { value: { result: [] } };
	const short = setup(busy("3"));
	const list = short.client.list("x");
	await short.network.clock.advance(2999);
	assert.equal(short.calls(), 1);
	await short.network.clock.advance(1);
	assert.deepEqual(await list, []);
	const long = setup(busy("600"));
	assert.equal((await failure(long.client.list("x"))).status, 503);
});

test("a call ends when it takes too long or is aborted", async () => {
	const { client, network } = setup(() => "hang");
	const slow = failure(client.send("x", { timeout: 1000 }));
	await network.clock.advance(1000);
	assert.equal((await slow).code, "client:timeout");
	const aborter = new AbortController();
	const aborted = client.list("x", { signal: aborter.signal });
	await settle();
	aborter.abort(new Error("view closed"));
	await assert.rejects(aborted, /view closed/);
	await assert.rejects(client.list("x", { signal: aborter.signal }), /view closed/);
	assert.equal(network.clock.pending, 0);
});

/** A server whose session ended; logging in makes a new one. */
const ended = (account = "ana") => {
	let csrf = "";
	return new FakeNetwork(seen => {
		if (seen.url === "session/" && seen.method === "POST") {
			if ((seen.body as { Password: string }).Password !== "right") {
				return refusal(401, "user:badCredentials");
			}
			csrf = "t2";
			return { value: state(csrf, account) };
		}
		if (!csrf || seen.method !== "GET" && seen.csrf !== csrf) {
			return csrf ? refusal(403, "user:badCSRF") : refusal(401, "user:sessionOver");
		}
		return { value: seen.url === "session/" ? state(csrf, account) : { result: [{ UID: 1 }] } };
	});
};
const known = { ...state("t1"), Created: new Date(), Expires: new Date() };

test("when the session is over the user logs in once, and all calls go on", async () => {
	const network = ended();
	let asked = 0;
	const ask: AskLogin = async logIn => {
		asked++;
		await assert.rejects(logIn({ Username: "ana@example.org", Password: "wrong", Remember: false }), { code: "user:badCredentials" });
		await logIn({ Username: "ana@example.org", Password: "right", Remember: false });
	};
	const session = new Session({ state: known, ask, network });
	const client = newClient<API>(types, functions, { session, network });
	const [a, b] = await Promise.all([client.list("a"), client.list("b")]);
	assert.deepEqual([a, b], [[{ UID: 1 }], [{ UID: 1 }]]);
	assert.equal(asked, 1);
	assert.deepEqual(network.seen.filter(s => s.csrf === "t2").map(s => (s.body as { params: string[] }).params[0]).sort(), ["a", "b"]);
});

test("a login in another tab gives a new token without asking", async () => {
	const network = ended();
	await new Session({ ask: never, network }).logIn({ Username: "ana", Password: "right", Remember: false });
	const client = newClient<API>(types, functions, { session: new Session({ state: known, ask: never, network }), network });
	assert.deepEqual(await client.list("a"), [{ UID: 1 }]);
});

test("who logs out is not asked to log in, unless the page stays", async () => {
	let out = false;
	const network = new FakeNetwork(seen => {
		if (seen.method === "DELETE") {
			out = true;
			return { value: null };
		}
		return out ? refusal(401, "user:sessionOver") : { value: { result: [] } };
	});
	const session = new Session({ state: known, ask: never, network });
	await session.logOut();
	assert.equal(await session.check(), true);
	await session.renew();
	await network.clock.advance(5000);
	assert.equal(await session.check(), false);
	await assert.rejects(session.renew(), /asked for a login/);
});

test("who could not log out is asked to log in", async () => {
	const network = new FakeNetwork(seen => seen.method === "DELETE" ? undefined : refusal(401, "user:sessionOver"));
	const session = new Session({ state: known, ask: never, network });
	await assert.rejects(session.logOut(), { code: "client:offline" });
	assert.equal(await session.check(), false);
});

test("a user who gives up, or logs in to another account, does not go on", async () => {
	const network = ended("ben");
	const gaveUp = newClient<API>(types, functions, { session: new Session({ state: known, ask: never, network }), network });
	await assert.rejects(gaveUp.list("a"), /asked for a login/);
	const ask: AskLogin = logIn => logIn({ Username: "ben", Password: "right", Remember: false });
	const other = newClient<API>(types, functions, { session: new Session({ state: known, ask, network }), network });
	const e = await failure(other.send("secret of ana"));
	assert.equal(e.code, "client:otherAccount");
	assert.equal(network.seen.filter(s => s.csrf === "t2").length, 0);
});

test("data of events is checked by name", () => {
	const parse = newParse<{ Message: { UID: number } }>(types);
	assert.equal(parse("Message", { UID: 1 }).UID, 1);
	assert.throws(() => parse("Message", { UID: null }), /Message\.UID: expected int64, got null/);
});
