package config

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mox/dkim"
)

// writeKey writes a private key as PEM into dir.
func writeKey(t *testing.T, dir, file string, key crypto.Signer) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, file)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

func rsaKey(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func ed25519Key(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

const twoSelectors = `		DKIM:
			Selectors:
				2026a:
					PrivateKeyFile: dkim/rsa.pem
				2026b:
					PrivateKeyFile: dkim/ed25519.pem
					HeaderCanonicalization: simple
					BodyCanonicalization: relaxed
					Hash: sha256
					Headers:
						- From
						- subject
					DontSealHeaders: true
					Expiration: 168h
`

// withDKIM returns domains.conf with more fields of the domain example.org, on line 4 and following.
func withDKIM(fields string) string {
	return strings.Replace(testDynamic, "\texample.org:\n", "\texample.org:\n"+fields, 1)
}

// writeDKIM is write with two keys beside the files.
func writeDKIM(t *testing.T, dynamic string) (path string) {
	t.Helper()
	path = write(t, testStatic, dynamic)
	writeKey(t, filepath.Dir(path), "dkim/rsa.pem", rsaKey(t, 2048))
	writeKey(t, filepath.Dir(path), "dkim/ed25519.pem", ed25519Key(t))
	return path
}

func TestDKIM(t *testing.T) {
	t.Parallel()
	cfg, err := Load(Options{Path: writeDKIM(t, withDKIM(twoSelectors))})
	if err != nil {
		t.Fatal(err)
	}
	d := cfg.DKIM(domain(t, "example.org"))
	if d == nil || d.Domain != domain(t, "example.org") || !slices.Equal(d.SelectorNames(), []string{"2026a", "2026b"}) {
		t.Fatalf("signed by %+v", d)
	}
	a, b := d.Sign[0], d.Sign[1]
	if _, ok := a.Key.(*rsa.PrivateKey); !ok || a.Header != dkim.Relaxed || a.Body != dkim.Relaxed || !slices.Contains(a.Oversigned, "From") || a.Lifetime != 0 || a.BodyLength {
		t.Errorf("defaults: %+v", a)
	}
	if _, ok := b.Key.(ed25519.PrivateKey); !ok || b.Header != dkim.Simple || b.Body != dkim.Relaxed || b.Oversigned != nil || !slices.Equal(b.Signed, []string{"From", "subject"}) || b.Lifetime != 7*24*time.Hour {
		t.Errorf("second selector: %+v", b)
	}
	for _, name := range []string{"all.example", "mail.example.org", "org", "elsewhere.example"} {
		if d := cfg.DKIM(domain(t, name)); d != nil {
			t.Errorf("mail from %s is signed as %v", name, d.Domain)
		}
	}
}

// Without sealing nothing is signed that is not there, also of the default fields.
func TestDKIMDontSealHeaders(t *testing.T) {
	t.Parallel()
	for list, want := range map[string][2]string{
		"":                               {"From", "List-Id"},
		"DontSealHeaders: true\n":        {"", "From"},
		"Headers:\n\t\t\t\t\t\t- FROM\n": {"FROM", ""},
	} {
		fields := "\t\tDKIM:\n\t\t\tSelectors:\n\t\t\t\ta:\n\t\t\t\t\tPrivateKeyFile: dkim/ed25519.pem\n\t\t\t\t\t" + list
		cfg, err := Load(Options{Path: writeDKIM(t, withDKIM(strings.TrimRight(fields, "\t")))})
		if err != nil {
			t.Fatal(err)
		}
		sel := cfg.DKIM(domain(t, "example.org")).Sign[0]
		for i, l := range [][]string{sel.Oversigned, sel.Signed} {
			if want[i] == "" && l != nil || want[i] != "" && !slices.Contains(l, want[i]) {
				t.Errorf("%q: sealed %q, signed %q", list, sel.Oversigned, sel.Signed)
			}
		}
	}
}

// A selector can be prepared, and a domain can sign for names below it that do not do so themselves.
func TestDKIMSign(t *testing.T) {
	t.Parallel()
	own := "\tsub.example.org:\n\t\tDKIM:\n\t\t\tSelectors:\n\t\t\t\town:\n\t\t\t\t\tPrivateKeyFile: dkim/rsa.pem\n\tplain.example.org: nil\n"
	dynamic := strings.Replace(withDKIM(twoSelectors+"\t\t\tSign:\n\t\t\t\t- 2026b\n\t\t\tSubdomains: true\n"), "\tall.example: nil\n", own+"\tall.example: nil\n", 1)
	cfg, err := Load(Options{Path: writeDKIM(t, dynamic)})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(cfg.Domain(domain(t, "example.org")).DKIM.Selectors); n != 2 {
		t.Errorf("%d selectors, want also the prepared one", n)
	}
	for name, want := range map[string]string{
		"example.org":       "example.org [2026b]",
		"mail.example.org":  "example.org [2026b]",
		"a.b.example.org":   "example.org [2026b]",
		"plain.example.org": "example.org [2026b]",
		"sub.example.org":   "sub.example.org [own]",
		"x.sub.example.org": "example.org [2026b]",
		"badexample.org":    "",
		"org":               "",
	} {
		got := ""
		if d := cfg.DKIM(domain(t, name)); d != nil {
			got = d.Domain.ASCII + " " + fmt.Sprint(d.SelectorNames())
		}
		if got != want {
			t.Errorf("mail from %s is signed as %q, want %q", name, got, want)
		}
	}
}

func TestDKIMProblems(t *testing.T) {
	t.Parallel()
	key := func(name, file string) string {
		return "\t\tDKIM:\n\t\t\tSelectors:\n\t\t\t\t" + name + ":\n\t\t\t\t\tPrivateKeyFile: " + file + "\n"
	}
	good := key("a", "dkim/rsa.pem")
	path := writeDKIM(t, withDKIM(good))
	dir := filepath.Dir(path)
	if _, err := Load(Options{Path: path}); err != nil {
		t.Fatal(err)
	}

	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	writeKey(t, dir, "ec.pem", ec)
	writeKey(t, dir, "open.pem", ed25519Key(t))
	writeKey(t, dir, "group.pem", ed25519Key(t))
	for file, text := range map[string]string{
		"text.pem":    "v=DKIM1; p=",
		"cert.pem":    "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n",
		"junk.pem":    "-----BEGIN PRIVATE KEY-----\nMA==\n-----END PRIVATE KEY-----\n",
		"rsa768.pem":  readFile(t, "testdata/rsa768.pem"),
		"rsa4104.pem": readFile(t, "testdata/rsa4104.pem"),
	} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for file, mode := range map[string]os.FileMode{"open.pem": 0o644, "group.pem": 0o640} {
		if err := os.Chmod(filepath.Join(dir, file), mode); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Load(Options{Path: rewriteDomains(t, path, withDKIM(key("a", "group.pem")))}); err != nil {
		t.Errorf("key that its group may read: %v", err)
	}

	for _, tt := range []struct{ fields, want string }{
		{key("a", "none.pem"), "domains.conf:7: Domains.example.org.DKIM.Selectors.a.PrivateKeyFile: " + dir + "/none.pem does not exist; correct the path"},
		{key("a", "."), "is not a file"},
		{key("a", "/dev/zero"), "is not a file"},
		{key("a", "text.pem"), "PrivateKeyFile: " + dir + "/text.pem has no key to sign with"},
		{key("a", "cert.pem"), "PrivateKeyFile: " + dir + "/cert.pem has no key to sign with"},
		{key("a", "junk.pem"), "PrivateKeyFile: " + dir + "/junk.pem has no key to sign with"},
		{key("a", "ec.pem"), dir + "/ec.pem has no key to sign with"},
		{key("a", "rsa768.pem"), "has 768 bits, and others must not trust one of fewer than 1024"},
		{key("a", "rsa4104.pem"), "has 4104 bits, and others need not check more than 4096"},
		{key("a", "open.pem"), "can be read or changed by others than its owner and group (mode 0644)"},
		{"\t\tDisabled: false\n\tlocalhost:\n" + good, "domains.conf:6: Domains.localhost.DKIM: cannot be for localhost: a domain that signs has at least two labels"},
		{"\t\tDKIM:\n\t\t\tSubdomains: true\n", `missing required key "Selectors"`},
		{key("a_b", "dkim/rsa.pem"), `domains.conf:6: Domains.example.org.DKIM.Selectors.a_b: "a_b" cannot be part of a name in DNS`},
		{key("a.", "dkim/rsa.pem"), `Selectors.a.: "a." cannot be part`},
		{key(strings.Repeat("a.", 116)+"a", "dkim/rsa.pem"), "is too long for a name in DNS with example.org"},
		{good + "\t\t\t\tA:\n\t\t\t\t\tPrivateKeyFile: dkim/rsa.pem\n", "Selectors.a: is the same name as another selector here"},
		{good + "\t\t\tSign:\n\t\t\t\t- b\n", `domains.conf:9: Domains.example.org.DKIM.Sign[0]: there is no selector "b"; use one of: a`},
		{good + "\t\t\tSign:\n\t\t\t\t- a\n\t\t\t\t- a\n", "DKIM.Sign[1]: selector a is named twice"},
		{good + "\t\t\t\t\tHash: sha1\n", `Selectors.a.Hash: "sha1" is not one of sha256`},
		{good + "\t\t\t\t\tBodyCanonicalization: nofws\n", `Selectors.a.BodyCanonicalization: "nofws" is not one of relaxed, simple`},
		{good + "\t\t\t\t\tHeaders:\n\t\t\t\t\t\t- Subject\n", "Selectors.a.Headers: lacks From"},
		{good + "\t\t\t\t\tHeaders:\n\t\t\t\t\t\t- From\n\t\t\t\t\t\t- from\n", "Selectors.a.Headers[1]: from is named twice"},
		{good + "\t\t\t\t\tHeaders:\n\t\t\t\t\t\t- From\n\t\t\t\t\t\t- received\n", "Selectors.a.Headers[1]: received changes on the way"},
		{good + "\t\t\t\t\tHeaders:\n\t\t\t\t\t\t- From:\n", `Selectors.a.Headers[0]: "From:" is not the name of a header field`},
		{good + "\t\t\t\t\tExpiration: 30m\n", "Selectors.a.Expiration: 30m0s is too short; use at least 1h"},
		{good + "\t\t\t\t\tExpiration: -2h\n", "Selectors.a.Expiration: -2h0m0s is too short"},
		{good + "\t\t\t\t\tExpiration: 3d\n", `Selectors.a.Expiration: "3d" is not a time span`},
	} {
		_, err := Load(Options{Path: rewriteDomains(t, path, withDKIM(tt.fields))})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s\nerror does not say %q:\n%v", tt.fields, tt.want, err)
		}
	}
}

// rewriteDomains replaces domains.conf beside mox.conf, the path of which it returns.
func rewriteDomains(t *testing.T, path, dynamic string) string {
	t.Helper()
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "domains.conf"), []byte(dynamic), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A reload takes a key that was replaced, and a key that cannot be read leaves the one in use.
func TestDKIMReload(t *testing.T) {
	t.Parallel()
	path := writeDKIM(t, withDKIM(twoSelectors))
	l, err := Open(Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	public := func() ed25519.PublicKey {
		return l.Current().DKIM(domain(t, "example.org")).Sign[1].Key.Public().(ed25519.PublicKey)
	}
	first := public()
	next := ed25519Key(t)
	writeKey(t, filepath.Dir(path), "dkim/ed25519.pem", next)
	if _, err := l.Reload(); err != nil {
		t.Fatal(err)
	}
	if second := public(); second.Equal(first) || !second.Equal(next.Public()) {
		t.Error("a replaced key is not in use after a reload")
	}
	if err := os.Remove(filepath.Join(filepath.Dir(path), "dkim/ed25519.pem")); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Reload(); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("reload without a key: %v", err)
	}
	if !public().Equal(next.Public()) {
		t.Error("a failed reload took the key away")
	}
}
