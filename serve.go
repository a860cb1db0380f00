package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	nethttp "net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mox/config"
	"mox/dns"
	"mox/http"
	"mox/imapserver"
	"mox/internal/ctl"
	"mox/internal/heapfloor"
	"mox/internal/logging"
	"mox/login"
	"mox/smtpserver"
	"mox/store"
)

// shutdownTimeout is how long a server that stops waits for what is in progress.
const shutdownTimeout = 10 * time.Second

// heapFloor is the heap, in bytes, below which a server does not collect garbage. Collecting took a tenth of the time
// of receiving mail.
const heapFloor = 64 << 20

// leaveHeap has garbage collected less often once settled is called, until unset is. Before, while all accounts are opened in turn,
// it would be kept for nothing.
func leaveHeap() (settled, unset func()) {
	var mu sync.Mutex // Guards floor.
	floor := func() {}
	settled = func() {
		debug.FreeOSMemory()
		mu.Lock()
		defer mu.Unlock()
		floor = heapfloor.Set(heapFloor)
	}
	unset = func() {
		mu.Lock()
		defer mu.Unlock()
		floor()
	}
	return settled, unset
}

// serveOptions are what a server is made from.
type serveOptions struct {
	config config.Options
	log    *slog.Logger
	levels *logging.Levels // Of log.

	keepLevels bool // The levels are not set by the configuration.

	resolver    dns.Resolver                                                         // Default: the system's, cached.
	listen      func(network, address string) (net.Listener, error)                  // Default: net.Listen.
	dial        func(ctx context.Context, network, address string) (net.Conn, error) // Default: that of a net.Dialer.
	webServices map[config.WebKind]http.Service                                      // Besides those there are, for tests.
	acmeClient  *nethttp.Client                                                      // For requests to CAs. Default: that of package autotls.

	ready   func(cfg *config.Config, sockets []socket) // Told once all is served. May be nil.
	settled func()                                     // Told once what an earlier stop left is done. May be nil.
	restart func(ctx context.Context) error            // Arranges that another server follows once this one has stopped. Nil: nobody can.
}

// server is a running mail server.
type server struct {
	opts    serveOptions
	live    *config.Live
	log     *slog.Logger
	failed  chan error     // From goroutines that serve; the first error counts.
	asked   chan struct{}  // A command asks to stop.
	serving sync.WaitGroup // Those goroutines.
	closers closers
	servers []func(context.Context) error // Shut down together, by one of the closers.

	// What the servers stand on, made in this order.
	registry *prometheus.Registry
	resolver dns.Resolver
	accounts *store.Store
	out      *outgoing
	certs    *certificates
}

// serve runs a mail server until the context ends, a SIGINT or SIGTERM as its caller
// arranges it, or something that is needed fails. It then stops in an orderly way.
// SIGHUP reloads the configuration.
func serve(ctx context.Context, opts serveOptions) error {
	// Whatever ends the server also ends what only waits.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// From before anybody is told that all is served, as the signal ends a process that does not want it.
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	s, err := start(ctx, opts)
	if err != nil {
		return err
	}
	for {
		select {
		case <-hangup:
			// What is wrong is in the log.
			reload(s.live, s.log)
		case err := <-s.failed:
			s.log.Error("a part of the server failed; stopping", "err", err)
			cancel()
			return errors.Join(err, s.stop())
		case <-s.asked:
			s.log.Info("stopping, as asked by a command")
			cancel()
			return s.stop()
		case <-ctx.Done():
			s.log.Info("stopping")
			return s.stop()
		}
	}
}

// stop ends everything, in the reverse order of its start.
func (s *server) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	err := s.closers.close(ctx)
	s.serving.Wait()
	return err
}

// askStop has serve return soon.
func (s *server) askStop() {
	select {
	case s.asked <- struct{}{}:
	default: // It was asked already.
	}
}

// addServer has a server shut down when this one stops, at the same time as the others. If that takes too
// long, what was in progress is cut off, which is no error: a client that was told nothing tries again.
func (s *server) addServer(what string, shutdown func(context.Context) error) {
	if len(s.servers) == 0 {
		s.closers.add("stopping servers", s.stopServers)
	}
	s.servers = append(s.servers, func(ctx context.Context) error {
		err := shutdown(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			s.log.Warn(what+" took too long, what was in progress is cut off", "waited", shutdownTimeout)
			return nil
		} else if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		return nil
	})
}

// stopServers shuts all servers down.
func (s *server) stopServers(ctx context.Context) error {
	errs := make([]error, len(s.servers))
	var wg sync.WaitGroup
	for i, shutdown := range s.servers {
		wg.Go(func() { errs[i] = shutdown(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// goServe runs a function that serves until the server stops; its error stops the server.
func (s *server) goServe(what string, f func() error) {
	s.serving.Go(func() {
		err := f()
		if err == nil || errors.Is(err, smtpserver.ErrServerClosed) || errors.Is(err, imapserver.ErrServerClosed) {
			return
		}
		select {
		case s.failed <- fmt.Errorf("%s: %w", what, err):
		default:
		}
	})
}

// imapOptions returns the options of the IMAP server.
func (s *server) imapOptions(logins *login.Service) imapserver.Options {
	cfg := s.live.Current()
	return imapserver.Options{
		Accounts:     s.accounts,
		Logins:       logins,
		Hostname:     cfg.Hostname.ASCII,
		Version:      version(),
		Log:          s.log.With("pkg", "imapserver"),
		Registerer:   s.registry,
		LoginTimeout: cfg.Timeouts.Login,
		IdleTimeout:  cfg.Timeouts.IMAP,
	}
}

// serveControl answers commands on the control socket.
func (s *server) serveControl(o *operations) error {
	c := ctl.New(ctl.Options{Handlers: o.handlers(), Version: version(), Log: s.log.With("pkg", "ctl")})
	l, err := ctl.Listen(s.live.Current().DataDir)
	if err != nil {
		return err
	}
	s.addServer("stopping the control socket", c.Shutdown)
	s.goServe("control socket", func() error { return c.Serve(l) })
	return nil
}
