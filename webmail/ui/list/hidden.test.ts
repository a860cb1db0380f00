import assert from "node:assert/strict";
import test from "node:test";
import { Hidden } from "./hidden";

/** Numbers that look random, the same each time. */
function random(seed: number): (below: number) => number {
	let x = seed;
	return (below) => {
		x = (x * 1103515245 + 12345) & 0x7fffffff;
		return (x >> 8) % below;
	};
}

test("hidden rows and splices of the server, as an array has them", () => {
	for (let seed = 1; seed <= 200; seed++) {
		const r = random(seed);
		let next = 0;
		const fresh = (n: number) => Array.from({ length: n }, () => ({ id: next++, by: 0 }));
		let server = fresh(r(12)); // With by, the action that has hidden it.
		const hidden = new Hidden<number>();
		let shown = server.map((x) => x.id); // As a list that follows what Hidden says.
		for (let step = 0; step < 40; step++) {
			const by = 1 + r(3);
			switch (r(4)) {
				case 0: {
					const at = r(server.length + 1);
					const remove = r(server.length - at + 1);
					const come = fresh(r(4));
					const s = hidden.splice(at, remove, come.length);
					shown.splice(s.at, s.remove);
					shown.splice(s.at, 0, ...come.map((x) => x.id));
					server = [...server.slice(0, at), ...come, ...server.slice(at + remove)];
					break;
				}
				case 1:
				case 2: {
					if (shown.length === 0) break;
					const at = r(shown.length);
					const place = hidden.toServer(at);
					assert.equal(server[place]?.id, shown[at], `seed ${seed}`);
					assert.equal(hidden.hide(place, shown[at]!, by), at);
					shown.splice(at, 1);
					server[place]!.by = by;
					break;
				}
				case 3:
					for (const { at, row } of hidden.show(by)) shown.splice(at, 0, row);
					for (const x of server) if (x.by === by) x.by = 0;
			}
			const visible = server.filter((x) => x.by === 0);
			assert.deepEqual(shown, visible.map((x) => x.id), `seed ${seed}, step ${step}`);
			assert.equal(hidden.count, server.length - visible.length);
			visible.forEach((x, i) => assert.equal(hidden.toShown(server.indexOf(x)), i));
		}
	}
});

test("a hidden row that changed comes back as it is now", () => {
	const hidden = new Hidden<string>();
	hidden.hide(2, "old", "a");
	assert.equal(hidden.set(1, "other"), false);
	assert.equal(hidden.set(2, "new"), true);
	assert.deepEqual(hidden.show("b"), []);
	assert.deepEqual(hidden.show("a"), [{ at: 2, row: "new" }]);
	assert.deepEqual(hidden.show("a"), []);
});
