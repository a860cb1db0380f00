package wire

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"mox/imap"
)

// dialogue reads commands as a server does until the connection ends, and returns what it
// understood, a line for each command.
func dialogue(d *Decoder) []string {
	var out []string
	var fetch Fetch
	var store Store
	for range 1000 {
		if err := d.ReadLine(); err != nil {
			return append(out, "end: "+err.Error())
		}
		tag := string(d.Tag())
		d.SP()
		name := string(d.Keyword())
		kind := SeqNums
		if name == "UID" {
			kind = UIDNums
			d.SP()
			name = string(d.Keyword())
		}
		var result any
		var err error
		switch name {
		case "FETCH":
			err, result = d.Fetch(kind, &fetch), &fetch
		case "STORE":
			err, result = d.Store(kind, &store), &store
		case "SEARCH":
			result, err = d.Search()
		case "LIST":
			result, err = d.List()
		case "LSUB":
			result, err = d.LSub()
		case "STATUS":
			result, err = d.Status()
		case "SELECT", "EXAMINE":
			result, err = d.Select()
		case "AUTHENTICATE":
			result, err = d.Authenticate()
		case "ID":
			result, err = d.ID()
		case "APPEND":
			result, err = appendCommand(d)
		case "LOGIN", "RENAME":
			d.SP()
			user := d.AString()
			d.SP()
			result = []string{user, d.AString()}
			d.CRLF()
			err = d.Err()
		case "COPY", "MOVE":
			var set NumSet
			d.SP()
			d.NumSet(kind, &set)
			d.SP()
			result = d.Mailbox()
			d.CRLF()
			err = d.Err()
		default:
			d.CRLF()
			err = d.Err()
		}
		if err != d.Err() {
			out = append(out, "BUG: error returned is not the one kept")
		}
		if err == nil {
			out = append(out, fmt.Sprintf("%q %s %+v", tag, name, result))
		} else {
			out = append(out, fmt.Sprintf("%q %v", tag, err))
		}
		if err := d.EndCommand(); err != nil {
			return append(out, "end: "+err.Error())
		}
	}
	return out
}

func appendCommand(d *Decoder) ([]string, error) {
	var out []string
	name, _, err := d.AppendMailbox()
	for n := 0; err == nil && !d.AtEnd() || n == 0; n++ {
		var a Append
		if a, err = d.AppendMessage(); err != nil {
			return nil, err
		}
		if a.Literal.Size > 1000 { // Not wanted.
			return []string{name, "too big"}, nil
		}
		var b bytes.Buffer
		if _, err = io.Copy(&b, d.Open(a.Literal)); err != nil {
			return nil, d.Err()
		}
		d.CloseLiteral()
		err = d.Err()
		out = append(out, fmt.Sprintf("%s %+v %q", name, a, b.String()))
	}
	return out, err
}

// Any bytes from a client end in a sequence of commands and errors, which does not depend on how
// the bytes arrive or on the size of the buffer.
func FuzzDialogue(f *testing.F) {
	for _, s := range []string{
		"a LOGIN x \"y z\"\r\nb SELECT INBOX (CONDSTORE)\r\n",
		"a LOGIN {1}\r\nx {1+}\r\ny\r\nb NOOP\r\n",
		"a UID FETCH 1:* (UID FLAGS BODY.PEEK[HEADER.FIELDS (DATE \"FROM\")]<0.100> BINARY.SIZE[1.2]) (CHANGEDSINCE 5 VANISHED)\r\n",
		"a FETCH 1,3:* FULL\r\nb FETCH $ BODY[1.2.MIME]\r\n",
		"a STORE 1 (UNCHANGEDSINCE 5) +FLAGS.SILENT (\\Seen $junk)\r\nb UID STORE 5 -FLAGS x y\r\n",
		"a SEARCH RETURN (MIN COUNT) CHARSET UTF-8 OR (FROM x SINCE 1-Feb-1994) NOT UID 5:9 KEYWORD x MODSEQ \"/flags/\\\\draft\" all 5\r\n",
		"a SEARCH TEXT {3+}\r\nx\ny LARGER 5 $\r\n",
		"a UID SEARCH RETURN (SAVE ALL MAX) UID 5:*,$ (OR $ *:3) NOT $\r\nb SEARCH RETURN () TEXT \"x\"\r\nc SEARCH RETURN (MIN FOO) ALL\r\n",
		"a UID STORE 1,$ +FLAGS x\r\nb MOVE $ x\r\nc UID COPY $ y\r\nd FETCH $,1 UID\r\n",
		"a LIST (SUBSCRIBED RECURSIVEMATCH) \"\" (\"&AOk-*\" %) RETURN (CHILDREN STATUS (MESSAGES SIZE))\r\nb LSUB \"\" *\r\n",
		"a STATUS \"Q&-A\" (MESSAGES HIGHESTMODSEQ)\r\n",
		"a APPEND x (\\Seen a) \" 7-Feb-1994 21:52:25 -0800\" {5+}\r\nabcde ~{1}\r\n\x00\r\nb NOOP\r\n",
		"a APPEND x {5000+}\r\nabc",
		"a APPEND x {1+}\r\na (\\Seen) {1}\r\nb \" 7-Feb-1994 21:52:25 -0800\" ~{2+}\r\n\x00c {0+}\r\n\r\nb APPEND x {1+}\r\na(b) {9+}\r\nc NOOP\r\n\r\nd NOOP\r\n",
		"a FETCH 5 (BINARY[] BINARY.PEEK[1.2]<3.4> BINARY.SIZE[1] BINARY[0])\r\nb UID FETCH * BINARY.PEEK[4294967295]<9223372036854775807.1>\r\n",
		"a AUTHENTICATE PLAIN AHRlc3QAdGVz\r\nb AUTHENTICATE X =\r\n",
		"a ID (\"name\" \"x\" \"y\" NIL)\r\nb ID NIL\r\n",
		"a COPY 1:5 {5+}\r\ninbox\r\nb UID MOVE * x\r\n",
		"a BAD ( {5+}\r\nb X\r\n {3}\r\nc NOOP\r\n",
		"\r\n\n \r\na\r\n+ x\r\n\x00\xff\r\n",
		"a FOO " + strings.Repeat("x", 600) + " {4+}\r\nabcd\r\nb NOOP\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		limits := Limits{Line: 500, Literal: 200, Skip: 1 << 20, Depth: 10, Ranges: 20, Items: 20}
		var asked [3]int
		var got [3][]string
		for i, r := range []*bufio.Reader{
			bufio.NewReader(bytes.NewReader(in)),
			bufio.NewReaderSize(bytes.NewReader(in), 16),
			bufio.NewReaderSize(iotest.OneByteReader(bytes.NewReader(in)), 100),
		} {
			got[i] = dialogue(NewDecoder(r, limits, func() error { asked[i]++; return nil }))
		}
		for i := range got {
			if a, b := strings.Join(got[0], "\n"), strings.Join(got[i], "\n"); a != b || asked[0] != asked[i] {
				t.Fatalf("%q:\n%s\n\nread otherwise (%d), asked %d and %d times:\n%s", in, a, i, asked[0], asked[i], b)
			}
		}
		for _, line := range got[0] {
			if strings.HasPrefix(line, "BUG") {
				t.Fatalf("%q: %s", in, line)
			}
		}
	})
}

// A FETCH that is understood names its sections in a form that is understood again.
func FuzzSection(f *testing.F) {
	for _, s := range []string{"BODY[]", "BODY[1.2.HEADER.FIELDS.NOT (a \"b c\" {1+}\r\nd)]<5.6>", "BINARY.PEEK[1]<0.1>", "(BODY[TEXT] BODY.PEEK[3.MIME])"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		if !strings.HasPrefix(in, "B") && !strings.HasPrefix(in, "(B") {
			return
		}
		d := NewDecoder(bufio.NewReader(strings.NewReader("a FETCH 1 "+in+"\r\n")), Limits{}, nil)
		d.ReadLine()
		d.Tag()
		d.SP()
		d.Keyword()
		var fetch Fetch
		if d.Fetch(SeqNums, &fetch) != nil {
			return
		}
		for _, item := range fetch.Items {
			if item.Kind != FetchSection {
				continue
			}
			name := item.Section.AppendTo([]byte("BODY"))
			if item.Section.Partial { // The response has no count.
				name = fmt.Appendf(name[:len(name)-1], ".%d>", item.Section.Count)
			}
			d := NewDecoder(bufio.NewReader(bytes.NewReader(append(append([]byte(" 1 "), name...), "\r\n"...))), Limits{}, nil)
			d.ReadLine()
			var again Fetch
			if err := d.Fetch(SeqNums, &again); err != nil {
				t.Fatalf("%q: section written as %q: %v", in, name, err)
			}
			a, b := item.Section, again.Items[0].Section
			if !reflect.DeepEqual(a, b) {
				t.Fatalf("%q: section %+v written as %q, read as %+v", in, a, name, b)
			}
		}
	})
}

// What an Encoder writes a Decoder reads.
func FuzzRoundTrip(f *testing.F) {
	f.Add("text", "INBOX", uint32(5), int64(7), []byte("abc"), "$Junk", true)
	f.Add("a \"b\\\r\n", "日本語/&", uint32(0), int64(1<<62), []byte{0, 1, 2}, "x", false)
	f.Add(strings.Repeat("x", 2000), "a\x7f", uint32(1<<32-1), int64(0), []byte{}, "y", false)
	f.Fuzz(func(t *testing.T, text, mailbox string, n uint32, n64 int64, body []byte, keyword string, utf8Mode bool) {
		n64 &= 1<<63 - 1
		mailbox, err := imap.CanonicalMailbox(mailbox)
		if err != nil || strings.ContainsAny(mailbox, "\x00\r\n") || !utf8.ValidString(mailbox) {
			return
		}
		keyword, err = imap.CanonicalKeyword(keyword)
		if err != nil {
			return
		}
		var b bytes.Buffer
		e := NewEncoder(bufio.NewWriterSize(&b, 32))
		e.UTF8 = utf8Mode
		e.Untagged().String(text).Mailbox(mailbox).Number(n).Number64(n64).Open().Literal(bytes.NewReader(body), int64(len(body)), true).Close()
		e.Flags(imap.Flags(n)&imap.AllFlags, []string{keyword}, false).CRLF().Status(nil, imap.StatusOK, "", text)
		if err := e.Flush(); err != nil {
			t.Fatal(err)
		}
		d := NewDecoder(bufio.NewReaderSize(&b, 16), Limits{Line: 1 << 20, Literal: 1 << 20}, nil)
		d.UTF8 = utf8Mode
		if err := d.ReadLine(); err != nil {
			t.Fatal(err)
		}
		d.Expect('*')
		d.SP()
		gotText := d.AString()
		d.SP()
		gotMailbox := d.Mailbox()
		d.SP()
		gotN := d.Number()
		d.SP()
		gotN64 := d.Number64()
		d.SP()
		gotBody := d.Value()
		d.SP()
		gotFlags, gotKeywords := d.Flags(nil)
		d.CRLF()
		if d.Err() != nil {
			t.Fatalf("%q: %v", d.line, d.Err())
		}
		if gotText != strings.ReplaceAll(text, "\x00", "") || gotMailbox != mailbox || gotN != n || gotN64 != n64 ||
			len(gotBody.List) != 1 || gotBody.List[0].Text != string(body) || gotFlags != imap.Flags(n)&imap.AllFlags || gotKeywords[0] != keyword {
			t.Fatalf("got %q %q %d %d %q %v %q", gotText, gotMailbox, gotN, gotN64, gotBody, gotFlags, gotKeywords)
		}
		// The text of a status response is always one line.
		if err := d.ReadLine(); err != nil {
			t.Fatal(err)
		}
		if rest := d.Rest(); !strings.HasPrefix(rest, "* OK ") {
			t.Fatalf("got %q", rest)
		}
		if err := d.ReadLine(); !errors.Is(err, io.EOF) {
			t.Fatalf("text %q makes more than one line: %v", text, err)
		}
	})
}
