package config

import (
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"mox/dkim"
	"mox/dns"
	"mox/internal/ratelimit"
	"mox/sasl"
	"mox/smtp"
)

// Config is what mox.conf and domains.conf mean at one moment: parsed, checked,
// with defaults filled in. It is immutable: nobody changes it or what it points
// to, and all its methods are safe for concurrent use.
type Config struct {
	Dir     string // Directory of the files, absolute.
	DataDir string // Absolute.

	LogLevel         slog.Level
	PackageLogLevels map[string]slog.Level

	User              string
	Hostname          dns.Domain
	AdminPasswordFile string // Absolute path; empty for no admin pages.

	Listeners        []*Listener // Sorted by name.
	ACME             []*ACME     // CAs for certificates, sorted by name.
	Postmaster       Destination
	InitialMailboxes []InitialMailbox // Without Inbox.
	AllowNetworks    []netip.Prefix   // Exceptions for outgoing connections.
	HTTPAccessLog    string           // Absolute path; empty for none.
	FailedLogins     ratelimit.LoginOptions
	Timeouts         Timeouts

	// Localserve is set when this server only plays; see its documentation.
	Localserve *Localserve

	transports map[string]*Transport
	domains    map[dns.Domain]*Domain
	accounts   map[string]*Account
	// Host names of this server, at which postmaster is the only address.
	hostnames map[dns.Domain]bool
	// Destinations by canonical address, and for a whole domain with an empty localpart.
	destinations map[smtp.Address]Destination
	aliases      map[smtp.Address]*Alias // By canonical address.
	clientKeys   map[sasl.KeyFingerprint]*Account
	mechanisms   map[string]bool // PasswordMechanisms of all accounts: each login asks for them.
	routes       []Route

	files    []string // See Files.
	websites Websites
	warnings []Problem // About mox.conf.

	quota   int64
	static  Static
	dynamic Dynamic
}

// Localserve changes what a server does so that one can develop and try out
// software with it. It comes from the command "mox localserve", never from a file.
type Localserve struct {
	Account string // Receives all mail for addresses that nobody has.

	// IPs to listen on instead of those of the listeners. HTTP requests may name them.
	IPs []netip.Addr
}

// InitialMailbox is a mailbox of a new account.
type InitialMailbox struct {
	Name       string
	SpecialUse string // As in RFC 6154, e.g. `\Sent`; empty for none.
}

// Listener is a set of addresses with the services on them.
type Listener struct {
	Name           string
	IPs            []netip.Addr
	NATIPs         []netip.Addr // Public addresses that a router translates to IPs.
	Hostname       dns.Domain
	MaxMessageSize int64 // Bytes.
	TLS            *TLS  // Nil without certificates.
	ProxyNetworks  []netip.Prefix
	Limits         Limits

	Web               []WebService    // Services over HTTP that are enabled.
	HTTPHosts         map[string]bool // Names and addresses that these answer to; see AllowsHTTPHost.
	ForwardedNetworks []netip.Prefix  // Reverse proxies that are believed.

	SMTP        SMTP
	Submission  Plaintext
	Submissions ImplicitTLS
	IMAP        Plaintext
	IMAPS       ImplicitTLS
}

// UsesProxyProtocol tells whether connections begin with a PROXY protocol header.
func (l *Listener) UsesProxyProtocol() bool { return len(l.ProxyNetworks) > 0 }

// Service is a service on a port.
type Service struct {
	Enabled bool
	Port    int
}

// Plaintext is a service with logins that begins without TLS.
type Plaintext struct {
	Service
	NoRequireSTARTTLS bool     // Logins are offered without TLS.
	SASLMechanisms    []string // All that may be offered; nil for all.
}

// ImplicitTLS is a service with logins that begins with TLS.
type ImplicitTLS struct {
	Service
	SASLMechanisms []string // All that may be offered; nil for all.
}

// SMTP is the service for mail from other servers.
type SMTP struct {
	Service
	NoSTARTTLS, RequireSTARTTLS, NormalizeLineEnds bool

	// SenderAuthentication tells whether iprev, SPF, DKIM, ARC and DMARC are checked.
	SenderAuthentication bool
	DMARCPolicy          DMARCPolicy // DMARCNone without SenderAuthentication.

	DNSBLs      []dns.Domain // Zones to ask for the address of a client; each once.
	DNSBLPolicy DNSBLPolicy
}

// DMARCPolicy is what becomes of mail that fails DMARC.
type DMARCPolicy uint8

// DMARC policies of a receiver.
const (
	DMARCNone       DMARCPolicy = iota // The result is only noted.
	DMARCQuarantine                    // Mail that is to be rejected or quarantined goes to Junk.
	DMARCEnforce                       // What the domain in From asks for.
)

// DNSBLPolicy is what becomes of mail from an address on a block list.
type DNSBLPolicy uint8

// DNSBL policies.
const (
	DNSBLNone   DNSBLPolicy = iota // A listing is only noted.
	DNSBLJunk                      // Mail goes to Junk.
	DNSBLReject                    // Mail is refused.
)

// Limits of a listener. Zero is no limit.
type Limits struct {
	Connections           ratelimit.ConnLimits
	ConnectionsPerAccount int

	// Rates for a client address and for its network.
	Connects ratelimit.NetworkOptions
	Messages ratelimit.NetworkOptions
	Requests ratelimit.NetworkOptions // Over HTTP.

	BadCommands       int
	CommandsPerMinute int
	Recipients        int
}

// Timeouts are how long clients may take. All are set.
type Timeouts struct {
	Login time.Duration // To log in, or to begin a first mail transaction.
	SMTP  time.Duration // To send the next command or piece of data.
	IMAP  time.Duration // To send the next command or end IDLE.
	HTTP  time.Duration // To send more of a body, or to take more of a response.
}

// TransportKind is a way for mail to leave.
type TransportKind uint8

// Kinds of transports.
const (
	TransportDirect      TransportKind = iota // By MX records.
	TransportSMTP                             // Another server, TLS if offered.
	TransportSubmission                       // Another server, STARTTLS.
	TransportSubmissions                      // Another server, TLS from the start.
	TransportFail                             // Refuse.
)

// Transport is a way for mail to leave.
type Transport struct {
	Name string
	Kind TransportKind

	// For the kinds with another server.
	Host               dns.IPDomain
	Port               int
	NoSTARTTLS         bool
	InsecureSkipVerify bool
	Username           string // Empty without login.
	Password           sasl.Secret

	// For TransportDirect.
	DisableIPv4, DisableIPv6 bool

	// For TransportFail.
	Code    int
	Message string
}

// Route sends some mail by a transport.
type Route struct {
	from, to        []domainPattern
	minimumAttempts int
	transport       *Transport
}

// Domain is a domain that mail is accepted for.
type Domain struct {
	Domain                 dns.Domain
	Description            string
	Disabled               bool
	LocalpartSeparators    []string
	LocalpartCaseSensitive bool
	DKIM                   *DKIM      // Nil for a domain whose mail is not signed.
	MTASTS                 *MTASTS    // Nil for a domain without policy.
	ClientSettingsDomain   dns.Domain // What mail programs connect to; zero for the name of the listener.

	routes []Route
}

// DKIM is how mail from a domain is signed.
type DKIM struct {
	Domain     dns.Domain
	Selectors  []dkim.Selector // All, by name.
	Sign       []dkim.Selector // Those to sign with, at least one.
	Signer     *dkim.Signer    // Signs with these.
	Subdomains bool            // It is also for names below the domain.
}

// Account is an account.
type Account struct {
	Name          string
	Domain        dns.Domain
	Description   string
	FullName      string
	LoginDisabled string // Why; empty if logging in is allowed.
	Quota         int64  // Bytes; zero for no limit.

	// Limits of what may be submitted, zero for no limit.
	MaxOutgoingPerDay     int // Recipients in 24 hours.
	MaxOutgoingPerHour    int // Recipients.
	MaxSubmissionsPerHour int // Messages.
	MaxFirstTimePerDay    int // Recipients outside that it has not sent to before, in 24 hours.

	// PasswordMechanisms are those of SCRAM-SHA-1 and CRAM-MD5 that the account is to have.
	PasswordMechanisms []string

	TLSClientKeys []sasl.KeyFingerprint // Of clients that log in without a password.

	// Addresses are the account's own, in canonical form, sorted. An empty localpart
	// stands for all other addresses of the domain.
	Addresses []smtp.Address

	routes []Route
}

// Destination is where mail for an address goes.
type Destination struct {
	Account string
	Mailbox string // Never empty.
}

// Files returns the absolute paths of the files that mox.conf names and that were read with it: certificates
// and their keys.
func (c *Config) Files() []string { return slices.Clone(c.files) }

// Warnings returns what is no reason not to use the configuration, but hardly what was wanted: certificates that are not valid
// now, and those of Websites.
func (c *Config) Warnings() []Problem { return slices.Concat(c.warnings, c.websites.Warnings) }
