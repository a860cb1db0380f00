package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http/httpguts"

	"mox/http/tcp"
)

// upstream is a server that requests go to, with its idle connections and its health.
type upstream struct {
	name    string // For logs, metrics and State.
	network string
	addr    string
	tls     *tls.Config // Nil for plain connections.
	host    string      // For the Host field.
	origin  string      // As locations begin that lead to it; empty for sockets.
	path    string      // Before paths of requests, without a slash at its end.
	opts    *Options
	metrics upstreamMetrics

	active  atomic.Int64 // Requests that run.
	unwell  atomic.Bool  // Whether anything below differs from perfect health.
	mu      sync.Mutex   // Guards what follows.
	closed  bool
	idle    []*conn // The one used last is last.
	sweeper *time.Timer

	failures int           // In a row.
	backOff  time.Duration // Of the last time out.
	outUntil time.Time     // Zero when it is not out.
	trial    bool          // Whether a request finds out if it is well again.
	checks   int           // Health checks that failed in a row.
	lastErr  error
}

// newUpstream parses an URL of the configuration.
func newUpstream(u *url.URL, opts *Options) (*upstream, error) {
	up := &upstream{name: u.Redacted(), network: "tcp", opts: opts}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("proxy: upstream %s: only scheme, host and path are possible", u.Redacted())
	}
	if u.Scheme == "unix" {
		up.network, up.addr, up.host = "unix", u.Path, "localhost"
		if up.addr == "" {
			up.addr = u.Opaque
		}
		if up.addr == "" || u.Host != "" {
			return nil, fmt.Errorf("proxy: upstream %s: not unix:/path/to/socket", u.Redacted())
		}
		return up, nil
	}
	port := u.Port()
	switch u.Scheme {
	case "http":
		if port == "" {
			port = "80"
		}
	case "https":
		if port == "" {
			port = "443"
		}
		config := &tls.Config{}
		if opts.TLS != nil {
			config = opts.TLS.Clone()
		}
		if config.ServerName == "" {
			config.ServerName = u.Hostname()
		}
		config.NextProtos = []string{"http/1.1"}
		up.tls = config
	default:
		return nil, fmt.Errorf("proxy: upstream %s: scheme is not http, https or unix", u.Redacted())
	}
	if u.Hostname() == "" || !httpguts.ValidHostHeader(u.Host) {
		return nil, fmt.Errorf("proxy: upstream %s: bad host", u.Redacted())
	}
	up.addr = net.JoinHostPort(u.Hostname(), port)
	up.host = u.Host
	up.origin = u.Scheme + "://" + u.Host
	up.path = strings.TrimRight(u.EscapedPath(), "/")
	return up, nil
}

// take returns an idle connection, or nil. One for a request that cannot be repeated is
// asked whether it is alive; so is one that has been idle for so long that it
// may well have ended.
func (up *upstream) take(now time.Time, repeatable bool) *conn {
	for {
		up.mu.Lock()
		n := len(up.idle)
		if n == 0 {
			up.mu.Unlock()
			return nil
		}
		c := up.idle[n-1]
		up.idle[n-1] = nil
		up.idle = up.idle[:n-1]
		up.mu.Unlock()
		unused := now.Sub(c.idleSince)
		if repeatable && unused < time.Second || !up.expired(unused) && c.alive() {
			return c
		}
		c.nc.Close()
	}
}

func (up *upstream) expired(unused time.Duration) bool {
	return up.opts.IdleTimeout > 0 && unused >= up.opts.IdleTimeout
}

// put keeps a connection for the next request, if there is room.
func (up *upstream) put(c *conn, now time.Time) {
	c.idleSince = now
	up.mu.Lock()
	defer up.mu.Unlock()
	if up.closed || len(up.idle) >= up.opts.MaxIdle {
		c.nc.Close()
		return
	}
	up.idle = append(up.idle, c)
	if up.sweeper == nil && up.opts.IdleTimeout > 0 {
		up.sweeper = time.AfterFunc(up.opts.IdleTimeout, up.sweep)
	}
}

// sweep closes connections that were idle for too long or that the upstream has ended.
func (up *upstream) sweep() {
	up.mu.Lock()
	defer up.mu.Unlock()
	if up.closed {
		return
	}
	now := time.Now()
	var kept []*conn
	for _, c := range up.idle {
		if up.expired(now.Sub(c.idleSince)) || !c.alive() {
			c.nc.Close()
			continue
		}
		kept = append(kept, c)
	}
	up.idle = kept
	if len(kept) == 0 {
		up.sweeper = nil
		return
	}
	up.sweeper.Reset(max(up.opts.IdleTimeout-now.Sub(kept[0].idleSince), time.Second))
}

// close closes idle connections, and has those in use closed after it.
func (up *upstream) close() {
	up.mu.Lock()
	defer up.mu.Unlock()
	up.closed = true
	if up.sweeper != nil {
		up.sweeper.Stop()
	}
	for _, c := range up.idle {
		c.nc.Close()
	}
	up.idle = nil
}

// dial makes a new connection. Its errors are in the chain of a dialError.
func (up *upstream) dial(ctx context.Context) (*conn, error) {
	if up.opts.DialTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, up.opts.DialTimeout)
		defer cancel()
	}
	nc, err := up.opts.Dial(ctx, up.network, up.addr)
	if err != nil {
		return nil, &dialError{err}
	}
	nc = tcp.Wrap(nc)
	if up.tls == nil {
		return newConn(nc), nil
	}
	tc := tls.Client(nc, up.tls)
	if err := tc.HandshakeContext(ctx); err != nil {
		nc.Close()
		return nil, &dialError{err}
	}
	return newConn(tc), nil
}

// dialError says that a request was not sent, for want of a connection.
type dialError struct{ err error }

func (e *dialError) Error() string { return "connecting: " + e.err.Error() }
func (e *dialError) Unwrap() error { return e.err }

// available tells whether requests go to the upstream.
func (up *upstream) available(now time.Time) bool {
	if !up.unwell.Load() {
		return true
	}
	up.mu.Lock()
	defer up.mu.Unlock()
	return !up.outOfHealth() && !now.Before(up.outUntil)
}

// claim is for a request that goes to the upstream now. When the time of one that was left
// out has come, that request finds out for the others, which wait for another while.
func (up *upstream) claim(now time.Time) {
	if !up.unwell.Load() {
		return
	}
	up.mu.Lock()
	defer up.mu.Unlock()
	if !up.outUntil.IsZero() && !now.Before(up.outUntil) {
		up.outUntil = now.Add(up.backOff)
		up.trial = true
	}
}

func (up *upstream) outOfHealth() bool {
	return up.opts.Health.Path != "" && up.checks >= up.opts.Health.Failures
}

// succeeded notes that the upstream answered.
func (up *upstream) succeeded() {
	if !up.unwell.Load() {
		return
	}
	up.mu.Lock()
	defer up.mu.Unlock()
	up.recover()
	up.tell()
}

// recover takes back what failures did. The caller holds up.mu.
func (up *upstream) recover() {
	up.failures, up.backOff, up.outUntil, up.trial = 0, 0, time.Time{}, false
}

// failed notes that it did not.
func (up *upstream) failed(now time.Time, err error) {
	up.mu.Lock()
	defer up.mu.Unlock()
	up.lastErr = err
	up.failures++
	// Of several that fail at once, one is enough.
	if up.failures >= up.opts.FailAfter && (up.trial || !now.Before(up.outUntil)) {
		up.trial = false
		up.backOff = min(max(2*up.backOff, up.opts.BackOff), up.opts.MaxBackOff)
		up.outUntil = now.Add(up.backOff)
	}
	up.tell()
}

// checked notes the result of a health check.
func (up *upstream) checked(err error) {
	up.mu.Lock()
	defer up.mu.Unlock()
	if err == nil {
		up.checks = 0
		up.recover()
	} else {
		up.checks++
		up.lastErr = err
	}
	up.tell()
}

// tell brings what others see up to date. The caller holds up.mu.
func (up *upstream) tell() {
	up.unwell.Store(up.failures > 0 || up.checks > 0)
	up.metrics.setHealthy(up.outUntil.IsZero() && !up.outOfHealth())
}

// UpstreamState is what is known of an upstream at one moment.
type UpstreamState struct {
	URL      string
	Healthy  bool      // Whether requests go to it.
	OutUntil time.Time // When one that failed is tried again; zero when that is for health checks to find out, or it is healthy.
	Failures int       // In a row, until now.
	Error    string    // The last failure, also of a healthy one; empty when there was none.
	Active   int       // Requests and tunnels that run.
	Idle     int       // Connections kept for the next request.
}

func (up *upstream) state() UpstreamState {
	up.mu.Lock()
	defer up.mu.Unlock()
	s := UpstreamState{
		URL:      up.name,
		Healthy:  up.outUntil.IsZero() && !up.outOfHealth(),
		OutUntil: up.outUntil,
		Failures: max(up.failures, up.checks),
		Active:   int(up.active.Load()),
		Idle:     len(up.idle),
	}
	if up.lastErr != nil {
		s.Error = up.lastErr.Error()
	}
	return s
}

// isTimeout tells whether an error means that something took too long.
func isTimeout(err error) bool {
	var ne net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &ne) && ne.Timeout()
}
