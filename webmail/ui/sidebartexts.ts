// Words of the menus of the sidebar, which are loaded when one is first opened.

import { addTexts } from "./texts";

addTexts({
	"mailbox.rename": "Rename", "mailbox.delete": "Delete mailbox", "mailbox.empty": "Delete all messages", "mailbox.markRead": "Mark all as read", "mailbox.export": "Download as mbox", "mailbox.role": "Used as",
	"mailbox.renamed": "Renamed to {name}.", "mailbox.deleted": "{name} was deleted.", "mailbox.failed": "The mailbox was not changed.", "mailbox.deleteText": "{name} is deleted with its message, for ever.|{name} is deleted with its {n} messages, for ever.", "mailbox.emptyText": "The message in {name} is deleted for ever.|All {n} messages in {name} are deleted for ever.", "mailbox.emptied": "Removed {n} message.|Removed {n} messages.",
	"name.full": "Name, with / between levels", "name.missing": "Type a name.", "label.rename": "Name of the label", "search.forget": "Forget this search", "colour.none": "None",
	"role.none": "Nothing special", "role.archive": "Archive", "role.drafts": "Drafts", "role.junk": "Junk", "role.sent": "Sent", "role.trash": "Trash",
});
