package main

import (
	nethttp "net/http"
	"net/netip"
	"slices"

	"mox/config"
	"mox/http"
	"mox/internal/netguard"
	"mox/login"
	"mox/pipeline"
	"mox/sasl"
	"mox/webmail"
	"mox/websession"
)

// newWebmail returns the webmail, and what serves it at a place.
func (s *server) newWebmail(logins *login.Service, checks []pipeline.Use) (*webmail.Server, http.Service, error) {
	log := s.log.With("pkg", "webmail")
	sessions, err := websession.New(websession.Options{
		Name:      "webmail",
		Title:     "Webmail",
		Logins:    logins,
		Sessions:  websession.AccountSessions(s.accounts),
		Admit:     s.admitAccount,
		Unlimited: s.unlimitedClient,
		Metrics:   websession.NewMetrics(s.registry),
		Log:       log,
	})
	if err != nil {
		return nil, nil, err
	}
	w, err := webmail.New(webmail.Options{
		Accounts:    s.accounts,
		Config:      s.live.Current,
		Sessions:    sessions,
		Submissions: s.out.submissions,
		Checks:      checks,
		SpoolDir:    spoolDir(s.live.Current()),
		Security:    s.out.security,
		Client:      guardedClient(netguard.Guard{Allow: s.live.Current().AllowNetworks}),
		Version:     version(),
		Log:         log,
		Registerer:  s.registry,
	})
	if err != nil {
		return nil, nil, err
	}
	return w, func(m http.Mount) nethttp.Handler { return w.Handler(m.Path) }, nil
}

// admitAccount returns an error for an account that may not be used now.
func (s *server) admitAccount(account string) error {
	c := s.live.Current().Account(account)
	switch {
	case c == nil:
		return sasl.ErrCredentials
	case c.LoginDisabled != "":
		return &login.DisabledError{Reason: c.LoginDisabled}
	}
	return nil
}

// unlimitedClient tells whether failed logins of a client are not counted.
func (s *server) unlimitedClient(ip netip.Addr) bool {
	return s.live.Current().Localserve != nil && slices.ContainsFunc(loopback(), func(p netip.Prefix) bool { return p.Contains(ip.Unmap()) })
}

// webServices returns those that can be enabled for listeners.
func (s *server) webServices(webmail http.Service) map[config.WebKind]http.Service {
	all := map[config.WebKind]http.Service{config.WebWebmail: webmail}
	for kind, service := range s.opts.webServices {
		all[kind] = service
	}
	return all
}
