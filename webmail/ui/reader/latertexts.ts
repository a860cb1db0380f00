// Words of the parts of the reader that are loaded when they are first used.

import { addTexts } from "../texts";

addTexts({
	"details.from": "From", "details.sender": "Sent by", "details.replyto": "Answers to", "details.to": "To", "details.cc": "Cc", "details.bcc": "Bcc", "details.date": "Written", "details.received": "Received", "details.list": "List", "details.id": "Message-ID", "details.size": "Size", "details.where": "In", "address.write": "Write to {name}", "address.copy": "Copy {name}", "address.copied": "Copied.",
	"verdict.checks": "Who sent it", "verdict.reasons": "Why it is here", "verdict.none": "Nothing was checked.",
	"level.ok": "Good", "level.info": "Note", "level.warn": "Doubtful", "level.bad": "Bad",
	"viewer": "Attachments", "viewer.of": "{i} of {n}", "viewer.previous": "Previous attachment", "viewer.next": "Next attachment", "viewer.none": "There is no view of this kind of file.", "viewer.failed": "It cannot be shown.", "viewer.cut": "Only the beginning is shown.", "viewer.tab": "Open in a new tab",
	"source.cut": "Only the beginning is shown.", "source.tab": "Open in a new tab", "source.copy": "Copy", "source.failed": "It cannot be read.", "source.part": "Part {path}", "source.inline": "shown in the text", "source.download": "Download",
	"unsubscribe.title": "Leave this list?", "unsubscribe.oneclick": "The server of the list at once takes the address off it.", "unsubscribe.mail": "A message to the list asks for it. You see it before it is sent.", "unsubscribe.web": "The list has a page for it, at {host}. It opens in a new tab.", "unsubscribe.byMail": "Write a message", "unsubscribe.byWeb": "Open the page", "unsubscribe.done": "You have left the list. Some more mail may come for a few days.", "unsubscribe.failed": "The list was not left.",
	"sent.at": "Leaves {date}.", "sent.tries": "{n} try|{n} tries", "sent.next": "next {date}", "sent.failedAction": "It was not changed.", "sent.when": "When it leaves", "sent.pick": "Another time…", "sent.past": "Choose a time to come.", "sent.set": "Set", "sent.waits": "Waits",
	"sent.all": "Delivered to {n}|Delivered to all {n}", "sent.some": "Delivered to {n} of {of}", "sent.none": "Delivered to none of {n} yet",
});
