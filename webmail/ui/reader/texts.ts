// The words of the reader. Those of what is loaded later are in latertexts.ts.

import { addTexts } from "../texts";

addTexts({
	"reader": "Message", "reader.empty": "Choose a message to read it", "reader.failed": "The message cannot be shown.", "reader.alone": "The rest of the conversation cannot be shown.", "reader.gone": "The message is not here any more.", "reader.retry": "Try again", "reader.loading": "Loading the message",
	"reader.tools": "Actions on the message", "reader.back": "Back to the list", "reader.previous": "Previous in the list", "reader.next": "Next in the list", "reader.new": "{name} wrote just now.", "reader.rest": "Show {n} other message of the conversation|Show {n} other messages of the conversation",
	"reply": "Reply", "reply.all": "Reply all", "reply.list": "Reply to the list", "forward": "Forward", "forward.attached": "Forward as attachment", "reply.write": "Write an answer…", "edit.new": "Edit as new", "draft.edit": "Go on writing", "draft.is": "This is a draft.",
	"message.from": "{name}, {date}", "message.to": "to {names}", "message.body": "Text of the message from {name}", "message.details": "Addresses and dates", "message.more": "More for this message", "message.fold": "Fold or unfold", "message.flagged": "Flagged", "message.attachments": "Has attachments", "message.unread": "Unread", "message.junk": "Junk",
	"message.dark": "Show dark", "message.light": "Show as it was written", "list.members": "no one named", "unmute": "Mute no longer", "muted": "Muted", "label.remove": "Remove label {name}",
	"body.text": "Show as text", "body.html": "Show as HTML", "tab.open": "Open in a new tab", "link.copy": "Copy link to the message", "link.copied": "Copied.", "message.headers": "All headers", "message.raw": "Source", "message.parts": "Parts", "message.eml": "Download the message", "print": "Print",
	"remote.text": "Images from {hosts} are not loaded.", "remote.more": "{host} and {n} other|{host} and {n} others", "remote.once": "Show once", "remote.always": "Always for this sender", "remote.never": "Load no images of this sender", "remote.failed": "It was not remembered.",
	"unsubscribe": "Unsubscribe", "unsubscribe.text": "This came by a mailing list.", "receipt.text": "{names} asked to be told when this is read. Nothing is sent.", "invitation.text": "This is an invitation. Its file is among the attachments.", "signed.text": "{what}", "all.show": "Show all", "text.unmarked": "Very many words mix letters of different scripts. Only the first of them are marked.",
	"sent.held": "Leaves {date}", "sent.sending": "On its way", "sent.done": "Delivered", "sent.failed": "Not delivered to all", "sent.canceled": "Sending was cancelled", "sent.details": "Details", "sent.change": "Change", "sent.now": "Send now", "sent.cancel": "Cancel sending",
	"attachments": "{n} attachment|{n} attachments", "attachments.all": "Download all", "attachment.download": "Download {name}", "attachment.view": "View {name}", "attachment.unnamed": "Unnamed file",
	"mute.it": "Mute", "delete.one": "Delete this message", "link.failed": "The link was not copied.", "later.failed": "A part of the page could not be loaded.", "read.failed": "It was not marked as read.",
});
