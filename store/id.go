package store

import (
	"cmp"
	"fmt"
)

// AccountID identifies an account for its whole life: random, positive, never reused.
// The account's name is an attribute that can change.
type AccountID int64

// MailboxID identifies a mailbox within its account. It survives renaming and is
// never reused. It fits in 31 bits: message rows have mailbox id << 32 | uid as
// primary key.
type MailboxID int64

// EmailID identifies an immutable message. COPY and MOVE keep it (EMAILID of RFC 8474 §5.1). The
// zero EmailID is none.
//
// As in a UUID of version 7 (RFC 9562 §5.7) a time comes first, so that emails that came one after
// another, and are likely read so, stand together in the database; the rest is random.
type EmailID struct {
	Key    int64 // 43 bits of milliseconds, 20 random bits. Positive, unique in the account, the key in its database.
	Random int64 // 64 random bits.
}

// IsZero reports whether id is none.
func (id EmailID) IsZero() bool { return id == EmailID{} }

// compare orders ids, by time first.
func (id EmailID) compare(other EmailID) int {
	return cmp.Or(cmp.Compare(id.Key, other.Key), cmp.Compare(id.Random, other.Random))
}

// String returns the id as 32 hexadecimal digits.
func (id EmailID) String() string {
	return fmt.Sprintf("%016x%016x", uint64(id.Key), uint64(id.Random))
}

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
