package main

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

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

// A binary message is submitted, passes through the queue, and is read as it was (RFC 3030 §3, RFC 9051 §6.4.5). The answer to it
// names the number that the queue lists.
func TestBinaryMessage(t *testing.T) {
	t.Parallel()
	r := startLocalserve(t)
	s := r.smtpLogin(localAddress, localPassword)
	content := "\x00\n\r\x80.\r\n"
	message := "From: " + localAddress + "\r\nSubject: binary\r\nMIME-Version: 1.0\r\nContent-Type: image/x\r\nContent-Transfer-Encoding: binary\r\n\r\n" + content
	s.command("MAIL FROM:<"+localAddress+"> BODY=BINARYMIME", "250 ")
	s.command("RCPT TO:<"+localAddress+">", "250 ")
	s.command("RCPT TO:<queuetemperror@example.net>", "250 ")
	if _, err := fmt.Fprintf(s.conn, "BDAT %d LAST\r\n%s", len(message), message); err != nil {
		t.Fatal(err)
	}
	_, id, _ := strings.Cut(strings.TrimSpace(s.want("250 2.0.0 ")), "queued as ")

	user, err := r.imap(localAddress, localPassword)
	if err != nil {
		t.Fatal(err)
	}
	user.subjects("Inbox", 1)
	if out, want := user.command("FETCH 1 (BINARY.PEEK[1])"), fmt.Sprintf("BINARY[1] ~{%d}\r\n%s)\r\n", len(content), content); !strings.Contains(out, want) {
		t.Errorf("fetched %q, want %q in it", out, want)
	}
	if out := r.command("queue", "list"); id == "" || !regexp.MustCompile(`(?m)^[0-9]+ +`+id+` .*queuetemperror@example.net`).MatchString(out) {
		t.Errorf("id %q is not in\n%s", id, out)
	}
}

// A message that is to be held is listed with its time, and having all entries tried does not send it (RFC 4865). What its
// header says about TLS is listed, too (RFC 8689 §4.1).
func TestHeldMessage(t *testing.T) {
	t.Parallel()
	r := startLocalserve(t)
	s := r.smtpLogin(localAddress, localPassword)
	s.command("MAIL FROM:<"+localAddress+"> HOLDUNTIL=2020-01-01T00:00:00Z", "250 ") // That is over.
	s.command("RSET", "250 ")
	s.command("MAIL FROM:<"+localAddress+"> HOLDFOR=3600", "250 ")
	s.command("RCPT TO:<"+localAddress+">", "250 ")
	s.command("DATA", "354 ")
	s.command("From: "+localAddress+"\r\nSubject: later\r\nTLS-Required: No\r\n\r\ntext\r\n.", "250 ")
	r.command("queue", "schedule", "--account", "mox")
	out := r.command("queue", "list", "--json")
	var entry struct {
		State, RequireTLS   string
		Attempts            int
		SendAt, NextAttempt time.Time
	}
	if err := json.Unmarshal([]byte(out), &entry); err != nil {
		t.Fatalf("%v of %s", err, out)
	}
	wait := time.Until(entry.SendAt)
	if entry.State != "waiting" || entry.Attempts != 0 || wait < 50*time.Minute || wait > 61*time.Minute || !entry.NextAttempt.Equal(entry.SendAt) || entry.RequireTLS != "not required" {
		t.Errorf("listed %s", out)
	}
	if out := r.command("queue", "list"); !strings.Contains(out, entry.SendAt.Local().Format(" 2006-01-02T15:04:05 ")) || !strings.Contains(out, " not-required ") {
		t.Errorf("listed\n%s", out)
	}
}

// Behind a load balancer the client is who the load balancer says, also for limits and in
// Received. Others cannot connect.
func TestProxyProtocol(t *testing.T) {
	t.Parallel()
	path := realConfig(t)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	listener := "\tpublic:\n"
	with := listener + "\t\tProxyProtocol:\n\t\t\tNetworks:\n\t\t\t\t- 10.1.2.0/24\n"
	if !strings.Contains(string(b), listener) {
		t.Fatalf("no listener in:\n%s", b)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(b), listener, with, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	r := startServer(t, config.Options{Path: path})
	dial := func(from, header string) net.Conn {
		r.net.mu.Lock()
		l := r.net.listeners[r.addrs["SMTP"]]
		r.net.mu.Unlock()
		conn, err := l.DialFrom(t.Context(), from)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		io.WriteString(conn, header) // It may be refused already.
		return conn
	}
	const client = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + "\xc6\x33\x64\x07" + "\xc0\x00\x02\x19" + "\x30\x39\x00\x19" // 198.51.100.7 to 192.0.2.25.

	s := newSMTPSession(t, dial("10.1.2.3:4000", client))
	s.command("MAIL FROM:<x@example.net>", "250 ")
	s.command("RCPT TO:<ann@example.org>", "250 ")
	s.command("DATA", "354 ")
	s.command("From: x@example.net\r\nSubject: through\r\n\r\nHi\r\n.", "250 ")

	for _, tt := range []struct{ name, from, header string }{
		{"from elsewhere", "10.1.3.3:4000", client},
		{"without header", "10.1.2.3:4001", "EHLO client.example.net\r\nEHLO client.example.net\r\n"},
		{"version 1", "10.1.2.3:4002", "PROXY TCP4 198.51.100.7 192.0.2.25 12345 25\r\n"},
	} {
		if b, err := io.ReadAll(dial(tt.from, tt.header)); len(b) > 0 {
			t.Errorf("%s: the server said %q, %v", tt.name, b, err)
		}
	}

	log := r.log.String()
	if !strings.Contains(log, "remote=198.51.100.7") || strings.Contains(log, "remote=10.1.2.3 ") {
		t.Error("the log does not have the address of the client")
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out")
	r.command("export", "mbox", "--account", "ann", out)
	var all strings.Builder
	filepath.WalkDir(out, func(name string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			b, _ := os.ReadFile(name)
			all.Write(b)
		}
		return err
	})
	if !strings.Contains(all.String(), "([198.51.100.7])") {
		t.Errorf("Received does not have the address of the client:\n%s", all.String())
	}
}
