package message

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// testComposer returns a composer that always makes the same.
func testComposer(opts ComposeOptions) *Composer {
	opts.Host = "mail.example"
	opts.Now = func() time.Time { return time.Date(2026, 11, 2, 3, 4, 5, 0, time.FixedZone("", 3600)) }
	opts.Rand = rand.NewChaCha8([32]byte{})
	return NewComposer(opts)
}

// compose returns a message, checked for what holds for all that we write.
func compose(t *testing.T, c *Composer, h *HeaderWriter, body *Body) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := c.Write(&b, h, body); err != nil {
		t.Fatal(err)
	}
	msg := b.Bytes()
	if bytes.Count(msg, []byte("\r")) != bytes.Count(msg, []byte("\r\n")) || bytes.Count(msg, []byte("\n")) != bytes.Count(msg, []byte("\r\n")) {
		t.Errorf("bare CR or LF: %q", msg)
	}
	for line := range strings.SplitSeq(string(msg), "\r\n") {
		if len(line) > maxLineLength {
			t.Errorf("line of %d bytes", len(line))
		}
	}
	ParseBytes(msg).Walk(func(p *Part) bool {
		if d := p.Defects &^ DefectDate; d != 0 {
			t.Errorf("%s has defects %s: %q", p.MediaType(), d, msg)
		}
		return true
	})
	return msg
}

func TestComposeHeader(t *testing.T) {
	t.Parallel()
	c := testComposer(ComposeOptions{})
	h := c.NewHeader()
	h.Addresses("From", []Address{{Name: "Jörg Müller", User: "jm", Host: "example.com"}})
	h.Addresses("To", []Address{{Name: "Joe Q. Public", User: "joe q", Host: "example.com"}, {User: "a", Host: "b"}})
	h.Addresses("Cc", []Address{{Kind: GroupStart, Name: "friends"}, {User: "a", Host: "b"}, {Name: "C", User: "c", Host: "d"}, {Kind: GroupEnd}, {User: "e", Host: "f"}})
	h.Addresses("Bcc", []Address{{Kind: GroupStart, Name: "undisclosed-recipients"}, {Kind: GroupEnd}})
	h.Addresses("Reply-To", nil)
	h.Addresses("Sender", []Address{{}})
	h.Date("Date", c.Now())
	id, err := c.NewMessageID()
	if err != nil {
		t.Fatal(err)
	}
	h.MessageIDs("Message-ID", id)
	h.MessageIDs("References", "a@b", " <c@d> ", "", "ü@x", strings.Repeat("x", 2000))
	h.MessageIDs("In-Reply-To")
	h.Text("Subject", "Grüße, a plain tail")
	h.Params("X-Test", "value", []Param{{Name: "a", Value: "b"}, {Name: "c", Value: "d e"}, {Name: "f", Value: "ä"}, {Name: "g", Value: ""}})
	h.Raw([]byte("X-Raw: x\r\n"))
	want := `From: =?utf-8?q?J=C3=B6rg_M=C3=BCller?= <jm@example.com>
To: "Joe Q. Public" <"joe q"@example.com>, a@b
Cc: friends: a@b, C <c@d>;, e@f
Bcc: undisclosed-recipients:;
Date: Mon, 2 Nov 2026 03:04:05 +0100
Message-ID: <` + id + `>
References: <a@b> <c@d>
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe,?= a plain tail
X-Test: value; a=b; c="d e"; f*=utf-8''%C3%A4; g=""
X-Raw: x
`
	if got := string(h.Bytes()); got != crlf(want) || h.Err() != nil {
		t.Errorf("got %v\n%s\nwant\n%s", h.Err(), got, want)
	}
	if len(id) < 20 || !strings.HasSuffix(id, "@mail.example") {
		t.Errorf("message id %q", id)
	}
}

func TestComposeHeaderInUTF8(t *testing.T) {
	t.Parallel()
	h := testComposer(ComposeOptions{UTF8: true}).NewHeader()
	h.Addresses("From", []Address{{Name: "Jörg Müller", User: "jörg", Host: "bücher.example"}, {Name: "Jö.", User: "a", Host: "b"}})
	h.Text("Subject", "Grüße")
	h.Params("X-Test", "value", []Param{{Name: "f", Value: "ä"}})
	h.MessageIDs("References", "ü@x")
	want := "From: Jörg Müller <jörg@bücher.example>, \"Jö.\" <a@b>\nSubject: Grüße\nX-Test: value; f=\"ä\"\nReferences: <ü@x>\n"
	if got := string(h.Bytes()); got != crlf(want) || h.Err() != nil {
		t.Errorf("got %v\n%s\nwant\n%s", h.Err(), got, want)
	}
}

// No value may begin a new field or the body.
func TestComposeHeaderInjection(t *testing.T) {
	t.Parallel()
	h := testComposer(ComposeOptions{}).NewHeader()
	const evil = "x\r\nBcc: a@b\r\n\r\nbody\nX: y\r"
	h.Text("Subject", evil)
	h.Structured("X-Structured", evil)
	h.Addresses("From", []Address{{Name: evil, User: evil, Host: evil}, {Kind: GroupStart, Name: evil}})
	h.Params("X-Params", evil, []Param{{Name: "a", Value: evil}})
	h.MessageIDs("References", evil)
	n := 0
	for f := range Fields(append(h.Bytes(), '\r', '\n')) {
		n++
		if f.Is("Bcc") || f.Is("X") || f.Name == nil {
			t.Errorf("injected %q", f.Raw)
		}
	}
	if n != 5 || h.Err() != nil {
		t.Errorf("%d fields, error %v", n, h.Err())
	}
}

func TestComposeHeaderErrors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		write func(h *HeaderWriter)
		utf8  bool // The error is ErrNeedsUTF8.
	}{
		"user":    {func(h *HeaderWriter) { h.Addresses("To", []Address{{User: "ü", Host: "b"}}) }, true},
		"host":    {func(h *HeaderWriter) { h.Addresses("To", []Address{{User: "a", Host: "bücher.example"}}) }, true},
		"value":   {func(h *HeaderWriter) { h.Structured("X", "ü") }, true},
		"colon":   {func(h *HeaderWriter) { h.Text("Subject:", "x") }, false},
		"no name": {func(h *HeaderWriter) { h.Text("", "x") }, false},
		"space":   {func(h *HeaderWriter) { h.Structured("a b", "x") }, false},
		"crlf":    {func(h *HeaderWriter) { h.Params("a\r\nb", "x", nil) }, false},
		"8-bit":   {func(h *HeaderWriter) { h.Addresses("ü", []Address{{User: "a", Host: "b"}}) }, false},
	} {
		c := testComposer(ComposeOptions{})
		h := c.NewHeader()
		test.write(h)
		if h.Err() == nil || errors.Is(h.Err(), ErrNeedsUTF8) != test.utf8 {
			t.Errorf("%s: error %v", name, h.Err())
		}
		if err := c.Write(io.Discard, h, nil); err != h.Err() {
			t.Errorf("%s: Write returns %v", name, err)
		}
	}
}

// What is written is read back as it was, and no line is longer than it need be.
func TestHeaderRoundTrip(t *testing.T) {
	t.Parallel()
	texts := []string{
		"", "x", "plain words", strings.Repeat("plain words ", 30), strings.Repeat("x", 70), strings.Repeat("x", 500), strings.Repeat("x", 3000),
		"Grüße", "a ü b ü c", "日本語", strings.Repeat("日本語のテキスト", 40), strings.Repeat("ü", 200), strings.Repeat("ab ü ", 60),
		"=?utf-8?q?x?=", "a =? b", "=?", "?=", "😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀", "a\\b\"c", "(comment) <x> , ; :", "Joe (x)", ".", "a.b", "ü=_?",
		strings.Repeat("word ", 14) + "ümlaut at the end of a line", strings.Repeat("a", 65) + " ü", strings.Repeat("a", 66) + "ü b",
	}
	for _, utf8 := range []bool{false, true} {
		for _, text := range texts {
			want := strings.Trim(text, " ")
			h := &HeaderWriter{UTF8: utf8}
			h.Text("Subject", text)
			h.Addresses("From", []Address{{Name: text, User: "user", Host: "host.example"}, {Name: text, User: "user2", Host: "host.example"}})
			h.Addresses("To", []Address{{Kind: GroupStart, Name: "g" + text}, {User: "a", Host: "b"}, {Kind: GroupEnd}})
			h.Params("Content-Type", "application/x", []Param{{Name: "name", Value: text}})
			if h.Err() != nil {
				t.Fatal(h.Err())
			}
			p := ParseBytes(append(bytes.Clone(h.Bytes()), '\r', '\n'))
			e := p.Envelope
			if e.Subject != want {
				t.Errorf("subject %q: got %q\n%s", text, e.Subject, h.Bytes())
			}
			if len(e.From) != 2 || e.From[0].Name != want || e.From[1].Name != want || e.From[0].Addr() != "user@host.example" || e.From[1].Addr() != "user2@host.example" {
				t.Errorf("from %q: got %+v\n%s", text, e.From, h.Bytes())
			}
			if len(e.To) != 3 || e.To[0].Name != strings.Trim("g"+text, " ") || e.To[1].Addr() != "a@b" {
				t.Errorf("to %q: got %+v\n%s", text, e.To, h.Bytes())
			}
			if got := p.Param("name"); strings.Trim(got, " ") != want {
				t.Errorf("parameter %q: got %q\n%s", text, got, h.Bytes())
			}
			for line := range strings.SplitSeq(string(h.Bytes()), "\r\n") {
				if len(line) > maxLineLength || len(line) > lineLength && !utf8 && !hasWordOver(text, 60) {
					t.Errorf("line of %d: %q", len(line), line)
				}
				if strings.Trim(line, " ") == "" && line != "" {
					t.Errorf("line of spaces in %q", h.Bytes())
				}
			}
		}
	}
}

func hasWordOver(s string, n int) bool {
	return slices.ContainsFunc(strings.Fields(s), func(w string) bool { return len(w) > n })
}

func TestComposeBody(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		opts ComposeOptions
		body *Body
		want string // Type, encoding and content of the parts.
	}{
		{"nothing", ComposeOptions{}, nil, `text/plain 7bit us-ascii ""`},
		{"text", ComposeOptions{}, TextBody("a\nb\r\nc"), `text/plain 7bit us-ascii "a\r\nb\r\nc\r\n"`},
		{"8-bit text", ComposeOptions{}, TextBody("plain text with ä\n"), `text/plain quoted-printable utf-8 "plain text with ä\r\n"`},
		{"8-bit text allowed", ComposeOptions{EightBit: true}, TextBody("ä\n"), `text/plain 8bit utf-8 "ä\r\n"`},
		{"mostly 8-bit", ComposeOptions{}, TextBody("日本語\n"), `text/plain base64 utf-8 "日本語\r\n"`},
		{"long lines", ComposeOptions{EightBit: true}, TextBody(strings.Repeat("x", 999) + "\n"), `text/plain quoted-printable us-ascii "` + strings.Repeat("x", 999) + `\r\n"`},
		{"lines of the longest length", ComposeOptions{}, TextBody(strings.Repeat("x", 998) + "\n"), `text/plain 7bit us-ascii "` + strings.Repeat("x", 998) + `\r\n"`},
		{"NUL", ComposeOptions{EightBit: true}, TextBody("a\x00b\n"), `text/plain quoted-printable us-ascii "a\x00b\r\n"`},
		{"html", ComposeOptions{}, HTMLBody("<p>\n"), `text/html 7bit us-ascii "<p>\r\n"`},
		{"dots and boundaries", ComposeOptions{}, TextBody(".\n--x\n"), `text/plain 7bit us-ascii ".\r\n--x\r\n"`},
		{"attachment", ComposeOptions{}, Attachment("a ä.bin", "", strings.NewReader(strings.Repeat("\x00\xff", 100))),
			`application/octet-stream base64 attachment "a ä.bin" ` + fmt.Sprintf("%q", strings.Repeat("\x00\xff", 100))},
		{"attached text", ComposeOptions{}, Attachment("x.txt", "text/plain", strings.NewReader("a\nb")), `text/plain base64 us-ascii attachment "x.txt" "a\nb"`},
		{"alternative", ComposeOptions{}, Multipart("mixed", Multipart("alternative", TextBody("a"), HTMLBody("b\n")), Attachment("x", "image/png", strings.NewReader(""))),
			`multipart/mixed{multipart/alternative{text/plain 7bit us-ascii "a" text/html 7bit us-ascii "b\r\n"} image/png base64 attachment "x" ""}`},
		{"8bit inside", ComposeOptions{EightBit: true}, Multipart("mixed", TextBody("ä")), `multipart/mixed 8bit{text/plain 8bit utf-8 "ä"}`},
		{"message", ComposeOptions{}, Multipart("mixed", &Body{Type: "message/rfc822", Content: strings.NewReader("Subject: x\r\n\r\ny\r\n")}),
			`multipart/mixed{message/rfc822(text/plain 7bit us-ascii "y\r\n")}`},
		{"8bit message", ComposeOptions{}, Multipart("mixed", &Body{Type: "message/rfc822", EightBit: true, Content: strings.NewReader("\r\nä\r\n")}),
			`multipart/mixed 8bit{message/rfc822 8bit(text/plain 7bit us-ascii "ä\r\n")}`},
		{"related", ComposeOptions{}, Multipart("related", HTMLBody("x"), &Body{Type: "image/gif", ContentID: "a@b", Description: "ä", Disposition: "inline", Content: strings.NewReader("g")}),
			`multipart/related{text/html 7bit us-ascii "x" image/gif base64 inline "" "g"}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := testComposer(test.opts)
			h := c.NewHeader()
			h.Text("Subject", "x")
			msg := compose(t, c, h, test.body)
			root := ParseBytes(msg)
			if got := bodyString(t, msg, root); got != test.want {
				t.Errorf("got  %s\nwant %s\n%s", got, test.want, msg)
			}
			if f, ok := FirstField(root.Header, "MIME-Version"); !ok || f.Text() != "1.0" {
				t.Errorf("no MIME-Version")
			}
		})
	}
}

// bodyString describes what was composed.
func bodyString(t *testing.T, msg []byte, p *Part) string {
	t.Helper()
	s := p.MediaType()
	if p.Encoding != "7bit" || p.IsText() {
		s += " " + p.Encoding
	}
	switch {
	case p.IsMultipart():
		var parts []string
		for _, c := range p.Parts {
			parts = append(parts, bodyString(t, msg, c))
		}
		return s + "{" + strings.Join(parts, " ") + "}"
	case p.Message != nil:
		return s + "(" + bodyString(t, msg, p.Message) + ")"
	}
	if p.IsText() {
		s += " " + p.Param("charset")
	}
	if p.Disposition != "" {
		s += fmt.Sprintf(" %s %q", p.Disposition, p.Filename())
	}
	content, err := io.ReadAll(p.DecodedReader(bytes.NewReader(msg)))
	if err != nil {
		t.Fatal(err)
	}
	if p.IsText() && p.Encoding == "quoted-printable" && p.Param("charset") == "utf-8" {
		return s + " \"" + strings.ReplaceAll(string(content), "\r\n", `\r\n`) + "\""
	}
	return s + " " + fmt.Sprintf("%q", content)
}

func TestComposeErrors(t *testing.T) {
	t.Parallel()
	loop := Multipart("mixed")
	loop.Parts = []*Body{loop}
	for name, test := range map[string]struct {
		opts ComposeOptions
		w    io.Writer
		body *Body
	}{
		"writer":   {ComposeOptions{}, failingWriter{}, TextBody("x")},
		"content":  {ComposeOptions{}, io.Discard, Attachment("x", "", iotest.ErrReader(io.ErrClosedPipe))},
		"message":  {ComposeOptions{}, io.Discard, &Body{Type: "message/rfc822", Content: iotest.ErrReader(io.ErrClosedPipe)}},
		"endless":  {ComposeOptions{}, io.Discard, loop},
		"random":   {ComposeOptions{Rand: iotest.ErrReader(io.ErrClosedPipe)}, io.Discard, Multipart("mixed", TextBody("x"))},
		"endless8": {ComposeOptions{EightBit: true}, io.Discard, loop},
	} {
		c := NewComposer(test.opts)
		if err := c.Write(test.w, c.NewHeader(), test.body); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := NewComposer(ComposeOptions{Rand: iotest.ErrReader(io.ErrClosedPipe)}).NewMessageID(); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("message id: %v", err)
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func ExampleComposer() {
	c := NewComposer(ComposeOptions{Host: "mail.example", Now: func() time.Time { return time.Unix(0, 0).UTC() }})
	h := c.NewHeader()
	h.Addresses("From", []Address{{Name: "Jürgen", User: "juergen", Host: "example.org"}})
	h.Date("Date", c.Now())
	h.Text("Subject", "Hello")
	var b strings.Builder
	if err := c.Write(&b, h, TextBody("Hi!\n")); err != nil {
		fmt.Println(err)
	}
	fmt.Print(strings.ReplaceAll(b.String(), "\r", ""))
	// Output:
	// From: =?utf-8?q?J=C3=BCrgen?= <juergen@example.org>
	// Date: Thu, 1 Jan 1970 00:00:00 +0000
	// Subject: Hello
	// MIME-Version: 1.0
	// Content-Type: text/plain; charset=us-ascii
	//
	// Hi!
}
