package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	nethttp "net/http"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"mox/config"
	"mox/dns"
	"mox/http"
	"mox/imapserver"
	"mox/internal/ctl"
	"mox/internal/logging"
	"mox/internal/ratelimit"
	"mox/login"
	"mox/pipeline/local"
	"mox/smtpserver"
	"mox/store"
)

// shutdownTimeout is how long a server that stops waits for what is in progress.
const shutdownTimeout = 10 * time.Second

// heapFloor is the heap, in bytes, below which a server does not collect garbage. Collecting took a tenth of the time
// of receiving mail.
const heapFloor = 64 << 20

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

// start makes the server, from the bottom up, and serves.
func start(ctx context.Context, opts serveOptions) (_ *server, rerr error) {
	s := &server{opts: opts, log: opts.log, failed: make(chan error, 1), asked: make(chan struct{}, 1)}
	defer func() {
		if rerr != nil {
			rerr = errors.Join(rerr, s.stop())
		}
	}()

	// Configuration, and with it the levels of logs.
	live, err := config.Open(opts.config)
	if err != nil {
		return nil, err
	}
	s.live = live
	cfg := live.Current()
	if !opts.keepLevels {
		opts.levels.Set(cfg.LogLevel, cfg.PackageLogLevels)
	}

	// All ports, so that one that is taken is told before anything else happens.
	sockets, err := s.listenAll(cfg)
	if err != nil {
		return nil, err
	}

	// The accounts. From here on the data directory is ours.
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if err := prepareDataDir(cfg); err != nil {
		return nil, err
	}
	accounts, err := openStore(live, s.log, registry, writing)
	if err != nil {
		return nil, err
	}
	s.closers.add("closing accounts", func(context.Context) error { return accounts.Close() })
	if err := clearSpool(cfg); err != nil {
		return nil, err
	}
	if err := makeAccounts(ctx, cfg, accounts); err != nil {
		return nil, err
	}
	s.closers.add("configuration", s.followConfig(accounts))

	// The queue.
	resolver := opts.resolver
	if resolver == nil {
		resolver = newSystemResolver()
	}
	out, err := openQueue(ctx, live, accounts, s.log, registry, &s.closers, delivering{resolver, opts.dial}, writing)
	if err != nil {
		return nil, err
	}

	// Certificates.
	certs, err := newCertificates(live, resolver, opts.acmeClient, registry, s.log.With("pkg", "autotls"))
	if err != nil {
		return nil, err
	}

	// The servers.
	logins, err := newLogins(live, accounts)
	if err != nil {
		return nil, err
	}
	smtpServer, err := smtpserver.New(smtpserver.Options{
		Addresses:  func() smtpserver.Addresses { return live.Current() },
		Logins:     logins,
		Local:      local.New(accounts),
		Queue:      out.queue.Target(),
		Submit:     out.submissions,
		SpoolDir:   spoolDir(cfg),
		Log:        s.log.With("pkg", "smtpserver"),
		Registerer: registry,
	})
	if err != nil {
		return nil, err
	}
	s.addServer("stopping SMTP", smtpServer.Shutdown)
	imapServer, err := imapserver.New(s.imapOptions(accounts, logins, registry))
	if err != nil {
		return nil, err
	}
	s.addServer("stopping IMAP", imapServer.Shutdown)
	smtpChecks := s.checks(ctx, accounts)
	mail, mailService, err := s.newWebmail(accounts, logins, out, smtpChecks, registry)
	if err != nil {
		return nil, err
	}
	s.addServer("stopping webmail", mail.Shutdown)
	httpServer, err := http.New(http.Options{
		Config:         live,
		Services:       s.webServices(mailService),
		ACMEChallenge:  certs.challengeHandler(),
		GetCertificate: certs.getCertificate(),
		Dial:           opts.dial,
		Gatherer:       registry,
		Registerer:     registry,
		Log:            s.log.With("pkg", "http"),
	})
	if err != nil {
		return nil, err
	}
	s.addServer("stopping HTTP", httpServer.Shutdown)

	// The ports of the configuration.
	for _, l := range cfg.Listeners {
		limits := smtpLimits(cfg, l)
		conns, accountConns := ratelimit.NewConns(l.Limits.Connections), ratelimit.NewCounts[string](l.Limits.ConnectionsPerAccount)
		for _, so := range sockets {
			if so.listener != l {
				continue
			}
			tlsConfig, err := certs.mailTLS(l, so.name)
			if err != nil {
				return nil, err
			}
			s.goServe(so.name, func() error {
				switch so.name {
				case "SMTP", "Submission", "Submissions":
					use := smtpChecks
					if so.name == "SMTP" {
						use = slices.Concat(use, s.receptionChecks(l, resolver))
					}
					return smtpServer.Serve(so, s.smtpListener(so.service, tlsConfig, limits, use))
				case "IMAP", "IMAPS":
					return imapServer.Serve(so, s.imapListener(so.service, tlsConfig, conns, accountConns))
				default:
					return httpServer.Serve(so, l, *so.web)
				}
			})
		}
	}

	// Commands.
	if err := s.serveControl(&operations{
		live:     live,
		store:    accounts,
		queue:    func(context.Context) (*outgoing, error) { return out, nil },
		queueDir: queueDir(cfg.DataDir),
		log:      s.log,
		stop:     s.askStop,
		restart:  s.opts.restart,
		id:       rand.Text(),
		levels:   opts.levels,

		certificates: certs,
	}); err != nil {
		return nil, err
	}

	// CAs can reach the ports now.
	certsCtx, stopCerts := context.WithCancel(ctx)
	s.closers.add("certificates", func(context.Context) error { stopCerts(); return nil })
	s.serving.Go(func() { certs.run(certsCtx) })

	// Only now mail begins to move.
	if err := out.start(&s.closers); err != nil {
		return nil, err
	}
	if opts.ready != nil {
		opts.ready(cfg, sockets)
	}
	return s, nil
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

// followConfig makes accounts that are added to the configuration. It returns what
// ends that.
func (s *server) followConfig(accounts *store.Store) func(context.Context) error {
	cancel := s.live.Subscribe(func(_, cfg *config.Config) {
		if err := makeAccounts(context.Background(), cfg, accounts); err != nil {
			s.log.Error("new accounts in domains.conf", "err", err)
		}
	})
	return func(context.Context) error { cancel(); return nil }
}

// imapOptions returns the options of the IMAP server.
func (s *server) imapOptions(accounts *store.Store, logins *login.Service, reg prometheus.Registerer) imapserver.Options {
	cfg := s.live.Current()
	return imapserver.Options{
		Accounts:     accounts,
		Logins:       logins,
		Hostname:     cfg.Hostname.ASCII,
		Version:      version(),
		Log:          s.log.With("pkg", "imapserver"),
		Registerer:   reg,
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
