import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import test from "node:test";
import { commandLabels } from "./keylabels";

const ui = path.join(import.meta.dirname, "webmail/ui");
const sources = readdirSync(ui, { recursive: true, encoding: "utf8" }).filter((f) => /\.ts$/.test(f) && !/\.test\.ts$|(^|\/)api\.ts$/.test(f))
	.map((file) => ({ file, text: readFileSync(path.join(ui, file), "utf8") }));
// Names of dates in a list are asked for by what all pages share.
sources.push({ file: "dates.ts", text: readFileSync(path.join(import.meta.dirname, "web/lib/dates.ts"), "utf8") });

/** Keys of all catalogues, as they stand in the sources, and of the commands. */
const keys = new Set([...Object.keys(commandLabels), ...sources.flatMap(({ text }) => [...text.matchAll(/(?<=[{,\n]\s*)"([a-zA-Z][\w.-]*)":\s*["`{]/g)].map((m) => m[1]!))]);

test("all words that the page uses are in a catalogue", () => {
	assert(keys.size > 300, String(keys.size));
	const missing: string[] = [];
	let used = 0;
	for (const { file, text } of sources) {
		// Also those chosen among two: t(on ? "a" : "b").
		for (const [, args] of text.matchAll(/\bt\(((?:[^()`]|\([^()]*\))*?)(?:\)|, \{)/g)) {
			for (const [, key] of (args ?? "").replace(/[=!]== "[^"]*"/g, "").matchAll(/"([^"]*)"/g)) {
				used++;
				if (!keys.has(key!)) missing.push(`${file}: ${key}`);
			}
		}
		for (const [, pattern] of text.matchAll(/\bt\(`([^`]*)`/g)) {
			used++;
			const fits = new RegExp(`^${pattern!.split(/\$\{[^}]*\}/).map((p) => p.replaceAll(".", "\\.")).join("[^.]+(\\.[^.]+)*")}$`);
			if (![...keys].some((k) => fits.test(k))) missing.push(`${file}: ${pattern}`);
		}
	}
	assert(used > 300, String(used));
	assert.deepEqual(missing, []);
});
