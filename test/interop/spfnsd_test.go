package interop

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mox/dns"
)

// nsdPort is where an nsd listens, on an address of its own.
const nsdPort = "5300"

// startNSD starts an nsd that is authoritative for the root, with the records of a zone file,
// and that fails to answer for names below broken. It returns its IP address.
func startNSD(t *testing.T, zone string, broken ...string) string {
	t.Helper()
	ip, dir := nextIP(), t.TempDir()
	writeFile(t, dir, "root.zone", `$ORIGIN .
$TTL 60
@ SOA ns.nsd.test. root.nsd.test. 1 3600 600 86400 60
@ NS ns.nsd.test.
ns.nsd.test. A `+ip+"\n"+zone)
	var conf strings.Builder
	fmt.Fprintf(&conf, `server:
	ip-address: %[1]s@%[2]s
	server-count: 1
	username: ""
	chroot: ""
	database: ""
	zonesdir: %[3]q
	pidfile: "%[3]s/nsd.pid"
	xfrdfile: "%[3]s/xfrd.state"
	xfrdir: %[3]q
	zonelistfile: "%[3]s/zone.list"
	rrl-ratelimit: 0
	rrl-whitelist-ratelimit: 0
remote-control:
	control-enable: no
zone:
	name: "."
	zonefile: root.zone
`, ip, nsdPort, dir)
	for _, name := range broken {
		// A zone without its file is answered with SERVFAIL.
		fmt.Fprintf(&conf, "zone:\n\tname: %q\n\tzonefile: missing.zone\n", name)
	}
	path := writeFile(t, dir, "nsd.conf", conf.String())

	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/usr/sbin/nsd", "-d", "-c", path)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting nsd: %v", err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Errorf("interrupting nsd: %v", err)
		}
		_ = cmd.Wait() // It ends by the signal.
		log.Close()
		if t.Failed() {
			said, _ := os.ReadFile(log.Name())
			t.Logf("nsd:\n%s", said)
		}
	})
	waitListening(t, net.JoinHostPort(ip, nsdPort))
	return ip
}

// nsdResolver returns a resolver of mox that asks an nsd.
func nsdResolver(ip string) dns.Resolver {
	dialer := net.Dialer{Timeout: patience}
	return dns.NewStrictResolver(dns.StrictOptions{
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, net.JoinHostPort(ip, nsdPort))
		},
	})
}
