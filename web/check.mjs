// Checks what neither compiler nor tests see, in web/ and the faces' ui/:
//
//   - web/ imports no face, and no face another one;
//   - nothing makes HTML from strings, and nothing runs strings;
//   - components take colours from tokens.css, so that light and dark stand together;
//   - files stay below 400 lines.

import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { sources } from "./sources.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const problems = [];
const generated = (file) => /\/api\.ts$/.test(file) && !file.startsWith("web/");
const isTest = (file) => /\.test\.ts$|_fake\.ts$/.test(file);

// What reads strings as HTML or code, and where that is allowed.
const sinks = [
	[/\.(inner|outer)HTML\b(?!\s*[=!]==)\s*\+?=/, []],
	[/\binsertAdjacentHTML\b|\bsetHTMLUnsafe\b|\bdocument\.write|\bcreateContextualFragment\b|\.srcdoc\b|\bexecCommand\(\s*["']insertHTML/, []],
	[/\bDOMParser\b|\bcreatePolicy\b/, ["web/lib/inert.ts"]],
	[/\beval\(|\bnew Function\b|\b(setTimeout|setInterval)\(\s*["'`]/, []],
];

for (const file of sources(root, ".ts")) {
	const text = readFileSync(path.join(root, file), "utf8");
	const home = file.split("/")[0];
	for (const [, from, bare, lazy] of text.matchAll(/^(?:import|export)\b[^;"'()=]*?\bfrom\s*["']([^"']+)["']|^import\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/gm)) {
		const spec = from ?? bare ?? lazy;
		if (spec.startsWith("node:") && isTest(file)) continue;
		if (!spec.startsWith(".")) {
			problems.push(`${file} imports ${spec}: the pages use nothing but our own code`);
			continue;
		}
		const to = path.posix.join(path.posix.dirname(file), spec).split("/")[0];
		if (to !== home && (home === "web" || to !== "web")) problems.push(`${file} imports ${spec}: ${home === "web" ? "what is shared knows no face" : "a face imports itself and web/ only"}`);
	}
	if (!isTest(file) && !file.endsWith(".d.ts")) {
		text.split("\n").forEach((line, i) => {
			const code = line.replace(/^\s*(\/\/|\*|\/\*).*/, "");
			for (const [sink, allowed] of sinks) if (sink.test(code) && !allowed.includes(file)) problems.push(`${file}:${i + 1}: ${code.trim()}: strings become neither HTML nor code`);
		});
	}
	const lines = text.split("\n").length - 1;
	if (lines > 400 && !generated(file) && !isTest(file)) problems.push(`${file} has ${lines} lines: look for the second room`);
}

for (const file of sources(root, ".css")) {
	if (file === "web/styles/tokens.css" || file === "web/styles/print.css") continue;
	const text = readFileSync(path.join(root, file), "utf8").replace(/\/\*[\s\S]*?\*\//g, (c) => c.replace(/[^\n]/g, ""));
	text.split("\n").forEach((line, i) => {
		if (/:.*(#[0-9a-f]{3,8}\b|\brgba?\(|\bhsla?\()/i.test(line)) problems.push(`${file}:${i + 1}: ${line.trim()}: colours are in tokens.css`);
		if (/(^|[;{\s])((left|right|(margin|padding|border)-(left|right)[a-z-]*)\s*:|(text-align|float|clear):\s*(left|right)\b)/.test(line)) problems.push(`${file}:${i + 1}: ${line.trim()}: use start and end, it may be right to left`);
	});
}

for (const p of problems) console.error(p);
process.exitCode = problems.length > 0 ? 1 : 0;
