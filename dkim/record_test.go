package dkim

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// TestParseRecord is RFC 6376 §3.6.1 and RFC 8463 §4.2.
func TestParseRecord(t *testing.T) {
	t.Parallel()
	ed := "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
	rsaKey := rfc6376Key[strings.Index(rfc6376Key, "p="):]
	pub := testKey(t, "rsa2048").Public().(*rsa.PublicKey)
	pkcs1 := "p=" + base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(pub))
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ecDER, err := x509.MarshalPKIXPublicKey(ecKey.Public())
	if err != nil {
		t.Fatal(err)
	}
	ec := "p=" + base64.StdEncoding.EncodeToString(ecDER)
	for _, tc := range []struct {
		what, txt string
		ok        bool
	}{
		{"RFC 6376 §C", rfc6376Key, true},
		{"RFC 8463 §A.2", rfc8463Ed25519Key, true},
		{"RFC 8463 §A.2", rfc8463RSAKey, true},
		{"RFC 6376 §3.6.1 v= is optional", rsaKey, true},
		{"RFC 6376 §3.6.1 v= first", "k=rsa; v=DKIM1; " + rsaKey, false},
		{"RFC 6376 §3.6.1 v=", "v=DKIM2; " + rsaKey, false},
		{"RFC 6376 §3.6.1 v=", "v=DKIM1.0; " + rsaKey, false},
		{"RFC 6376 §3.6.1 v= has case", "v=dkim1; " + rsaKey, false},
		{"RFC 6376 §3.6.1 v=", "v=; " + rsaKey, false},
		{"RFC 6376 §3.6.1 white space", " v = DKIM1 ;\tk\t= rsa ; " + rsaKey + " ; ", true},
		{"RFC 6376 §3.6.1 duplicates", "v=DKIM1; k=rsa; k=rsa; " + rsaKey, false},
		{"RFC 6376 §3.6.1 duplicates", "v=DKIM1; p=; " + rsaKey, false},
		{"RFC 6376 §3.6.1 p= is required", "v=DKIM1; k=rsa", false},
		{"RFC 6376 §3.6.1 p= revoked", "v=DKIM1; p=", true},
		{"RFC 6376 §3.6.1 p= RSAPublicKey", "v=DKIM1; " + pkcs1, true},
		{"RFC 6376 §3.6.1 p= split", "v=DKIM1; " + strings.ReplaceAll(rsaKey, "A", "A "), true},
		{"RFC 6376 §3.6.1 p= without padding", "v=DKIM1; k=ed25519; " + strings.TrimSuffix(ed, "="), true},
		{"RFC 6376 §3.6.1 p= garbage", "v=DKIM1; p=!!!!", false},
		{"RFC 6376 §3.6.1 p= no key", "v=DKIM1; p=YWJj", false},
		{"RFC 6376 §3.6.1 p= cut off", "v=DKIM1; " + rsaKey[:len(rsaKey)-40], false},
		{"RFC 6376 §3.6.1 p= other key", "v=DKIM1; " + ec, false},
		{"RFC 6376 §3.6.1 p= Ed25519 as RSA", "v=DKIM1; " + ed, false},
		{"RFC 6376 §3.6.1 p= RSA as Ed25519", "v=DKIM1; k=ed25519; " + rsaKey, false},
		{"RFC 6376 §3.6.1 p= Ed25519 length", "v=DKIM1; k=ed25519; p=YWJj", false},
		{"RFC 6376 §3.6.1 k= unknown", "v=DKIM1; k=x-y; p=YWJj", true},
		{"RFC 6376 §3.6.1 k= has no case", "v=DKIM1; k=ED25519; " + ed, true},
		{"RFC 6376 §3.6.1 k=", "v=DKIM1; k=; " + rsaKey, false},
		{"RFC 6376 §3.6.1 k=", "v=DKIM1; k=rsa rsa; " + rsaKey, false},
		{"RFC 6376 §3.6.1 h=", "v=DKIM1; h=sha256 : foo-1; " + rsaKey, true},
		{"RFC 6376 §3.6.1 h=", "v=DKIM1; h=; " + rsaKey, false},
		{"RFC 6376 §3.6.1 h=", "v=DKIM1; h=sha256:; " + rsaKey, false},
		{"RFC 6376 §3.6.1 h=", "v=DKIM1; h=-; " + rsaKey, false},
		{"RFC 6376 §3.6.1 s=", "v=DKIM1; s=email:x; " + rsaKey, true},
		{"RFC 6376 §3.6.1 s=", "v=DKIM1; s=*; " + rsaKey, true},
		{"RFC 6376 §3.6.1 s=", "v=DKIM1; s=**; " + rsaKey, false},
		{"RFC 6376 §3.6.1 t=", "v=DKIM1; t=y : s:x1; " + rsaKey, true},
		{"RFC 6376 §3.6.1 t=", "v=DKIM1; t=; " + rsaKey, false},
		{"RFC 6376 §3.6.1 t=", "v=DKIM1; t=y s; " + rsaKey, false},
		{"RFC 6376 §3.6.1 n=", "v=DKIM1; n=hello=3B world; " + rsaKey, true},
		{"RFC 6376 §3.6.1 n=", "v=DKIM1; n=hello=; " + rsaKey, false},
		{"RFC 6376 §3.6.1 unknown tags", "v=DKIM1; g=*; x_1=; " + rsaKey, true},
		{"RFC 6376 §3.6.1 other records", "v=spf1 include:example.org -all", false},
		{"RFC 6376 §3.6.1 other records", "", false},
		{"RFC 6376 §3.6.1 other records", "p", false},
	} {
		r, err := ParseRecord(tc.txt)
		if (err == nil) != tc.ok || err != nil && !errors.Is(err, ErrKeySyntax) {
			t.Errorf("%s: %q: %v", tc.what, tc.txt, err)
		}
		if err == nil {
			checkRecord(t, r)
		}
	}
	r, err := ParseRecord("v=DKIM1; h=SHA1:sha256; s=*:Email; t=s:y; n=a=20b; " + rsaKey)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Testing() || !r.SameDomain() || r.Revoked() || r.Bits() != 1024 || r.Services != nil || r.Notes != "a b" || !reflect.DeepEqual(r.Hashes, []string{"sha1", "sha256"}) {
		t.Errorf("got %+v", r)
	}
}

// checkRecord composes a record and parses it again, in one piece and from a zone file.
func checkRecord(t *testing.T, r *Record) {
	t.Helper()
	got, err := ParseRecord(r.String())
	if err != nil || !reflect.DeepEqual(got, r) {
		t.Fatalf("composed %q: got %+v, %v; want %+v", r, got, err, r)
	}
	var joined strings.Builder
	for _, m := range regexp.MustCompile(`"((?:[^"\\]|\\.)*)" ?`).FindAllStringSubmatch(r.ZoneStrings(), -1) {
		s := regexp.MustCompile(`\\(.)`).ReplaceAllString(m[1], "$1")
		if len(s) > 255 {
			t.Errorf("string of %d bytes", len(s))
		}
		joined.WriteString(s)
	}
	if joined.String() != r.String() {
		t.Fatalf("zone %s: joined %q, want %q", r.ZoneStrings(), joined.String(), r)
	}
}

// TestNewRecord: records of new keys can be parsed, and say what they are for.
func TestNewRecord(t *testing.T) {
	t.Parallel()
	for key, prefix := range map[string]string{
		"rsa2048": "v=DKIM1; h=sha256; p=MII", "rsa4096": "v=DKIM1; h=sha256; p=MII", "ed25519": "v=DKIM1; k=ed25519; p=",
	} {
		r, err := NewRecord(testKey(t, key).Public())
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(r.String(), prefix) {
			t.Errorf("got %s", r)
		}
		checkRecord(t, r)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewRecord(ecKey.Public()); !errors.Is(err, ErrKeyAlgorithm) {
		t.Errorf("ECDSA: %v", err)
	}
}

// TestPrivateKeys: new keys are written and read again. Those of RSA have the exponent and the size that signers should
// use (RFC 6376 §3.3.2, RFC 8301 §3.2).
func TestPrivateKeys(t *testing.T) {
	t.Parallel()
	rsaKey, err := GenerateRSA(0)
	if err != nil || rsaKey.N.BitLen() != 2048 || rsaKey.E != 65537 {
		t.Fatalf("got %v", err)
	}
	edKey, err := GenerateEd25519()
	if err != nil {
		t.Fatal(err)
	}
	text, err := MarshalPrivateKey(rsaKey)
	if err != nil || !strings.HasPrefix(string(text), "-----BEGIN PRIVATE KEY-----\n") {
		t.Fatalf("got %v", err)
	}
	if key, err := ParsePrivateKey(text); err != nil || !rsaKey.Equal(key) {
		t.Errorf("RSA: %v", err)
	}
	if text, err = MarshalPrivateKey(edKey); err != nil {
		t.Fatal(err)
	}
	if key, err := ParsePrivateKey(text); err != nil || !edKey.Equal(key) {
		t.Errorf("Ed25519: %v", err)
	}
	if _, ok := testKey(t, "ed25519").(ed25519.PrivateKey); !ok {
		t.Errorf("key of openssl")
	}
	if _, err := GenerateRSA(1024); !errors.Is(err, ErrKeyWeak) {
		t.Errorf("1024 bits: %v", err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := MarshalPrivateKey(ecKey); !errors.Is(err, ErrPrivateKey) {
		t.Errorf("ECDSA: %v", err)
	}
	for _, s := range []string{"", "x", "-----BEGIN PRIVATE KEY-----\nYWJj\n-----END PRIVATE KEY-----\n", "-----BEGIN PUBLIC KEY-----\nYWJj\n-----END PUBLIC KEY-----\n"} {
		if _, err := ParsePrivateKey([]byte(s)); !errors.Is(err, ErrPrivateKey) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

// TestRFC8463SecretKey: the secret key of RFC 8463 §A.1 belongs to the record of §A.2.
func TestRFC8463SecretKey(t *testing.T) {
	t.Parallel()
	seed, err := base64.StdEncoding.DecodeString(rfc8463Ed25519Seed)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewRecord(ed25519.NewKeyFromSeed(seed).Public())
	if err != nil || r.String() != rfc8463Ed25519Key {
		t.Errorf("got %s, %v", r, err)
	}
}
