package dmarc_test

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"mox/dmarc"
)

// with returns a record with defaults and a policy, changed by f.
func with(p dmarc.Policy, f func(r *dmarc.Record)) dmarc.Record {
	r := dmarc.NewRecord(p)
	if f != nil {
		f(&r)
	}
	return r
}

func uri(t testing.TB, s string) dmarc.URI {
	t.Helper()
	u, err := dmarc.ParseURI(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestParseRecord has records that are valid, and what they are written as.
func TestParseRecord(t *testing.T) {
	t.Parallel()
	feedback := []dmarc.URI{uri(t, "mailto:dmarc-feedback@example.com")}
	for _, test := range []struct {
		name, text string
		want       dmarc.Record
		again      string // Written, if not as text.
	}{
		{"RFC 7489 B.2.1", "v=DMARC1; p=none; rua=mailto:dmarc-feedback@example.com",
			with("none", func(r *dmarc.Record) { r.AggregateReports = feedback }), ""},
		{"RFC 7489 B.2.2", "v=DMARC1; p=none; rua=mailto:dmarc-feedback@example.com; ruf=mailto:auth-reports@example.com",
			with("none", func(r *dmarc.Record) {
				r.AggregateReports = feedback
				r.FailureReports = []dmarc.URI{uri(t, "mailto:auth-reports@example.com")}
			}), ""},
		{"RFC 7489 B.2.4", "v=DMARC1; p=quarantine; rua=mailto:dmarc-feedback@example.com,mailto:tld-test@thirdparty.example.net!10m; pct=25",
			with("quarantine", func(r *dmarc.Record) {
				r.AggregateReports = append(slices.Clone(feedback), dmarc.URI{Address: "mailto:tld-test@thirdparty.example.net", MaxSize: 10 << 20, Limited: true})
				r.Percent = 25
			}), ""},
		{"RFC 7489 B.3.1", "v=DMARC1; p=reject; aspf=r; rua=mailto:dmarc-feedback@example.com",
			with("reject", func(r *dmarc.Record) { r.AggregateReports = feedback }),
			"v=DMARC1; p=reject; rua=mailto:dmarc-feedback@example.com"},
		{"policy only", "v=DMARC1; p=reject", with("reject", nil), ""},
		{"all tags", "v=DMARC1; p=reject; sp=quarantine; np=none; rua=mailto:a@example.org; ruf=mailto:b@example.org; adkim=s; aspf=s; ri=3600; fo=1:d:s; pct=0; psd=n; t=y",
			with("reject", func(r *dmarc.Record) {
				r.SubdomainPolicy, r.NonexistentPolicy = "quarantine", "none"
				r.AggregateReports = []dmarc.URI{uri(t, "mailto:a@example.org")}
				r.FailureReports = []dmarc.URI{uri(t, "mailto:b@example.org")}
				r.DKIMAlignment, r.SPFAlignment = dmarc.AlignmentStrict, dmarc.AlignmentStrict
				r.Interval, r.Percent = 3600, 0
				r.FailureOptions = dmarc.FailureAny | dmarc.FailureDKIM | dmarc.FailureSPF
				r.PSD, r.Testing = dmarc.PSDNo, true
			}), ""},
		{"defaults are not written, RFC 7489 §6.3", "v=DMARC1; p=none; adkim=r; aspf=r; ri=86400; fo=0; rf=afrf; pct=100; psd=u; t=n", with("none", nil), "v=DMARC1; p=none"},
		{"white space, RFC 7489 §6.4", " v\t= DMARC1 ;\tp = none\t; pct\t=\t50 ;  ", with("none", func(r *dmarc.Record) { r.Percent = 50 }), "v=DMARC1; p=none; pct=50"},
		{"no white space", "v=DMARC1;p=none;pct=50;", with("none", func(r *dmarc.Record) { r.Percent = 50 }), "v=DMARC1; p=none; pct=50"},
		{"empty tags", "v=DMARC1;;p=none;;", with("none", nil), "v=DMARC1; p=none"},
		{"case of values, RFC 7489 §6.4 is ABNF", "V=DMARC1; P=Reject; SP=NONE; ADKIM=S; FO=D:S", with("reject", func(r *dmarc.Record) {
			r.SubdomainPolicy, r.DKIMAlignment, r.FailureOptions = "none", "s", dmarc.FailureDKIM|dmarc.FailureSPF
		}), "v=DMARC1; p=reject; sp=none; adkim=s; fo=d:s"},
		{"largest interval", "v=DMARC1; p=none; ri=4294967295", with("none", func(r *dmarc.Record) { r.Interval = math.MaxUint32 }), ""},
		{"interval zero", "v=DMARC1; p=none; ri=0", with("none", func(r *dmarc.Record) { r.Interval = 0 }), ""},
		{"white space in lists", "v=DMARC1; p=none; fo=0 : s; rua=mailto:a@example.org , mailto:b@example.org", with("none", func(r *dmarc.Record) {
			r.FailureOptions = dmarc.FailureAll | dmarc.FailureSPF
			r.AggregateReports = []dmarc.URI{uri(t, "mailto:a@example.org"), uri(t, "mailto:b@example.org")}
		}), "v=DMARC1; p=none; rua=mailto:a@example.org,mailto:b@example.org; fo=0:s"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := dmarc.ParseRecord(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Problems) > 0 || !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v\nwant %+v", got, test.want)
			}
			again := test.again
			if again == "" {
				again = test.text
			}
			if s := got.String(); s != again {
				t.Errorf("written as %q, want %q", s, again)
			}
		})
	}
}

// TestParseRecordPassesOver has tags that are unknown or not valid, which must not spoil the record (RFC 7489 §6.3).
func TestParseRecordPassesOver(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, tags string
		problems   string // Tags, with spaces between them.
	}{
		{"unknown tag", "foo=bar", "foo"},
		{"unknown tag with an equals sign in its value", "foo=a=b", "foo"},
		{"alignment", "adkim=x; aspf=relaxed", "adkim aspf"},
		{"percentage above 100", "pct=101", "pct"},
		{"percentage below 0", "pct=-1", "pct"},
		{"percentage with a sign", "pct=+5", "pct"},
		{"percentage of four digits", "pct=0050", "pct"},
		{"percentage with a fraction", "pct=50.5", "pct"},
		{"percentage with a percent sign", "pct=50%", "pct"},
		{"no percentage", "pct=", "pct"},
		{"interval above 32 bits", "ri=4294967296", "ri"},
		{"interval in words", "ri=daily", "ri"},
		{"failure options", "fo=x", "fo"},
		{"no failure options", "fo=", "fo"},
		{"format that is not registered", "rf=iodef", "rf"},
		{"URI without a scheme", "rua=dmarc@example.org", "rua"},
		{"all URIs", "ruf=mailto:,example", "ruf ruf"},
		{"policy for what does not exist, RFC 9091 §3.2", "np=bogus", "np"},
		{"flags of the successor", "psd=maybe; t=yes", "psd t"},
		{"no equals sign", "nonsense", "nonsense"},
		{"no name", "=x", ""},
		{"name that is none", "a-b=c; 1a=x; ü=x", "a-b 1a ü"},
		{"name of great length", strings.Repeat("a", 200) + "=x", strings.Repeat("a", 100)},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := dmarc.ParseRecord("v=DMARC1; p=reject; " + test.tags)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, p := range got.Problems {
				names = append(names, p.Tag)
			}
			if strings.Join(names, " ") != test.problems || len(names) == 0 {
				t.Errorf("problems %q, want %q", got.Problems, test.problems)
			}
			got.Problems = nil
			if want := dmarc.NewRecord("reject"); !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
	t.Run("valid parts of a list are taken", func(t *testing.T) {
		t.Parallel()
		got, err := dmarc.ParseRecord("v=DMARC1; p=none; fo=x:1; rf=iodef:afrf:afrf; rua=bad,mailto:a@example.org")
		if err != nil {
			t.Fatal(err)
		}
		if s, want := got.String(), "v=DMARC1; p=none; rua=mailto:a@example.org; fo=1"; s != want {
			t.Errorf("got %q, want %q", s, want)
		}
	})
}

// TestParseRecordPolicy has records without a valid p or sp (RFC 7489 §6.6.3, step 6; RFC 9091 §3.2): with a
// valid URI in rua they are policies of none, without one they are none.
func TestParseRecordPolicy(t *testing.T) {
	t.Parallel()
	for _, tags := range []string{
		"", "p=", "p=bogus", "p=reject; sp=bogus", "p=reject; sp=", "sp=reject", "p=x; np=reject",
	} {
		if _, err := dmarc.ParseRecord("v=DMARC1; " + tags); !errors.Is(err, dmarc.ErrSyntax) {
			t.Errorf("%q without rua: %v", tags, err)
		}
		if _, err := dmarc.ParseRecord("v=DMARC1; " + tags + "; rua=example.org"); !errors.Is(err, dmarc.ErrSyntax) {
			t.Errorf("%q with an invalid rua: %v", tags, err)
		}
		r, err := dmarc.ParseRecord("v=DMARC1; " + tags + "; rua=:, mailto:a@example.org")
		if err != nil || r.Policy != dmarc.PolicyNone || r.SubdomainPolicy != "" || r.NonexistentPolicy != "" || len(r.AggregateReports) != 1 {
			t.Errorf("%q with a valid rua: %v, %v", tags, r, err)
		}
	}
	// An np that is not valid spoils nothing: it is no reason for no policy (RFC 9091 §3.3).
	if r, err := dmarc.ParseRecord("v=DMARC1; p=reject; np=bogus; rua=mailto:a@example.org"); err != nil || r.Policy != dmarc.PolicyReject || r.NonexistentPolicy != "" || len(r.Problems) != 1 {
		t.Errorf("np that is not valid: %+v, %v", r, err)
	}
	// p belongs second, but who has it elsewhere means it.
	if r, err := dmarc.ParseRecord("v=DMARC1; pct=50; p=reject"); err != nil || r.Policy != dmarc.PolicyReject || r.Percent != 50 || len(r.Problems) != 1 {
		t.Errorf("p in third place: %+v, %v", r, err)
	}
}

func TestParseRecordErrors(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, text string
		want       error
	}{
		{"empty", "", dmarc.ErrNoRecord},
		{"SPF", "v=spf1 -all", dmarc.ErrNoRecord},
		{"version in lower case, §6.3", "v=dmarc1; p=none", dmarc.ErrNoRecord},
		{"later version", "v=DMARC2; p=none", dmarc.ErrNoRecord},
		{"version with more", "v=DMARC1x; p=none", dmarc.ErrNoRecord},
		{"version not first, §6.3", "p=none; v=DMARC1", dmarc.ErrNoRecord},
		{"empty tag before version", "; v=DMARC1; p=none", dmarc.ErrNoRecord},
		{"no semicolon after version", "v=DMARC1 p=none", dmarc.ErrNoRecord},
		{"comma after version", "v=DMARC1, p=none", dmarc.ErrNoRecord},
		{"quotes", `"v=DMARC1; p=none"`, dmarc.ErrNoRecord},
		{"name only", "v", dmarc.ErrNoRecord},
		{"byte order mark", "\ufeffv=DMARC1; p=none", dmarc.ErrNoRecord},
		{"other tag", "vv=DMARC1; p=none", dmarc.ErrNoRecord},
		{"longer than a TXT record can be", "v=DMARC1; p=reject; x=" + strings.Repeat("y", 1_000_000), dmarc.ErrNoRecord},
		{"version only", "v=DMARC1", dmarc.ErrSyntax},
		{"p twice, RFC 6376 §3.2", "v=DMARC1; p=none; p=reject; rua=mailto:a@example.org", dmarc.ErrSyntax},
		{"p twice in different case", "v=DMARC1; p=none; P=none", dmarc.ErrSyntax},
		{"v twice", "v=DMARC1; p=none; v=DMARC1", dmarc.ErrSyntax},
		{"unknown tag twice", "v=DMARC1; p=none; x=1; x=2", dmarc.ErrSyntax},
		{"thousands of tags", "v=DMARC1; p=none" + manyTags(5000), dmarc.ErrSyntax},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if r, err := dmarc.ParseRecord(test.text); !errors.Is(err, test.want) {
				t.Errorf("got %v, %v, want %v", r, err, test.want)
			}
		})
	}
}

func manyTags(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ";x%d=", i)
	}
	return b.String()
}

// TestParseRecordManyURIs: of thousands of URIs 20 are taken, more than the two that RFC 7489 §6.2 demands.
func TestParseRecordManyURIs(t *testing.T) {
	t.Parallel()
	r, err := dmarc.ParseRecord("v=DMARC1; p=none; rua=" + strings.Repeat("mailto:a@b.example,", 3000))
	if err != nil || len(r.AggregateReports) != 20 || len(r.Problems) != 1 {
		t.Errorf("%d URIs, %v, %v", len(r.AggregateReports), r.Problems, err)
	}
	r, err = dmarc.ParseRecord("v=DMARC1; p=none; rua=" + strings.Repeat("x,", 30000))
	if err != nil || len(r.AggregateReports) != 0 || len(r.Problems) != 20 {
		t.Errorf("%d URIs, %d problems, %v", len(r.AggregateReports), len(r.Problems), err)
	}
}

// TestParseReportRecord: a record of RFC 7489 §7.1 needs no policy, and what it says of one does not matter.
func TestParseReportRecord(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text string
		want error
	}{
		{"v=DMARC1", nil},
		{"v=DMARC1;", nil},
		{"v=DMARC1; p=bogus", nil},
		{"v=DMARC1; rua=mailto:a@example.org", nil},
		{"", dmarc.ErrNoRecord},
		{"v=dmarc1", dmarc.ErrNoRecord},
		{"rua=mailto:a@example.org; v=DMARC1", dmarc.ErrNoRecord},
		{"v=DMARC1; rua=mailto:a@example.org; rua=mailto:b@example.org", dmarc.ErrSyntax},
	} {
		if r, err := dmarc.ParseReportRecord(test.text); !errors.Is(err, test.want) || r.Policy != "" {
			t.Errorf("%q: %+v, %v", test.text, r, err)
		}
	}
}

func TestParseURI(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text, address, host string
		max                 uint64
		limited             bool
		again               string // If not as text.
	}{
		{"mailto:reports@example.com", "reports@example.com", "example.com", 0, false, ""},
		{"mailto:reports@example.com!50m", "reports@example.com", "example.com", 50 << 20, true, ""},
		{"mailto:a@example.com!10", "a@example.com", "example.com", 10, true, ""},
		{"mailto:a@example.com!0", "a@example.com", "example.com", 0, true, ""},
		{"mailto:a@example.com!1k", "a@example.com", "example.com", 1024, true, ""},
		{"mailto:a@example.com!2048k", "a@example.com", "example.com", 2 << 20, true, "mailto:a@example.com!2m"},
		{"mailto:a@example.com!3G", "a@example.com", "example.com", 3 << 30, true, "mailto:a@example.com!3g"},
		{"mailto:a@example.com!1t", "a@example.com", "example.com", 1 << 40, true, ""},
		{"mailto:a@example.com!18446744073709551615", "a@example.com", "example.com", math.MaxUint64, true, ""},
		{"mailto:a@example.com!18446744073709551615t", "a@example.com", "example.com", math.MaxUint64, true, "mailto:a@example.com!18446744073709551615"},
		{"mailto:a%21b@example.com", "a!b@example.com", "example.com", 0, false, ""},
		{"mailto:%22a%2Cb%22@example.com", `"a,b"@example.com`, "example.com", 0, false, ""},
		{"MAILTO:a@EXAMPLE.com", "a@example.com", "example.com", 0, false, ""},
		{"mailto:a@example.com?subject=x", "a@example.com", "example.com", 0, false, ""},
		{"mailto:a@xn--mnchen-3ya.example", "a@xn--mnchen-3ya.example", "xn--mnchen-3ya.example", 0, false, ""},
		{"https://reports.example.com/x?y=z!1m", "", "reports.example.com", 1 << 20, true, ""},
		{"https://reports.example.com:8443/", "", "reports.example.com", 0, false, ""},
		{"https://192.0.2.1/", "", "", 0, false, ""},
		{"https://[2001:db8::1]/", "", "", 0, false, ""},
		{"tel:5551212", "", "", 0, false, ""},
	} {
		t.Run(test.text, func(t *testing.T) {
			t.Parallel()
			u, err := dmarc.ParseURI(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if u.MaxSize != test.max || u.Limited != test.limited {
				t.Errorf("limit %d, %v", u.MaxSize, u.Limited)
			}
			a, ok := u.Mailto()
			if ok != (test.address != "") || ok && a.Pack(false) != test.address {
				t.Errorf("address %q, %v", a, ok)
			}
			if host, ok := u.Host(); host.ASCII != test.host || ok != (test.host != "") {
				t.Errorf("host %q, %v", host, ok)
			}
			again := test.again
			if again == "" {
				again = test.text
			}
			if s := u.String(); s != again {
				t.Errorf("written as %q, want %q", s, again)
			}
		})
	}
}

func TestParseURIErrors(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"", " ", "!", "!10m", "example.org", "a@example.org", "mailto:", "mailto:a", "mailto:@example.org", "mailto:a@", "mailto:a@b@c",
		"mailto:a@example.org!", "mailto:a@example.org!m", "mailto:a@example.org!10x", "mailto:a@example.org!-1", "mailto:a@example.org!+1",
		"mailto:a@example.org!1_0", "mailto:a@example.org!0x10", "mailto:a@example.org!1.5m", "mailto:a@example.org!10mm", "mailto:a@example.org!10 m",
		"mailto:a@example.org!18446744073709551616", "mailto:a@example.org!1m!2m", "mailto:a!b@example.org",
		"mailto:a@example.org,mailto:b@example.org", "mailto:a%2Cb@example.org@example.org", "mailto:a@example.org%2Cb@example.org",
		"mailto:a b@example.org", "mailto:a@exam\x00ple.org", "mailto:a@example.org\r\nBcc: x@example.org", "mailto:ü@example.org", "mailto:a@münchen.example",
		"mailto:%C3%BC@example.org", "mailto:%zz@example.org", "mailto:%0d%0a@example.org", "mailto:a@[192.0.2.1]", "mailto:/a@example.org", "https:", "https://", "://x", ":x", "1x:y",
		"mailto:<a@example.org>", `mailto:"a"@example.org`, "mailto:" + strings.Repeat("a", 3000) + "@example.org",
	} {
		if u, err := dmarc.ParseURI(s); !errors.Is(err, dmarc.ErrURI) {
			t.Errorf("%q: %+v, %v", s, u, err)
		}
	}
}

func TestURIAllows(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		uri  string
		size uint64
		want bool
	}{
		{"mailto:a@example.org", math.MaxUint64, true},
		{"mailto:a@example.org!10k", 10240, true},
		{"mailto:a@example.org!10k", 10241, false},
		{"mailto:a@example.org!0", 1, false},
	} {
		if got := uri(t, test.uri).Allows(test.size); got != test.want {
			t.Errorf("%s, %d bytes: %v", test.uri, test.size, got)
		}
	}
}
