package install

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"mox/test/pebble"
)

const address = "you@" + domain

// installation is mox as quickstart sets it up.
type installation struct {
	t        *testing.T
	dir      string
	exe      string
	ns       *nameserver
	roots    *x509.CertPool
	records  string // As quickstart printed them.
	password string // Of the account.

	cmd *exec.Cmd
	log output
}

// output is what a program writes while a test reads.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// install builds mox, runs quickstart, publishes the records that it prints, and starts the server.
func install(t *testing.T) *installation {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "install")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	in := &installation{t: t, dir: filepath.Join(dir, "mox"), exe: filepath.Join(dir, "bin", "mox")}
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", in.exe, "mox").CombinedOutput(); err != nil {
		t.Fatalf("building mox: %v\n%s", err, out)
	}
	if err := os.Mkdir(in.dir, 0o755); err != nil {
		t.Fatal(err)
	}

	in.ns = startNameserver(t)
	// Reverse DNS and the name of a machine are there before a mail server is.
	in.ns.publish("mail A " + publicIP + "\nmail AAAA " + publicIP6 + "\n")
	ca := pebble.StartAsking(t, "127.0.0.1", "127.0.0.1:53", map[string]any{"httpPort": 80, "tlsPort": 443})
	in.trust(ca)

	said := in.mox("quickstart", "--hostname", hostname, "--skipdial", "--acme-directory", ca.DirectoryURL(), "--acme-issuer", "pebble.example", address, userName)
	in.records = between(t, said, "DNS records to have\n===================\n", "\nWhat comes next\n")
	in.password = regexp.MustCompile(regexp.QuoteMeta(address) + `: (\S+)`).FindStringSubmatch(said)[1]
	in.ns.publish(in.records)
	in.start()
	return in
}

// trust has the machine trust the CA, for connections to it and for certificates that it issues.
func (in *installation) trust(ca *pebble.Server) {
	in.t.Helper()
	f, err := os.OpenFile("/etc/ssl/certs/ca-certificates.crt", os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		in.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(append(ca.Certificate(), ca.IssuersPEM()...)); err != nil {
		in.t.Fatal(err)
	}
	in.roots = ca.Issuers()
}

// between returns the part of a text between two others.
func between(t *testing.T, text, from, to string) string {
	t.Helper()
	_, rest, ok1 := strings.Cut(text, from)
	part, _, ok2 := strings.Cut(rest, to)
	if !ok1 || !ok2 {
		t.Fatalf("nothing between %q and %q in:\n%s", from, to, text)
	}
	return part
}

// command returns a command of mox, as root in the directory of the installation.
func (in *installation) command(args ...string) *exec.Cmd {
	cmd := exec.Command(in.exe, args...)
	cmd.Dir = in.dir
	return cmd
}

// mox runs a command and returns its output.
func (in *installation) mox(args ...string) string {
	in.t.Helper()
	out, err := in.command(args...).CombinedOutput()
	if err != nil {
		in.t.Fatalf("mox %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// start starts the server, and returns when it has certificates.
func (in *installation) start() {
	in.t.Helper()
	in.cmd = in.command("serve")
	in.cmd.Stdout, in.cmd.Stderr = &in.log, &in.log
	if err := in.cmd.Start(); err != nil {
		in.t.Fatal(err)
	}
	in.t.Cleanup(func() {
		if err := in.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			in.t.Errorf("stopping mox: %v", err)
		}
		if err := in.cmd.Wait(); err != nil {
			in.t.Errorf("mox ended with %v", err)
		}
		if in.t.Failed() {
			in.t.Logf("mox:\n%s", in.log.String())
		}
	})
	for _, at := range []string{"mail:465", "mail:443", "mta-sts:443", "autoconfig:443"} {
		name, port, _ := strings.Cut(at, ":")
		eventually(in.t, at+" has a certificate", func() error {
			conn, err := tls.Dial("tcp", publicIP+":"+port, in.tls(name+"."+domain))
			if err != nil {
				return err
			}
			return conn.Close()
		})
	}
}

// tls returns the configuration of a client that verifies a name.
func (in *installation) tls(name string) *tls.Config {
	return &tls.Config{ServerName: name, RootCAs: in.roots}
}

// child returns the process that serves.
func (in *installation) child() int {
	in.t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%[1]d/task/%[1]d/children", in.cmd.Process.Pid))
	if err != nil {
		in.t.Fatal(err)
	}
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", in.cmd.Process.Pid))
	if err != nil {
		in.t.Fatal(err)
	}
	for _, task := range tasks {
		more, _ := os.ReadFile(task) // Threads come and go.
		data = append(append(data, ' '), more...)
	}
	for _, field := range strings.Fields(string(data)) {
		var pid int
		if _, err := fmt.Sscan(field, &pid); err == nil {
			return pid
		}
	}
	return 0
}
