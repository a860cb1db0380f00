//go:build unix

package supervise_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mox/internal/supervise"
)

// behaviour is the environment variable that makes this program a child, and says what it does.
const behaviour = "SUPERVISE_TEST_CHILD"

// parentOf is the environment variable that makes this program a parent, and names a directory for the note of its child.
const parentOf = "SUPERVISE_TEST_PARENT"

// lonelyParent runs a child until it is killed. It prints the address.
func lonelyParent(dir string) int {
	s, err := supervise.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 1
	}
	l, err := s.Listener()
	if err != nil {
		return 1
	}
	os.Unsetenv(parentOf)
	supervise.Run(context.Background(), supervise.Options{
		Executable: os.Args[0],
		Env:        append(os.Environ(), behaviour+"="+filepath.Join(dir, "note")),
		Sockets:    supervise.Sockets{s},
		Ready:      func(int) { fmt.Println(l.Addr()) },
		Log:        slog.New(slog.DiscardHandler),
	})
	return 1
}

func TestMain(m *testing.M) {
	if dir := os.Getenv(parentOf); dir != "" {
		os.Exit(lonelyParent(dir))
	}
	if what := os.Getenv(behaviour); what != "" {
		if err := child(what); err != nil {
			fmt.Fprintln(os.Stderr, "child:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child answers each connection with a line: its pid, and what its parent said. What it reads is a command.
func child(what string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	sockets, err := supervise.Inherited()
	if err != nil {
		return err
	}
	c, err := supervise.Connect()
	if err != nil || c == nil {
		return fmt.Errorf("no parent: %v", err)
	}
	if os.Getenv("MOX_SOCKETS") != "" || os.Getenv("MOX_CHANNEL") != "" {
		return errors.New("the environment still tells of descriptors")
	}
	if what == "fail" {
		return errors.New("as told")
	}
	l, err := sockets[0].Listener()
	if err != nil {
		return err
	}
	if err := c.Ready(ctx); err != nil {
		return err
	}
	go func() {
		select {
		case <-ctx.Done():
		case <-c.Gone():
			os.WriteFile(what, []byte("gone"), 0o600)
		}
		l.Close()
	}()
	for {
		conn, err := l.Accept()
		if err != nil {
			return nil
		}
		line, _ := bufio.NewReader(conn).ReadString('\n')
		answer := ""
		switch strings.TrimSpace(line) {
		case "crash":
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
		case "files":
			files, err := c.Files(ctx)
			answer = fmt.Sprintf("%s %v", files["/some/key"], err)
		case "restart":
			err := c.Restart(ctx)
			answer = fmt.Sprint(err)
			if err == nil {
				l.Close()
			}
		case "linger":
			signal.Ignore(syscall.SIGTERM)
			for c.Restart(context.Background()) == nil {
				time.Sleep(100 * time.Millisecond)
			}
		case "hangup":
			<-hangup
			answer = "hung up"
		}
		fmt.Fprintf(conn, "%d %s\n", os.Getpid(), answer)
		conn.Close()
	}
}

// parent is a Run in the background.
type parent struct {
	t       *testing.T
	opts    supervise.Options
	address string
	cancel  context.CancelFunc
	ended   chan result
	log     atomic.Pointer[chan struct{}] // Told of each line.
}

// Write is told of a line of the log.
func (p *parent) Write(b []byte) (int, error) {
	if c := p.log.Load(); c != nil {
		*c <- struct{}{}
	}
	return len(b), nil
}

type result struct {
	outcome supervise.Outcome
	err     error
}

func start(t *testing.T, change func(*supervise.Options)) *parent {
	t.Helper()
	s, err := supervise.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.File.Close() })
	l, err := s.Listener()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := &parent{t: t, address: l.Addr().String(), ended: make(chan result, 1)}
	p.opts = supervise.Options{
		Executable:  os.Args[0],
		Env:         append(os.Environ(), behaviour+"="+filepath.Join(t.TempDir(), "note")),
		Sockets:     supervise.Sockets{s},
		Files:       func() (map[string][]byte, error) { return map[string][]byte{"/some/key": []byte("secret")}, nil },
		Restartable: func() error { return nil },
		Log:         slog.New(slog.NewTextHandler(p, nil)),
	}
	if change != nil {
		change(&p.opts)
	}
	ctx, cancel := context.WithCancel(t.Context())
	p.cancel = cancel
	done := make(chan struct{})
	go func() {
		defer close(done)
		outcome, err := supervise.Run(ctx, p.opts)
		p.ended <- result{outcome, err}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return p
}

// say sends a command to the child, and returns its pid and answer.
func (p *parent) say(command string) (pid int, answer string) {
	p.t.Helper()
	conn, err := net.Dial("tcp4", p.address)
	if err != nil {
		p.t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprintln(conn, command)
	line, err := io.ReadAll(conn)
	number, answer, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
	pid, _ = strconv.Atoi(number)
	if pid == 0 && command != "crash" {
		p.t.Fatalf("answer %q, %v", line, err)
	}
	return pid, answer
}

func (p *parent) wantEnd(want supervise.Outcome) error {
	p.t.Helper()
	r := <-p.ended
	if r.outcome != want {
		p.t.Errorf("outcome %v, %v, want %v", r.outcome, r.err, want)
	}
	return r.err
}

func TestCrashedChildIsReplaced(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	first, _ := p.say("hello")
	for range 3 {
		p.say("crash")
		// This connection waits in the backlog while nobody is there to accept it.
		next, _ := p.say("hello")
		if next == first {
			t.Errorf("process %d again", next)
		}
		first = next
	}
	p.cancel()
	if err := p.wantEnd(supervise.Stopped); err != nil {
		t.Error(err)
	}
}

func TestFirstChildFails(t *testing.T) {
	t.Parallel()
	p := start(t, func(o *supervise.Options) { o.Env = append(os.Environ(), behaviour+"=fail") })
	if err := p.wantEnd(supervise.Stopped); err == nil {
		t.Error("no error")
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	if _, answer := p.say("files"); answer != "secret <nil>" {
		t.Errorf("answer %q", answer)
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	p := start(t, func(o *supervise.Options) {
		o.Files = func() (map[string][]byte, error) { return nil, errors.New("no key there") }
	})
	if _, answer := p.say("files"); strings.TrimSpace(answer) != "no key there" {
		t.Errorf("answer %q", answer)
	}
	if _, answer := p.say("hello"); answer != "" {
		t.Errorf("answer %q", answer)
	}
}

func TestRestart(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	if _, answer := p.say("restart"); answer != "<nil>" {
		t.Errorf("answer %q", answer)
	}
	if err := p.wantEnd(supervise.Restart); err != nil {
		t.Error(err)
	}
	// The socket is still open, for what follows.
	conn, err := net.Dial("tcp4", p.address)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

func TestRestartRefused(t *testing.T) {
	t.Parallel()
	p := start(t, func(o *supervise.Options) { o.Restartable = func() error { return errors.New("binary of others") } })
	before, answer := p.say("restart")
	if answer != "binary of others" {
		t.Errorf("answer %q", answer)
	}
	if after, _ := p.say("hello"); after != before {
		t.Error("another child serves")
	}
}

func TestHangupReachesTheChild(t *testing.T) { // Not parallel: the signal is for the whole process.
	p := start(t, nil)
	p.say("hello")
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if _, answer := p.say("hangup"); answer != "hung up" {
		t.Errorf("answer %q", answer)
	}
}

func TestChildEndsWithItsParent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), parentOf+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(out)
	address, err := r.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	(&parent{t: t, address: strings.TrimSpace(address)}).say("hello")
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	// The child holds the other end of the pipe: it is gone when reading ends.
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Error(err)
	}
	cmd.Wait()
	if note, err := os.ReadFile(filepath.Join(dir, "note")); err != nil || string(note) != "gone" {
		t.Errorf("the child noted %q, %v", note, err)
	}
}

func TestChildIsConfined(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root has rights to take away; run as root")
	}
	const nobody = 65534
	p := start(t, func(o *supervise.Options) {
		// The test binary lies in a directory that only its owner may enter.
		data, err := os.ReadFile(os.Args[0])
		if err != nil {
			t.Fatal(err)
		}
		dir, err := os.MkdirTemp("", "supervise")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		o.Executable = filepath.Join(dir, "child")
		// A process that another test starts meanwhile would have the file open for writing for a moment, in which it
		// cannot be executed.
		syscall.ForkLock.RLock()
		err = errors.Join(os.Chmod(dir, 0o755), os.WriteFile(o.Executable, data, 0o755))
		syscall.ForkLock.RUnlock()
		if err != nil {
			t.Fatal(err)
		}
		o.Credential = &supervise.Credential{UID: nobody, GID: nobody}
	})
	pid, _ := p.say("hello")
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		got[name] = strings.Join(strings.Fields(value), " ")
	}
	const none = "0000000000000000"
	for name, want := range map[string]string{
		"Uid": "65534 65534 65534 65534", "Gid": "65534 65534 65534 65534", "Groups": "",
		"CapInh": none, "CapPrm": none, "CapEff": none, "CapBnd": none, "CapAmb": none, "NoNewPrivs": "1",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	// The parent keeps its own rights.
	ours, err := os.ReadFile("/proc/self/status")
	if err != nil || !strings.Contains(string(ours), "NoNewPrivs:\t0") {
		t.Errorf("parent: %v\n%s", err, ours)
	}
}

func TestChildThatCannotBeStartedForAWhile(t *testing.T) {
	t.Parallel()
	// As while a package is upgraded, another file stands in the place of the program.
	program := filepath.Join(t.TempDir(), "child")
	if err := os.Symlink(os.Args[0], program); err != nil {
		t.Fatal(err)
	}
	p := start(t, func(o *supervise.Options) { o.Executable = program })
	first, _ := p.say("hello")
	if err := os.Remove(program); err != nil {
		t.Fatal(err)
	}
	logged := make(chan struct{}, 100)
	p.log.Store(&logged)
	p.say("crash")
	<-logged // It died.
	<-logged // It could not be started.
	if err := os.Symlink(os.Args[0], program); err != nil {
		t.Fatal(err)
	}
	if next, _ := p.say("hello"); next == first {
		t.Errorf("process %d again", next)
	}
}

func TestFirstChildOfAReplacement(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := start(t, func(o *supervise.Options) {
		o.Replaces = true
		o.Executable = filepath.Join(dir, "child") // Not there yet.
	})
	logged := make(chan struct{}, 100)
	p.log.Store(&logged)
	<-logged
	if err := os.Symlink(os.Args[0], filepath.Join(dir, "child")); err != nil {
		t.Fatal(err)
	}
	p.say("hello")
}

func TestHangupBeforeTheChildIsReady(t *testing.T) { // Not parallel: the signal is for the whole process.
	gate := filepath.Join(t.TempDir(), "gate")
	if err := syscall.Mkfifo(gate, 0o600); err != nil {
		t.Fatal(err)
	}
	// A child that has not arranged for the signal yet is ended by it. It is started when the gate opens.
	p := start(t, func(o *supervise.Options) {
		o.Executable = "/bin/sh"
		o.Args = []string{"-c", `echo started >"$1"; read go <"$1"; exec "$0"`, os.Args[0], gate}
	})
	f, err := os.OpenFile(gate, os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(f).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	f.Close()
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, syscall.SIGHUP)
	defer signal.Stop(heard)
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	<-heard
	if err := os.WriteFile(gate, []byte("go\n"), 0); err != nil {
		t.Fatal(err)
	}
	if _, answer := p.say("hangup"); answer != "hung up" {
		t.Errorf("answer %q", answer)
	}
}

func TestChildThatAsksForMoreTime(t *testing.T) {
	t.Parallel()
	p := start(t, func(o *supervise.Options) { o.Patience = time.Second })
	pid, _ := p.say("hello")
	conn, err := net.Dial("tcp4", p.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintln(conn, "linger")
	if err := p.wantEnd(supervise.Restart); err != nil {
		t.Error(err)
	}
	if err := syscall.Kill(pid, 0); err == nil {
		t.Error("the child lives on")
	}
}

func TestChildHasNoTerminal(t *testing.T) {
	t.Parallel()
	pid, _ := start(t, nil).say("hello")
	if sid, err := unix.Getsid(pid); err != nil || sid != pid {
		t.Errorf("child %d is in session %d, %v, want one of its own", pid, sid, err)
	}
}

func TestProbe(t *testing.T) {
	t.Parallel()
	broken := filepath.Join(t.TempDir(), "broken")
	if err := os.WriteFile(broken, []byte("\x7fELF and no more"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := supervise.Probe(t.Context(), "/bin/sh", []string{"-c", "exit 0"}, nil, nil); err != nil {
		t.Error(err)
	}
	for _, command := range [][]string{{broken}, {"/bin/sh", "-c", "exit 3"}, {"/nonexistent"}} {
		if err := supervise.Probe(t.Context(), command[0], command[1:], nil, nil); err == nil {
			t.Errorf("%q is good", command)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := supervise.Probe(ctx, "/bin/sleep", []string{"3600"}, nil, nil); err == nil {
		t.Error("a program that does not end is good")
	}
}
