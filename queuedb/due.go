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
// step in the index. It is meant for the start; later changes are known to the caller.
func (db *DB) Destinations(ctx context.Context) ([]Destination, error) {
	var l []Destination
	last := ""
	for {
		// Short transactions: the number of destinations has no bound.
		const page = 100
		n := 0
		err := db.db.Read(ctx, func(tx *bstore.Tx) error {
			for n = 0; n < page; n++ {
				q := bstore.QueryTx[recipientRow](tx).FilterGreater("Destination", last).SortAsc("Destination", "Due")
				r, err := q.Limit(1).Get()
				if err == bstore.ErrAbsent {
					return nil
				} else if err != nil {
					return err
				}
				last = r.Destination
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

// Due returns up to limit waiting recipients of a destination whose attempt is due at
// now, earliest first, and when the first one after those is due (zero if none).
func (db *DB) Due(ctx context.Context, destination string, now time.Time, limit int) (due []Recipient, next time.Time, rerr error) {
	rerr = db.db.Read(ctx, func(tx *bstore.Tx) error {
		due, next = nil, time.Time{}
		q := bstore.QueryTx[recipientRow](tx).FilterNonzero(recipientRow{Destination: destination}).FilterLess("Due", int64(never))
		l, err := q.SortAsc("Due").Limit(limit + 1).List()
		if err != nil {
			return err
		}
		for i, r := range l {
			if i == limit || r.Due > now.UnixMilli() {
				next = time.UnixMilli(r.Due)
				break
			}
			due = append(due, r.recipient())
		}
		return nil
	})
	return due, next, rerr
}
