package smtpserver

import (
	"bytes"
	"strings"
	"testing"

	"mox/message"
)

// FuzzHeaderFilter: whatever a client submits, and wherever it is cut, no private field gets through, Date and Message-ID at
// most once each, and nothing of the body is lost.
func FuzzHeaderFilter(f *testing.F) {
	for _, s := range []string{
		simple, "", "\r\n", "Bcc: a\r\n b\r\nTo: x\r\n\r\nBcc: body\r\n", "Date: x\r\nDate: Fri, 2 Jan 2026 03:04:05 +0100\r\n\r\n.",
		"Message-ID: <a@b>\r\nmessage-id : <c@d>\r\nMessage-ID:\r\n <e\r\n f>\r\n\r\n", "Date:\n\nx", "Date", " Date: x\r\nBcc\r\n:\r\n",
		"Bcc" + strings.Repeat(" ", 60) + ": x\r\nDate" + strings.Repeat("\t", 40) + ":\r\n\r\n",
	} {
		f.Add([]byte(s), uint(3))
	}
	f.Fuzz(func(t *testing.T, in []byte, cut uint) {
		filter := func(parts ...[]byte) string {
			var b bytes.Buffer
			h := newSubmissionHeader(&b)
			for _, p := range parts {
				if n, err := h.Write(p); n != len(p) || err != nil {
					t.Fatalf("Write: %d, %v", n, err)
				}
			}
			if err := h.Close(); err != nil {
				t.Fatal(err)
			}
			return b.String()
		}
		got := filter(in)
		n := int(cut % uint(len(in)+1))
		if parts := filter(in[:n], in[n:]); parts != got {
			t.Fatalf("%q, cut at %d: %q, whole: %q", in, n, parts, got)
		}
		seen := map[string]bool{}
		for field := range message.Fields([]byte(got)) {
			for _, private := range []string{"Bcc", "Resent-Bcc", "Return-Path"} {
				if field.Is(private) {
					t.Fatalf("%q: %q is left", in, field.Raw)
				}
			}
			for _, once := range []string{"Date", "Message-ID"} {
				if field.Is(once) && seen[once] {
					t.Fatalf("%q: two fields %s", in, once)
				}
				seen[once] = seen[once] || field.Is(once)
			}
		}
		if _, body, ok := bytes.Cut(in, []byte("\r\n\r\n")); ok && !bytes.HasSuffix([]byte(got), body) {
			t.Fatalf("%q: body is not that of %q", in, got)
		}
	})
}
