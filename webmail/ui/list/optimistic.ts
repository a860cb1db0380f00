import type { Row } from "../api";
import type { Optimistic } from "../app";

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
