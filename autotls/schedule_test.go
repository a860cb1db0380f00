package autotls

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/acme"
)

func TestRenewalTime(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		lifetime, before   time.Duration
		earliest, greatest time.Duration
	}{
		{90 * day, 0, 57 * day, 60 * day},
		{6 * day, 0, 3*day + 19*time.Hour, 4 * day},
		{2 * time.Minute, 0, 76 * time.Second, 80 * time.Second},
		{90 * day, 20 * day, 67 * day, 70 * day},
		{90 * day, 80 * day, 45 * day, 45 * day}, // More than half is half.
		{90 * day, 45 * day, 45 * day, 45 * day},
		{6 * day, 20 * day, 3 * day, 3 * day},
		{90 * day, time.Second, 87*day - time.Second, 90*day - time.Second},
	} {
		seen := map[time.Duration]bool{}
		for i := range 100 {
			d := renewal(begin, begin.Add(tc.lifetime), tc.before, []byte{byte(i)}).Sub(begin)
			if d < tc.earliest || d > tc.greatest {
				t.Errorf("lifetime %s, before %s: renewed after %s", tc.lifetime, tc.before, d)
			}
			seen[d] = true
		}
		if len(seen) < 50 && tc.earliest != tc.greatest {
			t.Errorf("lifetime %s: all are renewed together", tc.lifetime)
		}
	}
}

// Whatever fails, there are attempts in the last third of a lifetime, and not many.
func TestBackoff(t *testing.T) {
	t.Parallel()
	for _, kind := range []FailureKind{FailureHost, FailureRefused, FailureRateLimit, FailureAccount, FailureCA, FailureLocal} {
		for _, lifetime := range []time.Duration{365 * day, 90 * day, 6 * day, time.Hour} {
			n, last := 0, time.Duration(0)
			for spent := time.Duration(0); spent < lifetime/3; n++ {
				d := kind.backoff(n+1, lifetime)
				if d < last {
					t.Errorf("%s, %s: %s after %s", kind, lifetime, d, last)
				}
				last = d
				spent += d
			}
			if n < 5 || n > 3000 {
				t.Errorf("%s, %s: %d attempts in the last third", kind, lifetime, n)
			}
			if max := kind.backoff(1000, lifetime); max > day {
				t.Errorf("%s, %s: waits %s", kind, lifetime, max)
			}
		}
		for range 100 {
			if d := jittered(time.Hour); d < time.Hour || d > 66*time.Minute {
				t.Fatalf("an hour became %s", d)
			}
		}
	}
	if d := FailureHost.backoff(1, 90*day); d < 15*time.Minute {
		t.Errorf("a wrong host is tried again after %s", d)
	}
}

// RFC 9110 §10.2.3.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for v, want := range map[string]time.Duration{
		"120":                           2 * time.Minute,
		" 120 ":                         2 * time.Minute,
		"Sun, 22 Nov 2026 13:00:00 GMT": time.Hour,
		"Sun, 22 Nov 2026 11:00:00 GMT": 0,
		"-5":                            0,
		"soon":                          0,
		"":                              0,
		"99999999999999999999":          0,
		"1.5":                           0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {v}}, now); got != want {
			t.Errorf("%q: %s, want %s", v, got, want)
		}
	}
	if got := retryAfter(nil, now); got != 0 {
		t.Errorf("no header: %s", got)
	}
}

// RFC 8555 §6.7: what each error of a CA means, and what to do.
func TestFailures(t *testing.T) {
	t.Parallel()
	ca := CA{Name: "le", DirectoryURL: "https://ca.example/dir"}
	host := domain(t, "bücher.example")
	problem := func(status int, name, detail string) *acme.Error {
		return &acme.Error{StatusCode: status, ProblemType: problemPrefix + name, Detail: detail}
	}
	invalid := func(name string) error {
		return &validationError{[]Challenge{TLSALPN01}, []error{&acme.AuthorizationError{Errors: []error{problem(400, name, "no luck")}}}}
	}
	for _, tc := range []struct {
		name string
		err  error
		kind FailureKind
		want []string
	}{
		{"rate limit", problem(429, "rateLimited", "too many"), FailureRateLimit, []string{"too many", "rate limit"}},
		{"status 429", &acme.Error{StatusCode: 429, Detail: "slow down"}, FailureRateLimit, []string{"slow down"}},
		{"no address", invalid("dns"), FailureHost, []string{"tls-alpn-01: no luck (dns)", "add A and AAAA records", "bücher.example"}},
		{"no connection", invalid("connection"), FailureHost, []string{"firewalls", "ports 443 and 80"}},
		{"stranger", invalid("unauthorized"), FailureHost, []string{"another server"}},
		{"TLS", invalid("tls"), FailureHost, []string{"another server"}},
		{"not offered", &validationError{[]Challenge{HTTP01}, []error{errNotOffered}}, FailureHost, []string{"does not offer"}},
		{"CAA", problem(403, "caa", "not you"), FailureRefused, []string{`0 issue "ca.example"`, "not you"}},
		{"CAA at validation", invalid("caa"), FailureRefused, []string{`0 issue "ca.example"`}},
		{"identifier", problem(400, "rejectedIdentifier", "policy"), FailureRefused, []string{"use another CA"}},
		{"key", problem(400, "badCSR", "weak"), FailureRefused, []string{"use another key"}},
		{"order failed", &acme.OrderError{Status: "invalid", Problem: problem(400, "badPublicKey", "weak")}, FailureRefused, []string{"use another key"}},
		{"binding", problem(403, "externalAccountRequired", "bind"), FailureAccount, []string{"set ExternalAccountBinding"}},
		{"consent", &acme.Error{StatusCode: 403, ProblemType: problemPrefix + "userActionRequired", Instance: "https://ca.example/terms"}, FailureAccount, []string{"https://ca.example/terms"}},
		{"contact", problem(400, "invalidContact", "who?"), FailureAccount, []string{"ContactEmail"}},
		{"account", problem(401, "unauthorized", "deactivated"), FailureAccount, []string{"account"}},
		{"internal", problem(500, "serverInternal", "oops"), FailureCA, []string{"oops"}},
		{"status 502", &acme.Error{StatusCode: 502, Detail: "<html>\nbad\x1b\ngateway"}, FailureCA, []string{"502", "<html> bad gateway"}},
		{"no directory", &acme.Error{StatusCode: 404, Detail: "404 page not found"}, FailureCA, []string{"check that https://ca.example/dir is its ACME directory"}},
		{"network", errors.New("dial tcp: no route to host"), FailureCA, []string{"no route", "can reach https://ca.example/dir"}},
		{"slow", context.DeadlineExceeded, FailureCA, []string{"too long"}},
		{"disk", &localError{errors.New("disk full")}, FailureLocal, []string{"disk full"}},
		{"something else", problem(403, "compound", "several"), FailureRefused, []string{"several"}},
		{"long", &acme.Error{StatusCode: 500, Detail: strings.Repeat("é", 5000)}, FailureCA, []string{"..."}},
	} {
		f := newFailure(tc.err, ca, []string{"ca.example"}, host, time.Now())
		if f.Kind != tc.kind || f.CA != "le" || !errors.Is(f, tc.err) {
			t.Errorf("%s: %+v", tc.name, f)
		}
		for _, want := range tc.want {
			if !strings.Contains(f.Text, want) {
				t.Errorf("%s: text does not say %q: %s", tc.name, want, f.Text)
			}
		}
		if strings.ContainsAny(f.Text, "\r\n") || len(f.Text) > 1000 {
			t.Errorf("%s: text %q", tc.name, f.Text)
		}
		data, err := json.Marshal(f)
		var back Failure
		if err != nil || json.Unmarshal(data, &back) != nil || back.Kind != f.Kind || back.Text != f.Text {
			t.Errorf("%s: %s, %v", tc.name, data, err)
		}
	}
}
