package webmail

import (
	"context"

	"mox/imap"
	"mox/store"
)

// step returns the next row in a direction, or the next one with unread messages, nil if there is none.
func (v *view) step(ctx context.Context, s *stream, id store.EmailID, by int, unread bool) (*Row, error) {
	at, err := v.position(ctx, s, id)
	if err != nil || at < 0 {
		return nil, err
	}
	var is func(row) bool
	if unread {
		is = v.unreadRows(s)
	}
	for at += by; at >= 0 && at < len(v.list.rows); at += by {
		if unread && !is(v.list.rows[at]) {
			continue
		}
		rows, err := s.rows(ctx, v, []int{at})
		if err != nil || rows[0].Email == "" {
			return nil, err
		}
		return &rows[0], nil
	}
	return nil, nil
}

// unreadRows returns what tells whether rows have unread messages.
func (v *view) unreadRows(s *stream) func(row) bool {
	unseen := func(m mail) bool { return !m.Flags.Has(imap.FlagSeen) }
	if !v.query.Threads {
		return func(r row) bool {
			m, ok := s.boxes.entryAt(r)
			return ok && unseen(m)
		}
	}
	threads := map[store.ThreadID]bool{}
	for _, b := range v.scope {
		for m := range b.mails {
			if unseen(m) {
				threads[m.Thread] = true
			}
		}
	}
	return func(r row) bool {
		m, ok := s.boxes.entryAt(r)
		return ok && threads[m.Thread]
	}
}
