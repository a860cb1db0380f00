import type { Query, Row } from "../api";
import type { Optimistic } from "../app";
import { sameMessages } from "../queries";

/** Returns what tells which rows of a list an action concerns. */
export function concerned(o: Optimistic, query: Query): (row: Row) => boolean {
	if (o.all) return o.query && sameMessages(o.query, query) ? (row) => !o.except.has(query.Threads ? row.Thread : row.Email) : () => false;
	// One message of a conversation does not stand for all of it.
	return (row) => o.threads.has(row.Thread) || o.emails.has(row.Email) && !(query.Threads && row.Messages > 1);
}

/** A row as it will be after an action. */
export function changed(row: Row, o: Optimistic): Row {
	const { seen, flagged, muted, addLabels, removeLabels } = o.change;
	const removed = new Set((removeLabels ?? []).map((l) => l.toLowerCase()));
	const labels = row.Labels.filter((l) => !removed.has(l.toLowerCase()));
	for (const l of addLabels ?? []) if (!labels.some((x) => x.toLowerCase() === l.toLowerCase())) labels.push(l);
	return {
		...row,
		Unread: seen === undefined ? row.Unread : seen ? 0 : Math.max(1, row.Unread),
		People: seen === undefined ? row.People : row.People.map((p) => ({ ...p, Unread: seen ? false : p.Unread })),
		Flagged: flagged ?? row.Flagged,
		Muted: muted ?? row.Muted,
		Labels: labels,
	};
}
