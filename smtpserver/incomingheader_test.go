package smtpserver

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"mox/authres"
	"mox/dns"
	"mox/pipeline/checktest"
)

// Fields that claim to be ours do not get in (RFC 8601 §5), those of others do, byte for byte.
func TestForgedAuthenticationResults(t *testing.T) {
	t.Parallel()
	own := authres.NewMatcher("mx.example.org", "mail.example.org")
	for _, tt := range []struct{ in, want string }{
		{"Authentication-Results: mx.example.org; spf=pass\r\nTo: x\r\n\r\nbody", "To: x\r\n\r\nbody"},
		{"To: x\r\nAUTHENTICATION-results :\r\n\t(c) MAIL.example.org 1;\r\n dkim=pass\r\n\r\n", "To: x\r\n\r\n"},
		{"Authentication-Results: mx.example.net; spf=pass\r\n\r\nx", "Authentication-Results: mx.example.net; spf=pass\r\n\r\nx"},
		{"X: y\r\n\r\nAuthentication-Results: mx.example.org; spf=pass\r\n", "X: y\r\n\r\nAuthentication-Results: mx.example.org; spf=pass\r\n"},
		{"Authentication-Results-X: mx.example.org; spf=pass\r\n\r\n", "Authentication-Results-X: mx.example.org; spf=pass\r\n\r\n"},
		{"Authentication-Results: mx.example.org; spf=pass", ""},
		{"Authentication-Results: a.example;\r\n dkim=pass " + strings.Repeat("(x)\r\n ", maxIncomingAuthres/6) + "\r\nTo: x\r\n", "To: x\r\n"},
	} {
		for _, piece := range []int{1, 7, len(tt.in) + 1} {
			var got bytes.Buffer
			f := newIncomingHeader(&got, own)
			for p := range slices.Chunk([]byte(tt.in), piece) {
				if n, err := f.Write(p); err != nil || n != len(p) {
					t.Fatalf("Write: %d, %v", n, err)
				}
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			if got.String() != tt.want {
				t.Errorf("%q in pieces of %d: got %q, want %q", tt.in, piece, got.String(), tt.want)
			}
		}
	}
}

// Checks get what the sender has signed, also what does not go on.
func TestChecksSeeForgedFields(t *testing.T) {
	t.Parallel()
	var streamed bytes.Buffer
	check := &checktest.Scripted{OnStream: func() io.Writer { return &streamed }}
	ts := newServer(t, func(_ *Options, lo *ListenerOptions) {
		lo.Checks = using(check)
		lo.Hostnames = []dns.Domain{{ASCII: "other.example"}}
	})
	c := ts.dial()
	c.hello()
	sent := "Authentication-Results: other.example; spf=pass\r\n" + simple
	if got := c.send("a@b.example", sent, "alice@example.org"); !strings.HasPrefix(got, "250 ") {
		t.Fatal(got)
	}
	if streamed.String() != sent {
		t.Errorf("streamed %q", streamed.String())
	}
	got := ts.local.Messages()[0].Content
	if !strings.HasSuffix(got, simple) || strings.Contains(got, "spf=pass") {
		t.Errorf("message is %q", got)
	}
}

// BenchmarkIncomingHeader is what the filter costs a message without such fields.
func BenchmarkIncomingHeader(b *testing.B) {
	m := []byte(strings.Repeat("Received: from a.example by b.example;\r\n\tFri, 2 Jan 2026 03:04:05 +0100\r\n", 10) + "To: x\r\n\r\n" + strings.Repeat("body of the message\r\n", 400))
	own := authres.NewMatcher("mx.example.org")
	b.SetBytes(int64(len(m)))
	b.ReportAllocs()
	for b.Loop() {
		f := newIncomingHeader(io.Discard, own)
		for p := range slices.Chunk(m, 4096) {
			f.Write(p)
		}
		f.Close()
	}
}
