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
	"time"

	"mox/imap"
	"mox/imap/wire"
	"mox/internal/logging"
	"mox/store"
)

// connState is where a connection is in its life (RFC 9051 §3).
type connState uint8

const (
	// stateNotAuthenticated is where a connection begins. LOGIN and AUTHENTICATE lead to
	// stateAuthenticated.
	stateNotAuthenticated connState = 1 << iota
	// stateAuthenticated: an account is open (conn.auth). SELECT and EXAMINE lead to
	// stateSelected.
	stateAuthenticated
	// stateSelected: a mailbox is open too (conn.selected). CLOSE, UNSELECT and a failing
	// SELECT lead back to stateAuthenticated.
	stateSelected
	// stateLogout: BYE was or is to be sent; the connection ends. From all other states.
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
	ctx     context.Context
	trace   struct{ in, out *logging.Trace }

	br  *bufio.Reader // Nil while waiting for a command.
	bw  *bufio.Writer // Nil while waiting for a command.
	dec *wire.Decoder
	enc *wire.Encoder

	logout   bool
	auth     *authState     // Nil until logged in.
	selected *selectedState // Nil unless a mailbox is selected.

	condstore bool // Enabled: FETCH responses tell MODSEQ (RFC 7162 §3.1).
	bad       int  // BAD responses in a row.
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
	c.rw = &readWriter{Conn: nc, stop: make(chan struct{}), writeTimeout: s.opts.IOTimeout, readTimeout: s.opts.LoginTimeout}
	c.nc = c.rw
	if ap, err := netip.ParseAddrPort(nc.RemoteAddr().String()); err == nil {
		c.ip = ap.Addr().Unmap()
	}
	c.log = s.opts.Log.With("cid", c.id, "listener", lo.Name, "remote", nc.RemoteAddr().String())
	c.trace.in = logging.NewTrace(c.log, "C: ")
	c.trace.out = logging.NewTrace(c.log, "S: ")
	return c
}

// errEnd ends a connection without further words.
var errEnd = errors.New("connection ends")

// serve runs the connection to its end.
func (c *conn) serve() {
	var cancel context.CancelFunc
	c.ctx, cancel = context.WithCancel(context.Background())
	defer cancel()
	defer c.rw.Close()
	defer c.leave()
	defer func() {
		if x := recover(); x != nil {
			c.srv.met.panics.Inc()
			c.log.Error("panic while serving connection", "panic", x, "stack", string(debug.Stack()))
		}
	}()
	if c.ip.IsValid() && c.lo.Conns != nil {
		if !c.lo.Conns.Acquire(c.ip) {
			c.log.Debug("too many connections from address")
			c.refuse("Too many connections from your address")
			return
		}
		defer c.lo.Conns.Release(c.ip)
	}
	if c.lo.ImplicitTLS {
		if err := c.startTLS(); err != nil {
			c.log.Info("tls handshake failed", "err", err)
			return
		}
	}
	c.log.Debug("connection")
	err := c.run()
	if errors.Is(err, errInterrupted) {
		err = c.bye("Server is shutting down")
	}
	if err != nil && !errors.Is(err, errEnd) && !isClosed(err) {
		c.log.Info("connection ended with error", "err", err)
		return
	}
	c.log.Debug("connection ended")
}

// refuse sends a BYE as greeting.
func (c *conn) refuse(text string) {
	if c.lo.ImplicitTLS {
		return // Handshakes cost more than the answer is worth.
	}
	io.WriteString(c.rw, "* BYE "+text+"\r\n")
}

func isClosed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

// run greets and carries out commands.
func (c *conn) run() error {
	c.dec = wire.NewDecoder(nil, wire.Limits{}, c.continuation)
	c.enc = wire.NewEncoder(nil)
	c.acquireWriter()
	c.enc.Status(nil, imap.StatusOK, imap.Capability(c.capabilities()...), "mox ready")
	for {
		if err := c.bw.Flush(); err != nil {
			return err
		}
		if c.logout {
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
	ctx, cancel := context.WithTimeout(c.ctx, time.Minute)
	defer cancel()
	if err := tc.HandshakeContext(ctx); err != nil {
		return err
	}
	c.nc, c.tls = tc, true
	return nil
}

const bufferSize = 8 << 10

var (
	readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, bufferSize) }}
	writers = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, bufferSize) }}
)

// acquireReader takes a buffer for reading. first is what was read already.
func (c *conn) acquireReader(first []byte) {
	if c.br == nil {
		c.br = readers.Get().(*bufio.Reader)
		c.br.Reset(&commandReader{c.trace.in.Reader(c.nc), first})
		c.dec.Reset(c.br)
	}
}

// releaseReader gives the buffer back if it holds nothing, so that idle connections cost little.
func (c *conn) releaseReader() {
	if c.br != nil && c.br.Buffered() == 0 {
		c.br.Reset(nil)
		readers.Put(c.br)
		c.br = nil
		c.dec.Reset(nil)
	}
}

// acquireWriter takes a buffer for writing.
func (c *conn) acquireWriter() {
	if c.bw == nil {
		c.bw = writers.Get().(*bufio.Writer)
		c.bw.Reset(c.trace.out.Writer(c.nc))
		c.enc.Reset(c.bw)
	}
}

// releaseWriter gives the buffer back, which was flushed.
func (c *conn) releaseWriter() {
	if c.bw != nil && c.bw.Buffered() == 0 {
		c.bw.Reset(nil)
		writers.Put(c.bw)
		c.bw = nil
	}
}

// dropBuffers gives the buffers back, whatever they hold.
func (c *conn) dropBuffers() {
	c.br.Reset(nil)
	c.releaseReader()
	c.bw.Reset(nil)
	c.releaseWriter()
}

// commandReader gives bytes that were read while there was no buffer, then the
// connection.
type commandReader struct {
	io.Reader
	first []byte
}

func (r *commandReader) Read(p []byte) (int, error) {
	if len(r.first) > 0 {
		n := copy(p, r.first)
		r.first = r.first[n:]
		return n, nil
	}
	return r.Reader.Read(p)
}

// wait blocks until the client sends something, without holding buffers.
func (c *conn) wait() error {
	timeout := c.srv.opts.IdleTimeout
	if c.auth == nil {
		timeout = c.srv.opts.LoginTimeout
	}
	c.releaseWriter()
	if err := c.waitInput(timeout); err != nil {
		return err
	}
	c.acquireWriter()
	return nil
}

// waitInput is wait for reading only.
func (c *conn) waitInput(timeout time.Duration) error {
	c.releaseReader()
	if c.br != nil {
		return nil // Another command is here already.
	}
	c.rw.setReadTimeout(timeout)
	defer c.rw.setReadTimeout(c.srv.opts.IOTimeout)
	var first [1]byte
	if _, err := io.ReadFull(c.nc, first[:]); err != nil {
		return err
	}
	c.acquireReader(first[:])
	return nil
}

// bye tells the client that the server ends the connection.
func (c *conn) bye(text string) error {
	c.logout = true
	c.acquireWriter()
	c.enc.Status(nil, imap.StatusBye, "", text)
	return c.bw.Flush()
}

// leave closes what the connection has open.
func (c *conn) leave() {
	c.unselect()
	if c.auth != nil {
		c.auth.account.Close()
		c.auth = nil
	}
}

func (c *conn) unselect() {
	if c.selected != nil {
		c.selected.Close()
		c.selected = nil
	}
}

// continuation asks for a literal or another line.
func (c *conn) continuation() error {
	c.enc.Continue("Ready")
	return c.bw.Flush()
}
