package message

import (
	"bytes"
	"io"
	"reflect"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"mox/internal/corpus"
)

// checkText fails unless s is fit to be shown.
func checkText(t *testing.T, what, s string) {
	t.Helper()
	if !utf8.ValidString(s) || strings.IndexFunc(s, unicode.IsControl) >= 0 {
		t.Errorf("%s is %q", what, s)
	}
}

// FuzzParse checks what holds for every message: the shape of the tree, that pieces make no
// difference, that the tree is encoded and decoded, that text can be read and shown.
func FuzzParse(f *testing.F) {
	for _, m := range corpus.Torture(f) {
		f.Add(m.Data, uint8(7))
	}
	for i, m := range corpus.Real(f) {
		if i%10 == 0 && len(m.Data) < 10000 {
			f.Add(m.Data, uint8(64))
		}
	}
	f.Add([]byte(exampleMessage), uint8(1))
	f.Add([]byte("Content-Type: multipart/digest; boundary=a\nodd\n--a\n\nb\n--a--"), uint8(1))
	opts := Options{MaxDepth: 10, MaxParts: 50, MaxHeaderBytes: 5000, MaxHeaderFields: 100, MaxTotalHeaderBytes: 20000, MaxElements: 100}
	f.Fuzz(func(t *testing.T, msg []byte, size uint8) {
		p := parsePieces(msg, opts, func() int { return len(msg) })
		checkTree(t, msg, p)
		if q := parsePieces(msg, opts, func() int { return 1 + int(size) }); !reflect.DeepEqual(p, q) {
			t.Fatalf("in pieces of %d: %s", 1+size, diffJSON(t, q, p))
		}
		p.Header = nil
		if q, err := DecodePart(AppendPart(nil, p)); err != nil || !reflect.DeepEqual(p, q) {
			t.Fatalf("decoded with error %v: %s", err, diffJSON(t, q, p))
		}
		p.Walk(func(q *Part) bool {
			checkText(t, "description", q.Description)
			checkText(t, "file name", q.Filename())
			if e := q.Envelope; e != nil {
				checkText(t, "subject", e.Subject)
				checkText(t, "message id", e.MessageID)
				for _, a := range append(e.From, e.To...) {
					checkText(t, "name", a.Name)
				}
			}
			text, err := io.ReadAll(q.TextReader(bytes.NewReader(msg)))
			if err != nil || !utf8.Valid(text) {
				t.Fatalf("text of %s: %v", q.MediaType(), err)
			}
			return true
		})
		s, err := Preview(bytes.NewReader(msg), p, 50)
		if err != nil || utf8.RuneCountInString(s) > 50 {
			t.Fatalf("preview %q: %v", s, err)
		}
		checkText(t, "preview", s)
	})
}

// FuzzHeader checks that the values of fields are read without surprise, and that addresses and text
// written again are read back the same.
func FuzzHeader(f *testing.F) {
	for _, m := range corpus.Torture(f) {
		for field := range Fields(ParseBytes(m.Data).Header) {
			if lookupField(field.Name) != fieldOther {
				f.Add(field.Value)
			}
		}
	}
	for _, s := range []string{"a@b (c) <d>, e:f@g;", "=?utf-8?b?w6Q=?= <a@[1.2.3.4]>", "text/plain; a*0*=utf-8''%C3; a*1=b", "1 Jan 2000 00:00 EST", "<a@b> <c"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		checkText(t, "text", DecodeText(value))
		ParseDate(string(value))
		if base, _ := BaseSubject(DecodeText(value)); base != strings.Trim(base, " ") {
			t.Errorf("base subject %q", base)
		}
		for _, id := range ParseMessageIDs(value) {
			checkText(t, "message id", id)
			if id == "" || len(id) > maxMessageIDLen {
				t.Errorf("message id %q", id)
			}
		}
		params, _ := parseParams(value)
		for _, p := range params {
			checkText(t, "parameter", p.Value)
		}
		l, _ := ParseAddresses(value)
		group := false
		for _, a := range l {
			checkText(t, "name", a.Name)
			if a.Kind == GroupStart == group && a.Kind != Mailbox {
				t.Fatalf("groups not in pairs: %+v", l)
			}
			if a.Kind != Mailbox {
				group = a.Kind == GroupStart
			}
		}
		if group {
			t.Fatalf("group not ended: %+v", l)
		}

		h := &HeaderWriter{}
		h.Text("Subject", DecodeText(value))
		h.Params("Content-Type", "application/x", params)
		for _, a := range l {
			// The local part of an address stands for itself, a domain must be one.
			if isDotAtom(a.Host) && isASCII(a.User+a.Host) && a.User == cleanValue(a.User) && a.User != "" && a.Kind == Mailbox {
				h.Addresses("To", []Address{a})
			}
		}
		if h.Err() != nil {
			t.Fatal(h.Err())
		}
		written := ParseBytes(append(h.Bytes(), '\r', '\n'))
		if got, want := written.Envelope.Subject, DecodeText(value); collapseSpace(got) != collapseSpace(want) {
			t.Errorf("subject %q read back as %q from %q", want, got, h.Bytes())
		}
		i := 0
		for _, a := range l {
			if isDotAtom(a.Host) && isASCII(a.User+a.Host) && a.User == cleanValue(a.User) && a.User != "" && a.Kind == Mailbox {
				if i >= len(written.Envelope.To) {
					t.Fatalf("address %+v not read back from %q", a, h.Bytes())
				}
				if b := written.Envelope.To[i]; b.User != a.User || b.Host != a.Host || b.Name != a.Name {
					t.Errorf("address %+v read back as %+v from %q", a, b, h.Bytes())
				}
				i++
			}
		}
	})
}

// FuzzDecodePart checks that a damaged encoding is an error, and that one that is none stays the same.
func FuzzDecodePart(f *testing.F) {
	for _, m := range corpus.Torture(f) {
		f.Add(AppendPart(nil, ParseBytes(m.Data)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := DecodePart(b)
		if err != nil {
			return
		}
		q, err := DecodePart(AppendPart(nil, p))
		if err != nil || !reflect.DeepEqual(p, q) {
			t.Fatalf("encoded again: %v %s", err, diffJSON(t, q, p))
		}
	})
}

// FuzzDecoder checks that a decoder gives the same whatever the pieces in which it reads.
func FuzzDecoder(f *testing.F) {
	f.Add([]byte("SGVs\r\nbG8=\r\n--\r\n"), uint8(3))
	f.Add([]byte("a=C3=A4 \t\r\nb=\r\n=  \nc=4"), uint8(2))
	f.Add([]byte("+AOQ-"), uint8(1))
	f.Fuzz(func(t *testing.T, b []byte, size uint8) {
		for _, encoding := range []string{"base64", "quoted-printable"} {
			want, err := io.ReadAll(NewDecoder(bytes.NewReader(b), encoding))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(NewDecoder(&pieceReader{b, 1 + int(size)}, encoding))
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%s: %q and %q, %v", encoding, got, want, err)
			}
			if len(got) > len(b) {
				t.Fatalf("%s: %d bytes decoded to %d", encoding, len(b), len(got))
			}
		}
		for _, charset := range []string{"utf-7", "utf-8", "us-ascii", "iso-2022-jp", "gb18030", "x-unknown"} {
			text, err := io.ReadAll(newTextReader(&pieceReader{b, 1 + int(size)}, charset))
			if err != nil || !utf8.Valid(text) {
				t.Fatalf("%s: %q %v", charset, text, err)
			}
		}
	})
}

// pieceReader reads at most size bytes at a time.
type pieceReader struct {
	b    []byte
	size int
}

func (r *pieceReader) Read(b []byte) (int, error) {
	if len(r.b) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), r.size)], r.b)
	r.b = r.b[n:]
	return n, nil
}
