package message

import (
	"strings"
	"testing"

	"mox/internal/corpus"
)

func TestFields(t *testing.T) {
	t.Parallel()
	tests := []struct {
		header string
		want   []string // name=value, or ?line for one that is no field
	}{
		{"A: b\r\nC: d\r\n\r\nbody: x\r\n", []string{"A= b", "C= d"}},
		{"A: b\r\n c\r\n\td\r\nE:f\r\n", []string{"A= b\r\n c\r\n\td", "E=f"}},
		{"A: b\n c\nD: e", []string{"A= b\n c", "D= e"}},
		{"A : b\r\nC\t: d\r\n", []string{"A= b", "C= d"}}, // RFC 5322 §4.5.8
		{"A: b\r\n \r\n c\r\nD: e\r\n", []string{"A= b\r\n \r\n c", "D= e"}},
		{"A:\r\nB:", []string{"A=", "B="}},
		{"A: b:c\r\n", []string{"A= b:c"}},
		{"From a@b  now\r\nA: b\r\n", []string{"?From a@b  now\r\n", "A= b"}},
		{" x\r\nA: b\r\n", []string{"? x\r\n", "A= b"}},
		{"no colon\r\n folded\r\nA: b\r\n", []string{"?no colon\r\n folded\r\n", "A= b"}},
		{"a b: c\r\n: d\r\n\xe9: e\r\nA: b\r\n", []string{"?a b: c\r\n", "?: d\r\n", "?\xe9: e\r\n", "A= b"}},
		{"\r\nA: b\r\n", nil},
		{"\nA: b\r\n", nil},
		{"\r", []string{"?\r"}},
		{"", nil},
	}
	for _, test := range tests {
		var got []string
		all := ""
		for f := range Fields([]byte(test.header)) {
			if f.Name == nil {
				got = append(got, "?"+string(f.Raw))
			} else {
				got = append(got, string(f.Name)+"="+string(f.Value))
			}
			if f.Offset != len(all) {
				t.Errorf("%q: offset %d, want %d", test.header, f.Offset, len(all))
			}
			all += string(f.Raw)
		}
		if strings.Join(got, "|") != strings.Join(test.want, "|") {
			t.Errorf("%q: got %q, want %q", test.header, got, test.want)
		}
		if !strings.HasPrefix(test.header, all) {
			t.Errorf("%q: fields are %q", test.header, all)
		}
	}
	for range Fields([]byte("A: b\r\nC: d\r\n")) {
		break
	}
}

func TestAppendFields(t *testing.T) {
	t.Parallel()
	const header = "Received: x\r\n folded\r\nSubject: a\r\nodd line\r\nFROM: b\r\nReceived: y\r\n\r\n"
	tests := []struct {
		header string
		names  []string
		not    bool
		want   string
	}{
		{header, []string{"from", "subject"}, false, "Subject: a\r\nFROM: b\r\n\r\n"},
		{header, []string{"Received"}, false, "Received: x\r\n folded\r\nReceived: y\r\n\r\n"},
		{header, []string{"To"}, false, "\r\n"},
		{header, nil, false, "\r\n"},
		{header, nil, true, header},
		{header, []string{"RECEIVED", "from"}, true, "Subject: a\r\nodd line\r\n\r\n"},
		{header, []string{"Subjec", "Subject:", "odd line", ""}, false, "\r\n"},
		{"Subject: a\n\nSubject: body", []string{"Subject"}, false, "Subject: a\n\n"},
		// No blank line where the message has none.
		{"Subject: a", []string{"Subject"}, false, "Subject: a"},
		{"Subject: a\r\n", []string{"x"}, false, ""},
		{"", []string{"x"}, false, ""},
	}
	for _, test := range tests {
		if got := string(AppendFields([]byte("<"), []byte(test.header), test.names, test.not)); got != "<"+test.want {
			t.Errorf("%q not=%v: got %q, want %q", test.names, test.not, got, test.want)
		}
	}
}

func TestFieldsAndTheirComplementAreTheHeader(t *testing.T) {
	t.Parallel()
	names := []string{"Subject", "From", "To", "Date", "Received"}
	for _, m := range corpus.Messages(t) {
		header := ParseBytes(m.Data).Header
		blank := 0
		if endsInBlankLine(header) {
			blank = lineEndLen(header)
		}
		in, out := AppendFields(nil, header, names, false), AppendFields(nil, header, names, true)
		if len(in)+len(out) != len(header)+blank {
			t.Errorf("%s: %d and %d bytes of %d", m.Name, len(in), len(out), len(header))
		}
	}
}

func TestFirstField(t *testing.T) {
	t.Parallel()
	f, ok := FirstField([]byte("A: 1\r\nb: =?utf-8?q?2?=\r\nB: 3\r\n"), "B")
	if !ok || f.Text() != "2" {
		t.Errorf("got %q %v", f.Text(), ok)
	}
	if _, ok := FirstField([]byte("A: 1\r\n\r\nB: 2\r\n"), "B"); ok {
		t.Error("field found in the body")
	}
}

func TestUnfold(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		" a b ":                "a b",
		" a\r\n b":             "a b",
		"\ta\n\t b\r\n c\r\n":  "a\t b c",
		" a\r\n \r\n b":        "a  b",
		" \r\n":                "",
		"":                     "",
		"a\x00b\rc":            "abc",
		"\xe9":                 "\xe9",
		" =?utf-8?q?a?=\r\n b": "=?utf-8?q?a?= b",
	} {
		if got := Unfold([]byte(value)); string(got) != want || got == nil {
			t.Errorf("%q: got %q, want %q", value, got, want)
		}
	}
}
