package config

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"mox/dns"
	"mox/mtasts"
)

const (
	defaultMaxBodySize = 1 << 20 // Bytes.
	year               = 365 * 24 * time.Hour
)

func index(field string, i int) string { return fmt.Sprintf("%s[%d]", field, i) }

// websites checks what domains.conf says about websites.
func (b *builder) websites() {
	s, p := &b.cfg.dynamic, b.domain
	w := Websites{Redirects: map[dns.Domain]dns.Domain{}, Domains: map[dns.Domain]*WebDomain{}}
	for _, from := range slices.Sorted(maps.Keys(s.WebDomainRedirects)) {
		field := "WebDomainRedirects." + from
		f, ok1 := p.parseDomain(field, from)
		t, ok2 := p.parseDomain(field, s.WebDomainRedirects[from])
		if _, twice := w.Redirects[f]; ok1 && twice {
			p.addf(field, "is the same name as another one here, %s; remove one", f.Name())
		}
		if ok1 && ok2 {
			w.Redirects[f] = t
		}
	}
	p.redirectLoops(w.Redirects)
	for i := range s.WebHandlers {
		if h := b.webHandler(index("WebHandlers", i), strconv.Itoa(i), &s.WebHandlers[i]); h != nil {
			w.Handlers = append(w.Handlers, h)
		}
	}
	b.serviceHosts(&w)
	for _, name := range slices.Sorted(maps.Keys(s.WebDomains)) {
		field := "WebDomains." + name
		if d, ok := p.parseDomain(field, name); ok {
			if w.Domains[d] != nil {
				p.addf(field, "is the same name as another one here, %s; remove one", d.Name())
			}
			sd := s.WebDomains[name]
			w.Domains[d] = b.webDomain(field, &sd)
		}
	}
	w.SecurityTxt = p.securityTxt("SecurityTxt", s.SecurityTxt)
	if len(p.list) == 0 {
		b.websiteNames(&w, time.Now())
	}
	b.cfg.websites = w
}

// redirectLoops reports domains that redirect to themselves, at once or by way of others.
func (p *problems) redirectLoops(redirects map[dns.Domain]dns.Domain) {
	for from := range redirects {
		at := from
		for range len(redirects) {
			next, ok := redirects[at]
			if !ok {
				break
			}
			if at = next; at == from {
				p.addf("WebDomainRedirects."+from.Name(), "leads back to itself; remove it")
				break
			}
		}
	}
	slices.SortStableFunc(p.list, func(x, y Problem) int { return x.Line - y.Line })
}

// webHandler returns the parsed form of a handler, nil if it has no kind or domain.
func (b *builder) webHandler(field, position string, s *DynamicWebHandler) *WebHandler {
	p := b.domain
	h := &WebHandler{
		LogName:               s.LogName,
		DontRedirectPlainHTTP: s.DontRedirectPlainHTTP,
		Compress:              s.Compress,
	}
	if s.LogName == "" {
		h.LogName = position
	} else if len(s.LogName) > 64 || strings.Trim(s.LogName, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_") != "" {
		p.addf(field+".LogName", "%q is not a name of at most 64 letters, digits, dots, dashes and underscores; correct it", s.LogName)
	}
	if d, ok := p.parseDomain(field+".Domain", s.Domain); ok {
		h.Domain = d
	}
	h.Path = p.pattern(field+".PathRegexp", s.PathRegexp)
	if s.AccessLog != "" {
		h.AccessLog = choice(p, field+".AccessLog", s.AccessLog, map[string]WebAccessLog{"all": WebLogAll, "errors": WebLogErrors, "none": WebLogNone})
	}
	kinds := 0
	if s.WebStatic != nil {
		kinds++
		h.Static = b.webStatic(field+".WebStatic", s.WebStatic)
	}
	if s.WebRedirect != nil {
		kinds++
		h.Redirect = p.webRedirect(field+".WebRedirect", s.WebRedirect)
	}
	if s.WebForward != nil {
		kinds++
		h.Forward = p.webForward(field+".WebForward", s.WebForward)
	}
	if s.WebInternal != nil {
		kinds++
		h.Internal = p.webInternal(field+".WebInternal", s.WebInternal, h.Path)
	}
	if kinds != 1 {
		p.addf(field, "has %d kinds; set exactly one of WebStatic, WebRedirect, WebForward and WebInternal", kinds)
		return nil
	}
	switch {
	case s.MaxBodySize > 0:
		h.MaxBodySize = s.MaxBodySize
	case s.MaxBodySize < -1:
		p.addf(field+".MaxBodySize", "is negative; use -1 for no limit")
	case s.MaxBodySize == 0 && h.Forward == nil:
		h.MaxBodySize = defaultMaxBodySize
	}
	return h
}

// pattern parses a regular expression. For one with a mistake it returns one that matches nothing.
func (p *problems) pattern(field, s string) *regexp.Regexp {
	re, err := regexp.Compile(s)
	if err != nil {
		p.addf(field, "%v; correct it, see https://golang.org/s/re2syntax", err)
		return regexp.MustCompile(`$^x`)
	}
	return re
}

func (b *builder) webStatic(field string, s *DynamicWebStatic) *WebStatic {
	p := b.domain
	h := &WebStatic{
		StripPrefix:      s.StripPrefix,
		Root:             b.path(s.Root),
		ListFiles:        s.ListFiles,
		ContinueNotFound: s.ContinueNotFound,
		ResponseHeaders:  s.ResponseHeaders,
	}
	if s.Symlinks != "" {
		h.Symlinks = choice(p, field+".Symlinks", s.Symlinks, map[string]WebSymlinks{"inside": WebSymlinksInside, "none": WebSymlinksNone, "any": WebSymlinksAny})
	}
	if s.StripPrefix != "" && !strings.HasPrefix(s.StripPrefix, "/") {
		p.addf(field+".StripPrefix", "%q does not begin with a slash, as paths do; correct it", s.StripPrefix)
	}
	p.headers(field+".ResponseHeaders", s.ResponseHeaders, false)
	if s.Root == "" {
		p.addf(field+".Root", "is empty; name a directory, e.g. /srv/www")
		return h
	}
	for _, dir := range []struct{ what, path string }{{"configuration", b.cfg.Dir}, {"data", b.cfg.DataDir}} {
		if rel, err := filepath.Rel(h.Root, dir.path); err == nil && filepath.IsLocal(rel) {
			p.addf(field+".Root", "%s has the directory of mox's %s in it, which nobody may read; use another one", h.Root, dir.what)
		}
	}
	if strings.HasPrefix(h.Root, b.cfg.DataDir+string(filepath.Separator)) {
		p.addf(field+".Root", "%s is in the directory of mox's data, which has mail; use another one", h.Root)
	}
	if info, err := os.Stat(h.Root); err == nil && !info.IsDir() {
		p.addf(field+".Root", "%s is not a directory; name one, e.g. /srv/www", h.Root)
	}
	return h
}

func (p *problems) webRedirect(field string, s *DynamicWebRedirect) *WebRedirect {
	h := &WebRedirect{ReplacePath: s.ReplacePath, StatusCode: s.StatusCode}
	if s.BaseURL != "" {
		u, err := url.Parse(s.BaseURL)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.Path != "" && u.Path != "/" {
			p.addf(field+".BaseURL", "%q is not an http or https URL of a host, without a path; write e.g. https://example.net/", s.BaseURL)
		}
		h.BaseURL = u
	}
	if s.OrigPathRegexp != "" {
		h.OrigPath = p.pattern(field+".OrigPathRegexp", s.OrigPathRegexp)
	}
	switch s.StatusCode {
	case 0:
		h.StatusCode = http.StatusPermanentRedirect
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		p.addf(field+".StatusCode", "%d is not a redirect; use 301, 302, 303, 307 or 308", s.StatusCode)
	}
	switch {
	case s.BaseURL == "" && s.OrigPathRegexp == "":
		p.addf(field, "leads nowhere else; set BaseURL, or OrigPathRegexp with ReplacePath")
	case (s.OrigPathRegexp == "") != (s.ReplacePath == ""):
		p.addf(field, "has one of OrigPathRegexp and ReplacePath; set both or none")
	case strings.ContainsAny(s.ReplacePath, "?#\\"):
		p.addf(field+".ReplacePath", "%q has a question mark, # or backslash, which no path has; remove it", s.ReplacePath)
	case s.ReplacePath != "" && !strings.HasPrefix(s.ReplacePath, "/") && !strings.HasPrefix(s.ReplacePath, "$"):
		p.addf(field+".ReplacePath", "%q does not begin with a slash, as paths do; correct it", s.ReplacePath)
	}
	if _, err := regexp.Compile(s.OrigPathRegexp); err == nil && h.OrigPath != nil {
		p.groups(field+".ReplacePath", s.ReplacePath, h.OrigPath)
	}
	return h
}

// groups refuses a replacement with groups that the expression does not have, which would vanish.
func (p *problems) groups(field, replacement string, pattern *regexp.Regexp) {
	for _, m := range regexp.MustCompile(`\$(?:\$|(\w+)|\{(\w+)\})`).FindAllStringSubmatch(replacement, -1) {
		name := m[1] + m[2]
		n, err := strconv.Atoi(name)
		if name == "" || err == nil && n <= pattern.NumSubexp() || err != nil && slices.Contains(pattern.SubexpNames(), name) {
			continue
		}
		p.addf(field, "%s is for a group that OrigPathRegexp does not have; correct it, and write ${1}x for the first group before an x", m[0])
	}
}

func (p *problems) webForward(field string, s *DynamicWebForward) *WebForward {
	h := &WebForward{
		StripPath:             s.StripPath,
		PassHost:              s.PassHost,
		RequestHeaders:        s.RequestHeaders,
		ResponseHeaders:       s.ResponseHeaders,
		ConnectTimeout:        s.ConnectTimeout,
		ResponseTimeout:       s.ResponseTimeout,
		HealthPath:            s.HealthPath,
		HealthInterval:        s.HealthInterval,
		TLSInsecureSkipVerify: s.TLSInsecureSkipVerify,
	}
	p.headers(field+".RequestHeaders", s.RequestHeaders, true)
	for name := range s.RequestHeaders {
		switch name := http.CanonicalHeaderKey(name); {
		case strings.HasPrefix(name, "X-Forwarded-"), name == "X-Real-Ip", name == "Forwarded", name == "Host", name == "Via", name == "Expect":
			p.addf(field+".RequestHeaders."+name, "is for mox to say; remove it")
		}
	}
	p.headers(field+".ResponseHeaders", s.ResponseHeaders, true)
	if s.URL != "" {
		h.addURL(p, field+".URL", s.URL)
	}
	for i, u := range s.URLs {
		h.addURL(p, index(field+".URLs", i), u)
	}
	if s.URL == "" && len(s.URLs) == 0 {
		p.addf(field+".URL", "is missing; write the server to pass requests on to, e.g. http://127.0.0.1:8080")
	}
	positive := func(name string, v *time.Duration, def, least time.Duration) {
		if *v == 0 {
			*v = def
		} else if *v < least {
			p.addf(field+"."+name, "%s is too short; use at least %s", *v, least)
		}
	}
	positive("ConnectTimeout", &h.ConnectTimeout, 10*time.Second, time.Millisecond)
	positive("ResponseTimeout", &h.ResponseTimeout, 2*time.Minute, time.Millisecond)
	positive("HealthInterval", &h.HealthInterval, 10*time.Second, time.Second)
	if s.HealthPath != "" && !strings.HasPrefix(s.HealthPath, "/") {
		p.addf(field+".HealthPath", "%q does not begin with a slash, as paths do; correct it", s.HealthPath)
	}
	return h
}

func (h *WebForward) addURL(p *problems, field, s string) {
	u, err := url.Parse(s)
	ok := err == nil && u.User == nil && u.RawQuery == "" && u.Fragment == ""
	if ok {
		switch u.Scheme {
		case "http", "https":
			port, err := strconv.ParseUint(cmp.Or(u.Port(), "80"), 10, 16)
			ok = u.Hostname() != "" && err == nil && port > 0
		case "unix":
			ok = u.Host == "" && filepath.IsAbs(u.Path)
		default:
			ok = false
		}
	}
	if !ok {
		p.addf(field, "%q is not a server to pass requests on to; write e.g. http://127.0.0.1:8080 or unix:/run/app.sock", s)
		return
	}
	h.URLs = append(h.URLs, u)
}

func (p *problems) webInternal(field string, s *DynamicWebInternal, path *regexp.Regexp) *WebInternal {
	h := &WebInternal{BasePath: s.BasePath}
	p.webPath(field+".BasePath", s.BasePath)
	h.Service = choice(p, field+".Service", s.Service, map[string]WebKind{"admin": WebAdmin, "account": WebAccount, "webmail": WebWebmail, "webapi": WebWebAPI})
	if !path.MatchString(s.BasePath) {
		p.addf(field+".BasePath", "%q does not match PathRegexp of the handler, which never gets there; correct one", s.BasePath)
	}
	return h
}

// headers checks header fields to add.
func (p *problems) headers(field string, headers map[string]string, remove bool) {
	for name, value := range headers {
		switch {
		case !httpguts.ValidHeaderFieldName(name):
			p.addf(field, "%q is not the name of a header field; correct it", name)
		case value == "" && !remove:
			p.addf(field+"."+name, "is empty; remove it")
		case !httpguts.ValidHeaderFieldValue(value):
			p.addf(field+"."+name, "has a control character; remove it")
		}
		switch http.CanonicalHeaderKey(name) {
		case "Connection", "Content-Length", "Transfer-Encoding", "Upgrade", "Trailer", "Te", "Keep-Alive", "Proxy-Connection":
			p.addf(field+"."+name, "is about the connection, and cannot be set; remove it")
		}
	}
}

// serviceHosts refuses handlers on host names with pages of mox, whose scripts could do there
// what the user can.
func (b *builder) serviceHosts(w *Websites) {
	hosts := map[string]string{}
	for _, l := range b.cfg.Listeners {
		for _, s := range l.Web {
			if s.Kind == WebAccount || s.Kind == WebAdmin || s.Kind == WebWebmail {
				for h := range l.HTTPHosts {
					hosts[h] = s.Name + " of listener " + l.Name
				}
			}
		}
	}
	for _, h := range w.Handlers {
		if h.Internal != nil && h.Internal.Service != WebWebAPI {
			hosts[h.Domain.ASCII] = "the handler " + h.LogName
		}
	}
	// A handler without mistakes is at its position in the file; others are reported already.
	for i := range b.cfg.dynamic.WebHandlers {
		s := &b.cfg.dynamic.WebHandlers[i]
		d, err := dns.ParseDomain(s.Domain)
		if err != nil || s.WebInternal != nil || s.ShareServiceHost {
			continue
		}
		if what := hosts[d.ASCII]; what != "" {
			b.domain.addf(index("WebHandlers", i)+".Domain", "%s also has the pages of %s, in which scripts of a website could do what the user can; use another name, or set ShareServiceHost", d.Name(), what)
		}
	}
}

func (b *builder) webDomain(field string, s *DynamicWebDomain) *WebDomain {
	p := b.domain
	d := &WebDomain{HSTS: p.hsts(field+".HSTS", s.HSTS)}
	if s.PlainHTTP != "" {
		d.PlainHTTP = choice(p, field+".PlainHTTP", s.PlainHTTP, map[string]PlainHTTP{"redirect": PlainHTTPRedirect, "serve": PlainHTTPServe, "refuse": PlainHTTPRefuse})
	}
	if s.MinTLSVersion != "" {
		d.MinTLSVersion = choice(p, field+".MinTLSVersion", s.MinTLSVersion, map[string]uint16{"TLSv1.2": tls.VersionTLS12, "TLSv1.3": tls.VersionTLS13})
	}
	for i, kc := range s.KeyCerts {
		cert, err := tls.LoadX509KeyPair(b.path(kc.CertFile), b.path(kc.KeyFile))
		if err != nil {
			p.addf(index(field+".KeyCerts", i), "%v; check that both are PEM files, belong together and can be read by mox", err)
			continue
		}
		d.Certificates = append(d.Certificates, cert)
	}
	return d
}

// hsts returns the value of the header field (RFC 6797 §6.1).
func (p *problems) hsts(field string, s *DynamicHSTS) string {
	if s == nil {
		return ""
	}
	age := s.MaxAge
	switch {
	case age == 0:
		age = year
	case age < 0:
		age = 0
	}
	value := "max-age=" + strconv.FormatInt(int64(age/time.Second), 10)
	if s.IncludeSubdomains {
		value += "; includeSubDomains"
	}
	if s.Preload {
		if !s.IncludeSubdomains || age < year {
			p.addf(field+".Preload", "needs IncludeSubdomains and a MaxAge of at least 8760h; set these, or remove it")
		}
		value += "; preload"
	}
	return value
}

// securityTxt returns the content of the file (RFC 9116 §2.5).
func (p *problems) securityTxt(field string, s *DynamicSecurityTxt) string {
	if s == nil {
		return ""
	}
	var text strings.Builder
	uris := func(name string, l []string) {
		for i, v := range l {
			u, err := url.Parse(v)
			if err != nil || u.Scheme == "" || u.Scheme == "http" || strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' || r > '~' }) {
				p.addf(index(field+"."+name, i), "%q is not a URI with a scheme such as https or mailto; correct it", v)
			}
			text.WriteString(name + ": " + v + "\r\n")
		}
	}
	uris("Contact", s.Contact)
	if len(s.Contact) == 0 {
		p.addf(field+".Contact", "is empty; name a way to report, e.g. mailto:security@example.org")
	}
	expires, err := time.Parse(time.RFC3339, s.Expires)
	if err != nil {
		p.addf(field+".Expires", "%q is not a time; write one such as 2027-01-31T00:00:00Z", s.Expires)
	}
	text.WriteString("Expires: " + expires.UTC().Format(time.RFC3339) + "\r\n")
	uris("Encryption", s.Encryption)
	uris("Acknowledgments", s.Acknowledgments)
	if len(s.PreferredLanguages) > 0 {
		for i, l := range s.PreferredLanguages {
			if l == "" || strings.Trim(l, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" {
				p.addf(index(field+".PreferredLanguages", i), "%q is not a language; write e.g. en or de-CH", l)
			}
		}
		text.WriteString("Preferred-Languages: " + strings.Join(s.PreferredLanguages, ", ") + "\r\n")
	}
	uris("Canonical", s.Canonical)
	uris("Policy", s.Policy)
	uris("Hiring", s.Hiring)
	return text.String()
}

// mtasts returns the parsed form of the policy of a domain, nil for none.
func (b *builder) mtasts(field string, domain dns.Domain, s *DynamicMTASTS) *MTASTS {
	if s == nil {
		return nil
	}
	p := b.domain
	m := &MTASTS{PolicyID: s.PolicyID, Policy: mtasts.Policy{Mode: mtasts.ModeEnforce, MaxAge: s.MaxAge}}
	if !mtasts.ValidID(s.PolicyID) {
		p.addf(field+".PolicyID", "%q is not 1 to 32 letters and digits; use e.g. a time, 20260101T120000", s.PolicyID)
	}
	if s.Mode != "" {
		m.Policy.Mode = choice(p, field+".Mode", s.Mode, map[string]mtasts.Mode{"enforce": mtasts.ModeEnforce, "testing": mtasts.ModeTesting, "none": mtasts.ModeNone})
	}
	switch {
	case s.MaxAge == 0:
		m.Policy.MaxAge = 24 * time.Hour
	case s.MaxAge < time.Second || s.MaxAge > mtasts.MaxAge:
		p.addf(field+".MaxAge", "%s is not possible; use up to 8760h", s.MaxAge)
	}
	if len(s.MX) == 0 {
		m.Policy.MX = []mtasts.MX{{Domain: b.cfg.Hostname}}
	}
	for i, name := range s.MX {
		mx, err := mtasts.ParseMX(name)
		if err != nil {
			p.addf(index(field+".MX", i), "%q is not the name of a server (%v); write e.g. mail.example.org or *.example.org", name, err)
			continue
		}
		m.Policy.MX = append(m.Policy.MX, mx)
	}
	if _, err := mtasts.Host(domain); err != nil {
		p.addf(field, "%s is too long for the name of a server with its policy; remove MTASTS", domain.Name())
	}
	return m
}

// clientSettings returns the name that mail programs are told for a domain, zero for the default.
func (p *problems) clientSettings(field, s string) dns.Domain {
	if s == "" {
		return dns.Domain{}
	}
	d, _ := p.parseDomain(field, s)
	return d
}
