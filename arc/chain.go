package arc

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"

	"mox/dkim"
	"mox/message"
)

// chain is the fields of a chain in a header, and what is known of it without any key.
type chain struct {
	header *dkim.Header
	sets   []fieldSet // By instance, from 1: sets[i-1]. Up to the highest instance found.
	found  bool       // There is any field of a chain.
	err    error      // Why the structure is invalid; nil without a chain.
	hashed int        // Octets that went into messageHash.
}

// fieldSet is the fields of one instance.
type fieldSet struct {
	index  [kinds]int // Where the fields stand in the header, counted from 1; 0 is missing.
	failed bool       // The seal says cv=fail.
}

// newChain collects the sets of a header and checks their structure (RFC 8617 §5.2, steps 1
// to 3).
func newChain(h *dkim.Header) *chain {
	c := &chain{header: h}
	for i, f := range h.Fields() {
		k, ok := kindOf(f)
		if !ok {
			continue
		}
		c.found = true
		instance, failed, err := instanceOf(k, f)
		if err != nil {
			c.fail(&FieldError{k.name(), instance, err})
		}
		if instance == 0 {
			continue
		}
		for len(c.sets) < instance {
			c.sets = append(c.sets, fieldSet{})
		}
		s := &c.sets[instance-1]
		if s.index[k] != 0 {
			c.fail(&FieldError{k.name(), instance, fmt.Errorf("%w: more than one", ErrStructure)})
		}
		s.index[k] = i + 1
		s.failed = s.failed || failed
	}
	for i, s := range c.sets {
		for k, index := range s.index {
			if index == 0 {
				c.fail(&FieldError{kind(k).name(), i + 1, fmt.Errorf("%w: missing", ErrStructure)})
			}
		}
	}
	// Whoever says that the chain failed knows better why.
	if c.sealedAsFailed() {
		c.err = &FieldError{SealField, len(c.sets), ErrFailedBefore}
	}
	return c
}

// fail keeps the first thing that is wrong.
func (c *chain) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

// sealedAsFailed tells whether the last seal says that the chain is invalid.
func (c *chain) sealedAsFailed() bool {
	return len(c.sets) > 0 && c.sets[len(c.sets)-1].failed
}

// instanceOf returns the instance of a field, 0 if there is no valid one, and whether it is a
// seal of a failed chain.
func instanceOf(k kind, f message.Field) (instance int, failed bool, err error) {
	if k == results {
		instance, _, err = cutResults(f.Value)
		return instance, false, err
	}
	tags, _, err := tagList(f.Raw)
	if err != nil {
		return 0, false, err
	}
	i, ok := tags.Get("i")
	if !ok {
		return 0, false, fmt.Errorf("%w: missing", ErrInstance)
	}
	if instance, err = parseInstance(i.Value); err != nil {
		return 0, false, err
	}
	cv, _ := tags.Get("cv")
	status, _ := parseStatus(cv.Value)
	return instance, k == seal && status == StatusFail, nil
}

// field returns a field of the set with an instance. The structure must be valid.
func (c *chain) field(instance int, k kind) message.Field {
	return c.header.Fields()[c.sets[instance-1].index[k]-1]
}

// seals parses the seals, and checks the statuses in them (RFC 8617 §5.2, step 3C).
func (c *chain) seals() ([]*Seal, error) {
	l := make([]*Seal, len(c.sets))
	for i := range l {
		s, err := ParseSeal(c.field(i+1, seal).Raw)
		want := StatusPass
		if i == 0 {
			want = StatusNone
		}
		if err == nil && s.Status != want {
			err = fmt.Errorf("%w %q", ErrChainStatus, s.Status)
		}
		if err != nil {
			return nil, &FieldError{SealField, i + 1, err}
		}
		l[i] = s
	}
	return l, nil
}

// sealHashes returns what each seal signs: all sets up to its own, without its b=
// (RFC 8617 §5.1.1). The structure must be valid.
func (c *chain) sealHashes() ([][32]byte, error) {
	l := make([][32]byte, len(c.sets))
	all := newSealHasher()
	for i := range l {
		for k := results; k < seal; k++ {
			all.field(c.field(i+1, k).Raw)
		}
		raw := c.field(i+1, seal).Raw
		var err error
		if l[i], err = all.sum(raw); err != nil {
			return nil, &FieldError{SealField, i + 1, err}
		}
		all.field(raw)
	}
	return l, nil
}

// sealHasher hashes the fields of sets, in the only canonicalization there is for seals
// (RFC 8617 §4.1.3).
type sealHasher struct {
	h   hash.Hash
	buf []byte
}

func newSealHasher() *sealHasher { return &sealHasher{h: sha256.New()} }

// field adds a field.
func (s *sealHasher) field(raw []byte) {
	s.buf = dkim.AppendHeaderField(s.buf[:0], raw, dkim.Relaxed)
	s.h.Write(s.buf)
}

// sum returns the hash of the fields so far and then the seal, which is not added.
func (s *sealHasher) sum(raw []byte) (sum [32]byte, err error) {
	b, err := unsigned(raw)
	if err != nil {
		return sum, err
	}
	c, ok := s.h.(hash.Cloner)
	if !ok {
		return sum, errors.ErrUnsupported
	}
	clone, err := c.Clone()
	if err != nil {
		return sum, err
	}
	b = dkim.AppendHeaderField(nil, b, dkim.Relaxed)
	clone.Write(b[:len(b)-len("\r\n")])
	clone.Sum(sum[:0])
	return sum, nil
}

// messageHash returns what the ARC-Message-Signature of a set signs of the header
// (RFC 6376 §3.7), also if raw, its field, has comments.
func (c *chain) messageHash(s *dkim.Signature, raw []byte) (sum [32]byte, err error) {
	b, err := unsigned(raw)
	if err != nil {
		return sum, err
	}
	h := sha256.New()
	var buf []byte
	for f := range c.header.Select(s.SignedFields, -1) {
		buf = dkim.AppendHeaderField(buf[:0], f.Raw, s.Header)
		h.Write(buf)
		c.hashed += len(f.Raw)
	}
	buf = dkim.AppendHeaderField(buf[:0], b, s.Header)
	h.Write(buf[:len(buf)-len("\r\n")])
	h.Sum(sum[:0])
	return sum, nil
}
