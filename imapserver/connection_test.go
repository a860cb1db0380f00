package imapserver

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A client that begins TLS badly is gone, and nothing else.
func TestStartTLSHandshakeFails(t *testing.T) {
	t.Parallel()
	s := newServer(t, newStore(t, t.TempDir()), func(_ *Options, lo *ListenerOptions) { lo.TLS = testTLS() })
	for _, hello := range []string{"", "a NOOP\r\n", "\x16\x03\x01\x00\x05hello"} {
		c := s.dial()
		c.expect("* OK ...")
		c.cmd("STARTTLS", "OK ...")
		c.send(hello)
		c.nc.(interface{ CloseWrite() error }).CloseWrite()
		rest, err := io.ReadAll(c.r)
		if err != nil {
			t.Errorf("%q: %v", hello, err)
		}
		if strings.Contains(string(rest), "NO") || strings.Contains(string(rest), "OK") {
			t.Errorf("%q: answered in plain text with %q", hello, rest)
		}
	}
	s.dial().expect("* OK ...")
}

// The end of a TLS connection is announced, so that a client can tell it from one that was cut.
func TestTLSEndsOrderly(t *testing.T) {
	t.Parallel()
	s := newServer(t, newStore(t, t.TempDir()), func(_ *Options, lo *ListenerOptions) { lo.TLS, lo.ImplicitTLS = testTLS(), true })
	nc, err := s.ln.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	raw := &recorder{Conn: nc}
	// In later versions the type of a record cannot be seen.
	tc := tls.Client(raw, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12})
	if _, err := io.WriteString(tc, "a LOGOUT\r\n"); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(tc); err != nil || !strings.HasSuffix(string(text), "a OK Bye\r\n") {
		t.Errorf("read %q, %v", text, err)
	}
	last := byte(0)
	for b := raw.b; len(b) >= 5; b = b[5+int(b[3])<<8+int(b[4]):] {
		last = b[0]
	}
	if last != 21 {
		t.Errorf("last record has type %d, want an alert, 21", last)
	}
}

// recorder keeps what was read.
type recorder struct {
	net.Conn
	b []byte
}

func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	r.b = append(r.b, p[:n]...)
	return n, err
}

// A client has a time to log in that neither commands nor bytes of them extend.
func TestLoginTimeoutIsAbsolute(t *testing.T) {
	t.Parallel()
	for name, keepAlive := range map[string]string{"commands": "x NOOP\r\n", "bytes": "x"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newServer(t, newStore(t, t.TempDir()), nil)
				c := s.dial()
				c.expect("* OK ...")
				start := time.Now()
				go func() {
					for {
						select {
						case <-time.After(50 * time.Second):
							c.nc.Write([]byte(keepAlive))
						case <-t.Context().Done():
							return
						}
					}
				}()
				line := c.readLine()
				for strings.HasPrefix(line, "x OK") {
					line = c.readLine()
				}
				if d := time.Since(start); line != "* BYE Nothing heard for too long" || d != 3*time.Minute {
					t.Errorf("got %q after %v, want BYE after 3m", line, d)
				}
			})
		})
	}
}

// What is not logged in gets little room.
func TestLimitsBeforeLogin(t *testing.T) {
	t.Parallel()
	s := newServer(t, newStore(t, t.TempDir()), nil)
	long := strings.Repeat("x", 9<<10)
	c := s.dial()
	c.expect("* OK ...")
	c.cmd("LOGIN {9000}", "BAD [TOOBIG] ...")
	c.cmd("LOGIN {9000+}\r\n"+long[:9000]+" x", "BAD [TOOBIG] ...")
	c.cmd("NOOP "+strings.Repeat("x", 17<<10), "BAD [TOOBIG] ...")
	c.cmd("LOGIN "+testLogin+" "+testPassword, "OK ...")
	c.cmd("NOOP "+strings.Repeat("x", 17<<10), "BAD Syntax ...")
	c.cmd("CREATE {9000+}\r\n"+long[:9000], "NO [CANNOT] ...")
	c.cmd("CREATE {70000}", "BAD [TOOBIG] ...")
	c.cmd("NOOP", "OK ...")
}

// A client that is told off while it sends can read why.
func TestByeArrivesWhileClientSends(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, served := serve(t, newStore(t, t.TempDir()), ln, nil)
	defer stopServer(t, s, served)
	for range 10 {
		start := time.Now()
		if err = byeWhileSending(ln.Addr().String()); err == nil {
			return
		}
		// One that a busy machine has held up for longer than the server listens tells nothing.
		if time.Since(start) < lingerTime {
			break
		}
	}
	t.Error(err)
}

// byeWhileSending sends more than is taken before a login, and wants to read a BYE after that.
func byeWhileSending(address string) error {
	nc, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer nc.Close()
	if _, err := fmt.Fprintf(nc, "a LOGIN {%d+}\r\n", 4<<20); err != nil {
		return err
	}
	if _, err := nc.Write(make([]byte, 4<<20)); err != nil {
		return fmt.Errorf("connection does not take what the client sends: %w", err)
	}
	text, err := io.ReadAll(nc)
	if err != nil || !strings.Contains(string(text), "* BYE ") {
		return fmt.Errorf("read %q, %v", text, err)
	}
	return nil
}

// IDLE and its end in one packet, and what follows.
func TestIdlePipelined(t *testing.T) {
	t.Parallel()
	s := newServer(t, newStore(t, t.TempDir()), nil)
	c := s.login()
	c.cmd("SELECT INBOX", "OK ...")
	for range 20 {
		c.send("a IDLE\r\nDONE\r\nb NOOP\r\nc IDLE\r\nDONE\r\nd NO")
		c.expect("+ Idling")
		c.expect("a OK IDLE done")
		c.expect("b OK NOOP done")
		c.expect("+ Idling")
		c.expect("c OK IDLE done")
		c.send("OP\r\n")
		c.expect("d OK NOOP done")
	}
	// The client is gone.
	c.send("e IDLE\r\n")
	c.expect("+ Idling")
	c.nc.Close()
	if err := waitClosed(s.Server); err != nil {
		t.Error(err)
	}
}

// waitClosed waits until a server has no connections.
func waitClosed(s *Server) error {
	ended := make(chan struct{})
	go func() {
		s.conns.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-time.After(hangTimeout):
		return errors.New("connection does not end")
	}
}

// A login without TLS is refused before the client is asked to send its password.
func TestPasswordIsNotAskedForWithoutTLS(t *testing.T) {
	t.Parallel()
	s := newServer(t, newStore(t, t.TempDir()), func(_ *Options, lo *ListenerOptions) { lo.TLS, lo.PlaintextAuth = testTLS(), false })
	c := s.dial()
	c.expect("* OK ...")
	c.cmd("LOGIN {15}", "NO [PRIVACYREQUIRED] ...")
	c.cmd("LOGIN "+testLogin+" {8}", "NO [PRIVACYREQUIRED] ...")
	c.cmd("AUTHENTICATE PLAIN", "NO [PRIVACYREQUIRED] ...")
	c.cmd("LOGIN {15+}\r\n"+testLogin+" {8+}\r\n"+testPassword, "NO [PRIVACYREQUIRED] ...")
	c.cmd("NOOP", "OK ...")
}

// A client that asks for more than it reads does not hold the server.
func TestClientThatDoesNotRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, newStore(t, t.TempDir()), nil)
		c := s.login()
		c.append("INBOX", "", "Subject: large\r\n\r\n"+strings.Repeat("0123456789\r\n", 50000))
		c.cmd("SELECT INBOX", "OK ...")
		start := time.Now()
		c.send("a FETCH 1 BODY[]\r\n")
		s.conns.Wait()
		if d := time.Since(start); d != 5*time.Minute {
			t.Errorf("connection ended after %v, want 5m", d)
		}
	})
}

// A client in IDLE over TLS hears of changes, and of the end.
func TestIdleOverTLS(t *testing.T) {
	t.Parallel()
	s := newServer(t, newStore(t, t.TempDir()), func(_ *Options, lo *ListenerOptions) { lo.TLS = testTLS() })
	idle := s.dial()
	idle.expect("* OK ...")
	idle.cmd("STARTTLS", "OK ...")
	idle.startTLS()
	idle.cmd("LOGIN "+testLogin+" "+testPassword, "OK ...")
	idle.cmd("SELECT INBOX", "OK ...")
	other := s.login()
	for n := 1; n <= 3; n++ {
		idle.send("i IDLE\r\n")
		idle.expect("+ Idling")
		other.append("INBOX", "", "Subject: one\r\n\r\n")
		idle.expect(fmt.Sprintf("* %d EXISTS", n))
		idle.expect(fmt.Sprintf("* %d RECENT", n))
		idle.send("DONE\r\n")
		idle.expect("i OK IDLE done")
	}
	idle.send("i IDLE\r\n")
	idle.expect("+ Idling")
	go s.Shutdown(t.Context())
	idle.expect("* BYE Server is shutting down")
	idle.expectEOF()
}
