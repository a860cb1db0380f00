package main

import (
	"testing"

	"mox/dns"
)

func dnsblTestResolver() *dns.MemResolver {
	return &dns.MemResolver{
		A: map[string][]string{
			"1.2.0.192.bl.example.net":   {"127.0.0.2", "127.0.0.4"},
			"2.0.0.127.bl.example.net":   {"127.0.0.2"},
			"9.2.0.192.bl.example.net":   {"127.255.255.254"},
			"1.2.0.192.gone.example.net": {"203.0.113.1"},
			"1.0.0.127.all.example.net":  {"127.0.0.2"},
			"2.0.0.127.all.example.net":  {"127.0.0.2"},
			"spam.example.dbl.example":   {"127.0.1.2"},
			"test.dbl.example":           {"127.0.1.2"},
			"2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.bl6.example": {"127.0.0.2"},
		},
		TXT:  map[string][]string{"1.2.0.192.bl.example.net": {"open relay\x1b[31m, see https://bl.example.net/192.0.2.1"}},
		Fail: []string{"7.2.0.192.bl.example.net", "2.0.0.127.fail.example.net", "1.0.0.127.fail.example.net"},
	}
}

func TestDNSBLCheck(t *testing.T) {
	t.Parallel()
	check := func(args ...string) []string { return append([]string{"dnsbl", "check"}, args...) }
	runLookups(t, dnsblTestResolver(), []lookupTest{
		{args: check("bl.example.net", "192.0.2.2"), out: []string{"List:       bl.example.net\nAsked for:  192.0.2.2, as 2.2.0.192.bl.example.net\nResult:     not listed\n"}},
		{args: check("bl.example.net", "2001:db8::1"), out: []string{"Result:     not listed"}},
		{args: check("dbl.example", "good.example"), out: []string{"Asked for:  good.example, as good.example.dbl.example", "not listed"}},

		{args: check("bl.example.net", "192.0.2.1"), code: exitFailure, out: []string{"Result:     listed\n", "Codes:      127.0.0.2, 127.0.0.4\n", "Reason:     open relay", "see https://bl.example.net/192.0.2.1"},
			err: "192.0.2.1 is listed; who operates bl.example.net says how to have an entry removed"},
		{args: check("bl.example.net", "::ffff:192.0.2.1"), code: exitFailure, out: []string{"Asked for:  192.0.2.1,"}, err: "192.0.2.1 is listed"},
		{args: check("dbl.example", "spam.example"), code: exitFailure, out: []string{"Result:     listed"}, err: "spam.example is listed"},
		{args: check("bl.example.net", "192.0.2.9"), code: exitFailure, out: []string{"Result:     not known", "Problem:"}, err: "run a resolver of your own, or register with the list"},
		{args: check("gone.example.net", "192.0.2.1"), code: exitFailure, out: []string{"Result:     not known"}, err: "the list may have gone, do not use it"},
		{args: check("bl.example.net", "192.0.2.7"), code: exitFailure, out: []string{"Result:     not known"}, err: "try again later"},
		{args: check("bl.example.net", "192.0.2.300"), code: exitUsage, err: "neither an IP address nor a domain"},
		{args: check("bl..net", "192.0.2.1"), code: exitUsage, err: "give a name such as example.org"},
		{args: check("bl.example.net"), code: exitUsage, err: "missing argument"},
	})
}

func TestDNSBLCheckHealth(t *testing.T) {
	t.Parallel()
	check := func(args ...string) []string { return append([]string{"dnsbl", "checkhealth"}, args...) }
	runLookups(t, dnsblTestResolver(), []lookupTest{
		{args: check("bl.example.net"), out: []string{"Result:  the test entries are right"}},
		{args: check("--kind", "ipv6", "bl6.example"), out: []string{"Kind:    ipv6", "the test entries are right"}},
		{args: check("--kind", "domain", "dbl.example"), out: []string{"the test entries are right"}},

		{args: check("all.example.net"), code: exitFailure, out: []string{"Result:   not to be used", "1.0.0.127.all.example.net is listed"}, err: "the list may have gone"},
		{args: check("none.example.net"), code: exitFailure, out: []string{"2.0.0.127.none.example.net is not listed"}, err: "correct the name of the zone"},
		{args: check("--kind", "domain", "bl.example.net"), code: exitFailure, out: []string{"not to be used"}, err: "the kind of list"},
		{args: check("fail.example.net"), code: exitFailure, out: []string{"not to be used"}, err: "try again later"},
		{args: check("--kind", "ipv5", "bl.example.net"), code: exitUsage, err: "use ipv4, ipv6 or domain"},
		{args: check("b l"), code: exitUsage, err: "give a name"},
	})
}

func TestDNSBLJSON(t *testing.T) {
	t.Parallel()
	r := dnsblTestResolver()
	var got dnsblJSON
	lookupJSON(t, r, exitFailure, &got, "", "dnsbl", "check", "bl.example.net", "192.0.2.1")
	if !got.Listed || got.Status != "fail" || got.Zone != "bl.example.net" || got.Address != "192.0.2.1" || len(got.Codes) != 2 || got.Explanation == "" || got.Error != "" {
		t.Errorf("listed: %+v", got)
	}
	got = dnsblJSON{}
	lookupJSON(t, r, exitFailure, &got, "", "dnsbl", "check", "bl.example.net", "192.0.2.7")
	if got.Listed || got.Status != "temperror" || got.Error == "" {
		t.Errorf("failure: %+v", got)
	}
	var health struct {
		Zone, Kind, Error string
		Healthy           bool
	}
	lookupJSON(t, r, exitFailure, &health, "", "dnsbl", "checkhealth", "all.example.net")
	if health.Healthy || health.Error == "" || health.Zone != "all.example.net" || health.Kind != "ipv4" {
		t.Errorf("health: %+v", health)
	}
}
