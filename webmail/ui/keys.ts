/** The commands of the webmail and their keys, in both presets. Help, menus and tooltips show what stands here; labels are in keylabels.ts. */

import type { Command } from "../../web/lib/keymap";

/**
 * Where keys work. In the reader the keys of the list work as well, and the other way around. The viewer is that of attachments, mailboxes the tree of
 * mailboxes.
 */
export type Scope = "global" | "mailboxes" | "list" | "reader" | "viewer" | "composer";

/** The presets: mox has the keys of earlier versions of mox, gmail those that Gmail and Fastmail have in common. */
export type Preset = "mox" | "gmail";

/** Scopes in which keys work at the same time. */
export const together = (a: Scope, b: Scope): boolean => a !== b && [a, b].every(s => s === "list" || s === "reader");

// Name: scope, keys of mox, keys of gmail. Several keys for the same are separated by "or".
const table = {
	compose: ["global", "c", "c"],
	composeInTab: ["global", "Alt+c", "d"],
	search: ["global", "/", "/"],
	help: ["global", "?", "?"],
	settings: ["global", "Ctrl+!", "Ctrl+!"],
	undo: ["global", "z", "z"],
	focusMessage: ["global", "Ctrl+m", "Ctrl+m"],
	goInbox: ["global", "i or g i", "g i"],
	goFlagged: ["global", "g s", "g s"],
	goSent: ["global", "g t", "g t"],
	goDrafts: ["global", "g d", "g d"],
	goArchive: ["global", "g e", "g e"],
	goAll: ["global", "g a", "g a"],
	goJunk: ["global", "g q", "g !"],
	goTrash: ["global", "g #", "g #"],
	goScheduled: ["global", "g c", "g b"],
	goMailbox: ["global", "g g", "g m"],
	goLabel: ["global", "g l", "g l"],

	collapseMailbox: ["mailboxes", "ArrowLeft", "ArrowLeft"],
	expandMailbox: ["mailboxes", "ArrowRight", "ArrowRight"],
	openMailbox: ["mailboxes", "Enter", "Enter"],
	mailboxActions: ["mailboxes", "b or Shift+F10", ". or Shift+F10"],

	next: ["list", "j or ArrowDown", "j or ArrowDown"],
	previous: ["list", "k or ArrowUp", "k or ArrowUp"],
	nextPage: ["list", "l or PageDown", "PageDown"],
	previousPage: ["list", "h or PageUp", "PageUp"],
	last: ["list", ". or End", "End"],
	first: ["list", ", or Home", "Home"],
	focusNext: ["list", "Ctrl+j or Ctrl+ArrowDown", "Ctrl+ArrowDown"],
	focusPrevious: ["list", "Ctrl+k or Ctrl+ArrowUp", "Ctrl+ArrowUp"],
	focusNextPage: ["list", "Ctrl+l or Ctrl+PageDown", "Ctrl+PageDown"],
	focusPreviousPage: ["list", "Ctrl+h or Ctrl+PageUp", "Ctrl+PageUp"],
	focusLast: ["list", "Ctrl+. or Ctrl+End", "Ctrl+End"],
	focusFirst: ["list", "Ctrl+, or Ctrl+Home", "Ctrl+Home"],
	extendNext: ["list", "J or Shift+ArrowDown", "J or Shift+ArrowDown"],
	extendPrevious: ["list", "K or Shift+ArrowUp", "K or Shift+ArrowUp"],
	extendNextPage: ["list", "L or Shift+PageDown", "Shift+PageDown"],
	extendPreviousPage: ["list", "H or Shift+PageUp", "Shift+PageUp"],
	extendLast: ["list", "> or Shift+End", "Shift+End"],
	extendFirst: ["list", "< or Shift+Home", "Shift+Home"],
	nextUnread: ["list", "u", "Alt+u"],
	previousThread: ["list", "p", "Alt+p"],
	nextThread: ["list", "n", "Alt+n"],
	open: ["list", "Enter", "o or Enter"],
	back: ["list", "Escape", "u or Escape"],
	toggle: ["list", "Space or x", "x or Space"],
	selectThread: ["list", "S", "Alt+s"],
	selectAll: ["list", "Ctrl+a or * a", "* a or Ctrl+a"],
	selectNone: ["list", "* n", "* n"],
	selectRead: ["list", "* r", "* r"],
	selectUnread: ["list", "* u", "* u"],
	selectFlagged: ["list", "* s", "* s"],
	selectNotFlagged: ["list", "* t", "* t"],
	toggleThread: ["list", "C", "Alt+Enter"],
	mute: ["list", "X", "m"],
	archive: ["list", "a", "e or y"],
	archivePrevious: ["list", "", "]"],
	archiveNext: ["list", "", "["],
	trash: ["list", "d or Delete", "# or Delete"],
	deleteForever: ["list", "D or Shift+Delete", "Shift+Delete"],
	junk: ["list", "q", "!"],
	notJunk: ["list", "Q", "Alt+!"],
	move: ["list", "w", "v"],
	label: ["list", "y", "l"],
	flag: ["list", "s", "s"],
	markRead: ["list", "m", "I"],
	markUnread: ["list", "M", "U"],
	moreActions: ["list", "b or Shift+F10", ". or Shift+F10"],

	reply: ["reader", "r", "r"],
	replyAll: ["reader", "R", "a"],
	replyList: ["reader", "Alt+r", "Alt+r"],
	replyInTab: ["reader", "", "R"],
	replyAllInTab: ["reader", "", "A"],
	forward: ["reader", "f", "f"],
	forwardAttached: ["reader", "F", "F"],
	edit: ["reader", "e", "Alt+e"],
	nextInThread: ["reader", "Alt+n", "n"],
	previousInThread: ["reader", "Alt+p", "p"],
	expandAll: ["reader", ";", ";"],
	collapseAll: ["reader", ":", ":"],
	viewAttachments: ["reader", "v", "Alt+v"],
	showText: ["reader", "t", "Alt+t"],
	showHTML: ["reader", "T", "T"],
	openInTab: ["reader", "o", "O"],
	showRaw: ["reader", "O", "Alt+o"],
	print: ["reader", "Ctrl+p", "Ctrl+p"],
	showParts: ["reader", "I", "Alt+i"],
	showHeaders: ["reader", "Ctrl+i", "Ctrl+i"],
	scrollDown: ["reader", "Alt+j", "Alt+j"],
	scrollUp: ["reader", "Alt+k", "Alt+k"],
	scrollPageDown: ["reader", "Alt+Shift+j", "Alt+Shift+j"],
	scrollPageUp: ["reader", "Alt+Shift+k", "Alt+Shift+k"],

	viewPrevious: ["viewer", "h or ArrowLeft", "k or ArrowLeft"],
	viewNext: ["viewer", "l or ArrowRight", "j or ArrowRight"],
	viewFirst: ["viewer", "0 or Home", "Home"],
	viewLast: ["viewer", "$ or End", "End"],
	viewDownload: ["viewer", "d", "Alt+d"],
	viewClose: ["viewer", "Escape", "Escape"],

	send: ["composer", "Ctrl+Enter", "Ctrl+Enter"],
	sendArchive: ["composer", "Ctrl+Shift+Enter", "Ctrl+Shift+Enter"],
	save: ["composer", "Ctrl+s", "Ctrl+s"],
	closeComposer: ["composer", "Ctrl+Shift+s or Ctrl+w", "Escape"],
	discard: ["composer", "Ctrl+Shift+d", "Ctrl+Shift+d"],
	focusTo: ["composer", "Ctrl+Shift+o", "Ctrl+Shift+o"],
	focusCc: ["composer", "Ctrl+Shift+c", "Ctrl+Shift+c"],
	focusBcc: ["composer", "Ctrl+Shift+b", "Ctrl+Shift+b"],
	focusReplyTo: ["composer", "Ctrl+Shift+y", "Ctrl+Shift+y"],
	focusFrom: ["composer", "Ctrl+Shift+f", "Ctrl+Shift+f"],
	removeRecipient: ["composer", "Ctrl+Backspace", "Ctrl+Backspace"],
	addRecipient: ["composer", "Ctrl++", "Ctrl++"],
	attach: ["composer", "Ctrl+Shift+a", "Ctrl+Shift+a"],
	bold: ["composer", "Ctrl+b", "Ctrl+b"],
	italic: ["composer", "Ctrl+i", "Ctrl+i"],
	insertLink: ["composer", "Ctrl+k", "Ctrl+k"],
	numberedList: ["composer", "Ctrl+Shift+7", "Ctrl+Shift+7"],
	bulletList: ["composer", "Ctrl+Shift+8", "Ctrl+Shift+8"],
	quote: ["composer", "Ctrl+Shift+9", "Ctrl+Shift+9"],
	clearFormat: ["composer", "Ctrl+\\", "Ctrl+\\"],
} as const satisfies { readonly [name: string]: readonly [Scope, string, string] };

/** Name of a command. */
export type CommandName = keyof typeof table;

const split = (keys: string): readonly string[] => keys ? keys.split(" or ") : [];

const entries = Object.entries(table) as [CommandName, readonly [Scope, string, string]][];

/** All commands of the webmail. */
export const commands = Object.fromEntries(entries.map(([name, [scope, mox, gmail]]) =>
	[name, { label: `command.${name}`, scope, keys: { mox: split(mox), gmail: split(gmail) } }])) as { readonly [name in CommandName]: Command<Scope, Preset> };
