package interop

import (
	"fmt"
	"strings"
	"testing"
)

// TestCurl sends over SMTP, submission and submissions, and reads over IMAP and IMAPS.
func TestCurl(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	dir := t.TempDir()
	msg := func(subject string) string {
		return writeFile(t, dir, subject, "From: <"+user+">\r\nTo: <"+user+">\r\nSubject: "+subject+"\r\n\r\nbody of "+subject+"\r\n.dot\r\n")
	}
	login := user + ":" + password
	curl := func(args ...string) string {
		t.Helper()
		return command(t, "curl", append([]string{"-sS", "-k", "--max-time", "300"}, args...)...)
	}
	curl("smtp://"+s.addr(1025), "--mail-from", "other@example.org", "--mail-rcpt", user, "-T", msg("smtp"))
	curl("smtp://"+s.addr(1025), "--ssl-reqd", "--mail-from", "other@example.org", "--mail-rcpt", user, "-T", msg("starttls"))
	curl("smtp://"+s.addr(1587), "--ssl-reqd", "--user", login, "--mail-from", user, "--mail-rcpt", user, "-T", msg("submission"))
	curl("smtps://"+s.addr(1465), "--user", login, "--mail-from", user, "--mail-rcpt", user, "-T", msg("submissions"))

	c := s.imap()
	c.waitMessages("INBOX", 4)
	all := curl("imap://"+s.addr(1143)+"/INBOX;MAILINDEX=1", "--user", login)
	if !strings.HasSuffix(all, "\r\n\r\nbody of smtp\r\n.dot\r\n") || !strings.HasPrefix(all, "Return-Path: <other@example.org>\r\n") {
		t.Fatalf("message read by curl:\n%s", all)
	}
	for _, want := range []string{"smtp", "starttls", "submission", "submissions"} {
		found := curl("imaps://"+s.addr(1993)+"/INBOX", "--user", login, "-X", "SEARCH SUBJECT "+want)
		if strings.TrimSpace(found) == "* SEARCH" {
			t.Errorf("no message with subject %s", want)
		}
	}
	curl("imaps://"+s.addr(1993)+"/Archive", "--user", login, "-T", msg("appended"))
	if n := c.messages("Archive"); n != 1 {
		t.Errorf("%d messages in Archive after append, want 1", n)
	}
	list := curl("imap://"+s.addr(1143)+"/", "--user", login, "--ssl-reqd")
	if !strings.Contains(list, "INBOX") {
		t.Errorf("listing by curl: %q", list)
	}
	// The addresses that ask for an error get it.
	for _, code := range []int{451, 550} {
		_, err := tryCommand(t, "curl", "-sS", "--max-time", "300", "smtp://"+s.addr(1025), "--mail-from", "other@example.org",
			"--mail-rcpt", fmt.Sprintf("rcptto%d@localhost", code), "-T", msg("refused"))
		if err == nil {
			t.Errorf("recipient that asks for %d was accepted", code)
		}
	}
}
