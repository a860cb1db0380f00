package message

import (
	"fmt"
	"strings"
	"testing"

	"mox/internal/corpus"
)

// addressString writes an address list with all that was read.
func addressString(l []Address) string {
	var s []string
	for _, a := range l {
		switch a.Kind {
		case GroupStart:
			s = append(s, fmt.Sprintf("[%s:", a.Name))
		case GroupEnd:
			s = append(s, ";]")
		default:
			name := ""
			if a.Name != "" {
				name = a.Name + " "
			}
			route := ""
			if a.Route != "" {
				route = a.Route + ":"
			}
			s = append(s, fmt.Sprintf("%s<%s%s|%s>", name, route, a.User, a.Host))
		}
	}
	return strings.Join(s, " ")
}

func TestParseAddresses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in, want string
		ok       bool
	}{
		// RFC 5322 appendix A.
		{"John Doe <jdoe@machine.example>", "John Doe <jdoe|machine.example>", true},
		{`"Joe Q. Public" <john.q.public@example.com>`, "Joe Q. Public <john.q.public|example.com>", true},
		{"Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>", "Mary Smith <mary|x.test> <jdoe|example.org> Who? <one|y.test>", true},
		{`<boss@nil.test>, "Giant; \"Big\" Box" <sysservices@example.net>`, `<boss|nil.test> Giant; "Big" Box <sysservices|example.net>`, true},
		{"A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;", "[A Group: Ed Jones <c|a.test> <joe|where.test> John <jdoe|one.test> ;]", true},
		{"Undisclosed recipients:;", "[Undisclosed recipients: ;]", true},
		{`Pete(A nice \) chap) <pete(his account)@silly.test(his host)>`, "Pete <pete|silly.test>", true},
		{"A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n         joe@example.org,\r\n  John <jdoe@one.test> (my dear friend); (the end of the group)",
			"[A Group: Chris Jones <c|public.example> <joe|example.org> John <jdoe|one.test> ;]", true},
		{"(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;", "[Hidden recipients: ;]", true},
		{"Joe Q. Public <john.q.public@example.com>", "Joe Q. Public <john.q.public|example.com>", true},
		{"Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example", "Mary Smith <@node.test:mary|example.net> <jdoe|test.example>", true},
		{"<@a.test,@b.test:joe@c.test>", "<@a.test,@b.test:joe|c.test>", true},
		{"John Doe <jdoe@machine(comment).  example>", "John Doe <jdoe|machine.example>", true},

		{"joe@example.org (Joe \\(x\\) Blow)", "Joe (x) Blow <joe|example.org>", true},
		{`"a b"@c.d, "a\"b"@c.d, a."b c".d@e`, `<a b|c.d> <a"b|c.d> <a.b c.d|e>`, true},
		{`<"a b"@c.d>, <"a@b"@c.d>, <"a>b"@c.d>`, `<a b|c.d> <a@b|c.d> <a>b|c.d>`, true},
		{"a@[1.2.3.4], <b@[IPv6:::1]>", "<a|[1.2.3.4]> <b|[IPv6:::1]>", true},
		{"=?utf-8?q?J=C3=B6rg?= <a@b>", "Jörg <a|b>", true},
		{`"=?utf-8?q?J=C3=B6rg?=" <a@b>`, "Jörg <a|b>", true},
		{"J\xc3\xb6rg <j\xc3\xb6rg@b\xc3\xbccher.example>", "Jörg <jörg|bücher.example>", true},
		{`"Angles  Puglisi " <a@b>`, "Angles Puglisi <a|b>", true},
		{"a@b;c@d;", "<a|b> <c|d>", true},
		{"a: b@c", "[a: <b|c> ;]", true}, // The end of the group is missing.
		{"a:;, b:;", "[a: ;] [b: ;]", true},
		{"a@b,", "<a|b>", true},
		{"", "", true},
		{" , ;", "", true},
		{"(just a comment)", "", true},

		// What is broken. The name keeps the text.
		{"foo", "<foo|>", false},
		{"foo.bar", "<foo.bar|>", false},
		{"foo bar", "foo bar <|>", false},
		{"<foo>", "<foo|>", false},
		{"Foo <>", "Foo <|>", false},
		{"<>", "<|>", false},
		{"Foo <a@b", "Foo <a|b>", false},
		{"<a@b, c@d>", "<a|b> <c|d>", false},
		{"<<a@b>>", "<a|b>", false},
		{"Foo <b> <a@b>", "Foo <a|b>", false},
		{"Big Bug bb@bug.com", "Big Bug <bb|bug.com>", false},
		{"bb@bug.com is me", "is me <bb|bug.com>", false},
		{"a@b@c <d@e>", "a@b@c <d|e>", true},
		{"a@b@c", "<a@b|c>", false},
		{"@b", "<|b>", false},
		{"a@", "<a|>", false},
		{"a@b>", "<a|b>", false},
		{`"not closed <a@b>`, "<not closed <a@b>|>", false},
		{`<a"b@c>, d@e`, "<ab|c> <d|e>", false},
		{"a:b:c@d;", "[a: <b:c|d> ;]", false},
		{"a@b: c@d", "a@b: <c|d>", false},
		{"[a, b@c", "<[a|> <b|c>", false},
		{"a@b (not closed, c@d", "not closed, c@d <a|b>", true},
	}
	for _, test := range tests {
		l, ok := ParseAddresses([]byte(test.in))
		if got := addressString(l); got != test.want || ok != test.ok {
			t.Errorf("%q:\ngot  %s %v\nwant %s %v", test.in, got, ok, test.want, test.ok)
		}
	}
}

func TestAddressRawName(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"=?utf-8?q?a?= b <a@b>":         "=?utf-8?q?a?= b",
		`"a \"b\"" c <a@b>`:             `a "b" c`,
		"a\r\n b <a@b>":                 "a b",
		"a@b (=?utf-8?q?c?=\r\n d)":     "=?utf-8?q?c?= d",
		"=?utf-8?q?a?=:;":               "=?utf-8?q?a?=",
		"\"\xe9\" <a@b>":                "\xe9",
		"=?utf-8?q?a?= (comment) <a@b>": "=?utf-8?q?a?=",
	} {
		l, _ := ParseAddresses([]byte(in))
		if len(l) == 0 || l[0].RawName != want {
			t.Errorf("%q: got %+v, want %q", in, l, want)
		}
	}
}

func TestAddr(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a    Address
		want string
	}{
		{Address{User: "a", Host: "b"}, "a@b"},
		{Address{User: "a b", Host: "c"}, `"a b"@c`},
		{Address{User: `a"\`, Host: "c"}, `"a\"\\"@c`},
		{Address{User: "a..b", Host: "c"}, `"a..b"@c`},
		{Address{User: "ä.ö", Host: "c"}, "ä.ö@c"},
		{Address{User: "a"}, ""},
		{Address{Host: "b"}, ""},
		{Address{Kind: GroupStart, Name: "x"}, ""},
	} {
		if got := test.a.Addr(); got != test.want {
			t.Errorf("%+v: got %q, want %q", test.a, got, test.want)
		}
		if test.want == "" {
			continue
		}
		if l, ok := ParseAddresses([]byte(test.want)); !ok || len(l) != 1 || l[0] != test.a {
			t.Errorf("%q: read back as %+v", test.want, l)
		}
	}
}

// Nearly all mail has addresses that can be understood.
func TestAddressesOfRealMessages(t *testing.T) {
	t.Parallel()
	bad := 0
	l := corpus.Real(t)
	for _, m := range l {
		e := ParseBytes(m.Data).Envelope
		if len(e.From) == 0 || e.From[0].User == "" || e.From[0].Host == "" {
			t.Logf("%s: from %s", m.Name, addressString(e.From))
			bad++
		}
	}
	if bad > 3 {
		t.Errorf("%d of %d messages without author", bad, len(l))
	}
}

// What has more words than any address is cut, and what follows is still read.
func TestAddressOfManyWords(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		words int
		ok    bool
	}{{999, true}, {100_000, false}} {
		l, ok := ParseAddresses([]byte(strings.Repeat("x ", tc.words) + "<a@example.org>, b@example.org"))
		if ok != tc.ok || len(l) != 2 || l[0].Addr() != "a@example.org" || l[1].Addr() != "b@example.org" {
			t.Errorf("%d words: %d elements, %t", tc.words, len(l), ok)
			continue
		}
		if n := len(strings.Fields(l[0].Name)); n > 1000 || tc.ok && n != tc.words {
			t.Errorf("%d words: name has %d", tc.words, n)
		}
	}
}
