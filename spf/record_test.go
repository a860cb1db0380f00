package spf

import (
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"mox/dns"
)

// TestParseRecord covers the grammar of RFC 7208 §12.
func TestParseRecord(t *testing.T) {
	t.Parallel()
	prefix := netip.MustParsePrefix
	for _, test := range []struct {
		text, again string // Again is how String writes it, if that differs.
		want        Record
	}{
		{"v=spf1", "", Record{}},
		{"V=SPF1 ", "v=spf1", Record{}},
		{"v=spf1  a   -ALL  ", "v=spf1 a -all", Record{Directives: []Directive{{Mechanism: A}, {Qualifier: QualifierFail, Mechanism: All}}}},
		{"v=spf1 +mx a:colo.example.com/28 -all", "v=spf1 mx a:colo.example.com/28 -all", Record{Directives: []Directive{
			{Mechanism: MX}, {Mechanism: A, DomainSpec: "colo.example.com", IP4Len: new(28)}, {Qualifier: QualifierFail, Mechanism: All}}}},
		{"v=spf1 a/0 mx//0 a:x.y./32//128", "", Record{Directives: []Directive{
			{Mechanism: A, IP4Len: new(0)}, {Mechanism: MX, IP6Len: new(0)}, {Mechanism: A, DomainSpec: "x.y.", IP4Len: new(32), IP6Len: new(128)}}}},
		{"v=spf1 a:%{d/}/24//64 mx:%{d}", "", Record{Directives: []Directive{
			{Mechanism: A, DomainSpec: "%{d/}", IP4Len: new(24), IP6Len: new(64)}, {Mechanism: MX, DomainSpec: "%{d}"}}}},
		{"v=spf1 a:foo:bar/baz.example.com a:x/24.com", "", Record{Directives: []Directive{
			{Mechanism: A, DomainSpec: "foo:bar/baz.example.com"}, {Mechanism: A, DomainSpec: "x/24.com"}}}},
		{"v=spf1 ?include:%{l1r+}._at.%{o}._spf.%{d} ~exists:%{ir}.sbl.example.org ptr ptr:x.y", "", Record{Directives: []Directive{
			{Qualifier: QualifierNeutral, Mechanism: Include, DomainSpec: "%{l1r+}._at.%{o}._spf.%{d}"},
			{Qualifier: QualifierSoftfail, Mechanism: Exists, DomainSpec: "%{ir}.sbl.example.org"},
			{Mechanism: PTR}, {Mechanism: PTR, DomainSpec: "x.y"}}}},
		{"v=spf1 ip4:192.0.2.1 ip4:192.0.2.1/32 ip4:192.0.2.77/0", "v=spf1 ip4:192.0.2.1 ip4:192.0.2.1 ip4:192.0.2.77/0", Record{Directives: []Directive{
			{Mechanism: IP4, Prefix: prefix("192.0.2.1/32")}, {Mechanism: IP4, Prefix: prefix("192.0.2.1/32")}, {Mechanism: IP4, Prefix: prefix("192.0.2.77/0")}}}},
		{"v=spf1 IP6:2001:DB8::CD30 ip6:::/0 ip6:::1.2.3.4/96", "v=spf1 ip6:2001:db8::cd30 ip6:::/0 ip6:::102:304/96", Record{Directives: []Directive{
			{Mechanism: IP6, Prefix: prefix("2001:db8::cd30/128")}, {Mechanism: IP6, Prefix: prefix("::/0")}, {Mechanism: IP6, Prefix: prefix("::1.2.3.4/96")}}}},
		{"v=spf1 redirect=_spf.example.com", "", Record{Redirect: "_spf.example.com"}},
		{"v=spf1 exp=why.%{d} mx REDIRECT=%{d}", "v=spf1 mx redirect=%{d} exp=why.%{d}", Record{
			Directives: []Directive{{Mechanism: MX}}, Redirect: "%{d}", Exp: "why.%{d}"}},
		{"v=spf1 moo.cow-far_out=man:dog/cat X= X=%{t}%%", "", Record{Modifiers: []Modifier{{"moo.cow-far_out", "man:dog/cat"}, {"X", ""}, {"X", "%{t}%%"}}}},
		{"v=spf1 a:a.xn--zckzah a:a.1-2 a:%% a:%_ a:%- a:.com", "", Record{Directives: []Directive{
			{Mechanism: A, DomainSpec: "a.xn--zckzah"}, {Mechanism: A, DomainSpec: "a.1-2"}, {Mechanism: A, DomainSpec: "%%"},
			{Mechanism: A, DomainSpec: "%_"}, {Mechanism: A, DomainSpec: "%-"}, {Mechanism: A, DomainSpec: ".com"}}}},
	} {
		r, err := ParseRecord(test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		if !reflect.DeepEqual(*r, test.want) {
			t.Errorf("%s: got %+v, want %+v", test.text, *r, test.want)
		}
		again := test.again
		if again == "" {
			again = test.text
		}
		if s := r.String(); s != again {
			t.Errorf("%s is written %q, want %q", test.text, s, again)
		}
	}
}

func TestParseRecordRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "v=spf", "v=spf10", "v=spf1,a", "v=spf1\ta", " v=spf1", "spf1", "v=spf2.0/pra all", // §4.5.
		"v=spf1 İnclude:x.com", "v=spf1 İp4:192.0.2.1", "v=spf1 exısts:x.com", "v=ſpf1 all", // RFC 5234 §2.3: letters of ASCII only.
		"v=spf1 foo", "v=spf1 foo:bar", "v=spf1 a,", "v=spf1 -", "v=spf1 +-all", "v=spf1 all.", "v=spf1 al", "v=spf1 allx", // §4.6.1.
		"v=spf1 =all", "v=spf1 1up=foo", "v=spf1 -x=y", "v=spf1 x/y=z", "v=spf1 x:y=z", "v=spf1 x(=z",
		"v=spf1 redirect:example.com", "v=spf1 exp:example.com",
		"v=spf1 a\tmx", "v=spf1 a\r\nmx", "v=spf1 a:x.com\x00", "v=spf1 \x80a", "v=spf1 a:\xef\xbb\xbfx.com", "v=spf1 a:bücher.example", // §3.1, §4.6.1.
		"v=spf1 all:x", "v=spf1 all:", "v=spf1 all/8", // §5.1.
		"v=spf1 include", "v=spf1 include:", "v=spf1 include:x.com/24", "v=spf1 include/24", // §5.2.
		"v=spf1 a:", "v=spf1 a/", "v=spf1 a//", "v=spf1 a:/24", "v=spf1 a:x.com/", "v=spf1 a:x.com//", "v=spf1 a/33", "v=spf1 a//129", // §5.3, §5.6.
		"v=spf1 a/24/64", "v=spf1 a//64/24", "v=spf1 a///64", "v=spf1 a/24//", "v=spf1 a/-1", "v=spf1 a/+1", "v=spf1 a/1x", "v=spf1 a/00", "v=spf1 a/024",
		"v=spf1 a/99999999999999999999", "v=spf1 a24", "v=spf1 a:x.com/2 4",
		"v=spf1 mx:", "v=spf1 mx/33", "v=spf1 mx//0129", "v=spf1 mx:x.com/24/", // §5.4.
		"v=spf1 ptr:", "v=spf1 ptr/24", "v=spf1 ptr:x.com/24", // §5.5.
		"v=spf1 ip4", "v=spf1 ip4:", "v=spf1 ip4:192.0.2", "v=spf1 ip4:192.0.2.1.1", "v=spf1 ip4:192.0.2.256", "v=spf1 ip4:192.0.2.01", // §5.6.
		"v=spf1 ip4:192.0.2.1/", "v=spf1 ip4:192.0.2.1/33", "v=spf1 ip4:192.0.2.1/032", "v=spf1 ip4:192.0.2.1//32", "v=spf1 ip4:192.0.2.1/24/8",
		"v=spf1 ip4:192.0.2.1:25", "v=spf1 ip4:2001:db8::1", "v=spf1 ip4:::ffff:192.0.2.1", "v=spf1 ip4:%{i}", "v=spf1 ip4=192.0.2.1/%", "v=spf1 ip4/24",
		"v=spf1 ip6", "v=spf1 ip6:", "v=spf1 ip6:192.0.2.1", "v=spf1 ip6:2001:db8::1::", "v=spf1 ip6:2001:db8::12345", "v=spf1 ip6:[2001:db8::1]",
		"v=spf1 ip6:2001:db8::1/129", "v=spf1 ip6:2001:db8::1//64", "v=spf1 ip6:2001:db8::1/064", "v=spf1 ip6:fe80::1%eth0", "v=spf1 ip6::2001::1",
		"v=spf1 exists", "v=spf1 exists:", "v=spf1 exists:x.com/24", // §5.7.
		"v=spf1 redirect=", "v=spf1 redirect=-all", "v=spf1 redirect=x", "v=spf1 redirect=x.y redirect=x.y", "v=spf1 redirect=%{c}", // §6.1.
		"v=spf1 exp=", "v=spf1 exp=-all", "v=spf1 exp=%{r}", "v=spf1 exp=%{t}.x.y", "v=spf1 exp=x.y EXP=x.y", // §6.2.
		"v=spf1 a:museum", "v=spf1 a:museum.", "v=spf1 a:x.123", "v=spf1 a:192.0.2.1", "v=spf1 a:x.com:25", "v=spf1 a:x.-com", "v=spf1 a:x.com-", // §7.1.
		"v=spf1 a:x.c_m", "v=spf1 a:x..", "v=spf1 a:%{d}.", "v=spf1 a:%{d}com", "v=spf1 a:%{d}/x", "v=spf1 a:x.com..",
		"v=spf1 a:%", "v=spf1 a:%(d)", "v=spf1 a:%{", "v=spf1 a:%{}", "v=spf1 a:%{d", "v=spf1 a:%{d.com", "v=spf1 a:%{a}.com", "v=spf1 a:%{d0}",
		"v=spf1 a:%{d!}", "v=spf1 a:%{dr2}", "v=spf1 a:%{dd}", "v=spf1 a:%{c}", "v=spf1 a:%{R}", "v=spf1 a:x%.com", "v=spf1 a:%{d}%",
		"v=spf1 x=%", "v=spf1 x=%{x}", "v=spf1 x=\x7f", "v=spf1 x=é",
		"v=spf1 ip4:192.0.2.1 -all moo", // §4.6: errors anywhere.
		"v=spf1 " + strings.Repeat("a ", 1<<16),
	} {
		if r, err := ParseRecord(text); err == nil {
			t.Errorf("%.80q is taken as %.80q", text, r.String())
		} else if !errors.Is(err, ErrSyntax) || len(err.Error()) > 300 {
			t.Errorf("%.80q: error %.400q", text, err)
		}
	}
}

// TestLookup covers what is returned beside the record.
func TestLookup(t *testing.T) {
	t.Parallel()
	resolver := zone(t, `
		ok.example TXT other
		ok.example TXT v=spf1  -all
		plain.example TXT v=spf1 a
		none.example TXT other
		two.example TXT v=spf1
		two.example TXT v=spf1 a
		broken.example TXT v=spf1 foo
		fails.example FAIL
	`)
	resolver.Inauthentic = []string{"plain.example"}
	for _, test := range []struct {
		domain, text string
		authentic    bool
		want         error
	}{
		{"ok.example", "v=spf1  -all", true, nil},
		{"plain.example", "v=spf1 a", false, nil},
		{"none.example", "", true, ErrNoRecord},
		{"nx.example", "", true, ErrNoRecord},
		{"two.example", "", true, ErrMultipleRecords},
		{"broken.example", "v=spf1 foo", true, ErrSyntax},
	} {
		r, text, authentic, err := Lookup(t.Context(), resolver, dns.Domain{ASCII: test.domain})
		if text != test.text || authentic != test.authentic || !errors.Is(err, test.want) || (err == nil) != (r != nil) {
			t.Errorf("%s: got %v, %q, %v, %v", test.domain, r, text, authentic, err)
		}
	}
	if _, _, _, err := Lookup(t.Context(), resolver, dns.Domain{ASCII: "fails.example"}); !dns.IsTemporary(err) || errors.Is(err, ErrNoRecord) {
		t.Errorf("failing lookup: %v", err)
	}
}
