// Package store keeps the mail of accounts: mailboxes, messages, flags, threads,
// credentials and the log of changes.
//
// # Border
//
// The exported methods are commands and queries on value types. No transaction,
// query object or closure that runs in a transaction crosses the package border.
// Every call names the Actor (who acts) apart from the Account (whose mail it is).
//
// # Records
//
// A blob is bytes behind an opaque reference (package store/blob). An Email is an
// immutable message: an id of time and random bits, its blob, the header mox prepended,
// its thread, and a cold record that answers ENVELOPE, BODYSTRUCTURE and the header
// fields clients list by, without opening the blob. A Message is one appearance of an
// Email in a mailbox: UID, modseq, flags, keywords. Copying adds a Message only; a
// blob goes when the last Message of its Email is gone. The rows are in schema.go.
//
// On disk an account is a directory named by its id:
//
//	account.json  id and name, by which it is found
//	index.db      the database (package store/dbfile)
//	blobs         the content of messages (package store/blob)
//
// # Writing
//
// Writes to an account queue up for its committer. One sync of the pack and one
// database transaction carry all writes that wait. After the commit, and before
// any caller hears of success, the committer replaces the views of the mailboxes it
// changed and wakes their subscribers. The order pack synced, transaction committed,
// callers answered holds at any crash: an acknowledged message is there once, an
// unacknowledged one at most once.
//
// What takes time is done before, in the goroutine of the caller: parsing, the cold
// record, staging a large body, hashing a password. An op, the part that runs in the
// committer, works on a txn and may run more than once: if one of a batch fails after
// it wrote, everything is rolled back and the others are done again without it. Large
// ops have transactions of their own and take turns with batches of small ones. When
// nobody waits the committer does chores: it erases what was expunged, removes the
// messages of deleted mailboxes, prunes the change log.
//
// # Reading
//
// An open mailbox has a View: an immutable, compact list of its messages, shared by
// all sessions that look at the same version. A Selection is one session's sight of a
// mailbox: the View the session was told of. Selection.Refresh moves it to the
// newest View and says what changed, by comparing the two; blocks that both share
// are skipped by pointer, so an idle session costs nothing and cannot fall behind.
// Where a thread or an email is in all mailboxes is found by going through their Views.
//
// Mailboxes with their counts, keyword sets and subscriptions are in memory while the
// account is open, as of the last commit, and are read there.
//
// Read transactions last for a bounded number of rows, and nothing is written to a
// client, file or channel inside one.
package store
