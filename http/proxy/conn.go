package proxy

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// patience is for how long a read does without what only slow upstreams need: to be
// ended when the client goes away. Most responses are there before, and then neither the
// context of the request nor a timer is touched for them.
const patience = 20 * time.Millisecond

// conn is a connection to an upstream. One exchange at a time has it.
type conn struct {
	nc  net.Conn
	raw syscall.RawConn // Of the socket, for alive; nil when there is none.
	in  reader
	out []byte // For the head of a request.

	reused    bool
	idleSince time.Time

	ctx  context.Context // Of the request, while an exchange runs.
	stop func() bool     // Ends the watch of ctx; nil when it is not watched.

	mu      sync.Mutex // Guards what follows.
	headed  bool       // Whether the head of the final response is there.
	limit   time.Time  // When a read has waited for too long; zero for never.
	armed   time.Time  // When the socket wakes a read, before limit or at it.
	written time.Time  // Deadline of writes.
}

func newConn(nc net.Conn) *conn {
	c := &conn{nc: nc}
	c.in.src = c
	socket := nc
	if t, ok := nc.(interface{ NetConn() net.Conn }); ok { // TLS.
		socket = t.NetConn()
	}
	if s, ok := socket.(syscall.Conn); ok {
		c.raw, _ = s.SyscallConn()
	}
	return c
}

// begin gives the connection to a request, whose context ends it. Reads wait until limit.
func (c *conn) begin(ctx context.Context, now, limit time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ctx = ctx
	c.headed, c.limit = false, limit
	// On a busy connection one timer serves several requests.
	if left := c.armed.Sub(now); left < patience/2 || left > patience {
		c.arm(now.Add(patience))
	}
}

// arm has reads woken at t. The caller holds c.mu.
func (c *conn) arm(t time.Time) {
	c.armed = t
	_ = c.nc.SetReadDeadline(t) // Fails on closed connections only.
}

// setLimit says until when reads may wait, also one that waits now.
func (c *conn) setLimit(limit time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moveLimit(limit)
}

// setHeadLimit says until when the head of the response must be there, if it is not.
func (c *conn) setHeadLimit(limit time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.headed {
		c.moveLimit(limit)
	}
}

// setHeaded notes that the head is there.
func (c *conn) setHeaded() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.headed = true
}

// moveLimit is setLimit for who holds c.mu.
func (c *conn) moveLimit(limit time.Time) {
	c.limit = limit
	if !limit.IsZero() && (c.armed.IsZero() || limit.Before(c.armed)) {
		c.arm(limit)
	}
}

// Read reads until the limit, whose error is os.ErrDeadlineExceeded.
func (c *conn) Read(p []byte) (int, error) {
	for {
		n, err := c.nc.Read(p)
		if n > 0 || err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		c.watch()
		if !c.rearm() {
			return 0, os.ErrDeadlineExceeded
		}
	}
}

// rearm has reads wait until the limit, and returns false when that has passed.
func (c *conn) rearm() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.limit.IsZero() && !time.Now().Before(c.limit) {
		return false
	}
	c.arm(c.limit)
	return true
}

// watch has the connection closed when the context of the request ends.
func (c *conn) watch() {
	if c.stop == nil {
		c.stop = context.AfterFunc(c.ctx, func() { c.nc.Close() })
	}
}

// write writes, and fails when the upstream takes nothing for longer than timeout. It may be
// called while another goroutine reads.
func (c *conn) write(p []byte, timeout time.Duration) error {
	if timeout > 0 {
		c.mu.Lock()
		if deadline := time.Now().Add(timeout); deadline.Sub(c.written) > timeout/8 {
			c.written = deadline
			_ = c.nc.SetWriteDeadline(deadline)
		}
		c.mu.Unlock()
	}
	_, err := c.nc.Write(p)
	return err
}

// end takes the connection from the request. It returns whether another one can have it.
func (c *conn) end() bool {
	ok := c.stop == nil || c.stop()
	c.ctx, c.stop, c.reused = nil, nil, true
	if !c.written.IsZero() {
		c.written = time.Time{}
		_ = c.nc.SetWriteDeadline(c.written)
	}
	if len(c.in.buf) > 4*startBuffer {
		c.in = reader{src: c}
	}
	if cap(c.out) > 4*startBuffer {
		c.out = nil
	}
	return ok
}

// closeWrite ends what is sent to the upstream; what it sends can still be read.
func (c *conn) closeWrite() error { return closeWrite(c.nc) }

func closeWrite(nc net.Conn) error {
	if cw, ok := nc.(interface{ CloseWrite() error }); ok {
		return cw.CloseWrite()
	}
	return nc.Close()
}
