package install

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestServe is about the processes of a server: what the child can do, and what happens when one ends.
func TestServe(t *testing.T) {
	in := install(t)
	t.Run("confined", in.confined)
	t.Run("outside", in.outside)
	t.Run("killed", in.killed)
	t.Run("planted", in.planted)
	t.Run("restart", in.restart)
	t.Run("binary", in.binary)
	t.Run("broken", in.broken)
	t.Run("ports", in.ports)
	t.Run("signals", in.signals)
	t.Run("descriptors", in.descriptors)
	t.Run("commands", in.commands)
}

// confined asserts that the child has no rights, and that the files of others are out of reach for a process like it.
func (in *installation) confined(t *testing.T) {
	pid := in.child()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	const none = "0000000000000000"
	for _, want := range []string{
		fmt.Sprintf("Uid: %[1]d %[1]d %[1]d %[1]d", userID), fmt.Sprintf("Gid: %[1]d %[1]d %[1]d %[1]d", userID),
		"Groups:", "NoNewPrivs: 1", "CapInh: " + none, "CapPrm: " + none, "CapEff: " + none, "CapBnd: " + none, "CapAmb: " + none,
	} {
		name, _, _ := strings.Cut(want, ":")
		for line := range strings.Lines(string(status)) {
			if got := strings.Join(strings.Fields(line), " "); strings.HasPrefix(got, name+":") && got != want {
				t.Errorf("child has %q, want %q", got, want)
			}
		}
	}
}

// outside asserts that the child reaches no files but its own, although their modes would let it: it is asked to serve them as a website, as
// somebody who has taken it over would.
func (in *installation) outside(t *testing.T) {
	other := filepath.Join(filepath.Dir(in.dir), "dkim")
	if err := errors.Join(os.Mkdir(other, 0o755), os.WriteFile(filepath.Join(other, "key.txt"), []byte("secret"), 0o644)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(in.dir, "config/domains.conf")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	handler := fmt.Sprintf("WebHandlers:\n\t-\n\t\tDomain: www.%s\n\t\tPathRegexp: ^/\n\t\tDontRedirectPlainHTTP: true\n\t\tWebStatic:\n\t\t\tRoot: %s\n", domain, other)
	get := func() (int, string) {
		req, err := http.NewRequest("GET", "http://"+publicIP+"/key.txt", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "www." + domain
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Error(err)
		}
		return res.StatusCode, string(body)
	}
	if err := os.WriteFile(path, append(before, handler...), 0o600); err != nil {
		t.Fatal(err)
	}
	in.mox("config", "reload")
	if code, body := get(); code == http.StatusOK || strings.Contains(body, "secret") {
		t.Errorf("a file outside is served: %d %q", code, body)
	}
	// After a restart it is a website like others, which shows that it was only out of reach.
	in.mox("restart")
	if code, body := get(); code != http.StatusOK || body != "secret" {
		t.Errorf("after a restart: %d %q", code, body)
	}
	if err := os.WriteFile(path, before, 0o600); err != nil {
		t.Fatal(err)
	}
	in.mox("restart")
}

// killed asserts that a child that dies is replaced soon, and nobody is turned away meanwhile.
func (in *installation) killed(t *testing.T) {
	const soon = 2 * time.Second
	var took []time.Duration
	// One that stalls just then has other chances.
	for len(took) < 4 && (len(took) == 0 || took[len(took)-1] > soon) {
		before := in.child()
		if err := syscall.Kill(before, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if err := greeted(25, "220 "); err != nil {
			t.Fatal(err)
		}
		took = append(took, time.Since(begin))
		if after := in.child(); after == before || after == 0 {
			t.Errorf("child %d after %d", after, before)
		}
	}
	if took[len(took)-1] > soon {
		t.Errorf("greeted after %v, want %v at most", took, soon)
	}
}

// greeted connects, reads a greeting, and ends the dialogue.
func greeted(port int, want string) error {
	conn, err := net.DialTimeout("tcp", fmt.Sprintf("%s:%d", publicIP, port), patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	buf := make([]byte, 1000)
	n, err := conn.Read(buf)
	if err != nil || !strings.HasPrefix(string(buf[:n]), want) {
		return fmt.Errorf("greeting %q, %w", buf[:n], err)
	}
	if _, err := io.WriteString(conn, "QUIT\r\n"); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, conn)
	return err
}

// planted asserts that a restart changes nothing about files from elsewhere that the child's user has put into its data.
func (in *installation) planted(t *testing.T) {
	before := stat(t, "/etc/shadow")
	soft, hard := filepath.Join(in.dir, "data/soft"), filepath.Join(in.dir, "data/hard")
	// /etc may be another file system: a file of root beside the installation stands for one that can be linked.
	secret := filepath.Join(filepath.Dir(in.dir), "shadow")
	if err := errors.Join(os.WriteFile(secret, []byte("secret"), 0o600), os.Symlink("/etc/shadow", soft)); err != nil {
		t.Fatal(err)
	}
	if err := os.Link("/etc/shadow", hard); err != nil && os.Link(secret, hard) != nil {
		t.Fatal(err)
	}
	in.mox("restart")
	if after := stat(t, "/etc/shadow"); after.Uid != before.Uid || after.Gid != before.Gid || after.Mode != before.Mode {
		t.Errorf("/etc/shadow changed from %v to %v", before, after)
	}
	if s := stat(t, secret); s.Uid != 0 || s.Mode&0o777 != 0o600 {
		t.Errorf("the linked file belongs to %d now, mode %o", s.Uid, s.Mode)
	}
	if s := stat(t, soft); s.Uid != 0 {
		t.Errorf("the link belongs to %d now", s.Uid)
	}
	if err := errors.Join(os.Remove(soft), os.Remove(hard)); err != nil {
		t.Error(err)
	}
}

func stat(t *testing.T, path string) syscall.Stat_t {
	t.Helper()
	var st syscall.Stat_t
	if err := syscall.Lstat(path, &st); err != nil {
		t.Fatal(err)
	}
	return st
}

// restart asserts that under 50 connections a second nobody is refused, reset or left without a greeting.
func (in *installation) restart(t *testing.T) {
	// Those who wait while a slow machine restarts come all at once.
	defer in.configure(t, func(conf string) string {
		return strings.Replace(conf, "\tpublic:\n", "\tpublic:\n\t\tLimits:\n\t\t\tConnectionsPerIP: -1\n\t\t\tConnectionsPerNetwork: -1\n\t\t\tConnectsPerMinutePerIP: -1\n\t\t\tConnectsPerMinutePerNetwork: -1\n", 1)
	})()
	parent, child := in.cmd.Process.Pid, in.child()
	stop := make(chan struct{})
	var mu sync.Mutex
	var failed []error
	var made atomic.Int64
	var all sync.WaitGroup
	all.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			made.Add(1)
			all.Go(func() {
				if err := greeted(25, "220 "); err != nil {
					mu.Lock()
					failed = append(failed, err)
					mu.Unlock()
				}
			})
		}
	})
	for made.Load() < 200 {
		in.mox("restart")
	}
	close(stop)
	all.Wait()
	if len(failed) > 0 {
		t.Errorf("%d of %d connections failed, e.g. %v", len(failed), made.Load(), failed[0])
	}
	if now := in.child(); now == child {
		t.Error("the same child serves")
	}
	if err := syscall.Kill(parent, 0); err != nil {
		t.Errorf("parent: %v", err)
	}
}

// binary asserts that root does not start a program that others can replace.
func (in *installation) binary(t *testing.T) {
	if err := os.Chown(in.exe, userID, userID); err != nil {
		t.Fatal(err)
	}
	child := in.child()
	out, err := in.command("restart").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "chown root") {
		t.Errorf("%v: %s", err, out)
	}
	if in.child() != child {
		t.Error("the child was replaced")
	}
	if err := os.Chown(in.exe, 0, 0); err != nil {
		t.Fatal(err)
	}
	in.mox("restart")
}

// broken asserts that a program that does not run, or a configuration that cannot be served, replaces nothing.
func (in *installation) broken(t *testing.T) {
	conf := filepath.Join(in.dir, "config/mox.conf")
	good, err := os.ReadFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	other, err := net.Listen("tcp4", publicIP+":2525")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	exe, err := os.ReadFile(in.exe)
	if err != nil {
		t.Fatal(err)
	}
	// As install(1) does, with a new file.
	put := func(path string, data []byte, mode os.FileMode) {
		t.Helper()
		if err := errors.Join(os.WriteFile(path+".new", data, mode), os.Rename(path+".new", path)); err != nil {
			t.Fatal(err)
		}
	}
	tool := in.exe + "-good"
	put(tool, exe, 0o755)
	child := in.child()
	for _, tt := range []struct {
		name, path string
		data       []byte
		mode       os.FileMode
		want       string
	}{
		{"cut binary", in.exe, exe[:len(exe)/2], 0o755, "does not run"},
		{"binary that fails", in.exe, []byte("#!/bin/sh\nexit 3\n"), 0o755, "does not run"},
		{"binary that is not executable", in.exe, exe, 0o644, "does not run"},
		{"unknown user", conf, []byte("User: nosuchuser\n" + withoutLine(good, "User:")), 0o640, "nosuchuser"},
		{"port in use", conf, []byte(strings.Replace(string(good), "SMTP:\n", "SMTP:\n\t\t\tPort: 2525\n", 1)), 0o640, "in use"},
		{"no configuration", conf, []byte("DataDir: ../data\nnonsense\n"), 0o640, "mox.conf"},
	} {
		put(tt.path, tt.data, tt.mode)
		cmd := in.command("--config", conf, "restart")
		cmd.Path = tool
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), tt.want) {
			t.Errorf("%s: %v: %s; want %q", tt.name, err, out, tt.want)
		}
		put(conf, good, 0o640)
		put(in.exe, exe, 0o755)
		if in.child() != child {
			t.Fatalf("%s: the child was replaced", tt.name)
		}
	}
	if err := greeted(25, "220 "); err != nil {
		t.Error(err)
	}
	in.mox("restart")
}

// withoutLine returns a text without the lines that begin in a way.
func withoutLine(text []byte, prefix string) string {
	var b strings.Builder
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, prefix) {
			b.WriteString(line)
		}
	}
	return b.String()
}

// configure restarts with a changed mox.conf, and returns what does so with the one before.
func (in *installation) configure(t *testing.T, change func(string) string) (back func()) {
	t.Helper()
	path := filepath.Join(in.dir, "config/mox.conf")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := change(string(before))
	if changed == string(before) {
		t.Fatalf("nothing to change in %s", before)
	}
	restart := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		in.mox("restart")
	}
	restart(changed)
	return func() { restart(string(before)) }
}

// ports asserts that a restart goes from single addresses to all addresses of a port, and back.
func (in *installation) ports(t *testing.T) {
	served := func() {
		if err := greeted(25, "220 "); err != nil {
			t.Error(err)
		}
		conn, err := net.DialTimeout("tcp6", "["+publicIP6+"]:25", patience)
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
	back := in.configure(t, strings.NewReplacer("- "+publicIP+"\n", "- 0.0.0.0\n", "- "+publicIP6+"\n", "- ::\n").Replace)
	served()
	back()
	served()
}

// signals asserts that reloads at any moment of restarts end nothing.
func (in *installation) signals(t *testing.T) {
	stop := make(chan struct{})
	var storm sync.WaitGroup
	storm.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				in.cmd.Process.Signal(syscall.SIGHUP)
			}
		}
	})
	for range 10 {
		in.mox("restart")
	}
	close(stop)
	storm.Wait()
	if err := greeted(25, "220 "); err != nil {
		t.Error(err)
	}
}

// descriptors asserts that restarts leave no descriptors behind, and the child has none that is root's to write.
func (in *installation) descriptors(t *testing.T) {
	count := func() int {
		l, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", in.cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		return len(l)
	}
	in.mox("restart")
	before := count()
	for range 20 {
		in.mox("restart")
	}
	// Go collects garbage after two minutes without, and closes files that were forgotten: this ends before.
	within(t, time.Minute, "the parent has closed what it does not need", func() error {
		if after := count(); after > before+2 { // A request of the moment.
			return fmt.Errorf("it has %d descriptors, and had %d", after, before)
		}
		return nil
	})
	dir := fmt.Sprintf("/proc/%d/fd", in.child())
	l, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range l {
		to, err := os.Readlink(filepath.Join(dir, e.Name()))
		if err != nil {
			continue // Closed meanwhile.
		}
		data := filepath.Join(in.dir, "data")
		if strings.HasPrefix(to, "/") && !strings.HasPrefix(to, data) && !strings.HasPrefix(to, "/dev/null") && !strings.HasPrefix(to, "/proc/") && !strings.HasPrefix(to, "/sys/") {
			t.Errorf("the child has %s open", to)
		}
	}
}

// commands asserts that commands work as the user of the server, who cannot read the keys of root, with a server and without one,
// and that nobody else can use them.
func (in *installation) commands(t *testing.T) {
	as := func(uid uint32, args ...string) (string, error) {
		cmd := in.command(args...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		cmd.Stdin = strings.NewReader("another password\n")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	all := func() {
		for _, args := range [][]string{{"queue", "list"}, {"config", "account", "list"}, {"setaccountpassword", "you"}, {"verifydata"}} {
			if out, err := as(userID, args...); err != nil {
				t.Errorf("mox %s: %v: %s", strings.Join(args, " "), err, out)
			}
			if out, err := as(userID+1, args...); err == nil {
				t.Errorf("mox %s as another user: %s", strings.Join(args, " "), out)
			}
		}
	}
	all()
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", in.child()))
	if err != nil || strings.Contains(string(environ), inside) {
		t.Errorf("the child has the environment of root: %v, %q", err, environ)
	}
	in.mox("stop")
	if err := in.cmd.Wait(); err != nil {
		t.Error(err)
	}
	all()
	in.cmd = in.command("serve")
	in.cmd.Stdout, in.cmd.Stderr = &in.log, &in.log
	if err := in.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the server serves again", func() error { return greeted(25, "220 ") })
}
