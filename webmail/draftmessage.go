package webmail

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"strings"
	"time"

	"mox/dns"
	"mox/message"
	"mox/message/htmlmail"
	"mox/pipeline"
	"mox/smtp"
	"mox/store"
)

// draftField is the field of a saved draft with what is not part of the message: draftExtra in JSON and base64.
const draftField = "X-Mox-Draft"

// draftExtra is what a draft has besides its message.
type draftExtra struct {
	Related    []string      `json:",omitempty"`
	Forward    bool          `json:",omitempty"`
	RequireTLS TLSChoice     `json:",omitempty"` // TLSRequired, or none: TLSOptional is a field of the message.
	SendAt     int64         `json:",omitempty"`
	Typed      []typedPerson `json:",omitempty"`
}

// typedPerson is what was typed in the place of an address and is none, so that no header can have it.
type typedPerson struct {
	Field string
	At    int // In the list.
	Person
}

// recipientList is one of the lists of addresses of a draft.
type recipientList struct {
	field  string
	people *[]Person
}

// recipients returns the lists of addresses of a draft.
func (d *Draft) recipients() []recipientList {
	return []recipientList{{"Reply-To", &d.ReplyTo}, {"To", &d.To}, {"Cc", &d.Cc}, {"Bcc", &d.Bcc}}
}

// Bounds of drafts.
const (
	maxDraftText  = longText - 1<<10 // Bytes of each form of the text, so that all of it can be read again.
	maxAttached   = 500
	spoolInMemory = 1 << 20
)

// writing is a draft that becomes a message.
type writing struct {
	s     *Server
	d     Draft
	date  time.Time
	draft bool // To be kept, not to be sent: it has Bcc and what only a composer needs.

	messageID string
	utf8      bool // An address needs RFC 6531.
}

// write returns the message of a draft. The caller must Close it.
func (s *Server) write(ctx context.Context, acc *store.Account, actor store.Actor, d Draft, date time.Time, draft bool) (_ *pipeline.Spool, _ *writing, rerr error) {
	w := &writing{s: s, d: d, date: date, draft: draft}
	if err := w.check(); err != nil {
		return nil, nil, err
	}
	f := s.newFiles(ctx, acc, actor)
	defer f.close()
	body, err := w.body(f)
	if err != nil {
		return nil, nil, err
	}
	composer := message.NewComposer(message.ComposeOptions{Host: w.host(), Now: s.now, UTF8: w.utf8})
	if w.messageID, err = composer.NewMessageID(); err != nil {
		return nil, nil, err
	}
	spool := pipeline.NewSpool(s.opts.SpoolDir, spoolInMemory)
	defer func() {
		if rerr != nil {
			spool.Close()
		}
	}()
	max := maxMessageSize(s.opts.Config())
	limited := &limitWriter{w: spool, left: max, max: max}
	if err := composer.Write(limited, w.header(composer.NewHeader()), body); err != nil {
		return nil, nil, err
	}
	return spool, w, spool.Finish()
}

// host returns the right side of the message id: the domain of the sender, as others do.
func (w *writing) host() string {
	if a, err := smtp.ParseAddress(w.d.From.Address); err == nil {
		return a.Domain.ASCII
	}
	return w.s.opts.Config().Hostname.ASCII
}

func errTooLong() error { return errUser(codeLimit, "The text is longer than %d MB.", longText>>20) }

// check returns an error for a draft that cannot be a message.
func (w *writing) check() error {
	d := &w.d
	if len(d.HTML) > maxDraftText || len(d.Text) > maxDraftText {
		return errTooLong()
	}
	if len(d.Attachments) > maxAttached {
		return errUser(codeLimit, "There are more than %d files.", maxAttached)
	}
	for _, l := range [][]Person{{d.From}, d.To, d.Cc, d.Bcc, d.ReplyTo} {
		if len(l) > maxRecipients {
			return errUser(codeLimit, "There are more than %d recipients.", maxRecipients)
		}
		for _, p := range l {
			if a, err := smtp.ParseAddress(p.Address); err == nil && a.Localpart.IsInternational() {
				w.utf8 = true
			}
		}
	}
	return nil
}

// header writes the header.
func (w *writing) header(h *message.HeaderWriter) *message.HeaderWriter {
	d := &w.d
	h.Addresses("From", w.addresses([]Person{d.From}))
	h.Addresses("Reply-To", w.addresses(d.ReplyTo))
	h.Addresses("To", w.addresses(d.To))
	h.Addresses("Cc", w.addresses(d.Cc))
	if w.draft {
		h.Addresses("Bcc", w.addresses(d.Bcc))
	}
	h.Text("Subject", d.Subject)
	h.Date("Date", w.date)
	h.MessageIDs("Message-ID", w.messageID)
	if d.InReplyTo != "" {
		h.MessageIDs("In-Reply-To", d.InReplyTo)
	}
	h.MessageIDs("References", d.References...)
	switch d.Priority {
	case "high":
		h.Structured("Importance", "high")
		h.Structured("X-Priority", "1")
	case "low":
		h.Structured("Importance", "low")
		h.Structured("X-Priority", "5")
	}
	if d.Receipt {
		h.Addresses("Disposition-Notification-To", w.addresses([]Person{d.From})) // RFC 8098 §2.1
	}
	if d.RequireTLS == TLSOptional {
		h.Structured("TLS-Required", "No") // RFC 8689 §5
	}
	if w.draft {
		w.extra(h)
	}
	return h
}

// extra writes what a draft has besides its message.
func (w *writing) extra(h *message.HeaderWriter) {
	d := &w.d
	x := draftExtra{Related: d.Related, Forward: d.Forward, SendAt: d.SendAt}
	if d.RequireTLS == TLSRequired {
		x.RequireTLS = TLSRequired
	}
	keep := func(field string, l []Person) {
		for i, p := range l {
			if _, err := smtp.ParseAddress(p.Address); err != nil && p != (Person{}) {
				x.Typed = append(x.Typed, typedPerson{field, i, p})
			}
		}
	}
	keep("From", []Person{d.From})
	for _, l := range d.recipients() {
		keep(l.field, *l.people)
	}
	extra, err := json.Marshal(x)
	if err == nil {
		h.Structured(draftField, folded(base64.StdEncoding.EncodeToString(extra)))
	}
}

// folded puts spaces into a long word, at which a field can be folded.
func folded(s string) string {
	var b strings.Builder
	for len(s) > 64 {
		b.WriteString(s[:64] + " ")
		s = s[64:]
	}
	return b.String() + s
}

// addresses returns people for a header, without those that have no address.
func (w *writing) addresses(l []Person) []message.Address {
	var all []message.Address
	for _, p := range l {
		a, err := smtp.ParseAddress(p.Address)
		if err != nil {
			continue
		}
		host := a.Domain.ASCII
		if w.utf8 {
			host = a.Domain.Name()
		}
		all = append(all, message.Address{Name: p.Name, User: string(a.Localpart), Host: host})
	}
	return all
}

// body returns the body: text, the same in HTML with its images, and files.
func (w *writing) body(f *files) (*message.Body, error) {
	d := &w.d
	var inline, files []*message.Body
	for _, at := range d.Attachments {
		b, err := f.body(at)
		if err != nil {
			return nil, err
		}
		if at.inText() && d.Rich {
			inline = append(inline, b)
		} else {
			files = append(files, b)
		}
	}
	var text *message.Body
	if d.Rich {
		fragment, err := w.s.outgoing(d.HTML, d.Attachments, f.acc.ID())
		if err != nil {
			return nil, err
		}
		if len(fragment) > maxDraftText {
			return nil, errTooLong()
		}
		rich := message.HTMLBody("<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"></head><body>" + fragment + "</body></html>\n")
		if len(inline) > 0 {
			rich = message.Multipart("related", append([]*message.Body{rich}, inline...)...)
		}
		text = message.Multipart("alternative", flowed(w.s.reader.long.ToText(fragment)), rich)
	} else {
		text = flowed(d.Text)
		if w.draft {
			text = message.TextBody(strings.ToValidUTF8(d.Text, "\uFFFD")) // As it was typed: to make paragraphs of lines and back could change it.
		}
	}
	if len(files) == 0 {
		return text, nil
	}
	return message.Multipart("mixed", append([]*message.Body{text}, files...)...), nil
}

// flowed returns text with lines of a good length, that clients join again (RFC 3676).
func flowed(text string) *message.Body {
	b := message.TextBody(htmlmail.Flow(text, 0))
	b.Params = []message.Param{{Name: "format", Value: "flowed"}}
	return b
}

// limitWriter fails when more is written than a message may have.
type limitWriter struct {
	w         io.Writer
	left, max int64
}

func (l *limitWriter) Write(p []byte) (int, error) {
	if int64(len(p)) > l.left {
		return 0, errTooLarge(l.max)
	}
	l.left -= int64(len(p))
	return l.w.Write(p)
}

// recipientPath returns where mail for somebody goes.
func recipientPath(p Person) (smtp.Path, error) {
	a, err := smtp.ParseAddress(p.Address)
	if err != nil {
		return smtp.Path{}, errUser(codeBad, "%q is not an address.", p.Address)
	}
	if a.Domain == (dns.Domain{}) {
		return smtp.Path{}, errUser(codeBad, "%q has no domain.", p.Address)
	}
	return a.Path(), nil
}
