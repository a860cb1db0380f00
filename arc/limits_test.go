package arc_test

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"mox/arc"
	"mox/dkim"
	"mox/dns"
)

// RFC 8617 §5.2.1; RFC 6376 §6.1.2; RFC 8301 §3.2.
func TestKeys(t *testing.T) {
	t.Parallel()
	type change struct {
		name   string
		txt    []string // Nil: no record.
		fail   bool     // The lookup fails.
		err    error
		sealed bool // Of the seal; else of the message signature.
	}
	record := func(w *world, selector string) string { return w.resolver.TXT[selector+"._domainkey.hop2.example"][0] }
	for _, tt := range []change{
		{name: "no key", err: dkim.ErrNoKey},
		{name: "no key of seal", err: dkim.ErrNoKey, sealed: true},
		{name: "lookup fails", fail: true, err: dkim.ErrKeyUnavailable},
		{name: "lookup of seal fails", fail: true, err: dkim.ErrKeyUnavailable, sealed: true},
		{name: "broken", txt: []string{"v=DKIM1; k=ed25519; p=AAAA"}, err: dkim.ErrKeySyntax},
		{name: "revoked", txt: []string{"v=DKIM1; k=ed25519; p="}, err: dkim.ErrKeyRevoked},
		{name: "not for mail", txt: []string{"KEY; s=tlsrpt"}, err: dkim.ErrKeyService},
		{name: "not for SHA-256", txt: []string{"KEY; h=sha1"}, err: dkim.ErrKeyHash},
		{name: "another", txt: []string{"v=DKIM1; k=ed25519; p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}, err: dkim.ErrSignature},
		{name: "right after another", txt: []string{"v=DKIM1; k=ed25519; p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "KEY"}},
		{name: "being tested", txt: []string{"KEY; t=y"}},
	} {
		w := newWorld(t)
		m := w.chain(2)
		selector := "ams"
		if tt.sealed {
			selector = "as"
		}
		name := selector + "._domainkey.hop2.example"
		key := record(w, selector)
		w.resolver.Update(func(r *dns.MemResolver) {
			delete(r.TXT, name)
			for _, s := range tt.txt {
				r.TXT[name] = append(r.TXT[name], strings.Replace(s, "KEY", key, 1))
			}
			if tt.fail {
				r.Fail = []string{name}
			}
		})
		r := w.verify(m.String())
		if tt.err == nil {
			wantResult(t, tt.name, r, arc.StatusPass, nil)
		} else {
			wantResult(t, tt.name, r, arc.StatusFail, tt.err)
		}
		if r.Temporary() != tt.fail {
			t.Errorf("%s: temporary is %v", tt.name, r.Temporary())
		}
	}
}

func TestRSAKeySizes(t *testing.T) {
	t.Parallel()
	for bits, want := range map[uint]error{512: dkim.ErrKeyWeak, 16384: dkim.ErrKeyTooLarge} {
		w := newWorld(t)
		m := newMail()
		w.seal(m, hop{})
		m.sets[0][1] = strings.Replace(m.sets[0][1], "ed25519-", "rsa-", 1)
		n := new(big.Int).Lsh(big.NewInt(1), bits-1)
		r, err := dkim.NewRecord(&rsa.PublicKey{N: n.SetBit(n, 0, 1), E: 65537})
		if err != nil {
			t.Fatal(err)
		}
		w.resolver.TXT["ams._domainkey.hop1.example"] = []string{r.String()}
		wantResult(t, fmt.Sprint(bits), w.verify(m.String()), arc.StatusFail, want)
	}
	for _, tt := range []struct {
		bits   int
		limits dkim.KeyLimits
		err    error
	}{
		{1024, dkim.KeyLimits{}, nil},
		{2048, dkim.KeyLimits{}, nil},
		{1024, dkim.KeyLimits{MinRSABits: 2048}, dkim.ErrKeyWeak},
	} {
		w := newWorld(t)
		w.publish("ams", "hop1.example", rsaKey(t, tt.bits))
		w.publish("as", "hop1.example", rsaKey(t, tt.bits))
		m := newMail()
		toRSA := replace("ed25519-", "rsa-")
		w.seal(m, hop{ams: toRSA, as: toRSA})
		r := w.verifyWith(m.String(), arc.Options{Keys: tt.limits})
		if tt.err == nil {
			wantResult(t, fmt.Sprint(tt.bits), r, arc.StatusPass, nil)
		} else {
			wantResult(t, fmt.Sprint(tt.bits), r, arc.StatusFail, tt.err)
		}
	}
}

// Strangers cannot make us ask for many names: only a last set that passes causes lookups for
// others (RFC 8617 §9.2), and each name is asked for once.
func TestLookups(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	calls := func() (n int) {
		for name := range w.resolver.TXT {
			n += w.resolver.Calls(name)
		}
		return n
	}
	m := w.chain(50)
	m.body += "x\r\n"
	wantResult(t, "changed", w.verify(m.String()), arc.StatusFail, dkim.ErrBodyHash)
	if n := calls(); n > 2 {
		t.Errorf("%d lookups for a chain whose last set fails", n)
	}

	w = newWorld(t)
	m = newMail()
	for range 50 {
		w.seal(m, hop{domain: "hop.example"})
	}
	wantResult(t, "one domain", w.verify(m.String()), arc.StatusPass, nil)
	if n := calls(); n != 2 {
		t.Errorf("%d lookups of two names", n)
	}
}

// The context bounds what lookups take, and at most MaxLookups go on at a time.
func TestContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	msg := w.chain(20).String()
	synctest.Test(t, func(t *testing.T) {
		slots := make(chan struct{}, 3)
		w.resolver.Update(func(r *dns.MemResolver) {
			r.Before = func(ctx context.Context, typ, name string) error {
				select {
				case slots <- struct{}{}:
				default:
					t.Error("too many lookups at a time")
				}
				defer func() { <-slots }()
				select {
				case <-time.After(time.Second):
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		})
		start := time.Now()
		r, err := arc.Verify(context.Background(), w.resolver, strings.NewReader(msg), arc.Options{MaxLookups: 3, Now: clock})
		if took := time.Since(start); r.Status != arc.StatusPass || err != nil || took > 15*time.Second {
			t.Errorf("got %s, %v, %v in %v", r.Status, r.Err, err, took)
		}

		ctx, cancel := context.WithTimeout(context.Background(), 1500*time.Millisecond)
		defer cancel()
		r, err = arc.Verify(ctx, w.resolver, strings.NewReader(msg), arc.Options{MaxLookups: 3, Now: clock})
		if r.Status != arc.StatusFail || !r.Temporary() || err != nil {
			t.Errorf("got %s, %v, %v", r.Status, r.Err, err)
		}
		if took := time.Since(start); took > 17*time.Second {
			t.Errorf("took %v", took)
		}

		// A message that is broken off leaves nothing behind, or the bubble would not end.
		v := arc.NewVerifier(context.Background(), w.resolver, arc.Options{MaxLookups: 3})
		v.Write([]byte(msg))
		v.Close()
	})
}

func TestVerifyReadError(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	want := errors.New("broken disk")
	if r, err := arc.Verify(context.Background(), w.resolver, iotest.ErrReader(want), arc.Options{}); !errors.Is(err, want) {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestHeaderTooLarge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.chain(1)
	m.header += "X: " + strings.Repeat("x", 5000) + "\r\n"
	wantResult(t, "chain", w.verifyWith(m.String(), arc.Options{MaxHeader: 4000}), arc.StatusFail, dkim.ErrHeaderTooLarge)
	m.sets = nil
	wantResult(t, "no chain", w.verifyWith(m.String(), arc.Options{MaxHeader: 4000}), arc.StatusNone, nil)
}

// The work for the oldest signatures of a long chain on a large header is bounded.
func TestLargeHeaderInLongChain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := newMail()
	m.header = strings.Replace(m.header, "hello", strings.Repeat("hello\r\n ", 100_000), 1)
	for range 20 {
		w.seal(m, hop{})
	}
	r := w.verify(m.String())
	wantResult(t, "20 sets", r, arc.StatusPass, nil)
	if r.OldestPass < 5 || !errors.Is(r.Sets[r.OldestPass-2].MessageErr, arc.ErrNotChecked) || r.Sets[r.OldestPass-1].MessageErr != nil {
		t.Errorf("oldest-pass %d", r.OldestPass)
	}
	for _, s := range r.Sets {
		if s.SealErr != nil {
			t.Error(s.SealErr)
		}
	}
}

func TestManyFields(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.chain(2)
	m.header += strings.Repeat(m.sets[0][2], 3000)
	wantResult(t, "a seal 3,000 times", w.verify(m.String()), arc.StatusFail, arc.ErrStructure)
	m.header += strings.Repeat("X:\r\n", 30000)
	wantResult(t, "30,000 fields", w.verify(m.String()), arc.StatusFail, dkim.ErrHeader)
}
