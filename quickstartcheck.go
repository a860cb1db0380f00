package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"mox/dns"
	"mox/dnsbl"
	"mox/dnsrecords"
	"mox/internal/netguard"
)

// machine is what quickstart asks of the system and the network.
type machine struct {
	resolver   dns.Resolver
	dial       func(ctx context.Context, network, address string) (net.Conn, error)
	listen     func(network, address string) (net.Listener, error)
	interfaces func() ([]netip.Addr, error)
	hostname   func() (string, error)
	freeSpace  func(dir string) (bytes int64, err error) // May be nil.
	clock      func() (synchronized bool, err error)     // May be nil.
	checkUser  func(name string) error                   // An error says what to do.
	now        func() time.Time
	root       bool
	systemd    bool // It starts services.
}

// thisMachine is the real one.
func thisMachine(resolver dns.Resolver) machine {
	m := machine{
		resolver:   resolver,
		dial:       (&net.Dialer{}).DialContext,
		listen:     net.Listen,
		interfaces: interfaceIPs,
		hostname:   os.Hostname,
		checkUser:  checkServerUser,
		now:        time.Now,
		root:       os.Geteuid() == 0,
		systemd:    !missing("/run/systemd/system"),
	}
	m.addSystem()
	return m
}

// addresses are those of the machine.
type addresses struct {
	own    []netip.Addr // Of network interfaces, without loopback and link-local ones.
	listen []netip.Addr // To listen on for others.
	nat    []netip.Addr // Those that a router translates to these.
	public []netip.Addr // At which others reach the machine: nat, or listen.
}

const (
	lookupTimeout   = 10 * time.Second // For each group of lookups.
	mailPortTimeout = 10 * time.Second // For each connection to port 25.
	wantedSpace     = 2 << 30          // Bytes.
)

// findHostname takes the name of the machine.
func (q *quickstart) findHostname() {
	o := &q.opts
	if o.hostnameFlag != "" {
		q.hostname, _ = dns.ParseDomain(o.hostnameFlag) // It was checked.
		q.say(dnsrecords.OK, "hostname", q.hostname.Name()+", as given", "")
		return
	}
	name, err := q.machine.hostname()
	if err == nil {
		d, derr := dns.ParseDomain(strings.TrimSuffix(name, "."))
		if derr == nil && onInternet(d) {
			q.hostname = d
			q.say(dnsrecords.OK, "hostname", d.Name()+", as the system has it; --hostname gives another", "")
			return
		}
	}
	q.hostname, err = dns.ParseDomain("mail." + o.address.Domain.ASCII)
	if err != nil {
		q.hostname = o.address.Domain // The name would be too long.
	}
	q.say(dnsrecords.Advice, "hostname", fmt.Sprintf("the system has %q, which is not a full name; %s is taken", name, q.hostname.Name()), "give another with --hostname if it is to be another")
}

// onInternet tells whether a name can be one of public DNS.
func onInternet(d dns.Domain) bool {
	_, tld, ok := strings.Cut(d.ASCII, ".")
	if i := strings.LastIndexByte(tld, '.'); i >= 0 {
		tld = tld[i+1:]
	}
	return ok && !slices.Contains([]string{"local", "localdomain", "internal", "lan", "home", "localhost"}, tld)
}

// checkMachine looks at everything that does not depend on the configuration.
func (q *quickstart) checkMachine(ctx context.Context) {
	q.checkSystem()
	q.checkPorts()
	q.checkResolver(ctx)
	q.findIPs(ctx)
	q.checkIPs(ctx)
	q.checkOutgoing(ctx)
}

// checkSystem looks at user, disk and clock.
func (q *quickstart) checkSystem() {
	m, o := &q.machine, &q.opts
	if err := m.checkUser(o.user); err != nil {
		q.noUser = true
		q.say(dnsrecords.Problem, "user", err.Error(), "")
	} else {
		q.say(dnsrecords.OK, "user", "the server will run as "+o.user, "")
	}
	if !m.root {
		q.say(dnsrecords.Advice, "rights", "this is not run as root: files get your user as owner, and ports below 1024 may not be allowed", "run it as root, for a server that is started by the system")
	}
	q.checkDirectory()
	if m.freeSpace != nil {
		switch free, err := m.freeSpace(o.dir); {
		case err != nil:
			q.say(dnsrecords.Unknown, "disk", err.Error(), "see that there is space for mail")
		case free < wantedSpace:
			q.say(dnsrecords.Problem, "disk", fmt.Sprintf("only %d MB are free at %s", free>>20, o.dir), "make space, or use a directory on another disk; mail is refused when the disk is full")
		default:
			q.say(dnsrecords.OK, "disk", fmt.Sprintf("%d GB are free at %s", free>>30, o.dir), "")
		}
	}
	if m.clock != nil {
		switch synchronized, err := m.clock(); {
		case err != nil:
			q.say(dnsrecords.Unknown, "clock", err.Error(), "see that the time is right")
		case !synchronized:
			q.say(dnsrecords.Problem, "clock", fmt.Sprintf("it is not synchronized; it says %s. A wrong time makes certificates and signatures invalid", m.now().UTC().Format(time.DateTime+" MST")), "install chrony, or run: timedatectl set-ntp true")
		default:
			q.say(dnsrecords.OK, "clock", "it is synchronized", "")
		}
	}
}

// checkDirectory looks whether the user of the server gets to the directory.
func (q *quickstart) checkDirectory() {
	if !q.machine.root {
		return
	}
	for dir := filepath.Dir(q.opts.dir); ; dir = filepath.Dir(dir) {
		fi, err := os.Stat(dir)
		if err == nil && fi.Mode().Perm()&0o001 == 0 {
			q.say(dnsrecords.Problem, "directory", fmt.Sprintf("%s is closed to other users, so that the server, which runs as %s, cannot get to %s", dir, q.opts.user, q.opts.dir),
				"use a directory such as /srv/mox or /home/"+q.opts.user+", or run: chmod o+x "+dir)
			return
		}
		if dir == filepath.Dir(dir) {
			return
		}
	}
}

// ports are those that a server needs.
func (q *quickstart) ports() []int {
	l := []int{25, 143, 465, 587, 993}
	if q.opts.existingWebserver {
		return append(l, proxiedPort)
	}
	return append(l, 80, 443)
}

// checkPorts looks whether the ports are free.
func (q *quickstart) checkPorts() {
	var taken, unknown []string
	for _, port := range q.ports() {
		l, err := q.machine.listen("tcp", fmt.Sprintf(":%d", port))
		switch {
		case err == nil:
			l.Close() // Nothing was accepted.
		case errors.Is(err, syscall.EADDRINUSE):
			taken = append(taken, fmt.Sprint(port))
		case errors.Is(err, fs.ErrPermission):
			unknown = append(unknown, fmt.Sprint(port))
		default:
			q.say(dnsrecords.Unknown, "ports", err.Error(), "see that nothing else uses it")
		}
	}
	if len(taken) > 0 {
		cure := "see who it is with \"ss -tlnp\", and stop and disable it, e.g. postfix, exim4 or dovecot"
		if slices.Contains(taken, "80") || slices.Contains(taken, "443") {
			cure += "; if it is a web server that is to stay, use --existing-webserver"
		}
		q.say(dnsrecords.Problem, "ports", "another program, or mox itself, uses "+strings.Join(taken, ", "), cure)
	}
	if len(unknown) > 0 {
		q.say(dnsrecords.Unknown, "ports", "this user may not try "+strings.Join(unknown, ", "), "run quickstart as root")
	}
	if len(taken)+len(unknown) == 0 {
		q.say(dnsrecords.OK, "ports", "those that are needed are free", "")
	}
}

// checkResolver looks whether answers of DNS can be trusted.
func (q *quickstart) checkResolver(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	switch err := dnsrecords.Validating(ctx, q.machine.resolver); {
	case err == nil:
		q.say(dnsrecords.OK, "resolver", "it validates DNSSEC", "")
	case errors.Is(err, dnsrecords.ErrNotValidating):
		q.say(dnsrecords.Problem, "resolver", err.Error()+", so that DANE cannot be used for outgoing mail", "install unbound on this machine and name 127.0.0.1 in /etc/resolv.conf; if another one is safe to reach, add \"options trust-ad\" there")
	default:
		q.say(dnsrecords.Problem, "resolver", "it does not answer: "+err.Error(), "correct the name servers in /etc/resolv.conf")
	}
}

// findIPs finds the addresses of the machine, and those at which others reach it.
func (q *quickstart) findIPs(ctx context.Context) {
	all, err := q.machine.interfaces()
	if err != nil {
		q.say(dnsrecords.Unknown, "addresses", err.Error(), "name them in mox.conf, as IPs of the public listener")
	}
	q.ips = addresses{}
	a := &q.ips
	for _, ip := range all {
		if !ip.IsLoopback() && !ip.IsLinkLocalUnicast() {
			a.own = append(a.own, ip)
		}
	}
	for _, ip := range a.own {
		if netguard.IsPublic(ip) {
			a.listen = append(a.listen, ip)
		}
	}
	switch {
	case len(a.listen) > 0:
		a.public = a.listen
		q.say(dnsrecords.OK, "addresses", "public: "+joinIPs(a.public), "")
		return
	case len(a.own) == 0:
		a.listen = []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}
		q.say(dnsrecords.Problem, "addresses", "the machine has none on a network", "connect it, and name its addresses in mox.conf, as IPs of the public listener")
		return
	}
	a.listen, a.public = a.own, a.own
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	named, _, err := q.machine.resolver.LookupIP(ctx, "ip", q.hostname.Absolute())
	for _, ip := range named {
		if !slices.Contains(a.own, ip) {
			a.nat = append(a.nat, ip)
		}
	}
	switch {
	case err != nil:
		q.say(dnsrecords.Advice, "addresses", fmt.Sprintf("the machine has only private ones, %s, and %s has none in DNS", joinIPs(a.own), q.hostname.Name()),
			"if a router in front has the public address, add that as NATIPs of the public listener in mox.conf, and see that the router forwards the ports")
	case len(a.nat) > 0:
		a.public = a.nat
		q.say(dnsrecords.Advice, "addresses", fmt.Sprintf("the machine has only private ones, %s, and in DNS %s has %s", joinIPs(a.own), q.hostname.Name(), joinIPs(a.nat)),
			"see that a router with these forwards the ports to this machine")
	default:
		q.say(dnsrecords.Advice, "addresses", "the machine has only private ones, as it has in DNS: "+joinIPs(a.own), "that is right if mail is only for this network")
	}
}

func joinIPs(ips []netip.Addr) string {
	var l []string
	for _, ip := range ips {
		l = append(l, ip.String())
	}
	return strings.Join(l, ", ")
}

// blockLists are asked for the addresses of the machine. Others decide by such lists whether to take its mail.
func blockLists() []string { return []string{"sbl.spamhaus.org", "bl.spamcop.net"} }

// checkIPs looks at reverse DNS and block lists.
func (q *quickstart) checkIPs(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*lookupTimeout)
	defer cancel()
	type answer struct {
		reverse dnsrecords.Finding
		lists   []dnsbl.Result
	}
	answers := make([]answer, len(q.ips.public))
	var wg sync.WaitGroup
	for i, ip := range q.ips.public {
		answers[i].lists = make([]dnsbl.Result, len(blockLists()))
		wg.Go(func() { answers[i].reverse = dnsrecords.CheckReverse(ctx, q.machine.resolver, q.hostname, ip) })
		for j, name := range blockLists() {
			zone, err := dns.ParseDomain(name)
			if err != nil || !netguard.IsPublic(ip) {
				continue // Lists are about public addresses.
			}
			wg.Go(func() { answers[i].lists[j] = dnsbl.Lookup(ctx, q.machine.resolver, zone, ip) })
		}
	}
	wg.Wait()
	for i, ip := range q.ips.public {
		f := answers[i].reverse
		q.say(f.Status, "reverse DNS of "+f.Name, f.Text, f.Cure)
		for j, name := range blockLists() {
			switch r := answers[i].lists[j]; r.Status {
			case dnsbl.StatusPass:
				q.say(dnsrecords.OK, "block list "+name, ip.String()+" is not listed", "")
			case dnsbl.StatusFail:
				q.say(dnsrecords.Problem, "block list "+name, fmt.Sprintf("%s is listed, so that others refuse its mail: %s", ip, r.Explanation), "ask the operator of the list, or your provider, to have it removed, or use another address")
			case dnsbl.StatusTempError:
				q.say(dnsrecords.Unknown, "block list "+name, "it does not answer for "+ip.String(), "lists do not answer the resolvers of large providers; use one of your own")
			}
		}
	}
}

// knownServers are domains whose servers take connections from everywhere.
func knownServers() []string { return []string{"gmail.com", "outlook.com", "yahoo.com"} }

// checkOutgoing looks whether connections to port 25 get out.
func (q *quickstart) checkOutgoing(ctx context.Context) {
	switch {
	case q.opts.smarthost != "":
		q.say(dnsrecords.OK, "outgoing mail", "it leaves through "+q.opts.smarthost, "")
		return
	case q.opts.skipDial:
		q.say(dnsrecords.Unknown, "outgoing mail", "not tried, because of --skipdial", "")
		return
	}
	var failures []string
	lookedUp := false
	for _, domain := range knownServers() {
		host, err := q.reach(ctx, domain)
		if err == nil {
			q.say(dnsrecords.OK, "outgoing mail", "connections to port 25 get out, "+host+" answered", "")
			return
		}
		lookedUp = lookedUp || !errors.Is(err, errNotLookedUp)
		failures = append(failures, domain+": "+err.Error())
	}
	if !lookedUp {
		q.say(dnsrecords.Unknown, "outgoing mail", "not tried, as no server could be looked up ("+failures[0]+")", "run this again once the resolver answers")
		return
	}
	q.blocked = true
	q.say(dnsrecords.Problem, "outgoing mail", "connections to port 25 do not get out ("+strings.Join(failures, "; ")+")", "ask your provider to open port 25, or use --smarthost; see below")
}

// reach connects to a server of a domain, and waits for its greeting.
func (q *quickstart) reach(ctx context.Context, domain string) (host string, err error) {
	ctx, cancel := context.WithTimeout(ctx, mailPortTimeout)
	defer cancel()
	mxs, _, err := q.machine.resolver.LookupMX(ctx, domain+".")
	if err != nil {
		return "", fmt.Errorf("%w: %w", errNotLookedUp, err)
	}
	host = strings.TrimSuffix(mxs[0].Host, ".")
	ips, _, err := q.machine.resolver.LookupIP(ctx, "ip", mxs[0].Host)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errNotLookedUp, err)
	}
	// IPv4 first: a machine without IPv6 would be told of failures that mean nothing.
	slices.SortFunc(ips, netip.Addr.Compare)
	err = errBlocked
	for _, ip := range ips[:min(len(ips), 2)] {
		var c net.Conn
		if c, err = q.machine.dial(ctx, "tcp", netip.AddrPortFrom(ip, 25).String()); err != nil {
			continue
		}
		greeting, gerr := greeting(ctx, c)
		if strings.HasPrefix(greeting, "220") {
			return host, nil
		}
		err = fmt.Errorf("%w: it greets with %q", errors.Join(errBlocked, gerr), greeting)
	}
	return "", err
}

// greeting returns the first line of a server, and closes the connection.
func greeting(ctx context.Context, c net.Conn) (string, error) {
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	line, err := bufio.NewReaderSize(c, 1024).ReadSlice('\n')
	return strings.TrimSpace(string(line)), err
}
