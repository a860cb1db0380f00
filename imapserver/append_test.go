package imapserver

import (
	"fmt"
	"strings"
	"testing"
)

// RFC 3502: many messages in one command, which is longer than the lines of other commands may be.
func TestAppendOfManyMessages(t *testing.T) {
	t.Parallel()
	c := newServer(t, newStore(t, t.TempDir()), nil).login()
	const message = "Subject: %05d\r\n\r\n"
	command := func(n int) string {
		var b strings.Builder
		b.WriteString("APPEND INBOX")
		for i := range n {
			msg := fmt.Sprintf(message, i)
			fmt.Fprintf(&b, " (\\Seen keyword) \" 7-Feb-1994 21:52:25 -0800\" {%d+}\r\n%s", len(msg), msg)
		}
		return b.String()
	}
	c.cmd(command(maxAppend+1), "NO [LIMIT] Too many messages, add fewer at a time")
	c.cmd(command(maxAppend), fmt.Sprintf("OK [APPENDUID ... 1:%d] ...", maxAppend))
	c.cmd("SELECT INBOX", "OK ...")
	// In their order.
	lines := c.cmd(fmt.Sprintf("FETCH 1,%d BODY.PEEK[HEADER.FIELDS (Subject)]", maxAppend), "OK ...")
	got := strings.Join(lines, "\n")
	if want := fmt.Sprintf("Subject: %05d\n", maxAppend-1); !strings.Contains(got, "Subject: 00000\n") || !strings.Contains(got, want) {
		t.Errorf("got %q", got)
	}
	// The options of one message are limited.
	c.cmd("APPEND INBOX {1+}\r\nx ("+strings.Repeat("k ", 40000)+"k) {1+}\r\nx", "BAD [TOOBIG] ...")
	c.cmd("STATUS INBOX (MESSAGES)", "OK ...")
}

func TestAppendOfTooMuch(t *testing.T) {
	t.Parallel()
	s := newServer(t, newStore(t, t.TempDir()), func(_ *Options, lo *ListenerOptions) { lo.MaxMessageSize = 10000 })
	c := s.login()
	msg := strings.Repeat("x", 9998) + "\r\n"
	literal := " {10000+}\r\n" + msg
	c.cmd("APPEND INBOX"+strings.Repeat(literal, maxAppendSizes)+" {4}", "NO [TOOBIG] Messages are too big together, add fewer at a time")
	c.cmd("APPEND INBOX"+literal+" {10001+}\r\n"+msg+"x", "NO [TOOBIG] ...")
	c.cmd("APPEND INBOX"+strings.Repeat(literal, maxAppendSizes), "OK ...")
	if l := c.cmd("STATUS INBOX (MESSAGES)", "OK ..."); len(l) != 1 || l[0] != fmt.Sprintf(`* STATUS "INBOX" (MESSAGES %d)`, maxAppendSizes) {
		t.Errorf("got %q", l)
	}
}
