package message

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"mox/internal/corpus"
)

// crlf returns text with CRLF line ends.
func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

// outline writes the tree with the bodies of the leaves.
func outline(msg []byte, p *Part) string {
	var b strings.Builder
	var walk func(p *Part)
	walk = func(p *Part) {
		b.WriteString(p.MediaType())
		if p.Defects != 0 {
			fmt.Fprintf(&b, "[%s]", p.Defects&^DefectDate)
		}
		switch {
		case p.Message != nil:
			b.WriteString("(")
			walk(p.Message)
			b.WriteString(")")
		case p.IsMultipart():
			b.WriteString("{")
			for i, c := range p.Parts {
				if i > 0 {
					b.WriteString(" ")
				}
				walk(c)
			}
			b.WriteString("}")
		default:
			fmt.Fprintf(&b, "%q", msg[p.BodyOffset:p.EndOffset])
		}
	}
	walk(p)
	return strings.ReplaceAll(b.String(), "[]", "")
}

const multi = "Content-Type: multipart/mixed; boundary=foo\n"

func TestStructure(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("b", 300)
	tests := []struct {
		name, msg, want string
	}{
		{"text", "Subject: x\n\nbody\n", `text/plain"body\r\n"`},
		{"empty", "", `text/plain[no-blank-line]""`},
		{"blank line only", "\n", `text/plain""`},
		{"header only", "Subject: x\n", `text/plain[no-blank-line]""`},
		{"header without line end", "Subject: x", `text/plain[no-blank-line]""`},
		{"header and blank line", "Subject: x\n\n", `text/plain""`},
		{"blank line first", "\nSubject: x\n\nbody\n", `text/plain"Subject: x\r\n\r\nbody\r\n"`},

		// Text that stands where a header should be is shown, not swallowed.
		{"no header", "Hello there\nyou\n\npara\n", `text/plain[no-blank-line]"Hello there\r\nyou\r\n\r\npara\r\n"`},
		{"no blank line", "Subject: x\nHello there\n\npara\n", `text/plain[no-blank-line]"Hello there\r\n\r\npara\r\n"`},
		{"no blank line to the end", "Subject: x\nHello there", `text/plain[no-blank-line]"Hello there"`},
		{"odd line in the header", "Subject: x\nodd line\nFrom: a@b\n\npara\n", `text/plain[header-line]"para\r\n"`},
		{"mbox line", "From a@b Thu Jan 1 00:00:00 1970\nSubject: x\n\nb\n", `text/plain"b\r\n"`},
		{"continuation first", " folded\nSubject: x\n\nb\n", `text/plain[header-line]"b\r\n"`},

		{"multipart", multi + "\npre\n--foo\n\nx\n--foo\nContent-Type: text/html\n\ny\n--foo--\nepilogue\n",
			`multipart/mixed{text/plain"x" text/html"y"}`},
		{"no line end at the end", multi + "\n--foo\n\nx\n--foo--", `multipart/mixed{text/plain"x"}`},
		{"white space after boundary", multi + "\n--foo \t\n\nx\n--foo-- \n", `multipart/mixed{text/plain"x"}`},
		{"boundary with spaces", "Content-Type: multipart/mixed; boundary=\"a b\"\n\n--a b\n\nx\n--a b--\n", `multipart/mixed{text/plain"x"}`},
		{"boundary ending in space", "Content-Type: multipart/mixed; boundary=\"a \"\n\n--a\n\nx\n--a--\n", `multipart/mixed{text/plain"x"}`},
		{"illegal boundary unquoted", "Content-Type: multipart/mixed; boundary=--a=b<c\n\n----a=b<c\n\nx\n----a=b<c--\n", `multipart/mixed[bad-boundary]{text/plain"x"}`},
		{"very long boundary", "Content-Type: multipart/mixed; boundary=" + long + "\n\n--" + long + "\n\nx\n--" + long + "--\n", `multipart/mixed[bad-boundary,no-close-boundary]{text/plain"x" text/plain[no-blank-line]""}`},
		{"8-bit boundary", "Content-Type: multipart/mixed; boundary=\"\xe9\"\n\n--\xe9\n\nx\n--\xe9--\n", `multipart/mixed[bad-boundary,charset]{text/plain"x"}`},
		{"boundaries ignored after the closing one", multi + "\n--foo\n\nx\n--foo--\n\n--foo\n\ny\n", `multipart/mixed{text/plain"x"}`},
		{"no closing boundary", multi + "\n--foo\n\nx\n--foo\n\ny\n", `multipart/mixed[no-close-boundary]{text/plain"x" text/plain"y\r\n"}`},
		{"inner not closed", multi + "\n--foo\nContent-Type: multipart/alternative; boundary=bar\n\n--bar\n\nx\n--foo\n\ny\n--foo--\n",
			`multipart/mixed{multipart/alternative[no-close-boundary]{text/plain"x"} text/plain"y"}`},
		{"no parts", multi + "\nno boundary here\n", `multipart/mixed[no-parts,no-close-boundary]{text/plain""}`},
		{"closing boundary only", multi + "\n--foo--\n", `multipart/mixed[no-parts]{text/plain""}`},
		{"no boundary parameter", "Content-Type: multipart/mixed\n\n--foo\n\nx\n", `text/plain[no-boundary]"--foo\r\n\r\nx\r\n"`},
		{"empty boundary", "Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\nx\n", `text/plain[no-boundary]"--\r\n\r\nx\r\n"`},
		{"empty parts", multi + "\n--foo\n--foo\n\n--foo\n\n\n--foo--\n",
			`multipart/mixed{text/plain[no-blank-line]"" text/plain"" text/plain""}`},
		{"header ends at boundary", multi + "\n--foo\nContent-Type: text/html\n--foo\n\ny\n--foo--\n",
			`multipart/mixed{text/html[no-blank-line]"" text/plain"y"}`},
		{"no blank line before the first boundary", multi + "--foo\nContent-Type: text/html\n\nx\n--foo--\n",
			`multipart/mixed[no-blank-line]{text/html"x"}`},
		{"no blank line in a part", multi + "\n--foo\nHello there\n--foo\n\ny\n--foo--\n",
			`multipart/mixed{text/plain[no-blank-line]"Hello there" text/plain"y"}`},

		// RFC 2046 §5.1.1: a line begins with the boundary; the best match counts.
		{"inner boundary begins with outer", multi + "\n--foo\nContent-Type: multipart/mixed; boundary=foobar\n\n--foobar\n\nx\n--foobar--\n--foo\n\ny\n--foo--\n",
			`multipart/mixed{multipart/mixed{text/plain"x"} text/plain"y"}`},
		{"outer boundary begins with inner", "Content-Type: multipart/mixed; boundary=foobar\n\n--foobar\nContent-Type: multipart/mixed; boundary=foo\n\n--foo\n\nx\n--foo--\n--foobar\n\ny\n--foobar--\n",
			`multipart/mixed{multipart/mixed{text/plain"x"} text/plain"y"}`},
		{"same boundary inside", multi + "\n--foo\n" + multi + "\n--foo\n\nx\n--foo--\n--foo\n\ny\n--foo--\n",
			`multipart/mixed{multipart/mixed{text/plain"x"} text/plain"y"}`},
		{"almost boundaries", multi + "\n--foo\n\n-\n--\n-foo\n --foo\nx--foo\n--fo\n--foo--\n",
			`multipart/mixed{text/plain"-\r\n--\r\n-foo\r\n --foo\r\nx--foo\r\n--fo"}`},

		{"message", multi + "\n--foo\nContent-Type: message/rfc822\n\nSubject: in\n\nbody\n--foo--\n",
			`multipart/mixed{message/rfc822(text/plain"body")}`},
		{"message of message", "Content-Type: message/rfc822\n\nContent-Type: message/rfc822\n\nSubject: in\n\nb\n",
			`message/rfc822(message/rfc822(text/plain"b\r\n"))`},
		{"global message", "Content-Type: message/global\n\nSubject: in\n\nb\n", `message/global(text/plain"b\r\n")`},
		{"empty message", multi + "\n--foo\nContent-Type: message/rfc822\n--foo--\n",
			`multipart/mixed{message/rfc822[no-blank-line](text/plain[no-blank-line]"")}`},
		{"other message types", "Content-Type: message/delivery-status\n\nA: b\n\nC: d\n", `message/delivery-status"A: b\r\n\r\nC: d\r\n"`},
		{"encoded message", "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeAo=\n",
			`application/octet-stream[encoded-message]"U3ViamVjdDogeAo=\r\n"`},
		{"digest", "Content-Type: multipart/digest; boundary=foo\n\n--foo\n\nSubject: a\n\nx\n--foo\nContent-Type: text/plain\n\ny\n--foo--\n",
			`multipart/digest{message/rfc822(text/plain"x") text/plain"y"}`},
		{"unfinished message in unfinished multipart", multi + "\n--foo\nContent-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=bar\n\n--bar\n\nx\n--foo\n\ny\n--foo--\n",
			`multipart/mixed{message/rfc822(multipart/mixed[no-close-boundary]{text/plain"x"}) text/plain"y"}`},

		{"type without subtype", "Content-Type: text\n\nx\n", `text/plain[content-type]"x\r\n"`},
		{"image without subtype", "Content-Type: image\n\nx\n", `application/octet-stream[content-type]"x\r\n"`},
		{"multipart without subtype", "Content-Type: multipart; boundary=foo\n\n--foo\n\nx\n--foo--\n", `multipart/mixed[content-type]{text/plain"x"}`},
		{"nonsense type", "Content-Type: foo bar\n\nx\n", `text/plain[content-type]"x\r\n"`},
		{"empty type", "Content-Type:\n\nx\n", `text/plain[content-type]"x\r\n"`},
		{"first of two types", "Content-Type: text/html\nContent-Type: image/png\n\nx\n", `text/html[duplicate-field]"x\r\n"`},
		{"encoded multipart", "Content-Type: multipart/mixed; boundary=foo\nContent-Transfer-Encoding: base64\n\n--foo\n\nx\n--foo--\n",
			`multipart/mixed[encoding]{text/plain"x"}`},
		{"comments in the type", "Content-Type: (a) text (b) / (c) html (d); (e) charset (f) = (g) utf-8 (h)\n\nx\n", `text/html"x\r\n"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			msg := []byte(crlf(test.msg))
			p := ParseBytes(msg)
			if got := outline(msg, p); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			checkTree(t, msg, p)
			// With bare LF the tree is the same.
			bare := []byte(test.msg)
			want := strings.ReplaceAll(test.want, `\r`, "")
			if got := outline(bare, ParseBytes(bare)); got != want {
				t.Errorf("bare LF: got  %s\nwant %s", got, want)
			}
		})
	}
}

// checkTree checks what holds for every tree.
func checkTree(t *testing.T, msg []byte, root *Part) {
	t.Helper()
	if root.HeaderOffset != 0 || root.EndOffset != int64(len(msg)) {
		t.Fatalf("root is %d to %d, message has %d bytes", root.HeaderOffset, root.EndOffset, len(msg))
	}
	var check func(p *Part, isMessage bool)
	check = func(p *Part, isMessage bool) {
		if !(p.HeaderOffset <= p.BodyOffset && p.BodyOffset <= p.EndOffset) {
			t.Fatalf("offsets %d %d %d", p.HeaderOffset, p.BodyOffset, p.EndOffset)
		}
		if n := int64(bytes.Count(msg[p.BodyOffset:p.EndOffset], []byte("\n"))); n != p.Lines {
			t.Fatalf("%s at %d: %d lines, want %d", p.MediaType(), p.BodyOffset, p.Lines, n)
		}
		if n := int64(bytes.Count(msg[p.HeaderOffset:p.BodyOffset], []byte("\n"))); n != p.HeaderLines {
			t.Fatalf("%s at %d: %d header lines, want %d", p.MediaType(), p.HeaderOffset, p.HeaderLines, n)
		}
		if p.Type == "" || p.Subtype == "" || p.Encoding == "" || lowerASCII(p.RawType) != p.Type || lowerASCII(p.RawSubtype) != p.Subtype {
			t.Fatalf("type %q/%q raw %q/%q encoding %q", p.Type, p.Subtype, p.RawType, p.RawSubtype, p.Encoding)
		}
		if isMessage != (p.Envelope != nil) {
			t.Fatalf("%s at %d: message %v, envelope %v", p.MediaType(), p.HeaderOffset, isMessage, p.Envelope)
		}
		if p.IsMultipart() != (len(p.Parts) > 0) {
			t.Fatalf("%s with %d parts", p.MediaType(), len(p.Parts))
		}
		if isMsg := p.MediaType() == "message/rfc822" || p.MediaType() == "message/global"; isMsg != (p.Message != nil) {
			t.Fatalf("%s with message %v", p.MediaType(), p.Message)
		}
		at := p.BodyOffset
		for _, c := range p.Parts {
			if c.HeaderOffset < at || c.EndOffset > p.EndOffset {
				t.Fatalf("part %d to %d in body %d to %d", c.HeaderOffset, c.EndOffset, at, p.EndOffset)
			}
			at = c.EndOffset
			check(c, false)
		}
		if p.Message != nil {
			if p.Message.HeaderOffset != p.BodyOffset || p.Message.EndOffset != p.EndOffset {
				t.Fatalf("message %d to %d in body %d to %d", p.Message.HeaderOffset, p.Message.EndOffset, p.BodyOffset, p.EndOffset)
			}
			check(p.Message, true)
		}
	}
	check(root, true)
}

// parsePieces parses a message in pieces whose lengths next tells.
func parsePieces(msg []byte, opts Options, next func() int) *Part {
	p := NewParser(opts)
	for len(msg) > 0 {
		n := min(next(), len(msg))
		piece := bytes.Clone(msg[:n])
		p.Write(piece)
		for i := range piece {
			piece[i] = 'X' // The parser may not keep it.
		}
		msg = msg[n:]
	}
	root, _ := p.Finish()
	return root
}

func TestPiecesMakeNoDifference(t *testing.T) {
	t.Parallel()
	for _, m := range corpus.Messages(t) {
		msg := m.Data
		want := ParseBytes(msg)
		checkTree(t, msg, want)
		rnd := rand.New(rand.NewPCG(1, 2))
		for name, next := range map[string]func() int{
			"bytes":  func() int { return 1 },
			"random": func() int { return 1 + rnd.IntN(100) },
		} {
			if got := parsePieces(msg, Options{}, next); !reflect.DeepEqual(got, want) {
				t.Errorf("%s: in pieces (%s): %s, want %s", m.Name, name, outline(msg, got), outline(msg, want))
			}
		}
	}
}

func TestParseReader(t *testing.T) {
	t.Parallel()
	msg := crlf(multi + "\n--foo\n\n" + strings.Repeat("x\n", 100000) + "--foo--\n")
	p, err := Parse(strings.NewReader(msg))
	if err != nil {
		t.Fatal(err)
	}
	checkTree(t, []byte(msg), p)
	if p.Parts[0].Lines != 99999 {
		t.Errorf("%d lines, want 99999", p.Parts[0].Lines)
	}
	if string(p.Header) != crlf(multi+"\n") {
		t.Errorf("header %q", p.Header)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	nested := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=%dx\n\n--%dx\n", i, i)
		}
		return b.String() + "\nx\n"
	}
	tests := []struct {
		name, msg string
		opts      Options
		want      string
	}{
		{"depth", nested(3), Options{MaxDepth: 2},
			`multipart/mixed[no-close-boundary]{multipart/mixed[no-close-boundary]{application/octet-stream[too-deep]"--2x\r\n\r\nx\r\n"}}`},
		{"depth of messages", "Content-Type: message/rfc822\n\nContent-Type: message/rfc822\n\nSubject: x\n\ny\n", Options{MaxDepth: 1},
			`message/rfc822(application/octet-stream[too-deep]"Subject: x\r\n\r\ny\r\n")`},
		{"parts", multi + "\n--foo\n\n1\n--foo\n\n2\n--foo\n\n3\n--foo--\n", Options{MaxParts: 3},
			`multipart/mixed[too-many-parts]{text/plain"1" text/plain"2\r\n--foo\r\n\r\n3"}`},
		{"multipart at the limit of parts", multi + "\n--foo\nContent-Type: multipart/mixed; boundary=bar\n\n--bar\n\n1\n--bar--\n--foo--\n", Options{MaxParts: 2},
			`multipart/mixed{application/octet-stream[too-many-parts]"--bar\r\n\r\n1\r\n--bar--"}`},
		{"header bytes", "A: b\nSubject: much too long\nContent-Type: text/html\n\nx\n", Options{MaxHeaderBytes: 10}, `text/plain[header-too-large]"x\r\n"`},
		{"bytes of all headers", multi + "\n--foo\nContent-Type: text/html\n\n1\n--foo--\n", Options{MaxTotalHeaderBytes: 50},
			`multipart/mixed{text/plain[header-too-large]"1"}`},
		{"fields", "A: b\nB: c\nContent-Type: text/html\n\nx\n", Options{MaxHeaderFields: 2}, `text/plain[header-too-large]"x\r\n"`},
		{"elements", "Content-Type: text/html; a=b; c=d\nTo: a@b, c@d\n\nx\n", Options{MaxElements: 3}, `text/html[header-too-large,address]"x\r\n"`},
		{"text in a header that is too large", "A: b\nnot a field\nnor this\n\nx\n", Options{MaxHeaderBytes: 7}, `text/plain[header-too-large]"x\r\n"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			msg := []byte(crlf(test.msg))
			for _, size := range []int{len(msg), 1} {
				p := parsePieces(msg, test.opts, func() int { return size })
				if got := outline(msg, p); got != test.want {
					t.Errorf("pieces of %d: got  %s\nwant %s", size, got, test.want)
				}
				checkTree(t, msg, p)
			}
		})
	}
}

// Nothing that a stranger sends may take memory or time out of proportion.
func TestHostileMessages(t *testing.T) {
	t.Parallel()
	const size = 1000 << 10 // Below the limit of a header, so that all is looked at.
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	deep := func(format string) string {
		var b strings.Builder
		for i := 0; b.Len() < size; i++ {
			fmt.Fprintf(&b, format, i, i)
		}
		return b.String()
	}
	for name, msg := range map[string]string{
		"nested multiparts":        deep("Content-Type: multipart/mixed; boundary=%d\n\n--%d\n"),
		"nested, no blank lines":   deep("Content-Type: multipart/mixed; boundary=%d\nodd\n--%d\n"),
		"nested messages":          fill("Content-Type: message/rfc822\n\n"),
		"parts":                    multi + "\n" + fill("--foo\n"),
		"header without end":       fill("A: b\n"),
		"header line without end":  fill("A"),
		"odd header lines":         fill("abc\n"),
		"folded header":            "A: " + fill("\n b"),
		"addresses":                "To: " + fill("a,") + "\n\n",
		"angles":                   "To: " + fill(`<\",`) + "\n\n",
		"literals":                 "To: " + fill("[") + "\n\n",
		"comments":                 "To: " + fill("(") + "\n\n",
		"words":                    "To: " + fill("a ") + "\n\n",
		"quotes":                   "To: " + fill(`"a"`) + "\n\n",
		"groups":                   "To: " + fill("a:;") + "\n\n",
		"encoded words, open":      "Subject: " + fill("=?a?q?x") + "\n\n",
		"encoded words, base64":    "Subject: " + fill("=?a?b?x") + "\n\n",
		"encoded words, starts":    "Subject: " + fill("=?") + "\n\n",
		"message ids":              "References: " + fill("<a@") + "\n\n",
		"parameters":               "Content-Type: text/plain" + fill(";a*0=b") + "\n\n",
		"parameter, many words":    "Content-Type: text/plain; a=" + fill("b ") + "\n\n",
		"dashes below many parts":  deep("Content-Type: multipart/mixed; boundary=%d\n\n--%d\n")[:8000] + "\n" + fill("--\n"),
		"dashes without line ends": multi + "\n" + fill("--"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := ParseBytes([]byte(msg))
			checkTree(t, []byte(msg), p)
			if enc := AppendPart(nil, p); len(enc) > 4*size {
				t.Errorf("tree of %d bytes for a message of %d", len(enc), size)
			}
		})
	}
}
