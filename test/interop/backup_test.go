package interop

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/smtp"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// startAt starts a localserve on a directory and address that are given. The test stops it; if it fails it is killed.
func startAt(t *testing.T, dir, ip string) *server {
	t.Helper()
	s := &server{t: t, ip: ip, dir: dir}
	s.run(exec.CommandContext(t.Context(), moxBinary, "localserve", "--dir", dir, "--ip", ip))
	s.waitServing()
	return s
}

// mox runs a command on the server's configuration.
func (s *server) mox(args ...string) (string, error) {
	return tryCommand(s.t, moxBinary, append([]string{"--config", filepath.Join(s.dir, "mox.conf")}, args...)...)
}

func (s *server) mustMox(args ...string) string {
	s.t.Helper()
	out, err := s.mox(args...)
	if err != nil {
		s.t.Fatalf("mox %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// restored returns a directory with what a backup had, for startAt.
func restored(t *testing.T, backup string) string {
	t.Helper()
	dir := t.TempDir()
	out := command(t, moxBinary, "restore", "--config-directory", dir, backup, filepath.Join(dir, "data"))
	t.Log(out)
	command(t, moxBinary, "verifydata", filepath.Join(dir, "data"))
	return dir
}

// load delivers messages until it is stopped.
type load struct {
	mu      sync.Mutex
	acked   []string // Subjects.
	longest time.Duration
	end     context.CancelFunc
	done    sync.WaitGroup
}

// startLoad delivers messages at a rate per second, on some connections.
func startLoad(t *testing.T, s *server, rate int) *load {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &load{end: cancel}
	t.Cleanup(l.stop) // Before the server ends.
	tick := make(chan int)
	l.done.Go(func() {
		defer close(tick)
		ticker := time.NewTicker(time.Second / time.Duration(rate))
		defer ticker.Stop()
		for i := 0; ; i++ {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			select {
			case <-ctx.Done():
				return
			case tick <- i:
			}
		}
	})
	for range 8 {
		l.done.Go(func() {
			c, err := smtp.Dial(s.addr(1025))
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			for i := range tick {
				subject := fmt.Sprintf("load %d", i)
				start := time.Now()
				if err := deliver(c, subject); err != nil {
					t.Errorf("delivery: %v", err)
					return
				}
				l.mu.Lock()
				l.acked = append(l.acked, subject)
				l.longest = max(l.longest, time.Since(start))
				l.mu.Unlock()
			}
		})
	}
	return l
}

func deliver(c *smtp.Client, subject string) error {
	if err := errors.Join(c.Mail("stranger@example.org"), c.Rcpt(user)); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "From: <stranger@example.org>\r\nMessage-ID: <%[1]s@example.org>\r\nSubject: %s\r\n\r\n%s", strings.ReplaceAll(subject, " ", "-"), subject, strings.Repeat("some text\r\n", 300))
	return errors.Join(err, w.Close())
}

// sofar returns what was acknowledged.
func (l *load) sofar() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.acked)
}

func (l *load) stop() { l.end(); l.done.Wait() }

// waitAcked waits until n messages were acknowledged.
func (l *load) waitAcked(t *testing.T, n int) {
	t.Helper()
	late := time.After(patience)
	for tick := time.Tick(10 * time.Millisecond); len(l.sofar()) < n; {
		select {
		case <-tick:
		case <-late:
			t.Fatal("too few deliveries")
		}
	}
}

// TestBackupUnderLoad restores a backup that was made during 100 deliveries per second: it is whole, and has every message
// that was acknowledged before. So does an incremental one.
func TestBackupUnderLoad(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	l := startLoad(t, s, 100)
	top := t.TempDir()
	backups := []string{filepath.Join(top, "1"), filepath.Join(top, "2")}
	var wants [][]string
	for i, dir := range backups {
		l.waitAcked(t, 200*(i+1))
		wants = append(wants, l.sofar())
		if i == 0 {
			s.mustMox("backup", dir)
		} else {
			s.mustMox("backup", "--incremental", backups[0], dir)
		}
	}
	l.waitAcked(t, 600)
	l.stop()
	t.Logf("the longest delivery took %v", l.longest)
	for i, dir := range backups {
		command(t, moxBinary, "verifydata", dir)
		r := startAt(t, restored(t, dir), nextIP())
		c := r.imap()
		c.cmd("SELECT INBOX")
		have := c.bySubject()
		for _, subject := range wants[i] {
			if have[subject] == "" {
				t.Errorf("backup %d lacks %q", i, subject)
			}
		}
		t.Logf("backup %d: %d messages, %d acknowledged before", i, len(have), len(wants[i]))
		r.stop()
	}
}

// TestMbsyncMeetsRestored synchronises after a backup, and again with the restored server, which has less mail and gives the
// numbers of what it lacks to others. Nothing that the client has may go or change, and nothing on the server.
func TestMbsyncMeetsRestored(t *testing.T) {
	t.Parallel()
	ip := nextIP()
	dir := t.TempDir()
	s := startAt(t, dir, ip)
	fill := func(c *imapClient, mailbox, kind string, n int) {
		for i := range n {
			c.append(mailbox, "", fmt.Sprintf("From: <a@example.org>\r\nSubject: %[1]s %[2]d\r\nMessage-ID: <%[1]s-%[2]d@example.org>\r\n\r\n%[1]s %[2]d\r\n", kind, i))
		}
	}
	c := s.imap()
	fill(c, "INBOX", "before", 40)
	fill(c, "Archive", "archived", 30)
	fill(c, "Sent", "sent", 1)
	c.cmd("SELECT Archive")
	c.cmd("STORE 3,5,9:12 +FLAGS (\\Deleted)")
	c.cmd("EXPUNGE")
	backup := filepath.Join(t.TempDir(), "backup")
	s.mustMox("backup", backup)
	c = s.imap()
	fill(c, "INBOX", "after", 25)
	fill(c, "Archive", "archived-after", 10)
	fill(c, "Sent", "sent-after", 2)
	c.cmd("SELECT INBOX")
	c.cmd("STORE 1:5 +FLAGS (\\Seen)")
	m := newMbsync(t, s, "LOGIN")
	m.sync()
	mailboxes := []string{"INBOX", "Archive", "Sent"}
	local := func() map[string]string {
		have := map[string]string{}
		for _, mailbox := range mailboxes {
			for subject, file := range m.subjects(mailbox) {
				b, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				_, flags, _ := strings.Cut(filepath.Base(file), ":2,")
				have[mailbox+" "+subject] = flags + " " + string(b[max(0, len(b)-40):])
			}
		}
		return have
	}
	synced := local()
	if len(synced) != 40+25+24+10+1+2 {
		t.Fatalf("%d messages here", len(synced))
	}
	s.stop()

	s = startAt(t, restored(t, backup), ip)
	c = s.imap()
	fill(c, "INBOX", "new", 3)
	onServer := func() map[string]int {
		n := map[string]int{}
		for _, mailbox := range mailboxes {
			n[mailbox] = c.messages(mailbox)
		}
		return n
	}
	before := onServer()
	if before["INBOX"] != 43 || before["Archive"] != 24 || before["Sent"] != 1 || c.status("INBOX", "UNSEEN") != 43 {
		t.Errorf("restored: %v", before)
	}
	conf := filepath.Join(filepath.Dir(m.dir), "mbsyncrc")
	for range 2 {
		out, err := tryCommand(t, "mbsync", "-c", conf, "-a")
		t.Logf("mbsync: %v\n%s", err, out)
	}
	after := local()
	for name, text := range synced {
		if after[name] != text {
			t.Errorf("%s: is %q here, was %q", name, after[name], text)
		}
	}
	for mailbox, n := range onServer() {
		if n < before[mailbox] {
			t.Errorf("%s: %d messages are left on the server, there were %d", mailbox, n, before[mailbox])
		}
	}
	if n := c.status("INBOX", "UNSEEN"); n < 43 {
		t.Errorf("flags of other messages got to the server: %d are unseen", n)
	}

	// With a fresh start the client has what the server has.
	fresh := newMbsync(t, s, "LOGIN")
	fresh.sync()
	for mailbox, n := range onServer() {
		if got := len(fresh.files(mailbox)); got != n {
			t.Errorf("%s: %d messages after a fresh start, want %d", mailbox, got, n)
		}
	}
	s.stop()
}

// kill runs a command and kills it after a while. It reports whether it was killed.
func kill(t *testing.T, after time.Duration, args ...string) bool {
	t.Helper()
	cmd := exec.Command(moxBinary, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(after, func() { cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() != -1 {
		t.Errorf("%v: %v", args, err)
	}
	return err != nil
}

// moments is at how many moments of a run a command is killed.
const moments = 25

// moment returns one of them, of a command that takes so long if nothing is in its way.
func moment(took time.Duration, n int) time.Duration {
	return took * time.Duration(2*(n%moments)+1) / (2 * moments)
}

// TestBackupKilled kills backups and restores at all moments. What is left is whole, or known as unfinished and replaced
// by the next try.
func TestBackupKilled(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	c := s.imap()
	for i := range 60 {
		c.append("INBOX", "", fmt.Sprintf("Subject: %d\r\n\r\n%s", i, strings.Repeat("text\r\n", 10_000+i%3*40_000)))
	}
	conf := filepath.Join(s.dir, "mox.conf")
	backup := filepath.Join(t.TempDir(), "backup")
	outcomes := map[string]int{}
	begin := time.Now()
	s.mustMox("backup", filepath.Join(t.TempDir(), "backup"))
	took := time.Since(begin)
	for n := 0; n < moments || outcomes["unfinished"] == 0 && n < 20*moments; n++ {
		kill(t, moment(took, n), "--config", conf, "backup", backup)
		out, err := tryCommand(t, moxBinary, "restore", "--dry-run", backup, filepath.Join(t.TempDir(), "data"))
		if err == nil {
			outcomes["whole"]++
			command(t, moxBinary, "verifydata", backup)
			if err := os.RemoveAll(backup); err != nil {
				t.Fatal(err)
			}
			continue
		}
		switch {
		case strings.Contains(out, "not finished"):
			outcomes["unfinished"]++
		case strings.Contains(out, "no such file"), strings.Contains(out, "not a backup"):
			outcomes["nothing"]++
		default:
			t.Errorf("after %d: %s", n, out)
		}
	}
	s.mustMox("backup", backup)
	command(t, moxBinary, "verifydata", backup)
	if outcomes["unfinished"] == 0 {
		t.Errorf("no backup was killed while it was made: %v", outcomes)
	}
	t.Logf("backups: %v", outcomes)
	// The server removes what it made for them, as soon as it sees that they are gone.
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); ; <-tick.C {
		left, err := os.ReadDir(filepath.Join(s.dir, "data", "tmp"))
		if err == nil && len(left) == 0 {
			break
		}
		if err != nil || time.Now().After(end) {
			t.Fatalf("left: %v, %v", left, err)
		}
	}

	clear(outcomes)
	data := filepath.Join(t.TempDir(), "data")
	begin = time.Now()
	command(t, moxBinary, "restore", backup, filepath.Join(t.TempDir(), "data"))
	took = time.Since(begin)
	for n := 0; n < moments || outcomes["unfinished"] == 0 && n < 20*moments; n++ {
		killed := kill(t, moment(took, n), "restore", backup, data)
		_, err := os.Stat(filepath.Join(data, "accounts"))
		switch {
		case err == nil:
			outcomes["whole"]++
			// Perhaps with the directory it was made in.
			if err := os.RemoveAll(filepath.Join(data, "restore.part")); err != nil {
				t.Fatal(err)
			}
			command(t, moxBinary, "verifydata", data)
			if err := os.RemoveAll(data); err != nil {
				t.Fatal(err)
			}
		case killed:
			outcomes["unfinished"]++
		default:
			t.Errorf("after %d: not restored: %v", n, err)
		}
	}
	t.Logf("restores: %v", outcomes)
	command(t, moxBinary, "restore", backup, data)
	command(t, moxBinary, "verifydata", data)
	if names := slices.Sorted(maps.Keys(outcomes)); len(names) == 0 || outcomes["unfinished"] == 0 {
		t.Errorf("no restore was killed: %v", outcomes)
	}
}

// TestServerKilledDuringBackup: the command says so, and leaves nothing.
func TestServerKilledDuringBackup(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := startAt(t, dir, nextIP())
	c := s.imap()
	for i := range 30 {
		c.append("INBOX", "", fmt.Sprintf("Subject: %d\r\n\r\n%s", i, strings.Repeat("text\r\n", 50_000)))
	}
	backup := filepath.Join(t.TempDir(), "backup")
	time.AfterFunc(20*time.Millisecond, func() { s.cmd.Process.Kill() })
	out, err := s.mox("backup", backup)
	<-s.ended
	if err == nil {
		command(t, moxBinary, "verifydata", backup)
	} else if _, serr := os.Stat(backup); serr == nil {
		t.Errorf("%s is left: %s", backup, out)
	}
	// A server that starts removes the rest.
	s = startAt(t, dir, s.ip)
	if n := s.imap().messages("INBOX"); n != 30 {
		t.Errorf("%d messages are left", n)
	}
	if left, err := os.ReadDir(filepath.Join(dir, "data", "tmp")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	s.stop()
}
