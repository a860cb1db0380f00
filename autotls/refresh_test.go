package autotls

import (
	"crypto"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Hosts come and go while it runs.
func TestRefresh(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "mail.example.org")
		w.start(time.Minute)
		defer w.stop()
		if cert, err := w.m.GetCertificate(hello("www.example.org")); cert != nil || err != nil {
			t.Fatalf("a host that is not wanted has %v, %v", cert, err)
		}
		change := func(hosts ...string) {
			w.mu.Lock()
			w.hosts = hostsOf(t, hosts...)
			w.mu.Unlock()
			w.m.Refresh()
			w.pass(time.Second)
		}
		change("www.example.org", "www.example.org")
		key := w.served("www.example.org").Leaf.PublicKey
		if cert, _ := w.m.GetCertificate(hello("mail.example.org")); cert != nil {
			t.Error("a host that is gone is still served")
		}
		if l := w.m.Status(); len(l) != 1 {
			t.Errorf("status of %d hosts", len(l))
		}
		orders := w.ca.count("new-order")
		change()
		w.pass(80 * day)
		if n := w.ca.count("new-order") - orders; n != 0 {
			t.Error("certificates of hosts that are gone are renewed")
		}
		change("www.example.org", "mail.example.org")
		if !sameKey(w.served("www.example.org").Leaf.PublicKey, key) {
			t.Error("a host that comes back has another key")
		}
	})
}

// A host whose key could not be kept when it was added, as the disk was full, gets a certificate once that can be done.
func TestRefreshWithoutSpace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "mail.example.org")
		w.start(time.Minute)
		defer w.stop()
		// Permissions do not bind root, a file in the place of a directory does.
		blocked := filepath.Join(w.opts.Dir, "hosts", "www.example.org")
		if err := os.WriteFile(blocked, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		w.mu.Lock()
		w.hosts = hostsOf(t, "mail.example.org", "www.example.org")
		w.mu.Unlock()
		w.m.Refresh()
		w.pass(3 * time.Hour)
		w.served("mail.example.org")
		if n := strings.Count(w.log.String(), "looked at again later"); n < 1 || n > 6 {
			t.Errorf("the log has it %d times in 3 hours", n)
		}
		if err := os.Remove(blocked); err != nil {
			t.Fatal(err)
		}
		w.pass(2 * time.Hour)
		w.served("www.example.org")
	})
}

// A key that is given takes the place of ours, and ours comes back without it. Each needs a
// certificate of its own.
func TestGivenKeys(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "mail.example.org")
		w.start(time.Minute)
		defer w.stop()
		own := w.served("mail.example.org").Leaf.PublicKey
		given, err := GenerateKey(ECDSAP256)
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct {
			keys []crypto.Signer
			want crypto.PublicKey
		}{{[]crypto.Signer{given}, given.Public()}, {nil, own}, {nil, own}} {
			w.mu.Lock()
			w.hosts = []Host{{Name: domain(t, "mail.example.org"), Keys: step.keys}}
			w.mu.Unlock()
			w.m.Refresh()
			w.pass(time.Minute)
			if leaf := w.served("mail.example.org").Leaf; !sameKey(leaf.PublicKey, step.want) {
				t.Errorf("keys %v: certificate for another key", step.keys)
			}
		}
		if n := w.ca.count("finalize"); n != 3 {
			t.Errorf("%d certificates, want one for each change of the key", n)
		}
	})
}

// Another CA under the name of the old one is not told about its account, and its
// certificates replace those of the old one.
func TestChangedDirectory(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 2, "mail.example.org")
		w.opts.CAs = w.opts.CAs[:1]
		w.start(time.Minute)
		w.stop()
		w.opts.CAs[0].DirectoryURL = w.cas[1].url + "/dir"
		w.start(time.Minute)
		defer w.stop()
		if n := w.cas[1].count("finalize"); n != 1 {
			t.Errorf("%d certificates of the new CA", n)
		}
		for thumbprint := range w.cas[0].accounts {
			if w.cas[1].accounts[thumbprint] {
				t.Error("both CAs know the same key")
			}
		}
	})
}
