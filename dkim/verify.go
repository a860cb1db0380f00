package dkim

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"mox/dns"
	"mox/internal/panics"
)

// DefaultMaxSignatures is how many signatures of a message a [Verifier] evaluates by
// default.
const DefaultMaxSignatures = 10

// maxResults is how many signatures of a message a Verifier reports at most.
const maxResults = 100

// Options are for [NewVerifier]. The zero Options are good defaults.
type Options struct {
	// Now is the clock for x= and t=. Nil means time.Now.
	Now func() time.Time

	// MaxHeader is how many bytes of header are taken. The signatures of a message with
	// a larger one are not evaluated. Zero means DefaultMaxHeader.
	MaxHeader int

	// MaxSignatures is how many signatures are evaluated, from the top of the header, not
	// counting those that cannot be read or used. Zero means DefaultMaxSignatures.
	MaxSignatures int

	// Keys bound the RSA keys that are accepted.
	Keys KeyLimits

	// Records keeps parsed key records from one message to the next. Nil keeps none.
	Records *RecordCache

	// Require lists fields that must be in h= if the message has them (RFC 6376 §6.1.1).
	// From always must.
	Require []string

	// RefuseUnsignedBody refuses signatures whose l= leaves some of the body unsigned
	// (RFC 6376 §6.1.3, §8.2).
	RefuseUnsignedBody bool

	// RefuseDomain tells of domains whose signatures are not accepted, such as "com"
	// (RFC 6376 §6.1.1). Nil accepts all.
	RefuseDomain func(d dns.Domain) bool

	// MaxFuture is how far t= may lie in the future (RFC 6376 §3.5). Zero does not look at
	// it.
	MaxFuture time.Duration

	// TestingIsUnsigned makes a signature neutral that passes with a key that is being
	// tested. By default it passes, with Result.Testing set: many domains forget the flag, and
	// what follows from a pass is for the caller to say.
	TestingIsUnsigned bool
}

// Result is what is known about a signature.
type Result struct {
	Status Status

	// Err is the reason, nil for a pass. It wraps one of the errors of this package.
	Err error

	// Signature is nil if the field cannot be read.
	Signature *Signature

	// Record is the key record; nil if it was not looked up, not found or cannot be read. With Options.Records it is
	// shared and must not be changed.
	Record *Record

	// Authentic tells whether the answer to the lookup of the key was authenticated by
	// DNSSEC.
	Authentic bool

	// Testing tells that the domain is testing DKIM, so that the message should be treated
	// like an unsigned one (RFC 6376 §3.6.1, t=y).
	Testing bool

	// UnsignedBody is how many octets of the canonical body l= leaves unsigned.
	UnsignedBody int64

	b string // For header.b.
}

// Reason returns Err in a few words for an Authentication-Results field. It is empty for a
// pass.
func (r Result) Reason() string {
	if r.Err == nil {
		return ""
	}
	return verdictOf(r.Err).err.Error()
}

// Property is a property of ptype "header" of an Authentication-Results field.
type Property struct{ Name, Value string }

// Properties returns what to say about the signature in an Authentication-Results field:
// header.d, header.i, header.s, header.a and header.b (RFC 8601 §2.7.1, RFC 6008 §4), or
// nothing if it cannot be read. With utf8 domains are in Unicode; without, header.i is left
// out if its local part cannot be said in ASCII.
func (r Result) Properties(utf8 bool) []Property {
	s := r.Signature
	if s == nil {
		return nil
	}
	l := append(make([]Property, 0, 5), Property{"d", s.Domain.XName(utf8)})
	if s.Identity != nil && (utf8 || !s.Identity.Localpart.IsInternational()) {
		l = append(l, Property{"i", s.Identity.XString(utf8)})
	}
	return append(l,
		Property{"s", s.Selector.XName(utf8)},
		Property{"a", string(s.Algorithm)},
		Property{"b", r.b})
}

// Verifier verifies the signatures of one message. It is an io.Writer for the message in
// pieces of any size; Results comes after. Its methods are called by one goroutine at a
// time.
//
// The time it takes besides hashing the body twice at most, and its memory, are bounded by
// Options, whatever the message is.
type Verifier struct {
	opts     Options
	resolver dns.Resolver
	ctx      context.Context    // For lookups.
	cancel   context.CancelFunc // Nil before the first lookup that takes time.

	split   Splitter
	header  *Header
	checks  []*check
	bodies  [2]*BodyHasher // For Simple and Relaxed; nil if not needed.
	lookups map[string]*keyLookup
	results []Result
	done    bool
}

// check is the evaluation of one signature.
type check struct {
	raw    []byte
	index  int // Of the field in the header.
	hash   [32]byte
	key    *keyLookup
	result Result
}

// keyLookup is a lookup of a key that goes on.
type keyLookup struct {
	done    chan struct{} // Closed when the rest is set.
	records []*Record
	result  dns.Result
	err     error
	bug     *panics.Error // Raised by who waits.
}

// NewVerifier returns a Verifier for a message. Keys are looked up with the context while
// the message is written; Close or the end of the context end that.
func NewVerifier(ctx context.Context, resolver dns.Resolver, opts Options) *Verifier {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.MaxSignatures <= 0 {
		opts.MaxSignatures = DefaultMaxSignatures
	}
	v := &Verifier{opts: opts, resolver: resolver, ctx: ctx}
	v.split = Splitter{Max: opts.MaxHeader, Body: v.WriteBody, Header: func(header []byte, tooLarge bool) {
		v.setHeader(ParseHeader(header), tooLarge)
	}}
	return v
}

// Verify verifies the signatures of the message that r has. The error is one of r.
func Verify(ctx context.Context, resolver dns.Resolver, r io.Reader, opts Options) ([]Result, error) {
	v := NewVerifier(ctx, resolver, opts)
	defer v.Close()
	if _, err := io.Copy(v, r); err != nil {
		return nil, err
	}
	return v.Results(ctx), nil
}

// Write takes the next piece of the message. It keeps nothing of p and never fails.
func (v *Verifier) Write(p []byte) (int, error) { return v.split.Write(p) }

// SetHeader is for who splits the message for several readers of it, as a [Splitter] does, and is then called once,
// in place of Write, with what the Splitter passes on, the header parsed. WriteBody comes after.
func (v *Verifier) SetHeader(h *Header, tooLarge bool) {
	v.split.state = ignoring
	v.setHeader(h, tooLarge)
}

// WriteBody takes the next piece of the body, after SetHeader.
func (v *Verifier) WriteBody(p []byte) {
	for _, b := range v.bodies {
		if b != nil {
			b.Write(p)
		}
	}
}

// Ready ends the message and tells whether Results will not wait for keys. No further piece must be written.
func (v *Verifier) Ready() bool {
	v.split.Close()
	for _, l := range v.lookups {
		select {
		case <-l.done:
		default:
			return false
		}
	}
	return true
}

// Close ends lookups that still go on. It may be called at any time and more than once; a
// message that is broken off needs no Results.
func (v *Verifier) Close() {
	if v.cancel != nil {
		v.cancel()
	}
}

// Results ends the message, waits for the keys and returns a Result per signature, in
// the order of the header; none for a message without signatures ([StatusNone]). Signatures
// past Options.MaxSignatures are reported as not accepted, and not at all past the first
// 100. When the context ends, signatures whose keys are not known yet get a temporary
// error.
//
// A message with several signatures is as good as the best of them (RFC 6376 §6.1).
func (v *Verifier) Results(ctx context.Context) []Result {
	if v.done {
		return v.results
	}
	v.done = true
	defer v.Close()
	v.split.Close()
	for _, c := range v.checks {
		r := &c.result
		if r.Err == nil {
			r.Err = v.finish(ctx, c)
		}
		r.Status = verdictOf(r.Err).status
		v.applyTesting(r)
		v.results = append(v.results, *r)
	}
	v.checks = nil
	abbreviate(v.results)
	return v.results
}

// setHeader begins the evaluation of the signatures in the header.
func (v *Verifier) setHeader(header *Header, tooLarge bool) {
	v.header = header
	var lengths [2][]int64
	evaluated := 0
	for i, f := range v.header.Fields() {
		if !f.Is(SignatureField) {
			continue
		}
		if len(v.checks) == maxResults {
			break
		}
		c := &check{raw: f.Raw, index: i}
		v.checks = append(v.checks, c)
		switch {
		case evaluated == v.opts.MaxSignatures:
			c.result.Err = ErrTooMany
		case tooLarge:
			c.result.Err = ErrHeaderTooLarge
		case v.header.Malformed():
			c.result.Err = ErrHeader
		default:
			c.result.Err = v.begin(c)
		}
		if c.result.Err == nil {
			evaluated++
			s := c.result.Signature
			k := bodyIndex(s.Body)
			lengths[k] = append(lengths[k], s.Length)
		}
	}
	for k, c := range []Canonicalization{Simple, Relaxed} {
		if lengths[k] != nil {
			v.bodies[k] = NewBodyHasher(c, lengths[k]...)
		}
	}
}

// bodyIndex returns the index in Verifier.bodies.
func bodyIndex(c Canonicalization) int {
	if c == Relaxed {
		return 1
	}
	return 0
}

// begin does what can be done for a signature with the header alone, and starts the lookup
// of its key.
func (v *Verifier) begin(c *check) error {
	s, value, err := parseSignature(c.raw)
	if err != nil {
		return err
	}
	c.result.Signature = s
	if err := v.accept(s); err != nil {
		return err
	}
	c.hash = s.headerHash(v.header, c.raw, value, c.index)
	c.key = v.lookup(s)
	return nil
}

// accept tells whether the signature can and may be evaluated.
func (v *Verifier) accept(s *Signature) error {
	now := v.opts.Now()
	if err := s.Check(now); err != nil {
		return err
	}
	if v.opts.MaxFuture > 0 && s.Time.After(now.Add(v.opts.MaxFuture)) {
		return ErrFuture
	}
	if v.opts.RefuseDomain != nil && v.opts.RefuseDomain(s.Domain) {
		return fmt.Errorf("%w %s", ErrDomain, s.Domain)
	}
	// A From field above the one that was signed is the one that people see.
	if s.Signs("From") < v.header.Count("From") {
		return fmt.Errorf("%w: From", ErrNotAllSigned)
	}
	for _, name := range v.opts.Require {
		if v.header.Count(name) > 0 && s.Signs(name) == 0 {
			return fmt.Errorf("%w: %s", ErrRequiredNotSigned, name)
		}
	}
	return nil
}

// lookup starts the lookup of the key of a signature, once for each name. If the answer is at hand it is complete.
func (v *Verifier) lookup(s *Signature) *keyLookup {
	name := KeyName(s.Selector, s.Domain)
	if l := v.lookups[name]; l != nil {
		return l
	}
	l := &keyLookup{done: make(chan struct{})}
	if v.lookups == nil {
		v.lookups = make(map[string]*keyLookup)
	}
	v.lookups[name] = l
	look := func(r dns.Resolver) {
		l.records, l.result, l.err = v.opts.Records.LookupKey(v.ctx, r, s.Selector, s.Domain)
	}
	if r, ok := v.resolver.(dns.Rememberer); ok {
		hand := r.AtHand()
		if look(hand); !hand.Missed() {
			close(l.done)
			return l
		}
	}
	if v.cancel == nil {
		v.ctx, v.cancel = context.WithCancel(v.ctx)
	}
	go func() {
		defer close(l.done)
		l.bug = panics.Catch(func() { look(v.resolver) })
	}()
	return l
}

// wait waits for the lookup, or the end of the context.
func (l *keyLookup) wait(ctx context.Context) error {
	select {
	case <-l.done:
		return nil
	default:
	}
	select {
	case <-l.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrKeyUnavailable, context.Cause(ctx))
	}
}

// finish returns the outcome for a signature after the body.
func (v *Verifier) finish(ctx context.Context, c *check) error {
	if err := c.key.wait(ctx); err != nil {
		return err
	}
	c.key.bug.Raise()
	r := &c.result
	r.Authentic = c.key.result.Authentic
	if c.key.err != nil {
		return c.key.err
	}
	// With several records the first that verifies counts, else the first.
	var first error
	for i, record := range c.key.records {
		err := v.verify(c, record)
		if err == nil || i == 0 {
			first = err
			r.Record = record
		}
		if err == nil {
			break
		}
	}
	return first
}

// verify checks a signature with a key record, in the order of RFC 6376 §6.1.2 and
// §6.1.3.
func (v *Verifier) verify(c *check, record *Record) error {
	r := &c.result
	s := r.Signature
	if record.SameDomain() && s.AUID().Domain != s.Domain {
		return fmt.Errorf("%w: key is for %s only", ErrDomainMismatch, s.Domain)
	}
	if err := record.Usable(s.Algorithm, v.opts.Keys); err != nil {
		return err
	}
	body := v.bodies[bodyIndex(s.Body)]
	sum, err := body.Sum(s.Length)
	if err != nil {
		return err
	}
	if !slices.Equal(sum[:], s.BodyHash) {
		return ErrBodyHash
	}
	if err := record.Verify(s.Algorithm, c.hash, s.Signature, v.opts.Keys); err != nil {
		return err
	}
	if s.Length >= 0 {
		r.UnsignedBody = body.Len() - s.Length
	}
	if v.opts.RefuseUnsignedBody && r.UnsignedBody > 0 {
		return fmt.Errorf("%w: %d octets", ErrUnsignedBody, r.UnsignedBody)
	}
	return nil
}

// applyTesting keeps a failing signature from being worse than none if the key is being tested
// (RFC 6376 §3.6.1, t=y).
func (v *Verifier) applyTesting(r *Result) {
	r.Testing = r.Record != nil && r.Record.Testing()
	if !r.Testing {
		return
	}
	if r.Err == nil && v.opts.TestingIsUnsigned {
		r.Err = ErrTesting
	}
	if r.Err != nil {
		r.Status = StatusNeutral
	}
}

// maxAbbreviation is the length of header.b at most: more is of no use to people, and who
// writes signatures that begin alike decides on it.
const maxAbbreviation = 64

// abbreviate sets what header.b says: the first eight characters of b=, more where that
// does not tell signatures apart (RFC 6008 §4).
func abbreviate(results []Result) {
	for i := range results {
		s := results[i].Signature
		if s == nil {
			continue
		}
		n := min(8, len(s.base64Signature))
		for j, other := range results {
			if o := other.Signature; o != nil && i != j && o.base64Signature != s.base64Signature {
				n = max(n, min(commonPrefix(s.base64Signature, o.base64Signature)+1, len(s.base64Signature), maxAbbreviation))
			}
		}
		results[i].b = s.base64Signature[:n]
	}
}

// commonPrefix returns how many bytes a and b begin with alike, of those that matter to
// abbreviate.
func commonPrefix(a, b string) int {
	n := 0
	for n < min(len(a), len(b), maxAbbreviation) && a[n] == b[n] {
		n++
	}
	return n
}
