package dmarc_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"mox/dmarc"
	"mox/dns"
)

// FuzzParseRecord: what is read is written so that it is read the same.
func FuzzParseRecord(f *testing.F) {
	for _, s := range []string{
		"v=DMARC1; p=none; rua=mailto:dmarc-feedback@example.com",
		"v=DMARC1; p=quarantine; rua=mailto:dmarc-feedback@example.com,mailto:tld-test@thirdparty.example.net!10m; pct=25",
		"v=DMARC1;p=reject;sp=none;np=quarantine;adkim=s;aspf=s;fo=1:d:s;rf=afrf;ri=3600;ruf=mailto:x@example.org;psd=y;t=y",
		" v = DMARC1 ; p = bogus ; rua = https://example.org/x!18446744073709551615t ,",
		"v=DMARC1; p=reject; p=none",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := dmarc.ParseRecord(s)
		if err != nil {
			if !errors.Is(err, dmarc.ErrNoRecord) && !errors.Is(err, dmarc.ErrSyntax) {
				t.Fatalf("error %v", err)
			}
			if _, err2 := dmarc.ParseReportRecord(s); errors.Is(err, dmarc.ErrNoRecord) != errors.Is(err2, dmarc.ErrNoRecord) {
				t.Fatalf("a policy record: %v, a report record: %v", err, err2)
			}
			return
		}
		again, err := dmarc.ParseRecord(r.String())
		if err != nil || len(again.Problems) > 0 {
			t.Fatalf("%q is written as %q: %v, %v", s, r, err, again.Problems)
		}
		r.Problems = nil
		if !reflect.DeepEqual(r, again) {
			t.Fatalf("%+v is read back as %+v", r, again)
		}
	})
}

// FuzzParseURI: what is read is written so that it is read the same, and fits in a record.
func FuzzParseURI(f *testing.F) {
	for _, s := range []string{
		"mailto:reports@example.com!50m", "https://example.org/a%2Cb?c=d#e", "mailto:%22a%40b%22@example.org", "tel:1!0", "mailto:a@b!18446744073709551615t", "x://[::1%25a]:1/",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := dmarc.ParseURI(s)
		if err != nil {
			return
		}
		written := u.String()
		if again, err := dmarc.ParseURI(written); err != nil || again != u {
			t.Fatalf("%q: %+v is written as %q and read back as %+v, %v", s, u, written, again, err)
		}
		if strings.ContainsAny(written, ";, \r\n\t") {
			t.Fatalf("%q is written as %q", s, written)
		}
		if a, ok := u.Mailto(); ok {
			if host, ok := u.Host(); !ok || host != a.Domain {
				t.Fatalf("%q: host %q of %q", s, host, a)
			}
		}
		if !u.Allows(0) || u.Limited && !u.Allows(u.MaxSize) {
			t.Fatalf("%q allows too little", s)
		}
	})
}

// FuzzParseAuthors: headers with anything in them end in a result that fails closed.
func FuzzParseAuthors(f *testing.F) {
	for _, s := range []string{
		"From: Some One <a@example.org>\r\nTo: b@example.net\r\n\r\n",
		"From: a@example.org, \"b\" <b@example.net>\r\nfrom: c@example.com\r\n",
		"From: friends: a@example.org, b@[192.0.2.1];\r\n",
		"From: <@a.example,@b.example:c@example.org>\r\n",
		"From: =?utf-8?q?a=40example.org?=\r\n",
		"From: a(\\)x)@example . org (b@example.net\r\n",
		"From\x00: \"a@example.org\r\n",
		"From: ü@münchen.example\r\n",
	} {
		f.Add([]byte(s))
	}
	bank := dns.Domain{ASCII: "bank.example"}
	v := dmarc.Verifier{Resolver: &dns.MemResolver{TXT: map[string][]string{"_dmarc.bank.example.": {"v=DMARC1; p=reject"}}}}
	f.Fuzz(func(t *testing.T, header []byte) {
		a := dmarc.ParseAuthors(header)
		if len(a.Domains) > 10 {
			t.Fatalf("%+v", a)
		}
		for i, d := range a.Domains {
			if again, err := dns.ParseDomainLax(d.ASCII); err != nil || again != d || slices.Contains(a.Domains[:i], d) {
				t.Fatalf("domains %v: %v", a.Domains, err)
			}
		}
		if (a.Form == dmarc.FormSingle) && (len(a.Domains) != 1 || a.Invalid()) {
			t.Fatalf("%+v", a)
		}
		// A From field added in front of a header makes it fail or refused, whatever is in it.
		if len(header) > 0 && (header[0] == ' ' || header[0] == '\t') {
			return // It continues that field.
		}
		forged := append([]byte("From: ceo@bank.example\r\n"), header...)
		r := v.Verify(t.Context(), dmarc.ParseAuthors(forged), dmarc.Identifier{}, nil)
		if r.Status != dmarc.StatusFail || r.Apply != dmarc.PolicyReject || r.Domain != bank {
			t.Fatalf("%+v", r)
		}
	})
}
