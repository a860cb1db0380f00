package smtp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestAppendReply(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789 ", 100)
	for _, tc := range []struct {
		code     int
		enhanced EnhancedCode
		texts    []string
		want     string
	}{
		{250, "2.1.5", []string{"ok"}, "250 2.1.5 ok\r\n"},
		{354, "", []string{"go on"}, "354 go on\r\n"},
		{250, "", nil, "250 \r\n"},
		{250, "", []string{"mx.example.org", "PIPELINING", "SIZE 1000"}, "250-mx.example.org\r\n250-PIPELINING\r\n250 SIZE 1000\r\n"},
		{550, "5.7.1", []string{"no", "", "see https://example.org"}, "550-5.7.1 no\r\n550-5.7.1 \r\n550 5.7.1 see https://example.org\r\n"},
		{550, "5.1.1", []string{"<a\r\n250 ok\x00\x1b[1m\xff@b\u0085>"}, "550 5.1.1 <a??250 ok??[1m?@b?>\r\n"},
		{550, "", []string{"pé"}, "550 pé\r\n"},
		{450, "4.0.0", []string{long}, "450-4.0.0 " + long[:494] + "\r\n450-4.0.0 " + long[495:989] + "\r\n450 4.0.0 " + long[990:] + "\r\n"},
	} {
		if got := string(AppendReply([]byte("x"), tc.code, tc.enhanced, tc.texts...)); got != "x"+tc.want {
			t.Errorf("got %q, want %q", got[1:], tc.want)
		}
	}
	// Without spaces and with long characters.
	for _, line := range strings.SplitAfter(string(AppendReply(nil, 450, "4.7.1", strings.Repeat("é", 1000))), "\n") {
		if len(line) > 512 || !utf8.ValidString(line) {
			t.Errorf("line of %d bytes: %q", len(line), line)
		}
	}
}

func TestReadReply(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in   string
		want Reply
		err  error
	}{
		{in: "220 mx.example.org ESMTP\r\n", want: Reply{220, "", []string{"mx.example.org ESMTP"}}},
		{in: "250\r\n", want: Reply{250, "", []string{""}}},
		{in: "250 \r\n", want: Reply{250, "", []string{""}}},
		{in: "250 ok\n", want: Reply{250, "", []string{"ok"}}},
		{in: "250-a\r\n250-\r\n250 b\r\n", want: Reply{250, "", []string{"a", "", "b"}}},
		{in: "550 5.1.1 no such user\r\n", want: Reply{550, "5.1.1", []string{"no such user"}}},
		{in: "550 5.1.1\r\n", want: Reply{550, "5.1.1", []string{""}}},
		{in: "550-5.1.1 no\r\n550-5.1.1 such\r\n550 user\r\n", want: Reply{550, "5.1.1", []string{"no", "such", "user"}}},
		{in: "250 2.6.0 <5.1.1@x> queued\r\n", want: Reply{250, "2.6.0", []string{"<5.1.1@x> queued"}}},
		{in: "450 5.1.1 unlike\r\n", want: Reply{450, "", []string{"5.1.1 unlike"}}}, // RFC 2034 §4.
		{in: "550 5.1 x\r\n", want: Reply{550, "", []string{"5.1 x"}}},
		{in: "550 5.1.1234 x\r\n", want: Reply{550, "", []string{"5.1.1234 x"}}},
		{in: "550 5.7.123 x\r\n", want: Reply{550, "5.7.123", []string{"x"}}},
		{in: "550 \x1b[31mred\x00\xff\r\n", want: Reply{550, "", []string{"?[31mred??"}}},
		{in: "550 " + strings.Repeat("x", 4000) + "\r\n", want: Reply{550, "", []string{strings.Repeat("x", 4000)}}},

		{in: "", err: io.EOF},
		{in: "2", err: io.ErrUnexpectedEOF},
		{in: "250 ok", err: io.ErrUnexpectedEOF},
		{in: "250-ok\r\n", err: io.ErrUnexpectedEOF},
		{in: "\r\n", err: ErrReply},
		{in: "25\r\n", err: ErrReply},
		{in: "2500 ok\r\n", err: ErrReply},
		{in: "25x ok\r\n", err: ErrReply},
		{in: "199 ok\r\n", err: ErrReply},
		{in: "600 ok\r\n", err: ErrReply},
		{in: "250_ok\r\n", err: ErrReply},
		{in: " 250 ok\r\n", err: ErrReply},
		{in: "hello\r\n", err: ErrReply},
		{in: "250-a\r\n550 b\r\n", err: ErrReply},
		{in: "250 " + strings.Repeat("x", 5000) + "\r\n", err: ErrReply},
		{in: "250 " + strings.Repeat("x", 100000), err: ErrReply},
		{in: strings.Repeat("250-x\r\n", 1000), err: ErrReply},
	} {
		got, err := ReadReply(bufio.NewReaderSize(strings.NewReader(tc.in), 16))
		if !errors.Is(err, tc.err) || !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%.50q: %+v, %v", tc.in, got, err)
		}
	}
}

func TestReadReplyLeavesWhatFollows(t *testing.T) {
	t.Parallel()
	br := bufio.NewReader(strings.NewReader("250-a\r\n250 b\r\n354 go\r\n"))
	for _, code := range []int{250, 354} {
		if r, err := ReadReply(br); r.Code != code || err != nil {
			t.Fatal(r, err)
		}
	}
	if _, err := ReadReply(br); err != io.EOF {
		t.Fatal(err)
	}
}

func TestNewError(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	for _, tc := range []struct {
		code     int
		enhanced EnhancedCode
		want     string
	}{
		{550, E511UnknownMailbox, "550 5.1.1 x"},
		{450, E422MailboxFull, "450 4.2.2 x"},
		{450, E511UnknownMailbox, "450 4.0.0 x"},
		{550, E422MailboxFull, "550 5.0.0 x"},
		{550, E200Other, "550 5.0.0 x"},
		{550, "", "550 5.0.0 x"},
		{550, "5.1", "550 5.0.0 x"},
		{550, "5.1.1 y", "550 5.0.0 x"},
		{550, "5.1.1\r\n", "550 5.0.0 x"},
		{250, E511UnknownMailbox, "451 4.3.0 x"},
		{0, "", "451 4.3.0 x"},
		{600, "", "451 4.3.0 x"},
		{-550, "", "451 4.3.0 x"},
	} {
		e := NewError(tc.code, tc.enhanced, "x", cause)
		if e.Reply() != tc.want || e.Error() != tc.want+": cause" || !errors.Is(e, cause) || e.Temporary() != (e.Code < 500) {
			t.Errorf("NewError(%d, %q): %v", tc.code, tc.enhanced, e)
		}
	}
	for _, tc := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{cause, true},
		{NewError(450, "", "", nil), true},
		{NewError(550, "", "", nil), false},
		{fmt.Errorf("x: %w", NewError(550, "", "", nil)), false},
	} {
		if IsTemporary(tc.err) != tc.want {
			t.Errorf("IsTemporary(%v) = %v", tc.err, !tc.want)
		}
	}
}

func TestEnhancedCodeOf(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		code  EnhancedCode
		class int
		want  EnhancedCode
	}{
		{E571NotAuthorized, 4, "4.7.1"},
		{E5110NullMX, 4, "4.1.10"},
		{E422MailboxFull, 5, "5.2.2"},
		{E571NotAuthorized, 2, "2.7.1"},
		{E571NotAuthorized, 3, ""},
		{E571NotAuthorized, 0, ""},
		{"", 4, ""},
		{"5.01.1", 4, ""},
		{"x.1.1", 4, ""},
	} {
		if got := tc.code.Of(tc.class); got != tc.want {
			t.Errorf("%q.Of(%d) = %q, want %q", tc.code, tc.class, got, tc.want)
		}
	}
}

// What is read can be written and read again as the same.
func FuzzReadReply(f *testing.F) {
	for _, s := range []string{"220 mx ESMTP\r\n", "250-a\r\n250 b\r\n", "550-5.1.1 no\r\n550 5.1.1 user\r\n", "250\n", "550 5.1.1\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ReadReply(bufio.NewReaderSize(strings.NewReader(s), 16))
		if err != nil {
			return
		}
		wire := string(r.AppendTo(nil))
		for _, line := range strings.SplitAfter(wire, "\n") {
			if len(line) > 512 || strings.ContainsAny(strings.TrimSuffix(line, "\r\n"), "\r\n\x00") {
				t.Fatalf("%q is written as %q", s, wire)
			}
		}
		again, err := ReadReply(bufio.NewReader(strings.NewReader(wire)))
		if err != nil || again.Code != r.Code || again.Enhanced != r.Enhanced && r.Enhanced != "" {
			t.Fatalf("%q is written as %q: %+v, %v", s, wire, again, err)
		}
	})
}
