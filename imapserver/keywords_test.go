package imapserver

import (
	"fmt"
	"strings"
	"testing"

	"mox/store"
)

// TestKeywordsRunOut fills a mailbox with keywords. The client is told when it can make no more (RFC 9051 §7.1,
// PERMANENTFLAGS), and what it has goes on to work.
func TestKeywordsRunOut(t *testing.T) {
	t.Parallel()
	s := newServer(t, newStore(t, t.TempDir()), nil)
	c := s.login()
	c.append("INBOX", "", "Subject: one\r\n\r\n")
	c.cmd("SELECT INBOX", "OK ...")
	var l []string
	for i := range store.MaxMailboxKeywords - 1 {
		l = append(l, fmt.Sprintf("k%04d", i))
	}
	told := func(untagged []string, pattern string) {
		t.Helper()
		for _, line := range untagged {
			if match(pattern, line) {
				return
			}
		}
		t.Errorf("not told: %s", pattern)
	}
	told(c.cmd("STORE 1 FLAGS ("+strings.Join(l, " ")+")", "OK ..."), `* OK [PERMANENTFLAGS (... k0998 \*)] ...`)
	told(c.cmd("STORE 1 FLAGS (last)", "OK ..."), `* OK [PERMANENTFLAGS (... k0998 last)] ...`)
	c.cmd("STORE 1 +FLAGS.SILENT (one more)", "NO [LIMIT] Too many keywords")
	told(c.cmd("STORE 1 +FLAGS (LAST k0000 \\Seen)", "OK ..."), `* 1 FETCH (UID 1 FLAGS (\Seen \Recent k0000 last))`)
	told(c.cmd("SELECT INBOX", "OK ..."), `* OK [PERMANENTFLAGS (... k0998 last)] ...`)
	c.cmd("APPEND INBOX (another) {1+}\r\nx", "NO [LIMIT] ...")
	told(c.cmd("EXAMINE INBOX", "OK ..."), "* OK [PERMANENTFLAGS ()] ...")
}
