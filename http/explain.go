package http

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	nethttp "net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"

	"mox/config"
)

// Explanation tells what a server with a configuration would do with a request.
type Explanation struct {
	Listener string
	Port     int
	Handler  string // Name of a service or handler, as in logs; "(none)" for nobody.
	Code     int    // Of responses that are made without asking a handler, else 0.
	Location string // Where such a response sends to.
}

// ErrURL is returned by Explain.
var ErrURL = errors.New("not an http or https URL of a host")

// Explain tells which handlers of a configuration would answer a GET request for a URL, on each listener that has a port
// for it. Nothing is asked of the handlers themselves: with ContinueNotFound it may be the next one that answers.
func Explain(cfg *config.Config, rawURL string) ([]Explanation, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return nil, fmt.Errorf("%w: %q", ErrURL, rawURL)
	}
	secure := u.Scheme == "https"
	number := map[bool]int{false: 80, true: 443}[secure]
	if u.Port() != "" {
		if number, err = strconv.Atoi(u.Port()); err != nil {
			return nil, fmt.Errorf("%w: %q", ErrURL, rawURL)
		}
	}
	s := newServer(Options{Config: fixed{cfg}, Services: foundServices()})
	s.explains = true
	s.setRouter(cfg)
	defer s.retireRouter()
	var l []Explanation
	for _, listener := range cfg.Listeners {
		for _, wp := range listener.WebPorts() {
			if wp.Port != number || wp.TLS != secure {
				continue
			}
			l = append(l, s.newPort(listener, wp).explain(u))
		}
	}
	return l, nil
}

// explain has a request answered in memory.
func (p *port) explain(u *url.URL) Explanation {
	r := &nethttp.Request{Method: nethttp.MethodGet, URL: u, Host: u.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: nethttp.Header{}, Body: nethttp.NoBody}
	if p.TLS {
		r.TLS = &tls.ConnectionState{ServerName: u.Hostname(), Version: tls.VersionTLS13}
	}
	if u.Path == "" {
		u.Path = "/"
	}
	w := &recorder{header: nethttp.Header{}}
	c := &conn{remote: netip.IPv6Loopback(), local: netip.IPv6Loopback()}
	if i := slices.IndexFunc(p.listener.IPs, func(ip netip.Addr) bool { return !ip.IsUnspecified() }); i >= 0 {
		c.local = p.listener.IPs[i]
	}
	q := p.exchange(w, r.WithContext(context.WithValue(context.Background(), connKey{}, c)))
	defer q.router.release()
	q.answer()
	e := Explanation{Listener: p.listener.Name, Port: p.Port, Handler: q.target.name}
	if w.header.Get(foundField) == "" {
		e.Code = w.code
		e.Location = w.header.Get("Location")
	}
	return e
}

// Broken returns an error for each handler of a configuration that cannot work, so that its requests would be answered
// with one. Nothing is asked of other servers.
func Broken(cfg *config.Config) []error {
	s := newServer(Options{
		Config:   fixed{cfg},
		Services: foundServices(),
		Dial:     func(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed },
	})
	var errs []error
	for _, h := range cfg.Websites().Handlers {
		_, end, err := s.siteHandler(h)
		if err != nil {
			errs = append(errs, fmt.Errorf("handler %s of %s cannot work: %w", h.LogName, h.Domain.Name(), err))
		}
		if end != nil {
			end()
		}
	}
	return errs
}

// foundField is in answers that a handler would make.
const foundField = "X-Found"

func found(w nethttp.ResponseWriter, _ *nethttp.Request) { w.Header().Set(foundField, "1") }

// recorder keeps the header of a response.
type recorder struct {
	header nethttp.Header
	code   int
}

func (w *recorder) Header() nethttp.Header { return w.header }

func (w *recorder) WriteHeader(code int) { w.code = code }

func (w *recorder) Write(p []byte) (int, error) { return len(p), nil }

func foundServices() map[config.WebKind]Service {
	m := map[config.WebKind]Service{}
	for _, k := range []config.WebKind{config.WebAccount, config.WebAdmin, config.WebWebmail, config.WebWebAPI} {
		m[k] = func(Mount) nethttp.Handler { return nethttp.HandlerFunc(found) }
	}
	return m
}

// fixed is a configuration that does not change.
type fixed struct{ cfg *config.Config }

func (f fixed) Current() *config.Config                                 { return f.cfg }
func (f fixed) Subscribe(func(old, new *config.Config)) (cancel func()) { return func() {} }
