package store

// AccountID identifies an account for its whole life: random, positive, never reused.
// The account's name is an attribute that can change.
type AccountID int64

// MailboxID identifies a mailbox within its account. It survives renaming and is
// never reused. It fits in 31 bits: message rows have mailbox id << 32 | uid as
// primary key.
type MailboxID int64

// EmailID identifies an immutable message: random, positive, unique in its account.
// COPY and MOVE keep it (EMAILID of RFC 8474 §5.1).
type EmailID int64

// ThreadID identifies a thread in its account (THREADID of RFC 8474 §5.2). An email's
// thread never changes.
type ThreadID int64

// SubmissionID identifies a message that a user submitted; the queue keeps it under
// the same id.
type SubmissionID int64

// KeywordSet refers to an interned, immutable set of keywords of an account; zero is
// the empty set. Account.KeywordNames gives the names.
type KeywordSet uint32

// Actor is who performs a call. The zero Actor is the system itself (delivery,
// maintenance, administration).
type Actor struct {
	// Account that is logged in; zero for the system.
	Account AccountID

	// Session tells connections and pages apart, so that a change can be attributed
	// in the log and in metrics. Zero if there is none.
	Session uint64
}

// System is the actor for what mox does by itself.
var System = Actor{}
