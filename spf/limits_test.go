package spf

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mox/dns"
)

// TestLookupLimit covers the 10 terms of RFC 7208 §4.6.4.
func TestLookupLimit(t *testing.T) {
	t.Parallel()
	const ip = "192.0.2.1"
	common := `
		a.example A 203.0.113.1
		a.example MX 10 a.example
		five.example TXT v=spf1 a:a.example mx:a.example a:a.example mx:a.example a:a.example -all
		nine.example TXT v=spf1` + strings.Repeat(" a:a.example", 9) + `
		ten.example TXT v=spf1` + strings.Repeat(" a:a.example", 10) + `
		loop1.example TXT v=spf1 include:loop2.example
		loop2.example TXT v=spf1 include:loop1.example
		redirect.example TXT v=spf1 redirect=redirect.example
		fork.example TXT v=spf1 include:fork.example include:fork.example include:fork.example
		192.0.2.1 PTR client.example
		client.example A 192.0.2.1
	`
	a := func(n int) string { return strings.Repeat(" a:a.example", n) }
	evaluateRows(t, common, []row{
		{"v=spf1" + a(10) + " -all", ip, Fail, ""},
		{"v=spf1" + a(9) + " mx:a.example ip4:192.0.2.1", ip, Pass, ""},
		{"v=spf1" + a(9) + " ptr:client.example", ip, Pass, ""},
		{"v=spf1" + a(9) + " exists:a.example", ip, Pass, ""},
		{"v=spf1" + strings.Repeat(" -ip4:203.0.113.1 -ip6:::/0", 500) + " all", ip, Pass, ""}, // These need no DNS.
		{"v=spf1 include:nine.example ip4:192.0.2.1", ip, Pass, ""},
		{"v=spf1" + a(9) + " redirect=self.example", ip, Permerror, ""},                // No such record, but within the limit.
		{"v=spf1" + a(10) + " -all exp=why.example", ip, Fail, ""},                     // exp does not count.
		{"v=spf1 ip4:192.0.2.1" + a(11), ip, Pass, ""},                                 // What is not evaluated does not count.
		{"v=spf1" + a(9) + " exists:%{p}.x.example -all", ip, Permerror, ""},           // The macro p counts too.
		{"v=spf1 ptr:no.example" + a(8) + " exists:%{p}.x.example -all", ip, Fail, ""}, // But is not looked up twice.
		{"v=spf1" + a(11) + " -all", ip, Permerror, ""},
		{"v=spf1" + a(10) + " mx:a.example", ip, Permerror, ""},
		{"v=spf1" + a(10) + " exists:a.example", ip, Permerror, ""},
		{"v=spf1" + a(10) + " ptr:client.example", ip, Permerror, ""},
		{"v=spf1" + a(10) + " include:nine.example", ip, Permerror, ""},
		{"v=spf1" + a(10) + " redirect=nine.example", ip, Permerror, ""},
		{"v=spf1" + a(10) + " a:b..example", ip, Permerror, ""},
		{"v=spf1 include:ten.example ip4:192.0.2.1", ip, Permerror, ""},
		{"v=spf1 a:a.example include:nine.example ip4:192.0.2.1", ip, Permerror, ""},
		{"v=spf1 ?include:five.example redirect=five.example", ip, Permerror, ""}, // One limit for all.
		{"v=spf1 include:loop1.example", ip, Permerror, ""},
		{"v=spf1 include:p.example", ip, Permerror, ""},
		{"v=spf1 redirect=p.example", ip, Permerror, ""},
		{"v=spf1 redirect=redirect.example", ip, Permerror, ""},
		{"v=spf1 include:fork.example", ip, Permerror, ""},
	})
}

// TestVoidLimit covers the 2 void lookups of RFC 7208 §4.6.4.
func TestVoidLimit(t *testing.T) {
	t.Parallel()
	const ip = "192.0.2.1"
	evaluateRows(t, `
		host.example A 203.0.113.1
		hostmx.example MX 10 host.example
		v6.example AAAA 2001:db8::1
		deadmx.example MX 10 nx1.example
		deadmx.example MX 20 nx2.example
		deadmx.example MX 30 nx3.example
		two.example TXT v=spf1 a:nx1.example a:nx2.example
		why.p.example TXT you
		192.0.2.2 PTR nx1.example
		192.0.2.2 PTR nx2.example
		192.0.2.2 PTR nx3.example
	`, []row{
		{"v=spf1 a:nx1.example a:nx2.example all", ip, Pass, ""},
		{"v=spf1 a:nx1.example mx:nx1.example all", ip, Pass, ""},
		{"v=spf1 a:nx1.example a:nx2.example -all exp=nx3.example", ip, Fail, ""},  // exp does not count.
		{"v=spf1 mx:deadmx.example a:host.example all", ip, Pass, ""},              // One term.
		{"v=spf1 ptr exists:nx1.example a:nx2.example all", "192.0.2.2", Pass, ""}, // The names of the client do not count.
		{"v=spf1 a:nx1.example a:nx2.example a:nx3.example all", ip, Permerror, ""},
		{"v=spf1 a:nx1.example mx:nx1.example exists:nx1.example all", ip, Permerror, ""},
		{"v=spf1 a:v6.example a:v6.example a:v6.example all", ip, Permerror, ""}, // No records of the type.
		{"v=spf1 mx:host.example mx:host.example mx:host.example all", ip, Permerror, ""},
		{"v=spf1 mx:deadmx.example mx:deadmx.example mx:deadmx.example all", ip, Permerror, ""},
		{"v=spf1 ptr exists:nx1.example a:nx2.example all", ip, Permerror, ""}, // The client has no name.
		{"v=spf1 include:two.example a:nx1.example all", ip, Permerror, ""},    // One limit for all.
	})
}

// TestMXAndPTRLimits covers the 10 names of RFC 7208 §4.6.4.
func TestMXAndPTRLimits(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := 1; i <= 20; i++ {
		fmt.Fprintf(&b, "h%d.p.example A 192.0.2.%d\n", i, i)
		fmt.Fprintf(&b, "many.example MX %d h%d.p.example\n", i, i)
		if i <= 10 {
			fmt.Fprintf(&b, "ten.example MX %d h%d.p.example\n", i, i)
		}
		// The name that is right is the 10th of .10 and the 11th of .11.
		fmt.Fprintf(&b, "192.0.2.10 PTR h%d.p.example\n192.0.2.11 PTR h%d.p.example\n", i, i)
		fmt.Fprintf(&b, "a.example A 192.0.2.%d\n", i)
	}
	evaluateRows(t, b.String(), []row{
		{"v=spf1 mx:ten.example -all", "192.0.2.10", Pass, ""},
		{"v=spf1 ptr -all", "192.0.2.10", Pass, ""},
		{"v=spf1 a:a.example -all", "192.0.2.20", Pass, ""}, // There is no limit of addresses.
		{"v=spf1 mx:many.example -all", "192.0.2.1", Permerror, ""},
		{"v=spf1 mx:many.example -all", "192.0.2.11", Permerror, ""},
		{"v=spf1 ptr -all", "192.0.2.11", Fail, ""}, // The 11th is ignored.
	})
}

// TestTimeout covers the time limit of RFC 7208 §4.6.4.
func TestTimeout(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		policy  string
		timeout time.Duration
		want    Status
		least   time.Duration
	}{
		{"v=spf1 a:h.example a:h.example -all", 0, Fail, 9 * time.Second}, // Each lookup takes 3.
		{"v=spf1 -all exp=h.example", 0, Fail, 6 * time.Second},
		{"v=spf1" + strings.Repeat(" a:h.example", 9), 0, Temperror, 20 * time.Second},
		{"v=spf1" + strings.Repeat(" ptr", 9) + " -all", 4 * time.Second, Temperror, 4 * time.Second},
		{"v=spf1 exists:%{p}.example -all", 4 * time.Second, Temperror, 4 * time.Second},
		{"v=spf1 mx:h.example -all", time.Second, Temperror, time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			resolver := zone(t, `
				h.example A 203.0.113.1
				h.example MX 10 h.example
				h.example TXT why
				192.0.2.1 PTR h.example
				p.example TXT `+test.policy)
			resolver.Before = func(ctx context.Context, _, _ string) error {
				select {
				case <-time.After(3 * time.Second):
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			args := session(t, "192.0.2.1", "user@p.example")
			args.Timeout = test.timeout
			begin := time.Now()
			res := CheckMailFrom(t.Context(), resolver, args)
			if took := time.Since(begin); res.Status != test.want || took != test.least {
				t.Errorf("%s: %s (%s) after %v, want %s after %v", test.policy, res.Status, res.Problem, took, test.want, test.least)
			}
			if test.want == Temperror && !errors.Is(res.Err, context.DeadlineExceeded) {
				t.Errorf("%s: error %v", test.policy, res.Err)
			}
		})
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	resolver := zone(t, "p.example TXT v=spf1 all")
	if res := CheckMailFrom(ctx, resolver, session(t, "192.0.2.1", "user@p.example")); res.Status != Temperror || !errors.Is(res.Err, context.Canceled) {
		t.Errorf("canceled: %s, %v", res.Status, res.Err)
	}
}

// countingResolver counts lookups and refuses other names than DNS can have.
type countingResolver struct {
	dns.Resolver
	t     testing.TB
	calls int
}

func (r *countingResolver) count(name string) {
	r.calls++
	if len(name) > 254 || !strings.HasSuffix(name, ".") || strings.Contains(strings.TrimSuffix(name, "."), "..") {
		r.t.Errorf("lookup of %q", name)
	}
}

func (r *countingResolver) LookupTXT(ctx context.Context, name string) ([]string, dns.Result, error) {
	r.count(name)
	return r.Resolver.LookupTXT(ctx, name)
}

func (r *countingResolver) LookupMX(ctx context.Context, name string) ([]net.MX, dns.Result, error) {
	r.count(name)
	return r.Resolver.LookupMX(ctx, name)
}

func (r *countingResolver) LookupIP(ctx context.Context, network, name string) ([]netip.Addr, dns.Result, error) {
	r.count(name)
	return r.Resolver.LookupIP(ctx, network, name)
}

func (r *countingResolver) LookupAddr(ctx context.Context, ip netip.Addr) ([]string, dns.Result, error) {
	r.count("ptr.")
	return r.Resolver.LookupAddr(ctx, ip)
}

// mostLookups is what the package promises: the first record, 10 terms of up to 11
// lookups, the names of the client and the explanation.
const mostLookups = 1 + 10*11 + 11 + 1

// TestHostileRecords evaluates what wants to cost time and memory (RFC 7208 §11.1).
func TestHostileRecords(t *testing.T) {
	t.Parallel()
	var mxs strings.Builder
	for i := range 10 {
		for n := range 10 {
			fmt.Fprintf(&mxs, "mx%d.example MX 10 victim%d-%d.example\nvictim%d-%d.example A 203.0.113.1\n", i, i, n, i, n)
		}
	}
	for _, test := range []struct {
		name, policy, more string
		want               Status
	}{
		{"amplification", "v=spf1 mx:mx0.example mx:mx1.example mx:mx2.example mx:mx3.example mx:mx4.example mx:mx5.example mx:mx6.example mx:mx7.example mx:mx8.example mx:mx9.example -all exp=%{p}.x.example", mxs.String(), Fail},
		{"includes", "v=spf1" + strings.Repeat(" include:p.example", 3000), "", Permerror},
		{"macros", "v=spf1 exists:" + strings.Repeat("%{S}", 15000), "", Neutral},
		{"digits", "v=spf1 exists:%{d" + strings.Repeat("9", 60000) + "}.example -all", "p.example.example A 127.0.0.1", Pass},
		{"delimiters", "v=spf1 exists:%{d" + strings.Repeat(".-+,/_=", 9000) + "}.example -all", "p.example.example A 127.0.0.1", Pass},
		{"networks", "v=spf1" + strings.Repeat(" ip4:1.1.1.1", 5000) + " -all", "", Fail},
		{"megabytes", "v=spf1 " + strings.Repeat("a ", 2<<20), "", Permerror},
		{"megabytes of explanation", "v=spf1 -all exp=why.example", "why.example TXT " + strings.Repeat("x", 8<<20), Fail},
		{"long names that are none", "v=spf1 include:" + strings.Repeat("%%", 30000), "", Permerror},
		{"long names in a redirect", "v=spf1 redirect=" + strings.Repeat("%_", 30000), "", Permerror},
		{"explanation that grows", "v=spf1 -all exp=why.example", "why.example TXT " + strings.Repeat("%{S}", 1<<14), Fail},
	} {
		resolver := &countingResolver{Resolver: zone(t, "p.example TXT "+test.policy+"\n"+test.more), t: t}
		begin := time.Now()
		res := CheckMailFrom(t.Context(), resolver, session(t, "192.0.2.1", strings.Repeat("x@", 100)+"@p.example"))
		if res.Status != test.want {
			t.Errorf("%s: %s (%s), want %s", test.name, res.Status, res.Problem, test.want)
		}
		if resolver.calls > mostLookups {
			t.Errorf("%s: %d lookups", test.name, resolver.calls)
		}
		if len(res.Problem) > 1000 || len(res.Explanation) > maxExplanation {
			t.Errorf("%s: problem of %d bytes, explanation of %d bytes", test.name, len(res.Problem), len(res.Explanation))
		}
		t.Logf("%s: %s, %d lookups, %v", test.name, res.Status, resolver.calls, time.Since(begin))
	}

	// As many texts as a resolver may return, all but one something else.
	texts := make([]string, 100000)
	for i := range texts {
		texts[i] = "v=spf10 all"
	}
	texts[500] = "v=spf1 all"
	many := &dns.MemResolver{TXT: map[string][]string{"p.example": texts}}
	if res := CheckMailFrom(t.Context(), many, session(t, "192.0.2.1", "user@p.example")); res.Status != Pass {
		t.Errorf("many texts: %s (%s)", res.Status, res.Problem)
	}
}
