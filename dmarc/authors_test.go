package dmarc_test

import (
	"fmt"
	"strings"
	"testing"

	"mox/dmarc"
	"mox/dns"
)

func names(l []dns.Domain) string {
	var s []string
	for _, d := range l {
		s = append(s, d.ASCII)
	}
	return strings.Join(s, " ")
}

// TestParseAuthors has headers without line ends at the end; "|" is CRLF in them.
func TestParseAuthors(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, header string
		form         dmarc.Form
		domains      string
		invalid      bool
	}{
		{"address", "From: a@example.org", dmarc.FormSingle, "example.org", false},
		{"name and address", "Subject: x|From: Some One <a@example.org>|To: b@example.net", dmarc.FormSingle, "example.org", false},
		{"folded", "From: Some|\t One| <a@example.org>", dmarc.FormSingle, "example.org", false},
		{"case", "fROM: a@EXAMPLE.org", dmarc.FormSingle, "example.org", false},
		{"space before the colon", "From : a@example.org", dmarc.FormSingle, "example.org", false},
		{"U-label, RFC 7489 §6.6.1", "From: a@münchen.example", dmarc.FormSingle, "xn--mnchen-3ya.example", false},
		{"A-label", "From: a@XN--MNCHEN-3YA.example", dmarc.FormSingle, "xn--mnchen-3ya.example", false},
		{"UTF-8 local part", "From: ü <ü@example.org>", dmarc.FormSingle, "example.org", false},
		{"address in a quoted name", `From: "ceo@bank.example" <a@example.org>`, dmarc.FormSingle, "example.org", false},
		{"address in a comment", "From: a@example.org (ceo@bank.example)", dmarc.FormSingle, "example.org", false},
		{"address in an encoded name", "From: =?utf-8?q?ceo=40bank.example?= <a@example.org>", dmarc.FormSingle, "example.org", false},
		{"address in a quoted local part", `From: "ceo@bank.example"@example.org`, dmarc.FormMalformed, "example.org", false},
		{"comments in the address", "From: a(x)@(y(z))example(w).org", dmarc.FormSingle, "example.org", false},
		{"one label", "From: a@localhost", dmarc.FormSingle, "localhost", false},
		{"underscore", "From: a@some_host.example.org", dmarc.FormSingle, "some_host.example.org", false},
		{"other fields do not count", "From: a@example.org|Resent-From: b@example.net|Sender: c@example.com|X-From: d@example.edu", dmarc.FormSingle, "example.org", false},
		{"body does not count", "From: a@example.org||From: b@example.net", dmarc.FormSingle, "example.org", false},
		{"mbox line does not count", "From b@example.net Sun Nov 22 10:00:00 2026|From: a@example.org", dmarc.FormSingle, "example.org", false},

		{"several addresses", "From: a@example.org, b@example.net", dmarc.FormSeveralAddresses, "example.org example.net", false},
		{"several of one domain", "From: a@example.org, b@Example.Org", dmarc.FormSeveralAddresses, "example.org", false},
		{"group with an address", "From: friends: a@example.org;", dmarc.FormGroup, "example.org", false},
		{"group with addresses", "From: friends: a@example.org, b@example.net;", dmarc.FormSeveralAddresses, "example.org example.net", false},
		{"empty group, RFC 6854", "From: undisclosed authors:;", dmarc.FormGroup, "", false},
		{"address literal", "From: a@[192.0.2.1]", dmarc.FormNoDomain, "", false},
		{"IPv6 address literal", "From: a@[IPv6:2001:db8::1]", dmarc.FormNoDomain, "", false},
		{"empty elements", "From: ,a@example.org,,", dmarc.FormSingle, "example.org", false},
		{"address literal and a domain", "From: a@[192.0.2.1], b@example.org", dmarc.FormSeveralAddresses, "example.org", false},

		{"no header", "", dmarc.FormMissing, "", true},
		{"no From field", "Subject: x|To: a@example.org", dmarc.FormMissing, "", true},
		{"From after the header", "Subject: x||From: a@example.org", dmarc.FormMissing, "", true},
		{"several fields", "From: a@example.org|From: b@example.net", dmarc.FormSeveralFields, "example.org example.net", true},
		{"several fields that are equal", "From: a@example.org|from: a@example.org", dmarc.FormSeveralFields, "example.org", true},
		{"several fields, one without an address", "From: a@example.org|From:", dmarc.FormSeveralFields, "example.org", true},
		{"second field after a space", "From: a@example.org|From : b@example.net", dmarc.FormSeveralFields, "example.org example.net", true},
		{"first line with a space in front", " From: a@example.org|From: b@example.net", dmarc.FormSeveralFields, "example.org example.net", true},
		{"NUL in the name", "From\x00: a@example.org|From: b@example.net", dmarc.FormSeveralFields, "example.org example.net", true},
		{"byte order mark before the name", "\ufeffFrom: a@example.org|From: b@example.net", dmarc.FormSeveralFields, "example.org example.net", true},
		{"folded before the colon", "From| : a@example.org|From: b@example.net", dmarc.FormSeveralFields, "example.org example.net", true},

		{"empty", "From:", dmarc.FormMalformed, "", true},
		{"white space", "From: | \t", dmarc.FormMalformed, "", true},
		{"comment only", "From: (a@example.org)", dmarc.FormMalformed, "", true},
		{"name only", "From: Some One", dmarc.FormMalformed, "", true},
		{"empty address", "From: Some One <>", dmarc.FormMalformed, "", true},
		{"local part only", "From: <a>", dmarc.FormMalformed, "", true},
		{"domain that is none", "From: a@-.example..org", dmarc.FormMalformed, "", true},
		{"bytes that are no UTF-8", "From: a@ex\xffample.org", dmarc.FormMalformed, "", true},
		{"domain that is encoded", "From: a@=?utf-8?q?example=2Eorg?=", dmarc.FormMalformed, "", true},
		{"only field is not well-formed", "From\x00: a@example.org", dmarc.FormMalformed, "example.org", false},
		{"unquoted comma in the name", "From: One, Some <a@example.org>", dmarc.FormMalformed, "example.org", false},
		{"unquoted address in the name", "From: ceo@bank.example <a@example.org>", dmarc.FormMalformed, "example.org bank.example", false},
		{"unquoted sign in the name", "From: shop @ home <a@example.org>", dmarc.FormSingle, "example.org", false},
		{"two in angle brackets", "From: <ceo@bank.example> <a@example.org>", dmarc.FormMalformed, "example.org bank.example", false},
		{"nested angle brackets", "From: <<ceo@bank.example>a@example.org>", dmarc.FormMalformed, "bank.example example.org", false},
		{"address after the address", "From: <a@example.org> ceo@bank.example", dmarc.FormMalformed, "example.org bank.example", false},
		{"source route", "From: <@bank.example,@relay.example:a@example.org>", dmarc.FormMalformed, "example.org bank.example relay.example", false},
		{"two signs", "From: ceo@bank.example@example.org", dmarc.FormMalformed, "example.org bank.example", false},
		{"NUL between", "From: ceo@bank.example\x00@example.org", dmarc.FormMalformed, "example.org bank.example", false},
		{"trailing dot", "From: a@example.org.", dmarc.FormMalformed, "example.org", false},
		{"quote that does not end", `From: "One <ceo@bank.example>, a@example.org`, dmarc.FormMalformed, "bank.example example.org", false},
		{"comment that does not end", "From: a@example.org (ceo@bank.example", dmarc.FormMalformed, "example.org bank.example", false},
		{"encoded address without another", "From: =?utf-8?q?ceo=40bank.example?=", dmarc.FormMalformed, "bank.example", false},
		{"comment in the domain", "From: ceo@ba(x)nk.example", dmarc.FormMalformed, "ba bank.example", false},
		{"comment after the domain", "From: ceo@bank.example(x)y <a@example.org>", dmarc.FormMalformed, "example.org bank.example bank.exampley", false},
		{"comment in the domain in angle brackets", "From: <ceo@ba(x)nk.example>", dmarc.FormSingle, "bank.example", false},
		{"quotes in the domain", `From: ceo@"bank".example`, dmarc.FormSingle, "bank.example", false},
		{"backslash in the domain", `From: ceo@bank\.example`, dmarc.FormMalformed, "", true},
		{"domain in brackets", "From: ceo@[bank.example]", dmarc.FormMalformed, "", true},
		{"full-width dot", "From: ceo@bank。example <a@example.org>", dmarc.FormMalformed, "example.org bank.example", false},
		{"full-width sign", "From: ceo＠bank.example", dmarc.FormMalformed, "", true},
		{"address on the next line", "From: a@example.org|\tceo@bank.example", dmarc.FormMalformed, "bank.example example.org", false},
		{"no local part", "From: @example.org", dmarc.FormMalformed, "example.org", false},
		{"semicolons between addresses", "From: a@example.org; ceo@bank.example", dmarc.FormSeveralAddresses, "example.org bank.example", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a := dmarc.ParseAuthors([]byte(strings.ReplaceAll(test.header, "|", "\r\n")))
			if a.Form != test.form || names(a.Domains) != test.domains || a.Invalid() != test.invalid || a.TooMany {
				t.Errorf("got %s %q invalid %v, want %s %q invalid %v", a.Form, names(a.Domains), a.Invalid(), test.form, test.domains, test.invalid)
			}
		})
	}
}

// TestParseAuthorsTooMany has more in From than is looked at: such a header is invalid, it does not pass because
// what matters comes late.
func TestParseAuthorsTooMany(t *testing.T) {
	t.Parallel()
	many := func(n int, f func(i int) string) string {
		var l []string
		for i := range n {
			l = append(l, f(i))
		}
		return strings.Join(l, ",\r\n ")
	}
	different := func(i int) string { return fmt.Sprintf("a@d%d.example", i) }
	for _, test := range []struct {
		name, value string
		domains     int
		tooMany     bool
	}{
		{"ten domains", many(10, different), 10, false},
		{"eleven domains", many(11, different), 10, true},
		{"thousands of domains", many(20000, different), 10, true},
		{"hundreds of addresses of one domain", many(900, func(int) string { return "a@example.org" }), 1, false},
		{"thousands of addresses of one domain", many(3000, func(int) string { return "a@example.org" }), 1, true},
		{"a long name", "\"" + strings.Repeat("x", 100_000) + "\" <a@example.org>", 0, true},
		{"signs", strings.Repeat("@a.b", 1_000_000), 1, true},
		{"brackets", strings.Repeat("<", 1_000_000), 0, true},
		{"parentheses", strings.Repeat("(", 1_000_000), 0, true},
		{"quotes", strings.Repeat(`"`, 1_000_001), 0, true},
		{"internationalized domains", strings.Repeat("a@ü.example,", 100_000), 1, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a := dmarc.ParseAuthors([]byte("From: " + test.value + "\r\n"))
			if len(a.Domains) != test.domains || a.TooMany != test.tooMany || a.Invalid() != test.tooMany {
				t.Errorf("%s, %d domains, too many %v, invalid %v", a.Form, len(a.Domains), a.TooMany, a.Invalid())
			}
		})
	}
	t.Run("thousands of fields", func(t *testing.T) {
		t.Parallel()
		var b strings.Builder
		for i := range 20000 {
			fmt.Fprintf(&b, "From: %s\r\n", different(i))
		}
		if a := dmarc.ParseAuthors([]byte(b.String())); len(a.Domains) != 10 || !a.Invalid() || a.Form != dmarc.FormSeveralFields {
			t.Errorf("%+v", a)
		}
	})
}

func TestFormString(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for f := dmarc.FormSingle; f <= dmarc.FormMissing; f++ {
		s := f.String()
		if s == "unknown" || seen[s] {
			t.Errorf("form %d is %q", f, s)
		}
		seen[s] = true
	}
}
