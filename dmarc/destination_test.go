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

// TestCheckDestination has RFC 7489 §7.1 with its examples and that of B.2.3.
func TestCheckDestination(t *testing.T) {
	t.Parallel()
	r := &dns.MemResolver{
		TXT: map[string][]string{
			"blue.example.com._report._dmarc.red.example.net.":       {"v=DMARC1"},
			"example.com._report._dmarc.thirdparty.example.net.":     {"v=DMARC1"},
			"xn--mnchen-3ya.example._report._dmarc.red.example.net.": {"v=DMARC1"},
			"example.com._report._dmarc.other.example.net.":          {"v=spf1 -all", "rua=mailto:a@other.example.net; v=DMARC1", "v=DMARC2", "v=dmarc1"},
			"example.com._report._dmarc.among.example.net.":          {"v=spf1 -all", "v=DMARC1;"},
			"example.com._report._dmarc.two.example.net.":            {"v=DMARC1", "v=DMARC1; rua=mailto:b@two.example.net"},
			"example.com._report._dmarc.override.example.net.":       {"v=DMARC1; rua=mailto:x@override.example.net!5k,mailto:y@override.example.net"},
			"example.com._report._dmarc.evil.example.net.":           {"v=DMARC1; rua=mailto:victim@example.org"},
			"example.com._report._dmarc.partly.example.net.":         {"v=DMARC1; rua=mailto:a@partly.example.net,mailto:victim@example.org"},
			"example.com._report._dmarc.sibling.example.net.":        {"v=DMARC1; rua=mailto:a@x.sibling.example.net"},
			"example.com._report._dmarc.nohost.example.net.":         {"v=DMARC1; rua=tel:5551212"},
			"example.com._report._dmarc.broken.example.net.":         {"v=DMARC1; rua=mailto:a@broken.example.net; rua=x"},
			"example.com._report._dmarc.badrua.example.net.":         {"v=DMARC1; rua=nonsense"},
			"example.com._report._dmarc.reports.example.net.":        {"v=DMARC1"},
			"a.example._report._dmarc.b.example.":                    {"v=DMARC1"},
		},
		CNAME: map[string]string{"example.com._report._dmarc.alias.example.net.": "example.com._report._dmarc.red.example.net."},
		Fail:  []string{"example.com._report._dmarc.fails.example.net"},
	}
	r.TXT["example.com._report._dmarc.red.example.net."] = []string{"v=DMARC1"}
	for _, test := range []struct {
		name, domain, uri string
		kind              dmarc.ReportKind
		external          bool
		uris              string
		err               error
	}{
		{"same domain", "example.com", "mailto:a@example.com", dmarc.AggregateReports, false, "mailto:a@example.com", nil},
		{"same organizational domain", "example.com", "mailto:a@reports.example.com!10m", dmarc.AggregateReports, false, "mailto:a@reports.example.com!10m", nil},
		{"domain above", "blue.example.com", "mailto:a@example.com", dmarc.FailureReports, false, "mailto:a@example.com", nil},
		{"§7.1 example", "blue.example.com", "mailto:reports@red.example.net", dmarc.AggregateReports, true, "mailto:reports@red.example.net", nil},
		{"B.2.3", "example.com", "mailto:auth-reports@thirdparty.example.net", dmarc.FailureReports, true, "mailto:auth-reports@thirdparty.example.net", nil},
		{"internationalized domain, step 3", "münchen.example", "mailto:a@red.example.net", dmarc.AggregateReports, true, "mailto:a@red.example.net", nil},
		{"web server", "example.com", "https://reports.example.net/x!1m", dmarc.AggregateReports, true, "https://reports.example.net/x!1m", nil},
		{"record among others, step 5", "example.com", "mailto:a@among.example.net", dmarc.AggregateReports, true, "mailto:a@among.example.net", nil},
		{"two records, step 7", "example.com", "mailto:a@two.example.net", dmarc.AggregateReports, true, "mailto:b@two.example.net", nil},
		{"alias", "example.com", "mailto:a@alias.example.net", dmarc.AggregateReports, true, "mailto:a@alias.example.net", nil},
		{"override, step 8", "example.com", "mailto:a@override.example.net", dmarc.AggregateReports, true, "mailto:x@override.example.net!5k,mailto:y@override.example.net", nil},
		{"override of the other kind", "example.com", "mailto:a@override.example.net", dmarc.FailureReports, true, "mailto:a@override.example.net", nil},
		{"override that is not valid", "example.com", "mailto:a@badrua.example.net", dmarc.AggregateReports, true, "mailto:a@badrua.example.net", nil},
		{"override at another host", "example.com", "mailto:a@evil.example.net", dmarc.AggregateReports, true, "", dmarc.ErrOverride},
		{"override that is partly at another host", "example.com", "mailto:a@partly.example.net", dmarc.AggregateReports, true, "", dmarc.ErrOverride},
		{"override below the host", "example.com", "mailto:a@sibling.example.net", dmarc.AggregateReports, true, "", dmarc.ErrOverride},
		{"override without a host", "example.com", "mailto:a@nohost.example.net", dmarc.AggregateReports, true, "", dmarc.ErrOverride},
		{"no record, step 6", "example.com", "mailto:a@none.example.net", dmarc.AggregateReports, true, "", dmarc.ErrUnauthorized},
		{"other records, step 5", "example.com", "mailto:a@other.example.net", dmarc.AggregateReports, true, "", dmarc.ErrUnauthorized},
		{"tag twice", "example.com", "mailto:a@broken.example.net", dmarc.AggregateReports, true, "", dmarc.ErrUnauthorized},
		{"registrants of a suffix", "one.co.uk", "mailto:a@two.co.uk", dmarc.AggregateReports, true, "", dmarc.ErrUnauthorized},
		{"authorized for the domain above only", "sub.example.com", "mailto:a@thirdparty.example.net", dmarc.AggregateReports, true, "", dmarc.ErrUnauthorized},
		{"name too long", strings.Repeat("abcdefg.", 25) + "example.com", "mailto:a@" + strings.Repeat("abcdefg.", 20) + "example.net", dmarc.AggregateReports, true, "", dmarc.ErrUnauthorized},
		{"lookup fails, step 4", "example.com", "mailto:a@fails.example.net", dmarc.AggregateReports, true, "", dmarc.ErrTemporary},
		{"no host, step 1", "example.com", "tel:5551212", dmarc.AggregateReports, false, "", dmarc.ErrUnsupported},
		{"address for a host", "example.com", "https://192.0.2.1/", dmarc.AggregateReports, false, "", dmarc.ErrUnsupported},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			v := dmarc.Verifier{Resolver: r}
			d := v.CheckDestination(t.Context(), domain(t, test.domain), uri(t, test.uri), test.kind)
			var l []string
			for _, u := range d.URIs {
				l = append(l, u.String())
			}
			if got := strings.Join(l, ","); d.External != test.external || got != test.uris || !errors.Is(d.Err, test.err) {
				t.Errorf("got external %v, %q, %v", d.External, got, d.Err)
			}
			if (d.Err == nil) != (len(d.URIs) > 0) {
				t.Errorf("%d URIs with error %v", len(d.URIs), d.Err)
			}
		})
	}
}

// TestCheckDestinationTreeWalk: who belongs together is as for alignment.
func TestCheckDestinationTreeWalk(t *testing.T) {
	t.Parallel()
	v := dmarc.Verifier{Discovery: dmarc.TreeWalk, Resolver: &dns.MemResolver{
		TXT: map[string][]string{
			"_dmarc.example.com.":      {"v=DMARC1; p=none"},
			"_dmarc.dept.example.com.": {"v=DMARC1; p=none; psd=n"},
		},
		Fail: []string{"_dmarc.down.example"},
	}}
	for _, test := range []struct {
		domain, uri string
		external    bool
		err         error
	}{
		{"example.com", "mailto:a@reports.example.com", false, nil},
		{"example.com", "mailto:a@dept.example.com", true, dmarc.ErrUnauthorized},
		{"dept.example.com", "mailto:a@example.com", true, dmarc.ErrUnauthorized},
		{"down.example", "mailto:a@x.down.example", false, dmarc.ErrTemporary},
	} {
		d := v.CheckDestination(t.Context(), domain(t, test.domain), uri(t, test.uri), dmarc.AggregateReports)
		if d.External != test.external || !errors.Is(d.Err, test.err) {
			t.Errorf("%s, %s: external %v, %v", test.domain, test.uri, d.External, d.Err)
		}
	}
}

func TestCheckDestinationTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := dmarc.Verifier{Resolver: &dns.MemResolver{Before: func(ctx context.Context, _, _ string) error {
			<-ctx.Done()
			return nil
		}}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if d := v.CheckDestination(ctx, domain(t, "example.com"), uri(t, "mailto:a@example.net"), dmarc.AggregateReports); !errors.Is(d.Err, dmarc.ErrTemporary) {
			t.Errorf("got %v", d.Err)
		}
	})
}
