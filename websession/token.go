package websession

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"

	"mox/store"
)

// tokenLen is the length in bytes of the secret of a session.
const tokenLen = 32

// credential is what a cookie says: which session, and its secret.
type credential struct {
	Ref
	token [tokenLen]byte
}

// cookieLen is the length in bytes of a cookie before it is encoded.
const cookieLen = 8 + 8 + tokenLen

func newToken() (token [tokenLen]byte) {
	rand.Read(token[:]) // Does not fail, see its documentation.
	return token
}

func hashOf(token [tokenLen]byte) store.WebSessionHash { return sha256.Sum256(token[:]) }

// cookieValue returns the value of a cookie.
func (c *credential) cookieValue() string {
	b := make([]byte, 0, cookieLen)
	b = binary.BigEndian.AppendUint64(b, uint64(c.Account))
	b = binary.BigEndian.AppendUint64(b, uint64(c.ID))
	b = append(b, c.token[:]...)
	return base64.RawURLEncoding.EncodeToString(b)
}

// parseCookie parses the value of a cookie.
func parseCookie(value string) (credential, bool) {
	var b [cookieLen]byte
	if len(value) != base64.RawURLEncoding.EncodedLen(cookieLen) {
		return credential{}, false
	}
	if n, err := base64.RawURLEncoding.Decode(b[:], []byte(value)); err != nil || n != cookieLen {
		return credential{}, false
	}
	c := credential{Ref: Ref{
		Account: store.AccountID(binary.BigEndian.Uint64(b[:8])),
		ID:      store.WebSessionID(binary.BigEndian.Uint64(b[8:16])),
	}}
	copy(c.token[:], b[16:])
	c.Hash = hashOf(c.token)
	return c, true
}

// csrf returns what requests that change something have in X-Mox-Csrf.
func (c *credential) csrf() string {
	h := hmac.New(sha256.New, c.token[:])
	h.Write([]byte("mox csrf"))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// hasCSRF tells whether a value is that of csrf.
func (c *credential) hasCSRF(value string) bool {
	return subtle.ConstantTimeCompare([]byte(value), []byte(c.csrf())) == 1
}
