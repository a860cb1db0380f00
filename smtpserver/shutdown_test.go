package smtpserver

import (
	"bufio"
	"context"
	"errors"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"mox/internal/memnet"
	"mox/pipeline"
)

// shutdown begins Shutdown and returns what it will return.
func (ts *testServer) shutdown(ctx context.Context) <-chan error {
	done := make(chan error, 1)
	go func() { done <- ts.srv.Shutdown(ctx) }()
	return done
}

func TestShutdownOfIdleConnections(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ts := newServer(t, func(o *Options, lo *ListenerOptions) { lo.TLSConfig = testTLS() })
		users := newServer(t, submission)
		greeted, ready, after := ts.dial(), ts.dial(), ts.dial()
		greeted.want("220 ")
		ready.hello()
		after.hello()
		after.send("", simple, "alice@example.org")
		half := ts.dial()
		half.want("220 ")
		half.write("EHL")
		login := users.dial()
		login.hello()
		login.cmd("AUTH PLAIN", "334 ")
		handshake := ts.dial()
		handshake.hello()
		handshake.cmd("STARTTLS", "220 ")
		synctest.Wait()

		begin := time.Now()
		done := ts.shutdown(t.Context())
		for _, c := range []*testClient{greeted, ready, after, half} {
			c.want("421 4.3.2")
			c.wantClosed()
		}
		handshake.wantClosed()
		usersDone := users.shutdown(t.Context())
		login.want("421 4.3.2")
		if err := <-usersDone; err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-done; err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if took := time.Since(begin); took > lingerTimeout {
			t.Errorf("took %v", took)
		}
		if _, err := ts.ln.Dial(t.Context()); err == nil {
			t.Error("still listening")
		}
	})
}

func TestShutdownLetsTransactionsFinish(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ts := newServer(t, nil)
		c, d := ts.dial(), ts.dial()
		c.hello()
		c.cmd("MAIL FROM:<>", "250 ")
		d.hello()
		d.cmd("MAIL FROM:<>", "250 ")
		d.cmd("RCPT TO:<alice@example.org>", "250 ")
		d.cmd("DATA", "354 ")
		d.write("Subject: x\r\n")
		synctest.Wait()

		done := ts.shutdown(t.Context())
		synctest.Wait()
		time.Sleep(time.Minute)
		c.cmd("RCPT TO:<alice@example.org>", "250 ")
		c.cmd("DATA", "354 ")
		// What is pipelined behind the message begins a new transaction, and is too late.
		c.write(simple + ".\r\nMAIL FROM:<>\r\nRCPT TO:<alice@example.org>\r\n")
		c.want("250 2.0.0")
		c.want("421 4.3.2")
		c.wantClosed()
		d.write("\r\n.\r\n")
		d.want("250 2.0.0")
		d.want("421 4.3.2")
		d.wantClosed()
		if err := <-done; err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if n := len(ts.local.Messages()); n != 2 {
			t.Errorf("%d messages", n)
		}
	})
}

func TestShutdownEndsATransactionThatIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ts := newServer(t, nil)
		c := ts.dial()
		c.hello()
		c.cmd("MAIL FROM:<>", "250 ")
		synctest.Wait()
		done := ts.shutdown(t.Context())
		synctest.Wait()
		c.cmd("RSET", "250 ")
		c.want("421 4.3.2")
		if err := <-done; err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
}

// stuck is a target whose commit waits for the end of its context.
type stuck struct{ ended chan struct{} }

func (s stuck) Begin(context.Context, pipeline.Envelope) (pipeline.Delivery, error) { return s, nil }
func (stuck) Recipient(context.Context, pipeline.Recipient) error                   { return nil }
func (stuck) Body(context.Context, pipeline.Body) error                             { return nil }
func (stuck) Abort()                                                                {}
func (s stuck) Commit(ctx context.Context) []error {
	<-ctx.Done()
	time.Sleep(time.Second) // It still has to clean up.
	close(s.ended)
	return []error{ctx.Err()}
}

func TestShutdownLosesPatience(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		target := stuck{make(chan struct{})}
		ts := newServer(t, func(o *Options, _ *ListenerOptions) { o.Local = target })
		idle, busy := ts.dial(), ts.dial()
		idle.hello()
		idle.cmd("MAIL FROM:<>", "250 ")
		busy.hello()
		busy.cmd("MAIL FROM:<>", "250 ")
		busy.cmd("RCPT TO:<alice@example.org>", "250 ")
		busy.cmd("DATA", "354 ")
		busy.write(simple + ".\r\n")
		synctest.Wait()

		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		begin := time.Now()
		if err := ts.srv.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v", err)
		}
		if took := time.Since(begin); took != 11*time.Second {
			t.Errorf("took %v", took)
		}
		select {
		case <-target.ended:
		default:
			t.Error("Shutdown returned before the work had ended")
		}
		idle.wantClosed()
		busy.wantClosed()
	})
}

func TestShutdownDoesNotWaitForPunishment(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ts := newServer(t, submission)
		c := ts.dial()
		c.hello()
		c.write("AUTH PLAIN AGFsaWNlAHdyb25n\r\n")
		synctest.Wait()
		begin := time.Now()
		done := ts.shutdown(t.Context())
		c.want("535 ")
		c.want("421 ")
		if err := <-done; err != nil || time.Since(begin) > lingerTimeout {
			t.Errorf("Shutdown: %v after %v", err, time.Since(begin))
		}
	})
}

func TestServeAfterShutdown(t *testing.T) {
	t.Parallel()
	ts := newServer(t, nil)
	if err := ts.srv.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := ts.srv.Shutdown(t.Context()); err != nil {
		t.Errorf("second Shutdown: %v", err)
	}
	ln := memnet.Listen("192.0.2.1:25")
	if err := ts.srv.Serve(ln, ListenerOptions{Hostname: hostname}); !errors.Is(err, ErrServerClosed) {
		t.Errorf("Serve: %v", err)
	}
	if _, err := ln.Dial(t.Context()); err == nil {
		t.Error("the listener was not closed")
	}
}

// panicking is a target with a bug.
type panicking struct{ pipeline.Target }

func (panicking) Begin(context.Context, pipeline.Envelope) (pipeline.Delivery, error) {
	panic("bug")
}

func TestBugEndsOneConnection(t *testing.T) {
	t.Parallel()
	ts := newServer(t, func(o *Options, _ *ListenerOptions) { o.Local = panicking{} })
	ts.panics = 1
	c, other := ts.dial(), ts.dial()
	c.hello()
	other.hello()
	c.cmd("MAIL FROM:<>", "250 ")
	c.cmd("RCPT TO:<alice@example.org>", "250 ")
	c.cmd("DATA", "354 ")
	c.write(simple + ".\r\n")
	c.wantClosed()
	other.cmd("NOOP", "250 ")
}

// flaky is a listener that fails at first, as one does when there are too many open files.
type flaky struct {
	*memnet.Listener
	failures int
}

func (l *flaky) Accept() (net.Conn, error) {
	if l.failures > 0 {
		l.failures--
		return nil, syscall.EMFILE
	}
	return l.Listener.Accept()
}

func TestAcceptFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ts := newServer(t, nil)
		ln := &flaky{memnet.Listen("192.0.2.1:25"), 20}
		served := make(chan error, 1)
		go func() { served <- ts.srv.Serve(ln, ListenerOptions{Hostname: hostname}) }()
		nc, err := ln.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		c := &testClient{t, nc, bufio.NewReader(nc)}
		c.want("220 ")
		if took := time.Since(begin); took < time.Second || took > 20*time.Second {
			t.Errorf("waited %v", took)
		}
		ts.srv.Shutdown(t.Context())
		if err := <-served; !errors.Is(err, ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
}
