import { type Query, Role, type Row, Scope } from "../api";
import type { App, Target } from "../app";

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

/** Whether a row is a draft to go on with: alone, or among drafts. Of other conversations one reads what was written too; what was deleted is read only. */
export function goesOn(app: App, query: Query, row: Row): boolean {
	const role = app.account.mailbox(row.Mailbox)?.Role;
	const drafts = query.Scope === Scope.ScopeMailbox && role === Role.RoleDrafts;
	return row.Draft && role !== Role.RoleTrash && (drafts || row.Messages === 1 || !query.Threads);
}
