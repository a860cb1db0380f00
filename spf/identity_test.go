package spf

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"mox/dns"
	"mox/smtp"
)

// TestMailFromDomain covers which domain is asked for when the local part looks like a path of its own (RFC 7208
// §2.2), from MAIL as the client wrote it.
func TestMailFromDomain(t *testing.T) {
	t.Parallel()
	resolver := zone(t, `
		p.example TXT v=spf1 -all
		victim.example TXT v=spf1 +all
	`)
	for _, test := range []struct {
		path   string
		domain string // Empty if MAIL is refused.
		want   Status
	}{
		{"<user@victim.example>", "victim.example", Pass},
		{"<user@VICTIM.Example>", "victim.example", Pass},
		{"<@victim.example:user@p.example>", "p.example", Fail},            // A source route.
		{"<@p.example,@victim.example:user@p.example>", "p.example", Fail}, // Of two hops.
		{"<user%victim.example@p.example>", "p.example", Fail},             // The %-hack.
		{"<victim.example!user@p.example>", "p.example", Fail},             // A bang path.
		{`<"user@victim.example"@p.example>`, "p.example", Fail},           // A mailbox as local part.
		{`<"\"@victim.example>\""@p.example>`, "p.example", Fail},          // With quotes in quotes.
		{"<user@p.example@victim.example>", "", ""},
		{"<user@victim.example,p.example>", "", ""},
		{"<user@victim.example\x00.p.example>", "", ""},
		{"<user@victim.example .p.example>", "", ""},
	} {
		path, _, err := smtp.ParseMailFrom("FROM:" + test.path)
		if (err == nil) != (test.domain != "") {
			t.Errorf("%s: %v, %v", test.path, path, err)
		}
		if err != nil {
			continue
		}
		args := session(t, "192.0.2.1", "client.example.net")
		args.MailFrom = path
		res := CheckMailFrom(t.Context(), resolver, args)
		if res.Status != test.want || res.Domain.ASCII != test.domain || !strings.HasSuffix(res.Sender, "@"+test.domain) {
			t.Errorf("%s: %s of %s, sender %s, want %s of %s", test.path, res.Status, res.Domain, res.Sender, test.want, test.domain)
		}
	}
}

// TestHELOIdentity covers RFC 7208 §2.3: only a domain name of several labels is asked for, and of others DNS does
// not hear.
func TestHELOIdentity(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		hello string
		want  Status
		asked int
	}{
		{"mx.example", Pass, 1},
		{"MX.Example.", Pass, 1},
		{"under_score.example", Pass, 1},
		{"other.example", None, 1},
		{"192.0.2.1", None, 0},
		{"192.0.2.1.", None, 0},
		{"[192.0.2.1]", None, 0},
		{"[IPv6:2001:db8::1]", None, 0},
		{"2001:db8::1", None, 0},
		{"localhost", None, 0},
		{"mx.example..", None, 0},
		{"-.example", None, 0},
		{"mx,example", None, 0},
		{"mx.example\r\n", None, 0},
		{"x@mx.example", None, 0},
		{strings.Repeat("a", 1000) + ".example", None, 0},
		{"", None, 0},
	} {
		resolver := &countingResolver{t: t, Resolver: zone(t, `
			mx.example TXT v=spf1 ip4:192.0.2.1 -all
			under_score.example TXT v=spf1 ip4:192.0.2.1 -all
			192.0.2.1 TXT v=spf1 +all
			localhost TXT v=spf1 +all
		`)}
		args := session(t, "192.0.2.1", "user@p.example")
		args.Hello = test.hello
		res := CheckHELO(t.Context(), resolver, args)
		if res.Status != test.want || resolver.calls != test.asked || res.Identity != HELO || res.Domain.IsZero() != (test.asked == 0) {
			t.Errorf("%.30q: %s of %q (%s) with %d lookups, want %s with %d", test.hello, res.Status, res.Domain, res.Problem, resolver.calls, test.want, test.asked)
		}
	}
}

// TestClientAddress covers that an address is the same with a zone and as an IPv4-mapped one (RFC 7208 §4.1, §5), and
// what the macros make of it (§7.2, §7.3).
func TestClientAddress(t *testing.T) {
	t.Parallel()
	evaluateRows(t, `
		1.2.0.192.in-addr.is.example A 127.0.0.2
		1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.e.f.ip6.is.example A 127.0.0.2
		a.example A 192.0.2.1
		a.example AAAA fe80::1
		fe80::1 PTR a.example
	`, []row{
		{"v=spf1 ip6:fe80::1 -all", "fe80::1%eth0", Pass, ""},
		{"v=spf1 a:a.example -all", "fe80::1%eth0", Pass, ""},
		{"v=spf1 ptr:a.example -all", "fe80::1%eth0", Pass, ""},
		{"v=spf1 exists:%{ir}.%{v}.is.example -all", "fe80::1%eth0", Pass, ""},
		{"v=spf1 exists:%{ir}.%{v}.is.example -all", "::ffff:192.0.2.1", Pass, ""},
		{"v=spf1 ip4:192.0.2.1 -all", "::ffff:192.0.2.1%eth0", Pass, ""},
		{"v=spf1 ip6:fe80::2 -all", "fe80::1%eth0", Fail, ""},
		{"v=spf1 ip6:::ffff:192.0.2.1 ip6:::/0 -all", "::ffff:192.0.2.1%eth0", Fail, ""},
		{"v=spf1 ip4:0.0.0.0/0 -all", "fe80::1%eth0", Fail, ""},
		{"v=spf1 ip6:fe80::1%eth0 all", "fe80::1%eth0", Permerror, ""},
	})

	args := session(t, "fe80::1%eth0", "user@p.example")
	res := CheckMailFrom(t.Context(), zone(t, "p.example TXT v=spf1 -all exp=why.example\nwhy.example TXT %{c} %{i}"), args)
	if strings.Contains(res.Explanation, "eth0") || !strings.HasPrefix(res.Explanation, "fe80::1 f.e.8.0.") {
		t.Errorf("explanation %q", res.Explanation)
	}
	if field := string(NewReceived(args, res).AppendField(nil)); strings.Contains(field, "eth0") || !strings.Contains(field, `client-ip="fe80::1"`) {
		t.Errorf("field %q", field)
	}
}

// TestHostileMacros covers RFC 7208 §11.5.3: what the client says of itself goes into names that are looked up.
func TestHostileMacros(t *testing.T) {
	t.Parallel()
	const policy = "v=spf1 a:%{h}.a.example mx:%{l}.a.example exists:%{s} ptr:%{l}.%{h} ~include:%{h} all"
	for _, test := range []struct {
		local, hello string
		want         Status
	}{
		{"user", "client.example", Permerror}, // The include has no record.
		{"a\x00b", "client.example", Permerror},
		{"a\r\nb", "\x00", Permerror},
		{"..", "..", Permerror},
		{strings.Repeat("x", 64), strings.Repeat("y.", 500), Permerror},
		{strings.Repeat("x", 10000), "[192.0.2.1]", Permerror},
		{"%{s}%{d}", "%{p}.%", Permerror},
		{"\" ;\\", "\x1b[2J.example", Permerror},
		{"\xff\xfe", "\xff.example", Permerror},
		{"ü", "ok.example", Softfail},
	} {
		resolver := &countingResolver{t: t, Resolver: zone(t, "ok.example TXT v=spf1 all\np.example TXT "+policy)}
		args := session(t, "192.0.2.1", "user@p.example")
		args.MailFrom.Localpart, args.Hello = smtp.Localpart(test.local), test.hello
		res := CheckMailFrom(t.Context(), resolver, args)
		if res.Status != test.want {
			t.Errorf("%.20q, %.20q: %s (%s), want %s", test.local, test.hello, res.Status, res.Problem, test.want)
		}
		if strings.ContainsFunc(res.Problem, func(r rune) bool { return r < ' ' || r > '~' }) || len(res.Problem) > 1000 {
			t.Errorf("%.20q, %.20q: problem %q", test.local, test.hello, res.Problem)
		}
		r := NewReceived(args, res)
		field := string(r.AppendField(nil))
		if _, err := ParseReceived(strings.TrimPrefix(field, "Received-SPF:")); err != nil || len(field) > 5000 {
			t.Errorf("field %q: %v", field, err)
		}
	}
}

// TestConcurrentEvaluations covers that each evaluation has limits of its own (RFC 7208 §4.1, §4.6.4).
func TestConcurrentEvaluations(t *testing.T) {
	t.Parallel()
	resolver := zone(t, `
		a.example A 203.0.113.1
		ok.example TXT v=spf1`+strings.Repeat(" a:a.example", 10)+` -all
		over.example TXT v=spf1`+strings.Repeat(" a:a.example", 11)+` -all
		void.example TXT v=spf1 a:nx1.example a:nx2.example a:nx3.example -all
	`)
	cache := dns.NewCache(resolver, dns.CacheOptions{})
	var wg sync.WaitGroup
	for range 20 {
		for domain, want := range map[string]Status{"ok.example": Fail, "over.example": Permerror, "void.example": Permerror} {
			args := session(t, "192.0.2.1", "user@"+domain)
			wg.Go(func() {
				if res := CheckMailFrom(t.Context(), cache, args); res.Status != want {
					t.Errorf("%s: %s (%s), want %s", domain, res.Status, res.Problem, want)
				}
			})
		}
	}
	wg.Wait()
}

// TestHangingResolver covers RFC 7208 §4.4 and §4.6.4 where the server of a name never answers, and another asks for it
// too: the one whose time is over does not wait for the other.
func TestHangingResolver(t *testing.T) {
	t.Parallel()
	resolver := zone(t, "p.example TXT v=spf1 a:hangs.example all")
	asked, release := make(chan struct{}, 1), make(chan struct{})
	resolver.Before = func(_ context.Context, _, name string) error {
		if name == "hangs.example" {
			asked <- struct{}{}
			<-release // Whatever the context says.
		}
		return nil
	}
	cache := dns.NewCache(resolver, dns.CacheOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	first, second := make(chan Result), make(chan Result)
	go func() { first <- CheckMailFrom(ctx, cache, session(t, "192.0.2.1", "user@p.example")) }()
	<-asked
	go func() { second <- CheckMailFrom(t.Context(), cache, session(t, "192.0.2.1", "user@p.example")) }()
	cancel()
	if res := <-first; res.Status != Temperror || !errors.Is(res.Err, context.Canceled) {
		t.Errorf("%s, %v", res.Status, res.Err)
	}
	close(release)
	if res := <-second; res.Status != Pass {
		t.Errorf("the other: %s (%s)", res.Status, res.Problem)
	}
}
