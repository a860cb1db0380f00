package main

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"mox/config"
)

// smtpSession is a connection to an SMTP service.
type smtpSession struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

func newSMTPSession(t *testing.T, conn net.Conn) *smtpSession {
	t.Helper()
	s := &smtpSession{t, conn, bufio.NewReader(conn)}
	s.want("220 ")
	s.command("EHLO client.example.net", "250 ")
	return s
}

// smtpLogin returns a session at the submission service.
func (r *running) smtpLogin(username, password string) *smtpSession {
	r.t.Helper()
	s := newSMTPSession(r.t, r.dial("Submission"))
	s.command("STARTTLS", "220 ")
	s.conn = tls.Client(s.conn, &tls.Config{InsecureSkipVerify: true})
	s.r = bufio.NewReader(s.conn)
	s.command("EHLO client.example.net", "250 ")
	s.command("AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00"+username+"\x00"+password)), "235 ")
	return s
}

// want reads a reply, and returns all of it.
func (s *smtpSession) want(prefix string) string {
	s.t.Helper()
	var b strings.Builder
	for {
		line, err := s.r.ReadString('\n')
		if err != nil {
			s.t.Fatalf("reading reply: %v", err)
		}
		b.WriteString(line)
		if len(line) > 3 && line[3] == '-' {
			continue
		}
		if !strings.HasPrefix(line, prefix) {
			s.t.Fatalf("got %q, want %q", b.String(), prefix)
		}
		return b.String()
	}
}

func (s *smtpSession) command(line, prefix string) {
	s.t.Helper()
	if _, err := io.WriteString(s.conn, line+"\r\n"); err != nil {
		s.t.Fatal(err)
	}
	s.want(prefix)
}

// A sender hears of success where it asked for that, and of failure unless it asked not to
// (RFC 3461).
func TestNotificationsAsAskedFor(t *testing.T) {
	t.Parallel()
	r := startServer(t, config.Options{Path: realConfig(t)})
	setPassword(t, r, "ann", "annannann")
	s := r.smtpLogin("ann@example.org", "annannann")
	s.command("MAIL FROM:<ann@example.org> ENVID=QQ+2B314159 RET=HDRS", "250 ")
	s.command("RCPT TO:<list@example.org> NOTIFY=SUCCESS ORCPT=rfc822;List+2Bx@example.com", "250 ")
	s.command("RCPT TO:<x@example.net> NOTIFY=NEVER", "250 ")
	message := "From: ann@example.org\r\nSubject: asked\r\n\r\nthe text\r\n"
	s.command(fmt.Sprintf("BDAT 10\r\n%sBDAT %d LAST\r\n%s", message[:10], len(message)-10, message[10:len(message)-2]), "250 ")
	s.want("250 ")

	user, err := r.imap("ann@example.org", "annannann")
	if err != nil {
		t.Fatal(err)
	}
	user.subjects("Inbox", 1) // The report, so the message is there too.
	body := user.command("FETCH 1 BODY.PEEK[]")
	if got := user.subjects("Lists", 1); len(got) != 1 || got[0] != "asked" {
		t.Errorf("Lists has %q", got)
	}
	for _, want := range []string{"message/delivery-status", "Original-Envelope-Id: QQ+314159", "Action: delivered", "Original-Recipient: rfc822;List+x@example.com", "Final-Recipient: rfc822;list@example.org"} {
		if !strings.Contains(body, want) {
			t.Errorf("report has no %q:\n%s", want, body)
		}
	}
	for _, unwanted := range []string{"the text", "x@example.net"} {
		if strings.Contains(body, unwanted) {
			t.Errorf("report has %q:\n%s", unwanted, body)
		}
	}
	if out := user.command("STATUS Inbox (MESSAGES)"); !strings.Contains(out, "MESSAGES 1)") {
		t.Errorf("more reports than one: %s", out)
	}
}
