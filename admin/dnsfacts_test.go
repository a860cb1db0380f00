package admin

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mox/config"
	"mox/dns"
	"mox/dnsrecords"
)

// The records follow from the configuration: services that are offered, keys, CAs and the account there.
func TestDNSFacts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"mox.conf": `DataDir: data
Hostname: mail.example.org
ACME:
	main:
		DirectoryURL: https://ca.example/directory
		ContactEmail: postmaster@example.org
		IssuerDomainName: ca.example
	other:
		DirectoryURL: https://other.example/directory
		ContactEmail: postmaster@example.org
		IssuerDomainName: other.example
Listeners:
	public:
		IPs:
			- 10.0.0.1
		NATIPs:
			- 5.9.1.1
		TLS:
			ACME: main
		SMTP:
			Enabled: true
		IMAPS:
			Enabled: true
			Port: 1993
		MTASTSHTTPS:
			Enabled: true
	internal:
		IPs:
			- 127.0.0.1
		TLS:
			ACME: main
		Submissions:
			Enabled: true
Postmaster:
	Account: ann
`,
		"domains.conf": `Domains:
	example.org:
		MTASTS:
			PolicyID: 1
	example.net: nil
Accounts:
	ann:
		Domain: example.org
		Destinations:
			ann@example.org: nil
			dmarcreports@example.org: nil
`,
		"acme/accounts/main/account.json": `{"DirectoryURL": "https://ca.example/directory", "AccountURL": "https://ca.example/acct/1"}`,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := config.Load(config.Options{Path: filepath.Join(dir, "mox.conf")})
	if err != nil {
		t.Fatal(err)
	}
	lines := func(name string) []string {
		d, h, err := DNSFacts(cfg, dns.Domain{ASCII: name}, DNSOptions{ACMEDir: filepath.Join(dir, "acme")})
		if err != nil {
			t.Fatal(err)
		}
		records, err := dnsrecords.Records(d, h)
		if err != nil {
			t.Fatal(err)
		}
		var l []string
		for _, r := range records {
			l = append(l, r.Name+" "+r.Type+" "+r.Value)
		}
		return l
	}
	org, net := lines("example.org"), lines("example.net")
	for _, want := range []string{
		"mail.example.org. A 5.9.1.1",
		"_imaps._tcp.example.org. SRV 0 1 1993 mail.example.org.",
		"_submissions._tcp.example.org. SRV 0 0 0 .", // Of this machine only.
		`_mta-sts.example.org. TXT "v=STSv1; id=1"`,
		`_dmarc.example.org. TXT "v=DMARC1; p=reject; rua=mailto:dmarcreports@example.org"`,
		`_smtp._tls.example.org. TXT "v=TLSRPTv1; rua=mailto:postmaster@example.org"`,
		`example.org. CAA 0 issue "ca.example; accounturi=https://ca.example/acct/1; validationmethods=tls-alpn-01,http-01"`,
	} {
		if !slices.Contains(org, want) {
			t.Errorf("%s is missing in\n%s", want, strings.Join(org, "\n"))
		}
	}
	for _, l := range append(org, net...) {
		for _, unwanted := range []string{"10.0.0.1", "autoconfig", "other.example", "TLSA", "mta-sts.example.net"} {
			if strings.Contains(l, unwanted) {
				t.Errorf("unexpected: %s", l)
			}
		}
	}
	if _, _, err := DNSFacts(cfg, dns.Domain{ASCII: "none.example"}, DNSOptions{}); !errors.Is(err, ErrNoDomain) {
		t.Errorf("another domain: %v", err)
	}
}
