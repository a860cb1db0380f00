package mbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

var when = time.Date(2002, 8, 22, 12, 36, 23, 0, time.UTC)

// readAll returns the messages of a file, with the offset after each.
func readAll(t *testing.T, file io.Reader) (messages []string, seps []Separator, offsets []int64, err error) {
	t.Helper()
	r := NewReader(file, 0)
	for {
		var b strings.Builder
		sep, err := r.Next(&b)
		if errors.Is(err, io.EOF) {
			return messages, seps, offsets, nil
		} else if err != nil {
			return messages, seps, offsets, err
		}
		messages, seps, offsets = append(messages, b.String()), append(seps, sep), append(offsets, r.Offset())
	}
}

func TestReader(t *testing.T) {
	t.Parallel()
	const from = "From ann@example.org Thu Aug 22 12:36:23 2002\n"
	for _, tc := range []struct {
		name, file string
		want       []string
	}{
		{"empty file", "", nil},
		{"only empty lines", "\n\n", nil},
		{"one", from + "A: b\n\ntext\n\n", []string{"A: b\r\n\r\ntext\r\n"}},
		{"two", from + "A: b\n\none\n\n" + from + "A: c\n\ntwo\n\n", []string{"A: b\r\n\r\none\r\n", "A: c\r\n\r\ntwo\r\n"}},
		{"no empty line at the end", from + "A: b\n\ntext\n", []string{"A: b\r\n\r\ntext\r\n"}},
		{"no line end at the end", from + "A: b\n\ntext", []string{"A: b\r\n\r\ntext"}},
		{"CRLF file", strings.ReplaceAll(from+"A: b\n\ntext\n\n"+from+"A: c\n\n\n", "\n", "\r\n"), []string{"A: b\r\n\r\ntext\r\n", "A: c\r\n\r\n"}},
		{"empty lines at the end belong to the message", from + "A: b\n\ntext\n\n\n\n" + from + "A: c\n\n\n", []string{"A: b\r\n\r\ntext\r\n\r\n\r\n", "A: c\r\n\r\n"}},
		{"empty message", from + "\n" + from + "\n", []string{"", ""}},
		{"quoted", from + "A: b\n\n>From here\n>>From there\n> From far\n>Fromage\n\n", []string{"A: b\r\n\r\nFrom here\r\n>From there\r\n> From far\r\n>Fromage\r\n"}},
		{"unquoted text", from + "A: b\n\nFrom now on\nall is well\n\nFrom here on: too\nx y: z\n\n", []string{"A: b\r\n\r\nFrom now on\r\nall is well\r\n\r\nFrom here on: too\r\nx y: z\r\n"}},
		{"unquoted, not after an empty line", from + "A: b\n\ntext\n" + from + "\n", []string{"A: b\r\n\r\ntext\r\n" + strings.TrimSuffix(from, "\n") + "\r\n"}},
		{"separator without time", "From x\nA: b\n\none\n\nFrom \nA: c\n\ntwo\n\n", []string{"A: b\r\n\r\none\r\n", "A: c\r\n\r\ntwo\r\n"}},
		{"bare CR stays", from + "A: b\n\na\rb\n\n", []string{"A: b\r\n\r\na\rb\r\n"}},
		{"begins with empty lines", "\n\n" + from + "A: b\n\n\n", []string{"A: b\r\n\r\n"}},
	} {
		for _, reader := range []io.Reader{strings.NewReader(tc.file), iotest.OneByteReader(strings.NewReader(tc.file))} {
			got, _, offsets, err := readAll(t, reader)
			if err != nil || fmt.Sprintf("%q", got) != fmt.Sprintf("%q", tc.want) {
				t.Errorf("%s: got %q, %v; want %q", tc.name, got, err, tc.want)
				continue
			}
			// From each offset, what is left is read.
			for i, offset := range offsets {
				rest, _, _, err := readAll(t, strings.NewReader(tc.file[offset:]))
				if err != nil || fmt.Sprintf("%q", rest) != fmt.Sprintf("%q", tc.want[i+1:]) {
					t.Errorf("%s: resumed after message %d: got %q, %v; want %q", tc.name, i+1, rest, err, tc.want[i+1:])
				}
			}
		}
	}
}

func TestReaderRefuses(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, tc := range []struct {
		file io.Reader
		err  error
	}{
		{strings.NewReader("Subject: no mbox\n\ntext\n"), ErrFormat},
		{strings.NewReader(">From x\n"), ErrFormat},
		{strings.NewReader("\x00\x01\x02"), ErrFormat},
		{io.MultiReader(strings.NewReader("From x\nA: b\n"), iotest.ErrReader(broken)), broken},
	} {
		if _, _, _, err := readAll(t, tc.file); !errors.Is(err, tc.err) {
			t.Errorf("got %v, want %v", err, tc.err)
		}
	}
}

func TestSeparator(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		line string
		want Separator
	}{
		{"From ann@example.org Thu Aug 22 12:36:23 2002\n", Separator{"ann@example.org", when}},
		{"From ann@example.org  Thu Aug 22 12:36:23 2002\r\n", Separator{"ann@example.org", when}},
		{"From - Thu Aug 22 12:36:23 2002\n", Separator{"-", when}},
		{"From \"a b\"@example.org Thu Aug 22 14:36:23 +0200 2002\n", Separator{"\"a b\"@example.org", when}},
		{"From x Thu Aug 22 14:36:23 2002 +0200\n", Separator{"x", when}},
		{"From x Thu Aug 22 12:36:23 UTC 2002\n", Separator{"x", when}},
		{"From x Thu Aug 22 12:36:23 2002 remote from y\n", Separator{"x", when}},
		{"From x Thu Aug  1 12:36 2002\n", Separator{"x", time.Date(2002, 8, 1, 12, 36, 0, 0, time.UTC)}},
		{"From x\n", Separator{Sender: "x"}},
		{"From x Thu Aug 42 12:36:23 2002\n", Separator{Sender: "x Thu Aug 42 12:36:23 2002"}},
		{"From \n", Separator{}},
	} {
		if got := parseSeparator([]byte(tc.line)); got != tc.want {
			t.Errorf("%q: got %v, want %v", tc.line, got, tc.want)
		}
	}
}

func TestWriter(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	w := NewWriter(&b)
	for _, message := range []string{"A: b\r\n\r\nFrom x\r\n>From y\r\nFromage\r\n", "A: c\r\n\r\nno end", ""} {
		if err := w.Message("a b\n@example.org", when, strings.NewReader(message)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	const from = "From ab@example.org Thu Aug 22 12:36:23 2002\n"
	if want := from + "A: b\n\n>From x\n>>From y\nFromage\n\n" + from + "A: c\n\nno end\n\n" + from + "\n"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
	if w.Written() != int64(b.Len()) {
		t.Errorf("written %d, want %d", w.Written(), b.Len())
	}

	broken := errors.New("broken")
	if err := NewWriter(io.Discard).Message("x", when, iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("broken message: %v", err)
	}
	full := NewWriter(failingWriter{broken})
	err := full.Message("x", when, strings.NewReader(strings.Repeat("x", 100_000)))
	if err == nil {
		err = full.Flush()
	}
	if !errors.Is(err, broken) {
		t.Errorf("broken file: %v", err)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

// Lines longer than any buffer are handled in pieces.
func TestLongLines(t *testing.T) {
	t.Parallel()
	for n := 65500; n < 65600; n++ {
		long := strings.Repeat("x", n)
		message := "A: b\r\n\r\n" + long + "\r\n\r\nFrom " + long + "\r\n" + long + "\rFrom \r\n"
		var b bytes.Buffer
		w := NewWriter(&b)
		for range 2 {
			if err := w.Message("x", when, strings.NewReader(message)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		got, _, _, err := readAll(t, &b)
		if err != nil || len(got) != 2 || got[0] != message || got[1] != message {
			t.Fatalf("line of %d bytes: %d messages, %v", n, len(got), err)
		}
	}
}

// Whatever is written comes back.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("A: b\n\ntext\n"), []byte("From x\n\n\n>From y\n"))
	f.Add([]byte(""), []byte("\n"))
	f.Add([]byte("From a Thu Aug 22 12:36:23 2002\nA: b\n"), []byte("\r\r\n"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		var file bytes.Buffer
		w := NewWriter(&file)
		var want []string
		for _, m := range [][]byte{a, b} {
			// A message as the store has it after an import.
			s := strings.ReplaceAll(string(m), "\r", "")
			s = strings.ReplaceAll(s, "\n", "\r\n")
			if s != "" && !strings.HasSuffix(s, "\r\n") {
				s += "\r\n"
			}
			want = append(want, s)
			if err := w.Message("x", when, strings.NewReader(s)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		got, seps, _, err := readAll(t, &file)
		if err != nil || fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
		for _, sep := range seps {
			if sep != (Separator{"x", when}) {
				t.Errorf("separator %v", sep)
			}
		}
	})
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("From x Thu Aug 22 12:36:23 2002\nA: b\n\ntext\n\nFrom y\nA: c\n\n\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		messages, _, offsets, err := readAll(t, bytes.NewReader(file))
		if err != nil && !errors.Is(err, ErrFormat) {
			t.Fatal(err)
		}
		last := int64(0)
		for i, m := range messages {
			for j := range len(m) {
				if m[j] == '\n' && (j == 0 || m[j-1] != '\r') {
					t.Errorf("message %d has a bare LF: %q", i, m)
				}
			}
			if offsets[i] < last || offsets[i] > int64(len(file)) {
				t.Errorf("offset %d after %d", offsets[i], last)
			}
			last = offsets[i]
		}
	})
}
