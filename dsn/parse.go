package dsn

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"mox/message"
	"mox/smtp"
)

// ErrNotDSN is returned (wrapped) by Parse for a message that is no delivery status notification.
var ErrNotDSN = errors.New("dsn: not a delivery status notification")

// Bounds of what is read.
const (
	maxStatus     = 1 << 20 // Bytes of message/delivery-status.
	maxText       = 64 << 10
	maxRecipients = 10000
)

// Parsed is a notification that was read.
type Parsed struct {
	Message

	// Part is the part with the original message, whose Message has its envelope, or with its
	// header; nil if there is neither. Original.Header has the header of both.
	Part *message.Part
}

// Parse reads a notification, of which root is the tree and r has the bytes. All combinations of the media
// types of RFC 3464 and RFC 6533 are understood, and notifications with several status parts, as some
// systems send. It returns an error of r, or one that wraps ErrNotDSN if the message is no
// multipart/report with a delivery status that names a recipient.
//
// Anybody can send a notification: it proves nothing about what happened.
func Parse(r io.ReaderAt, root *message.Part) (*Parsed, error) {
	if root.MediaType() != "multipart/report" {
		return nil, fmt.Errorf("%w: message is %s", ErrNotDSN, root.MediaType())
	}
	if t := root.Param("report-type"); t != "" && !strings.EqualFold(t, "delivery-status") {
		return nil, fmt.Errorf("%w: report is of type %q", ErrNotDSN, t)
	}
	p := &Parsed{}
	p.readHeader(root)
	for _, part := range root.Parts {
		if err := p.readPart(r, part); err != nil {
			return nil, err
		}
	}
	if len(p.Recipients) == 0 {
		return nil, fmt.Errorf("%w: no recipient", ErrNotDSN)
	}
	return p, nil
}

// readHeader reads the header of the notification.
func (p *Parsed) readHeader(root *message.Part) {
	e := root.Envelope
	if e == nil {
		return
	}
	p.ID, p.Date, p.Subject = e.MessageID, e.Date, e.Subject
	if len(e.From) > 0 {
		p.From, _ = smtp.ParseAddress(e.From[0].Addr())
	}
	if len(e.To) > 0 {
		p.To, _ = smtp.ParsePath(e.To[0].Addr())
	}
}

// readPart reads a part of the report. Parts are told apart by their types, as systems do not keep
// to the order of RFC 6522 §3.
func (p *Parsed) readPart(r io.ReaderAt, part *message.Part) error {
	switch part.MediaType() {
	case "message/delivery-status", "message/global-delivery-status":
		b, err := readLimited(part.DecodedReader(r), maxStatus)
		if err != nil {
			return err
		}
		p.SMTPUTF8 = p.SMTPUTF8 || part.Subtype == "global-delivery-status"
		p.readStatus(b)
		return nil
	case "message/rfc822", "message/global":
		if p.Part != nil {
			return nil
		}
		p.Part = part
		p.Original.UTF8 = part.Subtype == "global"
		header := io.NewSectionReader(r, part.Message.HeaderOffset, part.Message.BodyOffset-part.Message.HeaderOffset)
		var err error
		p.Original.Header, err = readLimited(header, MaxOriginalHeader)
		return err
	case "text/rfc822-headers", "message/global-headers":
		if p.Part != nil {
			return nil
		}
		p.Part = part
		p.Original.UTF8 = part.Subtype == "global-headers"
		var err error
		p.Original.Header, err = readLimited(part.DecodedReader(r), MaxOriginalHeader)
		return err
	}
	if p.Text != "" {
		return nil
	}
	return p.readText(r, part)
}

// readText reads what is for people, also from a multipart/alternative.
func (p *Parsed) readText(r io.ReaderAt, part *message.Part) error {
	var err error
	part.Walk(func(q *message.Part) bool {
		if q.MediaType() != "text/plain" {
			return q.Message == nil
		}
		var b []byte
		b, err = readLimited(q.TextReader(r), maxText)
		p.Text = strings.ToValidUTF8(strings.ReplaceAll(string(b), "\r\n", "\n"), "")
		return false
	})
	return err
}

func readLimited(r io.Reader, n int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, n))
	if err != nil {
		return nil, fmt.Errorf("dsn: %w", err)
	}
	return b, nil
}

// readStatus reads the groups of fields of a delivery status. A group is about a recipient if it names one.
func (p *Parsed) readStatus(b []byte) {
	for b = trimBlankLines(b); len(b) > 0 && len(p.Recipients) < maxRecipients; b = trimBlankLines(b) {
		var r Recipient
		end := 0
		for f := range message.Fields(b) {
			end = f.Offset + len(f.Raw)
			value := strings.ToValidUTF8(string(message.Unfold(f.Value)), "\ufffd")
			if f.Name != nil && !p.messageField(f, value) {
				r.field(f, value)
			}
		}
		if r.FinalText != "" || r.Original.Address != "" {
			p.Recipients = append(p.Recipients, r)
		}
		b = b[end:]
	}
}

// trimBlankLines removes the blank lines that b begins with.
func trimBlankLines(b []byte) []byte {
	for {
		switch {
		case len(b) > 0 && b[0] == '\n':
			b = b[1:]
		case len(b) > 1 && b[0] == '\r' && b[1] == '\n':
			b = b[2:]
		default:
			return b
		}
	}
}

// messageField reads a field about the message. It reports false if f is none.
func (p *Parsed) messageField(f message.Field, value string) bool {
	switch strings.ToLower(string(f.Name)) {
	case "original-envelope-id":
		p.EnvelopeID = value
	case "reporting-mta":
		p.ReportingMTA = parseMTA(value)
	case "dsn-gateway":
		p.Gateway = parseMTA(value)
	case "received-from-mta":
		p.ReceivedFrom = parseMTA(value)
	case "arrival-date":
		p.Arrival = parseDate(value)
	default:
		return false
	}
	return true
}

// field reads a field about the recipient.
func (r *Recipient) field(f message.Field, value string) {
	switch strings.ToLower(string(f.Name)) {
	case "original-recipient":
		typ, address := parseTyped(value)
		r.Original = smtp.OriginalRecipient{Type: typ, Address: decodeAddress(typ, address)}
	case "final-recipient":
		typ, address := parseTyped(value)
		r.FinalText = decodeAddress(typ, address)
		if typ == "rfc822" || typ == "utf-8" || typ == "" {
			r.Final, _ = smtp.ParsePath(r.FinalText)
		}
	case "action":
		r.Action = parseAction(value)
	case "status":
		if code := smtp.EnhancedCode(withoutComment(value)); code.Class() != 0 {
			r.Status = code
		}
	case "remote-mta":
		r.Remote = parseMTA(value)
	case "diagnostic-code":
		r.DiagnosticType, r.Diagnostic = parseTyped(value)
		r.Diagnostic = oneLine(r.Diagnostic)
	case "last-attempt-date":
		r.LastAttempt = parseDate(value)
	case "final-log-id":
		r.FinalLogID = value
	case "will-retry-until":
		r.RetryUntil = parseDate(value)
	}
}

// parseTyped reads "type; value". Without type the whole is the value.
func parseTyped(s string) (typ, value string) {
	typ, value, ok := strings.Cut(s, ";")
	if typ = strings.TrimSpace(typ); !ok || strings.ContainsAny(typ, " \t@") {
		return "", strings.TrimSpace(s)
	}
	return strings.ToLower(typ), strings.TrimSpace(value)
}

func parseMTA(s string) MTA {
	typ, name := parseTyped(s)
	return MTA{typ, name}
}

// decodeAddress decodes the 7-bit form of an internationalised address (RFC 6533 §3). Some systems write
// addresses in angle brackets.
func decodeAddress(typ, address string) string {
	address = strings.TrimSuffix(strings.TrimPrefix(address, "<"), ">")
	if typ == "utf-8" {
		if s, err := smtp.DecodeUnitext(address); err == nil {
			return s
		}
	}
	return address
}

// parseAction reads an action, also as a noun, which some systems write.
func parseAction(s string) Action {
	switch s = strings.ToLower(withoutComment(s)); s {
	case "failure", "fail":
		return Failed
	}
	return Action(s)
}

// withoutComment returns the word before a comment.
func withoutComment(s string) string {
	s, _, _ = strings.Cut(s, "(")
	return strings.TrimSpace(s)
}

func parseDate(s string) time.Time {
	t, _ := message.ParseDate(s)
	return t
}
