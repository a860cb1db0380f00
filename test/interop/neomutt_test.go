package interop

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// neomutt is a mail reader whose keys a test presses.
type neomutt struct {
	t    *testing.T
	conf string
	log  string
}

// newNeomutt configures neomutt for a server. Without $smtp_authenticators, one that is built with GNU
// SASL takes the best mechanism offered, SCRAM-SHA-256-PLUS, for which it lacks the channel binding, and
// gives up.
func newNeomutt(t *testing.T, s *server, settings ...string) *neomutt {
	dir := t.TempDir()
	m := &neomutt{t: t, log: filepath.Join(dir, "log")}
	m.conf = writeFile(t, dir, "neomuttrc", fmt.Sprintf(`
set folder = "imap://%[1]s:1143/"
set spoolfile = "+INBOX"
set imap_user = "%[2]s"
set imap_pass = "%[3]s"
set ssl_starttls = yes
set ssl_force_tls = yes
set certificate_file = "%[4]s"
set smtp_url = "smtp://mox%%40localhost@%[1]s:1587/"
set smtp_pass = "%[3]s"
set smtp_authenticators = "plain"
set from = "%[2]s"
set record = "+Sent"
set editor = "echo written here >>"
set abort_unmodified = no
set postponed = "+Drafts"
set trash = ""
set sort = "mailbox-order"
set delete = yes
set quit = yes
set move = no
set confirmappend = no
set confirmcreate = no
set mark_old = no
set sleep_time = 0
set wait_key = no
set header_cache = ""
set connect_timeout = 300
set imap_poll_timeout = 0
set tmpdir = "%[5]s"
%[6]s
`, s.ip, user, password, s.certificate(), dir, strings.Join(settings, "\n")))
	return m
}

// press starts neomutt on a terminal, types what push of neomutt can, which must quit in the end.
func (m *neomutt) press(keys string) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "script", "-qec", fmt.Sprintf("neomutt -n -F %s -d 2 -l %s -e 'push \"%s\"'", m.conf, m.log, keys), "/dev/null")
	cmd.Env = append(os.Environ(), "TERM=xterm", "LANG=C.UTF-8", "HOME="+filepath.Dir(m.conf))
	stdin, err := cmd.StdinPipe() // Never closed before the end: script makes an end of file a key.
	if err != nil {
		m.t.Fatal(err)
	}
	defer stdin.Close()
	out, err := cmd.CombinedOutput()
	if err != nil {
		log, _ := os.ReadFile(m.log + "0")
		m.t.Fatalf("neomutt: %v\n%s\n%s", err, out, log)
	}
}

// TestNeomutt reads, flags, saves, copies, deletes, limits by searching here and there, and sends.
func TestNeomutt(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	c := s.imap()
	const n = 20
	for i := 1; i <= n; i++ {
		c.append("INBOX", "", fmt.Sprintf("From: <a@example.org>\r\nTo: <%s>\r\nSubject: number %d\r\nMessage-ID: <%d@example.org>\r\n\r\nbody of%d\r\n", user, i, i, i))
	}
	m := newNeomutt(t, s)
	m.press("<display-message><exit>" + // 1 is read.
		"<next-entry><flag-message>" + // 2, and on to 3.
		"<save-message><kill-line>+Archive<enter>" + // 3, and on to 4.
		"<copy-message><kill-line>+Trash<enter>" + // 4.
		"<limit>~s r.[56]$<enter><tag-pattern>~A<enter><tag-prefix><delete-message><limit>~A<enter>" + // 5 and 6.
		"<sync-mailbox>" +
		"<limit>~b f1[89]<enter><tag-pattern>~A<enter><tag-prefix><set-flag>r<limit>~A<enter>" + // 18 and 19, by reading all.
		"<limit>=b of20<enter><flag-message><limit>~A<enter>" + // 20, as the server finds it.
		"<quit>")

	c.cmd("SELECT INBOX")
	flags := map[int]string{1: `\Seen`, 2: `\Flagged`, 18: `\Seen \Answered`, 19: `\Seen \Answered`, 20: `\Flagged`}
	gone := map[int]bool{3: true, 5: true, 6: true}
	var want []string
	for uid := 1; uid <= n; uid++ {
		if !gone[uid] {
			want = append(want, fmt.Sprintf("* %d FETCH (UID %d FLAGS (%s))", len(want)+1, uid, flags[uid]))
		}
	}
	if got := c.cmd("FETCH 1:* (UID FLAGS)"); !slices.Equal(got, want) {
		t.Errorf("INBOX has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for mailbox, subject := range map[string]string{"Archive": "number 3", "Trash": "number 4"} {
		c.cmd("SELECT %s", mailbox)
		if got := c.bySubject(); len(got) != 1 || got[subject] == "" {
			t.Errorf("%s has %v, want %s", mailbox, got, subject)
		}
	}

	// A new message, by the submission port, with a copy in Sent.
	m.press("<mail>" + user + "<enter>from neomutt<enter><send-message><quit>")
	c.waitMessages("INBOX", len(want)+1)
	if got := c.bySubject()["from neomutt"]; !strings.Contains(got, "with ESMTPSA ") || !strings.HasSuffix(got, "\r\n\r\nwritten here\r\n") {
		t.Errorf("sent message came as\n%s", got)
	}
	c.cmd("SELECT Sent")
	if got := c.bySubject()["from neomutt"]; !strings.HasSuffix(got, "\r\n\r\nwritten here\r\n") {
		t.Errorf("copy in Sent is\n%s", got)
	}
	if got := c.cmd("FETCH 1 FLAGS"); len(got) != 1 || got[0] != `* 1 FETCH (FLAGS (\Seen \Recent))` {
		t.Errorf("copy in Sent: %q", got)
	}
}

// TestNeomuttChoosesMechanism leaves the choice to neomutt, where the listener offers no mechanism that needs a binding to
// TLS.
func TestNeomuttChoosesMechanism(t *testing.T) {
	t.Parallel()
	s := startConfigured(t, func(dir string) {
		insertAfter(t, filepath.Join(dir, "mox.conf"), "\t\t\tNoRequireSTARTTLS: true", "\t\t\tSASLMechanisms:\n\t\t\t\t- SCRAM-SHA-256\n\t\t\t\t- PLAIN\n")
	})
	newNeomutt(t, s, "unset smtp_authenticators").press("<mail>" + user + "<enter>chosen<enter><send-message><quit>")
	c := s.imap()
	c.waitMessages("INBOX", 1)
	figures := command(t, "curl", "-sS", "--max-time", "300", "http://"+s.addr(1080)+"/metrics")
	if want := `mox_smtpserver_auth_total{kind="submission",mechanism="SCRAM-SHA-256",result="ok"} 1`; !strings.Contains(figures, want) {
		t.Errorf("no %s in\n%s", want, figures)
	}
}
