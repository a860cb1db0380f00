package webmail

import (
	"fmt"
	"strings"
	"testing"
)

// largeHTML returns a newsletter of about size bytes.
func largeHTML(size int) string {
	row := `<tr><td style="padding:10px;color:#333"><a href="https://click.example.org/?u=1">Offer</a> <img src="https://img.example.org/a.png" width=200><p>Some words about the <b>offer</b> of this week.</p></td></tr>` + "\n"
	return "From: joe@example.com\nSubject: large\nContent-Type: text/html\n\n<html><body><table>" + strings.Repeat(row, size/len(row)) + "</table></body></html>\n"
}

// manyParts returns a message with n files.
func manyParts(n int) string {
	var b strings.Builder
	b.WriteString("From: joe@example.com\nSubject: many\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n")
	for i := range n {
		fmt.Fprintf(&b, "--b\nContent-Type: application/octet-stream; name=\"file\"\nContent-Disposition: attachment; filename=\"file %d.bin\"\nContent-Transfer-Encoding: base64\n\nAAAA\n", i)
	}
	b.WriteString("--b--\n")
	return b.String()
}

// deepParts returns a message whose parts are n deep.
func deepParts(n int) string {
	var b strings.Builder
	b.WriteString("From: joe@example.com\nSubject: deep\nMIME-Version: 1.0\n")
	for i := range n {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
	}
	b.WriteString("Content-Type: text/plain\n\nbottom\n")
	return b.String()
}

// BenchmarkMessage opens messages: for the first time, and again.
func BenchmarkMessage(b *testing.B) {
	e := newEnv(b)
	for name, text := range map[string]string{
		"small":    simple("joe@example.com", "hi", "Hello"),
		"html10M":  largeHTML(10 << 20),
		"text10M":  simple("joe@example.com", "long", strings.Repeat("> Some words and https://example.org/path in a line\nof text that goes on, by joe@example.org.\n", 10<<20/96)),
		"parts10k": manyParts(10000),
		"deep":     deepParts(90),
	} {
		added := e.deliver("", text)
		for _, cold := range []bool{true, false} {
			b.Run(fmt.Sprintf("%s/cold=%v", name, cold), func(b *testing.B) {
				for b.Loop() {
					if cold {
						e.server.reader = newReader()
					}
					if _, err := e.api.Message(e.ctx, added.Email.String(), "", false); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// However large a message is, only some of it is read and told, and a page is told that there is more.
func TestLargeMessages(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for name, text := range map[string]string{"HTML": largeHTML(3 << 20), "text": simple("joe@example.com", "long", strings.Repeat("a line\n", 500_000)), "parts": manyParts(10_000), "depth": deepParts(150)} {
		added := e.deliver("", text)
		m, err := e.api.Message(e.ctx, added.Email.String(), "", false)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		eachPart(m.Tree, func(Part) { n++ })
		if n > maxTree || len(m.Attachments) > maxFiles {
			t.Errorf("%s: %d parts, %d attachments", name, n, len(m.Attachments))
		}
		if len(m.Hints) != 1 || m.Hints[0].Kind != HintIncomplete {
			t.Errorf("%s: hints %+v", name, m.Hints)
		}
		_, short := e.get("/message/" + added.Email.String() + "/html")
		_, long := e.get("/message/" + added.Email.String() + "/html?all=1")
		if len(short) > 3*shortText || (name == "HTML" || name == "text") && len(long) < 3<<20 {
			t.Errorf("%s: %d bytes at first, then %d", name, len(short), len(long))
		}
	}
}

// What is remembered of messages does not grow without end.
func TestOpenedMessages(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	open := func(n int) *opened {
		added := e.deliver("", simple("joe@example.com", fmt.Sprint("m", n), "x"))
		o, err := e.server.reader.open(e.ctx, e.acc, e.session.Actor(), added.Email)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	r := e.server.reader
	for i := range openedCount + 20 {
		open(i)
	}
	if r.used.Len() != openedCount || len(r.byKey) != openedCount {
		t.Errorf("%d and %d messages, want %d", r.used.Len(), len(r.byKey), openedCount)
	}
	o := open(-1)
	r.grown(o, openedBytes)
	if r.used.Len() != 1 || len(r.byKey) != 1 || r.bytes != o.weight {
		t.Errorf("%d messages, %d bytes, after one of %d", r.used.Len(), r.bytes, o.weight)
	}
	open(-2)
	r.grown(o, 1) // Nobody keeps it any more.
	if r.used.Len() != 1 || r.bytes > openedBytes {
		t.Errorf("%d messages, %d bytes", r.used.Len(), r.bytes)
	}
}
