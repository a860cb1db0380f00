package autotls

import (
	"crypto/x509"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"
)

// RFC 9773 §4.1, with the example of its appendix; and serial numbers at the borders of bytes.
func TestCertificateID(t *testing.T) {
	t.Parallel()
	issuer := []byte{0x69, 0x88, 0x5b, 0x6b, 0x87, 0x46, 0x40, 0x41, 0xe1, 0xb3, 0x7b, 0x84, 0x7b, 0xa0, 0xae, 0x2c, 0xde, 0x01, 0xc8, 0xd4}
	for _, tc := range []struct {
		issuer []byte
		serial *big.Int
		want   string
	}{
		{issuer, big.NewInt(0x87654321), "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"},
		{issuer, big.NewInt(0x7f), "aYhba4dGQEHhs3uEe6CuLN4ByNQ.fw"},
		{issuer, big.NewInt(0x80), "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIA"},
		{nil, big.NewInt(5), ""},
		{issuer, nil, ""},
		{issuer, new(big.Int), ""},
		{issuer, big.NewInt(-5), ""},
	} {
		if got := certificateID(&x509.Certificate{AuthorityKeyId: tc.issuer, SerialNumber: tc.serial}); got != tc.want {
			t.Errorf("%x, %v: %q, want %q", tc.issuer, tc.serial, got, tc.want)
		}
	}
}

// window is an answer with a window of a day.
func window(begin time.Time) string {
	return fmt.Sprintf(`{"suggestedWindow": {"start": %q, "end": %q}, "explanationURL": "https://ca.example/why"}`, begin.Format(time.RFC3339), begin.Add(day).Format(time.RFC3339))
}

// A CA that will revoke certificates has them renewed before, once, with the same key.
func TestRenewedWhenCASuggests(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "mail.example.org")
		begin := time.Now()
		w.ca.renewal = func(string) (int, string) { return 200, window(begin.Add(60 * day)) }
		w.start(20 * day)
		defer func() { w.stop() }()
		first := w.served("mail.example.org").Leaf
		if n := w.ca.count("new-order"); n != 1 {
			t.Fatalf("%d orders", n)
		}
		// As often as it says, and not more often after restarts.
		asked := w.ca.count("renewal-info")
		if asked < 20*24/4 || asked > 20*24/3 {
			t.Errorf("asked %d times in 20 days", asked)
		}
		for range 20 {
			w.stop()
			w.start(time.Second)
		}
		if n := w.ca.count("renewal-info") - asked; n > 1 {
			t.Errorf("asked %d times by 20 restarts", n)
		}
		// The new certificate is not concerned.
		bad := certificateID(first)
		w.ca.set(func() {
			w.ca.renewal = func(id string) (int, string) {
				if id == bad {
					return 200, window(begin.Add(22 * day))
				}
				return 404, "{}"
			}
		})
		w.pass(day)
		if n := w.ca.count("new-order"); n != 1 {
			t.Errorf("renewed before the window, %d orders", n)
		}
		w.pass(2 * day)
		leaf := w.served("mail.example.org").Leaf
		if n := w.ca.count("new-order"); n != 2 || leaf.Equal(first) {
			t.Errorf("not renewed in the window, %d orders", n)
		}
		if !sameKey(leaf.PublicKey, first.PublicKey) {
			t.Error("the key has changed")
		}
		if !strings.Contains(w.log.String(), "https://ca.example/why") {
			t.Error("the log does not tell why")
		}
		w.pass(50 * day)
		if n := w.ca.count("new-order"); n != 2 {
			t.Errorf("%d orders in the end", n)
		}
	})
}

// Whatever a CA says, or does not, certificates are renewed in time, and not all the time.
func TestSuggestionsWithoutReason(t *testing.T) {
	for _, tc := range []struct {
		name           string
		status         int
		body           string
		least, highest int // Orders in 85 days.
	}{
		{"always now", 200, window(time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)), 10, 30},
		{"never", 200, window(time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)), 2, 2},
		{"no window", 200, "{}", 2, 2},
		{"window that ends before it begins", 200, `{"suggestedWindow": {"start": "2000-01-05T00:00:00Z", "end": "2000-01-04T00:00:00Z"}}`, 2, 2},
		{"no time", 200, `{"suggestedWindow": {"start": "soon", "end": "later"}}`, 2, 2},
		{"no JSON", 200, "<html>", 2, 2},
		{"too much", 200, strings.Repeat(" ", 1<<20) + window(time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)), 2, 2},
		{"refusal with a window", 403, window(time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)), 2, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t, 90*day, 1, "mail.example.org")
				w.ca.renewal = func(string) (int, string) { return tc.status, tc.body }
				w.start(85 * day)
				defer w.stop()
				if n := w.ca.count("new-order"); n < tc.least || n > tc.highest {
					t.Errorf("%d orders in 85 days", n)
				}
				if s := w.status("mail.example.org"); s.State != StateValid || s.Failure != nil {
					t.Errorf("status %+v", s)
				}
				if n := w.ca.count("renewal-info"); n > 85*8+30 {
					t.Errorf("asked %d times", n)
				}
			})
		})
	}
}
