package queuedb

import (
	"context"
	"time"

	"github.com/mjl-/bstore"
)

// Destination says when a destination next has something to do.
type Destination struct {
	Name string
	Due  time.Time // Earliest next attempt of its waiting recipients.
}

// Destinations returns every destination that has waiting recipients, each found with one
// step in the index. It is meant for the start, and for now and then: mostly the caller knows of later changes.
func (db *DB) Destinations(ctx context.Context) ([]Destination, error) {
	var l []Destination
	from := "\x01"
	for {
		// Short transactions: the number of destinations has no bound.
		const page = 100
		n := 0
		err := db.read(ctx, func(tx *bstore.Tx) error {
			for n = 0; n < page; n++ {
				q := bstore.QueryTx[recipientRow](tx).FilterGreaterEqual("Destination", from).SortAsc("Destination", "Due")
				r, err := q.Limit(1).Get()
				if err == bstore.ErrAbsent {
					return nil
				} else if err != nil {
					return err
				}
				// The first name after this one. To ask for names greater than this one would walk
				// through all its recipients.
				from = r.Destination + "\x01"
				if r.Due != never {
					l = append(l, Destination{r.Destination, time.UnixMilli(r.Due)})
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		if n < page {
			return l, nil
		}
	}
}

// Due is what is to be done for a destination.
type Due struct {
	Message    MessageID     // Of which recipients are due; zero if nothing is.
	Recipients []RecipientID // At most as many as were asked for.

	// Next is when the destination has something to do besides: not after now if more is due, zero
	// if nothing waits.
	Next time.Time
}

// Due finds the recipient of a destination whose attempt is due for the longest time, and those due
// after it as long as they are of the same message. Recipients in busy are passed over. What it
// costs depends on limit and the number of those, not on how many wait.
func (db *DB) Due(ctx context.Context, destination string, now time.Time, busy map[RecipientID]struct{}, limit int) (due Due, rerr error) {
	rerr = db.read(ctx, func(tx *bstore.Tx) error {
		due = Due{}
		q := bstore.QueryTx[recipientRow](tx).FilterNonzero(recipientRow{Destination: destination}).FilterLess("Due", int64(never))
		// Ids come from the index alone. Rows are read for those that count.
		var ids []int64
		if err := q.SortAsc("Due").Limit(len(busy) + limit + 1).IDs(&ids); err != nil {
			return err
		}
		for _, id := range ids {
			if _, ok := busy[RecipientID(id)]; ok {
				continue
			}
			r := recipientRow{ID: id}
			if err := tx.Get(&r); err != nil {
				return err
			}
			if r.Due > now.UnixMilli() || due.Message != 0 && MessageID(r.Message) != due.Message || len(due.Recipients) == limit {
				due.Next = time.UnixMilli(r.Due)
				return nil
			}
			due.Message = MessageID(r.Message)
			due.Recipients = append(due.Recipients, RecipientID(id))
		}
		return nil
	})
	return due, rerr
}

// Claim reads a message and those of its recipients that still wait for an attempt that is due. A
// caller who has made known that it claims them, before, can rely on what it gets: see package
// queue. Returns ErrNoMessage.
func (db *DB) Claim(ctx context.Context, id MessageID, recipients []RecipientID, now time.Time) (m Message, l []Recipient, rerr error) {
	rerr = db.read(ctx, func(tx *bstore.Tx) error {
		l = nil
		row := messageRow{ID: int64(id)}
		if err := tx.Get(&row); err == bstore.ErrAbsent {
			return ErrNoMessage
		} else if err != nil {
			return err
		}
		m = row.message()
		for _, rid := range recipients {
			r := recipientRow{ID: int64(rid)}
			if err := tx.Get(&r); err == bstore.ErrAbsent {
				continue
			} else if err != nil {
				return err
			}
			if r.Message == row.ID && r.Due <= now.UnixMilli() {
				l = append(l, r.recipient())
			}
		}
		return nil
	})
	return m, l, rerr
}
