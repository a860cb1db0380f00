package smtpserver

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"mox/config"
	"mox/dns"
	"mox/internal/memnet"
	"mox/login"
	"mox/login/logintest"
	"mox/pipeline"
	"mox/pipeline/targettest"
	"mox/smtp"
)

// hangTimeout ends what hangs. A machine that is busy with other things takes long, and is not wrong.
const hangTimeout = 2 * time.Minute

// testTime is when all messages of tests arrive.
var testTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))

// addresses are those of the tests: alice and bob with their addresses at example.org, of which
// info and sales both are alice's, and lists is another mailbox of hers.
type addresses struct{}

var _ Addresses = addresses{}

func (addresses) LookupPath(p smtp.Path) (config.Destination, smtp.Address, error) {
	a, ok := p.Address()
	if !ok {
		a = smtp.Address{Localpart: p.Localpart, Domain: dns.Domain{ASCII: "example.org"}}
	}
	switch a.Domain.ASCII {
	case "example.org", "xn--grsse-lva.example":
	case "disabled.example":
		return config.Destination{}, a, config.ErrDomainDisabled
	default:
		return config.Destination{}, a, config.ErrUnknownDomain
	}
	switch strings.ToLower(string(a.Localpart)) {
	case "alice", "info", "sales", "postmaster", "älice", "a b":
		return config.Destination{Account: "alice", Mailbox: "Inbox"}, a, nil
	case "lists":
		return config.Destination{Account: "alice", Mailbox: "Lists"}, a, nil
	case "bob":
		return config.Destination{Account: "bob", Mailbox: "Inbox"}, a, nil
	}
	return config.Destination{}, a, config.ErrUnknownUser
}

func (a addresses) LookupIncoming(p smtp.Path) (config.Destination, smtp.Address, error) {
	return a.LookupPath(p)
}

func (a addresses) AccountCanSendFrom(account string, address smtp.Address) bool {
	dest, _, err := a.LookupPath(address.Path())
	return err == nil && dest.Account == account
}

// counter makes ids that are the same in each run.
type counter struct{ n atomic.Uint64 }

func (c *counter) Read(p []byte) (int, error) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], c.n.Add(1))
	return copy(p, b[:]), nil
}

// testServer is a server in memory with one listener.
type testServer struct {
	t      testing.TB
	srv    *Server
	ln     *memnet.Listener
	served chan error

	local, queue, submit *targettest.Memory
	registry             *prometheus.Registry
	panics               float64 // That the test wants.
	log                  *logBuffer
}

// logBuffer is what a server has logged.
type logBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newServer starts a server whose options the test may change. At the end of the test it is
// shut down, and nothing may be left behind.
func newServer(t testing.TB, change func(*Options, *ListenerOptions)) *testServer {
	t.Helper()
	ts := &testServer{
		t:        t,
		ln:       memnet.Listen("192.0.2.25:25"),
		served:   make(chan error, 1),
		local:    &targettest.Memory{},
		queue:    &targettest.Memory{},
		submit:   &targettest.Memory{},
		registry: prometheus.NewRegistry(),
		log:      &logBuffer{},
	}
	spoolDir := t.TempDir()
	opts := Options{
		Addresses:  func() Addresses { return addresses{} },
		Logins:     testLogins(nil),
		Local:      ts.local,
		Queue:      ts.queue,
		Submit:     ts.submit,
		SpoolDir:   spoolDir,
		Log:        slog.New(slog.NewTextHandler(ts.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Now:        func() time.Time { return testTime },
		Rand:       &counter{},
		Registerer: ts.registry,
	}
	lo := ListenerOptions{Name: "test", Hostname: hostname}
	if change != nil {
		change(&opts, &lo)
	}
	var err error
	if ts.srv, err = New(opts); err != nil {
		t.Fatal(err)
	}
	go func() { ts.served <- ts.srv.Serve(ts.ln, lo) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), hangTimeout)
		defer cancel()
		if err := ts.srv.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-ts.served; !errors.Is(err, ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
		for _, m := range []*targettest.Memory{ts.local, ts.queue, ts.submit} {
			if n := m.Open(); n != 0 {
				t.Errorf("%d deliveries have not ended", n)
			}
		}
		if l, err := os.ReadDir(spoolDir); err != nil || len(l) > 0 {
			t.Errorf("left in spool directory: %v, %v", l, err)
		}
		if n := testutil.ToFloat64(ts.srv.metrics.panics); n != ts.panics {
			t.Errorf("the server panicked %v times, want %v:\n%s", n, ts.panics, ts.log)
		}
	})
	return ts
}

// testUsers are alice, by address or name, and bob.
func testUsers() *logintest.Users {
	return &logintest.Users{
		Password: "s3cret",
		Accounts: map[string]string{"alice": "alice", "alice@example.org": "alice", "bob@example.org": "bob"},
		Errors:   map[string]error{"disabled": &login.DisabledError{Reason: "ask the office"}, "fault": errors.New("database is broken")},
	}
}

// testLogins returns logins of those users, with options that may be changed.
func testLogins(change func(*login.Options)) *login.Service {
	o := login.Options{Authenticate: testUsers().Authenticate}
	if change != nil {
		change(&o)
	}
	s, err := login.New(o)
	if err != nil {
		panic(err)
	}
	return s
}

func submission(o *Options, lo *ListenerOptions) {
	lo.Kind = Submission
	lo.TLSConfig = testTLS()
	lo.AuthWithoutTLS = true
}

// testTLS makes a configuration with a certificate for mx.example.org.
var testTLS = sync.OnceValue(func() *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "mx.example.org"},
		DNSNames:     []string{"mx.example.org"},
		NotBefore:    time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2090, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
})

// testClient is a client that says what it is told.
type testClient struct {
	t  testing.TB
	nc net.Conn
	br *bufio.Reader
}

func (ts *testServer) dial() *testClient { return ts.dialFrom("198.51.100.7:40000") }

func (ts *testServer) dialFrom(addr string) *testClient {
	ts.t.Helper()
	nc, err := ts.ln.DialFrom(ts.t.Context(), addr)
	if err != nil {
		ts.t.Fatal(err)
	}
	ts.t.Cleanup(func() { nc.Close() })
	return &testClient{ts.t, nc, bufio.NewReader(nc)}
}

// write sends bytes as they are.
func (c *testClient) write(s string) {
	c.t.Helper()
	c.nc.SetWriteDeadline(time.Now().Add(hangTimeout))
	if _, err := io.WriteString(c.nc, s); err != nil {
		c.t.Fatalf("write: %v", err)
	}
}

// line reads a line, or returns the error.
func (c *testClient) line() (string, error) {
	c.nc.SetReadDeadline(time.Now().Add(24 * time.Hour)) // Of a test with its own clock.
	s, err := c.br.ReadString('\n')
	if err == nil && !strings.HasSuffix(s, "\r\n") {
		c.t.Errorf("reply line without CRLF: %q", s)
	}
	return strings.TrimSuffix(s, "\r\n"), err
}

// reply reads a reply of one or more lines and returns its last line.
func (c *testClient) reply() string {
	c.t.Helper()
	for {
		s, err := c.line()
		if err != nil {
			c.t.Fatalf("reading reply: %v (%q)", err, s)
		}
		if len(s) < 4 || s[3] != '-' {
			return s
		}
	}
}

// want reads a reply that begins with prefix.
func (c *testClient) want(prefix string) {
	c.t.Helper()
	if s := c.reply(); !strings.HasPrefix(s, prefix) {
		c.t.Fatalf("got %q, want %q", s, prefix)
	}
}

// cmd sends a line and wants a reply that begins with prefix.
func (c *testClient) cmd(line, prefix string) {
	c.t.Helper()
	c.write(line + "\r\n")
	c.want(prefix)
}

// wantClosed wants the end of the connection.
func (c *testClient) wantClosed() {
	c.t.Helper()
	if s, err := c.line(); err == nil {
		c.t.Fatalf("got %q, want the connection closed", s)
	}
}

// startTLS makes a handshake.
func (c *testClient) startTLS() {
	c.t.Helper()
	c.nc.SetReadDeadline(time.Time{})
	tc := tls.Client(c.nc, &tls.Config{InsecureSkipVerify: true})
	if err := tc.HandshakeContext(c.t.Context()); err != nil {
		c.t.Fatalf("handshake: %v", err)
	}
	c.nc, c.br = tc, bufio.NewReader(tc)
}

const simple = "From: <alice@example.org>\r\nTo: <bob@example.org>\r\nSubject: hi\r\nDate: Fri, 2 Jan 2026 03:04:05 +0100\r\nMessage-ID: <1@example.org>\r\n\r\nbody\r\n"

// send sends a message after the greeting was read and returns the final reply.
func (c *testClient) send(from, content string, to ...string) string {
	c.t.Helper()
	c.cmd("MAIL FROM:<"+from+">", "250 2.1.0")
	for _, s := range to {
		c.cmd("RCPT TO:<"+s+">", "250 2.1.5")
	}
	c.cmd("DATA", "354 ")
	c.write(content + ".\r\n")
	return c.reply()
}

// hello reads the greeting and says EHLO.
func (c *testClient) hello() {
	c.t.Helper()
	c.want("220 ")
	c.cmd("EHLO client.example.net", "250 ")
}

// contents returns what a target got, by recipient path and mailbox.
func contents(m *targettest.Memory) map[string]string {
	l := map[string]string{}
	for _, msg := range m.Messages() {
		l[msg.Recipient.Path.String()+" "+msg.Recipient.Mailbox] += msg.Content
	}
	return l
}

func using(l ...pipeline.Check) (uses []pipeline.Use) {
	for _, c := range l {
		uses = append(uses, pipeline.Use{Check: c})
	}
	return uses
}

var hostname = dns.Domain{ASCII: "mx.example.org"}

var everyone = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}

var loopback = netip.MustParsePrefix("127.0.0.0/8")
