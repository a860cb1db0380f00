package dkim

import (
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"mox/dns"
	"mox/message"
)

// ErrSign is wrapped by the errors of signing.
var ErrSign = errors.New("dkim: cannot sign")

// DefaultOversigned returns the names of fields that are signed by default, with all their
// instances and once more, so that none can be added: what people read, what threads and
// answers follow, and what says how the body is to be understood (RFC 6376 §5.4.1, §8.15).
func DefaultOversigned() []string {
	return []string{
		"From", "To", "Cc", "Subject", "Date", "Message-ID", "Reply-To", "In-Reply-To", "References",
		"MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Content-Disposition",
	}
}

// DefaultSigned returns the names of further fields that are signed by default as far as
// they are in the message. Mailing lists add them, so their absence is not signed.
func DefaultSigned() []string {
	return []string{
		"Sender", "List-Id", "List-Help", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Subscribe",
		"List-Post", "List-Owner", "List-Archive", "Auto-Submitted", "Feedback-ID", "Autocrypt",
	}
}

// Selector is a key to sign with, and how.
type Selector struct {
	Name dns.Domain

	// Key is an RSA key of at least 1024 bits (RFC 8301 §3.2), or an Ed25519 key. It must be safe
	// for concurrent use if the Signer is used so.
	Key crypto.Signer

	// Header and Body are the canonicalizations. Empty means Relaxed, which survives most
	// relays.
	Header, Body Canonicalization

	// Oversigned are fields to be signed with all their instances and once more. Signed are
	// fields to be signed with all instances they have. If both are nil, the defaults are
	// taken. From must be among them. DKIM-Signature cannot be oversigned: one more would stand
	// for the signature itself, or for that of the next selector (RFC 6376 §5.4).
	Oversigned, Signed []string

	// Lifetime is how long the signature is valid. Zero means for good.
	Lifetime time.Duration

	// BodyLength signs the length of the body (l=), so that anyone can add to it unnoticed
	// (RFC 6376 §8.2). There is hardly a reason to.
	BodyLength bool
}

// SignerOptions are for [NewSigner].
type SignerOptions struct {
	// Domain takes responsibility for the message (d=).
	Domain dns.Domain

	// Identity is the user on whose behalf the message is signed (i=). Nil leaves it out.
	Identity *Identity

	// Selectors are signed with, each giving a field, in this order.
	Selectors []Selector

	// MaxHeader is how many bytes of header are taken. Zero means DefaultMaxHeader.
	MaxHeader int

	// Now is the clock for t= and x=. Nil means time.Now.
	Now func() time.Time
}

// Signer signs messages for a domain. It is immutable and safe for concurrent use.
type Signer struct {
	opts       SignerOptions
	selectors  []Selector // With defaults filled in.
	algorithms []Algorithm
}

// NewSigner returns a Signer. The error tells what is wrong with the options and wraps
// [ErrSign].
func NewSigner(opts SignerOptions) (*Signer, error) {
	s := &Signer{opts: opts}
	if opts.Now == nil {
		s.opts.Now = time.Now
	}
	if !strings.Contains(opts.Domain.ASCII, ".") {
		return nil, fmt.Errorf("%w for %q: not a domain of two labels", ErrSign, opts.Domain.ASCII)
	}
	if id := opts.Identity; id != nil && id.Domain != opts.Domain && !strings.HasSuffix(id.Domain.ASCII, "."+opts.Domain.ASCII) {
		return nil, fmt.Errorf("%w for %s: identity in %s", ErrSign, opts.Domain, id.Domain)
	}
	if len(opts.Selectors) == 0 {
		return nil, fmt.Errorf("%w for %s: no selectors", ErrSign, opts.Domain)
	}
	for _, sel := range opts.Selectors {
		a, err := sel.fill()
		if err != nil {
			return nil, fmt.Errorf("%w for %s with selector %s: %w", ErrSign, opts.Domain, sel.Name, err)
		}
		s.selectors = append(s.selectors, sel)
		s.algorithms = append(s.algorithms, a)
	}
	return s, nil
}

// fill sets defaults, checks the selector, and returns its algorithm.
func (s *Selector) fill() (Algorithm, error) {
	if s.Header == "" {
		s.Header = Relaxed
	}
	if s.Body == "" {
		s.Body = Relaxed
	}
	if s.Oversigned == nil && s.Signed == nil {
		s.Oversigned, s.Signed = DefaultOversigned(), DefaultSigned()
	}
	from := false
	for _, name := range append(s.Oversigned[:len(s.Oversigned):len(s.Oversigned)], s.Signed...) {
		if !message.ValidFieldName(name) || strings.Contains(name, ";") {
			return "", fmt.Errorf("field name %q", name)
		}
		from = from || strings.EqualFold(name, "From")
	}
	own := func(name string) bool { return strings.EqualFold(name, SignatureField) }
	switch {
	case slices.ContainsFunc(s.Oversigned, own):
		return "", fmt.Errorf("%s cannot be oversigned", SignatureField)
	case s.Name.IsZero():
		return "", errors.New("no name")
	case !s.Header.known() || !s.Body.known():
		return "", ErrCanonicalization
	case !from:
		return "", ErrFromNotSigned
	case s.Key == nil:
		return "", errors.New("no key")
	}
	if pub, ok := s.Key.Public().(*rsa.PublicKey); ok && pub.N.BitLen() < 1024 {
		return "", fmt.Errorf("%w: %d bits", ErrKeyWeak, pub.N.BitLen())
	}
	return AlgorithmOf(s.Key.Public())
}

// Sign signs the message that r has and returns the fields to put in front of it. See
// [Signing.Fields].
func (s *Signer) Sign(r io.Reader) ([]byte, error) {
	m := s.NewMessage()
	if _, err := io.Copy(m, r); err != nil {
		return nil, err
	}
	return m.Fields()
}

// NewMessage begins to sign a message.
func (s *Signer) NewMessage() *Signing {
	m := &Signing{signer: s}
	m.split = Splitter{Max: s.opts.MaxHeader, Header: m.setHeader, Body: m.writeBody}
	return m
}

// Signing signs one message: an io.Writer that is given the message once, in pieces of any
// size, in the form in which it will be sent (RFC 6376 §5.3).
type Signing struct {
	signer *Signer
	split  Splitter
	header *Header
	utf8   bool // Whether the header has characters outside ASCII (RFC 6532).
	bodies [2]*BodyHasher
	err    error
}

// Write takes the next piece of the message. It keeps nothing of p and never fails.
func (m *Signing) Write(p []byte) (int, error) { return m.split.Write(p) }

// Fields ends the message and returns the DKIM-Signature fields, each with CRLF, to be put
// in front of all others (RFC 6376 §5.6). The message itself is not changed.
//
// The error wraps [ErrSign]. A header that others might read in another way cannot be signed:
// one without From, with lines that are no fields, with bare CR or LF, or larger than the
// limit.
func (m *Signing) Fields() ([]byte, error) {
	m.split.Close()
	if m.err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSign, m.err)
	}
	var fields []byte
	now := m.signer.opts.Now()
	for i, sel := range m.signer.selectors {
		sig, err := m.signature(sel, m.signer.algorithms[i], now)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrSign, err)
		}
		if fields, err = sig.Sign(fields, m.header, sel.Key, m.utf8); err != nil {
			return nil, err
		}
	}
	return fields, nil
}

func (m *Signing) setHeader(header []byte, tooLarge bool) {
	m.header = ParseHeader(header)
	switch {
	case tooLarge:
		m.err = ErrHeaderTooLarge
	case m.header.Malformed():
		m.err = ErrHeader
	case m.header.Count("From") == 0:
		m.err = fmt.Errorf("%w: no From", ErrHeader)
	case bareLineEnd(header):
		m.err = fmt.Errorf("%w: bare CR or LF", ErrHeader)
	}
	for _, c := range header {
		m.utf8 = m.utf8 || c >= 0x80
	}
	for _, sel := range m.signer.selectors {
		if i := bodyIndex(sel.Body); m.bodies[i] == nil {
			m.bodies[i] = NewBodyHasher(sel.Body, WholeBody)
		}
	}
}

func (m *Signing) writeBody(p []byte) {
	for _, b := range m.bodies {
		if b != nil {
			b.Write(p)
		}
	}
}

// signature returns the signature for a selector, not signed yet.
func (m *Signing) signature(sel Selector, a Algorithm, now time.Time) (*Signature, error) {
	s := &Signature{
		Algorithm:    a,
		Header:       sel.Header,
		Body:         sel.Body,
		Domain:       m.signer.opts.Domain,
		Selector:     sel.Name,
		Identity:     m.signer.opts.Identity,
		SignedFields: SignedFields(m.header, sel.Oversigned, sel.Signed),
		Length:       WholeBody,
		Time:         now,
	}
	if sel.Lifetime > 0 {
		s.Expires = now.Add(max(sel.Lifetime, time.Second))
	}
	body := m.bodies[bodyIndex(sel.Body)]
	if sel.BodyLength {
		s.Length = body.Len()
	}
	sum, err := body.Sum(WholeBody)
	s.BodyHash = sum[:]
	return s, err
}

// SignedFields returns the value of h= for a header: oversigned fields with all their
// instances and once more, then signed fields with all instances they have
// (RFC 6376 §5.4, §5.4.2).
func SignedFields(h *Header, oversigned, signed []string) []string {
	var l []string
	for _, name := range oversigned {
		for range h.Count(name) + 1 {
			l = append(l, name)
		}
	}
	for _, name := range signed {
		for range h.Count(name) {
			l = append(l, name)
		}
	}
	return l
}

// Sign signs the header h and appends the field with the signature to dst, as
// [Signature.AppendField] does. All of s but Signature, which it sets, must be filled in.
// The field of s must not be in h yet. The error wraps [ErrSign].
func (s *Signature) Sign(dst []byte, h *Header, key crypto.Signer, utf8 bool) ([]byte, error) {
	start := len(dst)
	dst = s.appendUnsigned(dst, utf8)
	hash, err := s.HeaderHash(h, dst[start:], -1)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSign, err)
	}
	if s.Signature, err = SignHash(key, hash); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSign, err)
	}
	return appendSignature(dst, s.Signature), nil
}

// bareLineEnd tells whether b has a CR or LF that is not part of a CRLF.
func bareLineEnd(b []byte) bool {
	for i, c := range b {
		if c == '\n' && (i == 0 || b[i-1] != '\r') || c == '\r' && (i+1 == len(b) || b[i+1] != '\n') {
			return true
		}
	}
	return false
}
