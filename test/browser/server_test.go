package browser

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// serverTimeout is for a server to start, to end, and to log something. It only ends what hangs.
const serverTimeout = 2 * time.Minute

// server is a running localserve.
type server struct {
	t   testing.TB
	ip  string
	dir string
	cmd *exec.Cmd
	env []string // More of it for the program.
	out syncBuffer
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
	return fmt.Sprintf("127.%d.%d.%d", 10+os.Getpid()%200, 100+n>>8, n&255)
}

// startServer starts a localserve that ends with the test. Listener is added to its listener in mox.conf, domains to
// domains.conf, in whose directory files are.
func startServer(t testing.TB, listener, domains string, files map[string][]byte) *server {
	t.Helper()
	return startServerWith(t, "", listener, domains, files)
}

// startServerWith is as startServer, with more in mox.conf beside its listener.
func startServerWith(t testing.TB, static, listener, domains string, files map[string][]byte) *server {
	t.Helper()
	s := &server{t: t, ip: nextIP(), dir: t.TempDir()}
	args := []string{"localserve", "--dir", s.dir, "--ip", s.ip}
	if out, err := exec.Command(moxBinary, append(args, "--initonly")...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	change(t, filepath.Join(s.dir, "mox.conf"), "\n\t\tSMTP:\n", "\n"+listener+"\t\tSMTP:\n")
	change(t, filepath.Join(s.dir, "mox.conf"), "", static)
	change(t, filepath.Join(s.dir, "domains.conf"), "", domains)
	writeFiles(t, s.dir, files)
	s.cmd = exec.Command(moxBinary, args...)
	s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.out
	if err := s.cmd.Start(); err != nil {
		t.Fatalf("starting localserve: %v", err)
	}
	t.Cleanup(s.stop)
	s.waitPort(1080)
	s.waitPort(1443)
	// Sockets listen before commands are heard: one that finds no server would do its work on the files alone.
	s.waitLog(t, "Ctrl-C stops")
	return s
}

// change replaces the one place of a file that has a text, or adds at its end.
func change(t testing.TB, path, old, new string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data) + new
	if old != "" {
		if n := strings.Count(string(data), old); n != 1 {
			t.Fatalf("%s has %q %d times", path, old, n)
		}
		text = strings.Replace(string(data), old, new, 1)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// writeFiles writes files, by their names below dir.
func writeFiles(t testing.TB, dir string, files map[string][]byte) {
	t.Helper()
	for name, data := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *server) stop() {
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		s.t.Errorf("interrupting localserve: %v", err)
	}
	kill := time.AfterFunc(serverTimeout, func() { s.cmd.Process.Kill() })
	defer kill.Stop()
	if err := s.cmd.Wait(); err != nil {
		s.t.Errorf("localserve ended with %v", err)
	}
	if s.t.Failed() {
		s.t.Logf("localserve, what it complains of and its end:\n%s", excerpt(s.out.String()))
	}
}

// alarm matches lines of a log of level warn and above, and the first one of a panic.
var alarm = regexp.MustCompile(`(?i)\blevel=(warn|error|fatal)|^fatal error:|\bpanic`)

// excerpt returns the last 40 lines of a log, and before them those that alarm matches: all of it would hide why a test has failed.
func excerpt(log string) string {
	const end = 40
	lines := slices.Collect(strings.Lines(log))
	from := max(0, len(lines)-end)
	kept := slices.DeleteFunc(lines[:from:from], func(l string) bool { return !alarm.MatchString(l) })
	return strings.Join(slices.Concat(kept, lines[from:]), "")
}

func (s *server) addr(port int) string { return fmt.Sprintf("%s:%d", s.ip, port) }

// waitPort waits until the server accepts connections.
func (s *server) waitPort(port int) {
	s.t.Helper()
	var err error
	for range until(s.t, serverTimeout) {
		var nc net.Conn
		if nc, err = net.DialTimeout("tcp", s.addr(port), time.Second); err == nil {
			nc.Close()
			return
		}
	}
	s.t.Fatalf("%s is not served: %v\n%s", s.addr(port), err, excerpt(s.out.String()))
}

// waitLog waits for a line of the log that has all the words.
func (s *server) waitLog(t testing.TB, words ...string) {
	t.Helper()
	missing := func(line string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) })
	}
	for range until(t, serverTimeout) {
		for line := range strings.Lines(s.out.String()) {
			if !missing(line) {
				return
			}
		}
	}
	t.Errorf("no line in the log has %q", words)
}

// until tries again and again for some time.
func until(t testing.TB, d time.Duration) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		ctx, cancel := context.WithTimeout(t.Context(), d)
		defer cancel()
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for i := 0; yield(i); i++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}
}

// certificate is one that nobody signed.
type certificate struct {
	cert, key []byte // In PEM.
	spki      string // The fingerprint of the key by which chromium can trust it.
}

func makeCertificate(t testing.TB, names ...string) certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		DNSNames:     names,
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(public)
	return certificate{
		cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}),
		key:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
		spki: base64.StdEncoding.EncodeToString(sum[:]),
	}
}
