package store

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// cheapArgon2id keeps tests fast.
var cheapArgon2id = argon2idParams{Memory: 64, Time: 1, Threads: 1}

// cheapPasswords returns a checker that does little work.
func cheapPasswords(workers int) *passwords {
	p := newPasswords(workers, rand.Reader, time.Now)
	p.setParams(cheapArgon2id)
	p.rounds = 10
	return p
}

func mustDerive(t *testing.T, p *passwords, password string) credentialsRow {
	t.Helper()
	row, err := p.derive(password, extraVerifiers{})
	if err != nil {
		t.Fatal(err)
	}
	return row
}

func TestArgon2idDefaultsAreStrong(t *testing.T) {
	t.Parallel()
	// OWASP's least: 19 MiB with 2 passes.
	if defaultArgon2id.Memory < 19<<10 || defaultArgon2id.Time < 2 {
		t.Errorf("parameters %+v are too weak", defaultArgon2id)
	}
	if scramRounds != 65_536 {
		t.Errorf("%d SCRAM rounds, want as many as Cyrus SASL takes, which refuses more", scramRounds)
	}
	v := newArgon2id(defaultArgon2id, "secret", []byte("0123456789abcdef"))
	if s := v.String(); !strings.HasPrefix(s, "$argon2id$v=19$m=32768,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$") {
		t.Errorf("verifier %q", s)
	}
	if !v.matches("secret") || v.matches("Secret") {
		t.Error("verifier does not tell right from wrong")
	}
}

func TestParseArgon2id(t *testing.T) {
	t.Parallel()
	good := newArgon2id(cheapArgon2id, "x", []byte("saltsaltsaltsalt")).String()
	if v, err := parseArgon2id(good); err != nil || !v.matches("x") || v.matches("y") {
		t.Fatalf("parsing %q: %v", good, err)
	}
	// Computed by the reference implementation: echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1
	known := "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if v, err := parseArgon2id(known); err != nil || !v.matches("password") {
		t.Errorf("known verifier: %v", err)
	}
	for _, s := range []string{
		"",
		"$",
		"$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
		strings.Replace(good, "argon2id", "argon2i", 1),
		strings.Replace(good, "v=19", "v=16", 1),
		strings.Replace(good, "m=64", "m=4294967295", 1),
		strings.Replace(good, "m=64", "m=7", 1),
		strings.Replace(good, "m=64", "m=064", 1),
		strings.Replace(good, "t=1", "t=0", 1),
		strings.Replace(good, "t=1", "t=100000", 1),
		strings.Replace(good, "p=1", "p=0", 1),
		strings.Replace(good, "p=1", "p=256", 1),
		good + "$",
		good + "=",
		good[:len(good)-30],
		" " + good,
	} {
		if _, err := parseArgon2id(s); err == nil {
			t.Errorf("%q accepted", s)
		}
	}
}

func TestPreparePassword(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in, want string
		ok       bool
	}{
		{"moxmoxmox", "moxmoxmox", true},
		{" Two  Spaces ", " Two  Spaces ", true},
		{"e\u0301t\u00e9", "\u00e9t\u00e9", true},          // RFC 8265 §4.2.2, NFC.
		{"a\u00a0b", "a b", true},                          // Non-ASCII space.
		{"\u03c0\u00df\u00e5", "\u03c0\u00df\u00e5", true}, // RFC 8265 §4.3, no case mapping.
		{"\uff21", "\uff21", true},                         // No width mapping.
		{"tab\there", "tab\there", true},                   // Refused by the profile: its bytes.
		{"e\u0301\x01", "e\u0301\x01", true},               // Likewise, without normalising.
		{"bytes\xff", "bytes\xff", true},                   // Not UTF-8: its bytes.
		{strings.Repeat("x", 4096), strings.Repeat("x", 4096), true},
		{"", "", false},
		{strings.Repeat("x", 4097), "", false},
	} {
		if got, ok := preparePassword(tc.in); got != tc.want || ok != tc.ok {
			t.Errorf("%.20q: got %.20q, %v, want %.20q, %v", tc.in, got, ok, tc.want, tc.ok)
		}
	}
}

// Whether the account is unknown, has no password, or the password is wrong: the answer and the
// number of hashes computed are the same.
func TestVerifyCostsTheSame(t *testing.T) {
	t.Parallel()
	p := cheapPasswords(1)
	known := mustDerive(t, p, "right")
	for _, tc := range []struct {
		name     string
		c        credentialsRow
		password string
		want     error
	}{
		{"right", known, "right", nil},
		{"wrong", known, "wrong", ErrCredentials},
		{"unknown account", credentialsRow{}, "right", ErrCredentials},
	} {
		before := p.hashes.Load()
		better, err := p.verify(context.Background(), tc.c, tc.password)
		if !errors.Is(err, tc.want) || better != nil {
			t.Errorf("%s: got %v, %v, want %v", tc.name, better, err, tc.want)
		}
		if n := p.hashes.Load() - before; n != 1 {
			t.Errorf("%s: computed %d hashes, want 1", tc.name, n)
		}
	}
	if p.dummy.params != p.params {
		t.Errorf("an unknown account costs %+v, a known one %+v", p.dummy.params, p.params)
	}
	known.Argon2id = "damaged"
	if _, err := p.verify(context.Background(), known, "right"); !errors.Is(err, errVerifier) {
		t.Errorf("damaged verifier: %v", err)
	}
}

func TestVerifyReplacesOutdatedVerifiers(t *testing.T) {
	t.Parallel()
	p := cheapPasswords(1)
	old := mustDerive(t, p, "right")
	noSCRAM := old
	noSCRAM.SCRAMSHA256 = ""
	if better, err := p.verify(context.Background(), old, "right"); better != nil || err != nil {
		t.Errorf("verifier that is not outdated: %v, %v", better, err)
	}
	check := func(name string, c credentialsRow) {
		t.Helper()
		better, err := p.verify(context.Background(), c, "right")
		if err != nil || better == nil {
			t.Fatalf("%s: %v, %v, want new verifiers", name, better, err)
		}
		if again, err := p.verify(context.Background(), *better, "right"); again != nil || err != nil {
			t.Errorf("%s: new verifiers: %v, %v", name, again, err)
		}
		if better, err := p.verify(context.Background(), c, "wrong"); better != nil || !errors.Is(err, ErrCredentials) {
			t.Errorf("%s: wrong password: %v, %v", name, better, err)
		}
	}
	check("without SCRAM", noSCRAM)
	p.rounds++
	check("fewer rounds", old)
	p.rounds--
	p.setParams(argon2idParams{Memory: 64, Time: 2, Threads: 1})
	check("fewer passes", old)
	p.setParams(argon2idParams{Memory: 128, Time: 1, Threads: 1})
	check("less memory", old)
}

func TestHashPoolBounds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newHashPool(2, 3)
		release := make(chan struct{})
		var mu sync.Mutex
		running, most, done := 0, 0, 0
		ctx, cancel := context.WithCancel(context.Background())
		errs := make(chan error, 5)
		for range 5 {
			go func() {
				errs <- p.do(ctx, func() {
					mu.Lock()
					running++
					most = max(most, running)
					mu.Unlock()
					<-release
					mu.Lock()
					running--
					done++
					mu.Unlock()
				})
			}()
		}
		synctest.Wait()
		// Two run, three wait: one more is refused at once.
		if err := p.do(context.Background(), func() { t.Error("ran beyond the queue") }); err != ErrBusy {
			t.Errorf("got %v, want ErrBusy", err)
		}
		release <- struct{}{} // One of the waiting begins.
		synctest.Wait()
		cancel() // The other two give up.
		synctest.Wait()
		close(release)
		canceled := 0
		for range 5 {
			if err := <-errs; errors.Is(err, context.Canceled) {
				canceled++
			} else if err != nil {
				t.Error(err)
			}
		}
		if most != 2 || done != 3 || canceled != 2 {
			t.Errorf("at most %d ran at a time, %d finished, %d gave up; want 2, 3, 2", most, done, canceled)
		}
		if err := p.do(context.Background(), func() {}); err != nil {
			t.Errorf("after all: %v", err)
		}
	})
}

func TestCredentialCache(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c := newCredentialCache(func() time.Time { return now })
	verified := func(k credentialKey, a AccountID) bool { _, ok, _ := c.verified(k, a); return ok }

	k := c.key("mjl", "secret")
	if verified(k, 1) {
		t.Error("empty cache knows credentials")
	}
	_, _, gen := c.verified(k, 1)
	c.add(k, 1, 1, gen)
	c.add(c.key("other", "secret"), 2, 1, gen)
	if !verified(c.key("mjl", "secret"), 1) {
		t.Error("added credentials are not known")
	}
	for _, tc := range []struct {
		name, password string
		account        AccountID
	}{
		{"mjl", "Secret", 1}, {"mjl", "secret", 2}, {"mjlsecret", "", 1}, {"mjls", "ecret", 1}, {"other", "secret", 1},
	} {
		if verified(c.key(tc.name, tc.password), tc.account) {
			t.Errorf("%+v is known", tc)
		}
	}

	// A change of the password ends the account's entries, also those whose check is under way.
	_, _, gen = c.verified(k, 1)
	c.forget(1)
	c.add(k, 1, 1, gen)
	if verified(k, 1) {
		t.Error("credentials outlive a password change")
	}
	if !verified(c.key("other", "secret"), 2) {
		t.Error("a password change ends another account's entries")
	}

	now = now.Add(credentialCacheTTL)
	if verified(c.key("other", "secret"), 2) {
		t.Error("credentials do not expire")
	}

	for i := range credentialCacheSize + 10 {
		_, _, gen := c.verified(k, 1)
		now = now.Add(time.Microsecond)
		c.add(c.key(strings.Repeat("x", i), ""), 1, 1, gen)
	}
	if n := len(c.entries); n > credentialCacheSize {
		t.Errorf("cache has %d entries, limit %d", n, credentialCacheSize)
	}
	if !verified(c.key(strings.Repeat("x", credentialCacheSize+9), ""), 1) || verified(c.key("x", ""), 1) {
		t.Error("not the oldest entries made room")
	}

	other := newCredentialCache(func() time.Time { return now })
	if other.key("mjl", "secret") == k {
		t.Error("two processes have the same keys")
	}
}
