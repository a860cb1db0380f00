package queuedb

import (
	"context"
	"errors"
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
		rows, last, err := db.match(ctx, f, after, p.Limit-len(l), p.Limit)
		for _, m := range rows {
			l = append(l, m.entry())
		}
		if err != nil || last == after {
			return l, err
		}
		after = last
	}
	return l, nil
}

type matched struct {
	msg  messageRow
	rcpt recipientRow
}

func (m *matched) entry() Entry { return Entry{m.msg.message(), m.rcpt.recipient()} }

// match looks at up to pageRows recipients with an id above after and returns those that match,
// at most limit, of at most maxMessages messages, and the last id it looked at (after, if there are
// no more).
func (db *DB) match(ctx context.Context, f Filter, after int64, limit, maxMessages int) (l []matched, last int64, rerr error) {
	rerr = db.read(ctx, func(tx *bstore.Tx) (err error) {
		l, last, err = match(tx, f, after, limit, maxMessages)
		return err
	})
	return l, last, rerr
}

func match(tx *bstore.Tx, f Filter, after int64, limit, maxMessages int) (l []matched, last int64, rerr error) {
	last = after
	if f.EnvelopeID != "" && len(f.Messages) == 0 {
		m, err := messageByEnvelope(tx, f.EnvelopeID)
		if err == bstore.ErrAbsent {
			return nil, last, nil
		} else if err != nil {
			return nil, last, err
		}
		f.Messages = []MessageID{MessageID(m.ID)}
	}
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
	msgs := map[int64]messageRow{} // Looked at.
	used := map[int64]bool{}       // Matched.
	for _, r := range rows {
		if !f.matchesRecipient(&r) {
			last = r.ID
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
			last = r.ID
			continue
		}
		if len(l) == limit || !used[m.ID] && len(used) == maxMessages {
			break
		}
		last = r.ID
		used[m.ID] = true
		l = append(l, matched{m, r})
	}
	return l, last, nil
}

func (f *Filter) matchesRecipient(r *recipientRow) bool {
	return (!f.OpenOnly || !State(r.State).Final()) &&
		(len(f.States) == 0 || slices.Contains(f.States, State(r.State))) &&
		(len(f.Messages) == 0 || slices.Contains(f.Messages, MessageID(r.Message))) &&
		(f.To == "" || containsFold(r.Path, f.To)) &&
		(f.Domain == "" || r.Destination == f.Domain) &&
		(f.DueBefore.IsZero() || !State(r.State).Final() && r.NextAttempt < f.DueBefore.UnixMilli())
}

func (f *Filter) matchesMessage(m *messageRow) bool {
	return (f.EnvelopeID == "" || m.EnvelopeID == f.EnvelopeID) &&
		(f.Account == "" || m.Account == f.Account) &&
		(f.SendBefore.IsZero() || m.SendAt <= f.SendBefore.Unix()) &&
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

	// Notify, if not nil, gives messages to add in the same transaction, for recipients that
	// are going to be changed. It may be called more than once for the same ones.
	Notify func([]Entry) ([]NewMessage, error)
}

// Changed is what a batch of Update did.
type Changed struct {
	Recipients []Recipient // Changed, as they are now.
	Added      []Recipient // Of messages that Change.Notify gave.
	Done       []Message   // Without open recipients anymore.
}

// notifyMessages bounds for how many messages at a time notifications are made, which are held in
// memory.
const notifyMessages = 16

// Update applies a change to the open recipients that match, in batches, and tells of each.
// What other calls change meanwhile it leaves alone, if it does not match any longer. Recipients
// that are added meanwhile it leaves alone, too, as those of its own notifications.
func (db *DB) Update(ctx context.Context, f Filter, c Change, tell func(Changed)) error {
	f.OpenOnly = true
	maxMessages := pageRows
	if c.Notify != nil {
		maxMessages = notifyMessages
	}
	newest, err := db.newestRecipient(ctx)
	if err != nil {
		return err
	}
	for after := int64(0); after < newest; {
		found, last, err := db.match(ctx, f, after, pageRows, maxMessages)
		if err != nil || last == after {
			return err
		}
		found = slices.DeleteFunc(found, func(m matched) bool { return m.rcpt.ID > newest })
		if len(found) > 0 {
			ch, err := db.updateBatch(ctx, found, f, c)
			if errors.Is(err, ErrChanged) {
				continue // Look again.
			} else if err != nil {
				return err
			}
			tell(ch)
		}
		after = last
	}
	return nil
}

// newestRecipient returns the highest id of a recipient, zero if there are none.
func (db *DB) newestRecipient(ctx context.Context) (int64, error) {
	var r recipientRow
	err := db.read(ctx, func(tx *bstore.Tx) (err error) {
		r, err = bstore.QueryTx[recipientRow](tx).SortDesc("ID").Limit(1).Get()
		return err
	})
	if err == bstore.ErrAbsent {
		return 0, nil
	}
	return r.ID, err
}

func (db *DB) updateBatch(ctx context.Context, found []matched, f Filter, c Change) (ch Changed, rerr error) {
	var adds []*addition
	if c.Notify != nil {
		found = slices.DeleteFunc(found, func(m matched) bool { return !c.applies(&m.rcpt) })
		if len(found) == 0 {
			return Changed{}, nil
		}
		entries := make([]Entry, len(found))
		for i := range found {
			entries[i] = found[i].entry()
		}
		news, err := c.Notify(entries)
		if err != nil {
			return Changed{}, err
		}
		if adds, err = db.newAdditions(ctx, news); err != nil {
			return Changed{}, err
		}
	}
	err := db.writeWith(ctx, adds, func(tx *bstore.Tx) (closed []messageRow, err error) {
		ch = Changed{}
		now := db.now()
		final := tally{}
		for i := range found {
			// It may have changed since it was matched.
			r, err := openRecipient(tx, RecipientID(found[i].rcpt.ID))
			if err != nil {
				return nil, err
			}
			if r == nil || !f.matchesRecipient(r) || !c.applies(r) {
				if c.Notify != nil {
					return nil, ErrChanged
				}
				continue
			}
			if err := c.apply(tx, r, final, now); err != nil {
				return nil, err
			}
			ch.Recipients = append(ch.Recipients, r.recipient())
		}
		closed, ch.Done, err = final.settle(tx, now)
		return closed, err
	})
	if err != nil {
		return Changed{}, err
	}
	ch.Added = addedRecipients(adds)
	return ch, nil
}

// applies tells whether the change means anything to an open recipient.
func (c *Change) applies(r *recipientRow) bool {
	return c.State != Held || State(r.State) == Waiting
}

func (c *Change) apply(tx *bstore.Tx, r *recipientRow, final tally, now time.Time) error {
	to, next := c.State, c.Next
	if next.IsZero() {
		next = time.UnixMilli(r.NextAttempt)
	}
	if to == Waiting && State(r.State) == Held && c.KeepHeld {
		to = Held
	}
	if c.Note != "" {
		r.addResult(Attempt{Start: now, Text: c.Note})
	}
	return final.setState(tx, r, to, next)
}
