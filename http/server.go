package http

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	nethttp "net/http"
	"sync"
	"time"
)

// Timeouts of connections.
const (
	headerTimeout = 30 * time.Second
	idleTimeout   = 2 * time.Minute
	writeTimeout  = 5 * time.Minute
)

// Options for New.
type Options struct {
	Log *slog.Logger // Default: discard.
}

// Server answers HTTP requests on any number of listeners. It is safe for concurrent
// use.
type Server struct {
	log *slog.Logger

	mu      sync.Mutex // Guards what follows.
	closed  bool
	servers []*nethttp.Server
}

// New returns a server.
func New(opts Options) *Server {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	return &Server{log: opts.Log}
}

// ListenerOptions for Serve.
type ListenerOptions struct {
	Handler nethttp.Handler

	// AllowHost tells whether requests with this Host field are answered. Others get
	// "misdirected request": the page of a stranger, whose name resolves to this
	// address, must not be able to ask us anything.
	AllowHost func(host string) bool

	TLS *tls.Config // Nil for plain HTTP.
}

// Serve answers on a listener, which it closes, until Shutdown. It then returns nil.
func (s *Server) Serve(l net.Listener, opts ListenerOptions) error {
	if opts.TLS != nil {
		config := opts.TLS.Clone()
		config.NextProtos = []string{"h2", "http/1.1"}
		l = tls.NewListener(l, config)
	}
	server := &nethttp.Server{
		Handler:           checkHost(opts.AllowHost, opts.Handler),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		WriteTimeout:      writeTimeout,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return l.Close()
	}
	s.servers = append(s.servers, server)
	s.mu.Unlock()
	if err := server.Serve(l); !errors.Is(err, nethttp.ErrServerClosed) {
		return fmt.Errorf("http: %w", err)
	}
	return nil
}

// Shutdown closes the listeners and idle connections and waits for requests that run
// until the context ends, whose error it then returns.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	servers := s.servers
	s.mu.Unlock()
	var errs []error
	for _, server := range servers {
		if err := server.Shutdown(ctx); err != nil {
			errs = append(errs, err, server.Close())
		}
	}
	return errors.Join(errs...)
}

// checkHost refuses requests for other hosts.
func checkHost(allow func(string) bool, next nethttp.Handler) nethttp.Handler {
	return nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if !allow(r.Host) {
			nethttp.Error(w, "this server does not answer for that host name", nethttp.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}
