// Package webmail is mail in the browser: the server's side of it, and in ui/ the pages, in TypeScript.
//
// # Addresses
//
// Everything is relative to the place where the service is mounted, so that it works below any path and behind
// proxies. The page is at the place itself. Below it are
//
//	assets/                   scripts and styles, with names that change with their content
//	session/                  logging in and out (package websession)
//	api/                      the calls of API, through internal/jsoncall: what a user does
//	events                    the stream: what the server tells a browser (Server-Sent Events)
//	message/ID/...            the text of a message for its frame, its parts, its source
//	upload                    takes a file that is to be attached
//	export, import            mail as mbox, maildir or single messages
//
// # Views
//
// A view is a list of messages or conversations: a query, in an order. A page opens views by calls, which name the
// stream of its browser; rows and all changes come over the stream, as ViewEvent. All tabs of a browser share one stream.
// The server keeps for each view the order of its rows, and finds what changed by comparing it with the new order
// after each change of the account, so that a page is told positions and never has to load a list again.
//
// # Messages and places
//
// A message is known by the id of its email, which moving and copying keep, and its conversation by that of its
// thread. What a user does is done to messages in mailboxes, given as mailbox and UID, or as all that a query finds.
package webmail
