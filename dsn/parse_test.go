package dsn

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"mox/internal/corpus"
	"mox/message"
)

// report returns a multipart/report of parts, each with header and body.
func report(parts ...string) string {
	var b strings.Builder
	b.WriteString("From: Mail Delivery Subsystem <MAILER-DAEMON@cs.utk.edu>\nTo: <owner@cs.utk.edu>\nContent-Type: multipart/report; report-type=delivery-status; boundary=foobar\n\n")
	for _, p := range parts {
		b.WriteString("--foobar\n" + p + "\n")
	}
	b.WriteString("--foobar--\n")
	return b.String()
}

// summary writes what was read of the recipients.
func summary(l []Recipient) string {
	var b strings.Builder
	for _, r := range l {
		fmt.Fprintf(&b, "%s %s %q %s", r.Action, r.Final, r.FinalText, r.Status)
		if r.Original.Address != "" {
			fmt.Fprintf(&b, " orig %s;%s", r.Original.Type, r.Original.Address)
		}
		if r.Remote.Name != "" {
			fmt.Fprintf(&b, " remote %s;%s", r.Remote.Type, r.Remote.Name)
		}
		if r.Diagnostic != "" {
			fmt.Fprintf(&b, " diag %s;%s", r.DiagnosticType, r.Diagnostic)
		}
		if !r.LastAttempt.IsZero() {
			fmt.Fprintf(&b, " last %s", r.LastAttempt.Format("2006-01-02T15:04"))
		}
		if !r.RetryUntil.IsZero() {
			fmt.Fprintf(&b, " until %s", r.RetryUntil.Format("2006-01-02T15:04"))
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestParse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, status, want string
	}{
		// RFC 3464 appendix E.
		{"simple", `Reporting-MTA: dns; cs.utk.edu

Original-Recipient: rfc822;louisl@larry.slip.umd.edu
Final-Recipient: rfc822;louisl@larry.slip.umd.edu
Action: failed
Status: 4.0.0
Diagnostic-Code: smtp; 426 connection timed out
Last-Attempt-Date: Thu, 7 Jul 1994 17:15:49 -0400
`, `failed louisl@larry.slip.umd.edu "louisl@larry.slip.umd.edu" 4.0.0 orig rfc822;louisl@larry.slip.umd.edu diag smtp;426 connection timed out last 1994-07-07T17:15
`},
		{"several recipients", `Reporting-MTA: dns; cs.utk.edu

Original-Recipient: rfc822;arathib@vnet.ibm.com
Final-Recipient: rfc822;arathib@vnet.ibm.com
Action: failed
Status: 5.0.0 (permanent failure)
Diagnostic-Code: smtp;  550 'arathib@vnet.IBM.COM' is not a
 registered gateway user
Remote-MTA: dns; vnet.ibm.com

Original-Recipient: rfc822;johnh@hpnjld.njd.hp.com
Final-Recipient: rfc822;johnh@hpnjld.njd.hp.com
Action: delayed
Status: 4.0.0 (hpnjld.njd.jp.com: host name lookup failure)

Original-Recipient: rfc822;wsnell@sdcc13.ucsd.edu
Final-Recipient: rfc822;wsnell@sdcc13.ucsd.edu
Action: failed
Status: 5.0.0
Diagnostic-Code: smtp; 550 user unknown
Remote-MTA: dns; sdcc13.ucsd.edu
`, `failed arathib@vnet.ibm.com "arathib@vnet.ibm.com" 5.0.0 orig rfc822;arathib@vnet.ibm.com remote dns;vnet.ibm.com diag smtp;550 'arathib@vnet.IBM.COM' is not a registered gateway user
delayed johnh@hpnjld.njd.hp.com "johnh@hpnjld.njd.hp.com" 4.0.0 orig rfc822;johnh@hpnjld.njd.hp.com
failed wsnell@sdcc13.ucsd.edu "wsnell@sdcc13.ucsd.edu" 5.0.0 orig rfc822;wsnell@sdcc13.ucsd.edu remote dns;sdcc13.ucsd.edu diag smtp;550 user unknown
`},
		{"from a gateway", `Reporting-MTA: mailbus; SYS30

Final-Recipient: unknown; nair_s
Status: 5.0.0 (unknown permanent failure)
Action: failed
`, `failed  "nair_s" 5.0.0
`},
		{"delayed", `Reporting-MTA: dns; sun2.nsfnet-relay.ac.uk

Final-Recipient: rfc822;thomas@de-montfort.ac.uk
Status: 4.0.0 (unknown temporary failure)
Action: delayed
Will-Retry-Until: Sun, 17 Jul 1994 00:36:51 +0100
`, `delayed thomas@de-montfort.ac.uk "thomas@de-montfort.ac.uk" 4.0.0 until 1994-07-17T00:36
`},

		{"international", "Reporting-MTA: dns; x\n\nOriginal-Recipient: utf-8;j\\x{FC}@x.example\nFinal-Recipient: UTF-8;jü@x.example\nAction: Failed\nStatus: 5.6.7\n",
			"failed jü@x.example \"jü@x.example\" 5.6.7 orig utf-8;jü@x.example\n"},
		{"no group about the message", "Final-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\n", "failed a@b.example \"a@b.example\" 5.1.1\n"},
		{"all in one group", "Reporting-MTA: dns; x\nFinal-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\n", "failed a@b.example \"a@b.example\" 5.1.1\n"},
		{"many blank lines", "\n\nReporting-MTA: dns; x\n\n\n\nFinal-Recipient: rfc822; a@b.example\nAction: failed\n\n\n", "failed a@b.example \"a@b.example\" \n"},
		{"without types, in brackets", "Final-Recipient: <a@b.example>\nAction: failure\nStatus: 5.1.1.1\nDiagnostic-Code: 550 no; not here\n",
			"failed a@b.example \"a@b.example\"  diag ;550 no; not here\n"},
		{"odd lines", "hello\nFinal-Recipient: rfc822;a@b.example\nnonsense line\nAction: failed (really)\n folded\nStatus: abc\n", "failed a@b.example \"a@b.example\" \n"},
		{"not a path", "Final-Recipient: rfc822;somebody at home\nAction: failed\n", "failed  \"somebody at home\" \n"},
		{"unknown action", "Final-Recipient: rfc822;a@b.example\nAction: vanished\n", "vanished a@b.example \"a@b.example\" \n"},
	}
	for _, test := range tests {
		for _, typ := range []string{"message/delivery-status", "message/global-delivery-status"} {
			msg := []byte(report("\nfor people", "Content-Type: "+typ+"\n\n"+test.status, "Content-Type: text/rfc822-headers\n\nMessage-ID: <orig@x>\nSubject: x"))
			for _, msg := range [][]byte{msg, bytes.ReplaceAll(msg, []byte("\n"), []byte("\r\n"))} {
				p, err := Parse(bytes.NewReader(msg), message.ParseBytes(msg))
				if err != nil {
					t.Errorf("%s: %v", test.name, err)
					continue
				}
				if got := summary(p.Recipients); got != test.want {
					t.Errorf("%s:\ngot  %s\nwant %s", test.name, got, test.want)
				}
				if p.Text != "for people" || p.From.String() != "MAILER-DAEMON@cs.utk.edu" || p.To.String() != "owner@cs.utk.edu" || p.SMTPUTF8 != (typ == "message/global-delivery-status") {
					t.Errorf("%s: from %s to %s, UTF-8 %v, text %q", test.name, p.From, p.To, p.SMTPUTF8, p.Text)
				}
				if e := message.ParseBytes(p.Original.Header).Envelope; e.MessageID != "orig@x" || p.Part == nil {
					t.Errorf("%s: original %q", test.name, p.Original.Header)
				}
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	status := "Content-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\nFinal-Recipient: rfc822;a@b.example\nAction: failed\nStatus: 5.0.0"
	for name, msg := range map[string]string{
		"text":              "Subject: Undelivered mail\n\nFinal-Recipient: rfc822;a@b.example\n",
		"multipart/mixed":   strings.Replace(report(status), "multipart/report", "multipart/mixed", 1),
		"read receipt":      strings.Replace(report(status), "delivery-status;", "disposition-notification;", 1),
		"no status":         report("\nfor people"),
		"no recipient":      report("Content-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\nAction: failed"),
		"status as text":    report("Content-Type: text/plain\n\nFinal-Recipient: rfc822;a@b.example"),
		"empty status":      report("Content-Type: message/delivery-status\n\n"),
		"status in message": report("Content-Type: message/rfc822\n\n" + report(status)),
	} {
		if p, err := Parse(strings.NewReader(msg), message.ParseBytes([]byte(msg))); !errors.Is(err, ErrNotDSN) || p != nil {
			t.Errorf("%s: got %+v %v", name, p, err)
		}
	}
	msg := report(status)
	if _, err := Parse(failingReaderAt{}, message.ParseBytes([]byte(msg))); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("reading fails: %v", err)
	}
}

type failingReaderAt struct{}

func (failingReaderAt) ReadAt([]byte, int64) (int, error) { return 0, io.ErrClosedPipe }

func TestParseReal(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"torture/multipart_report_multiple_status.eml":             "failed u@ci.com 5.3.0",
		"torture/raw_email_with_mimepart_without_content_type.eml": "delayed larose.julie@courrier.uqam.ca 4.5.0",
		"torture/report_422.eml":                                   "delayed fraser@oooooooo.com.au 4.2.2",
		"torture/report_530.eml":                                   "failed edwin@zzzzzzz.com 5.3.0",
		"torture/multi_address_bounce1.eml":                        "failed bbbbvhvbbvkjbhfbvbvjhb@gmail.com 5.1.1",
		"ham-easy/1436.eml":                                        "delayed casimir@tgsnopec.com ",
	}
	for _, m := range corpus.Messages(t) {
		root := message.ParseBytes(m.Data)
		p, err := Parse(bytes.NewReader(m.Data), root)
		if err != nil && !errors.Is(err, ErrNotDSN) {
			t.Errorf("%s: %v", m.Name, err)
		}
		if want[m.Name] == "" {
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", m.Name, err)
			continue
		}
		r := p.Recipients[0]
		if got := fmt.Sprintf("%s %s %s", r.Action, r.Final, r.Status); got != want[m.Name] {
			t.Errorf("%s: got %q, want %q", m.Name, got, want[m.Name])
		}
		if len(p.Original.Header) == 0 {
			t.Errorf("%s: no original", m.Name)
		}
		delete(want, m.Name)
	}
	for name := range want {
		t.Errorf("%s: not read", name)
	}
}

// FuzzParse checks that what was read of a notification can be written, and is read the same again.
func FuzzParse(f *testing.F) {
	for _, m := range corpus.Torture(f) {
		if message.ParseBytes(m.Data).MediaType() == "multipart/report" {
			f.Add(m.Data)
		}
	}
	f.Add([]byte(report("\nx", "Content-Type: message/global-delivery-status\n\nFinal-Recipient: utf-8;ü@x.example\nAction: failed\nStatus: 5.0.0\n")))
	f.Fuzz(func(t *testing.T, msg []byte) {
		p, err := Parse(bytes.NewReader(msg), message.ParseBytes(msg))
		if err != nil {
			return
		}
		if p.To.IsZero() {
			return
		}
		var b bytes.Buffer
		if _, err := Compose(&b, &p.Message, options()); err != nil {
			if errors.Is(err, message.ErrNeedsUTF8) {
				return
			}
			t.Fatal(err)
		}
		q, err := Parse(bytes.NewReader(b.Bytes()), message.ParseBytes(b.Bytes()))
		if err != nil {
			t.Fatalf("%v\n%q", err, b.Bytes())
		}
		if len(q.Recipients) != len(p.Recipients) {
			t.Fatalf("%d recipients, want %d: %q", len(q.Recipients), len(p.Recipients), b.Bytes())
		}
		for i, r := range q.Recipients {
			if r.Final != p.Recipients[i].Final {
				t.Fatalf("recipient %v, want %v: %q", r.Final, p.Recipients[i].Final, b.Bytes())
			}
		}
	})
}
