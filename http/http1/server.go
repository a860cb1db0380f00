package http1

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// Server answers simple requests. Its fields must not change once it is used. It is safe for concurrent use.
type Server struct {
	Handler http.Handler // Required.

	// StartTimeout is how long the first request of a connection may take to come, IdleTimeout the next one; they end an
	// eighth of it earlier at most. Required.
	StartTimeout, IdleTimeout time.Duration

	Log *slog.Logger // Of handlers that panic with other than http.ErrAbortHandler. Required.

	mu      sync.Mutex // Guards conns.
	conns   map[*conn]struct{}
	closing atomic.Bool
	running sync.WaitGroup
}

// Serve answers requests that come on nc, which may be a *tls.Conn. The context is the parent of those of requests.
// It returns left true with the first one that is not simple: rest is what was read of it, and nc belongs to the caller again. Otherwise
// the connection has ended and is closed.
func (s *Server) Serve(ctx context.Context, nc net.Conn) (rest []byte, left bool) {
	c := &conn{s: s, nc: nc, ctx: ctx, remote: nc.RemoteAddr().String(), buf: make([]byte, maxHead)}
	if t, ok := nc.(*tls.Conn); ok {
		state := t.ConnectionState()
		c.tls = &state
	}
	if !s.add(c) {
		nc.Close()
		return nil, false
	}
	defer s.remove(c)
	if left = c.serve(); !left {
		nc.Close()
		return nil, false
	}
	return c.buf[c.r:c.w], true
}

func (s *Server) add(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		return false
	}
	if s.conns == nil {
		s.conns = map[*conn]struct{}{}
	}
	s.conns[c] = struct{}{}
	s.running.Add(1)
	return true
}

func (s *Server) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	s.running.Done()
}

// Shutdown closes idle connections, and waits for those that have a request to answer it. When the context ends, it closes them
// too, and returns the error of the context.
func (s *Server) Shutdown(ctx context.Context) error {
	s.closeConns(false)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.running.Wait()
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		s.closeConns(true)
		return ctx.Err()
	}
}

// closeConns closes idle connections, or all.
func (s *Server) closeConns(all bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing.Store(true)
	for c := range s.conns {
		if all || c.state.CompareAndSwap(idle, closed) {
			c.nc.Close()
		}
	}
}

// States of a connection.
const (
	idle   = iota
	active // A request is answered.
	closed // By Shutdown.
)

// conn is a connection. But for its state it belongs to the goroutine that serves it, and while a handler runs
// to the watch for the client, see requestContext.
type conn struct {
	s      *Server
	nc     net.Conn
	ctx    context.Context
	tls    *tls.ConnectionState // Nil without TLS.
	remote string
	state  atomic.Int32

	buf   []byte
	r, w  int           // buf[r:w] was read and is not taken.
	armed time.Time     // When the deadline of reads was set; zero for unknown,
	limit time.Duration // and how long after that it is.
}

// serve answers requests. It returns true when the next one is not simple, and false when the connection is to
// be closed.
func (c *conn) serve() (left bool) {
	timeout := c.s.StartTimeout
	for {
		if c.r == c.w {
			c.r, c.w = 0, 0
			if !c.wait(timeout) {
				return false
			}
		}
		var r http.Request
		n := parse(&r, c.buf[c.r:c.w])
		if n == 0 {
			return c.leave()
		}
		if !c.state.CompareAndSwap(idle, active) {
			return false
		}
		c.r += n
		r.RemoteAddr, r.TLS = c.remote, c.tls
		if !c.respond(&r) {
			return false
		}
		c.state.Store(idle)
		if c.s.closing.Load() { // Shutdown has perhaps seen the connection active.
			return false
		}
		timeout = c.s.IdleTimeout
	}
}

// wait reads more.
func (c *conn) wait(timeout time.Duration) bool {
	if c.armed.IsZero() || c.limit != timeout || time.Since(c.armed) > timeout/8 {
		c.armed, c.limit = time.Now(), timeout
		_ = c.nc.SetReadDeadline(c.armed.Add(timeout)) // If this fails, so does the read.
	}
	// Others go first: on a busy machine the next request has come by then, and a read that finds nothing would cost as much
	// as one that does, and a turn of the poller.
	runtime.Gosched()
	n, _ := c.nc.Read(c.buf)
	c.w = n
	return n > 0 // An error that comes with data comes again.
}

// leave prepares the connection for somebody else.
func (c *conn) leave() bool {
	_ = c.nc.SetReadDeadline(time.Time{})
	return c.state.CompareAndSwap(idle, active)
}

// respond has a request answered. It returns false when the connection cannot be used any more.
func (c *conn) respond(r *http.Request) bool {
	w := newReply(c, r.Method == http.MethodHead)
	defer w.free()
	ok := c.handle(w, r.WithContext(&w.request)) // A copy, that of the caller need not be allocated.
	w.request.end()
	return ok && w.finish()
}

// handle calls the handler. It returns false when that panics.
func (c *conn) handle(w *reply, r *http.Request) (ok bool) {
	defer func() {
		if x := recover(); x != nil && x != http.ErrAbortHandler {
			c.s.Log.Error("bug: a handler panicked", "panic", fmt.Sprint(x), "stack", string(debug.Stack()))
		}
	}()
	c.s.Handler.ServeHTTP(w, r)
	return true
}
