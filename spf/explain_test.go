package spf

import (
	"strings"
	"testing"
)

// TestExplanation covers RFC 7208 §6.2 and §11.5.2: texts that are not fit for a reply are none.
func TestExplanation(t *testing.T) {
	t.Parallel()
	resolver := zone(t, `
		ok.example TXT v=spf1 -all exp=why.%{d}
		why.ok.example TXT See http://%{d}/why.html?s=%{S}&i=%{I} for 100%%.
		dot.example TXT v=spf1 exp=plain.example. -all
		plain.example TXT Trailing dots stay.
		redirect.example TXT v=spf1 exp=plain.example redirect=ok.example
		redirectnone.example TXT v=spf1 exp=plain.example redirect=noexp.example
		noexp.example TXT v=spf1 -all
		include.example TXT v=spf1 -include:pass.example exp=plain.example
		pass.example TXT v=spf1 all exp=why.ok.example
		includefail.example TXT v=spf1 include:ok.example -all
		session.example TXT v=spf1 -all exp=session.example.session.example
		session.example.session.example TXT %{l} %{o} %{h} %{c} %{r} %{v}%_%-
		void.example TXT v=spf1 a:nx1.example a:nx2.example -all exp=plain.example
		long.example TXT v=spf1 -all exp=long.why.example
		long.why.example TXT `+strings.Repeat("x", 2000)+`

		neutral.example TXT v=spf1 ?all exp=plain.example
		softfail.example TXT v=spf1 ~all exp=plain.example
		permerror.example TXT v=spf1 -all foo exp=plain.example
		nx.example TXT v=spf1 -all exp=nx.why.example
		invalid.example TXT v=spf1 -all exp=a..example
		fails.example TXT v=spf1 -all exp=fails.why.example
		fails.why.example FAIL
		two.example TXT v=spf1 -all exp=two.why.example
		two.why.example TXT one
		two.why.example TXT two
		other.example TXT v=spf1 -all exp=other.why.example
		other.why.example A 192.0.2.1
		syntax.example TXT v=spf1 -all exp=syntax.why.example
		syntax.why.example TXT The %{x} files
		utf8.example TXT v=spf1 -all exp=utf8.why.example
		utf8.why.example TXT Grüße
		control.example TXT v=spf1 -all exp=control.why.example
		control.why.example TXT a`+"\x01"+`b
		toolong.example TXT v=spf1 -all exp=toolong.why.example
		toolong.why.example TXT `+strings.Repeat("x", 2001)+`
	`)
	for domain, want := range map[string]string{
		"ok.example":           "See http://ok.example/why.html?s=a%2Bb%40ok.example&i=192.0.2.1 for 100%.",
		"dot.example":          "Trailing dots stay.",
		"redirect.example":     "See http://ok.example/why.html?s=a%2Bb%40redirect.example&i=192.0.2.1 for 100%.",
		"redirectnone.example": "", // Only that of the record that decided.
		"include.example":      "Trailing dots stay.",
		"includefail.example":  "", // Not that of the included record.
		"session.example":      "a+b session.example client.example.net 192.0.2.1 mx.receiver.example in-addr %20",
		"void.example":         "Trailing dots stay.",
		"long.example":         strings.Repeat("x", 2000),
		"noexp.example":        "",
		"neutral.example":      "",
		"softfail.example":     "",
		"permerror.example":    "",
		"nx.example":           "",
		"invalid.example":      "",
		"fails.example":        "",
		"two.example":          "",
		"other.example":        "",
		"syntax.example":       "",
		"utf8.example":         "",
		"control.example":      "",
		"toolong.example":      "",
	} {
		args := session(t, "192.0.2.1", "a+b@"+domain)
		if res := CheckMailFrom(t.Context(), resolver, args); res.Explanation != want {
			t.Errorf("%s: %s with explanation %q, want %q", domain, res.Status, res.Explanation, want)
		}
		args.Explain = false
		if res := CheckMailFrom(t.Context(), resolver, args); res.Explanation != "" {
			t.Errorf("%s: explanation %q that was not asked for", domain, res.Explanation)
		}
	}
	// Twice above, for the two records that lead to it, and only when asked for.
	if n := resolver.Calls("txt why.ok.example"); n != 2 {
		t.Errorf("%d lookups of an explanation, want 2", n)
	}
	if n := resolver.Calls("txt a..example"); n != 0 {
		t.Errorf("%d lookups of an invalid name", n)
	}
}

// TestInternational covers RFC 8616 §3 and §4.
func TestInternational(t *testing.T) {
	t.Parallel()
	evaluateRows(t, `
		xn--bcher-kva.example A 192.0.2.1
		xn--bcher-kva.example.is.example A 127.0.0.2
		example.is.example A 127.0.0.2
		xn--bcher-kva.example TXT v=spf1 exists:%{o}.is.example -all
		pass.example TXT v=spf1 +all
	`, []row{
		{"v=spf1", "192.0.2.1", Pass, "user@bücher.example"},
		{"v=spf1", "192.0.2.1", Pass, "jörg@bücher.example"},
		{"v=spf1 a:xn--bcher-kva.example -all", "192.0.2.1", Pass, "jörg@p.example"},
		{"v=spf1 exists:%{l}.example a:%{s} mx:%{S}.example include:%{l1r}.example +all", "192.0.2.1", Pass, "jörg@p.example"},
		{"v=spf1 redirect=%{l}.example", "192.0.2.1", Neutral, "jörg@p.example"},
		{"v=spf1 redirect=%{l}.example", "192.0.2.1", Pass, "pass@p.example"},
		{"v=spf1 -exists:%{s2}.is.example ~all", "192.0.2.1", Softfail, "jörg@p.example"},
		{"v=spf1 a:bücher.example +all", "192.0.2.1", Permerror, "user@p.example"}, // Records have A-labels.
	})

	resolver := zone(t, `
		xn--bcher-kva.example TXT v=spf1 -all exp=why.example
		why.example TXT %{L} %{o} %{h}
		p.example TXT v=spf1 -all exp=plain.example
		plain.example TXT %{l}
	`)
	args := session(t, "192.0.2.1", "jörg@bücher.example")
	args.Hello = "Bücher.example"
	res := CheckMailFrom(t.Context(), resolver, args)
	if want := "j%C3%B6rg xn--bcher-kva.example xn--bcher-kva.example"; res.Explanation != want || res.Domain.Unicode != "bücher.example" ||
		res.Sender != "jörg@xn--bcher-kva.example" {
		t.Errorf("got %+v, want explanation %q", res, want)
	}
	if res := CheckMailFrom(t.Context(), resolver, session(t, "192.0.2.1", "jörg@p.example")); res.Status != Fail || res.Explanation != "" {
		t.Errorf("explanation that is not in ASCII: %+v", res)
	}
}

// TestAuthentic covers that all answers have to be authentic, and no others.
func TestAuthentic(t *testing.T) {
	t.Parallel()
	const records = `
		p.example TXT v=spf1 a:a.example mx:m.example include:i.example ptr exists:e.example -all exp=why.example
		p.example A 203.0.113.1
		a.example A 203.0.113.1
		m.example MX 10 mx.example
		mx.example A 203.0.113.1
		i.example TXT v=spf1 -all
		192.0.2.1 PTR h.example
		h.example A 192.0.2.1
		e.example AAAA 2001:db8::1
		why.example TXT why
		alias.example CNAME p.example
	`
	for _, test := range []struct {
		inauthentic, domain string
		want                bool
	}{
		{"", "p.example", true},
		{"", "none.example", true},
		{"", "alias.example", true},
		{"why.example", "p.example", true}, // It changes no result.
		{"txt p.example", "p.example", false},
		{"a a.example", "p.example", false},
		{"mx m.example", "p.example", false},
		{"a mx.example", "p.example", false},
		{"txt i.example", "p.example", false},
		{"ptr 192.0.2.1", "p.example", false},
		{"a h.example", "p.example", false},
		{"a e.example", "p.example", false}, // That there is no record counts as well.
		{"cname alias.example", "alias.example", false},
		{"none.example", "none.example", false},
		{"", "localhost", false}, // Nothing was asked.
	} {
		resolver := zone(t, records)
		resolver.Inauthentic = []string{test.inauthentic}
		res := CheckHELO(t.Context(), resolver, session(t, "192.0.2.1", test.domain))
		if res.Authentic != test.want {
			t.Errorf("%q inauthentic: %s of %s is authentic: %v", test.inauthentic, res.Status, test.domain, res.Authentic)
		}
	}
}

// TestExtendedExamples covers RFC 7208 appendix A.
func TestExtendedExamples(t *testing.T) {
	t.Parallel()
	const hosts = `
		example.com MX 10 mail-a.example.com
		example.com MX 20 mail-b.example.com
		example.com A 192.0.2.10
		example.com A 192.0.2.11
		amy.example.com A 192.0.2.65
		bob.example.com A 192.0.2.66
		mail-a.example.com A 192.0.2.129
		mail-b.example.com A 192.0.2.130
		example.org MX 10 mail-c.example.org
		mail-c.example.org A 192.0.2.140
		192.0.2.10 PTR example.com
		192.0.2.11 PTR example.com
		192.0.2.65 PTR amy.example.com
		192.0.2.66 PTR bob.example.com
		192.0.2.129 PTR mail-a.example.com
		192.0.2.130 PTR mail-b.example.com
		192.0.2.140 PTR mail-c.example.org
		10.0.0.4 PTR bob.example.com
	`
	for _, test := range []struct{ records, sender, pass, fail string }{
		// A.1.
		{"example.com TXT v=spf1 +all", "u@example.com", "192.0.2.10 192.0.2.140 10.0.0.4 2001:db8::1", ""},
		{"example.com TXT v=spf1 a -all", "u@example.com", "192.0.2.10 192.0.2.11", "192.0.2.65 192.0.2.129 2001:db8::1"},
		{"example.com TXT v=spf1 a:example.org -all", "u@example.com", "", "192.0.2.10 192.0.2.140"},
		{"example.com TXT v=spf1 mx -all", "u@example.com", "192.0.2.129 192.0.2.130", "192.0.2.10 192.0.2.140"},
		{"example.com TXT v=spf1 mx:example.org -all", "u@example.com", "192.0.2.140", "192.0.2.129"},
		{"example.com TXT v=spf1 mx mx:example.org -all", "u@example.com", "192.0.2.129 192.0.2.130 192.0.2.140", "192.0.2.10"},
		{"example.com TXT v=spf1 mx/30 mx:example.org/30 -all", "u@example.com",
			"192.0.2.128 192.0.2.131 192.0.2.140 192.0.2.143", "192.0.2.127 192.0.2.132 192.0.2.139 192.0.2.144"},
		{"example.com TXT v=spf1 ptr -all", "u@example.com", "192.0.2.10 192.0.2.65 192.0.2.129", "192.0.2.140 10.0.0.4"},
		{"example.com TXT v=spf1 ip4:192.0.2.128/28 -all", "u@example.com", "192.0.2.129 192.0.2.143", "192.0.2.65 192.0.2.144"},

		// A.2.
		{`example.org TXT v=spf1 include:example.com include:example.net -all
		example.com TXT v=spf1 ip4:192.0.2.10 -all
		example.net TXT v=spf1 ip4:192.0.2.20 -all`, "u@example.org", "192.0.2.10 192.0.2.20", "192.0.2.30"},
		{`la.example.org TXT v=spf1 redirect=example.org
		example.org TXT v=spf1 include:example.com include:example.net -all
		example.com TXT v=spf1 ip4:192.0.2.10 -all
		example.net TXT v=spf1 ip4:192.0.2.20 -all`, "u@la.example.org", "192.0.2.10 192.0.2.20", "192.0.2.30"},

		// A.3.
		{`example.com TXT v=spf1 exists:%{l1r-}.mobile-users._spf.example.com exists:%{ir}.%{v}._spf.%{d2} -all
		mary.mobile-users._spf.example.com A 127.0.0.2
		15.2.0.192.in-addr._spf.example.com A 127.0.0.2`, "mary@example.com", "192.0.2.10 192.0.2.15", ""},
		{`example.com TXT v=spf1 exists:%{l1r-}.mobile-users._spf.example.com exists:%{ir}.%{v}._spf.%{d2} -all
		mary.mobile-users._spf.example.com A 127.0.0.2
		15.2.0.192.in-addr._spf.example.com A 127.0.0.2`, "fred@example.com", "192.0.2.15", "192.0.2.10"},

		// A.4.
		{`example.com TXT v=spf1 -include:ip4._spf.%{d} -include:ptr._spf.%{d} +all
		ip4._spf.example.com TXT v=spf1 -ip4:192.0.2.0/24 +all
		ptr._spf.example.com TXT v=spf1 -ptr:example.com +all`, "u@example.com", "192.0.2.65", "192.0.2.140 10.0.0.4"},
	} {
		resolver := zone(t, hosts+test.records)
		check := func(ips string, want Status) {
			for _, ip := range strings.Fields(ips) {
				if res := CheckMailFrom(t.Context(), resolver, session(t, ip, test.sender)); res.Status != want {
					t.Errorf("%s: %s: %s (%s), want %s", test.records, ip, res.Status, res.Problem, want)
				}
			}
		}
		check(test.pass, Pass)
		check(test.fail, Fail)
	}
}
