package smtpclient

import (
	"strings"
	"testing"

	"mox/smtp"
)

// Parameters of RFC 3461 are passed on as they came to a server that knows them (§5.2.1), and
// not said to another (§5.2.2 a).
func TestDeliveryStatusParameters(t *testing.T) {
	t.Parallel()
	asked := Envelope{
		From: mustPath("bob@client.example"), ENVID: "QQ 314+159", Ret: smtp.RetHeaders,
		Recipients: []Recipient{
			{To: mustPath("a@example.org"), Notify: smtp.NotifySuccess | smtp.NotifyFailure, Original: smtp.OriginalRecipient{Type: "rfc822", Address: "Al+list@Example.org"}},
			{To: mustPath("b@example.org"), Notify: smtp.NotifyNever, Original: smtp.OriginalRecipient{Type: "utf-8", Address: "bø@example.org"}},
			{To: mustPath("c@example.org")},
		},
	}
	for _, tc := range []struct {
		name   string
		dsn    bool
		env    Envelope
		script string
	}{
		{"asked for", true, asked, `
			S: 220 mx.example
			C: EHLO client.example
			S: 250-mx.example
			S: 250 DSN
			C: MAIL FROM:<bob@client.example> RET=HDRS ENVID=QQ+20314+2B159
			S: 250 ok
			C: RCPT TO:<a@example.org> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Al+2Blist@Example.org
			S: 250 ok
			C: RCPT TO:<b@example.org> NOTIFY=NEVER ORCPT=utf-8;b\x{F8}@example.org
			S: 250 ok
			C: RCPT TO:<c@example.org>
			S: 250 ok
			C: DATA
			S: 354 go
			BODY x|
			S: 250 queued
			C: QUIT
			S: 221 bye`},
		{"not asked for", true, Envelope{From: asked.From, Recipients: rcpts("a@example.org")}, `
			S: 220 mx.example
			C: EHLO client.example
			S: 250-mx.example
			S: 250 DSN
			C: MAIL FROM:<bob@client.example>
			S: 250 ok
			C: RCPT TO:<a@example.org>
			S: 250 ok
			C: DATA
			S: 354 go
			BODY x|
			S: 250 queued
			C: QUIT
			S: 221 bye`},
		{"not known to the server", false, asked, `
			S: 220 mx.example
			C: EHLO client.example
			S: 250 mx.example
			C: MAIL FROM:<bob@client.example>
			S: 250 ok
			C: RCPT TO:<a@example.org>
			S: 250 ok
			C: RCPT TO:<b@example.org>
			S: 250 ok
			C: RCPT TO:<c@example.org>
			S: 250 ok
			C: DATA
			S: 354 go
			BODY x|
			S: 250 queued
			C: QUIT
			S: 221 bye`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, options(), tc.script)
			defer c.Close()
			if c.DSN() != tc.dsn {
				t.Errorf("DSN is %v", c.DSN())
			}
			if _, err := c.Deliver(t.Context(), tc.env, strings.NewReader("x\r\n")); err != nil {
				t.Error(err)
			}
		})
	}
}
