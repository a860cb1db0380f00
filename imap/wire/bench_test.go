package wire

import (
	"bufio"
	"bytes"
	"strings"
	"testing"

	"mox/imap"
)

// loop is a connection on which the same commands come again and again.
type loop struct {
	data []byte
	pos  int
}

func (l *loop) Read(p []byte) (int, error) {
	if l.pos == len(l.data) {
		l.pos = 0
	}
	n := copy(p, l.data[l.pos:])
	l.pos += n
	return n, nil
}

func commandLoop(commands string) *Decoder {
	return NewDecoder(bufio.NewReader(&loop{data: []byte(commands)}), Limits{}, func() error { return nil })
}

// next reads up to the arguments of the next command.
func next(d *Decoder) {
	d.ReadLine()
	d.Tag()
	d.SP()
	if string(d.Keyword()) == "UID" {
		d.SP()
		d.Keyword()
	}
}

const (
	fetchLine = "A1234 UID FETCH 1:100,105,107:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY.PEEK[1.2.MIME]<0.2048> MODSEQ) (CHANGEDSINCE 12345)\r\n"
	storeLine = "A1234 UID STORE 1:100,105,107:* (UNCHANGEDSINCE 12345) +FLAGS.SILENT (\\Seen \\Deleted)\r\n"
)

// The commands that come most often take no memory.
func TestCommandsDoNotAllocate(t *testing.T) {
	var fetch Fetch
	var store Store
	var set NumSet
	for name, tc := range map[string]struct {
		line string
		read func(d *Decoder)
	}{
		"FETCH": {fetchLine, func(d *Decoder) { d.Fetch(UIDNums, &fetch) }},
		"STORE": {storeLine, func(d *Decoder) { d.Store(UIDNums, &store) }},
		"NOOP":  {"A1 NOOP\r\n", func(d *Decoder) { d.CRLF() }},
		"EXPUNGE": {"A1 UID EXPUNGE 1:5,7\r\n", func(d *Decoder) {
			d.SP()
			d.NumSet(UIDNums, &set)
			d.CRLF()
		}},
	} {
		d := commandLoop(tc.line)
		n := testing.AllocsPerRun(100, func() {
			next(d)
			tc.read(d)
		})
		if n != 0 || d.Err() != nil {
			t.Errorf("%s: %v allocations, error %v", name, n, d.Err())
		}
	}
}

func BenchmarkFetch(b *testing.B) {
	d := commandLoop(fetchLine)
	var f Fetch
	b.ReportAllocs()
	b.SetBytes(int64(len(fetchLine)))
	for b.Loop() {
		next(d)
		if err := d.Fetch(UIDNums, &f); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStore(b *testing.B) {
	d := commandLoop(storeLine)
	var s Store
	b.ReportAllocs()
	for b.Loop() {
		next(d)
		if err := d.Store(UIDNums, &s); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSearch(b *testing.B) {
	d := commandLoop("A1 UID SEARCH RETURN (ALL) UNSEEN SINCE 1-Feb-1994 NOT FROM \"Smith\"\r\n")
	b.ReportAllocs()
	for b.Loop() {
		next(d)
		if _, err := d.Search(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeFlags(b *testing.B) {
	e := NewEncoder(bufio.NewWriter(discard{}))
	keywords := []string{"$Forwarded", "work"}
	b.ReportAllocs()
	for b.Loop() {
		e.Untagged().Number(12345).Atom("FETCH").Open().Atom("UID").Number(54321).Atom("FLAGS").Flags(imap.FlagSeen, keywords, false)
		e.Atom("MODSEQ").Open().Number64(1234567).Close().Close().CRLF()
	}
}

func BenchmarkEncodeLiteral(b *testing.B) {
	e := NewEncoder(bufio.NewWriterSize(discard{}, 16<<10))
	body := strings.Repeat("x", 100<<10)
	r := bytes.NewReader([]byte(body))
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		r.Seek(0, 0)
		e.Literal(r, int64(len(body)), false)
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
