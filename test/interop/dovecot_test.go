package interop

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"mox/internal/corpus"
)

// nobody is who programs run as that refuse to be root, if the test is.
const nobody = 65534

// openDir makes a directory of the test that uid can use, and reach through its parents.
func openDir(t *testing.T, path string, uid int) {
	t.Helper()
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() != 0 {
		return
	}
	if err := os.Chown(path, uid, uid); err != nil {
		t.Fatal(err)
	}
	for dir := filepath.Dir(path); dir != filepath.Clean(os.TempDir()) && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o711); err != nil {
			t.Fatal(err)
		}
	}
}

// dovecot is an account of Dovecot with mail in a directory, beside one of mox that it reaches by IMAP.
type dovecot struct {
	t    *testing.T
	conf string
	mail string
}

func newDovecot(t *testing.T, s *server) *dovecot {
	t.Helper()
	dir := t.TempDir()
	uid := os.Getuid()
	if uid == 0 {
		uid = nobody
	}
	openDir(t, filepath.Join(dir, "mail"), uid)
	certificate, err := os.ReadFile(s.certificate())
	if err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, certificate, 0o644); err != nil {
		t.Fatal(err)
	}
	conf := writeFile(t, dir, "dovecot.conf", fmt.Sprintf(`
base_dir = %[1]s/run
log_path = /dev/stderr
mail_home = %[1]s/mail
mail_location = maildir:%[1]s/mail/dir:LAYOUT=fs
mail_save_crlf = yes
mail_uid = %[2]d
mail_gid = %[2]d
first_valid_uid = %[2]d
first_valid_gid = %[2]d
ssl = yes
ssl_client_ca_file = %[3]s
imapc_host = %[4]s
imapc_port = 1993
imapc_ssl = imaps
imapc_user = %[5]s
imapc_password = %[6]s
imapc_features = rfc822.size fetch-headers modseq
mail_prefetch_count = 20
namespace inbox {
  inbox = yes
  separator = /
}
`, dir, uid, ca, s.ip, user, password))
	return &dovecot{t, conf, filepath.Join(dir, "mail")}
}

// doveadm runs a command of doveadm, which must end well and without a complaint.
func (d *dovecot) doveadm(args ...string) string {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "doveadm", append([]string{"-c", d.conf}, args...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "USER=mox", "HOME=" + d.mail}
	cmd.Dir = "/"
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	// That something took long, or a lock was held for long, it warns of too.
	said := regexp.MustCompile(`(?m)^.*Warning: .*(took|was locked for) \d+ seconds.*\n`).ReplaceAllString(stderr.String(), "")
	if err != nil || strings.Contains(said, "Error") || strings.Contains(said, "Warning") {
		d.t.Fatalf("doveadm %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String()
}

// describe returns all that two sides should agree on about a message. Flags are separated by spaces.
func describe(flags string, received time.Time, msg string) string {
	l := strings.Fields(flags)
	slices.Sort(l)
	return fmt.Sprintf("%s, %s\n%s", strings.Join(l, " "), received.UTC().Format(time.DateTime), msg)
}

// contents returns the messages of a mailbox by UID, as describe does. LAYOUT=fs has the mailboxes
// as directories with their IMAP names.
func (d *dovecot) contents(mailbox string) map[int]string {
	d.t.Helper()
	dir := filepath.Join(d.mail, "dir", mailbox)
	if mailbox == "INBOX" {
		dir = filepath.Join(d.mail, "dir")
	}
	by := map[int]string{}
	name := strings.NewReplacer("&AOk-", "é").Replace(mailbox)
	list := d.doveadm("-f", "tab", "fetch", "uid flags date.received.unixtime guid", "mailbox", name)
	for _, l := range strings.Split(strings.TrimSpace(list), "\n")[1:] {
		var uid int
		var unix int64
		f := strings.Split(l, "\t")
		if _, err := fmt.Sscan(f[0]+" "+f[2], &uid, &unix); err != nil {
			d.t.Fatalf("doveadm fetch: %q: %v", l, err)
		}
		files, err := filepath.Glob(filepath.Join(dir, "*", f[3]+"*"))
		if err != nil || len(files) != 1 {
			d.t.Fatalf("files of uid %d of %s: %v, %v", uid, mailbox, files, err)
		}
		msg, err := os.ReadFile(files[0])
		if err != nil {
			d.t.Fatal(err)
		}
		by[uid] = describe(f[1], time.Unix(unix, 0), string(msg))
	}
	return by
}

// contents returns the same of the selected mailbox.
func (c *imapClient) contents() map[int]string {
	c.t.Helper()
	item := regexp.MustCompile(`^\* \d+ FETCH \(UID (\d+) FLAGS \(([^)]*)\) INTERNALDATE "([^"]*)" BODY\[\] \{\d+\}\r\n`)
	by := map[int]string{}
	for _, l := range c.cmd("FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])") {
		m := item.FindStringSubmatch(l)
		if m == nil {
			c.t.Fatalf("unexpected response %.200q", l)
		}
		uid, _ := strconv.Atoi(m[1])
		received, err := time.Parse("_2-Jan-2006 15:04:05 -0700", m[3])
		if err != nil {
			c.t.Fatalf("received date of uid %d: %v", uid, err)
		}
		by[uid] = describe(m[2], received, strings.TrimSuffix(l[len(m[0]):], ")"))
	}
	return by
}

// TestDovecotBackup pulls an account of real and odd messages into Dovecot, and again after changes.
// Everything arrives: mailboxes, messages byte for byte, UIDs, flags, keywords and dates.
func TestDovecotBackup(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	c := s.imap()
	c.cmd("CREATE Work/2026")
	c.cmd("CREATE Work/&AOk-t&AOk-")
	c.cmd("SUBSCRIBE Work/2026")
	flags := []string{"", `\Seen`, `\Seen \Answered`, `\Flagged`, `\Draft`, `\Seen $Forwarded`, "Important", `\Deleted`}
	mailboxes := []string{"INBOX", "Sent", "Archive", "Work/2026", "Work/&AOk-t&AOk-"}
	n := 0
	for _, m := range corpus.Messages(t) {
		data := m.CRLF()
		if bytes.IndexByte(data, 0) >= 0 {
			continue // Not for APPEND.
		}
		c.appendAt(mailboxes[n%len(mailboxes)], flags[n%len(flags)], time.Date(2020, 1, 1, n%24, n%60, n%60, 0, time.UTC).AddDate(0, 0, n), string(data))
		n++
	}

	d := newDovecot(t, s)
	compare := func() {
		t.Helper()
		d.doveadm("backup", "-R", "imapc:")
		for _, mailbox := range mailboxes {
			c.cmd("EXAMINE %s", mailbox)
			want := c.contents()
			got := d.contents(mailbox)
			if len(got) != len(want) || len(got) == 0 {
				t.Errorf("%s: %d messages, want %d", mailbox, len(got), len(want))
			}
			for _, uid := range slices.Sorted(maps.Keys(want)) {
				if got[uid] != want[uid] {
					t.Errorf("%s, uid %d: got\n%.1000s\nwant\n%.1000s", mailbox, uid, got[uid], want[uid])
					break // The others will look alike.
				}
			}
		}
	}
	compare()

	c.cmd("SELECT INBOX")
	c.cmd(`STORE 1:10 +FLAGS (\Flagged $Later)`)
	c.cmd(`STORE 5:15 -FLAGS (\Seen)`)
	c.cmd("MOVE 20:30 Archive")
	c.cmd("COPY 31:35 Sent")
	c.cmd(`STORE 40 +FLAGS (\Deleted)`)
	c.cmd("EXPUNGE")
	c.cmd("RENAME Work/2026 Work/2027")
	mailboxes[3] = "Work/2027"
	compare()
}
