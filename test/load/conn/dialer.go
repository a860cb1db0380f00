package conn

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

// ErrNotLoopback is in the error for an address that is not of this machine.
var ErrNotLoopback = errors.New("not a loopback address")

// Security says how a connection is protected.
type Security string

// Certificates are never verified: it is the own server that is loaded.
const (
	Plain    Security = "none"
	StartTLS Security = "starttls"
	TLS      Security = "implicit" // From the first byte on.
)

// Dialer makes connections. It can be used by many goroutines.
type Dialer struct {
	// Remote allows addresses other than loopback ones. A load run against somebody else's server
	// is an attack, so this takes a decision.
	Remote bool

	// Spread gives every connection a source address of its own in 127/8, in another /21 network
	// than the ones before it, for servers that limit what one network may do.
	Spread bool

	Security Security // Empty is Plain.

	// Timeout is how long the server may be silent before a connection fails. Zero is a minute.
	Timeout time.Duration

	dialed atomic.Uint32
}

// Resolve returns the address of a server, given as "host:port". Unless Remote is set it must be a
// loopback address.
func (d *Dialer) Resolve(address string) (netip.AddrPort, error) {
	tcp, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return netip.AddrPort{}, err
	}
	ap := tcp.AddrPort()
	ap = netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	switch {
	case !ap.Addr().IsValid() || ap.Port() == 0:
		return netip.AddrPort{}, fmt.Errorf("address %q needs a host and a port", address)
	case !ap.Addr().IsLoopback() && !d.Remote:
		return netip.AddrPort{}, fmt.Errorf("%s: %w", address, ErrNotLoopback)
	}
	return ap, nil
}

func (d *Dialer) timeout() time.Duration {
	if d.Timeout == 0 {
		return time.Minute
	}
	return d.Timeout
}

// dial connects to what Resolve makes of the address, so a name cannot lead elsewhere.
func (d *Dialer) dial(ctx context.Context, address string) (net.Conn, error) {
	to, err := d.Resolve(address)
	if err != nil {
		return nil, err
	}
	nd := net.Dialer{Timeout: d.timeout()}
	if d.Spread && to.Addr().IsLoopback() && to.Addr().Is4() {
		nd.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(spread(d.dialed.Add(1)), 0))
	}
	return nd.DialContext(ctx, "tcp", to.String())
}

// spread returns the n'th source address. 127.0.0.0/16 is left to others.
func spread(n uint32) netip.Addr {
	n %= 254 * 32
	return netip.AddrFrom4([4]byte{127, byte(1 + n/32), byte(n % 32 * 8), 9})
}

// stream is a buffered connection whose waits are bounded.
type stream struct {
	nc      net.Conn
	br      *bufio.Reader
	bw      *bufio.Writer
	timeout time.Duration
}

// Buffer sizes. Connections that are only waited on have small ones, so that there can be many.
const (
	readBuffer  = 64 << 10
	writeBuffer = 32 << 10
	smallBuffer = 512
)

func (s *stream) set(nc net.Conn, small bool) {
	r, w := readBuffer, writeBuffer
	if small {
		r, w = smallBuffer, smallBuffer
	}
	s.nc, s.br, s.bw = nc, bufio.NewReaderSize(nc, r), bufio.NewWriterSize(nc, w)
}

// startTLS does the handshake. What was buffered before it is dropped, as it was not protected.
func (s *stream) startTLS(ctx context.Context, small bool) error {
	if n := s.br.Buffered(); n > 0 {
		return fmt.Errorf("server sent %d bytes in plain text after agreeing to TLS", n)
	}
	tc := tls.Client(s.nc, &tls.Config{InsecureSkipVerify: true})
	if err := tc.HandshakeContext(ctx); err != nil {
		return err
	}
	s.set(tc, small)
	return nil
}

// extend gives the server the whole timeout again.
func (s *stream) extend() { s.nc.SetDeadline(time.Now().Add(s.timeout)) }

// Close closes the connection without a word.
func (s *stream) Close() error { return s.nc.Close() }
