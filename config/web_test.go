package config

import (
	"crypto/x509"
	"fmt"
	"strings"
	"testing"
	"time"

	"mox/dns"
)

// loadProblems returns the problems of files, empty if they have none.
func loadProblems(t *testing.T, static, dynamic string) string {
	t.Helper()
	_, err := Load(Options{Path: write(t, static, dynamic)})
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestWebServices(t *testing.T) {
	t.Parallel()
	listener := func(fields string) string {
		return strings.Replace(testStatic, "\t\tSMTP:\n", fields+"\t\tSMTP:\n", 1)
	}
	l := load(t, listener("\t\tAdminHTTP:\n\t\t\tEnabled: true\n\t\tWebmailHTTP:\n\t\t\tEnabled: true\n\t\t\tPath: /mail/\n\t\tMetricsHTTP:\n\t\t\tEnabled: true\n\t\tMTASTSHTTPS:\n\t\t\tEnabled: true\n\t\t\tNonTLS: true\n"), testDynamic).Listeners[0]
	ports := l.WebPorts()
	if len(ports) != 2 || ports[0].Port != 80 || len(ports[0].Services) != 3 || ports[1].Port != 8010 {
		t.Errorf("ports %+v", ports)
	}
	if s := ports[0].Services; s[0].Path != "/admin/" || s[1].Path != "/mail/" {
		t.Errorf("services %+v", s)
	}
	for _, tt := range []struct{ fields, want string }{
		{"\t\tAdminHTTPS:\n\t\t\tEnabled: true\n", "Listeners.local.AdminHTTPS: needs TLS"},
		{"\t\tMTASTSHTTPS:\n\t\t\tEnabled: true\n", "MTASTSHTTPS: needs TLS"},
		{"\t\tAdminHTTP:\n\t\t\tEnabled: true\n\t\t\tPort: 2525\n", "is also used by"},
		{"\t\tAdminHTTP:\n\t\t\tEnabled: true\n\t\t\tPort: 70000\n", "is not a port"},
		{"\t\tAdminHTTP:\n\t\t\tEnabled: true\n\t\t\tPath: /x/\n\t\tAccountHTTP:\n\t\t\tEnabled: true\n\t\t\tPath: /x/\n", "is also that of"},
		{"\t\tAdminHTTP:\n\t\t\tEnabled: true\n\t\t\tPath: admin\n", "is not a path to serve at"},
		{"\t\tAdminHTTP:\n\t\t\tEnabled: true\n\t\t\tPath: /a/../b/\n", "is not a path to serve at"},
		{"\t\tAdminHTTP:\n\t\t\tEnabled: true\n\t\t\tForwarded: true\n", "needs ForwardedNetworks"},
		{"\t\tForwardedNetworks:\n\t\t\t- 10.0.0.1/8\n", "has bits set"},
		{"\t\tHTTPHosts:\n\t\t\t- http://x/\n", "is not a domain name"},
	} {
		if got := loadProblems(t, listener(tt.fields), testDynamic); !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.fields, got, tt.want)
		}
	}
}

func TestWebHandlersRefused(t *testing.T) {
	t.Parallel()
	handler := func(fields string) string {
		return testDynamic + "WebHandlers:\n\t-\n\t\tDomain: www.example.org\n\t\tPathRegexp: ^/\n" + fields
	}
	static := strings.Replace(testStatic, "\t\tSMTP:\n", "\t\tAdminHTTP:\n\t\t\tEnabled: true\n\t\tHTTPHosts:\n\t\t\t- admin.internal\n\t\tSMTP:\n", 1)
	const files = "\t\tWebStatic:\n\t\t\tRoot: /srv/www\n"
	for _, tt := range []struct{ dynamic, want string }{
		{handler(files), ""},
		{strings.Replace(handler(files), "www.example.org", "admin.internal", 1) + "\t\tShareServiceHost: true\n", ""},

		{handler(""), "has 0 kinds"},
		{handler(files + "\t\tWebRedirect:\n\t\t\tBaseURL: https://x.example/\n"), "has 2 kinds"},
		{strings.Replace(handler(files), "www.example.org", "admin.internal", 1), "also has the pages of AdminHTTP"},
		{strings.Replace(handler(files), "www.example.org", "mail.example.org", 1), "set ShareServiceHost"},
		{handler(files) + "\t-\n\t\tDomain: www.example.org\n\t\tPathRegexp: ^/w/\n\t\tWebInternal:\n\t\t\tBasePath: /w/\n\t\t\tService: webmail\n", "also has the pages of"},
		{strings.Replace(handler(files), "www.example.org", "www..example", 1), "is not a domain name"},
		{strings.Replace(handler(files), "^/", "^/(", 1), "missing closing )"},
		{handler(files + "\t\tLogName: a b\n"), "is not a name"},
		{handler(files + "\t\tAccessLog: some\n"), "is not one of"},
		{handler(files + "\t\tMaxBodySize: -2\n"), "use -1 for no limit"},
		{handler("\t\tWebStatic:\n\t\t\tRoot: ..\n"), "directory of mox's configuration"},
		{handler("\t\tWebStatic:\n\t\t\tRoot: /\n"), "directory of mox's data"},
		{handler("\t\tWebStatic:\n\t\t\tRoot: ../data/accounts/ann\n"), "has mail"},
		{handler("\t\tWebStatic:\n\t\t\tRoot: ../data/queue\n"), "has mail"},
		{handler("\t\tWebStatic:\n\t\t\tRoot: mox.conf\n"), "is not a directory"},
		{handler(files + "\t\t\tStripPrefix: x\n"), "does not begin with a slash"},
		{handler(files + "\t\t\tSymlinks: some\n"), "is not one of"},
		{handler(files + "\t\t\tResponseHeaders:\n\t\t\t\tContent-Length: 5\n"), "is about the connection"},
		{handler(files + "\t\t\tResponseHeaders:\n\t\t\t\tA b: 5\n"), "is not the name of a header field"},
		{handler("\t\tWebRedirect:\n\t\t\tStatusCode: 301\n"), "leads nowhere else"},
		{handler("\t\tWebRedirect:\n\t\t\tBaseURL: https://x.example/\n\t\t\tStatusCode: 200\n"), "is not a redirect"},
		{handler("\t\tWebRedirect:\n\t\t\tBaseURL: x.example\n"), "is not an http or https URL"},
		{handler("\t\tWebRedirect:\n\t\t\tBaseURL: https://x.example/y\n"), "without a path"},
		{handler("\t\tWebRedirect:\n\t\t\tBaseURL: https://x.example\n\t\t\tReplacePath: /x\n"), "set both or none"},
		{handler("\t\tWebRedirect:\n\t\t\tOrigPathRegexp: ^/a\n\t\t\tReplacePath: b\n"), "does not begin with a slash"},
		{handler("\t\tWebRedirect:\n\t\t\tOrigPathRegexp: ^/a/(.*)$\n\t\t\tReplacePath: /b/${1}x-$0$$2\n"), ""},
		{handler("\t\tWebRedirect:\n\t\t\tOrigPathRegexp: ^/a/(?P<rest>.*)$\n\t\t\tReplacePath: /b/$rest\n"), ""},
		{handler("\t\tWebRedirect:\n\t\t\tOrigPathRegexp: ^/a/(.*)$\n\t\t\tReplacePath: /b/$1x\n"), "$1x is for a group that OrigPathRegexp does not have"},
		{handler("\t\tWebRedirect:\n\t\t\tOrigPathRegexp: ^/a/(.*)$\n\t\t\tReplacePath: /b/${2}\n"), "${2} is for a group"},
		{handler("\t\tWebForward:\n\t\t\tStripPath: true\n"), "URL: is missing"},
		{handler("\t\tWebForward:\n\t\t\tURL: http://x.example:99999\n"), "is not a server to pass requests on to"},
		{handler("\t\tWebForward:\n\t\t\tURL: http://:8080\n"), "is not a server to pass requests on to"},
		{handler("\t\tWebForward:\n\t\t\tURL: http://x.example\n\t\t\tRequestHeaders:\n\t\t\t\tx-forwarded-for: 192.0.2.1\n"), "X-Forwarded-For: is for mox to say"},
		{handler("\t\tWebForward:\n\t\t\tURL: ftp://x.example\n"), "is not a server to pass requests on to"},
		{handler("\t\tWebForward:\n\t\t\tURL: unix:app.sock\n"), "is not a server to pass requests on to"},
		{handler("\t\tWebForward:\n\t\t\tURL: http://u:p@x.example\n"), "is not a server to pass requests on to"},
		{handler("\t\tWebForward:\n\t\t\tURL: http://x.example\n\t\t\tHealthInterval: 1ms\n"), "is too short"},
		{handler("\t\tWebForward:\n\t\t\tURL: http://x.example\n\t\t\tConnectTimeout: -1s\n"), "is too short"},
		{handler("\t\tWebInternal:\n\t\t\tBasePath: /x/\n\t\t\tService: metrics\n"), "is not one of"},
		{strings.Replace(handler("\t\tWebInternal:\n\t\t\tBasePath: /x/\n\t\t\tService: webmail\n"), "^/", "^/y", 1), "does not match PathRegexp"},
		{testDynamic + "WebDomainRedirects:\n\ta.example: b.example\n\tb.example: a.example\n", "leads back to itself"},
		{testDynamic + "WebDomainRedirects:\n\ta.example: a.example\n", "leads back to itself"},
		{testDynamic + "WebDomainRedirects:\n\ta.example: https://b.example\n", "is not a domain name"},
		{testDynamic + "WebDomains:\n\ta.example:\n\t\tPlainHTTP: maybe\n", "is not one of"},
		{testDynamic + "WebDomains:\n\ta.example:\n\t\tMinTLSVersion: TLSv1.1\n", "is not one of"},
		{testDynamic + "WebDomains:\n\ta.example:\n\t\tHSTS:\n\t\t\tPreload: true\n", "needs IncludeSubdomains"},
		{testDynamic + "WebDomains:\n\ta.example:\n\t\tKeyCerts:\n\t\t\t-\n\t\t\t\tCertFile: x\n\t\t\t\tKeyFile: y\n", "check that both are PEM files"},
		{testDynamic + "SecurityTxt:\n\tContact:\n\t\t- security@example.org\n\tExpires: 2027-01-31T00:00:00Z\n", "is not a URI"},
		{testDynamic + "SecurityTxt:\n\tContact:\n\t\t- mailto:security@example.org\n\tExpires: soon\n", "is not a time"},
		{strings.Replace(testDynamic, "\tall.example: nil\n", "\tall.example:\n\t\tMTASTS:\n\t\t\tPolicyID: a-b\n", 1), "is not 1 to 32 letters and digits"},
		{strings.Replace(testDynamic, "\tall.example: nil\n", "\tall.example:\n\t\tMTASTS:\n\t\t\tPolicyID: a\n\t\t\tMode: strict\n", 1), "is not one of"},
		{strings.Replace(testDynamic, "\tall.example: nil\n", "\tall.example:\n\t\tMTASTS:\n\t\t\tPolicyID: a\n\t\t\tMaxAge: 20000h\n", 1), "is not possible"},
		{strings.Replace(testDynamic, "\tall.example: nil\n", "\tall.example:\n\t\tMTASTS:\n\t\t\tPolicyID: a\n\t\t\tMX:\n\t\t\t\t- *\n", 1), "is not the name of a server"},
	} {
		got := loadProblems(t, static, tt.dynamic)
		if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%s\n%q, want %q", strings.TrimPrefix(tt.dynamic, testDynamic), got, tt.want)
		}
	}
}

// What is said about websites and has no effect is no reason not to start, but somebody must be told.
func TestWebsiteWarnings(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	handler := "WebHandlers:\n\t-\n\t\tDomain: www.example.org\n\t\tPathRegexp: ^/\n\t\tWebStatic:\n\t\t\tRoot: " + root + "\n"
	static := strings.Replace(testStatic, "\t\tSMTP:\n", "\t\tHTTPHosts:\n\t\t\t- admin.internal\n\t\tWebserverHTTP:\n\t\t\tEnabled: true\n\t\tSMTP:\n", 1)
	for _, tt := range []struct{ dynamic, want string }{
		{handler, ""},
		{handler + "WebDomainRedirects:\n\texample.org: www.example.org\n", ""},
		{handler + "WebDomains:\n\tWWW.example.org:\n\t\tPlainHTTP: serve\n\tadmin.internal:\n\t\tPlainHTTP: serve\n\tmail.example.org:\n\t\tPlainHTTP: serve\n\tautoconfig.all.example:\n\t\tPlainHTTP: serve\n", ""},
		{"WebDomainRedirects:\n\ta.example: b.example\nWebDomains:\n\ta.example:\n\t\tPlainHTTP: serve\n", ""},

		{handler + "WebDomainRedirects:\n\tWWW.example.org: b.example\n", "WebHandlers[0].Domain: www.example.org is sent to b.example by WebDomainRedirects"},
		{handler + "WebDomains:\n\tww.example.org:\n\t\tPlainHTTP: serve\n", "WebDomains.ww.example.org: is the name of no website"},
		{"WebDomainRedirects:\n\ta.example: b.example\nWebDomains:\n\tb.example:\n\t\tPlainHTTP: serve\n", "WebDomains.b.example: is the name of no website"},
		{"WebDomains:\n\tmta-sts.nobody.example:\n\t\tPlainHTTP: serve\n", "is the name of no website"},
		{strings.Replace(handler, root, root+"/missing", 1), "WebHandlers[0].WebStatic.Root: " + root + "/missing does not exist"},
	} {
		var got []string
		for _, p := range load(t, static, testDynamic+tt.dynamic).Websites().Warnings {
			got = append(got, p.String())
			if p.Line == 0 {
				t.Errorf("no line for %s", p)
			}
		}
		if text := strings.Join(got, "\n"); tt.want == "" && text != "" || !strings.Contains(text, tt.want) {
			t.Errorf("%s\n%q, want %q", tt.dynamic, text, tt.want)
		}
	}
}

// Websites need a listener that serves them.
func TestUnservedWebsites(t *testing.T) {
	t.Parallel()
	redirect := "WebDomainRedirects:\n\ta.example: b.example\n"
	handler := "WebHandlers:\n\t-\n\t\tDomain: www.example.org\n\t\tPathRegexp: ^/\n\t\tWebForward:\n\t\t\tURL: http://10.0.0.1\n"
	for _, tt := range []struct{ listener, dynamic, want string }{
		{"", "", ""},
		{"\t\tWebserverHTTPS:\n\t\t\tEnabled: false\n", handler, "WebHandlers: has no effect"},
		{"\t\tWebmailHTTP:\n\t\t\tEnabled: true\n", redirect, "WebDomainRedirects: has no effect"},
		{"\t\tWebserverHTTP:\n\t\t\tEnabled: true\n", handler + redirect, ""},
	} {
		cfg := load(t, strings.Replace(testStatic, "\t\tSMTP:\n", tt.listener+"\t\tSMTP:\n", 1), testDynamic+tt.dynamic)
		var got strings.Builder
		for _, p := range cfg.Websites().Warnings {
			fmt.Fprintln(&got, p)
		}
		if text := got.String(); tt.want == "" && text != "" || !strings.Contains(text, tt.want) {
			t.Errorf("%s%s\n%q, want %q", tt.listener, tt.dynamic, text, tt.want)
		}
	}
}

// Certificates that clients of a website would refuse are told of.
func TestWebsiteCertificates(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	valid := x509.Certificate{DNSNames: []string{"www.example.org", "*.example.net"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
	for _, tt := range []struct {
		name  string
		names []string
		now   time.Time
		want  string
	}{
		{"www.example.org", valid.DNSNames, now, ""},
		{"a.example.net", valid.DNSNames, now, ""},
		{"example.org", valid.DNSNames, now, "is a certificate for www.example.org, *.example.net, and not for example.org"},
		{"example.org", nil, now, "is a certificate for no name"},
		{"www.example.org", valid.DNSNames, now.Add(2 * time.Hour), "has expired, at 2026-11-22T01:00:00Z"},
		{"www.example.org", valid.DNSNames, now.Add(-2 * time.Hour), "is valid from 2026-11-21T23:00:00Z on only"},
	} {
		cert := valid
		cert.DNSNames = tt.names
		var p problems
		p.certifies("KeyCerts[0]", dns.Domain{ASCII: tt.name}, &cert, tt.now)
		if len(p.list) == 0 && tt.want == "" {
			continue
		}
		if len(p.list) != 1 || tt.want == "" || !strings.Contains(p.list[0].Text, tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, p.list, tt.want)
		}
	}
}
