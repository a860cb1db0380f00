package main

import (
	"net"
	"strings"
	"testing"

	"mox/dmarc"
	"mox/dns"
)

func dmarcTestResolver() *dns.MemResolver {
	return &dns.MemResolver{
		A:  map[string][]string{"mx.example.org": {"192.0.2.1"}},
		MX: map[string][]net.MX{"example.org": {{Pref: 10, Host: "mx.example.org."}}},
		TXT: map[string][]string{
			"example.org":         {"v=spf1 mx -all"},
			"mx.example.org":      {"v=spf1 a -all"},
			"other.example":       {"v=spf1 ip4:192.0.2.1 -all"},
			"_dmarc.example.org":  {"v=DMARC1; p=reject; sp=quarantine; pct=50; rua=mailto:dmarc@example.org,mailto:reports@collector.example!10m; ruf=mailto:x@deaf.example"},
			"_dmarc.weak.example": {"v=DMARC1; p=none; fancy=\x1b[31m"},
			"_dmarc.bad.example":  {"v=DMARC1; p=maybe"},
			"_dmarc.two.example":  {"v=DMARC1; p=none", "v=DMARC1; p=reject"},
			"_dmarc.all.example":  {"v=DMARC1; p=reject; rua=mailto:a@collector.example,https://192.0.2.1/report"},
			"_dmarc.good.example": {"v=DMARC1; p=reject; rua=mailto:a@good.example"},

			"example.org._report._dmarc.collector.example": {"v=DMARC1; rua=mailto:inbox@collector.example"},
			"all.example._report._dmarc.collector.example": {"v=DMARC1"},
		},
		Fail:      []string{"_dmarc.fail.example"},
		Authentic: []string{"_dmarc.example.org"},
	}
}

func TestDMARCLookup(t *testing.T) {
	t.Parallel()
	lookup := func(args ...string) []string { return append([]string{"dmarc", "lookup"}, args...) }
	runLookups(t, dmarcTestResolver(), []lookupTest{
		{args: lookup("example.org"), out: []string{
			"Domain:                 example.org\n", "Record at:              _dmarc.example.org\n", "Record:                 v=DMARC1; p=reject; sp=", "DNSSEC:                 authenticated\n",
			"Policy:             reject\n", "For subdomains:     quarantine\n", "Applied to:         50 % of the messages that fail\n", "Alignment of DKIM:  relaxed, the same organizational domain\n",
			"Aggregate reports:  mailto:dmarc@example.org, mailto:reports@collector.example!10m\n", "Failure reports:    mailto:x@deaf.example\n"}},
		{args: lookup("news.example.org"), out: []string{"Domain:                 news.example.org\nOrganizational domain:  example.org\nRecord at:              _dmarc.example.org\n"}},
		{args: lookup("--treewalk", "a.b.example.org"), out: []string{"Record at:              _dmarc.example.org\n"}},
		{args: lookup("weak.example"), out: []string{"Passed over:        fancy:", "use p=quarantine or p=reject", "add rua=mailto:", "correct or remove the tags"}},

		{args: lookup("none.example"), code: exitFailure, out: []string{"Domain:"}, err: `publish a TXT record at _dmarc.none.example, for a start "v=DMARC1; p=none; rua=mailto:..."`},
		{args: lookup("bad.example"), code: exitFailure, out: []string{"Record:                 v=DMARC1; p=maybe", "Problem:"}, err: "the record at _dmarc.bad.example cannot be used"},
		{args: lookup("two.example"), code: exitFailure, out: []string{"Problem:"}, err: "several DMARC records, so that none applies to two.example; leave one"},
		{args: lookup("fail.example"), code: exitFailure, out: []string{"Problem:"}, err: "try again later"},
		{args: lookup("192.0.2.1:25"), code: exitUsage, err: "give a name such as example.org"},
		{args: lookup(), code: exitUsage, err: "missing argument"},
	})
}

func TestDMARCCheckReportAddrs(t *testing.T) {
	t.Parallel()
	check := func(args ...string) []string { return append([]string{"dmarc", "checkreportaddrs"}, args...) }
	runLookups(t, dmarcTestResolver(), []lookupTest{
		{args: check("good.example"), out: []string{"aggregate  mailto:a@good.example  sent, of the same organization\n"}},
		{args: check("weak.example"), out: []string{"the record asks for no reports"}},

		{args: check("news.example.org"), code: exitFailure, out: []string{
			"aggregate  mailto:dmarc@example.org ", "sent to mailto:inbox@collector.example instead, as the host asks",
			"failure    mailto:x@deaf.example ", "not sent: destination host does not accept reports",
			`publish a TXT record "v=DMARC1" at example.org._report._dmarc.deaf.example`},
			err: "1 of 3 addresses for reports cannot be used"},
		{args: check("none.example"), code: exitFailure, err: "no DMARC record applies to none.example"},
		{args: check("fail.example"), code: exitFailure, err: "try again later"},
		{args: check("a b"), code: exitUsage, err: "give a name"},
	})
}

const dmarcTestMessage = "From: Ann <ann@example.org>\nSubject: x\n\nhello\n"

func TestDMARCVerify(t *testing.T) {
	t.Parallel()
	verify := func(args ...string) []string { return append([]string{"dmarc", "verify"}, args...) }
	from := func(value string) string { return strings.Replace(dmarcTestMessage, "Ann <ann@example.org>", value, 1) }
	runLookups(t, dmarcTestResolver(), []lookupTest{
		{args: verify("192.0.2.1", "ann@example.org", "mx.example.org"), stdin: dmarcTestMessage, out: []string{
			"Result:      pass: the message comes from the domain in From\n", "Record:     v=DMARC1; p=reject;", "Aligned:    SPF yes, DKIM no\n",
			"SPF:        pass: 192.0.2.1 may send mail for example.org\n", "Identity:   mailfrom, ann@example.org\n", "Mechanism:  mx\n"}},
		{args: verify("192.0.2.1", "<>", "mx.example.org"), stdin: dmarcTestMessage, out: []string{"Result:      pass", "Identity:   helo, postmaster@mx.example.org"}},
		{args: verify("192.0.2.1", "<ann@example.org>", ""), stdin: dmarcTestMessage, out: []string{"Result:      pass"}},

		{args: verify("192.0.2.1", "ann@other.example", "mx.example.org"), stdin: dmarcTestMessage, code: exitFailure, out: []string{
			"Result:      fail: example.org asks for reject\n", "Asked for:   reject\n", "Aligned:     SPF no, DKIM no\n", "Applied to:  50 % of such messages\n", "SPF:        pass"},
			err: "the message fails DMARC of example.org; if it is genuine, sign it with DKIM for that domain"},
		{args: verify("192.0.2.9", "ann@example.org", "mx.example.org"), stdin: dmarcTestMessage, code: exitFailure, out: []string{"fail: example.org asks for reject", "SPF:        fail:"}, err: "fails DMARC"},
		{args: verify("192.0.2.1", "", ""), stdin: dmarcTestMessage, code: exitFailure, out: []string{"fail: example.org asks for reject"}, err: "fails DMARC"},
		{args: verify("192.0.2.1", "ann@news.example.org", ""), stdin: from("ann@news.example.org"), code: exitFailure, out: []string{"fail: news.example.org asks for quarantine"}, err: "fails DMARC of news.example.org"},
		{args: verify("192.0.2.1", "", ""), stdin: from("ann@none.example"), code: exitFailure, out: []string{"none: no policy applies"}, err: `"mox dmarc lookup" with the domain in From`},
		{args: verify("192.0.2.1", "", ""), stdin: from("ann@fail.example"), code: exitFailure, out: []string{"temperror: DNS does not answer now"}, err: "try again later"},
		{args: verify("192.0.2.1", "", ""), stdin: from("ann@bad.example"), code: exitFailure, out: []string{"permerror: the record cannot be used"}, err: "does not pass DMARC"},
		{args: verify("192.0.2.1", "ann@example.org", ""), stdin: "From: ann@example.org\n" + dmarcTestMessage, code: exitFailure, out: []string{"there is no telling who wrote the message, it should be rejected"}, err: "does not pass DMARC"},
		{args: verify("192.0.2.1", "ann@example.org", ""), stdin: "Subject: x\n\nhello\n", code: exitFailure, out: []string{"there is no telling who wrote the message"}, err: "does not pass DMARC"},
		{args: verify("192.0.2.1", "ann@example.org", ""), code: exitFailure, out: []string{"there is no telling"}, err: "does not pass DMARC"},

		{args: verify("192.0.2.x", "ann@example.org", ""), stdin: dmarcTestMessage, code: exitUsage, err: "is not an IP address"},
		{args: verify("192.0.2.1", "a@@example.org", ""), stdin: dmarcTestMessage, code: exitUsage, err: "invalid address"},
		{args: verify("192.0.2.1", "ann", ""), stdin: dmarcTestMessage, code: exitUsage, err: `give an address, or "" for none`},
		{args: verify("192.0.2.1", "ann@example.org"), stdin: dmarcTestMessage, code: exitUsage, err: "missing argument"},
	})
}

func TestDMARCJSON(t *testing.T) {
	t.Parallel()
	r := dmarcTestResolver()
	var found dmarcFoundJSON
	lookupJSON(t, r, exitOK, &found, "", "dmarc", "lookup", "news.example.org")
	if rec := found.Record; found.Domain != "news.example.org" || found.OrganizationalDomain != "example.org" || found.Status != "" || rec == nil || rec.Domain != "example.org" ||
		rec.Policy != dmarc.PolicyReject || rec.SubdomainPolicy != dmarc.PolicyQuarantine || rec.Percent != 50 || len(rec.AggregateReports) != 2 || len(rec.FailureReports) != 1 {
		t.Errorf("lookup: %+v", found)
	}
	found = dmarcFoundJSON{}
	lookupJSON(t, r, exitFailure, &found, "", "dmarc", "lookup", "none.example")
	if found.Status != dmarc.StatusNone || found.Record != nil {
		t.Errorf("lookup of none: %+v", found)
	}
	var addrs struct {
		Domain       string
		Record       *dmarcRecordJSON
		Destinations []dmarcDestinationJSON
	}
	lookupJSON(t, r, exitFailure, &addrs, "", "dmarc", "checkreportaddrs", "all.example")
	if d := addrs.Destinations; len(d) != 2 || !d[0].Accepted || !d[0].External || d[0].Reports != "aggregate" || d[1].Accepted || d[1].Error == "" {
		t.Errorf("checkreportaddrs: %+v", addrs)
	}
	var verified dmarcVerificationJSON
	lookupJSON(t, r, exitFailure, &verified, dmarcTestMessage, "dmarc", "verify", "192.0.2.1", "ann@other.example", "mx.example.org")
	if verified.Status != dmarc.StatusFail || verified.Apply != dmarc.PolicyReject || len(verified.Domains) != 1 || verified.Domains[0].SPFAligned || verified.SPF == nil ||
		verified.SPF.Status != "pass" || len(verified.Signatures) != 0 {
		t.Errorf("verify: %+v", verified)
	}
	verified = dmarcVerificationJSON{}
	lookupJSON(t, r, exitFailure, &verified, dmarcTestMessage, "dmarc", "verify", "192.0.2.1", "", "")
	if verified.SPF != nil {
		t.Errorf("verify without SPF: %+v", verified.SPF)
	}
}
