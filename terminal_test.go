package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"mox/internal/ctl"
)

// hostile is text that would retitle and clear a terminal, in 7 and 8 bits, overwrite a line, and show it in another order.
const hostile = "\x1b]0;owned\a\x1b[2J\u009b2J\x9b2J\rok\b\x7f\u202efdp.exe\u2066\u200f\u2028"

// checkHarmless looks whether a text can command a terminal.
func checkHarmless(t *testing.T, what, s string) {
	t.Helper()
	for i, r := range s {
		if r == utf8.RuneError && !strings.HasPrefix(s[i:], "\ufffd") || r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029') {
			t.Errorf("%s: %q at byte %d of %q", what, r, i, s)
		}
	}
}

func TestTextWriter(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                              "",
		"plain\ttext\nand more\n":       "plain\ttext\nand more\n",
		"für 日本 👩\u200d💻, e\u0301\n":    "für 日本 👩\u200d💻, e\u0301\n",
		"mail\r\nhas CR LF\r\n":         "mail\r\nhas CR LF\r\n",
		"\x1b[31mred":                   `\u001b[31mred`,
		"over\rwritten":                 `over\u000dwritten`,
		"\a\b\x00\x7f":                  `\u0007\u0008\u0000\u007f`,
		"\u0080\u009b2J\u009f":          `\u0080\u009b2J\u009f`,
		"\x80\x9b2J\x9f\xff":            "\ufffd\ufffd2J\ufffd\ufffd",
		"\u202ertl\u202c \u2066x\u2069": `\u202ertl\u202c \u2066x\u2069`,
		"a\u2028b\u2029\u061c\u200e":    `a\u2028b\u2029\u061c\u200e`,
		"\xf0\x9f\x91.":                 "\ufffd\ufffd\ufffd.",
	} {
		// In two pieces, cut at each place.
		for i := range len(in) + 1 {
			var b strings.Builder
			w := &textWriter{w: &b}
			for _, part := range []string{in[:i], in[i:]} {
				if n, err := io.WriteString(w, part); n != len(part) || err != nil {
					t.Fatalf("%q: %d, %v", part, n, err)
				}
			}
			if b.String() != want {
				t.Errorf("%q, cut at %d: %q, want %q", in, i, b.String(), want)
			}
		}
		if got := printableText(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	// What is never continued.
	for in, want := range map[string]string{"x\xf0\x9f": "x\ufffd", "x\r": `x\u000d`} {
		if got := printableText(in); got != want {
			t.Errorf("cut off: %q, want %q", got, want)
		}
	}
	broken := errors.New("broken")
	if _, err := (&textWriter{w: brokenWriter{broken}}).Write([]byte("\x1b")); !errors.Is(err, broken) {
		t.Errorf("error of the writer below: %v", err)
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

// JSON stays what it is.
func TestTextWriterJSON(t *testing.T) {
	t.Parallel()
	in := strings.ToValidUTF8(hostile, "")
	var b strings.Builder
	enc := json.NewEncoder(&textWriter{w: &b})
	if err := enc.Encode(in); err != nil {
		t.Fatal(err)
	}
	checkHarmless(t, "JSON", b.String())
	var out string
	if err := json.Unmarshal([]byte(b.String()), &out); err != nil || out != in {
		t.Errorf("%q, %v; want %q", out, err, in)
	}
}

func FuzzTextWriter(f *testing.F) {
	f.Add([]byte(hostile), 5)
	f.Add([]byte("plain\n"), 1)
	f.Fuzz(func(t *testing.T, in []byte, cut int) {
		var whole, parts bytes.Buffer
		(&textWriter{w: &whole}).Write(in)
		checkHarmless(t, "output", strings.ReplaceAll(whole.String(), "\r\n", "\n"))
		w := &textWriter{w: &parts}
		cut = min(max(cut, 0), len(in))
		w.Write(in[:cut])
		w.Write(in[cut:])
		if !bytes.Equal(whole.Bytes(), parts.Bytes()) {
			t.Errorf("%q, cut at %d: %q, want %q", in, cut, parts.Bytes(), whole.Bytes())
		}
	})
}

// What the running server says may be from who has broken into it, or sent mail to it. It is shown to root.
func TestServerCannotCommandTerminal(t *testing.T) {
	t.Parallel()
	path := localserveDirectory(t)
	l, err := ctl.Listen(filepath.Join(filepath.Dir(path), "data"))
	if err != nil {
		t.Fatal(err)
	}
	s := ctl.New(ctl.Options{Handlers: map[string]ctl.Handler{
		"recount": func(context.Context, *ctl.Call) (any, error) { return nil, errors.New(hostile) },
		"bumpuidvalidity": func(context.Context, *ctl.Call) (any, error) {
			return []map[string]any{{"Name": hostile, "UIDValidity": 1}}, nil
		},
		"verifydata": func(_ context.Context, c *ctl.Call) (any, error) {
			return nil, errors.Join(c.Progress(map[string]string{"What": hostile, "Cure": hostile}), errors.New(hostile))
		},
		"queue.dump": func(_ context.Context, c *ctl.Call) (any, error) {
			_, err := io.WriteString(c.Output(), hostile)
			return nil, err
		},
	}})
	go s.Serve(l)
	defer s.Shutdown(context.Background())
	for _, tc := range []struct {
		args string
		code int
		want string
	}{
		{"recalculatemailboxcounts mox", exitFailure, `\u001b]0;owned\u0007\u001b[2J\u009b2J`},
		{"bumpuidvalidity mox", exitOK, `\u000dok\u0008\u007f\u202efdp.exe\u2066\u200f\u2028: UIDVALIDITY is 1`},
		{"verifydata", exitFailure, `\u009b2J`},
		{"\u202e\x1b[2J\x9b", exitUsage, "unknown subcommand"},
	} {
		code, out, errs := mox(t, append([]string{"--config", path}, strings.Fields(tc.args)...)...)
		if code != tc.code || !strings.Contains(out+errs, tc.want) {
			t.Errorf("mox %s: exit code %d, %s%s; want %s", tc.args, code, out, errs, tc.want)
		}
		checkHarmless(t, tc.args+", output", out)
		checkHarmless(t, tc.args+", errors", errs)
	}
	// A message goes into a file or a program as it is.
	if code, out, errs := mox(t, "--config", path, "queue", "dump", "1"); code != exitOK || out != hostile {
		t.Errorf("queue dump: exit code %d, %q, %s", code, out, errs)
	}
}
