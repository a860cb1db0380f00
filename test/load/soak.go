package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"mox/test/load/conn"
	"mox/test/load/figure"
	"mox/test/load/mail"
)

// soaking is a run that does everything at once for a time. Each account has a reader of its own, who
// alone removes messages from it, so that it is known how many it must hold.
type soaking struct {
	*run
	lasts   time.Duration // Once all clients are under way.
	senders int
	readers int
	idlers  int
	rate    int // Of messages.
	visits  int // Of sessions of readers.
	warm    int // Messages that are read before, so that caches are full.
	seed    uint64

	gen    *mail.Generator
	sent   atomic.Int64
	rounds atomic.Int64
	told   atomic.Int64
	broken atomic.Int64 // Connections that were cut off on purpose.
	took   time.Duration

	mu       sync.Mutex
	accepted []int // Messages by account.
	removed  []int
	errs     []error
}

func soakMode(r *run, fs *flag.FlagSet, args []string) error {
	s := soaking{run: r}
	r.serverFlags(fs)
	fs.DurationVar(&s.lasts, "for", 5*time.Minute, "how long")
	fs.IntVar(&s.senders, "senders", 4, "senders")
	fs.IntVar(&s.readers, "readers", 4, "readers, each with an account of its own")
	fs.IntVar(&s.idlers, "idlers", 20, "connections that wait for mail")
	fs.IntVar(&s.rate, "rate", 40, "messages a second, from all senders")
	fs.IntVar(&s.visits, "sessions", 20, "sessions a second, of all readers")
	fs.IntVar(&s.warm, "warm", 20_000, "messages of 2 KB that are stored and listed before, so that caches are as full as they get; 0 for none")
	fs.Uint64Var(&s.seed, "seed", 1, "which messages are made")
	sample := fs.Duration("sample", 0, "how often the use of resources is read; 0 is 100 times, at least every 10 seconds")
	if err := r.parse(fs, args, "smtp", "imap", "pids"); err != nil {
		return err
	}
	if err := positive(map[string]int{"senders": s.senders, "readers": s.readers, "idlers": s.idlers, "rate": s.rate, "sessions": s.visits}); err != nil {
		return err
	}
	if s.readers > s.server.accounts {
		return usagef("the server has %d accounts only", s.server.accounts)
	}
	if *sample <= 0 {
		*sample = min(max(s.lasts/100, 50*time.Millisecond), 10*time.Second)
	}
	return s.soak(*sample)
}

func (s *soaking) soak(every time.Duration) error {
	s.gen = mail.New(mail.Options{Seed: s.seed})
	s.accepted, s.removed = make([]int, s.readers), make([]int, s.readers)
	before := make([]int, s.readers)
	for k := range before {
		var err error
		if before[k], err = s.count(k, "INBOX"); err != nil {
			return err
		}
	}
	if err := s.fillCaches(); err != nil {
		return err
	}
	watch := watching{run: s.run, lasts: s.lasts, every: every}
	rest, err := watch.read()
	if err != nil {
		return err
	}

	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	var wg sync.WaitGroup
	began := time.Now()
	s.begin(ctx, cancel, &wg)
	s.underWay(ctx)
	timed, stop := context.WithTimeout(ctx, s.lasts)
	watchErr := watch.until(timed)
	stop()
	cancel() // Also when there is nothing left to watch.
	s.took = time.Since(began)
	wg.Wait()
	if err := errors.Join(append(s.errs, s.ctx.Err(), watchErr)...); err != nil {
		return err
	}
	if err := s.settle(before); err != nil {
		return err
	}
	return errors.Join(s.report(), watch.report(rest))
}

// underWay waits until clients of all kinds have come to what they do, or the context ends. On a busy machine they take long for
// that, and what the server uses until then grows with them.
func (s *soaking) underWay(ctx context.Context) {
	// If it takes too long, the report says that some did nothing.
	_ = poll(ctx, 20*time.Millisecond, s.timeout, func() (bool, error) {
		return s.sent.Load() > 0 && s.broken.Load() > 0 && s.rounds.Load() >= int64(s.readers) && s.told.Load() >= int64(s.idlers), nil
	})
}

// fillCaches has the server store and list messages. A cache with a bound grows until it is full, which is not what
// is looked for.
func (s *soaking) fillCaches() error {
	if s.warm <= 0 {
		return nil
	}
	// Many at a time, so that a disk that is slow to sync does not take longer for it than the run.
	a := appending{run: s.run, opts: &mail.Options{Seed: s.seed, Size: 2048}, n: s.warm, c: max(s.senders, 16), mailbox: "Warm", literal: "auto"}
	if _, err := a.appendNew(); err != nil {
		return err
	}
	f := fetching{run: s.run, mailbox: a.mailbox}
	_, _, _, err := f.once(fetchShape{items: "(UID FLAGS ENVELOPE)", has: "ENVELOPE ("})
	return err
}

// begin starts all clients. The first error ends the run.
func (s *soaking) begin(ctx context.Context, cancel func(), wg *sync.WaitGroup) {
	start := func(client func() error) {
		wg.Go(func() {
			if err := client(); err != nil {
				s.mu.Lock()
				s.errs = append(s.errs, err)
				s.mu.Unlock()
				cancel()
			}
		})
	}
	messages, visits := make(chan time.Time), make(chan time.Time)
	wg.Go(func() { pace(ctx, s.rate, messages) })
	wg.Go(func() { pace(ctx, s.visits, visits) })
	for range s.senders {
		start(func() error { return s.send(messages) })
	}
	for k := range s.readers {
		start(func() error { return s.read(visits, k) })
	}
	for i := range s.idlers {
		start(func() error { return s.idle(ctx, i%s.readers) })
	}
	start(func() error { return s.cutOff(ctx) })
}

// pace gives a tick a number of times a second, and closes the channel in the end.
func pace(ctx context.Context, rate int, ticks chan<- time.Time) {
	defer close(ticks)
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case t := <-tick.C:
			select {
			case <-ctx.Done():
				return
			case ticks <- t:
			}
		}
	}
}

// perSender is the number of messages after which a sender connects anew.
const perSender = 25

// send delivers a message for each tick.
func (s *soaking) send(ticks <-chan time.Time) error {
	var c *conn.SMTP
	on := 0
	for range ticks {
		if c != nil && on == perSender {
			if err := c.Quit(); err != nil {
				return err
			}
			c = nil
		}
		if c == nil {
			var err error
			if c, err = s.dialer.SMTP(s.ctx, s.server.smtp, conn.Credentials{}); err != nil {
				return err
			}
			on = 0
		}
		i := int(s.sent.Add(1) - 1)
		account := i % s.readers
		if err := c.Send("sender@elsewhere.example", []string{s.server.address(account)}, s.gen.Message(i)); err != nil {
			return err
		}
		on++
		s.mu.Lock()
		s.accepted[account]++
		s.mu.Unlock()
	}
	if c != nil {
		return c.Quit()
	}
	return nil
}

// cutOff opens connections and leaves in the middle of something.
func (s *soaking) cutOff(ctx context.Context) error {
	for i := 0; ; i++ {
		if sleep(ctx, 200*time.Millisecond) != nil {
			return nil
		}
		c, err := s.imap(i % s.readers)
		if err != nil {
			return err
		}
		if i%2 == 0 {
			if _, err := c.Select("INBOX"); err != nil {
				return err
			}
			if err := c.Idle(); err != nil {
				return err
			}
		}
		c.Close()
		m, err := s.dialer.SMTP(s.ctx, s.server.smtp, conn.Credentials{})
		if err != nil {
			return err
		}
		if err := m.Abandon("sender@elsewhere.example", []string{s.server.address(i % s.readers)}, s.gen.Message(i)); err != nil {
			return err
		}
		s.broken.Add(2)
	}
}

// idle waits for mail, on a new connection now and then.
func (s *soaking) idle(ctx context.Context, account int) error {
	for ctx.Err() == nil {
		c, err := s.imap(account)
		if err != nil {
			return err
		}
		err = s.idleOn(ctx, c)
		if ctx.Err() != nil {
			c.Close() // Without a goodbye, as it waits still.
			return nil
		}
		if err != nil {
			c.Close()
			return fmt.Errorf("waiting for mail: %w", err)
		}
		if err := c.Logout(); err != nil {
			return err
		}
	}
	return nil
}

// perIdler is the number of times that a connection waits before there is a new one.
const perIdler = 10

func (s *soaking) idleOn(ctx context.Context, c *conn.IMAP) error {
	if _, err := c.Select("INBOX"); err != nil {
		return err
	}
	for range perIdler {
		if err := c.Idle(); err != nil {
			return err
		}
		// Mail comes all the time; without any the server is broken.
		if err := c.WaitExists(ctx, s.timeout); err != nil {
			return err
		}
		s.told.Add(1)
		if err := c.Done(); err != nil {
			return err
		}
	}
	return nil
}

// settle waits until each account holds what it must.
func (s *soaking) settle(before []int) error {
	for k := range before {
		want := before[k] + s.accepted[k] - s.removed[k]
		got := 0
		err := poll(s.ctx, 100*time.Millisecond, 5*time.Minute, func() (done bool, err error) {
			got, err = s.count(k, "INBOX")
			return got == want, err
		})
		if err != nil {
			return fmt.Errorf("%s has %d messages, not %d: %w", s.server.address(k), got, want, err)
		}
	}
	return nil
}

func (s *soaking) report() error {
	n := int(s.sent.Load())
	seconds := s.took.Seconds()
	for _, f := range []figure.Figure{
		{Name: "soak/delivered", Value: float64(n) / seconds, Unit: "/s", N: n},
		{Name: "soak/sessions", Value: float64(s.rounds.Load()) / seconds, Unit: "/s", N: int(s.rounds.Load()), Note: "logins that read, change, copy, move and remove"},
		{Name: "soak/told", Value: float64(s.told.Load()) / seconds, Unit: "/s", N: int(s.told.Load()), Note: fmt.Sprintf("by %d idle connections", s.idlers)},
		{Name: "soak/cut-off", Value: float64(s.broken.Load()) / seconds, Unit: "/s", N: int(s.broken.Load()), Note: "connections left in the middle of something"},
	} {
		if err := s.emit(f); err != nil {
			return err
		}
	}
	if s.rounds.Load() == 0 || s.told.Load() == 0 || n == 0 {
		return errors.New("some kinds of clients did nothing")
	}
	return nil
}

// quarters returns the medians of the second and the last quarter of samples.
func quarters(samples []float64) (second, last float64) {
	n := len(samples)
	return figure.Median(samples[n/4 : max(n/2, n/4+1)]), figure.Median(samples[n*3/4:])
}

// flat tells whether the last quarter of samples is not above the second one, but for a share and an
// amount that are noise.
func flat(samples []float64, share, amount float64) bool {
	if len(samples) == 0 || slices.Min(samples) < 0 {
		return false
	}
	second, last := quarters(samples)
	return last <= second*(1+share)+amount
}
