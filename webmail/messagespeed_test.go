package webmail

import (
	"fmt"
	"strings"
	"testing"

	"mox/store"
)

// Large messages.
func largeHTML(size int) string {
	row := `<tr><td style="padding:10px;color:#333"><a href="https://click.example.org/?u=1">Offer</a> <img src="https://img.example.org/a.png" width=200><p>Some words about the <b>offer</b> of this week.</p></td></tr>` + "\n"
	return "From: joe@example.com\nSubject: large\nContent-Type: text/html\n\n<html><body><table>" + strings.Repeat(row, size/len(row)) + "</table></body></html>\n"
}

func manyParts(n int) string {
	var b strings.Builder
	b.WriteString("From: joe@example.com\nSubject: many\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n")
	for i := range n {
		fmt.Fprintf(&b, "--b\nContent-Type: application/octet-stream; name=\"file\"\nContent-Disposition: attachment; filename=\"file %d.bin\"\nContent-Transfer-Encoding: base64\n\nAAAA\n", i)
	}
	b.WriteString("--b--\n")
	return b.String()
}

func deepParts(n int) string {
	var b strings.Builder
	b.WriteString("From: joe@example.com\nSubject: deep\nMIME-Version: 1.0\n")
	for i := range n {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
	}
	b.WriteString("Content-Type: text/plain\n\nbottom\n")
	return b.String()
}

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
	_ = store.System
}
