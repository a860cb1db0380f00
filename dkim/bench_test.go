package dkim

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"mox/dns"
)

// benchMessage returns a message of about size bytes whose body is lines of words, a few of
// them with white space that relaxed canonicalization changes.
func benchMessage(size int) []byte {
	rnd := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	b.WriteString("From: <joe@example.org>\r\nTo: <suzie@example.net>\r\nSubject: a long story\r\n" +
		"Date: Fri, 11 Jul 2003 21:00:37 -0700\r\nMessage-ID: <1@example.org>\r\n" +
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n")
	const letters = "etaoinshrdlucmfwypvbgkjqxz"
	for line := 0; b.Len() < size; line++ {
		for n := 0; n < 68; {
			k := 1 + rnd.IntN(9)
			for range k {
				b.WriteByte(letters[rnd.IntN(len(letters))])
			}
			b.WriteByte(' ')
			n += k + 1
		}
		// Space at the end of one line in ten.
		if line%10 != 0 {
			b.Truncate(b.Len() - 1)
		}
		b.WriteString("\r\n")
	}
	return b.Bytes()
}

// benchSigner returns a Signer with one selector of a key type and canonicalization.
func benchSigner(tb testing.TB, key string, c Canonicalization) *Signer {
	s, err := NewSigner(SignerOptions{
		Domain:    domain(tb, "example.org"),
		Selectors: []Selector{{Name: domain(tb, key), Key: testKey(tb, key), Header: c, Body: c}},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func benchResolver(tb testing.TB) *dns.MemResolver {
	r := &dns.MemResolver{TXT: map[string][]string{}}
	for _, key := range []string{"rsa2048", "ed25519"} {
		record, err := NewRecord(testKey(tb, key).Public())
		if err != nil {
			tb.Fatal(err)
		}
		r.TXT[key+"._domainkey.example.org"] = []string{record.String()}
	}
	return r
}

// BenchmarkSHA256 is what no verifier can be faster than.
func BenchmarkSHA256(b *testing.B) {
	msg := benchMessage(1 << 20)
	b.SetBytes(int64(len(msg)))
	b.ReportAllocs()
	for b.Loop() {
		sha256.Sum256(msg)
	}
}

func BenchmarkVerify(b *testing.B) {
	resolver := benchResolver(b)
	for _, c := range []Canonicalization{Simple, Relaxed} {
		for _, size := range []int{4 << 10, 1 << 20, 16 << 20} {
			b.Run(fmt.Sprintf("%s/%dK", c, size>>10), func(b *testing.B) {
				msg := benchMessage(size)
				fields, err := benchSigner(b, "rsa2048", c).Sign(bytes.NewReader(msg))
				if err != nil {
					b.Fatal(err)
				}
				msg = append(fields, msg...)
				b.SetBytes(int64(len(msg)))
				b.ReportAllocs()
				for b.Loop() {
					results, err := Verify(context.Background(), resolver, bytes.NewReader(msg), Options{})
					if err != nil || len(results) != 1 || results[0].Status != StatusPass {
						b.Fatal(results, err)
					}
				}
			})
		}
	}
}

func BenchmarkSign(b *testing.B) {
	for _, c := range []Canonicalization{Simple, Relaxed} {
		for _, key := range []string{"rsa2048", "ed25519"} {
			for _, size := range []int{1 << 20, 16 << 20} {
				b.Run(fmt.Sprintf("%s/%s/%dK", c, key, size>>10), func(b *testing.B) {
					msg := benchMessage(size)
					signer := benchSigner(b, key, c)
					b.SetBytes(int64(len(msg)))
					b.ReportAllocs()
					for b.Loop() {
						if _, err := signer.Sign(bytes.NewReader(msg)); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}

// BenchmarkBody is body canonicalization without anything else, in pieces of 32 KB, for
// bodies of several kinds.
func BenchmarkBody(b *testing.B) {
	bodies := map[string][]byte{
		"text":   benchMessage(1 << 20),
		"base64": bytes.Repeat([]byte("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0\r\n"), 1<<20/78),
		"indent": bytes.Repeat([]byte("        <td class=\"a\">\tb </td>\r\n"), 1<<20/31),
		"spaces": bytes.Repeat([]byte("a \t  "), 1<<20/5),
		"lines":  bytes.Repeat([]byte("\r\n"), 1<<19),
	}
	for _, name := range []string{"text", "base64", "indent", "spaces", "lines"} {
		for _, c := range []Canonicalization{Simple, Relaxed} {
			b.Run(fmt.Sprintf("%s/%s", name, c), func(b *testing.B) {
				body := bodies[name]
				b.SetBytes(int64(len(body)))
				b.ReportAllocs()
				for b.Loop() {
					h := NewBodyHasher(c, WholeBody)
					for p := body; len(p) > 0; {
						n := min(len(p), 32<<10)
						h.Write(p[:n])
						p = p[n:]
					}
					if _, err := h.Sum(WholeBody); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkVerifyStream is verification of a message that arrives in pieces of 4 KB.
func BenchmarkVerifyStream(b *testing.B) {
	resolver := benchResolver(b)
	msg := benchMessage(1 << 20)
	fields, err := benchSigner(b, "ed25519", Relaxed).Sign(bytes.NewReader(msg))
	if err != nil {
		b.Fatal(err)
	}
	msg = append(fields, msg...)
	buf := make([]byte, 4<<10)
	b.SetBytes(int64(len(msg)))
	b.ReportAllocs()
	for b.Loop() {
		v := NewVerifier(context.Background(), resolver, Options{})
		io.CopyBuffer(struct{ io.Writer }{v}, struct{ io.Reader }{bytes.NewReader(msg)}, buf)
		if results := v.Results(context.Background()); results[0].Status != StatusPass {
			b.Fatal(results)
		}
	}
}
