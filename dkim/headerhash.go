package dkim

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash"
)

// HeaderHasher computes the SHA-256 hash of header fields (RFC 6376 §3.7, hash step 2).
type HeaderHasher struct {
	c   Canonicalization
	h   hash.Hash
	buf []byte
}

// NewHeaderHasher returns a HeaderHasher. c must be Simple or Relaxed.
func NewHeaderHasher(c Canonicalization) *HeaderHasher {
	return &HeaderHasher{c: c, h: sha256.New()}
}

// Field adds a field.
func (h *HeaderHasher) Field(raw []byte) {
	h.buf = AppendHeaderField(h.buf[:0], raw, h.c)
	h.h.Write(h.buf)
}

// SignatureField adds the field with the signature itself, which comes last: without the
// value of b=, and without CRLF at its end. The error is that of [ParseTagList], or an
// ErrMissingTag if there is no b=.
func (h *HeaderHasher) SignatureField(raw []byte) error {
	unsigned, err := withoutSignature(raw)
	if err != nil {
		return err
	}
	h.buf = AppendHeaderField(h.buf[:0], unsigned, h.c)
	h.h.Write(h.buf[:len(h.buf)-2])
	return nil
}

// Sum returns the hash.
func (h *HeaderHasher) Sum() [32]byte {
	var sum [32]byte
	h.h.Sum(sum[:0])
	return sum
}

// withoutSignature returns a copy of a field without the value of its b= tag, with all
// white space around it (RFC 6376 §3.7).
func withoutSignature(raw []byte) ([]byte, error) {
	colon := bytes.IndexByte(raw, ':') + 1
	tags, err := ParseTagList(trimLineEnd(raw[colon:]))
	if err != nil {
		return nil, err
	}
	b, ok := tags.Get("b")
	if !ok {
		return nil, fmt.Errorf("%w b=", ErrMissingTag)
	}
	out := make([]byte, 0, len(raw))
	out = append(out, raw[:colon+b.Start]...)
	return append(out, raw[colon+b.End:]...), nil
}
