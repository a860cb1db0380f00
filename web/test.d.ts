// What the tests use of Node, so that types of all of Node are not needed.

declare module "node:test" {
	export default function test(name: string, run: () => void | Promise<void>): void;
	export const mock: { readonly timers: { enable(o: { apis: string[] }): void; tick(ms: number): void; setTime(ms: number): void; reset(): void } };
}

declare module "node:assert/strict" {
	interface Assert {
		(value: unknown, message?: string): asserts value;
		equal<T>(actual: unknown, expected: T, message?: string): asserts actual is T;
		deepEqual<T>(actual: unknown, expected: T, message?: string): asserts actual is T;
		notEqual(actual: unknown, expected: unknown, message?: string): void;
		match(value: string, pattern: RegExp, message?: string): void;
		throws(run: () => unknown, expected?: RegExp | object, message?: string): void;
		rejects(run: Promise<unknown> | (() => Promise<unknown>), expected?: RegExp | object, message?: string): Promise<void>;
		fail(message?: string): never;
	}
	const assert: Assert;
	export default assert;
}

declare module "node:fs" {
	export function readFileSync(file: string, encoding: "utf8"): string;
	export function readdirSync(dir: string, o: { recursive: true; encoding: "utf8" }): string[];
}

declare module "node:path" {
	const path: { join(...parts: string[]): string };
	export default path;
}

interface ImportMeta {
	/** Root of the repository, in tests. */
	readonly dirname: string;
}

declare function setImmediate(run: () => void): unknown;
