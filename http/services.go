package http

import (
	"fmt"
	nethttp "net/http"
	"net/http/pprof"
	"slices"
	"strings"

	"mox/config"
)

// Mount is a place where a service is served.
type Mount struct {
	Path string // Begins and ends with a slash. It is for cookies and links: requests come without it.
	TLS  bool   // Whether clients use TLS, as far as this server sees.
}

// Service returns the handler of a service for a place where it is served. The paths of requests that the handler gets
// begin after that of the mount, with a slash. RemoteAddr has the address of the client, also behind a proxy that is
// trusted; header fields that name another are taken out unless such a proxy made them. X-Forwarded-Proto, if it is there, is "https" for
// clients that use TLS with a trusted proxy. The request is for a host name that
// the service may be asked for. Bodies are not limited.
type Service func(Mount) nethttp.Handler

// checkServices returns an error for a listener with a service that there is not.
func (s *Server) checkServices(l *config.Listener) error {
	for _, svc := range l.Web {
		switch svc.Kind {
		case config.WebAccount, config.WebAdmin, config.WebWebmail, config.WebWebAPI:
			if s.opts.Services[svc.Kind] == nil {
				return fmt.Errorf("this version of mox has no %s; set Enabled of Listeners.%s.%s to false in mox.conf", svc.Kind, l.Name, svc.Name)
			}
		}
	}
	return nil
}

// mount is a service at a path of a port.
type mount struct {
	path string // With a slash at its end, or a single path.
	*target
}

// target is what answers requests.
type target struct {
	name        string // For logs.
	handler     nethttp.Handler
	metrics     *handlerMetrics
	log         config.WebAccessLog
	maxBody     int64 // Zero for no limit.
	forwarded   bool  // Clients' addresses are those that trusted proxies tell.
	noRateLimit bool
	site        bool // Of a website: the two before are what the port has for websites.
}

// builtin are targets of each port besides its services.
type builtin struct {
	refused, wellKnown, redirect *target
}

func (s *Server) newTarget(name string, h nethttp.Handler) *target {
	return &target{name: name, handler: h, metrics: s.metrics.handler(name)}
}

// newSiteTarget returns a target that ports share.
func (s *Server) newSiteTarget(name string, h nethttp.Handler) *target {
	t := s.newTarget(name, h)
	t.site = true
	return t
}

// settings returns what holds for a target on a port: whether it believes trusted proxies, and has no limit of requests.
func (p *port) settings(t *target) (forwarded, noRateLimit bool) {
	if t.site {
		return p.web.Forwarded, p.web.NoRateLimit
	}
	return t.forwarded, t.noRateLimit
}

// mountServices makes the handlers of the services of a port.
func (p *port) mountServices() {
	s := p.s
	p.targets = builtin{
		refused:   s.newTarget("(none)", nil),
		wellKnown: s.newTarget("(well-known)", nil),
		redirect:  s.newTarget("(redirect)", nil),
	}
	for _, t := range []*target{p.targets.refused, p.targets.wellKnown, p.targets.redirect} {
		t.forwarded = p.web.Forwarded
	}
	p.targets.wellKnown.maxBody = maxDocumentRequest // The others read none.
	for _, svc := range p.Services {
		add := func(path string, h nethttp.Handler) {
			t := s.newTarget(string(svc.Kind), h)
			t.forwarded = svc.Forwarded
			p.mounts = append(p.mounts, mount{path, t})
		}
		switch svc.Kind {
		case config.WebMetrics:
			add("/metrics", onlyGet(s, Metrics(s.opts.Gatherer)))
		case config.WebPprof:
			add("/debug/pprof/", profiles())
		case config.WebAccount, config.WebAdmin, config.WebWebmail, config.WebWebAPI:
			add(svc.Path, s.service(svc.Kind, Mount{svc.Path, p.TLS}))
		}
	}
	slices.SortStableFunc(p.mounts, func(x, y mount) int { return len(y.path) - len(x.path) })
}

// service returns the handler of a service at a place.
func (s *Server) service(kind config.WebKind, m Mount) nethttp.Handler {
	return nethttp.StripPrefix(strings.TrimSuffix(m.Path, "/"), s.opts.Services[kind](m))
}

func onlyGet(s *Server, next nethttp.Handler) nethttp.Handler {
	return nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if r.Method != nethttp.MethodGet && r.Method != nethttp.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			s.Error(w, r, nethttp.StatusMethodNotAllowed)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// profiles shows what the process does.
func profiles() nethttp.Handler {
	mux := nethttp.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

// mounted returns the service at a path, or nil.
func (p *port) mounted(path string) *target {
	for i := range p.mounts {
		m := &p.mounts[i]
		if path == m.path || strings.HasSuffix(m.path, "/") && strings.HasPrefix(path, m.path) {
			return m.target
		}
	}
	return nil
}

// homes are services that a browser at the root of a host is sent to, the best one first.
var homes = []config.WebKind{config.WebWebmail, config.WebAccount, config.WebAdmin}

// sentTo returns where a path that nothing is at leads among the services, empty for nowhere.
func (p *port) sentTo(path string) string {
	if path == "/" {
		for _, k := range homes {
			if svc, ok := p.kinds[k]; ok {
				return svc.Path
			}
		}
		return ""
	}
	for _, m := range p.mounts {
		if path+"/" == m.path {
			return m.path
		}
	}
	return ""
}
