package sasl

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"log/slog"
	"strings"
)

// CRAMMD5Verifier is what a server keeps of a password for CRAM-MD5: the states of the two
// hashes of HMAC-MD5 after the key (RFC 2195 §2, "contexts"). It is as good as the password
// for logging in with this mechanism. Formatting and logging it give a mask. The zero
// CRAMMD5Verifier is not valid.
type CRAMMD5Verifier struct {
	inner, outer []byte // As marshaled by crypto/md5, which keeps to its form.
}

var (
	_ fmt.Formatter  = CRAMMD5Verifier{}
	_ slog.LogValuer = CRAMMD5Verifier{}
)

// ErrVerifier says that a verifier is damaged.
var ErrVerifier = errors.New("damaged password verifier")

// md5State is what a hash of crypto/md5 can do besides hashing.
type md5State interface {
	hash.Hash
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
}

// NewCRAMMD5Verifier makes the verifier of a password, which the caller has prepared, see
// [PreparePassword].
func NewCRAMMD5Verifier(password string) (CRAMMD5Verifier, error) {
	key := []byte(password)
	if len(key) > md5.BlockSize {
		sum := md5.Sum(key)
		key = sum[:]
	}
	state := func(pad byte) ([]byte, error) {
		block := bytes.Repeat([]byte{pad}, md5.BlockSize)
		for i, k := range key {
			block[i] ^= k
		}
		h := md5.New().(md5State)
		h.Write(block)
		return h.MarshalBinary()
	}
	inner, err1 := state(0x36) // RFC 2104 §2.
	outer, err2 := state(0x5c)
	return CRAMMD5Verifier{inner, outer}, errors.Join(err1, err2)
}

// FakeCRAMMD5Verifier returns a verifier that no digest satisfies, for a user who has none. It
// is the one of a password made of secret, which nobody else may know, and username.
func FakeCRAMMD5Verifier(secret []byte, username string) (CRAMMD5Verifier, error) {
	return NewCRAMMD5Verifier(string(fakeBytes(sha256.New, secret, CRAMMD5, username)))
}

// Encode returns the verifier as text to be kept in a safe place.
func (v CRAMMD5Verifier) Encode() string {
	b64 := base64.StdEncoding
	return CRAMMD5 + "$" + b64.EncodeToString(v.inner) + ":" + b64.EncodeToString(v.outer)
}

// ParseCRAMMD5Verifier is the inverse of Encode. It returns [ErrVerifier].
func ParseCRAMMD5Verifier(s string) (CRAMMD5Verifier, error) {
	var v CRAMMD5Verifier
	text, ok := strings.CutPrefix(s, CRAMMD5+"$")
	inner, outer, _ := strings.Cut(text, ":")
	var err1, err2 error
	v.inner, err1 = base64.StdEncoding.DecodeString(inner)
	v.outer, err2 = base64.StdEncoding.DecodeString(outer)
	if !ok || err1 != nil || err2 != nil || v.Encode() != s {
		return CRAMMD5Verifier{}, ErrVerifier
	}
	if _, err := v.digest(nil); err != nil {
		return CRAMMD5Verifier{}, err
	}
	return v, nil
}

// Format writes a mask, whatever the verb.
func (v CRAMMD5Verifier) Format(f fmt.State, _ rune) { f.Write([]byte(masked)) }

// LogValue returns a mask.
func (v CRAMMD5Verifier) LogValue() slog.Value { return slog.StringValue(masked) }

// digest returns the digest of a challenge, in hexadecimal. It returns [ErrVerifier].
func (v CRAMMD5Verifier) digest(challenge []byte) ([]byte, error) {
	sum := challenge
	for _, state := range [][]byte{v.inner, v.outer} {
		h := md5.New().(md5State)
		if err := h.UnmarshalBinary(state); err != nil {
			return nil, ErrVerifier
		}
		h.Write(sum)
		sum = h.Sum(nil)
	}
	return hex.AppendEncode(nil, sum), nil
}
