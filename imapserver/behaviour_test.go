package imapserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mox/internal/corpus"
	"mox/internal/memnet"
	"mox/internal/ratelimit"
	"mox/login"
	"mox/sasl"
)

func TestShutdownSaysBye(t *testing.T) {
	t.Parallel()
	s := newServer(t, newStore(t, t.TempDir()), nil)
	waiting := s.login()
	idle := s.login()
	idle.cmd("SELECT INBOX", "OK ...")
	idle.send("i IDLE\r\n")
	idle.expect("+ Idling")
	fresh := s.dial()
	fresh.expect("* OK ...")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Fatalf("shutdown: %v", err)
	}
	for _, c := range []*testClient{waiting, idle, fresh} {
		c.expect("* BYE Server is shutting down")
		c.expectEOF()
	}
	if _, err := s.ln.Dial(t.Context()); err == nil {
		t.Error("connection accepted after shutdown")
	}
}

// A listener that comes too late is closed like the others: nobody waits at it.
func TestServeAfterShutdown(t *testing.T) {
	t.Parallel()
	s := newServer(t, newStore(t, t.TempDir()), nil)
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	ln := memnet.Listen("192.0.2.1:143")
	if err := s.Serve(ln, ListenerOptions{Name: "late"}); !errors.Is(err, ErrServerClosed) {
		t.Errorf("serve: %v", err)
	}
	if _, err := ln.Dial(t.Context()); err == nil {
		t.Error("the listener is open")
	}
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, newStore(t, t.TempDir()), nil)
		start := time.Now()
		c := s.dial()
		c.expect("* OK ...")
		c.expect("* BYE Nothing heard for too long")
		c.expectEOF()
		if d := time.Since(start); d != 3*time.Minute {
			t.Errorf("connection without login ended after %v, want 3m", d)
		}
		c = s.login()
		start = time.Now()
		c.send("i IDLE\r\n")
		c.expect("+ Idling")
		c.expect("* BYE Nothing heard for too long")
		if d := time.Since(start); d != 30*time.Minute {
			t.Errorf("IDLE ended after %v, want 30m", d)
		}
		// A client that stops in the middle of a command.
		c = s.login()
		start = time.Now()
		c.send("a LOGIN x")
		c.expect("* BYE ...")
		if d := time.Since(start); d != 5*time.Minute {
			t.Errorf("half a command ended after %v, want 5m", d)
		}
	})
}

func TestBadCommandsEndConnection(t *testing.T) {
	t.Parallel()
	s := newServer(t, newStore(t, t.TempDir()), func(_ *Options, lo *ListenerOptions) { lo.MaxBadCommands = 3 })
	c := s.dial()
	c.expect("* OK ...")
	c.cmd("BAD1", "BAD ...")
	c.cmd("NOOP", "OK ...")
	c.cmd("BAD1", "BAD ...")
	c.cmd("BAD2", "BAD ...")
	c.cmd("BAD3", "BAD ...")
	c.expect("* BYE Too many bad commands")
	c.expectEOF()

	c = s.dial()
	c.expect("* OK ...")
	c.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	c.expect("* BYE ...")
	c.expectEOF()

	s = newServer(t, newStore(t, t.TempDir()), func(_ *Options, lo *ListenerOptions) {
		lo.MaxBadCommands, lo.Unlimited = 3, []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	c = s.dial()
	c.expect("* OK ...")
	for range 10 {
		c.cmd("BAD1", "BAD ...")
	}
}

func TestStartTLSDropsWhatCameBefore(t *testing.T) {
	t.Parallel()
	s := newServer(t, newStore(t, t.TempDir()), func(_ *Options, lo *ListenerOptions) { lo.TLS = testTLS() })
	c := s.dial()
	c.expect("* OK ...")
	c.send("a STARTTLS\r\nb LOGIN " + testLogin + " " + testPassword + "\r\n")
	c.expect("a OK ...")
	c.startTLS()
	c.send("c SELECT INBOX\r\n")
	c.expect("c BAD Log in first")
}

func TestPipelinedCommands(t *testing.T) {
	t.Parallel()
	s := newServer(t, newStore(t, t.TempDir()), nil)
	c := s.login()
	var b strings.Builder
	for i := range 100 {
		fmt.Fprintf(&b, "p%d NOOP\r\n", i)
	}
	c.send(b.String())
	for i := range 100 {
		c.expect(fmt.Sprintf("p%d OK NOOP done", i))
	}
}

func TestLiteralLimits(t *testing.T) {
	t.Parallel()
	s := newServer(t, newStore(t, t.TempDir()), func(_ *Options, lo *ListenerOptions) { lo.MaxMessageSize = 1000 })
	c := s.login()
	// Refused without being sent, and swallowed where it comes unasked.
	c.cmd("APPEND INBOX {1001}", "NO [TOOBIG] ...")
	c.cmd("APPEND INBOX {1001+}\r\n"+strings.Repeat("x", 1001), "NO [TOOBIG] ...")
	c.cmd("APPEND nothing {10}", "NO [TRYCREATE] ...")
	c.cmd("APPEND nothing {10+}\r\n0123456789", "NO [TRYCREATE] ...")
	c.cmd("LOGIN {9999999}", "BAD ...")
	c.cmd("NOOP", "OK ...")
	// A line without end.
	c.send("a NOOP " + strings.Repeat("x", 200<<10) + "\r\n")
	if line := c.readLine(); !match("...BAD ...", line) && !match("* BYE ...", line) {
		t.Fatalf("long line: got %q", line)
	}

	// More than is skipped, before a login.
	c = s.dial()
	c.expect("* OK ...")
	c.send("a XYZZY {70000+}\r\n")
	c.expect("* BYE [TOOBIG] Command too big")
	c.expectEOF()
}

func TestFailedLoginsAreSlow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, newStore(t, t.TempDir()), func(o *Options, _ *ListenerOptions) {
			o.Logins = testLogins(func(o *login.Options) { o.FailDelay = 0 })
		})
		c := s.dial()
		c.expect("* OK ...")
		for i := range 3 {
			start := time.Now()
			c.cmd("LOGIN "+testLogin+" wrong", "NO [AUTHENTICATIONFAILED] ...")
			if d, want := time.Since(start), time.Duration(i+1)*time.Second; d != want {
				t.Errorf("failure %d is answered after %v, want %v", i, d, want)
			}
		}
	})
}

// An account may have so many connections, a client that is not limited any number.
func TestConnectionsPerAccount(t *testing.T) {
	t.Parallel()
	for _, unlimited := range []bool{false, true} {
		s := newServer(t, newStore(t, t.TempDir()), func(_ *Options, lo *ListenerOptions) {
			lo.AccountConns = ratelimit.NewCounts[string](1)
			if unlimited {
				lo.Unlimited = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
			}
		})
		a, b := s.login(), s.dial()
		b.expect("* OK ...")
		if unlimited {
			b.cmd("LOGIN "+testLogin+" "+testPassword, "OK ...")
			continue
		}
		b.cmd("LOGIN "+testLogin+" "+testPassword, "NO [LIMIT] Too many open connections of your account, close some first")
		b.cmd("NOOP", "OK ...")
		a.cmd("LOGOUT", "OK ...")
		if _, err := a.r.ReadByte(); err != io.EOF {
			t.Fatalf("after LOGOUT: %v", err)
		}
		b.cmd("LOGIN "+testLogin+" "+testPassword, "OK ...")
	}
}

// A listener may restrict mechanisms. Without those that send the password, LOGIN is none either.
func TestListenerMechanisms(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		mechanisms  []string
		want, login string
	}{
		{nil, "AUTH=SCRAM-SHA-256-PLUS AUTH=SCRAM-SHA-256 AUTH=SCRAM-SHA-1-PLUS AUTH=SCRAM-SHA-1 AUTH=CRAM-MD5 AUTH=PLAIN AUTH=LOGIN", "OK ..."},
		{[]string{sasl.Login, sasl.SCRAMSHA256}, "AUTH=SCRAM-SHA-256 AUTH=LOGIN", "OK ..."},
		{[]string{sasl.SCRAMSHA256}, "AUTH=SCRAM-SHA-256 LOGINDISABLED", "NO [CANNOT] ..."},
		{[]string{sasl.External}, "LOGINDISABLED", "NO [CANNOT] Passwords are not taken here, use AUTHENTICATE"},
	} {
		s := newAuthServer(t, testUsers(), func(_ *login.Options, _ *Options, lo *ListenerOptions) { lo.Mechanisms = tt.mechanisms })
		c := s.dial()
		c.expect("* OK ...")
		c.startTLSVersion(tls.VersionTLS13)
		got := c.cmd("CAPABILITY", "OK ...")
		if _, list, _ := strings.Cut(got[0], " SASL-IR "); list != tt.want {
			t.Errorf("%q: got %q, want %q", tt.mechanisms, list, tt.want)
		}
		c.cmd("LOGIN "+testLogin+" "+testPassword, tt.login)
	}
}

// literal reads the literal that a line announces, and the rest of the response.
func (c *testClient) literal(line string) (data, rest string) {
	c.t.Helper()
	i := strings.LastIndexByte(line, '{')
	n, err := strconv.Atoi(strings.TrimSuffix(line[i+1:], "}"))
	if i < 0 || err != nil {
		c.t.Fatalf("no literal in %q", line)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(c.r, b); err != nil {
		c.t.Fatalf("reading literal: %v", err)
	}
	return string(b), c.readLine()
}

// TestCorpus stores real and broken messages and fetches and searches them in every way.
func TestCorpus(t *testing.T) {
	t.Parallel()
	s := newServer(t, newStore(t, t.TempDir()), nil)
	c := s.login()
	var all []string
	for _, m := range corpus.Messages(t) {
		if len(m.Data) == 0 {
			continue
		}
		all = append(all, string(m.Data))
		c.append("INBOX", "", string(m.Data))
	}
	c.cmd("SELECT INBOX", "OK ...")
	for i, want := range all {
		c.send(fmt.Sprintf("f FETCH %d (BODY.PEEK[])\r\n", i+1))
		got, rest := c.literal(c.readLine())
		if got != want || rest != ")" {
			t.Fatalf("message %d comes back as other bytes", i+1)
		}
		c.expect("f OK FETCH done")
	}
	for _, items := range []string{
		"ALL", "FULL", "(BODY BODYSTRUCTURE UID)", "(BODY.PEEK[HEADER] BODY.PEEK[TEXT] RFC822.SIZE)",
		"(BODY.PEEK[1] BODY.PEEK[1.MIME] BODY.PEEK[1.1] BODY.PEEK[2] BODY.PEEK[2.HEADER] BODY.PEEK[2.TEXT] BODY.PEEK[1]<1.10>)",
		"(BODY.PEEK[HEADER.FIELDS (From Subject X-None)] BODY.PEEK[HEADER.FIELDS.NOT (From)] BODY.PEEK[1.HEADER.FIELDS (To)])",
		"(RFC822 RFC822.HEADER RFC822.TEXT FLAGS INTERNALDATE ENVELOPE)",
	} {
		n := 0
		c.send("f FETCH 1:* " + items + "\r\n")
		for {
			line := c.readLine()
			if strings.HasPrefix(line, "f ") {
				if line != "f OK FETCH done" {
					t.Fatalf("FETCH %s: %s", items, line)
				}
				break
			}
			if strings.HasPrefix(line, fmt.Sprintf("* %d FETCH (", n+1)) {
				n++
			}
			for strings.HasSuffix(line, "}") && strings.Contains(line, "{") {
				_, line = c.literal(line)
			}
		}
		if n != len(all) {
			t.Errorf("FETCH %s: %d responses, want %d", items, n, len(all))
		}
	}
	for _, key := range []string{"SUBJECT re", "FROM a", "TEXT the", "BODY free", "HEADER Received \"\"", "SENTSINCE 1-Jan-2000", "OR TO a CC b", "NOT BCC x"} {
		c.cmd("SEARCH "+key, "OK SEARCH done")
	}
}
