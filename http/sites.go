package http

import (
	"crypto/tls"
	"errors"
	nethttp "net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"mox/config"
	"mox/dns"
	"mox/http/proxy"
	"mox/http/redirect"
	"mox/http/static"
)

// staticHandler returns what serves files.
func (s *Server) staticHandler(h *config.WebHandler) (nethttp.Handler, func(), error) {
	opts := static.Options{
		Root:            h.Static.Root,
		StripPrefix:     h.Static.StripPrefix,
		ListFiles:       h.Static.ListFiles,
		Compress:        h.Compress,
		NoPrecompressed: !h.Compress,
		Cache:           s.files,
		ResponseHeaders: header(h.Static.ResponseHeaders),
		NotFound:        nethttp.HandlerFunc(s.noFile),
		Error:           s.Error,
		Log:             s.log.With("handler", h.LogName),
	}
	switch h.Static.Symlinks {
	case config.WebSymlinksNone:
		opts.Symlinks = static.SymlinksNone
	case config.WebSymlinksAny:
		opts.Symlinks = static.SymlinksAny
	}
	if h.Static.ContinueNotFound {
		opts.NotFound = nethttp.HandlerFunc(continues)
		opts.Error = func(w nethttp.ResponseWriter, r *nethttp.Request, code int) {
			switch code {
			case nethttp.StatusForbidden, // A directory that is not listed.
				nethttp.StatusMethodNotAllowed,
				nethttp.StatusBadRequest: // What no file can be called, such as "a%2Fb".
				w.Header().Del("Allow")
				continues(w, r)
			default:
				s.Error(w, r, code)
			}
		}
	}
	handler, err := static.New(opts)
	return handler, nil, err
}

// noFile answers where there is no file. A security.txt there is nevertheless.
func (s *Server) noFile(w nethttp.ResponseWriter, r *nethttp.Request) {
	if q := exchangeOf(w); q != nil && q.path == securityTxtPath && q.router.sites.SecurityTxt != "" {
		continues(w, r)
		return
	}
	s.Error(w, r, nethttp.StatusNotFound)
}

// header returns fields to set. One without a value is to be removed.
func header(fields map[string]string) nethttp.Header {
	h := nethttp.Header{}
	for name, value := range fields {
		if value == "" {
			h[nethttp.CanonicalHeaderKey(name)] = nil
			continue
		}
		h.Set(name, value)
	}
	return h
}

// internalHandler returns what serves pages of mox.
func (s *Server) internalHandler(h *config.WebHandler) (nethttp.Handler, func(), error) {
	if s.opts.Services[h.Internal.Service] == nil {
		return nil, nil, errors.New("this version of mox has no " + string(h.Internal.Service))
	}
	return s.service(h.Internal.Service, Mount{Path: h.Internal.BasePath, TLS: !h.DontRedirectPlainHTTP}), nil, nil
}

// scheme returns what the client uses, also with a trusted proxy: see exchange.takeForwarded.
func scheme(r *nethttp.Request) string {
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		return "https"
	}
	return "http"
}

// newRedirect returns what answers for a handler that redirects.
func newRedirect(h *config.WebHandler, fail func(nethttp.ResponseWriter, *nethttp.Request, int)) (*redirect.Handler, error) {
	opts := redirect.Options{
		OrigPathRegexp: h.Redirect.OrigPath,
		ReplacePath:    h.Redirect.ReplacePath,
		StatusCode:     h.Redirect.StatusCode,
		Proto:          scheme,
		Error:          fail,
	}
	if h.Redirect.BaseURL != nil {
		opts.BaseURL = h.Redirect.BaseURL.String()
	}
	return redirect.New(opts)
}

// redirectHandler returns what redirects. Requests whose paths it is not for go on.
func (s *Server) redirectHandler(h *config.WebHandler) (nethttp.Handler, func(), error) {
	rd, err := newRedirect(h, func(w nethttp.ResponseWriter, r *nethttp.Request, code int) {
		if code == nethttp.StatusNotFound {
			continues(w, r)
			return
		}
		s.Error(w, r, code)
	})
	return rd, nil, err
}

// redirectDomain returns what sends the requests of a website to the same path of another one.
func (s *Server) redirectDomain(to dns.Domain) nethttp.Handler {
	return nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		base := scheme(r) + "://" + to.ASCII
		if q := exchangeOf(w); q != nil && q.p.httpsPort != 0 {
			base = "https://" + withPort(to.ASCII, q.p.httpsPort)
		}
		rd, err := redirect.New(redirect.Options{BaseURL: base, Proto: scheme, Error: s.Error})
		if err != nil {
			s.log.Error("redirect of a domain", "domain", to.LogString(), "err", err)
			s.Error(w, r, nethttp.StatusInternalServerError)
			return
		}
		rd.ServeHTTP(w, r)
	})
}

// withPort adds a port that is not the usual one of HTTPS to a host.
func withPort(host string, port int) string {
	if port == 443 {
		return host
	}
	return host + ":" + strconv.Itoa(port)
}

// Loops returns the redirects of a configuration that lead in a circle.
func Loops(cfg *config.Config) []redirect.Loop {
	sites := cfg.Websites()
	var rules []redirect.Rule
	for from, to := range sites.Redirects {
		if rd, err := redirect.Domain(to.ASCII); err == nil {
			rules = append(rules, redirect.Rule{Name: from.Name(), Host: from.ASCII, Redirect: rd})
		}
	}
	slices.SortFunc(rules, func(x, y redirect.Rule) int { return strings.Compare(x.Host, y.Host) })
	for _, h := range sites.Handlers {
		rule := redirect.Rule{Name: h.LogName, Host: h.Domain.ASCII, Path: h.Path}
		if d := sites.Domains[h.Domain]; d == nil || d.PlainHTTP == config.PlainHTTPRedirect {
			rule.HTTPS = !h.DontRedirectPlainHTTP
		}
		if h.Redirect != nil {
			rd, err := newRedirect(h, nil)
			if err != nil {
				continue // It is told of when it is to answer.
			}
			rule.Redirect = rd
		}
		rules = append(rules, rule)
	}
	return redirect.FindLoops(rules)
}

// forwardHandler returns what passes requests on.
func (s *Server) forwardHandler(h *config.WebHandler) (nethttp.Handler, func(), error) {
	f := h.Forward
	log := s.log.With("handler", h.LogName)
	opts := proxy.Options{
		Upstreams:       f.URLs,
		PassHost:        f.PassHost,
		RequestHeaders:  header(f.RequestHeaders),
		ResponseHeaders: header(f.ResponseHeaders),
		Proto:           scheme,
		DialTimeout:     f.ConnectTimeout,
		HeaderTimeout:   f.ResponseTimeout,
		MaxRequestBody:  h.MaxBodySize,
		Health:          proxy.Health{Path: f.HealthPath, Interval: f.HealthInterval},
		Dial:            s.opts.Dial,
		Error:           s.Error,
		Log:             log,
		Metrics:         s.proxyMetrics,
	}
	if f.TLSInsecureSkipVerify {
		opts.TLS = &tls.Config{InsecureSkipVerify: true}
	}
	strip := f.StripPath
	if prefix, ok := literalPrefix(h.Path); ok && strip && strings.HasSuffix(prefix, "/") {
		opts.StripPath = prefix
		strip = false
	}
	p, err := proxy.New(opts)
	if err != nil {
		return nil, nil, err
	}
	var handler nethttp.Handler = p
	if strip {
		handler = stripMatch(h.Path, p)
	}
	return handler, func() {
		if err := p.Close(); err != nil {
			log.Error("closing", "err", err)
		}
	}, nil
}

// stripMatch takes what an expression matches at the beginning of the path of requests off it.
func stripMatch(pattern *regexp.Regexp, next nethttp.Handler) nethttp.Handler {
	return nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		at := pattern.FindStringIndex(r.URL.Path)
		if at == nil || at[0] != 0 {
			next.ServeHTTP(w, r)
			return
		}
		r2, u2 := *r, *r.URL
		u2.RawPath = slashed(rawFrom(r.URL.EscapedPath(), at[1]))
		u2.Path = slashed(r.URL.Path[at[1]:])
		r2.URL = &u2
		next.ServeHTTP(w, &r2)
	})
}

func slashed(p string) string {
	if strings.HasPrefix(p, "/") {
		return p
	}
	return "/" + p
}

// rawFrom returns what is after the first n decoded bytes of an encoded path.
func rawFrom(raw string, n int) string {
	for ; n > 0 && raw != ""; n-- {
		if raw[0] == '%' && len(raw) >= 3 {
			raw = raw[2:]
		}
		raw = raw[1:]
	}
	return raw
}
