package dsn

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"time"

	"mox/message"
	"mox/smtp"
)

// Composed tells about a notification that was written.
type Composed struct {
	MessageID string // Without angle brackets.
	SMTPUTF8  bool   // It needs SMTPUTF8 (RFC 6531).
	EightBit  bool   // It needs 8BITMIME (RFC 6152).
}

// ErrNoRecipient is returned for a notification that tells of no recipient, or has nobody to tell it
// to.
var ErrNoRecipient = errors.New("dsn: no recipient")

// Compose writes a notification with CRLF line ends. The host for its message id, the clock and the random
// source are those of opts; opts.EightBit says that the way back takes 8BITMIME, opts.UTF8 is
// set from m. It returns an error of w, of the original, or ErrNoRecipient.
//
// The notification must be sent with the null reverse-path to m.To.
func Compose(w io.Writer, m *Message, opts message.ComposeOptions) (Composed, error) {
	if len(m.Recipients) == 0 || m.To.IsZero() {
		return Composed{}, ErrNoRecipient
	}
	utf8 := m.SMTPUTF8 || m.To.IsInternational() || m.From.Localpart.IsInternational()
	opts.UTF8 = utf8
	if utf8 {
		opts.EightBit = true // RFC 6531 §3.1 requires it of the server.
	}
	c := composition{Message: m, composer: message.NewComposer(opts), utf8: utf8}
	result := Composed{MessageID: m.ID, SMTPUTF8: utf8, EightBit: utf8 || opts.EightBit}
	if result.MessageID == "" {
		id, err := c.composer.NewMessageID()
		if err != nil {
			return Composed{}, err
		}
		result.MessageID = id
	}
	c.original = originalEnvelope(m.Original.Header)
	c.whole = m.Original.Message != nil && m.Original.Size <= MaxOriginal && m.Has(Failed)

	body, eightBit := c.body()
	result.EightBit = result.EightBit || eightBit
	err := c.composer.Write(w, c.header(result.MessageID), body)
	return result, err
}

// composition is a notification being written.
type composition struct {
	*Message
	composer *message.Composer
	utf8     bool
	original *message.Envelope
	whole    bool // The whole original is returned.
}

// originalEnvelope reads what is needed of the original's header.
func originalEnvelope(header []byte) *message.Envelope {
	return message.ParseBytes(header).Envelope
}

func (c *composition) header(id string) *message.HeaderWriter {
	h := c.composer.NewHeader()
	date := c.Date
	if date.IsZero() {
		date = c.composer.Now()
	}
	subject := c.Subject
	if subject == "" {
		subject = c.subject()
	}
	h.Addresses("From", []message.Address{{Name: "Mail Delivery System", User: string(c.From.Localpart), Host: c.From.Domain.XName(c.utf8)}})
	h.Addresses("To", []message.Address{{User: string(c.To.Localpart), Host: c.To.IPDomain.XString(c.utf8)}})
	h.Date("Date", date)
	h.Text("Subject", subject)
	h.MessageIDs("Message-ID", id)
	if original := c.original.MessageID; original != "" {
		h.MessageIDs("In-Reply-To", original)
		h.MessageIDs("References", append(threadReferences(c.original.References, original), original)...)
	}
	h.Structured("Auto-Submitted", "auto-replied") // RFC 3834 §3.1.7
	return h
}

// maxReferences is how many ids of the thread are written.
const maxReferences = 20

// threadReferences returns the references of the original that are written: the first, where the thread
// began, and the last, without the original itself.
func threadReferences(references []string, original string) []string {
	var l []string
	for _, id := range references {
		if id != original {
			l = append(l, id)
		}
	}
	if len(l) > maxReferences {
		l = append(l[:1:1], l[len(l)-maxReferences+1:]...)
	}
	return l
}

// subject returns the subject of the original with a mark in brackets, which does not belong to its base
// subject (RFC 5256 §2.1), so that the notification stays in the thread.
func (c *composition) subject() string {
	label := "Delivery report"
	for _, s := range sections {
		if c.Has(s.action) {
			label = s.label
			break
		}
	}
	return strings.TrimSpace("[" + label + "] " + c.original.Subject)
}

// body returns the report, and whether it holds a part that must be sent in 8bit.
func (c *composition) body() (body *message.Body, eightBit bool) {
	text := c.Text
	if text == "" {
		text = c.text(c.original, c.whole)
	}
	text = strings.ToValidUTF8(text, "\ufffd")
	status := &message.Body{Type: "message/delivery-status", Text: c.deliveryStatus()}
	if c.utf8 && !isASCII(status.Text) {
		status.Type = "message/global-delivery-status"
	}
	parts := []*message.Body{message.TextBody(text), status}
	if original := c.originalBody(); original != nil {
		parts = append(parts, original)
		eightBit = original.EightBit && original.Type != "message/global"
	}
	body = message.Multipart("report", parts...)
	body.Params = []message.Param{{Name: "report-type", Value: "delivery-status"}}
	return body, eightBit
}

// originalBody returns the part with the original message or its header, nil if there is neither.
func (c *composition) originalBody() *message.Body {
	o := c.Original
	if c.whole {
		b := &message.Body{Type: "message/rfc822", Content: o.Message, EightBit: o.EightBit}
		if o.UTF8 {
			b.Type, b.EightBit = "message/global", true
		}
		return b
	}
	header := returnedHeader(o.Header)
	if len(header) == 0 {
		return nil
	}
	b := &message.Body{Type: "text/rfc822-headers", Text: string(header)}
	if o.UTF8 && !isASCII(b.Text) {
		b.Type = "message/global-headers"
	}
	return b
}

// returnedHeader returns the fields of a header, without its blank line, up to the limit.
func returnedHeader(header []byte) []byte {
	end := 0
	for f := range message.Fields(header) {
		if f.Offset+len(f.Raw) > MaxOriginalHeader {
			break
		}
		end = f.Offset + len(f.Raw)
	}
	header = header[:end]
	if end > 0 && !bytes.HasSuffix(header, []byte("\n")) {
		header = append(header[:end:end], "\r\n"...)
	}
	return header
}

// deliveryStatus returns the fields of message/delivery-status (RFC 3464 §2.1): a group about the message
// and one for each recipient, with blank lines between.
func (c *composition) deliveryStatus() string {
	h := c.composer.NewHeader()
	field := func(name, value string) {
		if value != "" {
			h.Structured(name, c.statusText(value))
		}
	}
	mta := func(name string, m MTA) {
		if m.Name != "" {
			field(name, m.field())
		}
	}
	date := func(name string, t time.Time) {
		if !t.IsZero() {
			h.Date(name, t)
		}
	}
	field("Original-Envelope-Id", c.EnvelopeID)
	mta("Reporting-MTA", c.ReportingMTA)
	mta("DSN-Gateway", c.Gateway)
	mta("Received-From-MTA", c.ReceivedFrom)
	date("Arrival-Date", c.Arrival)
	if c.FutureRelease != "" {
		field("Future-Release-Request", c.FutureRelease)
	}
	for _, r := range c.Recipients {
		h.Raw([]byte("\r\n"))
		if r.Original.Address != "" {
			field("Original-Recipient", c.originalRecipient(r.Original))
		}
		field("Final-Recipient", c.finalRecipient(r))
		field("Action", string(r.Action))
		field("Status", r.statusOrDefault().String())
		mta("Remote-MTA", r.Remote)
		if r.Diagnostic != "" {
			typ := r.DiagnosticType
			if typ == "" {
				typ = "smtp"
			}
			field("Diagnostic-Code", typ+"; "+oneLine(r.Diagnostic))
		}
		date("Last-Attempt-Date", r.LastAttempt)
		field("Final-Log-ID", r.FinalLogID)
		date("Will-Retry-Until", r.RetryUntil)
	}
	return string(h.Bytes())
}

// originalRecipient returns the value of Original-Recipient: the address as the sender gave it, not encoded
// as xtext, but for characters that the form of the notification cannot hold (RFC 6533 §3).
func (c *composition) originalRecipient(o smtp.OriginalRecipient) string {
	switch {
	case isASCII(o.Address) && !o.IsType("utf-8"), c.utf8:
		return o.Type + ";" + o.Address
	}
	return o.Type + ";" + smtp.EncodeUnitext(o.Address)
}

func (c *composition) finalRecipient(r Recipient) string {
	if r.Final.IsZero() {
		return "unknown;" + r.FinalText
	}
	return r.Final.DSNString(c.utf8)
}

// statusText returns text as it may stand in the delivery status: in ASCII where that is not in UTF-8.
func (c *composition) statusText(s string) string {
	if c.utf8 {
		return strings.ToValidUTF8(s, "\ufffd")
	}
	if isASCII(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r >= 0x80 {
			return '?'
		}
		return r
	}, s)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
