package dsn

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"mox/dns"
	"mox/message"
	"mox/smtp"
)

func domain(t *testing.T, s string) dns.Domain {
	t.Helper()
	d, err := dns.ParseDomain(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func path(t *testing.T, s string) smtp.Path {
	t.Helper()
	p, err := smtp.ParsePath(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Times of the tests, as they come back from a Date field.
var (
	arrival = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	attempt = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	until   = time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)
)

func options() message.ComposeOptions {
	return message.ComposeOptions{
		Host: "mail.example",
		Now:  func() time.Time { return attempt },
		Rand: rand.NewChaCha8([32]byte{}),
	}
}

const originalHeader = "From: Alice <alice@example.org>\r\nTo: bob@example.com\r\nSubject: Re: [list] Lunch?\r\nMessage-ID: <orig@example.org>\r\n" +
	"References: <first@example.org> <second@example.org>\r\nDate: Fri, 20 Nov 2026 09:00:00 +0000\r\n\r\n"

// notification returns a notification about one recipient.
func notification(t *testing.T, action Action, status smtp.EnhancedCode) *Message {
	return &Message{
		From:         smtp.Address{Localpart: "mailer-daemon", Domain: domain(t, "mail.example")},
		To:           path(t, "alice@example.org"),
		ReportingMTA: MTA{Name: "mail.example"},
		Arrival:      arrival,
		Recipients: []Recipient{{
			Final: path(t, "bob@example.com"), Action: action, Status: status,
			Remote: MTA{Name: "mx.example.com"}, Diagnostic: "550-5.1.1 no such user\n550 5.1.1 here", LastAttempt: attempt,
		}},
		Original: Original{Header: []byte(originalHeader)},
	}
}

// compose writes a notification and parses it again.
func compose(t *testing.T, m *Message) (msg []byte, root *message.Part, c Composed) {
	t.Helper()
	var b bytes.Buffer
	c, err := Compose(&b, m, options())
	if err != nil {
		t.Fatal(err)
	}
	msg = b.Bytes()
	if n := bytes.Count(msg, []byte("\r\n")); n != bytes.Count(msg, []byte("\n")) || n != bytes.Count(msg, []byte("\r")) {
		t.Errorf("bare CR or LF in %q", msg)
	}
	if !c.EightBit && !c.SMTPUTF8 && bytes.ContainsFunc(msg, func(r rune) bool { return r >= 0x80 }) {
		t.Errorf("bytes outside ASCII, but 7bit: %q", msg)
	}
	root = message.ParseBytes(msg)
	return msg, root, c
}

// content returns the decoded content of a part.
func content(t *testing.T, msg []byte, p *message.Part) string {
	t.Helper()
	b, err := io.ReadAll(p.DecodedReader(bytes.NewReader(msg)))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestComposeFailure(t *testing.T) {
	t.Parallel()
	m := notification(t, Failed, "5.1.1")
	m.EnvelopeID = "QQ314159"
	m.ReceivedFrom = MTA{Name: "client.example"}
	m.Recipients[0].Original = smtp.OriginalRecipient{Type: "rfc822", Address: "bob+x@example.com"}
	msg, root, c := compose(t, m)
	if c.SMTPUTF8 || c.EightBit || c.MessageID == "" {
		t.Errorf("composed %+v", c)
	}

	for name, want := range map[string]string{
		"From":           "Mail Delivery System <mailer-daemon@mail.example>",
		"To":             "alice@example.org",
		"Subject":        "[Not delivered] Re: [list] Lunch?",
		"In-Reply-To":    "<orig@example.org>",
		"References":     "<first@example.org> <second@example.org> <orig@example.org>",
		"Auto-Submitted": "auto-replied",
		"Date":           "Sun, 22 Nov 2026 10:00:00 +0000",
		"Message-ID":     "<" + c.MessageID + ">",
		"MIME-Version":   "1.0",
	} {
		if f, ok := message.FirstField(root.Header, name); !ok || f.Text() != want {
			t.Errorf("%s: got %q, want %q", name, f.Text(), want)
		}
	}
	// The notification is in the thread of the original (RFC 5256 §2.1).
	if base, _ := message.BaseSubject(root.Envelope.Subject); base != "Lunch?" {
		t.Errorf("base subject %q", base)
	}

	if root.MediaType() != "multipart/report" || root.Param("report-type") != "delivery-status" || len(root.Parts) != 3 {
		t.Fatalf("%s with %d parts", root.MediaType(), len(root.Parts))
	}
	if got := root.Parts[1].MediaType() + " " + root.Parts[2].MediaType(); got != "message/delivery-status text/rfc822-headers" {
		t.Errorf("parts %s", got)
	}
	want := `Original-Envelope-Id: QQ314159
Reporting-MTA: dns; mail.example
Received-From-MTA: dns; client.example
Arrival-Date: Fri, 20 Nov 2026 10:00:00 +0000

Original-Recipient: rfc822;bob+x@example.com
Final-Recipient: rfc822;bob@example.com
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.example.com
Diagnostic-Code: smtp; 550-5.1.1 no such user 550 5.1.1 here
Last-Attempt-Date: Sun, 22 Nov 2026 10:00:00 +0000
`
	if got := content(t, msg, root.Parts[1]); got != strings.ReplaceAll(want, "\n", "\r\n") {
		t.Errorf("status:\n%s\nwant\n%s", got, want)
	}
	if got := content(t, msg, root.Parts[2]); got+"\r\n" != originalHeader {
		t.Errorf("header %q", got)
	}
	text := content(t, msg, root.Parts[0])
	for _, want := range []string{
		"mail system at mail.example", "could not be delivered", "<bob+x@example.com>", "forwarded to <bob@example.com>", "There is no mailbox of this name",
		"mx.example.com said", "550 5.1.1 here", "It will not be tried again", "Lunch?", "orig@example.org", "header of the message is attached",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("text does not say %q:\n%s", want, text)
		}
	}
}

func TestComposeActions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		action        Action
		subject, text string
		status        string
	}{
		{Failed, "[Not delivered] Re: [list] Lunch?", "will not be tried again", "5.0.0"},
		{Delayed, "[Delayed] Re: [list] Lunch?", "you do not have to send the message again", "4.0.0"},
		{Delivered, "[Delivered] Re: [list] Lunch?", "does not mean that it was read", "2.0.0"},
		{Relayed, "[Relayed] Re: [list] Lunch?", "does not tell of successful delivery", "2.0.0"},
		{Expanded, "[Delivered] Re: [list] Lunch?", "sent on to several others", "2.0.0"},
	}
	for _, test := range tests {
		m := notification(t, test.action, "")
		if test.action == Delayed {
			m.Recipients[0].RetryUntil = until
		}
		msg, root, _ := compose(t, m)
		if root.Envelope.Subject != test.subject {
			t.Errorf("%s: subject %q", test.action, root.Envelope.Subject)
		}
		text := strings.Join(strings.Fields(content(t, msg, root.Parts[0])), " ")
		if !strings.Contains(text, test.text) || test.action == Delayed && !strings.Contains(text, "Will be tried until: Wed, 25 Nov 2026") {
			t.Errorf("%s: text %s", test.action, text)
		}
		status := content(t, msg, root.Parts[1])
		if !strings.Contains(status, "\r\nAction: "+string(test.action)+"\r\nStatus: "+test.status+"\r\n") {
			t.Errorf("%s: status %s", test.action, status)
		}
		if got := strings.Contains(status, "Will-Retry-Until: Wed, 25 Nov 2026 10:00:00 +0000\r\n"); got != (test.action == Delayed) {
			t.Errorf("%s: status %s", test.action, status)
		}
	}
}

func TestComposeReturnsOriginal(t *testing.T) {
	t.Parallel()
	whole := originalHeader + "Hi Bob!\r\n"
	tests := []struct {
		name     string
		action   Action
		original Original
		want     string // Type of the part with the original.
		text     string
	}{
		{"whole", Failed, Original{Header: []byte(originalHeader), Message: strings.NewReader(whole), Size: int64(len(whole))}, "message/rfc822", "The whole message is attached."},
		{"too large", Failed, Original{Header: []byte(originalHeader), Message: strings.NewReader(whole), Size: MaxOriginal + 1}, "text/rfc822-headers", "The header of the message is attached."},
		// RFC 3461 §6.2: without failure only the header.
		{"delay", Delayed, Original{Header: []byte(originalHeader), Message: strings.NewReader(whole), Size: int64(len(whole))}, "text/rfc822-headers", "The header of the message is attached."},
		{"header asked for", Failed, Original{Header: []byte(originalHeader)}, "text/rfc822-headers", "The header of the message is attached."},
		{"nothing", Failed, Original{}, "", "About the message"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := notification(t, test.action, "")
			m.Original = test.original
			msg, root, _ := compose(t, m)
			got := ""
			if len(root.Parts) == 3 {
				got = root.Parts[2].MediaType()
			}
			if got != test.want {
				t.Errorf("original is in %q, want %q", got, test.want)
			}
			if text := content(t, msg, root.Parts[0]); !strings.Contains(text, test.text) || strings.Contains(text, "attached") != (test.want != "") {
				t.Errorf("text %s", text)
			}
			if test.want == "message/rfc822" {
				if got := content(t, msg, root.Parts[2]); got != whole {
					t.Errorf("original %q", got)
				}
			}
		})
	}
}

func TestComposeBoundsHeader(t *testing.T) {
	t.Parallel()
	m := notification(t, Failed, "")
	m.Original.Header = []byte("Subject: x\r\n" + strings.Repeat("Received: from a by b\r\n", 10000) + "\r\n")
	msg, root, _ := compose(t, m)
	got := content(t, msg, root.Parts[2])
	if len(got) > MaxOriginalHeader || len(got) < MaxOriginalHeader-100 || !strings.HasSuffix(got, "Received: from a by b\r\n") {
		t.Errorf("%d bytes of header, ending in %q", len(got), got[max(0, len(got)-30):])
	}

	m.Original.Header = []byte("Message-ID: <orig@x>\r\nReferences: " + strings.Repeat("<", 1))
	for i := range 100 {
		m.Original.Header = append(m.Original.Header, []byte("<"+strings.Repeat("r", i+1)+"@x>\r\n ")...)
	}
	_, root, _ = compose(t, m)
	l := root.Envelope.References
	if len(l) != maxReferences+1 || l[0] != "r@x" || l[len(l)-1] != "orig@x" || l[len(l)-2] != strings.Repeat("r", 100)+"@x" {
		t.Errorf("references %v", l)
	}
}

func TestComposeInternational(t *testing.T) {
	t.Parallel()
	m := notification(t, Failed, "5.1.1")
	m.Recipients[0].Final = path(t, "jürgen@bücher.example")
	m.Recipients[0].Original = smtp.OriginalRecipient{Type: "utf-8", Address: "jürgen@bücher.example"}
	m.Recipients[0].Diagnostic = "550 kein Empfänger"
	m.Original = Original{Header: []byte("Subject: Grüße\r\n\r\n"), UTF8: true, EightBit: true}

	// To a server without SMTPUTF8 all is in ASCII.
	msg, root, c := compose(t, m)
	if c.SMTPUTF8 || c.EightBit {
		t.Errorf("composed %+v", c)
	}
	status := content(t, msg, root.Parts[1])
	for _, want := range []string{`Original-Recipient: utf-8;j\x{FC}rgen@b\x{FC}cher.example`, `Final-Recipient: utf-8;j\x{FC}rgen@xn--bcher-kva.example`, "Diagnostic-Code: smtp; 550 kein Empf?nger"} {
		if !strings.Contains(status, want) {
			t.Errorf("no %q in %s", want, status)
		}
	}
	if p := root.Parts[2]; p.MediaType() != "message/global-headers" || content(t, msg, p) != "Subject: Grüße\r\n" {
		t.Errorf("%s: %q", p.MediaType(), content(t, msg, p))
	}
	if root.Parts[1].MediaType() != "message/delivery-status" || root.Envelope.Subject != "[Not delivered] Grüße" {
		t.Errorf("%s, subject %q", root.Parts[1].MediaType(), root.Envelope.Subject)
	}

	// With it, in UTF-8.
	m.SMTPUTF8 = true
	m.Original.Message, m.Original.Size = strings.NewReader("Subject: Grüße\r\n\r\nHallo\r\n"), 30
	msg, root, c = compose(t, m)
	if !c.SMTPUTF8 || !c.EightBit {
		t.Errorf("composed %+v", c)
	}
	status = content(t, msg, root.Parts[1])
	for _, want := range []string{"Original-Recipient: utf-8;jürgen@bücher.example", "Final-Recipient: utf-8;jürgen@bücher.example", "550 kein Empfänger"} {
		if !strings.Contains(status, want) {
			t.Errorf("no %q in %s", want, status)
		}
	}
	if p := root.Parts[1]; p.MediaType() != "message/global-delivery-status" || p.Encoding != "8bit" || len(p.Params) != 0 {
		t.Errorf("status is %s %s %v", p.MediaType(), p.Encoding, p.Params)
	}
	if p := root.Parts[2]; p.MediaType() != "message/global" || p.Message.Envelope.Subject != "Grüße" {
		t.Errorf("original is %s", p.MediaType())
	}

	// A whole international message to a server without SMTPUTF8 is encoded (RFC 6533 §4.5).
	m.SMTPUTF8 = false
	m.Original.Message = strings.NewReader("Subject: Grüße\r\n\r\nHallo\r\n")
	msg, root, c = compose(t, m)
	if p := root.Parts[2]; c.EightBit || p.RawType != "application" && p.RawType != "message" || content(t, msg, p) != "Subject: Grüße\r\n\r\nHallo\r\n" {
		t.Errorf("original is %s %s %q, %+v", p.RawType, p.Encoding, content(t, msg, p), c)
	}

	// An international sender cannot be told otherwise.
	m = notification(t, Failed, "")
	m.To = path(t, "älice@example.org")
	if _, root, c := compose(t, m); !c.SMTPUTF8 || root.Envelope.To[0].User != "älice" {
		t.Errorf("composed %+v, to %v", c, root.Envelope.To)
	}

	// An 8-bit message that is not international must go by 8BITMIME.
	m = notification(t, Failed, "")
	m.Original.Message, m.Original.Size, m.Original.EightBit = strings.NewReader("Subject: x\r\n\r\nä\r\n"), 20, true
	if _, root, c := compose(t, m); !c.EightBit || c.SMTPUTF8 || root.Encoding != "8bit" {
		t.Errorf("composed %+v in %s", c, root.Encoding)
	}
}

// What strangers say cannot break out of its field.
func TestComposeInjection(t *testing.T) {
	t.Parallel()
	const evil = "550 x\r\n\r\nFinal-Recipient: rfc822;evil@example\r\nAction: delivered\x1b[0m"
	m := notification(t, Failed, "5.1.1")
	m.EnvelopeID = evil
	m.ReceivedFrom = MTA{Name: evil}
	m.Recipients[0].Diagnostic = evil
	m.Recipients[0].Remote = MTA{Name: evil}
	m.Recipients[0].Original = smtp.OriginalRecipient{Type: "rfc822", Address: evil}
	m.Original.Header = []byte("Subject: " + strings.ReplaceAll(evil, "\r\n", "\r\n ") + "\r\n\r\n")
	msg, root, _ := compose(t, m)
	got, err := Parse(bytes.NewReader(msg), root)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Recipients) != 1 || got.Recipients[0].Final != m.Recipients[0].Final || got.Recipients[0].Action != Failed {
		t.Errorf("recipients %+v", got.Recipients)
	}
	if strings.ContainsRune(string(msg), 0x1b) && strings.ContainsRune(content(t, msg, root.Parts[0]), 0x1b) {
		t.Errorf("control character in the text")
	}
}

func TestComposeErrors(t *testing.T) {
	t.Parallel()
	m := notification(t, Failed, "")
	m.To = smtp.Path{}
	if _, err := Compose(io.Discard, m, options()); !errors.Is(err, ErrNoRecipient) {
		t.Errorf("to nobody: %v", err)
	}
	m = notification(t, Failed, "")
	m.Recipients = nil
	if _, err := Compose(io.Discard, m, options()); !errors.Is(err, ErrNoRecipient) {
		t.Errorf("about nobody: %v", err)
	}
	m = notification(t, Failed, "")
	m.Original.Message, m.Original.Size = iotest.ErrReader(io.ErrClosedPipe), 10
	if _, err := Compose(io.Discard, m, options()); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("original: %v", err)
	}
	opts := options()
	opts.Rand = iotest.ErrReader(io.ErrClosedPipe)
	if _, err := Compose(io.Discard, notification(t, Failed, ""), opts); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("random source: %v", err)
	}
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for _, utf8 := range []bool{false, true} {
		m := notification(t, Failed, "5.1.1")
		m.SMTPUTF8 = utf8
		m.ID, m.Date, m.Subject, m.Text = "id@mail.example", attempt, "Bericht für dich", "Hallo,\n\nnicht zugestellt: müller\n"
		m.EnvelopeID, m.ReceivedFrom, m.Gateway = "env id", MTA{"dns", "client.example"}, MTA{"x-test", "gateway"}
		m.ReportingMTA.Type = "dns"
		m.Recipients[0].Remote.Type, m.Recipients[0].DiagnosticType, m.Recipients[0].Diagnostic = "dns", "smtp", "550 no"
		m.Recipients[0].Original = smtp.OriginalRecipient{Type: "rfc822", Address: "bob@example.com"}
		m.Recipients = append(m.Recipients,
			Recipient{Final: path(t, "müller@example.com"), Action: Delayed, Status: "4.4.1", DiagnosticType: "x-mox", Diagnostic: "kein Anschluß", RetryUntil: until, FinalLogID: "q1"},
			Recipient{Final: path(t, "ok@[192.0.2.1]"), Action: Delivered, Status: "2.1.5"})
		if !utf8 {
			m.Recipients[1].Diagnostic = "no connection"
		}
		msg, root, _ := compose(t, m)
		got, err := Parse(bytes.NewReader(msg), root)
		if err != nil {
			t.Fatal(err)
		}
		want := *m
		want.Original.Header = bytes.TrimSuffix(want.Original.Header, []byte("\r\n"))
		for i := range got.Recipients {
			if want := m.Recipients[i].Final.XString(utf8); got.Recipients[i].FinalText != want && !strings.HasPrefix(got.Recipients[i].FinalText, "müller") {
				t.Errorf("final recipient %q, want %q", got.Recipients[i].FinalText, want)
			}
			got.Recipients[i].FinalText = ""
		}
		if !reflect.DeepEqual(got.Message, want) {
			t.Errorf("utf8 %v:\ngot  %+v\nwant %+v", utf8, got.Message, want)
		}
	}
}
