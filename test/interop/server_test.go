package interop

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Credentials of the account that localserve makes.
const (
	user     = "mox@localhost"
	password = "moxmoxmox"
)

// patience is how long anything may take before a test fails that hangs. Machines stall, and disks are slow to sync.
const patience = 5 * time.Minute

// moxBinary is the program under test, built once.
var moxBinary string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "mox-interop-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	moxBinary = filepath.Join(dir, "mox")
	if out, err := exec.Command("go", "build", "-o", moxBinary, "mox").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building mox: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// server is a running localserve.
type server struct {
	t   *testing.T
	ip  string
	dir string
	cmd *exec.Cmd
	out syncBuffer

	ended chan struct{} // Closed when the program has ended.
	err   error         // How it ended. Set before.
}

// syncBuffer is a buffer that a program writes to while a test reads.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

var lastIP atomic.Uint32

// nextIP returns a loopback address of its own for each server, so that they can all have the usual
// ports.
func nextIP() string {
	n := lastIP.Add(1)
	return fmt.Sprintf("127.%d.%d.%d", 10+os.Getpid()%200, n>>8, n&255)
}

// startServer starts a localserve that ends with the test.
func startServer(t *testing.T) *server {
	t.Helper()
	return startConfigured(t, nil)
}

// startConfigured is startServer with changes to what localserve sets up in its directory.
func startConfigured(t *testing.T, change func(dir string)) *server {
	t.Helper()
	s := &server{t: t, ip: nextIP(), dir: t.TempDir()}
	if change != nil {
		command(t, moxBinary, "localserve", "--dir", s.dir, "--ip", s.ip, "--initonly")
		change(s.dir)
	}
	s.run(exec.Command(moxBinary, "localserve", "--dir", s.dir, "--ip", s.ip))
	t.Cleanup(s.stop)
	s.waitServing()
	return s
}

// run starts the program.
func (s *server) run(cmd *exec.Cmd) {
	s.t.Helper()
	s.cmd, s.ended = cmd, make(chan struct{})
	cmd.Stdout, cmd.Stderr = &s.out, &s.out
	if err := cmd.Start(); err != nil {
		s.t.Fatalf("starting localserve: %v", err)
	}
	go func() {
		s.err = cmd.Wait()
		close(s.ended)
	}()
}

// waitServing waits until the server says that it serves: all its ports, and commands.
func (s *server) waitServing() {
	s.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(patience); !strings.Contains(s.out.String(), "\nCtrl-C"); {
		select {
		case <-tick.C:
		case <-s.ended:
			s.t.Fatalf("localserve ended with %v:\n%s", s.err, s.out.String())
		case <-end:
			s.t.Fatalf("localserve does not serve:\n%s", s.out.String())
		}
	}
}

func (s *server) stop() {
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		s.t.Errorf("interrupting localserve: %v", err)
	}
	defer time.AfterFunc(patience, func() { s.cmd.Process.Kill() }).Stop()
	if <-s.ended; s.err != nil {
		s.t.Errorf("localserve ended with %v", s.err)
	}
	if s.t.Failed() {
		s.t.Logf("localserve:\n%s", s.out.String())
		return
	}
	out, err := exec.Command(moxBinary, "verifydata", filepath.Join(s.dir, "data")).CombinedOutput()
	if err != nil {
		s.t.Errorf("verifydata: %v\n%s", err, out)
	}
}

// waitListening waits until somebody accepts connections on an address.
func waitListening(t *testing.T, addr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		nc, err := (&net.Dialer{Timeout: patience}).DialContext(ctx, "tcp", addr)
		if err == nil {
			nc.Close()
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s is not served: %v", addr, err)
		case <-tick.C:
		}
	}
}

// certificate is the file with the certificate of localserve, which can be trusted by itself.
func (s *server) certificate() string { return filepath.Join(s.dir, "localhost.crt.pem") }

func (s *server) addr(port int) string { return fmt.Sprintf("%s:%d", s.ip, port) }

// tryCommand runs a program and returns what it prints.
func tryCommand(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	return string(out), err
}

// command is tryCommand for a program that must end well.
func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := tryCommand(t, name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

// insertAfter inserts text into a file, after the line that is given.
func insertAfter(t *testing.T, path, line, text string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, after, ok := strings.Cut(string(b), "\n"+line+"\n")
	if !ok {
		t.Fatalf("%s has no line %q", path, line)
	}
	writeFile(t, filepath.Dir(path), filepath.Base(path), before+"\n"+line+"\n"+text+after)
}

// writeFile writes a file in a directory of the test.
func writeFile(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
