package imap

import (
	"strings"
	"testing"
)

func TestAppendString(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxQuoted)
	for in, want := range map[string]string{
		"":         `""`,
		"a b":      `"a b"`,
		`a"b\c`:    `"a\"b\\c"`,
		"a\tb":     "\"a\tb\"",
		"NIL":      `"NIL"`,
		"a\r\nb":   "{4}\r\na\r\nb",
		"\n":       "{1}\r\n\n",
		"été":      "{5}\r\nété",
		"\xff\"":   "{2}\r\n\xff\"",
		"a\x00b":   "{2}\r\nab",
		"\x00":     "{0}\r\n",
		long:       `"` + long + `"`,
		long + "x": "{1025}\r\n" + long + "x",
	} {
		if got := string(AppendString([]byte("("), in)); got != "("+want {
			t.Errorf("%q: got %q, expected %q", in, got, want)
		}
	}
	if got := string(AppendNString(nil, "")); got != "NIL" {
		t.Errorf("empty nstring: got %q", got)
	}
	if got := string(AppendNString(nil, "a")); got != `"a"` {
		t.Errorf("nstring: got %q", got)
	}
}
