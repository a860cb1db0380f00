package smtpserver

import (
	"crypto/tls"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mox/internal/memnet"
	"mox/internal/ratelimit"
	"mox/login"
)

func limited(l LimitOptions) func(*Options, *ListenerOptions) {
	return func(o *Options, lo *ListenerOptions) {
		l.Now = time.Now
		lo.Limits = NewLimits(l)
		lo.Unlimited = []netip.Prefix{loopback}
	}
}

func TestConnectionLimits(t *testing.T) {
	t.Parallel()
	ts := newServer(t, limited(LimitOptions{Connections: ratelimit.ConnLimits{Total: 3, Client: 1, Network: 2}}))
	a := ts.dialFrom("192.0.2.1:1")
	a.want("220 ")
	b := ts.dialFrom("192.0.2.1:2")
	b.want("421 4.7.0")
	b.wantClosed()
	ts.dialFrom("192.0.2.2:1").want("220 ")
	ts.dialFrom("192.0.2.3:1").want("421 4.7.0") // Network.
	ts.dialFrom("198.51.100.1:1").want("220 ")
	ts.dialFrom("203.0.113.1:1").want("421 4.7.0") // Total.
	for range 5 {
		ts.dialFrom("127.0.0.1:1").want("220 ") // Not limited.
	}
	a.cmd("QUIT", "221 ")
	a.wantClosed()
	again := ts.dialFrom("192.0.2.1:3")
	again.want("220 ")
}

func TestConnectRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ts := newServer(t, limited(LimitOptions{Connects: ratelimit.NetworkOptions{Client: []ratelimit.Rate{{Period: time.Minute, Max: 2}}}}))
		for range 2 {
			c := ts.dialFrom("[2001:db8::1]:1")
			c.hello()
			c.cmd("QUIT", "221 ")
		}
		ts.dialFrom("[2001:db8::2]:1").want("421 4.7.0") // The same /64.
		ts.dialFrom("[2001:db8:0:1::1]:1").want("220 ")
		time.Sleep(2 * time.Minute)
		ts.dialFrom("[2001:db8::2]:1").want("220 ")
	})
}

func TestMessageRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ts := newServer(t, limited(LimitOptions{Messages: ratelimit.NetworkOptions{Client: []ratelimit.Rate{{Period: time.Minute, Max: 1}}}}))
		c := ts.dialFrom("192.0.2.1:1")
		c.hello()
		if s := c.send("a@b.example", simple, "alice@example.org"); !strings.HasPrefix(s, "250 ") {
			t.Fatal(s)
		}
		c.cmd("MAIL FROM:<a@b.example>", "450 4.7.1")
		time.Sleep(2 * time.Minute)
		c.cmd("MAIL FROM:<a@b.example>", "250 ")

		free := ts.dialFrom("127.0.0.1:1")
		free.hello()
		for range 3 {
			if s := free.send("a@b.example", simple, "alice@example.org"); !strings.HasPrefix(s, "250 ") {
				t.Fatal(s)
			}
		}
	})
}

func TestRecipientLimit(t *testing.T) {
	t.Parallel()
	ts := newServer(t, limited(LimitOptions{Recipients: 1})) // RFC 5321 §4.5.3.1.8: at least 100.
	c := ts.dial()
	c.want("220 ")
	c.write("EHLO client.example.net\r\n")
	told := ""
	for line := "250-"; strings.HasPrefix(line, "250-"); told += line + "\n" {
		line, _ = c.line()
	}
	if !strings.Contains(told, "LIMITS RCPTMAX=100\n") { // RFC 9422.
		t.Errorf("the limit is not told:\n%s", told)
	}
	c.cmd("MAIL FROM:<a@b.example>", "250 ")
	// Case makes another path of the same mailbox.
	for i := range 32 {
		c.cmd("RCPT TO:<"+cased("alice", i)+"@example.org>", "250 ")
	}
	for i := range 100 - 32 {
		c.cmd("RCPT TO:<"+cased("postmaster", i)+"@example.org>", "250 ")
	}
	c.cmd("RCPT TO:<bob@example.org>", "452 4.5.3")
	// The limit is no error of the others, and a repeated one is not another.
	c.cmd("RCPT TO:<alice@example.org>", "250 ")
	c.cmd("DATA", "354 ")
	c.write(simple + ".\r\n")
	c.want("250 ")
}

// cased returns the nth way to write s in upper and lower case.
func cased(s string, n int) string {
	b := []byte(s)
	for i := range b {
		if n&(1<<i) != 0 {
			b[i] -= 'a' - 'A'
		}
	}
	return string(b)
}

func TestBadCommandsEndTheConnection(t *testing.T) {
	t.Parallel()
	ts := newServer(t, limited(LimitOptions{BadCommands: 3}))
	c := ts.dialFrom("192.0.2.1:1")
	c.hello()
	c.cmd("FOO", "500 5.5.1")
	c.cmd("NOOP", "250 ")
	c.cmd("RCPT TO:<x>", "503 5.5.1")
	c.cmd("NOOP", "250 ")
	c.cmd("MAIL FROM:<>", "250 ")
	for range 10 { // Unknown users are no errors of the client.
		c.cmd("RCPT TO:<nobody@example.org>", "550 5.1.1")
	}
	c.cmd("BAR", "500 5.5.1")
	c.want("421 4.7.0")
	c.wantClosed()

	free := ts.dialFrom("127.0.0.1:1")
	free.hello()
	for range 10 {
		free.cmd("FOO", "500 ")
	}
	free.cmd("NOOP", "250 ")
}

func TestCommandRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ts := newServer(t, limited(LimitOptions{CommandsPerMinute: 10}))
		c := ts.dialFrom("192.0.2.1:1")
		c.hello()
		c.cmd("MAIL FROM:<>", "250 ")
		begin := time.Now()
		for range 28 {
			c.cmd("NOOP", "250 ")
		}
		if took := time.Since(begin); took < time.Minute || took > 3*time.Minute {
			t.Errorf("30 commands at 10 per minute took %v", took)
		}
		free := ts.dialFrom("127.0.0.1:1")
		free.hello()
		begin = time.Now()
		for range 100 {
			free.cmd("NOOP", "250 ")
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("a client without limits was slowed down by %v", took)
		}
	})
}

func TestLineLimits(t *testing.T) {
	t.Parallel()
	ts := newServer(t, func(o *Options, lo *ListenerOptions) {
		submission(o, lo)
		lo.Unlimited = []netip.Prefix{loopback}
	})
	c := ts.dialFrom("127.0.0.1:1")
	c.hello()
	c.cmd("NOOP "+strings.Repeat("x", maxLine-5), "250 ")
	c.cmd("NOOP "+strings.Repeat("x", maxLine-4), "500 5.5.2")
	c.cmd(strings.Repeat("x", readBuffer-2), "500 5.5.2")
	c.cmd(strings.Repeat("x", 10*readBuffer), "500 5.5.2")
	c.cmd("NOOP", "250 ")
	// RFC 4954 §4: 12288 octets in an AUTH exchange, in the command too.
	c.cmd("AUTH PLAIN "+strings.Repeat("A", 12288), "501 ")
	c.cmd("AUTH PLAIN", "334 ")
	c.cmd(strings.Repeat("A", 12288), "501 ")
	c.cmd("AUTH PLAIN", "334 ")
	c.cmd(strings.Repeat("A", 2*readBuffer), "500 5.5.6")
	c.cmd("NOOP", "250 ")
}

func TestFailedLoginsAreSlow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ts := newServer(t, func(o *Options, lo *ListenerOptions) {
			submission(o, lo)
			lo.Unlimited = []netip.Prefix{loopback}
		})
		c := ts.dialFrom("192.0.2.1:1")
		c.hello()
		for i := range 12 {
			begin := time.Now()
			c.cmd("AUTH PLAIN AGFsaWNlAHdyb25n", "535 5.7.8")
			if took, want := time.Since(begin), min(time.Duration(i+1)*time.Second, 10*time.Second); took != want {
				t.Errorf("failure %d was answered after %v, want %v", i, took, want)
			}
		}
		free := ts.dialFrom("127.0.0.1:1")
		free.hello()
		begin := time.Now()
		free.cmd("AUTH PLAIN AGFsaWNlAHdyb25n", "535 5.7.8")
		if took := time.Since(begin); took != 0 {
			t.Errorf("a client without limits waited %v", took)
		}
	})
}

func TestFailedLoginLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		users := testUsers()
		ts := newServer(t, func(o *Options, lo *ListenerOptions) {
			submission(o, lo)
			o.Logins = testLogins(func(o *login.Options) {
				o.Authenticate = users.Authenticate
				o.Failures = ratelimit.NewLogins(ratelimit.LoginOptions{
					Clients: ratelimit.NetworkOptions{Client: []ratelimit.Rate{{Period: time.Hour, Max: 2}}},
					Names:   []ratelimit.Rate{{Period: time.Hour, Max: 3}},
				})
			})
		})
		c := ts.dialFrom("192.0.2.1:1")
		c.hello()
		c.cmd("AUTH PLAIN AGFsaWNlAHdyb25n", "535 5.7.8")
		c.cmd("AUTH PLAIN AGFsaWNlAHdyb25n", "535 5.7.8")
		// The right password does not help any more, and no password is tried.
		c.cmd("AUTH PLAIN AGFsaWNlAHMzY3JldA==", "535 5.7.8")
		if tried := users.Tried.Load(); tried != 2 {
			t.Errorf("%d passwords were tried", tried)
		}
		// From elsewhere the name has one guess left.
		d := ts.dialFrom("198.51.100.1:1")
		d.hello()
		d.cmd("AUTH PLAIN AGFsaWNlAHdyb25n", "535 5.7.8")
		d.cmd("AUTH PLAIN AGFsaWNlAHMzY3JldA==", "535 5.7.8")
		if tried := users.Tried.Load(); tried != 3 {
			t.Errorf("%d passwords were tried", tried)
		}
		time.Sleep(2 * time.Hour)
		e := ts.dialFrom("192.0.2.1:1")
		e.hello()
		e.cmd("AUTH PLAIN AGFsaWNlAHMzY3JldA==", "235 2.7.0")
	})
}

func TestConnectionsPerAccount(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		ts := newServer(t, func(o *Options, lo *ListenerOptions) {
			submission(o, lo)
			lo.Limits = NewLimits(LimitOptions{ConnectionsPerAccount: 1})
		})
		a, b := ts.dial(), ts.dial()
		a.hello()
		b.hello()
		if secure {
			a.startTLSVersion(tls.VersionTLS13)
			a.cmd("EHLO client.example.net", "250 ")
		}
		a.cmd("AUTH PLAIN AGFsaWNlAHMzY3JldA==", "235 ")
		b.cmd("AUTH PLAIN AGFsaWNlAHMzY3JldA==", "454 4.7.0")
		a.cmd("QUIT", "221 ")
		a.wantClosed()
		b.cmd("AUTH PLAIN AGFsaWNlAHMzY3JldA==", "235 ")
	}
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	// Each returns a connection that then waits for the client.
	for name, tt := range map[string]struct {
		prepare func(c *testClient)
		want    time.Duration
	}{
		"silent from the start": {func(c *testClient) { c.want("220 ") }, DefaultLoginTimeout},
		"no message":            {func(c *testClient) { c.hello() }, DefaultLoginTimeout},
		"half a command":        {func(c *testClient) { c.want("220 "); c.write("EHL") }, DefaultLoginTimeout},
		"transaction": {func(c *testClient) {
			c.hello()
			c.cmd("MAIL FROM:<>", "250 ")
		}, DefaultTimeout},
		"after a message": {func(c *testClient) {
			c.hello()
			c.send("", simple, "alice@example.org")
		}, DefaultTimeout},
		"no data": {func(c *testClient) {
			c.hello()
			c.cmd("MAIL FROM:<>", "250 ")
			c.cmd("RCPT TO:<alice@example.org>", "250 ")
			c.cmd("DATA", "354 ")
		}, DefaultTimeout},
		"half of the data": {func(c *testClient) {
			c.hello()
			c.cmd("MAIL FROM:<>", "250 ")
			c.cmd("RCPT TO:<alice@example.org>", "250 ")
			c.cmd("DATA", "354 ")
			c.write("Subject: x\r\n")
		}, DefaultTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ts := newServer(t, nil)
				c := ts.dial()
				tt.prepare(c)
				begin := time.Now()
				c.want("421 4.4.2")
				c.wantClosed()
				if took := time.Since(begin); took != tt.want {
					t.Errorf("took %v, want %v", took, tt.want)
				}
			})
		})
	}
}

func TestSlowClients(t *testing.T) {
	t.Parallel()
	t.Run("commands in time", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			ts := newServer(t, nil)
			c := ts.dial()
			c.hello()
			c.cmd("MAIL FROM:<>", "250 ")
			for range 20 {
				time.Sleep(4 * time.Minute)
				c.cmd("NOOP", "250 ")
			}
		})
	})
	t.Run("keeping busy without a message", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			ts := newServer(t, nil)
			c := ts.dial()
			c.hello()
			begin := time.Now()
			time.Sleep(time.Minute)
			c.cmd("NOOP", "250 ")
			c.want("421 4.4.2")
			if took := time.Since(begin); took != DefaultLoginTimeout {
				t.Errorf("took %v", took)
			}
		})
	})
	t.Run("data drop by drop", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			ts := newServer(t, nil)
			c := ts.dial()
			c.hello()
			c.cmd("MAIL FROM:<>", "250 ")
			c.cmd("RCPT TO:<alice@example.org>", "250 ")
			c.cmd("DATA", "354 ")
			c.nc.SetWriteDeadline(time.Time{})
			go func() {
				for range 100 {
					c.nc.Write([]byte("x"))
					time.Sleep(time.Minute)
				}
			}()
			begin := time.Now()
			c.want("421 4.4.2")
			if took := time.Since(begin); took != dataLimit {
				t.Errorf("took %v, want %v", took, dataLimit)
			}
			time.Sleep(2 * time.Hour)
		})
	})
	t.Run("chunk that is too large", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			ts := newServer(t, nil)
			c := ts.dial()
			c.hello()
			c.cmd("MAIL FROM:<>", "250 ")
			c.cmd("RCPT TO:<alice@example.org>", "250 ")
			c.write("BDAT 9223372036854775807\r\n")
			c.nc.SetWriteDeadline(time.Time{})
			go func() {
				for range 100 {
					c.nc.Write([]byte("x"))
					time.Sleep(time.Minute)
				}
			}()
			begin := time.Now()
			c.want("421 4.4.2")
			if took := time.Since(begin); took != dataLimit {
				t.Errorf("took %v, want %v", took, dataLimit)
			}
			time.Sleep(2 * time.Hour)
		})
	})
	t.Run("handshake", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			ts := newServer(t, func(o *Options, lo *ListenerOptions) {
				submission(o, lo)
				lo.Kind = Submissions
			})
			c := ts.dial()
			begin := time.Now()
			c.wantClosed()
			if took := time.Since(begin); took != tlsTimeout {
				t.Errorf("took %v", took)
			}
		})
	})
	t.Run("client that does not read", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			ts := newServer(t, nil)
			c := ts.dial()
			c.hello()
			for {
				c.nc.SetWriteDeadline(time.Now().Add(time.Minute))
				if _, err := fmt.Fprint(c.nc, strings.Repeat("HELP\r\n", 1000)); err != nil {
					break
				}
			}
			time.Sleep(2 * DefaultTimeout)
			synctest.Wait()
			ts.srv.mu.Lock()
			n := len(ts.srv.conns)
			ts.srv.mu.Unlock()
			if n != 0 {
				t.Error("the connection is still there")
			}
		})
	})
}

func TestListenersShareLimits(t *testing.T) {
	t.Parallel()
	l := NewLimits(LimitOptions{Connections: ratelimit.ConnLimits{Client: 1}})
	share := func(_ *Options, lo *ListenerOptions) { lo.Limits = l }
	a, b := newServer(t, share), newServer(t, share)
	a.dial().want("220 ")
	b.dial().want("421 4.7.0")
}

func TestServeRefusesNonsense(t *testing.T) {
	t.Parallel()
	ts := newServer(t, nil)
	for name, lo := range map[string]ListenerOptions{
		"no hostname":         {},
		"submissions, no TLS": {Hostname: hostname, Kind: Submissions},
		"submission, no TLS":  {Hostname: hostname, Kind: Submission},
		"require TLS, no TLS": {Hostname: hostname, RequireTLS: true},
		"unknown kind":        {Hostname: hostname, Kind: 9},
	} {
		if err := ts.srv.Serve(memnet.Listen("192.0.2.1:25"), lo); err == nil || strings.Contains(err.Error(), "closed") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := New(Options{}); err == nil {
		t.Error("a server without addresses was made")
	}
}
