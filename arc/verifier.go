package arc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"mox/authres"
	"mox/dkim"
	"mox/dns"
	"mox/internal/panics"
)

// DefaultMaxLookups is how many keys a [Verifier] looks up at a time by default.
const DefaultMaxLookups = 8

// maxHashed is how many octets of header are hashed for message signatures before no older ones
// are looked at: with 50 sets and a large header it could be many times the message. To find the
// oldest that passes is optional (RFC 8617 §5.2, step 5).
const maxHashed = 8 << 20

// Options are for [NewVerifier]. The zero Options are good defaults.
type Options struct {
	// Now is the clock for x= of message signatures. Nil means time.Now.
	Now func() time.Time

	// MaxHeader is how many bytes of header are taken. A chain in a larger one is not
	// evaluated and counts as failed. Zero means [dkim.DefaultMaxHeader].
	MaxHeader int

	// Keys bound the RSA keys that are accepted.
	Keys dkim.KeyLimits

	// Records keeps parsed key records from one message to the next. Nil keeps none.
	Records *dkim.RecordCache

	// MaxLookups is how many keys are looked up at a time. Zero means DefaultMaxLookups.
	MaxLookups int

	// RefuseUnsignedBody refuses message signatures whose l= leaves some of the body unsigned
	// (RFC 6376 §6.1.3, §8.2).
	RefuseUnsignedBody bool
}

// Verifier validates the chain of one message (RFC 8617 §5.2). It is an io.Writer for the message
// in pieces of any size; Results comes after. Its methods are called by one goroutine at a time.
//
// Its memory, and the time it takes besides hashing the body twice at most, are bounded by
// Options and the 50 sets of a chain. The keys of the last set are looked up while the message is
// written, those of others only once the last set has passed.
type Verifier struct {
	opts     Options
	resolver dns.Resolver
	ctx      context.Context    // For lookups.
	cancel   context.CancelFunc // Nil before the first lookup.

	split  *dkim.Splitter // Nil once the header was set in its place.
	chain  *chain
	sums   [][32]byte          // What the seals sign, by instance.
	bodies [2]*dkim.BodyHasher // For Simple and Relaxed; nil if not needed.
	keys   map[string]*key
	slots  chan struct{} // Holds an element for each lookup that goes on.
	result Result
	done   bool
}

// key is a lookup that goes on.
type key struct {
	done    chan struct{} // Closed when the rest is set.
	records []*dkim.Record
	err     error
	bug     *panics.Error // Raised by who waits.
}

// NewVerifier returns a Verifier for a message. Keys are looked up with the context; Close or the
// end of the context end that.
func NewVerifier(ctx context.Context, resolver dns.Resolver, opts Options) *Verifier {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.MaxLookups <= 0 {
		opts.MaxLookups = DefaultMaxLookups
	}
	v := &Verifier{opts: opts, resolver: resolver, ctx: ctx}
	v.split = &dkim.Splitter{Max: opts.MaxHeader, Body: v.WriteBody, Header: func(header []byte, tooLarge bool) {
		v.setHeader(dkim.ParseHeader(header), tooLarge)
	}}
	return v
}

// Verify validates the chain of the message that r has. The error is one of r.
func Verify(ctx context.Context, resolver dns.Resolver, r io.Reader, opts Options) (Result, error) {
	v := NewVerifier(ctx, resolver, opts)
	defer v.Close()
	if _, err := io.Copy(v, r); err != nil {
		return Result{}, err
	}
	return v.Results(ctx), nil
}

// Write takes the next piece of the message. It keeps nothing of p and never fails.
func (v *Verifier) Write(p []byte) (int, error) {
	if v.split == nil {
		return len(p), nil
	}
	return v.split.Write(p)
}

// SetHeader is for who splits the message for several readers of it, as a [dkim.Splitter] does, and is then called
// once, in place of Write, with what the Splitter passes on, the header parsed. WriteBody comes after.
func (v *Verifier) SetHeader(h *dkim.Header, tooLarge bool) {
	v.split = nil
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

// Ready ends the message and tells whether it is known that Results will not wait for keys. No further piece must be
// written.
func (v *Verifier) Ready() bool {
	v.end()
	return v.result.Status != ""
}

// end ends the message.
func (v *Verifier) end() {
	if v.split != nil {
		v.split.Close()
	}
}

// Close ends lookups that still go on. It may be called at any time and more than once; a message
// that is broken off needs no Results.
func (v *Verifier) Close() {
	if v.cancel != nil {
		v.cancel()
	}
}

// Results ends the message, waits for the keys and returns the Result. When the context ends,
// keys that are not known yet make the chain fail, see [Result.Temporary].
func (v *Verifier) Results(ctx context.Context) Result {
	if v.done {
		return v.result
	}
	v.done = true
	defer v.Close()
	v.end()
	if v.result.Status == "" {
		v.finish(ctx)
	}
	return v.result
}

// fail sets the result of a chain that is not valid.
func (v *Verifier) fail(err error) {
	v.result.Status, v.result.Err = StatusFail, err
}

// setHeader does what can be done with the header alone (RFC 8617 §5.2, steps 1 to 3), and
// prepares for the rest.
func (v *Verifier) setHeader(h *dkim.Header, tooLarge bool) {
	c := newChain(h)
	switch {
	case !c.found && h.Complete(): // As in most messages.
		v.result.Status = StatusNone
	case tooLarge:
		v.fail(dkim.ErrHeaderTooLarge)
	case h.Malformed():
		v.fail(dkim.ErrHeader)
	case c.err != nil:
		v.fail(c.err)
	default:
		v.chain = c
		if err := v.begin(); err != nil {
			v.fail(err)
		}
	}
}

// begin begins the evaluation of a chain with a valid structure.
func (v *Verifier) begin() error {
	seals, err := v.chain.seals()
	if err != nil {
		return err
	}
	if v.sums, err = v.chain.sealHashes(); err != nil {
		return err
	}
	var lengths [2][]int64
	v.result.Sets = make([]Set, len(seals))
	for i := range v.result.Sets {
		s := &v.result.Sets[i]
		*s = v.chain.set(i+1, seals[i])
		if err := v.accept(s); err != nil {
			s.MessageErr = &FieldError{SignatureField, s.Instance, err}
			continue
		}
		k := bodyIndex(s.Message.Body)
		lengths[k] = append(lengths[k], s.Message.Length)
	}
	last := v.result.Sets[len(seals)-1]
	if !errors.Is(last.MessageErr, ErrNotChecked) {
		return last.MessageErr
	}
	for k, c := range []dkim.Canonicalization{dkim.Simple, dkim.Relaxed} {
		if lengths[k] != nil {
			v.bodies[k] = dkim.NewBodyHasher(c, lengths[k]...)
		}
	}
	v.ctx, v.cancel = context.WithCancel(v.ctx)
	v.keys = make(map[string]*key)
	v.slots = make(chan struct{}, v.opts.MaxLookups)
	v.lookup(last.Message.Selector, last.Message.Domain)
	v.lookup(last.Seal.Selector, last.Seal.Domain)
	return nil
}

// bodyIndex returns the index in Verifier.bodies.
func bodyIndex(c dkim.Canonicalization) int {
	if c == dkim.Relaxed {
		return 1
	}
	return 0
}

// accept tells whether the message signature of a set can be evaluated.
func (v *Verifier) accept(s *Set) error {
	if !errors.Is(s.MessageErr, ErrNotChecked) {
		return s.MessageErr
	}
	m := s.Message
	if err := m.Check(v.opts.Now()); err != nil {
		return err
	}
	if slices.ContainsFunc(m.SignedFields, isChainField) {
		return ErrSignedFields
	}
	// A From field above the one that was signed is the one that people see.
	if m.Signs("From") < v.chain.header.Count("From") {
		return fmt.Errorf("%w: From", dkim.ErrNotAllSigned)
	}
	return nil
}

// finish evaluates the signatures, from the last set down (RFC 8617 §5.2, steps 4 to 7).
func (v *Verifier) finish(ctx context.Context) {
	sets := v.result.Sets
	last := &sets[len(sets)-1]
	if v.checkMessage(ctx, last); last.MessageErr != nil {
		v.fail(last.MessageErr)
		return
	}
	if v.checkSeal(ctx, last); last.SealErr != nil {
		v.fail(last.SealErr)
		return
	}
	// Only now names in older sets, which anybody can have made up, cause lookups
	// (RFC 8617 §9.2).
	for i := len(sets) - 2; i >= 0; i-- {
		s := &sets[i]
		v.lookup(s.Seal.Selector, s.Seal.Domain)
		if errors.Is(s.MessageErr, ErrNotChecked) {
			v.lookup(s.Message.Selector, s.Message.Domain)
		}
	}
	for i := len(sets) - 2; i >= 0; i-- {
		if v.chain.hashed < maxHashed {
			v.checkMessage(ctx, &sets[i])
		}
		if sets[i].MessageErr != nil {
			v.result.OldestPass = sets[i].Instance + 1
			break
		}
	}
	for i := len(sets) - 2; i >= 0; i-- {
		if v.checkSeal(ctx, &sets[i]); sets[i].SealErr != nil {
			v.result.OldestPass = 0
			v.fail(sets[i].SealErr)
			return
		}
	}
	v.result.Status = StatusPass
}

// checkMessage evaluates the message signature of a set.
func (v *Verifier) checkMessage(ctx context.Context, s *Set) {
	if !errors.Is(s.MessageErr, ErrNotChecked) {
		return
	}
	m := s.Message
	sum, err := v.chain.messageHash(m, v.chain.field(s.Instance, signature).Raw)
	if err == nil {
		err = v.verify(ctx, m.Selector, m.Domain, func(r *dkim.Record) error {
			if err := r.Usable(m.Algorithm, v.opts.Keys); err != nil {
				return err
			}
			if err := v.checkBody(m); err != nil {
				return err
			}
			return r.Verify(m.Algorithm, sum, m.Signature, v.opts.Keys)
		})
	}
	s.MessageErr = fieldError(SignatureField, s.Instance, err)
}

// checkBody compares the body with what a message signature says of it.
func (v *Verifier) checkBody(m *dkim.Signature) error {
	b := v.bodies[bodyIndex(m.Body)]
	sum, err := b.Sum(m.Length)
	switch {
	case err != nil:
		return err
	case !slices.Equal(sum[:], m.BodyHash):
		return dkim.ErrBodyHash
	case v.opts.RefuseUnsignedBody && m.Length >= 0 && b.Len() > m.Length:
		return fmt.Errorf("%w: %d octets", dkim.ErrUnsignedBody, b.Len()-m.Length)
	}
	return nil
}

// checkSeal evaluates the seal of a set.
func (v *Verifier) checkSeal(ctx context.Context, s *Set) {
	err := v.verify(ctx, s.Seal.Selector, s.Seal.Domain, func(r *dkim.Record) error {
		return r.Verify(s.Seal.Algorithm, v.sums[s.Instance-1], s.Seal.Signature, v.opts.Keys)
	})
	s.SealErr = fieldError(SealField, s.Instance, err)
}

// verify calls check with the keys of a selector until it takes one, and returns its first error
// else.
func (v *Verifier) verify(ctx context.Context, selector, domain dns.Domain, check func(r *dkim.Record) error) error {
	k := v.lookup(selector, domain)
	select {
	case <-k.done:
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", dkim.ErrKeyUnavailable, context.Cause(ctx))
	}
	k.bug.Raise()
	if k.err != nil {
		return k.err
	}
	var first error
	for i, r := range k.records {
		err := check(r)
		if err == nil {
			return nil
		}
		if i == 0 {
			first = err
		}
	}
	return first
}

// lookup starts a lookup, once for each name.
func (v *Verifier) lookup(selector, domain dns.Domain) *key {
	name := dkim.KeyName(selector, domain)
	if k := v.keys[name]; k != nil {
		return k
	}
	k := &key{done: make(chan struct{})}
	v.keys[name] = k
	go func() {
		defer close(k.done)
		select {
		case v.slots <- struct{}{}:
			defer func() { <-v.slots }()
			k.bug = panics.Catch(func() {
				k.records, _, k.err = v.opts.Records.LookupKey(v.ctx, v.resolver, selector, domain)
			})
		case <-v.ctx.Done():
			k.err = fmt.Errorf("%w: %w", dkim.ErrKeyUnavailable, context.Cause(v.ctx))
		}
	}()
	return k
}

// set returns a set of which nothing is checked yet.
func (c *chain) set(instance int, sealed *Seal) Set {
	s := Set{Instance: instance, Seal: sealed, SealErr: &FieldError{SealField, instance, ErrNotChecked}}
	_, payload, err := cutResults(c.field(instance, results).Value)
	if err == nil {
		s.Results, err = authres.Parse(payload)
	}
	s.ResultsErr = fieldError(ResultsField, instance, err)
	s.Message, err = dkim.ParseSignature(withoutComments(c.field(instance, signature).Raw))
	if err != nil {
		s.Message = nil
	} else {
		err = ErrNotChecked
	}
	s.MessageErr = fieldError(SignatureField, instance, err)
	return s
}

// fieldError returns nil for a nil error.
func fieldError(field string, instance int, err error) error {
	if err == nil {
		return nil
	}
	return &FieldError{field, instance, err}
}
