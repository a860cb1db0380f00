package wire

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"mox/imap"
)

// encode returns what fn writes, through a small buffer.
func encode(t *testing.T, utf8 bool, fn func(e *Encoder)) string {
	t.Helper()
	var b bytes.Buffer
	e := NewEncoder(bufio.NewWriterSize(&b, 16))
	e.UTF8 = utf8
	fn(e)
	if err := e.Flush(); err != nil {
		t.Error(err)
	}
	return b.String()
}

func TestEncoder(t *testing.T) {
	t.Parallel()
	text := "x y"
	for _, tc := range []struct {
		want string
		fn   func(e *Encoder)
	}{
		{"* 172 EXISTS\r\n", func(e *Encoder) { e.Untagged().Number(172).Atom("EXISTS").CRLF() }},
		{"* 12 FETCH (FLAGS (\\Seen $Junk) UID 7 MODSEQ (9223372036854775807))\r\n", func(e *Encoder) {
			e.Untagged().Number(12).Atom("FETCH").Open()
			e.Atom("FLAGS").Flags(imap.FlagSeen, []string{"$Junk"}, false)
			e.Atom("UID").Number(7)
			e.Atom("MODSEQ").Open().Number64(1<<63 - 1).Close()
			e.Close().CRLF()
		}},
		{"* FLAGS ()\r\n* FLAGS (\\Recent)\r\n* FLAGS (\\Draft \\Recent a b)\r\n", func(e *Encoder) {
			e.Untagged().Atom("FLAGS").Flags(0, nil, false).CRLF()
			e.Untagged().Atom("FLAGS").Flags(0, nil, true).CRLF()
			e.Untagged().Atom("FLAGS").Flags(imap.FlagDraft, []string{"a", "b"}, true).CRLF()
		}},
		{"* LIST (\\HasNoChildren) \"/\" \"Entw&APw-rfe \\\"&-\"\r\n", func(e *Encoder) {
			e.Untagged().Atom("LIST").Open().Atom(`\HasNoChildren`).Close().String("/").Mailbox(`Entwürfe "&`).CRLF()
		}},
		{"((a) (b NIL) ()) \"x y\" NIL \"\"\r\n", func(e *Encoder) {
			e.Open().Open().Atom("a").Close().Open().Atom("b").Nil().Close().Open().Close().Close().NString(&text).NString(nil).String("").CRLF()
		}},
		{"* ESEARCH (TAG \"a1\") UID ALL 1:3,5 x 9\r\n", func(e *Encoder) {
			e.Untagged().Atom("ESEARCH").Open().Atom("TAG").String("a1").Close().Atom("UID").Atom("ALL").UIDSet(imap.SetOf[imap.UID](1, 2, 3, 5))
			e.RawBytes([]byte("x")).SeqSet(imap.SetOf[imap.SeqNum](9)).CRLF()
		}},
		{"INTERNALDATE \" 7-Feb-1994 21:52:25 -0800\"\r\n", func(e *Encoder) {
			e.Atom("INTERNALDATE").DateTime(time.Date(1994, time.February, 7, 21, 52, 25, 0, time.FixedZone("", -8*3600))).CRLF()
		}},
		{"(BODY[1.HEADER]<5> {3}\r\nabc BINARY[] ~{2}\r\n\x00\x01 BODY[] {0}\r\n)\r\n", func(e *Encoder) {
			e.Open().Section("BODY", &Section{Path: []int{1}, Text: SectionHeader, Partial: true, Offset: 5}).Literal(strings.NewReader("abcdef"), 3, false)
			e.Section("BINARY", &Section{}).Literal(iotest.OneByteReader(strings.NewReader("\x00\x01")), 2, true)
			e.Section("BODY", &Section{}).Literal(strings.NewReader(""), 0, false).Close().CRLF()
		}},
		{"a1 OK [READ-WRITE] SELECT completed\r\n", func(e *Encoder) { e.Status([]byte("a1"), imap.StatusOK, imap.CodeReadWrite, "SELECT completed") }},
		{"* OK [UIDNEXT 5] .\r\n", func(e *Encoder) { e.Status(nil, imap.StatusOK, imap.UIDNext(5), "") }},
		{"a NO caf?  x  y\r\n", func(e *Encoder) { e.Status([]byte("a"), imap.StatusNo, "", "café\r\nx\x00\x7fy") }},
		{"a BAD [TOOBIG] Too big\r\n", func(e *Encoder) {
			e.Error([]byte("a"), &imap.Error{Status: imap.StatusBad, Code: imap.CodeTooBig, Text: "Too big", Err: io.EOF})
		}},
		{"* BYE Bye\r\n", func(e *Encoder) { e.Error([]byte("a"), imap.Bye("", "Bye", nil)) }},
		{"+ go on\r\n", func(e *Encoder) { e.Continue("go on") }},
		{"* x\r\na b\r\n", func(e *Encoder) { e.Untagged().Atom("x").CRLF().Tagged([]byte("a")).Atom("b").CRLF() }},
	} {
		if got := encode(t, false, tc.fn); got != tc.want {
			t.Errorf("got      %q\nexpected %q", got, tc.want)
		}
	}
	if got := encode(t, true, func(e *Encoder) { e.Mailbox("Entwürfe & \"\\").Status(nil, imap.StatusOK, "", "café") }); got != "\"Entwürfe & \\\"\\\\\" * OK café\r\n" {
		t.Errorf("UTF-8: got %q", got)
	}
	if got := encode(t, true, func(e *Encoder) { e.Mailbox("a\r\nb") }); got != "{4}\r\na\r\nb" {
		t.Errorf("line end in name: got %q", got)
	}
}

// What is announced and does not come cannot be mended: nothing more may be written.
func TestShortLiteral(t *testing.T) {
	t.Parallel()
	fault := errors.New("fault")
	for name, r := range map[string]io.Reader{
		"end":   strings.NewReader("abc"),
		"fault": io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(fault)),
		"idle":  idleReader{},
	} {
		var b bytes.Buffer
		e := NewEncoder(bufio.NewWriterSize(&b, 16))
		e.Literal(r, 4, false).CRLF().Status([]byte("a"), imap.StatusOK, "", "done")
		err := e.Flush()
		if !errors.Is(err, ErrShortLiteral) || e.Err() != err {
			t.Errorf("%s: got error %v", name, err)
		}
		if name == "fault" && !errors.Is(err, fault) {
			t.Errorf("%s: cause is lost: %v", name, err)
		}
		if strings.Contains(b.String(), "OK") {
			t.Errorf("%s: wrote %q", name, b.String())
		}
	}
}

// idleReader never has anything.
type idleReader struct{}

func (idleReader) Read([]byte) (int, error) { return 0, nil }

func TestLiteralReadsNoFurther(t *testing.T) {
	t.Parallel()
	r := strings.NewReader(strings.Repeat("x", 1000))
	got := encode(t, false, func(e *Encoder) { e.Literal(r, 500, false) })
	if got != "{500}\r\n"+strings.Repeat("x", 500) || r.Len() != 500 {
		t.Errorf("got %d bytes, left %d", len(got), r.Len())
	}
}

func TestEncoderError(t *testing.T) {
	t.Parallel()
	e := NewEncoder(bufio.NewWriter(failWriter{}))
	e.Untagged().Atom("OK").CRLF()
	if err := e.Flush(); err != io.ErrClosedPipe {
		t.Errorf("got %v", err)
	}
	e.Untagged().Literal(strings.NewReader("abc"), 3, false).RawBytes([]byte("x")).CRLF()
	if err := e.Flush(); err != io.ErrClosedPipe || e.Err() != err {
		t.Errorf("got %v", err)
	}
	var b bytes.Buffer
	e.Reset(bufio.NewWriter(&b))
	e.Untagged().Atom("OK").CRLF()
	if err := e.Flush(); err != nil || b.String() != "* OK\r\n" {
		t.Errorf("after Reset: got %q, %v", b.String(), err)
	}
}

type failWriter struct{}

func (failWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestAppendAString(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"a": "a", "Subject": "Subject", "": `""`, "nil": `"nil"`, "NIL1": "NIL1", "a b": `"a b"`, "a]": `"a]"`, "é": "{2}\r\né", `\`: `"\\"`} {
		if got := string(AppendAString(nil, in)); got != want {
			t.Errorf("%q: got %q", in, got)
		}
	}
}

func TestValue(t *testing.T) {
	t.Parallel()
	atom := func(s string) Value { return Value{Kind: ValueAtom, Text: s} }
	str := func(s string) Value { return Value{Kind: ValueString, Text: s} }
	list := func(l ...Value) Value { return Value{Kind: ValueList, List: l} }
	for in, want := range map[string]Value{
		`a`:               atom("a"),
		`\*`:              atom(`\*`),
		`12`:              atom("12"),
		`nil`:             {Kind: ValueNil},
		`NILs`:            atom("NILs"),
		`"NIL"`:           str("NIL"),
		`"a \"b\""`:       str(`a "b"`),
		"{3}\r\na\r\n":    str("a\r\n"),
		"~{2}\r\na\x00":   str("a\x00"),
		`()`:              list(),
		`(a (b NIL) "c")`: list(atom("a"), list(atom("b"), Value{Kind: ValueNil}), str("c")),
		`((a)(b) c)`:      list(list(atom("a")), list(atom("b")), atom("c")),
		`(BODY[HEADER.FIELDS (A B)]<0> "x" UID 5)`: list(atom("BODY[HEADER.FIELDS (A B)]<0>"), str("x"), atom("UID"), atom("5")),
		`(body[1.HEADER.FIELDS (A "b]\"]c")] NIL)`: list(atom(`body[1.HEADER.FIELDS (A "b]\"]c")]`), Value{Kind: ValueNil}),
		`(BINARY.SIZE[1] 5)`:                       list(atom("BINARY.SIZE[1]"), atom("5")),
		`(a[ [b x])`:                               list(atom("a["), atom("[b"), atom("x]")),
	} {
		d := NewDecoder(bufio.NewReaderSize(strings.NewReader(in+"\r\n"), 16), Limits{}, nil)
		d.ReadLine()
		got := d.Value()
		if d.CRLF(); d.Err() != nil || !equalValue(got, want) {
			t.Errorf("%q: got %+v, %v", in, got, d.Err())
		}
	}
	for _, in := range []string{"", " ", ")", "(", "(a", "(a ", "(a  b)", "( a)", "(a )", `"a`, "{3", "~{", "BODY[", `BODY["]\`, "\x7f", "\x00", strings.Repeat("(", 101) + strings.Repeat(")", 101)} {
		d := NewDecoder(bufio.NewReaderSize(strings.NewReader(in+"\r\n"), 16), Limits{}, nil)
		d.ReadLine()
		got := d.Value()
		if d.CRLF(); d.Err() == nil {
			t.Errorf("%q: got %+v, expected an error", in, got)
		}
	}
}

func equalValue(a, b Value) bool {
	if a.Kind != b.Kind || a.Text != b.Text || len(a.List) != len(b.List) {
		return false
	}
	for i := range a.List {
		if !equalValue(a.List[i], b.List[i]) {
			return false
		}
	}
	return true
}

// A long set goes out in pieces, and comes back whole.
func TestEncodeLongSet(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 31, 32, 33, 64, 65, 1000} {
		var set imap.UIDSet
		for i := range imap.UID(n) {
			set.AddRange(1e9+10*i+1, 1e9+10*i+3)
		}
		var b bytes.Buffer
		e := NewEncoder(bufio.NewWriterSize(&b, 100))
		e.Untagged().Atom("ESEARCH").Atom("ALL").UIDSet(set).Atom("COUNT").Number(3).CRLF()
		if err := e.Flush(); err != nil {
			t.Fatal(err)
		}
		if want := "* ESEARCH ALL " + set.String() + " COUNT 3\r\n"; b.String() != want {
			t.Errorf("%d ranges: got %q, expected %q", n, b.String(), want)
		}
	}
}
