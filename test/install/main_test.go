// Package install installs mox as a newcomer would, on a machine of its own: a network namespace with a public
// address, a DNS with a signed zone, a CA, and a service user. Only Linux has these, and only root can make them.
package install

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// Of the machine.
const (
	publicIP  = "203.0.113.10"
	publicIP6 = "2001:db8::10"
	hostname  = "mail.example.org"
	domain    = "example.org"
	userName  = "mox"
	userID    = 64111
)

// inside is the environment variable that tells this program that it runs on the machine.
const inside = "MOX_INSTALL_MACHINE"

func TestMain(m *testing.M) {
	if os.Geteuid() != 0 {
		fmt.Fprintln(os.Stderr, "these tests make a network namespace and run a server as root; run them as root")
		os.Exit(0)
	}
	if os.Getenv(inside) == "" {
		os.Exit(enter())
	}
	if err := furnish(); err != nil {
		fmt.Fprintln(os.Stderr, "making the machine:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// enter runs this program again in namespaces of its own, and returns its exit code.
func enter() int {
	// The signal at the end of the parent is for the end of its thread.
	runtime.LockOSThread()
	cmd := exec.Command("unshare", append([]string{"--net", "--mount", "--propagation", "private", os.Args[0]}, os.Args[1:]...)...)
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	} else if err != nil {
		fmt.Fprintln(os.Stderr, "unshare:", err)
		return 1
	}
	return 0
}

// furnish gives the machine its addresses, its user and its resolver.
func furnish() error {
	for _, args := range []string{
		"link set lo up",
		"link add mail0 type veth peer name peer0",
		"addr add " + publicIP + "/24 dev mail0",
		"addr add " + publicIP6 + "/64 dev mail0 nodad",
		"link set mail0 up",
		"link set peer0 up",
	} {
		if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %s: %w: %s", args, err, out)
		}
	}
	if err := ownEtc(); err != nil {
		return err
	}
	for path, line := range map[string]string{
		"/etc/passwd": fmt.Sprintf("%s:x:%d:%d::/:/usr/sbin/nologin\n", userName, userID, userID),
		"/etc/group":  fmt.Sprintf("%s:x:%d:\n", userName, userID),
	} {
		if err := addEntry(path, line); err != nil {
			return err
		}
	}
	const resolver = "/etc/resolv.conf"
	if err := os.Remove(resolver); err != nil && !errors.Is(err, fs.ErrNotExist) { // It may lead elsewhere.
		return err
	}
	return os.WriteFile(resolver, []byte("nameserver 127.0.0.1\noptions edns0 trust-ad timeout:20 attempts:3\n"), 0o644)
}

// ownEtc puts a copy of /etc in its place that only this machine sees. It is the whole directory: a copy that is mounted on a single
// file goes away when somebody elsewhere replaces that file.
func ownEtc() error {
	dir, err := os.MkdirTemp("", "machine")
	if err != nil {
		return err
	}
	defer os.Remove(dir)
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=755"); err != nil {
		return err
	}
	defer syscall.Unmount(dir, 0) // It stays at /etc.
	// What is replaced just then is copied by another try.
	var out []byte
	for range 10 {
		if out, err = exec.Command("cp", "-a", "/etc/.", dir).CombinedOutput(); err == nil {
			return syscall.Mount(dir, "/etc", "", syscall.MS_BIND, "")
		}
	}
	return fmt.Errorf("copying /etc: %w: %s", err, out)
}

// addEntry adds a line to a file, in place of others for the same name, such as for a user mox who is there already.
func addEntry(path, line string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var kept []byte
	name, _, _ := strings.Cut(line, ":")
	for l := range bytes.Lines(data) {
		if !bytes.HasPrefix(l, []byte(name+":")) {
			kept = append(kept, l...)
		}
	}
	return os.WriteFile(path, append(kept, line...), 0o644)
}
