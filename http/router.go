package http

import (
	"bytes"
	"net"
	nethttp "net/http"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"

	"mox/config"
	"mox/dns"
)

// answer finds who answers a request, and has it answered.
func (q *exchange) answer() {
	r := q.r
	var ok bool
	if q.host, ok = hostOf(r.Host); !ok {
		q.fail(nethttp.StatusBadRequest)
		return
	}
	if other, named := r.Header["Host"]; named { // Only HTTP/2 has it beside :authority (RFC 9113 §8.3.1).
		if host, _ := hostOf(other[0]); len(other) > 1 || host != q.host {
			q.fail(nethttp.StatusBadRequest)
			return
		}
	}
	switch r.URL.Scheme {
	case "", "http":
	case "https":
		if r.TLS == nil && !q.isTrustedPeer() { // RFC 9110 §7.4.
			q.fail(nethttp.StatusMisdirectedRequest)
			return
		}
	default:
		q.fail(nethttp.StatusBadRequest)
		return
	}
	if r.Method == nethttp.MethodConnect {
		q.fail(nethttp.StatusMethodNotAllowed)
		return
	}
	if q.path, ok = cleanPath(r.URL.Path); !ok {
		if r.URL.Path == "*" && r.Method == nethttp.MethodOptions && q.p.knows(q.host) {
			q.WriteHeader(nethttp.StatusNoContent)
			return
		}
		q.fail(nethttp.StatusBadRequest)
		return
	}
	if q.isChallenge() {
		q.serve(q.p.targets.wellKnown, q.p.s.opts.ACMEChallenge)
		return
	}
	if r.TLS != nil && !q.p.servesTogether(r.TLS.ServerName, r.TLS.Version, q.host) {
		q.fail(nethttp.StatusMisdirectedRequest)
		return
	}
	if q.service() || q.wellKnown() || q.website() {
		return
	}
	q.fallback()
}

// fail answers with an error page.
func (q *exchange) fail(code int) {
	q.serve(q.p.targets.refused, nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) { q.p.s.Error(w, r, code) }))
}

// serve has a request answered by a handler, nil for that of the target, within the limits of the target.
func (q *exchange) serve(t *target, h nethttp.Handler) {
	q.target = t
	believes, noRateLimit := q.p.settings(t)
	q.takeForwarded(believes)
	if h == nil {
		h = t.handler
	}
	if q.counted || noRateLimit || q.p.uncounted(q.client) || q.p.limiters.requests.Allow(q.client, 1) {
		q.counted = true
		if q.limitBody(t.maxBody) {
			h.ServeHTTP(q, q.r)
			return
		}
		q.p.s.Error(q, q.r, nethttp.StatusRequestEntityTooLarge)
		return
	}
	q.Header().Set("Retry-After", "60")
	q.p.s.Error(q, q.r, nethttp.StatusTooManyRequests)
}

// takeForwarded finds out the address of the client, which trusted proxies may tell where they are believed, and takes out what others say of it. Of the targets
// that are asked in turn the first is enough.
func (q *exchange) takeForwarded(believes bool) {
	if q.forwarded {
		return
	}
	q.forwarded = true
	r := q.r
	trusted := q.p.listener.ForwardedNetworks
	https := false
	if believes && q.isTrustedPeer() {
		q.client, https = forwarded(r.Header, q.client, trusted)
		q.secure = q.secure || https
		r.RemoteAddr = netip.AddrPortFrom(q.client, 0).String()
	}
	for _, name := range forwardedFields {
		delete(r.Header, name)
	}
	if https {
		r.Header.Set("X-Forwarded-Proto", "https")
	}
}

// isTrustedPeer tells whether the client, until takeForwarded finds another one, is a trusted proxy.
func (q *exchange) isTrustedPeer() bool {
	return isTrusted(q.client, q.p.listener.ForwardedNetworks)
}

// hostOf returns the host of a Host field in the form in which hosts are compared.
func hostOf(s string) (string, bool) {
	host := s
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		switch {
		case strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]"):
			host = s[1 : len(s)-1]
		case strings.HasPrefix(s, "["):
			h, port, err := net.SplitHostPort(s)
			if err != nil || !isPort(port) {
				return "", false
			}
			host = h
		default:
			if host = s[:i]; !isPort(s[i+1:]) {
				return "", false
			}
		}
		if strings.HasPrefix(s, "[") {
			ip, err := netip.ParseAddr(host)
			if err != nil || !ip.Is6() {
				return "", false
			}
			return ip.Unmap().String(), true
		}
	}
	if host != "" && host[len(host)-1] <= '9' { // No top-level domain ends so.
		if ip, err := netip.ParseAddr(host); err == nil {
			return ip.String(), ip.Is4()
		}
	}
	d, err := dns.ParseDomainLax(host)
	return d.ASCII, err == nil
}

// isPort tells whether s can be the port of a Host field, where it may be empty.
func isPort(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return s == "" || err == nil
}

// cleanPath returns a path with each run of slashes as one, for comparing. Paths with elements that mean another
// place, which clients resolve themselves, with NUL, and such that begin with no slash are refused.
func cleanPath(p string) (string, bool) {
	if !strings.HasPrefix(p, "/") || strings.IndexByte(p, 0) >= 0 {
		return "", false
	}
	if strings.Contains(p, ".") && slices.ContainsFunc(strings.FieldsFunc(p, isSlash), isDots) {
		return "", false
	}
	if !strings.Contains(p, "//") {
		return p, true
	}
	clean := path.Clean(p)
	if strings.HasSuffix(p, "/") && clean != "/" {
		clean += "/"
	}
	return clean, true
}

// isDots tells whether an element of a path means another place, for some servers also with parameters.
func isDots(e string) bool {
	e, _, _ = strings.Cut(e, ";")
	return e == "." || e == ".."
}

func isSlash(r rune) bool { return r == '/' || r == '\\' }

// servesTogether tells whether a connection on which a client asked TLS for one name may have requests for a
// host: browsers use one for all names of a certificate (RFC 9113 §9.1.1).
func (p *port) servesTogether(name string, version uint16, host string) bool {
	if d := p.s.webDomain(host); d != nil && version < d.MinTLSVersion {
		return false
	}
	if name = serverName(name); name == "" || name == host {
		return true
	}
	a := p.leaf(name)
	return a != nil && bytes.Equal(a, p.leaf(host))
}

// service answers by a service of the listener.
func (q *exchange) service() bool {
	if len(q.p.mounts) == 0 {
		return false
	}
	t := q.p.mounted(q.path)
	if t == nil || !q.isServiceHost() {
		return false
	}
	q.serve(t, nil)
	return true
}

// isServiceHost tells whether the host is one that services may be asked for.
func (q *exchange) isServiceHost() bool {
	return q.p.listener.AllowsHTTPHost(q.host, q.local())
}

// local returns the address that the client is connected to.
func (q *exchange) local() netip.Addr {
	if c, _ := q.r.Context().Value(connKey{}).(*conn); c != nil {
		return c.local
	}
	return netip.Addr{}
}

// website answers by a handler of domains.conf.
func (q *exchange) website() bool {
	if _, ok := q.p.kinds[config.WebServer]; !ok {
		return false
	}
	if t := q.router.redirects[q.host]; t != nil {
		// To the other website at once, with TLS if there is any.
		q.serve(t, nil)
		return true
	}
	sites := q.router.byHost[q.host]
	for i, s := range sites {
		if !s.matches(q.path) {
			continue
		}
		if q.toHTTPS(s.h.DontRedirectPlainHTTP) {
			return true
		}
		q.site, q.next = i, false
		q.serve(s.target, nil)
		if !q.next {
			return true
		}
	}
	return false
}

// toHTTPS answers a request without TLS that is to have it.
func (q *exchange) toHTTPS(plain bool) bool {
	if plain || q.secure || q.p.httpsPort == 0 {
		return false
	}
	if q.p.web.Forwarded && q.isTrustedPeer() {
		if _, https := forwarded(q.r.Header, q.client, q.p.listener.ForwardedNetworks); https {
			return false
		}
	}
	choice := config.PlainHTTPRedirect
	if d := q.router.sites.Domains[q.router.domain(q.host)]; d != nil {
		choice = d.PlainHTTP
	}
	switch choice {
	case config.PlainHTTPServe:
		return false
	case config.PlainHTTPRefuse:
		q.fail(nethttp.StatusForbidden)
		return true
	}
	q.redirect("https://"+withPort(q.host, q.p.httpsPort)+q.r.URL.RequestURI(), nethttp.StatusPermanentRedirect)
	return true
}

// redirect sends a client elsewhere.
func (q *exchange) redirect(location string, code int) {
	q.serve(q.p.targets.redirect, nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		w.Header().Set("Location", location)
		w.Header().Set("Content-Length", "0")
		w.WriteHeader(code)
	}))
}

// fallback answers a request that nobody is there for.
func (q *exchange) fallback() {
	service := len(q.p.mounts) > 0 && q.isServiceHost()
	switch {
	case !q.p.knows(q.host) && !service:
		q.fail(nethttp.StatusMisdirectedRequest)
	case q.path == securityTxtPath && q.router.sites.SecurityTxt != "":
		q.document("text/plain; charset=utf-8", []byte(q.router.sites.SecurityTxt))
	case service && q.p.sentTo(q.path) != "":
		to := q.p.sentTo(q.path)
		if q.r.URL.RawQuery != "" {
			to += "?" + q.r.URL.RawQuery
		}
		q.redirect(to, nethttp.StatusTemporaryRedirect)
	default:
		q.fail(nethttp.StatusNotFound)
	}
}

// knows tells whether something is served at a host name on a port.
func (p *port) knows(host string) bool {
	cfg := p.s.opts.Config.Current()
	if len(p.mounts) > 0 && p.listener.HTTPHosts[host] {
		return true
	}
	if _, ok := p.kinds[config.WebServer]; ok && p.s.router.Load().has(host) {
		return true
	}
	if _, ok := p.kinds[config.WebMTASTS]; ok && cfg.MTASTSHost(host) != nil {
		return true
	}
	if _, ok := p.kinds[config.WebAutoconfig]; ok {
		if cfg.AutoconfigHost(host) != nil || p.listener.Hostname.ASCII == host {
			return true
		}
		d, err := dns.ParseDomain(host)
		return err == nil && cfg.Domain(d) != nil
	}
	return false
}
