package dkim

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash"
)

// HeaderHasher computes the SHA-256 hash of header fields (RFC 6376 §3.7, hash step 2).
type HeaderHasher struct {
	c    Canonicalization
	h    hash.Hash
	buf  []byte
	rest []byte // Of the field with the signature.
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
	value, err := findSignature(raw)
	if err != nil {
		return err
	}
	h.unsigned(raw, value)
	return nil
}

// unsigned adds the field with the signature without a span of it, the value of b=.
func (h *HeaderHasher) unsigned(raw []byte, value span) {
	h.rest = append(append(h.rest[:0], raw[:value.start]...), raw[value.end:]...)
	h.buf = AppendHeaderField(h.buf[:0], h.rest, h.c)
	h.h.Write(h.buf[:len(h.buf)-2])
}

// Sum returns the hash.
func (h *HeaderHasher) Sum() [32]byte {
	h.buf = h.h.Sum(h.buf[:0])
	return [32]byte(h.buf)
}

// span is a part of a field.
type span struct{ start, end int }

// findSignature returns where a field has the value of its b= tag, with all white space around it, which is not
// signed (RFC 6376 §3.7).
func findSignature(raw []byte) (span, error) {
	colon := bytes.IndexByte(raw, ':') + 1
	tags, err := ParseTagList(trimLineEnd(raw[colon:]))
	if err != nil {
		return span{}, err
	}
	b, ok := tags.Get("b")
	if !ok {
		return span{}, fmt.Errorf("%w b=", ErrMissingTag)
	}
	return span{colon + b.Start, colon + b.End}, nil
}
