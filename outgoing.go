package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mox/config"
	"mox/dns"
	"mox/internal/netguard"
	"mox/pipeline/local"
	"mox/queue"
	"mox/queuedb"
	"mox/rcptsecurity"
	"mox/sasl"
	"mox/smtp"
	"mox/smtpclient"
	"mox/store"
)

// dialTimeout is for connecting to a configured server.
const dialTimeout = 30 * time.Second

// outgoing is what takes mail to other servers.
type outgoing struct {
	queue       *queue.Queue
	submissions *queue.Submissions
	db          *queuedb.DB
	log         *slog.Logger

	// security tells how safely mail goes to a domain. It is nil where nothing is delivered.
	security *rcptsecurity.Checker
}

// delivering is what delivering needs. It is zero for an operation that delivers
// nothing.
type delivering struct {
	resolver dns.Resolver
	dial     func(ctx context.Context, network, address string) (net.Conn, error) // Default: that of a net.Dialer.
}

// openQueue opens the queue; start begins to deliver.
func openQueue(ctx context.Context, live *config.Live, accounts *store.Store, log *slog.Logger, reg prometheus.Registerer, closers *closers, d delivering, access access) (*outgoing, error) {
	cfg := live.Current()
	log = log.With("pkg", "queue")
	db, err := queuedb.Open(ctx, queuedb.Options{Dir: queueDir(cfg.DataDir), Log: log, Registerer: reg, ReadOnly: access == reading})
	if err != nil {
		return nil, queueAdvice(queueDir(cfg.DataDir), err)
	}
	closers.add("closing the queue's database", func(context.Context) error { return db.Close() })

	submissions := &queue.Submissions{Accounts: accounts, Log: log}
	security, err := newRecipientSecurity(cfg, d, reg)
	if err != nil {
		return nil, err
	}
	if security != nil {
		closers.add("ending lookups of recipients' domains", func(context.Context) error {
			security.Close()
			return nil
		})
	}
	t := newTransports(live, d, security, log)
	q, err := queue.New(queue.Options{
		DB:          db,
		Local:       local.New(accounts),
		Route:       t.route,
		LookupLocal: func(_ context.Context, p smtp.Path) (string, string, bool, error) { return lookupLocal(live, p) },
		Done:        submissions.Done,
		Begun:       submissions.Begun,
		Signer:      newSigner(live, log),
		Hostname:    cfg.Hostname,
		Log:         log,
		Registerer:  reg,
		Suspend:     suspend(cfg),
	})
	if err != nil {
		return nil, err
	}
	submissions.Queue = q
	closers.add("stopping the queue", func(ctx context.Context) error {
		// An attempt that is broken off is made again after the next start.
		if err := q.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		return nil
	})
	return &outgoing{q, submissions, db, log, security}, nil
}

// queueAdvice adds to an error of opening the queue in a directory what to do about it.
func queueAdvice(dir string, err error) error {
	switch {
	case errors.Is(err, queuedb.ErrDamaged):
		return fmt.Errorf("%w; restore %s from a backup, or move that directory away: what is in it is not delivered then", err, dir)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w; free space on the disk of %s", err, dir)
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w; make %s writable for this user: its file system may be mounted read-only", err, dir)
	}
	return err
}

// suspend returns for how long a destination is left alone that cannot be reached, zero for as long as usual. All that
// localserve delivers goes to itself.
func suspend(cfg *config.Config) time.Duration {
	if cfg.Localserve != nil {
		return -1
	}
	return 0
}

// start begins to deliver, and settles what a crash left between account and queue.
func (o *outgoing) start(closers *closers, settled func()) error {
	if err := o.queue.Start(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := o.submissions.Replay(ctx); err != nil && ctx.Err() == nil {
			o.log.Error("settling submissions that a crash left pending", "err", err)
		}
		if settled != nil && ctx.Err() == nil {
			settled()
		}
	}()
	closers.add("settling submissions", func(context.Context) error {
		cancel()
		<-done
		return nil
	})
	return nil
}

// lookupLocal is for queue.Options.
func lookupLocal(live *config.Live, p smtp.Path) (account, mailbox string, local bool, err error) {
	dest, _, err := live.Current().LookupPath(p)
	if errors.Is(err, config.ErrUnknownDomain) {
		return "", "", false, nil
	}
	return dest.Account, dest.Mailbox, true, err
}

// transports are the ways out, as configured.
type transports struct {
	live     *config.Live
	log      *slog.Logger
	dialer   *smtpclient.Dialer
	security queue.HostSecurity // Nil if nothing is delivered.
	dial     func(ctx context.Context, network, address string) (net.Conn, error)
	hostname dns.IPDomain // For EHLO.

	mu   sync.Mutex // Guards made.
	made map[*config.Transport]queue.Transport
}

func newTransports(live *config.Live, d delivering, security *rcptsecurity.Checker, log *slog.Logger) *transports {
	cfg := live.Current()
	if d.dial == nil {
		d.dial = (&net.Dialer{Timeout: dialTimeout}).DialContext
	}
	t := &transports{
		live:     live,
		log:      log,
		dial:     d.dial,
		hostname: dns.IPDomain{Domain: cfg.Hostname},
		made:     map[*config.Transport]queue.Transport{},
		dialer: &smtpclient.Dialer{
			Resolver:    d.resolver,
			DialContext: d.dial,
			Guard:       netguard.Guard{Allow: cfg.AllowNetworks, Own: ownAddresses(cfg)},
			LocalNames:  cfg.Hostnames(),
			Log:         log,
		},
	}
	if security != nil {
		t.security = security
	}
	return t
}

// ownAddresses returns the addresses on which mail from others arrives here.
func ownAddresses(cfg *config.Config) []netip.Addr {
	var own []netip.Addr
	for _, l := range cfg.Listeners {
		if l.SMTP.Enabled && l.SMTP.Port == 25 {
			own = append(own, l.IPs...)
		}
	}
	return own
}

// route is for queue.Options. It always returns the same transport for the same
// configured one.
func (t *transports) route(m *queuedb.Message, r *queuedb.Recipient) queue.Transport {
	cfg := t.live.Current()
	var chosen *config.Transport // Nil is direct delivery.
	if cfg.Localserve == nil {
		chosen = cfg.Route(m.Account, m.MailFrom.IPDomain.Domain, r.Path.IPDomain.Domain, r.Attempts)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if made, ok := t.made[chosen]; ok {
		return made
	}
	// A reload makes new ones; those of an old configuration are of no more use.
	if len(t.made) > 1000 {
		clear(t.made)
	}
	made := t.transport(cfg, chosen)
	t.made[chosen] = made
	return made
}

func (t *transports) transport(cfg *config.Config, c *config.Transport) queue.Transport {
	switch {
	case cfg.Localserve != nil:
		return t.backToUs(cfg)
	case c == nil:
		return &queue.Direct{TransportName: "direct", Dialer: t.dialer, LocalName: t.hostname, Security: t.security, Log: t.log}
	}
	switch c.Kind {
	case config.TransportDirect:
		return &queue.Direct{TransportName: c.Name, Dialer: t.dialerFor(c), LocalName: t.hostname, Security: t.security, Log: t.log}
	case config.TransportFail:
		return queue.Fail{TransportName: c.Name, Reply: smtp.NewError(c.Code, "", c.Message, nil)}
	}
	return t.smarthost(c)
}

// smarthost returns the transport to another server.
func (t *transports) smarthost(c *config.Transport) *queue.Smarthost {
	s := &queue.Smarthost{
		TransportName: c.Name,
		Host:          c.Host,
		Port:          c.Port,
		LocalName:     t.hostname,
		DialContext:   t.dial,
		Log:           t.log,
	}
	if c.Username != "" {
		s.Credentials = &sasl.Credentials{Username: c.Username, Password: c.Password}
	}
	switch {
	case c.Kind == config.TransportSubmissions:
		s.TLS = smtpclient.TLSImmediate
	case c.NoSTARTTLS:
		s.TLS = smtpclient.TLSNone
	case c.Kind == config.TransportSMTP:
		s.TLS = smtpclient.TLSOpportunistic
	case c.InsecureSkipVerify:
		s.TLS = smtpclient.TLSRequired
	default:
		s.TLS = smtpclient.TLSVerified
	}
	return s
}

// backToUs returns the transport of localserve: to its own SMTP port.
func (t *transports) backToUs(cfg *config.Config) queue.Transport {
	for _, l := range cfg.Listeners {
		if !l.SMTP.Enabled {
			continue
		}
		ip := l.IPs[0]
		if ip == netip.IPv4Unspecified() {
			ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		} else if ip.IsUnspecified() {
			ip = netip.IPv6Loopback()
		}
		return &queue.Smarthost{
			TransportName: "localserve",
			Host:          dns.IPDomain{IP: ip},
			Port:          l.SMTP.Port,
			TLS:           smtpclient.TLSNone,
			LocalName:     t.hostname,
			DialContext:   t.dial,
			Log:           t.log,
		}
	}
	return queue.Fail{TransportName: "localserve", Reply: smtp.NewError(smtp.C451LocalError, smtp.E430SystemOther, "no listener with SMTP to deliver to", nil)}
}

// dialerFor returns the dialer for a transport of the kind direct.
func (t *transports) dialerFor(c *config.Transport) *smtpclient.Dialer {
	d := *t.dialer
	switch {
	case c.DisableIPv6:
		d.Resolver = oneFamily{d.Resolver, "ip4"}
	case c.DisableIPv4:
		d.Resolver = oneFamily{d.Resolver, "ip6"}
	}
	return &d
}

// oneFamily is a resolver that finds addresses of one family only.
type oneFamily struct {
	dns.Resolver
	network string // "ip4" or "ip6".
}

// LookupIP implements dns.Resolver. Addresses of the other family do not exist.
func (r oneFamily) LookupIP(ctx context.Context, network, host string) ([]netip.Addr, dns.Result, error) {
	if network != "ip" && network != r.network {
		return nil, dns.Result{}, &dns.Error{Type: network, Name: host, NotFound: true, Err: errors.New("addresses of this family are not used")}
	}
	return r.Resolver.LookupIP(ctx, r.network, host)
}
