package main

import (
	"bytes"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/mjl-/sconf"

	"mox/admin"
	"mox/config"
	"mox/smtp"
)

// proxiedPort is where another web server passes requests on to.
const proxiedPort = 8081

// Types of keys for certificates of the machine, as in names of files.
const (
	hostKeyECDSA = "ecdsap256"
	hostKeyRSA   = "rsa2048"
)

// hostKeyFile returns the name of the file with a key, relative to the configuration.
func (q *quickstart) hostKeyFile(typ string) string {
	return "hostkeys/" + q.hostname.ASCII + "." + typ + ".privatekey.pem"
}

// certFile returns the name of the file with a certificate that another web server gets.
func (q *quickstart) certFile() string { return q.hostname.ASCII + ".crt.pem" }

// static returns mox.conf.
func (q *quickstart) static() config.Static {
	o := &q.opts
	public := config.StaticListener{
		IPs:         ipTexts(q.ips.listen),
		NATIPs:      ipTexts(q.ips.nat),
		SMTP:        config.StaticSMTP{Enabled: true},
		Submission:  config.StaticPlaintext{Enabled: true},
		Submissions: config.StaticImplicitTLS{Enabled: true},
		IMAP:        config.StaticPlaintext{Enabled: true},
		IMAPS:       config.StaticImplicitTLS{Enabled: true},
	}
	internal := config.StaticListener{
		IPs:         []string{"127.0.0.1", "::1"},
		Hostname:    "localhost",
		MetricsHTTP: config.StaticService{Enabled: true},
	}
	s := config.Static{
		DataDir:           "../data",
		LogLevel:          "info",
		User:              o.user,
		Hostname:          q.hostname.Name(),
		AdminPasswordFile: "adminpasswd",
		Postmaster:        config.StaticPostmaster{Account: q.account(), Mailbox: "Postmaster"},
	}
	if o.existingWebserver {
		public.TLS = &config.StaticTLS{KeyCerts: []config.StaticKeyCert{{CertFile: q.certFile(), KeyFile: q.hostKeyFile(hostKeyECDSA)}}}
		internal.AutoconfigHTTPS = config.StaticWellKnown{Enabled: true, NonTLS: true, Port: proxiedPort}
		internal.MTASTSHTTPS = config.StaticWellKnown{Enabled: true, NonTLS: true, Port: proxiedPort}
		internal.WebmailHTTP = config.StaticWebService{Enabled: true, Port: proxiedPort, Forwarded: true}
		internal.ForwardedNetworks = []string{"127.0.0.1", "::1"}
	} else {
		const ca = "main"
		s.ACME = map[string]config.StaticACME{ca: {
			DirectoryURL:     o.acmeDirectory,
			ContactEmail:     smtp.Address{Localpart: "postmaster", Domain: o.address.Domain}.String(),
			IssuerDomainName: o.acmeIssuer,
		}}
		public.TLS = &config.StaticTLS{ACME: ca, HostPrivateKeyFiles: []string{q.hostKeyFile(hostKeyECDSA), q.hostKeyFile(hostKeyRSA)}}
		public.AutoconfigHTTPS = config.StaticWellKnown{Enabled: true}
		public.MTASTSHTTPS = config.StaticWellKnown{Enabled: true}
		public.WebmailHTTPS = config.StaticWebService{Enabled: true}
		public.WebserverHTTP = config.StaticWebserver{Enabled: true}
		public.WebserverHTTPS = config.StaticWebserver{Enabled: true}
	}
	if o.smarthost != "" {
		host, port, _ := net.SplitHostPort(o.smarthost) // It was checked.
		n, _ := strconv.Atoi(port)
		s.Transports = smarthostTransport(host, n, o.smarthostUser, o.smarthostPassword)
	}
	s.Listeners = map[string]config.StaticListener{"public": public, "internal": internal}
	return s
}

// smarthostTransport is a way out through another server, with TLS in any case: from the start at port 465, otherwise
// by STARTTLS, which that server must offer.
func smarthostTransport(host string, port int, user, password string) map[string]config.StaticTransport {
	t := &config.StaticTransportSMTP{Host: host, Port: port}
	if user != "" {
		t.Auth = &config.StaticSMTPAuth{Username: user, Password: password}
	}
	if port == 465 {
		return map[string]config.StaticTransport{"smarthost": {Submissions: t}}
	}
	return map[string]config.StaticTransport{"smarthost": {Submission: t}}
}

// smarthostStatic returns the part of mox.conf with a smarthost.
func smarthostStatic(host string, port int, user, password string) string {
	v := struct {
		Transports map[string]config.StaticTransport
	}{smarthostTransport(host, port, user, password)}
	var b bytes.Buffer
	if err := sconf.Write(&b, v); err != nil {
		return err.Error()
	}
	return b.String()
}

// smarthostDynamic is the part of domains.conf with a smarthost.
const smarthostDynamic = "Routes:\n\t-\n\t\tTransport: smarthost\n"

// commented returns text as comments of a configuration file.
func commented(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		b.WriteString("# " + line)
	}
	return b.String()
}

func ipTexts(ips []netip.Addr) []string {
	var l []string
	for _, ip := range ips {
		l = append(l, ip.String())
	}
	return l
}

// account returns the name of the account.
func (q *quickstart) account() string {
	name := strings.ToLower(string(q.opts.address.Localpart))
	if config.CheckAccountName(name) != nil {
		return "user"
	}
	return name
}

// dynamic returns domains.conf.
func (q *quickstart) dynamic() config.Dynamic {
	o := &q.opts
	domain := o.address.Domain
	destinations := map[string]config.DynamicDestination{}
	for _, d := range []struct {
		localpart smtp.Localpart
		mailbox   string
	}{
		{"postmaster", "Postmaster"}, {"abuse", "Postmaster"}, {admin.DMARCReports, admin.DMARCMailbox}, {admin.TLSReports, admin.TLSMailbox}, {o.address.Localpart, ""},
	} {
		destinations[smtp.Address{Localpart: d.localpart, Domain: domain}.String()] = config.DynamicDestination{Mailbox: d.mailbox}
	}
	d := config.Dynamic{
		Domains: map[string]config.DynamicDomain{domain.Name(): {
			LocalpartCatchallSeparators: []string{"+"},
			// Also mail from postmaster at a host name below the domain is signed.
			DKIM:   admin.SignWith(q.dkimKeys(), strings.HasSuffix(q.hostname.ASCII, "."+domain.ASCII)),
			MTASTS: &config.DynamicMTASTS{PolicyID: q.machine.now().UTC().Format("20060102T150405")},
		}},
		Accounts: map[string]config.DynamicAccount{q.account(): {
			Domain:                       domain.Name(),
			Destinations:                 destinations,
			MaxOutgoingMessagesPerDay:    1000,
			MaxFirstTimeRecipientsPerDay: 200,
		}},
	}
	if o.smarthost != "" {
		d.Routes = []config.DynamicRoute{{Transport: "smarthost"}}
	}
	return d
}

// dkimKeys returns the keys to make.
func (q *quickstart) dkimKeys() []admin.DKIMKey {
	return admin.DKIMKeys(q.opts.address.Domain, q.machine.now())
}
