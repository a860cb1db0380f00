package autotls

import (
	"crypto"
	"crypto/tls"
	"testing"
	"time"
)

// Certificates are there before anybody asks for them, and are always good, whatever
// their lifetime; the key stays.
func TestIssuesAheadAndRenews(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		lifetime       time.Duration
		lives          int
		least, highest int // Certificates per host.
	}{
		{90 * day, 6, 8, 11},
		{6 * day, 6, 8, 11},
		{2 * time.Minute, 6, 8, 11},
	} {
		t.Run(tc.lifetime.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t, tc.lifetime, 1, "mail.example.org", "mta-sts.example.org")
				w.start(10 * time.Second)
				defer w.stop()
				keys := w.m.PublicKeys(domain(t, "mail.example.org"))
				const steps = 50
				for range tc.lives * steps {
					for _, host := range []string{"mail.example.org", "mta-sts.example.org"} {
						if leaf := w.served(host).Leaf; time.Now().After(leaf.NotAfter) {
							t.Fatalf("%s is served a certificate that expired at %s, now %s", host, leaf.NotAfter, time.Now())
						}
						if s := w.status(host); s.State != StateValid {
							t.Fatalf("%s: %+v", host, s)
						}
					}
					w.pass(tc.lifetime / steps)
				}
				if !sameKey(w.served("mail.example.org").Leaf.PublicKey, keys[0]) {
					t.Error("the key has changed")
				}
				if n := w.ca.count("new-order"); n < 2*tc.least || n > 2*tc.highest {
					t.Errorf("%d certificates in %d lifetimes of 2 hosts", n, tc.lives)
				}
				if n := w.ca.count("new-account"); n != 1 {
					t.Errorf("%d requests for accounts", n)
				}
			})
		})
	}
}

func TestRenewBefore(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "mail.example.org")
		w.opts.CAs[0].RenewBefore = 10 * day
		w.start(75 * day)
		defer w.stop()
		if n := w.ca.count("new-order"); n != 1 {
			t.Errorf("renewed after 75 days, %d orders", n)
		}
		w.pass(5 * day)
		if n := w.ca.count("new-order"); n != 2 {
			t.Errorf("not renewed 10 days before the end, %d orders", n)
		}
	})
}

// Where one challenge does not work the other one is tried, and remembered.
func TestChallenges(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "mail.example.org")
		w.ca.noALPN = true
		w.start(time.Minute)
		defer w.stop()
		if s := w.status("mail.example.org"); s.Challenge != HTTP01 || s.State != StateValid {
			t.Errorf("status %+v", s)
		}
		before := w.ca.count("challenge")
		w.pass(65 * day)
		if n := w.ca.count("challenge") - before; n != 1 {
			t.Errorf("%d validations for a renewal", n)
		}
		w.ca.set(func() { w.ca.noALPN = false })
		// Nothing is answered when nothing was asked for.
		if cert, err := w.m.GetCertificate(&tls.ClientHelloInfo{ServerName: "mail.example.org", SupportedProtos: []string{ALPNProto}}); cert != nil || err != nil {
			t.Errorf("validation without order: %v, %v", cert, err)
		}
	})
}

func TestOnlyHTTP(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "mail.example.org")
		w.opts.Challenges = []Challenge{HTTP01}
		w.start(time.Minute)
		defer w.stop()
		w.served("mail.example.org")
		if n := w.ca.count("challenge"); n != 1 {
			t.Errorf("%d validations", n)
		}
	})
}

func TestWrongOptions(t *testing.T) {
	t.Parallel()
	good := func() Options {
		return Options{Dir: t.TempDir(), CAs: []CA{{Name: "a", DirectoryURL: "https://ca.example/dir"}}, Hosts: func() []Host { return hostsOf(t, "mail.example.org") }}
	}
	if _, err := New(good()); err != nil {
		t.Fatal(err)
	}
	p224 := testKey(t, "p224")
	for name, change := range map[string]func(*Options){
		"no directory":  func(o *Options) { o.Dir = "" },
		"no CA":         func(o *Options) { o.CAs = nil },
		"no hosts":      func(o *Options) { o.Hosts = nil },
		"path as name":  func(o *Options) { o.CAs[0].Name = "../a" },
		"dots":          func(o *Options) { o.CAs[0].Name = ".." },
		"no name":       func(o *Options) { o.CAs[0].Name = "" },
		"two of a name": func(o *Options) { o.CAs = append(o.CAs, o.CAs[0]) },
		"unknown CA": func(o *Options) {
			o.Hosts = func() []Host { return []Host{{Name: domain(t, "a.example"), CAs: []string{"b"}}} }
		},
		"empty host": func(o *Options) { o.Hosts = func() []Host { return []Host{{}} } },
		"unknown key": func(o *Options) {
			o.Hosts = func() []Host { return []Host{{Name: domain(t, "a.example"), KeyTypes: []KeyType{"dsa"}}} }
		},
		"wrong key": func(o *Options) {
			o.Hosts = func() []Host { return []Host{{Name: domain(t, "a.example"), Keys: []crypto.Signer{p224}}} }
		},
		"unusable place": func(o *Options) { o.Dir = "/dev/null/x" },
	} {
		o := good()
		change(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
