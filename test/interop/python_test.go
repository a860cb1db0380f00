package interop

import (
	"strings"
	"testing"
)

// python runs a script of testdata, which must come to its end.
func python(t *testing.T, script string, args ...string) {
	t.Helper()
	out := command(t, "python3", append([]string{"testdata/" + script}, args...)...)
	if !strings.HasSuffix(out, "done\n") {
		t.Errorf("%s did not come to its end:\n%s", script, out)
	}
}

// TestPythonImaplib goes through a mailbox with Python's imaplib.
func TestPythonImaplib(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	python(t, "imaplib_session.py", s.ip, "1143", "1993", s.certificate(), user, password)
}

// TestPythonSmtplib sends with Python's smtplib, also what needs SMTPUTF8 and 8BITMIME.
func TestPythonSmtplib(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	python(t, "smtplib_session.py", s.ip, "1025", "1587", "1465", s.certificate(), user, password)

	c := s.imap()
	const n = 6 + 1 + 2 + 1
	c.waitMessages("INBOX", n)
	got := c.bySubject()
	if len(got) != n-1 {
		t.Errorf("%d different subjects, want %d", len(got), n-1)
	}
	for subject, want := range map[string]string{
		"starttls":   "with ESMTPS ",
		"again":      "Return-Path: <other@example.org>\r\n",
		"utf-8":      "Return-Path: <jörg@example.org>\r\n",
		"8bitmime":   "\r\n\r\nGrüße\r\n",
		"submission": "with ESMTPSA ",
		"mime":       "filename*=utf-8''gr%C3%B6%C3%9Fe.bin",
	} {
		if !strings.Contains(got[subject], want) {
			t.Errorf("%s: no %q in\n%.2000s", subject, want, got[subject])
		}
	}
	if !strings.Contains(got["utf-8"], "with UTF8SMTPS ") { // RFC 6531 §4.3.
		t.Errorf("no UTF8SMTPS in\n%s", got["utf-8"])
	}
}
