package config

import "time"

// StaticWebService is a service with pages or calls of its own.
type StaticWebService struct {
	Enabled   bool   `sconf-doc:"Whether to serve."`
	Port      int    `sconf:"optional" sconf-doc:"TCP port instead of the default. Services over HTTP of one listener may share a port, and so may those over HTTPS."`
	Path      string `sconf:"optional" sconf-doc:"Path to serve at, beginning and ending with a slash. Default: the name of the service, e.g. /admin/."`
	Forwarded bool   `sconf:"optional" sconf-doc:"Requests come through reverse proxies: take the client's address from X-Forwarded-For or Forwarded, as told by one of ForwardedNetworks. Default: false."`
}

// StaticWellKnown is a service for programs that look for settings of a mail domain.
type StaticWellKnown struct {
	Enabled bool `sconf-doc:"Whether to serve."`
	Port    int  `sconf:"optional" sconf-doc:"TCP port instead of the default, which is 443, or 80 with NonTLS."`
	NonTLS  bool `sconf:"optional" sconf-doc:"Serve plain HTTP, for a reverse proxy in front that does TLS. Default: false."`
}

// StaticWebserver is the service for the websites of domains.conf.
type StaticWebserver struct {
	Enabled           bool `sconf-doc:"Whether to serve."`
	Port              int  `sconf:"optional" sconf-doc:"TCP port instead of the default."`
	Forwarded         bool `sconf:"optional" sconf-doc:"Requests come through reverse proxies: take the client's address from X-Forwarded-For or Forwarded, as told by one of ForwardedNetworks. Default: false."`
	RateLimitDisabled bool `sconf:"optional" sconf-doc:"Do not count requests for the limits HTTPRequestsPerMinute. Default: false."`
}

// DynamicMTASTS is the policy of a domain on TLS for mail to it.
type DynamicMTASTS struct {
	PolicyID string        `sconf-doc:"Identifies this version of the policy: letters and digits, at most 32. It must change whenever the policy does, here and in the DNS record of _mta-sts. Example: 20260101T120000."`
	Mode     string        `sconf:"optional" sconf-doc:"What a server does that cannot deliver with a valid certificate: with enforce it does not deliver, with testing it delivers and reports, with none it forgets the policy. Default: enforce."`
	MaxAge   time.Duration `sconf:"optional" sconf-doc:"How long servers may keep the policy; at most 8760h, a year. Default: 24h."`
	MX       []string      `sconf:"optional" sconf-doc:"Names of the servers in the MX records, *.example.org for all one label below. Default: Hostname of mox.conf. Example: mail.example.org."`
}

// DynamicWebDomain is how a website is reached.
type DynamicWebDomain struct {
	PlainHTTP     string            `sconf:"optional" sconf-doc:"What becomes of requests without TLS where the listener has HTTPS too: redirect sends them there, serve answers them, refuse is an error. A handler with DontRedirectPlainHTTP answers in any case. Default: redirect."`
	HSTS          *DynamicHSTS      `sconf:"optional" sconf-doc:"Have browsers use only HTTPS from now on (RFC 6797). It cannot be taken back before MaxAge is over."`
	MinTLSVersion string            `sconf:"optional" sconf-doc:"Oldest version of TLS to speak, TLSv1.2 or TLSv1.3, if newer than that of the listener. Default: that of the listener."`
	KeyCerts      []DynamicKeyCerts `sconf:"optional" sconf-doc:"Certificates for this name. Default: those of the listener that are valid for it."`
}

// DynamicKeyCerts is a certificate with its key.
type DynamicKeyCerts struct {
	CertFile string `sconf-doc:"PEM file with the certificate and the intermediate ones after it, relative to the directory of this file. It is read again on a reload. Example: www.example.org.crt.pem."`
	KeyFile  string `sconf-doc:"PEM file with the private key, relative to the directory of this file. Example: www.example.org.key.pem."`
}

// DynamicHSTS has browsers use only HTTPS.
type DynamicHSTS struct {
	MaxAge            time.Duration `sconf:"optional" sconf-doc:"How long browsers remember. Default: 8760h, a year; -1s tells them to forget."`
	IncludeSubdomains bool          `sconf:"optional" sconf-doc:"Also for all names below. Default: false."`
	Preload           bool          `sconf:"optional" sconf-doc:"Consent to be in the lists that browsers come with; needs IncludeSubdomains and a MaxAge of a year. Default: false."`
}

// DynamicSecurityTxt is the content of /.well-known/security.txt.
type DynamicSecurityTxt struct {
	Contact            []string `sconf-doc:"Where to report security problems, in order of preference: URIs with https, mailto or tel. Example: mailto:security@example.org."`
	Expires            string   `sconf-doc:"When this is out of date, less than a year from now. Example: 2027-01-31T00:00:00Z."`
	Encryption         []string `sconf:"optional" sconf-doc:"URIs of keys to encrypt reports with. Example: https://example.org/pgp-key.txt."`
	Acknowledgments    []string `sconf:"optional" sconf-doc:"URIs of pages that thank reporters."`
	PreferredLanguages []string `sconf:"optional" sconf-doc:"Languages of reports (RFC 5646). Example: en."`
	Canonical          []string `sconf:"optional" sconf-doc:"URIs at which this file is the real one."`
	Policy             []string `sconf:"optional" sconf-doc:"URIs of the policy on reports."`
	Hiring             []string `sconf:"optional" sconf-doc:"URIs of security jobs."`
}

// DynamicWebHandler answers some requests of a website. Exactly one kind is set.
type DynamicWebHandler struct {
	LogName               string              `sconf:"optional" sconf-doc:"Name in logs and metrics: letters, digits, dots, dashes, underscores. Default: the position in this list, from 0."`
	Domain                string              `sconf-doc:"Host name of requests that this is for; internationalized ones in UTF-8. Example: www.example.org."`
	PathRegexp            string              `sconf-doc:"Regular expression (https://golang.org/s/re2syntax) that the path of a request must match, after decoding, and with several slashes as one; ^ for the beginning and $ for the end matter. Example: ^/blog/."`
	DontRedirectPlainHTTP bool                `sconf:"optional" sconf-doc:"Answer requests without TLS, whatever PlainHTTP of the domain says. Default: false."`
	Compress              bool                `sconf:"optional" sconf-doc:"Compress responses with zstd, brotli or gzip, as the client takes it, where that makes sense. Default: false."`
	AccessLog             string              `sconf:"optional" sconf-doc:"Which requests are in the log: all, errors, or none. With all and errors the file HTTPAccessLog of mox.conf, if there is one, has all. Default: errors."`
	MaxBodySize           int64               `sconf:"optional" sconf-doc:"Largest body of a request, in bytes; -1 is no limit. Default: no limit for WebForward, whose server has its own, otherwise 1048576 (1 MiB)."`
	ShareServiceHost      bool                `sconf:"optional" sconf-doc:"Allow this handler although the same host name has the pages of accounts, of the administrator or the webmail. Scripts of the website can then do in them what the user can. Default: false."`
	WebStatic             *DynamicWebStatic   `sconf:"optional" sconf-doc:"Serve files."`
	WebRedirect           *DynamicWebRedirect `sconf:"optional" sconf-doc:"Send the client elsewhere."`
	WebForward            *DynamicWebForward  `sconf:"optional" sconf-doc:"Pass the request on to another web server: a reverse proxy, with websockets."`
	WebInternal           *DynamicWebInternal `sconf:"optional" sconf-doc:"Serve pages of mox."`
}

// DynamicWebStatic serves files.
type DynamicWebStatic struct {
	StripPrefix      string            `sconf:"optional" sconf-doc:"Beginning of the path that is taken off before a file is looked for. A path that does not begin with it is not found. Example: /blog/."`
	Root             string            `sconf-doc:"Directory of the files, relative to the directory of this file. It must not be, or be above, the directories of configuration and data. Example: /srv/www/blog."`
	ListFiles        bool              `sconf:"optional" sconf-doc:"Show what is in a directory that has no index.html. Default: false."`
	ContinueNotFound bool              `sconf:"optional" sconf-doc:"If there is no such file, go on with the next handlers. Default: false."`
	Symlinks         string            `sconf:"optional" sconf-doc:"Which symbolic links are followed: none, inside for those that stay below Root, or any. Default: inside."`
	ResponseHeaders  map[string]string `sconf:"optional" sconf-doc:"Header fields to add to responses. Example: Cache-Control with value max-age=3600."`
}

// DynamicWebRedirect sends the client elsewhere.
type DynamicWebRedirect struct {
	BaseURL        string `sconf:"optional" sconf-doc:"URL to send to: its scheme and host, with a query to put before that of the request; it has no path. Default: the host of the request. Example: https://example.net/."`
	OrigPathRegexp string `sconf:"optional" sconf-doc:"Regular expression on the path of the request. A request whose path does not match goes on with the next handlers. Example: ^/old/(.*)$."`
	ReplacePath    string `sconf:"optional" sconf-doc:"What is put in place of the match of OrigPathRegexp, with $1 for its first group. Example: /new/$1."`
	StatusCode     int    `sconf:"optional" sconf-doc:"301 and 308 are for ever, 302, 303 and 307 for now; 307 and 308 keep the method. Default: 308."`
}

// DynamicWebForward passes requests on.
type DynamicWebForward struct {
	StripPath             bool              `sconf:"optional" sconf-doc:"Take what PathRegexp matches off the path. Default: false."`
	URL                   string            `sconf:"optional" sconf-doc:"Server to pass requests on to, http or https, or unix with the path of a socket; a path is put before that of the request. Example: http://127.0.0.1:8080."`
	URLs                  []string          `sconf:"optional" sconf-doc:"Further servers that do the same. Requests go to those that answer, in turn."`
	PassHost              bool              `sconf:"optional" sconf-doc:"Pass on the host name of the request. Otherwise the server sees its own, and the one of the request in X-Forwarded-Host. Default: false."`
	RequestHeaders        map[string]string `sconf:"optional" sconf-doc:"Header fields to set in requests; an empty value removes one."`
	ResponseHeaders       map[string]string `sconf:"optional" sconf-doc:"Header fields to set in responses; an empty value removes one."`
	ConnectTimeout        time.Duration     `sconf:"optional" sconf-doc:"Time to connect. Default: 10s."`
	ResponseTimeout       time.Duration     `sconf:"optional" sconf-doc:"Time until the header of the response, once the request is sent. Default: 2m."`
	HealthPath            string            `sconf:"optional" sconf-doc:"Path to ask for now and then, to know which servers answer: with a code below 500. Default: none; a server that cannot be reached is left alone for a while."`
	HealthInterval        time.Duration     `sconf:"optional" sconf-doc:"How often to ask, at least 1s. Default: 10s."`
	TLSInsecureSkipVerify bool              `sconf:"optional" sconf-doc:"Accept any certificate of an https server. Default: false."`
}

// DynamicWebInternal serves pages of mox.
type DynamicWebInternal struct {
	BasePath string `sconf-doc:"Path to serve at, beginning and ending with a slash. PathRegexp must match it. Example: /webmail/."`
	Service  string `sconf-doc:"Which: admin, account, webmail or webapi."`
}
