package spf

import (
	"strings"
	"testing"
)

// row is an evaluation and what must come of it. The policy is that of p.example, for
// which the sender is user@p.example unless it is given.
type row struct {
	policy string
	ip     string
	want   Status
	sender string
}

// evaluateRows evaluates each row in a zone.
func evaluateRows(t *testing.T, common string, rows []row) {
	t.Helper()
	for _, r := range rows {
		sender := r.sender
		if sender == "" {
			sender = "user@p.example"
		}
		resolver := zone(t, common+"\np.example TXT "+r.policy)
		res := CheckMailFrom(t.Context(), resolver, session(t, r.ip, sender))
		if res.Status != r.want {
			t.Errorf("%s, %s, %s: %s (%s), want %s", r.policy, r.ip, sender, res.Status, res.Problem, r.want)
		}
		if (res.Status == Permerror || res.Status == Temperror) != (res.Err != nil) {
			t.Errorf("%s: status %s with error %v", r.policy, res.Status, res.Err)
		}
		if (res.Mechanism != "") != (res.Status == Pass || res.Status == Fail || res.Status == Softfail || res.Status == Neutral) {
			t.Errorf("%s: status %s with mechanism %q", r.policy, res.Status, res.Mechanism)
		}
		if res.Lookups > maxLookups || res.VoidLookups > maxVoidLookups+1 {
			t.Errorf("%s: %d lookups, %d void", r.policy, res.Lookups, res.VoidLookups)
		}
	}
}

// TestInitialProcessing covers RFC 7208 §4.3 to §4.5.
func TestInitialProcessing(t *testing.T) {
	t.Parallel()
	label := strings.Repeat("a", 63)
	resolver := zone(t, `
		ok.example TXT v=spf1 -all exp=why.example
		why.example TXT %{l} of %{o}
		`+label+`.example TXT v=spf1 -all
		fails.example FAIL
		no.example A 192.0.2.1
		other.example TXT v=spf10 -all
		other.example TXT v=spf1-all
		other.example TXT spf2.0/pra -all
		other.example TXT  v=spf1 -all
		joined.example TXT v=spf1mx -all
		mixed.example TXT google-site-verification=x
		mixed.example TXT v=spf1 -all
		mixed.example TXT v=spf10
		mixed.example TXT `+"\xff\x00"+`
		two.example TXT v=spf1 -all
		two.example TXT V=sPf1
		same.example TXT v=spf1 -all
		same.example TXT v=spf1 -all
		case.example TXT V=SpF1 ~ALL
		empty.example TXT v=spf1
		spaces.example TXT v=spf1   +all
		alias.example CNAME ok.example
		loop.example CNAME loop.example
		xn--bcher-kva.example TXT v=spf1 ip4:192.0.2.1 -all
	`)
	for _, test := range []struct {
		sender string
		want   Status
	}{
		{"user@ok.example", Fail},
		{"ok.example", Fail},                 // The null reverse-path (RFC 7208 §2.4).
		{"ok.example.", Fail},                // §4.3: an empty label at the end is the root.
		{"@ok.example", Fail},                // §4.3: no local part.
		{"user@" + label + ".example", Fail}, // §4.3.
		{"user@case.example", Softfail},      // §4.6.1, RFC 5234 §2.3.
		{"user@empty.example", Neutral},      // §4.7.
		{"user@spaces.example", Pass},        // §4.6.1.
		{"user@mixed.example", Fail},         // §4.5: others are discarded.
		{"user@alias.example", Fail},
		{"user@bücher.example", Pass},           // RFC 8616 §4.
		{"user@xn--bcher-kva.example", Pass},    // RFC 8616 §4.
		{"bücher.example", Pass},                // RFC 8616 §4 wants A-labels there, but this does no harm.
		{label + "a.example", None},             // §4.3: label of 64 characters.
		{"a..example", None},                    // §4.3: empty label.
		{".example", None},                      // §4.3.
		{"localhost", None},                     // §4.3: not multi-label.
		{"user@localhost", None},                // §4.3.
		{"[192.0.2.1]", None},                   // §4.3.
		{"[IPv6:2001:db8::1]", None},            // §4.3.
		{"", None},                              // §4.3.
		{"ok example", None},                    // §4.3.
		{strings.Repeat("a.", 127) + "b", None}, // §4.3: 255 characters.
		{"user@nx.example", None},               // §4.3: Name Error.
		{"user@no.example", None},               // §4.5: no records.
		{"user@other.example", None},            // §4.5: other versions.
		{"user@joined.example", None},           // §4.5, strings of a record are joined (§3.3).
		{"user@fails.example", Temperror},       // §4.4.
		{"user@loop.example", Temperror},        // §4.4.
		{"user@two.example", Permerror},         // §4.5.
		{"user@same.example", Permerror},        // §4.5.
	} {
		res := CheckMailFrom(t.Context(), resolver, session(t, "192.0.2.1", test.sender))
		if res.Status != test.want {
			t.Errorf("%q: %s (%s), want %s", test.sender, res.Status, res.Problem, test.want)
		}
		if (res.Status == None || res.Status == Temperror || res.Status == Permerror) != (res.Problem != "") {
			t.Errorf("%q: %s with problem %q", test.sender, res.Status, res.Problem)
		}
	}

	for sender, want := range map[string]string{
		"ok.example":     "postmaster of ok.example", // RFC 7208 §2.4.
		"@ok.example":    "postmaster of ok.example", // RFC 7208 §4.3.
		"a.b@ok.example": "a.b of ok.example",
	} {
		if res := CheckMailFrom(t.Context(), resolver, session(t, "192.0.2.1", sender)); res.Explanation != want {
			t.Errorf("%q: explanation %q, want %q", sender, res.Explanation, want)
		}
	}
}

// TestTerms covers RFC 7208 §4.6.2, §4.6.3, §4.7 and §6.
func TestTerms(t *testing.T) {
	t.Parallel()
	const ip = "192.0.2.1"
	evaluateRows(t, `
		pass.example TXT v=spf1 +all
		fail.example TXT v=spf1 -all
		none.example A 192.0.2.1
		broken.example TXT v=spf1 foo
		fails.example FAIL
		chain.example TXT v=spf1 redirect=fail.example
		implicit.example TXT v=spf1 a -all
		implicit.example A 192.0.2.1
	`, []row{
		{"v=spf1 all", ip, Pass, ""},
		{"v=spf1 +all", ip, Pass, ""},
		{"v=spf1 -all", ip, Fail, ""},
		{"v=spf1 ~all", ip, Softfail, ""},
		{"v=spf1 ?all", ip, Neutral, ""},
		{"v=spf1", ip, Neutral, ""},                                               // §4.7.
		{"v=spf1 ip4:192.0.2.2", ip, Neutral, ""},                                 // §4.7.
		{"v=spf1 ?ip4:192.0.2.1 -all", ip, Neutral, ""},                           // The first match counts.
		{"v=spf1 all -all", ip, Pass, ""},                                         // §5.1.
		{"v=spf1 -all redirect=pass.example", ip, Fail, ""},                       // §5.1.
		{"v=spf1 redirect=pass.example -all", ip, Fail, ""},                       // §5.1: whatever the order.
		{"v=spf1 redirect=fails.example ?all", ip, Neutral, ""},                   // §6.1: not even looked up.
		{"v=spf1 redirect=pass.example ip4:192.0.2.2", ip, Pass, ""},              // §6.1.
		{"v=spf1 -ip4:192.0.2.1 redirect=pass.example", ip, Fail, ""},             // §6.1.
		{"v=spf1 redirect=chain.example", ip, Fail, ""},                           // §6.1.
		{"v=spf1 REDIRECT=pass.example", ip, Pass, ""},                            // RFC 5234 §2.3.
		{"v=spf1 redirect=implicit.example", ip, Pass, ""},                        // §6.1: the domain is the new one.
		{"v=spf1 redirect=pass%{o1}.example", ip, Permerror, ""},                  // passexample.example.
		{"v=spf1 redirect=none.example", ip, Permerror, ""},                       // §6.1: no record.
		{"v=spf1 redirect=nx.example", ip, Permerror, ""},                         // §6.1: no domain.
		{"v=spf1 redirect=a..example", ip, Permerror, ""},                         // §6.1: malformed.
		{"v=spf1 redirect=%{o1}", ip, Permerror, ""},                              // §6.1: one label.
		{"v=spf1 redirect=broken.example", ip, Permerror, ""},                     // §6.1.
		{"v=spf1 redirect=fails.example", ip, Temperror, ""},                      // §6.1.
		{"v=spf1 redirect=pass.example redirect=pass.example", ip, Permerror, ""}, // §6.
		{"v=spf1 exp=pass.example Exp=pass.example -all", ip, Permerror, ""},      // §6.
		{"v=spf1 default=pass moo.cow-far_out=man:dog/cat -all", ip, Fail, ""},    // §6: unknown ones are ignored.
		{"v=spf1 x= x= x=%{c}%{r}%{t} -all", ip, Fail, ""},                        // §6: however often.
		{"v=spf1 all=no -all", ip, Fail, ""},                                      // §4.6.1: a name with "=" is a modifier.
		{"v=spf1 ip4:192.0.2.1 -all moo", ip, Permerror, ""},                      // §4.6: errors anywhere.
	})
}

// TestInclude covers the table of RFC 7208 §5.2.
func TestInclude(t *testing.T) {
	t.Parallel()
	const ip = "192.0.2.1"
	evaluateRows(t, `
		pass.example TXT v=spf1 ip4:192.0.2.1 -all
		fail.example TXT v=spf1 -all
		softfail.example TXT v=spf1 ~all
		neutral.example TXT v=spf1 ?all
		default.example TXT v=spf1
		none.example A 192.0.2.1
		broken.example TXT v=spf1 include
		two.example TXT v=spf1
		two.example TXT v=spf1 all
		fails.example FAIL
		nested.example TXT v=spf1 include:pass.example
		redirect.example TXT v=spf1 redirect=pass.example
		badredirect.example TXT v=spf1 redirect=none.example
		domain.example TXT v=spf1 exists:%{d}.%{o}.yes.example
		domain.example.p.example.yes.example A 127.0.0.2
		back.example TXT v=spf1 -all
		p.example A 192.0.2.1
	`, []row{
		{"v=spf1 include:pass.example -all", ip, Pass, ""},
		{"v=spf1 -include:pass.example +all", ip, Fail, ""}, // The qualifier of the include counts.
		{"v=spf1 ~include:pass.example", ip, Softfail, ""},
		{"v=spf1 ?include:pass.example -all", ip, Neutral, ""},
		{"v=spf1 include:nested.example -all", ip, Pass, ""},
		{"v=spf1 include:redirect.example -all", ip, Pass, ""},
		{"v=spf1 include:domain.example -all", ip, Pass, ""}, // The sender stays, the domain does not.
		{"v=spf1 include:back.example a -all", ip, Pass, ""}, // The domain is restored.
		{"v=spf1 include:fail.example ~all", ip, Softfail, ""},
		{"v=spf1 include:softfail.example +all", ip, Pass, ""},
		{"v=spf1 include:neutral.example -all", ip, Fail, ""},
		{"v=spf1 include:default.example -all", ip, Fail, ""},
		{"v=spf1 include:fails.example +all", ip, Temperror, ""},
		{"v=spf1 include:broken.example +all", ip, Permerror, ""},
		{"v=spf1 include:two.example +all", ip, Permerror, ""},
		{"v=spf1 include:none.example +all", ip, Permerror, ""},
		{"v=spf1 include:nx.example +all", ip, Permerror, ""},
		{"v=spf1 include:badredirect.example +all", ip, Permerror, ""},
		{"v=spf1 include:a..example +all", ip, Permerror, ""}, // §4.3 with §5.2: none.
		{"v=spf1 include:%{o1} +all", ip, Permerror, ""},      // One label.
	})
}

// TestAddressMechanisms covers RFC 7208 §5, §5.3, §5.4, §5.6 and §5.7.
func TestAddressMechanisms(t *testing.T) {
	t.Parallel()
	const v4, v6, mapped = "192.0.2.1", "2001:db8:0:1::1", "::ffff:192.0.2.1"
	evaluateRows(t, `
		p.example A 198.51.100.1
		p.example A 192.0.2.1
		p.example AAAA 2001:db8:0:1::1
		p.example MX 20 mx2.example
		p.example MX 10 mx1.example
		near.example A 192.0.2.200
		near.example AAAA 2001:db8:0:1:ffff::
		v4.example A 203.0.113.9
		v6.example AAAA 2001:db8:ffff::9
		mapped.example AAAA ::ffff:192.0.2.1
		mx1.example A 203.0.113.1
		mx2.example A 192.0.2.1
		mx2.example AAAA 2001:db8:0:1::1
		nearmx.example MX 10 near.example
		nullmx.example MX 0 .
		implicit.example A 192.0.2.1
		badmx.example MX 10 nx.example
		badmx.example MX 20 p.example
		failmx.example MX 10 fails.example
		failmx.example MX 20 p.example
		alias.example CNAME p.example
		fails.example FAIL
		mxfails.example FAIL mx
	`, []row{
		// §5.3.
		{"v=spf1 a -all", v4, Pass, ""},
		{"v=spf1 a -all", v6, Pass, ""},
		{"v=spf1 a -all", mapped, Pass, ""}, // §5.
		{"v=spf1 a:alias.example -all", v4, Pass, ""},
		{"v=spf1 a:near.example/24 -all", v4, Pass, ""},
		{"v=spf1 a:near.example/24//64 -all", v6, Pass, ""},
		{"v=spf1 a:near.example//64 -all", v6, Pass, ""},
		{"v=spf1 a:v4.example/0 -all", v4, Pass, ""},
		{"v=spf1 a:v6.example//0 -all", v6, Pass, ""},
		{"v=spf1 a:near.example -all", v4, Fail, ""},
		{"v=spf1 a:near.example/25 -all", v4, Fail, ""},
		{"v=spf1 a:near.example//64 -all", v4, Fail, ""}, // That length is for IPv6.
		{"v=spf1 a:near.example/24 -all", v6, Fail, ""},  // That length is for IPv4.
		{"v=spf1 a:near.example//65 -all", "2001:db8:0:1::1", Fail, ""},
		{"v=spf1 a:v4.example//0 -all", v6, Fail, ""}, // There is no AAAA.
		{"v=spf1 a:v6.example/0 -all", v4, Fail, ""},  // There is no A.
		{"v=spf1 a:mapped.example//0 -all", mapped, Fail, ""},
		{"v=spf1 a:nx.example/0 -all", v4, Fail, ""},
		{"v=spf1 a:fails.example +all", v4, Temperror, ""}, // §5.

		// §5.4.
		{"v=spf1 mx -all", v4, Pass, ""},
		{"v=spf1 mx -all", v6, Pass, ""},
		{"v=spf1 mx -all", mapped, Pass, ""},
		{"v=spf1 mx:nearmx.example/24 -all", v4, Pass, ""},
		{"v=spf1 mx:nearmx.example/24//48 -all", v6, Pass, ""},
		{"v=spf1 mx:badmx.example -all", v4, Pass, ""},
		{"v=spf1 mx:nearmx.example -all", v4, Fail, ""},
		{"v=spf1 mx:nearmx.example//48 -all", v4, Fail, ""},
		{"v=spf1 mx:nullmx.example -all", v4, Fail, ""},
		{"v=spf1 mx:implicit.example -all", v4, Fail, ""}, // No implicit MX.
		{"v=spf1 mx:nx.example/0 -all", v4, Fail, ""},
		{"v=spf1 mx:failmx.example +all", v4, Temperror, ""},
		{"v=spf1 mx:mxfails.example +all", v4, Temperror, ""},

		// §5.6.
		{"v=spf1 ip4:192.0.2.1 -all", v4, Pass, ""},
		{"v=spf1 ip4:192.0.2.1 -all", mapped, Pass, ""},
		{"v=spf1 ip4:192.0.2.77/24 -all", v4, Pass, ""},
		{"v=spf1 ip4:203.0.113.1/0 -all", v4, Pass, ""},
		{"v=spf1 ip6:2001:db8:0:1::1 -all", v6, Pass, ""},
		{"v=spf1 ip6:2001:DB8::/32 -all", v6, Pass, ""},
		{"v=spf1 ip6:::/0 -all", v6, Pass, ""},
		{"v=spf1 ip6:2001:db8::192.0.2.1/32 -all", v6, Pass, ""},
		{"v=spf1 ip4:192.0.2.2 -all", v4, Fail, ""},
		{"v=spf1 ip4:192.0.2.128/25 -all", v4, Fail, ""},
		{"v=spf1 ip4:0.0.0.0/0 -all", v6, Fail, ""},
		{"v=spf1 ip6:::/0 -all", v4, Fail, ""},
		{"v=spf1 ip6:::ffff:192.0.2.1 -all", v4, Fail, ""},
		{"v=spf1 ip6:::ffff:0:0/96 -all", mapped, Fail, ""}, // §5: such a client has an IPv4 address.
		{"v=spf1 ip6:2001:db8:0:2::/64 -all", v6, Fail, ""},

		// §5.7.
		{"v=spf1 exists:v4.example -all", v4, Pass, ""},
		{"v=spf1 exists:v4.example -all", v6, Pass, ""},
		{"v=spf1 exists:alias.example -all", v6, Pass, ""},
		{"v=spf1 exists:v6.example -all", v6, Fail, ""}, // A records only.
		{"v=spf1 exists:nx.example -all", v4, Fail, ""},
		{"v=spf1 exists:fails.example +all", v4, Temperror, ""},

		// §4.8: invalid names match nothing, and nothing is asked.
		{"v=spf1 a:a..example exists:b..example mx:c..example ptr:d..example a:.example -all", v4, Fail, ""},
		{"v=spf1 a:" + strings.Repeat("a", 64) + ".example -all", v4, Fail, ""},
		{"v=spf1 exists:" + strings.Repeat("%{d}", 20) + ".example -all", v4, Fail, strings.Repeat("x", 40) + "@p.example"},
	})
}

// Local parts make labels that no host has (RFC 7208 §7.3).
func TestLocalPartInName(t *testing.T) {
	t.Parallel()
	const ip = "192.0.2.1"
	evaluateRows(t, `
		ann+list._u.p.example A 127.0.0.2
		ann=x/y:z._u.p.example A 127.0.0.2
		ann-._u.p.example A 127.0.0.2
		list._u.p.example A 127.0.0.2
	`, []row{
		{"v=spf1 exists:%{l}._u.%{d} -all", ip, Pass, "ann+list@p.example"},
		{"v=spf1 exists:%{l}._u.%{d} -all", ip, Pass, "Ann+List@p.example"},
		{"v=spf1 exists:%{l}._u.%{d} -all", ip, Pass, "ann=x/y:z@p.example"},
		{"v=spf1 exists:%{l}._u.%{d} -all", ip, Pass, "ann-@p.example"},
		{"v=spf1 exists:%{l1r+}._u.%{d} -all", ip, Fail, "ann+list@p.example"},
		{"v=spf1 exists:%{l}._u.%{d} -all", ip, Fail, "ann+other@p.example"},
		{"v=spf1 exists:%{l}._u.%{d} -all", ip, Fail, "annxlist@p.example"},
		{"v=spf1 exists:%{l}._u.%{d} -all", ip, Fail, `"ann+\x01"@p.example`},
	})
}

// TestPTR covers RFC 7208 §5.5, with erratum 4751, and the macro p of §7.3.
func TestPTR(t *testing.T) {
	t.Parallel()
	evaluateRows(t, `
		192.0.2.1 PTR Mail.P.Example
		mail.p.example A 192.0.2.1
		mail.p.example A 192.0.2.12
		192.0.2.12 PTR maİl.p.example
		192.0.2.2 PTR forged.p.example
		forged.p.example A 192.0.2.99
		192.0.2.3 PTR fails.p.example
		192.0.2.3 PTR mail3.p.example
		fails.p.example FAIL
		mail3.p.example A 192.0.2.3
		192.0.2.4 FAIL ptr
		192.0.2.5 PTR mail.bad-p.example
		mail.bad-p.example A 192.0.2.5
		192.0.2.6 PTR p.example
		p.example A 192.0.2.6
		192.0.2.7 PTR example
		example A 192.0.2.7
		192.0.2.8 PTR other.example
		192.0.2.8 PTR sub.p.example
		192.0.2.8 PTR p.example
		other.example A 192.0.2.8
		sub.p.example A 192.0.2.8
		p.example A 192.0.2.8
		192.0.2.10 PTR other.example
		192.0.2.10 PTR sub.p.example
		other.example A 192.0.2.10
		sub.p.example A 192.0.2.10
		192.0.2.11 PTR other.example
		other.example A 192.0.2.11
		2001:db8::1 PTR mail6.p.example
		mail6.p.example AAAA 2001:db8::1
		2001:db8::2 PTR mail.p.example
		p.example.is.example A 127.0.0.2
		sub.p.example.is.example A 127.0.0.3
		other.example.is.example A 127.0.0.4
		unknown.is.example A 127.0.0.5
	`, []row{
		{"v=spf1 ptr -all", "192.0.2.1", Pass, ""},
		{"v=spf1 ptr:P.EXAMPLE -all", "192.0.2.1", Pass, ""},
		{"v=spf1 ptr:mail.p.example. -all", "192.0.2.1", Pass, ""},
		{"v=spf1 ptr -all", "::ffff:192.0.2.1", Pass, ""},
		{"v=spf1 ptr -all", "2001:db8::1", Pass, ""},
		{"v=spf1 ptr -all", "192.0.2.3", Pass, ""}, // The name whose lookup fails is skipped.
		{"v=spf1 ptr -all", "192.0.2.6", Pass, ""},
		{"v=spf1 ptr:other.example -all", "192.0.2.1", Fail, ""},
		{"v=spf1 ptr:x.mail.p.example -all", "192.0.2.1", Fail, ""},
		{"v=spf1 ptr -all", "192.0.2.2", Fail, ""},   // Not validated.
		{"v=spf1 ptr -all", "192.0.2.4", Fail, ""},   // An error of DNS is no match.
		{"v=spf1 ptr -all", "192.0.2.5", Fail, ""},   // bad-p.example is not within p.example.
		{"v=spf1 ptr -all", "192.0.2.7", Fail, ""},   // Erratum 4751: not the other way round.
		{"v=spf1 ptr -all", "192.0.2.99", Fail, ""},  // No name.
		{"v=spf1 ptr -all", "2001:db8::2", Fail, ""}, // No AAAA.
		{"v=spf1 ptr -all", "192.0.2.12", Fail, ""},  // Another name, though in lower case it is ours.

		{"v=spf1 exists:%{p}.is.example -all", "192.0.2.8", Pass, ""},
		{"v=spf1 -exists:p.example.is.example +all", "192.0.2.8", Fail, ""},
		{"v=spf1 redirect=%{p}", "192.0.2.99", Permerror, ""}, // "unknown" is one label.
	})

	for ip, want := range map[string]string{
		"192.0.2.8":  "p.example",     // The domain itself.
		"192.0.2.10": "sub.p.example", // A name within it.
		"192.0.2.11": "other.example", // Any.
		"192.0.2.2":  "unknown",       // Not validated.
		"192.0.2.4":  "unknown",       // Error.
		"192.0.2.99": "unknown",       // None.
	} {
		resolver := zone(t, `
			192.0.2.8 PTR other.example
			192.0.2.8 PTR sub.p.example
			192.0.2.8 PTR p.example
			192.0.2.10 PTR other.example
			192.0.2.10 PTR sub.p.example
			192.0.2.11 PTR other.example
			192.0.2.2 PTR p.example
			192.0.2.4 FAIL ptr
			other.example A 192.0.2.8
			other.example A 192.0.2.10
			other.example A 192.0.2.11
			sub.p.example A 192.0.2.8
			sub.p.example A 192.0.2.10
			p.example A 192.0.2.8
			p.example TXT v=spf1 -all exp=why.p.example
			why.p.example TXT %{p}
		`)
		if res := CheckMailFrom(t.Context(), resolver, session(t, ip, "user@p.example")); res.Explanation != want {
			t.Errorf("%%{p} of %s is %q, want %q", ip, res.Explanation, want)
		}
	}
}

// TestMechanismTold covers what of a record is told to have matched (RFC 7208 §9.1).
func TestMechanismTold(t *testing.T) {
	t.Parallel()
	resolver := zone(t, `
		a.example TXT v=spf1 +A/32 -all
		a.example A 192.0.2.1
		ip.example TXT v=spf1 ip4:192.0.2.1/32 -all
		net.example TXT v=spf1 ~IP4:192.0.2.0/24 -all
		inc.example TXT v=spf1 include:ip.example -all
		red.example TXT v=spf1 redirect=net.example
		all.example TXT v=spf1 -ALL
		neutral.example TXT v=spf1 a:ip.example
		broken.example TXT v=spf1 foo
	`)
	for domain, want := range map[string]string{
		"a.example":       "a/32",
		"ip.example":      "ip4:192.0.2.1",
		"net.example":     "ip4:192.0.2.0/24",
		"inc.example":     "include:ip.example",
		"red.example":     "ip4:192.0.2.0/24",
		"all.example":     "all",
		"neutral.example": "default",
		"broken.example":  "",
		"none.example":    "",
	} {
		if res := CheckMailFrom(t.Context(), resolver, session(t, "192.0.2.1", "user@"+domain)); res.Mechanism != want {
			t.Errorf("%s: %q, want %q", domain, res.Mechanism, want)
		}
	}
}
