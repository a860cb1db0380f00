package dnsrecords

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"

	mdns "github.com/miekg/dns"

	"mox/dns"
)

// check returns the findings that are not OK.
func check(t testing.TB, r dns.Resolver, d Domain, h Host) []Finding {
	t.Helper()
	l, err := Check(t.Context(), r, d, h)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range l {
		switch {
		case f.Text == "" || f.Name == "" || f.Type == "":
			t.Errorf("finding says nothing: %+v", f)
		case f.Status != OK && f.Cure == "":
			t.Errorf("finding without a cure: %+v", f)
		case f.Status == OK && (f.Cure != "" || f.Records != nil):
			t.Errorf("all is well, and yet there is a cure: %+v", f)
		}
	}
	return slices.DeleteFunc(l, func(f Finding) bool { return f.Status == OK })
}

func TestCheckFindsNothing(t *testing.T) {
	t.Parallel()
	d, h := facts(t)
	if l := check(t, load(t, whole(t, d, h)), d, h); len(l) > 0 {
		t.Errorf("found %+v", l)
	}
	h.Name = domain(t, "mx.example.net")
	if l := check(t, load(t, whole(t, d, h)), d, h); len(l) > 0 {
		t.Errorf("host elsewhere: found %+v", l)
	}
	d.ClientSettings = domain(t, "imap.example.org")
	if l := check(t, load(t, whole(t, d, h)), d, h); len(l) > 0 {
		t.Errorf("client settings: found %+v", l)
	}
	// Addresses are not known.
	rrs := whole(t, d, h)
	h.IPs = nil
	if l := check(t, load(t, rrs), d, h); len(l) > 0 {
		t.Errorf("addresses not known: found %+v", l)
	}
}

// Each record that is missing is named, with that record to add.
func TestCheckFindsEachMissing(t *testing.T) {
	t.Parallel()
	d, h := facts(t)
	rrs := whole(t, d, h)
	records, err := Records(d, h)
	if err != nil {
		t.Fatal(err)
	}
	for i := range rrs {
		removed := records[i]
		found := check(t, load(t, slices.Delete(slices.Clone(rrs), i, i+1)), d, h)
		named := slices.ContainsFunc(found, func(f Finding) bool {
			return f.Need == removed.Need && f.Status == Problem && slices.Contains(f.Records, removed)
		})
		if !named {
			t.Errorf("without %s %s: found %+v", removed.Name, removed.Type, found)
		}
	}
}

func TestCheckFindsWrong(t *testing.T) {
	t.Parallel()
	other := dns.TLSA{Usage: 3, Selector: 1, MatchType: 1, CertAssoc: []byte{1}}
	txt := func(name string, l ...string) func(*dns.MemResolver) {
		return func(r *dns.MemResolver) { r.TXT[name] = l }
	}
	caa := func(l ...dns.CAA) func(*dns.MemResolver) {
		return func(r *dns.MemResolver) { r.CAA["example.org"] = l }
	}
	issue := func(s string) dns.CAA { return dns.CAA{Tag: "issue", Value: s} }
	const edKey = "2026b._domainkey.example.org"
	for _, tc := range []struct {
		name   string
		change func(r *dns.MemResolver)
		need   Need
		status Status
		text   string
	}{
		{"alias", func(r *dns.MemResolver) { r.CNAME["mail.example.org"] = "vm.example.net" }, Address, Problem, "is an alias"},
		{"another address", func(r *dns.MemResolver) { r.A["mail.example.org"] = []string{"192.0.2.1", "192.0.2.9"} }, Address, Problem, "192.0.2.9"},
		{"reverse elsewhere", func(r *dns.MemResolver) {
			r.PTR["192.0.2.1"] = []string{"vm.example.net"}
			r.A["vm.example.net"] = []string{"192.0.2.1"}
		}, Reverse, Advice, "its name is vm.example.net"},
		{"reverse not back", func(r *dns.MemResolver) { r.PTR["192.0.2.1"] = []string{"vm.example.net"} }, Reverse, Problem, "does not lead back"},
		{"MX elsewhere", func(r *dns.MemResolver) { r.MX["example.org"] = []net.MX{{Host: "mx.example.net", Pref: 10}} }, MX, Problem, "goes to mx.example.net."},
		{"MX first elsewhere", func(r *dns.MemResolver) {
			r.MX["example.org"] = []net.MX{{Host: "mx.example.net", Pref: 5}, {Host: "mail.example.org", Pref: 10}}
		}, MX, Advice, "goes first to"},
		{"MX null", func(r *dns.MemResolver) { r.MX["example.org"] = []net.MX{{Host: "."}} }, MX, Problem, "takes no mail"},
		{"MX unknown", func(r *dns.MemResolver) { r.Fail = []string{"mx example.org"} }, MX, Unknown, "could not be looked up"},
		{"TLSA differs", func(r *dns.MemResolver) { r.TLSA["_25._tcp.mail.example.org"] = []dns.TLSA{other} }, TLSA, Problem, "not for a key"},
		{"TLSA more", func(r *dns.MemResolver) {
			r.TLSA["_25._tcp.mail.example.org"] = append(r.TLSA["_25._tcp.mail.example.org"], other)
		}, TLSA, Advice, "does not have"},
		{"TLSA unsigned", func(r *dns.MemResolver) { r.Inauthentic = []string{"_25._tcp.mail.example.org"} }, TLSA, Advice, "no effect"},
		{"unsigned", func(r *dns.MemResolver) { r.Inauthentic = []string{"example.org"} }, DNSSEC, Advice, "not signed"},
		{"resolver", func(r *dns.MemResolver) { r.AllAuthentic = false }, DNSSEC, Unknown, "does not validate"},
		{"SPF twice", txt("example.org", "v=spf1 mx ~all", "v=spf1 -all"), SPF, Problem, "several"},
		{"SPF syntax", txt("example.org", "v=spf1 mxx ~all"), SPF, Problem, "cannot be read"},
		{"SPF elsewhere", txt("example.org", "v=spf1 ip4:192.0.2.9 -all"), SPF, Problem, "does not allow 192.0.2.1 to send"},
		{"SPF one family", txt("example.org", "v=spf1 ip4:192.0.2.1 -all"), SPF, Problem, "does not allow 2001:db8::1 to send"},
		{"SPF error", txt("example.org", "v=spf1 include:none.example.org mx -all"), SPF, Problem, "leads to an error"},
		{"SPF all", txt("example.org", "v=spf1 +all"), SPF, Problem, "everybody"},
		{"SPF open", txt("example.org", "v=spf1 mx"), SPF, Advice, "nothing of other machines"},
		{"SPF temporary", func(r *dns.MemResolver) {
			r.TXT["example.org"] = []string{"v=spf1 include:x.example.net -all"}
			r.Fail = []string{"x.example.net"}
		}, SPF, Unknown, "could not be evaluated"},
		{"SPF of host", txt("mail.example.org", "v=spf1 -all"), SPF, Problem, "does not allow"},
		{"DKIM differs", func(r *dns.MemResolver) { r.TXT[edKey] = r.TXT["2026a._domainkey.example.org"] }, DKIM, Problem, "another key"},
		{"DKIM syntax", txt(edKey, "v=DKIM1; p=!"), DKIM, Problem, "cannot be read"},
		{"DKIM revoked", txt(edKey, "v=DKIM1; k=ed25519; p="), DKIM, Problem, "revoked"},
		{"DKIM testing", func(r *dns.MemResolver) {
			r.TXT[edKey] = []string{strings.Replace(r.TXT[edKey][0], "; p=", "; t=y; p=", 1)}
		}, DKIM, Advice, "being tested"},
		{"DKIM not for mail", func(r *dns.MemResolver) {
			r.TXT[edKey] = []string{strings.Replace(r.TXT[edKey][0], "; p=", "; s=other; p=", 1)}
		}, DKIM, Problem, "does not allow"},
		{"DKIM several", func(r *dns.MemResolver) { r.TXT[edKey] = append(r.TXT[edKey], r.TXT[edKey][0]) }, DKIM, Problem, "several"},
		{"DKIM unknown", func(r *dns.MemResolver) { r.Fail = []string{edKey} }, DKIM, Unknown, "could not"},
		{"DMARC several", txt("_dmarc.example.org", "v=DMARC1; p=none", "v=DMARC1; p=reject"), DMARC, Problem, "several"},
		{"DMARC syntax", txt("_dmarc.example.org", "v=DMARC1; p=drop"), DMARC, Problem, "cannot be read"},
		{"DMARC none", txt("_dmarc.example.org", "v=DMARC1; p=none; rua=mailto:dmarcreports@example.org"), DMARC, Advice, "policy is none"},
		{"DMARC no reports", txt("_dmarc.example.org", "v=DMARC1; p=reject"), DMARC, Advice, "nobody"},
		{"DMARC other reports", txt("_dmarc.example.org", "v=DMARC1; p=reject; rua=mailto:x@example.org"), DMARC, Advice, "do not come to dmarcreports@"},
		{"DMARC foreign reports", txt("_dmarc.example.org", "v=DMARC1; p=reject; rua=mailto:x@example.net"), DMARC, Problem, "do not go to mailto:x@example.net"},
		{"DMARC unknown tag", txt("_dmarc.example.org", "v=DMARC1; p=reject; aspf=x; rua=mailto:dmarcreports@example.org"), DMARC, Problem, "parts"},
		{"DMARC unknown", func(r *dns.MemResolver) { r.Fail = []string{"_dmarc.example.org"} }, DMARC, Unknown, "could not"},
		{"TLSRPT several", txt("_smtp._tls.example.org", "v=TLSRPTv1; rua=mailto:a@example.org", "v=TLSRPTv1; rua=mailto:b@example.org"), TLSRPT, Problem, "several"},
		{"TLSRPT syntax", txt("_smtp._tls.example.org", "v=TLSRPTv1; rua=tlsreports@example.org"), TLSRPT, Problem, "cannot be read"},
		{"TLSRPT empty", txt("_smtp._tls.example.org", "v=TLSRPTv1"), TLSRPT, Problem, "rua is missing"},
		{"TLSRPT other", txt("_smtp._tls.example.org", "v=TLSRPTv1;rua=https://example.org/r,mailto:b@example.org;"), TLSRPT, Advice, "do not come"},
		{"TLSRPT something else", txt("_smtp._tls.example.org", "other"), TLSRPT, Problem, "no TXT record"},
		{"MTA-STS several", txt("_mta-sts.example.org", "v=STSv1; id=1", "v=STSv1; id=2"), MTASTS, Problem, "several"},
		{"MTA-STS syntax", txt("_mta-sts.example.org", "v=STSv1; id=1-2"), MTASTS, Problem, "invalid MTA-STS record"},
		{"MTA-STS without id", txt("_mta-sts.example.org", "v=STSv1;"), MTASTS, Problem, "id is missing"},
		{"MTA-STS old", txt("_mta-sts.example.org", "v=STSv1; id=20251122;"), MTASTS, Problem, "keep an old one"},
		{"MTA-STS elsewhere", func(r *dns.MemResolver) {
			delete(r.CNAME, "mta-sts.example.org")
			r.A["mta-sts.example.org"] = []string{"192.0.2.9"}
		}, MTASTS, Problem, "leads to 192.0.2.9"},
		{"autoconfig elsewhere", func(r *dns.MemResolver) {
			r.CNAME["autoconfig.example.org"] = "www.example.net"
			r.A["www.example.net"] = []string{"192.0.2.9"}
		}, Autoconfig, Problem, "leads to 192.0.2.9"},
		{"SRV elsewhere", func(r *dns.MemResolver) {
			r.SRV["_imaps._tcp.example.org"] = []net.SRV{{Target: "imap.example.net", Port: 993}}
		}, SRV, Problem, "led elsewhere"},
		{"SRV port", func(r *dns.MemResolver) {
			r.SRV["_imaps._tcp.example.org"] = []net.SRV{{Target: "mail.example.org", Port: 994}}
		}, SRV, Problem, "led elsewhere"},
		{"SRV of what there is not", func(r *dns.MemResolver) {
			r.SRV["_pop3._tcp.example.org"] = []net.SRV{{Target: "mail.example.org", Port: 110}}
		}, SRV, Problem, "does not have"},
		{"CAA other", caa(issue("ca.example.net")), CAA, Problem, "not among"},
		{"CAA nobody", caa(issue(";")), CAA, Problem, "not among"},
		{"CAA account", caa(issue("letsencrypt.org; accounturi=https://ca.example/acct/2")), CAA, Problem, "accounturi https://ca.example/acct/2"},
		{"CAA two accounts", caa(issue("letsencrypt.org; accounturi=https://ca.example/acct/1; accounturi=https://ca.example/acct/1")), CAA, Problem, "twice"},
		{"CAA method", caa(issue("letsencrypt.org;validationmethods=dns-01")), CAA, Problem, "validationmethods"},
		{"CAA malformed", caa(issue("letsencrypt.org; accounturi")), CAA, Problem, "not among"},
		{"CAA critical", caa(dns.CAA{Critical: true, Tag: "future", Value: "x"}), CAA, Problem, "critical"},
		{"CAA of host", func(r *dns.MemResolver) { r.CAA["mail.example.org"] = []dns.CAA{issue("ca.example.net")} }, CAA, Problem, "records of mail.example.org exclude"},
	} {
		d, h := facts(t)
		r := load(t, whole(t, d, h))
		tc.change(r)
		found := check(t, r, d, h)
		if !slices.ContainsFunc(found, func(f Finding) bool {
			return f.Need == tc.need && f.Status == tc.status && strings.Contains(f.Text, tc.text)
		}) {
			t.Errorf("%s: found %+v", tc.name, found)
		}
	}
}

// Other records that do the same are as good.
func TestCheckTakesOthers(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		change func(r *dns.MemResolver)
	}{
		{"SPF", func(r *dns.MemResolver) { r.TXT["example.org"] = []string{"other", "v=spf1 a:mail.example.org -all"} }},
		{"DMARC", func(r *dns.MemResolver) {
			r.TXT["_dmarc.example.org"] = []string{"v=DMARC1;p=quarantine;rua=mailto:DMARCreports@example.org!10m"}
		}},
		{"MTA-STS", func(r *dns.MemResolver) {
			r.TXT["_mta-sts.example.org"] = []string{"v=STSv1; id=20261122;"}
			delete(r.CNAME, "mta-sts.example.org")
			r.A["mta-sts.example.org"] = []string{"192.0.2.1"}
		}},
		{"CAA", func(r *dns.MemResolver) {
			r.CAA["example.org"] = []dns.CAA{{Tag: "issue", Value: "ca.example.net"}, {Tag: "issue", Value: " LetsEncrypt.org ; validationmethods=http-01,dns-01 "}}
		}},
		{"CAA without issue", func(r *dns.MemResolver) {
			r.CAA["example.org"] = []dns.CAA{{Tag: "iodef", Value: "mailto:a@example.org"}, {Critical: true, Tag: "issuewild", Value: ";"}}
		}},
		{"MX in capitals", func(r *dns.MemResolver) { r.MX["example.org"] = []net.MX{{Host: "MAIL.example.org", Pref: 5}} }},
	} {
		d, h := facts(t)
		r := load(t, whole(t, d, h))
		tc.change(r)
		if found := check(t, r, d, h); len(found) > 0 {
			t.Errorf("%s: found %+v", tc.name, found)
		}
	}
}

// A policy of the domain above is not the domain's own.
func TestCheckInheritedDMARC(t *testing.T) {
	t.Parallel()
	d, h := facts(t)
	d.Name = domain(t, "sub.example.org")
	r := load(t, whole(t, d, h))
	r.TXT["_dmarc.example.org"] = r.TXT["_dmarc.sub.example.org"]
	delete(r.TXT, "_dmarc.sub.example.org")
	found := check(t, r, d, h)
	if len(found) != 1 || found[0].Need != DMARC || !strings.Contains(found[0].Text, "only that of example.org") || len(found[0].Records) != 1 {
		t.Errorf("found %+v", found)
	}
}

// Nothing answers: everything is unknown, nothing is said to be missing.
func TestCheckWithoutDNS(t *testing.T) {
	t.Parallel()
	d, h := facts(t)
	r := &dns.MemResolver{Before: func(context.Context, string, string) error { return errors.New("no network") }}
	for _, f := range check(t, r, d, h) {
		if f.Status != Unknown {
			t.Errorf("without an answer: %+v", f)
		}
	}
}

func TestReverseName(t *testing.T) {
	t.Parallel()
	_, h := facts(t)
	for _, ip := range h.IPs {
		want, err := mdns.ReverseAddr(ip.String())
		if got := ReverseName(ip); err != nil || got != want {
			t.Errorf("%s: %s, want %s", ip, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"v=TLSRPTv1; rua=mailto:a@example.org,https://example.org/", "v=TLSRPTv1;;", "ca.example.net; a=b;c=d", ";", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if _, err := parseTLSRPT(s); err == nil && !strings.HasPrefix(s, "v=TLSRPTv1") {
			t.Errorf("%q is taken", s)
		}
		if name, _, ok := parseIssue(s); ok && strings.ContainsAny(name, "; \t") {
			t.Errorf("issuer %q", name)
		}
	})
}

// Mail programs that connect to the name of the domain need its addresses: there can be no alias beside MX records.
func TestClientSettingsAtDomain(t *testing.T) {
	t.Parallel()
	d, h := facts(t)
	d.ClientSettings = d.Name
	records, err := Records(d, h)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range records {
		if r.Name == "example.org." && r.Need == Autoconfig {
			got = append(got, r.Type+" "+r.Value)
		}
	}
	if want := []string{"A 192.0.2.1", "AAAA 2001:db8::1"}; !slices.Equal(got, want) {
		t.Errorf("records %q, want %q", got, want)
	}
	if l := check(t, load(t, whole(t, d, h)), d, h); len(l) > 0 {
		t.Errorf("found %+v", l)
	}
	r := load(t, whole(t, d, h))
	delete(r.A, "example.org")
	delete(r.AAAA, "example.org")
	if l := check(t, r, d, h); len(l) != 1 || l[0].Status != Problem || len(l[0].Records) != 2 {
		t.Errorf("without addresses: found %+v", l)
	}
	r = load(t, whole(t, d, h))
	r.A["example.org"] = []string{"192.0.2.99"}
	if l := check(t, r, d, h); len(l) != 1 || l[0].Status != Problem || !strings.Contains(l[0].Text, "192.0.2.99") {
		t.Errorf("elsewhere: found %+v", l)
	}
}
