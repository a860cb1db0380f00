package interop

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"mox/internal/corpus"
)

// mail is a message to be signed.
type mail struct {
	name string
	data []byte
}

// hardMail returns messages that canonicalization may go wrong for.
func hardMail() []mail {
	const header = "From: A <a@dkim.test>\r\nTo: b@example.org\r\nSubject: one two  three\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@dkim.test>\r\n"
	fields := func(name, more string) mail { return mail{name, []byte(header + more + "\r\nHello there.\r\n")} }
	body := func(name, text string) mail { return mail{name, []byte(header + "\r\n" + text)} }
	r := rand.New(rand.NewPCG(6376, 8463))
	var large strings.Builder
	for large.Len() < 100_000 {
		for range 1 + r.IntN(20) {
			large.WriteString(strings.Repeat(string(rune('a'+r.IntN(26))), 1+r.IntN(12)))
			large.WriteString([]string{" ", " ", "  ", "\t", " \t "}[r.IntN(5)])
		}
		large.WriteString(strings.Repeat("\r\n", 1+r.IntN(3)))
	}
	return []mail{
		body("ordinary", "Hello there.\r\n\r\nSecond  paragraph.\r\n"),
		{"no empty line", []byte(header)},
		body("empty body", ""),
		body("one empty line", "\r\n"),
		body("empty lines only", "\r\n\r\n\r\n"),
		body("white space only", " \r\n\t\r\n \t \r\n"),
		body("white space before empty lines", "text\r\n  \r\n\r\n"),
		body("one space", " "),
		body("no final CRLF", "Hello there."),
		body("no final CRLF after white space", "Hello there. \t"),
		body("no final CRLF after CRLF", "Hello there.\r\n "),
		body("final CR", "Hello there.\r"),
		body("final CR in a line", "Hello there.\r\n\r"),
		body("trailing empty lines", "Hello there.\r\n\r\n\r\n\r\n"),
		body("trailing white space", "Hello \t \r\n there.  \r\n \t\r\n"),
		body("leading white space", "\r\n \r\n\t Hello\t\tthere\r\n"),
		body("white space that is none", "Hello\v\f\u00a0there\v\r\n\f\r\nagain \f\r\n\v\r\n"),
		body("bare LF", "Hello\nthere \nagain\r\n\nend\r\n"),
		body("bare CR", "Hello\rthere \r\r\nagain\r\n\r\n"),
		body("NUL and control characters", "Hello\x00there\x01\x7f\x1b[0m\r\n\x00\r\n"),
		body("8-bit", "Gr\xfc\xdfe\r\ngr\u00fc\u00dfe\r\n\xff\xfe\r\n"),
		body("dots", ".\r\n..\r\n. \r\n"),
		body("long lines", strings.Repeat("x", 5000)+"\r\n"+strings.Repeat("y  ", 3000)+"\r\n"),
		body("From line", "From here on\r\n>From there\r\n"),
		body("like a header", "DKIM-Signature: v=1; a=rsa-sha256\r\nFrom: x\r\n"),
		body("large", large.String()),
		fields("folded", "References: <1@a>\r\n <2@a>\r\n\t<3@a>\r\n \t <4@a>\r\nIn-Reply-To:\r\n <4@a>\r\n"),
		fields("folded with white space", "References: <1@a> \r\n  <2@a>\t\r\n\t \t<3@a>  \r\n"),
		fields("folded with empty lines", "References: <1@a>\r\n \r\n\t\r\n <3@a>\r\n \r\n"),
		fields("duplicate fields", "Received: one\r\nReceived: two\r\nReceived: three\r\nCc: c@example.org\r\nCc: d@example.org\r\nComments: 1\r\nComments: 2\r\n"),
		fields("duplicate signed fields", "Reply-To: c@example.org\r\nSubject: second\r\nreply-to: d@example.org\r\nREPLY-TO:\r\n"),
		fields("empty fields", "Cc:\r\nReply-To: \r\nReferences:\t\r\nIn-Reply-To:\r\n \r\n"),
		fields("white space before the colon", "Cc : c@example.org\r\nReply-To\t: d@example.org\r\n"),
		fields("no space after the colon", "Cc:c@example.org\r\nReply-To:  \t d@example.org\t \r\n"),
		fields("case of names", "CC: c@example.org\r\nrEPLY-tO: d@example.org\r\n"),
		fields("8-bit header", "Cc: \u00dc <c@example.org>\r\nReply-To: \xdc <d@example.org>\r\n"),
		fields("white space that is none in the header", "Cc: \fc@example.org\v\r\nReply-To: d@example.org \u00a0\r\n"),
		fields("long field", "References: "+strings.Repeat("x", 3000)+"\r\nIn-Reply-To: "+strings.Repeat("<1@a> ", 500)+"\r\n"),
		fields("many fields", strings.Repeat("X-Spam: no\r\nCc: c@example.org\r\n", 200)),
		fields("list", "List-Id: <l.example.org>\r\nList-Unsubscribe: <mailto:l@example.org>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nMIME-Version: 1.0\r\nContent-Type: text/plain;\r\n\tcharset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"),
		fields("colons and equal signs", "Cc: \"a: b=c;\" <c=d;b=@example.org>\r\nReply-To: b=abc; <d@example.org>\r\n"),
		{"From last", []byte("Subject: x\r\nX: y\r\nFrom: a@dkim.test\r\n\r\nHello\r\n")},
		{"only From", []byte("From: a@dkim.test\r\n\r\n")},
	}
}

// corpusMail returns one in step of the messages of the corpus.
func corpusMail(t *testing.T, step int) []mail {
	t.Helper()
	var l []mail
	for i, m := range corpus.Messages(t) {
		if i%step == 0 {
			l = append(l, mail{m.Name, m.CRLF()})
		}
	}
	return l
}

// change is what happens to a signed message on its way.
type change struct {
	name string

	// apply changes the message, which it may not write to, or returns nil if it cannot.
	apply func(header, body []byte) (newHeader, newBody []byte)

	// Whether signatures survive with simple and with relaxed canonicalization, of what is
	// changed.
	simple, relaxed bool
	header          bool // The header is changed, not the body.
}

// field returns where a field is in a header, from the first byte to behind CRLF. It is the first that
// has the name.
func field(header []byte, name string) (start, end int) {
	lower := bytes.ToLower(append([]byte("\r\n"), header...))
	start = bytes.Index(lower, []byte("\r\n"+strings.ToLower(name)+":"))
	if start < 0 {
		return -1, -1
	}
	for end = start; ; {
		i := bytes.Index(header[end:], []byte("\r\n"))
		if i < 0 {
			return -1, -1
		}
		end += i + 2
		if end == len(header) || header[end] != ' ' && header[end] != '\t' {
			return start, end
		}
	}
}

// splice returns b with what is between start and end replaced.
func splice(b []byte, start, end int, text string) []byte {
	return append(append(append([]byte{}, b[:start]...), text...), b[end:]...)
}

// between finds a single space between two letters.
func between(b []byte) int {
	letter := func(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
	for i := 1; i+1 < len(b); i++ {
		if b[i] == ' ' && letter(b[i-1]) && letter(b[i+1]) {
			return i
		}
	}
	return -1
}

// changes are made to each message with the header without signatures, so that they are made to what is signed.
func changes() []change {
	body := func(f func(b []byte) []byte) func(h, b []byte) ([]byte, []byte) {
		return func(h, b []byte) ([]byte, []byte) {
			b = f(b)
			if b == nil {
				return nil, nil
			}
			return h, b
		}
	}
	of := func(name string, f func(h []byte, start, end int) []byte) func(h, b []byte) ([]byte, []byte) {
		return func(h, b []byte) ([]byte, []byte) {
			start, end := field(h, name)
			if start < 0 {
				return nil, nil
			}
			return f(h, start, end), b
		}
	}
	add := func(text string) func(h, b []byte) ([]byte, []byte) {
		return func(h, b []byte) ([]byte, []byte) { return append([]byte(text), h...), b }
	}
	return []change{
		{"line added", body(func(b []byte) []byte { return append(b[:len(b):len(b)], "x\r\n"...) }), false, false, false},
		{"letter of the body changed", body(func(b []byte) []byte {
			i := bytes.LastIndexAny(b, "aeiouxyz")
			if i < 0 {
				return nil
			}
			return splice(b, i, i+1, "_")
		}), false, false, false},
		{"empty lines added", body(func(b []byte) []byte {
			if len(b) > 0 && !bytes.HasSuffix(b, []byte("\r\n")) {
				return nil
			}
			return append(b[:len(b):len(b)], "\r\n\r\n"...)
		}), true, true, false},
		{"last CRLF gone", body(func(b []byte) []byte { return bytes.TrimSuffix(b, []byte("\r\n")) }), true, true, false},
		{"white space at the end of a line", body(func(b []byte) []byte {
			i := bytes.Index(b, []byte("\r\n"))
			if i < 0 {
				return nil
			}
			return splice(b, i, i, " \t")
		}), false, true, false},
		{"white space in a line", body(func(b []byte) []byte {
			i := between(b)
			if i < 0 {
				return nil
			}
			return splice(b, i, i+1, "\t  ")
		}), false, true, false},
		{"line broken", body(func(b []byte) []byte {
			i := between(b)
			if i < 0 {
				return nil
			}
			return splice(b, i, i+1, "\r\n")
		}), false, false, false},
		{"white space before a line", body(func(b []byte) []byte {
			if i := bytes.IndexByte(b, '\r'); i <= 0 || b[0] == ' ' || b[0] == '\t' {
				return nil
			}
			return append([]byte(" "), b...)
		}), false, false, false},

		{"From changed", of("From", func(h []byte, start, end int) []byte { return splice(h, end-2, end, "x\r\n") }), false, false, true},
		{"From gone", of("From", func(h []byte, start, end int) []byte { return splice(h, start, end, "") }), false, false, true},
		{"another From", add("From: c@example.org\r\n"), false, false, true},
		{"unsigned fields added", add("Received: by x\r\nX-Spam: no\r\nReturn-Path: <>\r\n"), true, true, true},
		{"From in capitals", of("From", func(h []byte, start, end int) []byte {
			if string(h[start:start+5]) == "FROM:" {
				return nil
			}
			return splice(h, start, start+5, "FROM:")
		}), false, true, true},
		{"From refolded", of("From", func(h []byte, start, end int) []byte {
			i := start + between(h[start:end])
			if i < start {
				return nil
			}
			return splice(h, i, i+1, " \r\n\t")
		}), false, true, true},
		{"From moved to the end", of("From", func(h []byte, start, end int) []byte {
			return append(splice(h, start, end, ""), h[start:end]...)
		}), true, true, true},
		{"From with white space at its end", of("From", func(h []byte, start, end int) []byte { return splice(h, end-2, end-2, " \t") }), false, true, true},
	}
}
