package smtpserver

import (
	"testing"

	"mox/smtp"
)

// What the client says about notifications gets to the targets: to the account where one was enough,
// and to the queue where somebody wants to hear of success.
func TestDSNParameters(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		mail     string
		rcpt     []string
		queue    bool
		envid    string
		ret      smtp.Ret
		notify   []smtp.Notify
		original []smtp.OriginalRecipient
	}{
		{"none", "", []string{"bob@example.org>"}, false, "", 0, []smtp.Notify{0}, []smtp.OriginalRecipient{{}}},
		{"failure", " RET=HDRS ENVID=a+2Bb", []string{"bob@example.org> NOTIFY=FAILURE,DELAY ORCPT=rfc822;B+2Bob@x.example"}, false, "a+b", smtp.RetHeaders,
			[]smtp.Notify{smtp.NotifyFailure | smtp.NotifyDelay}, []smtp.OriginalRecipient{{Type: "rfc822", Address: "B+ob@x.example"}}},
		{"success", " RET=FULL", []string{"bob@example.org> NOTIFY=SUCCESS"}, true, "", smtp.RetFull, []smtp.Notify{smtp.NotifySuccess}, []smtp.OriginalRecipient{{}}},
		{"several", "", []string{"bob@example.org> NOTIFY=NEVER", "alice@example.org>", "bob@example.org> NOTIFY=SUCCESS"}, true, "", 0,
			[]smtp.Notify{smtp.NotifyNever, 0}, []smtp.OriginalRecipient{{}, {}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ts := newServer(t, nil)
			c := ts.dial()
			c.hello()
			c.cmd("MAIL FROM:<a@b.example>"+tt.mail, "250 ")
			for _, s := range tt.rcpt {
				c.cmd("RCPT TO:<"+s, "250 ")
			}
			c.cmd("DATA", "354 ")
			c.write(simple + ".\r\n")
			c.want("250 ")
			l, others := ts.local.Messages(), ts.queue.Messages()
			if tt.queue {
				l, others = others, l
			}
			if len(l) != len(tt.notify) || len(others) > 0 {
				t.Fatalf("%d messages where %d were wanted, %d elsewhere", len(l), len(tt.notify), len(others))
			}
			for _, m := range l {
				i := 0
				if len(l) > 1 && m.Recipient.Path.Localpart == "alice" {
					i = 1
				}
				if m.Envelope.ENVID != tt.envid || m.Envelope.Ret != tt.ret {
					t.Errorf("envelope has ENVID %q, RET %q", m.Envelope.ENVID, m.Envelope.Ret)
				}
				if m.Recipient.Notify != tt.notify[i] || m.Recipient.OriginalRecipient != tt.original[i] {
					t.Errorf("%s has NOTIFY %q, ORCPT %v", m.Recipient.Path, m.Recipient.Notify, m.Recipient.OriginalRecipient)
				}
			}
		})
	}
}
