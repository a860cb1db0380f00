package dmarc_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mox/dmarc"
	"mox/dns"
)

func domain(t testing.TB, s string) dns.Domain {
	t.Helper()
	if s == "" {
		return dns.Domain{}
	}
	d, err := dns.ParseDomainLax(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestOrganizationalDomain has RFC 7489 §3.2.
func TestOrganizationalDomain(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ domain, want string }{
		{"example.com", "example.com"},
		{"a.b.c.d.example.com", "example.com"},
		{"a.example.co.uk", "example.co.uk"},
		{"co.uk", "co.uk"},
		{"com", "com"},
		{"localhost", "localhost"},
		{"a.b.unlisted", "b.unlisted"},
		{"a.b.github.io", "b.github.io"},
		{"github.io", "github.io"},
		{"a.b.kobe.jp", "a.b.kobe.jp"},
		{"a.city.kobe.jp", "city.kobe.jp"},
		{"www.münchen.example", "münchen.example"},
		{"a.個人.hk", "a.個人.hk"},
		{"b.a.個人.hk", "a.個人.hk"},
		{"_x.example.com", "example.com"},
	} {
		if got := dmarc.OrganizationalDomain(domain(t, test.domain)); got != domain(t, test.want) {
			t.Errorf("%s: got %q, want %s", test.domain, got.Name(), test.want)
		}
	}
}

func zones() *dns.MemResolver {
	return &dns.MemResolver{
		TXT: map[string][]string{
			"_dmarc.example.com.":            {"v=DMARC1; p=reject; sp=quarantine; np=reject"},
			"_dmarc.own.example.com.":        {"v=DMARC1; p=none"},
			"_dmarc.other.example.com.":      {"v=spf1 -all", "google-site-verification=x", "v=DMARC2; p=reject", "p=reject; v=DMARC1"},
			"_dmarc.among.example.com.":      {"v=spf1 -all", "v=DMARC1; p=quarantine"},
			"_dmarc.several.example.com.":    {"v=DMARC1; p=reject", "v=DMARC1; p=none"},
			"_dmarc.invalid.example.com.":    {"v=DMARC1; p=bogus"},
			"_dmarc.monitor.example.com.":    {"v=DMARC1; p=bogus; rua=mailto:a@example.com"},
			"_dmarc.long.example.com.":       {"v=DMARC1; p=reject; x=" + strings.Repeat("x", 5_000_000)},
			"_dmarc.several.example.":        {"v=DMARC1; p=reject", "v=DMARC1; p=reject"},
			"_dmarc.invalid.example.":        {"v=DMARC1"},
			"_dmarc.xn--mnchen-3ya.example.": {"v=DMARC1; p=reject"},
			"_dmarc.bank.":                   {"v=DMARC1; p=reject; rua=mailto:a@example.bank"},
			"_dmarc.com.":                    {"v=DMARC1; p=reject"},
			"_dmarc.target.example.net.":     {"v=DMARC1; p=quarantine"},
			"_dmarc.github.io.":              {"v=DMARC1; p=reject"},
			"_dmarc.has.bank.":               {"v=DMARC1; p=none"},
		},
		CNAME: map[string]string{
			"_dmarc.alias.example.com.": "_dmarc.target.example.net.",
			"_dmarc.empty.example.com.": "nothing.example.net.",
			"_dmarc.loop.example.com.":  "_dmarc.loop.example.com.",
			"_dmarc.cross.example.com.": "_dmarc.fails.example.net.",
		},
		Fail: []string{"_dmarc.fails.example.com", "_dmarc.fails.example.net", "_dmarc.fails.example"},
	}
}

// TestLookup has the policy discovery of RFC 7489 §6.6.3.
func TestLookup(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, domain string
		status       dmarc.Status
		at           string // Where the record is.
		policy       dmarc.Policy
		err          error
	}{
		{"organizational domain", "example.com", "", "example.com", "reject", nil},
		{"step 1: domain itself", "own.example.com", "", "own.example.com", "none", nil},
		{"step 3: organizational domain for a subdomain", "sub.example.com", "", "example.com", "reject", nil},
		{"step 3: none between", "sub.own.example.com", "", "example.com", "reject", nil},
		{"step 2: other records are discarded", "other.example.com", "", "example.com", "reject", nil},
		{"step 2: among other records", "among.example.com", "", "among.example.com", "quarantine", nil},
		{"step 2: a record beyond the size of one", "long.example.com", "", "example.com", "reject", nil},
		{"step 6.1: no valid p, but rua", "monitor.example.com", "", "monitor.example.com", "none", nil},
		{"alias", "alias.example.com", "", "alias.example.com", "quarantine", nil},
		{"alias of nothing", "empty.example.com", "", "example.com", "reject", nil},
		{"internationalized domain", "münchen.example", "", "münchen.example", "reject", nil},
		{"internationalized subdomain", "ä.münchen.example", "", "münchen.example", "reject", nil},
		{"public suffix is not exempt, RFC 9091 §3.5", "github.io", "", "github.io", "reject", nil},
		{"no record", "example.net", dmarc.StatusNone, "", "", nil},
		{"public suffix has one, which is not looked at", "norecord.com", dmarc.StatusNone, "", "", nil},
		{"private suffix has one, which is not looked at", "someone.github.io", dmarc.StatusNone, "", "", nil},
		{"name too long for a query", strings.Repeat("abcdefg.", 30) + "example.net", dmarc.StatusNone, "", "", nil},
		{"step 5: several records", "several.example", dmarc.StatusNone, "several.example", "", dmarc.ErrSeveralRecords},
		{"step 5: several records end the search", "several.example.com", dmarc.StatusNone, "several.example.com", "", dmarc.ErrSeveralRecords},
		{"step 6.2: neither p nor rua", "invalid.example", dmarc.StatusPermError, "invalid.example", "", dmarc.ErrSyntax},
		{"step 6.2: invalid record ends the search", "invalid.example.com", dmarc.StatusPermError, "invalid.example.com", "", dmarc.ErrSyntax},
		{"lookup fails, and does not go on", "fails.example.com", dmarc.StatusTempError, "", "", dmarc.ErrTemporary},
		{"lookup of the organizational domain fails", "sub.fails.example", dmarc.StatusTempError, "", "", dmarc.ErrTemporary},
		{"aliases in a loop", "loop.example.com", dmarc.StatusTempError, "", "", dmarc.ErrTemporary},
		{"alias to a name that fails", "cross.example.com", dmarc.StatusTempError, "", "", dmarc.ErrTemporary},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			v := dmarc.Verifier{Resolver: zones()}
			f := v.Lookup(t.Context(), domain(t, test.domain))
			if f.Status != test.status || f.Domain != domain(t, test.at) || f.Record.Policy != test.policy || !errors.Is(f.Err, test.err) {
				t.Errorf("got %q at %q, %q, %v", f.Status, f.Domain, f.Record.Policy, f.Err)
			}
			if (f.Text != "") != (f.Status == "" || f.Status == dmarc.StatusPermError) {
				t.Errorf("text %q", f.Text)
			}
			if want := dmarc.OrganizationalDomain(domain(t, test.domain)); f.Organizational != want {
				t.Errorf("organizational domain %q, want %q", f.Organizational, want)
			}
		})
	}
}

// TestLookupQueries: the names that RFC 7489 §6.1 has are asked for, and not more than §6.6.3 has.
func TestLookupQueries(t *testing.T) {
	t.Parallel()
	var asked []string
	r := zones()
	r.Before = func(_ context.Context, typ, name string) error {
		asked = append(asked, typ+" "+name)
		return nil
	}
	v := dmarc.Verifier{Resolver: r}
	v.Lookup(t.Context(), domain(t, "a.b.c.d.example.net"))
	v.Lookup(t.Context(), domain(t, "example.net"))
	if got, want := strings.Join(asked, ", "), "txt _dmarc.a.b.c.d.example.net, txt _dmarc.example.net, txt _dmarc.example.net"; got != want {
		t.Errorf("asked for %s, want %s", got, want)
	}
}

// TestLookupPublicSuffix has RFC 9091 §3.6.
func TestLookupPublicSuffix(t *testing.T) {
	t.Parallel()
	acceptable := func(d dns.Domain) bool {
		return d.ASCII == "bank" || d.ASCII == "fails.example" || d.ASCII == "github.io"
	}
	for _, test := range []struct {
		name, domain string
		status       dmarc.Status
		at           string
		suffix       bool
	}{
		{"longest public suffix", "a.none.bank", "", "bank", true},
		{"organizational domain comes first", "a.has.bank", "", "has.bank", false},
		{"suffix of several labels", "none.github.io", "", "github.io", true},
		{"suffix itself is a domain like others", "bank", "", "bank", false},
		{"suffix is not acceptable", "norecord.com", dmarc.StatusNone, "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			v := dmarc.Verifier{Resolver: zones(), PSD: acceptable}
			f := v.Lookup(t.Context(), domain(t, test.domain))
			if f.Status != test.status || f.Domain != domain(t, test.at) || f.PublicSuffix != test.suffix {
				t.Errorf("got %q at %q, public suffix %v", f.Status, f.Domain, f.PublicSuffix)
			}
		})
	}
}

func TestLookupAuthentic(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		domain, inauthentic string
		discovery           dmarc.Discovery
		want                bool
	}{
		{"example.com", "", dmarc.PublicSuffixList, true},
		{"sub.example.com", "", dmarc.PublicSuffixList, true},
		{"example.net", "", dmarc.PublicSuffixList, true},
		{"example.com", "_dmarc.example.com", dmarc.PublicSuffixList, false},
		{"sub.example.com", "_dmarc.sub.example.com", dmarc.PublicSuffixList, false},
		{"sub.example.com", "_dmarc.example.com", dmarc.PublicSuffixList, false},
		{"alias.example.com", "cname _dmarc.alias.example.com", dmarc.PublicSuffixList, false},
		{"example.net", "_dmarc.example.net", dmarc.PublicSuffixList, false},
		{"sub.example.com", "", dmarc.TreeWalk, true},
		{"sub.example.com", "_dmarc.com", dmarc.TreeWalk, false},
	} {
		r := zones()
		r.AllAuthentic = true
		if test.inauthentic != "" {
			r.Inauthentic = []string{test.inauthentic}
		}
		v := dmarc.Verifier{Resolver: r, Discovery: test.discovery}
		if f := v.Lookup(t.Context(), domain(t, test.domain)); f.Authentic != test.want {
			t.Errorf("%s without %q: authentic %v (%q)", test.domain, test.inauthentic, f.Authentic, f.Status)
		}
	}
}

func TestLookupTimeout(t *testing.T) {
	t.Parallel()
	for _, discovery := range []dmarc.Discovery{dmarc.PublicSuffixList, dmarc.TreeWalk} {
		synctest.Test(t, func(t *testing.T) {
			r := zones()
			r.Before = func(ctx context.Context, typ, name string) error {
				<-ctx.Done()
				return nil
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			start := time.Now()
			v := dmarc.Verifier{Resolver: r, Discovery: discovery}
			f := v.Lookup(ctx, domain(t, "a.b.c.example.com"))
			if f.Status != dmarc.StatusTempError || !errors.Is(f.Err, context.DeadlineExceeded) || time.Since(start) != 5*time.Second {
				t.Errorf("%q, %v after %s", f.Status, f.Err, time.Since(start))
			}
		})
	}
}

// TestTreeWalk has the walks and examples of RFC 9989 §4.10.
func TestTreeWalk(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, domain   string
		txt            map[string]string // By domain.
		status         dmarc.Status
		at             string
		policy         dmarc.Policy
		organizational string
		suffix         bool
	}{
		{"record at the domain and above", "a.mail.example.com", map[string]string{"mail.example.com": "v=DMARC1; p=none", "example.com": "v=DMARC1; p=reject"},
			"", "example.com", "reject", "example.com", false},
		{"psd=n", "a.mail.example.com", map[string]string{"mail.example.com": "v=DMARC1; p=none; psd=n", "example.com": "v=DMARC1; p=reject"},
			"", "mail.example.com", "none", "mail.example.com", false},
		{"psd=y above", "a.mail.example.com", map[string]string{"com": "v=DMARC1; p=quarantine; psd=y"},
			"", "com", "quarantine", "example.com", true},
		{"psd=y two above a domain with a record", "a.mail.example.com", map[string]string{"com": "v=DMARC1; p=quarantine; psd=y", "example.com": "v=DMARC1; p=reject"},
			"", "example.com", "reject", "example.com", false},
		{"psd=y at the domain itself", "co.example", map[string]string{"co.example": "v=DMARC1; p=reject; psd=y", "example": "v=DMARC1; p=none"},
			"", "co.example", "reject", "co.example", false},
		{"record of the domain, organizational domain above", "mail.example.com", map[string]string{"mail.example.com": "v=DMARC1; p=none", "example.com": "v=DMARC1; p=reject"},
			"", "mail.example.com", "none", "example.com", false},
		{"suffix without psd is an organizational domain", "mail.example.com", map[string]string{"com": "v=DMARC1; p=reject"},
			"", "com", "reject", "com", false},
		{"a record without p is one of none, §4.7", "mail.example.com", map[string]string{"example.com": "v=DMARC1"},
			"", "example.com", "none", "example.com", false},
		{"no record", "mail.example.com", nil, dmarc.StatusNone, "", "", "", false},
		{"invalid record of the domain", "mail.example.com", map[string]string{"mail.example.com": "v=DMARC1; p=x", "example.com": "v=DMARC1; p=reject"},
			dmarc.StatusPermError, "mail.example.com", "", "", false},
		{"invalid record above counts as none", "a.mail.example.com", map[string]string{"mail.example.com": "v=DMARC1; p=x", "example.com": "v=DMARC1; p=reject"},
			"", "example.com", "reject", "example.com", false},
		{"name of ten labels", "a.b.c.d.e.f.g.h.example.com", map[string]string{"c.d.e.f.g.h.example.com": "v=DMARC1; p=reject", "d.e.f.g.h.example.com": "v=DMARC1; p=none"},
			"", "d.e.f.g.h.example.com", "none", "d.e.f.g.h.example.com", false},
		{"name of ten labels with its own record", "a.b.c.d.e.f.g.h.example.com", map[string]string{"a.b.c.d.e.f.g.h.example.com": "v=DMARC1; p=reject"},
			"", "a.b.c.d.e.f.g.h.example.com", "reject", "a.b.c.d.e.f.g.h.example.com", false},
		{"psd=y above a name of many labels", "a.b.c.d.e.f.g.h.i.j.example.com", map[string]string{"d.e.f.g.h.i.j.example.com": "v=DMARC1; psd=y", "e.f.g.h.i.j.example.com": "v=DMARC1; psd=n", "com": "v=DMARC1; p=reject; psd=y"},
			"", "com", "reject", "example.com", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := &dns.MemResolver{TXT: map[string][]string{}}
			for name, text := range test.txt {
				r.TXT["_dmarc."+name+"."] = []string{text}
			}
			v := dmarc.Verifier{Resolver: r, Discovery: dmarc.TreeWalk}
			f := v.Lookup(t.Context(), domain(t, test.domain))
			if f.Status != test.status || f.Domain != domain(t, test.at) || f.Record.Policy != test.policy || f.PublicSuffix != test.suffix || f.Organizational != domain(t, test.organizational) {
				t.Errorf("got %q at %q, %q, organizational domain %q, public suffix %v, %v", f.Status, f.Domain, f.Record.Policy, f.Organizational, f.PublicSuffix, f.Err)
			}
		})
	}
}

// TestTreeWalkQueries has the example of RFC 9989 §4.10: a name of twelve labels takes eight queries, each name
// asked for once.
func TestTreeWalkQueries(t *testing.T) {
	t.Parallel()
	var asked []string
	r := &dns.MemResolver{Before: func(_ context.Context, typ, name string) error {
		asked = append(asked, strings.TrimPrefix(name, "_dmarc."))
		return nil
	}}
	v := dmarc.Verifier{Resolver: r, Discovery: dmarc.TreeWalk}
	v.Lookup(t.Context(), domain(t, "a.b.c.d.e.f.g.h.i.j.mail.example.com"))
	want := "a.b.c.d.e.f.g.h.i.j.mail.example.com g.h.i.j.mail.example.com h.i.j.mail.example.com i.j.mail.example.com " +
		"j.mail.example.com mail.example.com example.com com"
	if got := strings.Join(asked, " "); got != want {
		t.Errorf("asked for %s\nwant %s", got, want)
	}
	asked = nil
	v.Lookup(t.Context(), domain(t, "a.b.c.d.e.f.g.h"))
	if got, want := strings.Join(asked, " "), "a.b.c.d.e.f.g.h b.c.d.e.f.g.h c.d.e.f.g.h d.e.f.g.h e.f.g.h f.g.h g.h h"; got != want {
		t.Errorf("asked for %s\nwant %s", got, want)
	}
}

// TestTreeWalkErrors: several records at one name are discarded and the walk goes on; what is not known makes
// all unknown.
func TestTreeWalkErrors(t *testing.T) {
	t.Parallel()
	r := &dns.MemResolver{
		TXT: map[string][]string{
			"_dmarc.two.example.com.": {"v=DMARC1; p=none", "v=DMARC1; p=none"},
			"_dmarc.example.com.":     {"v=DMARC1; p=reject"},
			"_dmarc.two.example.net.": {"v=DMARC1; p=none", "v=DMARC1; p=none"},
		},
		Fail: []string{"_dmarc.org", "_dmarc.fails.example.com"},
	}
	v := dmarc.Verifier{Resolver: r, Discovery: dmarc.TreeWalk}
	for _, test := range []struct {
		domain string
		status dmarc.Status
		at     string
		err    error
	}{
		{"two.example.com", "", "example.com", nil},
		{"sub.two.example.com", "", "example.com", nil},
		{"two.example.net", dmarc.StatusNone, "", dmarc.ErrSeveralRecords},
		{"fails.example.com", dmarc.StatusTempError, "", dmarc.ErrTemporary},
		{"sub.fails.example.com", dmarc.StatusTempError, "", dmarc.ErrTemporary},
		{"example.org", dmarc.StatusTempError, "", dmarc.ErrTemporary},
	} {
		if f := v.Lookup(t.Context(), domain(t, test.domain)); f.Status != test.status || f.Domain != domain(t, test.at) || !errors.Is(f.Err, test.err) {
			t.Errorf("%s: got %q at %q, %v", test.domain, f.Status, f.Domain, f.Err)
		}
	}
}
