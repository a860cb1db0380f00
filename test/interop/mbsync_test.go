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
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "mail"), 0o700); err != nil {
		t.Fatal(err)
	}
	conf := writeFile(t, dir, "mbsyncrc", fmt.Sprintf(`
IMAPAccount mox
Host %s
Port 1143
User %s
Pass %s
SSLType None
AuthMechs %[5]s

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
`, s.ip, user, password, dir, mechanism))
	return &mailDir{t, filepath.Join(dir, "mail"), func() {
		t.Helper()
		command(t, "mbsync", "-c", conf, "-a")
	}}
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
