package store

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

const (
	// scramRounds is the iteration count of new verifiers. Clients compute as many rounds at each
	// login; RFC 7677 §4 asks for at least 4096.
	scramRounds = 120_000

	scramSaltLen   = 16
	scramMaxRounds = 10_000_000
)

// scramVerifier is what a server keeps of a password for SCRAM-SHA-256 (RFC 5802 §3, RFC 7677).
// It is made when a password is set, because it cannot be made from another verifier later.
type scramVerifier struct {
	rounds               int
	salt                 []byte
	storedKey, serverKey [sha256.Size]byte
}

// newSCRAM derives the verifier of a prepared password, which is not empty.
func newSCRAM(password string, salt []byte, rounds int) (scramVerifier, error) {
	v := scramVerifier{rounds: rounds, salt: salt}
	salted, err := pbkdf2.Key(sha256.New, password, salt, rounds, sha256.Size)
	if err != nil {
		return v, fmt.Errorf("scram verifier: %w", err)
	}
	v.storedKey = sha256.Sum256(hmacSHA256(salted, "Client Key"))
	copy(v.serverKey[:], hmacSHA256(salted, "Server Key"))
	return v, nil
}

func hmacSHA256(key []byte, data string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(data))
	return h.Sum(nil)
}

// String returns the form of RFC 5803 §2: SCRAM-SHA-256$rounds:salt$storedKey:serverKey.
func (v scramVerifier) String() string {
	b64 := base64.StdEncoding
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", v.rounds, b64.EncodeToString(v.salt),
		b64.EncodeToString(v.storedKey[:]), b64.EncodeToString(v.serverKey[:]))
}

// parseSCRAM parses what String returns.
func parseSCRAM(s string) (scramVerifier, error) {
	var v scramVerifier
	f := strings.Split(s, "$")
	if len(f) != 3 || f[0] != "SCRAM-SHA-256" {
		return v, errVerifier
	}
	rounds, salt, ok1 := strings.Cut(f[1], ":")
	stored, server, ok2 := strings.Cut(f[2], ":")
	if !ok1 || !ok2 {
		return v, errVerifier
	}
	n, err := strconv.Atoi(rounds)
	if err != nil || n < 1 || n > scramMaxRounds {
		return v, errVerifier
	}
	v.rounds = n
	if v.salt, err = base64.StdEncoding.DecodeString(salt); err != nil || len(v.salt) == 0 {
		return v, errVerifier
	}
	for _, k := range []struct {
		text string
		key  *[sha256.Size]byte
	}{{stored, &v.storedKey}, {server, &v.serverKey}} {
		b, err := base64.StdEncoding.DecodeString(k.text)
		if err != nil || len(b) != len(k.key) {
			return v, errVerifier
		}
		copy(k.key[:], b)
	}
	if v.String() != s {
		return v, errVerifier
	}
	return v, nil
}
