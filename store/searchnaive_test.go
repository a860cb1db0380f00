package store_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"mox/imap"
	"mox/internal/corpus"
	"mox/message"
	"mox/store"
)

// naiveMessage is a message in the form that naiveMatch looks at: all texts whole, and prepared in
// the plainest way.
type naiveMessage struct {
	seq      imap.SeqNum
	entry    store.Entry
	keywords []string
	fields   []naiveField // Of the message's header.
	sent     time.Time
	bodies   []string
	others   []string // Fields of parts and of messages inside the message.
}

type naiveField struct{ name, value string }

var naiveSpace = regexp.MustCompile(`[\s\v\p{Z}\x{85}]+`)

// naiveFold prepares a text for comparing.
func naiveFold(s string) string {
	s = norm.NFKD.String(s)
	s = strings.Map(func(r rune) rune { return unicode.ToLower(unicode.ToUpper(r)) }, s)
	return naiveSpace.ReplaceAllString(s, " ")
}

func newNaiveMessage(t testing.TB, raw []byte) naiveMessage {
	t.Helper()
	root := message.ParseBytes(raw)
	var m naiveMessage
	for f := range message.Fields(root.Header) {
		if f.Name != nil {
			m.fields = append(m.fields, naiveField{string(f.Name), naiveFold(f.Text())})
		}
	}
	m.sent = root.Envelope.Date
	root.Walk(func(p *message.Part) bool {
		if p != root {
			for f := range message.Fields(raw[p.HeaderOffset:p.BodyOffset]) {
				m.others = append(m.others, naiveFold(string(f.Name)+": "+f.Text()))
			}
			m.others = append(m.others, naiveFold(p.Filename()))
		}
		if !p.IsMultipart() && p.Message == nil && (p.Type == "text" || p.Type == "message") {
			text, err := io.ReadAll(p.TextReader(bytes.NewReader(raw)))
			if err != nil {
				t.Fatal(err)
			}
			m.bodies = append(m.bodies, naiveFold(string(text)))
		}
		return true
	})
	return m
}

// naiveMatch evaluates criteria in the order in which they are written down.
func naiveMatch(m *naiveMessage, c *store.Criteria) bool {
	e := &m.entry
	if c.None || e.Flags&c.Flags != c.Flags || e.Flags&c.NotFlags != 0 || e.ModSeq < c.ModSeq {
		return false
	}
	for _, set := range c.Seqs {
		if !set.Contains(m.seq) {
			return false
		}
	}
	for _, set := range c.UIDs {
		if !set.Contains(e.UID) {
			return false
		}
	}
	has := func(keyword string) bool {
		for _, k := range m.keywords {
			if strings.EqualFold(k, keyword) {
				return true
			}
		}
		return false
	}
	for _, k := range c.Keywords {
		if !has(k) {
			return false
		}
	}
	for _, k := range c.NotKeywords {
		if has(k) {
			return false
		}
	}
	const ymd = "2006-01-02"
	for _, d := range []struct {
		criterion, date time.Time
		ok              func(date, criterion string) bool
	}{
		{c.Since, e.ReceivedTime(), func(d, c string) bool { return d >= c }},
		{c.Before, e.ReceivedTime(), func(d, c string) bool { return d < c }},
		{c.On, e.ReceivedTime(), func(d, c string) bool { return d == c }},
		{c.SentSince, m.sent, func(d, c string) bool { return d >= c }},
		{c.SentBefore, m.sent, func(d, c string) bool { return d < c }},
		{c.SentOn, m.sent, func(d, c string) bool { return d == c }},
	} {
		if !d.criterion.IsZero() && (d.date.IsZero() || !d.ok(d.date.Format(ymd), d.criterion.Format(ymd))) {
			return false
		}
	}
	if !c.ReceivedSince.IsZero() && e.ReceivedTime().Before(c.ReceivedSince) || !c.ReceivedBefore.IsZero() && !e.ReceivedTime().Before(c.ReceivedBefore) {
		return false
	}
	if c.Larger > 0 && e.Size <= c.Larger || (c.Smaller > 0 || c.HasSmaller) && e.Size >= c.Smaller {
		return false
	}
	anyContains := func(texts []string, s string) bool {
		for _, text := range texts {
			if strings.Contains(text, naiveFold(s)) {
				return true
			}
		}
		return false
	}
	for _, h := range c.Header {
		ok := false
		for _, f := range m.fields {
			ok = ok || strings.EqualFold(f.name, h.Name) && strings.Contains(f.value, naiveFold(h.Value))
		}
		if !ok {
			return false
		}
	}
	for _, s := range c.Body {
		if s != "" && !anyContains(m.bodies, s) {
			return false
		}
	}
	for _, s := range c.Text {
		var fields []string
		for _, f := range m.fields {
			fields = append(fields, naiveFold(f.name)+": "+f.value)
		}
		if s != "" && !anyContains(m.bodies, s) && !anyContains(m.others, s) && !anyContains(fields, s) {
			return false
		}
	}
	for i := range c.Not {
		if naiveMatch(m, &c.Not[i]) {
			return false
		}
	}
	for i := range c.Or {
		if !naiveMatch(m, &c.Or[i][0]) && !naiveMatch(m, &c.Or[i][1]) {
			return false
		}
	}
	return true
}

// randomCriteria makes criteria from words and dates of the messages, so that they match some.
func randomCriteria(r *rand.Rand, msgs []naiveMessage, depth int) store.Criteria {
	var c store.Criteria
	pick := func() *naiveMessage { return &msgs[r.IntN(len(msgs))] }
	// A piece of a text, cut on character borders, often a word.
	piece := func(texts []string) string {
		if len(texts) == 0 {
			return "nothing"
		}
		text := texts[r.IntN(len(texts))]
		if words := strings.Fields(text); r.IntN(2) == 0 && len(words) > 0 {
			return words[r.IntN(len(words))]
		}
		runes := []rune(text)
		if len(runes) == 0 {
			return ""
		}
		i := r.IntN(len(runes))
		return string(runes[i:min(len(runes), i+1+r.IntN(20))])
	}
	for range 1 + r.IntN(2) {
		switch r.IntN(14) {
		case 0:
			c.Flags |= 1 << r.IntN(5)
		case 1:
			c.NotFlags |= 1 << r.IntN(5)
		case 2:
			c.Keywords = append(c.Keywords, []string{"work", "$Junk", "HOME"}[r.IntN(3)])
		case 3:
			c.NotKeywords = append(c.NotKeywords, []string{"Work", "$junk", "home"}[r.IntN(3)])
		case 4:
			set := imap.SeqSet{{First: 1 + imap.SeqNum(r.IntN(len(msgs))), Last: imap.SeqNum(len(msgs))}}
			c.Seqs = append(c.Seqs, set)
		case 5:
			var set imap.UIDSet
			for range 20 {
				set.Add(pick().entry.UID)
			}
			c.UIDs = append(c.UIDs, set)
		case 6:
			*[]*time.Time{&c.Since, &c.Before, &c.On, &c.ReceivedSince, &c.ReceivedBefore}[r.IntN(5)] = pick().entry.ReceivedTime()
		case 7:
			*[]*time.Time{&c.SentSince, &c.SentBefore, &c.SentOn}[r.IntN(3)] = pick().sent
		case 8:
			c.Larger = pick().entry.Size
		case 9:
			c.Smaller = pick().entry.Size
		case 10:
			c.Body = append(c.Body, piece(pick().bodies))
		case 11:
			m := pick()
			c.Text = append(c.Text, piece(append(m.bodies[:len(m.bodies):len(m.bodies)], m.others...)))
		default:
			if m := pick(); len(m.fields) > 0 {
				f := m.fields[r.IntN(len(m.fields))]
				c.Header = append(c.Header, store.HeaderCriterion{Name: strings.ToUpper(f.name), Value: piece([]string{f.value})})
			}
		}
	}
	if depth > 0 && r.IntN(2) == 0 {
		c.Not = append(c.Not, randomCriteria(r, msgs, depth-1))
	}
	if depth > 0 && r.IntN(2) == 0 {
		c.Or = append(c.Or, [2]store.Criteria{randomCriteria(r, msgs, depth-1), randomCriteria(r, msgs, depth-1)})
	}
	return c
}

// Search gives what evaluating every criterion on every message in full gives, for real and for
// broken messages.
func TestSearchLikeNaive(t *testing.T) {
	t.Parallel()
	const seed = 1
	r := rand.New(rand.NewPCG(seed, 0))
	raws := searchCorpus(t)
	var msgs []store.NewMessage
	var naive []naiveMessage
	for i, raw := range raws {
		m := store.NewMessage{Body: bytes.NewReader(raw), Size: int64(len(raw))}
		m.Received = time.Date(2002, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(r.IntN(300*24)) * time.Hour)
		m.Flags = imap.Flags(r.IntN(32))
		m.Keywords = [][]string{nil, {"work"}, {"$Junk", "home"}, {"Home", "work"}}[r.IntN(4)]
		if i%3 == 0 {
			m.Prefix = []byte("Return-Path: <prefixed@example.org>\r\n")
		}
		msgs = append(msgs, m)
		n := newNaiveMessage(t, append(m.Prefix[:len(m.Prefix):len(m.Prefix)], raw...))
		n.keywords = m.Keywords
		naive = append(naive, n)
	}
	box := newSearchBox(t, msgs)
	for seq, e := range box.view.All(1) {
		naive[seq-1].seq, naive[seq-1].entry = seq, e
	}
	some, none := 0, 0
	for range 500 {
		c := randomCriteria(r, naive, 2)
		var want []imap.SeqNum
		for i := range naive {
			if naiveMatch(&naive[i], &c) {
				want = append(want, naive[i].seq)
			}
		}
		if got := box.search(t, c); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%+v:\ngot  %v\nwant %v", c, got, want)
		}
		if len(want) > 0 && len(want) < len(naive) {
			some++
		} else {
			none++
		}
	}
	if some < none/2 {
		t.Errorf("only %d of the criteria told messages apart", some)
	}
}

func BenchmarkSearchRareWord(b *testing.B) {
	raws := searchCorpus(b)
	var msgs []store.NewMessage
	var total int64
	for i := range 10_000 {
		raw := raws[i%len(raws)]
		msgs = append(msgs, store.NewMessage{Body: bytes.NewReader(raw), Size: int64(len(raw))})
		total += int64(len(raw))
	}
	box := newSearchBox(b, msgs)
	for _, bc := range []struct {
		name string
		c    store.Criteria
	}{
		{"unseen", store.Criteria{NotFlags: imap.FlagSeen}},
		{"from", store.Criteria{Header: []store.HeaderCriterion{{Name: "From", Value: "xylophonist"}}}},
		{"body", store.Criteria{Body: []string{"xylophonist"}}},
		{"text", store.Criteria{Text: []string{"xylophonist"}}},
	} {
		b.Run(bc.name, func(b *testing.B) {
			b.ReportAllocs()
			if bc.c.Body != nil || bc.c.Text != nil {
				b.SetBytes(total)
			}
			for b.Loop() {
				box.search(b, bc.c)
			}
		})
	}
}

// searchCorpus returns real messages and broken ones, the latter also with the line ends they were
// found with.
func searchCorpus(t testing.TB) [][]byte {
	t.Helper()
	var raws [][]byte
	for _, m := range corpus.Messages(t) {
		raws = append(raws, m.CRLF())
	}
	for _, m := range corpus.Torture(t) {
		raws = append(raws, m.Data)
	}
	return raws
}
