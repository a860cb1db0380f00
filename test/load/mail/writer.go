package mail

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"mime"
	"mime/quotedprintable"
	"strings"
	"time"
)

// writer builds one message.
type writer struct {
	b     bytes.Buffer
	r     *rand.Rand
	zipf  *rand.Zipf
	words []string
}

func (w *writer) word() string { return w.words[w.zipf.Uint64()] }

func (w *writer) phrase(n int) string {
	l := make([]string, n)
	for i := range l {
		l[i] = w.word()
	}
	return strings.Join(l, " ")
}

func (w *writer) field(name, format string, args ...any) {
	fmt.Fprintf(&w.b, name+": "+format+"\r\n", args...)
}

// encoded returns text as encoded words where it is not ASCII (RFC 2047), folded.
func encoded(s string) string {
	return strings.ReplaceAll(mime.BEncoding.Encode("utf-8", s), "?= =?", "?=\r\n =?")
}

// address returns an address with its name.
func address(name, addr string) string {
	if name == "" {
		return "<" + addr + ">"
	}
	return encoded(name) + " <" + addr + ">"
}

// trace returns the fields of the servers that the message came by.
func (w *writer) trace(date time.Time, to string) []byte {
	var b []byte
	for hop := range 1 + w.r.IntN(4) {
		n := w.r.IntN(250)
		b = fmt.Appendf(b, "Received: from out%d.load.example (out%d.load.example [192.0.2.%d])\r\n\tby in%d.load.example with ESMTPS id %012x\r\n\tfor <%s>; %s\r\n",
			n, n, n, hop, w.r.Uint64()>>16, to, date.Format(time.RFC1123Z))
	}
	return b
}

// header writes the fields above those of the content.
func (w *writer) header(s *Summary, to string) {
	if w.r.IntN(2) == 0 {
		w.signature()
	}
	w.field("From", "%s", address(s.Name, s.Sender))
	w.field("To", "<%s>", to)
	if w.r.IntN(4) == 0 {
		w.people("Cc", 1+w.r.IntN(8))
	}
	if w.r.IntN(10) == 0 {
		w.people("Reply-To", 1)
	}
	w.field("Subject", "%s", encoded(s.Subject))
	w.field("Date", "%s", s.Date.Format(time.RFC1123Z))
	w.field("Message-ID", "<%s>", s.ID)
	if n := len(s.Ancestors); n > 0 {
		w.field("In-Reply-To", "<%s>", s.Ancestors[n-1])
		w.field("References", "<%s>", strings.Join(s.Ancestors, ">\r\n <"))
	}
	switch w.r.IntN(6) {
	case 0:
		list := w.r.IntN(30)
		w.field("List-Id", "List %d <list%d.lists.example>", list, list)
		w.field("List-Unsubscribe", "<https://lists.example/%d/leave?%016x>", list, w.r.Uint64())
		w.field("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
		w.field("Precedence", "bulk")
	case 1, 2:
		w.field("User-Agent", "Reader/%d.%d", w.r.IntN(9), w.r.IntN(20))
	case 3:
		w.field("X-Mailer", "Sender %d", 10+w.r.IntN(9))
		w.field("X-Priority", "%d", 1+w.r.IntN(5))
	}
	w.field("MIME-Version", "1.0")
}

// signature writes a field with the looks of a DKIM signature.
func (w *writer) signature() {
	var random [256]byte
	for i := range random {
		random[i] = byte(w.r.Uint32())
	}
	b := base64.StdEncoding.EncodeToString(random[:])
	w.field("DKIM-Signature", "v=1; a=rsa-sha256; c=relaxed/relaxed; d=load.example; s=2026;\r\n\th=from:to:subject:date:message-id;\r\n\tbh=%s;\r\n\tb=%s", b[:44], strings.Join(pieces(b[44:], 70), "\r\n\t "))
}

func pieces(s string, n int) []string {
	var l []string
	for len(s) > n {
		l = append(l, s[:n])
		s = s[n:]
	}
	return append(l, s)
}

func (w *writer) people(name string, n int) {
	l := make([]string, n)
	for i := range l {
		l[i] = address(person(w.r))
	}
	w.field(name, "%s", strings.Join(l, ",\r\n\t"))
}

// content writes the content, so that the message has about a size, and returns its media type.
func (w *writer) content(s *Summary, size int) string {
	left := func() int { return max(size-w.b.Len(), 0) }
	switch kind := w.r.IntN(100); {
	case left() > 60_000, left() > 6000 && kind < 20:
		w.mixed(s, left)
		return "multipart/mixed"
	case left() > 1800 && kind < 60:
		w.alternative(s, left())
		return "multipart/alternative"
	case left() > 1800 && kind < 70:
		w.field("Content-Type", "text/html; charset=utf-8")
		w.field("Content-Transfer-Encoding", "quoted-printable")
		w.b.WriteString("\r\n")
		w.html(s, left())
		return "text/html"
	default:
		w.field("Content-Type", "text/plain; charset=us-ascii")
		w.b.WriteString("\r\n")
		w.text(s, left())
		return "text/plain"
	}
}

// rare writes the line with the word that a search looks for.
func (w *writer) rare(s *Summary) {
	if s.Rare {
		w.b.WriteString("In bloom since May: " + RareWord + " of all sorts.\r\n")
	}
}

// text writes about n bytes of plain text.
func (w *writer) text(s *Summary, n int) {
	end := w.b.Len() + n
	w.rare(s)
	for column := 0; ; {
		word := w.word()
		if column > 0 && column+1+len(word) > 74 {
			w.b.WriteString("\r\n")
			column = 0
			if w.r.IntN(7) == 0 {
				w.b.WriteString("\r\n")
			}
			if w.b.Len() >= end {
				return
			}
		}
		if column > 0 {
			w.b.WriteByte(' ')
			column++
		}
		w.b.WriteString(word)
		column += len(word)
		if w.b.Len() >= end {
			w.b.WriteString("\r\n")
			return
		}
	}
}

// html writes about n bytes of HTML in quoted-printable.
func (w *writer) html(s *Summary, n int) {
	end := w.b.Len() + n
	w.rare(s)
	qp := quotedprintable.NewWriter(&w.b)
	fmt.Fprintf(qp, "<!DOCTYPE html>\r\n<html><head><meta charset=\"utf-8\"><title>%s</title></head><body>\r\n", w.phrase(3))
	for w.b.Len() < end {
		fmt.Fprintf(qp, "<p style=\"color:#%06x\">%s <a href=\"https://load.example/%x?p=%x\">%s</a> für %s</p>\r\n",
			w.r.IntN(1<<24), w.phrase(8+w.r.IntN(30)), w.r.Uint32(), w.r.Uint32(), w.phrase(2), w.phrase(3))
	}
	fmt.Fprintf(qp, "</body></html>\r\n")
	qp.Close()
}

func (w *writer) boundary() string { return fmt.Sprintf("----part_%016x", w.r.Uint64()) }

// multipart begins a multipart and returns the line before each part.
func (w *writer) multipart(subtype string) string {
	b := w.boundary()
	w.field("Content-Type", "multipart/%s;\r\n boundary=\"%s\"", subtype, b)
	return "\r\n--" + b
}

func (w *writer) alternative(s *Summary, n int) {
	line := w.multipart("alternative")
	w.b.WriteString(line + "\r\n")
	w.field("Content-Type", "text/plain; charset=us-ascii")
	w.b.WriteString("\r\n")
	w.text(s, n/3)
	w.b.WriteString(line + "\r\n")
	w.field("Content-Type", "text/html; charset=utf-8")
	w.field("Content-Transfer-Encoding", "quoted-printable")
	w.b.WriteString("\r\n")
	w.html(s, max(n*2/3-400, 100))
	w.b.WriteString(line + "--\r\n")
}

// mixed writes a text and an attachment that fills what is left.
func (w *writer) mixed(s *Summary, left func() int) {
	line := w.multipart("mixed")
	w.b.WriteString(line + "\r\n")
	w.alternative(s, 2500)
	w.b.WriteString(line + "\r\n")
	name := w.word()
	w.field("Content-Type", "%s; name=\"%s\"", []string{"application/pdf", "image/jpeg", "application/zip"}[w.r.IntN(3)], name)
	w.field("Content-Disposition", "attachment; filename=\"%s\"", name)
	w.field("Content-Transfer-Encoding", "base64")
	w.b.WriteString("\r\n")
	var raw [57]byte
	var encoded [76]byte
	for left() > 0 {
		for i := 0; i+8 <= len(raw)+7; i += 8 {
			v := w.r.Uint64()
			for j := i; j < min(i+8, len(raw)); j++ {
				raw[j] = byte(v)
				v >>= 8
			}
		}
		base64.StdEncoding.Encode(encoded[:], raw[:])
		w.b.Write(encoded[:])
		w.b.WriteString("\r\n")
	}
	w.b.WriteString(line + "--\r\n")
}
