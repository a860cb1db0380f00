package faults

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// disk is a file system of its own, on a file.
type disk struct {
	t   *testing.T
	dir string
}

// newDisk makes a file system of some megabytes and mounts it for the test.
func newDisk(t *testing.T, megabytes int64) *disk {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this test mounts a file system, so it must run as root")
	}
	top := t.TempDir()
	d := &disk{t, filepath.Join(top, "disk")}
	image := filepath.Join(top, "image")
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, megabytes<<20); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(d.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	d.run("mkfs.ext4", "-q", "-m", "0", image)
	d.run("mount", "-o", "loop", image, d.dir)
	t.Cleanup(func() {
		if out, err := exec.Command("umount", d.dir).CombinedOutput(); err != nil {
			t.Errorf("unmounting: %v\n%s", err, out)
		}
	})
	return d
}

// run runs a program that is needed for the test.
func (d *disk) run(name string, args ...string) {
	d.t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		d.t.Fatalf("%s %s: %v\n%s\nThis test needs a machine that allows mounting, and what test/setup.sh installs.", name, strings.Join(args, " "), err, out)
	}
}

// fill takes all space that is left.
func (d *disk) fill() {
	d.t.Helper()
	f, err := os.OpenFile(d.ballast(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		_, err := f.Write(make([]byte, size))
		if errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			d.t.Fatal(err)
		}
	}
	if err := f.Sync(); err != nil {
		d.t.Fatal(err)
	}
}

func (d *disk) ballast() string { return filepath.Join(d.dir, "ballast") }

// free gives back what fill took.
func (d *disk) free() {
	d.t.Helper()
	if err := os.Remove(d.ballast()); err != nil {
		d.t.Fatal(err)
	}
	d.run("sync", "-f", d.dir)
}

// until calls fn again and again until it returns nil, and fails if it does not for long.
func until(t *testing.T, what string, fn func() error) {
	t.Helper()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(ioTimeout); ; <-tick.C {
		err := fn()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: %v", what, err)
		}
	}
}

// sent is what senders know of their messages, by subject.
type sent struct {
	mu    sync.Mutex
	acked map[string]bool
}

// all checks that what was acknowledged is in a mailbox exactly once.
func (s *sent) all(t *testing.T, found map[string]int) {
	t.Helper()
	var missing []string
	for subject := range s.acked {
		if found[subject] == 0 {
			missing = append(missing, subject)
		}
	}
	if len(missing) > 0 {
		t.Errorf("%d of %d acknowledged messages are missing: %q", len(missing), len(s.acked), missing[:min(len(missing), 5)])
	}
	for subject, n := range found {
		if n > 1 {
			t.Errorf("message %s is there %d times", subject, n)
		}
	}
}

// sendUntilFull sends messages on some connections until each was refused a few times.
func (s *sent) sendUntilFull(srv *server) {
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			ss, err := srv.smtp()
			if err != nil {
				srv.t.Error(err)
				return
			}
			defer ss.conn.Close()
			for n, refused := 0, 0; refused < 5; n++ {
				subject := fmt.Sprintf("full-%d-%d", i, n)
				err := ss.send("mox@localhost", subject, 50_000<<(n%4))
				if err == nil {
					s.mu.Lock()
					s.acked[subject] = true
					s.mu.Unlock()
				} else if isTemporary(err) {
					refused++
				} else {
					srv.t.Errorf("sending to a full disk: %v, want a temporary error", err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// A disk gets full while senders send and clients read.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	d := newDisk(t, 32)
	if err := os.WriteFile(d.ballast(), make([]byte, 4<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newServer(t, d.dir)
	s.start()
	s.mustSend("ann@localhost", "early", 1000)
	reader := s.inbox("ann")
	own := s.inbox("mox")
	mail := sent{acked: map[string]bool{}}
	mail.sendUntilFull(s)
	d.fill()
	if len(mail.acked) == 0 {
		t.Fatal("nothing was acknowledged")
	}
	readable := func() {
		t.Helper()
		mail.all(t, own.subjects())
		if found := reader.subjects(); found["early"] != 1 {
			t.Errorf("ann has %v", found)
		}
		late := s.inbox("ann")
		if found := late.subjects(); found["early"] != 1 {
			t.Errorf("after a new login ann has %v", found)
		}
		late.no("APPEND INBOX (\\Seen) {600000+}\r\n"+strings.Repeat("x", 600000), "[UNAVAILABLE]")
		late.ok("NOOP")
		if err := s.trySend("ann@localhost", "refused", 600_000); !isTemporary(err) {
			t.Errorf("sending: %v, want a temporary error", err)
		}
	}
	readable()
	if code, out := mox(t, "--config", s.conf, "queue", "list"); code != 0 {
		t.Errorf("queue list: %s", out)
	}
	s.stop()

	// Without a server, and then with one that starts on a full disk.
	d.fill()
	s.verify()
	if code, out := mox(t, "--config", s.conf, "queue", "list"); code != 0 || out != "no entries\n" {
		t.Errorf("queue list: exit code %d, %s", code, out)
	}
	if code, out := mox(t, "--config", s.conf, "compact"); code != 0 {
		t.Logf("compact: %s", out)
	}
	s.start()
	reader, own = s.inbox("ann"), s.inbox("mox")
	readable()

	d.free()
	for _, to := range []string{"ann", "mox"} {
		until(t, "sending after space was freed", func() error { return s.trySend(to+"@localhost", "late", 100_000) })
	}
	mail.all(t, own.subjects())
	for _, c := range []*imapSession{reader, own} {
		c.ok("STORE 1 +FLAGS (\\Seen)")
		c.ok("NOOP")
		if found := c.subjects(); found["late"] != 1 {
			t.Errorf("after space was freed there is %v", found)
		}
	}
	s.verify()
	s.stop()
	s.verify()
}

// A data directory that may not be written to: from the start, and suddenly.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	d := newDisk(t, 32)
	s := newServer(t, d.dir)
	s.start()
	mail := sent{acked: map[string]bool{}}
	for i := range 5 {
		s.mustSend("mox@localhost", fmt.Sprintf("message-%d", i), 10_000)
		mail.acked[fmt.Sprintf("message-%d", i)] = true
	}
	s.stop()

	d.run("mount", "-o", "remount,ro", d.dir)
	s.refusesToStart("read-only file system", "writable")
	s.verify()
	if code, out := mox(t, "verifydata", filepath.Join(s.dir, "data")); code != 0 {
		t.Errorf("verifydata of a directory: %s", out)
	}
	if code, out := mox(t, "--config", s.conf, "queue", "list"); code != 0 || out != "no entries\n" {
		t.Errorf("queue list: exit code %d, %s", code, out)
	}
	d.run("mount", "-o", "remount,rw", d.dir)

	// A file system with open files cannot be remounted, but files can become immutable.
	s.start()
	c := s.inbox("mox")
	c.ok("STORE 1 +FLAGS (\\Flagged)")
	freeze := func(mode string) {
		// The server may remove a file meanwhile.
		until(t, "freezing the disk", func() error {
			out, err := exec.Command("find", filepath.Join(s.dir, "data"), "(", "-type", "f", "-o", "-type", "d", ")", "-exec", "chattr", mode, "{}", "+").CombinedOutput()
			if err != nil {
				err = fmt.Errorf("%w: %s", err, out)
			}
			return err
		})
	}
	freeze("+i")
	thawed := false
	t.Cleanup(func() {
		if !thawed {
			freeze("-i")
		}
	})
	for range 3 {
		if err := s.trySend("mox@localhost", "refused", 10_000); !isTemporary(err) {
			t.Errorf("sending: %v, want a temporary error", err)
		}
		c.no("STORE 1 +FLAGS (\\Deleted)", "[UNAVAILABLE]")
		mail.all(t, c.subjects())
		mail.all(t, s.inbox("mox").subjects())
	}
	freeze("-i")
	thawed = true
	until(t, "sending when the disk can be written to", func() error { return s.trySend("mox@localhost", "late", 10_000) })
	c.ok("STORE 1 +FLAGS (\\Answered)")
	if untagged := c.ok("FETCH 1 (FLAGS)"); !strings.Contains(untagged, `\Answered`) || strings.Contains(untagged, `\Deleted`) {
		t.Errorf("flags are %q", untagged)
	}
	found := c.subjects()
	mail.all(t, found)
	if found["late"] != 1 || found["refused"] != 0 {
		t.Errorf("found %v", found)
	}
	s.stop()
	s.verify()
}
