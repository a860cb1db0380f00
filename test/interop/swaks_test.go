package interop

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Exit codes of swaks.
const (
	swaksOK      = 0
	swaksMail    = 23
	swaksRcpt    = 24
	swaksMessage = 26
	swaksAuth    = 28
	swaksTLS     = 29
)

// swaks runs swaks against a port and returns its transcript and exit code.
func (s *server) swaks(port int, args ...string) (transcript string, code int) {
	s.t.Helper()
	args = append([]string{"--server", s.ip, "--port", fmt.Sprint(port), "--helo", "client.example", "--timeout", "300"}, args...)
	out, err := tryCommand(s.t, "swaks", args...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return out, exit.ExitCode()
	} else if err != nil {
		s.t.Fatalf("swaks: %v", err)
	}
	return out, swaksOK
}

// TestSwaks sends in all ways that swaks knows, and is refused where it should be.
func TestSwaks(t *testing.T) {
	t.Parallel()
	const limit = 100_000
	s := startConfigured(t, func(dir string) {
		insertAfter(t, filepath.Join(dir, "mox.conf"), "\tlocal:", fmt.Sprintf("\t\tSMTPMaxMessageSize: %d\n", limit))
	})
	login := func(mechanism string, more ...string) []string {
		return append([]string{"--auth", mechanism, "--auth-user", user, "--auth-password", password, "--from", user}, more...)
	}
	const other = "other@example.org"
	eightBit := writeFile(t, t.TempDir(), "eightbit", "From: <other@example.org>\r\nTo: <"+user+">\r\nSubject: eight bits\r\n"+
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGrüße aus Köln\r\n.\r\n..x\r\n")
	body := func(bytes int) string {
		return strings.Repeat(strings.Repeat("x", 76)+"\r\n", bytes/78)
	}

	delivered := 0
	for _, tt := range []struct {
		name string
		port int
		args []string
		code int
		want string // In the transcript.
		n    int    // Messages that come of it.
	}{
		{"plain", 1025, []string{"--from", other}, swaksOK, "250 2.", 1},
		{"helo", 1025, []string{"--from", other, "--protocol", "SMTP"}, swaksOK, "-> HELO client.example", 1},
		{"starttls", 1025, []string{"--from", other, "--tls"}, swaksOK, "=== TLS started", 1},
		{"pipelining", 1025, []string{"--from", other, "--pipeline"}, swaksOK, " -> DATA\n<-  250 2.1.0", 1},
		{"pipelining in tls", 1025, []string{"--from", other, "--pipeline", "--tls"}, swaksOK, " ~> DATA\n<~  250 2.1.0", 1},
		{"null reverse-path", 1025, []string{"--from", "<>"}, swaksOK, "MAIL FROM:<>", 1},
		{"several recipients", 1025, []string{"--from", other, "--to", "a@localhost,b@localhost,c@localhost"}, swaksOK, "RCPT TO:<c@localhost>", 1},
		{"a recipient refused", 1025, []string{"--from", other, "--to", "rcptto550@localhost," + user}, swaksOK, "<** 550 5.", 1},
		{"the same in a pipeline", 1025, []string{"--from", other, "--pipeline", "--to", "rcptto450@localhost," + user}, swaksOK, "450 4.", 1},
		{"eight bits", 1025, []string{"--from", other, "--data", "@" + eightBit}, swaksOK, "250 2.", 1},
		{"below the limit", 1025, []string{"--from", other, "--body", body(limit - 2000)}, swaksOK, "250 2.", 1},

		{"submission PLAIN", 1587, login("PLAIN", "--tls"), swaksOK, "235 2.7.0", 1},
		{"submission LOGIN", 1587, login("LOGIN", "--tls"), swaksOK, "235 2.7.0", 1},
		{"submission without tls", 1587, login("PLAIN"), swaksOK, "235 2.7.0", 1},
		{"submission in a pipeline", 1587, login("LOGIN", "--tls", "--pipeline"), swaksOK, "235 2.7.0", 1},
		{"submissions PLAIN", 1465, login("PLAIN", "--tls-on-connect"), swaksOK, "235 2.7.0", 1},
		{"submissions LOGIN", 1465, login("LOGIN", "--tls-on-connect"), swaksOK, "235 2.7.0", 1},

		{"above the limit", 1025, []string{"--from", other, "--body", body(limit + 2000)}, swaksMessage, "<** 552 5.3.4", 0},
		{"submission above the limit", 1587, login("PLAIN", "--tls", "--body", body(limit+2000)), swaksMessage, "<~* 552 5.3.4", 0},
		{"utf-8 path without SMTPUTF8", 1025, []string{"--from", other, "--to", "grüße@localhost"}, swaksRcpt, "<** 553 5.6.7", 0},
		{"bad path", 1025, []string{"--from", other, "--to", "a b@localhost"}, swaksRcpt, "<** 501 5.", 0},
		{"submission without login", 1587, []string{"--from", user, "--tls"}, swaksMail, "<~* 530 5.7.0", 0},
		{"wrong password", 1587, []string{"--from", user, "--tls", "--auth", "PLAIN", "--auth-user", user, "--auth-password", "wrong"}, swaksAuth, "<~* 535 5.7.8", 0},
		{"wrong password, LOGIN", 1465, []string{"--from", user, "--tls-on-connect", "--auth", "LOGIN", "--auth-user", user, "--auth-password", "wrong"}, swaksAuth, "<~* 535 5.7.8", 0},
		{"unknown user", 1465, []string{"--from", user, "--tls-on-connect", "--auth", "PLAIN", "--auth-user", "nobody@localhost", "--auth-password", password}, swaksAuth, "<~* 535 5.7.8", 0},
		{"login on the port for servers", 1025, login("PLAIN", "--tls"), swaksAuth, "*** Host did not advertise authentication", 0},
		{"tls where starttls is meant", 1025, []string{"--from", other, "--tls-on-connect"}, swaksTLS, "TLS startup failed", 0},

		{"asked for: at MAIL", 1025, []string{"--from", "mailfrom451@localhost"}, swaksMail, "<** 451 4.", 0},
		{"asked for: at MAIL for good", 1025, []string{"--from", "mailfrompermerror@localhost"}, swaksMail, "<** 554 5.", 0},
		{"asked for: at RCPT", 1025, []string{"--from", other, "--to", "rcptto452@localhost"}, swaksRcpt, "<** 452 4.", 0},
		{"asked for: at RCPT in a pipeline", 1025, []string{"--from", other, "--pipeline", "--to", "rcpttotemperror@localhost"}, swaksRcpt, "451 4.", 0},
		{"asked for: temporary", 1025, []string{"--from", other, "--to", "temperror@localhost"}, swaksMessage, "<** 451 4.", 0},
		{"asked for: permanent", 1025, []string{"--from", other, "--to", "permerror@localhost"}, swaksMessage, "<** 554 5.", 0},
		{"asked for: a code", 1025, []string{"--from", other, "--to", "bob552@localhost"}, swaksMessage, "<** 552 5.", 0},
		{"asked for: one of two", 1025, []string{"--from", other, "--to", user + ",bob450@localhost"}, swaksMessage, "<** 450 4.", 0},
		{"asked for: at submission", 1587, login("PLAIN", "--tls", "--to", "bob550@localhost"), swaksMessage, "<~* 550 5.", 0},
		{"asked for: timeout", 1025, []string{"--from", other, "--to", "timeout@localhost", "--timeout", "20"}, swaksMessage, "Timeout", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := append([]string{"--to", user, "--h-Subject", tt.name}, tt.args...)
			out, code := s.swaks(tt.port, args...)
			if code != tt.code || !strings.Contains(out, tt.want) {
				t.Errorf("exit code %d, want %d, and want %q in\n%.3000s", code, tt.code, tt.want, out)
			}
		})
		delivered += tt.n
	}

	c := s.imap()
	c.waitMessages("INBOX", delivered)
	if n := c.messages("INBOX"); n != delivered {
		t.Errorf("%d messages, want %d", n, delivered)
	}
	got := c.bySubject()
	if !strings.HasSuffix(got["eight bits"], "\r\n\r\nGrüße aus Köln\r\n.\r\n..x\r\n\r\n") {
		t.Errorf("message with eight bits came as\n%s", got["eight bits"])
	}
	if !strings.HasPrefix(got["null reverse-path"], "Return-Path: <>\r\n") {
		t.Errorf("message with null reverse-path came as\n%s", got["null reverse-path"])
	}
	for subject, with := range map[string]string{"helo": "with SMTP ", "plain": "with ESMTP ", "starttls": "with ESMTPS ", "submission PLAIN": "with ESMTPSA "} {
		if !strings.Contains(got[subject], with) {
			t.Errorf("%s: no %q in\n%s", subject, with, got[subject])
		}
	}
}

// TestSwaksQueueFailure submits to an address that fails in the queue: the sender is told.
func TestSwaksQueueFailure(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	out, code := s.swaks(1587, "--tls", "--auth", "PLAIN", "--auth-user", user, "--auth-password", password,
		"--from", user, "--to", "queue550@localhost", "--h-Subject", "fails later")
	if code != swaksOK {
		t.Fatalf("exit code %d\n%s", code, out)
	}
	c := s.imap()
	c.waitMessages("INBOX", 1)
	dsn := c.fetch()[0]
	if !strings.HasPrefix(dsn, "Return-Path: <>\r\n") || strings.Count(dsn, "Return-Path:") != 1 {
		t.Errorf("Return-Path of the notification\n%s", dsn)
	}
	for _, want := range []string{"Content-Type: multipart/report", "Action: failed\r\n", "Final-Recipient: rfc822;queue550@localhost\r\n", "Status: 5.", "Subject: fails later\r\n"} {
		if !strings.Contains(dsn, want) {
			t.Errorf("no %q in the notification\n%s", want, dsn)
		}
	}
}
