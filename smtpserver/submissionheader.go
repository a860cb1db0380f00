package smtpserver

import (
	"bytes"
	"io"
	"net/mail"
	"strings"
	"time"
	"unicode/utf8"

	"mox/message"
)

// submissionHeader takes fields out of the header of a submitted message: private ones, and the Date and
// Message-ID that do not conform, in whose place the server adds good ones (RFC 6409 §8.2, §8.3;
// RFC 5321 §6.4 lets only the server of its author repair a message).
type submissionHeader struct {
	headerFilter

	hasDate      bool // A good one was let through.
	hasMessageID bool

	// date is what a field that was taken out for its form said, zero if that was nothing.
	date time.Time
}

// maxSubmittedField is more than a good Date or Message-ID can have, in bytes.
const maxSubmittedField = 1500

// newSubmissionHeader returns a filter before w.
func newSubmissionHeader(w io.Writer) *submissionHeader {
	h := &submissionHeader{}
	h.headerFilter = headerFilter{w: w, fateOf: fateOfSubmitted, keep: h.isGood, maxHeld: maxSubmittedField}
	return h
}

// fateOfSubmitted tells what becomes of a field by its name. Private are the hidden recipients (RFC 5322 §3.6.3),
// and Return-Path, which only final delivery may add (RFC 5321 §4.4).
func fateOfSubmitted(name []byte) fate {
	is := func(s string) bool { return len(name) == len(s) && bytes.EqualFold(name, []byte(s)) }
	switch {
	case is("Bcc"), is("Resent-Bcc"), is("Return-Path"):
		return drop
	case is("Date"), is("Message-ID"):
		return hold
	}
	return pass
}

// isGood tells whether a field that was held conforms, and notes what it is.
func (h *submissionHeader) isGood(field []byte) bool {
	name, value, _ := bytes.Cut(field, []byte(":"))
	text := strings.TrimSpace(strings.NewReplacer("\r", "", "\n", "").Replace(string(value)))
	good := len(field) <= maxSubmittedField
	if name[0]|0x20 == 'm' {
		good = good && !h.hasMessageID && isMessageID(text)
		h.hasMessageID = h.hasMessageID || good
		return good
	}
	// All of RFC 5322 §3.3, and of the obsolete syntax of §4.3.
	_, err := mail.ParseDate(text)
	if good = good && !h.hasDate && err == nil; good {
		h.hasDate = true
	} else if t, ok := message.ParseDate(text); ok && h.date.IsZero() {
		h.date = t
	}
	return good
}

// isMessageID tells whether s can serve as a message id (RFC 5322 §3.6.4). It is no stricter than needed: to
// replace an id parts the message from the copy that its sender keeps, and clients make ids that are not
// dot-atoms, such as with two dots.
func isMessageID(s string) bool {
	s, ok := strings.CutPrefix(s, "<")
	id, comment, ended := strings.Cut(s, ">")
	comment = strings.TrimSpace(comment)
	left, right, parts := strings.Cut(id, "@")
	if !ok || !ended || !parts || left == "" || right == "" || !utf8.ValidString(id) {
		return false
	}
	if comment != "" && (comment[0] != '(' || comment[len(comment)-1] != ')') {
		return false
	}
	return !strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r == '<' || r >= 0x7f && r < 0xa0 })
}
