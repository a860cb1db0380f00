package mail

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"mox/message"
)

// The messages of a seed are the same on every machine and with every version of Go: otherwise
// figures taken at two times would be of different mail.
func TestMessagesStayTheSame(t *testing.T) {
	t.Parallel()
	h := sha256.New()
	for _, m := range New(Options{Seed: 7}).Batch(0, 200) {
		h.Write(m)
	}
	for _, m := range New(Options{Seed: 8, Size: 2048, To: "ann@load.example", From: "bob@load.example"}).Batch(100, 200) {
		h.Write(m)
	}
	const want = "2e91d9c98d2803d9d75cc3c92d0987262b2aec1194a443d9b52cb82b2b11c9f3"
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		t.Errorf("digest of the messages is %s, was %s", got, want)
	}
}

func TestSeedsDiffer(t *testing.T) {
	t.Parallel()
	a, b := New(Options{Seed: 1}), New(Options{Seed: 2})
	if bytes.Equal(a.Message(3), b.Message(3)) || bytes.Equal(a.Message(3), a.Message(4)) {
		t.Error("two messages are alike")
	}
}

func TestSizes(t *testing.T) {
	t.Parallel()
	var sizes []int
	large := 0
	for _, m := range New(Options{Seed: 1}).Batch(0, 1000) {
		sizes = append(sizes, len(m))
		if len(m) > 160_000 {
			large++
		}
	}
	slices.Sort(sizes)
	if median := sizes[len(sizes)/2]; median < 7500 || median > 9000 {
		t.Errorf("median is %d", median)
	}
	if large < 15 || large > 60 {
		t.Errorf("%d of 1000 messages are large", large)
	}
	for _, m := range New(Options{Seed: 1, Size: 2048}).Batch(0, 500) {
		if len(m) > 4000 {
			t.Errorf("message of size 2048 has %d bytes", len(m))
		}
	}
}

// What a message says in its header is what the summary says, and its structure is sound.
func TestMessagesParse(t *testing.T) {
	t.Parallel()
	g := New(Options{Seed: 3, Span: 600})
	types := map[string]int{}
	threads := 0
	for i, msg := range g.Batch(0, 600) {
		s := g.Summary(i)
		p := message.ParseBytes(msg)
		if p.Defects != 0 {
			t.Fatalf("message %d has defects %v\n%.2000s", i, p.Defects, msg)
		}
		mark, err := Check(msg)
		if err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
		if got := p.Type + "/" + p.Subtype; got != mark.Type {
			t.Errorf("message %d is %s, says %s", i, got, mark.Type)
		}
		types[mark.Type]++
		if mark.ID != s.ID {
			t.Errorf("message %d has id %s, want %s", i, mark.ID, s.ID)
		}
		e := p.Envelope
		if e.Subject != s.Subject || e.MessageID != s.ID {
			t.Errorf("message %d has subject %q and id %s, want %q and %s", i, e.Subject, e.MessageID, s.Subject, s.ID)
		}
		if len(e.References) != len(s.Ancestors) || len(e.InReplyTo) != min(1, len(s.Ancestors)) {
			t.Errorf("message %d refers to %v and answers %v, want %v", i, e.References, e.InReplyTo, s.Ancestors)
		}
		if from := e.From[0]; from.Name != s.Name || from.Addr() != s.Sender {
			t.Errorf("message %d is from %v, want %s, %s", i, from, s.Name, s.Sender)
		}
		if !e.Date.Equal(s.Date) {
			t.Errorf("message %d has date %v, want %v", i, e.Date, s.Date)
		}
		if len(s.Ancestors) > 0 {
			threads++
		}
		if has := bytes.Contains(msg, []byte(RareWord)); has != s.Rare || s.Rare != (i%RareEvery == 0) {
			t.Errorf("message %d has the rare word: %v", i, has)
		}
		for line := range bytes.Lines(msg) {
			if !bytes.HasSuffix(line, []byte("\r\n")) || len(line) > 1000 || slices.ContainsFunc(line, func(c byte) bool { return c >= 0x80 }) {
				t.Fatalf("message %d has line %q", i, line)
			}
		}
	}
	for _, typ := range []string{"text/plain", "text/html", "multipart/alternative", "multipart/mixed"} {
		if types[typ] == 0 {
			t.Errorf("no message is %s", typ)
		}
	}
	if threads < 100 {
		t.Errorf("%d of 600 messages answer another", threads)
	}
}

// Searches must have something to find, and something not to.
func TestSearchedMessages(t *testing.T) {
	t.Parallel()
	g := New(Options{Seed: 4, Span: 2000})
	counts := map[string]int{}
	for i := range 2000 {
		s := g.Summary(i)
		if s.Matches(SearchedSender) {
			counts["sender"]++
		}
		if strings.Contains(s.Subject, SearchedSubject) {
			counts["subject"]++
		}
		if !s.Date.Before(SearchedSince) {
			counts["since"]++
		}
	}
	for _, name := range []string{"sender", "subject", "since"} {
		if counts[name] < 10 || counts[name] > 800 {
			t.Errorf("%d of 2000 messages match %s", counts[name], name)
		}
	}
}

func TestCheckFindsDamage(t *testing.T) {
	t.Parallel()
	msg := New(Options{Seed: 5}).Message(0)
	if _, err := Check(append([]byte("Return-Path: <a@load.example>\r\n"), msg...)); err != nil {
		t.Errorf("with a field put before it: %v", err)
	}
	changed := bytes.Clone(msg)
	changed[len(changed)-10] ^= 1
	for name, damaged := range map[string][]byte{
		"cut off":       msg[:len(msg)-1],
		"longer":        append(bytes.Clone(msg), "\r\n"...),
		"other byte":    changed,
		"other subject": bytes.Replace(msg, []byte("\r\nSubject: "), []byte("\r\nSubject: x"), 1),
		"no mark":       []byte("Subject: hello\r\n\r\nworld\r\n"),
		"only a mark":   []byte(fmt.Sprintf("%s: x\r\n", markField)),
		"empty":         nil,
	} {
		if _, err := Check(damaged); !errors.Is(err, ErrContent) {
			t.Errorf("%s: got error %v", name, err)
		}
	}
}
