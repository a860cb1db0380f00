// The words of the page, in English. A catalogue for another language has the same keys.

import { Language, type Plural } from "../../web/lib/i18n";
import { type Mailbox, Role, type Settings } from "./api";

/** Words by key. {name} is replaced by an argument; "one|other" are the forms for n. Other languages have plural forms of their own. */
export type Words = { readonly [key: string]: string | Plural };

const english: { [key: string]: string | Plural } = {};

/** The language of the page: words are English, dates as where the browser says that its user is. */
export const language = new Language(navigator.languages?.find((l) => /^en-/.test(l)) ?? "en-GB", english);

/** Returns words. A key that there is none for comes back as it is, so that it is seen. */
export const t = language.t;

/** A size in words: "3.2 GB". */
export const sizeText = (bytes: number): string => language.size(bytes);

/** Adds the words of a part of the page, such as one that is loaded later. */
export function addTexts(words: Words): void {
	for (const [key, text] of Object.entries(words)) {
		const [one = "", other] = typeof text === "string" ? text.split("|") : [];
		english[key] = other === undefined ? text : { one, other };
	}
}

/** The name of a mailbox as users see it. */
export function mailboxLabel(m: Mailbox): string {
	return m.Role === Role.RoleInbox ? t("inbox") : m.Name;
}

/** The name of a label. */
export function labelName(settings: Settings, keyword: string): string {
	return settings.Labels.find((l) => l.Keyword.toLowerCase() === keyword.toLowerCase())?.Name || keyword.replace(/^\$/, "").replaceAll("_", " ");
}

addTexts({
	"date.later": "Later", "date.today": "Today", "date.yesterday": "Yesterday", "date.thisWeek": "This week", "date.lastWeek": "Last week",
	"me": "me", "nobody": "nobody", "draft": "Draft", "no.subject": "(no subject)", "row.loading": "Loading", "row.unread": "Unread", "row.draft": "Draft", "row.flagged": "Flagged", "row.attachments": "has attachments", "row.select": "Select",
	"archive": "Archive", "delete": "Delete", "junk": "Junk", "notjunk": "Not junk", "move": "Move", "copy": "Copy", "label": "Label", "flag": "Flag or unflag", "flag.on": "Flag", "flag.off": "Take the flag off", "mute": "Mute or unmute", "mark.read": "Mark as read", "mark.unread": "Mark as unread", "move.to": "Move to", "copy.to": "Copy to",
	"list": "Messages", "list.search": "Search: {text}", "list.label": "Label {label}", "list.flagged": "Flagged", "list.all": "All mail", "list.gone": "This mailbox does not exist any more.", "list.nothing": "Nothing found", "list.nothingFor": "No message fits {text}.", "list.nothingWith": "No message fits the filters.", "list.searchAll": "Search Junk and Trash too", "list.searchMore": "Search all mail", "list.clearFilters": "Clear filters", "list.allRead": "All done.", "list.allReadHint": "New mail appears here by itself.", "list.empty": "Nothing here", "empty.none": "Messages come here when you move them.", "empty.drafts": "What you begin to write is kept here.", "empty.sent": "What you send is kept here.", "empty.archive": "What you archive is kept here.", "empty.junk": "What looks like junk comes here.", "empty.trash": "What you delete comes here first.", "empty.rejects": "What was refused at the door is kept here for a while.", "empty.scheduled": "What is sent later waits here.", "list.searching": "{n} found so far, looked back to {back}|{n} found so far, looked back to {back}", "list.searchProgress": "How far the search has looked", "list.options": "View",
	"select.all": "Select all", "select.count": "{n} selected", "select.clear": "Clear the selection", "select.loaded": "All {n} loaded are selected.", "select.everything": "Select all {n}", "select.allOf": "All {n} are selected.",
	"count.threads": "{n} conversation|{n} conversations", "sort": "Sort", "sort.date": "By date", "sort.from": "By sender", "sort.subject": "By subject", "sort.size": "By size", "sort.oldest": "The other way round", "threads": "Conversations", "filter": "Filter", "filter.unread": "Unread", "filter.read": "Read", "filter.flagged": "Flagged", "filter.attachment": "With attachment", "filter.tome": "To me", "filter.remove": "Remove filter {name}",
	"density": "Density and layout", "density.comfortable": "Comfortable", "density.compact": "Compact", "density.cosy": "Cosy", "pane.right": "Message at the right", "pane.below": "Message below", "pane.none": "Message in place of the list", "scope.mailbox": "In {mailbox}", "scope.children": "In {mailbox} and below", "scope.normal": "All but Junk and Trash", "scope.all": "Everywhere", "search.save": "Save this search", "search.saved": "It is in the sidebar now.",
});
addTexts({
	"undo": "Undo", "undo.nothing": "There is nothing to undo.", "undo.done": "Undone.", "undo.late": "It was changed since and cannot be undone.", "undo.failed": "It could not be undone.",
	"cancel": "Cancel", "stop": "Stop", "save": "Save", "create": "Create", "close": "Close", "name": "Name", "colour": "Colour", "actions": "Actions", "more": "More",
	"act.failed": "It was not done.", "act.nothing": "Nothing changed.", "act.busy": "Working…", "act.progress": "{done} of {of}…",
	"error.offline": "The server is not reached.", "error.unknown": "Something unexpected happened.",
	"done.read": "Marked {n} as read.", "done.unread": "Marked {n} as unread.", "done.flag": "Flagged {n}.", "done.unflag": "Took the flag off {n}.",
	"done.label": "Labelled.|Labelled {n}.", "done.unlabel": "Label taken off.|Label taken off {n}.",
	"done.archive": "Archived.|Archived {n}.", "done.trash": "Moved to Trash.|Moved {n} to Trash.", "done.junk": "Moved to Junk.|Moved {n} to Junk.", "done.notjunk": "Not junk: moved to Inbox.|Not junk: moved {n} to Inbox.",
	"done.move": "Moved to {mailbox}.|Moved {n} to {mailbox}.", "done.copy": "Copied to {mailbox}.|Copied {n} to {mailbox}.", "done.expunge": "Deleted for ever.|Deleted {n} for ever.",
	"done.mute": "Muted: what follows is marked as read.", "done.unmute": "Not muted any more.", "done.answered": "Marked as answered.", "done.forwarded": "Marked as forwarded.",
	"expunge.title": "Delete for ever?", "expunge.text": "The message is gone then, and nothing brings it back.|{n} messages are gone then, and nothing brings them back.", "expunge.action": "Delete for ever",
	"label.new": "New label",
	"inbox": "Inbox", "mailboxes": "Mailboxes", "mailboxes.own": "Mailboxes", "labels": "Labels", "searches": "Saved searches", "compose": "Compose", "menu": "Mailboxes", "help": "Keys and help", "theme": "Light or dark", "theme.auto": "Colours of the system", "theme.light": "Light", "theme.dark": "Dark",
	"account": "Account {name}", "search": "Search mail", "search.short": "Search", "search.clear": "Clear the search", "search.leave": "Leave the search", "navigation": "Navigation", "skip.list": "Go to the list", "skip.message": "Go to the message",
	"splitter.width": "Width of the list", "splitter.height": "Height of the list", "offline": "The server is not reached. What you do is kept and tried again.", "settings": "Settings", "sessions": "Where you are logged in", "logout": "Log out",
	"go.mailbox": "Go to mailbox", "mailbox.new": "New", "mailbox.create": "New mailbox",
	"count.unread": "{n} unread", "count.messages": "{n} message|{n} messages", "storage.of": "{used} of {quota}", "storage.used": "{used} used", "connection.connecting": "Connecting…", "connection.offline": "Offline",
	"colour.1": "Red", "colour.2": "Orange", "colour.3": "Yellow", "colour.4": "Green", "colour.5": "Teal", "colour.6": "Blue", "colour.7": "Violet", "colour.8": "Pink", "colour.9": "Grey",
	"login.title": "Log in to go on", "login.password": "Password", "login.do": "Log in", "login.text": "You were logged out. What you have typed is still here.",
	"help.title": "Keys", "help.list": "List", "help.global": "Everywhere", "help.reader": "Message", "help.composer": "Writing", "help.mailboxes": "Mailboxes", "help.viewer": "Attachments", "help.off": "Keys without Ctrl are switched off in the settings.",
	"notices": "Notices", "reader.empty": "Choose a message to read it.", "settings.failed": "The settings were not saved.", "view.failed": "The list cannot be shown.", "compose.failed": "The composer cannot be opened.",
	"new.mail": "{n} new message|{n} new messages", "title": "{mailbox} - mox", "title.unread": "({n}) {mailbox} - mox", "reload": "Reload", "part.failed": "A part of the page was not loaded.", "logout.failed": "You are still logged in.", "version.new": "There is a new version of this page.",
});
