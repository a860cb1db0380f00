package dkim

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

// Key types of k=.
const (
	keyRSA     = "rsa"
	keyEd25519 = "ed25519"
)

// maxRecord is the size of the largest key record that is looked at: one with an RSA key of
// 16,384 bits has some 3,000 bytes.
const maxRecord = 16 << 10

// Record is a key record (RFC 6376 §3.6.1).
type Record struct {
	// Hashes are the hash algorithms that may be used with the key, in lower case. Nil
	// means all.
	Hashes []string

	// KeyType is "rsa", "ed25519" or another, in lower case.
	KeyType string

	// Notes are for people.
	Notes string

	// Data is the decoded p=. It is empty if the key is revoked.
	Data []byte

	// Key is what Data says: an *rsa.PublicKey or an ed25519.PublicKey. It is nil if the
	// key is revoked, or of another type.
	Key crypto.PublicKey

	// Services are the service types the key is for, in lower case. Nil means all.
	Services []string

	// Flags are the flags of t=, such as "y" and "s".
	Flags []string
}

// NewRecord returns the record for a public key: an *rsa.PublicKey or an
// ed25519.PublicKey. For others the error is an [ErrKeyAlgorithm].
func NewRecord(key crypto.PublicKey) (*Record, error) {
	switch pub := key.(type) {
	case *rsa.PublicKey:
		// What openssl writes and verifiers read, although RFC 6376 §3.6.1 names the
		// RSAPublicKey in it.
		data, err := x509.MarshalPKIXPublicKey(pub)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrKeyAlgorithm, err)
		}
		return &Record{Hashes: []string{"sha256"}, KeyType: keyRSA, Data: data, Key: pub}, nil
	case ed25519.PublicKey:
		return &Record{KeyType: keyEd25519, Data: slices.Clone(pub), Key: pub}, nil
	}
	return nil, fmt.Errorf("%w: %T", ErrKeyAlgorithm, key)
}

// Revoked tells whether the key must not be used any more (RFC 6376 §3.6.1, p=).
func (r *Record) Revoked() bool { return len(r.Data) == 0 }

// Testing tells whether the domain is testing DKIM: its messages are to be treated as
// unsigned ones (RFC 6376 §3.6.1, t=y).
func (r *Record) Testing() bool { return slices.Contains(r.Flags, "y") }

// SameDomain tells whether the domain of i= must be that of d= (RFC 6376 §3.6.1, t=s).
func (r *Record) SameDomain() bool { return slices.Contains(r.Flags, "s") }

// Bits returns the size of an RSA key, and 0 for others.
func (r *Record) Bits() int {
	if pub, ok := r.Key.(*rsa.PublicKey); ok {
		return pub.N.BitLen()
	}
	return 0
}

// ParseRecord parses a key record, the strings of a TXT record joined. Errors wrap
// [ErrKeySyntax].
func ParseRecord(txt string) (*Record, error) {
	if len(txt) > maxRecord {
		return nil, fmt.Errorf("%w: record of %d bytes", ErrKeySyntax, len(txt))
	}
	tags, err := ParseTagList([]byte(txt))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeySyntax, err)
	}
	r := &Record{KeyType: keyRSA}
	found := false
	for i, t := range tags {
		var err error
		switch t.Name {
		case "v":
			if i != 0 || t.Value != "DKIM1" {
				err = fmt.Errorf("version %.20q", t.Value)
			}
		case "h":
			r.Hashes, err = words(t.Value)
		case "k":
			r.KeyType = lowerString(t.Value)
			if !isHyphenatedWord(r.KeyType) {
				err = fmt.Errorf("key type %.20q", t.Value)
			}
		case "n":
			r.Notes, err = decodeQP(t.Value, false)
		case "p":
			found = true
			if t.Value != "" {
				r.Data, err = DecodeBase64(t.Value)
			}
		case "s":
			if r.Services, err = services(t.Value); slices.Contains(r.Services, "*") {
				r.Services = nil
			}
		case "t":
			r.Flags, err = words(t.Value)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %s=: %w", ErrKeySyntax, t.Name, err)
		}
	}
	if !found {
		return nil, fmt.Errorf("%w: no p=", ErrKeySyntax)
	}
	if err := r.parseKey(); err != nil {
		return nil, fmt.Errorf("%w: p=: %w", ErrKeySyntax, err)
	}
	return r, nil
}

// parseKey sets Key from Data.
func (r *Record) parseKey() error {
	if r.Revoked() {
		return nil
	}
	switch r.KeyType {
	case keyEd25519:
		// RFC 8463 §4.2.
		if len(r.Data) != ed25519.PublicKeySize {
			return fmt.Errorf("key of %d bytes for Ed25519", len(r.Data))
		}
		r.Key = ed25519.PublicKey(r.Data)
	case keyRSA:
		// Nearly all records hold a SubjectPublicKeyInfo as in the example of RFC 6376
		// appendix C, few the RSAPublicKey that §3.6.1 names.
		if key, err := x509.ParsePKIXPublicKey(r.Data); err == nil {
			pub, ok := key.(*rsa.PublicKey)
			if !ok {
				return fmt.Errorf("a %T in a record for RSA", key)
			}
			r.Key = pub
			return nil
		}
		pub, err := x509.ParsePKCS1PublicKey(r.Data)
		if err != nil {
			return err
		}
		r.Key = pub
	}
	return nil
}

// String returns the record as for DNS, in one piece.
func (r *Record) String() string {
	var b strings.Builder
	b.WriteString("v=DKIM1")
	if r.Hashes != nil {
		b.WriteString("; h=" + strings.Join(r.Hashes, ":"))
	}
	if r.KeyType != "" && r.KeyType != keyRSA {
		b.WriteString("; k=" + r.KeyType)
	}
	if r.Notes != "" {
		b.WriteString("; n=" + encodeQP(r.Notes, ""))
	}
	if r.Services != nil {
		b.WriteString("; s=" + strings.Join(r.Services, ":"))
	}
	if r.Flags != nil {
		b.WriteString("; t=" + strings.Join(r.Flags, ":"))
	}
	b.WriteString("; p=" + base64.StdEncoding.EncodeToString(r.Data))
	return b.String()
}

// ZoneStrings returns the record as the strings of a TXT record for a zone file: each in
// quotes and of at most 255 bytes (RFC 1035 §3.3.14), separated by spaces. They are read
// joined without space (RFC 6376 §3.6.2.2).
func (r *Record) ZoneStrings() string {
	var b strings.Builder
	for s := r.String(); s != ""; {
		n := min(len(s), 255)
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteByte('"')
		for i := range n {
			if s[i] == '"' || s[i] == '\\' {
				b.WriteByte('\\')
			}
			b.WriteByte(s[i])
		}
		b.WriteByte('"')
		s = s[n:]
	}
	return b.String()
}

// KeyLimits bound the RSA keys that are accepted, in bits.
type KeyLimits struct {
	// MinRSABits is the size of the smallest key. Less than 1024, also 0, means 1024
	// (RFC 8301 §3.2).
	MinRSABits int

	// MaxRSABits is the size of the largest key, since the time for a verification grows
	// with its square. 0 means 8192; less than 4096 means 4096, which all verifiers must be
	// able to use (RFC 8301 §3.2).
	MaxRSABits int
}

func (l KeyLimits) check(bits int) error {
	least := max(l.MinRSABits, 1024)
	most := l.MaxRSABits
	if most == 0 {
		most = 8192
	}
	most = max(most, 4096)
	if bits < least {
		return fmt.Errorf("%w: %d bits, at least %d", ErrKeyWeak, bits, least)
	}
	if bits > most {
		return fmt.Errorf("%w: %d bits, at most %d", ErrKeyTooLarge, bits, most)
	}
	return nil
}

// Usable tells whether the key may be used for a signature with the algorithm a
// (RFC 6376 §6.1.2, steps 6 to 8). The error wraps what this package names for each
// reason.
func (r *Record) Usable(a Algorithm, limits KeyLimits) error {
	if err := a.check(); err != nil {
		return err
	}
	if r.Services != nil && !slices.Contains(r.Services, "email") {
		return ErrKeyService
	}
	if r.Hashes != nil && !slices.Contains(r.Hashes, "sha256") {
		return ErrKeyHash
	}
	if r.Revoked() {
		return ErrKeyRevoked
	}
	if r.KeyType != a.keyType() || r.Key == nil {
		return fmt.Errorf("%w: key for %.20s", ErrKeyAlgorithm, r.KeyType)
	}
	if a == RSASHA256 {
		return limits.check(r.Bits())
	}
	return nil
}

// Verify checks a signature of a SHA-256 hash that was made with the algorithm a (RFC 6376
// §6.1.3, step 4), if the key is Usable for it. A signature that does not verify is an
// [ErrSignature].
func (r *Record) Verify(a Algorithm, hash [32]byte, sig []byte, limits KeyLimits) error {
	if err := r.Usable(a, limits); err != nil {
		return err
	}
	return verifyHash(r.Key, hash, sig)
}

// words parses a colon-separated list of hyphenated words, in lower case.
func words(value string) ([]string, error) {
	l := splitList(lowerString(value))
	for _, s := range l {
		if !isHyphenatedWord(s) {
			return nil, fmt.Errorf("word %.20q", s)
		}
	}
	return l, nil
}

// services parses the list of s=, which may have a "*" too.
func services(value string) ([]string, error) {
	l := splitList(lowerString(value))
	for _, s := range l {
		if s != "*" && !isHyphenatedWord(s) {
			return nil, fmt.Errorf("service type %.20q", s)
		}
	}
	return l, nil
}

// isHyphenatedWord tells whether s, in lower case, is a hyphenated-word of RFC 6376 §2.10.
func isHyphenatedWord(s string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z':
		case i > 0 && '0' <= c && c <= '9':
		case i > 0 && i < len(s)-1 && c == '-':
		default:
			return false
		}
	}
	return s != ""
}
