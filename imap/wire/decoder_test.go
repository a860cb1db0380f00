package wire

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"mox/imap"
)

// command returns a decoder that has read the tag, space and name of a command. All it asks
// for literals is counted in asked.
func command(t testing.TB, limits Limits, input string, asked *int) *Decoder {
	t.Helper()
	d := NewDecoder(bufio.NewReaderSize(strings.NewReader(input), 16), limits, func() error {
		if asked != nil {
			*asked++
		}
		return nil
	})
	if err := d.ReadLine(); err != nil {
		t.Fatalf("reading line: %v", err)
	}
	return d
}

// badStatus checks that err is an imap.Error with the status and code.
func badStatus(t *testing.T, err error, status imap.Status, code imap.Code) {
	t.Helper()
	var e *imap.Error
	if !errors.As(err, &e) || e.Status != status || e.Code != code {
		t.Errorf("got error %v, expected %s with code %q", err, status, code)
	}
}

func TestTag(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ line, tag, name, next string }{
		{"a1 NOOP", "a1", "NOOP", ""},
		{"] noop x", "]", "NOOP", " x"},
		{"A.1_*", "A.1_", "", "*"},
		{"", "", "", ""},
		{" NOOP", "", "", " NOOP"},
		{"+ NOOP", "", "", "+ NOOP"},
		{"\"a\" NOOP", "", "", "\"a\" NOOP"},
		{"\x00 NOOP", "", "", "\x00 NOOP"},
	} {
		d := command(t, Limits{}, tc.line+"\r\n", nil)
		tag := string(d.Tag())
		var name string
		if d.Take(' ') {
			name = string(d.Keyword())
		}
		if tag != tc.tag || name != tc.name || string(d.line[d.pos:]) != tc.next {
			t.Errorf("%q: got tag %q, name %q, rest %q", tc.line, tag, name, d.line[d.pos:])
		}
		if (d.Err() != nil) != (tc.tag == "") {
			t.Errorf("%q: error %v", tc.line, d.Err())
		}
	}
}

func TestAString(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ in, want string }{
		{"a", "a"},
		{"a]b", "a]b"},
		{"+$.~#&!", "+$.~#&!"},
		{`""`, ""},
		{`"a b"`, "a b"},
		{`"a\"b\\"`, `a"b\`},
		{"{3}\r\na\r\n", "a\r\n"},
		{"{3+}\r\na b", "a b"},
		{"{0}\r\n", ""},
		{"{0003+}\r\nabc", "abc"},
		{"{20+}\r\n0123456789\r\n01234567", "0123456789\r\n01234567"},
		{"f\xc3\xbc", "fü"},                // curl does not quote it.
		{"\"f\xc3\xbc\"", "fü"},            // imaplib does not use a literal.
		{"{3+}\r\nf\xfc\x01", "f\xfc\x01"}, // Of a charset that is not for this layer to judge.
	} {
		asked := 0
		d := command(t, Limits{}, "a "+tc.in+" x\r\n", &asked)
		d.Tag()
		d.SP()
		got := d.AString()
		d.SP()
		next := string(d.Atom())
		d.CRLF()
		if got != tc.want || next != "x" || d.Err() != nil {
			t.Errorf("%q: got %q, then %q, error %v", tc.in, got, next, d.Err())
		}
		if sync := strings.Contains(tc.in, "}") && !strings.Contains(tc.in, "+}"); sync != (asked == 1) {
			t.Errorf("%q: asked %d times for a literal", tc.in, asked)
		}
	}
	for _, in := range []string{
		"", " a", "(", ")", "%", "*", `\`, "\x7f", "\x01", "\x00",
		`"`, `"a`, `"a\`, `"a\n"`, "\"a\rb\"", "\"a\x00b\"", `"a\"`,
		"{", "{}", "{+}", "{a}", "{1}x", "{-1}", "{1-}", "{99999999999999999999}", "{1}}", "{1++}",
		"{3+}\r\na\x00b",
	} {
		d := command(t, Limits{}, "a "+in+"\r\n", nil)
		d.Tag()
		d.SP()
		got := d.AString()
		if d.Err() == nil {
			t.Errorf("%q: got %q, expected an error", in, got)
			continue
		}
		badStatus(t, d.Err(), imap.StatusBad, "")
		if err := d.EndCommand(); err != nil {
			t.Errorf("%q: ending command: %v", in, err)
		}
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	type read func(d *Decoder) int64
	number := func(d *Decoder) int64 { return int64(d.Number()) }
	nz := func(d *Decoder) int64 { return int64(d.NZNumber()) }
	number64 := func(d *Decoder) int64 { return d.Number64() }
	nz64 := func(d *Decoder) int64 { return d.NZNumber64() }
	for _, tc := range []struct {
		name string
		read read
		in   string
		want int64 // Negative if it is an error.
	}{
		{"number", number, "0", 0},
		{"number", number, "4294967295", 1<<32 - 1},
		{"number", number, "4294967296", -1},
		{"number", number, "99999999999999999999999", -1},
		{"number", number, "-1", -1},
		{"number", number, "", -1},
		{"nz-number", nz, "1", 1},
		{"nz-number", nz, "4294967295", 1<<32 - 1},
		{"nz-number", nz, "0", -1},
		{"nz-number", nz, "01", -1},
		{"nz-number", nz, "4294967296", -1},
		{"number64", number64, "9223372036854775807", 1<<63 - 1},
		{"number64", number64, "9223372036854775808", -1},
		{"number64", number64, "18446744073709551617", -1},
		{"nz-number64", nz64, "9223372036854775807", 1<<63 - 1},
		{"nz-number64", nz64, "0", -1},
		{"nz-number64", nz64, "x", -1},
	} {
		d := command(t, Limits{}, tc.in+"\r\n", nil)
		got := tc.read(d)
		d.CRLF()
		if tc.want < 0 && d.Err() == nil || tc.want >= 0 && (got != tc.want || d.Err() != nil) {
			t.Errorf("%s %q: got %d, error %v", tc.name, tc.in, got, d.Err())
		}
	}
}

func TestErrorTellsPosition(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ in, want string }{
		{"a x(\r\n", "Syntax error at octet 4: end of command expected"},
		{"a {3+}\r\nxyz(\r\n", "Syntax error at octet 12: end of command expected"},
		{"a \"x\\n\"\r\n", "Syntax error at octet 6: '\"' or backslash expected"},
	} {
		d := command(t, Limits{}, tc.in, nil)
		d.Tag()
		d.SP()
		d.AString()
		d.CRLF()
		var e *imap.Error
		if !errors.As(d.Err(), &e) || e.Text != tc.want {
			t.Errorf("%q: got %v, expected %q", tc.in, d.Err(), tc.want)
		}
	}
}

// After an error the next command is found, whatever the bad one had in it: a
// non-synchronizing literal must not be taken for commands (RFC 7888 §3).
func TestEndCommandFindsNext(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100)
	for _, bad := range []string{
		"a ()\r\n",
		"a \x00\r\n",
		"a " + long + "(\r\n",
		"a ( {5}\r\n",                             // Not asked for, so it does not come.
		"a ( {5+}\r\nb X\r\n\r\n",                 // The line after it belongs to the command.
		"a ( ~{5+}\r\nb X\r\n\r\n",                // RFC 7888 §6.
		"a ( {5+}\r\nb X\r\n {5+}\r\nb X\r\n\r\n", // Several.
		"a ( {5+}\r\nb X\r\n {5}\r\n",             // The last one does not come.
		"a " + long + " {5+}\r\nb X\r\n\r\n",
		"a {200+}\r\n" + long + "\r\nb X\r\n" + long[:93] + "\r\n", // Too big for Limits.Literal.
		"a {200}\r\n", // The same, does not come.
		"a {3+}\r\n\x00\x00\x00 {5+}\r\nb X\r\n\r\n",                   // NUL.
		"a {3+}\r\nabc( {5+}\r\nb X\r\n\r\n",                           // Error after a good literal.
		"a (\n",                                                        // LF alone.
		"a ( {5+}\nb X\r\n\n",                                          //
		"a " + strings.Repeat("x", 300) + "\r\n",                       // Too long for Limits.Line.
		"a " + strings.Repeat("x", 300) + " {5+}\r\nb X\r\n y\r\n",     //
		"a " + strings.Repeat("x", 300) + " {9223372036854775807}\r\n", //
	} {
		d := command(t, Limits{Line: 200, Literal: 150}, bad+"c OK\r\n", nil)
		if tag := string(d.Tag()); tag != "a" {
			t.Errorf("%q: got tag %q", bad, tag)
		}
		d.SP()
		d.AString()
		d.SP()
		d.Atom()
		if d.Err() == nil {
			t.Errorf("%q: no error", bad)
		}
		if err := d.ReadLine(); err != nil {
			t.Errorf("%q: reading next command: %v", bad, err)
			continue
		}
		if tag := string(d.Tag()); tag != "c" || d.Err() != nil {
			t.Errorf("%q: next command has tag %q, error %v", bad, tag, d.Err())
		}
	}
}

func TestTooMuchToSkipEndsConnection(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"a ( {1001+}\r\n" + strings.Repeat("x", 1001) + "\r\nb NOOP\r\n",
		"a ( {600+}\r\n" + strings.Repeat("x", 600) + " {600+}\r\n" + strings.Repeat("x", 600) + "\r\nb NOOP\r\n",
		"a ( {9223372036854775807+}\r\nxxx",
		"a " + strings.Repeat("x", 2000) + "\r\nb NOOP\r\n",
	} {
		d := command(t, Limits{Line: 100, Skip: 1000}, in, nil)
		d.Expect('(')
		badStatus(t, d.EndCommand(), imap.StatusBye, imap.CodeTooBig)
		badStatus(t, d.ReadLine(), imap.StatusBye, imap.CodeTooBig)
		if d.Err() == nil {
			t.Error("error forgotten")
		}
	}
}

func TestLineTooLong(t *testing.T) {
	t.Parallel()
	in := "tag FETCH " + strings.Repeat("1,", 100) + "1 FLAGS\r\nb NOOP\r\n"
	d := command(t, Limits{Line: 100}, in, nil)
	badStatus(t, d.Err(), imap.StatusBad, imap.CodeTooBig)
	if tag := string(d.Tag()); tag != "tag" {
		t.Errorf("got tag %q", tag)
	}
	if b := d.Keyword(); b != nil {
		t.Errorf("got %q after an error", b)
	}
	// The lines of a command count together.
	in = "a " + strings.Repeat("{1+}\r\nx ", 20) + "\r\nb NOOP\r\n"
	d = command(t, Limits{Line: 100}, in, nil)
	d.Tag()
	for d.Err() == nil {
		d.SP()
		d.AString()
	}
	badStatus(t, d.Err(), imap.StatusBad, imap.CodeTooBig)
}

func TestConnectionEnds(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in   string
		want error
	}{
		{"", io.EOF},
		{"a", io.ErrUnexpectedEOF},
		{"a NOOP\r", io.ErrUnexpectedEOF},
	} {
		d := NewDecoder(bufio.NewReader(strings.NewReader(tc.in)), Limits{}, nil)
		if err := d.ReadLine(); err != tc.want {
			t.Errorf("%q: got %v, expected %v", tc.in, err, tc.want)
		}
		if err := d.ReadLine(); err != tc.want {
			t.Errorf("%q: a second time: got %v, expected %v", tc.in, err, tc.want)
		}
	}
	for _, in := range []string{"{4+}\r\nabc", "{4+}\r\nabcd", "{4}\r\n", "{4+}\r\nabcd x"} {
		d := command(t, Limits{}, in, nil)
		d.AString()
		if !errors.Is(d.Err(), io.ErrUnexpectedEOF) || !errors.Is(d.EndCommand(), io.ErrUnexpectedEOF) {
			t.Errorf("%q: got %v", in, d.Err())
		}
	}
	// Another error of reading comes through.
	fault := errors.New("fault")
	d := NewDecoder(bufio.NewReader(io.MultiReader(strings.NewReader("a NO"), iotest.ErrReader(fault))), Limits{}, nil)
	if err := d.ReadLine(); !errors.Is(err, fault) {
		t.Errorf("got %v", err)
	}
	// So does one of asking for a literal.
	d = NewDecoder(bufio.NewReader(strings.NewReader("{4}\r\nabcd\r\n")), Limits{}, func() error { return fault })
	d.ReadLine()
	d.AString()
	if err := d.EndCommand(); !errors.Is(err, fault) {
		t.Errorf("got %v", err)
	}
}

func TestLiteralStream(t *testing.T) {
	t.Parallel()
	content := strings.Repeat("0123456789", 10)
	read := func(r io.Reader) (string, error) {
		b, err := io.ReadAll(struct{ io.Reader }{r})
		return string(b), err
	}
	writeTo := func(r io.Reader) (string, error) {
		var b bytes.Buffer
		_, err := r.(io.WriterTo).WriteTo(&b)
		return b.String(), err
	}
	for name, get := range map[string]func(io.Reader) (string, error){"Read": read, "WriteTo": writeTo} {
		for _, head := range []string{"{100}", "{100+}", "~{100}", "~{100+}"} {
			asked := 0
			d := command(t, Limits{Literal: 10}, head+"\r\n"+content+" x\r\n", &asked)
			lit := d.Literal()
			if want := (Literal{100, strings.Contains(head, "+"), head[0] == '~'}); lit != want || asked != 0 {
				t.Errorf("%s: got %+v, asked %d times", head, lit, asked)
			}
			got, err := get(d.Open(lit))
			if got != content || err != nil {
				t.Errorf("%s, %s: got %q, %v", name, head, got, err)
			}
			if lit.NonSync == (asked == 1) {
				t.Errorf("%s: asked %d times", head, asked)
			}
			d.CloseLiteral()
			d.SP()
			d.Atom()
			if d.CRLF(); d.Err() != nil {
				t.Errorf("%s: after literal: %v", head, d.Err())
			}
		}
		d := command(t, Limits{}, "{100}\r\n"+content[:50], nil)
		if got, err := get(d.Open(d.Literal())); got != content[:50] || err != io.ErrUnexpectedEOF {
			t.Errorf("%s: got %q, error %v", name, got, err)
		}
		if d.CloseLiteral(); d.EndCommand() != io.ErrUnexpectedEOF {
			t.Errorf("%s: got error %v", name, d.Err())
		}
	}
}

// A literal that is not wanted, or not read to its end, does not disturb what follows.
func TestLiteralNotRead(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in   string
		read int // Octets, negative if the literal is not opened.
	}{
		{"{10}\r\n", -1},
		{"{10+}\r\n0123456789\r\n", -1},
		{"{10}\r\n0123456789\r\n", 0},
		{"{10}\r\n0123456789\r\n", 4},
		{"{10+}\r\n0123456789 {3+}\r\nabc\r\n", 4},
		{"{10+}\r\n0123456789 {3+}\r\nabc\r\n", 10},
	} {
		d := command(t, Limits{}, tc.in+"b NOOP\r\n", nil)
		lit := d.Literal()
		if tc.read >= 0 {
			if _, err := io.ReadFull(d.Open(lit), make([]byte, tc.read)); err != nil {
				t.Error(err)
			}
		}
		if err := d.ReadLine(); err != nil || string(d.Tag()) != "b" {
			t.Errorf("%q: next command not found: %v, %q", tc.in, err, d.line)
		}
	}
}

func TestNonSyncLimit(t *testing.T) {
	t.Parallel()
	limits := Limits{NonSync: 4096}
	for size, ok := range map[string]bool{"{4096+}": true, "{4097+}": false, "{4097}": true, "~{4097+}": false} {
		d := command(t, limits, size+"\r\n", nil)
		d.Literal()
		if ok && d.Err() != nil {
			t.Errorf("%s: %v", size, d.Err())
		} else if !ok {
			badStatus(t, d.Err(), imap.StatusBad, imap.CodeTooBig)
		}
	}
}

func TestReset(t *testing.T) {
	t.Parallel()
	d := command(t, Limits{}, "a STARTTLS\r\nb LOGIN x y\r\n", nil)
	d.Reset(bufio.NewReader(strings.NewReader("c NOOP\r\n")))
	if err := d.ReadLine(); err != nil || string(d.Tag()) != "c" {
		t.Errorf("got %q, error %v", d.line, err)
	}
}
