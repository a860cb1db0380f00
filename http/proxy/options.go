package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/textproto"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// Options for [New]. Durations of zero are the defaults; negative ones mean no limit.
type Options struct {
	// Upstreams are where requests go: http://host[:port][/path],
	// https://host[:port][/path] or unix:/path/to/socket. The path of a request is put
	// behind theirs. At least one.
	Upstreams []*url.URL

	// StripPath is taken from the beginning of the path of requests, at a slash: "/app"
	// turns "/app/x" into "/x". Paths without it are passed on as they are.
	StripPath string

	// PassHost passes the Host of requests on. Otherwise upstreams see their own name.
	PassHost bool

	// RequestHeaders replace fields of requests, and ResponseHeaders those of responses.
	// A name without values takes the field out.
	RequestHeaders  http.Header
	ResponseHeaders http.Header

	// ClientAddr returns the address of the client. Default: the one of the connection.
	ClientAddr func(*http.Request) netip.Addr

	// Proto returns the scheme, "http" or "https", that the client uses. Default: of the
	// connection.
	Proto func(*http.Request) string

	// Trusted tells whether a request comes from a proxy whose forwarded fields are true.
	// They are then added to; those of others are replaced. Default: nobody.
	Trusted func(*http.Request) bool

	DialTimeout   time.Duration // For a connection, with its TLS handshake. Default 10 s.
	HeaderTimeout time.Duration // From the end of the request to the head of the response. Default 60 s.
	BodyTimeout   time.Duration // Between two pieces of a body. Default 10 min.
	TunnelTimeout time.Duration // With nothing from either side after an upgrade. Default 1 h.
	IdleTimeout   time.Duration // Of connections that wait for the next request. Default 60 s.

	// LingerTimeout is for how long a client whose request body nobody wants any more is waited for to send the next piece of it,
	// with HTTP/1. What comes after that the server reads, which is up to 256 KB with net/http. A connection that is
	// closed with unread content is reset, and takes the response from clients that have not read it yet
	// (RFC 9112 §9.6). The end of such a response, or an answer in place of one, can be late by as much. Default 500 ms.
	LingerTimeout time.Duration

	MaxIdle           int   // Idle connections kept to each upstream. Default 64.
	MaxRequestBody    int64 // In bytes; larger ones get code 413. Zero: no limit.
	MaxResponseHeader int   // In bytes. Default 64 KB.

	// FailAfter is after how many failures in a row an upstream is left out: refused
	// connections, timeouts and malformed responses, not codes of errors. Default 3.
	// It is tried again after BackOff, which doubles up to MaxBackOff. Defaults 5 s and
	// 1 min. When all are out, they are tried nevertheless.
	FailAfter           int
	BackOff, MaxBackOff time.Duration

	// Health has upstreams asked regularly, when its Path is not empty.
	Health Health

	// Dial makes connections to "tcp" or "unix" addresses. Default: net.Dialer.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)

	// TLS is for https upstreams. Default: verify them by the roots of the system.
	TLS *tls.Config

	// Error answers instead of an upstream: 400, 405, 413, 501, 502, 504 or 508. Default: the
	// text of the code.
	Error func(w http.ResponseWriter, r *http.Request, code int)

	Log     *slog.Logger // Default: discard.
	Metrics *Metrics     // Default: none.
}

// Health says how upstreams are asked whether they are well.
type Health struct {
	Path     string        // As "/healthz", put behind the path of the upstream. Empty: they are not asked.
	Host     string        // For the Host field. Default: the name of the upstream.
	Interval time.Duration // Default 10 s.
	Timeout  time.Duration // Until the head of the response. Default 5 s.
	Failures int           // In a row, until an upstream is left out. Default 2.
}

// check fills in defaults, in a copy, and refuses what cannot work.
func (o Options) check() (Options, error) {
	if len(o.Upstreams) == 0 {
		return o, errors.New("proxy: no upstream")
	}
	if o.StripPath != "" && !strings.HasPrefix(o.StripPath, "/") {
		return o, fmt.Errorf("proxy: path to strip %q does not begin with a slash", o.StripPath)
	}
	o.StripPath = strings.TrimRight(o.StripPath, "/")
	for _, d := range []struct {
		value    *time.Duration
		standard time.Duration
	}{
		{&o.DialTimeout, 10 * time.Second},
		{&o.HeaderTimeout, time.Minute},
		{&o.BodyTimeout, 10 * time.Minute},
		{&o.TunnelTimeout, time.Hour},
		{&o.IdleTimeout, time.Minute},
		{&o.LingerTimeout, 500 * time.Millisecond},
		{&o.BackOff, 5 * time.Second},
		{&o.MaxBackOff, time.Minute},
		{&o.Health.Interval, 10 * time.Second},
		{&o.Health.Timeout, 5 * time.Second},
	} {
		if *d.value == 0 {
			*d.value = d.standard
		}
	}
	for _, n := range []struct {
		value    *int
		standard int
	}{
		{&o.MaxIdle, 64},
		{&o.MaxResponseHeader, 64 << 10},
		{&o.FailAfter, 3},
		{&o.Health.Failures, 2},
	} {
		if *n.value <= 0 {
			*n.value = n.standard
		}
	}
	if o.Health.Interval < 0 || o.Health.Timeout < 0 {
		return o, errors.New("proxy: health checks need an interval and a timeout")
	}
	if p := o.Health.Path; p != "" && (p[0] != '/' || !validTarget(p)) {
		return o, fmt.Errorf("proxy: bad path for health checks %q", p)
	}
	if o.Health.Host != "" && !httpguts.ValidHostHeader(o.Health.Host) {
		return o, fmt.Errorf("proxy: bad host for health checks %q", o.Health.Host)
	}
	var err error
	if o.RequestHeaders, err = checkHeaders(o.RequestHeaders); err != nil {
		return o, err
	}
	for name := range o.RequestHeaders {
		if forwardedField(name) || name == "Via" || name == "Expect" {
			return o, fmt.Errorf("proxy: header %s of requests cannot be set", name)
		}
	}
	if o.ResponseHeaders, err = checkHeaders(o.ResponseHeaders); err != nil {
		return o, err
	}
	o.functions()
	return o, nil
}

func (o *Options) functions() {
	if o.ClientAddr == nil {
		o.ClientAddr = peerAddr
	}
	if o.Proto == nil {
		o.Proto = func(r *http.Request) string {
			if r.TLS != nil {
				return "https"
			}
			return "http"
		}
	}
	if o.Trusted == nil {
		o.Trusted = func(*http.Request) bool { return false }
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{}).DialContext
	}
	if o.Error == nil {
		o.Error = func(w http.ResponseWriter, _ *http.Request, code int) {
			http.Error(w, http.StatusText(code), code)
		}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

// peerAddr returns the address that a request comes from; the zero one when that is not
// known.
func peerAddr(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

// checkHeaders returns a copy with canonical names. Fields that frame a message or belong
// to a connection cannot be configured.
func checkHeaders(h http.Header) (http.Header, error) {
	checked := http.Header{}
	for name, values := range h {
		if !httpguts.ValidHeaderFieldName(name) {
			return nil, fmt.Errorf("proxy: bad header name %q", name)
		}
		name = textproto.CanonicalMIMEHeaderKey(name)
		if hopByHop(name) || name == "Content-Length" || name == "Host" {
			return nil, fmt.Errorf("proxy: header %s cannot be set", name)
		}
		for _, value := range values {
			if !httpguts.ValidHeaderFieldValue(value) {
				return nil, fmt.Errorf("proxy: bad value for header %s", name)
			}
		}
		checked[name] = values
	}
	return checked, nil
}
