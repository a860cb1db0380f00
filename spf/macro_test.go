package spf

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"mox/dns"
)

// macroEvaluation is what the examples of RFC 7208 §7.4 assume.
func macroEvaluation(t *testing.T, ip string) *evaluation {
	t.Helper()
	resolver := &dns.MemResolver{
		PTR:  map[string][]string{"192.0.2.3": {"mx.example.org."}, "2001:db8::cb01": {"mx.example.org."}},
		A:    map[string][]string{"mx.example.org": {"192.0.2.3"}},
		AAAA: map[string][]string{"mx.example.org": {"2001:db8::cb01"}},
	}
	args := Args{
		RemoteIP: netip.MustParseAddr(ip),
		Hello:    "mail.example.net",
		Hostname: dns.Domain{ASCII: "mx.receiver.example"},
		Now:      func() time.Time { return time.Unix(1700000000, 0) },
	}
	return newEvaluation(resolver, args, "strong-bad", "email.example.com")
}

func TestMacros(t *testing.T) {
	t.Parallel()
	const v4, v6 = "192.0.2.3", "2001:db8::cb01"
	for _, test := range []struct{ ip, text, want string }{
		// The examples of RFC 7208 §7.4.
		{v4, "%{s}", "strong-bad@email.example.com"},
		{v4, "%{o}", "email.example.com"},
		{v4, "%{d}", "email.example.com"},
		{v4, "%{d4}", "email.example.com"},
		{v4, "%{d3}", "email.example.com"},
		{v4, "%{d2}", "example.com"},
		{v4, "%{d1}", "com"},
		{v4, "%{dr}", "com.example.email"},
		{v4, "%{d2r}", "example.email"},
		{v4, "%{l}", "strong-bad"},
		{v4, "%{l-}", "strong.bad"},
		{v4, "%{lr}", "strong-bad"},
		{v4, "%{lr-}", "bad.strong"},
		{v4, "%{l1r-}", "strong"},
		{v4, "%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"},
		{v4, "%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"},
		{v4, "%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"},
		{v4, "%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com"},
		{v4, "%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"},
		{v6, "%{ir}.%{v}._spf.%{d2}", "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com"},

		// RFC 7208 §7.1, §7.3.
		{v4, "100%%", "100%"},
		{v4, "a%_b%-c", "a b%20c"},
		{v4, "%{p}", "mx.example.org"},
		{v6, "%{p2}", "example.org"},
		{v4, "%{h}", "mail.example.net"},
		{v4, "%{i}", "192.0.2.3"},
		{v4, "%{c}", "192.0.2.3"},
		{v6, "%{c}", "2001:db8::cb01"},
		{v6, "%{i}", "2.0.0.1.0.d.b.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.c.b.0.1"},
		{v4, "%{r}", "mx.receiver.example"},
		{v4, "%{t}", "1700000000"},
		{v4, "%{S}", "strong-bad%40email.example.com"},
		{v6, "%{C}", "2001%3Adb8%3A%3Acb01"},
		{v4, "%{D2R}", "example.email"},
		{v4, "%{d127}", "email.example.com"},
		{v4, "%{d99999999999999999999}", "email.example.com"},
		{v4, "%{d02}", "example.com"},
		{v4, "%{s.-+,/_=}", "strong.bad@email.example.com"},
		{v4, "%{s1-}", "bad@email.example.com"},
		{"::ffff:192.0.2.3", "%{i} %{v} %{c}", "192.0.2.3 in-addr 192.0.2.3"},

		// Syntax errors leave no explanation.
		{v4, "%", ""},
		{v4, "%(ir)", ""},
		{v4, "%{", ""},
		{v4, "%{}", ""},
		{v4, "%{d", ""},
		{v4, "%{x}", ""},
		{v4, "%{d0}", ""},
		{v4, "%{d00}", ""},
		{v4, "%{r2d}", ""},
		{v4, "%{drr}", ""},
		{v4, "%{d-r}", ""},
		{v4, "%{d:}", ""},
		{v4, "%{ d}", ""},
		{v4, "%{@}", ""},
		{v4, "%a", ""},
	} {
		if got := macroEvaluation(t, test.ip).expandExplanation(t.Context(), test.text, "email.example.com"); got != test.want {
			t.Errorf("%s: %s expands to %q, want %q", test.ip, test.text, got, test.want)
		}
	}
}

// TestTargetLength covers the truncation of RFC 7208 §7.3.
func TestTargetLength(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("a.", 126) + "b"
	l63 := strings.Repeat("x", 63)
	rest := l63 + "." + l63 + "." + l63 + "." + l63[:55] + ".com" // 251 characters.
	for _, test := range []struct{ name, spec, want string }{
		{"longest name", longest, longest},
		{"trailing dot", longest + ".", longest},
		{"one label too many", "x." + longest, longest},
		{"just fits", "q." + rest, "q." + rest},
		{"two labels, one fits", "p.q." + rest, "q." + rest},
		{"label does not fit", "qq." + rest, rest},
		{"many macros", strings.Repeat("%{d}.", 10000) + "com", "example.com." + strings.Repeat("email.example.com.", 13) + "com"},
	} {
		got, err := macroEvaluation(t, "192.0.2.3").target(t.Context(), test.spec, "email.example.com")
		if err != nil || got != test.want {
			t.Errorf("%s: got %q, %v, want %q", test.name, got, err, test.want)
		}
		if !isName(got) {
			t.Errorf("%s: %q is no name", test.name, got)
		}
	}

	got, err := macroEvaluation(t, "192.0.2.3").target(t.Context(), strings.Repeat("a", 300)+"%{v}", "email.example.com")
	if err != nil || isName(got) {
		t.Errorf("label of 307 characters: %q, %v", got, err)
	}
}
