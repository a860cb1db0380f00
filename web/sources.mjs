// The sources of web/ and of the faces beside it.

import { existsSync, readdirSync } from "node:fs";
import path from "node:path";

/** The faces, as directories beside web/. */
export const faces = ["webmail", "webadmin", "webaccount"];

/** Returns the files of web/ and of the faces' ui/ whose names have an ending, relative to root, sorted. */
export function sources(root, ending) {
	const found = [];
	const walk = (dir) => {
		for (const e of readdirSync(path.join(root, dir), { withFileTypes: true })) {
			const name = dir + "/" + e.name;
			if (e.isDirectory()) {
				if (e.name !== "node_modules" && e.name !== "dist") walk(name);
			} else if (name.endsWith(ending)) {
				found.push(name);
			}
		}
	};
	for (const dir of ["web", ...faces.map((f) => f + "/ui")]) if (existsSync(path.join(root, dir))) walk(dir);
	return found.sort();
}
