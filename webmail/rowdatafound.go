package webmail

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"mox/message"
	"mox/store"
)

const (
	foundTime  = 100 * time.Millisecond // For all rows of an event.
	foundText  = 256 << 10              // Bytes of text of a message that are looked at.
	foundParts = 5                      // Texts of it.
	foundMost  = 160                    // Bytes that are shown.
)

// find sets Row.Found of rows that do not show anything of what was searched for.
func (m *rowMaker) find(ctx context.Context, rows []Row, l []rowMail) error {
	if len(m.v.parsed.mark) == 0 {
		return nil
	}
	words := make([]string, len(m.v.parsed.mark))
	for i, w := range m.v.parsed.mark {
		words[i] = strings.ToLower(w)
	}
	until := time.Now().Add(foundTime)
	for i := range rows {
		r := &rows[i]
		if l[i].head.box == nil || showsAny(r, words) || time.Now().After(until) {
			continue
		}
		text, err := m.s.textAround(ctx, l[i].head.Email, words)
		if errors.Is(err, context.Canceled) {
			return err
		} else if err == nil { // A message that cannot be read has nothing.
			r.Found = text
		}
	}
	return nil
}

// showsAny tells whether a row shows one of some words.
func showsAny(r *Row, words []string) bool {
	shown := strings.ToLower(r.Subject + "\n" + r.Snippet)
	for _, p := range r.People {
		shown += "\n" + strings.ToLower(p.Name) + "\n" + strings.ToLower(p.Address)
	}
	for _, w := range words {
		if strings.Contains(shown, w) {
			return true
		}
	}
	return false
}

// textAround returns the text of an email around the first of some words, empty if it has none.
func (s *stream) textAround(ctx context.Context, id store.EmailID, words []string) (string, error) {
	var root *message.Part
	err := s.acc.Emails(ctx, s.actor, []store.EmailID{id}, func(_ int, e *store.Email) (err error) {
		if e != nil {
			root, err = e.Part()
		}
		return err
	})
	if err != nil || root == nil {
		return "", err
	}
	c, err := s.acc.Open(ctx, s.actor, id)
	if err != nil {
		return "", err
	}
	defer c.Close()
	found, left := "", foundParts
	root.Walk(func(p *message.Part) bool {
		if !p.IsText() || p.IsAttachment() {
			return true
		}
		b, err := io.ReadAll(io.LimitReader(p.TextReader(c), foundText))
		if err != nil {
			return true
		}
		text := string(b)
		if p.Subtype == "html" {
			text = s.srv.streams.html.ToText(text)
		}
		found = around(text, words)
		left--
		return found == "" && left > 0
	})
	return found, nil
}

// around returns a piece of a text with the first of some words in lower case.
func around(text string, words []string) string {
	text = strings.Join(strings.Fields(text), " ")
	lower := strings.ToLower(text)
	at := -1
	for _, w := range words {
		if i := strings.Index(lower, strings.Join(strings.Fields(w), " ")); i >= 0 && (at < 0 || i < at) {
			at = i
		}
	}
	if at < 0 || len(lower) != len(text) { // Lower case of other length: positions do not tell where.
		if at < 0 {
			return ""
		}
		text = lower
	}
	first, last := max(0, at-foundMost/3), min(len(text), at+2*foundMost/3)
	for first > 0 && !unicode.IsSpace(rune(text[first-1])) && at-first < foundMost/2 {
		first--
	}
	for first < at && !utf8.RuneStart(text[first]) {
		first++
	}
	for last < len(text) && !utf8.RuneStart(text[last]) {
		last++
	}
	piece := text[first:last]
	if first > 0 {
		piece = "…" + piece
	}
	if last < len(text) {
		piece += "…"
	}
	return piece
}
