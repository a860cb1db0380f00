package message

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"mox/internal/corpus"
)

// attachmentMessage has an attachment of some megabytes in base64.
func attachmentMessage(b *testing.B) []byte {
	c := testComposer(ComposeOptions{})
	h := c.NewHeader()
	h.Text("Subject", "large")
	var msg bytes.Buffer
	body := Multipart("mixed", TextBody("see below\n"), Attachment("x.bin", "", bytes.NewReader(make([]byte, 8<<20))))
	if err := c.Write(&msg, h, body); err != nil {
		b.Fatal(err)
	}
	return msg.Bytes()
}

func BenchmarkParseAttachment(b *testing.B) {
	msg := attachmentMessage(b)
	b.SetBytes(int64(len(msg)))
	b.ReportAllocs()
	for b.Loop() {
		p := NewParser(Options{})
		for rest := msg; len(rest) > 0; {
			n := min(len(rest), 32*1024)
			p.Write(rest[:n])
			rest = rest[n:]
		}
		if root, _ := p.Finish(); len(root.Parts) != 2 {
			b.Fatal("wrong tree")
		}
	}
}

func BenchmarkParseReal(b *testing.B) {
	l := corpus.Real(b)
	size := 0
	for _, m := range l {
		size += len(m.Data)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		for _, m := range l {
			ParseBytes(m.Data)
		}
	}
	b.ReportMetric(float64(b.N*len(l))/b.Elapsed().Seconds(), "msg/s")
}

func BenchmarkDecodeText(b *testing.B) {
	for name, s := range map[string]string{
		"plain":   "Re: the meeting on Monday",
		"encoded": "=?utf-8?q?Gr=C3=BC=C3=9Fe_aus?= =?utf-8?b?TcO8bmNoZW4=?= und mehr",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			value := []byte(s)
			for b.Loop() {
				DecodeText(value)
			}
		})
	}
}

func BenchmarkParseAddresses(b *testing.B) {
	value := []byte(`"Joe Q. Public" <john.q.public@example.com>, Mary Smith <mary@x.test>, =?utf-8?q?J=C3=B6rg?= <jdoe@example.org>`)
	b.ReportAllocs()
	for b.Loop() {
		ParseAddresses(value)
	}
}

func BenchmarkAppendPart(b *testing.B) {
	p := ParseBytes([]byte(exampleMessage))
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendPart(buf[:0], p)
	}
	b.ReportMetric(float64(len(buf)), "bytes")
}

func BenchmarkDecodePart(b *testing.B) {
	enc := AppendPart(nil, ParseBytes([]byte(exampleMessage)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodePart(enc); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecoder(b *testing.B) {
	for encoding, line := range map[string]string{
		"base64":           strings.Repeat("QUJD", 19) + "\r\n",
		"quoted-printable": "Some text with =C3=A4 in it, as it is found in mail of this =\r\n",
	} {
		b.Run(encoding, func(b *testing.B) {
			body := strings.Repeat(line, 10000)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := io.Copy(io.Discard, NewDecoder(strings.NewReader(body), encoding)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPreview(b *testing.B) {
	l := corpus.Real(b)
	var trees []*Part
	for _, m := range l {
		trees = append(trees, ParseBytes(m.Data))
	}
	b.ReportAllocs()
	for b.Loop() {
		for i, m := range l {
			if _, err := Preview(bytes.NewReader(m.Data), trees[i], MaxPreview); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.N*len(l))/b.Elapsed().Seconds(), "msg/s")
}

func BenchmarkHostile(b *testing.B) {
	var header strings.Builder
	for i := range 99 {
		s := strings.Repeat("x", 1+i%50) + string(rune('a'+i%26))
		header.WriteString("Content-Type: multipart/mixed; boundary=" + s + "\n\n--" + s + "\n")
	}
	msg := []byte(header.String() + "\n" + strings.Repeat("--\n", 1<<18))
	b.SetBytes(int64(len(msg)))
	for b.Loop() {
		ParseBytes(msg)
	}
}
