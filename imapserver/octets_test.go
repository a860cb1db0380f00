package imapserver

import (
	"strings"
	"testing"
)

// TestOctets sends what no transcript can show: NUL, which nobody may send (RFC 9051 §9, note 3), CR and LF alone, and what is
// not UTF-8.
func TestOctets(t *testing.T) {
	t.Parallel()
	s := newServer(t, newStore(t, t.TempDir()), func(_ *Options, lo *ListenerOptions) { lo.MaxBadCommands = 1000 })
	c := s.login()
	for _, tt := range []struct{ command, answer string }{
		{"NOOP\x00", "BAD Syntax error at octet ..."},
		{"CREATE a\x00b", "BAD Syntax error at octet ..."},
		{"CREATE \"a\x00b\"", "BAD Syntax error at octet ...: character of quoted string expected"},
		{"CREATE {3+}\r\na\x00b", "BAD NUL in literal ..."},
		{"CREATE a\rb", "BAD Syntax error at octet ..."},
		{"CREATE \"a\rb\"", "BAD Syntax error at octet ..."},
		{"CREATE {3+}\r\na\rb", "NO [CANNOT] ..."},
		{"CREATE \"a\xffb\"", "NO [CANNOT] Mailbox name is not well-formed"},
		{"CREATE a\xffb", "NO [CANNOT] Mailbox name is not well-formed"},
		{"CREATE a\x7fb", "BAD Syntax error at octet ..."},
		{"CREATE \"a\x7fb\"", "NO [CANNOT] ..."},
		{"\xff", "BAD Syntax error at octet ..."},
		{"NOOP", "OK ..."},
		{"APPEND INBOX {3+}\r\na\x00b", "OK [APPENDUID ..."},
		{"SELECT INBOX", "OK ..."},
		{"STORE 1 +FLAGS (a\x00b)", "BAD Syntax error at octet ..."},
		{"STORE 1 +FLAGS (caf\xc3\xa9)", "BAD Syntax error at octet ..."},
		{"SEARCH TEXT \"\xff\"", "BAD Text is not in the charset of the search"},
		{"SEARCH TEXT {2+}\r\na\x00", "BAD NUL in literal ..."},
		{"FETCH 1 BODY.PEEK[HEADER.FIELDS (\"a\x00\")]", "BAD Syntax error at octet ..."},
		{"ID (\"name\" \"a\x00\")", "BAD Syntax error at octet ..."},
	} {
		c.cmd(tt.command, tt.answer)
	}
	// People type commands into nc, which sends no CR.
	c.send("lf NOOP\n")
	c.expect("lf OK NOOP done")
}

// TestSizes sends as much as is taken, and more (RFC 7162 §4, RFC 7888 §5). The connection goes on.
func TestSizes(t *testing.T) {
	t.Parallel()
	s := newServer(t, newStore(t, t.TempDir()), func(_ *Options, lo *ListenerOptions) { lo.MaxBadCommands = 1000 })
	c := s.login()
	c.append("INBOX", "", "Subject: one\r\n\r\n")
	c.cmd("SELECT INBOX", "OK ...")
	repeat := func(word string, n int) string { return strings.Repeat(word, n-1) + strings.TrimRight(word, " ,") }
	long := strings.Repeat("x", 70<<10)
	for _, tt := range []struct{ command, answer string }{
		{"SEARCH " + repeat("ALL ", 1000), "OK ..."},
		{"SEARCH " + repeat("ALL ", 1001), "BAD [LIMIT] Too many search keys"},
		{"SEARCH " + strings.Repeat("OR ALL ", 99) + "ALL", "OK ..."},
		{"SEARCH (" + repeat("UNSEEN ", 900) + ")", "OK ..."},
		{"SEARCH TEXT " + long, "BAD [TOOBIG] Command line too long"},
		{"SEARCH TEXT {71680+}\r\n" + long, "BAD [TOOBIG] Literal too big"},
		{"SEARCH TEXT {60000+}\r\n" + long[:60000], "OK ..."},
		{"SEARCH " + repeat("1,", 10000), "OK ..."},
		{"SEARCH " + repeat("1,", 10001), "BAD [LIMIT] Too many ranges in a set of messages"},
		{"UID FETCH " + repeat("4294967295:*,", 4000) + " UID", "OK ..."},
		{"FETCH 1 (" + repeat("UID ", 1000) + ")", "OK ..."},
		{"FETCH 1 (" + repeat("UID ", 1001) + ")", "BAD [LIMIT] Too many elements in a list"},
		{"FETCH 1 BODY.PEEK[" + strings.TrimSuffix(strings.Repeat("1.", 100), ".") + "]", "OK ..."},
		{"FETCH 1 BODY.PEEK[" + strings.TrimSuffix(strings.Repeat("1.", 101), ".") + "]", "BAD [LIMIT] Too many part numbers"},
		{"STORE 1 +FLAGS " + repeat("\\Seen ", 1000), "OK ..."},
		{"STORE 1 +FLAGS " + repeat("\\Seen ", 1001), "BAD [LIMIT] Too many flags"},
		{"STORE 1 +FLAGS (" + long[:256] + ")", "OK ..."},
		{"STORE 1 +FLAGS (" + long[:257] + ")", "BAD Syntax error at octet ...: shorter keyword expected"},
		{"CREATE " + long[:1000], "OK ..."},
		{"CREATE " + long[:1001], "NO [CANNOT] This mailbox name is not allowed"},
		{"CREATE " + repeat("a/", 50), "OK ..."},
		{"CREATE " + repeat("a/", 51), "NO [CANNOT] This mailbox name is not allowed"},
		{"NOOP", "OK ..."},
	} {
		c.cmd(tt.command, tt.answer)
	}
	// The tag is told as long as it is, if it is not the whole line that is too long.
	c.send(long[:60<<10] + " NOOP\r\n")
	c.expect(long[:60<<10] + " OK NOOP done")
	c.send(long + " NOOP\r\n")
	c.expect("* BAD [TOOBIG] Command line too long")
}
