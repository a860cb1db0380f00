package smtp

import (
	"cmp"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"mox/dns"
)

// localparts has spellings of local parts; half of them are refused.
var localparts = []struct {
	in      string
	want    Localpart
	out     string // How it is written, if other than in.
	refused bool
}{
	{in: "bob", want: "bob"},
	{in: "Bob.Smith", want: "Bob.Smith"},
	{in: "a.b.c", want: "a.b.c"},
	{in: "!#$%&'*+-/=?^_`{|}~", want: "!#$%&'*+-/=?^_`{|}~"},
	{in: "péter", want: "péter"},
	{in: "pe\u0301ter", want: "péter", out: "péter"}, // To NFC.
	{in: "用户", want: "用户"},
	{in: `"bob"`, want: "bob", out: "bob"},
	{in: `"b\ob"`, want: "bob", out: "bob"},
	{in: `"Bob Smith"`, want: "Bob Smith"},
	{in: `"Joe\,Smith"`, want: "Joe,Smith", out: `"Joe,Smith"`}, // RFC 5321 §4.1.2.
	{in: `"a@b"`, want: "a@b"},
	{in: `"a>b"`, want: "a>b"},
	{in: `"a..b"`, want: "a..b"},
	{in: `".a"`, want: ".a"},
	{in: `"\"\\"`, want: `"\`},
	{in: `""`, want: ""},
	{in: `" "`, want: " "},
	{in: `"用 户"`, want: "用 户"},
	{in: strings.Repeat("a", 128), want: Localpart(strings.Repeat("a", 128))},

	{in: "", refused: true},
	{in: ".", refused: true},
	{in: ".a", refused: true},
	{in: "a.", refused: true},
	{in: "a..b", refused: true},
	{in: "a b", refused: true},
	{in: "a@b", refused: true},
	{in: "a,b", refused: true},
	{in: "a\\b", refused: true},
	{in: "(comment)a", refused: true},
	{in: "a\x00", refused: true},
	{in: "a\x7f", refused: true},
	{in: "a\u0085b", refused: true},
	{in: "a\u2028b", refused: true},
	{in: "a\xff", refused: true},
	{in: `"a`, refused: true},
	{in: `"a\`, refused: true},
	{in: `"a\"`, refused: true},
	{in: `"a"b`, refused: true},
	{in: `a"b"`, refused: true},
	{in: "\"a\tb\"", refused: true},
	{in: "\"a\\\tb\"", refused: true},
	{in: "\"a\r\nb\"", refused: true},
	{in: "\"\xc3\"", refused: true},
	{in: "\"\\é\"", refused: true},
	{in: strings.Repeat("a", 129), refused: true},
}

func TestParseLocalpart(t *testing.T) {
	t.Parallel()
	for _, tc := range localparts {
		got, err := ParseLocalpart(tc.in)
		if tc.refused {
			if !errors.Is(err, ErrAddress) || got != "" {
				t.Errorf("ParseLocalpart(%q) = %q, %v; must be refused", tc.in, got, err)
			}
			continue
		}
		if err != nil || got != tc.want {
			t.Errorf("ParseLocalpart(%q) = %q, %v; want %q", tc.in, got, err, tc.want)
		}
		if out := cmp.Or(tc.out, tc.in); got.String() != out {
			t.Errorf("%q is written as %q, want %q", tc.in, got.String(), out)
		}
	}
}

func domain(s string) dns.Domain {
	d, err := dns.ParseDomain(s)
	if err != nil {
		panic(err)
	}
	return d
}

func TestParseAddress(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in   string
		want Address // Zero: refused.
		out  string  // If other than in.
	}{
		{in: "bob@example.org", want: Address{"bob", domain("example.org")}},
		{in: "Bob@EXAMPLE.org", want: Address{"Bob", domain("example.org")}, out: "Bob@example.org"},
		{in: "bob@bücher.example", want: Address{"bob", domain("bücher.example")}},
		{in: "bob@xn--bcher-kva.example", want: Address{"bob", domain("bücher.example")}, out: "bob@bücher.example"},
		{in: `"a b"@example.org`, want: Address{"a b", domain("example.org")}},
		{in: `""@example.org`, want: Address{"", domain("example.org")}},
		{in: "mox@localhost", want: Address{"mox", domain("localhost")}},

		{in: ""},
		{in: "bob"},
		{in: "@example.org"},
		{in: "bob@"},
		{in: "bob@@example.org"},
		{in: "bob@example.org."},
		{in: "bob@example..org"},
		{in: "bob@exam_ple.org"}, // RFC 5321 §4.1.2.
		{in: "bob@192.0.2.1"},
		{in: "bob@[192.0.2.1]"},
		{in: "<bob@example.org>"},
		{in: "Bob <bob@example.org>"},
		{in: " bob@example.org"},
		{in: "bob@example.org "},
		{in: "bob@example.org\r\n"},
		{in: "bob@" + strings.Repeat("a.", 130) + "org"},
	} {
		got, err := ParseAddress(tc.in)
		if got != tc.want || (err == nil) == tc.want.IsZero() || err != nil && !errors.Is(err, ErrAddress) {
			t.Errorf("ParseAddress(%q) = %+v, %v; want %+v", tc.in, got, err, tc.want)
		}
		if err == nil && got.String() != cmp.Or(tc.out, tc.in) {
			t.Errorf("%q is written as %q", tc.in, got.String())
		}
	}
}

func TestPathForms(t *testing.T) {
	t.Parallel()
	intl := Path{"péter", dns.IPDomain{Domain: domain("bücher.example")}}
	half := Path{"bob", dns.IPDomain{Domain: domain("bücher.example")}}
	literal := Path{"bob", dns.IPDomain{IP: netip.MustParseAddr("2001:db8::1")}}
	for _, tc := range []struct{ got, want string }{
		{Path{}.String(), ""},
		{Path{}.Pack(true), "<>"},
		{Path{}.LogString(), ""},
		{Path{Localpart: "postmaster"}.Pack(false), "<postmaster>"},
		{half.String(), "bob@bücher.example"},
		{half.XString(false), "bob@xn--bcher-kva.example"},
		{half.Pack(false), "<bob@xn--bcher-kva.example>"},
		{half.Pack(true), "<bob@bücher.example>"},
		{half.LogString(), "bob@bücher.example/xn--bcher-kva.example"},
		{half.DSNString(true), "rfc822;bob@xn--bcher-kva.example"},
		{intl.DSNString(true), "utf-8;péter@bücher.example"},
		{intl.DSNString(false), `utf-8;p\x{E9}ter@xn--bcher-kva.example`},
		{literal.Pack(false), "<bob@[IPv6:2001:db8::1]>"},
		{Address{}.Pack(true), ""},
		{Address{"bob", domain("bücher.example")}.Pack(false), "bob@xn--bcher-kva.example"},
		{Address{"bob", domain("bücher.example")}.LogString(), "bob@bücher.example/xn--bcher-kva.example"},
	} {
		if tc.got != tc.want {
			t.Errorf("got %q, want %q", tc.got, tc.want)
		}
	}
	if !intl.IsInternational() || half.IsInternational() {
		t.Error("a path needs SMTPUTF8 exactly if its local part does")
	}
	if a, ok := half.Address(); !ok || a.Path() != half {
		t.Error("path and address differ", a)
	}
	if _, ok := literal.Address(); ok {
		t.Error("path with address literal is an address")
	}
}

func TestParsePathInvertsXString(t *testing.T) {
	t.Parallel()
	for _, p := range []Path{
		{},
		{Localpart: "postmaster"},
		{Localpart: "a@b"},
		{"", dns.IPDomain{Domain: domain("example.org")}},
		{"a b", dns.IPDomain{Domain: domain("bücher.example")}},
		{"péter", dns.IPDomain{Domain: domain("example.org")}},
		{"bob", dns.IPDomain{IP: netip.MustParseAddr("192.0.2.1")}},
		{"bob", dns.IPDomain{IP: netip.MustParseAddr("2001:db8::1")}},
	} {
		for _, utf8 := range []bool{true, false} {
			if got, err := ParsePath(p.XString(utf8)); got != p || err != nil {
				t.Errorf("%q parses as %+v, %v", p.XString(utf8), got, err)
			}
		}
	}
	for _, s := range []string{"<>", "<bob@example.org>", "@", "bob@", "bob@[192.0.2.1", "a b"} {
		if got, err := ParsePath(s); err == nil {
			t.Errorf("%q parses as %+v", s, got)
		}
	}
}

func TestParseAddressLiteral(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"[192.0.2.1]":             "192.0.2.1",
		"[IPv6:2001:db8::1]":      "2001:db8::1",
		"[ipv6:::1]":              "::1",
		"[IPv6:::ffff:192.0.2.1]": "::ffff:192.0.2.1",
		"[2001:db8::1]":           "",
		"[IPv6:192.0.2.1]":        "",
		"[IPv6:fe80::1%eth0]":     "",
		"[192.0.2]":               "",
		"[192.0.2.256]":           "",
		"[192.0.02.1]":            "",
		"[192.0.2.1":              "",
		"192.0.2.1]":              "",
		"192.0.2.1":               "",
		"[]":                      "",
		"[":                       "",
		"":                        "",
		"[IPv6:]":                 "",
		"[tag:content]":           "",
		"[192.0.2.1] ":            "",
	} {
		got, err := ParseAddressLiteral(in)
		if want == "" && !errors.Is(err, ErrAddress) || want != "" && (err != nil || got.String() != want) {
			t.Errorf("%q: %v, %v; want %q", in, got, err, want)
		}
	}
}

// What is accepted is written in a form that is read as the same.
func FuzzParsePath(f *testing.F) {
	for _, tc := range localparts {
		f.Add(tc.in)
		f.Add(tc.in + "@example.org")
	}
	f.Add("bob@[IPv6:2001:db8::1]")
	f.Add("bob@xn--bcher-kva.example")
	f.Fuzz(func(t *testing.T, s string) {
		if l, err := ParseLocalpart(s); err == nil {
			if again, err := ParseLocalpart(l.String()); again != l || err != nil {
				t.Fatalf("%q: %q and again %q, %v", s, l, again, err)
			}
		}
		p, err := ParsePath(s)
		if err != nil {
			if !errors.Is(err, ErrAddress) {
				t.Fatal(err)
			}
			return
		}
		for _, utf8 := range []bool{true, false} {
			// The other form of a domain can be longer than a path may be.
			if again, err := ParsePath(p.XString(utf8)); (again != p || err != nil) && len(p.XString(utf8)) <= MaxPath-2 {
				t.Fatalf("%q: %q and again %+v, %v", s, p.XString(utf8), again, err)
			}
			if out := p.Pack(utf8); strings.ContainsAny(out, "\r\n\x00") {
				t.Fatalf("%q is written as %q", s, out)
			}
		}
	})
}
