package dnsrecords

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"mox/dns"
	"mox/mtasts"
)

// A policy that others cannot use, or another one than is configured, is found, with what to do.
func TestCheckPolicy(t *testing.T) {
	t.Parallel()
	policy := func(mode mtasts.Mode, mx string) mtasts.Policy {
		return mtasts.Policy{Mode: mode, MaxAge: time.Hour, MX: []mtasts.MX{{Domain: domain(t, mx)}}}
	}
	served := policy(mtasts.ModeEnforce, "mail.example.com")
	text := func(contentType, s string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", contentType)
			io.WriteString(w, s)
		}
	}
	ok := text("text/plain", served.String())
	elsewhere := policy(mtasts.ModeEnforce, "mx.example.net")
	testing := policy(mtasts.ModeTesting, "mx.example.net")
	for _, tc := range []struct {
		name       string
		configured mtasts.Policy
		handler    http.HandlerFunc
		change     func(*mtasts.FetchOptions)
		status     Status
		text, cure string
	}{
		{"as configured", served, ok, nil, OK, "as it is configured", ""},
		{"lines end otherwise", served, text("text/plain", strings.ReplaceAll(served.String(), "\r\n", "\n")+"other: field"), nil, OK, "as it is configured", ""},

		{"another mode", policy(mtasts.ModeTesting, "mail.example.com"), ok, nil, Problem, "not the one that is configured", "mox config reload"},
		{"another server", elsewhere, ok, nil, Problem, "not the one that is configured", "pass requests for this name on to mox"},
		{"not this machine", elsewhere, text("text/plain", elsewhere.String()), nil, Problem, "does not have this machine, mail.example.com", "add the name to MX"},
		{"not this machine yet", testing, text("text/plain", testing.String()), nil, Advice, "does not have this machine", "before its mode is enforce"},
		{"not found", served, http.NotFound, nil, Problem, "status 404", "MTASTSHTTPS"},
		{"redirect", served, http.RedirectHandler("/x", http.StatusFound).ServeHTTP, nil, Problem, "a redirect, which is not followed", "another web server"},
		{"a page", served, text("text/html", "<html>"), nil, Problem, "text/html", "pass requests for this name on to mox"},
		{"certificate", served, ok, func(o *mtasts.FetchOptions) { o.RootCAs = x509.NewCertPool() }, Problem, "no valid certificate", `"mox config certificates" says of mta-sts.example.com`},
		{"no address", served, ok, func(o *mtasts.FetchOptions) { o.Resolver = &dns.MemResolver{} }, Problem, "no such record", "add the address records"},
		{"no answer from DNS", served, ok, func(o *mtasts.FetchOptions) { o.Resolver = &dns.MemResolver{Fail: []string{"mta-sts.example.com"}} }, Unknown, "failure", "port 443"},
		{"not reached", served, ok, func(o *mtasts.FetchOptions) {
			o.DialContext = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("connection refused") }
		}, Unknown, "connection refused", "https://mta-sts.example.com/.well-known/mta-sts.txt"},
	} {
		s := httptest.NewUnstartedServer(tc.handler)
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.StartTLS()
		roots := x509.NewCertPool()
		roots.AddCert(s.Certificate()) // It is for names below example.com.
		opts := mtasts.FetchOptions{
			Resolver: &dns.MemResolver{A: map[string][]string{"mta-sts.example.com": {"192.0.2.1"}}},
			RootCAs:  roots,
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, s.Listener.Addr().String())
			},
		}
		if tc.change != nil {
			tc.change(&opts)
		}
		d := Domain{Name: domain(t, "example.com"), MTASTS: "1", Policy: tc.configured}
		f := CheckPolicy(t.Context(), opts, d, Host{Name: domain(t, "mail.example.com")})
		s.Close()
		if f.Status != tc.status || !strings.Contains(f.Text, tc.text) || !strings.Contains(f.Cure, tc.cure) || (f.Cure == "") != (tc.status == OK) {
			t.Errorf("%s: %s: %s; cure: %s", tc.name, f.Status, f.Text, f.Cure)
		}
		if f.Need != MTASTS || f.Name != "mta-sts.example.com." || f.Type != "policy" || len(f.Expected) != 4 {
			t.Errorf("%s: %+v", tc.name, f)
		}
	}
}
