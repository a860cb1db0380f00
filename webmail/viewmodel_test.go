package webmail

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"mox/imap"
	"mox/store"
)

// naiveRow is what a row must say.
type naiveRow struct {
	email, thread string
	messages      int
	unread        int
}

// naive returns the rows of a query, made in the simplest way.
func (e *env) naive(q Query) []naiveRow {
	e.t.Helper()
	type one struct {
		store.Entry
		mailbox store.MailboxID
	}
	var all, list []one
	found := map[string]bool{}
	mbs, err := e.acc.Mailboxes(e.t.Context(), store.System)
	if err != nil {
		e.t.Fatal(err)
	}
	role := map[store.MailboxID]Role{}
	for i := range mbs {
		role[mbs[i].ID] = roleOf(&mbs[i])
		sel, err := e.acc.Select(e.t.Context(), store.System, mbs[i].ID)
		if err != nil {
			e.t.Fatal(err)
		}
		for _, m := range sel.View().All(1) {
			all = append(all, one{m, mbs[i].ID})
		}
		sel.Close()
	}
	slices.SortFunc(all, func(a, b one) int {
		return -cmp.Or(cmp.Compare(a.Received, b.Received), cmp.Compare(a.mailbox, b.mailbox), cmp.Compare(a.UID, b.UID))
	})
	for _, m := range all {
		in := q.Scope == ScopeAll || q.Scope == ScopeMailbox && int64(m.mailbox) == q.Mailbox || q.Scope == ScopeNormal && !role[m.mailbox].discarded()
		if slices.Contains(q.Filters, FilterUnread) && m.Flags.Has(imap.FlagSeen) {
			in = false
		}
		if key := fmt.Sprint(m.Thread); in && (!q.Threads || !found[key]) {
			found[key] = true
			list = append(list, m)
		}
	}
	var rows []naiveRow
	for _, h := range list {
		r := naiveRow{email: h.Email.String(), thread: threadText(h.Thread), messages: 1}
		if !q.Threads {
			if !h.Flags.Has(imap.FlagSeen) {
				r.unread = 1
			}
		} else {
			shown := map[store.EmailID]one{}
			for _, m := range all {
				if m.Thread != h.Thread || m.mailbox != h.mailbox && role[m.mailbox].discarded() {
					continue
				}
				o, ok := shown[m.Email]
				better := !ok || m.mailbox == h.mailbox && (o.mailbox != h.mailbox)
				if better || (m.mailbox == h.mailbox) == (o.mailbox == h.mailbox) && (m.mailbox == h.mailbox && m.UID > o.UID || m.mailbox != h.mailbox && m.mailbox < o.mailbox) {
					shown[m.Email] = m
				}
			}
			r.messages = len(shown)
			for _, m := range shown {
				if !m.Flags.Has(imap.FlagSeen) {
					r.unread++
				}
			}
		}
		rows = append(rows, r)
	}
	if q.Oldest {
		slices.Reverse(rows)
	}
	return rows
}

// differs says how what a page shows differs from what it should; unknown rows are no difference.
func (v *shown) differs(want []naiveRow) string {
	if len(v.rows) != len(want) {
		return fmt.Sprintf("%d rows, want %d", len(v.rows), len(want))
	}
	for i, r := range v.rows {
		if r == nil {
			continue
		}
		if got := (naiveRow{r.Email, r.Thread, r.Messages, r.Unread}); got != want[i] {
			return fmt.Sprintf("row %d (%s): %+v, want %+v", i, r.Subject, got, want[i])
		}
	}
	return ""
}

// A page that applies events comes to the same lists as a naive reader, whatever happens, and its connection may break.
func TestViewModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(seed, 2))
			e := newEnv(t)
			names := []string{"Inbox", "Archive", "Trash", "Sent"}
			var ids []store.MailboxID
			for _, n := range names {
				ids = append(ids, e.mailbox(n).ID)
			}
			e.append("Inbox", 120)
			b := e.browse("s1")
			inbox := int64(ids[0])
			queries := map[string]Query{
				"messages": {Scope: ScopeMailbox, Mailbox: inbox, Sort: SortDate},
				"threads":  {Scope: ScopeMailbox, Mailbox: inbox, Sort: SortDate, Threads: true},
				"oldest":   {Scope: ScopeNormal, Sort: SortDate, Threads: true, Oldest: true},
				"unread":   {Scope: ScopeAll, Sort: SortDate, Threads: true, Filters: []string{FilterUnread}},
				"unread1":  {Scope: ScopeMailbox, Mailbox: inbox, Sort: SortDate, Filters: []string{FilterUnread}},
			}
			for name, q := range queries {
				b.open(name, q)
			}
			n := 0
			for step := range 60 {
				for range 1 + rnd.IntN(4) {
					e.randomChange(rnd, ids, &n)
				}
				switch rnd.IntN(12) {
				case 0:
					b.drain()
					b.disconnect()
					e.randomChange(rnd, ids, &n)
					if rnd.IntN(2) == 0 {
						b.lastID = ""
					}
					b.connect()
					if b.hello.Resumed {
						break
					}
					for name, q := range queries {
						if err := e.api.ViewOpen(e.ctx, ViewRequest{Stream: b.name, View: name, Query: q, Count: 50, ModSeq: b.views[name].modseq}); err != nil {
							t.Fatal(err)
						}
					}
				case 1, 2:
					for name := range queries {
						if err := e.api.ViewRange(e.ctx, b.name, name, rnd.IntN(150), 30); err != nil {
							t.Fatal(err)
						}
					}
				}
				if step%3 > 0 {
					continue
				}
				for name, q := range queries {
					want := e.naive(q)
					timeout := time.After(patience)
					for b.views[name].differs(want) != "" {
						select {
						case ev := <-b.events:
							b.take(ev)
						case <-timeout:
							t.Fatalf("step %d: view %s: %s", step, name, b.views[name].differs(want))
						}
					}
				}
			}
		})
	}
}

// randomChange does something to messages.
func (e *env) randomChange(rnd *rand.Rand, ids []store.MailboxID, n *int) {
	e.t.Helper()
	id := ids[rnd.IntN(len(ids))]
	if rnd.IntN(2) == 0 {
		id = ids[0]
	}
	some := func() imap.UIDSet {
		sel, err := e.acc.Select(e.t.Context(), store.System, id)
		if err != nil {
			e.t.Fatal(err)
		}
		defer sel.Close()
		var set imap.UIDSet
		for _, m := range sel.View().All(1) {
			if rnd.IntN(40) == 0 {
				set.Add(m.UID)
			}
		}
		return set
	}
	var err error
	switch rnd.IntN(10) {
	case 0, 1, 2, 3:
		*n++
		text := simple(fmt.Sprintf("S%d <s%d@example.com>", *n, *n), fmt.Sprintf("new%d", *n), "x")
		if rnd.IntN(2) == 0 {
			i := rnd.IntN(120)
			text = reply(fmt.Sprintf("R%d <r%d@example.com>", *n, *n), fmt.Sprintf("Sender %d <s%d@example.com>", i%100, i%100), fmt.Sprintf("m%d", i), fmt.Sprint("answer ", *n))
		}
		m := storeMessage(text)
		m.Received = time.Unix(1_700_000_000+int64(rnd.IntN(12000)), 0)
		_, err = e.acc.Append(e.t.Context(), store.System, id, []store.NewMessage{m}, nil)
	case 4, 5, 6:
		c := store.FlagChange{UIDs: some(), Op: store.FlagOp(rnd.IntN(2)), Flags: imap.FlagSeen, UnchangedSince: -1}
		_, err = e.acc.SetFlags(e.t.Context(), store.System, id, c)
	case 7:
		_, err = e.acc.Move(e.t.Context(), store.System, id, some(), ids[rnd.IntN(len(ids))])
	case 8:
		_, err = e.acc.Copy(e.t.Context(), store.System, id, some(), ids[rnd.IntN(len(ids))])
	case 9:
		if set := some(); len(set) > 0 {
			_, _, err = e.acc.Expunge(e.t.Context(), store.System, id, set, false)
		}
	}
	if err != nil {
		e.t.Fatal(err)
	}
}
