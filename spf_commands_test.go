package main

import (
	"net"
	"slices"
	"strings"
	"testing"

	"mox/dns"
	"mox/spf"
)

func spfTestResolver() *dns.MemResolver {
	return &dns.MemResolver{
		A:  map[string][]string{"mx.example.org": {"192.0.2.1"}},
		MX: map[string][]net.MX{"example.org": {{Pref: 10, Host: "mx.example.org."}}},
		TXT: map[string][]string{
			"example.org":            {"unrelated", "v=spf1 mx ip6:2001:db8::/32 exp=why.example.org -all"},
			"why.example.org":        {"%{i} is not one of us"},
			"mx.example.org":         {"v=spf1 a -all"},
			"soft.example.org":       {"v=spf1 ~all"},
			"neutral.example.org":    {"v=spf1 ?all"},
			"user.example.org":       {"v=spf1 exists:%{l}.%{h}.user.example.org -all"},
			"bad.example.org":        {"v=spf1 ip4:192.0.2 -all"},
			"two.example.org":        {"v=spf1 -all", "v=spf1 mx -all"},
			"xn--mnchen-3ya.example": {"v=spf1 +all"},
		},
		Fail:      []string{"fail.example.org"},
		Authentic: []string{"txt example.org"},
	}
}

func TestSPFCheck(t *testing.T) {
	t.Parallel()
	r := spfTestResolver()
	r.A["ann.mx.example.net.user.example.org"] = []string{"127.0.0.2"}
	check := func(args ...string) []string { return append([]string{"spf", "check"}, args...) }
	runLookups(t, r, []lookupTest{
		{args: check("example.org", "192.0.2.1"), out: []string{
			"Result:        pass: 192.0.2.1 may send mail for example.org\n", "Identity:      mailfrom, postmaster@example.org\n", "Mechanism:     mx\n",
			"DNSSEC:        not authenticated\n", "Lookups:       1 terms (at most 10), of which 0 had no answer (at most 2)\n", "Received-SPF:  pass", "client-ip=192.0.2.1"}},
		{args: check("example.org", "::ffff:192.0.2.1"), out: []string{"pass: 192.0.2.1 may"}},
		{args: check("example.org", "2001:db8::1"), out: []string{"pass: 2001:db8::1 may", "Mechanism:     ip6:2001:db8::/32"}},
		{args: check("--identity", "helo", "mx.example.org", "192.0.2.1"), out: []string{"Identity:      helo, postmaster@mx.example.org"}},
		{args: check("--mailfrom", "ann@user.example.org", "--helo", "mx.example.net", "user.example.org", "192.0.2.1"), out: []string{"pass:", "Identity:      mailfrom, ann@user.example.org"}},
		{args: check("münchen.example", "192.0.2.1"), out: []string{"may send mail for münchen.example (xn--mnchen-3ya.example)"}},

		{args: check("example.org", "192.0.2.2"), code: exitFailure, out: []string{
			"Result:        fail: 192.0.2.2 must not send mail for example.org", "Explanation:   192.0.2.2 is not one of us", `Advice:        if this host is to send for the domain, add ip4:192.0.2.2 to the record`},
			err: "the result of 192.0.2.2 for postmaster@example.org is fail"},
		{args: check("user.example.org", "2001:db8::1"), code: exitFailure, out: []string{"add ip6:2001:db8::1 to the record"}, err: "is fail"},
		{args: check("soft.example.org", "192.0.2.2"), code: exitFailure, out: []string{"softfail: 192.0.2.2 probably should not"}, err: "is softfail"},
		{args: check("neutral.example.org", "192.0.2.2"), code: exitFailure, out: []string{"neutral: neutral.example.org says nothing about 192.0.2.2"}, err: "is neutral"},
		{args: check("none.example.org", "192.0.2.2"), code: exitFailure, out: []string{"none: there is no policy", "publish a TXT record at none.example.org"}, err: "is none"},
		{args: check("bad.example.org", "192.0.2.2"), code: exitFailure, out: []string{"permerror: the policy cannot be used", "Problem:", `"mox spf lookup bad.example.org" explains it`}, err: "is permerror"},
		{args: check("fail.example.org", "192.0.2.2"), code: exitFailure, out: []string{"temperror: DNS does not answer now"}, err: "try again later"},

		{args: check("example.org", "192.0.2"), code: exitUsage, err: "is not an IP address"},
		{args: check("example..org", "192.0.2.1"), code: exitUsage, err: "give a name such as example.org"},
		{args: check("--identity", "from", "example.org", "192.0.2.1"), code: exitUsage, err: "use mailfrom or helo"},
		{args: check("--mailfrom", "ann", "example.org", "192.0.2.1"), code: exitUsage, err: `--mailfrom "ann"`},
		{args: check("--mailfrom", "ann@example.net", "example.org", "192.0.2.1"), code: exitUsage, err: "give both the same domain"},
		{args: check("--identity", "helo", "--helo", "x.example.org", "example.org", "192.0.2.1"), code: exitUsage, err: "leave out --mailfrom and --helo"},
		{args: check("example.org"), code: exitUsage, err: "missing argument"},
	})
}

func TestSPFLookup(t *testing.T) {
	t.Parallel()
	lookup := func(domain string) []string { return []string{"spf", "lookup", domain} }
	runLookups(t, spfTestResolver(), []lookupTest{
		{args: lookup("example.org"), out: []string{
			"Domain:  example.org\nRecord:  v=spf1 mx ip6:2001:db8::/32 exp=why.example.org -all\nDNSSEC:  authenticated\n\n",
			"pass  mx                   the mail servers of the domain\n", "fail  -all                 all others\n", "exp=why.example.org"}},
		{args: lookup("xn--mnchen-3ya.example"), out: []string{"Domain:  münchen.example (xn--mnchen-3ya.example)", "Advice:  every host may send for the domain"}},

		{args: lookup("none.example.org"), code: exitFailure, out: []string{"Problem:  domain has no SPF record"}, err: "publish a TXT record there"},
		{args: lookup("two.example.org"), code: exitFailure, out: []string{"Problem:"}, err: "join them into one"},
		{args: lookup("bad.example.org"), code: exitFailure, out: []string{"Record:   v=spf1 ip4:192.0.2 -all", "Problem:"}, err: "ip4:192.0.2"},
		{args: lookup("fail.example.org"), code: exitFailure, err: "try again later"},
		{args: lookup("exa mple"), code: exitUsage, err: "give a name"},
		{args: []string{"spf", "lookup"}, code: exitUsage, err: "missing argument"},
	})
}

func TestSPFParse(t *testing.T) {
	t.Parallel()
	parse := func(txt string) []string { return []string{"spf", "parse", txt} }
	runLookups(t, spfTestResolver(), []lookupTest{
		{args: parse("v=spf1 a/24 mx:example.net include:_spf.example.net exists:%{i}.list.example ~all other=x"), out: []string{
			"pass      a/24 ", "the addresses of the domain", "the mail servers of example.net", "hosts that pass by the policy of _spf.example.net",
			"hosts for which there is the name %{i}.list.example", "softfail  ~all ", "other=x", "no effect"}},
		{args: parse("v=spf1 redirect=_spf.example.net"), out: []string{"for all others, by the policy of that domain"}},
		{args: parse("v=spf1 mx"), out: []string{"end the record with -all"}},
		{args: parse("v=spf1 -all mx"), out: []string{`put "all" last`}},
		{args: parse("v=spf1 -all redirect=example.org"), out: []string{"redirect has no effect"}},
		{args: parse("v=spf1 ptr -all"), out: []string{"ptr is slow and unreliable"}},
		{args: parse("v=spf1 ?all"), out: []string{"?all says nothing"}},
		{args: parse("v=spf1" + strings.Repeat(" a", 11) + " -all"), out: []string{"11 terms need DNS and more than 10 are an error"}},

		{args: parse("v=spf1 ip4:192.0.2.0/33 -all"), code: exitFailure, err: "ip4:192.0.2.0/33"},
		{args: parse("v=spf2 -all"), code: exitFailure, err: "correct the record"},
		{args: parse("v=spf1 redirect=a.b redirect=c.d"), code: exitFailure, err: "correct the record"},
		{args: []string{"spf", "parse", "v=spf1", "mx"}, code: exitUsage, err: "unexpected argument"},
	})
}

func TestSPFJSON(t *testing.T) {
	t.Parallel()
	r := spfTestResolver()
	var check spfJSON
	lookupJSON(t, r, exitFailure, &check, "", "spf", "check", "example.org", "192.0.2.2")
	if check.Status != spf.Fail || check.Identity != spf.MailFrom || check.Domain != "example.org" || check.Sender != "postmaster@example.org" || check.IP != "192.0.2.2" ||
		check.Mechanism != "all" || check.Explanation != "192.0.2.2 is not one of us" || check.Lookups != 1 || !strings.HasPrefix(check.ReceivedSPF, "fail") {
		t.Errorf("check: %+v", check)
	}
	var record spfRecordJSON
	lookupJSON(t, r, exitOK, &record, "", "spf", "lookup", "example.org")
	texts := []string{}
	for _, term := range record.Terms {
		texts = append(texts, term.Text)
	}
	if !slices.Equal(texts, []string{"mx", "ip6:2001:db8::/32", "-all"}) || record.Terms[1].Prefix != "2001:db8::/32" || record.Terms[2].Result != spf.Fail ||
		record.Exp != "why.example.org" || record.Authentic == nil || !*record.Authentic || record.Error != "" || record.Advice != nil {
		t.Errorf("lookup: %+v", record)
	}
	record = spfRecordJSON{}
	lookupJSON(t, r, exitFailure, &record, "", "spf", "lookup", "two.example.org")
	if record.Error == "" || record.Terms != nil {
		t.Errorf("lookup of several: %+v", record)
	}
	record = spfRecordJSON{}
	lookupJSON(t, r, exitOK, &record, "", "spf", "parse", "v=spf1 a/24//64 ptr -all")
	if len(record.Terms) != 3 || *record.Terms[0].IP4Len != 24 || *record.Terms[0].IP6Len != 64 || record.Authentic != nil || len(record.Advice) != 1 {
		t.Errorf("parse: %+v", record)
	}
}
