package sasl

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestSCRAMVerifierText(t *testing.T) {
	t.Parallel()
	// The verifier of the example in RFC 7677 §3 in the form of RFC 5803 §2.
	v, err := NewSCRAMVerifier(crypto.SHA256, "pencil", unbase64("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096)
	if err != nil {
		t.Fatal(err)
	}
	const good = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
	if v.Encode() != good || v.Iterations() != 4096 {
		t.Errorf("verifier is %q", v.Encode())
	}
	if p, err := ParseSCRAMVerifier(crypto.SHA256, good); err != nil || p.Encode() != good {
		t.Errorf("parsed %q, %v", p.Encode(), err)
	}
	for _, s := range []string{
		"", "$", "$$", "SCRAM-SHA-256$", good + "$", good + "=", " " + good,
		strings.Replace(good, "SHA-256", "SHA-1", 1),
		strings.Replace(good, "SHA-256", "SHA-256-PLUS", 1),
		strings.Replace(good, "$4096:", "$0:", 1),
		strings.Replace(good, "$4096:", "$-1:", 1),
		strings.Replace(good, "$4096:", "$04096:", 1),
		strings.Replace(good, "$4096:", "$99999999999:", 1),
		strings.Replace(good, ":W22ZaJ0SNY7soEsUEjb6gQ==$", ":$", 1),
		strings.Replace(good, "pcXkuLmtbsT4qY=", "", 1),
		strings.Replace(good, ":", "", 2),
		good[:len(good)-4],
	} {
		if _, err := ParseSCRAMVerifier(crypto.SHA256, s); !errors.Is(err, ErrVerifier) {
			t.Errorf("%q: %v", s, err)
		}
	}
	if _, err := ParseSCRAMVerifier(crypto.SHA1, good); !errors.Is(err, ErrVerifier) {
		t.Errorf("for another hash: %v", err)
	}
	for _, tc := range []struct {
		h          crypto.Hash
		salt       string
		iterations int
	}{{crypto.MD5, "salt", 4096}, {0, "salt", 4096}, {crypto.SHA256, "", 4096}, {crypto.SHA256, "salt", 0}, {crypto.SHA256, "salt", -1}, {crypto.SHA256, "salt", 1e9}} {
		if _, err := NewSCRAMVerifier(tc.h, "x", []byte(tc.salt), tc.iterations); err == nil {
			t.Errorf("verifier of %+v", tc)
		}
	}
}

func TestVerifiersAreNeverShown(t *testing.T) {
	t.Parallel()
	scram, err1 := NewSCRAMVerifier(crypto.SHA256, "pencil", []byte("saltysalt"), 4096)
	cram, err2 := NewCRAMMD5Verifier("pencil")
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	for _, v := range []any{scram, &scram, cram, &cram} {
		for _, f := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, f, v)
		}
		log.Info("x", "verifier", v)
		json.NewEncoder(&out).Encode(v)
	}
	if strings.Count(out.String(), masked) < 4*7 {
		t.Errorf("no mask in %s", out.String())
	}
	for _, b := range [][]byte{scram.salt, scram.storedKey, scram.serverKey, cram.inner[4:20], cram.outer[4:20]} {
		for _, s := range []string{string(b), fmt.Sprintf("%x", b), base64.StdEncoding.EncodeToString(b), strings.Trim(fmt.Sprint(b), "[]")} {
			if strings.Contains(out.String(), s) {
				t.Errorf("%q shows in %s", s, out.String())
			}
		}
	}
}
