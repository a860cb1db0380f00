package sasl

import (
	"crypto"
	"crypto/hmac"
	"crypto/pbkdf2"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"log/slog"
	"strconv"
	"strings"
)

// maxStoredIterations bounds the iteration count of a verifier, against damaged ones.
const maxStoredIterations = 100_000_000

// SCRAMVerifier is what a server keeps of a password for SCRAM with one hash (RFC 5802 §3). It
// cannot be used to log in, but to try passwords on, and to pass for the server. Formatting
// and logging it give a mask. It does not change. The zero SCRAMVerifier is not valid.
type SCRAMVerifier struct {
	hash                 crypto.Hash
	salt                 []byte
	iterations           int
	storedKey, serverKey []byte
}

var (
	_ fmt.Formatter  = SCRAMVerifier{}
	_ slog.LogValuer = SCRAMVerifier{}
)

// NewSCRAMVerifier makes the verifier of a password, which the caller has prepared, see
// [PreparePassword]. The hash is crypto.SHA1 or crypto.SHA256. It takes as long as a client
// needs to log in. The salt is kept; it must be random and not be used for other passwords.
func NewSCRAMVerifier(h crypto.Hash, password string, salt []byte, iterations int) (SCRAMVerifier, error) {
	v := SCRAMVerifier{hash: h, salt: salt, iterations: iterations}
	if scramName(h) == "" || len(salt) == 0 || iterations < 1 || iterations > maxStoredIterations {
		return SCRAMVerifier{}, errors.New("parameters of SCRAM verifier out of range")
	}
	keys, err := deriveSCRAM(h, password, salt, iterations)
	if err != nil {
		return SCRAMVerifier{}, err
	}
	v.storedKey, v.serverKey = keys.stored, keys.server
	return v, nil
}

// FakeSCRAMVerifier returns a verifier that no password satisfies, for a user who has none,
// with a salt of so many bytes, at most the size of the hash. It depends on secret, which
// nobody else may know, and username: asked again, a user without account has the same salt
// again, as one with an account has.
func FakeSCRAMVerifier(h crypto.Hash, secret []byte, username string, saltLen, iterations int) SCRAMVerifier {
	return SCRAMVerifier{
		hash:       h,
		salt:       fakeBytes(h.New, secret, "salt", username)[:saltLen],
		iterations: iterations,
		storedKey:  fakeBytes(h.New, secret, "stored key", username),
		serverKey:  fakeBytes(h.New, secret, "server key", username),
	}
}

// fakeBytes derives bytes for a purpose from a secret and a user name.
func fakeBytes(h func() hash.Hash, secret []byte, purpose, username string) []byte {
	m := hmac.New(h, secret)
	m.Write(binary.BigEndian.AppendUint64(nil, uint64(len(purpose))))
	m.Write([]byte(purpose))
	m.Write([]byte(username))
	return m.Sum(nil)
}

// scramKeys are derived from a password (RFC 5802 §3).
type scramKeys struct{ client, stored, server []byte }

func deriveSCRAM(h crypto.Hash, password string, salt []byte, iterations int) (scramKeys, error) {
	salted, err := pbkdf2.Key(h.New, password, salt, iterations, h.Size())
	if err != nil {
		return scramKeys{}, fmt.Errorf("deriving keys for SCRAM: %w", err)
	}
	client := hmacSum(h, salted, "Client Key")
	return scramKeys{client, hashSum(h, client), hmacSum(h, salted, "Server Key")}, nil
}

func hmacSum(h crypto.Hash, key []byte, data ...string) []byte {
	m := hmac.New(h.New, key)
	for _, s := range data {
		m.Write([]byte(s))
	}
	return m.Sum(nil)
}

func hashSum(h crypto.Hash, b []byte) []byte {
	m := h.New()
	m.Write(b)
	return m.Sum(nil)
}

// Iterations returns the iteration count.
func (v SCRAMVerifier) Iterations() int { return v.iterations }

// Encode returns the verifier as text to be kept in a safe place, in the form of RFC 5803 §2:
// SCRAM-SHA-256$iterations:salt$storedKey:serverKey.
func (v SCRAMVerifier) Encode() string {
	b64 := base64.StdEncoding
	return fmt.Sprintf("%s$%d:%s$%s:%s", scramName(v.hash), v.iterations, b64.EncodeToString(v.salt),
		b64.EncodeToString(v.storedKey), b64.EncodeToString(v.serverKey))
}

// ParseSCRAMVerifier is the inverse of Encode, for the hash given. It returns [ErrVerifier].
func ParseSCRAMVerifier(h crypto.Hash, s string) (SCRAMVerifier, error) {
	f := strings.Split(s, "$")
	if len(f) != 3 || f[0] == "" || f[0] != scramName(h) {
		return SCRAMVerifier{}, ErrVerifier
	}
	v := SCRAMVerifier{hash: h}
	count, salt, _ := strings.Cut(f[1], ":")
	stored, server, _ := strings.Cut(f[2], ":")
	var errs [4]error
	v.iterations, errs[0] = strconv.Atoi(count)
	v.salt, errs[1] = base64.StdEncoding.DecodeString(salt)
	v.storedKey, errs[2] = base64.StdEncoding.DecodeString(stored)
	v.serverKey, errs[3] = base64.StdEncoding.DecodeString(server)
	if errors.Join(errs[:]...) != nil || v.Encode() != s || !v.valid() {
		return SCRAMVerifier{}, ErrVerifier
	}
	return v, nil
}

func (v SCRAMVerifier) valid() bool {
	return scramName(v.hash) != "" && v.iterations >= 1 && v.iterations <= maxStoredIterations &&
		len(v.salt) > 0 && len(v.storedKey) == v.hash.Size() && len(v.serverKey) == v.hash.Size()
}

// Format writes a mask, whatever the verb.
func (v SCRAMVerifier) Format(f fmt.State, _ rune) { f.Write([]byte(masked)) }

// LogValue returns a mask.
func (v SCRAMVerifier) LogValue() slog.Value { return slog.StringValue(masked) }
