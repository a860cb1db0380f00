package checks

import (
	"context"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"mox/arc"
	"mox/dkim"
	"mox/dmarc"
	"mox/dns"
	"mox/internal/panics"
	"mox/iprev"
	"mox/message"
	"mox/pipeline"
	"mox/spf"
)

// SenderAuthOptions for NewSenderAuth.
type SenderAuthOptions struct {
	Resolver dns.Resolver // It should cache: a record may be asked for several times per message.
	Hostname dns.Domain   // Who checks, for Received-SPF.
	Policy   DMARCPolicy

	Now func() time.Time // Default: time.Now.

	// Intn returns a random number from 0 to n-1, for DMARC's pct. Default: that of math/rand/v2.
	Intn func(n int) int
}

// SenderAuth finds out who sent a message: by iprev (RFC 8601 §3), SPF (RFC 7208), DKIM (RFC 6376), ARC (RFC 8617) and,
// with the results of SPF and DKIM, DMARC (RFC 7489). What ARC says changes nothing by itself: who has sealed a
// message must be trusted first. All that needs DNS runs while the client goes on with its message, at most
// SenderAuthTimeout in all; what has no answer by then is a temporary error. The pipeline.Use must leave it
// that time.
//
// Its facts are those of the constants Fact*.
type SenderAuth struct {
	opts    SenderAuthOptions
	dmarc   *dmarc.Verifier
	records *dkim.RecordCache
}

var _ pipeline.Check = (*SenderAuth)(nil)

// Facts that SenderAuth gives. Domains are in ASCII.
const (
	FactIPRev       = "iprev"        // Result of iprev.
	FactIPRevName   = "iprev.name"   // Confirmed name of the client.
	FactSPF         = "spf"          // Result of SPF for the reverse-path, or for EHLO if that is null.
	FactSPFDomain   = "spf.domain"   // The domain that it is about.
	FactDKIMDomain  = "dkim.domain"  // Domain with a signature that passes; one fact for each.
	FactARC         = "arc"          // Result of ARC.
	FactARCDomain   = "arc.domain"   // Who sealed the message last, if the chain passes.
	FactDMARC       = "dmarc"        // Result of DMARC.
	FactDMARCPolicy = "dmarc.policy" // What the record asks for; without a record there is none.
	FactFromDomain  = "from.domain"  // Author domain; one fact for each.
)

const (
	// lookupTimeout is for what runs beside the dialogue, from when it begins.
	lookupTimeout = 20 * time.Second

	// policyTimeout is for the lookups of DMARC, which come last.
	policyTimeout = 10 * time.Second

	// SenderAuthTimeout is how long the message stage can take at most.
	SenderAuthTimeout = lookupTimeout + policyTimeout + 10*time.Second
)

// NewSenderAuth returns the check.
func NewSenderAuth(opts SenderAuthOptions) *SenderAuth {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &SenderAuth{opts, &dmarc.Verifier{Resolver: opts.Resolver, Intn: opts.Intn}, dkim.NewRecordCache()}
}

// Name implements pipeline.Check.
func (*SenderAuth) Name() string { return "senderauth" }

// Start implements pipeline.Check.
func (c *SenderAuth) Start(ctx context.Context, conn pipeline.Conn) (pipeline.CheckState, error) {
	if conn.Submission {
		return pipeline.NopState{}, nil // Who that is, the login says.
	}
	ctx, cancel := context.WithCancel(ctx)
	s := &senderAuthState{check: c, conn: conn, ctx: ctx, cancel: cancel}
	// A signature that leaves some of the body to anybody says nothing about the message (RFC 6376 §8.2).
	s.dkim = dkim.NewVerifier(ctx, c.opts.Resolver, dkim.Options{Now: c.opts.Now, RefuseUnsignedBody: true, Records: c.records})
	s.arc = arc.NewVerifier(ctx, c.opts.Resolver, arc.Options{Now: c.opts.Now, RefuseUnsignedBody: true, Records: c.records})
	s.split = dkim.Splitter{Header: s.setHeader, Body: s.writeBody}
	s.lookUp(func(ctx context.Context, r dns.Resolver) { s.iprev = iprev.Lookup(ctx, r, conn.RemoteIP) })
	return s, nil
}

// senderAuthState follows one message. The results are written by lookups, and read after them.
type senderAuthState struct {
	pipeline.NopState
	check  *SenderAuth
	conn   pipeline.Conn
	ctx    context.Context
	cancel context.CancelFunc

	lookups sync.WaitGroup
	pending atomic.Int32                 // Of lookups.
	bug     atomic.Pointer[panics.Error] // Of a lookup, raised by who waits for it.
	iprev   iprev.Result
	spf     spf.Result // Of the reverse-path, or of the name in EHLO if that is null.
	spfArgs spf.Args
	helo    *spf.Result // Of the name in EHLO, besides that; nil for none.

	split dkim.Splitter
	dkim  *dkim.Verifier
	arc   *arc.Verifier
}

var (
	_ pipeline.Streamer  = (*senderAuthState)(nil)
	_ pipeline.Immediate = (*senderAuthState)(nil)
)

// lookUp makes a lookup in place if all answers are at hand, else beside the dialogue. The function may thus be
// called twice.
func (s *senderAuthState) lookUp(look func(ctx context.Context, r dns.Resolver)) {
	resolver := s.check.opts.Resolver
	if r, ok := resolver.(dns.Rememberer); ok {
		hand := r.AtHand()
		if look(s.ctx, hand); !hand.Missed() {
			return
		}
	}
	s.pending.Add(1)
	s.lookups.Go(func() {
		defer s.pending.Add(-1)
		ctx, cancel := context.WithTimeout(s.ctx, lookupTimeout)
		defer cancel()
		if bug := panics.Catch(func() { look(ctx, resolver) }); bug != nil {
			s.bug.Store(bug)
		}
	})
}

// Prompt implements pipeline.Prompter.
func (*senderAuthState) Prompt(stage pipeline.Stage) bool { return stage != pipeline.StageMessage }

// Sender implements pipeline.CheckState. It begins to evaluate SPF.
func (s *senderAuthState) Sender(_ context.Context, env pipeline.Envelope) (pipeline.Result, error) {
	o := &s.check.opts
	s.spfArgs = spf.Args{RemoteIP: s.conn.RemoteIP, Hello: s.conn.Hello, MailFrom: env.MailFrom, Hostname: o.Hostname, Timeout: -1, Now: o.Now}
	s.lookUp(func(ctx context.Context, r dns.Resolver) { s.spf = spf.CheckMailFrom(ctx, r, s.spfArgs) })
	if !env.MailFrom.IsZero() {
		// RFC 7208 §2.3: also the name that the client gave itself.
		s.helo = &spf.Result{}
		s.lookUp(func(ctx context.Context, r dns.Resolver) { *s.helo = spf.CheckHELO(ctx, r, s.spfArgs) })
	}
	return pipeline.Result{}, nil
}

// Stream implements pipeline.Streamer.
func (s *senderAuthState) Stream() io.Writer { return &s.split }

// setHeader begins to verify signatures and chain.
func (s *senderAuthState) setHeader(header []byte, tooLarge bool) {
	h := dkim.ParseHeader(header)
	s.dkim.SetHeader(h, tooLarge)
	s.arc.SetHeader(h, tooLarge)
}

func (s *senderAuthState) writeBody(p []byte) {
	s.dkim.WriteBody(p)
	s.arc.WriteBody(p)
}

// MessageNow implements pipeline.Immediate.
func (s *senderAuthState) MessageNow(m pipeline.Message) (pipeline.Result, bool, error) {
	s.split.Close()
	remembers, ok := s.check.opts.Resolver.(dns.Rememberer)
	if !ok || s.ctx.Err() != nil || s.pending.Load() > 0 || !s.dkim.Ready() || !s.arc.Ready() {
		return pipeline.Result{}, false, nil
	}
	hand := remembers.AtHand()
	r := s.judge(s.ctx, m, hand)
	return r, !hand.Missed(), nil
}

// Message implements pipeline.CheckState.
func (s *senderAuthState) Message(ctx context.Context, m pipeline.Message) (pipeline.Result, error) {
	s.split.Close()
	kctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	s.dkim.Results(kctx)
	s.arc.Results(kctx)
	s.lookups.Wait() // Each has its own timeout.
	if err := ctx.Err(); err != nil {
		return pipeline.Result{}, s.check.opts.Policy.undecided(err)
	}
	pctx, cancel := context.WithTimeout(ctx, policyTimeout)
	defer cancel()
	return s.judge(pctx, m, s.check.opts.Resolver), nil
}

// judge comes to the result once that of SPF, DKIM and ARC is there. The resolver is for DMARC.
func (s *senderAuthState) judge(ctx context.Context, m pipeline.Message, resolver dns.Resolver) pipeline.Result {
	s.bug.Load().Raise()
	signatures, chain := s.dkim.Results(ctx), s.arc.Results(ctx)
	verifier := *s.check.dmarc
	verifier.Resolver = resolver
	policy := verifier.Verify(ctx, dmarc.ParseAuthors(m.Body.Root().Header), s.spfIdentifier(), DKIMIdentifiers(signatures))
	if m.Body.Root().Defects&message.DefectHeaderTooLarge != 0 {
		policy.Invalid = true // Another From may follow where nobody has looked.
	}

	r := s.check.opts.Policy.judge(policy)
	r.Prepend = spf.NewReceived(s.spfArgs, s.spf).AppendField(nil)
	r.AuthResults = s.authResults(m.Envelope.SMTPUTF8, signatures, chain, policy)
	r.Facts = s.facts(signatures, chain, policy)
	return r
}

// spfIdentifier returns what SPF says to DMARC (RFC 7489 §4.1).
func (s *senderAuthState) spfIdentifier() dmarc.Identifier {
	return dmarc.Identifier{Domain: s.spf.Domain, Status: dmarc.Status(s.spf.Status)}
}

// DKIMIdentifiers returns what the signatures of a message say to DMARC.
func DKIMIdentifiers(signatures []dkim.Result) []dmarc.Identifier {
	var l []dmarc.Identifier
	for _, r := range signatures {
		if r.Signature == nil {
			continue
		}
		status := r.Status
		if r.Testing && status == dkim.StatusPass {
			status = dkim.StatusNeutral // RFC 6376 §3.6.1: it must not be treated better than unsigned.
		}
		l = append(l, dmarc.Identifier{Domain: r.Signature.Domain, Status: dmarc.Status(status)})
	}
	return l
}

// authResults returns what is said in Authentication-Results (RFC 8601 §2.7).
func (s *senderAuthState) authResults(utf8 bool, signatures []dkim.Result, chain arc.Result, policy dmarc.Result) []pipeline.AuthResult {
	l := make([]pipeline.AuthResult, 0, 6+len(signatures))
	l = append(l, pipeline.AuthResult{Method: "iprev", Result: string(s.iprev.Status), Props: []pipeline.AuthProp{{Type: "policy", Property: "iprev", Value: s.conn.RemoteIP.String()}}})
	for _, r := range []*spf.Result{&s.spf, s.helo} {
		if r != nil {
			name, value := r.Property()
			// Of a local-part SPF says nothing, as a rule (RFC 8601 §2.7.2).
			value = value[strings.LastIndexByte(value, '@')+1:]
			l = append(l, pipeline.AuthResult{Method: "spf", Result: string(r.Status), Reason: r.Problem, Props: []pipeline.AuthProp{{Type: "smtp", Property: name, Value: value}}})
		}
	}
	if len(signatures) == 0 {
		l = append(l, pipeline.AuthResult{Method: "dkim", Result: string(dkim.StatusNone)})
	}
	for _, r := range signatures {
		a := pipeline.AuthResult{Method: "dkim", Result: string(r.Status), Reason: r.Reason()}
		properties := r.Properties(utf8)
		a.Props = make([]pipeline.AuthProp, 0, len(properties))
		for _, p := range properties {
			a.Props = append(a.Props, pipeline.AuthProp{Type: "header", Property: p.Name, Value: p.Value})
		}
		l = append(l, a)
	}
	if chain.Status != arc.StatusNone {
		l = append(l, chain.AuthResult(s.conn.RemoteIP))
	}
	a := pipeline.AuthResult{Method: "dmarc", Result: string(policy.Status), Reason: policy.Reason()}
	for _, p := range policy.Properties() {
		a.Props = append(a.Props, pipeline.AuthProp{Type: p.Type, Property: p.Name, Value: p.Value})
	}
	l = append(l, a)
	if !utf8 {
		for i := range l {
			l[i].Reason = asciiOnly(l[i].Reason)
			for j, p := range l[i].Props {
				l[i].Props[j].Value = asciiOnly(p.Value)
			}
		}
	}
	return l
}

// asciiOnly replaces what only the header of an internationalized message may have (RFC 6532 §3). It can come from a
// record in DNS, or from a tag of a signature.
func asciiOnly(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 }) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r >= 0x80 {
			return '?'
		}
		return r
	}, s)
}

// facts returns what later decisions may use.
func (s *senderAuthState) facts(signatures []dkim.Result, chain arc.Result, policy dmarc.Result) []pipeline.Fact {
	l := append(make([]pipeline.Fact, 0, 12),
		pipeline.Fact{Name: FactIPRev, Value: string(s.iprev.Status)},
		pipeline.Fact{Name: FactSPF, Value: string(s.spf.Status)},
		pipeline.Fact{Name: FactDMARC, Value: string(policy.Status)})
	add := func(name, value string) {
		if f := (pipeline.Fact{Name: name, Value: value}); value != "" && !slices.Contains(l, f) {
			l = append(l, f)
		}
	}
	add(FactIPRevName, s.iprev.Name.ASCII)
	add(FactSPFDomain, s.spf.Domain.ASCII)
	for _, id := range DKIMIdentifiers(signatures) {
		if id.Status == dmarc.StatusPass {
			add(FactDKIMDomain, id.Domain.ASCII)
		}
	}
	add(FactARC, string(chain.Status))
	if n := len(chain.Sets); n > 0 && chain.Status == arc.StatusPass {
		add(FactARCDomain, chain.Sets[n-1].Seal.Domain.ASCII)
	}
	add(FactDMARCPolicy, string(policy.Policy))
	for _, d := range policy.Authors.Domains {
		add(FactFromDomain, d.ASCII)
	}
	return l
}

// Close implements pipeline.CheckState.
func (s *senderAuthState) Close() {
	s.cancel()
	s.dkim.Close()
	s.arc.Close()
	s.lookups.Wait()
}
