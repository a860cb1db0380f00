// What the messages of a conversation look like now: as the server told, and with what is being done to them.

import type { Conversation, Item, Query, Row, ThreadEvent } from "../api";
import type { Account, Optimistic } from "../app";

/** Returns items with what an event says, oldest first. */
export function merged(items: readonly Item[], event: Pick<ThreadEvent, "Items" | "Gone">): Item[] {
	const all = new Map(items.map((i) => [i.Email, i]));
	for (const i of event.Items) all.set(i.Email, i);
	for (const email of event.Gone) all.delete(email);
	return [...all.values()].sort((a, b) => a.Received - b.Received || (a.Email < b.Email ? -1 : 1));
}

/**
 * Returns the conversation of which a message is all that is shown. The message may have been read a while ago; its row is of now, and of the place that one
 * looks at.
 */
export function alone(row: Row, item: Item): Conversation {
	const { Mailbox, UID, Flagged, Answered, Forwarded, Labels } = row;
	const Places = [{ Mailbox, UID }, ...item.Places.filter((p) => p.Mailbox !== Mailbox)];
	return { Thread: row.Thread, Subject: row.Subject, Muted: row.Muted, Items: [{ ...item, Places, Seen: row.Unread === 0, Flagged, Answered, Forwarded, Labels }] };
}

/** Tells whether an action is done to a message. */
export function concerns(o: Optimistic, item: Item): boolean {
	if (o.all) return !o.except.has(item.Email) && !o.except.has(item.Thread);
	return o.emails.has(item.Email) || o.threads.has(item.Thread);
}

/** Returns a message as it is after an action. */
export function changedItem(item: Item, o: Optimistic): Item {
	if (!concerns(o, item)) return item;
	const { seen, flagged, addLabels = [], removeLabels = [] } = o.change;
	const gone = new Set(removeLabels.map((l) => l.toLowerCase()));
	const has = new Set(item.Labels.map((l) => l.toLowerCase()));
	return {
		...item, Seen: seen ?? item.Seen, Flagged: flagged ?? item.Flagged,
		Labels: [...item.Labels.filter((l) => !gone.has(l.toLowerCase())), ...addLabels.filter((l) => !has.has(l.toLowerCase()))],
	};
}

/** Returns which messages are open at first: those that are unread, the last one that is no draft, and the one asked for. */
export function openAtFirst(items: readonly Item[], email: string): Set<string> {
	const written = items.filter((i) => !i.Draft);
	const last = written.at(-1) ?? items.at(-1);
	return new Set([...written.filter((i) => !i.Seen).map((i) => i.Email), ...last ? [last.Email] : [], ...items.some((i) => i.Email === email) ? [email] : []]);
}

/** Returns which message one wants to see first: the first one unread, or else the one asked for, or the last. */
export function focusAtFirst(items: readonly Item[], email: string): string {
	return (items.find((i) => !i.Seen && !i.Draft) ?? items.find((i) => i.Email === email) ?? items.at(-1))?.Email ?? "";
}

/** Returns the names of people, short: "me, Ben +3". */
export function namesOf(people: readonly { Name: string; Address: string }[], more: number, account: Pick<Account, "isMine">, me: string): string {
	const names = people.map((p) => account.isMine(p.Address) ? me : people.length > 1 ? firstName(p) : p.Name || p.Address);
	return [...new Set(names)].filter(Boolean).join(", ") + (more > 0 ? ` +${more}` : "");
}

const firstName = (p: { Name: string; Address: string }): string => {
	const name = p.Name.includes("@") || p.Name.includes(",") ? p.Name : p.Name.split(" ")[0];
	return name || p.Address;
};

/** Returns the words of a search that can stand in messages. Those it excludes, dates, flags and the like cannot. */
export function searchedWords(query: Query | undefined): string[] {
	const words: string[] = [];
	for (const [, minus, operator, quoted, plain] of (query?.Text ?? "").matchAll(/(-?)(?:(\w+):)?(?:"([^"]*)"|(\S+))/g)) {
		const word = quoted ?? plain ?? "";
		if (!minus && (!operator || /^(from|to|cc|subject|body|text|f|t|s)$/i.test(operator)) && word.length > 1 && !/^(OR|AND|NOT)$/.test(word)) words.push(word);
	}
	return words;
}
