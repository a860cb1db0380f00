package imapserver

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// ErrServerClosed is returned by Serve after Shutdown.
var ErrServerClosed = errors.New("imap server is closed")

// Server serves IMAP on any number of listeners. It is safe for concurrent use.
type Server struct {
	opts     Options
	met      *metrics
	commands map[string]command
	nextID   atomic.Uint64
	conns    sync.WaitGroup
	accepts  sync.WaitGroup  // Serve.
	ctx      context.Context // Of all commands. Ends when Shutdown loses patience.
	cancel   context.CancelFunc

	mu        sync.Mutex // Guards what follows.
	closing   bool
	listeners map[net.Listener]struct{}
	open      map[*conn]struct{}
}

// New returns a Server.
func New(opts Options) (*Server, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	s := &Server{
		opts: opts, met: newMetrics(opts.Registerer), commands: commands(),
		listeners: map[net.Listener]struct{}{}, open: map[*conn]struct{}{},
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// Serve accepts connections until the listener fails or Shutdown is called, which closes
// it; it then returns ErrServerClosed.
func (s *Server) Serve(ln net.Listener, lo ListenerOptions) error {
	if err := lo.check(); err != nil {
		return err
	}
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		ln.Close() // As those that Shutdown has found.
		return ErrServerClosed
	}
	s.listeners[ln] = struct{}{}
	s.accepts.Add(1)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.listeners, ln)
		s.mu.Unlock()
		s.accepts.Done()
	}()
	backoff := time.Duration(0)
	for {
		nc, err := ln.Accept()
		if err == nil {
			backoff = 0
			s.accept(nc, &lo)
			continue
		}
		if s.isClosing() {
			return ErrServerClosed
		}
		// Out of file descriptors, say: others may end, so wait rather than give up.
		var ne net.Error
		if !errors.As(err, &ne) || errors.Is(err, net.ErrClosed) {
			return err
		}
		backoff = min(max(2*backoff, 5*time.Millisecond), time.Second)
		s.opts.Log.Error("accepting connection; waiting before the next", "listener", lo.Name, "err", err, "wait", backoff)
		time.Sleep(backoff)
	}
}

func (s *Server) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

func (s *Server) accept(nc net.Conn, lo *ListenerOptions) {
	c := newConn(s, lo, nc, s.nextID.Add(1))
	s.mu.Lock()
	s.open[c] = struct{}{}
	s.conns.Add(1)
	s.mu.Unlock()
	s.met.connections.WithLabelValues(lo.Name).Inc()
	go func() {
		defer s.conns.Done()
		c.serve()
		s.mu.Lock()
		delete(s.open, c)
		s.mu.Unlock()
	}()
}

// Shutdown closes the listeners and ends connections in an orderly way: those that wait
// for a command or are in IDLE get a BYE at once, others after the command that runs. When
// the context ends before all have gone, commands are cancelled, the rest is closed, and its error
// returned.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	for ln := range s.listeners {
		ln.Close()
	}
	s.mu.Unlock()
	s.accepts.Wait() // A connection that was accepted is served.

	s.mu.Lock()
	for c := range s.open {
		c.rw.interrupt()
	}
	s.mu.Unlock()

	ended := make(chan struct{})
	go func() {
		s.conns.Wait()
		close(ended)
	}()
	defer s.cancel()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	s.cancel()
	s.mu.Lock()
	for c := range s.open {
		c.rw.Close()
	}
	s.mu.Unlock()
	<-ended
	return ctx.Err()
}
