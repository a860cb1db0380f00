package autotls

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAccountURL(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := CA{Name: "a", DirectoryURL: "https://ca.example/directory"}
	if url, err := AccountURL(dir, c); url != "" || err != nil {
		t.Errorf("without an account: %q, %v", url, err)
	}
	path := filepath.Join(dir, "accounts", "a")
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := writeJSON(filepath.Join(path, "account.json"), accountState{DirectoryURL: c.DirectoryURL, AccountURL: "https://ca.example/acct/1"}); err != nil {
		t.Fatal(err)
	}
	if url, err := AccountURL(dir, c); url != "https://ca.example/acct/1" || err != nil {
		t.Errorf("%q, %v", url, err)
	}
	c.DirectoryURL = "https://other.example/directory"
	if url, err := AccountURL(dir, c); url != "" || err != nil {
		t.Errorf("of another CA: %q, %v", url, err)
	}
	if err := os.WriteFile(filepath.Join(path, "account.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if url, err := AccountURL(dir, c); url != "" || err == nil {
		t.Errorf("damaged: %q, %v", url, err)
	}
}
