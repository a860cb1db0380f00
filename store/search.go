package store

import (
	"context"
	"time"

	"mox/imap"
)

// Criteria select messages (RFC 9051 §6.4.4). All fields that are set must match.
type Criteria struct {
	Seqs [][]SeqRange // Each element is a set; a message must be in all.
	UIDs [][]UIDRange

	Flags, NotFlags       imap.Flags
	Keywords, NotKeywords []string

	Since, Before, On             time.Time // INTERNALDATE, date only, as in the message's received time (UTC).
	SentSince, SentBefore, SentOn time.Time // Date field, date only, zone of the field disregarded.
	Larger, Smaller               int64     // Size strictly larger/smaller; zero for unset. HasSmaller tells SMALLER 0.
	HasSmaller                    bool
	ModSeq                        imap.ModSeq // At least this modseq; zero for unset.

	Header []HeaderCriterion // Decoded header fields contain the text, without regard to case.
	Body   []string          // Decoded text of the body contains.
	Text   []string          // Header or body contains.

	Emails  []EmailID
	Threads []ThreadID

	Not []Criteria
	Or  [][2]Criteria

	None bool // Matches nothing.
}

// SeqRange is an inclusive range of sequence numbers of the View searched.
type SeqRange struct{ First, Last imap.SeqNum }

// HeaderCriterion matches a header field that exists and contains Value (any, if empty).
type HeaderCriterion struct{ Name, Value string }

// Search returns the sequence numbers in view of matching messages, ascending. Cheap
// criteria (flags, sets, dates, size) are decided first; listed header fields come from
// the cold record; only what is left opens content. The context ends a long search.
func (a *Account) Search(ctx context.Context, actor Actor, mailbox MailboxID, view *View, c Criteria) ([]imap.SeqNum, error) {
	return *new([]imap.SeqNum), errUnwritten
}
