package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// loopback makes a service of a server in memory reachable on a port of this machine.
func (r *running) loopback(service string) (port int) {
	r.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			server, err := r.net.dial(context.Background(), "tcp", r.addrs[service])
			if err != nil {
				conn.Close()
				continue
			}
			go func() { io.Copy(server, conn); server.Close() }()
			go func() { io.Copy(conn, server); conn.Close() }()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

// submitConfFile writes a configuration of sendmail for the server. Lines are added to it.
func (r *running) submitConfFile(service string, password string, lines ...string) string {
	r.t.Helper()
	text := fmt.Sprintf("Host: localhost\nPort: %d\nCAFile: %s\nUsername: %s\nPassword: %s\nFrom: web@localhost\n", r.loopback(service),
		filepath.Join(filepath.Dir(r.path), "localhost.crt.pem"), localAddress, password)
	path := filepath.Join(r.t.TempDir(), "moxsubmit.conf")
	if err := os.WriteFile(path, []byte(text+strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		r.t.Fatal(err)
	}
	return path
}

func sendmailWith(t *testing.T, conf, input string, args ...string) (code int, output string) {
	t.Helper()
	var out bytes.Buffer
	code = run(context.Background(), append([]string{"sendmail", "--submitconf", conf}, args...), strings.NewReader(input), &out, &out)
	return code, out.String()
}

// Messages as programs give them arrive, over TLS, from a whole server.
func TestSendmail(t *testing.T) {
	t.Parallel()
	r := startLocalserve(t)
	tls := r.submitConfFile("Submissions", localPassword, "DefaultDestination: admin@localhost")
	starttls := r.submitConfFile("Submission", localPassword, "TLS: starttls")
	for i, tc := range []struct {
		conf, input string
		args        []string
	}{
		{tls, "To: Ann <ann@localhost>\nBcc: secret@localhost\nSubject: m0\n\ntext\n.\nmore\n", []string{"-t"}},
		{tls, "From: root (Cron Daemon)\nSubject: m1\n\ntext\n.\nmore\n", []string{"-i", "-odi", "-oem", "root"}},
		{starttls, "From ann Thu Aug 22 12:36:23 2002\r\nFrom: bob@localhost\r\nDate: Thu, 22 Aug 2002 12:36:23 +0000\r\nMessage-ID: <m2@localhost>\r\nSubject: m2\r\n\r\ntext\r\n.hidden\r\n", []string{"-fbob@localhost", "-oi", "-N", "failure,delay", "-Rhdrs", "-V", "id", "--", "ann@localhost,ann@localhost"}},
	} {
		if code, out := sendmailWith(t, tc.conf, tc.input, tc.args...); code != exitOK || out != "" {
			t.Fatalf("message %d: exit code %d, %s", i, code, out)
		}
	}
	s, err := r.imap(localAddress, localPassword)
	if err != nil {
		t.Fatal(err)
	}
	// The two recipients of the first are one account.
	s.subjects("Inbox", 3)
	got := s.command("FETCH 1:* BODY.PEEK[]")
	for _, want := range []string{
		"\r\nDate: ", "\r\nMessage-ID: <", "From: <web@localhost>\r\n", "\r\n\r\ntext\r\n)",
		"From: Cron Daemon <web@localhost>", "\r\n\r\ntext\r\n.\r\nmore\r\n)",
		"Message-ID: <m2@localhost>", "Return-Path: <bob@localhost>", "\r\n\r\ntext\r\n.hidden\r\n)",
	} {
		if !strings.Contains(got, want) && !strings.Contains(got, strings.NewReplacer("<web@localhost>", "web@localhost", `"`, "").Replace(want)) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "Bcc") || strings.Contains(got, "From ann") || strings.Count(got, "Subject: m2\r\n") != 1 {
		t.Errorf("got\n%s", got)
	}
}

func TestSendmailFails(t *testing.T) {
	t.Parallel()
	r := startLocalserve(t)
	conf := r.submitConfFile("Submissions", localPassword)
	starttls := r.submitConfFile("Submission", localPassword, "TLS: starttls")
	badPassword := r.submitConfFile("Submissions", "wrongwrong")
	noTrust := filepath.Join(t.TempDir(), "conf")
	data, err := os.ReadFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	var trusting []string
	for line := range strings.Lines(string(data)) {
		if !strings.HasPrefix(line, "CAFile") {
			trusting = append(trusting, line)
		}
	}
	gone := filepath.Join(t.TempDir(), "conf")
	bad := filepath.Join(t.TempDir(), "conf")
	for path, text := range map[string]string{
		noTrust: strings.Join(trusting, ""),
		gone:    "Host: localhost\nPort: 1\nFrom: web@localhost\n",
		bad:     "Host: a..b\nTLS: no\nPort: 70000\nCAFile: absent.pem\nUsername: x\nFrom: web\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const input = "Subject: x\n\ntext\n"
	for _, tc := range []struct {
		conf, input, args string
		code              int
		text              string
	}{
		{conf, input, "", exitSendmailUsage, "no recipients"},
		{conf, input, "-t", exitSendmailData, "no recipients"},
		{conf, input, "-bs", exitSendmailUsage, "port 465 or 587"},
		{conf, input, "-q", exitSendmailUsage, "queue"},
		{conf, input, "-bd", exitSendmailUsage, "-bd is not supported"},
		{conf, input, "-Nsometimes x@localhost", exitSendmailUsage, "option -N"},
		{conf, input, "-z x@localhost", exitSendmailUsage, "unknown option -z"},
		{conf, input, "x@localhost -f", exitSendmailUsage, "option -f needs a value"},
		{conf, input, "--submit x@localhost", exitSendmailUsage, "unknown option --submit"},
		{conf, input, "-f a@b@c x@localhost", exitSendmailUsage, `sender "a@b@c"`},
		{conf, input, "root", exitSendmailNoUser, "DefaultDestination"},
		{conf, input, "x@local..host", exitSendmailData, "address"},
		{conf, "X: " + strings.Repeat("x", maxSubmitHeader) + "\n\n", "x@localhost", exitSendmailData, "larger than 1 MB"},
		{conf, input, "rcptto550@localhost", exitSendmailUnavailable, "550"},
		{conf, input, "rcptto452@localhost", exitSendmailTemporary, "452"},
		{conf, input, "ann@localhost rcptto550@localhost", exitSendmailUnavailable, "sent to 1 of 2"},
		{conf, input, "-f mailfrompermerror@localhost x@localhost", exitSendmailUnavailable, "MAIL"},
		{badPassword, input, "x@localhost", exitSendmailNoPerm, "535"},
		{noTrust, input, "x@localhost", exitSendmailTemporary, "tls handshake failed"},
		{gone, input, "x@localhost", exitSendmailTemporary, "connecting to the server"},
		{bad, input, "x@localhost", exitSendmailConfig, "Host: "},
		{bad, input, "x@localhost", exitSendmailConfig, `TLS: "no" is unknown`},
		{bad, input, "x@localhost", exitSendmailConfig, "CAFile: "},
		{bad, input, "x@localhost", exitSendmailConfig, "Password: "},
		{filepath.Join(t.TempDir(), "absent"), input, "x@localhost", exitSendmailConfig, "describe-sendmail"},
		{starttls, input, "-v ann@localhost", exitOK, "STARTTLS"},
		{conf, "", "-bi", exitOK, ""},
	} {
		code, out := sendmailWith(t, tc.conf, tc.input, strings.Fields(tc.args)...)
		if code != tc.code || !strings.Contains(out, tc.text) {
			t.Errorf("sendmail %s: exit code %d, want %d with %q; %s", tc.args, code, tc.code, tc.text, out)
		}
		if strings.Contains(out, localPassword) {
			t.Errorf("sendmail %s shows the password: %s", tc.args, out)
		}
	}
}

func TestSendmailHelp(t *testing.T) {
	t.Parallel()
	if got := arguments([]string{"/usr/sbin/sendmail", "-t"}); strings.Join(got, " ") != "sendmail -t" {
		t.Errorf("called as sendmail: %q", got)
	}
	if got := arguments([]string{"/usr/bin/mox", "version"}); strings.Join(got, " ") != "version" {
		t.Errorf("called as mox: %q", got)
	}
	for args, want := range map[string]string{"sendmail --help": "sysexits.h", "config describe-sendmail": "DefaultDestination", "config example sendmail": "PasswordFile"} {
		if code, out, errs := mox(t, strings.Fields(args)...); code != exitOK || !strings.Contains(out, want) {
			t.Errorf("%s: exit code %d, %s%s", args, code, out, errs)
		}
	}
}
