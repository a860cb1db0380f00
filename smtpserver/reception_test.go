package smtpserver

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mox/dkim"
	"mox/dns"
	"mox/message"
	"mox/pipeline"
	"mox/pipeline/checks"
	"mox/pipeline/checktest"
	"mox/pipeline/targettest"
)

// client is from where test clients connect; it may send for signed.example.
const client = "198.51.100.7"

// reception is a server that checks who sends, with a DNS in memory.
type reception struct {
	*testServer
	dns    *dns.MemResolver
	signer *dkim.Signer // Of signed.example.
}

func newReception(t testing.TB, change func(*Options, *ListenerOptions)) *reception {
	t.Helper()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	record, err := dkim.NewRecord(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	r := &reception{dns: &dns.MemResolver{
		PTR: map[string][]string{client: {"mail.signed.example"}},
		A:   map[string][]string{"mail.signed.example": {client}},
		TXT: map[string][]string{
			"signed.example":                        {"v=spf1 ip4:" + client + " -all"},
			"mail.signed.example":                   {"v=spf1 a -all"},
			"_dmarc.signed.example":                 {"v=DMARC1; p=reject"},
			"sel._domainkey.signed.example":         {record.String()},
			"xn--mnchen-3ya.example":                {"v=spf1 +all"},
			"_dmarc.xn--mnchen-3ya.example":         {"v=DMARC1; p=reject"},
			"sel._domainkey.xn--mnchen-3ya.example": {record.String()},
			"_dmarc.bank.example":                   {"v=DMARC1; p=reject"},
			"_dmarc.shop.example":                   {"v=DMARC1; p=quarantine"},
			"_dmarc.monitor.example":                {"v=DMARC1; p=none"},
			"_dmarc.down.example":                   {"v=DMARC1; p=reject"},
		},
		Fail: []string{"txt down.example", "txt sel._domainkey.down.example", "txt _dmarc.unknown.example"},
	}}
	r.signer = r.signerFor(t, "signed.example", nil)
	r.testServer = newServer(t, func(o *Options, lo *ListenerOptions) {
		lo.Checks = []pipeline.Use{{Timeout: checks.SenderAuthTimeout, Check: checks.NewSenderAuth(checks.SenderAuthOptions{
			Resolver: r.dns, Hostname: hostname, Policy: checks.DMARCEnforce,
		})}}
		if change != nil {
			change(o, lo)
		}
	})
	return r
}

func (r *reception) signerFor(t testing.TB, domain string, signed []string) *dkim.Signer {
	t.Helper()
	d, err := dns.ParseDomain(domain)
	if err != nil {
		t.Fatal(err)
	}
	s, err := dkim.NewSigner(dkim.SignerOptions{Domain: d, Selectors: []dkim.Selector{
		{Name: dns.Domain{ASCII: "sel"}, Signed: signed, Key: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sign returns a message with a signature.
func sign(t testing.TB, s *dkim.Signer, content string) string {
	t.Helper()
	fields, err := s.Sign(strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	return string(fields) + content
}

// mailFrom is a message by an author.
func mailFrom(author string) string {
	return "From: <" + author + ">\r\nTo: <alice@example.org>\r\nSubject: hi\r\n\r\ntext\r\n"
}

// authResults returns the results that the server has put on top of a message, in a short form as in "spf=pass dkim=none".
func authResults(t testing.TB, content string) string {
	t.Helper()
	for f := range message.Fields([]byte(content)) {
		if !f.Is("Authentication-Results") {
			t.Fatalf("first field is %q", f.Raw)
		}
		var l []string
		for _, s := range strings.Split(string(f.Value), ";\r\n\t")[1:] {
			result, _, _ := strings.Cut(strings.TrimSpace(s), " ")
			l = append(l, result)
		}
		return strings.Join(l, " ")
	}
	t.Fatal("no header")
	return ""
}

// A message that meets a bug in a check is deferred, and the connection goes on; the bug is counted.
func TestReceptionDefersAtABug(t *testing.T) {
	t.Parallel()
	r := newReception(t, func(_ *Options, lo *ListenerOptions) {
		lo.Checks = append(lo.Checks, pipeline.Use{Check: &checktest.Scripted{OnMessage: func(_ context.Context, m pipeline.Message) (pipeline.Result, error) {
			if m.Envelope.MailFrom.Localpart == "bug" {
				panic("bug")
			}
			return pipeline.Result{}, nil
		}}})
	})
	r.panics = 1
	c := r.dial()
	c.hello()
	for _, tt := range []struct{ from, want string }{{"bug@signed.example", "451 4.3.0 "}, {"a@signed.example", "250 "}} {
		c.cmd("MAIL FROM:<"+tt.from+">", "250 ")
		c.cmd("RCPT TO:<alice@example.org>", "250 ")
		c.cmd("DATA", "354 ")
		c.cmd(strings.TrimSuffix(mailFrom("a@other.example"), "\r\n")+"\r\n.", tt.want)
	}
	if n := len(r.local.Messages()); n != 1 {
		t.Errorf("%d messages delivered, want 1", n)
	}
}

// Messages of different authors, one after the other on a connection, with DATA and with BDAT, whole and in chunks: each
// is judged once and by itself, and a refusal is given at once (RFC 8601 §4.2).
func TestReceptionJudgesEachMessage(t *testing.T) {
	t.Parallel()
	r := newReception(t, nil)
	signed := sign(t, r.signer, mailFrom("a@signed.example"))
	messages := []struct {
		name, from, content string
		want                string // Reply.
		results             string
		mailbox             string
	}{
		{"good", "a@signed.example", signed, "250 2.0.0", "iprev=pass spf=pass spf=pass dkim=pass dmarc=pass", "Inbox"},
		{"forged", "a@signed.example", mailFrom("a@bank.example"), "550 5.7.1", "", ""},
		{"forwarded", "x@else.example", signed, "250 2.0.0", "iprev=pass spf=none spf=pass dkim=pass dmarc=pass", "Inbox"},
		{"changed", "x@else.example", signed + "more\r\n", "550 5.7.1", "", ""},
		{"null reverse-path, aligned by EHLO", "", mailFrom("mailer-daemon@signed.example"), "250 2.0.0", "iprev=pass spf=pass dkim=none dmarc=pass", "Inbox"},
		{"null reverse-path, forged", "", mailFrom("mailer-daemon@bank.example"), "550 5.7.1", "", ""},
		{"forged, to be quarantined", "x@else.example", mailFrom("a@shop.example"), "250 2.0.0", "iprev=pass spf=none spf=pass dkim=none dmarc=fail", "Junk"},
		{"forged, to be noted", "x@else.example", mailFrom("a@monitor.example"), "250 2.0.0", "iprev=pass spf=none spf=pass dkim=none dmarc=fail", "Inbox"},
		{"policy not known", "x@else.example", mailFrom("a@unknown.example"), "451 4.7.1", "", ""},
		{"SPF not known", "a@down.example", mailFrom("a@down.example"), "451 4.7.1", "", ""},
		{"not known, but signed", "a@down.example", signed, "250 2.0.0", "iprev=pass spf=temperror spf=pass dkim=pass dmarc=pass", "Inbox"},
		{"SPF not known, of another domain", "a@down.example", mailFrom("a@bank.example"), "550 5.7.1", "", ""},
		{"without From", "a@signed.example", "Subject: hi\r\n\r\ntext\r\n", "550 5.7.1", "", ""},
		{"empty", "a@signed.example", "", "550 5.7.1", "", ""},
	}
	for _, way := range []string{"DATA", "BDAT", "chunks"} {
		c := r.dial()
		c.want("220 ")
		c.cmd("EHLO mail.signed.example", "250 ")
		for _, m := range messages {
			before := len(r.local.Messages())
			c.cmd("MAIL FROM:<"+m.from+">", "250 ")
			c.cmd("RCPT TO:<alice@example.org>", "250 ")
			switch way {
			case "DATA":
				c.cmd("DATA", "354 ")
				c.write(m.content + ".\r\n")
			case "BDAT":
				c.write(fmt.Sprintf("BDAT %d LAST\r\n%s", len(m.content), m.content))
			default:
				for piece := range slices.Chunk([]byte(m.content), 37) {
					c.write(fmt.Sprintf("BDAT %d\r\n%s", len(piece), piece))
					c.want("250 ")
				}
				c.write("BDAT 0 LAST\r\n")
			}
			if got := c.reply(); !strings.HasPrefix(got, m.want) {
				t.Errorf("%s, %s: got %q, want %q", way, m.name, got, m.want)
			}
			got := r.local.Messages()[before:]
			if len(got) != map[bool]int{true: 1}[m.mailbox != ""] {
				t.Errorf("%s, %s: %d messages delivered", way, m.name, len(got))
				continue
			}
			if m.mailbox == "" {
				continue
			}
			content := got[0].Content
			if s := strings.TrimPrefix(content, "X-Mox-Reason: dmarc\r\n"); authResults(t, s) != m.results || !strings.HasSuffix(s, m.content) {
				t.Errorf("%s, %s: results %s in\n%s", way, m.name, authResults(t, s), content)
			}
			if mailbox := got[0].Recipient.Mailbox; mailbox != m.mailbox && mailbox+m.mailbox != "Inbox" {
				t.Errorf("%s, %s: in %q, want %q", way, m.name, mailbox, m.mailbox)
			}
			var facts []pipeline.Fact
			if err := json.Unmarshal(got[0].Recipient.Auth, &facts); err != nil || !slices.ContainsFunc(facts, func(f pipeline.Fact) bool { return f.Name == checks.FactDMARC }) {
				t.Errorf("%s, %s: facts %s, %v", way, m.name, got[0].Recipient.Auth, err)
			}
		}
		c.cmd("QUIT", "221 ")
	}
}

// What our server says stands above all that others say and above its own trace fields, in a field of its own
// (RFC 8601 §4, §4.1).
func TestReceptionFieldOrder(t *testing.T) {
	t.Parallel()
	r := newReception(t, nil)
	c := r.dial()
	c.hello()
	const others = "Received: from x by y; Fri, 2 Jan 2026 03:04:05 +0000\r\nAuthentication-Results: other.example; spf=fail\r\n"
	if got := c.send("a@signed.example", others+mailFrom("a@signed.example"), "alice@example.org"); !strings.HasPrefix(got, "250 ") {
		t.Fatal(got)
	}
	var names []string
	for f := range message.Fields([]byte(r.local.Messages()[0].Content)) {
		names = append(names, string(f.Name))
	}
	if got, want := strings.Join(names, " "), "Authentication-Results Received-SPF Received Received Authentication-Results From To Subject"; got != want {
		t.Errorf("fields %s, want %s", got, want)
	}
}

// Several recipients share what is found out, which costs no more lookups; a refusal is one of all.
func TestReceptionSeveralRecipients(t *testing.T) {
	t.Parallel()
	r := newReception(t, nil)
	c := r.dial()
	c.want("220 ")
	c.cmd("EHLO mail.signed.example", "250 ")
	to := []string{"alice@example.org", "postmaster@example.org", "bob@example.org", "lists@example.org"}
	for _, tt := range []struct{ author, want string }{
		{"a@signed.example", "250 "}, {"a@bank.example", "550 5.7.1"}, {"a@unknown.example", "451 4.7.1"},
	} {
		if got := c.send("a@signed.example", mailFrom(tt.author), to...); !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: %s", tt.author, got)
		}
	}
	if n := r.dns.Calls("txt _dmarc.signed.example"); n > 1 {
		t.Errorf("%d lookups of one policy for one message", n)
	}
	if got := len(r.queue.Messages()); got != 3 || len(r.local.Messages()) > 0 { // alice once.
		t.Errorf("%d copies", got)
	}
	for _, m := range r.queue.Messages() {
		if got := authResults(t, m.Content); got != "iprev=pass spf=pass spf=pass dkim=none dmarc=pass" {
			t.Errorf("%s: %s", m.Recipient.Path, got)
		}
	}
	// Recipients that are refused change nothing for others.
	c.cmd("MAIL FROM:<a@signed.example>", "250 ")
	c.cmd("RCPT TO:<nobody@example.org>", "550 ")
	c.cmd("RCPT TO:<alice@example.org>", "250 ")
	c.cmd("RCPT TO:<x@elsewhere.example>", "550 ")
	c.cmd("DATA", "354 ")
	c.write(mailFrom("a@signed.example") + ".\r\n")
	c.want("250 ")
	if l := r.local.Messages(); len(l) != 1 || authResults(t, l[0].Content) != "iprev=pass spf=pass spf=pass dkim=none dmarc=pass" {
		t.Errorf("%d messages", len(l))
	}
}

// A DNS that does not answer defers a message within bounded time, and one that was given up, in whatever way, leaves
// nothing behind: the test ends only if no goroutine is left.
func TestReceptionWithoutDNS(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		play func(t *testing.T, r *reception, c *testClient)
	}{
		{"message", func(t *testing.T, r *reception, c *testClient) {
			begin := time.Now()
			if got := c.send("a@signed.example", sign(t, r.signer, mailFrom("a@signed.example")), "alice@example.org"); !strings.HasPrefix(got, "451 4.7.1") {
				t.Error(got)
			}
			if took := time.Since(begin); took > checks.SenderAuthTimeout {
				t.Errorf("took %v", took)
			}
		}},
		{"RSET after MAIL", func(_ *testing.T, _ *reception, c *testClient) {
			c.cmd("MAIL FROM:<a@signed.example>", "250 ")
			c.cmd("RSET", "250 ")
			c.cmd("MAIL FROM:<b@signed.example>", "250 ")
		}},
		{"RSET between chunks", func(t *testing.T, r *reception, c *testClient) {
			signed := sign(t, r.signer, mailFrom("a@signed.example"))
			for range 3 {
				c.cmd("MAIL FROM:<a@signed.example>", "250 ")
				c.cmd("RCPT TO:<alice@example.org>", "250 ")
				c.write(fmt.Sprintf("BDAT %d\r\n%s", len(signed), signed))
				c.want("250 ")
				c.cmd("RSET", "250 ")
			}
		}},
		{"EHLO again", func(_ *testing.T, _ *reception, c *testClient) {
			c.cmd("MAIL FROM:<a@signed.example>", "250 ")
			c.cmd("RCPT TO:<alice@example.org>", "250 ")
			c.cmd("EHLO again.example", "250 ")
		}},
		{"broken within the message", func(t *testing.T, r *reception, c *testClient) {
			c.cmd("MAIL FROM:<a@signed.example>", "250 ")
			c.cmd("RCPT TO:<alice@example.org>", "250 ")
			c.cmd("DATA", "354 ")
			c.write(sign(t, r.signer, mailFrom("a@signed.example")))
			c.nc.Close()
		}},
		{"broken within a chunk", func(_ *testing.T, _ *reception, c *testClient) {
			c.cmd("MAIL FROM:<a@signed.example>", "250 ")
			c.cmd("RCPT TO:<alice@example.org>", "250 ")
			c.write("BDAT 1000\r\nFrom: <a@signed.example>\r\n")
			c.nc.Close()
		}},
		{"broken after the message", func(t *testing.T, r *reception, c *testClient) {
			c.cmd("MAIL FROM:<a@signed.example>", "250 ")
			c.cmd("RCPT TO:<alice@example.org>", "250 ")
			c.cmd("DATA", "354 ")
			c.write(sign(t, r.signer, mailFrom("a@signed.example")) + ".\r\n")
			c.nc.Close()
		}},
		{"QUIT", func(_ *testing.T, _ *reception, c *testClient) {
			c.cmd("MAIL FROM:<a@signed.example>", "250 ")
			c.cmd("QUIT", "221 ")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newReception(t, nil)
				r.dns.Before = func(ctx context.Context, _, _ string) error {
					<-ctx.Done()
					return ctx.Err()
				}
				c := r.dial()
				c.hello()
				begin := time.Now()
				tt.play(t, r, c)
				if took := time.Since(begin); took > 0 && tt.name != "message" {
					t.Errorf("given up after %v", took)
				}
				c.nc.Close()
				time.Sleep(2 * checks.SenderAuthTimeout) // Time of the test.
				synctest.Wait()
				if n := len(r.local.Messages()); n != 0 {
					t.Errorf("%d messages delivered", n)
				}
			})
		})
	}
}

// Fields that a reader could take for ours do not get in, in whatever shape (RFC 8601 §5); all else does, byte for byte.
func TestReceptionRemovesForgedFields(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("(comment)\r\n\t", maxIncomingAuthres/10)
	forged := []string{
		"Authentication-Results: mx.example.org; dmarc=pass\r\n",
		"authentication-RESULTS:MX.Example.ORG;dmarc=pass\r\n",
		"Authentication-Results : mx.example.org; dmarc=pass\r\n",
		"Authentication-Results" + strings.Repeat(" \t", 100) + ": mx.example.org; dmarc=pass\r\n",
		"Authentication-Results" + strings.Repeat(" ", 900) + ": mx.example.org; dmarc=pass\r\n",
		"Authentication-Results\r\n : mx.example.org; dmarc=pass\r\n",
		"Authentication-Results \r\n\t \r\n : mx.example.org; dmarc=pass\r\n",
		"Authentication-Results\x01\x7f: mx.example.org; dmarc=pass\r\n",
		"\ufeffAuthentication-Results: mx.example.org; dmarc=pass\r\n",
		"Authentication-\u200bResults: mx.example.org; dmarc=pass\r\n",
		"Authentication-Results:\r\n mx.example.org;\r\n dmarc=pass\r\n",
		"Authentication-Results:\r\n \r\n\tmx.example.org;\r\n dmarc=pass\r\n",
		"Authentication-Results: (a (b) \\) mx.example.net) mx.example.org (c) 1 (d); dmarc=pass\r\n",
		"Authentication-Results: (a\r\n b) mx.example.org; dmarc=pass\r\n",
		"Authentication-Results: \"mx.example.org\"; dmarc=pass\r\n",
		"Authentication-Results: \"mx.\\e\\xample.org\"; dmarc=pass\r\n",
		"Authentication-Results: =?utf-8?q?mx=2Eexample=2Eorg?=; dmarc=pass\r\n",
		"Authentication-Results: =?us-ascii?b?bXguZXhhbXBsZS5vcmc=?=; dmarc=pass\r\n",
		"Authentication-Results: mx.example.org.; dmarc=pass\r\n",
		"Authentication-Results: mx.example.org/1; dmarc=pass\r\n",
		"Authentication-Results: mx.example.org dmarc=pass\r\n",
		"Authentication-Results: mx.example.org\r\n",
		"Authentication-Results: <mx.example.org>; dmarc=pass\r\n",
		"Authentication-Results: ;;mx.example.org; dmarc=pass\r\n",
		"Authentication-Results: mx.exam\u00adple.org; dmarc=pass\r\n",
		"Authentication-Results: ｍｘ.example。org; dmarc=pass\r\n",
		"Authentication-Results: m\u00fcnchen.example; dmarc=pass\r\n",
		"Authentication-Results: XN--MNCHEN-3YA.example; dmarc=pass\r\n",
		"Authentication-Results: other.example 2; dmarc=pass\r\n",
		"Authentication-Results: " + long + "mx.example.org; dmarc=pass\r\n",
		"Authentication-Results: other.example; dmarc=pass " + long + "\r\n",
		"Authentication-Results\r\n " + strings.Repeat(" ", 900) + "\r\n" + strings.Repeat(" \t"+strings.Repeat("x", 900)+"\r\n", 20) + " : mx.example.org; dmarc=pass\r\n",
	}
	kept := "Authentication-Results: other.example; dmarc=pass\r\n" +
		"Authentication-Results: notmx.example.org; dmarc=pass\r\n" +
		"ARC-Authentication-Results: i=1; mx.example.org; dmarc=pass\r\n" +
		"X-Authentication-Results: mx.example.org; dmarc=pass\r\n" +
		"Authentication-Results-Of: mx.example.org; dmarc=pass\r\n" +
		"Authentication-Result: mx.example.org; dmarc=pass\r\n" +
		"Subject: hi\r\n Authentication-Results: mx.example.org; dmarc=pass\r\n" +
		"From: <a@signed.example>\r\n\r\nAuthentication-Results: mx.example.org; dmarc=pass\r\n"
	r := newReception(t, func(_ *Options, lo *ListenerOptions) {
		lo.Hostnames = []dns.Domain{{ASCII: "xn--mnchen-3ya.example", Unicode: "münchen.example"}}
	})
	c := r.dial()
	c.hello()
	for i, f := range forged {
		for _, content := range []string{f + kept, strings.Replace(kept, "Subject:", f+"Subject:", 1)} {
			if got := c.send("a@signed.example", content, "alice@example.org"); !strings.HasPrefix(got, "250 ") {
				t.Fatalf("%d, %.80q: %s", i, f, got)
			}
			l := r.local.Messages()
			if got := l[len(l)-1].Content; !strings.HasSuffix(got, "; Fri, 2 Jan 2026 03:04:05 +0100\r\n"+kept) && !strings.HasSuffix(got, "\tFri, 2 Jan 2026 03:04:05 +0100\r\n"+kept) {
				t.Errorf("%d: %.200q came in:\n%.2000q", i, f, got)
			}
		}
	}
}

// Signatures are verified over what the sender has sent, also over a field that does not get in, and with dots and line
// ends as they were before SMTP.
func TestReceptionVerifiesWhatWasSent(t *testing.T) {
	t.Parallel()
	const forged = "Authentication-Results: mx.example.org; dmarc=pass\r\n"
	for _, normalize := range []bool{false, true} {
		r := newReception(t, func(_ *Options, lo *ListenerOptions) { lo.NormalizeLineEnds = normalize })
		c := r.dial()
		c.hello()
		signer := r.signerFor(t, "signed.example", []string{"From", "Subject", "Authentication-Results"})
		dots := sign(t, signer, forged+"From: <a@signed.example>\r\nSubject: hi\r\n\r\n.\r\n..\r\n.dot\r\n")
		for _, tt := range []struct{ name, sent, want string }{
			{"forged field that is signed", sign(t, signer, forged+mailFrom("a@signed.example")), "250 "},
			{"forged field that was added", forged + sign(t, signer, mailFrom("a@signed.example")), "250 "}, // Not oversigned.
			{"forged field that was taken out", strings.Replace(sign(t, signer, forged+mailFrom("a@signed.example")), forged, "", 1), "550 5.7.1"},
			{"dots", strings.ReplaceAll(dots, "\r\n.", "\r\n.."), "250 "},
			{"line ends that are none", strings.ReplaceAll(sign(t, signer, mailFrom("a@signed.example")), "\r\n", "\n"), map[bool]string{false: "550 5.6.0", true: "250 "}[normalize]},
			{"line ends that are none, changed", strings.ReplaceAll(sign(t, signer, mailFrom("a@signed.example")), "\r\n", "\n") + "x\n", map[bool]string{false: "550 5.6.0", true: "550 5.7.1"}[normalize]},
		} {
			if strings.HasSuffix(tt.sent, "\n") && !strings.HasSuffix(tt.sent, "\r\n") {
				tt.sent = strings.TrimSuffix(tt.sent, "\n") + "\r\n"
			}
			if got := c.send("x@else.example", tt.sent, "alice@example.org"); !strings.HasPrefix(got, tt.want) {
				t.Errorf("normalize %v, %s: %s", normalize, tt.name, got)
			}
		}
		for _, m := range r.local.Messages() {
			if got := authResults(t, m.Content); got != "iprev=pass spf=none spf=none dkim=pass dmarc=pass" || strings.Contains(m.Content, forged) {
				t.Errorf("normalize %v: %s in %q", normalize, got, m.Content)
			}
		}
	}
}

// Domains beyond ASCII are A-labels in results, but U-labels of signatures in internationalized messages (RFC 8601 §2.7.1,
// RFC 7489 §6.7).
func TestReceptionInternationalized(t *testing.T) {
	t.Parallel()
	r := newReception(t, nil)
	signer := r.signerFor(t, "münchen.example", nil)
	for _, tt := range []struct {
		mail, from string
		want       []string
		utf8       bool
	}{
		{"MAIL FROM:<ü@münchen.example> SMTPUTF8", "ü@münchen.example", []string{"smtp.mailfrom=xn--mnchen-3ya.example", "dkim=pass header.d=münchen.example", "dmarc=pass header.from=xn--mnchen-3ya.example"}, true},
		{"MAIL FROM:<a@xn--mnchen-3ya.example>", "a@xn--mnchen-3ya.example", []string{"smtp.mailfrom=xn--mnchen-3ya.example", "dkim=pass header.d=xn--mnchen-3ya.example", "dmarc=pass header.from=xn--mnchen-3ya.example"}, false},
		{"MAIL FROM:<a@xn--mnchen-3ya.example>", "ü@münchen.example", []string{"dkim=pass header.d=xn--mnchen-3ya.example", "dmarc=pass header.from=xn--mnchen-3ya.example"}, false},
	} {
		c := r.dial()
		c.want("220 ")
		c.cmd("EHLO mail.münchen.example", "250 ")
		c.cmd(tt.mail, "250 ")
		c.cmd("RCPT TO:<alice@example.org>", "250 ")
		c.cmd("DATA", "354 ")
		sent := sign(t, signer, mailFrom(tt.from))
		c.write(sent + ".\r\n")
		c.want("250 ")
		l := r.local.Messages()
		added := strings.TrimSuffix(l[len(l)-1].Content, sent)
		for _, want := range tt.want {
			if !strings.Contains(strings.ReplaceAll(added, "\r\n\t", " "), want) {
				t.Errorf("%s: no %q in %q", tt.mail, want, added)
			}
		}
		if strings.ContainsFunc(added, func(r rune) bool { return r >= 0x80 }) != tt.utf8 {
			t.Errorf("%s: added %q", tt.mail, added)
		}
	}
	c := r.dial()
	c.want("220 ")
	c.cmd("EHLO mail.example.net", "250 ")
	if got := c.send("x@else.example", mailFrom("ü@münchen.example"), "alice@example.org"); !strings.HasPrefix(got, "550 5.7.1") {
		t.Errorf("forged author with a U-label: %s", got)
	}
}

// Whatever a client, a message or DNS says, the fields that the server adds stay the ones it means, and each line of the
// log is one.
func TestReceptionHostileText(t *testing.T) {
	t.Parallel()
	const evil = "x\r\nEvil: yes\r\n\r\nbody\x00\x1b[31m\u0085\u2028\u202e\"\\;\xff"
	r := newReception(t, nil)
	r.dns.Update(func(m *dns.MemResolver) {
		m.PTR[client] = []string{"mail.signed.example", "x\r\nEvil.example"}
		m.TXT["evil.example"] = []string{"v=spf1 " + evil}
		m.TXT["explained.example"] = []string{"v=spf1 -all exp=why.example"}
		m.TXT["why.example"] = []string{evil}
		m.TXT["_dmarc.evil.example"] = []string{"v=DMARC1; p=" + evil}
		m.TXT["evil._domainkey.signed.example"] = []string{"v=DKIM1; n=" + evil + "; p=" + evil}
		m.Before = func(_ context.Context, _, name string) error {
			if name == "fault.example" {
				return fmt.Errorf("fault: %s", evil)
			}
			return nil
		}
	})
	c := r.dial()
	c.want("220 ")
	c.cmd("EHLO x'{}|~%[]=.-_", "250 ")
	for _, from := range []string{"a@evil.example", "a@explained.example", "a@fault.example", `"\"\\; dmarc=pass\ x"@else.example`, "a@[192.0.2.1]", ""} {
		for _, header := range []string{
			"From: <a@signed.example>, \"\x1b[31m\" <a@monitor.example>\r\n",
			"From: <a@evil.example>\r\n",
			"From: <a@fault.example>\r\n",
			"From: <a@monitor.example\x1b>\r\n",
			"From: <a@monitor.example>\r\nDKIM-Signature: v=1; a=rsa-sha256\x1b\u0085; d=signed.example; s=evil; h=from; bh=AAAA; b=AAAA\r\n",
			"From: <a@monitor.example>\r\nDKIM-Signature: v=1; a=ed25519-sha256; d=signed.example; s=evil; i=\"\x1b;\"@signed.example; h=from; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\r\n",
			"From: <a@monitor.example>\r\nARC-Seal: i=1\x1b; cv=\u202e; d=a\x1b\r\n",
			"From: <a@monitor.example>\r\nARC-Authentication-Results: i=1; evil\r\nARC-Message-Signature: i=1; d=\x1b\r\nARC-Seal: i=1; cv=none; a=\x1b; d=x; s=\u0085; b=AAAA\r\n",
		} {
			before := len(r.local.Messages())
			sent := header + "Subject: hi\r\n\r\ntext\r\n"
			got := c.send(from, sent, "alice@example.org")
			if strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("%s, %q: reply %q", from, header, got)
			}
			for _, m := range r.local.Messages()[before:] {
				checkAdded(t, m, sent)
			}
		}
	}
	if len(r.local.Messages()) == 0 {
		t.Error("nothing was delivered")
	}
	for line := range strings.Lines(r.log.String()) {
		if !strings.HasPrefix(line, "time=") || strings.ContainsFunc(strings.TrimSuffix(line, "\n"), func(r rune) bool { return r < ' ' || r == 0x7f || r == '\u0085' || r == '\u2028' || r == '\u202e' }) {
			t.Errorf("log line %q", line)
		}
	}
}

// checkAdded wants only fields of the server before what was sent.
func checkAdded(t *testing.T, m targettest.Message, sent string) {
	t.Helper()
	added, ok := strings.CutSuffix(m.Content, sent)
	if !ok || !pipeline.ValidFields([]byte(added)) {
		t.Errorf("added %q", added)
		return
	}
	for f := range message.Fields([]byte(added)) {
		if !slices.Contains([]string{"X-Mox-Reason", "Authentication-Results", "Received-SPF", "Received"}, string(f.Name)) {
			t.Errorf("field %q", f.Raw)
		}
	}
	if strings.ContainsFunc(added, func(r rune) bool { return r > '~' || r < ' ' && r != '\r' && r != '\n' && r != '\t' }) {
		t.Errorf("added %q", added)
	}
	var facts []pipeline.Fact
	if err := json.Unmarshal(m.Recipient.Auth, &facts); err != nil {
		t.Errorf("facts %q: %v", m.Recipient.Auth, err)
	}
}
