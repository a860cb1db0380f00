package autotls

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mox/dns"
)

// A host whose name leads elsewhere is asked for ever less, and does not keep others
// from their certificates.
func TestWrongDomain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "wrong.example.org", "mail.example.org")
		w.ca.wrong["wrong.example.org"] = true
		w.start(time.Hour)
		defer w.stop()
		// Let's Encrypt accepts 5 failed validations in an hour.
		if n := w.ca.count("challenge"); n > 1+5 {
			t.Errorf("%d validations in the first hour", n)
		}
		w.served("mail.example.org")
		s := w.status("wrong.example.org")
		if s.State != StateFailing || s.Failure == nil || s.Failure.Kind != FailureHost || s.Failures == 0 || len(s.Certificates) != 0 {
			t.Errorf("status %+v", s)
		} else if text := s.Failure.Text; !strings.Contains(text, "stranger") || !strings.Contains(text, "A and AAAA") || !strings.Contains(text, "tls-alpn-01") {
			t.Errorf("failure does not tell what was wrong and what to do: %s", text)
		}
		if cert, err := w.m.GetCertificate(hello("wrong.example.org")); !errors.Is(err, ErrNoCertificate) {
			t.Errorf("certificate %v, %v", cert, err)
		}
		w.pass(10 * day)
		if n := w.ca.count("new-order"); n > 2*20 {
			t.Errorf("%d orders in 10 days", n)
		}
		// Restarts do not bring it back sooner.
		before := w.ca.count("")
		for range 20 {
			w.stop()
			w.start(time.Second)
		}
		if n := w.ca.count("") - before; n != 0 {
			t.Errorf("%d requests by restarts", n)
		}
		if s := w.status("wrong.example.org"); s.State != StateFailing || time.Until(s.NextAttempt) > 27*time.Hour {
			t.Errorf("status after restarts %+v", s)
		}
		if !strings.Contains(w.log.String(), "no certificate for a host") {
			t.Error("nothing in the log")
		}

		// Once it is right, nobody has to wait.
		w.ca.set(func() { delete(w.ca.wrong, "wrong.example.org") })
		w.m.Retry(domain(t, "mail.example.org"))
		w.pass(time.Second)
		if _, err := w.m.GetCertificate(hello("wrong.example.org")); err == nil {
			t.Error("retrying one host retries another")
		}
		w.m.Retry(domain(t, "wrong.example.org"))
		w.pass(time.Second)
		w.served("wrong.example.org")
		if s := w.status("wrong.example.org"); s.State != StateValid || s.Failure != nil || s.Failures != 0 {
			t.Errorf("status %+v", s)
		}
	})
}

// What we can know ourselves is not asked of a CA.
func TestCheck(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "nowhere.example.org")
		w.opts.Check = func(_ context.Context, host dns.Domain) error {
			return fmt.Errorf("%s has no address", host)
		}
		w.start(day)
		defer w.stop()
		if n := w.ca.count(""); n != 0 {
			t.Errorf("%d requests", n)
		}
		if s := w.status("nowhere.example.org"); s.State != StateFailing || s.Failure.Text != "nowhere.example.org has no address" {
			t.Errorf("status %+v", s)
		}
	})
}

// While a CA is down, certificates go on serving; it is asked now and then, for all
// hosts together; and once it is back they are renewed.
func TestCADown(t *testing.T) {
	for _, tc := range []struct {
		name string
		set  func(*fakeCA, bool)
		text string
	}{
		{"unreachable", func(ca *fakeCA, down bool) { ca.down = down }, "connection refused"},
		{"error", func(ca *fakeCA, down bool) {
			ca.fail = nil
			if down {
				ca.fail = func(string, string) *fakeProblem { return &fakeProblem{500, "serverInternal", "", "out of order"} }
			}
		}, "out of order"},
		{"busy", func(ca *fakeCA, down bool) {
			ca.fail = nil
			if down {
				ca.fail = func(string, string) *fakeProblem { return &fakeProblem{503, "", "7200", "maintenance"} }
			}
		}, "maintenance"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var names []string
				for i := range 5 {
					names = append(names, fmt.Sprintf("host%d.example.org", i))
				}
				w := newWorld(t, 90*day, 1, names...)
				w.start(time.Hour)
				defer func() { w.stop() }()
				w.pass(55 * day)
				before := w.ca.count("")
				w.ca.set(func() { tc.set(w.ca, true) })
				w.pass(27 * day)
				// At most once in an hour, with some requests at a time and retries of each.
				if n := w.ca.count("") - before; n < 50 || n > 27*25*3 {
					t.Errorf("%d requests while the CA was down", n)
				}
				for _, name := range names {
					w.served(name)
				}
				s := w.status(names[0])
				if s.State != StateExpiring || s.Failure == nil || s.Failure.Kind != FailureCA || !strings.Contains(s.Failure.Text, tc.text) {
					t.Errorf("status %+v, %v", s, s.Failure)
				}
				if !strings.Contains(w.log.String(), "expires soon") {
					t.Error("no warning in the log")
				}
				before = w.ca.count("")
				for range 20 {
					w.stop()
					w.start(time.Second)
				}
				if n := w.ca.count("") - before; n > 3 {
					t.Errorf("%d requests by 20 restarts", n)
				}

				w.ca.set(func() { tc.set(w.ca, false) })
				w.pass(3 * time.Hour)
				for _, name := range names {
					if s := w.status(name); s.State != StateValid || s.Failures != 0 {
						t.Errorf("after the CA is back: %+v, %v", s, s.Failure)
					}
				}
			})
		})
	}
}

// A rate limit for one host is obeyed to the second, and is not that of others.
func TestRateLimitOfHost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "many.example.org", "mail.example.org")
		limited := true
		w.ca.fail = func(endpoint, host string) *fakeProblem {
			if limited && endpoint == "new-order" && host == "many.example.org" {
				return &fakeProblem{429, "rateLimited", "129600", "too many certificates"} // 36 hours.
			}
			return nil
		}
		begin := time.Now()
		w.start(6 * time.Hour)
		defer w.stop()
		w.served("mail.example.org")
		s := w.status("many.example.org")
		if s.Failure == nil || s.Failure.Kind != FailureRateLimit || !strings.Contains(s.Failure.Text, "too many certificates") {
			t.Fatalf("status %+v", s)
		}
		if s.NextAttempt.Sub(begin) < 36*time.Hour || s.NextAttempt.Sub(begin) > 40*time.Hour {
			t.Errorf("next attempt after %s", s.NextAttempt.Sub(begin))
		}
		w.m.Retry() // The CA's word stands.
		w.stop()
		w.start(29 * time.Hour)
		w.ca.set(func() { limited = false })
		w.m.Retry()
		w.pass(time.Minute)
		if n := w.ca.count("new-order"); n != 2 {
			t.Errorf("%d orders within 36 hours", n)
		}
		w.pass(6 * time.Hour)
		w.served("many.example.org")
	})
}

// A limit on making accounts concerns all hosts.
func TestRateLimitOfAccounts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "a.example.org", "b.example.org", "c.example.org", "d.example.org", "e.example.org", "f.example.org")
		until := time.Now().Add(5 * time.Hour)
		w.ca.fail = func(endpoint, _ string) *fakeProblem {
			if endpoint == "new-account" && time.Now().Before(until) {
				return &fakeProblem{429, "rateLimited", until.UTC().Format(http.TimeFormat), "too many accounts"}
			}
			return nil
		}
		w.start(4 * time.Hour)
		defer w.stop()
		if n := w.ca.count("new-account"); n != 1 {
			t.Errorf("%d requests for an account", n)
		}
		w.pass(2 * time.Hour)
		w.served("f.example.org")
	})
}

// Without Retry-After a limit is not tried again soon either (Let's Encrypt says for how
// long, others do not).
func TestRateLimitWithoutTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "mail.example.org")
		w.ca.fail = func(endpoint, _ string) *fakeProblem {
			if endpoint == "new-order" {
				return &fakeProblem{429, "rateLimited", "", "slow down"}
			}
			return nil
		}
		w.start(day)
		defer w.stop()
		if n := w.ca.count("new-order"); n < 2 || n > 5 {
			t.Errorf("%d orders in a day", n)
		}
	})
}

func TestNonces(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "mail.example.org")
		n := 0
		w.ca.fail = func(endpoint, _ string) *fakeProblem {
			if endpoint == "dir" || endpoint == "nonce" {
				return nil
			}
			if n++; n%3 != 0 {
				return &fakeProblem{400, "badNonce", "", "stale"}
			}
			return nil
		}
		w.start(time.Minute)
		defer w.stop()
		w.served("mail.example.org")
	})
}

// An account that the CA has lost is made anew, with its key; one that it has deactivated
// needs another key, which is not tried twice in a day.
func TestAccountLost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "mail.example.org")
		w.start(time.Hour)
		defer func() { w.stop() }()
		read := func() string {
			data, err := os.ReadFile(filepath.Join(w.opts.Dir, "accounts", "a", "account.key.pem"))
			if err != nil {
				t.Fatal(err)
			}
			return string(data)
		}
		key := read()
		w.ca.set(func() { clear(w.ca.accounts) })
		w.pass(70 * day)
		if n := w.ca.count("new-account"); n != 2 || w.ca.count("finalize") != 2 {
			t.Errorf("%d accounts, %d certificates", n, w.ca.count("finalize"))
		}
		if read() != key {
			t.Error("another key for a lost account")
		}

		w.ca.set(func() {
			for old := range w.ca.accounts {
				w.ca.fail = func(endpoint, _ string) *fakeProblem {
					if endpoint == "new-order" && w.ca.accounts[old] && len(w.ca.accounts) == 1 {
						return &fakeProblem{403, "unauthorized", "", "account is deactivated"}
					}
					return nil
				}
			}
		})
		w.pass(60 * day)
		if n := w.ca.count("finalize"); n != 3 || read() == key {
			t.Errorf("after deactivation: %d certificates, same key %v", n, read() == key)
		}

		accounts := w.ca.count("new-account")
		w.ca.set(func() {
			w.ca.fail = func(endpoint, _ string) *fakeProblem {
				if endpoint == "new-order" {
					return &fakeProblem{403, "unauthorized", "", "nobody may"}
				}
				return nil
			}
		})
		w.pass(65 * day)
		if n := w.ca.count("new-account") - accounts; n < 1 || n > 10 {
			t.Errorf("%d new accounts at a CA that refuses all", n)
		}
		if s := w.status("mail.example.org"); s.Failure == nil || s.Failure.Kind != FailureAccount {
			t.Errorf("status %+v", s)
		}
	})
}

func TestExternalAccountBinding(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "mail.example.org")
		w.ca.eab = "kid-1"
		w.start(time.Hour)
		s := w.status("mail.example.org")
		if s.Failure == nil || s.Failure.Kind != FailureAccount || !strings.Contains(s.Failure.Text, "ExternalAccountBinding") {
			t.Errorf("status without binding: %+v", s)
		}
		if n := w.ca.count("new-account"); n > 5 {
			t.Errorf("%d requests in an hour", n)
		}
		w.stop()
		// With other settings there is no waiting for the end of the pause.
		w.opts.CAs[0].ExternalAccount = &ExternalAccount{KeyID: "kid-1", Key: []byte("0123456789abcdef")}
		w.start(15 * time.Minute)
		defer w.stop()
		w.served("mail.example.org")
	})
}

// Another CA is asked if there is no certificate, or no time.
func TestFallback(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 2, "mail.example.org")
		first, second := w.cas[0], w.cas[1]
		first.down = true
		w.start(time.Minute)
		defer w.stop()
		if s := w.status("mail.example.org"); s.State != StateValid || s.Certificates[0].CA != "b" {
			t.Errorf("not issued by the second CA: %+v", s)
		}
		// The renewal is the first one's again.
		first.set(func() { first.down = false })
		w.pass(62 * day)
		if s := w.status("mail.example.org"); s.Certificates[0].CA != "a" {
			t.Errorf("not renewed by the first CA: %+v", s)
		}
		before := second.count("new-order")
		first.set(func() { first.down = true })
		w.pass(68 * day) // Due from day 60 of it on, with less than a sixth left from day 75 on.
		if n := second.count("new-order") - before; n != 0 {
			t.Error("the second CA is asked although there is time")
		}
		w.pass(9 * day)
		if s := w.status("mail.example.org"); s.State != StateValid || s.Certificates[0].CA != "b" {
			t.Errorf("not saved by the second CA: %+v", s)
		}
	})
}

// Neither CA is asked for a host that leads elsewhere more than the first would be alone.
func TestFallbackNotForHosts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 2, "wrong.example.org")
		w.ca.wrong["wrong.example.org"] = true
		w.start(time.Hour)
		defer w.stop()
		if n := w.cas[1].count(""); n != 0 {
			t.Errorf("%d requests to the second CA", n)
		}
	})
}
