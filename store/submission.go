package store

import (
	"context"
	"time"

	"mox/imap"
)

// SubmissionState is where a submitted message is on its way.
type SubmissionState uint8

// States of a submission. Values are stored; do not renumber.
const (
	SubmissionPending  SubmissionState = 1 + iota // Recorded; the queue may not have it yet.
	SubmissionQueued                              // The queue has it.
	SubmissionDone                                // All recipients have a final result.
	SubmissionCanceled                            // Taken back before delivery.
)

// Submission records that a user sent a message. It is written before the message is
// queued, so that a crash between the two is repaired by queueing it again under the
// same id.
type Submission struct {
	ID       SubmissionID // Random; assigned by AddSubmission when zero.
	ModSeq   imap.ModSeq
	State    SubmissionState
	Created  time.Time
	SendAt   time.Time // Zero for at once.
	Email    EmailID   // The Sent copy; zero without one.
	MailFrom string    // Reverse-path as in MAIL FROM, without brackets.
	RcptTo   []string  // Forward-paths, without brackets.
	Extra    []byte    // What the queue needs to queue it again; opaque to the store.
}

// AddSubmission records a submission in state pending. If sent is not nil, that copy is
// added in the same transaction and Submission.Email is set, from which the message can be
// queued again after a crash. Without a copy, a submission that the queue does not know
// after a crash was never acknowledged and is canceled.
func (a *Account) AddSubmission(ctx context.Context, actor Actor, s Submission, sent *Delivery) (Submission, error) {
	return *new(Submission), errUnwritten
}

// SetSubmissionState moves a submission from one of the states in from to state to.
// Returns ErrSubmissionState if it was in another state, ErrNoSubmission.
func (a *Account) SetSubmissionState(ctx context.Context, actor Actor, id SubmissionID, to SubmissionState, from ...SubmissionState) error {
	return errUnwritten
}

// PendingSubmissions lists submissions in state pending, oldest first.
func (a *Account) PendingSubmissions(ctx context.Context) ([]Submission, error) {
	return *new([]Submission), errUnwritten
}
