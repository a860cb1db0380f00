import { type Action, ActionKind, type Item, type Query, type Row, Scope as MailScope } from "../api";
import type { Optimistic, Target } from "../app";
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

/** Actions after which messages are in another mailbox. */
const moves: ReadonlySet<ActionKind> = new Set([ActionKind.ActArchive, ActionKind.ActTrash, ActionKind.ActJunk, ActionKind.ActNotJunk, ActionKind.ActMove, ActionKind.ActExpunge]);

/** Returns what an action will look like. */
export function optimistic(target: Target, action: Action): Optimistic {
	const scope = target.selection.Query?.Scope;
	// In a search of all mailboxes messages stay in the list when they move; those that go to Trash leave one of all but that.
	const stays = action.Kind === ActionKind.ActMove && scope === MailScope.ScopeMailbox && action.Mailbox === target.selection.Query?.Mailbox;
	const leaves = moves.has(action.Kind) && !stays && (scope === undefined || scope === MailScope.ScopeMailbox || scope === MailScope.ScopeChildren ||
		scope === MailScope.ScopeNormal && (action.Kind === ActionKind.ActTrash || action.Kind === ActionKind.ActJunk) || action.Kind === ActionKind.ActExpunge);
	const change: { -readonly [K in keyof Optimistic["change"]]: Optimistic["change"][K] } = {};
	switch (action.Kind) {
		case ActionKind.ActRead:
			change.seen = true;
			break;
		case ActionKind.ActUnread:
			change.seen = false;
			break;
		case ActionKind.ActFlag:
			change.flagged = true;
			break;
		case ActionKind.ActUnflag:
			change.flagged = false;
			break;
		case ActionKind.ActMute:
			change.muted = true;
			break;
		case ActionKind.ActUnmute:
			change.muted = false;
			break;
		case ActionKind.ActLabel:
			change.addLabels = action.Labels;
			break;
		case ActionKind.ActUnlabel:
			change.removeLabels = action.Labels;
			break;
	}
	const threads = new Set(target.selection.Threads);
	return {
		emails: new Set(target.rows.filter((r: Row | Item) => !threads.has(r.Thread)).map((r) => r.Email)),
		threads, all: target.all, query: target.selection.Query, except: target.except, change, leaves,
	};
}
