package imapserver

import (
	"fmt"
	"strings"
	"testing"
)

// TestUIDValidity makes mailboxes of one name again and again: UIDVALIDITY is higher each time, so that no UID means
// another message than before (RFC 9051 §2.3.1.1, §6.3.4, §6.3.5, §6.3.6).
func TestUIDValidity(t *testing.T) {
	t.Parallel()
	s := newServer(t, newStore(t, t.TempDir()), nil)
	c := s.login()
	validity := func(name string) (v uint32) {
		t.Helper()
		l := c.cmd("STATUS "+name+" (UIDVALIDITY)", "OK ...")
		if _, err := fmt.Sscanf(strings.TrimPrefix(l[0], fmt.Sprintf("* STATUS %q ", name)), "(UIDVALIDITY %d)", &v); err != nil {
			t.Fatalf("%q: %v", l, err)
		}
		return v
	}
	last := uint32(0)
	made := func(name string) {
		t.Helper()
		v := validity(name)
		if v <= last {
			t.Errorf("UIDVALIDITY of %s is %d after %d", name, v, last)
		}
		last = v
	}
	c.cmd("CREATE box", "OK ...")
	made("box")
	c.append("box", "", "x")
	c.cmd("DELETE box", "OK ...")
	c.cmd("CREATE box", "OK ...")
	made("box")
	// A mailbox takes its UIDs along.
	c.cmd("RENAME box other", "OK ...")
	if v := validity("other"); v != last {
		t.Errorf("after RENAME UIDVALIDITY is %d, not %d", v, last)
	}
	c.cmd("CREATE box", "OK ...")
	made("box")
	// As a level only, and a mailbox again.
	c.cmd("CREATE box/below", "OK ...")
	made("box/below")
	c.cmd("DELETE box", "OK ...")
	c.cmd("CREATE box", "OK ...")
	made("box")
	// INBOX stays what it is, and what was in it is elsewhere.
	inbox := validity("INBOX")
	c.append("INBOX", "", "x")
	c.cmd("RENAME INBOX old", "OK ...")
	made("old")
	if v := validity("INBOX"); v != inbox {
		t.Errorf("UIDVALIDITY of INBOX became %d from %d", v, inbox)
	}
	if l := c.cmd("STATUS INBOX (UIDNEXT)", "OK ..."); l[0] != `* STATUS "INBOX" (UIDNEXT 2)` {
		t.Errorf("UIDs are used again: %s", l)
	}
	// By another session, and after all are gone.
	again := s.login()
	if l := again.cmd("SELECT INBOX", "OK ..."); !strings.Contains(strings.Join(l, "\n"), fmt.Sprintf("[UIDVALIDITY %d]", inbox)) {
		t.Errorf("another session is told %q", l)
	}
}
