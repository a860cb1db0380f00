package arc

import (
	"crypto"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"mox/authres"
	"mox/dkim"
	"mox/dns"
	"mox/message"
)

// Errors of sealing.
var (
	// ErrFull: the chain has as many sets as it can have.
	ErrFull = errors.New("chain has 50 sets")

	// ErrSealer: a Sealer that cannot make valid sets.
	ErrSealer = errors.New("invalid sealer")
)

// SealerOptions are for [NewSealer].
type SealerOptions struct {
	Domain   dns.Domain // d=, of at least two labels.
	Selector dns.Domain // s=

	// Key is an RSA key of at least 1024 bits, or an Ed25519 key, which few others verify yet.
	Key crypto.Signer

	// Oversigned are the names of fields that the message signature covers with all their
	// instances and once more, Signed those that it covers with all instances they have. If both
	// are nil, the defaults of package dkim are taken, and DKIM-Signature is signed
	// (RFC 8617 §4.1.2). From is always covered; fields of the chain and Authentication-Results
	// never are.
	Oversigned, Signed []string

	// Now is the clock for t=. Nil means time.Now.
	Now func() time.Time

	// MaxHeader is how many bytes of header are taken. Zero means [dkim.DefaultMaxHeader].
	MaxHeader int
}

// Sealer adds sets to chains. It is immutable and safe for concurrent use, if its key is.
type Sealer struct {
	opts      SealerOptions
	algorithm dkim.Algorithm
}

// NewSealer returns a Sealer. Errors wrap [ErrSealer].
func NewSealer(opts SealerOptions) (*Sealer, error) {
	if opts.Key == nil {
		return nil, fmt.Errorf("%w: no key", ErrSealer)
	}
	algorithm, err := dkim.AlgorithmOf(opts.Key.Public())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSealer, err)
	}
	record, err := dkim.NewRecord(opts.Key.Public())
	if err == nil {
		err = record.Usable(algorithm, dkim.KeyLimits{})
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSealer, err)
	}
	if _, err := dkim.ParseDomainTag(opts.Domain.ASCII); err != nil {
		return nil, fmt.Errorf("%w: domain %q: %w", ErrSealer, opts.Domain, err)
	}
	if opts.Selector.IsZero() {
		return nil, fmt.Errorf("%w: no selector", ErrSealer)
	}
	if opts.Oversigned == nil && opts.Signed == nil {
		opts.Oversigned, opts.Signed = dkim.DefaultOversigned(), append(dkim.DefaultSigned(), dkim.SignatureField)
	}
	opts.Oversigned, opts.Signed = coverable(opts.Oversigned), coverable(opts.Signed)
	isFrom := func(name string) bool { return strings.EqualFold(name, "From") }
	if !slices.ContainsFunc(opts.Oversigned, isFrom) && !slices.ContainsFunc(opts.Signed, isFrom) {
		opts.Oversigned = append(opts.Oversigned, "From")
	}
	for _, name := range slices.Concat(opts.Oversigned, opts.Signed) {
		if !message.ValidFieldName(name) || strings.Contains(name, ";") {
			return nil, fmt.Errorf("%w: field name %q", ErrSealer, name)
		}
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Sealer{opts, algorithm}, nil
}

// coverable returns the names without those of fields that must not be covered
// (RFC 8617 §4.1.2).
func coverable(names []string) []string {
	var l []string
	for _, name := range names {
		if !isChainField(name) && !strings.EqualFold(name, authres.FieldName) {
			l = append(l, name)
		}
	}
	return l
}

// Message seals one message. It is an io.Writer for the message in pieces of any size; Fields
// comes after. Its methods are called by one goroutine at a time.
type Message struct {
	sealer   *Sealer
	split    dkim.Splitter
	chain    *chain
	body     *dkim.BodyHasher
	tooLarge bool
}

// NewMessage returns a Message, to which the message is written as it leaves, with all changes and
// signatures made (RFC 8617 §5.1, step 1), and with the chain that it has already.
func (s *Sealer) NewMessage() *Message {
	m := &Message{sealer: s, body: dkim.NewBodyHasher(dkim.Relaxed, dkim.WholeBody)}
	m.split = dkim.Splitter{Max: s.opts.MaxHeader, Header: m.setHeader, Body: func(p []byte) { m.body.Write(p) }}
	return m
}

// Write takes the next piece of the message. It keeps nothing of p and never fails.
func (m *Message) Write(p []byte) (int, error) { return m.split.Write(p) }

func (m *Message) setHeader(header []byte, tooLarge bool) {
	m.chain = newChain(dkim.ParseHeader(header))
	m.tooLarge = tooLarge
}

// Fields ends the message and returns the three fields of a new set, to be put in front of it
// (RFC 8617 §5.1). Status is what validation found when the message came in, and found what all
// checks did, among which should be that of the chain ([Result.AuthResult]).
//
// A chain that failed is sealed as such, with a seal that covers only the new set
// (RFC 8617 §5.1.2), and so is one whose structure is broken, whatever status says. After that
// nothing is added any more: the error is [ErrFailedBefore]. It is [ErrFull] if the chain cannot
// be longer, [ErrChainStatus] if status says that there is a chain where there is none, or the
// reverse, and [dkim.ErrHeaderTooLarge] or [dkim.ErrHeader] if the header cannot be signed. Then
// the message can be handed on as it is.
func (m *Message) Fields(status Status, found authres.Results) ([]byte, error) {
	m.split.Close()
	c := m.chain
	set := len(c.sets) + 1
	switch {
	case m.tooLarge:
		return nil, dkim.ErrHeaderTooLarge
	case c.header.Malformed():
		return nil, dkim.ErrHeader
	case c.sealedAsFailed():
		return nil, ErrFailedBefore
	case set > MaxSets:
		return nil, ErrFull
	case !c.found && status != StatusNone, c.found && status != StatusPass && status != StatusFail:
		return nil, fmt.Errorf("%w %q", ErrChainStatus, status)
	}
	if c.err != nil {
		status = StatusFail
	} else if _, err := c.seals(); err != nil {
		status = StatusFail
	}

	aar := fmt.Appendf(nil, "%s: i=%d; ", ResultsField, set)
	aar = append(found.AppendValue(aar), "\r\n"...)
	ams, err := m.sign(set)
	if err != nil {
		return nil, err
	}
	as, err := m.seal(set, status, aar, ams)
	if err != nil {
		return nil, err
	}
	return slices.Concat(as, ams, aar), nil
}

// sign makes the message signature.
func (m *Message) sign(instance int) ([]byte, error) {
	o := &m.sealer.opts
	sum, err := m.body.Sum(dkim.WholeBody)
	if err != nil {
		return nil, err
	}
	s := &dkim.Signature{
		Instance: instance, Algorithm: m.sealer.algorithm, Header: dkim.Relaxed, Body: dkim.Relaxed,
		Domain: o.Domain, Selector: o.Selector, Time: o.Now(), Length: dkim.WholeBody, BodyHash: sum[:],
		SignedFields: dkim.SignedFields(m.chain.header, o.Oversigned, o.Signed),
	}
	return s.Sign(nil, m.chain.header, o.Key, false)
}

// seal makes the seal, over all sets or, of a failed chain, over the new one alone.
func (m *Message) seal(instance int, status Status, aar, ams []byte) ([]byte, error) {
	o := &m.sealer.opts
	h := newSealHasher()
	if status == StatusPass {
		for i := 1; i < instance; i++ {
			for k := results; k < kinds; k++ {
				h.field(m.chain.field(i, k).Raw)
			}
		}
	}
	h.field(aar)
	h.field(ams)
	s := &Seal{Instance: instance, Algorithm: m.sealer.algorithm, Status: status, Domain: o.Domain, Selector: o.Selector, Time: o.Now()}
	hash, err := h.sum(s.AppendField(nil))
	if err != nil {
		return nil, err
	}
	if s.Signature, err = dkim.SignHash(o.Key, hash); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSealer, err)
	}
	return s.AppendField(nil), nil
}
