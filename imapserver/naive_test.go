package imapserver

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"mox/imap"
	"mox/store"
)

// naiveMessage is a message in a mailbox of the model.
type naiveMessage struct {
	uid    imap.UID
	flags  flagSet
	body   string
	modseq imap.ModSeq // Taken from the store after each change.
	gone   bool        // In the list of a session: expunged, but not told.
}

// naiveMailbox is a mailbox of the model.
type naiveMailbox struct {
	id      store.MailboxID
	name    string
	msgs    []naiveMessage
	highest imap.UID // Ever given out.
	modseq  imap.ModSeq
	deleted bool
}

func (b *naiveMailbox) add(body string, flags flagSet) imap.UID {
	b.highest++
	b.msgs = append(b.msgs, naiveMessage{uid: b.highest, flags: flags, body: body})
	return b.highest
}

// find returns the message with a UID, nil if it is gone.
func (b *naiveMailbox) find(uid imap.UID) *naiveMessage {
	for i := range b.msgs {
		if b.msgs[i].uid == uid {
			return &b.msgs[i]
		}
	}
	return nil
}

// remove removes messages and returns their UIDs.
func (b *naiveMailbox) remove(which func(m *naiveMessage) bool) (uids []imap.UID) {
	b.msgs = slices.DeleteFunc(b.msgs, func(m naiveMessage) bool {
		if which(&m) {
			uids = append(uids, m.uid)
			return true
		}
		return false
	})
	return uids
}

// session is what the server should show a client of the mailbox it has selected.
type session struct {
	box      *naiveMailbox
	readOnly bool
	shown    []naiveMessage
	saved    []imap.UID // What "$" stands for.
}

// refresh shows the newest state. Without expunge, messages that are gone stay.
func (s *session) refresh(expunge bool) {
	known := imap.UID(0)
	var l []naiveMessage
	for _, m := range s.shown {
		known = max(known, m.uid)
		if now := s.box.find(m.uid); now != nil {
			l = append(l, *now)
		} else if !expunge {
			m.gone = true
			l = append(l, m)
		}
	}
	for _, m := range s.box.msgs {
		if m.uid > known && !slices.ContainsFunc(l, func(o naiveMessage) bool { return o.uid == m.uid }) {
			l = append(l, m)
		}
	}
	s.shown = l
}

// numbers is a set of message numbers as a client writes it: pairs, in which zero is "*", and "$".
type numbers struct {
	pairs [][2]uint32
	saved bool
}

// randomNumbers returns a set of numbers up to most.
func randomNumbers(r *rand.Rand, most int) numbers {
	num := func() uint32 {
		if r.IntN(8) == 0 {
			return 0
		}
		return uint32(1 + r.IntN(max(most, 1)))
	}
	s := numbers{saved: r.IntN(6) == 0}
	if s.saved && r.IntN(4) > 0 {
		return s
	}
	if r.IntN(5) == 0 {
		s.pairs = [][2]uint32{{1, 0}}
		return s
	}
	for n := 1 + r.IntN(3); n > 0; n-- {
		a := num()
		b := a
		if r.IntN(2) == 0 {
			b = num()
		}
		s.pairs = append(s.pairs, [2]uint32{a, b})
	}
	return s
}

func (s numbers) String() string {
	num := func(n uint32) string {
		if n == 0 {
			return "*"
		}
		return fmt.Sprint(n)
	}
	var l []string
	for _, p := range s.pairs {
		if p[0] == p[1] {
			l = append(l, num(p[0]))
		} else {
			l = append(l, num(p[0])+":"+num(p[1]))
		}
	}
	if s.saved {
		l = append(l, "$")
	}
	return strings.Join(l, ",")
}

// has reports whether a number is in the set, without "$", if "*" is last.
func (s numbers) has(n, last uint32) bool {
	for _, p := range s.pairs {
		a, b := p[0], p[1]
		if a == 0 {
			a = last
		}
		if b == 0 {
			b = last
		}
		if min(a, b) <= n && n <= max(a, b) {
			return true
		}
	}
	return false
}

// beyond reports whether a number of the set is above last.
func (s numbers) beyond(last int) bool {
	for _, p := range s.pairs {
		if int(p[0]) > last || int(p[1]) > last || last == 0 {
			return true
		}
	}
	return false
}

// pick returns the positions in shown of the messages that the set names. It reports false if a
// sequence number does not exist.
func (s *session) pick(set numbers, uid bool) (pos []int, ok bool) {
	if !uid && set.beyond(len(s.shown)) {
		return nil, false
	}
	return s.existing(set, uid), true
}

// existing is pick without those that do not exist.
func (s *session) existing(set numbers, uid bool) (pos []int) {
	n := len(s.shown)
	for i, m := range s.shown {
		if uid && set.has(uint32(m.uid), uint32(s.shown[n-1].uid)) || !uid && set.has(uint32(i+1), uint32(n)) ||
			set.saved && slices.Contains(s.saved, m.uid) {
			pos = append(pos, i)
		}
	}
	return pos
}

// searchKey is a key of SEARCH with its meaning.
type searchKey struct {
	text   string
	match  func(i int, m *naiveMessage) bool
	modseq bool // Has MODSEQ.
}

func allKey() searchKey {
	return searchKey{text: "ALL", match: func(int, *naiveMessage) bool { return true }}
}

// joined returns a key made of two.
func joined(text string, a, b searchKey, match func(a, b bool) bool) searchKey {
	return searchKey{
		text:   text,
		match:  func(i int, m *naiveMessage) bool { return match(a.match(i, m), b.match(i, m)) },
		modseq: a.modseq || b.modseq,
	}
}

// randomKey returns a search key for what a session shows.
func (s *session) randomKey(r *rand.Rand, depth int) searchKey {
	flag := func(name string, want bool) func(int, *naiveMessage) bool {
		return func(_ int, m *naiveMessage) bool { return m.flags[strings.ToLower(name)] == want }
	}
	switch n := r.IntN(13); {
	case n == 0:
		return allKey()
	case n <= 3:
		name := []string{"SEEN", "ANSWERED", "FLAGGED", "DELETED", "DRAFT"}[r.IntN(5)]
		if r.IntN(2) == 0 {
			return searchKey{text: name, match: flag(`\`+name, true)}
		}
		return searchKey{text: "UN" + name, match: flag(`\`+name, false)}
	case n == 4:
		k := randomKeyword(r)
		return searchKey{text: "KEYWORD " + k, match: flag(k, true)}
	case n == 5:
		k := randomKeyword(r)
		return searchKey{text: "UNKEYWORD " + k, match: flag(k, false)}
	case n == 6:
		set := randomNumbers(r, len(s.shown)+1)
		pos := s.existing(set, false)
		return searchKey{text: set.String(), match: func(i int, _ *naiveMessage) bool { return slices.Contains(pos, i) }}
	case n == 7:
		set := randomNumbers(r, int(s.box.highest)+1)
		pos := s.existing(set, true)
		return searchKey{text: "UID " + set.String(), match: func(i int, _ *naiveMessage) bool { return slices.Contains(pos, i) }}
	case n == 8:
		word := fmt.Sprintf("number%d.", r.IntN(30))
		return searchKey{text: []string{"SUBJECT ", "TEXT "}[r.IntN(2)] + word, match: func(_ int, m *naiveMessage) bool { return strings.Contains(m.body, word) }}
	case n == 9:
		since := max(s.box.modseq-imap.ModSeq(r.IntN(20)), 0)
		return searchKey{text: fmt.Sprintf("MODSEQ %d", since), match: func(_ int, m *naiveMessage) bool { return m.modseq >= since }, modseq: true}
	case n == 10 && depth < 3:
		k := s.randomKey(r, depth+1)
		return joined("NOT "+k.text, k, k, func(a, _ bool) bool { return !a })
	case n == 11 && depth < 3:
		a, b := s.randomKey(r, depth+1), s.randomKey(r, depth+1)
		return joined("OR "+a.text+" "+b.text, a, b, func(a, b bool) bool { return a || b })
	case depth < 3:
		a, b := s.randomKey(r, depth+3), s.randomKey(r, depth+3)
		return joined("("+a.text+" "+b.text+")", a, b, func(a, b bool) bool { return a && b })
	}
	return allKey()
}

func randomKeyword(r *rand.Rand) string {
	return []string{"work", "WORK", "$Junk", "later", "x1", "x2", "x3"}[r.IntN(7)]
}

// randomFlags returns flags as a client writes them.
func randomFlags(r *rand.Rand) []string {
	all := []string{`\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`, `\seen`}
	var l []string
	for n := r.IntN(3); n >= 0; n-- {
		if r.IntN(3) == 0 {
			l = append(l, randomKeyword(r))
		} else {
			l = append(l, all[r.IntN(len(all))])
		}
	}
	if r.IntN(10) == 0 {
		return nil
	}
	return l
}
