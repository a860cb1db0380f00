package config

import (
	"crypto/tls"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"time"

	"mox/dns"
	"mox/mtasts"
)

// WebKind is what a service over HTTP serves.
type WebKind string

// Kinds of services over HTTP.
const (
	WebAccount    WebKind = "account"
	WebAdmin      WebKind = "admin"
	WebWebmail    WebKind = "webmail"
	WebWebAPI     WebKind = "webapi"
	WebMetrics    WebKind = "metrics"
	WebPprof      WebKind = "pprof"
	WebAutoconfig WebKind = "autoconfig" // Settings for mail programs.
	WebMTASTS     WebKind = "mtasts"     // Policies of domains.
	WebServer     WebKind = "webserver"  // The handlers of domains.conf.
)

// WebService is a service of a listener over HTTP.
type WebService struct {
	Kind WebKind
	Name string // As in mox.conf, e.g. AdminHTTPS.
	TLS  bool
	Port int

	Path        string // Begins and ends with a slash. Empty for kinds whose paths are given.
	Forwarded   bool   // Clients' addresses are those that Listener.ForwardedNetworks tell.
	NoRateLimit bool
}

// WebPort is a port of a listener with its services over HTTP, at least one.
type WebPort struct {
	Port     int
	TLS      bool
	Services []WebService // As in Listener.Web.
}

// WebPorts returns the ports for HTTP, in the order of their first services.
func (l *Listener) WebPorts() []WebPort {
	var ports []WebPort
next:
	for _, s := range l.Web {
		for i := range ports {
			if ports[i].Port == s.Port {
				ports[i].Services = append(ports[i].Services, s)
				continue next
			}
		}
		ports = append(ports, WebPort{s.Port, s.TLS, []WebService{s}})
	}
	return ports
}

// AllowsHTTPHost tells whether services other than websites may answer requests for a host:
// a name in ASCII and lower case without trailing dot, or an address without brackets. Local
// is the address that the client is connected to.
func (l *Listener) AllowsHTTPHost(host string, local netip.Addr) bool {
	if l.HTTPHosts[host] {
		return true
	}
	if host == "localhost" {
		return local.IsLoopback()
	}
	// What the client connected to cannot have come from DNS.
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap() == local
}

// WebAccessLog is which requests are in the log.
type WebAccessLog uint8

// Choices for the log of requests.
const (
	WebLogErrors WebAccessLog = iota // Those with an error page; the file has all.
	WebLogAll
	WebLogNone
)

// WebHandler answers some requests of a website.
type WebHandler struct {
	LogName               string // Not shared with another handler, unless the file says so.
	Domain                dns.Domain
	Path                  *regexp.Regexp
	DontRedirectPlainHTTP bool
	Compress              bool
	AccessLog             WebAccessLog
	MaxBodySize           int64 // Bytes; zero for no limit.

	// Exactly one is set.
	Static   *WebStatic
	Redirect *WebRedirect
	Forward  *WebForward
	Internal *WebInternal
}

// Equal tells whether two handlers do the same, so that one can go on in place of the other. They may differ in their
// names, which change with their positions, and in what is logged.
func (h *WebHandler) Equal(o *WebHandler) bool {
	x, y := *h, *o
	same := x.Path.String() == y.Path.String()
	if x.Redirect != nil && y.Redirect != nil {
		same = same && patternText(x.Redirect.OrigPath) == patternText(y.Redirect.OrigPath)
		a, b := *x.Redirect, *y.Redirect
		a.OrigPath, b.OrigPath = nil, nil
		x.Redirect, y.Redirect = &a, &b
	}
	x.Path, y.Path = nil, nil
	x.LogName, y.LogName = "", ""
	x.AccessLog, y.AccessLog = 0, 0
	return same && reflect.DeepEqual(x, y)
}

func patternText(r *regexp.Regexp) string {
	if r == nil {
		return ""
	}
	return r.String()
}

// WebStatic serves files.
type WebStatic struct {
	StripPrefix                 string
	Root                        string // Absolute.
	ListFiles, ContinueNotFound bool
	Symlinks                    WebSymlinks
	ResponseHeaders             map[string]string
}

// WebSymlinks is which symbolic links are followed.
type WebSymlinks uint8

// Choices for symbolic links.
const (
	WebSymlinksInside WebSymlinks = iota // Those that stay below the root.
	WebSymlinksNone
	WebSymlinksAny
)

// WebRedirect sends the client elsewhere.
type WebRedirect struct {
	BaseURL     *url.URL       // Nil for the host of the request.
	OrigPath    *regexp.Regexp // Nil for any path.
	ReplacePath string
	StatusCode  int
}

// WebForward passes requests on.
type WebForward struct {
	StripPath, PassHost             bool
	URLs                            []*url.URL // At least one.
	RequestHeaders, ResponseHeaders map[string]string
	ConnectTimeout, ResponseTimeout time.Duration
	HealthPath                      string // Empty for none.
	HealthInterval                  time.Duration
	TLSInsecureSkipVerify           bool
}

// WebInternal serves pages of mox.
type WebInternal struct {
	BasePath string
	Service  WebKind // WebAccount, WebAdmin, WebWebmail or WebWebAPI.
}

// PlainHTTP is what becomes of requests without TLS.
type PlainHTTP uint8

// Choices for requests without TLS.
const (
	PlainHTTPRedirect PlainHTTP = iota
	PlainHTTPServe
	PlainHTTPRefuse
)

// WebDomain is how a website is reached.
type WebDomain struct {
	PlainHTTP     PlainHTTP
	HSTS          string // Value of Strict-Transport-Security; empty for none.
	MinTLSVersion uint16 // Zero for that of the listener.
	Certificates  []tls.Certificate
}

// Websites are the settings for websites in domains.conf.
type Websites struct {
	Redirects   map[dns.Domain]dns.Domain
	Handlers    []*WebHandler
	Domains     map[dns.Domain]*WebDomain // Some of those that Redirects and Handlers have.
	SecurityTxt string                    // Content of security.txt, empty for none.
	Warnings    []Problem                 // What has no effect, or hardly the one that was wanted.
}

// Websites returns the settings for websites.
func (c *Config) Websites() *Websites { return &c.websites }

// MTASTS is the policy of a domain on TLS for mail to it.
type MTASTS struct {
	PolicyID string
	Policy   mtasts.Policy
}

// parentDomain returns the domain that a host name is for when it has the prefix, e.g. "mta-sts.".
func (c *Config) parentDomain(host, prefix string) *Domain {
	name, ok := strings.CutPrefix(host, prefix)
	if !ok {
		return nil
	}
	d, err := dns.ParseDomain(name)
	if err != nil {
		return nil
	}
	return c.domains[d]
}

// MTASTSHost returns the domain whose policy a host serves, by its name in ASCII, or nil.
func (c *Config) MTASTSHost(host string) *Domain {
	if d := c.parentDomain(host, "mta-sts."); d != nil && d.MTASTS != nil {
		return d
	}
	return nil
}

// AutoconfigHost returns the domain for whose mail programs a host has settings, by its name in
// ASCII, or nil.
func (c *Config) AutoconfigHost(host string) *Domain {
	if d := c.parentDomain(host, "autoconfig."); d != nil {
		return d
	}
	return c.parentDomain(host, "autodiscover.")
}
