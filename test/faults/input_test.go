package faults

import (
	"fmt"
	"net"
	"strings"
	"testing"
)

// Clients that misbehave are told so, and nobody else notices.
func TestBadInput(t *testing.T) {
	t.Parallel()
	s := newServer(t, t.TempDir())
	s.start()
	s.mustSend("mox@localhost", "first", 1000)
	bystander := s.inbox("mox")
	sender, err := s.smtp()
	if err != nil {
		t.Fatal(err)
	}
	defer sender.conn.Close()

	for _, tc := range []struct {
		line string
		code int
	}{
		{"FROBNICATE now", 500},
		{"MAIL FROM:<" + strings.Repeat("x", 100_000) + "@example.org>", 500},
		{"RCPT TO:<mox@localhost>", 503},
		{"MAIL FROM:<a@example.org> SIZE=99999999999", 552},
		{"MAIL FROM:<a@example.org> FROB=1", 555},
		{"AUTH PLAIN AGEAYg==", 0}, // Port 25 offers none.
	} {
		ss, err := s.smtp()
		if err != nil {
			t.Fatal(err)
		}
		if tc.code == 0 {
			if err := ss.command(5, tc.line); err != nil {
				t.Errorf("%.30s: %v", tc.line, err)
			}
		} else if err := ss.command(tc.code, tc.line); err != nil {
			t.Errorf("%.30s: %v, want %d", tc.line, err, tc.code)
		}
		// Its next command is taken for what it is.
		if err := ss.command(250, "NOOP"); err != nil {
			t.Errorf("after %.30s: %v", tc.line, err)
		}
		ss.conn.Close()
	}

	c := s.imap()
	for _, tc := range []struct{ line, want string }{
		{"FROBNICATE", "BAD"},
		{"SELECT INBOX", "BAD"},
		{"LOGIN mox@localhost wrong", "NO [AUTHENTICATIONFAILED]"},
		{"LOGIN nobody@localhost wrong", "NO [AUTHENTICATIONFAILED]"},
		{login("mox"), "OK"},
		{"SELECT nowhere", "NO"},
		{"FETCH 1 BODY[]", "BAD"},
		{"SELECT INBOX", "OK"},
		{"FETCH 99 FLAGS", "BAD"},
		{"APPEND INBOX {99999999999}", "NO [TOOBIG]"},
		{"SELECT {99999999}", ""},
		{"NOOP", "OK"},
	} {
		if _, status := c.command(tc.line); !strings.HasPrefix(status, tc.want) {
			t.Errorf("%s: %s, want %s", tc.line, status, tc.want)
		}
	}
	long := s.imap()
	if _, err := fmt.Fprintf(long.conn, "t SELECT %s\r\n", strings.Repeat("x", 1<<20)); err == nil {
		if line, err := long.r.ReadString('\n'); err != nil || !strings.HasPrefix(line, "t BAD") && !strings.HasPrefix(line, "* BYE") && !strings.HasPrefix(line, "* BAD") {
			t.Errorf("a line of a megabyte: %q, %v", line, err)
		}
	}

	if err := sender.send("mox@localhost", "second", 1000); err != nil {
		t.Error(err)
	}
	if found := bystander.subjects(); found["first"] != 1 {
		t.Errorf("mailbox has %v", found)
	}
	bystander.ok("NOOP")
	s.stop()
	s.verify()
}

// What keeps a server from starting is told with its cure.
func TestStart(t *testing.T) {
	t.Parallel()
	s := newServer(t, t.TempDir())
	l, err := net.Listen("tcp4", s.addr("1143"))
	if err != nil {
		t.Fatal(err)
	}
	s.refusesToStart(s.addr("1143"), "is in use", "Listeners.local.IMAP.Port", "mox.conf")
	l.Close()

	conf := ""
	for _, tc := range []struct {
		file, old, new string
		words          []string
	}{
		{"mox.conf", "Port: 1025", "Port: smtp", []string{"mox.conf:", "Listeners.local.SMTP.Port", `"smtp" is not a whole number`, "such as"}},
		{"mox.conf", "Hostname: localhost", "Hostname: local host", []string{"mox.conf:", "Hostname", "write e.g."}},
		{"mox.conf", "DataDir: data", "DataDirectory: data", []string{"mox.conf:", "DataDirectory", "mox config describe-static"}},
		{"mox.conf", "\t\t\t- " + s.ip + "\n", "\t\t\t- 192.0.2.1\n", []string{"does not have the address 192.0.2.1", "Listeners.local.IPs"}},
		{"mox.conf", "CertFile: localhost.crt.pem", "CertFile: absent.pem", []string{"mox.conf:", "absent.pem"}},
		{"domains.conf", "Domain: localhost\n", "Domain: example.org\n", []string{"domains.conf:", "example.org"}},
	} {
		s.edit(tc.file, func(text string) string {
			conf = text
			return strings.Replace(text, tc.old, tc.new, 1)
		})
		s.refusesToStart(tc.words...)
		s.edit(tc.file, func(string) string { return conf })
	}
	s.start()
	// Another one on the same data.
	if code, out := mox(t, "localserve", "--dir", s.dir); code != 1 || !strings.Contains(out, "is in use") {
		t.Errorf("a second server: exit code %d, %s", code, out)
	}
	if code, out := mox(t, "--config", s.conf, "verifydata", "--account", "bob"); code != 1 || !strings.Contains(out, "there are: ann, mox") {
		t.Errorf("verifydata of an unknown account: exit code %d, %s", code, out)
	}
	if code, out := mox(t, "--config", s.conf, "queue", "hold", "999"); code != 1 || !strings.Contains(out, "mox queue list") {
		t.Errorf("holding what is not there: exit code %d, %s", code, out)
	}
	s.stop()
	s.verify()
}
