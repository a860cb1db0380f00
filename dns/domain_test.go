package dns

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseDomain(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 63)
	name253 := long + "." + long + "." + long + "." + strings.Repeat("b", 61)
	for _, tc := range []struct {
		in        string
		want      Domain // Zero: refused.
		strictBad bool   // Only ParseDomainLax takes it.
	}{
		{in: "example.org", want: Domain{ASCII: "example.org"}},
		{in: "EXAMPLE.Org", want: Domain{ASCII: "example.org"}},
		{in: "localhost", want: Domain{ASCII: "localhost"}},
		{in: "a", want: Domain{ASCII: "a"}},
		{in: "3com.com", want: Domain{ASCII: "3com.com"}},
		{in: "1.2.3.4.example", want: Domain{ASCII: "1.2.3.4.example"}},
		{in: "r3---sn-apo3qvuoxuxbt-j5pe.example", want: Domain{ASCII: "r3---sn-apo3qvuoxuxbt-j5pe.example"}},
		{in: "bücher.example", want: Domain{"xn--bcher-kva.example", "bücher.example"}},
		{in: "BÜCHER.example", want: Domain{"xn--bcher-kva.example", "bücher.example"}},
		{in: "xn--bcher-kva.example", want: Domain{"xn--bcher-kva.example", "bücher.example"}},
		{in: "XN--BCHER-KVA.example", want: Domain{"xn--bcher-kva.example", "bücher.example"}},
		{in: "bu\u0308cher.example", want: Domain{"xn--bcher-kva.example", "bücher.example"}}, // To NFC.
		{in: "straße.example", want: Domain{"xn--strae-oqa.example", "straße.example"}},       // IDNA2008 keeps ß.
		{in: "例え。テスト", want: Domain{"xn--r8jz45g.xn--zckzah", "例え.テスト"}},                      // Ideographic full stop.
		{in: "ｅxample.org", want: Domain{ASCII: "example.org"}},                               // Full width.
		{in: "מייל.example", want: Domain{"xn--eebajf.example", "מייל.example"}},
		{in: name253, want: Domain{ASCII: name253}},

		{in: "_dmarc.example.org", want: Domain{ASCII: "_dmarc.example.org"}, strictBad: true},
		{in: "a_b.bücher.example", want: Domain{"a_b.xn--bcher-kva.example", "a_b.bücher.example"}, strictBad: true},
		{in: "example.org.", want: Domain{ASCII: "example.org"}, strictBad: true},
		{in: "192.0.2.1", want: Domain{ASCII: "192.0.2.1"}, strictBad: true},
		{in: "123", want: Domain{ASCII: "123"}, strictBad: true},

		{in: ""},
		{in: "."},
		{in: ".example.org"},
		{in: "example..org"},
		{in: "example.org.."},
		{in: "-example.org"},
		{in: "example-.org"},
		{in: "exa mple.org"},
		{in: "exam\x00ple.org"},
		{in: "example.org\r\n"},
		{in: "[192.0.2.1]"},
		{in: "2001:db8::1"},
		{in: "a@example.org"},
		{in: "a/b.example"},
		{in: long + "a.example"},
		{in: name253 + "b"},
		{in: strings.Repeat("a.", 5000) + "a"},
		{in: strings.Repeat("ü", 60) + ".example"}, // Its A-label is too long.
		{in: "xn--.example"},
		{in: "xn--a.example"},        // Decodes to nothing valid.
		{in: "xn--example-.org"},     // Decodes to ASCII only.
		{in: "xn--bcher-kv.example"}, // Another label than it seems, not allowed for lookup.
		{in: "a\u200db.example"},     // Joiner where no joiner may be.
		{in: "אa.example"},           // Breaks the Bidi rule.
		{in: "☃\u0338\u2488.example"},
		{in: "exam\xffple.org"},
		{in: "exa／mple.org"}, // Full width solidus maps to a slash.
	} {
		for _, p := range []struct {
			name  string
			parse func(string) (Domain, error)
			bad   bool
		}{{"ParseDomain", ParseDomain, tc.want.IsZero() || tc.strictBad}, {"ParseDomainLax", ParseDomainLax, tc.want.IsZero()}} {
			got, err := p.parse(tc.in)
			switch {
			case p.bad && (!errors.Is(err, ErrName) || !got.IsZero()):
				t.Errorf("%s(%q) = %+v, %v; must be refused", p.name, tc.in, got, err)
			case !p.bad && (err != nil || got != tc.want):
				t.Errorf("%s(%q) = %+v, %v; want %+v", p.name, tc.in, got, err, tc.want)
			}
		}
	}
}

func TestDomainForms(t *testing.T) {
	t.Parallel()
	d := Domain{"xn--bcher-kva.example", "bücher.example"}
	plain := Domain{ASCII: "example.org"}
	for _, tc := range []struct{ got, want string }{
		{d.String(), "xn--bcher-kva.example"},
		{d.Name(), "bücher.example"},
		{d.XName(true), "bücher.example"},
		{d.XName(false), "xn--bcher-kva.example"},
		{d.LogString(), "bücher.example/xn--bcher-kva.example"},
		{d.Absolute(), "xn--bcher-kva.example."},
		{plain.Name(), "example.org"},
		{plain.XName(true), "example.org"},
		{plain.LogString(), "example.org"},
		{IPDomain{Domain: d}.String(), "xn--bcher-kva.example"},
		{IPDomain{Domain: d}.XString(true), "bücher.example"},
		{IPDomain{Domain: d}.LogString(), "bücher.example/xn--bcher-kva.example"},
		{IPDomain{IP: netip.MustParseAddr("192.0.2.1")}.XString(true), "[192.0.2.1]"},
		{IPDomain{IP: netip.MustParseAddr("2001:db8::1")}.String(), "[IPv6:2001:db8::1]"},
		{IPDomain{IP: netip.MustParseAddr("2001:db8::1")}.LogString(), "[IPv6:2001:db8::1]"},
		{IPDomain{}.String(), ""},
	} {
		if tc.got != tc.want {
			t.Errorf("got %q, want %q", tc.got, tc.want)
		}
	}
}

// Both forms of an accepted name must parse to the same value again.
func FuzzParseDomain(f *testing.F) {
	for _, s := range []string{"example.org", "bücher.example", "xn--bcher-kva.example", "例え。テスト", "_dmarc.example.org.", "xn--example-.org", "a\u200db", "xn--zca.example", "ﬀ.example", "xn--a-ecp.ru", "Ⅷ.example", "faß.xn--zca"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, parse := range []func(string) (Domain, error){ParseDomain, ParseDomainLax} {
			d, err := parse(s)
			if err != nil {
				if !errors.Is(err, ErrName) || !d.IsZero() {
					t.Fatalf("%q: %v, %+v", s, err, d)
				}
				continue
			}
			if d.Unicode == d.ASCII || len(d.ASCII) > 253 || !utf8.ValidString(d.Unicode) || strings.Trim(d.ASCII, "abcdefghijklmnopqrstuvwxyz0123456789-._") != "" {
				t.Fatalf("%q: %+v", s, d)
			}
			for _, form := range []string{d.ASCII, d.Name()} {
				if again, err := parse(form); err != nil || again != d {
					t.Fatalf("%q gives %+v, but its form %q %+v, %v", s, d, form, again, err)
				}
			}
		}
	})
}

// Names at the edge of what is taken without a closer look.
func TestPlainNames(t *testing.T) {
	t.Parallel()
	label63 := strings.Repeat("a", 63)
	long := strings.Repeat("a.", 126)
	for name, want := range map[string]struct{ strict, lax bool }{
		"a": {true, true}, "example.org": {true, true}, "a-b.c--d.example": {true, true}, "ab--c.example": {true, true}, "1.2.3.com": {true, true},
		label63 + ".example": {true, true}, long + "a": {true, true},
		"_dmarc.example.org": {false, true}, "192.0.2.1": {false, true}, "a.1": {false, true}, "a.1-2": {true, true},
		"": {}, ".": {}, "a..b": {}, ".a": {}, "-a.example": {}, "a-.example": {}, "a.b-": {}, "a.-b": {}, "-": {}, "a b": {}, "a/b": {}, "a\x00": {},
		label63 + "a.example": {}, long + "aa": {}, "xn--.example": {}, "xn--a-.example": {}, "abc.xn--0.example": {},
	} {
		d, err := ParseDomain(name)
		if (err == nil) != want.strict || err == nil && (d.ASCII != name || d.Unicode != "") {
			t.Errorf("%.80q: %+v, %v", name, d, err)
		}
		d, err = ParseDomainLax(name)
		if (err == nil) != want.lax || err == nil && (d.ASCII != name || d.Unicode != "") {
			t.Errorf("%.80q, lax: %+v, %v", name, d, err)
		}
	}
}
