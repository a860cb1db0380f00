package autotls

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// testKey makes a key by the name of its kind.
func testKey(t *testing.T, kind string) crypto.Signer {
	t.Helper()
	var key crypto.Signer
	var err error
	switch kind {
	case "p256":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "p224":
		key, err = ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	case "rsa1024":
		t.Setenv("GODEBUG", "rsa1024min=0")
		key, err = rsa.GenerateKey(rand.Reader, 1024)
	case "rsa2048":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case "ed25519":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestParseKey(t *testing.T) {
	t.Parallel()
	encode := func(kind string, der []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	}
	pkcs8 := func(kind string) []byte {
		der, err := x509.MarshalPKCS8PrivateKey(testKey(t, kind))
		return encode("PRIVATE KEY", der, err)
	}
	ec := testKey(t, "p256").(*ecdsa.PrivateKey)
	sec1, err := x509.MarshalECPrivateKey(ec)
	for _, tc := range []struct {
		name string
		pem  []byte
		want KeyType
	}{
		{"ecdsa", pkcs8("p256"), ECDSAP256},
		{"rsa", pkcs8("rsa2048"), RSA2048},
		{"sec 1", encode("EC PRIVATE KEY", sec1, err), ECDSAP256},
		{"pkcs 1", encode("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(testKey(t, "rsa2048").(*rsa.PrivateKey)), nil), RSA2048},
		{"other curve", pkcs8("p224"), ""},
		{"ed25519", pkcs8("ed25519"), ""},
		{"certificate", encode("CERTIFICATE", []byte("x"), nil), ""},
		{"garbage", encode("PRIVATE KEY", []byte("x"), nil), ""},
		{"no pem", []byte("x"), ""},
		{"empty", nil, ""},
	} {
		key, err := ParseKey(tc.pem)
		if (err == nil) != (tc.want != "") {
			t.Errorf("%s: error %v", tc.name, err)
			continue
		}
		if err != nil {
			continue
		}
		if got, err := TypeOf(key.Public()); err != nil || got != tc.want {
			t.Errorf("%s: type %q, %v", tc.name, got, err)
		}
		again, err := MarshalKey(key)
		if err != nil {
			t.Fatal(err)
		}
		if k, err := ParseKey(again); err != nil || !sameKey(k.Public(), key.Public()) {
			t.Errorf("%s: written and read: %v", tc.name, err)
		}
	}
	if _, err := GenerateKey("dsa"); !errors.Is(err, ErrKeyType) {
		t.Errorf("making an unknown key: %v", err)
	}
}

func TestKeyIsMadeOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sub", "key.pem")
	a, _, err := loadKey(path, ECDSAP256)
	if err != nil {
		t.Fatal(err)
	}
	b, damaged, err := loadKey(path, ECDSAP256)
	if damaged != nil || err != nil || !sameKey(a.Public(), b.Public()) {
		t.Errorf("another key: %v", err)
	}
}

// RFC 7671 §5.1: DANE-EE(3) SPKI(1) SHA2-256(1). OpenSSL computes the same digest.
func TestTLSA(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"p256", "rsa2048"} {
		key := testKey(t, kind)
		record, err := TLSA(key.Public())
		if err != nil {
			t.Fatal(err)
		}
		data, err := MarshalKey(key)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("sh", "-c", "openssl pkey -pubout -outform der | openssl dgst -sha256 -r")
		cmd.Stdin = bytes.NewReader(data)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		want, _, _ := strings.Cut(string(out), " ")
		if got := hex.EncodeToString(record.CertAssoc); got != want || record.Usage != 3 || record.Selector != 1 || record.MatchType != 1 {
			t.Errorf("%s: %+v, want digest %s", kind, record, want)
		}
	}
	if _, err := TLSA("no key"); err == nil {
		t.Error("a record for something that is no key")
	}
}
