package webmail

import (
	"context"

	"mox/store"
)

// maxEventRows is how many rows an event has.
const maxEventRows = 2 * MaxRows

// event returns what the page is to be told of the view, nil if there is nothing.
func (v *view) event(ctx context.Context, s *stream) (*ViewEvent, error) {
	unread := v.unread(s)
	if !v.reset && len(v.splices) == 0 && v.send == 0 && v.progress == nil && !v.ask &&
		len(v.list.rows) == v.told.total && unread == v.told.unread && v.told.any {
		return nil, nil
	}
	changed := v.reset || len(v.splices) > 0
	ev := &ViewEvent{View: v.name, ModSeq: int64(s.modseq), Gone: v.gone, Focus: -1}
	if v.focus != (store.EmailID{}) && v.job == nil {
		at, err := v.position(ctx, s, v.focus)
		if err != nil {
			return nil, err
		}
		if ev.Focus = at; at >= 0 {
			v.window = span{max(0, at-v.window.count/2), v.window.count}
			v.wantRows(v.window)
		}
		v.focus = store.EmailID{}
	}
	at := v.toSend()
	rows, err := s.rows(ctx, v, at)
	if err != nil {
		return nil, err
	}
	for i, at := range at {
		if rows[i].Email == "" { // Gone, as the next refresh will find.
			v.list.rows[at].mark = 0
			continue
		}
		v.list.rows[at].mark = rowHave
		if n := len(ev.Rows); n > 0 && at == ev.Rows[n-1].First+len(ev.Rows[n-1].Rows) {
			ev.Rows[n-1].Rows = append(ev.Rows[n-1].Rows, rows[i])
		} else {
			ev.Rows = append(ev.Rows, Rows{First: at, Rows: []Row{rows[i]}})
		}
	}
	ev.Reset, ev.Splices, ev.Search = v.reset, v.splices, v.progress
	ev.Total, ev.Unread = len(v.list.rows), unread

	v.told.same = changed && v.told.any && v.told.modseq == s.modseq
	v.told.modseq, v.told.total, v.told.unread, v.told.any = s.modseq, ev.Total, unread, true
	v.reset, v.splices, v.progress, v.ask, v.send = false, nil, nil, false, 0
	if v.job != nil {
		select {
		case v.job.sent <- struct{}{}:
		default:
		}
	}
	return ev, nil
}

// unread is that of the mailbox that the view shows, zero if it shows only some of its messages, or others.
func (v *view) unread(s *stream) int {
	if v.query.Scope != ScopeMailbox || v.parsed.text || len(v.query.Filters) > 0 || v.gone {
		return 0
	}
	for i := range s.mailboxes {
		if s.mailboxes[i].ID == v.query.Mailbox {
			return int(s.mailboxes[i].Unread)
		}
	}
	return 0
}

// toSend returns the positions of rows that are to be sent. If they are too many, those that are not where the page looks become unknown to
// it, and it will ask for them when it does.
func (v *view) toSend() []int {
	if v.send == 0 {
		return nil
	}
	var all []int
	for i := range v.list.rows {
		if v.list.rows[i].mark&rowSend != 0 {
			all = append(all, i)
		}
	}
	if len(all) <= maxEventRows {
		return all
	}
	var kept []int
	room := maxEventRows
	for _, i := range all {
		if v.window.contains(i) && room > 0 {
			room--
		}
	}
	for _, i := range all {
		switch {
		case v.window.contains(i) && len(kept) < maxEventRows:
			kept = append(kept, i)
			continue
		case room > 0:
			room--
			kept = append(kept, i)
			continue
		case v.list.rows[i].mark&rowHave != 0 && !v.reset:
			v.forget(i)
		}
		v.list.rows[i].mark = 0
	}
	return kept
}

// forget has the page know nothing of a row any more.
func (v *view) forget(i int) {
	if n := len(v.splices); n > 0 {
		if last := &v.splices[n-1]; last.Remove == last.Insert && last.At+last.Insert == i {
			last.Insert++
			last.Remove++
			return
		}
	}
	v.splices = append(v.splices, Splice{At: i, Remove: 1, Insert: 1})
}
