package spf

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"mox/dns"
	"mox/smtp"
)

func FuzzParseRecord(f *testing.F) {
	for _, s := range []string{
		"v=spf1", "v=spf1 +mx a:colo.example.com/28 -all", "v=spf1 include:_spf.google.com ~all",
		"v=spf1 ip4:192.0.2.128/28 ip6:2001:db8::/32 ?exists:%{ir}.%{l1r+-}._spf.%{d}/24 exp=x.%{d2} redirect=_spf.%{o}",
		"v=spf1 a/24//64 mx:%{d}//0 ptr:example.org moo.cow=%{t}%%%_%- -ALL",
		"v=spf1 a:foo:bar/baz.example.com -all", "v=spf1 a:%", "v=spf1 ip4:1.2.3.4/33", "V=sPf1  a  ",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRecord(s)
		if err != nil {
			if len(err.Error()) > 1000 {
				t.Fatalf("error of %d bytes", len(err.Error()))
			}
			return
		}
		text := r.String()
		again, err := ParseRecord(text)
		if err != nil {
			t.Fatalf("%q is written %q: %v", s, text, err)
		}
		if !reflect.DeepEqual(again, r) {
			t.Fatalf("%q is written %q, which is %+v, not %+v", s, text, again, r)
		}
	})
}

func FuzzMacros(f *testing.F) {
	for _, s := range []string{
		"%{s} %{l1r-} %{o} %{d2r} %{ir}.%{v} %{p} %{h} %{c} %{r} %{t}", "http://%{D}/?s=%{S}&i=%{I}%%%_%-", "%{d127.-+,/_=}", "%{", "%{d0}",
		strings.Repeat("a.", 130) + "com", "%{ir}.%{l}.x.y.",
	} {
		f.Add(s, "strong-bad", "mail.example.net", "2001:db8::cb01")
	}
	f.Add("%{l}.%{h}", "jörg", "[192.0.2.1]", "::ffff:192.0.2.3")
	f.Fuzz(func(t *testing.T, text, local, hello, address string) {
		ip, err := netip.ParseAddr(address)
		if err != nil {
			return
		}
		e := newEvaluation(&dns.MemResolver{}, Args{RemoteIP: ip, Hello: hello}, local, "email.example.com")
		exp := e.expandExplanation(t.Context(), text, "example.com")
		if len(exp) > maxExplanation {
			t.Fatalf("explanation of %d bytes", len(exp))
		}
		if strings.ContainsFunc(exp, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Fatalf("explanation %q", exp)
		}
		if checkDomainSpec(text) != nil {
			return
		}
		target, err := e.target(t.Context(), text, "example.com")
		if err == nil && isName(target) && len(target) > maxName {
			t.Fatalf("name of %d bytes", len(target))
		}
		// What a record may have must expand, but for the one reason that the sender can give.
		if err != nil && err != errInternational {
			t.Fatalf("%q: %v", text, err)
		}
	})
}

func FuzzParseReceived(f *testing.F) {
	for _, s := range []string{
		" pass (mybox.example.org: domain of\r\n myname@example.com designates 192.0.2.1 as permitted sender)\r\n" +
			"    receiver=mybox.example.org; client-ip=192.0.2.1;\r\n    envelope-from=\"myname@example.com\"; helo=foo.example.com;\r\n",
		"fail (a (b \\) c)) x = \"q \\\" q\" (c) ; mechanism=ip4:192.0.2.0/24", "permerror problem=\"ü\"", "none", "pass client-ip=2001:db8::1",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseReceived(s)
		if err != nil {
			return
		}
		// What is written need not be what was read, since values are cut and cleaned, but
		// written again it stays.
		field := string(r.AppendField(nil))
		again, err := ParseReceived(strings.TrimPrefix(field, "Received-SPF:"))
		if err != nil {
			t.Fatalf("%q is written %q: %v", s, field, err)
		}
		if field2 := string(again.AppendField(nil)); field2 != field {
			t.Fatalf("%q is written %q and then %q", s, field, field2)
		}
		checkField(t, again, field)
	})
}

// FuzzEvaluate evaluates policies of a zone of 8 domains, which can refer to each other.
func FuzzEvaluate(f *testing.F) {
	f.Add("-all", "a mx ptr", "exists:%{l}.d3.test", "include:d1.test", "redirect=d0.test exp=d7.test", "?mx:d2.test//0 all", "all", "v=spf1", "u", "192.0.2.1")
	f.Add("include:d1.test include:d0.test", "include:d0.test", "redirect=d2.test", "redirect=d4.test", "redirect=d3.test", "-exists:%{p}.test", "a:nx", "%{s}", "jörg", "2001:db8::1")
	f.Add("a:d1.test a:d2.test a:d3.test a:d4.test a:d5.test mx:d1.test mx:d2.test mx:d3.test mx:d4.test ptr ptr", "", "", "", "", "", "", "", "", "::ffff:192.0.2.7")
	f.Fuzz(func(t *testing.T, r0, r1, r2, r3, r4, r5, r6, text, local, address string) {
		ip, err := netip.ParseAddr(address)
		if err != nil {
			return
		}
		mem := zone(t, "d7.test FAIL txt\nd6.test CNAME d5.test")
		mem.PTR[ip.Unmap().WithZone("").String()] = []string{"d0.test", "D1.Test.", "", "a..b", "d7.test"}
		for i, r := range []string{r0, r1, r2, r3, r4, r5, r6} {
			d := fmt.Sprintf("d%d.test", i)
			mem.TXT[d] = []string{text, "v=spf1 " + r}
			mem.A[d] = []string{"192.0.2.1", "198.51.100.7"}
			mem.AAAA[d] = []string{"2001:db8::1"}
			for n := range (i * 2) % 12 {
				mem.MX[d] = append(mem.MX[d], zone(t, fmt.Sprintf("m MX %d d%d.test", n, n)).MX["m"]...)
			}
		}
		resolver := &countingResolver{Resolver: mem, t: t}
		args := Args{RemoteIP: ip, Hello: text, Explain: true,
			MailFrom: smtp.Path{Localpart: smtp.Localpart(local), IPDomain: dns.IPDomain{Domain: dns.Domain{ASCII: "d0.test"}}}}
		res := CheckMailFrom(t.Context(), resolver, args)
		if !res.Status.known() {
			t.Fatalf("status %q", res.Status)
		}
		if resolver.calls > mostLookups || res.Lookups > maxLookups {
			t.Fatalf("%d lookups, %d terms", resolver.calls, res.Lookups)
		}
		if again := CheckMailFrom(t.Context(), mem, args); again.Status != res.Status {
			t.Fatalf("%s, then %s", res.Status, again.Status)
		}
		field := NewReceived(args, res).AppendField(nil)
		if _, err := ParseReceived(strings.TrimPrefix(string(field), "Received-SPF:")); err != nil {
			t.Fatalf("field %q: %v", field, err)
		}
	})
}
