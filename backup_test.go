package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"mox/config"
	"mox/internal/backup"
	"mox/store"
)

// tryCommand is command for one that may fail.
func (r *running) tryCommand(args ...string) (code int, out string) {
	r.t.Helper()
	code, stdout, stderr := mox(r.t, append([]string{"--config", r.path}, args...)...)
	return code, stdout + stderr
}

// export returns all messages of a mailbox as they are exported.
func (r *running) export(mailbox string) string {
	r.t.Helper()
	name := filepath.Join(r.t.TempDir(), "export.mbox")
	r.command("export", "mbox", "--account", "mox", "--mailbox", mailbox, name)
	return messagesOf(r.t, name)
}

// filled makes a localserve with mail, and starts it if serving is set.
func filled(t *testing.T, serving bool) *running {
	t.Helper()
	path := localserveDirectory(t)
	r := &running{t: t, path: path}
	if serving {
		r = startServer(t, config.Options{Path: path, Localserve: &config.Localserve{Account: localAccount}})
	}
	r.command("import", "mbox", "--account", "mox", corpusFile(t))
	return r
}

// The same with and without a server: backups, restored, have the mail and the configuration.
func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	for _, serving := range []bool{false, true} {
		t.Run(fmt.Sprintf("serving %v", serving), func(t *testing.T) {
			t.Parallel()
			r := filled(t, serving)
			data := filepath.Join(filepath.Dir(r.path), "data")
			if err := os.MkdirAll(filepath.Join(data, "acme", "accounts"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(data, "acme", "accounts", "key"), []byte("secret"), 0o600); err != nil {
				t.Fatal(err)
			}
			want := r.export("Inbox")
			top := t.TempDir()
			first, second := filepath.Join(top, "1"), filepath.Join(top, "2")
			if out := r.command("backup", first); !strings.Contains(out, "no problems in 1 account\n") {
				t.Errorf("backup: %s", out)
			}
			r.command("backup", "--quick", "--incremental", first, second)
			if err := os.RemoveAll(first); err != nil {
				t.Fatal(err)
			}
			if left, err := filepath.Glob(filepath.Join(data, "tmp", "*")); err != nil || len(left) > 0 {
				t.Errorf("left beside the data: %v, %v", left, err)
			}
			r.command("verifydata", second)

			for _, exact := range []bool{false, true} {
				dir := filepath.Join(top, fmt.Sprintf("restored-%v", exact))
				if err := os.Mkdir(dir, 0o700); err != nil {
					t.Fatal(err)
				}
				args := []string{"restore", "--config-directory", dir, second, filepath.Join(dir, "data")}
				if exact {
					args = append(args, "--exact")
				}
				if out := r.command(append(args, "--dry-run")...); !strings.Contains(out, "all files are good") {
					t.Errorf("dry run: %s", out)
				}
				if l, err := os.ReadDir(dir); err != nil || len(l) > 0 {
					t.Fatalf("dry run has written %v, %v", l, err)
				}
				out := r.command(args...)
				if strings.Contains(out, "6 mailboxes have a new UIDVALIDITY") == exact {
					t.Errorf("exact %v: %s", exact, out)
				}
				got := &running{t: t, path: filepath.Join(dir, "mox.conf")}
				if got.export("Inbox") != want {
					t.Errorf("exact %v: other messages", exact)
				}
				if same := uidValidity(t, got.path) == uidValidityOf(t, filepath.Join(second, "data")); same != exact {
					t.Errorf("exact %v: same uidvalidity is %v", exact, same)
				}
				got.command("verifydata")
				if b, err := os.ReadFile(filepath.Join(dir, "data", "acme", "accounts", "key")); err != nil || string(b) != "secret" {
					t.Errorf("other file: %q, %v", b, err)
				}
				if code, _, errs := mox(t, args...); code == exitOK || !strings.Contains(errs, "is not empty") {
					t.Errorf("restore over data: %s", errs)
				}
			}
		})
	}
}

// uidValidityOf returns that of Inbox in a data directory that is only read.
func uidValidityOf(t *testing.T, data string) uint32 {
	t.Helper()
	var c closers
	defer c.close(context.Background())
	o, err := openAccounts(data, commandLogger(io.Discard), &c, reading)
	if err != nil {
		t.Fatal(err)
	}
	a, err := o.store.Open(t.Context(), "mox")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	mb, err := a.MailboxByName(t.Context(), store.System, "Inbox")
	if err != nil {
		t.Fatal(err)
	}
	return mb.UIDValidity
}

// What is queued is on hold after a restore, and goes on as it was after an exact one.
func TestRestoredQueueIsHeld(t *testing.T) {
	t.Parallel()
	r := startLocalserve(t)
	if err := r.submit("mox@localhost", "moxmoxmox", "mox@localhost", "queuetemperror@example.org", "waits"); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "backup")
	r.command("backup", dir)
	for _, exact := range []bool{false, true} {
		top := t.TempDir()
		args := []string{"restore", "--config-directory", top, dir, filepath.Join(top, "data")}
		if exact {
			args = append(args, "--exact")
		}
		out := r.command(args...)
		if strings.Contains(out, "the queue is on hold: 1 recipients") == exact {
			t.Errorf("exact %v: %s", exact, out)
		}
		conf := filepath.Join(top, "mox.conf")
		_, list, _ := mox(t, "--config", conf, "queue", "list")
		if strings.Contains(list, "held") == exact || !strings.Contains(list, "queuetemperror@example.org") {
			t.Errorf("exact %v: queue is %s", exact, list)
		}
		// The commands to type are on lines of their own, and do what they are for.
		n := 0
		for line := range strings.Lines(out) {
			if command, ok := strings.CutPrefix(line, "  mox "); ok {
				n++
				if code, changed, errs := mox(t, append([]string{"--config", conf}, strings.Fields(command)...)...); code != exitOK || changed != "1\n" {
					t.Errorf("%s: exit code %d, %s%s", command, code, changed, errs)
				}
			}
		}
		_, list, _ = mox(t, "--config", conf, "queue", "list")
		if n != 2 && !exact || n > 0 && exact || !strings.Contains(list, "waiting") {
			t.Errorf("exact %v: after %d commands the queue is %s", exact, n, list)
		}
	}
}

func TestBackupRefusals(t *testing.T) {
	t.Parallel()
	r := filled(t, false)
	data := filepath.Join(filepath.Dir(r.path), "data")
	top := t.TempDir()
	good := filepath.Join(top, "good")
	r.command("backup", good)
	taken := filepath.Join(top, "taken")
	if err := os.Mkdir(taken, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(taken, "letter"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	unfinished := filepath.Join(top, "unfinished")
	w, err := backup.Create(unfinished, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for _, tc := range []struct {
		args []string
		code int
		text string
	}{
		{[]string{"backup"}, exitUsage, "missing argument: directory"},
		{[]string{"backup", taken}, exitFailure, "name a new directory"},
		{[]string{"backup", good}, exitFailure, "name a new directory"},
		{[]string{"backup", unfinished}, exitFailure, "under way"},
		{[]string{"backup", filepath.Join(data, "backup")}, exitUsage, "is in the data directory"},
		{[]string{"backup", filepath.Join(top, "no", "such")}, exitFailure, "no such file"},
		{[]string{"backup", "--incremental", taken, filepath.Join(top, "new")}, exitFailure, "not a backup"},
		{[]string{"backup", "--incremental", unfinished, filepath.Join(top, "new")}, exitFailure, "not finished"},
		{[]string{"restore", good}, exitUsage, "missing argument: data-directory"},
		{[]string{"restore", good, data}, exitFailure, "is not empty"},
		{[]string{"restore", good, taken}, exitFailure, "is not empty"},
		{[]string{"restore", taken, filepath.Join(top, "new")}, exitFailure, "not a backup"},
		{[]string{"restore", unfinished, filepath.Join(top, "new")}, exitFailure, "not finished"},
		{[]string{"restore", filepath.Join(top, "none"), filepath.Join(top, "new")}, exitFailure, "no such file"},
		{[]string{"restore", "--config-directory", taken, good, filepath.Join(top, "new")}, exitFailure, "is not empty"},
		{[]string{"verifydata", unfinished}, exitFailure, "not finished"},
		{[]string{"verifydata", taken}, exitFailure, "no data directory"},
		{[]string{"bumpuidvalidity"}, exitUsage, "arg"},
		{[]string{"bumpuidvalidity", "nobody"}, exitFailure, `no account "nobody"`},
		{[]string{"bumpuidvalidity", "mox", "None"}, exitFailure, "no such mailbox"},
		{[]string{"recalculatemailboxcounts", "nobody"}, exitFailure, `no account "nobody"`},
		{[]string{"reparse", "nobody"}, exitFailure, `no account "nobody"`},
	} {
		if code, out := r.tryCommand(tc.args...); code != tc.code || !strings.Contains(out, tc.text) {
			t.Errorf("mox %s: exit code %d, want %d and %q: %s", strings.Join(tc.args, " "), code, tc.code, tc.text, out)
		}
	}
	// The first of those that are made each night, and one after the last was removed but not the link to it.
	link := filepath.Join(t.TempDir(), "last")
	if err := os.Symlink("gone", link); err != nil {
		t.Fatal(err)
	}
	for i, earlier := range []string{filepath.Join(top, "none"), link} {
		dir := filepath.Join(t.TempDir(), strconv.Itoa(i))
		if code, out := r.tryCommand("backup", "--incremental", earlier, dir); code != exitOK || !strings.Contains(out, "warning: there is no earlier backup "+earlier) {
			t.Errorf("without an earlier backup: exit code %d: %s", code, out)
		}
		r.command("verifydata", dir)
	}
	if b, err := os.ReadFile(filepath.Join(taken, "letter")); err != nil || string(b) != "mine" {
		t.Errorf("a file was touched: %q, %v", b, err)
	}
	if l, err := os.ReadDir(top); err != nil || len(l) != 3 {
		t.Errorf("%d directories, %v", len(l), err)
	}
	r.command("verifydata")
}

// damagedPack changes a byte in the middle of a pack below a directory, which gets a copy of it: others may share the file.
func damagedPack(t *testing.T, dir string) {
	t.Helper()
	packs, err := filepath.Glob(filepath.Join(dir, "data", "accounts", "*", "blobs", "*.pack"))
	if err != nil || len(packs) == 0 {
		t.Fatalf("no packs: %v", err)
	}
	data, err := os.ReadFile(packs[0])
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.Remove(packs[0]); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(packs[0], data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestDamagedBackup(t *testing.T) {
	t.Parallel()
	r := filled(t, false)
	top := t.TempDir()
	dir := filepath.Join(top, "backup")
	r.command("backup", dir)
	damagedPack(t, dir)
	if code, out := r.tryCommand("verifydata", dir); code != exitFailure || !strings.Contains(out, "problems in 1 accounts") {
		t.Errorf("verifydata: exit code %d, %s", code, out)
	}
	to := filepath.Join(top, "data")
	if code, out := r.tryCommand("restore", "--dry-run", dir, to); code != exitFailure || !strings.Contains(out, ".pack") {
		t.Errorf("dry run: exit code %d, %s", code, out)
	}
	if code, out := r.tryCommand("restore", dir, to); code != exitFailure || !strings.Contains(out, "--keep-damaged") {
		t.Errorf("restore: exit code %d, %s", code, out)
	}
	if _, err := os.Stat(to); err == nil {
		t.Error("something is left")
	}
	if code, out := r.tryCommand("restore", "--keep-damaged", dir, to); code != exitFailure || !strings.Contains(out, "1 problems") {
		t.Errorf("keeping: exit code %d, %s", code, out)
	}
	code, out := r.tryCommand("verifydata", "--fix", to)
	if code != exitFailure || strings.Contains(out, "mended") {
		t.Errorf("verifydata --fix: exit code %d, %s", code, out)
	}
}

// What can be mended is, in a data directory and in a backup, which is whole then.
func TestVerifyDataFix(t *testing.T) {
	t.Parallel()
	r := filled(t, false)
	top := t.TempDir()
	dir := filepath.Join(top, "backup")
	r.command("backup", dir)
	want := r.export("Inbox")
	for _, name := range []string{filepath.Dir(r.path), dir} {
		l, err := filepath.Glob(filepath.Join(name, "data", "accounts", "*", "index.db"))
		if err != nil || len(l) != 1 {
			t.Fatal(l, err)
		}
		b, err := os.ReadFile(l[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(l[0], bytes.Replace(b, b[:8192], make([]byte, 8192), 1), 0o600); err != nil {
			t.Fatal(err)
		}
		arg := name
		if name != dir {
			arg = filepath.Join(name, "data")
		}
		if code, out := r.tryCommand("verifydata", arg); code != exitFailure || !strings.Contains(out, "damaged") && !strings.Contains(out, "database") {
			t.Errorf("%s: exit code %d, %s", arg, code, out)
		}
		if out := r.command("verifydata", "--fix", arg); !strings.Contains(out, "made the database anew") || !strings.Contains(out, "no problems in 1 account\n") {
			t.Errorf("%s: %s", arg, out)
		}
		r.command("verifydata", arg)
	}
	if r.export("Inbox") != want {
		t.Error("other messages")
	}
	if code, out := r.tryCommand("restore", "--dry-run", dir, filepath.Join(top, "data")); code != exitOK {
		t.Errorf("the backup is not whole: %s", out)
	}

	s := startLocalserve(t)
	if code, out := s.tryCommand("verifydata", "--fix"); code != exitFailure || !strings.Contains(out, "stop it first") {
		t.Errorf("with a server: exit code %d, %s", code, out)
	}
}

// An account without account.json has nobody's name. It is a problem all the same, and in backups.
func TestAccountLeftOut(t *testing.T) {
	t.Parallel()
	r := filled(t, false)
	want := r.export("Inbox")
	l, err := filepath.Glob(filepath.Join(filepath.Dir(r.path), "data", "accounts", "*", "account.json"))
	if err != nil || len(l) != 1 {
		t.Fatal(l, err)
	}
	info, err := os.ReadFile(l[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(l[0]); err != nil {
		t.Fatal(err)
	}
	id := filepath.Base(filepath.Dir(l[0]))
	if code, out := r.tryCommand("verifydata"); code != exitFailure || !strings.Contains(out, "account "+id+": it is left out") || !strings.Contains(out, "1 problems") {
		t.Errorf("verifydata: exit code %d, %s", code, out)
	}
	dir := filepath.Join(t.TempDir(), "backup")
	if code, out := r.tryCommand("backup", dir); code != exitFailure || !strings.Contains(out, "account "+id+" is copied as it is") {
		t.Errorf("backup: exit code %d, %s", code, out)
	}
	data := filepath.Join(filepath.Dir(r.path), "data")
	if err := os.RemoveAll(data); err != nil {
		t.Fatal(err)
	}
	if code, out := r.tryCommand("restore", dir, data); code != exitFailure || !strings.Contains(out, "account "+id+" has its old UIDVALIDITYs") {
		t.Errorf("restore: exit code %d, %s", code, out)
	}
	if err := os.WriteFile(l[0], info, 0o600); err != nil {
		t.Fatal(err)
	}
	r.command("verifydata")
	if r.export("Inbox") != want {
		t.Error("other messages")
	}
}

// A server does not start on a directory in which a restore was killed, and the next restore begins anew.
func TestUnfinishedRestore(t *testing.T) {
	t.Parallel()
	r := filled(t, false)
	dir := filepath.Join(t.TempDir(), "backup")
	r.command("backup", dir)
	data := filepath.Join(filepath.Dir(r.path), "data")
	if err := os.RemoveAll(data); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(data, restorePart, "data", "accounts"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(data, "queue"), 0o700); err != nil {
		t.Fatal(err)
	}
	if code, out := r.tryCommand("export", "mbox", "--account", "mox", filepath.Join(t.TempDir(), "x")); code != exitFailure || !strings.Contains(out, "not finished") {
		t.Errorf("use of it: exit code %d, %s", code, out)
	}
	r.command("restore", dir, data)
	r.command("verifydata")
}

// Configuration that is restored to another file system is copied, and its private keys stay private whatever the umask.
func TestCopyTree(t *testing.T) {
	t.Parallel()
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "dkim")
	key := filepath.Join("keys", "2026a.pem")
	if err := os.Mkdir(filepath.Join(from, "keys"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(from, key), []byte("key"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := copyTree(from, to); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(to, key)); err != nil || string(got) != "key" {
		t.Errorf("copied %q, %v", got, err)
	}
	for name, want := range map[string]os.FileMode{"": 0o700, "keys": 0o700, key: 0o600} {
		fi, err := os.Stat(filepath.Join(to, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := fi.Mode().Perm(); got != want {
			t.Errorf("%q has mode %o, want %o", name, got, want)
		}
	}
	if err := copyTree(from, to); err == nil {
		t.Error("copied over what is there")
	}
}

// The commands for accounts, with and without a server.
func TestAccountCommands(t *testing.T) {
	t.Parallel()
	for _, serving := range []bool{false, true} {
		r := filled(t, serving)
		want := r.export("Inbox")
		var s *imapSession
		if serving {
			var err error
			if s, err = r.imap("mox@localhost", "moxmoxmox"); err != nil {
				t.Fatal(err)
			}
			s.command("SELECT INBOX")
		}
		if out := r.command("bumpuidvalidity", "mox", "INBOX"); !strings.HasPrefix(out, "Inbox: UIDVALIDITY is ") || strings.Count(out, "\n") != 1 {
			t.Errorf("bumpuidvalidity: %s", out)
		}
		if serving {
			if err := s.conn.SetDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(s.conn, "y NOOP\r\n"); err != nil {
				t.Fatal(err)
			}
			if rest, _ := io.ReadAll(s.r); !strings.Contains(string(rest), "* BYE") {
				t.Errorf("the session goes on: %s", rest)
			}
		}
		if out := r.command("bumpuidvalidity", "mox"); strings.Count(out, "\n") != 6 {
			t.Errorf("bumpuidvalidity of all: %s", out)
		}
		if out := r.command("recalculatemailboxcounts", "mox"); out != "0 corrections\n" {
			t.Errorf("recalculatemailboxcounts: %s", out)
		}
		if out := r.command("reparse"); !strings.Contains(out, " messages, 0 changed") {
			t.Errorf("reparse: %s", out)
		}
		r.command("reparse", "mox")
		if r.export("Inbox") != want {
			t.Error("other messages")
		}
	}
}
