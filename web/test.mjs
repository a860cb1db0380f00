// Runs the unit tests of web/ and of the faces: bundles each *.test.ts for Node and hands all to its test runner.
// Arguments select: the path of a test must contain one of them.

import * as esbuild from "esbuild";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { sources } from "./sources.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const wanted = process.argv.slice(2);
const tests = sources(root, ".test.ts").filter((f) => wanted.length === 0 || wanted.some((w) => f.includes(w)));
if (tests.length === 0) {
	console.error("no test has such a name");
	process.exit(1);
}

const dir = mkdtempSync(path.join(tmpdir(), "mox-web-"));
try {
	await esbuild.build({
		absWorkingDir: root, entryPoints: tests, outdir: dir, outbase: root, outExtension: { ".js": ".mjs" }, bundle: true, format: "esm",
		platform: "node", target: "node18", sourcemap: "inline", tsconfig: path.join(root, "web/tsconfig.json"), logLevel: "warning",
		// Tests of what reads files find them beside their source.
		define: { "import.meta.dirname": JSON.stringify(root) },
	});
	const files = readdirSync(dir, { recursive: true }).filter((f) => f.endsWith(".test.mjs")).map((f) => path.join(dir, f)).sort();
	const { status, error } = spawnSync(process.execPath, ["--enable-source-maps", "--test", ...(process.stdout.isTTY ? [] : ["--test-reporter=dot"]), ...files], { stdio: "inherit", timeout: 600_000 });
	if (error) console.error(`tests did not end: ${error.message}`);
	process.exitCode = status ?? 1;
} finally {
	rmSync(dir, { recursive: true });
}
