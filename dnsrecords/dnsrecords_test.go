package dnsrecords

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"net/netip"
	"slices"
	"strings"
	"testing"

	mdns "github.com/miekg/dns"

	"mox/dns"
	"mox/dns/resolvertest"
	"mox/smtp"
)

func domain(t testing.TB, s string) dns.Domain {
	t.Helper()
	d, err := dns.ParseDomain(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// keys are public keys: of TLS, RSA, Ed25519.
func keys(t testing.TB) (tls, rsaKey, edKey crypto.PublicKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	n := new(big.Int).SetBit(big.NewInt(12345), 2047, 1)
	return key.Public(), &rsa.PublicKey{N: n, E: 65537}, ed25519.PublicKey(bytes.Repeat([]byte{7}, 32))
}

// facts are of a domain with everything.
func facts(t testing.TB) (Domain, Host) {
	tls, rsaKey, edKey := keys(t)
	org := domain(t, "example.org")
	d := Domain{
		Name:         org,
		Selectors:    []Selector{{domain(t, "2026a"), rsaKey}, {domain(t, "2026b"), edKey}},
		DMARCReports: smtp.Address{Localpart: "dmarcreports", Domain: org},
		TLSReports:   smtp.Address{Localpart: "tlsreports", Domain: org},
		MTASTS:       "20261122",
		Autoconfig:   true,
		Autodiscover: true,
	}
	h := Host{
		Name:        domain(t, "mail.example.org"),
		IPs:         []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")},
		TLSKeys:     []crypto.PublicKey{tls},
		CAs:         []CA{{"letsencrypt.org", "https://ca.example/acct/1", []string{"tls-alpn-01", "http-01"}}},
		Submissions: 465, IMAPS: 993, IMAP: 143,
	}
	return d, h
}

// parseZone reads an excerpt as a name server would.
func parseZone(t testing.TB, text string) []mdns.RR {
	t.Helper()
	// Not the origin of the domain: what is absolute must not depend on it.
	p := mdns.NewZoneParser(strings.NewReader("$TTL 300\n"+text), "elsewhere.example.", "")
	var l []mdns.RR
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		l = append(l, rr)
	}
	if err := p.Err(); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return l
}

// load returns a resolver with records, all authentic.
func load(t testing.TB, rrs []mdns.RR) *dns.MemResolver {
	t.Helper()
	var b strings.Builder
	for _, rr := range rrs {
		b.WriteString(rr.String() + "\n")
	}
	return resolvertest.Zone(t, b.String())
}

// whole returns all records of the facts, those of other zones too.
func whole(t testing.TB, d Domain, h Host) []mdns.RR {
	t.Helper()
	l, err := Records(d, h)
	if err != nil {
		t.Fatal(err)
	}
	var rrs []mdns.RR
	for _, r := range l {
		rr, err := mdns.NewRR(r.Name + " 300 IN " + r.Type + " " + r.Value)
		if err != nil {
			t.Fatal(err)
		}
		rrs = append(rrs, rr)
	}
	return rrs
}

// What is printed is what a name server reads, in both forms.
func TestWriteZone(t *testing.T) {
	t.Parallel()
	d, h := facts(t)
	l, err := Records(d, h)
	if err != nil {
		t.Fatal(err)
	}
	var texts [2]string
	var zones [2][]string
	for i, relative := range []bool{false, true} {
		var b bytes.Buffer
		if err := WriteZone(&b, d, h, l, ZoneOptions{Relative: relative}); err != nil {
			t.Fatal(err)
		}
		texts[i] = b.String()
		for _, rr := range parseZone(t, b.String()) {
			zones[i] = append(zones[i], rr.String())
		}
	}
	var want []string
	for _, rr := range whole(t, d, h) {
		if rr.Header().Rrtype != mdns.TypePTR {
			want = append(want, rr.String())
		}
	}
	if !slices.Equal(zones[0], want) || !slices.Equal(zones[1], want) {
		t.Errorf("absolute:\n%s\nrelative:\n%s\nwant:\n%s", strings.Join(zones[0], "\n"), strings.Join(zones[1], "\n"), strings.Join(want, "\n"))
	}
	for _, s := range []string{
		"\nmail.example.org. IN A 192.0.2.1\n", "\nmail.example.org. IN AAAA 2001:db8::1\n", "\n; 1.2.0.192.in-addr.arpa. IN PTR mail.example.org.\n",
		"\n; 1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. IN PTR mail.example.org.\n",
		"\nexample.org. IN MX 10 mail.example.org.\n", "\n_25._tcp.mail.example.org. IN TLSA 3 1 1 ",
		"\nexample.org. IN TXT \"v=spf1 mx ~all\"\n", "\nmail.example.org. IN TXT \"v=spf1 a -all\"\n",
		"\n2026a._domainkey.example.org. IN TXT ( \"v=DKIM1; ", "\n2026b._domainkey.example.org. IN TXT \"v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32)),
		"\n_dmarc.example.org. IN TXT \"v=DMARC1; p=reject; rua=mailto:dmarcreports@example.org\"\n",
		"\n_smtp._tls.example.org. IN TXT \"v=TLSRPTv1; rua=mailto:tlsreports@example.org\"\n",
		"\n_mta-sts.example.org. IN TXT \"v=STSv1; id=20261122\"\n", "\nmta-sts.example.org. IN CNAME mail.example.org.\n",
		"\nautoconfig.example.org. IN CNAME mail.example.org.\n", "\nautodiscover.example.org. IN CNAME mail.example.org.\n",
		"\n_submissions._tcp.example.org. IN SRV 0 1 465 mail.example.org.\n", "\n_submission._tcp.example.org. IN SRV 0 0 0 .\n",
		"\n_imap._tcp.example.org. IN SRV 0 1 143 mail.example.org.\n", "\n_pop3s._tcp.example.org. IN SRV 0 0 0 .\n",
		"\nexample.org. IN CAA 0 issue \"letsencrypt.org; accounturi=https://ca.example/acct/1; validationmethods=tls-alpn-01,http-01\"\n",
	} {
		if !strings.Contains(texts[0], s) {
			t.Errorf("%q is missing in\n%s", s, texts[0])
		}
	}
	for _, s := range []string{"$ORIGIN example.org.\n", "\nmail IN A 192.0.2.1\n", "\n@ IN MX 10 mail.example.org.\n", "\n_dmarc IN TXT "} {
		if !strings.Contains(texts[1], s) {
			t.Errorf("%q is missing in\n%s", s, texts[1])
		}
	}
}

// Records of a machine in another zone must not be pasted into that of the domain.
func TestWriteZoneHostElsewhere(t *testing.T) {
	t.Parallel()
	d, h := facts(t)
	h.Name = domain(t, "mx.xexample.org")
	l, err := Records(d, h)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := WriteZone(&b, d, h, l, ZoneOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, rr := range parseZone(t, b.String()) {
		if !mdns.IsSubDomain("example.org.", rr.Header().Name) {
			t.Errorf("%s is not in the zone", rr)
		}
	}
	for _, s := range []string{"\n; In the zone of mx.xexample.org:\n", "\n; mx.xexample.org. IN A 192.0.2.1\n", "\n; _25._tcp.mx.xexample.org. IN TLSA ", "\n; mx.xexample.org. IN CAA "} {
		if !strings.Contains(b.String(), s) {
			t.Errorf("%q is missing in\n%s", s, b.String())
		}
	}
}

func TestRecordsOfLittle(t *testing.T) {
	t.Parallel()
	d := Domain{Name: domain(t, "münchen.example")}
	h := Host{Name: d.Name}
	l, err := Records(d, h)
	if err != nil {
		t.Fatal(err)
	}
	spf := 0
	for _, r := range l {
		if r.Need == SPF {
			spf++
		}
		if !strings.HasSuffix(r.Name, "xn--mnchen-3ya.example.") {
			t.Errorf("name %q", r.Name)
		}
		if slices.Contains([]Need{Address, Reverse, TLSA, DKIM, TLSRPT, MTASTS, Autoconfig, CAA}, r.Need) {
			t.Errorf("record without facts: %+v", r)
		}
	}
	if spf != 1 {
		t.Errorf("%d SPF records of one name", spf)
	}
	if _, err := Records(Domain{Name: d.Name, Selectors: []Selector{{d.Name, "no key"}}}, h); err == nil {
		t.Error("what is no key got a record")
	}
	if _, err := Records(d, Host{Name: d.Name, TLSKeys: []crypto.PublicKey{1}}); err == nil {
		t.Error("what is no key of TLS got a record")
	}
}

// An address in a record must not end a part of it.
func TestMailtoIsEscaped(t *testing.T) {
	t.Parallel()
	d, h := facts(t)
	d.TLSReports.Localpart, d.DMARCReports.Localpart = `a,b;c!"@d%`, `a,b;c!"@d%`
	l, err := Records(d, h)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range l {
		if r.Need == TLSRPT {
			to, err := parseTLSRPT(r.Text)
			if err != nil || !reportsTo(d.TLSReports, to) {
				t.Errorf("%s: %v, %v", r.Text, to, err)
			}
		}
	}
}
