package admin

import (
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"mox/config"
	"mox/dkim"
	"mox/dns"
	"mox/internal/atomicfile"
)

// DKIMKey is a key that mail of a domain is to be signed with.
type DKIMKey struct {
	Selector string
	RSA      bool   // Otherwise Ed25519.
	Sign     bool   // It is used now. Others are for later: their records are in DNS long before.
	File     string // Relative to the directory of the configuration.
}

// DKIMKeys returns the keys for a domain: two to sign with, of both types, and two to change to one day. Selectors
// begin with the year.
func DKIMKeys(domain dns.Domain, now time.Time) []DKIMKey {
	var l []DKIMKey
	for i := range 4 {
		k := DKIMKey{Selector: fmt.Sprintf("%d%c", now.UTC().Year(), 'a'+i), RSA: i%2 == 0, Sign: i < 2}
		typ := "ed25519"
		if k.RSA {
			typ = "rsa"
		}
		k.File = "dkim/" + k.Selector + "." + domain.ASCII + "." + typ + ".pem"
		l = append(l, k)
	}
	return l
}

// Generate returns the content of a file with a new key.
func (k DKIMKey) Generate() ([]byte, error) {
	var key crypto.Signer
	var err error
	if k.RSA {
		key, err = dkim.GenerateRSA(dkim.DefaultRSABits)
	} else {
		key, err = dkim.GenerateEd25519()
	}
	if err != nil {
		return nil, err
	}
	return dkim.MarshalPrivateKey(key)
}

// SignWith returns the configuration of a domain with keys. Subdomains is as in config.DynamicDKIM.
func SignWith(keys []DKIMKey, subdomains bool) *config.DynamicDKIM {
	d := &config.DynamicDKIM{Selectors: map[string]config.DynamicSelector{}, Subdomains: subdomains}
	for _, k := range keys {
		d.Selectors[k.Selector] = config.DynamicSelector{PrivateKeyFile: k.File}
		if k.Sign {
			d.Sign = append(d.Sign, k.Selector)
		}
	}
	return d
}

// writeDKIMKeys makes the files of keys that do not exist below the directory of the configuration.
func writeDKIMKeys(dir string, keys []DKIMKey) error {
	if err := os.Mkdir(filepath.Join(dir, "dkim"), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	for _, k := range keys {
		path := filepath.Join(dir, filepath.FromSlash(k.File))
		if _, err := os.Lstat(path); err == nil {
			continue // Of an earlier time: its record may be in DNS.
		}
		data, err := k.Generate()
		if err != nil {
			return err
		}
		if err := atomicfile.Create(path, data, 0o600); err != nil {
			return err
		}
	}
	return nil
}
