package queuedb

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/mjl-/bstore"
)

// pageRows bounds how many rows one transaction looks at.
const pageRows = 500

// List returns recipients that match, by id.
func (db *DB) List(ctx context.Context, f Filter, p Page) ([]Entry, error) {
	if p.Limit <= 0 {
		p.Limit = 100
	}
	var l []Entry
	after := int64(p.After)
	for len(l) < p.Limit {
		more := false
		err := db.db.Read(ctx, func(tx *bstore.Tx) error {
			rows, last, err := match(tx, f, after, p.Limit-len(l))
			for _, m := range rows {
				l = append(l, Entry{m.msg.message(), m.rcpt.recipient()})
			}
			more = last > after
			after = last
			return err
		})
		if err != nil || !more {
			return l, err
		}
	}
	return l, nil
}

type matched struct {
	msg  messageRow
	rcpt recipientRow
}

// match looks at up to pageRows recipients with an id above after and returns those that match,
// at most limit, and the last id it looked at (after, if there are no more).
func match(tx *bstore.Tx, f Filter, after int64, limit int) (l []matched, last int64, rerr error) {
	last = after
	q := bstore.QueryTx[recipientRow](tx)
	if len(f.IDs) > 0 {
		ids := make([]int64, len(f.IDs))
		for i, id := range f.IDs {
			ids[i] = int64(id)
		}
		q.FilterIDs(ids)
	} else if len(f.Messages) > 0 {
		vals := make([]any, len(f.Messages))
		for i, id := range f.Messages {
			vals[i] = int64(id)
		}
		q.FilterEqual("Message", vals...)
	}
	rows, err := q.FilterGreater("ID", after).SortAsc("ID").Limit(pageRows).List()
	if err != nil {
		return nil, last, err
	}
	msgs := map[int64]messageRow{}
	for _, r := range rows {
		last = r.ID
		if !f.matchesRecipient(&r) {
			continue
		}
		m, ok := msgs[r.Message]
		if !ok {
			m = messageRow{ID: r.Message}
			if err := tx.Get(&m); err != nil {
				return nil, last, err
			}
			msgs[r.Message] = m
		}
		if !f.matchesMessage(&m) {
			continue
		}
		l = append(l, matched{m, r})
		if len(l) == limit {
			break
		}
	}
	return l, last, nil
}

func (f *Filter) matchesRecipient(r *recipientRow) bool {
	return (!f.OpenOnly || !State(r.State).Final()) &&
		(len(f.States) == 0 || slices.Contains(f.States, State(r.State))) &&
		(f.To == "" || containsFold(r.Path, f.To)) &&
		(f.Domain == "" || r.Destination == f.Domain) &&
		(f.DueBefore.IsZero() || !State(r.State).Final() && r.NextAttempt < f.DueBefore.UnixMilli())
}

func (f *Filter) matchesMessage(m *messageRow) bool {
	return (f.EnvelopeID == "" || m.EnvelopeID == f.EnvelopeID) &&
		(f.Account == "" || m.Account == f.Account) &&
		(f.From == "" || f.From == "<>" && m.MailFrom == "" || f.From != "<>" && containsFold(m.MailFrom, f.From))
}

func containsFold(s, sub string) bool {
	return strings.Contains(strings.ToLower(s), strings.ToLower(sub))
}

// Change is what an operator does to recipients.
type Change struct {
	// State to go to. Hold applies to waiting recipients, Waiting to waiting and held
	// ones, the final states to all open ones.
	State State
	Next  time.Time // For Waiting; zero keeps the time.

	Note string // Kept as the result.

	// KeepHeld leaves held recipients held when State is Waiting, with the new time.
	KeepHeld bool

	// OnlyUntried changes nothing of a message if an attempt began for any of its recipients.
	OnlyUntried bool
}

// Update applies a change to the recipients that match, in batches, and returns the
// recipients changed, as they are now, and the messages that are done by it.
// notify, if not nil, gives messages to add in the same transaction as each batch.
func (db *DB) Update(ctx context.Context, f Filter, c Change, notify func([]Entry) ([]NewMessage, error)) (changed []Recipient, done []Message, rerr error) {
	f.OpenOnly = true
	after := int64(0)
	for {
		var found []matched
		var last int64
		err := db.db.Read(ctx, func(tx *bstore.Tx) (err error) {
			found, last, err = match(tx, f, after, pageRows)
			return err
		})
		if err != nil || last == after {
			return changed, done, err
		}
		after = last
		rcpts, msgs, err := db.updateBatch(ctx, found, c, notify)
		changed = append(changed, rcpts...)
		done = append(done, msgs...)
		if err != nil {
			return changed, done, err
		}
	}
}

func (db *DB) updateBatch(ctx context.Context, found []matched, c Change, notify func([]Entry) ([]NewMessage, error)) ([]Recipient, []Message, error) {
	if len(found) == 0 {
		return nil, nil, nil
	}
	var news []NewMessage
	if notify != nil {
		entries := make([]Entry, len(found))
		for i, m := range found {
			entries[i] = Entry{m.msg.message(), m.rcpt.recipient()}
		}
		var err error
		if news, err = notify(entries); err != nil {
			return nil, nil, err
		}
	}
	adds, err := db.newAdditions(ctx, news)
	if err != nil {
		return nil, nil, err
	}
	var changed []Recipient
	done, err := db.writeWith(ctx, adds, func(tx *bstore.Tx) ([]messageRow, error) {
		changed = nil
		var closed []messageRow
		for _, m := range found {
			r, cl, err := c.apply(tx, m.rcpt.ID, db.now())
			if err != nil {
				return nil, err
			}
			if r != nil {
				changed = append(changed, *r)
			}
			if cl != nil {
				closed = append(closed, *cl)
			}
		}
		return closed, nil
	})
	return append(changed, addedRecipients(adds)...), done, err
}

// apply reads the recipient again: it may have changed since it was matched.
func (c *Change) apply(tx *bstore.Tx, id int64, now time.Time) (*Recipient, *messageRow, error) {
	r := recipientRow{ID: id}
	if err := tx.Get(&r); err == bstore.ErrAbsent {
		return nil, nil, nil
	} else if err != nil {
		return nil, nil, err
	}
	cur := State(r.State)
	if cur.Final() || c.State == Held && cur != Waiting {
		return nil, nil, nil
	}
	if c.OnlyUntried {
		tried, err := bstore.QueryTx[recipientRow](tx).FilterNonzero(recipientRow{Message: r.Message}).FilterGreater("Attempts", int32(0)).Exists()
		if err != nil || tried {
			return nil, nil, err
		}
	}
	to, next := c.State, c.Next
	if next.IsZero() {
		next = time.UnixMilli(r.NextAttempt)
	}
	if to == Waiting && cur == Held && c.KeepHeld {
		to = Held
	}
	if c.Note != "" {
		r.addResult(Attempt{Start: now, Text: c.Note})
	}
	closed, err := setState(tx, &r, to, next, now)
	if err != nil {
		return nil, nil, err
	}
	rcpt := r.recipient()
	return &rcpt, closed, nil
}
