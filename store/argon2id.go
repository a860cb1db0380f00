package store

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// argon2idParams say how much work a password hash takes (RFC 9106 §3.1).
type argon2idParams struct {
	Memory  uint32 // KiB.
	Time    uint32 // Passes over the memory.
	Threads uint8
}

// defaultArgon2id is what new passwords are hashed with. It is above the least that OWASP
// advises (19 MiB, 2 passes) and takes some 50 ms of one core. One thread, because the pool
// already keeps all cores busy when many log in. Raising it has old verifiers replaced as their
// owners log in.
var defaultArgon2id = argon2idParams{Memory: 32 << 10, Time: 2, Threads: 1}

// Lengths in bytes of what is made, and the bounds of what is accepted from the database, so that
// a damaged verifier cannot take all memory.
const (
	argon2idSaltLen   = 16
	argon2idKeyLen    = 32
	argon2idMaxMemory = 1 << 20 // KiB.
	argon2idMaxTime   = 100
	argon2idMaxBytes  = 128
)

// argon2idVerifier is a hashed password with what is needed to check one against it.
type argon2idVerifier struct {
	params    argon2idParams
	salt, key []byte
}

var errVerifier = errors.New("damaged password verifier")

// newArgon2id hashes a password.
func newArgon2id(params argon2idParams, password string, salt []byte) argon2idVerifier {
	key := argon2.IDKey([]byte(password), salt, params.Time, params.Memory, params.Threads, argon2idKeyLen)
	return argon2idVerifier{params, salt, key}
}

// matches hashes the password and reports whether it is the verifier's, in time that does not
// depend on how much of the hash is equal.
func (v argon2idVerifier) matches(password string) bool {
	key := argon2.IDKey([]byte(password), v.salt, v.params.Time, v.params.Memory, v.params.Threads, uint32(len(v.key)))
	return subtle.ConstantTimeCompare(key, v.key) == 1
}

// String returns the PHC string form: $argon2id$v=19$m=32768,t=2,p=1$salt$key, with salt and key in
// base64 without padding.
func (v argon2idVerifier) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		v.params.Memory, v.params.Time, v.params.Threads, b64.EncodeToString(v.salt), b64.EncodeToString(v.key))
}

// parseArgon2id parses the PHC string form. It accepts only what String writes, within the bounds.
func parseArgon2id(s string) (argon2idVerifier, error) {
	var v argon2idVerifier
	f := strings.Split(s, "$")
	if len(f) != 6 || f[0] != "" || f[1] != "argon2id" {
		return v, errVerifier
	}
	if _, err := fmt.Sscanf(f[3], "m=%d,t=%d,p=%d", &v.params.Memory, &v.params.Time, &v.params.Threads); err != nil {
		return v, errVerifier
	}
	var err error
	if v.salt, err = base64.RawStdEncoding.DecodeString(f[4]); err != nil {
		return v, errVerifier
	}
	if v.key, err = base64.RawStdEncoding.DecodeString(f[5]); err != nil {
		return v, errVerifier
	}
	p := v.params
	switch {
	case p.Time < 1 || p.Time > argon2idMaxTime,
		p.Threads < 1,
		p.Memory < 8*uint32(p.Threads) || p.Memory > argon2idMaxMemory,
		len(v.salt) < 8 || len(v.salt) > argon2idMaxBytes,
		len(v.key) < 16 || len(v.key) > argon2idMaxBytes,
		v.String() != s:
		return v, errVerifier
	}
	return v, nil
}
