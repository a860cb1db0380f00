package checks

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"

	"mox/dns"
	"mox/dnsbl"
	"mox/internal/panics"
	"mox/pipeline"
	"mox/smtp"
)

// DNSBLOptions for NewDNSBL.
type DNSBLOptions struct {
	Resolver dns.Resolver
	Zones    []dns.Domain // Lists of addresses.

	// Listed is what becomes of mail from an address on a list: with Neutral the listing is only noted.
	Listed pipeline.Verdict

	Now func() time.Time // Default: time.Now.
	Log *slog.Logger     // Default: discard.
}

// DNSBL asks block lists for the address of the client (RFC 5782). A list that does not have the
// test entries which each must have is not believed: one that has been given up may list everybody (§5, §7).
type DNSBL struct {
	opts DNSBLOptions

	mu     sync.Mutex // Guards health.
	health map[listFamily]listHealth
}

// listFamily is a list as it is asked for one kind of addresses.
type listFamily struct {
	zone   dns.Domain
	family dnsbl.Family
}

type listHealth struct {
	ok    bool
	until time.Time
}

var _ pipeline.Check = (*DNSBL)(nil)

const (
	// healthyFor and unhealthyFor are how long what was found out about a list counts.
	healthyFor   = time.Hour
	unhealthyFor = 10 * time.Minute

	// dnsblTimeout is for all lists together, of which a client does not hear.
	dnsblTimeout = 10 * time.Second
)

// NewDNSBL returns the check.
func NewDNSBL(opts DNSBLOptions) *DNSBL {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	return &DNSBL{opts: opts, health: map[listFamily]listHealth{}}
}

// Name implements pipeline.Check.
func (*DNSBL) Name() string { return "dnsbl" }

// Start implements pipeline.Check. All lists are asked at once, while the client goes on.
func (c *DNSBL) Start(ctx context.Context, conn pipeline.Conn) (pipeline.CheckState, error) {
	if conn.Submission {
		return pipeline.NopState{}, nil // Users are at home, in networks that lists name for that.
	}
	s := &dnsblState{check: c, ip: conn.RemoteIP.Unmap().WithZone(""), answers: make([]listAnswer, len(c.opts.Zones)), done: make(chan struct{})}
	if s.unlisted(ctx) {
		close(s.done)
		return s, nil
	}
	ctx, s.cancel = context.WithTimeout(ctx, dnsblTimeout)
	var wg sync.WaitGroup
	for i, zone := range c.opts.Zones {
		wg.Go(func() {
			if bug := panics.Catch(func() { s.answers[i] = c.ask(ctx, zone, s.ip) }); bug != nil {
				s.answers[i].bug = bug
			}
		})
	}
	go func() {
		wg.Wait()
		close(s.done)
	}()
	return s, nil
}

// listAnswer is what a list says, as far as it is believed.
type listAnswer struct {
	zone dns.Domain
	dnsbl.Result
	bug *panics.Error // Raised by who waits.
}

// ask asks a list, and for its test entries if it says yes.
func (c *DNSBL) ask(ctx context.Context, zone dns.Domain, ip netip.Addr) listAnswer {
	r := dnsbl.Lookup(ctx, c.opts.Resolver, zone, ip)
	if r.Status != dnsbl.StatusFail {
		if r.Err != nil && ctx.Err() == nil {
			c.opts.Log.Warn("block list gives no answer", "zone", zone, "ip", ip, "err", r.Err)
		}
		return listAnswer{zone: zone, Result: r}
	}
	family := dnsbl.IPv4
	if !ip.Is4() {
		family = dnsbl.IPv6
	}
	if err := c.healthy(ctx, listFamily{zone, family}); err != nil {
		return listAnswer{zone: zone, Result: dnsbl.Result{Status: dnsbl.StatusTempError, Err: err}}
	}
	return listAnswer{zone: zone, Result: r}
}

var errUnhealthy = errors.New("block list failed its test lately")

// healthy returns an error if a list is not to be believed.
func (c *DNSBL) healthy(ctx context.Context, l listFamily) error {
	now := c.opts.Now()
	c.mu.Lock()
	h, known := c.health[l]
	c.mu.Unlock()
	if known && now.Before(h.until) {
		if h.ok {
			return nil
		}
		return errUnhealthy
	}
	err := dnsbl.CheckHealth(ctx, c.opts.Resolver, l.zone, l.family)
	if errors.Is(err, dnsbl.ErrTemporary) {
		return err // It is not known, and asked for again.
	}
	h = listHealth{err == nil, now.Add(healthyFor)}
	if err != nil {
		h.until = now.Add(unhealthyFor)
		c.opts.Log.Error("block list is not believed, remove it from mox.conf if that stays", "zone", l.zone, "err", err)
	}
	c.mu.Lock()
	c.health[l] = h
	c.mu.Unlock()
	return err
}

type dnsblState struct {
	pipeline.NopState
	check  *DNSBL
	cancel context.CancelFunc // Nil if nothing goes on.
	ip     netip.Addr

	done    chan struct{} // Closed when answers are there.
	answers []listAnswer
}

// unlisted sets the answers and returns true if it is at hand that no list has the address, as for most.
func (s *dnsblState) unlisted(ctx context.Context) bool {
	r, ok := s.check.opts.Resolver.(dns.Rememberer)
	if !ok {
		return false
	}
	hand := r.AtHand()
	for i, zone := range s.check.opts.Zones {
		s.answers[i] = listAnswer{zone: zone, Result: dnsbl.Lookup(ctx, hand, zone, s.ip)}
		if s.answers[i].Status != dnsbl.StatusPass {
			return false
		}
	}
	return true
}

// Prompt implements pipeline.Prompter.
func (s *dnsblState) Prompt(stage pipeline.Stage) bool {
	select {
	case <-s.done:
		return true
	default:
	}
	return stage < pipeline.StageRecipient || stage == pipeline.StageRecipient && s.check.opts.Listed != pipeline.Reject
}

// Recipient implements pipeline.CheckState. A client that is to be refused hears of it before it sends the
// message, except that the postmaster can be told that a list is wrong.
func (s *dnsblState) Recipient(ctx context.Context, to pipeline.Recipient) (pipeline.Result, error) {
	if s.check.opts.Listed != pipeline.Reject || strings.EqualFold(string(to.Path.Localpart), "postmaster") {
		return pipeline.Result{}, nil
	}
	r, err := s.result(ctx)
	if err != nil || r.Verdict != pipeline.Reject {
		return pipeline.Result{}, err
	}
	return pipeline.Result{Verdict: r.Verdict, Reply: r.Reply, Reason: r.Reason}, nil
}

// Message implements pipeline.CheckState.
func (s *dnsblState) Message(ctx context.Context, m pipeline.Message) (pipeline.Result, error) {
	r, err := s.result(ctx)
	if r.Verdict == pipeline.Reject {
		r.Verdict, r.Reply = pipeline.Quarantine, nil // What the postmaster gets.
	}
	return r, err
}

// result waits for the lists.
func (s *dnsblState) result(ctx context.Context) (pipeline.Result, error) {
	select {
	case <-s.done:
	case <-ctx.Done():
		return pipeline.Result{}, ctx.Err()
	}
	var r pipeline.Result
	for _, a := range s.answers {
		a.bug.Raise()
		name := a.zone.ASCII
		r.AuthResults = append(r.AuthResults, pipeline.AuthResult{Method: "dnsbl", Result: string(a.Status), Props: []pipeline.AuthProp{{Type: "dns", Property: "zone", Value: name}}})
		if a.Status != dnsbl.StatusFail {
			continue
		}
		r.Facts = append(r.Facts, pipeline.Fact{Name: "dnsbl", Value: name})
		if r.Verdict != pipeline.Neutral || s.check.opts.Listed == pipeline.Neutral {
			continue
		}
		r.Verdict, r.Reason = s.check.opts.Listed, "dnsbl"
		if r.Verdict == pipeline.Reject {
			text := s.ip.String() + " is listed by " + name
			if a.Explanation != "" {
				text += ": " + a.Explanation
			}
			r.Reply = smtp.NewError(smtp.C550MailboxUnavailable, smtp.E571NotAuthorized, text, nil)
		}
	}
	return r, nil
}

// Close implements pipeline.CheckState.
func (s *dnsblState) Close() {
	if s.cancel != nil {
		s.cancel()
	}
	<-s.done
}
