// Package memnet is a network in memory for tests: connections with buffers,
// deadlines and half-close that behave as TCP connections do, and listeners for them.
// Unlike those of net.Pipe, writes do not wait for a reader until the buffer is full.
//
// It starts no goroutines and waits only on things that testing/synctest knows, so
// that connections made in a bubble can be used with its clock.
package memnet

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
)

// Listener accepts connections made with [Listener.Dial]. Its methods can be called
// concurrently.
type Listener struct {
	addr    net.Addr
	backlog chan net.Conn
	closed  chan struct{}
	close   func()

	mu   sync.Mutex
	port uint16 // Last one given to a dialer; guarded by mu.
}

var _ net.Listener = (*Listener)(nil)

// firstPort is where ports of dialers begin (RFC 6335 §6).
const firstPort = 49152

// Listen returns a listener with an address like "192.0.2.1:25", which accepts nothing
// but what is dialed through it. Any number of listeners can have the same address. An
// address without valid IP and port, as "mem", is kept as a name.
func Listen(addr string) *Listener {
	l := &Listener{addr: parseAddr(addr), backlog: make(chan net.Conn, 128), closed: make(chan struct{}), port: firstPort - 1}
	l.close = sync.OnceFunc(func() { close(l.closed) })
	return l
}

// Accept returns the next connection. The error after Close wraps net.ErrClosed.
func (l *Listener) Accept() (net.Conn, error) {
	// When both are ready the choice must not be random.
	select {
	case <-l.closed:
		return nil, l.opError("accept", net.ErrClosed)
	default:
	}
	select {
	case c := <-l.backlog:
		return c, nil
	case <-l.closed:
		return nil, l.opError("accept", net.ErrClosed)
	}
}

// Close makes Accept and Dial fail. Connections that no Accept has returned yet are
// closed, others stay.
func (l *Listener) Close() error {
	l.close()
	for {
		select {
		case c := <-l.backlog:
			c.Close()
		default:
			return nil
		}
	}
}

// Addr returns the address of Listen, a *net.TCPAddr unless it was a name.
func (l *Listener) Addr() net.Addr { return l.addr }

// Dial connects, from a loopback address and a port of its own each time. It waits only
// if many connections have not been accepted.
func (l *Listener) Dial(ctx context.Context) (net.Conn, error) {
	l.mu.Lock()
	if l.port++; l.port < firstPort {
		l.port = firstPort
	}
	local := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), l.port)
	l.mu.Unlock()
	return l.DialFrom(ctx, local.String())
}

// DialFrom is Dial with the address of the dialing side.
func (l *Listener) DialFrom(ctx context.Context, local string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, l.opError("dial", err)
	}
	client, server := PipeAddr(parseAddr(local), l.addr)
	select {
	case <-l.closed:
		return nil, l.opError("dial", syscall.ECONNREFUSED)
	default:
	}
	select {
	case l.backlog <- server:
	case <-l.closed:
		return nil, l.opError("dial", syscall.ECONNREFUSED)
	case <-ctx.Done():
		return nil, l.opError("dial", ctx.Err())
	}
	select {
	case <-l.closed:
		// Close may have looked at the backlog before the connection was in it.
		l.Close()
	default:
	}
	return client, nil
}

func (l *Listener) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: l.addr.Network(), Addr: l.addr, Err: err}
}

// name is an address that is no IP address.
type name string

func (name) Network() string  { return "mem" }
func (n name) String() string { return string(n) }

func parseAddr(s string) net.Addr {
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		return name(s)
	}
	return net.TCPAddrFromAddrPort(ap)
}

// Pipe returns the two ends of a connection.
func Pipe() (a, b net.Conn) {
	return PipeAddr(parseAddr(fmt.Sprintf("127.0.0.1:%d", firstPort)), parseAddr("127.0.0.1:25"))
}

// PipeAddr is Pipe with the addresses of the ends.
func PipeAddr(addrA, addrB net.Addr) (a, b net.Conn) {
	ab, ba := newStream(), newStream()
	return &Conn{in: ba, out: ab, local: addrA, remote: addrB}, &Conn{in: ab, out: ba, local: addrB, remote: addrA}
}
