package store_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"mox/imap"
	"mox/store"
	"mox/store/storetest"
)

// plainMessage and plainMailbox are a mailbox as a plain list.
type plainMessage struct {
	uid      imap.UID
	flags    imap.Flags
	keywords []string
	email    store.EmailID
	thread   store.ThreadID
	modseq   imap.ModSeq
}

type plainMailbox struct {
	id       store.MailboxID
	next     imap.UID
	messages []plainMessage
}

func (n *plainMailbox) add(m plainMessage) imap.UID {
	m.uid = n.next
	n.next++
	n.messages = append(n.messages, m)
	return m.uid
}

// take returns the messages of a set, and removes them if remove is set.
func (n *plainMailbox) take(set imap.UIDSet, remove bool) []plainMessage {
	var taken, left []plainMessage
	for _, m := range n.messages {
		if set.Contains(m.uid) {
			taken = append(taken, m)
		} else {
			left = append(left, m)
		}
	}
	if remove {
		n.messages = left
	}
	return taken
}

func uidsOf(l []plainMessage) []imap.UID {
	var r []imap.UID
	for _, m := range l {
		r = append(r, m.uid)
	}
	return r
}

// listener is an IMAP client: it knows of a mailbox only what it was told.
type listener struct {
	box   *plainMailbox
	sel   *store.Selection
	known []store.Entry
}

// hear lets a client have the news, and fails the test if they do not fit together.
func (l *listener) hear(t *testing.T, expunge bool) {
	t.Helper()
	before := len(l.known)
	c := l.sel.Refresh(expunge)
	v := l.sel.View()
	for i, seq := range c.Expunged {
		if l.known[seq-1].UID != c.ExpungedUIDs[i] {
			t.Fatalf("EXPUNGE %d is UID %d to the client, %d to the store", seq, l.known[seq-1].UID, c.ExpungedUIDs[i])
		}
		l.known = slices.Delete(l.known, int(seq)-1, int(seq))
	}
	if !expunge && len(l.known) != before {
		t.Fatal("messages were expunged though that may not be told")
	}
	if c.Grown {
		for seq := len(l.known) + 1; seq <= c.Exists; seq++ {
			l.known = append(l.known, v.At(imap.SeqNum(seq)))
		}
	}
	for _, seq := range c.Flags {
		e := v.At(seq)
		if e.ModSeq <= l.known[seq-1].ModSeq {
			t.Fatalf("modseq of UID %d goes from %d to %d", e.UID, l.known[seq-1].ModSeq, e.ModSeq)
		}
		l.known[seq-1] = e
	}
	if v.Len() != len(l.known) {
		t.Fatalf("client knows %d messages, view has %d", len(l.known), v.Len())
	}
	for seq, e := range v.All(1) {
		if l.known[seq-1] != e {
			t.Fatalf("client knows %+v as %d, view has %+v", l.known[seq-1], seq, e)
		}
	}
}

// model is an account beside a naive copy of it.
type model struct {
	t         *testing.T
	r         *rand.Rand
	a         *store.Account
	boxes     []*plainMailbox
	listeners []*listener
}

func (m *model) box() *plainMailbox { return m.boxes[m.r.IntN(len(m.boxes))] }

// set returns some of the UIDs a mailbox has or had, and some that it has not.
func (m *model) set(n *plainMailbox) imap.UIDSet {
	var s imap.UIDSet
	for range 1 + m.r.IntN(3) {
		first := imap.UID(1 + m.r.IntN(int(n.next)+1))
		s.AddRange(first, first+imap.UID(m.r.IntN(1+m.r.IntN(8))))
	}
	return s
}

func (m *model) words() []string {
	all := []string{"a", "b", "$Junk", "c"}
	return all[:m.r.IntN(len(all)+1)]
}

func (m *model) check(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *model) same(what string, got, want any) {
	m.t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		m.t.Fatalf("%s: %v, want %v", what, got, want)
	}
}

func (m *model) step() {
	ctx := m.t.Context()
	n := m.box()
	switch m.r.IntN(10) {
	case 0, 1:
		count := 1 + m.r.IntN(4)
		var msgs []store.NewMessage
		for range count {
			msg := storetest.Message(simple)
			msg.Flags = imap.Flags(m.r.IntN(32))
			msg.Keywords = m.words()
			msgs = append(msgs, msg)
		}
		l, err := m.a.Append(ctx, store.System, n.id, msgs, nil)
		m.check(err)
		for i, added := range l {
			uid := n.add(plainMessage{flags: msgs[i].Flags, keywords: msgs[i].Keywords, email: added.Email, thread: added.Thread, modseq: added.ModSeq})
			m.same("appended UID", added.UID, uid)
		}
	case 2, 3:
		m.setFlags(n)
	case 4:
		dest := m.box()
		set := m.set(n)
		c, err := m.a.Copy(ctx, store.System, n.id, set, dest.id)
		m.check(err)
		m.placed(c, n.take(set, false), dest)
	case 5:
		dest := m.box()
		set := m.set(n)
		c, err := m.a.Move(ctx, store.System, n.id, set, dest.id)
		m.check(err)
		m.placed(c, n.take(set, true), dest)
	case 6:
		m.expunge(n)
	case 7:
		m.replace(n)
	default:
		l := m.listeners[m.r.IntN(len(m.listeners))]
		l.hear(m.t, m.r.IntN(3) == 0)
	}
}

func (m *model) placed(c store.Copied, from []plainMessage, dest *plainMailbox) {
	m.t.Helper()
	m.same("source UIDs", c.Source, uidsOf(from))
	var uids []imap.UID
	for _, msg := range from {
		msg.modseq = c.ModSeq
		uids = append(uids, dest.add(msg))
	}
	m.same("destination UIDs", c.Dest, uids)
}

func (m *model) setFlags(n *plainMailbox) {
	m.t.Helper()
	c := store.FlagChange{UIDs: m.set(n), Op: store.FlagOp(m.r.IntN(3)), Flags: imap.Flags(m.r.IntN(32)), Keywords: m.words(), UnchangedSince: -1}
	if m.r.IntN(4) == 0 && len(n.messages) > 0 {
		c.UnchangedSince = n.messages[m.r.IntN(len(n.messages))].modseq
	}
	res, err := m.a.SetFlags(m.t.Context(), store.System, n.id, c)
	m.check(err)
	var changed, modified []imap.UID
	for i := range n.messages {
		msg := &n.messages[i]
		if !c.UIDs.Contains(msg.uid) {
			continue
		}
		if c.UnchangedSince >= 0 && msg.modseq > c.UnchangedSince {
			modified = append(modified, msg.uid)
			continue
		}
		flags, words := msg.flags, map[string]bool{}
		for _, k := range msg.keywords {
			words[k] = c.Op != store.FlagsReplace
		}
		for _, k := range c.Keywords {
			words[k] = c.Op != store.FlagsRemove
		}
		switch c.Op {
		case store.FlagsAdd:
			flags |= c.Flags
		case store.FlagsRemove:
			flags &^= c.Flags
		default:
			flags = c.Flags
		}
		var keywords []string
		for k, on := range words {
			if on {
				keywords = append(keywords, k)
			}
		}
		slices.Sort(keywords)
		old := slices.Sorted(slices.Values(msg.keywords))
		if flags != msg.flags || !slices.Equal(keywords, old) {
			msg.flags, msg.keywords, msg.modseq = flags, keywords, res.ModSeq
			changed = append(changed, msg.uid)
		}
	}
	m.same("changed", res.Changed, changed)
	m.same("modified", res.Modified, modified)
}

func (m *model) expunge(n *plainMailbox) {
	m.t.Helper()
	var set imap.UIDSet
	if m.r.IntN(3) > 0 {
		set = m.set(n)
	}
	onlyDeleted := set == nil || m.r.IntN(2) == 0
	gone, _, err := m.a.Expunge(m.t.Context(), store.System, n.id, set, onlyDeleted)
	m.check(err)
	var remove imap.UIDSet
	for _, msg := range n.messages {
		if (set == nil || set.Contains(msg.uid)) && (!onlyDeleted || msg.flags.Has(imap.FlagDeleted)) {
			remove.Add(msg.uid)
		}
	}
	m.same("expunged", gone, uidsOf(n.take(remove, true)))
}

func (m *model) replace(n *plainMailbox) {
	m.t.Helper()
	uid := imap.UID(1 + m.r.IntN(int(n.next)))
	msg := storetest.Message(fmt.Sprintf("Subject: %d\n\nx\n", m.r.IntN(3)))
	msg.Keywords = m.words()
	added, err := m.a.Replace(m.t.Context(), store.System, n.id, uid, msg)
	if old := n.take(imap.SetOf(uid), true); len(old) == 0 {
		m.same("replacing what is gone", err, store.ErrExpunged)
		return
	}
	m.check(err)
	m.same("UID in place of another", added.UID, n.add(plainMessage{keywords: msg.Keywords, email: added.Email, thread: added.Thread, modseq: added.ModSeq}))
}

// compareInstances fails the test unless emails and threads are found where the naive mailboxes have them.
func (m *model) compareInstances() {
	m.t.Helper()
	emails, threads := map[store.EmailID][]string{}, map[store.ThreadID][]string{}
	for _, n := range m.boxes {
		for _, msg := range n.messages {
			place := fmt.Sprintf("%d/%d", n.id, msg.uid)
			emails[msg.email] = append(emails[msg.email], place)
			threads[msg.thread] = append(threads[msg.thread], place)
		}
	}
	places := func(l []store.Instance, err error) []string {
		m.check(err)
		r := placesOf(l)
		slices.Sort(r)
		return r
	}
	for id, want := range emails {
		slices.Sort(want)
		m.same("instances", places(m.a.Instances(m.t.Context(), store.System, []store.EmailID{id})), want)
	}
	for id, want := range threads {
		slices.Sort(want)
		m.same("messages of a thread", places(m.a.ThreadMessages(m.t.Context(), store.System, []store.ThreadID{id})), want)
	}
}

// compare fails the test unless a mailbox is as the naive one.
func (m *model) compare(n *plainMailbox) {
	m.t.Helper()
	sel, err := m.a.Select(m.t.Context(), store.System, n.id)
	m.check(err)
	defer sel.Close()
	if sel.View().Len() != len(n.messages) {
		m.t.Fatalf("mailbox %d has %d messages, want %d", n.id, sel.View().Len(), len(n.messages))
	}
	for seq, e := range sel.View().All(1) {
		want := n.messages[seq-1]
		words := slices.Sorted(slices.Values(want.keywords))
		if e.UID != want.uid || e.Flags != want.flags || e.Email != want.email || e.Thread != want.thread || e.ModSeq != want.modseq || !slices.Equal(slices.Sorted(slices.Values(m.a.KeywordNames(e.Keywords))), words) {
			m.t.Fatalf("message %d is %+v %v, want %+v", seq, e, m.a.KeywordNames(e.Keywords), want)
		}
	}
}

// Random operations on three mailboxes and six sessions agree with naive lists, also after the
// account was opened again.
func TestModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := storetest.New(t, bare, func(o *store.Options) { o.Dir = dir })
			m := &model{t: t, r: rand.New(rand.NewPCG(seed, 3)), a: storetest.Account(t, s, "a")}
			for _, name := range []string{"A", "B", "C"} {
				mb, err := m.a.CreateMailbox(t.Context(), store.System, name, "")
				m.check(err)
				m.boxes = append(m.boxes, &plainMailbox{id: mb.ID, next: 1})
			}
			for i := range 6 {
				n := m.boxes[i%3]
				sel, err := m.a.Select(t.Context(), store.System, n.id)
				m.check(err)
				defer sel.Close()
				m.listeners = append(m.listeners, &listener{box: n, sel: sel})
			}
			for range 300 {
				m.step()
			}
			for _, l := range m.listeners {
				l.hear(t, true)
				m.compare(l.box)
			}
			m.compareInstances()
			storetest.Verify(t, s)
			s.Close()
			m.a = storetest.Account(t, storetest.New(t, func(o *store.Options) { o.Dir = dir }), "a")
			for _, n := range m.boxes {
				m.compare(n)
			}
			m.compareInstances()
		})
	}
}
