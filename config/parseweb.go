package config

import (
	"net/netip"
	"strings"
	"time"

	"mox/internal/ratelimit"
)

// web returns the services of a listener over HTTP that are enabled.
func (b *builder) web(field string, s *StaticListener) []WebService {
	p := b.static
	var l []WebService
	add := func(enabled bool, svc WebService, def int) {
		if !enabled {
			return
		}
		if svc.Port == 0 {
			svc.Port = def
		}
		if svc.Forwarded && len(s.ForwardedNetworks) == 0 {
			p.addf(field+"."+svc.Name+".Forwarded", "needs ForwardedNetworks of this listener; name the networks of the proxies there")
		}
		l = append(l, svc)
	}
	for _, w := range []struct {
		kind WebKind
		name string
		tls  bool
		StaticWebService
	}{
		{WebAccount, "AccountHTTP", false, s.AccountHTTP},
		{WebAccount, "AccountHTTPS", true, s.AccountHTTPS},
		{WebAdmin, "AdminHTTP", false, s.AdminHTTP},
		{WebAdmin, "AdminHTTPS", true, s.AdminHTTPS},
		{WebWebmail, "WebmailHTTP", false, s.WebmailHTTP},
		{WebWebmail, "WebmailHTTPS", true, s.WebmailHTTPS},
		{WebWebAPI, "WebAPIHTTP", false, s.WebAPIHTTP},
		{WebWebAPI, "WebAPIHTTPS", true, s.WebAPIHTTPS},
	} {
		if w.Path == "" {
			w.Path = "/" + string(w.kind) + "/"
		}
		p.webPath(field+"."+w.name+".Path", w.Path)
		add(w.Enabled, WebService{Kind: w.kind, Name: w.name, TLS: w.tls, Port: w.Port, Path: w.Path, Forwarded: w.Forwarded}, webPort(w.tls))
	}
	for _, w := range []struct {
		kind WebKind
		name string
		tls  bool
		StaticService
		port int
	}{
		{WebMetrics, "MetricsHTTP", false, s.MetricsHTTP, 8010},
		{WebMetrics, "MetricsHTTPS", true, s.MetricsHTTPS, 8013},
		{WebPprof, "PprofHTTP", false, s.PprofHTTP, 8011},
		{WebPprof, "PprofHTTPS", true, s.PprofHTTPS, 8014},
	} {
		add(w.Enabled, WebService{Kind: w.kind, Name: w.name, TLS: w.tls, Port: w.Port}, w.port)
	}
	for _, w := range []struct {
		kind WebKind
		name string
		StaticWellKnown
	}{
		{WebAutoconfig, "AutoconfigHTTPS", s.AutoconfigHTTPS},
		{WebMTASTS, "MTASTSHTTPS", s.MTASTSHTTPS},
	} {
		add(w.Enabled, WebService{Kind: w.kind, Name: w.name, TLS: !w.NonTLS, Port: w.Port}, webPort(!w.NonTLS))
	}
	for _, w := range []struct {
		name string
		tls  bool
		StaticWebserver
	}{
		{"WebserverHTTP", false, s.WebserverHTTP},
		{"WebserverHTTPS", true, s.WebserverHTTPS},
	} {
		add(w.Enabled, WebService{Kind: WebServer, Name: w.name, TLS: w.tls, Port: w.Port, Forwarded: w.Forwarded, NoRateLimit: w.RateLimitDisabled}, webPort(w.tls))
	}
	b.webPaths(field, l)
	return l
}

func webPort(tls bool) int {
	if tls {
		return 443
	}
	return 80
}

// webPath checks a path to serve at.
func (p *problems) webPath(field, path string) {
	if !strings.HasPrefix(path, "/") || !strings.HasSuffix(path, "/") || strings.Contains(path, "//") || strings.ContainsAny(path, "?#%\\ ") || strings.Contains(path, "/./") || strings.Contains(path, "/../") {
		p.addf(field, "%q is not a path to serve at; write one with a slash at its beginning and end, e.g. /mail/", path)
	}
}

// webPaths checks that services on one port are at different paths.
func (b *builder) webPaths(field string, l []WebService) {
	type place struct {
		port int
		path string
	}
	taken := map[place]string{}
	for _, s := range l {
		if s.Path == "" {
			continue
		}
		at := place{s.Port, s.Path}
		if other := taken[at]; other != "" {
			b.static.addf(field+"."+s.Name+".Path", "%s on port %d is also that of %s; change one of them", s.Path, s.Port, other)
		}
		taken[at] = s.Name
	}
}

// httpRequests returns the limits on requests.
func (p *problems) httpRequests(field string, s StaticLimits) ratelimit.NetworkOptions {
	return p.rates(field+".HTTPRequestsPerMinute", time.Minute, s.HTTPRequestsPerMinutePerIP, 6000, s.HTTPRequestsPerMinutePerNetwork, 18000)
}

// httpHosts returns the names and addresses that services over HTTP, other than websites, may be
// asked for. An attacker's name that resolves to us must not be among them.
func (b *builder) httpHosts(field string, l *Listener, more []string) map[string]bool {
	hosts := map[string]bool{}
	for _, name := range []string{l.Hostname.ASCII, b.cfg.Hostname.ASCII} {
		if name != "" && name != "localhost" {
			hosts[name] = true
		}
	}
	for _, ip := range l.IPs {
		if !ip.IsUnspecified() {
			hosts[ip.String()] = true
		}
		if ip.IsLoopback() {
			hosts["localhost"] = true
		}
	}
	if b.opts.Localserve != nil {
		// It may be in a container, behind a port that is forwarded.
		for _, h := range []string{"localhost", "127.0.0.1", "::1"} {
			hosts[h] = true
		}
	}
	for i, h := range more {
		if ip, err := netip.ParseAddr(strings.Trim(h, "[]")); err == nil {
			hosts[ip.Unmap().String()] = true
		} else if d, ok := b.static.parseDomain(index(field, i), h); ok {
			hosts[d.ASCII] = true
		}
	}
	return hosts
}
