import assert from "node:assert/strict";
import test from "node:test";
import { APIError } from "./apierror";
import { settle } from "./clock_fake";
import { Stream, type StreamOptions } from "./stream";
import { type FakeTab, FakeWorld } from "./stream_fake";

interface Events {
	count: { View: string; Count: number; At: Date };
	note: string;
}

const parsers: StreamOptions<Events>["parsers"] = {
	count: data => {
		const { View, Count, At } = data as { View: string; Count: unknown; At: string };
		if (typeof Count !== "number") {
			throw new Error("Count: expected number");
		}
		return { View, Count, At: new Date(At) };
	},
	note: data => String(data),
};

const make = (browser: FakeTab, more: Partial<StreamOptions<Events>> = {}): Stream<Events> =>
	new Stream<Events>({ name: "webmail/ana/1", parsers, session: () => Promise.resolve(true), browser, ...more });

/** Returns tabs that share a live stream. */
const live = async (n: number, more: Partial<StreamOptions<Events>> = {}) => {
	const world = new FakeWorld();
	const tabs = Array.from({ length: n }, () => world.tab());
	const streams = tabs.map(tab => make(tab, more));
	await settle();
	world.source.send("hello", {});
	await settle();
	return { world, tabs, streams, first: tabs[0] as FakeTab, stream: streams[0] as Stream<Events> };
};

test("eight tabs share one connection, and get events checked once", async () => {
	let parsed = 0;
	const note = (data: unknown) => {
		parsed++;
		return String(data);
	};
	const { world, streams } = await live(8, { parsers: { ...parsers, note } });
	assert.equal(world.sources.length, 1);
	assert.equal(streams.filter(s => s.leads).length, 1);
	const notes: string[] = [];
	const dates: Date[] = [];
	for (const s of streams) {
		assert.deepEqual(s.state, { status: "live", stream: world.source.id });
		s.on("note", v => notes.push(v));
		s.on("count", v => dates.push(v.At));
	}
	world.source.send("note", "hi");
	world.source.send("count", { View: "", Count: 1, At: "2026-11-22T10:00:00Z" });
	await settle();
	assert.deepEqual(notes, Array(8).fill("hi"));
	assert.equal(parsed, 1);
	assert(dates.length === 8 && dates.every(d => d instanceof Date && d.getTime() === Date.UTC(2026, 10, 22, 10)));
});

test("a tab that comes later is told that the stream is live", async () => {
	const { world } = await live(1);
	const later = make(world.tab());
	assert.equal(later.state.status, "connecting");
	await settle();
	assert.deepEqual(later.state, { status: "live", stream: world.source.id });
});

test("data of another type and unknown kinds are ignored with a warning", async () => {
	const warnings: string[] = [];
	const { world, stream } = await live(2, { warn: m => warnings.push(m) });
	let events = 0;
	stream.on("count", () => events++);
	world.source.send("count", { View: "", Count: "1" });
	world.source.onmessage?.({ data: "{}" } as MessageEvent<string>);
	await settle();
	assert.equal(events, 0);
	assert.deepEqual(warnings, ["event count ignored: Count: expected number", "event message ignored: unknown kind of event"]);
});

test("when the leader goes another leads, and all open their views in the new stream", async () => {
	const { world, streams, stream } = await live(3);
	const old = world.source.id;
	const opened: string[] = [];
	const views = streams.map((s, i) => s.view((id, view) => {
		opened.push(`${i} ${id} ${view}`);
		return Promise.resolve();
	}));
	assert.equal(new Set(views.map(v => v.id)).size, 3);
	assert.deepEqual(opened, views.map((v, i) => `${i} ${old} ${v.id}`));
	opened.length = 0;
	stream.close();
	await settle();
	const next = world.source;
	assert.notEqual(next.id, old);
	next.send("hello");
	await settle();
	assert.deepEqual(opened.sort(), [1, 2].map(i => `${i} ${next.id} ${views[i]?.id}`));
});

test("events of a view reach that view alone, until it is closed", async () => {
	const { world, streams } = await live(2);
	const got: string[] = [];
	const views = streams.map((s, i) => {
		const view = s.view(() => Promise.resolve());
		view.on("count", v => got.push(`${i}:${v.Count}`));
		return view;
	});
	const send = async (Count: number) => {
		world.source.send("count", { View: views[1]?.id, Count, At: "2026-11-22T10:00:00Z" });
		await settle();
	};
	await send(1);
	views[1]?.close();
	await send(2);
	assert.deepEqual(got, ["1:1"]);
});

test("attempts that fail are made again, later each time, and at once when the network is back", async () => {
	const { world, tabs, stream } = await live(2);
	const states: string[] = [];
	stream.onState(s => states.push(s.status));
	await world.clock.advance(11_000);
	world.source.fail();
	await world.clock.advance(1000);
	assert.deepEqual(states, ["connecting"]);
	const waits: number[] = [];
	for (let i = 0; i < 8; i++) {
		world.source.fail();
		await settle();
		waits.push((stream.state.retryAt ?? 0) - world.clock.now());
		await world.clock.advance(waits[i] ?? 0);
	}
	assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
	assert(states.slice(1).every(s => s === "offline"), states.join());
	world.source.fail();
	await settle();
	for (const tab of tabs) {
		tab.fire("online");
	}
	world.source.send("hello");
	await settle();
	assert.equal(stream.state.status, "live");
});

test("a connection that ends as soon as it is made counts as a failure", async () => {
	const { world, stream } = await live(1);
	world.source.fail();
	await settle();
	assert.equal(stream.state.status, "offline");
	assert.equal(stream.state.reason, "network");
});

test("without network no attempt is made until there is one", async () => {
	const { world, first, stream } = await live(1);
	world.isOnline = false;
	first.fire("offline");
	assert.equal(stream.state.status, "offline");
	await world.clock.advance(120_000);
	assert.equal(world.open.length, 0);
	world.isOnline = true;
	first.fire("online");
	assert.equal(world.open.length, 1);
});

test("after sleep the connection is made again", async () => {
	const { world } = await live(2);
	const old = world.source.id;
	await world.clock.advance(10_000);
	assert.equal(world.source.id, old);
	await world.clock.sleep(3600_000);
	assert.notEqual(world.source.id, old);
});

test("a connection that dies silently is noticed, but only if the server sends pings", async () => {
	const { world } = await live(1);
	const old = world.source.id;
	await world.clock.advance(600_000);
	assert.equal(world.source.id, old);
	world.source.send("ping");
	await world.clock.advance(50_000);
	world.source.send("ping");
	await world.clock.advance(55_000);
	assert.equal(world.source.id, old);
	await world.clock.advance(11_000);
	assert.notEqual(world.source.id, old);
});

test("a server that accepts and says nothing is given up on", async () => {
	const world = new FakeWorld();
	const stream = make(world.tab());
	await settle();
	const silent = world.source;
	await world.clock.advance(20_000);
	assert(silent.closed);
	assert.equal(stream.state.status, "offline");
});

test("when the session is over it waits for a login, asked for in the tab that is seen", async () => {
	let session = true;
	let asked = 0;
	const { world, tabs, streams, stream } = await live(2, { session: () => Promise.resolve(session), onSessionOver: () => asked++ });
	(tabs[0] as FakeTab).isVisible = false;
	session = false;
	world.source.fail();
	await world.clock.advance(1000);
	world.source.fail();
	await world.clock.advance(300_000);
	assert.equal(world.open.length, 0);
	assert.deepEqual(streams[1]?.state, { status: "offline", stream: "", reason: "session" });
	assert.equal(asked, 1);
	session = true;
	streams[1]?.reconnect();
	await settle();
	world.source.send("hello");
	assert.equal(stream.state.status, "live");
});

test("a session that is over is told at once, and is no lost server", async () => {
	for (const tell of ["event", "refusal"]) {
		let asked = 0;
		const { world, stream } = await live(1, { session: () => Promise.resolve(false), onSessionOver: () => asked++ });
		const reasons: unknown[] = [];
		stream.onState(s => reasons.push(s.reason));
		if (tell === "event") {
			world.source.send("over");
		} else {
			await world.clock.advance(11_000);
			world.source.fail();
			await world.clock.advance(1000);
			world.source.fail(true);
		}
		await settle();
		assert.deepEqual([tell, asked, world.open.length], [tell, 1, 0]);
		assert(reasons.length > 0 && !reasons.includes("network"), `${tell}: ${reasons.join()}`);
	}
});

test("no stream is asked for until it is known whether the session goes on", async () => {
	for (const goesOn of [false, true]) {
		let answer: (goesOn: boolean) => void = () => assert.fail("not asked");
		let asked = 0;
		const { world, stream } = await live(1, { session: () => new Promise<boolean>(resolve => (answer = resolve)), onSessionOver: () => asked++ });
		const reasons: unknown[] = [];
		stream.onState(s => reasons.push(s.reason));
		world.source.send("over");
		await world.clock.advance(15_000);
		assert.deepEqual([asked, world.open.length], [0, 0]);
		answer(goesOn);
		await settle();
		await world.clock.advance(1000);
		assert.deepEqual([asked, world.open.length, reasons.includes("network")], goesOn ? [0, 1, false] : [1, 0, false]);
	}
});

test("a stream that is over while there is another session is opened anew", async () => {
	const { world, stream } = await live(1, { onSessionOver: () => assert.fail("asked") });
	world.source.send("over");
	await world.clock.advance(1000);
	world.source.send("hello");
	assert.equal(stream.state.status, "live");
});

test("no storm of requests comes of a server that keeps ending what it has begun", async () => {
	const noStream = () => Promise.reject(new APIError("user:noStream", "No such stream."));
	for (const kind of ["over", "over, and then not", "no stream"]) {
		let checks = 0;
		const stormy = await live(1, {
			session: () => Promise.resolve(kind !== "over, and then not" || ++checks % 2 === 0),
			onSessionOver: () => stormy.stream.reconnect(), // As when the session is found to go on.
		});
		const { world, stream } = stormy;
		if (kind === "no stream") stream.view(noStream);
		for (let second = 0; second < 300; second++) {
			for (let i = 0; i < 10 && world.open.length > 0; i++) {
				world.source.send("hello");
				if (kind !== "no stream") world.source.send("over");
				await settle();
			}
			await world.clock.advance(1000);
		}
		assert(world.sources.length > 5 && world.sources.length < 30, `${kind}: ${world.sources.length} attempts in 5 minutes`);
		stream.close();
	}
});

test("a server that refuses for other reasons is not reached", async () => {
	const { world, stream } = await live(1);
	await world.clock.advance(11_000);
	world.source.fail();
	await world.clock.advance(1000);
	world.source.fail(true);
	await settle();
	assert.equal(stream.state.reason, "network");
	assert.equal(stream.state.retryAt, world.clock.now() + 1000);
});

test("a stream unknown to the server is opened anew, once", async () => {
	const { world, streams } = await live(3);
	const old = world.source.id;
	for (const s of streams) {
		s.view(id => id === old ? Promise.reject(new APIError("user:noStream", "No such stream.")) : Promise.resolve());
	}
	await settle();
	assert.notEqual(world.source.id, old);
	assert.equal(world.sources.length, 2);
	world.source.send("hello");
	await settle();
	streams[1]?.reconnect(old);
	await settle();
	assert.equal(world.sources.length, 2);
});

test("other errors of views are told, but not of those that were given up", async () => {
	const errors: unknown[] = [];
	const { world, stream } = await live(1, { onError: e => errors.push(e) });
	stream.view(() => Promise.reject(new APIError("server:error", "No.")));
	await settle();
	assert.equal(errors.length, 1);
	const view = stream.view((_, __, signal) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))));
	view.close();
	await settle();
	assert.equal(errors.length, 1);
	assert.equal(world.sources.length, 1);
});

test("a frozen leader is replaced by a tab that is seen, and follows when it thaws", async () => {
	const { world, tabs, streams, first } = await live(3);
	(tabs[1] as FakeTab).isVisible = false;
	first.frozen = true;
	await world.clock.advance(40_000);
	assert.deepEqual(streams.map(s => s.leads), [false, false, true]);
	world.source.send("hello");
	first.frozen = false;
	await world.clock.advance(10_000);
	assert.deepEqual(streams.map(s => s.state.status), ["live", "live", "live"]);
	assert.equal(world.open.length, 1);
});

test("a tab that stood still asks the leader, whose messages it has not read yet, before it takes the lead", async () => {
	for (const ms of [20_000, 30_000, 60_000, 90_000]) {
		for (const seen of [false, true]) {
			for (const frozen of [false, true]) {
				const { world, stream, first } = await live(1);
				await world.clock.advance(2000);
				const tab = world.tab();
				const later = make(tab);
				await world.clock.advance(9000);
				// Now its timer is due before that of the leader, so it looks before it hears.
				first.frozen = frozen;
				const awake = world.clock.sleep(ms);
				if (seen) tab.fire("visibilitychange");
				await awake;
				assert.deepEqual([stream.leads, later.leads, world.sources.length], [true, false, 1], `${ms} ${seen} ${frozen}`);
				await world.clock.advance(20_000);
				assert.deepEqual([stream.leads, later.leads], [!frozen, frozen], `later: ${ms} ${seen} ${frozen}`);
			}
		}
	}
});

test("a page that is kept for going back lets another lead, and joins again", async () => {
	const { world, streams, first } = await live(2);
	first.fire("pagehide");
	await settle();
	assert.deepEqual(streams.map(s => s.leads), [false, true]);
	first.fire("pageshow");
	world.source.send("hello");
	await settle();
	assert.deepEqual(streams[0]?.state, streams[1]?.state);
	assert.equal(world.open.length, 1);
});

test("the leader is told of tabs that have gone", async () => {
	const gone: string[] = [];
	const { streams } = await live(3, { onTabGone: (_, tab) => gone.push(tab) });
	streams[2]?.close();
	await settle();
	assert.deepEqual(gone, [streams[2]?.tab]);
});

test("without locks each tab has its own connection", async () => {
	const world = new FakeWorld();
	const streams = [make(world.tab({ alone: true })), make(world.tab({ alone: true }))];
	assert.equal(world.open.length, 2);
	for (const source of world.open) {
		source.send("hello");
	}
	assert.deepEqual(streams.map(s => s.state.status), ["live", "live"]);
});

test("closing leaves nothing", async () => {
	const { world, streams } = await live(4);
	for (const s of streams) {
		s.close();
	}
	await settle();
	assert.equal(world.open.length, 0);
	assert.equal(world.clock.pending, 0);
});
