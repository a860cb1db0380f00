package config

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"mox/sasl"
)

// withLogins returns testDynamic with lines added to accounts ann and bob.
func withLogins(ann, bob string) string {
	s := strings.Replace(testDynamic, "\tann:\n", "\tann:\n"+ann, 1)
	return strings.Replace(s, "\tbob:\n", "\tbob:\n"+bob, 1)
}

func TestLogins(t *testing.T) {
	t.Parallel()
	key := func(b byte) (k sasl.KeyFingerprint) {
		k[0] = b
		return k
	}
	text := func(b byte) string { k := key(b); return base64.StdEncoding.EncodeToString(k[:]) }
	cfg := load(t, testStatic, testDynamic)
	if l := cfg.PasswordMechanisms(); len(l) != 0 || cfg.HasClientKeys() || cfg.LookupClientKey(key(0)) != nil {
		t.Errorf("without being asked for: mechanisms %q, keys %v", l, cfg.HasClientKeys())
	}
	cfg = load(t, testStatic, withLogins(
		"\t\tPasswordMechanisms:\n\t\t\t- CRAM-MD5\n\t\t\t- CRAM-MD5\n\t\tTLSClientKeys:\n\t\t\t- "+text(1)+"\n\t\t\t- "+text(2)+"\n",
		"\t\tPasswordMechanisms:\n\t\t\t- CRAM-MD5\n\t\t\t- SCRAM-SHA-1\n\t\tTLSClientKeys:\n\t\t\t- "+text(3)+"\n"))
	if l := fmt.Sprint(cfg.PasswordMechanisms()); l != "[SCRAM-SHA-1 CRAM-MD5]" {
		t.Errorf("mechanisms of the server: %s", l)
	}
	if l := fmt.Sprint(cfg.Account("ann").PasswordMechanisms); l != "[CRAM-MD5]" {
		t.Errorf("mechanisms of ann: %s", l)
	}
	for b, name := range map[byte]string{1: "ann", 2: "ann", 3: "bob", 0: "", 4: ""} {
		got := ""
		if a := cfg.LookupClientKey(key(b)); a != nil {
			got = a.Name
		}
		if got != name {
			t.Errorf("key %d is of %q, want %q", b, got, name)
		}
	}
	if !cfg.HasClientKeys() {
		t.Error("there are no keys")
	}

	for name, tc := range map[string]struct{ ann, bob, want string }{
		"usual mechanism":   {"\t\tPasswordMechanisms:\n\t\t\t- PLAIN\n", "", `Accounts.ann.PasswordMechanisms[0]: "PLAIN" is not one of`},
		"unknown mechanism": {"\t\tPasswordMechanisms:\n\t\t\t- CRAM-MD5\n\t\t\t- cram-md5\n", "", `Accounts.ann.PasswordMechanisms[1]: "cram-md5" is not one of`},
		"no base64":         {"\t\tTLSClientKeys:\n\t\t\t- x\n", "", `Accounts.ann.TLSClientKeys[0]: "x" is not a SHA-256`},
		"short key":         {"\t\tTLSClientKeys:\n\t\t\t- AAAA\n", "", `Accounts.ann.TLSClientKeys[0]: "AAAA" is not a SHA-256`},
		"long key":          {"\t\tTLSClientKeys:\n\t\t\t- " + text(1)[:43] + "AAAA=\n", "", `is not a SHA-256`},
		"key of two":        {"\t\tTLSClientKeys:\n\t\t\t- " + text(1) + "\n", "\t\tTLSClientKeys:\n\t\t\t- " + text(1) + "\n", "Accounts.bob.TLSClientKeys[0]: is a key of account ann already"},
	} {
		_, err := Load(Options{Path: write(t, testStatic, withLogins(tc.ann, tc.bob))})
		var problems *Error
		if !errors.As(err, &problems) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}

// LoginKey is the same for all names that LookupLogin cannot tell apart, whoever has them.
func TestLoginKey(t *testing.T) {
	t.Parallel()
	cfg := load(t, testStatic, testDynamic)
	for _, same := range [][]string{
		{"ann@example.org", "ANN@example.org", "ann+x@example.org", "Ann--y@EXAMPLE.org"},
		{"nobody@example.org", "NOBODY@example.org", "nobody+x@Example.org"},
		{"ann@bücher.example", "ann@xn--bcher-kva.example"},
		{"no\u00e9@example.org", "noe\u0301@example.org"},
		{"x@other.example", "x@OTHER.example"},
	} {
		for _, name := range same[1:] {
			if a, b := cfg.LoginKey(same[0]), cfg.LoginKey(name); a != b {
				t.Errorf("%q has key %q, %q has %q", same[0], a, name, b)
			}
		}
	}
	for _, differ := range [][2]string{
		{"ann@exact.example", "Ann@exact.example"}, {"x@other.example", "X@other.example"}, {"ann", "Ann"}, {"ann", "ann@example.org"}, {"", "@"},
	} {
		if cfg.LoginKey(differ[0]) == cfg.LoginKey(differ[1]) {
			t.Errorf("%q and %q have the same key", differ[0], differ[1])
		}
	}
}
