package autotls

import (
	"os"
	"path/filepath"
	"testing"
)

// The keys that are told are those that a manager serves with, and none is made by asking.
func TestKeptKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	host := domain(t, "mail.example.org")
	if l := KeptKeys(dir, host); len(l) != 0 {
		t.Errorf("keys of nobody: %v", l)
	}
	if l, err := os.ReadDir(dir); err != nil || len(l) != 0 {
		t.Errorf("directory has %v, %v", l, err)
	}
	m, err := New(Options{
		Dir: dir, CAs: []CA{{Name: "a", DirectoryURL: "https://ca.example/dir"}},
		Hosts: func() []Host { return []Host{{Name: host, KeyTypes: []KeyType{RSA2048, ECDSAP256}}} },
	})
	if err != nil {
		t.Fatal(err)
	}
	got, want := KeptKeys(dir, host), m.PublicKeys(host)
	if len(got) != 2 || len(want) != 2 || !sameKey(got[0], want[0]) || !sameKey(got[1], want[1]) {
		t.Errorf("%v, want %v", got, want)
	}
	if err := os.WriteFile(filepath.Join(dir, "hosts", "mail.example.org", "ecdsa-p256.key.pem"), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := KeptKeys(dir, host); len(got) != 1 || !sameKey(got[0], want[1]) {
		t.Errorf("beside a damaged one: %v", got)
	}
}
