// Package mail makes the messages of a load run. They look like real mail in what costs a server
// work: sizes, MIME structures, header fields, threads, encoded names, words that repeat as words of a
// language do. Message i of a seed is always the same bytes, and says itself what it must contain,
// so that a copy of it can be checked wherever it comes from.
package mail

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"time"
)

// Options say what messages are made. The zero value is of use.
type Options struct {
	Seed uint64

	// Size is the size of all messages in bytes, approximately. With 0 sizes are as in real
	// mailboxes: a median of 8 KB, and one in 33 of some 200 KB with an attachment.
	Size int

	// Span is the number of messages over which the dates of two years are spread. With 0 it is
	// 10,000.
	Span int

	To   string // Recipient in the header. Empty is one of the generator's.
	From string // Sender in the header. Empty is one of many.
}

// Generator makes messages. It can be used by several goroutines.
type Generator struct {
	opts  Options
	words []string
}

// The words that searches look for.
const (
	// RareWord stands in the body of every RareEvery'th message, and nowhere else.
	RareWord  = "zephyranthes"
	RareEvery = 500

	SearchedSender  = "smith"   // One of the family names.
	SearchedSubject = "invoice" // A word that is neither frequent nor rare.
)

// epoch is the date of message 0.
var epoch = time.Date(2024, 11, 1, 7, 30, 0, 0, time.UTC)

const dateRange = 2 * 365 * 24 * time.Hour

// SearchedSince is a date that a quarter of the messages have or are later than.
var SearchedSince = time.Date(2026, 5, 3, 0, 0, 0, 0, time.UTC)

// New returns a generator.
func New(opts Options) *Generator {
	if opts.Span <= 0 {
		opts.Span = 10_000
	}
	if opts.To == "" {
		opts.To = "user@load.example"
	}
	return &Generator{opts, vocabulary()}
}

// Streams of random numbers of one message, so that a part of it can be made without the others.
const (
	forSummary = iota + 1
	forThread
	forContent
)

func (g *Generator) random(i int, stream uint64) *rand.Rand {
	return rand.New(rand.NewPCG(g.opts.Seed<<3|stream, uint64(i)))
}

// Summary is what a list of messages shows.
type Summary struct {
	ID        string // Of the message, without angle brackets.
	Name      string // Of the sender. Empty if the sender was given.
	Sender    string // Address.
	Subject   string
	Date      time.Time
	Ancestors []string // IDs of the messages before it in its thread, the oldest first.
	Rare      bool     // RareWord is in its body.
}

// Matches tells whether a case-insensitive search for text in From finds the message.
func (s *Summary) Matches(text string) bool {
	return strings.Contains(strings.ToLower(s.Name+" <"+s.Sender+">"), text)
}

func (g *Generator) id(i int) string { return fmt.Sprintf("load-%d-%d@load.example", g.opts.Seed, i) }

// Date returns the Date field of message i, in UTC; APPEND is to be given the same.
func (g *Generator) Date(i int) time.Time {
	return epoch.Add(dateRange / time.Duration(g.opts.Span) * time.Duration(i)).Truncate(time.Second)
}

// parent returns the message that message i answers.
func (g *Generator) parent(i int) (int, bool) {
	r := g.random(i, forThread)
	if i == 0 || r.IntN(100) >= 40 {
		return 0, false
	}
	return max(0, i-1-r.IntN(40)), true
}

// maxAncestors bounds the References field.
const maxAncestors = 12

// thread returns the message that began the thread of message i, and the IDs in between, the oldest
// first.
func (g *Generator) thread(i int) (root int, ancestors []string) {
	for len(ancestors) < maxAncestors {
		p, ok := g.parent(i)
		if !ok {
			break
		}
		ancestors = append([]string{g.id(p)}, ancestors...)
		i = p
	}
	return i, ancestors
}

// Summary returns what message i says in its header.
func (g *Generator) Summary(i int) Summary {
	root, ancestors := g.thread(i)
	r := g.random(i, forSummary)
	s := Summary{ID: g.id(i), Sender: g.opts.From, Date: g.Date(i), Ancestors: ancestors, Rare: i%RareEvery == 0}
	if s.Sender == "" {
		s.Name, s.Sender = person(r)
	}
	s.Subject = g.subject(root)
	if len(ancestors) > 0 {
		s.Subject = "Re: " + s.Subject
	}
	return s
}

func (g *Generator) subject(i int) string {
	r := g.random(i, forSummary)
	r.Uint64() // Not what decides on the sender.
	w := writer{r: r, zipf: zipf(r, len(g.words)), words: g.words}
	subject := w.phrase(3 + r.IntN(6))
	switch r.IntN(20) {
	case 0:
		subject += " – Übersicht für den Mai"
	case 1:
		subject += " 会議の予定"
	}
	return subject
}

// size draws the size of a message: log-normal, with a tail of large ones.
func (g *Generator) size(r *rand.Rand) int {
	if g.opts.Size > 0 {
		return g.opts.Size
	}
	if r.IntN(33) == 0 {
		return 170_000 + r.IntN(70_000)
	}
	return min(max(int(8000*math.Exp(0.95*r.NormFloat64())), 1000), 150_000)
}

// Message returns message i, with CRLF line ends, lines of less than 998 bytes and ASCII only. The
// caller owns it.
func (g *Generator) Message(i int) []byte {
	r := g.random(i, forContent)
	s := g.Summary(i)
	size := g.size(r)
	w := writer{r: r, zipf: zipf(r, len(g.words)), words: g.words}
	w.b.Grow(size + 4096)
	w.header(&s, g.opts.To)
	kind := w.content(&s, size)

	trace := w.trace(s.Date, g.opts.To)
	rest := w.b.Bytes()
	sum := sha256.Sum256(rest)
	msg := make([]byte, 0, len(trace)+len(rest)+200)
	msg = append(msg, trace...)
	msg = fmt.Appendf(msg, "%s: %s\r\n %s %d\r\n %s\r\n", markField, s.ID, kind, len(rest), hex.EncodeToString(sum[:]))
	return append(msg, rest...)
}

// Batch makes messages from first on, with all processors.
func (g *Generator) Batch(first, n int) [][]byte {
	msgs := make([][]byte, n)
	workers := runtime.GOMAXPROCS(0)
	var wg sync.WaitGroup
	for k := range workers {
		wg.Go(func() {
			for i := k; i < n; i += workers {
				msgs[i] = g.Message(first + i)
			}
		})
	}
	wg.Wait()
	return msgs
}
