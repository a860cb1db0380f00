package dmarc_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mox/dmarc"
	"mox/dns"
)

const (
	pass      = dmarc.StatusPass
	fail      = dmarc.StatusFail
	none      = dmarc.StatusNone
	tempError = dmarc.StatusTempError
	permError = dmarc.StatusPermError
)

// id parses "pass example.org".
func id(t testing.TB, s string) dmarc.Identifier {
	t.Helper()
	if s == "" {
		return dmarc.Identifier{Status: none}
	}
	status, name, _ := strings.Cut(s, " ")
	return dmarc.Identifier{Domain: domain(t, name), Status: dmarc.Status(status)}
}

// ids parses several, with commas between them.
func ids(t testing.TB, s string) []dmarc.Identifier {
	t.Helper()
	var l []dmarc.Identifier
	for s := range strings.SplitSeq(s, ", ") {
		if s != "" {
			l = append(l, id(t, s))
		}
	}
	return l
}

func authors(from string) dmarc.Authors {
	return dmarc.ParseAuthors([]byte("From: " + from + "\r\n"))
}

// never and always answer for pct that the message is not, or is, among those to which the policy is applied.
func never(n int) int  { return n - 1 }
func always(n int) int { return 0 }

// TestVerifyAlignment has the examples of RFC 7489 appendix B.1 and the rules of §3.1.
func TestVerifyAlignment(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, record, from, spf, dkim string
		status                        dmarc.Status
		spfAligned, dkimAligned       bool
	}{
		{"B.1.1 example 1: SPF in alignment", "p=reject; aspf=s", "sender@example.com", "pass example.com", "", pass, true, false},
		{"B.1.1 example 2: SPF in alignment (parent), relaxed", "p=reject", "sender@example.com", "pass child.example.com", "", pass, true, false},
		{"B.1.1 example 2: strict", "p=reject; aspf=s", "sender@example.com", "pass child.example.com", "", fail, false, false},
		{"B.1.1 example 3: SPF not in alignment", "p=reject", "sender@child.example.com", "pass example.net", "", fail, false, false},
		{"B.1.2 example 1: DKIM in alignment", "p=reject; adkim=s", "sender@example.com", "", "pass example.com", pass, false, true},
		{"B.1.2 example 2: DKIM in alignment (parent), relaxed", "p=reject", "sender@child.example.com", "", "pass example.com", pass, false, true},
		{"B.1.2 example 2: strict", "p=reject; adkim=s", "sender@child.example.com", "", "pass example.com", fail, false, false},
		{"B.1.2 example 3: DKIM not in alignment", "p=reject", "sender@child.example.com", "", "pass sample.net", fail, false, false},
		{"B.3.1", "p=reject; aspf=r; rua=mailto:dmarc-feedback@example.com", "a@example.com", "pass mail.example.com", "pass example.com", pass, true, true},
		{"RFC 7489 §3.1.1: d=com is never in alignment", "p=reject", "a@example.com", "", "pass com", fail, false, false},
		{"RFC 7489 §3.1.1: one of several signatures", "p=reject", "a@example.com", "", "fail example.com, pass example.net, pass example.com", pass, false, true},
		{"RFC 7489 §3.1.2: example", "p=reject", "payments@example.com", "pass cbg.bounces.example.com", "", pass, true, false},
		{"adkim does not rule SPF", "p=reject; adkim=s", "a@example.com", "pass sub.example.com", "pass sub.example.com", pass, true, false},
		{"aspf does not rule DKIM", "p=reject; aspf=s", "a@example.com", "pass sub.example.com", "pass sub.example.com", pass, false, true},
		{"siblings are in alignment", "p=reject", "a@one.example.com", "pass two.example.com", "", pass, true, false},
		{"SPF fails", "p=reject", "a@example.com", "fail example.com", "", fail, false, false},
		{"SPF softfail", "p=reject", "a@example.com", "softfail example.com", "", fail, false, false},
		{"SPF neutral", "p=reject", "a@example.com", "neutral example.com", "", fail, false, false},
		{"SPF permerror", "p=reject", "a@example.com", "permerror example.com", "", fail, false, false},
		{"DKIM fails, RFC 7489 §4.1", "p=reject", "a@example.com", "", "fail example.com", fail, false, false},
		{"DKIM policy", "p=reject", "a@example.com", "", "policy example.com", fail, false, false},
		{"RFC 7489 §4.2: neither", "p=reject", "a@example.com", "", "", fail, false, false},
		{"SPF passes without a domain", "p=reject", "a@example.com", "pass", "", fail, false, false},
		{"domain that only ends alike", "p=reject", "a@example.com", "pass badexample.com", "pass xexample.com", fail, false, false},
		{"domain above with a suffix in the list", "p=reject", "a@example.com", "pass com", "", fail, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, discovery := range []dmarc.Discovery{dmarc.PublicSuffixList, dmarc.TreeWalk} {
				v := dmarc.Verifier{Resolver: &dns.MemResolver{TXT: map[string][]string{
					"_dmarc.example.com.": {"v=DMARC1; " + test.record},
				}}, Discovery: discovery}
				r := v.Verify(t.Context(), authors(test.from), id(t, test.spf), ids(t, test.dkim))
				if r.Status != test.status || r.SPFAligned != test.spfAligned || r.DKIMAligned != test.dkimAligned {
					t.Errorf("discovery %d: got %s, SPF %v, DKIM %v", discovery, r.Status, r.SPFAligned, r.DKIMAligned)
				}
				want := dmarc.PolicyNone
				if test.status == fail {
					want = dmarc.PolicyReject
				}
				if r.Apply != want || r.Policy != dmarc.PolicyReject || r.Invalid {
					t.Errorf("discovery %d: apply %q of %q, invalid %v", discovery, r.Apply, r.Policy, r.Invalid)
				}
			}
		})
	}
}

// TestVerifyInternationalized: U-labels and A-labels are the same names (RFC 8616 §6).
func TestVerifyInternationalized(t *testing.T) {
	t.Parallel()
	v := dmarc.Verifier{Resolver: zones()}
	for _, from := range []string{"a@münchen.example", "a@xn--mnchen-3ya.example", "a@MÜNCHEN.example"} {
		r := v.Verify(t.Context(), authors(from), id(t, "pass mail.münchen.example"), ids(t, "pass xn--mnchen-3ya.example"))
		if r.Status != pass || !r.SPFAligned || !r.DKIMAligned {
			t.Errorf("%s: %+v", from, r)
		}
		if p := r.Properties(); p[0].Value != "xn--mnchen-3ya.example" {
			t.Errorf("%s: header.from=%s, RFC 7489 §6.7 demands an A-label", from, p[0].Value)
		}
	}
}

// TestVerifyPolicy has which policy applies: p, sp (RFC 7489 §6.3) or np (RFC 9091 §3.2).
func TestVerifyPolicy(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, record, from string
		policy             dmarc.Policy
		nonexistent        bool
	}{
		{"p", "p=reject; sp=none; np=quarantine", "a@example.com", "reject", false},
		{"p for subdomains", "p=quarantine", "a@exists.example.com", "quarantine", false},
		{"sp", "p=none; sp=reject", "a@exists.example.com", "reject", false},
		{"sp is weaker", "p=reject; sp=none", "a@exists.example.com", "none", false},
		{"sp if there is no np", "p=none; sp=reject", "a@gone.example.com", "reject", false},
		{"p if there is neither", "p=reject", "a@gone.example.com", "reject", false},
		{"np", "p=none; sp=none; np=reject", "a@gone.example.com", "reject", true},
		{"np without sp", "p=none; np=reject", "a@gone.example.com", "reject", true},
		{"np is weaker", "p=reject; np=none", "a@gone.example.com", "none", true},
		{"np is as sp", "p=none; sp=reject; np=reject", "a@gone.example.com", "reject", true},
		{"domain with an A record exists", "p=none; np=reject", "a@exists.example.com", "none", false},
		{"domain with an AAAA record exists", "p=none; np=reject", "a@six.example.com", "none", false},
		{"domain with an MX record exists", "p=none; np=reject", "a@mx.example.com", "none", false},
		{"domain with other records does not", "p=none; np=reject", "a@txt.example.com", "reject", true},
		{"np is not for the domain itself", "p=none; np=reject", "a@example.com", "none", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := &dns.MemResolver{
				TXT:  map[string][]string{"_dmarc.example.com.": {"v=DMARC1; " + test.record}, "txt.example.com.": {"x"}},
				A:    map[string][]string{"exists.example.com.": {"192.0.2.1"}},
				AAAA: map[string][]string{"six.example.com.": {"2001:db8::1"}},
				MX:   map[string][]net.MX{"mx.example.com.": {{Host: ".", Pref: 0}}},
			}
			for _, discovery := range []dmarc.Discovery{dmarc.PublicSuffixList, dmarc.TreeWalk} {
				v := dmarc.Verifier{Resolver: r, Discovery: discovery}
				got := v.Verify(t.Context(), authors(test.from), id(t, ""), nil)
				if got.Status != fail || got.Policy != test.policy || got.Apply != test.policy || got.Nonexistent != test.nonexistent {
					t.Errorf("got %s, %q, apply %q, nonexistent %v", got.Status, got.Policy, got.Apply, got.Nonexistent)
				}
			}
		})
	}
}

// TestVerifyExistenceUnknown (RFC 9091 §2.7): while it is not known whether np applies there is no result, unless it does not matter.
func TestVerifyExistenceUnknown(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, record, fails, dkim string
		status                    dmarc.Status
		policy                    dmarc.Policy
	}{
		{"addresses are not known", "p=none; np=reject", "a sub.example.com", "", tempError, "reject"},
		{"MX is not known", "p=none; np=reject", "mx sub.example.com", "", tempError, "reject"},
		{"np is weaker", "p=reject; np=none", "a sub.example.com", "", tempError, "reject"},
		{"same policy", "p=reject; np=reject", "sub.example.com", "", fail, "reject"},
		{"no np", "p=reject", "sub.example.com", "", fail, "reject"},
		{"message passes", "p=none; np=reject", "sub.example.com", "pass example.com", pass, "none"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			v := dmarc.Verifier{Resolver: &dns.MemResolver{
				TXT:  map[string][]string{"_dmarc.example.com.": {"v=DMARC1; " + test.record}},
				Fail: []string{test.fails},
			}}
			got := v.Verify(t.Context(), authors("a@sub.example.com"), id(t, ""), ids(t, test.dkim))
			if got.Status != test.status || (got.Err == nil) != (test.status != tempError) || got.Policy != test.policy {
				t.Errorf("got %s, %q, %v", got.Status, got.Policy, got.Err)
			}
		})
	}
}

// TestVerifySeveralNotKnown: of authors about whom nothing is known for now, the one who could ask for the strictest
// treatment decides (RFC 7489 §6.6.1), wherever he stands: else a forger would put one who asks for nothing before him.
func TestVerifySeveralNotKnown(t *testing.T) {
	t.Parallel()
	r := &dns.MemResolver{
		TXT: map[string][]string{
			"_dmarc.monitor.example.":    {"v=DMARC1; p=none"},
			"_dmarc.quarantine.example.": {"v=DMARC1; p=quarantine"},
			"_dmarc.bank.example.":       {"v=DMARC1; p=reject"},
		},
		Fail: []string{"_dmarc.down.example"},
	}
	for _, test := range []struct {
		from, domain string
		policy       dmarc.Policy
	}{
		{"a@monitor.example", "monitor.example", "none"},
		{"a@monitor.example, b@bank.example", "bank.example", "reject"},
		{"b@bank.example, a@monitor.example", "bank.example", "reject"},
		{"c@quarantine.example, b@bank.example", "bank.example", "reject"},
		{"a@monitor.example, c@quarantine.example", "quarantine.example", "quarantine"},
		{"a@monitor.example, d@down.example", "down.example", ""},
		{"b@bank.example, d@down.example", "down.example", ""},
	} {
		v := dmarc.Verifier{Resolver: r}
		got := v.Verify(t.Context(), authors(test.from), id(t, ""), ids(t, "temperror monitor.example, temperror quarantine.example, temperror bank.example"))
		if got.Status != tempError || got.Apply != dmarc.PolicyNone || got.Domain != domain(t, test.domain) || got.Policy != test.policy {
			t.Errorf("%s: got %s of %s, policy %q, apply %q", test.from, got.Status, got.Domain, got.Policy, got.Apply)
		}
	}
}

// TestVerifyPercent has the sampling of RFC 7489 §6.6.4, and t of RFC 9989 §4.7.
func TestVerifyPercent(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, record string
		discovery    dmarc.Discovery
		intn         func(int) int
		apply        dmarc.Policy
		spared       bool
	}{
		{"default", "p=reject", dmarc.PublicSuffixList, never, "reject", false},
		{"reject, among them", "p=reject; pct=50", dmarc.PublicSuffixList, always, "reject", false},
		{"reject, not among them", "p=reject; pct=50", dmarc.PublicSuffixList, never, "quarantine", true},
		{"quarantine, among them", "p=quarantine; pct=1", dmarc.PublicSuffixList, always, "quarantine", false},
		{"quarantine, not among them", "p=quarantine; pct=99", dmarc.PublicSuffixList, never, "none", true},
		{"none", "p=none; pct=50", dmarc.PublicSuffixList, never, "none", false},
		{"0 percent", "p=reject; pct=0", dmarc.PublicSuffixList, always, "quarantine", true},
		{"on the limit", "p=reject; pct=50", dmarc.PublicSuffixList, func(int) int { return 50 }, "quarantine", true},
		{"below the limit", "p=reject; pct=50", dmarc.PublicSuffixList, func(int) int { return 49 }, "reject", false},
		{"invalid percentage is 100", "p=reject; pct=abc", dmarc.PublicSuffixList, never, "reject", false},
		{"t is unknown to RFC 7489", "p=reject; t=y", dmarc.PublicSuffixList, never, "reject", false},
		{"pct is unknown to RFC 9989", "p=reject; pct=0", dmarc.TreeWalk, never, "reject", false},
		{"t with reject", "p=reject; t=y", dmarc.TreeWalk, never, "quarantine", true},
		{"t with quarantine", "p=quarantine; t=y", dmarc.TreeWalk, never, "none", true},
		{"t with none", "p=none; t=y", dmarc.TreeWalk, never, "none", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			v := dmarc.Verifier{
				Resolver:  &dns.MemResolver{TXT: map[string][]string{"_dmarc.example.com.": {"v=DMARC1; " + test.record}}},
				Discovery: test.discovery,
				Intn:      test.intn,
			}
			got := v.Verify(t.Context(), authors("a@example.com"), id(t, ""), nil)
			if got.Status != fail || got.Apply != test.apply || got.Spared != test.spared {
				t.Errorf("got %s, apply %q, spared %v", got.Status, got.Apply, got.Spared)
			}
			if spared := strings.Contains(got.Reason(), "at the wish of the domain owner"); spared != test.spared {
				t.Errorf("reason %q", got.Reason())
			}
			// A message that passes is not drawn for.
			got = v.Verify(t.Context(), authors("a@example.com"), id(t, "pass example.com"), nil)
			if got.Status != pass || got.Apply != dmarc.PolicyNone || got.Spared {
				t.Errorf("pass: apply %q, spared %v", got.Apply, got.Spared)
			}
		})
	}
}

// TestVerifyPercentIsRandom: without Intn about the share that is asked for is drawn.
func TestVerifyPercentIsRandom(t *testing.T) {
	t.Parallel()
	v := dmarc.Verifier{Resolver: &dns.MemResolver{TXT: map[string][]string{"_dmarc.example.com.": {"v=DMARC1; p=reject; pct=25"}}}}
	const n = 4000
	rejected := 0
	for range n {
		if v.Verify(t.Context(), authors("a@example.com"), id(t, ""), nil).Apply == dmarc.PolicyReject {
			rejected++
		}
	}
	// The standard deviation is 27.
	if rejected < n/4-300 || rejected > n/4+300 {
		t.Errorf("%d of %d rejected, want about a quarter", rejected, n)
	}
}

// TestVerifyTemporary has RFC 7489 §6.6.2: a temporary error of SPF or DKIM leaves the result open, if that
// could have been a pass.
func TestVerifyTemporary(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, spf, dkim string
		status          dmarc.Status
	}{
		{"SPF", "temperror example.com", "", tempError},
		{"SPF, subdomain", "temperror sub.example.com", "fail example.com", tempError},
		{"DKIM", "fail example.com", "temperror example.com", tempError},
		{"one of several signatures", "", "fail example.com, temperror example.com", tempError},
		{"SPF, but DKIM passes", "temperror example.com", "pass example.com", pass},
		{"DKIM, but SPF passes", "pass example.com", "temperror example.com", pass},
		{"one signature, but another passes", "", "temperror example.com, pass example.com", pass},
		{"SPF of another domain", "temperror example.net", "", fail},
		{"signature of another domain cannot hold up the policy", "fail example.com", "temperror evil.example", fail},
		{"without a domain", "temperror", "", fail},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			v := dmarc.Verifier{Resolver: zones()}
			got := v.Verify(t.Context(), authors("a@example.com"), id(t, test.spf), ids(t, test.dkim))
			if got.Status != test.status || (got.Apply == dmarc.PolicyReject) != (test.status == fail) || errors.Is(got.Err, dmarc.ErrTemporary) != (test.status == tempError) {
				t.Errorf("got %s, apply %q, %v", got.Status, got.Apply, got.Err)
			}
			if test.status != pass && test.status != fail && got.FailureReports != 0 {
				t.Errorf("failure reports %v", got.FailureReports)
			}
		})
	}
}

// TestVerifyAuthors has what comes of every form of From field (RFC 7489 §6.6.1): good.example passes, bank.example
// and quarantine.example do not, monitor.example has a policy of none, plain.example has no policy.
func TestVerifyAuthors(t *testing.T) {
	t.Parallel()
	r := &dns.MemResolver{
		TXT: map[string][]string{
			"_dmarc.good.example.":       {"v=DMARC1; p=reject"},
			"_dmarc.bank.example.":       {"v=DMARC1; p=reject"},
			"_dmarc.quarantine.example.": {"v=DMARC1; p=quarantine"},
			"_dmarc.monitor.example.":    {"v=DMARC1; p=none"},
			"_dmarc.invalid.example.":    {"v=DMARC1"},
		},
		Fail: []string{"_dmarc.down.example"},
	}
	for _, test := range []struct {
		name, header string
		status       dmarc.Status
		apply        dmarc.Policy
		domain       string
		invalid      bool
	}{
		{"one that passes", "From: a@good.example", pass, "none", "good.example", false},
		{"one that fails", "From: a@bank.example", fail, "reject", "bank.example", false},
		{"one without a policy", "From: a@plain.example", none, "none", "plain.example", false},
		{"invalid policy", "From: a@invalid.example", permError, "none", "invalid.example", false},
		{"lookup fails", "From: a@down.example", tempError, "none", "down.example", false},

		{"several, all pass", "From: a@good.example, b@sub.good.example", pass, "none", "good.example", false},
		{"several, one fails", "From: a@good.example, b@bank.example", fail, "reject", "bank.example", false},
		{"several, in the other order", "From: b@bank.example, a@good.example", fail, "reject", "bank.example", false},
		{"several, the strictest policy", "From: a@quarantine.example, b@bank.example, c@monitor.example", fail, "reject", "bank.example", false},
		{"several, quarantine", "From: a@good.example, b@monitor.example, c@quarantine.example", fail, "quarantine", "quarantine.example", false},
		{"several, one without a policy", "From: a@good.example, b@plain.example", none, "none", "plain.example", false},
		{"several, one not known", "From: a@good.example, b@down.example, c@monitor.example", tempError, "none", "down.example", false},
		{"several, one not known and one that fails", "From: b@down.example, c@bank.example", fail, "reject", "bank.example", false},
		{"group, one fails", "From: all: a@good.example, b@bank.example;", fail, "reject", "bank.example", false},
		{"empty group", "From: nobody:;", none, "none", "", false},
		{"address literal", "From: a@[192.0.2.1]", none, "none", "", false},

		{"fields that pass", "From: a@good.example|From: b@good.example", permError, "none", "good.example", true},
		{"fields of which one fails", "From: a@good.example|From: b@bank.example", fail, "reject", "bank.example", true},
		{"fields of which one is not known", "From: a@good.example|From: b@down.example", tempError, "none", "down.example", true},
		{"fields without a policy", "From: a@plain.example|From: b@plain.example", permError, "none", "plain.example", true},
		{"no field", "To: a@good.example", permError, "none", "", true},
		{"no address", "From: Someone", permError, "none", "", true},
		{"malformed, passes", "From: One, Some <a@good.example>", pass, "none", "good.example", false},
		{"malformed, another domain in the name", "From: ceo@bank.example <a@good.example>", fail, "reject", "bank.example", false},
		{"malformed, source route", "From: <@good.example:ceo@bank.example>", fail, "reject", "bank.example", false},
		{"more domains than are looked at", "From: a@good.example" + strings.Repeat(", b@good.example", 3000), permError, "none", "good.example", true},
		{"more domains than are looked at, one fails", "From: a@bank.example" + strings.Repeat(", b@good.example", 3000), fail, "reject", "bank.example", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			v := dmarc.Verifier{Resolver: r}
			a := dmarc.ParseAuthors([]byte(strings.ReplaceAll(test.header, "|", "\r\n") + "\r\n"))
			got := v.Verify(t.Context(), a, id(t, "pass good.example"), ids(t, "pass good.example, pass sub.good.example"))
			if got.Status != test.status || got.Apply != test.apply || got.Domain != domain(t, test.domain) || got.Invalid != test.invalid {
				t.Errorf("got %s, apply %q, %q, invalid %v", got.Status, got.Apply, got.Domain, got.Invalid)
			}
			if len(got.Domains) != len(a.Domains) {
				t.Errorf("%d results for %d domains", len(got.Domains), len(a.Domains))
			}
			if got.Invalid && got.Status == permError && !errors.Is(got.Err, dmarc.ErrNoAuthor) {
				t.Errorf("error %v", got.Err)
			}
		})
	}
}

// TestVerifyFailureReports has fo (RFC 7489 §6.3).
func TestVerifyFailureReports(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, record, from, spf, dkim string
		want                          string
	}{
		{"default, all fail", "ruf=mailto:a@example.com", "a@example.com", "fail example.com", "", "0"},
		{"default, one passes", "ruf=mailto:a@example.com", "a@example.com", "fail example.com", "pass example.com", ""},
		{"1, one passes", "ruf=mailto:a@example.com; fo=1", "a@example.com", "", "pass example.com", "1"},
		{"1, one passes not aligned", "ruf=mailto:a@example.com; fo=1", "a@example.com", "pass example.net", "pass example.com", "1"},
		{"1, both pass", "ruf=mailto:a@example.com; fo=1", "a@example.com", "pass example.com", "pass example.com", ""},
		{"0 and 1", "ruf=mailto:a@example.com; fo=0:1", "a@example.com", "", "", "0:1"},
		{"d, a signature that fails, not aligned", "ruf=mailto:a@example.com; fo=d:s", "a@example.com", "pass example.com", "pass example.com, fail example.net", "d"},
		{"s, softfail, not aligned", "ruf=mailto:a@example.com; fo=d:s", "a@example.com", "softfail example.net", "pass example.com", "s"},
		{"d and s, without results", "ruf=mailto:a@example.com; fo=d:s", "a@example.com", "", "", ""},
		{"no ruf, §6.3", "fo=0:1:d:s", "a@example.com", "fail example.com", "fail example.com", ""},
		{"public suffix, RFC 9091 §4", "ruf=mailto:a@example.com", "a@example.bank", "", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			record := []string{"v=DMARC1; p=reject; " + test.record}
			v := dmarc.Verifier{
				Resolver: &dns.MemResolver{TXT: map[string][]string{"_dmarc.example.com.": record, "_dmarc.bank.": record}},
				PSD:      func(dns.Domain) bool { return true },
			}
			got := v.Verify(t.Context(), authors(test.from), id(t, test.spf), ids(t, test.dkim))
			if got.FailureReports.String() != test.want || got.Policy != dmarc.PolicyReject {
				t.Errorf("got %q, want %q (%s)", got.FailureReports, test.want, got.Status)
			}
		})
	}
}

// TestVerifyTreeWalk has alignment by RFC 9989 §4.10.2 where it is not that of the list.
func TestVerifyTreeWalk(t *testing.T) {
	t.Parallel()
	r := &dns.MemResolver{
		TXT: map[string][]string{
			"_dmarc.example.com.":      {"v=DMARC1; p=reject"},
			"_dmarc.dept.example.com.": {"v=DMARC1; p=reject; psd=n"},
			"_dmarc.suffix.example.":   {"v=DMARC1; p=reject; psd=y"},
			"_dmarc.wide.example.net.": {"v=DMARC1; p=reject"},
		},
		Fail: []string{"_dmarc.down.example.com"},
	}
	for _, test := range []struct {
		name, from, spf string
		status          dmarc.Status
	}{
		{"below the same domain", "a@one.example.com", "pass two.example.com", pass},
		{"within a department", "a@one.dept.example.com", "pass two.dept.example.com", pass},
		{"department and company", "a@example.com", "pass dept.example.com", fail},
		{"company and department", "a@dept.example.com", "pass example.com", fail},
		{"registrants of a suffix", "a@one.suffix.example", "pass two.suffix.example", fail},
		{"registrant of a suffix and the suffix", "a@one.suffix.example", "pass suffix.example", fail},
		{"within a registrant", "a@x.one.suffix.example", "pass y.one.suffix.example", pass},
		{"record below the registered domain", "a@x.wide.example.net", "pass example.net", fail},
		{"identifier is not known", "a@example.com", "pass down.example.com", tempError},
		{"identifier that fails is not looked up", "a@example.com", "fail down.example.com", fail},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			v := dmarc.Verifier{Resolver: r, Discovery: dmarc.TreeWalk}
			if got := v.Verify(t.Context(), authors(test.from), id(t, test.spf), nil); got.Status != test.status {
				t.Errorf("got %s, want %s, %v", got.Status, test.status, got.Err)
			}
		})
	}
}

// TestVerifyManyIdentifiers: five hundred signatures take a bounded number of lookups, and those of other organizations
// none.
func TestVerifyManyIdentifiers(t *testing.T) {
	t.Parallel()
	var foreign, own []dmarc.Identifier
	for i := range 500 {
		foreign = append(foreign, id(t, fmt.Sprintf("pass d%d.example.net", i)))
		own = append(own, id(t, fmt.Sprintf("temperror a.b.c.d.e%d.example.com", i)))
	}
	for _, test := range []struct {
		name string
		dkim []dmarc.Identifier
		max  int
	}{
		{"of others", foreign, 2},
		{"of the domain itself", own, 60},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			n := 0
			v := dmarc.Verifier{Discovery: dmarc.TreeWalk, Resolver: &dns.MemResolver{
				TXT:    map[string][]string{"_dmarc.example.com.": {"v=DMARC1; p=reject"}},
				Before: func(context.Context, string, string) error { n++; return nil },
			}}
			v.Verify(t.Context(), authors("a@example.com"), id(t, ""), test.dkim)
			if n > test.max {
				t.Errorf("%d lookups", n)
			}
		})
	}
}

func TestVerifyTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := zones()
		r.Before = func(ctx context.Context, typ, name string) error {
			if name != "_dmarc.example.com" {
				<-ctx.Done()
			}
			return nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		start := time.Now()
		v := dmarc.Verifier{Resolver: r}
		got := v.Verify(ctx, authors("a@example.com, b@slow.example, c@slow.example.net"), id(t, "pass example.com"), nil)
		if got.Status != tempError || got.Apply != dmarc.PolicyNone || time.Since(start) != 4*time.Second {
			t.Errorf("%s, %q after %s", got.Status, got.Apply, time.Since(start))
		}
	})
}

// TestProperties has what Authentication-Results says (RFC 7489 §6.7, §11.1, §11.2).
func TestProperties(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ header, spf, want, reason string }{
		{"From: a@example.com", "pass example.com", "dmarc=pass header.from=example.com polrec.p=reject", ""},
		{"From: a@sub.example.com", "pass example.com", "dmarc=pass header.from=sub.example.com polrec.p=quarantine polrec.domain=example.com", ""},
		{"From: a@example.com", "", "dmarc=fail header.from=example.com polrec.p=reject", ""},
		{"From: a@example.net", "", "dmarc=none header.from=example.net", ""},
		{"From: a@several.example", "", "dmarc=none header.from=several.example", "several records"},
		{"From: a@invalid.example", "", "dmarc=permerror header.from=invalid.example", "invalid record"},
		{"From: a@fails.example", "", "dmarc=temperror header.from=fails.example", "temporary error"},
		{"From: a@example.net\r\nFrom: a@example.net", "", "dmarc=permerror header.from=example.net", "invalid From"},
		{"To: a@example.net", "", "dmarc=permerror", "no author domain"},
	} {
		v := dmarc.Verifier{Resolver: zones()}
		r := v.Verify(t.Context(), dmarc.ParseAuthors([]byte(test.header)), id(t, test.spf), nil)
		got := "dmarc=" + string(r.Status)
		for _, p := range r.Properties() {
			got += " " + p.Type + "." + p.Name + "=" + p.Value
		}
		if got != test.want || r.Reason() != test.reason {
			t.Errorf("%q: got %s, reason %q, want %s, reason %q", test.header, got, r.Reason(), test.want, test.reason)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	v := dmarc.Verifier{Resolver: zones()}
	header := []byte("Received: from x\r\nFrom: Some One <a@sub.example.com>\r\nTo: b@example.org\r\nSubject: hello\r\n")
	dkim := ids(b, "pass example.com")
	b.ReportAllocs()
	for b.Loop() {
		v.Verify(b.Context(), dmarc.ParseAuthors(header), dmarc.Identifier{}, dkim)
	}
}
