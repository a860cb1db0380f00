package imapserver

import (
	"errors"
	"net"
	"sync"
	"time"
)

// errInterrupted is returned by reads once the server shuts down.
var errInterrupted = errors.New("server is shutting down")

// readWriter is a network connection with deadlines that move with each read and write, and
// whose reads can be interrupted for good. Reads and writes may be concurrent with each
// other and with interrupt.
type readWriter struct {
	net.Conn
	writeTimeout time.Duration
	stop         chan struct{} // Closed by interrupt.

	mu          sync.Mutex // Guards what follows.
	readTimeout time.Duration
	end         time.Time // Reads wait no longer than that, unless it is zero.
	interrupted bool
	greeting    bool // Before the greeting: a client that has come is not sent away without one.
}

// greetingGrace is how long a client has for the TLS handshake before its greeting once the server stops.
const greetingGrace = 3 * time.Second

// newReadWriter returns a readWriter for a client that has not logged in.
func newReadWriter(nc net.Conn, o *Options) *readWriter {
	return &readWriter{
		Conn: nc, stop: make(chan struct{}),
		writeTimeout: o.IOTimeout, readTimeout: o.IOTimeout, end: time.Now().Add(o.LoginTimeout),
	}
}

// setReadTimeout sets the time the next reads wait for data.
func (rw *readWriter) setReadTimeout(d time.Duration) {
	rw.mu.Lock()
	rw.readTimeout = d
	rw.mu.Unlock()
}

// loggedIn takes off the time by which a client has to be logged in.
func (rw *readWriter) loggedIn() {
	rw.mu.Lock()
	rw.end = time.Time{}
	rw.mu.Unlock()
}

func (rw *readWriter) Read(p []byte) (int, error) {
	rw.mu.Lock()
	if rw.interrupted && !rw.greeting {
		rw.mu.Unlock()
		return 0, errInterrupted
	}
	deadline := time.Now().Add(rw.readTimeout)
	if rw.interrupted {
		deadline = time.Now().Add(greetingGrace)
	}
	if !rw.end.IsZero() && rw.end.Before(deadline) {
		deadline = rw.end
	}
	// Under the lock: interrupt must not have its deadline overwritten.
	err := rw.SetReadDeadline(deadline)
	rw.mu.Unlock()
	if err != nil {
		return 0, err
	}
	n, err := rw.Conn.Read(p)
	if n == 0 && err != nil && rw.isInterrupted() {
		err = errInterrupted
	}
	return n, err
}

func (rw *readWriter) isInterrupted() bool {
	select {
	case <-rw.stop:
		return true
	default:
		return false
	}
}

func (rw *readWriter) Write(p []byte) (int, error) {
	if err := rw.SetWriteDeadline(time.Now().Add(rw.writeTimeout)); err != nil {
		return 0, err
	}
	return rw.Conn.Write(p)
}

// interrupt makes the current and all later reads fail with errInterrupted.
func (rw *readWriter) interrupt() {
	rw.mu.Lock()
	defer rw.mu.Unlock()
	if !rw.interrupted {
		rw.interrupted = true
		close(rw.stop)
		deadline := time.Unix(1, 0)
		if rw.greeting {
			deadline = time.Now().Add(greetingGrace)
		}
		rw.SetReadDeadline(deadline)
	}
}

// beforeGreeting sets whether the client still waits for its greeting.
func (rw *readWriter) beforeGreeting(on bool) {
	rw.mu.Lock()
	rw.greeting = on
	rw.mu.Unlock()
}

// interrupts returns a channel that is closed by interrupt.
func (rw *readWriter) interrupts() <-chan struct{} { return rw.stop }
