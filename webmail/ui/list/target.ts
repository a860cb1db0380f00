import type { Query, Row } from "../api";
import type { Target } from "../app";

const places = (rows: readonly Row[]) => rows.map((r) => ({ Mailbox: r.Mailbox, UID: r.UID }));

/** Rows as the target of an action: conversations where these are rows, else messages. */
export function rowTarget(query: Query, rows: readonly Row[]): Target {
	return {
		selection: {
			Messages: query.Threads ? [] : places(rows), Threads: query.Threads ? rows.map((r) => r.Thread) : [],
			All: false, Query: query, Except: [], Stream: "", Action: "",
		},
		rows, all: false, except: new Set(), count: rows.length,
	};
}

/** All that a query finds as the target, but some rows, whose keys are in keys. Known are the rows that are shown. */
export function allTarget(query: Query, known: readonly Row[], except: readonly Row[], keys: ReadonlySet<string>, count: number): Target {
	return {
		selection: { Messages: [], Threads: [], All: true, Query: query, Except: places(except), Stream: "", Action: "" },
		rows: known, all: true, except: new Set(keys), count,
	};
}
