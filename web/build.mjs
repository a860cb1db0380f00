// Builds the faces for the browser:
//
//	node build.mjs [--check] [face...]
//
// Without names all faces are built; web/demo is a name too. A face is a directory beside web/ with ui/main.ts. Its scripts and styles go to its dist/, compressed with brotli, under
// names that have a hash of their content, along with manifest.json, which package webassets reads. The same sources
// give the same bytes. With --check nothing is written: it fails when dist is not what the sources give.
//
//	ui/main.ts    the script of the page. What it imports by import() is loaded later.
//	ui/main.css   the style of the page: parts are brought together by @import.
//	ui/later.css  more style, if there is any, that comes after it: lib/style.ts loads it.
//	ui/icon.svg   the icon of the page; web/icon.svg if there is none. It goes into the manifest.

import * as esbuild from "esbuild";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, brotliDecompressSync, constants, gzipSync } from "node:zlib";
import { faces as allFaces } from "./sources.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const args = process.argv.slice(2);
const check = args.includes("--check");
const named = args.filter((a) => !a.startsWith("--"));
const faces = named.length > 0 ? named : allFaces.filter((f) => existsSync(path.join(root, f, "ui/main.ts")));

// What has light-dark() and popover.
const target = ["chrome123", "firefox125", "safari17.5"];

const compress = (bytes) => brotliCompressSync(bytes, {
	params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 22, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
});

// The page's script is the entry and all that it imports. What is loaded later shares code with it, and esbuild would put
// that into more files, which the page would have to fetch at once. So each part that is loaded later imports the entry
// too: then all that the entry needs is shared by all of them, and goes into one file.
const oneFirstFile = (entry, later) => ({
	name: "one-first-file",
	setup(build) {
		build.onLoad({ filter: /\.ts$/ }, (a) => later.has(a.path)
			? { contents: `import ${JSON.stringify(entry)};\n` + readFileSync(a.path, "utf8"), loader: "ts" }
			: undefined);
	},
});

// loadedLater returns the paths of what is imported by import(), also of what others import at once.
const loadedLater = async (options) => {
	const { metafile } = await esbuild.build(options);
	const all = Object.values(metafile.inputs).flatMap((i) => i.imports);
	return new Set(all.filter((i) => i.kind === "dynamic-import").map((i) => path.join(root, i.path)));
};

// outputs returns the files of a face by name, and the manifest.
async function outputs(face) {
	const ui = path.join(root, face, "ui");
	const entry = path.join(ui, "main.ts");
	const options = {
		absWorkingDir: root, bundle: true, minify: true, write: false, metafile: true, target, legalComments: "none", charset: "utf8",
		outdir: path.join(root, face, "dist"), entryNames: "[name].[hash]", chunkNames: "[name].[hash]", assetNames: "[name].[hash]",
		tsconfig: path.join(root, "web/tsconfig.json"), logLevel: "warning",
	};
	const sheets = await esbuild.build({ ...options, entryPoints: ["main.css", "later.css"].map((f) => path.join(ui, f)).filter((f) => existsSync(f)) });
	const sheet = (name) => {
		const made = Object.entries(sheets.metafile.outputs).find(([, o]) => o.entryPoint === `${face}/ui/${name}`);
		return made ? path.basename(made[0]) : "";
	};
	const modules = { ...options, entryPoints: [entry], format: "esm", splitting: true, define: { LATER_STYLE: JSON.stringify(sheet("later.css")) } };
	const scripts = await esbuild.build({ ...modules, plugins: [oneFirstFile(entry, await loadedLater(modules))] });

	const files = new Map();
	for (const f of [...scripts.outputFiles, ...sheets.outputFiles]) files.set(path.basename(f.path), Buffer.from(f.contents));

	const manifest = { script: "", style: "", preload: [], icon: "" };
	const made = Object.entries(scripts.metafile.outputs);
	const [first, { imports }] = made.find(([, o]) => o.entryPoint === `${face}/ui/main.ts`);
	manifest.script = path.basename(first);
	// A page that loads something later has an entry that does nothing but import all of it.
	const direct = imports.filter((i) => i.kind === "import-statement");
	if (direct.length === 1 && files.get(manifest.script).length < 200) {
		files.delete(manifest.script);
		manifest.script = path.basename(direct[0].path);
	} else {
		manifest.preload = direct.map((i) => path.basename(i.path)).sort();
	}
	manifest.style = sheet("main.css");
	const icon = [path.join(ui, "icon.svg"), path.join(root, "web/icon.svg")].find((f) => existsSync(f));
	manifest.icon = "data:image/svg+xml," + encodeURIComponent(readFileSync(icon, "utf8").trim().replace(/>\s+</g, "><"));
	return { files, manifest: Buffer.from(JSON.stringify(manifest, null, "\t") + "\n"), first: [manifest.script, manifest.style, ...manifest.preload] };
}

// kept tells whether a compressed file says what it should. Its bytes may differ: not every version of brotli makes the same.
function kept(file, bytes) {
	try {
		return brotliDecompressSync(readFileSync(file)).equals(bytes);
	} catch {
		return false;
	}
}

const kB = (n) => (n / 1000).toFixed(1).padStart(8);
let stale = 0;
for (const face of faces) {
	const { files, manifest, first } = await outputs(face);
	const dist = path.join(root, face, "dist");
	const want = new Map([["manifest.json", manifest]]);
	for (const [name, bytes] of files) want.set(name + ".br", bytes);
	const have = existsSync(dist) ? readdirSync(dist) : [];

	const old = have.filter((f) => !want.has(f));
	const changed = [...want].filter(([name, bytes]) => {
		const file = path.join(dist, name);
		return !(name.endsWith(".br") ? kept(file, bytes) : existsSync(file) && readFileSync(file).equals(bytes));
	});
	if (check) {
		for (const name of [...old, ...changed.map(([name]) => name)]) {
			console.error(`${face}/dist/${name} is not what the sources give; run "make web"`);
			stale++;
		}
		continue;
	}
	mkdirSync(dist, { recursive: true });
	for (const name of old) rmSync(path.join(dist, name), { recursive: true });
	for (const [name, bytes] of changed) writeFileSync(path.join(dist, name), name.endsWith(".br") ? compress(bytes) : bytes);

	console.log(`${face} (kB)`.padEnd(32) + "     raw    gzip  brotli");
	const sum = { first: [0, 0, 0], all: [0, 0, 0] };
	for (const [name, bytes] of [...files].sort((a, b) => b[1].length - a[1].length)) {
		const sizes = [bytes.length, gzipSync(bytes, { level: 9 }).length, readFileSync(path.join(dist, name + ".br")).length];
		sizes.forEach((n, i) => {
			sum.all[i] += n;
			if (first.includes(name)) sum.first[i] += n;
		});
		console.log("  " + name.padEnd(30) + sizes.map(kB).join(""));
	}
	console.log("  first page".padEnd(32) + sum.first.map(kB).join(""));
	console.log("  all".padEnd(32) + sum.all.map(kB).join(""));
}
process.exitCode = stale > 0 ? 1 : 0;
