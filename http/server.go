package http

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base32"
	"errors"
	"fmt"
	"log/slog"
	"net"
	nethttp "net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mox/config"
	"mox/http/compress"
	"mox/http/http1"
	"mox/http/proxy"
	"mox/http/static"
	"mox/internal/ratelimit"
)

// Timeouts of connections that do nothing yet, or nothing any more.
const (
	headerTimeout = 30 * time.Second // For the whole header.
	idleTimeout   = 2 * time.Minute  // Between requests.
)

// Config is the configuration of a running server, a *config.Live.
type Config interface {
	Current() *config.Config
	Subscribe(changed func(old, new *config.Config)) (cancel func())
}

// Options for New.
type Options struct {
	Config Config // Required.

	// Services are what can be enabled for listeners and in WebInternal: of WebAccount, WebAdmin,
	// WebWebmail and WebWebAPI, those that there are.
	Services map[config.WebKind]Service

	// ACMEChallenge answers below /.well-known/acme-challenge/ on ports without TLS (RFC 8555 §8.3). May be nil.
	ACMEChallenge nethttp.Handler

	// GetCertificate returns certificates for names that the files of the configuration have none for, and for
	// clients that negotiate acme-tls/1. It returns nil for a name that it knows nothing of. May be nil.
	GetCertificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)

	// Dial connects to servers that requests are forwarded to. Default: that of a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	Gatherer   prometheus.Gatherer   // Shown by services with metrics. Default: nothing.
	Registerer prometheus.Registerer // Default: metrics are not shown.
	Log        *slog.Logger          // Default: discard.
}

// Server answers HTTP requests on any number of ports. It is safe for concurrent use.
type Server struct {
	opts         Options
	log          *slog.Logger
	metrics      *metrics
	accessFile   *accessFile
	compressor   *compress.Compressor
	files        *static.Cache
	proxyMetrics *proxy.Metrics
	started      time.Time
	idPrefix     string // Of ids of requests, differs from start to start.
	requests     atomic.Uint64
	router       atomic.Pointer[router]
	explains     bool                 // Handlers of websites only tell that they are asked, see Explain.
	limiters     map[string]*limiters // By listener.
	unfollow     func()               // Ends the subscription to changes of the configuration.

	mu      sync.Mutex // Guards what follows.
	closed  bool
	servers []server
}

// server is part of what serves a port. Shutdown closes connections when the context ends.
type server interface{ Shutdown(context.Context) error }

// fullServer is the part for what is not simple.
type fullServer struct{ *nethttp.Server }

func (s fullServer) Shutdown(ctx context.Context) error {
	if err := s.Server.Shutdown(ctx); err != nil {
		return errors.Join(err, s.Close())
	}
	return nil
}

// limiters are shared by the ports of a listener.
type limiters struct {
	conns    *ratelimit.Conns
	requests *ratelimit.Networks
}

// New returns a server. A listener of the configuration that has a service enabled for which Services has none
// is an error.
func New(opts Options) (*Server, error) {
	s := newServer(opts)
	cfg := opts.Config.Current()
	for _, l := range cfg.Listeners {
		if err := s.checkServices(l); err != nil {
			return nil, err
		}
	}
	s.accessFile.open(cfg.HTTPAccessLog)
	s.setRouter(cfg)
	s.unfollow = opts.Config.Subscribe(func(_, cfg *config.Config) {
		s.accessFile.open(cfg.HTTPAccessLog)
		s.setRouter(cfg)
	})
	return s, nil
}

// newServer returns a server without websites.
func newServer(opts Options) *Server {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Gatherer == nil {
		opts.Gatherer = prometheus.NewRegistry()
	}
	var prefix [5]byte
	rand.Read(prefix[:])
	s := &Server{
		opts:         opts,
		log:          opts.Log,
		started:      time.Now(),
		metrics:      newMetrics(opts.Registerer),
		accessFile:   &accessFile{log: opts.Log},
		compressor:   compress.New(compress.Options{}),
		files:        static.NewCache(0),
		proxyMetrics: proxy.NewMetrics(opts.Registerer),
		idPrefix:     strings.ToLower(base32.StdEncoding.EncodeToString(prefix[:])) + "-",
		limiters:     map[string]*limiters{},
	}
	for _, l := range opts.Config.Current().Listeners {
		s.limiters[l.Name] = &limiters{ratelimit.NewConns(l.Limits.Connections), ratelimit.NewNetworks(l.Limits.Requests)}
	}
	return s
}

// port is a port that is served.
type port struct {
	s        *Server
	listener *config.Listener
	config.WebPort
	limiters  *limiters
	stall     time.Duration // How long a client may do nothing in the middle of something.
	mounts    []mount       // Longest path first.
	kinds     map[config.WebKind]config.WebService
	web       config.WebService // Of websites; zero if the port has none.
	httpsPort int               // Where websites are with TLS, on this listener; 0 for nowhere.
	targets   builtin
}

// Serve answers on a port of a listener of the configuration, until Shutdown. It then returns nil. It closes l.
func (s *Server) Serve(l net.Listener, listener *config.Listener, wp config.WebPort) error {
	p := s.newPort(listener, wp)
	var tlsConfig *tls.Config
	if wp.TLS {
		tlsConfig = p.webTLS()
	}
	limited := &limitedListener{Listener: l, conns: p.limiters.conns, free: p.uncounted, stall: p.stall}
	server := &nethttp.Server{
		Handler:           p,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		HTTP2: &nethttp.HTTP2Config{
			MaxConcurrentStreams: 250,
			MaxReadFrameSize:     16 << 10, // More would have to be read before one who sends too much is refused.
			SendPingTimeout:      p.stall,
			WriteByteTimeout:     p.stall,
		},
		DisableGeneralOptionsHandler: true,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, base(c))
		},
	}
	simple := &http1.Server{Handler: p, StartTimeout: headerTimeout, IdleTimeout: idleTimeout, Log: s.log}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return l.Close()
	}
	s.servers = append(s.servers, fullServer{server}, simple)
	s.mu.Unlock()
	if err := server.Serve(newHTTPListener(limited, tlsConfig, simple)); !errors.Is(err, nethttp.ErrServerClosed) {
		return fmt.Errorf("http: %w", err)
	}
	return nil
}

type connKey struct{}

// uncounted tells whether connections and requests of an address are not limited: on this machine all
// clients of a proxy have the same one, as they have behind proxies that are known.
func (p *port) uncounted(ip netip.Addr) bool {
	return ip.IsLoopback() || isTrusted(ip, p.listener.ForwardedNetworks)
}

// Shutdown closes the listeners and idle connections and waits for requests that run
// until the context ends, whose error it then returns.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	servers := s.servers
	s.mu.Unlock()
	if first {
		s.unfollow()
	}
	errs := make([]error, len(servers))
	var wg sync.WaitGroup
	for i, server := range servers {
		wg.Go(func() { errs[i] = server.Shutdown(ctx) })
	}
	wg.Wait()
	if first {
		s.retireRouter()
		s.accessFile.close()
	}
	return errors.Join(errs...)
}

// newPort prepares to serve a port.
func (s *Server) newPort(listener *config.Listener, wp config.WebPort) *port {
	p := &port{
		s:        s,
		listener: listener,
		WebPort:  wp,
		limiters: s.limiters[listener.Name],
		stall:    s.opts.Config.Current().Timeouts.HTTP,
		kinds:    map[config.WebKind]config.WebService{},
	}
	for _, svc := range wp.Services {
		p.kinds[svc.Kind] = svc
	}
	p.web = p.kinds[config.WebServer]
	for _, svc := range listener.Web {
		if svc.Kind == config.WebServer && svc.TLS {
			p.httpsPort = svc.Port
		}
	}
	p.mountServices()
	return p
}

// cid returns the id of a request.
func (s *Server) cid(n uint64) string { return s.idPrefix + strconv.FormatUint(n, 36) }
