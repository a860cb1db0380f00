package autotls

import (
	"context"
	"crypto"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What is damaged is moved aside, told of, and made anew; all hosts are served. Only keys cannot be had again.
func TestDamagedFiles(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "mail.example.org", "www.example.org")
		w.start(time.Minute)
		w.stop()
		mail := filepath.Join(w.opts.Dir, "hosts", "mail.example.org")
		account := filepath.Join(w.opts.Dir, "accounts", "a")
		damage := func(paths ...string) {
			t.Helper()
			for _, path := range paths {
				if err := os.WriteFile(path, []byte("{damaged"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		// damaged checks which files were moved aside, of which others than www.example.org are the account's.
		damaged := func(host string, want ...string) {
			t.Helper()
			got := w.status(host).Damaged
			if len(got) != len(want) {
				t.Fatalf("damaged files of %s: %q, want %q", host, got, want)
			}
			for i, path := range got {
				data, err := os.ReadFile(path)
				if err != nil || string(data) != "{damaged" || !strings.HasPrefix(path, want[i]+".damaged-2000") || !strings.Contains(w.log.String(), path) {
					t.Errorf("damaged file %s of %s: %q, %v; want %s", path, host, data, err, want[i])
				}
			}
		}
		served := func() (mail, www crypto.PublicKey) {
			t.Helper()
			for _, s := range w.m.Status() {
				if s.State != StateValid || s.Failure != nil {
					t.Errorf("status %+v", s)
				}
			}
			return w.served("mail.example.org").Leaf.PublicKey, w.served("www.example.org").Leaf.PublicKey
		}
		mailKey, wwwKey := served()

		damage(filepath.Join(mail, "state.json"), filepath.Join(mail, "ecdsa-p256.crt.pem"), filepath.Join(account, "account.json"))
		w.start(time.Minute)
		w.stop()
		if key, _ := served(); !sameKey(key, mailKey) || len(w.ca.accounts) != 1 {
			t.Errorf("another key, or %d accounts: the key finds the old one", len(w.ca.accounts))
		}
		damaged("mail.example.org", filepath.Join(mail, "state.json"), filepath.Join(account, "account.json"))
		damaged("www.example.org", filepath.Join(account, "account.json"))

		// The key of a host, twice in the same second.
		key := filepath.Join(mail, "ecdsa-p256.key.pem")
		for range 2 {
			damage(key)
			w.start(0)
			w.stop()
		}
		w.start(time.Minute)
		w.stop()
		newKey, sameWWW := served()
		if sameKey(newKey, mailKey) || !sameKey(sameWWW, wwwKey) {
			t.Error("the damaged key is served, or one that is not has changed")
		}
		damaged("mail.example.org", key, key, filepath.Join(mail, "state.json"), filepath.Join(account, "account.json"))

		// The key of the account, which is needed when there is something to request.
		damage(filepath.Join(account, "account.key.pem"), filepath.Join(mail, "ecdsa-p256.crt.pem"))
		w.start(time.Minute)
		w.stop()
		if served(); len(w.ca.accounts) != 2 {
			t.Errorf("%d accounts, want another one", len(w.ca.accounts))
		}
		damaged("www.example.org", filepath.Join(account, "account.json"), filepath.Join(account, "account.key.pem"))

		// Who has looked into it removes it.
		for _, path := range w.status("mail.example.org").Damaged {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
		damaged("mail.example.org")
	})
}

// A host whose key can neither be read nor made does not keep others from being served. It is failing, until that is mended.
func TestUnreadableKey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "mail.example.org", "www.example.org")
		// Permissions do not bind root, a directory in the place of a file does.
		blocked := filepath.Join(w.opts.Dir, "hosts", "mail.example.org", "ecdsa-p256.key.pem")
		if err := os.MkdirAll(blocked, 0o700); err != nil {
			t.Fatal(err)
		}
		w.start(3 * time.Hour)
		defer func() { w.stop() }()
		w.served("www.example.org")
		if cert, err := w.m.GetCertificate(hello("mail.example.org")); cert != nil || err != nil {
			t.Errorf("a certificate without a key: %v, %v", cert, err)
		}
		s := w.status("mail.example.org")
		if s.State != StateFailing || s.Failure == nil || s.Failure.Kind != FailureLocal || !strings.Contains(s.Failure.Text, blocked) || s.Failures < 2 || len(w.m.Status()) != 2 {
			t.Errorf("status %+v", s)
		}
		if n := strings.Count(w.log.String(), "looked at again later"); n != 1 {
			t.Errorf("the log has it %d times in 3 hours", n)
		}
		// At once, when somebody asks.
		if err := os.Remove(blocked); err != nil {
			t.Fatal(err)
		}
		w.m.Retry()
		w.pass(time.Minute)
		w.served("mail.example.org")
		if s := w.status("mail.example.org"); s.State != StateValid || s.Failure != nil {
			t.Errorf("status %+v", s)
		}

		// One that has a certificate keeps it, when a key of another type cannot be made.
		blocked = filepath.Join(w.opts.Dir, "hosts", "mail.example.org", "rsa-2048.key.pem")
		if err := os.Mkdir(blocked, 0o700); err != nil {
			t.Fatal(err)
		}
		w.mu.Lock()
		w.hosts = hostsOf(t, "mail.example.org", "www.example.org")
		w.hosts[0].KeyTypes = []KeyType{ECDSAP256, RSA2048}
		w.mu.Unlock()
		w.m.Refresh()
		w.pass(time.Minute)
		w.served("mail.example.org")
		if s := w.status("mail.example.org"); s.State != StateValid || s.Failure == nil || len(w.m.Status()) != 2 {
			t.Errorf("status %+v", s)
		}
	})
}

// Without a place to keep what comes of it, nothing is requested: CAs limit how often the
// same certificate is issued.
func TestNothingKeptNothingAsked(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "mail.example.org")
		key, err := GenerateKey(ECDSAP256)
		if err != nil {
			t.Fatal(err)
		}
		w.hosts[0].Keys = []crypto.Signer{key}
		// Permissions do not bind root, a file in the place of a directory does.
		if err := os.WriteFile(filepath.Join(w.opts.Dir, "hosts"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		w.opts.Log = slog.New(slog.DiscardHandler)
		m, err := New(w.opts)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), day)
		defer cancel()
		m.Run(ctx)
		if n := w.ca.count(""); n != 0 {
			t.Errorf("%d requests", n)
		}
	})
}
