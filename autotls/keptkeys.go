package autotls

import (
	"crypto"
	"os"
	"path/filepath"

	"mox/dns"
)

// KeptKeys returns the public keys that a Manager has made for a host and keeps in its directory, at most one per type, by
// our order of types, for TLSA records. Those that are not made yet, or cannot be read, are left out.
func KeptKeys(dir string, host dns.Domain) []crypto.PublicKey {
	var l []crypto.PublicKey
	for _, t := range keyTypes {
		data, err := os.ReadFile(filepath.Join(dir, "hosts", host.ASCII, string(t)+".key.pem"))
		if err != nil {
			continue
		}
		if key, err := ParseKey(data); err == nil {
			l = append(l, key.Public())
		}
	}
	return l
}
