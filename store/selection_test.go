package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"mox/imap"
)

// newSession returns a Selection of a mailbox, as Select does.
func newSession(mb *openMailbox) *Selection {
	s := &Selection{mailbox: mb, wake: make(chan struct{}, 1)}
	mb.subscribe(s)
	s.shared = mb.current.Load()
	s.view = s.shared
	s.keywords = len(s.view.keywords)
	return s
}

func newOpenMailbox(n int) *openMailbox {
	mb := &openMailbox{sessions: map[*Selection]struct{}{}}
	v := &View{uidNext: imap.UID(n + 1)}
	for i := range n {
		v.push(entry{uid: imap.UID(i + 1), modseq: 1})
	}
	mb.current.Store(v)
	return mb
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	set := func(uid imap.UID, modseq imap.ModSeq) viewEdit {
		return viewEdit{entry: entry{uid: uid, modseq: modseq}}
	}
	gone := func(uid imap.UID) viewEdit { return viewEdit{entry: entry{uid: uid}, gone: true} }
	type step struct {
		edits   []viewEdit
		refresh bool // Else nothing is asked for.
		expunge bool
		want    Changes
		uids    []imap.UID // In the View afterwards.
	}
	for _, tc := range []struct {
		name  string
		n     int
		steps []step
	}{
		{"nothing", 3, []step{{nil, true, true, Changes{}, []imap.UID{1, 2, 3}}}},
		{"new message", 2, []step{
			{[]viewEdit{set(3, 2)}, true, false, Changes{Grown: true, Exists: 3}, []imap.UID{1, 2, 3}},
			{nil, true, true, Changes{}, []imap.UID{1, 2, 3}},
		}},
		{"flags of a message that is new too are told once", 2, []step{
			{[]viewEdit{set(3, 2), set(3, 3), set(1, 3)}, true, true, Changes{Grown: true, Exists: 3, Flags: []imap.SeqNum{1}}, []imap.UID{1, 2, 3}},
		}},
		{"expunges are numbered one after another", 5, []step{
			{[]viewEdit{gone(2), gone(3), gone(5)}, true, true, Changes{Expunged: []imap.SeqNum{2, 2, 3}, ExpungedUIDs: []imap.UID{2, 3, 5}}, []imap.UID{1, 4}},
		}},
		{"expunge and arrival", 2, []step{
			{[]viewEdit{gone(2), set(3, 2)}, true, true, Changes{Expunged: []imap.SeqNum{2}, ExpungedUIDs: []imap.UID{2}, Grown: true, Exists: 2}, []imap.UID{1, 3}},
		}},
		{"expunged are shown until they may be told", 4, []step{
			{[]viewEdit{gone(2), set(3, 2)}, true, false, Changes{Flags: []imap.SeqNum{3}}, []imap.UID{1, 2, 3, 4}},
			{[]viewEdit{set(5, 3), gone(4)}, true, false, Changes{Grown: true, Exists: 5}, []imap.UID{1, 2, 3, 4, 5}},
			{nil, true, false, Changes{}, []imap.UID{1, 2, 3, 4, 5}},
			{[]viewEdit{set(5, 4)}, true, true, Changes{Expunged: []imap.SeqNum{2, 3}, ExpungedUIDs: []imap.UID{2, 4}, Flags: []imap.SeqNum{3}}, []imap.UID{1, 3, 5}},
			{nil, true, true, Changes{}, []imap.UID{1, 3, 5}},
		}},
		{"what came and went meanwhile is not told", 1, []step{
			{[]viewEdit{set(2, 2)}, false, false, Changes{}, []imap.UID{1}},
			{[]viewEdit{gone(2)}, true, true, Changes{}, []imap.UID{1}},
		}},
		{"all expunged, then told", 2, []step{
			{[]viewEdit{gone(1), gone(2)}, true, false, Changes{}, []imap.UID{1, 2}},
			{nil, true, true, Changes{Expunged: []imap.SeqNum{1, 1}, ExpungedUIDs: []imap.UID{1, 2}}, nil},
			{[]viewEdit{set(3, 2)}, true, true, Changes{Grown: true, Exists: 1}, []imap.UID{3}},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			mb := newOpenMailbox(tc.n)
			s := newSession(mb)
			for i, st := range tc.steps {
				if st.edits != nil {
					mb.publish(boxUpdate{edits: st.edits})
					select {
					case <-s.Wake():
					default:
						t.Errorf("step %d: not woken", i)
					}
				}
				var got Changes
				if st.refresh {
					got = s.Refresh(st.expunge)
				}
				if fmt.Sprint(got) != fmt.Sprint(st.want) {
					t.Errorf("step %d: changes %+v, want %+v", i, got, st.want)
				}
				var uids []imap.UID
				for _, e := range s.View().All(1) {
					uids = append(uids, e.UID)
				}
				if !slices.Equal(uids, st.uids) {
					t.Errorf("step %d: view has %v, want %v", i, uids, st.uids)
				}
			}
		})
	}
}

func TestRefreshKeywordsAndDeletion(t *testing.T) {
	t.Parallel()
	mb := newOpenMailbox(1)
	s := newSession(mb)
	mb.publish(boxUpdate{keywords: []string{"a"}})
	if c := s.Refresh(false); !slices.Equal(c.Keywords, []string{"a"}) {
		t.Errorf("keywords %v", c.Keywords)
	}
	mb.publish(boxUpdate{keywords: []string{"a"}, deleted: true})
	if c := s.Refresh(false); c.Keywords != nil || !c.Deleted {
		t.Errorf("keywords %v, deleted %v", c.Keywords, c.Deleted)
	}
	if c := s.Refresh(true); c.Deleted {
		t.Error("end of mailbox told twice")
	}
	if s.View().Len() != 1 {
		t.Error("messages of deleted mailbox are not shown any more")
	}
}

// client is what an IMAP client knows from what it was told.
type client struct {
	uids    []imap.UID
	modseqs []imap.ModSeq
}

// hear applies changes as they are told.
func (c *client) hear(t *testing.T, ch Changes, v *View) {
	t.Helper()
	for i, seq := range ch.Expunged {
		if c.uids[seq-1] != ch.ExpungedUIDs[i] {
			t.Fatalf("EXPUNGE %d is UID %d to the client, %d to the server", seq, c.uids[seq-1], ch.ExpungedUIDs[i])
		}
		c.uids = slices.Delete(c.uids, int(seq-1), int(seq))
		c.modseqs = slices.Delete(c.modseqs, int(seq-1), int(seq))
	}
	if ch.Grown {
		if ch.Exists <= len(c.uids) {
			t.Fatalf("EXISTS %d, though the client knows %d", ch.Exists, len(c.uids))
		}
		for seq := len(c.uids) + 1; seq <= ch.Exists; seq++ {
			e := v.At(imap.SeqNum(seq))
			c.uids = append(c.uids, e.UID)
			c.modseqs = append(c.modseqs, e.ModSeq)
		}
	}
	for _, seq := range ch.Flags {
		m := v.At(seq).ModSeq
		if m <= c.modseqs[seq-1] {
			t.Fatalf("modseq of message %d goes from %d to %d", seq, c.modseqs[seq-1], m)
		}
		c.modseqs[seq-1] = m
	}
}

// What clients were told always equals what their views show, and in the end what the mailbox
// has.
func TestSessionsModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 2))
			mb := newOpenMailbox(0)
			n := naiveView{}
			next, modseq := imap.UID(1), imap.ModSeq(1)
			sessions := make([]*Selection, 4)
			clients := make([]client, len(sessions))
			for i := range sessions {
				sessions[i] = newSession(mb)
			}
			check := func(i int, expunge bool) {
				s, c := sessions[i], &clients[i]
				known := slices.Clone(c.uids)
				ch := s.Refresh(expunge)
				if !expunge && len(ch.Expunged) > 0 {
					t.Fatal("expunge told where it must not be")
				}
				c.hear(t, ch, s.View())
				if !expunge && !slices.Equal(known, c.uids[:len(known)]) {
					t.Fatal("sequence numbers changed though no expunge was told")
				}
				if s.View().Len() != len(c.uids) {
					t.Fatalf("view has %d messages, client knows %d", s.View().Len(), len(c.uids))
				}
				for seq, e := range s.View().All(1) {
					if e.UID != c.uids[seq-1] || e.ModSeq != c.modseqs[seq-1] {
						t.Fatalf("message %d is %v, client knows %d with modseq %d", seq, e, c.uids[seq-1], c.modseqs[seq-1])
					}
				}
			}
			for range 300 {
				if r.IntN(2) == 0 {
					edits := randomEdits(r, n, &next, &modseq)
					n = n.apply(edits)
					mb.publish(boxUpdate{edits: edits, modseq: modseq, uidNext: next})
				} else {
					check(r.IntN(len(sessions)), r.IntN(3) == 0)
				}
			}
			for i := range sessions {
				check(i, true)
				checkView(t, sessions[i].View(), n)
			}
		})
	}
}
