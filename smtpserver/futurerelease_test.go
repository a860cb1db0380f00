package smtpserver

import (
	"encoding/base64"
	"testing"
	"time"

	"mox/smtp"
)

// What a client says about when and how a message is sent gets to the queue, in the form in which notifications repeat it
// (RFC 4865 §5.1.2, RFC 8689 §4.1).
func TestParametersOfSending(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		params     string
		sendAt     time.Time
		hold       string
		requireTLS smtp.RequireTLS
	}{
		{"", time.Time{}, "", smtp.RequireTLSDefault},
		{" HOLDFOR=3600", time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), "for;3600", smtp.RequireTLSDefault},
		{" holduntil=2026-06-01T12:00:00Z", time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC), "until;2026-06-01T12:00:00Z", smtp.RequireTLSDefault},
		{" REQUIRETLS HOLDUNTIL=2020-06-01T12:00:00Z", time.Date(2020, 6, 1, 12, 0, 0, 0, time.UTC), "until;2020-06-01T12:00:00Z", smtp.RequireTLSAlways},
	} {
		t.Run(tt.params, func(t *testing.T) {
			t.Parallel()
			ts := newServer(t, func(o *Options, lo *ListenerOptions) {
				submission(o, lo)
				lo.Kind = Submissions
			})
			c := ts.dial()
			c.startTLS()
			c.hello()
			c.cmd("AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00alice\x00s3cret")), "235 ")
			c.cmd("MAIL FROM:<alice@example.org>"+tt.params, "250 ")
			c.cmd("RCPT TO:<x@remote.example>", "250 ")
			c.cmd("DATA", "354 ")
			c.write("From: alice@example.org\r\n\r\nx\r\n.\r\n")
			c.want("250 ")
			l := ts.submit.Messages()
			if len(l) != 1 {
				t.Fatalf("%d messages", len(l))
			}
			if e := l[0].Envelope; !e.SendAt.Equal(tt.sendAt) || e.FutureRelease != tt.hold || e.RequireTLS != tt.requireTLS {
				t.Errorf("envelope %+v", e)
			}
		})
	}
}
