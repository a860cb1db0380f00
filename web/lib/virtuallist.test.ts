import assert from "node:assert/strict";
import test from "node:test";
import { FakeClock, settle } from "./clock_fake";
import { Geometry, mostRows, tallest } from "./virtuallistgeometry";
import { Loader, pageSize } from "./virtuallistloader";
import { Rows } from "./virtuallistrows";

/** Returns numbers by chance, the same each time for a seed. */
const randomly = (seed: number) => (below: number): number => {
	seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
	return Math.floor(seed / 2 ** 32 * below);
};

test("rows are those of a plain array, whatever is done to them", () => {
	for (let seed = 1; seed <= 40; seed++) {
		const random = randomly(seed);
		const rows = new Rows<number>();
		const naive: (number | undefined)[] = Array<undefined>(random(400)).fill(undefined);
		let next = 0;
		rows.reset(naive.length);
		for (let step = 0; step < 300; step++) {
			const index = random(naive.length + 5) - 2;
			const count = random(random(3) ? 4 : 90);
			switch (random(6)) {
				case 0:
				case 1: {
					const added = Array.from({ length: count }, () => next++);
					rows.set(index, added);
					added.forEach((v, i) => {
						if (index + i >= 0 && index + i < naive.length) {
							naive[index + i] = v;
						}
					});
					break;
				}
				case 2: {
					const added = Array.from({ length: random(4) }, () => next++);
					rows.insert(index, added);
					naive.splice(Math.min(Math.max(0, index), naive.length), 0, ...added);
					break;
				}
				case 3:
					rows.insert(index, 2);
					naive.splice(Math.min(Math.max(0, index), naive.length), 0, undefined, undefined);
					break;
				case 4: {
					rows.remove(index, count);
					const from = Math.max(0, index);
					naive.splice(from, Math.max(0, index + count - from));
					break;
				}
				case 5: {
					const want: number[] = [];
					naive.forEach((v, i) => {
						if (v === undefined && i >= index && i < index + count) {
							want.push(i);
						}
					});
					const got = rows.missing({ first: index, count }).flatMap(g => Array.from({ length: g.count }, (_, i) => g.first + i));
					assert.deepEqual(got, want);
				}
			}
			assert.deepEqual(Array.from({ length: rows.total }, (_, i) => rows.get(i)), naive, `seed ${seed} step ${step}`);
			assert.equal(rows.known, naive.filter(v => v !== undefined).length);
		}
		assert.equal(rows.get(-1), undefined);
		assert.equal(rows.get(rows.total), undefined);
	}
});

test("rows far away can be forgotten", () => {
	const rows = new Rows<number>();
	rows.reset(10_000);
	for (let i = 0; i < 10_000; i += 50) {
		rows.set(i, Array.from({ length: 50 }, (_, j) => i + j));
	}
	rows.keep({ first: 5000, count: 100 });
	assert(rows.known >= 100 && rows.known < 1300);
	assert.equal(rows.get(5050), 5050);
	assert.equal(rows.get(0), undefined);
	assert.equal(rows.total, 10_000);
	assert.equal(rows.findIndex(v => v === 5001), 5001);
	assert.equal(rows.findIndex(v => v === 1), -1);
});

const geometry = (total: number, rowHeight = 64, viewHeight = 800) => {
	const g = new Geometry(rowHeight);
	g.resize(viewHeight);
	g.reset(total);
	return g;
};

test("never more rows have elements than allowed, and all that are seen do", () => {
	for (const [total, rowHeight, viewHeight] of [[0, 64, 800], [5, 64, 800], [100_000, 40, 2000], [5_000_000, 64, 800], [100_000, 10, 4000]] as const) {
		const g = geometry(total, rowHeight, viewHeight);
		for (const part of [0, 0.3, 0.999, 1]) {
			g.scrolled(part * (g.height - viewHeight));
			const { first, count } = g.rendered(12);
			assert(count <= mostRows && first >= 0 && first + count <= total, `${total} ${part}: ${first} ${count}`);
			const { visible } = g;
			assert(first <= visible.first && (first + count >= visible.first + visible.count || count === mostRows));
		}
	}
});

test("the bar shows the place in the list, also in lists too high for browsers", () => {
	for (const total of [100_000, 1_000_000, 8_000_000]) {
		const g = geometry(total);
		assert(g.height <= tallest);
		g.scrolled((g.height - 800) / 2);
		assert(Math.abs(g.top - total / 2) < 20, `${g.top}`);
		g.scrolled(g.height - 800);
		assert.equal(g.visible.first + g.visible.count, total);
		assert(Math.abs(g.y(total - 1) + 64 - g.height) < 1);
		g.scrolled(0);
		assert.equal(g.top, 0);
		assert.equal(g.y(0), 0);
	}
});

test("the wheel moves a scaled list by its steps, and the ends are reached together", () => {
	const g = geometry(1_000_000);
	g.scrolled(g.height / 2);
	const before = g.offset;
	for (let i = 0; i < 10; i++) {
		g.scrolled(g.scrollTop + 100);
	}
	assert(Math.abs(g.offset - before - 1000) < 1e-6);
	assert(g.settle());
	assert(Math.abs(g.offset - before - 1000) < 1e-6);
	// Upwards from a place near the top, of which the element has less than the list.
	g.reveal(50, "start");
	for (let i = 0; i < 200 && g.offset > 0; i++) {
		g.scrolled(Math.max(0, g.scrollTop - 100));
	}
	assert.equal(g.top, 0);
	assert(g.scrollTop < 1);
	g.reveal(999_950, "start");
	for (let i = 0; i < 200 && g.visible.first + g.visible.count < 1_000_000; i++) {
		g.scrolled(Math.min(g.height - 800, g.scrollTop + 100));
	}
	assert.equal(g.visible.first + g.visible.count, 1_000_000);
});

test("what is read stays in place when rows come and go, but within the top rows", () => {
	for (const total of [1000, 1_000_000]) {
		const g = geometry(total);
		g.reveal(total / 2, "start");
		g.scrolled(g.scrollTop + 10);
		const row = g.top;
		const y = g.y(row) - g.scrollTop;
		const stays = (now: number) => assert(Math.abs(g.y(now) - g.scrollTop - y) < 1e-6, `${total}: row ${now}`);
		g.inserted(0, 7);
		stays(row + 7);
		g.inserted(g.total, 5);
		stays(row + 7);
		g.removed(3, 4);
		stays(row + 3);
		g.removed(g.total - 1, 1);
		stays(row + 3);
	}
	const top = geometry(1000);
	top.scrolled(2 * 64);
	top.inserted(0, 1);
	assert.equal(top.top, 2);
	top.scrolled(3 * 64);
	top.inserted(0, 1);
	assert.equal(top.top, 4);
});

test("rows whose own are removed move up, and an emptied list is at its top", () => {
	const g = geometry(100);
	g.scrolled(50 * 64);
	g.removed(40, 30);
	assert.equal(g.top, 40);
	g.removed(0, 70);
	assert.deepEqual([g.total, g.top, g.offset, g.visible.count], [0, 0, 0, 0]);
});

test("another height of rows keeps the row on top", () => {
	const g = geometry(1000, 64);
	g.reveal(500, "start");
	g.setRowHeight(40);
	assert.equal(g.top, 500);
});

test("a row is revealed by as little as it takes", () => {
	const g = geometry(1000);
	g.reveal(5);
	assert.equal(g.offset, 0);
	g.reveal(20);
	assert.equal(g.offset, 21 * 64 - 800);
	g.reveal(20, "center");
	assert.equal(g.offset, 20.5 * 64 - 400);
	g.reveal(3);
	assert.equal(g.offset, 3 * 64);
	g.reveal(5000);
	assert.equal(g.offset, 1000 * 64 - 800);
});

/** Returns a loader and what it asked for: the first rows of pages, with "-" once they were taken back. */
const loading = (total: number, answer: () => Promise<void> | undefined = () => undefined) => {
	const clock = new FakeClock();
	const rows = new Rows<number>();
	rows.reset(total);
	const asked: string[] = [];
	const loader = new Loader(rows, (first, count, signal) => {
		asked.push(`${first}+${count}`);
		signal.addEventListener("abort", () => asked.push(`-${first}`));
		return answer();
	}, clock);
	return { clock, rows, asked, loader };
};

test("what is seen is asked for at once, then what is near", async () => {
	const { clock, rows, asked, loader } = loading(1020);
	loader.see({ first: 60, count: 30 });
	assert.deepEqual(asked, ["50+50", "0+50", "100+50"]);
	loader.see({ first: 60, count: 30 });
	await clock.advance(1000);
	assert.equal(asked.length, 3);
	rows.set(50, Array(50).fill(1));
	loader.got();
	await clock.advance(1000);
	assert.equal(asked.length, 3);
	loader.see({ first: 1000, count: 20 });
	await clock.advance(60);
	assert.deepEqual(asked.slice(3), ["-0", "-100", "1000+20", "950+50"]);
});

test("while the bar is dragged nothing is asked for, or little, and all that was scrolled past is taken back", async () => {
	const { clock, asked, loader } = loading(100_000);
	loader.see({ first: 0, count: 20 });
	for (let i = 1; i <= 100; i++) {
		loader.see({ first: i * 900, count: 20 });
		await clock.advance(16);
	}
	await clock.advance(100);
	const first = asked.filter(a => !a.startsWith("-"));
	assert(first.length < 30, first.join());
	const open = new Set<number>();
	for (const a of asked) {
		if (a.startsWith("-")) {
			open.delete(Number(a.slice(1)));
		} else {
			open.add(parseInt(a, 10));
		}
	}
	assert([...open].every(p => Math.abs(p - 90_000) <= 2 * pageSize), [...open].join());
	assert(open.has(90_000));
});

test("a request that failed is made again, but not at once", async () => {
	const { clock, asked, loader } = loading(40, () => Promise.reject(new Error("offline")));
	loader.see({ first: 0, count: 20 });
	await settle();
	await clock.advance(2000);
	assert.equal(asked.length, 1);
	await clock.advance(1000);
	assert.equal(asked.length, 2);
	loader.reset();
	assert.equal(clock.pending, 0);
});

test("a request that is not answered is made again", async () => {
	const { clock, rows, asked, loader } = loading(40);
	loader.see({ first: 0, count: 20 });
	await clock.advance(9999);
	assert.equal(asked.length, 1);
	await clock.advance(1);
	assert.deepEqual(asked, ["0+40", "0+40"]);
	rows.set(0, Array(40).fill(1));
	loader.got();
	await clock.advance(60_000);
	assert.equal(asked.length, 2);
	assert.equal(clock.pending, 0);
});

test("when rows move, those that were asked for are asked for again", async () => {
	const { clock, rows, asked, loader } = loading(40);
	loader.see({ first: 0, count: 20 });
	rows.insert(0, 1);
	loader.moved();
	await clock.advance(60);
	assert.deepEqual(asked, ["0+40", "-0", "0+41"]);
});
