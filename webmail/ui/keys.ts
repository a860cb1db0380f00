/** The commands of the webmail and their keys, in both presets. Help, menus and tooltips show what stands here. */

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

// Name: scope, label in English, keys of mox, keys of gmail. Several keys for the same are separated by "or".
const table = {
	compose: ["global", "Write a message", "c", "c"],
	composeInTab: ["global", "Write a message in a new tab", "Alt+c", "d"],
	search: ["global", "Search", "/", "/"],
	help: ["global", "Show all keys", "?", "?"],
	settings: ["global", "Settings", "Ctrl+!", "Ctrl+!"],
	undo: ["global", "Undo", "z", "z"],
	focusMessage: ["global", "Go to the message", "Ctrl+m", "Ctrl+m"],
	goInbox: ["global", "Go to Inbox", "i or g i", "g i"],
	goFlagged: ["global", "Go to flagged messages", "g s", "g s"],
	goSent: ["global", "Go to Sent", "g t", "g t"],
	goDrafts: ["global", "Go to Drafts", "g d", "g d"],
	goArchive: ["global", "Go to Archive", "g e", "g e"],
	goAll: ["global", "Go to all messages", "g a", "g a"],
	goJunk: ["global", "Go to Junk", "g q", "g !"],
	goTrash: ["global", "Go to Trash", "g #", "g #"],
	goScheduled: ["global", "Go to scheduled messages", "g c", "g b"],
	goMailbox: ["global", "Go to a mailbox", "g g", "g m"],
	goLabel: ["global", "Go to a label", "g l", "g l"],

	collapseMailbox: ["mailboxes", "Collapse", "ArrowLeft", "ArrowLeft"],
	expandMailbox: ["mailboxes", "Expand", "ArrowRight", "ArrowRight"],
	openMailbox: ["mailboxes", "Open the mailbox", "Enter", "Enter"],
	mailboxActions: ["mailboxes", "Actions on the mailbox", "b or Shift+F10", ". or Shift+F10"],

	next: ["list", "Next message", "j or ArrowDown", "j or ArrowDown"],
	previous: ["list", "Previous message", "k or ArrowUp", "k or ArrowUp"],
	nextPage: ["list", "A page down", "l or PageDown", "PageDown"],
	previousPage: ["list", "A page up", "h or PageUp", "PageUp"],
	last: ["list", "Last message", ". or End", "End"],
	first: ["list", "First message", ", or Home", "Home"],
	focusNext: ["list", "Next message, without selecting it", "Ctrl+j or Ctrl+ArrowDown", "Ctrl+ArrowDown"],
	focusPrevious: ["list", "Previous message, without selecting it", "Ctrl+k or Ctrl+ArrowUp", "Ctrl+ArrowUp"],
	focusNextPage: ["list", "A page down, without selecting", "Ctrl+l or Ctrl+PageDown", "Ctrl+PageDown"],
	focusPreviousPage: ["list", "A page up, without selecting", "Ctrl+h or Ctrl+PageUp", "Ctrl+PageUp"],
	focusLast: ["list", "Last message, without selecting it", "Ctrl+. or Ctrl+End", "Ctrl+End"],
	focusFirst: ["list", "First message, without selecting it", "Ctrl+, or Ctrl+Home", "Ctrl+Home"],
	extendNext: ["list", "Select the next message too", "J or Shift+ArrowDown", "J or Shift+ArrowDown"],
	extendPrevious: ["list", "Select the previous message too", "K or Shift+ArrowUp", "K or Shift+ArrowUp"],
	extendNextPage: ["list", "Select a page down", "L or Shift+PageDown", "Shift+PageDown"],
	extendPreviousPage: ["list", "Select a page up", "H or Shift+PageUp", "Shift+PageUp"],
	extendLast: ["list", "Select up to the last message", "> or Shift+End", "Shift+End"],
	extendFirst: ["list", "Select up to the first message", "< or Shift+Home", "Shift+Home"],
	nextUnread: ["list", "Next unread message", "u", "Alt+u"],
	previousThread: ["list", "Previous conversation", "p", "Alt+p"],
	nextThread: ["list", "Next conversation", "n", "Alt+n"],
	open: ["list", "Open", "Enter", "o or Enter"],
	back: ["list", "Back to the list", "Escape", "u or Escape"],
	toggle: ["list", "Select or do not select", "Space or x", "x or Space"],
	selectThread: ["list", "Select the conversation", "S", "Alt+s"],
	selectAll: ["list", "Select all", "Ctrl+a or * a", "* a or Ctrl+a"],
	selectNone: ["list", "Select none", "* n", "* n"],
	selectRead: ["list", "Select read messages", "* r", "* r"],
	selectUnread: ["list", "Select unread messages", "* u", "* u"],
	selectFlagged: ["list", "Select flagged messages", "* s", "* s"],
	selectNotFlagged: ["list", "Select messages that are not flagged", "* t", "* t"],
	toggleThread: ["list", "Collapse or expand the conversation", "C", "Alt+Enter"],
	mute: ["list", "Mute the conversation", "X", "m"],
	archive: ["list", "Archive", "a", "e or y"],
	archivePrevious: ["list", "Archive and go to the previous", "", "]"],
	archiveNext: ["list", "Archive and go to the next", "", "["],
	trash: ["list", "Delete", "d or Delete", "# or Delete"],
	deleteForever: ["list", "Delete permanently", "D or Shift+Delete", "Shift+Delete"],
	junk: ["list", "Junk", "q", "!"],
	notJunk: ["list", "Not junk", "Q", "Alt+!"],
	move: ["list", "Move", "w", "v"],
	label: ["list", "Label", "y", "l"],
	flag: ["list", "Flag or unflag", "s", "s"],
	markRead: ["list", "Mark as read", "m", "I"],
	markUnread: ["list", "Mark as unread", "M", "U"],
	moreActions: ["list", "More actions", "b or Shift+F10", ". or Shift+F10"],

	reply: ["reader", "Reply", "r", "r"],
	replyAll: ["reader", "Reply to all", "R", "a"],
	replyList: ["reader", "Reply to the list", "Alt+r", "Alt+r"],
	replyInTab: ["reader", "Reply in a new tab", "", "R"],
	replyAllInTab: ["reader", "Reply to all in a new tab", "", "A"],
	forward: ["reader", "Forward", "f", "f"],
	forwardAttached: ["reader", "Forward as attachment", "F", "F"],
	edit: ["reader", "Edit the draft, or as a new message", "e", "Alt+e"],
	nextInThread: ["reader", "Next message of the conversation", "Alt+n", "n"],
	previousInThread: ["reader", "Previous message of the conversation", "Alt+p", "p"],
	expandAll: ["reader", "Expand all messages of the conversation", ";", ";"],
	collapseAll: ["reader", "Collapse all messages of the conversation", ":", ":"],
	viewAttachments: ["reader", "View attachments", "v", "Alt+v"],
	showText: ["reader", "Show as text", "t", "Alt+t"],
	showHTML: ["reader", "Show as HTML", "T", "T"],
	openInTab: ["reader", "Open in a new tab", "o", "O"],
	showRaw: ["reader", "Show the source", "O", "Alt+o"],
	print: ["reader", "Print", "Ctrl+p", "Ctrl+p"],
	showParts: ["reader", "Show the parts", "I", "Alt+i"],
	showHeaders: ["reader", "Show all headers", "Ctrl+i", "Ctrl+i"],
	scrollDown: ["reader", "Scroll down", "Alt+j", "Alt+j"],
	scrollUp: ["reader", "Scroll up", "Alt+k", "Alt+k"],
	scrollPageDown: ["reader", "Scroll a page down", "Alt+Shift+j", "Alt+Shift+j"],
	scrollPageUp: ["reader", "Scroll a page up", "Alt+Shift+k", "Alt+Shift+k"],

	viewPrevious: ["viewer", "Previous attachment", "h or ArrowLeft", "k or ArrowLeft"],
	viewNext: ["viewer", "Next attachment", "l or ArrowRight", "j or ArrowRight"],
	viewFirst: ["viewer", "First attachment", "0 or Home", "Home"],
	viewLast: ["viewer", "Last attachment", "$ or End", "End"],
	viewDownload: ["viewer", "Download", "d", "Alt+d"],
	viewClose: ["viewer", "Close", "Escape", "Escape"],

	send: ["composer", "Send", "Ctrl+Enter", "Ctrl+Enter"],
	sendArchive: ["composer", "Send and archive", "Ctrl+Shift+Enter", "Ctrl+Shift+Enter"],
	save: ["composer", "Save the draft", "Ctrl+s", "Ctrl+s"],
	closeComposer: ["composer", "Close and keep the draft", "Ctrl+Shift+s or Ctrl+w", "Escape"],
	discard: ["composer", "Discard the draft", "Ctrl+Shift+d", "Ctrl+Shift+d"],
	focusTo: ["composer", "To", "Ctrl+Shift+o", "Ctrl+Shift+o"],
	focusCc: ["composer", "Cc", "Ctrl+Shift+c", "Ctrl+Shift+c"],
	focusBcc: ["composer", "Bcc", "Ctrl+Shift+b", "Ctrl+Shift+b"],
	focusReplyTo: ["composer", "Reply to", "Ctrl+Shift+y", "Ctrl+Shift+y"],
	focusFrom: ["composer", "From", "Ctrl+Shift+f", "Ctrl+Shift+f"],
	removeRecipient: ["composer", "Remove the empty address", "Ctrl+Backspace", "Ctrl+Backspace"],
	addRecipient: ["composer", "Add an address", "Ctrl++", "Ctrl++"],
	attach: ["composer", "Attach files", "Ctrl+Shift+a", "Ctrl+Shift+a"],
	bold: ["composer", "Bold", "Ctrl+b", "Ctrl+b"],
	italic: ["composer", "Italic", "Ctrl+i", "Ctrl+i"],
	insertLink: ["composer", "Link", "Ctrl+k", "Ctrl+k"],
	numberedList: ["composer", "Numbered list", "Ctrl+Shift+7", "Ctrl+Shift+7"],
	bulletList: ["composer", "List", "Ctrl+Shift+8", "Ctrl+Shift+8"],
	quote: ["composer", "Quote", "Ctrl+Shift+9", "Ctrl+Shift+9"],
	clearFormat: ["composer", "Remove formatting", "Ctrl+\\", "Ctrl+\\"],
} as const satisfies { readonly [name: string]: readonly [Scope, string, string, string] };

/** Name of a command. */
export type CommandName = keyof typeof table;

const split = (keys: string): readonly string[] => keys ? keys.split(" or ") : [];

const entries = Object.entries(table) as [CommandName, readonly [Scope, string, string, string]][];

/** All commands of the webmail. */
export const commands = Object.fromEntries(entries.map(([name, [scope, , mox, gmail]]) =>
	[name, { label: `command.${name}`, scope, keys: { mox: split(mox), gmail: split(gmail) } }])) as { readonly [name in CommandName]: Command<Scope, Preset> };

/** The labels of commands in English, for the catalogue. */
export const commandLabels: { readonly [key: string]: string } = Object.fromEntries(entries.map(([name, [, label]]) => [`command.${name}`, label]));
