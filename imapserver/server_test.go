package imapserver

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mox/internal/memnet"
	"mox/login"
	"mox/store"
)

const (
	testAccount  = "mox"
	testLogin    = "mox@example.org"
	testPassword = "testtest"
)

// hangTimeout ends what hangs. A machine that is busy with other things takes long, and is not wrong.
const hangTimeout = 2 * time.Minute

// testServer is an IMAP server in memory with an account.
type testServer struct {
	*Server
	t     testing.TB
	store *store.Store
	ln    *memnet.Listener
}

// newStore returns a store with the test account, which is verified when the test ends.
func newStore(t testing.TB, dir string, options ...func(*store.Options)) *store.Store {
	t.Helper()
	opts := store.Options{Dir: dir}
	for _, fn := range options {
		fn(&opts)
	}
	st, err := store.New(opts)
	if err != nil {
		t.Fatalf("opening store: %v", err)
	}
	t.Cleanup(func() {
		verify(t, st)
		if err := st.Close(); err != nil {
			t.Errorf("closing store: %v", err)
		}
	})
	if err := st.Create(t.Context(), testAccount); err != nil {
		t.Fatalf("creating account: %v", err)
	}
	return st
}

func verify(t testing.TB, st *store.Store) {
	t.Helper()
	err := st.Verify(context.Background(), testAccount, true, func(p store.Problem) {
		t.Errorf("store is inconsistent: %s (%s)", p.What, p.Cure)
	})
	if err != nil {
		t.Errorf("verifying store: %v", err)
	}
}

// newServer serves the store on a listener in memory. Plaintext logins are allowed unless change says
// otherwise.
func newServer(t testing.TB, st *store.Store, change func(*Options, *ListenerOptions)) *testServer {
	t.Helper()
	s, served := startServer(t, st, change)
	t.Cleanup(func() { stopServer(t, s.Server, served) })
	return s
}

// startServer is newServer for those who end the server themselves, by stopServer.
func startServer(t testing.TB, st *store.Store, change func(*Options, *ListenerOptions)) (*testServer, chan error) {
	t.Helper()
	ln := memnet.Listen("127.0.0.1:143")
	s, served := serve(t, st, ln, change)
	return &testServer{Server: s, t: t, store: st, ln: ln}, served
}

// testLogins returns logins of the test account, with options that may be changed.
func testLogins(change func(*login.Options)) *login.Service {
	o := login.Options{Authenticate: testUsers().Authenticate, FailDelay: -1}
	if change != nil {
		change(&o)
	}
	s, err := login.New(o)
	if err != nil {
		panic(err)
	}
	return s
}

// serve serves the store on a listener.
func serve(t testing.TB, st *store.Store, ln net.Listener, change func(*Options, *ListenerOptions)) (*Server, chan error) {
	t.Helper()
	opts := Options{
		Accounts:   st,
		Logins:     testLogins(nil),
		Registerer: prometheus.NewRegistry(),
	}
	lo := ListenerOptions{Name: "test", PlaintextAuth: true}
	if change != nil {
		change(&opts, &lo)
	}
	s, err := New(opts)
	if err != nil {
		t.Fatalf("new server: %v", err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln, lo) }()
	return s, served
}

func stopServer(t testing.TB, s *Server, served chan error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), hangTimeout)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if err := <-served; !errors.Is(err, ErrServerClosed) {
		t.Errorf("serve: %v", err)
	}
	if n := panics(t, s.opts.Registerer.(prometheus.Gatherer)); n != 0 {
		t.Errorf("%v panics", n)
	}
}

// panics returns how many panics were caught.
func panics(t testing.TB, g prometheus.Gatherer) float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatalf("gathering metrics: %v", err)
	}
	for _, f := range families {
		if f.GetName() == "mox_imapserver_panics_total" {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatal("no metric of panics")
	return 0
}

// testClient is a client that works with lines.
type testClient struct {
	t    testing.TB
	nc   net.Conn
	r    *bufio.Reader
	last string // Line read.

	// Of a transcript: the last command, and whether the last line was sent.
	sent    string
	sending bool
	tag     int
}

func (s *testServer) dial() *testClient {
	s.t.Helper()
	nc, err := s.ln.Dial(s.t.Context())
	if err != nil {
		s.t.Fatalf("dial: %v", err)
	}
	s.t.Cleanup(func() { nc.Close() })
	return &testClient{t: s.t, nc: nc, r: bufio.NewReader(nc)}
}

// login returns a client that is logged in.
func (s *testServer) login() *testClient {
	s.t.Helper()
	c := s.dial()
	c.expect("* OK ...")
	c.cmd("LOGIN "+testLogin+" "+testPassword, "OK ...")
	return c
}

func (c *testClient) startTLS() {
	c.t.Helper()
	tc := tls.Client(c.nc, &tls.Config{InsecureSkipVerify: true})
	if err := tc.HandshakeContext(c.t.Context()); err != nil {
		c.t.Fatalf("tls handshake: %v", err)
	}
	c.nc, c.r = tc, bufio.NewReader(tc)
}

func (c *testClient) send(text string) {
	c.t.Helper()
	if _, err := c.nc.Write([]byte(text)); err != nil {
		c.t.Fatalf("writing %q: %v", text, err)
	}
}

func (c *testClient) readLine() string {
	c.t.Helper()
	line, err := c.r.ReadString('\n')
	if err != nil {
		c.t.Fatalf("reading after %q: %v", c.last, err)
	}
	c.last = line
	return strings.TrimSuffix(line, "\r\n")
}

// expect reads a line that matches, see match.
func (c *testClient) expect(pattern string) string {
	c.t.Helper()
	line := c.readLine()
	if !match(pattern, line) {
		c.t.Fatalf("got %q, want %q", line, pattern)
	}
	return line
}

func (c *testClient) expectEOF() {
	c.t.Helper()
	if line, err := c.r.ReadString('\n'); err == nil {
		c.t.Fatalf("got %q, want the end", line)
	}
}

// cmd sends a command and returns the untagged lines before the tagged response, which must
// match after its tag.
func (c *testClient) cmd(command, pattern string) []string {
	c.t.Helper()
	c.tag++
	tag := fmt.Sprintf("t%d", c.tag)
	c.send(tag + " " + command + "\r\n")
	var untagged []string
	for {
		line := c.readLine()
		rest, ok := strings.CutPrefix(line, tag+" ")
		if !ok {
			untagged = append(untagged, line)
			continue
		}
		if !match(pattern, rest) {
			c.t.Fatalf("%s: got %q, want %q", command, rest, pattern)
		}
		return untagged
	}
}

// append adds a message and returns after the response.
func (c *testClient) append(mailbox, flags, msg string) {
	c.t.Helper()
	c.cmd(fmt.Sprintf("APPEND %s (%s) {%d+}\r\n%s", mailbox, flags, len(msg), msg), "OK [APPENDUID ...")
}

// match compares with a pattern in which "..." stands for any text.
func match(pattern, s string) bool {
	parts := strings.Split(pattern, "...")
	if len(parts) == 1 {
		return pattern == s
	}
	if !strings.HasPrefix(s, parts[0]) {
		return false
	}
	s = s[len(parts[0]):]
	for _, p := range parts[1 : len(parts)-1] {
		i := strings.Index(s, p)
		if i < 0 {
			return false
		}
		s = s[i+len(p):]
	}
	return strings.HasSuffix(s, parts[len(parts)-1])
}

// testTLS returns a server configuration with a certificate of its own.
var testTLS = sync.OnceValue(func() *tls.Config { return selfSigned() })
