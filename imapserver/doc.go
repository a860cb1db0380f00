// Package imapserver serves mail over IMAP4rev1 (RFC 3501) and, once a client has enabled it,
// IMAP4rev2 (RFC 9051). Clients of IMAP4rev1 have the extensions that became a part of it: IDLE
// (RFC 2177), NAMESPACE (RFC 2342), BINARY (RFC 3516), UNSELECT (RFC 3691), UIDPLUS (RFC 4315), ESEARCH
// (RFC 4731), ENABLE (RFC 5161), SEARCHRES (RFC 5182), LIST-EXTENDED (RFC 5258), LIST-STATUS (RFC
// 5819), MOVE (RFC 6851), STATUS=SIZE (RFC 8438). Both have LITERAL+ (RFC 7888), ID (RFC 2971), CHILDREN (RFC
// 3348), MULTIAPPEND (RFC 3502), SPECIAL-USE (RFC 6154) and CONDSTORE (RFC 7162).
//
// # Rules of the room
//
// One goroutine serves a connection, one command at a time (RFC 9051 §5.5, §6.4.4.2). Nothing is sent while no command
// runs (RFC 9051 §5.3, RFC 3501 §5.3). Only IDLE has a second one, which waits
// for the client's DONE. While a connection waits for a command it holds no buffers.
//
// What a session knows of its mailbox is the View of its store.Selection. Sequence numbers
// are those of that View and of nothing else. Commands that may not be answered with
// EXPUNGE (RFC 9051 §7.5.1) refresh it without expunging; the command table says which.
// Untagged responses about changes are written at one place, conn.tell, and only between
// the data of a command and its tagged response, or during IDLE.
//
// A message that was expunged stays in the View until that may be told. FETCH still finds its content,
// STORE and COPY leave it out (RFC 2180 §4).
//
// What a client sends reaches the trace only once it is known what it is, so that no password and no message
// is shown unless the level asks for it.
//
// No lock and no transaction of the store is held while bytes go to a client.
//
// Errors become responses at one place, conn.respondError: an *imap.Error as it says, errors of
// the store that a client can understand by a table, all others as NO [SERVERBUG] without
// details, which go to the log.
package imapserver
