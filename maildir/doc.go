// Package maildir reads and writes mail in Maildir format, as Bernstein defined it
// (https://cr.yp.to/proto/maildir.html), with the extensions of Maildir++ and Dovecot.
//
// A mailbox is a directory with the directories cur, new and tmp; each message is a
// file in cur or new. The name of a file is a unique base and, after ":2,", letters for
// flags; small letters are keywords, which the file dovecot-keywords in the mailbox
// lists. The time of modification of a file is when its message was received.
//
// Mailboxes below others are directories ".Parent.Child" beside cur (Maildir++), or
// directories "Parent/Child" (LAYOUT=fs of Dovecot). Both are read, also mixed. Symbolic
// links to directories are not followed.
//
// Files have LF line ends, messages CRLF.
package maildir
