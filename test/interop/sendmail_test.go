package interop

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// asLocalhost returns a port of 127.0.0.1 that leads to one of the server, for programs that want a
// host with a name.
func (s *server) asLocalhost(port int) int {
	s.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			client, err := ln.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", s.addr(port))
			if err != nil {
				client.Close()
				continue
			}
			go func() { io.Copy(server, client); server.Close() }()
			go func() { io.Copy(client, server); client.Close() }()
		}
	}()
	return ln.Addr().(*net.TCPAddr).Port
}

// TestSendmail submits with mox in the place of the program sendmail: by itself, and called by neomutt.
func TestSendmail(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	dir := t.TempDir()
	sendmail := filepath.Join(dir, "sendmail")
	if err := os.Symlink(moxBinary, sendmail); err != nil {
		t.Fatal(err)
	}
	conf := func(tls string, port int, password string) string {
		return writeFile(t, t.TempDir(), "conf", fmt.Sprintf("Host: localhost\nTLS: %s\nPort: %d\nCAFile: %s\nUsername: %s\nPassword: %s\nFrom: web@localhost\n",
			tls, port, s.certificate(), user, password))
	}
	submissions, submission := s.asLocalhost(1465), s.asLocalhost(1587)
	immediate := conf("immediate", submissions, password)
	starttls := conf("starttls", submission, password)

	run := func(conf, message string, args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), sendmail, append([]string{"--submitconf", conf}, args...)...)
		cmd.Stdin = strings.NewReader(message)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for _, tt := range []struct {
		conf, message string
		args          []string
	}{
		{immediate, "To: <" + user + ">\nBcc: hidden@localhost\nSubject: from headers\n\nbody\n", []string{"-t", "-oi"}},
		{starttls, "From: <someone@localhost>\nSubject: from arguments\n\nbody\n.\nend\n", []string{"-i", "-f", "someone@localhost", "-N", "success", user}},
	} {
		if out, err := run(tt.conf, tt.message, tt.args...); err != nil || out != "" {
			t.Errorf("sendmail %s: %v\n%s", tt.args, err, out)
		}
	}
	for _, tt := range []struct {
		conf, rcpt string
		code       int
	}{
		{conf("immediate", submissions, "wrongwrong"), user, 77},
		{conf("starttls", submission, "wrongwrong"), user, 77},
		{immediate, "rcptto550@localhost", 69},
		{immediate, "bob552@localhost", 69},
		{starttls, "rcptto450@localhost", 75},
	} {
		out, err := run(tt.conf, "Subject: refused\n\nbody\n", tt.rcpt)
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok || exit.ExitCode() != tt.code || out == "" {
			t.Errorf("sendmail %s: %v, want exit code %d and a reason\n%s", tt.rcpt, err, tt.code, out)
		}
	}
	newNeomutt(t, s, "unset smtp_url", fmt.Sprintf(`set sendmail = "%s --submitconf %s -oem -oi"`, sendmail, immediate), "set use_envelope_from").
		press("<mail>" + user + "<enter>from neomutt<enter><send-message><quit>")

	c := s.imap()
	const n = 2 + 1 + 1 + 1 // The hidden one is of the same account; a notification of success.
	c.waitMessages("INBOX", n)
	got := c.bySubject()
	for subject, want := range map[string][]string{
		"from headers":               {"\r\nFrom: web@localhost\r\n", "\r\nDate: ", "\r\nMessage-ID: <", "\r\n\r\nbody\r\n"},
		"from arguments":             {"Return-Path: <someone@localhost>\r\n", "\r\n\r\nbody\r\n.\r\nend\r\n"},
		"from neomutt":               {"Return-Path: <" + user + ">\r\n", "with ESMTPSA ", "\r\n\r\nwritten here\r\n"},
		"[Delivered] from arguments": {"Action: delivered\r\n"},
	} {
		for _, w := range want {
			if !strings.Contains(got[subject], w) {
				t.Errorf("%s: no %q in\n%s", subject, w, got[subject])
			}
		}
	}
	if strings.Contains(got["from headers"], "Bcc") {
		t.Errorf("Bcc was sent along\n%s", got["from headers"])
	}
}
