package config

import "time"

// Static mirrors mox.conf. What its fields mean is in Config.
type Static struct {
	DataDir           string                     `sconf-doc:"This is mox.conf. It is read when mox starts; a change needs a restart. Indent with tabs, begin comments with # on a line of their own. Check with \"mox config test\".\n\n\nDirectory for everything mox keeps: mail, the queue, the control socket. A relative path is relative to the directory of this file. Example: ../data."`
	LogLevel          string                     `sconf:"optional" sconf-doc:"How much to log: error, warn, info, debug, trace, traceauth or tracedata. Trace logs protocol dialogues without passwords and message content, traceauth also passwords, tracedata also content, which is a lot. Default: info."`
	PackageLogLevels  map[string]string          `sconf:"optional" sconf-doc:"Log levels for single parts of mox, instead of LogLevel. Example: smtpserver with value trace."`
	User              string                     `sconf:"optional" sconf-doc:"System user, by name or number, to continue as once all ports are open, when started as root. Default: mox."`
	Hostname          string                     `sconf-doc:"Full name of this machine, as in DNS. Used in greetings, Received fields and for the postmaster address. Example: mail.example.org."`
	AdminPasswordFile string                     `sconf:"optional" sconf-doc:"File with the hash of the password for the admin pages, relative to the directory of this file. Without it there are no admin pages. Example: adminpasswd."`
	Listeners         map[string]StaticListener  `sconf-doc:"Addresses to listen on, and what to serve there. The key is a name of your choice, used in logs. Example: public."`
	Postmaster        StaticPostmaster           `sconf-doc:"Where mail for the postmaster goes: for \"postmaster\" without domain, at Hostname and at host names of listeners, and at each domain that has no such destination of its own."`
	InitialMailboxes  *StaticInitialMailboxes    `sconf:"optional" sconf-doc:"Mailboxes of a new account, besides Inbox. Default: Sent, Archive, Trash, Drafts and Junk, each for the use of its name."`
	Transports        map[string]StaticTransport `sconf:"optional" sconf-doc:"Ways for outgoing mail, to be chosen by Routes in domains.conf. The key is the name a route uses. Exactly one kind is set in each. Without a matching route, mail is delivered directly to the hosts in DNS."`
	ACME              map[string]StaticACME      `sconf:"optional" sconf-doc:"CAs that certificates are requested from, over ACME (RFC 8555). The key is a name of your choice, for ACME in TLS of listeners. Example: letsencrypt."`
	QuotaMessageSize  int64                      `sconf:"optional" sconf-doc:"Most bytes of mail an account may hold, unless the account has its own QuotaMessageSize. Default: 0, no limit. Example: 10000000000."`
	Logins            StaticLogins               `sconf:"optional" sconf-doc:"Limits on failed logins, for all listeners, SMTP and IMAP together. For each: 0 or absent is the default, -1 is no limit."`
	Timeouts          StaticTimeouts             `sconf:"optional" sconf-doc:"How long clients may take. For each: 0 or absent is the default."`
	Outgoing          StaticOutgoing             `sconf:"optional" sconf-doc:"Connections that mox makes to others."`
	HTTPAccessLog     string                     `sconf:"optional" sconf-doc:"File for a line per HTTP request, in the combined format of Apache and nginx, relative to DataDir. It is opened anew on a reload, for logrotate. Default: none. Example: access.log."`
}

// StaticPostmaster is where mail for postmaster goes.
type StaticPostmaster struct {
	Account string `sconf-doc:"Account in domains.conf."`
	Mailbox string `sconf:"optional" sconf-doc:"Mailbox in that account. Default: Inbox. Example: Postmaster."`
}

// StaticInitialMailboxes are the mailboxes of a new account.
type StaticInitialMailboxes struct {
	SpecialUse StaticSpecialUse `sconf:"optional" sconf-doc:"Mailboxes with a special use, which mail programs look for (RFC 6154). A use without a name gets no mailbox."`
	Regular    []string         `sconf:"optional" sconf-doc:"Further mailboxes. Example: Lists/announce."`
}

// StaticSpecialUse names a mailbox per special use.
type StaticSpecialUse struct {
	Sent    string `sconf:"optional" sconf-doc:"For copies of sent mail. Example: Sent."`
	Archive string `sconf:"optional" sconf-doc:"Example: Archive."`
	Trash   string `sconf:"optional" sconf-doc:"Example: Trash."`
	Drafts  string `sconf:"optional" sconf-doc:"Example: Drafts."`
	Junk    string `sconf:"optional" sconf-doc:"Example: Junk."`
}

// StaticOutgoing is about connections to others.
type StaticOutgoing struct {
	AllowNetworks []string `sconf:"optional" sconf-doc:"Networks that mail may be delivered to although they are loopback, private or link-local. Without it such addresses are refused, as a stranger's DNS can name them. Hosts of Transports need no entry. Example: 10.0.0.0/8."`
}

// StaticListener is a set of addresses with the services on them.
type StaticListener struct {
	IPs                []string             `sconf-doc:"IP addresses to listen on. 0.0.0.0 is all of IPv4, :: all of IPv6; naming the public ones is better. Example: 192.0.2.1."`
	NATIPs             []string             `sconf:"optional" sconf-doc:"Public addresses that a router translates to those of IPs. They are those to have in DNS. Default: those of IPs. Example: 192.0.2.1."`
	Hostname           string               `sconf:"optional" sconf-doc:"Name in greetings and Received fields on this listener. Default: the Hostname above."`
	TLS                *StaticTLS           `sconf:"optional" sconf-doc:"Certificates, for STARTTLS and for services that begin with TLS. Read again on a reload."`
	SMTPMaxMessageSize int64                `sconf:"optional" sconf-doc:"Largest message accepted, in bytes. Default: 104857600 (100 MiB)."`
	ProxyProtocol      *StaticProxyProtocol `sconf:"optional" sconf-doc:"For a listener behind a load balancer: take the client's address from the PROXY protocol, version 2."`
	Limits             StaticLimits         `sconf:"optional" sconf-doc:"Limits on what clients may do, counted for SMTP and for IMAP apart. For each: 0 or absent is the default, -1 is no limit. An IPv6 client is counted by its /64, its network by the /48; an IPv4 network is a /24."`
	SMTP               StaticSMTP           `sconf:"optional" sconf-doc:"Receive mail from other servers. Never offers logins."`
	Submission         StaticPlaintext      `sconf:"optional" sconf-doc:"Users submit mail here after logging in, with STARTTLS. Default port: 587."`
	Submissions        StaticImplicitTLS    `sconf:"optional" sconf-doc:"Users submit mail here after logging in, with TLS from the start. Needs TLS. Default port: 465."`
	IMAP               StaticPlaintext      `sconf:"optional" sconf-doc:"Users read mail here, with STARTTLS. Default port: 143."`
	IMAPS              StaticImplicitTLS    `sconf:"optional" sconf-doc:"Users read mail here, with TLS from the start. Needs TLS. Default port: 993."`
	AccountHTTP        StaticWebService     `sconf:"optional" sconf-doc:"Pages for users to change their settings, at /account/. Without TLS: for listeners that only machines of one's own can reach. Default port: 80."`
	AccountHTTPS       StaticWebService     `sconf:"optional" sconf-doc:"The same with TLS. Needs TLS. Default port: 443."`
	AdminHTTP          StaticWebService     `sconf:"optional" sconf-doc:"Pages for the administrator, at /admin/. Keep it away from the public. Default port: 80."`
	AdminHTTPS         StaticWebService     `sconf:"optional" sconf-doc:"The same with TLS. Needs TLS. Default port: 443."`
	WebmailHTTP        StaticWebService     `sconf:"optional" sconf-doc:"Reading and writing mail in a browser, at /webmail/. Without TLS: for listeners that only machines of one's own can reach. Default port: 80."`
	WebmailHTTPS       StaticWebService     `sconf:"optional" sconf-doc:"The same with TLS. Needs TLS. Default port: 443."`
	WebAPIHTTP         StaticWebService     `sconf:"optional" sconf-doc:"Calls for programs that send and handle mail, at /webapi/. Without TLS: for listeners that only machines of one's own can reach. Default port: 80."`
	WebAPIHTTPS        StaticWebService     `sconf:"optional" sconf-doc:"The same with TLS. Needs TLS. Default port: 443."`
	MetricsHTTP        StaticService        `sconf:"optional" sconf-doc:"Figures for Prometheus at /metrics. Keep it away from the public. Default port: 8010."`
	MetricsHTTPS       StaticService        `sconf:"optional" sconf-doc:"The same with TLS. Needs TLS. Default port: 8013."`
	PprofHTTP          StaticService        `sconf:"optional" sconf-doc:"What the process does, for developers, at /debug/pprof/. It shows secrets: keep it away from the public. Default port: 8011."`
	PprofHTTPS         StaticService        `sconf:"optional" sconf-doc:"The same with TLS. Needs TLS. Default port: 8014."`
	AutoconfigHTTPS    StaticWellKnown      `sconf:"optional" sconf-doc:"Settings for mail programs: for Thunderbird and others at https://autoconfig.<domain>/, for Outlook at https://autodiscover.<domain>/, for Apple at https://autoconfig.<domain>/profile.mobileconfig. Needs TLS, and DNS records for these names."`
	MTASTSHTTPS        StaticWellKnown      `sconf:"optional" sconf-doc:"Policies of domains with MTASTS, at https://mta-sts.<domain>/ (RFC 8461). Needs TLS, and DNS records for these names."`
	WebserverHTTP      StaticWebserver      `sconf:"optional" sconf-doc:"Websites: WebHandlers and WebDomainRedirects of domains.conf. Default port: 80."`
	WebserverHTTPS     StaticWebserver      `sconf:"optional" sconf-doc:"The same with TLS. Needs TLS. Default port: 443."`
	ForwardedNetworks  []string             `sconf:"optional" sconf-doc:"Networks of reverse proxies, for services with Forwarded. From others such header fields are dropped. Example: 127.0.0.1."`
	HTTPHosts          []string             `sconf:"optional" sconf-doc:"Host names and addresses that the services above, but for websites, answer to, besides Hostname and IPs; localhost is one on loopback addresses. Other names are refused, so that a page of a stranger cannot reach in by DNS. Example: mail.internal."`
}

// StaticImplicitTLS is a service with logins that begins with TLS.
type StaticImplicitTLS struct {
	Enabled        bool     `sconf-doc:"Whether to serve."`
	Port           int      `sconf:"optional" sconf-doc:"TCP port instead of the default."`
	SASLMechanisms []string `sconf:"optional" sconf-doc:"As for Submission."`
}

// StaticService is a service without logins.
type StaticService struct {
	Enabled bool `sconf-doc:"Whether to serve."`
	Port    int  `sconf:"optional" sconf-doc:"TCP port instead of the default."`
}

// StaticPlaintext is a service with logins that begins without TLS.
type StaticPlaintext struct {
	Enabled           bool     `sconf-doc:"Whether to serve."`
	Port              int      `sconf:"optional" sconf-doc:"TCP port instead of the default."`
	NoRequireSTARTTLS bool     `sconf:"optional" sconf-doc:"Allow logging in without TLS: passwords are sent in the clear. Only for networks that are protected otherwise. Default: false."`
	SASLMechanisms    []string `sconf:"optional" sconf-doc:"SASL mechanisms to log in with: all that may be offered here, whatever else accounts have. Known are SCRAM-SHA-256-PLUS, SCRAM-SHA-256, SCRAM-SHA-1-PLUS, SCRAM-SHA-1, CRAM-MD5, EXTERNAL, PLAIN and LOGIN. For clients that choose one they cannot do: neomutt with GNU SASL, as in Debian 12, gives up sending where a mechanism ending in -PLUS is offered. Default: all that the account and the state of TLS permit. Example: SCRAM-SHA-256."`
}

// StaticSMTP is the service for mail from other servers.
type StaticSMTP struct {
	Enabled              bool     `sconf-doc:"Whether to serve."`
	Port                 int      `sconf:"optional" sconf-doc:"TCP port instead of 25."`
	NoSTARTTLS           bool     `sconf:"optional" sconf-doc:"Do not offer STARTTLS although there are certificates. Default: false."`
	RequireSTARTTLS      bool     `sconf:"optional" sconf-doc:"Refuse mail that comes without TLS. Some senders cannot deliver then. Default: false."`
	NormalizeLineEnds    bool     `sconf:"optional" sconf-doc:"Turn a lone line feed in a message into CRLF, and drop NUL bytes, for devices that send such mail. By default both are refused: lone line feeds are a means of smuggling messages, and IMAP cannot carry NUL. Default: false."`
	SenderAuthentication string   `sconf:"optional" sconf-doc:"Check who sent a message: iprev, SPF, DKIM, ARC and DMARC; on or off. The results are in Authentication-Results of each message. Off is for listeners that only machines of one's own can reach, and needs no DNS. Default: on; with mox localserve: off."`
	DMARCPolicy          string   `sconf:"optional" sconf-doc:"What becomes of mail that fails DMARC. With enforce it is what the domain in From asks for: mail is refused or put into Junk. With quarantine the worst is Junk. With none the result is only noted. Default: enforce."`
	DNSBLs               []string `sconf:"optional" sconf-doc:"DNS block lists (RFC 5782) to ask for the address of each client. Read the terms of a list before using it, and see to it that the resolver is one that it answers. Example: bl.example.org."`
	DNSBLPolicy          string   `sconf:"optional" sconf-doc:"What becomes of mail from an address that one of DNSBLs has: reject refuses it, junk puts it into Junk, none only notes it. By default nothing is lost when a list is wrong, or, as some did at their end, lists everybody. Default: junk."`
}

// StaticProxyProtocol is the use of the PROXY protocol.
type StaticProxyProtocol struct {
	Networks []string `sconf-doc:"Networks of the load balancers. Connections from elsewhere are refused. Example: 10.1.2.0/24."`
}

// StaticLimits are limits of a listener. Zero is the default, -1 no limit.
type StaticLimits struct {
	Connections           int `sconf:"optional" sconf-doc:"Connections open at a time. Default: 20000."`
	ConnectionsPerIP      int `sconf:"optional" sconf-doc:"Connections open at a time from one client address. Default: 100."`
	ConnectionsPerNetwork int `sconf:"optional" sconf-doc:"Connections open at a time from one network. Default: 1000."`
	ConnectionsPerAccount int `sconf:"optional" sconf-doc:"Logged-in connections open at a time of one account. Default: 100."`

	ConnectsPerMinutePerIP      int `sconf:"optional" sconf-doc:"New SMTP connections in a minute from one client address. Default: 300."`
	ConnectsPerMinutePerNetwork int `sconf:"optional" sconf-doc:"New SMTP connections in a minute from one network. Default: 900."`

	MessagesPerMinutePerIP      int `sconf:"optional" sconf-doc:"Messages in a minute from one client address that is not logged in. More are refused for now. Default: 500."`
	MessagesPerMinutePerNetwork int `sconf:"optional" sconf-doc:"Messages in a minute from one network, not logged in. Default: 1500."`

	HTTPRequestsPerMinutePerIP      int `sconf:"optional" sconf-doc:"HTTP requests in a minute from one client address that is not loopback. More are refused for now. Default: 6000."`
	HTTPRequestsPerMinutePerNetwork int `sconf:"optional" sconf-doc:"HTTP requests in a minute from one network. Default: 18000."`

	BadCommands       int `sconf:"optional" sconf-doc:"Erroneous commands on one connection, not counting those in between that were good, before it is closed. Default: 10."`
	CommandsPerMinute int `sconf:"optional" sconf-doc:"Commands in a minute on one SMTP connection that is not logged in; it is slowed down to that. Default: 1200."`
	Recipients        int `sconf:"optional" sconf-doc:"Recipients of one message; at least 100 (RFC 5321 §4.5.3.1.8). Default: 1000."`
}

// StaticLogins are limits on failed logins. Zero is the default, -1 no limit.
type StaticLogins struct {
	FailedPerHourPerIP      int `sconf:"optional" sconf-doc:"Failed logins in an hour from one client address. After that logins are refused for now. Default: 30."`
	FailedPerHourPerNetwork int `sconf:"optional" sconf-doc:"Failed logins in an hour from one network. Who has logged in before goes on at the same address. Default: 90."`
	FailedPerHourPerName    int `sconf:"optional" sconf-doc:"Failed logins in an hour with one login name, from addresses that the name has not logged in from before. Default: 200."`
}

// StaticTimeouts are times for clients. Zero is the default.
type StaticTimeouts struct {
	Login time.Duration `sconf:"optional" sconf-doc:"Time for a client to log in, or to begin a first mail transaction; at least 10s. Default: 2m."`
	SMTP  time.Duration `sconf:"optional" sconf-doc:"Time for an SMTP client to send the next command or piece of data; at least 1m. Default: 5m (RFC 5321 §4.5.3.2.7)."`
	HTTP  time.Duration `sconf:"optional" sconf-doc:"Time for an HTTP client to send more of a body, or to take more of a response; at least 5s. Default: 1m."`
	IMAP  time.Duration `sconf:"optional" sconf-doc:"Time for a logged-in IMAP client to send the next command or end IDLE; at least 30m (RFC 9051 §5.4). Default: 32m."`
}

// StaticTransport is a way for outgoing mail. Exactly one field is set.
type StaticTransport struct {
	Submissions *StaticTransportSMTP   `sconf:"optional" sconf-doc:"Submit to another server that has TLS from the start. Default port: 465."`
	Submission  *StaticTransportSMTP   `sconf:"optional" sconf-doc:"Submit to another server with STARTTLS, which it must offer. Default port: 587."`
	SMTP        *StaticTransportSMTP   `sconf:"optional" sconf-doc:"Hand to another server without login, with STARTTLS if it offers it, whatever its certificate. Default port: 25."`
	Direct      *StaticTransportDirect `sconf:"optional" sconf-doc:"Deliver to the hosts that DNS names for the recipient's domain."`
	Fail        *StaticTransportFail   `sconf:"optional" sconf-doc:"Refuse to deliver."`
}

// StaticTransportSMTP is another server that takes our mail.
type StaticTransportSMTP struct {
	Host                       string          `sconf-doc:"Name of the server, for which its certificate must be valid. Where no certificate is checked, also an IP address. Example: smtp.example.net."`
	Port                       int             `sconf:"optional" sconf-doc:"TCP port instead of the default."`
	STARTTLSInsecureSkipVerify bool            `sconf:"optional" sconf-doc:"Accept any certificate; only for the kind Submission. Default: false."`
	NoSTARTTLS                 bool            `sconf:"optional" sconf-doc:"Do not use STARTTLS. With a login, the password is sent in the clear. Default: false."`
	Auth                       *StaticSMTPAuth `sconf:"optional" sconf-doc:"Log in; not for the kind SMTP. Default: no login."`
}

// StaticSMTPAuth is a login at another server.
type StaticSMTPAuth struct {
	Username string
	Password string
}

// StaticTransportDirect delivers by MX records.
type StaticTransportDirect struct {
	DisableIPv4 bool `sconf:"optional" sconf-doc:"Do not connect over IPv4. Default: false."`
	DisableIPv6 bool `sconf:"optional" sconf-doc:"Do not connect over IPv6. Default: false."`
}

// StaticTransportFail refuses to deliver.
type StaticTransportFail struct {
	Code    int    `sconf:"optional" sconf-doc:"SMTP reply code: 4xx fails each attempt until the message is too old, 5xx fails at once. Default: 554."`
	Message string `sconf:"optional" sconf-doc:"What the sender is told. Default: delivery is disabled by configuration."`
}
