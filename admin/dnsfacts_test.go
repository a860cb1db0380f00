package admin

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mox/autotls"
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
	d, _, err := DNSFacts(cfg, dns.Domain{ASCII: "example.org"}, DNSOptions{})
	if want := "version: STSv1\r\nmode: enforce\r\nmx: mail.example.org\r\nmax_age: 86400\r\n"; err != nil || d.Policy.String() != want {
		t.Errorf("policy %q, %v", d.Policy.String(), err)
	}
	if _, _, err := DNSFacts(cfg, dns.Domain{ASCII: "none.example"}, DNSOptions{}); !errors.Is(err, ErrNoDomain) {
		t.Errorf("another domain: %v", err)
	}
}

// Listeners for different addresses of the machine have one name: TLSA records hold the keys of all of them, once, and CAA
// records each CA once.
func TestDNSFactsOfListeners(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name string, data []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var tlsa []string
	for _, name := range []string{"shared.pem", "second.pem"} {
		typ := autotls.ECDSAP256
		if name == "shared.pem" {
			typ = autotls.RSA2048
		}
		key, err := autotls.GenerateKey(typ)
		if err != nil {
			t.Fatal(err)
		}
		data, err := autotls.MarshalKey(key)
		if err != nil {
			t.Fatal(err)
		}
		write(name, data)
		record, err := autotls.TLSA(key.Public())
		if err != nil {
			t.Fatal(err)
		}
		tlsa = append(tlsa, "_25._tcp.mail.example.org. TLSA "+record.Record())
	}
	listener := func(name, ip string, keys ...string) string {
		s := "\t" + name + ":\n\t\tIPs:\n\t\t\t- " + ip + "\n\t\tTLS:\n\t\t\tACME: main\n\t\t\tHostPrivateKeyFiles:\n"
		for _, key := range keys {
			s += "\t\t\t\t- " + key + "\n"
		}
		return s + "\t\tSMTP:\n\t\t\tEnabled: true\n"
	}
	write("mox.conf", []byte(`DataDir: data
Hostname: mail.example.org
ACME:
	main:
		DirectoryURL: https://ca.example/directory
		ContactEmail: postmaster@example.org
		IssuerDomainName: ca.example
Listeners:
`+listener("four", "5.9.1.1", "shared.pem", "second.pem")+listener("six", "2a01:4f8::1", "shared.pem")+`Postmaster:
	Account: ann
`))
	write("domains.conf", []byte("Domains:\n\texample.org: nil\nAccounts:\n\tann:\n\t\tDomain: example.org\n"))
	cfg, err := config.Load(config.Options{Path: filepath.Join(dir, "mox.conf")})
	if err != nil {
		t.Fatal(err)
	}
	d, h, err := DNSFacts(cfg, dns.Domain{ASCII: "example.org"}, DNSOptions{})
	if err != nil {
		t.Fatal(err)
	}
	records, err := dnsrecords.Records(d, h)
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, r := range records {
		count[r.Name+" "+r.Type+" "+r.Value]++
	}
	for _, want := range append(tlsa, "mail.example.org. A 5.9.1.1", "mail.example.org. AAAA 2a01:4f8::1",
		`example.org. CAA 0 issue "ca.example; validationmethods=tls-alpn-01,http-01"`) {
		if count[want] != 1 {
			t.Errorf("%s is there %d times, not once, in %v", want, count[want], records)
		}
	}
}

// Of keys that are not configured, those that mox has made have TLSA records, once they are there.
func TestDNSFactsOfKeptKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name string, data []byte) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	key := func(name string, typ autotls.KeyType) (record string) {
		t.Helper()
		k, err := autotls.GenerateKey(typ)
		if err != nil {
			t.Fatal(err)
		}
		data, err := autotls.MarshalKey(k)
		if err != nil {
			t.Fatal(err)
		}
		write(name, data)
		r, err := autotls.TLSA(k.Public())
		if err != nil {
			t.Fatal(err)
		}
		return r.Record()
	}
	given := key("given.pem", autotls.RSA2048)
	conf := `DataDir: data
Hostname: mail.example.org
ACME:
	main:
		DirectoryURL: https://ca.example/directory
		ContactEmail: postmaster@example.org
Listeners:
	public:
		IPs:
			- 5.9.1.1
		TLS:
			ACME: main
			HostPrivateKeyFiles:
				- given.pem
		SMTP:
			Enabled: true
Postmaster:
	Account: ann
`
	write("domains.conf", []byte("Domains:\n\texample.org: nil\nAccounts:\n\tann:\n\t\tDomain: example.org\n"))
	check := func(conf string, want ...string) {
		t.Helper()
		write("mox.conf", []byte(conf))
		cfg, err := config.Load(config.Options{Path: filepath.Join(dir, "mox.conf")})
		if err != nil {
			t.Fatal(err)
		}
		d, h, err := DNSFacts(cfg, dns.Domain{ASCII: "example.org"}, DNSOptions{ACMEDir: filepath.Join(dir, "acme")})
		if err != nil {
			t.Fatal(err)
		}
		records, err := dnsrecords.Records(d, h)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range records {
			if r.Need == dnsrecords.TLSA {
				got = append(got, r.Value)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("TLSA records %q, want %q", got, want)
		}
	}
	without := strings.Replace(conf, "\t\t\tHostPrivateKeyFiles:\n\t\t\t\t- given.pem\n", "", 1)
	check(conf, given)
	check(without)
	ecdsa := key("acme/hosts/mail.example.org/ecdsa-p256.key.pem", autotls.ECDSAP256)
	rsa := key("acme/hosts/mail.example.org/rsa-2048.key.pem", autotls.RSA2048)
	key("acme/hosts/www.example.org/ecdsa-p256.key.pem", autotls.ECDSAP256)
	check(conf, given, ecdsa)
	check(without, ecdsa, rsa)
	// As of a host that had ACME before.
	check(strings.Replace(without, "\t\tTLS:\n\t\t\tACME: main\n", "", 1))
}

// The name of the machine may be a domain as well: together, the records of all domains have one SPF record for it.
func TestDNSFactsOfHostDomain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"mox.conf":     "DataDir: data\nHostname: mail.example.org\nListeners:\n\tx:\n\t\tIPs:\n\t\t\t- 5.9.1.1\n\t\tSMTP:\n\t\t\tEnabled: true\nPostmaster:\n\tAccount: ann\n",
		"domains.conf": "Domains:\n\texample.org: nil\n\tmail.example.org: nil\nAccounts:\n\tann:\n\t\tDomain: example.org\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := config.Load(config.Options{Path: filepath.Join(dir, "mox.conf")})
	if err != nil {
		t.Fatal(err)
	}
	var spf []string
	for _, name := range []string{"example.org", "mail.example.org"} {
		d, h, err := DNSFacts(cfg, dns.Domain{ASCII: name}, DNSOptions{})
		if err != nil {
			t.Fatal(err)
		}
		records, err := dnsrecords.Records(d, h)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			if r.Need == dnsrecords.SPF && r.Name == "mail.example.org." {
				spf = append(spf, r.Text)
			}
		}
	}
	if !slices.Equal(spf, []string{"v=spf1 mx ~all"}) {
		t.Errorf("SPF records of the machine: %q", spf)
	}
}
