package main

import (
	"context"
	"crypto/rand"
	"errors"
	"runtime/debug"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"mox/config"
	"mox/http"
	"mox/imapserver"
	"mox/internal/ratelimit"
	"mox/pipeline"
	"mox/pipeline/local"
	"mox/smtpserver"
)

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
	s.registry = prometheus.NewRegistry()
	s.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if s.resolver = opts.resolver; s.resolver == nil {
		s.resolver = newSystemResolver()
	}
	if err := s.openData(ctx, cfg); err != nil {
		return nil, err
	}
	if s.certs, err = newCertificates(live, s.resolver, opts.acmeClient, s.registry, s.log.With("pkg", "autotls")); err != nil {
		return nil, err
	}
	servers, err := s.makeServers(ctx, cfg)
	if err != nil {
		return nil, err
	}

	// What starting took, such as for hashing passwords, is given back before clients come.
	debug.FreeOSMemory()
	if err := s.servePorts(cfg, sockets, servers); err != nil {
		return nil, err
	}
	if err := s.serveControl(s.operations(cfg)); err != nil {
		return nil, err
	}

	// CAs can reach the ports now.
	certsCtx, stopCerts := context.WithCancel(ctx)
	s.closers.add("certificates", func(context.Context) error { stopCerts(); return nil })
	s.serving.Go(func() { s.certs.run(certsCtx) })

	// Only now mail begins to move.
	if err := s.out.start(&s.closers, opts.settled); err != nil {
		return nil, err
	}
	if opts.ready != nil {
		opts.ready(cfg, sockets)
	}
	return s, nil
}

// openData opens accounts and queue. From here on the data directory is ours.
func (s *server) openData(ctx context.Context, cfg *config.Config) error {
	if err := prepareDataDir(cfg); err != nil {
		return err
	}
	accounts, err := openStore(s.live, s.log, s.registry, writing)
	if err != nil {
		return err
	}
	s.accounts = accounts
	s.closers.add("closing accounts", func(context.Context) error { return accounts.Close() })
	if err := clearSpool(cfg); err != nil {
		return err
	}
	if err := makeAccounts(ctx, cfg, accounts); err != nil {
		return err
	}
	s.closers.add("configuration", s.followConfig())
	s.out, err = openQueue(ctx, s.live, accounts, s.log, s.registry, &s.closers, delivering{s.resolver, s.opts.dial}, writing)
	return err
}

// followConfig makes accounts that are added to the configuration. It returns what
// ends that.
func (s *server) followConfig() func(context.Context) error {
	cancel := s.live.Subscribe(func(_, cfg *config.Config) {
		if err := makeAccounts(context.Background(), cfg, s.accounts); err != nil {
			s.log.Error("new accounts in domains.conf", "err", err)
		}
	})
	return func(context.Context) error { cancel(); return nil }
}

// servers are those that ports are served by.
type servers struct {
	smtp   *smtpserver.Server
	imap   *imapserver.Server
	http   *http.Server
	checks []pipeline.Use // Of all messages over SMTP, whoever they are from.
}

// makeServers makes the servers, which end when this one does.
func (s *server) makeServers(ctx context.Context, cfg *config.Config) (*servers, error) {
	logins, err := newLogins(s.live, s.accounts)
	if err != nil {
		return nil, err
	}
	v := &servers{checks: s.checks(ctx)}
	v.smtp, err = smtpserver.New(smtpserver.Options{
		Addresses:  func() smtpserver.Addresses { return s.live.Current() },
		Logins:     logins,
		Local:      local.New(s.accounts),
		Queue:      s.out.queue.Target(),
		Submit:     s.out.submissions,
		SpoolDir:   spoolDir(cfg),
		Log:        s.log.With("pkg", "smtpserver"),
		Registerer: s.registry,
	})
	if err != nil {
		return nil, err
	}
	s.addServer("stopping SMTP", v.smtp.Shutdown)
	if v.imap, err = imapserver.New(s.imapOptions(logins)); err != nil {
		return nil, err
	}
	s.addServer("stopping IMAP", v.imap.Shutdown)
	mail, mailService, err := s.newWebmail(logins, v.checks)
	if err != nil {
		return nil, err
	}
	s.addServer("stopping webmail", mail.Shutdown)
	v.http, err = http.New(http.Options{
		Config:         s.live,
		Services:       s.webServices(mailService),
		ACMEChallenge:  s.certs.challengeHandler(),
		GetCertificate: s.certs.getCertificate(),
		Dial:           s.opts.dial,
		Gatherer:       s.registry,
		Registerer:     s.registry,
		Log:            s.log.With("pkg", "http"),
	})
	if err != nil {
		return nil, err
	}
	s.addServer("stopping HTTP", v.http.Shutdown)
	return v, nil
}

// servePorts serves the ports of the configuration.
func (s *server) servePorts(cfg *config.Config, sockets []socket, v *servers) error {
	for _, l := range cfg.Listeners {
		limits := smtpLimits(cfg, l)
		conns, accountConns := ratelimit.NewConns(l.Limits.Connections), ratelimit.NewCounts[string](l.Limits.ConnectionsPerAccount)
		for _, so := range sockets {
			if so.listener != l {
				continue
			}
			tlsConfig, err := s.certs.mailTLS(l, so.name)
			if err != nil {
				return err
			}
			s.goServe(so.name, func() error {
				switch so.name {
				case "SMTP", "Submission", "Submissions":
					use := v.checks
					if so.name == "SMTP" {
						use = slices.Concat(use, s.receptionChecks(l))
					}
					return v.smtp.Serve(so, s.smtpListener(so.service, tlsConfig, limits, use))
				case "IMAP", "IMAPS":
					return v.imap.Serve(so, s.imapListener(so.service, tlsConfig, conns, accountConns))
				default:
					return v.http.Serve(so, l, *so.web)
				}
			})
		}
	}
	return nil
}

// operations returns what commands can ask for.
func (s *server) operations(cfg *config.Config) *operations {
	return &operations{
		live:     s.live,
		store:    s.accounts,
		queue:    func(context.Context) (*outgoing, error) { return s.out, nil },
		queueDir: queueDir(cfg.DataDir),
		log:      s.log,
		stop:     s.askStop,
		restart:  s.opts.restart,
		id:       rand.Text(),
		levels:   s.opts.levels,

		certificates: s.certs,
	}
}
