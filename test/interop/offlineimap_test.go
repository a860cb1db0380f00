package interop

import (
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// newOfflineimap returns a directory that offlineimap synchronises. Offlineimap does not look for
// addresses in certificates, so it is told the fingerprint of the one to trust.
func newOfflineimap(t *testing.T, s *server) *mailDir {
	t.Helper()
	dir := t.TempDir()
	certificate, err := os.ReadFile(s.certificate())
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(certificate)
	if block == nil {
		t.Fatal("no certificate")
	}
	conf := writeFile(t, dir, "offlineimaprc", fmt.Sprintf(`
[general]
accounts = mox
metadata = %[1]s/meta
ui = basic
socktimeout = 300

[Account mox]
localrepository = local
remoterepository = remote

[Repository local]
type = Maildir
localfolders = %[1]s/mail
sep = /

[Repository remote]
type = IMAP
remotehost = %[2]s
remoteport = 1993
remoteuser = %[3]s
remotepass = %[4]s
ssl = yes
cert_fingerprint = %[5]x
maxconnections = 2
`, dir, s.ip, user, password, sha256.Sum256(block.Bytes)))
	return &mailDir{t, filepath.Join(dir, "mail"), func() {
		t.Helper()
		command(t, "offlineimap", "-c", conf, "-o")
	}}
}

// TestOfflineimap synchronises some hundred messages, changes both sides, synchronises again, and
// then there is nothing left to do.
func TestOfflineimap(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	c := s.imap()
	const n, each = 300, 10
	for i := range n {
		c.append("INBOX", "", fmt.Sprintf("From: <a@example.org>\r\nSubject: message %d\r\nMessage-ID: <%d@example.org>\r\n\r\nbody %d\r\n", i, i, i))
	}
	c.append("Sent", `\Seen`, "From: <a@example.org>\r\nSubject: sent\r\n\r\nsent\r\n")
	m := newOfflineimap(t, s)
	m.sync()
	local := m.subjects("INBOX")
	if len(local) != n || len(m.files("Sent")) != 1 {
		t.Fatalf("%d messages after the first run, want %d, and %d in Sent, want 1", len(local), n, len(m.files("Sent")))
	}

	at := func(i int) string { return local[fmt.Sprintf("message %d", i)] }
	c.cmd("SELECT INBOX")
	for i := range each {
		m.setFlags(at(i), "S")
		c.cmd(`STORE %d +FLAGS (\Seen)`, each+i+1)
		m.setFlags(at(2*each+i), "FRS")
		c.cmd(`STORE %d +FLAGS (\Flagged \Answered)`, 3*each+i+1)
		if err := os.Remove(at(4*each + i)); err != nil {
			t.Fatal(err)
		}
		c.cmd(`STORE %d +FLAGS (\Deleted)`, 5*each+i+1)
		m.move(at(6*each+i), "Archive")
	}
	c.cmd("MOVE %d:%d Trash", 7*each+1, 8*each)
	c.cmd("EXPUNGE")
	c.cmd("CREATE Work/Later")
	c.append("Work/Later", `\Draft`, "From: <a@example.org>\r\nSubject: later\r\n\r\nlater\r\n")
	m.sync()
	look := s.imap() // Without a selected mailbox, so that it hears of nothing but what it asks for.
	mailboxes := []string{"INBOX", "Archive", "Trash", "Sent", "Work/Later"}
	before := m.state(look, mailboxes...)
	m.sync()
	if after := m.state(look, mailboxes...); after != before {
		t.Errorf("offlineimap still found something to do; before:\n%s\nafter:\n%s", before, after)
	}

	for mailbox, want := range map[string]int{"INBOX": n - 4*each, "Archive": each, "Trash": each, "Work/Later": 1} {
		if got := c.messages(mailbox); got != want {
			t.Errorf("%s: %d messages on the server, want %d", mailbox, got, want)
		}
		if got := len(m.files(mailbox)); got != want {
			t.Errorf("%s: %d messages here, want %d", mailbox, got, want)
		}
	}
	local = m.subjects("INBOX")
	for i, want := range map[int]string{0: "S", each: "S", 2 * each: "FRS", 3 * each: "FR", n - 1: ""} {
		_, flags, _ := strings.Cut(filepath.Base(at(i)), ":2,")
		if flags != want {
			t.Errorf("message %d has flags %q here, want %q", i, flags, want)
		}
	}
	for search, want := range map[string]int{"SEEN": 3 * each, "ANSWERED FLAGGED": 2 * each} {
		if found := c.cmd("SEARCH %s", search); len(strings.Fields(found[0]))-2 != want {
			t.Errorf("search for %s on the server: %q, want %d", search, found[0], want)
		}
	}
}
