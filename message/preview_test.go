package message

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"mox/internal/corpus"
)

func TestPreview(t *testing.T) {
	t.Parallel()
	html := "Content-Type: text/html\n\n"
	tests := []struct{ name, msg, want string }{
		{"plain", "\nHello,\n\nthis is\ta  text.\n", "Hello, this is a text."},
		{"empty", "\n", ""},
		{"white space", "\n \n\t\n", ""},
		{"quoted text", "\nOn Monday, Joe wrote:\n> old\n> older\n\nnew\n", "new"},
		{"quoted text only", "\n> old\n> older\n", "> old > older"},
		{"signature", "\ntext\n-- \nJoe\n", "text"},
		{"outlook quote", "\ntext\n\n-----Original Message-----\nFrom: x\n", "text"},
		{"rules", "\n=======\ntext\n-----\nmore\n", "text more"},
		{"colon before no quote", "\nlist:\nitem\n", "list: item"},
		{"control characters", "\na\x07b\x1b[0mc\n", "ab[0mc"},
		{"html", html + "<html><head><title>T</title><style>p{}</style></head><body><p>Hello<br>wor<b>ld</b></p><script>x()</script><td>1</td><td>2</td>", "Hello world 1 2"},
		{"html entities", html + "a&amp;b&nbsp;&nbsp;&eacute;&lt;x&gt;", "a&b é<x>"},
		{"html quote", html + "<blockquote>old<blockquote>older</blockquote></blockquote>new", "new"},
		{"html quote only", html + "<blockquote>old</blockquote>", "old"},
		{"html comments", html + "<!-- c --><!doctype html>a", "a"},
		{"html filled with nothing", html + "Sale!" + strings.Repeat("&zwnj;&nbsp;&#847; ", 100) + "now", "Sale! now"},
		{"html broken", html + "<p>a<b", "a"},
		{"plain is better than html", "Content-Type: multipart/alternative; boundary=a\n\n--a\nContent-Type: text/html\n\nhtml\n--a\n\nplain\n--a--\n", "plain"},
		{"empty plain", "Content-Type: multipart/alternative; boundary=a\n\n--a\n\n\n--a\nContent-Type: text/html\n\nhtml\n--a--\n", "html"},
		{"attachment", "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Disposition: attachment\n\nno\n--a\n\nyes\n--a--\n", "yes"},
		{"no text", "Content-Type: image/png\n\nxxx\n", ""},
		{"encoded", "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n=E4=\n=F6\n", "äö"},
		{"long", "\n" + strings.Repeat("äöü ", 100), strings.TrimSpace(strings.Repeat("äöü ", 64))},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			msg := []byte(crlf(test.msg))
			got, err := Preview(bytes.NewReader(msg), ParseBytes(msg), MaxPreview)
			if err != nil || got != test.want {
				t.Errorf("got %q %v, want %q", got, err, test.want)
			}
		})
	}
}

// failingReaderAt is a message whose body cannot be read.
type failingReaderAt struct{}

func (failingReaderAt) ReadAt([]byte, int64) (int, error) { return 0, io.ErrClosedPipe }

func TestPreviewReturnsErrorsOfReading(t *testing.T) {
	t.Parallel()
	if _, err := Preview(failingReaderAt{}, ParseBytes([]byte("\nx\n")), MaxPreview); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
}

func TestPreviewsAreFitToShow(t *testing.T) {
	t.Parallel()
	for _, m := range corpus.Messages(t) {
		for _, max := range []int{1, 10, MaxPreview} {
			s, err := Preview(bytes.NewReader(m.Data), ParseBytes(m.Data), max)
			if err != nil {
				t.Fatal(err)
			}
			if !utf8.ValidString(s) || utf8.RuneCountInString(s) > max || s != strings.TrimSpace(s) || strings.Contains(s, "  ") || strings.IndexFunc(s, unicode.IsControl) >= 0 {
				t.Errorf("%s: preview %q", m.Name, s)
			}
		}
	}
}

// The beginning of a text gives the preview that the whole text gives.
func TestPreviewOfBeginning(t *testing.T) {
	t.Parallel()
	lines := []string{"", "> quoted", "On Monday, Ann wrote:", "-- ", "=====", "a word", strings.Repeat("many words ", 40), "-----Original Message-----", "\xff\xfe"}
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		var b strings.Builder
		b.WriteString("Content-Type: text/plain; charset=utf-8\r\n\r\n")
		quoted := r.IntN(3) > 0
		for b.Len() < r.IntN(12<<10) {
			line := lines[r.IntN(len(lines))]
			if quoted && r.IntN(50) > 0 {
				line = "> quoted text of a line"
			}
			b.WriteString(line + "\r\n")
		}
		root := ParseBytes([]byte(b.String()))
		got, err := Preview(strings.NewReader(b.String()), root, 256)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(root.TextReader(strings.NewReader(b.String())))
		if err != nil {
			t.Fatal(err)
		}
		w := previewWriter{max: 256}
		previewLines(&w, string(text), false, true)
		if w.n == 0 {
			w = previewWriter{max: 256}
			previewLines(&w, string(text), true, true)
		}
		if want := w.b.String(); got != want {
			t.Fatalf("%q:\ngot  %q\nwant %q", b.String(), got, want)
		}
	}
}
