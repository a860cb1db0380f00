package http

import (
	"bytes"
	"errors"
	nethttp "net/http"
	"net/netip"
	"slices"
	"strings"

	"mox/autoconf"
	"mox/config"
	"mox/dns"
	"mox/smtp"
)

// Places at which mail programs look for settings.
const (
	thunderbirdPath       = "/mail/config-v1.1.xml"
	thunderbirdDomainPath = "/.well-known/autoconfig/mail/config-v1.1.xml"
	autodiscoverPath      = "/autodiscover/autodiscover.xml" // In any case.
	mobileconfigPath      = "/profile.mobileconfig"
)

// autoconfig answers mail programs that look for settings: at autoconfig.<domain> and autodiscover.<domain>, at the domain itself,
// and at the name of the listener.
func (q *exchange) autoconfig() bool {
	at := strings.ToLower(q.path)
	if at != thunderbirdPath && at != thunderbirdDomainPath && at != autodiscoverPath && at != mobileconfigPath {
		return false
	}
	domain := q.router.cfg.AutoconfigHost(q.host)
	if domain == nil {
		d, err := dns.ParseDomain(q.host)
		if err != nil {
			return false
		}
		if domain = q.router.cfg.Domain(d); domain == nil && q.host != q.p.listener.Hostname.ASCII {
			return false
		}
	}
	q.serve(q.p.targets.wellKnown, nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		switch at {
		case autodiscoverPath:
			q.autodiscover(domain)
		case mobileconfigPath:
			q.mobileconfig(domain)
		default:
			q.thunderbird(domain)
		}
	}))
	return true
}

// thunderbird answers with settings. The address that a client may name tells the domain only where the host does not.
func (q *exchange) thunderbird(domain *config.Domain) {
	if !q.allow(nethttp.MethodGet, nethttp.MethodHead) {
		return
	}
	if domain == nil {
		_, domain = q.domainOf(q.r.URL.Query().Get("emailaddress"), nil)
	}
	if domain == nil {
		q.p.s.Error(q, q.r, nethttp.StatusNotFound)
		return
	}
	data, err := autoconf.Thunderbird(q.settings(domain))
	q.settingsDocument("text/xml; charset=utf-8", data, err)
}

func (q *exchange) autodiscover(domain *config.Domain) {
	if !q.allow(nethttp.MethodPost) {
		return
	}
	text, err := autoconf.ParseAutodiscover(q.r.Body)
	var tooLarge *nethttp.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		q.p.s.Error(q, q.r, nethttp.StatusRequestEntityTooLarge)
		return
	case err != nil:
		q.p.s.Error(q, q.r, nethttp.StatusBadRequest)
		return
	}
	address, domain := q.domainOf(text, domain)
	if domain == nil {
		q.p.s.Error(q, q.r, nethttp.StatusNotFound)
		return
	}
	data, err := autoconf.Autodiscover(q.settings(domain), address)
	q.settingsDocument("text/xml; charset=utf-8", data, err)
}

func (q *exchange) mobileconfig(domain *config.Domain) {
	if !q.allow(nethttp.MethodGet, nethttp.MethodHead) {
		return
	}
	query := q.r.URL.Query()
	address, domain := q.domainOf(query.Get("address"), domain)
	if domain == nil {
		q.p.s.Error(q, q.r, nethttp.StatusNotFound)
		return
	}
	data, err := autoconf.Mobileconfig(q.settings(domain), address, query.Get("name"))
	q.Header().Set("Content-Disposition", `attachment; filename="`+domain.Domain.ASCII+`.mobileconfig"`)
	q.settingsDocument("application/x-apple-aspen-config", data, err)
}

// allow answers requests with other methods.
func (q *exchange) allow(methods ...string) bool {
	if slices.Contains(methods, q.r.Method) {
		return true
	}
	q.Header().Set("Allow", strings.Join(methods, ", "))
	q.p.s.Error(q, q.r, nethttp.StatusMethodNotAllowed)
	return false
}

// domainOf returns an address and its domain, if mail for that is accepted, and if it is the one that the host is
// for, which is nil for any. Whether there is such an address nobody is told.
func (q *exchange) domainOf(text string, only *config.Domain) (string, *config.Domain) {
	a, err := smtp.ParseAddress(text)
	if err != nil {
		return "", nil
	}
	d := q.router.cfg.Domain(a.Domain)
	if d == nil || only != nil && d != only {
		return "", nil
	}
	return a.String(), d
}

// settingsDocument answers with a document, or says that there are no servers to put in.
func (q *exchange) settingsDocument(contentType string, data []byte, err error) {
	if err != nil {
		q.Header().Del("Content-Disposition")
		q.p.s.Error(q, q.r, nethttp.StatusNotFound)
		return
	}
	h := q.Header()
	h.Set("Content-Type", contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	nethttp.ServeContent(q, q.r, "", q.p.s.started, bytes.NewReader(data))
}

// settings returns how mail of a domain is read and sent: by the services of the listener that was asked, or else
// of others that are not for this machine alone.
func (q *exchange) settings(d *config.Domain) *autoconf.Settings {
	s := &autoconf.Settings{Domain: d.Domain}
	listeners := []*config.Listener{q.p.listener}
	for _, l := range q.router.cfg.Listeners {
		if l.Name != q.p.listener.Name && slices.ContainsFunc(l.IPs, func(ip netip.Addr) bool { return !ip.IsLoopback() }) {
			listeners = append(listeners, l)
		}
	}
	for _, l := range listeners {
		host := l.Hostname
		if !d.ClientSettingsDomain.IsZero() {
			host = d.ClientSettingsDomain
		}
		add := func(to *[]autoconf.Server, svc config.Service, security autoconf.Security) {
			srv := autoconf.Server{Host: host, Port: svc.Port, Security: security}
			if svc.Enabled && !slices.Contains(*to, srv) {
				*to = append(*to, srv)
			}
		}
		add(&s.IMAP, l.IMAPS.Service, autoconf.TLS)
		add(&s.Submission, l.Submissions.Service, autoconf.TLS)
		if l.TLS != nil {
			add(&s.IMAP, l.IMAP.Service, autoconf.STARTTLS)
			add(&s.Submission, l.Submission.Service, autoconf.STARTTLS)
		}
	}
	return s
}
