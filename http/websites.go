package http

import (
	nethttp "net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"mox/config"
	"mox/dns"
)

// router has the websites of one configuration. Requests hold on to the one that they began with.
type router struct {
	cfg       *config.Config
	sites     *config.Websites // Of cfg.
	redirects map[string]*target
	byHost    map[string][]*site

	users   atomic.Int64 // Requests, and the server while it is the current one.
	retired atomic.Bool
	finish  func() // Lets go of the sites.
}

// site is a handler of a configuration.
type site struct {
	h      *config.WebHandler
	prefix string // If all that h.Path says is that paths begin with this.
	*target
	instance *instance
}

// instance is what answers for a site, in one configuration or several in a row.
type instance struct {
	nethttp.Handler
	h     *config.WebHandler // Of the first one.
	close func()             // May be nil.
	users int                // Routers; guarded by Server.mu.
}

// has tells whether there is a website at a host.
func (rt *router) has(host string) bool { return rt.redirects[host] != nil || rt.byHost[host] != nil }

// domain returns a host as a domain, the zero Domain if it is none.
func (rt *router) domain(host string) dns.Domain {
	if len(rt.sites.Domains) == 0 {
		return dns.Domain{}
	}
	d, err := dns.ParseDomain(host)
	if err != nil {
		return dns.Domain{}
	}
	return d
}

// webDomain returns the settings of a website by its name in ASCII, or nil.
func (s *Server) webDomain(host string) *config.WebDomain {
	rt := s.router.Load()
	return rt.sites.Domains[rt.domain(host)]
}

// acquireRouter returns the current router for a request, which must release it.
func (s *Server) acquireRouter() *router {
	for {
		rt := s.router.Load()
		rt.users.Add(1)
		if s.router.Load() == rt {
			return rt
		}
		rt.release()
	}
}

func (rt *router) release() {
	if rt.users.Add(-1) == 0 && rt.retired.Load() {
		rt.finish()
	}
}

// setRouter puts the websites of a configuration in effect. Handlers that stay the same go on, with all that they have learned.
func (s *Server) setRouter(cfg *config.Config) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	old := s.router.Load()
	sites := cfg.Websites()
	rt := &router{cfg: cfg, sites: sites, redirects: map[string]*target{}, byHost: map[string][]*site{}}
	for from, to := range sites.Redirects {
		rt.redirects[from.ASCII] = s.newSiteTarget("(redirect)", s.redirectDomain(to))
	}
	var all []*instance
	for _, h := range sites.Handlers {
		in := old.unchanged(h, all)
		if in == nil {
			in = s.newInstance(h)
		}
		in.users++
		all = append(all, in)
		rt.byHost[h.Domain.ASCII] = append(rt.byHost[h.Domain.ASCII], s.newSite(h, in))
	}
	rt.finish = sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, in := range all {
			if in.users--; in.users == 0 && in.close != nil {
				in.close()
			}
		}
	})
	for _, l := range Loops(cfg) {
		s.log.Error("websites redirect in a circle; correct WebDomainRedirects or WebHandlers in domains.conf", "url", l.URL, "handlers", l.Rules)
	}
	for _, p := range sites.Warnings {
		s.log.Warn("domains.conf says something about websites that has no effect, or another one", "problem", p.String())
	}
	rt.users.Store(1)
	s.router.Store(rt)
	if old != nil {
		// Not here: finish takes the lock.
		defer func() {
			old.retired.Store(true)
			go old.release()
		}()
	}
}

// unchanged returns what answers for a handler of an earlier configuration that does the same, or nil. It is not one of taken. The
// router may be nil.
func (rt *router) unchanged(h *config.WebHandler, taken []*instance) *instance {
	if rt == nil {
		return nil
	}
	for _, st := range rt.byHost[h.Domain.ASCII] {
		if st.instance.h.Equal(h) && !slices.Contains(taken, st.instance) {
			return st.instance
		}
	}
	return nil
}

// retireRouter lets go of the current router, once and for all.
func (s *Server) retireRouter() {
	rt := s.router.Load()
	rt.retired.Store(true)
	rt.release()
}

// literalPath matches expressions that say how paths begin, and nothing else.
var literalPath = regexp.MustCompile(`^\^[a-zA-Z0-9/_~-]*$`)

// literalPrefix returns what an expression says that paths begin with, if it says nothing else.
func literalPrefix(pattern *regexp.Regexp) (string, bool) {
	if e := pattern.String(); literalPath.MatchString(e) {
		return e[1:], true
	}
	return "", false
}

// newInstance makes what answers for a website.
func (s *Server) newInstance(h *config.WebHandler) *instance {
	handler, closer, err := s.siteHandler(h)
	if err != nil {
		s.log.Error("handler of a website cannot work; its requests are answered with an error", "handler", h.LogName, "domain", h.Domain.LogString(), "err", err)
		handler = nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
			s.Error(w, r, nethttp.StatusInternalServerError)
		})
	}
	if h.Compress && h.Static == nil {
		handler = s.compressor.Handler(handler)
	}
	return &instance{Handler: handler, h: h, close: closer}
}

// newSite returns the website of a handler.
func (s *Server) newSite(h *config.WebHandler, in *instance) *site {
	st := &site{h: h, instance: in, target: s.newSiteTarget(h.LogName, in)}
	st.prefix, _ = literalPrefix(h.Path)
	st.log = h.AccessLog
	if h.Forward == nil { // It has the limit itself.
		st.maxBody = h.MaxBodySize
	}
	return st
}

func (st *site) matches(path string) bool {
	if st.prefix != "" {
		return strings.HasPrefix(path, st.prefix)
	}
	return st.h.Path.MatchString(path)
}

// continues is where a handler sends requests that the next one is to answer.
func continues(w nethttp.ResponseWriter, r *nethttp.Request) {
	if q := exchangeOf(w); q != nil {
		q.next = true
	}
}

// siteHandler makes what answers for a website, and what ends it, which may be nil.
func (s *Server) siteHandler(h *config.WebHandler) (nethttp.Handler, func(), error) {
	switch {
	case s.explains && h.Redirect == nil:
		return nethttp.HandlerFunc(found), nil, nil
	case h.Static != nil:
		return s.staticHandler(h)
	case h.Redirect != nil:
		return s.redirectHandler(h)
	case h.Forward != nil:
		return s.forwardHandler(h)
	}
	return s.internalHandler(h)
}
