package smtpserver

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"
	"time"

	"mox/authres"
	"mox/internal/logging"
	"mox/login"
	"mox/pipeline"
)

// ErrServerClosed is returned by Serve after Shutdown.
var ErrServerClosed = errors.New("smtpserver: server closed")

// Server receives mail on any number of listeners. It is safe for concurrent use.
type Server struct {
	opts    Options
	metrics *metrics

	// ctx is the context of all work for messages. It ends when Shutdown loses patience.
	ctx    context.Context
	cancel context.CancelFunc

	closing  chan struct{} // Closed when Shutdown begins: no connections are accepted any more.
	stopping chan struct{} // Closed when connections are to end.

	wg        sync.WaitGroup // Connections.
	accepting sync.WaitGroup // Serve.

	mu        sync.Mutex // Guards what follows.
	listeners map[net.Listener]struct{}
	conns     map[*conn]struct{}
}

// New returns a server that serves nothing yet.
func New(opts Options) (*Server, error) {
	if err := opts.defaults(); err != nil {
		return nil, err
	}
	m, err := newMetrics(opts.Registerer)
	if err != nil {
		return nil, err
	}
	s := &Server{
		opts:      opts,
		metrics:   m,
		closing:   make(chan struct{}),
		stopping:  make(chan struct{}),
		listeners: map[net.Listener]struct{}{},
		conns:     map[*conn]struct{}{},
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// listener is what the connections of one listener share.
type listener struct {
	ListenerOptions
	runner   *pipeline.Runner
	authserv *authres.Matcher // Knows our names in Authentication-Results.
}

// Serve accepts connections on ln until Shutdown, after which it returns ErrServerClosed, or
// until accepting fails for good. It closes ln.
func (s *Server) Serve(ln net.Listener, opts ListenerOptions) error {
	defer ln.Close()
	if err := opts.defaults(&s.opts); err != nil {
		return err
	}
	names := []string{opts.Hostname.ASCII}
	for _, d := range opts.Hostnames {
		names = append(names, d.ASCII)
	}
	l := &listener{ListenerOptions: opts, authserv: authres.NewMatcher(names...)}
	l.runner = pipeline.NewRunner(pipeline.RunnerOptions{
		Checks:   opts.Checks,
		Hostname: opts.Hostname.ASCII,
		Log:      s.opts.Log,
		Observe:  s.metrics.check,
	})
	if !s.addListener(ln) {
		return ErrServerClosed
	}
	defer s.removeListener(ln)

	backoff := time.Duration(0)
	for {
		nc, err := ln.Accept()
		if err == nil {
			backoff = 0
			s.accept(nc, l)
			continue
		}
		if isDone(s.closing) {
			return ErrServerClosed
		}
		if errors.Is(err, net.ErrClosed) {
			return err
		}
		// Out of file descriptors, or a connection that is gone already. New ones come after a while.
		backoff = min(max(2*backoff, 5*time.Millisecond), time.Second)
		s.opts.Log.Error("accepting a connection", "listener", opts.Name, "err", err, "retry", backoff)
		select {
		case <-time.After(backoff):
		case <-s.closing:
			return ErrServerClosed
		}
	}
}

func (s *Server) addListener(ln net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if isDone(s.closing) {
		return false
	}
	s.listeners[ln] = struct{}{}
	s.accepting.Add(1)
	return true
}

func (s *Server) removeListener(ln net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, ln)
	s.accepting.Done()
}

func isDone(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// accept starts a connection.
func (s *Server) accept(nc net.Conn, l *listener) {
	c := newConn(s, l, nc)
	s.mu.Lock()
	s.conns[c] = struct{}{}
	s.wg.Add(1)
	s.mu.Unlock()

	go func() {
		defer s.wg.Done()
		defer func() {
			s.mu.Lock()
			delete(s.conns, c)
			s.mu.Unlock()
		}()
		defer func() {
			// For bugs only: one connection ends, the others go on.
			if x := recover(); x != nil {
				s.metrics.panics.Inc()
				c.log.Error("panic in connection", "panic", x, "stack", string(debug.Stack()))
			}
			nc.Close()
		}()
		c.serve()
	}()
}

// Shutdown stops accepting connections and waits until all are gone. Who has come gets a greeting. A connection without
// mail transaction is told 421 at once; one that has a transaction open may finish it and is
// told then, a DATA in progress thus ends in 250. When ctx ends Shutdown closes the
// connections that are left, ends the context of their work, waits for them, which takes no
// more than a commit that has begun, and returns the error of ctx. After Shutdown the server
// uses nothing it was given.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	if !isDone(s.closing) {
		close(s.closing)
	}
	for ln := range s.listeners {
		ln.Close()
	}
	s.mu.Unlock()
	s.accepting.Wait() // A connection that was accepted is served.

	s.mu.Lock()
	if !isDone(s.stopping) {
		close(s.stopping)
	}
	for c := range s.conns {
		c.interrupt()
	}
	s.mu.Unlock()
	defer s.cancel()

	done := make(chan struct{})
	go func() {
		s.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	s.cancel()
	s.mu.Lock()
	for c := range s.conns {
		c.plain.Close()
	}
	s.mu.Unlock()
	<-done
	return ctx.Err()
}

// newConn makes the connection that nc is.
func newConn(s *Server, l *listener, nc net.Conn) *conn {
	c := &conn{
		s:        s,
		l:        l,
		plain:    nc,
		remoteIP: addrOf(nc.RemoteAddr()),
		localIP:  addrOf(nc.LocalAddr()),
		started:  time.Now(),
	}
	var err error
	if c.id, err = pipeline.NewID(s.opts.Rand); err != nil {
		// Ids tell log lines apart; a connection can do without.
		s.opts.Log.Error("making a connection id", "err", err)
	}
	c.log = s.opts.Log.With("cid", c.id)
	c.wire.nc = nc
	c.wire.timeout = l.Limits.opts.Timeout
	if c.log.Enabled(s.ctx, logging.LevelTrace) {
		c.wire.in, c.wire.out = logging.NewTrace(c.log, "C: "), logging.NewTrace(c.log, "S: ")
	}
	for _, p := range l.Unlimited {
		c.unlimited = c.unlimited || p.Contains(c.remoteIP)
	}
	if c.isSubmission() {
		c.logins = s.opts.Logins.NewConn(login.ConnOptions{
			Hostname: l.Hostname.ASCII, Protocol: "submission", IP: c.remoteIP, Mechanisms: l.Mechanisms, Accounts: l.Limits.accounts, Unlimited: c.unlimited,
		})
	}
	return c
}

func addrOf(a net.Addr) netip.Addr {
	if a, ok := a.(*net.TCPAddr); ok {
		ip, _ := netip.AddrFromSlice(a.IP)
		return ip.Unmap().WithZone(a.Zone)
	}
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{} // A socket without address: such clients share limits.
	}
	return ap.Addr().Unmap()
}
