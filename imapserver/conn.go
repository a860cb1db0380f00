package imapserver

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"strconv"
	"sync"
	"syscall"
	"time"

	"mox/imap"
	"mox/imap/wire"
	"mox/internal/logging"
	"mox/login"
	"mox/store"
)

// connState is where a connection is in its life (RFC 9051 §3).
type connState uint8

const (
	// stateNotAuthenticated is where a connection begins (RFC 9051 §3.1, RFC 3501 §3.1). LOGIN and AUTHENTICATE
	// lead to stateAuthenticated.
	stateNotAuthenticated connState = 1 << iota
	// stateAuthenticated: an account is open (conn.auth; RFC 9051 §3.2, RFC 3501 §3.2). SELECT and EXAMINE lead to
	// stateSelected.
	stateAuthenticated
	// stateSelected: a mailbox is open too (conn.selected; RFC 9051 §3.3, RFC 3501 §3.3). CLOSE, UNSELECT and a
	// failing SELECT lead back to stateAuthenticated.
	stateSelected
	// stateLogout: BYE was or is to be sent; the connection ends (RFC 9051 §3.4, RFC 3501 §3.4). From all other states.
	stateLogout

	stateAny = stateNotAuthenticated | stateAuthenticated | stateSelected
)

// conn is one connection. It is used by its goroutine only, but for rw.
type conn struct {
	srv     *Server
	lo      *ListenerOptions
	id      string
	session uint64
	log     *slog.Logger
	rw      *readWriter
	nc      net.Conn // rw, or the TLS connection on top of it.
	tls     bool
	ip      netip.Addr // Invalid for connections that are not over IP.

	unlimited bool // Not subject to limits of numbers.
	logins    *login.Conn

	in  inputTrace
	out *logging.Trace

	first commandReader // What br reads from.
	br    *bufio.Reader // Nil while waiting for a command.
	bw    *bufio.Writer // Nil while waiting for a command.
	dec   *wire.Decoder
	enc   *wire.Encoder

	logout   bool
	linger   bool           // BYE was sent.
	auth     *authState     // Nil until logged in.
	selected *selectedState // Nil unless a mailbox is selected.

	enabled   extension // By ENABLE.
	rev2      bool      // Enabled: responses are those of IMAP4rev2 (RFC 9051 §6.3.1).
	condstore bool      // Enabled: FETCH responses tell MODSEQ (RFC 7162 §3.1).
	bad       int       // BAD responses in a row.
}

// authState is there once a client has logged in.
type authState struct {
	login   string // As the client gave it.
	account *store.Account
	actor   store.Actor
}

// selectedState is there while a mailbox is selected.
type selectedState struct {
	*store.Selection
	mailbox  store.Mailbox
	readOnly bool
	saved    imap.UIDSet // What "$" stands for, see saveResult.
}

func (c *conn) state() connState {
	switch {
	case c.logout:
		return stateLogout
	case c.selected != nil:
		return stateSelected
	case c.auth != nil:
		return stateAuthenticated
	}
	return stateNotAuthenticated
}

func newConn(s *Server, lo *ListenerOptions, nc net.Conn, id uint64) *conn {
	c := &conn{srv: s, lo: lo, session: id, id: strconv.FormatUint(id, 36)}
	c.rw = newReadWriter(nc, &s.opts)
	c.nc = c.rw
	c.first.c = c
	if ap, err := netip.ParseAddrPort(nc.RemoteAddr().String()); err == nil {
		c.ip = ap.Addr().Unmap()
	}
	for _, p := range lo.Unlimited {
		c.unlimited = c.unlimited || p.Contains(c.ip)
	}
	c.logins = s.opts.Logins.NewConn(login.ConnOptions{
		Hostname: s.opts.Hostname, Protocol: "imap", IP: c.ip, Mechanisms: lo.Mechanisms, Accounts: lo.AccountConns, Unlimited: c.unlimited,
	})
	c.setLog(s.opts.Log.With("cid", c.id, "listener", lo.Name, "remote", nc.RemoteAddr().String()))
	return c
}

func (c *conn) setLog(log *slog.Logger) {
	c.log = log
	c.in.log, c.in.trace = log, logging.NewTrace(log, "C: ")
	c.out = logging.NewTrace(log, "S: ")
}

// errEnd ends a connection without further words.
var errEnd = errors.New("connection ends")

// serve runs the connection to its end.
func (c *conn) serve() {
	defer c.close()
	defer c.leave()
	defer c.catch()
	if c.ip.IsValid() && c.lo.Conns != nil && !c.unlimited {
		if !c.lo.Conns.Acquire(c.ip) {
			c.log.Debug("too many connections from address")
			c.refuse("Too many connections from your address")
			return
		}
		defer c.lo.Conns.Release(c.ip)
	}
	if c.lo.ImplicitTLS {
		c.rw.beforeGreeting(true)
		err := c.startTLS()
		c.rw.beforeGreeting(false)
		if err != nil {
			c.log.Info("tls handshake failed", "err", err)
			return
		}
	}
	c.log.Debug("connection")
	err := c.run()
	if errors.Is(err, errInterrupted) {
		err = c.bye("", "Server is shutting down")
	}
	if err != nil && !errors.Is(err, errEnd) && !isClosed(err) {
		c.log.Info("connection ended with error", "err", err)
		return
	}
	c.log.Debug("connection ended")
}

// catch ends a panic, which is a bug, at the end of a goroutine.
func (c *conn) catch() {
	if x := recover(); x != nil {
		c.srv.met.panics.Inc()
		c.log.Error("panic while serving connection", "panic", x, "stack", string(debug.Stack()))
	}
}

// refuse sends a BYE as greeting.
func (c *conn) refuse(text string) {
	if c.lo.ImplicitTLS {
		return // Handshakes cost more than the answer is worth.
	}
	io.WriteString(c.rw, "* BYE "+text+"\r\n")
}

func isClosed(err error) bool {
	for _, e := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// limitsBeforeLogin bound what somebody unknown can make the server keep. A response of AUTHENTICATE, and
// what ID tells, must fit.
var limitsBeforeLogin = wire.Limits{
	Line: 16 << 10, Literal: 8 << 10, Skip: 64 << 10, Depth: 2, Ranges: 1, Items: 100,
}

// limits bound commands after login. Messages that are refused are skipped, so that the client can
// read why, unless they are too large for that.
func (c *conn) limits() wire.Limits {
	return wire.Limits{Skip: maxAppendSizes*c.lo.MaxMessageSize + 64<<20}
}

// run greets and carries out commands.
func (c *conn) run() error {
	c.dec = wire.NewDecoder(nil, limitsBeforeLogin, c.continuation)
	c.enc = wire.NewEncoder(nil)
	c.acquireWriter()
	c.enc.Status(nil, imap.StatusOK, imap.Capability(c.capabilities()...), "mox ready")
	for {
		if err := c.bw.Flush(); err != nil {
			return err
		}
		if c.logout {
			c.linger = true
			return errEnd
		}
		if err := c.command(); err != nil {
			return err
		}
	}
}

// startTLS makes the connection a TLS connection. What the client sent before is dropped
// with the buffer (RFC 9051 §6.2.1).
func (c *conn) startTLS() error {
	tc := tls.Server(c.rw, c.lo.TLS)
	ctx, cancel := context.WithTimeout(c.srv.ctx, time.Minute)
	defer cancel()
	if err := tc.HandshakeContext(ctx); err != nil {
		return err
	}
	c.nc, c.tls = tc, true
	return nil
}

const (
	bufferSize = 8 << 10

	// largeBufferSize is for content of messages, so that most are read and written at once.
	largeBufferSize = 64 << 10
)

var (
	readers      = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, bufferSize) }}
	writers      = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, bufferSize) }}
	largeWriters = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, largeBufferSize) }}
)

// acquireReader takes a buffer for reading.
func (c *conn) acquireReader() {
	if c.br == nil {
		c.br = readers.Get().(*bufio.Reader)
		c.br.Reset(&c.first)
		c.dec.Reset(c.br)
	}
}

// releaseReader gives the buffer back if it holds nothing, so that idle connections cost little.
func (c *conn) releaseReader() {
	if c.br != nil && c.br.Buffered() == 0 {
		c.dropReader()
	}
}

// dropReader gives the buffer back with what it holds.
func (c *conn) dropReader() {
	c.dec.Reset(nil)
	c.br.Reset(nil)
	readers.Put(c.br)
	c.br = nil
}

// acquireWriter takes a buffer for writing.
func (c *conn) acquireWriter() {
	if c.bw == nil {
		c.setWriter(writers.Get().(*bufio.Writer))
	}
}

func (c *conn) setWriter(bw *bufio.Writer) {
	c.bw = bw
	c.bw.Reset(c.out.Writer(c.nc))
	c.enc.Reset(c.bw)
}

// growWriter takes a large buffer for the rest of a command.
func (c *conn) growWriter() error {
	if c.bw.Size() >= largeBufferSize {
		return nil
	}
	if err := c.enc.Flush(); err != nil {
		return connError{err}
	}
	c.releaseWriter()
	c.setWriter(largeWriters.Get().(*bufio.Writer))
	return nil
}

// releaseWriter gives the buffer back, which was flushed.
func (c *conn) releaseWriter() {
	if c.bw == nil {
		return
	}
	c.enc.Reset(nil) // It must not write into what others use then.
	c.bw.Reset(nil)
	if c.bw.Size() == largeBufferSize {
		largeWriters.Put(c.bw)
	} else {
		writers.Put(c.bw)
	}
	c.bw = nil
}

// commandReader gives a byte that was read while there was no buffer, then what comes from the connection.
type commandReader struct {
	c    *conn
	have bool
	b    [1]byte
}

// Read implements io.Reader.
func (r *commandReader) Read(p []byte) (int, error) {
	if r.have && len(p) > 0 {
		r.have = false
		return copy(p, r.b[:]), nil
	}
	n, err := r.c.nc.Read(p)
	r.c.in.add(p[:n], r.c.buffered())
	return n, err
}

// wait reads the first byte.
func (r *commandReader) wait() error {
	if _, err := io.ReadFull(r.c.nc, r.b[:]); err != nil {
		return err
	}
	r.have = true
	r.c.in.add(r.b[:], 0)
	return nil
}

// wait blocks until the client sends something, without holding buffers.
func (c *conn) wait() error {
	c.releaseWriter()
	if err := c.waitInput(); err != nil {
		return err
	}
	c.acquireWriter()
	return nil
}

// waitInput is wait for reading only.
func (c *conn) waitInput() error {
	c.releaseReader()
	if c.br != nil {
		return nil // Another command is here already.
	}
	c.rw.setReadTimeout(c.srv.opts.IdleTimeout)
	defer c.rw.setReadTimeout(c.srv.opts.IOTimeout)
	if err := c.first.wait(); err != nil {
		return err
	}
	c.acquireReader()
	return nil
}

// bye tells the client that the server ends the connection (RFC 9051 §7.1.5, RFC 3501 §7.1.5).
func (c *conn) bye(code imap.Code, text string) error {
	c.logout = true
	c.acquireWriter()
	c.enc.Status(nil, imap.StatusBye, code, text)
	err := c.bw.Flush()
	c.linger = err == nil
	return err
}

// leave gives up what the connection has open.
func (c *conn) leave() {
	c.unselect()
	if c.auth != nil {
		c.auth.account.Close()
		c.auth = nil
	}
	c.logins.Close()
}

// lingerTime is how long a client is listened to after BYE.
const lingerTime = time.Second

// close closes the connection. Where the server ends it, the client may still be sending. It could not
// read why if the connection was reset for that, so what it sends is thrown away for a moment.
func (c *conn) close() {
	defer c.nc.Close()
	if !c.linger {
		return
	}
	if tc, ok := c.nc.(*tls.Conn); ok {
		tc.CloseWrite()
	}
	half, ok := c.rw.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	c.rw.Conn.SetReadDeadline(time.Now().Add(lingerTime))
	io.Copy(io.Discard, struct{ io.Reader }{c.rw.Conn})
}

func (c *conn) unselect() {
	if c.selected != nil {
		c.selected.Close()
		c.selected = nil
	}
}

// continuation asks for a literal or another line (RFC 9051 §7.6, RFC 3501 §7.5).
func (c *conn) continuation() error {
	c.enc.Continue("Ready")
	return c.bw.Flush()
}
