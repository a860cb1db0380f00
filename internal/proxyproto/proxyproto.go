// Package proxyproto takes the address of a client from the PROXY protocol, version
// 2, that load balancers put before the bytes of a connection
// (https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt). Version 1, the text
// form, is refused.
package proxyproto

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// DefaultTimeout is how long a load balancer may take to send the header.
const DefaultTimeout = 10 * time.Second

// maxWaiting is how many connections may be waited on for their header at a time.
const maxWaiting = 1000

// Options for NewListener.
type Options struct {
	// Networks of the load balancers. Connections from elsewhere are closed.
	Networks []netip.Prefix

	Timeout time.Duration // Default: DefaultTimeout.
	Log     *slog.Logger  // Default: discard.
}

// Listener accepts connections behind load balancers. RemoteAddr and LocalAddr of
// these are the addresses of the client and the one it connected to. For a
// connection that the load balancer makes for itself, such as a health check, they
// are those of the connection.
type Listener struct {
	net.Listener
	opts Options

	accepted chan accepted
	waiting  chan struct{} // Holds a value per connection whose header is read.
	closed   chan struct{}
	close    func()
}

var _ net.Listener = (*Listener)(nil)

type accepted struct {
	conn net.Conn
	err  error
}

// NewListener returns a listener for the connections of l. Headers are read
// concurrently, so a slow one delays nobody else.
func NewListener(l net.Listener, opts Options) *Listener {
	if opts.Timeout <= 0 {
		opts.Timeout = DefaultTimeout
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	pl := &Listener{
		Listener: l,
		opts:     opts,
		accepted: make(chan accepted),
		waiting:  make(chan struct{}, maxWaiting),
		closed:   make(chan struct{}),
	}
	pl.close = sync.OnceFunc(func() { close(pl.closed) })
	go pl.accept()
	return pl
}

// Accept returns the next connection whose header was good.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case a := <-l.accepted:
		return a.conn, a.err
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close stops listening.
func (l *Listener) Close() error {
	l.close()
	return l.Listener.Close()
}

func (l *Listener) accept() {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			// Accept may be called again after a temporary error.
			if !l.give(accepted{err: err}) || errors.Is(err, net.ErrClosed) {
				return
			}
			continue
		}
		select {
		case l.waiting <- struct{}{}:
			go l.handshake(conn)
		case <-l.closed:
			conn.Close()
			return
		}
	}
}

// give hands something to Accept, and reports false if the listener is closed.
func (l *Listener) give(a accepted) bool {
	select {
	case l.accepted <- a:
		return true
	case <-l.closed:
		if a.conn != nil {
			a.conn.Close()
		}
		return false
	}
}

// handshake reads the header of a connection.
func (l *Listener) handshake(conn net.Conn) {
	c, err := l.header(conn)
	<-l.waiting
	if err != nil {
		l.opts.Log.Info("connection without good PROXY protocol header", "remote", conn.RemoteAddr(), "err", err)
		conn.Close()
		return
	}
	l.give(accepted{conn: c})
}

func (l *Listener) header(conn net.Conn) (net.Conn, error) {
	from, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok || !slices.ContainsFunc(l.opts.Networks, func(n netip.Prefix) bool { return n.Contains(from.AddrPort().Addr().Unmap()) }) {
		return nil, errors.New("not from a load balancer")
	}
	if err := conn.SetReadDeadline(time.Now().Add(l.opts.Timeout)); err != nil {
		return nil, err
	}
	remote, local, err := readHeader(conn)
	if err != nil {
		return nil, err
	}
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		return nil, err
	}
	if !remote.IsValid() {
		return conn, nil
	}
	return &proxied{conn, net.TCPAddrFromAddrPort(remote), net.TCPAddrFromAddrPort(local)}, nil
}

// proxied is a connection with other addresses.
type proxied struct {
	net.Conn
	remote, local net.Addr
}

func (c *proxied) RemoteAddr() net.Addr { return c.remote }
func (c *proxied) LocalAddr() net.Addr  { return c.local }

var signature = []byte("\r\n\r\n\x00\r\nQUIT\n")

const (
	headerSize = 16
	maxLength  = 4096 // Of addresses and further information together.

	commandLocal = 0x20
	commandProxy = 0x21
	familyTCP4   = 0x11
	familyTCP6   = 0x21
)

// readHeader reads a header, and not a byte more. The addresses are not valid for a
// connection of the load balancer itself.
func readHeader(r io.Reader) (remote, local netip.AddrPort, err error) {
	var header [headerSize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return remote, local, err
	}
	if !bytes.HasPrefix(header[:], signature) {
		return remote, local, errors.New("no header of version 2")
	}
	command, family := header[12], header[13]
	length := int(binary.BigEndian.Uint16(header[14:]))
	if length > maxLength {
		return remote, local, fmt.Errorf("header of %d bytes is too long", length)
	}
	rest := make([]byte, length)
	if _, err := io.ReadFull(r, rest); err != nil {
		return remote, local, err
	}
	switch {
	case command == commandLocal:
		return remote, local, nil
	case command != commandProxy:
		return remote, local, fmt.Errorf("unknown version and command %#x", command)
	}
	size := 0
	switch family {
	case familyTCP4:
		size = 4
	case familyTCP6:
		size = 16
	default:
		return remote, local, fmt.Errorf("not for TCP: family and protocol %#x", family)
	}
	if len(rest) < 2*size+4 {
		return remote, local, errors.New("addresses are cut off")
	}
	ports := rest[2*size:]
	remoteIP, _ := netip.AddrFromSlice(rest[:size])
	localIP, _ := netip.AddrFromSlice(rest[size : 2*size])
	remote = netip.AddrPortFrom(remoteIP.Unmap(), binary.BigEndian.Uint16(ports))
	local = netip.AddrPortFrom(localIP.Unmap(), binary.BigEndian.Uint16(ports[2:]))
	return remote, local, nil
}
