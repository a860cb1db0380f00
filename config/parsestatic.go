package config

import (
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"mox/dns"
	"mox/internal/logging"
	"mox/internal/ratelimit"
	"mox/sasl"
)

// defaultMaxMessageSize is in bytes.
const defaultMaxMessageSize = 100 << 20

// general checks the fields of mox.conf that stand for themselves.
func (b *builder) general() {
	s, p := &b.cfg.static, b.static

	b.cfg.DataDir = b.path(s.DataDir)
	if s.DataDir == "" {
		p.addf("DataDir", "is empty; name a directory, e.g. ../data")
	}
	b.logLevels()
	b.cfg.User = s.User
	if s.User == "" {
		b.cfg.User = "mox"
	}
	if d, ok := p.parseDomain("Hostname", s.Hostname); ok {
		b.cfg.Hostname = d
		b.cfg.hostnames[d] = true
	}
	if s.AdminPasswordFile != "" {
		b.cfg.AdminPasswordFile = b.path(s.AdminPasswordFile)
	}

	b.cfg.Postmaster = Destination{s.Postmaster.Account, "Inbox"}
	if s.Postmaster.Mailbox != "" {
		b.cfg.Postmaster.Mailbox = p.checkMailbox("Postmaster.Mailbox", s.Postmaster.Mailbox)
	}
	b.mailboxes()
	b.cfg.quota = s.QuotaMessageSize
	if s.QuotaMessageSize < 0 {
		p.addf("QuotaMessageSize", "is negative; use 0 for no limit")
	}
	b.cfg.FailedLogins = p.logins("Logins", s.Logins)
	b.cfg.Timeouts = p.timeouts("Timeouts", s.Timeouts)
	if s.HTTPAccessLog != "" {
		b.cfg.HTTPAccessLog = within(b.cfg.DataDir, s.HTTPAccessLog)
	}
	b.acme()
	b.cfg.AllowNetworks = p.parseNetworks("Outgoing.AllowNetworks", s.Outgoing.AllowNetworks)
}

func (b *builder) logLevels() {
	s, p := &b.cfg.static, b.static
	if s.LogLevel != "" {
		level, err := logging.ParseLevel(s.LogLevel)
		if err != nil {
			p.addf("LogLevel", "%v", err)
		}
		b.cfg.LogLevel = level
	}
	for _, pkg := range slices.Sorted(maps.Keys(s.PackageLogLevels)) {
		level, err := logging.ParseLevel(s.PackageLogLevels[pkg])
		if err != nil {
			p.addf("PackageLogLevels."+pkg, "%v", err)
			continue
		}
		if b.cfg.PackageLogLevels == nil {
			b.cfg.PackageLogLevels = map[string]slog.Level{}
		}
		b.cfg.PackageLogLevels[pkg] = level
	}
}

func (b *builder) mailboxes() {
	s := b.cfg.static.InitialMailboxes
	if s == nil {
		s = &StaticInitialMailboxes{SpecialUse: StaticSpecialUse{Sent: "Sent", Archive: "Archive", Trash: "Trash", Drafts: "Drafts", Junk: "Junk"}}
	}
	seen := map[string]bool{}
	add := func(field, name, use string) {
		name = b.static.checkMailbox(field, name)
		switch {
		case name == "":
			b.static.addf(field, "is empty; remove it or name a mailbox")
		case name == "Inbox":
			b.static.addf(field, "Inbox always exists and has no special use; remove it")
		case seen[name]:
			b.static.addf(field, "mailbox %q is named twice; remove one", name)
		}
		seen[name] = true
		b.cfg.InitialMailboxes = append(b.cfg.InitialMailboxes, InitialMailbox{name, use})
	}
	for _, u := range []struct{ field, name, use string }{
		{"Sent", s.SpecialUse.Sent, `\Sent`},
		{"Archive", s.SpecialUse.Archive, `\Archive`},
		{"Trash", s.SpecialUse.Trash, `\Trash`},
		{"Drafts", s.SpecialUse.Drafts, `\Drafts`},
		{"Junk", s.SpecialUse.Junk, `\Junk`},
	} {
		if u.name != "" {
			add("InitialMailboxes.SpecialUse."+u.field, u.name, u.use)
		}
	}
	for i, name := range s.Regular {
		add(fmt.Sprintf("InitialMailboxes.Regular[%d]", i), name, "")
	}
}

func (b *builder) listeners() {
	taken := map[netip.AddrPort]string{}
	for _, name := range slices.Sorted(maps.Keys(b.cfg.static.Listeners)) {
		sl := b.cfg.static.Listeners[name]
		l := b.listener("Listeners."+name, name, &sl)
		b.cfg.Listeners = append(b.cfg.Listeners, l)
		b.ports("Listeners."+name, l, taken)
	}
}

// listener returns the parsed form of one listener.
func (b *builder) listener(field, name string, s *StaticListener) *Listener {
	p := b.static
	l := &Listener{
		Name:           name,
		Hostname:       b.cfg.Hostname,
		MaxMessageSize: s.SMTPMaxMessageSize,
		Limits:         p.limits(field+".Limits", s.Limits),
		SMTP:           b.smtp(field+".SMTP", s.SMTP),
		Submission:     p.plaintext(field+".Submission", s.Submission, 587),
		Submissions:    p.implicitTLS(field+".Submissions", s.Submissions, 465),
		IMAP:           p.plaintext(field+".IMAP", s.IMAP, 143),
		IMAPS:          p.implicitTLS(field+".IMAPS", s.IMAPS, 993),
		Web:            b.web(field, s),

		ForwardedNetworks: p.parseNetworks(field+".ForwardedNetworks", s.ForwardedNetworks),
	}
	l.IPs = p.listenIPs(field+".IPs", s.IPs)
	if len(s.NATIPs) > 0 {
		l.NATIPs = p.listenIPs(field+".NATIPs", s.NATIPs)
	}
	if ls := b.opts.Localserve; ls != nil && len(ls.IPs) > 0 {
		l.IPs = ls.IPs
	}
	if s.Hostname != "" {
		if d, ok := p.parseDomain(field+".Hostname", s.Hostname); ok {
			l.Hostname = d
			b.cfg.hostnames[d] = true
		}
	}
	switch {
	case s.SMTPMaxMessageSize == 0:
		l.MaxMessageSize = defaultMaxMessageSize
	case s.SMTPMaxMessageSize < 64<<10:
		// RFC 5321 §4.5.3.1.7.
		p.addf(field+".SMTPMaxMessageSize", "is below 65536 bytes, which every server must take; raise it or remove it for the default")
	}
	if s.ProxyProtocol != nil {
		l.ProxyNetworks = p.parseNetworks(field+".ProxyProtocol.Networks", s.ProxyProtocol.Networks)
		if len(s.ProxyProtocol.Networks) == 0 {
			p.addf(field+".ProxyProtocol.Networks", "is empty; name the networks of the load balancers, or remove ProxyProtocol")
		}
	}
	if s.TLS != nil {
		l.TLS = b.tls(field+".TLS", s.TLS)
		l.acmePort()
	}
	if s.TLS == nil {
		p.needsTLS(field, l)
	}
	l.HTTPHosts = b.httpHosts(field+".HTTPHosts", l, s.HTTPHosts)
	return l
}

func service(enabled bool, port, def int) Service {
	if port == 0 {
		port = def
	}
	return Service{enabled, port}
}

func (p *problems) plaintext(field string, s StaticPlaintext, port int) Plaintext {
	return Plaintext{service(s.Enabled, s.Port, port), s.NoRequireSTARTTLS, p.mechanisms(field+".SASLMechanisms", s.SASLMechanisms)}
}

func (p *problems) implicitTLS(field string, s StaticImplicitTLS, port int) ImplicitTLS {
	return ImplicitTLS{service(s.Enabled, s.Port, port), p.mechanisms(field+".SASLMechanisms", s.SASLMechanisms)}
}

// mechanisms checks names of SASL mechanisms.
func (p *problems) mechanisms(field string, l []string) []string {
	for i, m := range l {
		if !slices.Contains(knownMechanisms, m) {
			p.addf(fmt.Sprintf("%s[%d]", field, i), "%q is not one of %s; correct it", m, strings.Join(knownMechanisms, ", "))
		}
	}
	return l
}

// listenIPs parses the addresses of a listener.
func (p *problems) listenIPs(field string, l []string) []netip.Addr {
	if len(l) == 0 {
		p.addf(field, "is empty; name at least one address, e.g. 0.0.0.0 and ::")
	}
	var ips []netip.Addr
	for i, s := range l {
		ip, err := netip.ParseAddr(s)
		if err != nil {
			p.addf(fmt.Sprintf("%s[%d]", field, i), "%q is not an IP address; write e.g. 192.0.2.1 or 2001:db8::1", s)
			continue
		}
		ips = append(ips, ip.Unmap())
	}
	return ips
}

// needsTLS reports the services of a listener without TLS that cannot do without.
func (p *problems) needsTLS(field string, l *Listener) {
	const cure = "needs TLS: add ACME or KeyCerts to TLS of this listener"
	for _, s := range []struct {
		name string
		need bool
		cure string
	}{
		{"SMTP", l.SMTP.Enabled && l.SMTP.RequireSTARTTLS, ", or remove RequireSTARTTLS"},
		{"Submission", l.Submission.Enabled && !l.Submission.NoRequireSTARTTLS, ", or in a protected network set NoRequireSTARTTLS"},
		{"Submissions", l.Submissions.Enabled, ", or disable it"},
		{"IMAP", l.IMAP.Enabled && !l.IMAP.NoRequireSTARTTLS, ", or in a protected network set NoRequireSTARTTLS"},
		{"IMAPS", l.IMAPS.Enabled, ", or disable it"},
	} {
		if s.need {
			p.addf(field+"."+s.name, "%s%s", cure, s.cure)
		}
	}
	for _, s := range l.Web {
		if s.TLS {
			p.addf(field+"."+s.Name, "%s, or disable it", cure)
		}
	}
}

// ports checks that ports are valid and no two services share one. HTTP services of
// one listener may: they are told apart by path.
func (b *builder) ports(field string, l *Listener, taken map[netip.AddrPort]string) {
	type port struct {
		name string
		Service
		shared string // Services with an equal name here may share a port.
	}
	ports := []port{
		{"SMTP", l.SMTP.Service, ""},
		{"Submission", l.Submission.Service, ""},
		{"Submissions", l.Submissions.Service, ""},
		{"IMAP", l.IMAP.Service, ""},
		{"IMAPS", l.IMAPS.Service, ""},
	}
	for _, w := range l.Web {
		shared := "HTTP"
		if w.TLS {
			shared = "HTTPS"
		}
		ports = append(ports, port{w.Name, Service{true, w.Port}, shared})
	}
	for _, s := range ports {
		if !s.Enabled {
			continue
		}
		if s.Port < 1 || s.Port > 65535 {
			b.static.addf(field+"."+s.name+".Port", "%d is not a port; use 1 to 65535", s.Port)
			continue
		}
		who := field + "." + s.name
		if s.shared != "" {
			who = field + "." + s.shared
		}
		for _, ip := range l.IPs {
			if other := conflict(taken, netip.AddrPortFrom(ip, uint16(s.Port))); other != "" && other != who {
				b.static.addf(field+"."+s.name, "port %d of %s is also used by %s; change one of them", s.Port, ip, other)
				break
			}
			taken[netip.AddrPortFrom(ip, uint16(s.Port))] = who
		}
	}
}

// conflict returns who has taken a port on the address or on all of its family.
func conflict(taken map[netip.AddrPort]string, ap netip.AddrPort) string {
	if who := taken[ap]; who != "" {
		return who
	}
	any := netip.IPv4Unspecified()
	if ap.Addr().Is6() {
		any = netip.IPv6Unspecified()
	}
	if who := taken[netip.AddrPortFrom(any, ap.Port())]; who != "" {
		return who
	}
	if ap.Addr().IsUnspecified() {
		for other, who := range taken {
			if other.Port() == ap.Port() && other.Addr().Is6() == ap.Addr().Is6() {
				return who
			}
		}
	}
	return ""
}

// limit returns the value of a limit: def for 0, and 0, for no limit, for -1.
func (p *problems) limit(field string, v, def int) int {
	switch {
	case v == 0:
		return def
	case v == -1:
		return 0
	case v < -1:
		p.addf(field, "%d is negative; use -1 for no limit", v)
	}
	return v
}

// rates returns limits for a client and for its network. The fields are name with
// PerIP and PerNetwork.
func (p *problems) rates(name string, period time.Duration, client, clientDef, network, networkDef int) ratelimit.NetworkOptions {
	return ratelimit.NetworkOptions{
		Client:  rate(period, p.limit(name+"PerIP", client, clientDef)),
		Network: rate(period, p.limit(name+"PerNetwork", network, networkDef)),
	}
}

// limits fills in the defaults of limits of a listener.
func (p *problems) limits(field string, s StaticLimits) Limits {
	l := Limits{
		Connections: ratelimit.ConnLimits{
			Total:   p.limit(field+".Connections", s.Connections, 20000),
			Client:  p.limit(field+".ConnectionsPerIP", s.ConnectionsPerIP, 100),
			Network: p.limit(field+".ConnectionsPerNetwork", s.ConnectionsPerNetwork, 1000),
		},
		ConnectionsPerAccount: p.limit(field+".ConnectionsPerAccount", s.ConnectionsPerAccount, 100),

		Connects: p.rates(field+".ConnectsPerMinute", time.Minute, s.ConnectsPerMinutePerIP, 300, s.ConnectsPerMinutePerNetwork, 900),
		Messages: p.rates(field+".MessagesPerMinute", time.Minute, s.MessagesPerMinutePerIP, 500, s.MessagesPerMinutePerNetwork, 1500),

		BadCommands:       p.limit(field+".BadCommands", s.BadCommands, 10),
		CommandsPerMinute: p.limit(field+".CommandsPerMinute", s.CommandsPerMinute, 1200),
		Recipients:        p.limit(field+".Recipients", s.Recipients, 1000),
	}
	l.Requests = p.httpRequests(field, s)
	if l.Recipients > 0 && l.Recipients < 100 {
		p.addf(field+".Recipients", "%d is below 100, which every server must take (RFC 5321 §4.5.3.1.8); raise it", l.Recipients)
	}
	return l
}

// logins fills in the defaults of limits on failed logins.
func (p *problems) logins(field string, s StaticLogins) ratelimit.LoginOptions {
	return ratelimit.LoginOptions{
		Clients: p.rates(field+".FailedPerHour", time.Hour, s.FailedPerHourPerIP, 30, s.FailedPerHourPerNetwork, 90),
		Names:   rate(time.Hour, p.limit(field+".FailedPerHourPerName", s.FailedPerHourPerName, 200)),
	}
}

// timeouts fills in defaults.
func (p *problems) timeouts(field string, s StaticTimeouts) Timeouts {
	get := func(name string, v, def, least time.Duration) time.Duration {
		if v == 0 {
			return def
		}
		if v < least {
			p.addf(field+"."+name, "%s is too short; use at least %s", v, least)
		}
		return v
	}
	return Timeouts{
		Login: get("Login", s.Login, 2*time.Minute, 10*time.Second),
		SMTP:  get("SMTP", s.SMTP, 5*time.Minute, time.Minute),
		IMAP:  get("IMAP", s.IMAP, 32*time.Minute, 30*time.Minute),
		HTTP:  get("HTTP", s.HTTP, time.Minute, 5*time.Second),
	}
}

// rate returns the rates for a limiter; none if there is no limit.
func rate(period time.Duration, n int) []ratelimit.Rate {
	if n <= 0 {
		return nil
	}
	return []ratelimit.Rate{{Period: period, Max: int64(n)}}
}

func (b *builder) transports() {
	for _, name := range slices.Sorted(maps.Keys(b.cfg.static.Transports)) {
		s := b.cfg.static.Transports[name]
		b.cfg.transports[name] = b.static.transport("Transports."+name, name, &s)
	}
}

func (p *problems) transport(field, name string, s *StaticTransport) *Transport {
	t := &Transport{Name: name}
	kinds := 0
	set := func(kind TransportKind) {
		t.Kind = kind
		kinds++
	}
	if s.Submissions != nil {
		set(TransportSubmissions)
		p.smarthost(field+".Submissions", t, s.Submissions, 465)
	}
	if s.Submission != nil {
		set(TransportSubmission)
		p.smarthost(field+".Submission", t, s.Submission, 587)
	}
	if s.SMTP != nil {
		set(TransportSMTP)
		p.smarthost(field+".SMTP", t, s.SMTP, 25)
	}
	if s.Direct != nil {
		set(TransportDirect)
		t.DisableIPv4, t.DisableIPv6 = s.Direct.DisableIPv4, s.Direct.DisableIPv6
		if t.DisableIPv4 && t.DisableIPv6 {
			p.addf(field+".Direct", "disables IPv4 and IPv6; keep one")
		}
	}
	if s.Fail != nil {
		set(TransportFail)
		p.failTransport(field+".Fail", t, s.Fail)
	}
	if kinds != 1 {
		p.addf(field, "has %d kinds; set exactly one of Submissions, Submission, SMTP, Direct and Fail", kinds)
	}
	return t
}

func (p *problems) smarthost(field string, t *Transport, s *StaticTransportSMTP, port int) {
	t.NoSTARTTLS, t.InsecureSkipVerify = s.NoSTARTTLS, s.STARTTLSInsecureSkipVerify
	if ip, err := netip.ParseAddr(strings.Trim(s.Host, "[]")); err == nil {
		t.Host = dns.IPDomain{IP: ip.Unmap()}
	} else if d, ok := p.parseDomain(field+".Host", s.Host); ok {
		t.Host = dns.IPDomain{Domain: d}
	}
	t.Port = s.Port
	if s.Port == 0 {
		t.Port = port
	} else if s.Port < 1 || s.Port > 65535 {
		p.addf(field+".Port", "%d is not a port; use 1 to 65535", s.Port)
	}
	switch {
	case t.Kind == TransportSubmissions && s.NoSTARTTLS:
		p.addf(field+".NoSTARTTLS", "has no meaning where TLS is used from the start; remove it, or use Submission")
	case t.Kind != TransportSubmission && s.STARTTLSInsecureSkipVerify:
		p.addf(field+".STARTTLSInsecureSkipVerify", "is only for the kind Submission; remove it")
	case t.Kind != TransportSMTP && t.Host.IsIP() && !s.NoSTARTTLS && !s.STARTTLSInsecureSkipVerify:
		p.addf(field+".Host", "is an IP address, for which no certificate is valid; write the name of the server")
	}
	if s.Auth == nil {
		return
	}
	t.Username, t.Password = s.Auth.Username, sasl.NewSecret(s.Auth.Password)
	if t.Kind == TransportSMTP {
		p.addf(field+".Auth", "is not possible here, as anybody could be the other side; use Submission or Submissions")
	}
	if s.Auth.Username == "" || s.Auth.Password == "" {
		p.addf(field+".Auth", "lacks a user name or password; set both or remove Auth")
	}
}

func (p *problems) failTransport(field string, t *Transport, s *StaticTransportFail) {
	t.Code, t.Message = s.Code, s.Message
	if t.Code == 0 {
		t.Code = 554
	} else if t.Code < 400 || t.Code > 599 {
		p.addf(field+".Code", "%d is not a code of failure; use 4xx or 5xx", t.Code)
	}
	if t.Message == "" {
		t.Message = "delivery is disabled by configuration"
	}
	for _, r := range t.Message {
		if r < ' ' || r > '~' {
			p.addf(field+".Message", "has characters other than printable ASCII; remove them")
			break
		}
	}
}
