package install

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// nameserver is an nsd with a signed zone of the domain and one for reverse DNS, and an unbound that validates.
type nameserver struct {
	t    *testing.T
	dir  string
	keys []string // Names of the files with the keys of the zone.
	nsd  *exec.Cmd
}

const authoritative = "127.0.0.1@5301"

// zoneHead begins each version of the zone. Nothing is cached for long.
const zoneHead = `$ORIGIN %[1]s.
$TTL 1
@ SOA ns.%[1]s. hostmaster.%[1]s. %[2]d 3600 600 86400 1
@ NS ns.%[1]s.
ns A 127.0.0.1
`

func startNameserver(t *testing.T) *nameserver {
	t.Helper()
	n := &nameserver{t: t, dir: t.TempDir()}
	if err := os.Chmod(n.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"-a", "ECDSAP256SHA256", "-k", domain}, {"-a", "ECDSAP256SHA256", domain}} {
		n.keys = append(n.keys, strings.TrimSpace(n.run("ldns-keygen", args...)))
	}
	n.write("reverse.zone", fmt.Sprintf(zoneHead, "113.0.203.in-addr.arpa", 1)+"10 PTR "+hostname+".\n")
	n.write("reverse6.zone", fmt.Sprintf(zoneHead, "8.b.d.0.1.0.0.2.ip6.arpa", 1)+"0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0 PTR "+hostname+".\n")
	n.sign("")
	n.write("nsd.conf", fmt.Sprintf(`server:
	ip-address: %[1]s
	server-count: 1
	username: ""
	chroot: ""
	database: ""
	zonesdir: %[2]q
	pidfile: "%[2]s/nsd.pid"
	xfrdfile: "%[2]s/xfrd.state"
	xfrdir: %[2]q
	zonelistfile: "%[2]s/zone.list"
	rrl-ratelimit: 0
	rrl-whitelist-ratelimit: 0
remote-control:
	control-enable: no
zone:
	name: %[3]q
	zonefile: "zone.signed"
zone:
	name: "113.0.203.in-addr.arpa"
	zonefile: "reverse.zone"
zone:
	name: "8.b.d.0.1.0.0.2.ip6.arpa"
	zonefile: "reverse6.zone"
`, authoritative, n.dir, domain))
	n.write("unbound.conf", fmt.Sprintf(`server:
	interface: 127.0.0.1@53
	do-not-query-localhost: no
	username: ""
	chroot: ""
	directory: %[1]q
	pidfile: "%[1]s/unbound.pid"
	use-syslog: no
	num-threads: 1
	module-config: "validator iterator"
	trust-anchor-file: "%[1]s/%[2]s.key"
	cache-max-ttl: 0
	cache-max-negative-ttl: 0
	infra-keep-probing: yes
	aggressive-nsec: no
	local-zone: "sender.test." static
	local-zone: "org." static
	local-zone: "%[3]s." transparent
	local-zone: "113.0.203.in-addr.arpa." nodefault
	local-zone: "8.b.d.0.1.0.0.2.ip6.arpa." nodefault
remote-control:
	control-enable: no
stub-zone:
	name: %[3]q
	stub-addr: %[4]s
stub-zone:
	name: "113.0.203.in-addr.arpa"
	stub-addr: %[4]s
stub-zone:
	name: "8.b.d.0.1.0.0.2.ip6.arpa"
	stub-addr: %[4]s
`, n.dir, n.keys[0], domain, authoritative))
	n.nsd = n.start("/usr/sbin/nsd", "-d", "-c", filepath.Join(n.dir, "nsd.conf"))
	n.start("/usr/sbin/unbound", "-d", "-c", filepath.Join(n.dir, "unbound.conf"))
	n.waitAnswer()
	return n
}

// publish has the zone hold records, as a zone file has them, and no others.
func (n *nameserver) publish(records string) {
	n.t.Helper()
	n.sign(records)
	if err := n.nsd.Process.Signal(syscall.SIGHUP); err != nil {
		n.t.Fatal(err)
	}
	n.waitAnswer()
}

// sign writes the signed zone. Its serial number says which version is served.
func (n *nameserver) sign(records string) {
	n.t.Helper()
	n.write("zone", fmt.Sprintf(zoneHead, domain, serial(records))+records+"\n")
	n.run("ldns-signzone", append([]string{"-o", domain, "-f", "zone.signed", "zone"}, n.keys...)...)
	n.write("serial", fmt.Sprint(serial(records)))
}

// serial tells versions of the zone apart.
func serial(records string) uint32 {
	h := uint32(2166136261)
	for _, c := range []byte(records) {
		h = (h ^ uint32(c)) * 16777619
	}
	return h>>1 | 1
}

// waitAnswer waits until the present version of the zone is served.
func (n *nameserver) waitAnswer() {
	n.t.Helper()
	want, err := os.ReadFile(filepath.Join(n.dir, "serial"))
	if err != nil {
		n.t.Fatal(err)
	}
	eventually(n.t, "the zone is served", func() error {
		out, err := exec.Command("drill", "-D", "@127.0.0.1", domain, "SOA").CombinedOutput()
		if err == nil && (!strings.Contains(string(out), " "+string(want)+" ") || !strings.Contains(string(out), "; flags: qr rd ra ad")) {
			err = fmt.Errorf("not serial %s, or not authenticated:\n%s", want, out)
		}
		return err
	})
}

func (n *nameserver) write(name, content string) {
	n.t.Helper()
	if err := os.WriteFile(filepath.Join(n.dir, name), []byte(content), 0o644); err != nil {
		n.t.Fatal(err)
	}
}

func (n *nameserver) run(program string, args ...string) string {
	n.t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = n.dir
	out, err := cmd.Output()
	if err != nil {
		n.t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// start starts a server until the end of the test.
func (n *nameserver) start(program string, args ...string) *exec.Cmd {
	n.t.Helper()
	log, err := os.Create(filepath.Join(n.dir, filepath.Base(program)+".log"))
	if err != nil {
		n.t.Fatal(err)
	}
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		n.t.Fatalf("starting %s: %v", program, err)
	}
	n.t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			n.t.Errorf("stopping %s: %v", program, err)
		}
		_ = cmd.Wait() // It ends by the signal.
		log.Close()
		if n.t.Failed() {
			said, _ := os.ReadFile(log.Name())
			n.t.Logf("%s:\n%s", program, said)
		}
	})
	return cmd
}

// patience is how long anything may take before a test fails that hangs. Machines stall, and disks are slow to sync.
const patience = 5 * time.Minute

// eventually waits until something works.
func eventually(t *testing.T, what string, works func() error) {
	t.Helper()
	within(t, patience, what, works)
}

// within is eventually with a time of its own.
func within(t *testing.T, d time.Duration, what string, works func() error) {
	t.Helper()
	deadline := time.Now().Add(d)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		err := works()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v: %v", what, d, err)
		}
	}
}
