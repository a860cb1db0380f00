package http

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"mox/http/http1"
	"mox/http/tcp"
	"mox/internal/ratelimit"
)

// limitedListener accepts connections as far as limits allow.
type limitedListener struct {
	net.Listener
	conns *ratelimit.Conns
	free  func(netip.Addr) bool // Addresses that are not counted.
	stall time.Duration
}

// Accept returns the next connection. One beyond the limits is closed at once: an answer would cost what
// the limit is to save.
func (l *limitedListener) Accept() (net.Conn, error) {
	for {
		nc, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &conn{Conn: tcp.Wrap(nc), stall: l.stall, begun: time.Now(), remote: addrOf(nc.RemoteAddr()), local: addrOf(nc.LocalAddr())}
		if c.remote.IsValid() && !l.free(c.remote) {
			if !l.conns.Acquire(c.remote) {
				nc.Close()
				continue
			}
			c.release = sync.OnceFunc(func() { l.conns.Release(c.remote) })
		}
		return c, nil
	}
}

// addrOf returns the IP address of an end of a connection, the zero Addr if it has none.
func addrOf(a net.Addr) netip.Addr {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort().Addr().Unmap().WithZone("")
	}
	if a == nil {
		return netip.Addr{}
	}
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

// conn is a connection whose client must take what it is sent: a write may last as long as it
// likes, but not without any progress for longer than stall.
type conn struct {
	net.Conn
	stall         time.Duration
	release       func() // May be nil.
	remote, local netip.Addr
	begun         time.Time

	ownDeadline atomic.Bool  // Somebody else has set one for writes.
	renewed     atomic.Int64 // When ours was set, in nanoseconds from begun on; zero for not.
}

func (c *conn) Close() error {
	if c.release != nil {
		c.release()
	}
	return c.Conn.Close()
}

// CloseWrite ends what is sent; what the client sends can still be read. Net/http has it done before it refuses a request that it
// does not read, so that the refusal arrives.
func (c *conn) CloseWrite() error {
	cw, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return cw.CloseWrite()
}

func (c *conn) SetDeadline(t time.Time) error {
	c.ownDeadline.Store(!t.IsZero())
	c.renewed.Store(0)
	return c.Conn.SetDeadline(t)
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.ownDeadline.Store(!t.IsZero())
	c.renewed.Store(0)
	return c.Conn.SetWriteDeadline(t)
}

// renew sets the deadline of the next write, unless it was set a moment ago.
func (c *conn) renew(always bool) {
	age := time.Since(c.begun)
	if last := c.renewed.Load(); !always && last != 0 && age-time.Duration(last) < c.stall/8 {
		return
	}
	c.renewed.Store(max(int64(age), 1))
	// If this fails, so does the write.
	c.Conn.SetWriteDeadline(time.Now().Add(c.stall))
}

func (c *conn) Write(p []byte) (int, error) { return c.write(p, c.Conn.Write) }

// WriteMore is Write for what more follows at once.
func (c *conn) WriteMore(p []byte) (int, error) {
	if m, ok := c.Conn.(interface{ WriteMore([]byte) (int, error) }); ok {
		return c.write(p, m.WriteMore)
	}
	return c.Write(p)
}

func (c *conn) write(p []byte, to func([]byte) (int, error)) (int, error) {
	if c.ownDeadline.Load() {
		return to(p)
	}
	c.renew(false)
	written := 0
	for {
		n, err := to(p[written:])
		written += n
		if err == nil || n == 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return written, err
		}
		c.renew(true)
	}
}

// ReadFrom sends what r has, a file without copying it.
func (c *conn) ReadFrom(r io.Reader) (int64, error) {
	rf, ok := c.Conn.(io.ReaderFrom)
	if !ok || c.ownDeadline.Load() {
		return io.Copy(writerOnly{c}, r)
	}
	c.renew(false)
	var written int64
	for {
		n, err := rf.ReadFrom(r)
		written += n
		if err == nil || n == 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return written, err
		}
		if _, ok := unlimited(r).(*os.File); !ok {
			return written, err // What was read and not written is lost.
		}
		c.renew(true)
	}
}

func unlimited(r io.Reader) io.Reader {
	if l, ok := r.(*io.LimitedReader); ok {
		return l.R
	}
	return r
}

type writerOnly struct{ io.Writer }

// plainConn is a connection for HTTP/1 without TLS.
type plainConn struct {
	*conn
	strict strictReader
}

func (c *plainConn) Read(p []byte) (int, error) { return c.strict.read(p, c.conn.Read) }

// tlsConn is one for HTTP/1 over TLS.
type tlsConn struct {
	*tls.Conn
	strict strictReader
}

func (c *tlsConn) Read(p []byte) (int, error) { return c.strict.read(p, c.Conn.Read) }

// base returns the connection below others.
func base(c net.Conn) *conn {
	for {
		switch x := c.(type) {
		case *conn:
			return x
		case *plainConn:
			return x.conn
		case *tlsConn:
			c = x.NetConn()
		case *tls.Conn:
			c = x.NetConn()
		default:
			return nil
		}
	}
}

// httpListener makes the connections of another listener ready for a net/http server: TLS is
// negotiated, for HTTP/1 simple requests are answered until there is one for net/http, and what that reads is checked.
type httpListener struct {
	net.Listener
	config *tls.Config // Nil without TLS.
	simple *http1.Server

	accept chan accepted
	ctx    context.Context // Ends when the listener is closed.
	cancel context.CancelFunc
}

type accepted struct {
	conn net.Conn
	err  error
}

// handshakeTimeout is how long a client may take for TLS.
const handshakeTimeout = 15 * time.Second

func newHTTPListener(l net.Listener, config *tls.Config, simple *http1.Server) *httpListener {
	h := &httpListener{Listener: l, config: config, simple: simple, accept: make(chan accepted)}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	go h.run()
	return h
}

func (l *httpListener) Close() error {
	l.cancel()
	return l.Listener.Close()
}

func (l *httpListener) Accept() (net.Conn, error) {
	select {
	case a := <-l.accept:
		return a.conn, a.err
	case <-l.ctx.Done():
		return nil, net.ErrClosed
	}
}

func (l *httpListener) give(c net.Conn, err error) bool {
	select {
	case l.accept <- accepted{c, err}:
		return true
	case <-l.ctx.Done():
		return false
	}
}

// run accepts connections and begins with each, so that a slow one delays nobody else.
func (l *httpListener) run() {
	for {
		nc, err := l.Listener.Accept()
		if err != nil {
			if !l.give(nil, err) {
				return
			}
			continue
		}
		c := nc.(*conn)
		if l.config == nil {
			go l.begin(c, c)
		} else {
			go l.handshake(c)
		}
	}
}

// handshake negotiates TLS.
func (l *httpListener) handshake(nc *conn) {
	c := tls.Server(nc, l.config)
	ctx, cancel := context.WithTimeout(l.ctx, handshakeTimeout)
	defer cancel()
	if err := c.HandshakeContext(ctx); err != nil {
		refuseHTTP(err)
		nc.Close()
		return
	}
	cancel()
	switch c.ConnectionState().NegotiatedProtocol {
	case "h2":
		if !l.give(c, nil) {
			nc.Close()
		}
	case "", "http/1.1", "http/1.0":
		l.begin(nc, c)
	default: // Only to prove that a name is ours, see webTLS.
		nc.Close()
	}
}

// begin answers simple requests on c, which is over nc or nc itself. Net/http gets it with the first that is not.
func (l *httpListener) begin(nc *conn, c net.Conn) {
	rest, left := l.simple.Serve(context.WithValue(context.Background(), connKey{}, nc), c)
	if !left {
		return
	}
	var ready net.Conn
	if t, ok := c.(*tls.Conn); ok {
		ready = &tlsConn{Conn: t, strict: strictReader{rest: rest}}
	} else {
		ready = &plainConn{conn: nc, strict: strictReader{rest: rest}}
	}
	if !l.give(ready, nil) {
		nc.Close()
	}
}

// refuseHTTP answers a client that speaks HTTP without TLS.
func refuseHTTP(err error) {
	var re tls.RecordHeaderError
	if !errors.As(err, &re) || re.Conn == nil {
		return
	}
	switch string(re.RecordHeader[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO":
		io.WriteString(re.Conn, "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nThis port speaks HTTPS, not plain HTTP.\n")
	}
}
