package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// newMbsync returns a directory that mbsync synchronises, logging in with a SASL mechanism.
func newMbsync(t *testing.T, s *server, mechanism string) *mailDir {
	t.Helper()
	dir, conf := configureMbsync(t, s, "Port 1143\nSSLType None\nAuthMechs "+mechanism)
	return &mailDir{t, dir, func() {
		t.Helper()
		command(t, "mbsync", "-c", conf, "-a")
	}}
}

// configureMbsync returns a directory and a file of configuration, with lines about how to connect and log in.
func configureMbsync(t *testing.T, s *server, account string) (mail, conf string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "mail"), 0o700); err != nil {
		t.Fatal(err)
	}
	conf = writeFile(t, dir, "mbsyncrc", fmt.Sprintf(`
IMAPAccount mox
Timeout 300
Host %s
User %s
Pass %s
%[5]s

IMAPStore remote
Account mox

MaildirStore local
SubFolders Verbatim
Path %[4]s/mail/
Inbox %[4]s/mail/INBOX

Channel mox
Far :remote:
Near :local:
Patterns *
Create Both
Expunge Both
SyncState *
`, s.ip, user, password, dir, account))
	return filepath.Join(dir, "mail"), conf
}

// TestMbsync synchronises 1,000 messages, changes both sides, synchronises again, and then there is
// nothing left to do.
func TestMbsync(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	c := s.imap()
	const n = 1000
	for i := range n {
		c.append("INBOX", "", fmt.Sprintf("From: <a@example.org>\r\nSubject: message %d\r\nMessage-ID: <%d@example.org>\r\n\r\nbody %d\r\n", i, i, i))
	}
	m := newMbsync(t, s, "LOGIN")
	m.sync()
	local := m.subjects("INBOX")
	if len(local) != n {
		t.Fatalf("%d messages after the first run, want %d", len(local), n)
	}

	// Each hundred messages have one fate, half of them on this side, half on the other.
	at := func(i int) string { return local[fmt.Sprintf("message %d", i)] }
	c.cmd("SELECT INBOX")
	for i := range 50 {
		m.setFlags(at(i), "S")
		m.setFlags(at(100+i), "FRS")
		m.setFlags(at(200+i), "T")
		m.move(at(300+i), "Archive")
		c.cmd("STORE %d +FLAGS (\\Seen)", 50+i+1)
		c.cmd("STORE %d +FLAGS (\\Flagged \\Answered)", 150+i+1)
		c.cmd("STORE %d +FLAGS (\\Deleted)", 250+i+1)
	}
	c.cmd("MOVE 351:400 Trash")
	c.cmd("EXPUNGE")
	m.sync()
	m.sync()         // Moves are a new message here and a deletion there; both are through now.
	look := s.imap() // Without a selected mailbox, so that it hears of nothing but what it asks for.
	before := m.state(look, "INBOX", "Archive", "Trash", "Sent")
	m.sync()
	if after := m.state(look, "INBOX", "Archive", "Trash", "Sent"); after != before {
		t.Errorf("mbsync still found something to do; before:\n%s\nafter:\n%s", before, after)
	}

	for mailbox, want := range map[string]int{"INBOX": n - 200, "Archive": 50, "Trash": 50} {
		if got := c.messages(mailbox); got != want {
			t.Errorf("%s: %d messages on the server, want %d", mailbox, got, want)
		}
		if got := len(m.files(mailbox)); got != want {
			t.Errorf("%s: %d messages here, want %d", mailbox, got, want)
		}
	}
	if got := c.status("INBOX", "UNSEEN"); got != n-200-150 {
		t.Errorf("%d messages not seen, want %d", got, n-200-150)
	}
	local = m.subjects("INBOX")
	for i, want := range map[int]string{10: "S", 60: "S", 110: "FRS", 160: "FR", 500: ""} {
		_, flags, _ := strings.Cut(filepath.Base(at(i)), ":2,")
		if flags != want {
			t.Errorf("message %d has flags %q here, want %q", i, flags, want)
		}
	}
	c.cmd("SELECT INBOX")
	found := c.cmd("SEARCH ANSWERED FLAGGED")
	if got := len(strings.Fields(found[0])) - 2; got != 100 {
		t.Errorf("%d messages answered and flagged on the server, want 100", got)
	}
}

// TestMbsyncDefaults lets mbsync choose how to log in, over TLS: Cyrus SASL takes SCRAM-SHA-256, and refuses
// more than 65,536 rounds.
func TestMbsyncDefaults(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.imap().append("INBOX", "", "Subject: here\r\n\r\n")
	// Mbsync itself wants a certificate for the address.
	dir, conf := configureMbsync(t, s, fmt.Sprintf("Tunnel \"openssl s_client -quiet -verify_return_error -CAfile %s -connect %s\"", s.certificate(), s.addr(1993)))
	out := command(t, "mbsync", "-c", conf, "-DN", "-a")
	if !strings.Contains(out, "AUTHENTICATE SCRAM-SHA-256") {
		t.Errorf("mbsync has logged in otherwise:\n%s", out)
	}
	m := mailDir{t: t, dir: dir}
	if got := m.subjects("INBOX"); len(got) != 1 || got["here"] == "" {
		t.Errorf("synchronised %v", got)
	}
}
