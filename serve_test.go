package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	nethttp "net/http"
	"net/smtp"
	"net/textproto"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mjl-/sconf"

	"mox/config"
	"mox/dns"
	"mox/internal/logging"
	"mox/internal/memnet"
)

// running is a server in this process, on ports of the system's choice.
type running struct {
	t     *testing.T
	path  string // Of mox.conf.
	net   *network
	addrs map[string]string // By service.
	log   syncBuffer
	stop  func() error
}

// patience is how long anything may take before a test fails that hangs. Machines stall, and disks are slow to sync.
const patience = 5 * time.Minute

type syncBuffer struct {
	mu    sync.Mutex
	b     bytes.Buffer
	wrote chan struct{} // Closed by the next write; nil if nobody waits.
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.wrote != nil {
		close(b.wrote)
		b.wrote = nil
	}
	return b.b.Write(p)
}

// await waits until a text is there n times, at most for patience.
func (b *syncBuffer) await(text string, n int) {
	late := time.After(patience)
	for {
		b.mu.Lock()
		if strings.Count(b.b.String(), text) >= n {
			b.mu.Unlock()
			return
		}
		if b.wrote == nil {
			b.wrote = make(chan struct{})
		}
		wrote := b.wrote
		b.mu.Unlock()
		select {
		case <-wrote:
		case <-late:
			return
		}
	}
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// network is one in memory, with the ports of one server.
type network struct {
	mu        sync.Mutex // Guards listeners.
	listeners map[string]*memnet.Listener
}

func (n *network) listen(_, addr string) (net.Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := memnet.Listen(addr)
	n.listeners[addr] = l
	return l, nil
}

func (n *network) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	n.mu.Lock()
	l := n.listeners[addr]
	n.mu.Unlock()
	if l == nil {
		return nil, fmt.Errorf("nobody listens on %s", addr)
	}
	return l.Dial(ctx)
}

// startServer serves a configuration. The server is stopped, if it was not before, and
// its data verified at the end of the test.
func startServer(t *testing.T, opts config.Options) *running {
	t.Helper()
	return startServerIn(t, opts, &dns.MemResolver{})
}

// startServerIn is startServer with a DNS.
func startServerIn(t *testing.T, opts config.Options, resolver dns.Resolver) *running {
	t.Helper()
	r := &running{t: t, path: opts.Path, net: &network{listeners: map[string]*memnet.Listener{}}, addrs: map[string]string{}}
	ctx, cancel := context.WithCancel(context.Background())
	ready := make(chan struct{})
	done := make(chan error, 1)
	levels := new(logging.Levels)
	go func() {
		done <- serve(ctx, serveOptions{
			config: opts,
			log:    logging.New(&r.log, levels),
			levels: levels,

			resolver: resolver,
			listen:   r.net.listen,
			dial:     r.net.dial,
			ready: func(_ *config.Config, sockets []socket) {
				for _, s := range sockets {
					if _, ok := r.addrs[s.name]; !ok {
						r.addrs[s.name] = s.Addr().String()
					}
				}
				close(ready)
			},
		})
	}()
	r.stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	select {
	case <-ready:
	case err := <-done:
		done <- err
		t.Fatalf("server did not start: %v", err)
	}
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("server: %v", err)
		}
		if code, out, errs := mox(t, "--config", r.path, "verifydata"); code != exitOK {
			t.Errorf("verifydata: %s%s", out, errs)
		}
		if t.Failed() {
			t.Logf("log:\n%s", r.log.String())
		}
	})
	return r
}

// startLocalserve starts a server as localserve sets it up.
func startLocalserve(t *testing.T) *running {
	t.Helper()
	dir := t.TempDir()
	mode := &config.Localserve{Account: localAccount}
	if err := initLocalserve(t.Context(), dir, mode); err != nil {
		t.Fatal(err)
	}
	return startServer(t, config.Options{Path: filepath.Join(dir, "mox.conf"), Localserve: mode})
}

// command runs a mox command on the server's configuration.
func (r *running) command(args ...string) string {
	r.t.Helper()
	code, out, errs := mox(r.t, append([]string{"--config", r.path}, args...)...)
	if code != exitOK {
		r.t.Fatalf("mox %s: exit code %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

// dial connects to a service.
func (r *running) dial(service string) net.Conn {
	r.t.Helper()
	conn, err := r.net.dial(context.Background(), "tcp", r.addrs[service])
	if err != nil {
		r.t.Fatalf("%s: %v", service, err)
	}
	r.t.Cleanup(func() { conn.Close() })
	return conn
}

// send delivers a message as a stranger.
func (r *running) send(from, to, subject string) error {
	r.t.Helper()
	c, err := smtp.NewClient(r.dial("SMTP"), "localhost")
	if err != nil {
		return err
	}
	return transact(c, from, to, subject)
}

// transact sends a message on a connection.
func transact(c *smtp.Client, from, to, subject string) error {
	if err := errors.Join(c.Mail(from), c.Rcpt(to)); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "From: <%s>\r\nTo: <%s>\r\nSubject: %s\r\n\r\ntext\r\n", from, to, subject)
	if err := w.Close(); err != nil {
		return err
	}
	c.Quit() // The message is accepted already.
	return nil
}

// submit sends a message as a user.
func (r *running) submit(username, password, from, to, subject string) error {
	r.t.Helper()
	c, err := r.submission(username, password)
	if err != nil {
		return err
	}
	defer c.Close()
	return transact(c, from, to, subject)
}

// submission connects as a user who wants to send.
func (r *running) submission(username, password string) (*smtp.Client, error) {
	r.t.Helper()
	c, err := smtp.NewClient(r.dial("Submission"), "localhost")
	if err != nil {
		return nil, err
	}
	if err := c.StartTLS(&tls.Config{InsecureSkipVerify: true}); err != nil {
		return nil, err
	}
	return c, c.Auth(smtp.PlainAuth("", username, password, "localhost"))
}

// imapSession is a connection that is logged in.
type imapSession struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

func (r *running) imap(username, password string) (*imapSession, error) {
	conn := tls.Client(r.dial("IMAPS"), &tls.Config{InsecureSkipVerify: true})
	s := &imapSession{r.t, conn, bufio.NewReader(conn)}
	if _, err := s.r.ReadString('\n'); err != nil {
		return nil, err
	}
	if out := s.command(fmt.Sprintf("LOGIN %s %s", username, password)); !strings.Contains(out, "x OK") {
		return nil, errors.New(out)
	}
	return s, nil
}

// command returns all up to and including the answer.
func (s *imapSession) command(command string) string {
	s.t.Helper()
	if _, err := io.WriteString(s.conn, "x "+command+"\r\n"); err != nil {
		s.t.Fatal(err)
	}
	var b strings.Builder
	for {
		line, err := s.r.ReadString('\n')
		if err != nil {
			s.t.Fatalf("%s: %v", command, err)
		}
		b.WriteString(line)
		if strings.HasPrefix(line, "x ") {
			return b.String()
		}
	}
}

var subject = regexp.MustCompile(`ENVELOPE \((?:NIL|"[^"]*") "([^"]*)"`)

// subjects waits until a mailbox has n messages and returns their subjects.
func (s *imapSession) subjects(mailbox string, n int) []string {
	s.t.Helper()
	out := s.command("SELECT " + mailbox)
	for !strings.Contains(out, fmt.Sprintf("* %d EXISTS", n)) {
		// The server tells when mail comes.
		if _, err := io.WriteString(s.conn, "x IDLE\r\n"); err != nil {
			s.t.Fatal(err)
		}
		s.conn.SetReadDeadline(time.Now().Add(patience))
		for {
			line, err := s.r.ReadString('\n')
			if err != nil {
				s.t.Fatalf("waiting for %d messages in %s: %v; last %q", n, mailbox, err, out)
			}
			if strings.Contains(line, " EXISTS") {
				out = line
				break
			}
		}
		s.conn.SetReadDeadline(time.Time{})
		io.WriteString(s.conn, "DONE\r\n")
		for {
			line, err := s.r.ReadString('\n')
			if err != nil {
				s.t.Fatal(err)
			}
			if strings.Contains(line, " EXISTS") {
				out = line
			}
			if strings.HasPrefix(line, "x ") {
				break
			}
		}
	}
	var l []string
	for _, m := range subject.FindAllStringSubmatch(s.command("FETCH 1:* ENVELOPE"), -1) {
		l = append(l, m[1])
	}
	return l
}

func replyCode(err error) int {
	var e *textproto.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

// A second configuration: real domains, accounts, limits.
func realConfig(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := writeLocalCertificate(dir, nil); err != nil {
		t.Fatal(err)
	}
	keyCert := config.StaticKeyCert{CertFile: "localhost.crt.pem", KeyFile: "localhost.key.pem"}
	static := config.Static{
		DataDir:  "data",
		Hostname: "mail.example.org",
		Listeners: map[string]config.StaticListener{"public": {
			IPs:         []string{"127.0.0.1"},
			TLS:         &config.StaticTLS{KeyCerts: []config.StaticKeyCert{keyCert}},
			SMTP:        config.StaticSMTP{Enabled: true},
			Submission:  config.StaticPlaintext{Enabled: true},
			IMAPS:       config.StaticImplicitTLS{Enabled: true},
			MetricsHTTP: config.StaticService{Enabled: true},
		}},
		Postmaster: config.StaticPostmaster{Account: "ann"},
		Transports: map[string]config.StaticTransport{"never": {Fail: &config.StaticTransportFail{Code: 550, Message: "we do not talk to them"}}},
	}
	dynamic := config.Dynamic{
		Domains: map[string]config.DynamicDomain{"example.org": {}},
		Accounts: map[string]config.DynamicAccount{
			"ann": {
				Domain:                    "example.org",
				Destinations:              map[string]config.DynamicDestination{"ann@example.org": {}, "list@example.org": {Mailbox: "Lists"}},
				MaxOutgoingMessagesPerDay: 2,
			},
			"bob": {Domain: "example.org", Destinations: map[string]config.DynamicDestination{"bob@example.org": {}}, LoginDisabled: "gone fishing"},
		},
		Routes: []config.DynamicRoute{{Transport: "never"}},
	}
	if err := writeConfig(filepath.Join(dir, "domains.conf"), &dynamic); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "mox.conf")
	if err := writeConfig(path, &static); err != nil {
		t.Fatal(err)
	}
	return path
}

// Two complete servers with different configurations in one process.
func TestTwoServers(t *testing.T) {
	t.Parallel()
	local := startLocalserve(t)
	public := startServer(t, config.Options{Path: realConfig(t)})
	setPassword(t, public, "ann", "annannann")
	setPassword(t, public, "bob", "bobbobbob")

	// Anybody's mail is taken by one, known users' mail by the other.
	if err := local.send("x@example.net", "ann@example.org", "to local"); err != nil {
		t.Error(err)
	}
	if err := public.send("x@example.net", "ann@example.org", "to public"); err != nil {
		t.Error(err)
	}
	if err := public.send("x@example.net", "list@example.org", "to list"); err != nil {
		t.Error(err)
	}
	for _, to := range []string{"nobody@example.org", "mox@localhost"} {
		if err := public.send("x@example.net", to, "x"); replyCode(err) != 550 {
			t.Errorf("mail for %s: %v, want 550", to, err)
		}
	}

	for _, tc := range []struct {
		server             *running
		username, password string
		subjects           map[string]string // By mailbox.
	}{
		{local, "mox@localhost", "moxmoxmox", map[string]string{"Inbox": "to local"}},
		{public, "ann@example.org", "annannann", map[string]string{"Inbox": "to public", "Lists": "to list"}},
		{public, "mox@localhost", "moxmoxmox", nil},
		{local, "ann@example.org", "annannann", nil},
		{public, "ann@example.org", "wrong", nil},
		{public, "bob@example.org", "bobbobbob", nil}, // LoginDisabled.
	} {
		s, err := tc.server.imap(tc.username, tc.password)
		if (err == nil) != (tc.subjects != nil) {
			t.Errorf("login as %s with %s: %v", tc.username, tc.password, err)
			continue
		}
		for mailbox, want := range tc.subjects {
			if got := s.subjects(mailbox, 1); len(got) != 1 || got[0] != want {
				t.Errorf("%s has %q, want %q", mailbox, got, want)
			}
		}
	}
	if err := public.submit("bob@example.org", "bobbobbob", "bob@example.org", "ann@example.org", "x"); err == nil || !strings.Contains(err.Error(), "gone fishing") {
		t.Errorf("submission with disabled login: %v", err)
	}
	if err := public.submit("ann@example.org", "annannann", "bob@example.org", "ann@example.org", "x"); err == nil {
		t.Error("ann can send as bob")
	}
	// Each has its own figures.
	if body := metrics(t, public); !strings.Contains(body, "mox_") {
		t.Errorf("no figures: %.200s", body)
	}
}

func setPassword(t *testing.T, r *running, account, password string) {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"--config", r.path, "setaccountpassword", account}, strings.NewReader(password+"\n"), &out, &errs); code != exitOK {
		t.Fatalf("setting password: %s", errs.String())
	}
}

func metrics(t *testing.T, r *running) string {
	t.Helper()
	client := nethttp.Client{Transport: &nethttp.Transport{DialContext: r.net.dial, DisableKeepAlives: true}}
	resp, err := client.Get("http://" + r.addrs["MetricsHTTP"] + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// A submitted message that a transport refuses is reported to its sender.
func TestRoutesAndFailureReport(t *testing.T) {
	t.Parallel()
	r := startServer(t, config.Options{Path: realConfig(t)})
	setPassword(t, r, "ann", "annannann")
	if err := r.submit("ann@example.org", "annannann", "ann@example.org", "x@example.net", "refused"); err != nil {
		t.Fatal(err)
	}
	s, err := r.imap("ann@example.org", "annannann")
	if err != nil {
		t.Fatal(err)
	}
	if got := s.subjects("Inbox", 1); len(got) != 1 || got[0] == "refused" {
		t.Errorf("instead of a report: %q", got)
	}
	if body := s.command("FETCH 1 BODY.PEEK[]"); !strings.Contains(body, "we do not talk to them") || !strings.Contains(body, "message/delivery-status") {
		t.Errorf("report:\n%s", body)
	}
}

// The queue of a running server and of one that is stopped.
func TestQueueCommands(t *testing.T) {
	t.Parallel()
	r := startLocalserve(t)
	if out := r.command("queue", "list"); out != "no entries\n" {
		t.Errorf("empty queue: %q", out)
	}
	// It comes back to the same server.
	if err := r.submit("mox@localhost", "moxmoxmox", "any@example.org", "b@example.net", "around"); err != nil {
		t.Fatal(err)
	}
	s, err := r.imap("mox@localhost", "moxmoxmox")
	if err != nil {
		t.Fatal(err)
	}
	if got := s.subjects("Inbox", 1); len(got) != 1 || got[0] != "around" {
		t.Errorf("inbox has %q", got)
	}
	// Refused for now: it stays in the queue.
	if err := r.submit("mox@localhost", "moxmoxmox", "mox@localhost", "queuetemperror@example.net", "stays"); err != nil {
		t.Fatal(err)
	}
	// What is delivered is noted by the queue after that.
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		out := r.command("queue", "list", "--json")
		if !strings.Contains(out, `"to":"queuetemperror@example.net"`) {
			t.Errorf("queue: %s", out)
		}
		if !strings.Contains(out, "b@example.net") {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("queue: %s", out)
		}
	}
	id := regexp.MustCompile(`(?m)^([0-9]+) +([0-9]+) `).FindStringSubmatch(r.command("queue", "list"))
	if id == nil {
		t.Fatal("no id in the list")
	}
	if out := r.command("queue", "dump", id[2]); !strings.Contains(out, "Subject: stays\r\n") {
		t.Errorf("dump: %q", out)
	}
	for _, tc := range []struct{ args, want string }{
		{"hold " + id[1], "1"},
		{"hold " + id[1], "0"},
		{"list --state held --json", `"state":"held"`},
		{"schedule --in 1h --all", "1"},
		{"unhold --to queuetemp", "1"},
		{"unhold --to queuetemp", "0"},
		{"hold --account mox", "1"},
	} {
		if out := r.command(append([]string{"queue"}, strings.Fields(tc.args)...)...); !strings.Contains(out, tc.want) {
			t.Errorf("queue %s: %q, want %q", tc.args, out, tc.want)
		}
	}

	for _, args := range []string{"hold --domain example.com", "drop 999999"} {
		if code, out, errs := mox(t, append([]string{"--config", r.path, "queue"}, strings.Fields(args)...)...); code != exitFailure || !strings.Contains(errs, "no entry of the queue matches") {
			t.Errorf("queue %s: exit code %d, %s%s", args, code, out, errs)
		}
	}

	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	// The same without a server.
	if out := r.command("queue", "list", "--state", "held"); !strings.Contains(out, "queuetemperror@example.net") {
		t.Errorf("queue: %s", out)
	}
	if out := r.command("queue", "fail", id[1]); out != "1\n" {
		t.Errorf("fail: %q", out)
	}
	if out := r.command("queue", "list", "--final", "--state", "failed"); !strings.Contains(out, "queuetemperror@example.net") {
		t.Errorf("queue: %s", out)
	}

	for _, args := range []string{"hold", "drop x", "list --state gone", "schedule --in -5m --all", "dump 0", "fail"} {
		if code, _, errs := mox(t, append([]string{"--config", r.path, "queue"}, strings.Fields(args)...)...); code != exitUsage {
			t.Errorf("queue %s: exit code %d, %s", args, code, errs)
		}
	}
	if code, _, errs := mox(t, "--config", r.path, "queue", "dump", "99999"); code != exitFailure || !strings.Contains(errs, "no such message") {
		t.Errorf("dump of nothing: exit code %d, %s", code, errs)
	}
}

// Only one process has the data.
func TestSecondServerIsRefused(t *testing.T) {
	t.Parallel()
	r := startLocalserve(t)
	err := serve(t.Context(), serveOptions{
		config: config.Options{Path: r.path, Localserve: &config.Localserve{Account: localAccount}},
		log:    slog.New(slog.DiscardHandler),
		levels: new(logging.Levels),
		listen: (&network{listeners: map[string]*memnet.Listener{}}).listen,
	})
	if err == nil || !strings.Contains(err.Error(), "another mox runs") {
		t.Errorf("second server: %v", err)
	}
	if err := r.send("x@example.net", "y@example.net", "still here"); err != nil {
		t.Errorf("the first server after that: %v", err)
	}
}

func TestStartFailures(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		err  error
		want string
	}{
		{syscall.EADDRINUSE, "is in use; stop the other program"},
		{syscall.EACCES, "CAP_NET_BIND_SERVICE"},
		{syscall.EADDRNOTAVAIL, "does not have the address 127.0.0.1"},
	} {
		path := realConfig(t)
		err := serve(t.Context(), serveOptions{
			config: config.Options{Path: path},
			log:    slog.New(slog.DiscardHandler),
			levels: new(logging.Levels),
			listen: func(network, addr string) (net.Listener, error) {
				return nil, &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", tc.err)}
			},
		})
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v: %v", tc.err, err)
		}
		// Nothing was made before that was known.
		if _, err := os.Stat(filepath.Join(filepath.Dir(path), "data")); err == nil {
			t.Error("a server that cannot listen made a data directory")
		}
	}
}

// The command ends, and says why, when a server cannot start.
func TestCommandOfFailedStart(t *testing.T) {
	t.Parallel()
	path := localserveDirectory(t)
	ip := ownAddress(93)
	taken, err := net.Listen("tcp", ip+":1025")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	code, _, errs := mox(t, "localserve", "--dir", filepath.Dir(path), "--ip", ip)
	if code != exitFailure || !strings.Contains(errs, ip+":1025 is in use") {
		t.Errorf("exit code %d: %s", code, errs)
	}
}

// A reload makes new accounts and does not touch who is connected.
func TestReloadAddsAccount(t *testing.T) {
	t.Parallel()
	r := startServer(t, config.Options{Path: realConfig(t)})
	setPassword(t, r, "ann", "annannann")
	if err := r.send("x@example.net", "new@example.org", "early"); replyCode(err) != 550 {
		t.Errorf("before: %v", err)
	}
	path := filepath.Join(filepath.Dir(r.path), "domains.conf")
	var d config.Dynamic
	if err := sconf.ParseFile(path, &d); err != nil {
		t.Fatal(err)
	}
	d.Accounts["new"] = config.DynamicAccount{Domain: "example.org", Destinations: map[string]config.DynamicDestination{"new@example.org": {}}}
	if err := writeConfig(path, &d); err != nil {
		t.Fatal(err)
	}
	r.command("config", "reload")
	if err := r.send("x@example.net", "new@example.org", "hello"); err != nil {
		t.Errorf("after: %v", err)
	}
	if err := os.WriteFile(path, []byte("Domains:\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := mox(t, "--config", r.path, "config", "reload"); code != exitFailure || !strings.Contains(errs, "domains.conf") {
		t.Errorf("reload of a bad file: exit code %d, %s", code, errs)
	}
	if err := r.send("x@example.net", "new@example.org", "hello again"); err != nil {
		t.Errorf("after a bad reload: %v", err)
	}
	if err := writeConfig(path, &d); err != nil {
		t.Fatal(err)
	}
}

func TestSendLimitOfAccount(t *testing.T) {
	t.Parallel()
	r := startServer(t, config.Options{Path: realConfig(t)})
	setPassword(t, r, "ann", "annannann")
	for i, want := range []int{0, 0, 450} {
		err := r.submit("ann@example.org", "annannann", "ann@example.org", "ann@example.org", "x")
		if got := replyCode(err); got != want {
			t.Errorf("submission %d: %v, want code %d", i+1, err, want)
		}
	}
}
