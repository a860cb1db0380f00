package main

import (
	"net"
	"reflect"
	"testing"
	"time"

	"mox/dns"
)

func dnsTestResolver() *dns.MemResolver {
	return &dns.MemResolver{
		A:         map[string][]string{"mx.example.org": {"192.0.2.1"}},
		AAAA:      map[string][]string{"mx.example.org": {"2001:db8::1"}},
		CNAME:     map[string]string{"www.example.org": "mx.example.org"},
		MX:        map[string][]net.MX{"example.org": {{Pref: 5, Host: "mx.example.org."}, {Pref: 100, Host: "backup.example.org."}}},
		NS:        map[string][]string{"example.org": {"ns.example.org."}},
		CAA:       map[string][]dns.CAA{"example.org": {{Tag: "issue", Value: "ca.example.net"}}},
		TXT:       map[string][]string{"example.org": {"v=spf1 -all", "red\x1b[31m \"quoted\""}},
		TLSA:      map[string][]dns.TLSA{"_25._tcp.mx.example.org": {{Usage: 3, Selector: 1, MatchType: 1, CertAssoc: []byte{1, 2}}}},
		PTR:       map[string][]string{"192.0.2.1": {"mx.example.org."}},
		Authentic: []string{"mx example.org", "mx none.example.org"},
		Fail:      []string{"fail.example.org"},
		TTL:       time.Hour,
		SRV:       map[string][]net.SRV{"_imaps._tcp.example.org": {{Priority: 1, Weight: 2, Port: 993, Target: "mx.example.org."}}},
	}
}

func TestDNSLookup(t *testing.T) {
	t.Parallel()
	lookup := func(args ...string) []string { return append([]string{"dns", "lookup"}, args...) }
	runLookups(t, dnsTestResolver(), []lookupTest{
		{args: lookup("mx", "example.org"), out: []string{"Name:    example.org\nType:    MX\nDNSSEC:  authenticated\nTTL:     1h0m0s\n\n5    mx.example.org.\n100  backup.example.org.\n"}},
		{args: lookup("MX", "Example.ORG."), out: []string{"5    mx.example.org."}},
		{args: lookup("ptr", "192.0.2.1"), out: []string{"Name:    192.0.2.1", "\nmx.example.org.\n", "DNSSEC:  not authenticated"}},
		{args: lookup("cname", "www.example.org"), out: []string{"\nmx.example.org.\n"}},
		{args: lookup("ips", "mx.example.org"), out: []string{"\n192.0.2.1\n", "\n2001:db8::1\n"}},
		{args: lookup("a", "www.example.org"), out: []string{"\n192.0.2.1\n"}},
		{args: lookup("aaaa", "mx.example.org"), out: []string{"\n2001:db8::1\n"}},
		{args: lookup("ns", "example.org"), out: []string{"\nns.example.org.\n"}},
		{args: lookup("txt", "example.org"), out: []string{"\n\"v=spf1 -all\"\n", `"red\x1b[31m \"quoted\""`}},
		{args: lookup("srv", "_imaps._tcp.example.org"), out: []string{"\n1  2  993  mx.example.org.\n"}},
		{args: lookup("caa", "example.org"), out: []string{"\n0 issue \"ca.example.net\"\n"}},
		{args: lookup("tlsa", "_25._tcp.mx.example.org"), out: []string{"\n3 1 1 0102  (dane-ee, spki, sha2-256)\n"}},

		{args: lookup("mx", "none.example.org"), code: exitFailure, out: []string{"DNSSEC:  authenticated"}, err: "none.example.org has no MX record; correct the name"},
		{args: lookup("ips", "example.org"), code: exitFailure, err: "has no address;"},
		{args: lookup("aaaa", "example.org"), code: exitFailure, err: "has no AAAA record;"},
		{args: lookup("srv", "_pop3._tcp.example.org"), code: exitFailure, err: "has no SRV record;"},
		{args: lookup("ptr", "192.0.2.2"), code: exitFailure, err: "192.0.2.2 has no PTR record;"},
		{args: lookup("a", "fail.example.org"), code: exitFailure, err: "try again later, and if it stays so check the name servers in /etc/resolv.conf"},
		{args: lookup("spf", "example.org"), code: exitUsage, err: `unknown type "spf"; use one of ptr, mx,`},
		{args: lookup("ptr", "mx.example.org"), code: exitUsage, err: "is not an IP address"},
		{args: lookup("a", "a..b"), code: exitUsage, err: "give a name such as example.org"},
		{args: lookup("a"), code: exitUsage, err: "missing argument"},
		{args: []string{"dns"}, code: exitUsage, err: "missing subcommand"},
		{args: []string{"dns", "look"}, code: exitUsage, err: `did you mean "lookup"?`},
	})
}

func TestDNSLookupJSON(t *testing.T) {
	t.Parallel()
	r := dnsTestResolver()
	for _, tc := range []struct {
		typ, name string
		code      int
		want      dnsJSON
	}{
		{"mx", "example.org", exitOK, dnsJSON{"mx", "example.org", true, 3600, []any{
			map[string]any{"preference": 5.0, "host": "mx.example.org."}, map[string]any{"preference": 100.0, "host": "backup.example.org."}}}},
		{"txt", "example.org", exitOK, dnsJSON{"txt", "example.org", false, 3600, []any{"v=spf1 -all", "red\x1b[31m \"quoted\""}}},
		{"tlsa", "_25._tcp.mx.example.org", exitOK, dnsJSON{"tlsa", "_25._tcp.mx.example.org", false, 3600, []any{
			map[string]any{"usage": 3.0, "selector": 1.0, "matchType": 1.0, "data": "0102"}}}},
		{"srv", "_imaps._tcp.example.org", exitOK, dnsJSON{"srv", "_imaps._tcp.example.org", false, 3600, []any{
			map[string]any{"priority": 1.0, "weight": 2.0, "port": 993.0, "target": "mx.example.org."}}}},
		{"ptr", "192.0.2.1", exitOK, dnsJSON{"ptr", "192.0.2.1", false, 3600, []any{"mx.example.org."}}},
		{"mx", "none.example.org", exitFailure, dnsJSON{"mx", "none.example.org", true, 3600, []any{}}},
	} {
		var got dnsJSON
		lookupJSON(t, r, tc.code, &got, "", "dns", "lookup", tc.typ, tc.name)
		if !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s %s: %+v, want %+v", tc.typ, tc.name, got, tc.want)
		}
	}
}
