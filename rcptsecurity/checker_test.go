package rcptsecurity

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mox/dns"
	"mox/mtasts"
)

func domain(t *testing.T, s string) dns.Domain {
	t.Helper()
	d, err := dns.ParseDomain(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// policies serves MTA-STS policies.
type policies struct {
	mu     sync.Mutex
	byName map[string]mtasts.Policy
	asked  int
}

func (p *policies) fetch(_ context.Context, d dns.Domain) (mtasts.Policy, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	if policy, ok := p.byName[d.ASCII]; ok {
		return policy, nil
	}
	return mtasts.Policy{}, mtasts.ErrFetch
}

func (p *policies) set(name string, policy mtasts.Policy) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.byName[name] = policy
}

func (p *policies) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

func enforce(t *testing.T, mode mtasts.Mode, age time.Duration, names ...string) mtasts.Policy {
	t.Helper()
	p := mtasts.Policy{Mode: mode, MaxAge: age}
	for _, name := range names {
		mx, err := mtasts.ParseMX(name)
		if err != nil {
			t.Fatal(err)
		}
		p.MX = append(p.MX, mx)
	}
	return p
}

func newChecker(t *testing.T, r dns.Resolver, p *policies, change func(*Options)) *Checker {
	t.Helper()
	opts := Options{Resolver: r, FetchPolicy: p.fetch}
	if change != nil {
		change(&opts)
	}
	c, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestLookup(t *testing.T) {
	t.Parallel()
	dane := func(usage int) []dns.TLSA { return []dns.TLSA{{Usage: 3, CertAssoc: []byte{1}}, {Usage: 0}}[:usage] }
	r := &dns.MemResolver{
		MX: map[string][]net.MX{
			"plain.example":     {{Host: "mx.plain.example.", Pref: 10}},
			"dane.example":      {{Host: "mx1.dane.example."}, {Host: "mx2.dane.example."}},
			"half.example":      {{Host: "mx1.dane.example."}, {Host: "mx.half.example."}},
			"pkix.example":      {{Host: "mx.pkix.example."}},
			"fake.example":      {{Host: "mx1.dane.example."}},
			"insecure.example":  {{Host: "mx.insecure.example."}},
			"broken.example":    {{Host: "mx.broken.example."}},
			"null.example":      {{Host: "."}},
			"sts.example":       {{Host: "mx.sts.example."}},
			"wild.example":      {{Host: "a.mx.wild.example."}},
			"testing.example":   {{Host: "mx.testing.example."}},
			"none.example":      {{Host: "mx.none.example."}},
			"other.example":     {{Host: "mx.other.example."}},
			"nofetch.example":   {{Host: "mx.nofetch.example."}},
			"badrecord.example": {{Host: "mx.badrecord.example."}},
		},
		TXT: map[string][]string{
			"_mta-sts.badrecord.example": {"v=STSv1; id="},
		},
		TLSA: map[string][]dns.TLSA{
			"_25._tcp.mx1.dane.example":    dane(2),
			"_25._tcp.mx2.dane.example":    dane(1),
			"_25._tcp.alone.example":       dane(1),
			"_25._tcp.mx.pkix.example":     {{Usage: 1, CertAssoc: []byte{1}}},
			"_25._tcp.mx.insecure.example": dane(1),
		},
		Fail: []string{"mx fail.example", "tlsa _25._tcp.mx.broken.example", "txt _mta-sts.stsfail.example"},
		Authentic: []string{
			"dane.example", "_25._tcp.mx1.dane.example", "_25._tcp.mx2.dane.example", "half.example", "_25._tcp.mx.half.example",
			"alone.example", "_25._tcp.alone.example", "pkix.example", "_25._tcp.mx.pkix.example", "insecure.example", "broken.example", "null.example",
		},
	}
	p := &policies{byName: map[string]mtasts.Policy{
		"sts.example":     enforce(t, mtasts.ModeEnforce, time.Hour, "mx.sts.example"),
		"wild.example":    enforce(t, mtasts.ModeEnforce, time.Hour, "*.mx.wild.example"),
		"testing.example": enforce(t, mtasts.ModeTesting, time.Hour, "mx.testing.example"),
		"none.example":    enforce(t, mtasts.ModeNone, time.Hour),
		"other.example":   enforce(t, mtasts.ModeEnforce, time.Hour, "mx.elsewhere.example"),
	}}
	for name := range p.byName {
		r.TXT["_mta-sts."+name] = []string{"v=STSv1; id=1;"}
	}
	r.TXT["_mta-sts.nofetch.example"] = []string{"v=STSv1; id=1;"}
	c := newChecker(t, r, p, nil)
	for _, tc := range []struct {
		domain       string
		dnssec       Result
		mtasts, dane Result
		trusted      string // A server.
	}{
		{"plain.example", No, No, No, ""},
		{"nothing.example", No, No, No, ""},
		{"dane.example", Yes, No, Yes, ""},
		{"alone.example", Yes, No, Yes, ""}, // Without MX records.
		{"half.example", Yes, No, No, ""},   // One server of two.
		{"pkix.example", Yes, No, No, ""},   // A usage that SMTP has no use for.
		{"fake.example", No, No, No, ""},    // Whoever made up the MX record made up where to look.
		{"insecure.example", Yes, No, No, ""},
		{"broken.example", Yes, No, Error, ""},
		{"fail.example", Error, No, Error, ""},
		{"null.example", Yes, No, No, ""},
		{"sts.example", No, Yes, No, "mx.sts.example"},
		{"wild.example", No, Yes, No, "b.mx.wild.example"},
		{"testing.example", No, No, No, "mx.testing.example"},
		{"none.example", No, No, No, ""},
		{"other.example", No, Error, No, "mx.elsewhere.example"},
		{"nofetch.example", No, Error, No, ""},
		{"badrecord.example", No, Error, No, ""},
		{"stsfail.example", No, Error, No, ""},
	} {
		d := domain(t, tc.domain)
		got := c.Lookup(t.Context(), d)
		if want := (Security{DNSSEC: tc.dnssec, MTASTS: tc.mtasts, DANE: tc.dane}); got != want {
			t.Errorf("%s: %+v, want %+v", tc.domain, got, want)
		}
		if got.Verified() != (tc.mtasts == Yes || tc.dane == Yes) {
			t.Errorf("%s: verified is %v", tc.domain, got.Verified())
		}
		if got := c.MXTrusted(t.Context(), d, domain(t, "mx."+tc.domain)); got != (tc.trusted == "mx."+tc.domain) {
			t.Errorf("%s: its mx is trusted: %v", tc.domain, got)
		}
		if tc.trusted != "" && !c.MXTrusted(t.Context(), d, domain(t, tc.trusted)) {
			t.Errorf("%s: %s is not trusted", tc.domain, tc.trusted)
		}
	}
}

func TestSeen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newChecker(t, &dns.MemResolver{}, &policies{}, nil)
		d := domain(t, "example.org")
		if got := c.Known(d); got != (Security{}) {
			t.Errorf("known of what was never seen: %+v", got)
		}
		c.Seen(d, Seen{STARTTLS: Yes, RequireTLS: Yes})
		c.Seen(d, Seen{}) // A connection that failed tells nothing.
		if got := c.Known(d); got != (Security{STARTTLS: Yes, RequireTLS: Yes}) {
			t.Errorf("known: %+v", got)
		}
		c.Seen(d, Seen{STARTTLS: Error})
		want := Security{STARTTLS: Error, RequireTLS: Yes, DNSSEC: No, MTASTS: No, DANE: No}
		if got := c.Lookup(t.Context(), d); got != want {
			t.Errorf("looked up: %+v, want %+v", got, want)
		}
		time.Sleep(keepSeen)
		if got := c.Known(d); got.STARTTLS != Unknown || got.RequireTLS != Unknown {
			t.Errorf("a month later: %+v", got)
		}
	})
}

// What was found is kept for a time, and errors for a shorter one; a policy as long as it says, also when the domain
// seems to have lost it.
func TestKeeping(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &dns.MemResolver{
			MX:  map[string][]net.MX{"example.org": {{Host: "mx.example.org."}}},
			TXT: map[string][]string{"_mta-sts.example.org": {"v=STSv1; id=1;"}},
		}
		p := &policies{byName: map[string]mtasts.Policy{}}
		c := newChecker(t, r, p, nil)
		d := domain(t, "example.org")
		check := func(when string, want Result, lookups, fetches int) {
			t.Helper()
			if got := c.Lookup(t.Context(), d); got.MTASTS != want {
				t.Errorf("%s: %s, want %s", when, got.MTASTS, want)
			}
			if got := r.Calls("mx example.org"); got != lookups {
				t.Errorf("%s: %d lookups, want %d", when, got, lookups)
			}
			if got := p.count(); got != fetches {
				t.Errorf("%s: %d fetches, want %d", when, got, fetches)
			}
		}
		check("not served", Error, 1, 1)
		p.set("example.org", enforce(t, mtasts.ModeEnforce, 3*time.Hour, "mx.example.org"))
		time.Sleep(keepError - time.Second)
		check("too soon", Error, 1, 1)
		time.Sleep(time.Second)
		check("served", Yes, 2, 2)
		time.Sleep(keepFound - time.Second)
		check("kept", Yes, 2, 2)
		time.Sleep(time.Second)
		check("an hour later", Yes, 3, 2)
		r.Update(func(r *dns.MemResolver) { r.TXT = nil })
		time.Sleep(keepFound)
		check("record gone", Yes, 4, 2)
		time.Sleep(keepFound)
		check("policy over", No, 5, 2)
		r.Update(func(r *dns.MemResolver) {
			r.TXT = map[string][]string{"_mta-sts.example.org": {"v=STSv1; id=2;"}}
		})
		time.Sleep(keepFound)
		check("again", Yes, 6, 3)
		p.set("example.org", enforce(t, mtasts.ModeTesting, time.Hour, "mx.example.org"))
		r.Update(func(r *dns.MemResolver) {
			r.TXT = map[string][]string{"_mta-sts.example.org": {"v=STSv1; id=3;"}}
		})
		time.Sleep(keepFound)
		check("another policy", No, 7, 4)
	})
}

// However many ask, a domain is looked up once, few domains at a time, and who does not wait gets what is known.
func TestLookupsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		running, most := 0, 0
		r := &dns.MemResolver{Before: func(ctx context.Context, typ, name string) error {
			if typ != "mx" {
				return nil
			}
			mu.Lock()
			running++
			most = max(most, running)
			mu.Unlock()
			defer func() {
				mu.Lock()
				running--
				mu.Unlock()
			}()
			select {
			case <-time.After(time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}}
		looked := 0
		c := newChecker(t, r, &policies{}, func(o *Options) {
			o.MaxConcurrent = 3
			o.MaxDomains = 5
			o.Looked = func(s Security, took time.Duration) {
				mu.Lock()
				defer mu.Unlock()
				if looked++; took != time.Second || s.DNSSEC != No {
					t.Errorf("looked up in %s: %+v", took, s)
				}
			}
		})
		begin := time.Now()
		var asking sync.WaitGroup
		for i := range 60 {
			d := domain(t, fmt.Sprintf("d%d.example", i%6))
			asking.Go(func() {
				if got := c.Lookup(t.Context(), d); got.DNSSEC != No {
					t.Errorf("%s: %+v", d, got)
				}
			})
		}
		asking.Wait()
		if took := time.Since(begin); took != 2*time.Second || most != 3 || looked != 6 {
			t.Errorf("%s for %d lookups, %d at a time", took, looked, most)
		}
		if n := len(c.entries); n != 5 || c.used.Len() != n {
			t.Errorf("%d domains kept, %d in the list", n, c.used.Len())
		}

		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		d := domain(t, "slow.example")
		if got := c.Lookup(ctx, d); got != (Security{}) {
			t.Errorf("before there was an answer: %+v", got)
		}
		time.Sleep(time.Second)
		if got := c.Known(d); got.DNSSEC != No {
			t.Errorf("after there was an answer: %+v", got)
		}

		// A lookup that has not begun is not made if nobody waits for it any more.
		looked = 0
		for i := range 3 {
			asking.Go(func() { c.Lookup(t.Context(), domain(t, fmt.Sprintf("busy%d.example", i))) })
		}
		synctest.Wait()
		given := domain(t, "given-up.example")
		patient, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		asking.Go(func() { c.Lookup(patient, given) })
		hasty, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if got := c.Lookup(hasty, given); got != (Security{}) {
			t.Errorf("while others are looked up: %+v", got)
		}
		asking.Wait()
		synctest.Wait()
		if got := c.Known(given); got != (Security{}) || looked != 3 {
			t.Errorf("%d lookups, the one given up %+v", looked, got)
		}
		if got := c.Lookup(t.Context(), given); got.DNSSEC != No {
			t.Errorf("asked for again: %+v", got)
		}
	})
}

func TestTimeoutAndClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &dns.MemResolver{Before: func(ctx context.Context, typ, name string) error {
			<-ctx.Done()
			return ctx.Err()
		}}
		c := newChecker(t, r, &policies{}, nil)
		d := domain(t, "example.org")
		begin := time.Now()
		want := Security{DNSSEC: Error, MTASTS: Error, DANE: Error}
		if got := c.Lookup(t.Context(), d); got != want || time.Since(begin) != 20*time.Second {
			t.Errorf("after %s: %+v", time.Since(begin), got)
		}
		other := domain(t, "other.example")
		got := make(chan Security)
		go func() { got <- c.Lookup(t.Context(), other) }()
		synctest.Wait()
		c.Close()
		if s := <-got; s != want || time.Since(begin) != 20*time.Second {
			t.Errorf("at the end after %s: %+v", time.Since(begin), s)
		}
		if s := c.Lookup(t.Context(), domain(t, "third.example")); s != (Security{}) {
			t.Errorf("after the end: %+v", s)
		}
		if s := c.Lookup(t.Context(), d); s != want {
			t.Errorf("known, after the end: %+v", s)
		}
	})
}

func TestNewNeedsResolver(t *testing.T) {
	t.Parallel()
	if _, err := New(Options{}); err == nil {
		t.Error("no error without a resolver")
	}
}

// A policy that the default way cannot fetch is an error like others.
func TestDefaultFetch(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	r := &dns.MemResolver{
		A:   map[string][]string{"mta-sts.example.org.": {"192.0.2.1"}},
		TXT: map[string][]string{"_mta-sts.example.org": {"v=STSv1; id=1;"}},
	}
	dialed := false
	c := newChecker(t, r, &policies{}, func(o *Options) {
		o.FetchPolicy = nil
		o.DialContext = func(context.Context, string, string) (net.Conn, error) {
			dialed = true
			return nil, refused
		}
		o.Guard.Allow = nil
	})
	if got := c.Lookup(t.Context(), domain(t, "example.org")); got.MTASTS != Error {
		t.Errorf("%+v, dialed %v", got, dialed)
	}
}
