package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"mox/config"
	"mox/dns"
	"mox/dns/resolvertest"
	"mox/smtp"
	"mox/store"
)

// goodMachine is one without a problem, in a world where mx.known.example greets.
func goodMachine(t *testing.T) machine {
	t.Helper()
	r := resolvertest.Zone(t, `
mail.example.org. IN A 5.9.1.1
1.1.9.5.in-addr.arpa. IN PTR mail.example.org.
gmail.com. IN MX 5 mx.known.example.
mx.known.example. IN A 5.9.2.2
`)
	r.NS = map[string][]string{"com": {"a.gtld-servers.net"}}
	return machine{
		resolver: r,
		dial: func(_ context.Context, _, address string) (net.Conn, error) {
			if address != "5.9.2.2:25" {
				return nil, errors.New("unexpected address " + address)
			}
			c, s := net.Pipe()
			go func() {
				s.Write([]byte("220 mx.known.example ESMTP\r\n"))
				s.Close()
			}()
			return c, nil
		},
		listen: func(string, string) (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") },
		interfaces: func() ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("5.9.1.1"), netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fe80::1")}, nil
		},
		hostname:  func() (string, error) { return "mail.example.org", nil },
		freeSpace: func(string) (int64, error) { return 100 << 30, nil },
		clock:     func() (bool, error) { return true, nil },
		checkUser: func(string) error { return nil },
		now:       func() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) },
		root:      true,
		systemd:   true,
	}
}

// newQuickstart returns a run in a new directory.
func newQuickstart(t *testing.T, m machine, args ...string) (*quickstart, *bytes.Buffer) {
	t.Helper()
	o := quickstartOptions{dir: t.TempDir(), acmeDirectory: "https://acme.example/directory", acmeIssuer: "acme.example"}
	if err := o.parse(append([]string{"You@example.org"}, args...), ""); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	m.root = false // Tests give files to nobody.
	return &quickstart{opts: o, machine: m, out: &out}, &out
}

// runQuickstart runs it, and returns what it printed.
func runQuickstart(t *testing.T, q *quickstart, out *bytes.Buffer) string {
	t.Helper()
	if err := q.run(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	return out.String()
}

func wantAll(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, s := range want {
		if !strings.Contains(text, s) {
			t.Errorf("%q is missing in\n%s", s, text)
		}
	}
}

// A whole installation: what is written is a valid configuration with an account that can log in, and the records
// printed are those that are wanted.
func TestQuickstart(t *testing.T) {
	t.Parallel()
	q, out := newQuickstart(t, goodMachine(t))
	text := runQuickstart(t, q, out)
	wantAll(t, text,
		"ok       hostname: mail.example.org", "ok       user: the server will run as mox", "ok       ports:", "ok       resolver:",
		"ok       addresses: public: 5.9.1.1", "ok       reverse DNS of 5.9.1.1:", "ok       block list sbl.spamhaus.org: 5.9.1.1",
		"ok       outgoing mail: connections to port 25 get out, mx.known.example answered", "ok       clock:", "ok       disk: 100 GB",
		"written  config/mox.conf", "written  config/domains.conf", "written  mox.service",
		"written  config/dkim/2026a.example.org.rsa.pem", "written  config/dkim/2026d.example.org.ed25519.pem",
		"ok       mail.example.org A:", "records are not there yet",
		"\nexample.org. IN MX 10 mail.example.org.\n", "\n2026d._domainkey.example.org. IN TXT \"v=DKIM1; k=ed25519", "\nmta-sts.example.org. IN CNAME mail.example.org.\n",
		"\n_dmarc.example.org. IN TXT \"v=DMARC1; p=reject; rua=mailto:dmarcreports@example.org\"\n", "rua=mailto:tlsreports@example.org",
		"\n_25._tcp.mail.example.org. IN TLSA 3 1 1 ", "\nexample.org. IN CAA 0 issue \"acme.example; validationmethods=tls-alpn-01,http-01\"\n",
		"mox config dnscheck example.org", "systemctl enable --now mox",
	)
	if strings.Contains(text, " \n") {
		t.Errorf("a line ends in a space:\n%q", text)
	}
	if strings.Contains(text, "PROBLEM") || strings.Contains(text, "Solve") {
		t.Errorf("a problem on a good machine:\n%s", text)
	}
	if strings.Count(text, " IN TLSA ") != 2 {
		t.Errorf("not a record for each of two keys:\n%s", text)
	}

	cfg, err := config.Load(config.Options{Path: q.path("config", "mox.conf")})
	if err != nil {
		t.Fatal(err)
	}
	domain := q.opts.address.Domain
	for address, mailbox := range map[smtp.Localpart]string{
		"you": "Inbox", "You+shop": "Inbox", "postmaster": "Postmaster", "abuse": "Postmaster", "dmarcreports": "Reports/DMARC", "tlsreports": "Reports/TLS",
	} {
		if dest, _, err := cfg.LookupAddress(address, domain); err != nil || dest.Account != "you" || dest.Mailbox != mailbox {
			t.Errorf("%s: %v, %v, want %s", address, dest, err, mailbox)
		}
	}
	a := cfg.Account("you")
	if a.MaxOutgoingPerDay != 1000 || a.MaxFirstTimePerDay != 200 {
		t.Errorf("limits %d and %d", a.MaxOutgoingPerDay, a.MaxFirstTimePerDay)
	}
	if d := cfg.Domain(domain).DKIM; len(d.Selectors) != 4 || len(d.Sign) != 2 || !d.Subdomains {
		t.Errorf("DKIM: %+v", d)
	}
	if host := q.hostname; cfg.DKIM(host) == nil {
		t.Error("mail from postmaster at the host name is not signed")
	}

	st, err := store.New(store.Options{Dir: accountsDir(cfg.DataDir)})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if q.written.accountPassword == "" || !strings.Contains(text, q.written.accountPassword) || !strings.Contains(text, q.written.adminPassword) {
		t.Error("passwords are not shown")
	}
	if err := st.Authenticate(t.Context(), "you", q.written.accountPassword); err != nil {
		t.Errorf("the password is not that of the account: %v", err)
	}
	// Nobody else can read keys and passwords.
	err = filepath.WalkDir(q.opts.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := d.Info()
		if name := d.Name(); err == nil && !d.IsDir() && name != "mox.service" && fi.Mode()&0o007 != 0 {
			t.Errorf("%s has mode %o", path, fi.Mode())
		}
		if strings.HasPrefix(d.Name(), ".") {
			t.Errorf("%s is left", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// The records as they are printed leave nothing to find.
func TestQuickstartRecordsAreComplete(t *testing.T) {
	t.Parallel()
	for _, existing := range []bool{false, true} {
		m := goodMachine(t)
		q, out := newQuickstart(t, m)
		q.opts.existingWebserver = existing
		text := runQuickstart(t, q, out)
		_, zone, _ := strings.Cut(text, "\n; Records of ")
		zone, _, _ = strings.Cut(zone, "\nWhat comes next")
		r := resolvertest.Zone(t, "; "+zone+"1.1.9.5.in-addr.arpa. IN PTR mail.example.org.\n")
		conf := q.path("config", "mox.conf")
		cfg, err := config.Load(config.Options{Path: conf})
		if err != nil {
			t.Fatal(err)
		}
		policy := cfg.Domain(q.opts.address.Domain).MTASTS.Policy
		if checked, err := dnsCheck(t, servePolicy(t, r, "mta-sts.example.org", policy.String()), conf, "example.org"); err != nil || !strings.Contains(checked, "as it is configured") {
			t.Errorf("dnscheck: %v\n%s", err, checked)
		}

		// A second run has nothing to say about them either.
		m.resolver = r
		r.NS = map[string][]string{"com": {"a.gtld-servers.net"}}
		r.MX["gmail.com"], r.A["mx.known.example"] = []net.MX{{Host: "mx.known.example"}}, []string{"5.9.2.2"}
		m.root = false
		var out2 bytes.Buffer
		again := &quickstart{opts: q.opts, machine: m, out: &out2}
		if text := runQuickstart(t, again, &out2); strings.Contains(text, "not there yet") || strings.Contains(text, "PROBLEM") {
			t.Errorf("records are missing:\n%s", text)
		}
	}
}

// A second run changes nothing, and a run after some files were removed makes only these.
func TestQuickstartAgain(t *testing.T) {
	t.Parallel()
	q, out := newQuickstart(t, goodMachine(t))
	runQuickstart(t, q, out)
	files := func() map[string]string {
		m := map[string]string{}
		err := filepath.WalkDir(q.path("config"), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			m[path] = string(data)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	before := files()

	var out2 bytes.Buffer
	again := &quickstart{opts: q.opts, machine: q.machine, out: &out2}
	again.machine.now = func() time.Time { return time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC) }
	text := runQuickstart(t, again, &out2)
	wantAll(t, text, "kept     config/mox.conf", "kept     config/domains.conf", "kept     data", "\n2026a._domainkey.example.org. IN TXT ")
	wantAll(t, text, "\"mox setadminpassword\" sets another", "You@example.org, with its password;")
	if strings.Contains(text, "written") || strings.Contains(text, "2027a") || strings.Contains(text, "shown only now") {
		t.Errorf("a second run makes something new:\n%s", text)
	}
	for path, data := range files() {
		if before[path] != data {
			t.Errorf("%s was changed", path)
		}
	}

	removed := q.path("config", "mox.conf")
	if err := os.Remove(removed); err != nil {
		t.Fatal(err)
	}
	out2.Reset()
	wantAll(t, runQuickstart(t, again, &out2), "written  config/mox.conf", "kept     config/domains.conf", "kept     config/hostkeys/mail.example.org.rsa2048.privatekey.pem")
	for path, data := range files() {
		if before[path] != data {
			t.Errorf("%s differs:\n%s\n%s", path, before[path], data)
		}
	}

	// For another domain it says so, and changes nothing.
	other := *again
	other.opts.address.Domain = dns.Domain{ASCII: "example.net"}
	if err := other.run(t.Context()); err == nil || !strings.Contains(err.Error(), "are for another domain") {
		t.Errorf("another domain: %v", err)
	}
}

// Passwords of what was made are shown also when the run ends early: the next one makes no others.
func TestQuickstartShowsPasswordsWhenItFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(*quickstart) // Is called when the first password was made.
		shown []string
	}{
		"no account can be made": {func(q *quickstart) { q.opts.dir += "/missing" }, []string{"\n  admin pages: "}},
		"no configuration can be written": {func(q *quickstart) {
			if err := os.Mkdir(q.path("config", "mox.conf"), 0o700); err != nil {
				t.Error(err)
			}
		}, []string{"\n  admin pages: ", "\n  You@example.org: "}},
	} {
		t.Run(name, func(t *testing.T) {
			q, out := newQuickstart(t, goodMachine(t))
			q.out = writerFunc(func(p []byte) (int, error) {
				if bytes.Contains(p, []byte("written  config/adminpasswd")) {
					c.spoil(q)
				}
				return out.Write(p)
			})
			if err := q.run(t.Context()); err == nil {
				t.Fatalf("no error:\n%s", out)
			}
			wantAll(t, out.String(), c.shown...)
			if n := strings.Count(out.String(), "shown only now"); n != 1 {
				t.Errorf("passwords were shown %d times:\n%s", n, out)
			}
		})
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestQuickstartFindsProblems(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		change func(m *machine)
		args   []string
		want   []string
	}{
		{"user", func(m *machine) { m.checkUser = func(string) error { return errors.New("no user mox; make it") } }, nil, []string{"PROBLEM  user: no user mox; make it"}},
		{"another user", func(*machine) {}, []string{"postbox"}, []string{"will run as postbox"}},
		{"no systemd", func(m *machine) { m.systemd = false }, nil, []string{"a container has this as its command:\n\n       mox --config /"}},
		{"disk", func(m *machine) { m.freeSpace = func(string) (int64, error) { return 5 << 20, nil } }, nil, []string{"PROBLEM  disk: only 5 MB", "-> make space"}},
		{"disk unknown", func(m *machine) { m.freeSpace = func(string) (int64, error) { return 0, errors.New("no such disk") } }, nil, []string{"UNKNOWN  disk: no such disk"}},
		{"clock", func(m *machine) { m.clock = func() (bool, error) { return false, nil } }, nil, []string{"PROBLEM  clock: it is not synchronized; it says 2026-11-22 12:00:00 UTC", "timedatectl"}},
		{"ports taken", func(m *machine) {
			m.listen = func(_, address string) (net.Listener, error) {
				if address == ":25" || address == ":443" {
					return nil, &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}
				}
				return net.Listen("tcp", "127.0.0.1:0")
			}
		}, nil, []string{"PROBLEM  ports: another program, or mox itself, uses 25, 443", "postfix", "--existing-webserver"}},
		{"ports not allowed", func(m *machine) { m.listen = func(string, string) (net.Listener, error) { return nil, syscall.EACCES } }, nil, []string{"UNKNOWN  ports: this user may not try 25"}},
		{"hostname", func(m *machine) { m.hostname = func() (string, error) { return "vm1", nil } }, nil, []string{`ADVICE   hostname: the system has "vm1"`, "mail.example.org is taken"}},
		{"hostname local", func(m *machine) { m.hostname = func() (string, error) { return "vm1.localdomain", nil } }, nil, []string{"mail.example.org is taken"}},
		{"no DNSSEC", func(m *machine) { m.resolver.(*dns.MemResolver).AllAuthentic = false }, nil, []string{"PROBLEM  resolver: the resolver does not validate DNSSEC", "install unbound"}},
		{"no DNS", func(m *machine) {
			m.resolver = &dns.MemResolver{Before: func(context.Context, string, string) error { return errors.New("no network") }}
		}, nil, []string{"PROBLEM  resolver: it does not answer", "/etc/resolv.conf", "UNKNOWN  reverse DNS", "UNKNOWN  outgoing mail: not tried, as no server could be looked up (gmail.com: no answer of DNS", "UNKNOWN  records: 2"}},
		{"no reverse", func(m *machine) { m.resolver.(*dns.MemResolver).PTR = nil }, nil, []string{"PROBLEM  reverse DNS of 5.9.1.1: the address has no name", "have your provider set the reverse DNS of 5.9.1.1 to mail.example.org"}},
		{"listed", func(m *machine) {
			r := m.resolver.(*dns.MemResolver)
			r.A["1.1.9.5.bl.spamcop.net"] = []string{"127.0.0.2"}
			r.TXT["1.1.9.5.bl.spamcop.net"] = []string{"sends \x1b junk"}
		}, nil, []string{"PROBLEM  block list bl.spamcop.net: 5.9.1.1 is listed", "ask the operator"}},
		{"port 25 blocked", func(m *machine) {
			m.dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no route") }
		}, nil, []string{"PROBLEM  outgoing mail: connections to port 25 do not get out (gmail.com: no route;", "Mail cannot leave at port 25", "Submissions:", "- \n", "Transport: smarthost"}},
		{"port 25 intercepted", func(m *machine) {
			m.dial = func(context.Context, string, string) (net.Conn, error) {
				c, s := net.Pipe()
				go func() {
					s.Write([]byte("554 not from here\r\n"))
					s.Close()
				}()
				return c, nil
			}
		}, nil, []string{`PROBLEM  outgoing mail:`, `greets with "554 not from here"`}},
		{"private addresses", func(m *machine) {
			m.interfaces = func() ([]netip.Addr, error) { return []netip.Addr{netip.MustParseAddr("10.0.0.1")}, nil }
		}, nil, []string{"ADVICE   addresses: the machine has only private ones, 10.0.0.1, and in DNS mail.example.org has 5.9.1.1", "\nmail.example.org. IN A 5.9.1.1\n"}},
		{"private network", func(m *machine) {
			m.interfaces = func() ([]netip.Addr, error) { return []netip.Addr{netip.MustParseAddr("10.0.0.1")}, nil }
			m.resolver.(*dns.MemResolver).A["mail.example.org"] = []string{"10.0.0.1"}
		}, nil, []string{"as it has in DNS: 10.0.0.1", "\nmail.example.org. IN A 10.0.0.1\n"}},
		{"no address", func(m *machine) { m.interfaces = func() ([]netip.Addr, error) { return nil, nil } }, nil, []string{"PROBLEM  addresses: the machine has none"}},
		{"records of another server", func(m *machine) {
			r := m.resolver.(*dns.MemResolver)
			r.MX["example.org"] = []net.MX{{Host: "mx.example.net", Pref: 10}}
			r.TXT["example.org"] = []string{"v=spf1 -all", "v=spf1 mx -all"}
		}, nil, []string{"PROBLEM  example.org MX: mail goes to mx.example.net.", "is 10 mx.example.net.", "PROBLEM  example.org TXT: there are several SPF records"}},
	} {
		m := goodMachine(t)
		tc.change(&m)
		q, out := newQuickstart(t, m, tc.args...)
		text := runQuickstart(t, q, out)
		for _, want := range tc.want {
			if want != "- \n" && !strings.Contains(text, want) {
				t.Errorf("%s: %q is missing in\n%s", tc.name, want, text)
			}
		}
		if strings.Contains(text, "\x1b") {
			t.Errorf("%s: what a stranger wrote is not escaped", tc.name)
		}
		if _, err := config.Load(config.Options{Path: q.path("config", "mox.conf")}); err != nil {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

// What is in the comments of mox.conf works once the comment signs are gone.
func TestQuickstartSmarthost(t *testing.T) {
	t.Parallel()
	m := goodMachine(t)
	m.dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no route") }
	q, out := newQuickstart(t, m)
	runQuickstart(t, q, out)
	path := q.path("config", "mox.conf")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, block, ok := strings.Cut(string(data), "# Transports:")
	if !ok {
		t.Fatalf("no block in\n%s", data)
	}
	text := string(data) + "\nTransports:" + strings.ReplaceAll(block, "\n# ", "\n")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	domains := q.path("config", "domains.conf")
	if data, err = os.ReadFile(domains); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(domains, append(data, smarthostDynamic...), 0o600); err != nil {
		t.Fatal(err)
	}
	far := dns.Domain{ASCII: "far.example"}
	cfg, err := config.Load(config.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if tr := cfg.Route("you", far, far, 0); tr == nil || tr.Kind != config.TransportSubmissions || tr.Port != 465 {
		t.Errorf("transport %+v", tr)
	}

	// By flags, with STARTTLS, which is not optional.
	q, out = newQuickstart(t, goodMachine(t))
	q.opts.smarthost, q.opts.smarthostUser, q.opts.smarthostPassword = "smtp.example.net:587", "me", "s3cret"
	wantAll(t, runQuickstart(t, q, out), "it leaves through smtp.example.net:587", "what the operator of smtp.example.net:587 tells you")
	if cfg, err = config.Load(config.Options{Path: q.path("config", "mox.conf")}); err != nil {
		t.Fatal(err)
	}
	if tr := cfg.Route("you", far, far, 0); tr == nil || tr.Kind != config.TransportSubmission || tr.NoSTARTTLS || tr.Username != "me" {
		t.Errorf("transport %+v", tr)
	}
	if strings.Contains(out.String(), "s3cret") {
		t.Error("the password of the smarthost is shown")
	}
}

func TestQuickstartExistingWebserver(t *testing.T) {
	t.Parallel()
	m := goodMachine(t)
	m.listen = func(_, address string) (net.Listener, error) {
		if address == ":80" || address == ":443" {
			t.Errorf("port of the web server is tried: %s", address)
		}
		return net.Listen("tcp", "127.0.0.1:0")
	}
	q, out := newQuickstart(t, m)
	q.opts.existingWebserver = true
	text := runQuickstart(t, q, out)
	wantAll(t, text, "to http://127.0.0.1:8081", "autodiscover.example.org", "\n_mta-sts.example.org. IN TXT ", "\n_25._tcp.mail.example.org. IN TLSA ")
	cfg, err := config.Load(config.Options{Path: q.path("config", "mox.conf")})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range cfg.Listeners {
		for _, s := range l.Web {
			if s.TLS || s.Port == 80 || s.Port == 443 || l.Name == "public" {
				t.Errorf("%s has %s at port %d", l.Name, s.Name, s.Port)
			}
		}
	}
	if strings.Contains(text, " CAA ") {
		t.Error("CAA records, although certificates come from elsewhere")
	}
}

// The user of the server must get to its directory. Only root is told, whose server it will be.
func TestQuickstartDirectory(t *testing.T) {
	t.Parallel()
	closed := filepath.Join(t.TempDir(), "closed")
	if err := os.MkdirAll(filepath.Join(closed, "mox"), 0o700); err != nil {
		t.Fatal(err)
	}
	q, out := newQuickstart(t, goodMachine(t))
	q.opts.dir = filepath.Join(closed, "mox")
	q.checkDirectory()
	if out.Len() > 0 {
		t.Errorf("not root: %s", out)
	}
	q.machine.root = true
	q.checkDirectory()
	wantAll(t, out.String(), "PROBLEM  directory: "+closed+" is closed", "chmod o+x "+closed)
}

func TestQuickstartUsage(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ args, want string }{
		{"", "missing argument"},
		{"you", "is not an address"},
		{"you@localhost", "is no domain on the internet"},
		{"you@example.org root", "does not run as root"},
		{"you@example.org mox more", "unexpected argument"},
		{"you@example.org --hostname mail", "is not the full name"},
		{"you@example.org --smarthost smtp.example.net", "is not a host and a port"},
		{"you@example.org --smarthost 192.0.2.1:465", "is not the name of a host"},
		{"you@example.org --smarthost smtp.example.net:x", "is not a port"},
		{"you@example.org --smarthost smtp.example.net:465 --smarthost-user me", "go together"},
		{"you@example.org --smarthost-user me", "need --smarthost"},
	} {
		code, _, errs := mox(t, append([]string{"quickstart", "--dir", t.TempDir()}, strings.Fields(tc.args)...)...)
		if code != exitUsage || !strings.Contains(errs, tc.want) {
			t.Errorf("quickstart %s: exit code %d, %s, want %q", tc.args, code, errs, tc.want)
		}
	}
	code, _, errs := mox(t, "quickstart", "--dir", t.TempDir(), "--smarthost", "smtp.example.net:465", "--smarthost-user", "me", "--smarthost-password", "/does/not/exist", "you@example.org")
	if code != exitFailure || !strings.Contains(errs, "no such file") {
		t.Errorf("no file with a password: exit code %d, %s", code, errs)
	}
}

// A unit for systemd has paths as they are, whatever is in them.
func TestServiceUnit(t *testing.T) {
	t.Parallel()
	text, err := serviceUnit(`/srv/100% mail/config/a"b$.conf`, "/srv/100% mail")
	if err != nil {
		t.Fatal(err)
	}
	wantAll(t, string(text), "\nWorkingDirectory=/srv/100%% mail\n", ` --config "/srv/100%% mail/config/a\"b$$.conf" serve`+"\n", "\nReadWritePaths=\"/srv/100%% mail\"\n", "\nNoNewPrivileges=yes\n", "\nProtectSystem=strict\n",
		"\nLimitCORE=0\n", " landlock_create_ruleset landlock_add_rule landlock_restrict_self\n")
	if _, err := serviceUnit("x", "/srv/a\nExecStart=/bin/sh"); err == nil {
		t.Error("a line break in a path is taken")
	}
}
