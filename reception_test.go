package main

import (
	"net/smtp"
	"strings"
	"testing"

	"mox/config"
)

// Mail from other servers carries who sent it, a forged message is refused as the domain in From asks for, and what
// others say in our name does not get in.
func TestReceptionIsChecked(t *testing.T) {
	t.Parallel()
	resolver, signer := signingDomain(t, "rsa", "ed25519")
	resolver.TXT["signed.example"] = []string{"v=spf1 -all"}
	r := startServerIn(t, config.Options{Path: realConfig(t)}, resolver)
	setPassword(t, r, "ann", "annannann")
	const content = "From: <ann@signed.example>\r\nTo: <ann@example.org>\r\nSubject: signed\r\n\r\ntext\r\n"
	fields, err := signer.Sign(strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	deliver := func(content string) error {
		t.Helper()
		c, err := smtp.NewClient(r.dial("SMTP"), "localhost")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.Mail("x@signed.example"); err != nil {
			return err
		}
		if err := c.Rcpt("ann@example.org"); err != nil {
			return err
		}
		w, err := c.Data()
		if err != nil {
			return err
		}
		w.Write([]byte(content))
		return w.Close()
	}
	const forged = "Authentication-Results: mail.example.org; dmarc=pass header.from=bank.example\r\n"
	if err := deliver(forged + string(fields) + content); err != nil {
		t.Fatal(err)
	}
	if err := deliver(content); replyCode(err) != 550 || !strings.Contains(err.Error(), "DMARC policy of signed.example") {
		t.Errorf("forged message: %v", err)
	}
	s, err := r.imap("ann@example.org", "annannann")
	if err != nil {
		t.Fatal(err)
	}
	s.subjects("Inbox", 1)
	header := s.command("FETCH 1 BODY[HEADER]")
	for _, want := range []string{
		"Authentication-Results: mail.example.org;", "iprev=", "spf=fail", "smtp.mailfrom=signed.example",
		"dkim=pass", "header.d=signed.example", "dmarc=pass", "header.from=signed.example", "Received-SPF: fail ",
	} {
		if !strings.Contains(header, want) {
			t.Errorf("no %q in\n%s", want, header)
		}
	}
	if strings.Contains(header, "bank.example") {
		t.Errorf("forged field got in:\n%s", header)
	}
}
