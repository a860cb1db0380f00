package memnet

import (
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// bufferSize is how much one side can write that the other has not read, as much as
// sockets of the system have about.
const bufferSize = 64 << 10

// Conn is one end of a connection. Its methods can be called concurrently. All
// connections of this package are Conns.
type Conn struct {
	in, out       *stream
	local, remote net.Addr
	closed        atomic.Bool
}

var _ net.Conn = (*Conn)(nil)

// Read reads what the other end has written. After the other end has closed and
// everything is read it returns io.EOF.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.in.read(p)
	return n, c.opError("read", err)
}

// Write writes, waiting for the other end to read once the buffer is full.
func (c *Conn) Write(p []byte) (int, error) {
	n, err := c.out.write(p)
	return n, c.opError("write", err)
}

// Close closes both directions. The other end can still read what was written before;
// its writes fail.
func (c *Conn) Close() error {
	if c.closed.Swap(true) {
		return c.opError("close", net.ErrClosed)
	}
	// In this order: whoever learns of it by a read that fails must not be able to write any more.
	c.out.closeWriter()
	c.in.closeReader()
	return nil
}

// CloseWrite closes the writing direction only: the other end reads io.EOF after what
// was written.
func (c *Conn) CloseWrite() error {
	c.out.closeWriter()
	return nil
}

// LocalAddr returns the address of this end.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr returns the address of the other end.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error {
	c.in.rdead.set(c.in, t)
	c.out.wdead.set(c.out, t)
	return nil
}

// SetReadDeadline sets when reads fail with os.ErrDeadlineExceeded, also those that
// are waiting; the zero time is never.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.in.rdead.set(c.in, t)
	return nil
}

// SetWriteDeadline sets when writes fail with os.ErrDeadlineExceeded, also those that
// are waiting; the zero time is never.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.out.wdead.set(c.out, t)
	return nil
}

func (c *Conn) opError(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &net.OpError{Op: op, Net: c.local.Network(), Source: c.local, Addr: c.remote, Err: err}
}

// stream is one direction of a connection. Both ends wait on cond for a change of any
// field.
type stream struct {
	mu   sync.Mutex // Guards all fields.
	cond *sync.Cond

	buf          []byte // Ring.
	start, n     int    // First byte, and number of bytes.
	writerClosed bool
	readerClosed bool
	rdead, wdead deadline
}

func newStream() *stream {
	s := &stream{}
	s.cond = sync.NewCond(&s.mu)
	return s
}

// deadline is the deadline of one end of a stream.
type deadline struct {
	timer  *time.Timer
	passed bool
	gen    int // Number of calls of set, so that a timer stopped too late does nothing.
}

func (d *deadline) set(s *stream, t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d.gen++
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.passed = false
	if !t.IsZero() {
		left := time.Until(t)
		d.passed = left <= 0
		if !d.passed && !s.readerClosed && !s.writerClosed {
			gen := d.gen
			d.timer = time.AfterFunc(left, func() {
				s.mu.Lock()
				defer s.mu.Unlock()
				if d.gen == gen {
					d.passed = true
					s.cond.Broadcast()
				}
			})
		}
	}
	s.cond.Broadcast()
}

func (s *stream) stopTimers() {
	for _, d := range []*deadline{&s.rdead, &s.wdead} {
		if d.timer != nil {
			d.timer.Stop()
		}
	}
}

func (s *stream) read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.readerClosed:
			return 0, net.ErrClosed
		case s.rdead.passed:
			return 0, os.ErrDeadlineExceeded
		case len(p) == 0:
			return 0, nil
		case s.n > 0:
			n := copy(p, s.buf[s.start:min(s.start+s.n, len(s.buf))])
			if n < len(p) && n < s.n {
				n += copy(p[n:], s.buf[:s.n-n]) // The part behind the end of the ring.
			}
			s.start = (s.start + n) % len(s.buf)
			s.n -= n
			s.cond.Broadcast()
			return n, nil
		case s.writerClosed:
			return 0, io.EOF
		}
		s.cond.Wait()
	}
}

func (s *stream) write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	done := 0
	for {
		switch {
		case s.writerClosed:
			return done, net.ErrClosed
		case s.wdead.passed:
			return done, os.ErrDeadlineExceeded
		case s.readerClosed:
			return done, syscall.EPIPE
		case done == len(p):
			return done, nil
		}
		if s.n == bufferSize {
			s.cond.Wait()
			continue
		}
		s.grow(min(s.n+len(p)-done, bufferSize))
		end := (s.start + s.n) % len(s.buf)
		free := min(len(s.buf)-end, len(s.buf)-s.n)
		n := copy(s.buf[end:end+free], p[done:])
		done += n
		s.n += n
		s.cond.Broadcast()
	}
}

// grow makes room for size bytes.
func (s *stream) grow(size int) {
	if size <= len(s.buf) {
		return
	}
	buf := make([]byte, min(max(size, 2*len(s.buf), 1<<10), bufferSize))
	n := copy(buf, s.buf[s.start:min(s.start+s.n, len(s.buf))])
	copy(buf[n:], s.buf[:s.n-n])
	s.buf, s.start = buf, 0
}

func (s *stream) closeWriter() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writerClosed = true
	s.stopTimers()
	s.cond.Broadcast()
}

// closeReader ends reading. What was not read is lost, and writers are told.
func (s *stream) closeReader() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readerClosed = true
	s.stopTimers()
	s.buf, s.n = nil, 0
	s.cond.Broadcast()
}
