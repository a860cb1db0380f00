package main

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"sync"
	"time"

	"mox/test/load/conn"
	"mox/test/load/figure"
	"mox/test/load/mail"
	"mox/test/load/proc"
)

// idling is a run with many connections that wait for mail.
type idling struct {
	*run
	n, atATime int
	account    int
	mailbox    string
	times      int
	settle     time.Duration
	collect    time.Duration
	axis       string // Set in a series: what the figures are over.
}

func idleMode(r *run, fs *flag.FlagSet, args []string) error {
	d := idling{run: r}
	r.serverFlags(fs)
	fs.IntVar(&d.n, "n", 1000, "connections")
	d.idleFlags(fs)
	fs.StringVar(&d.mailbox, "mailbox", "INBOX", "mailbox that is selected")
	if err := r.parse(fs, args, "imap"); err != nil {
		return err
	}
	if err := positive(map[string]int{"n": d.n, "c": d.atATime}); err != nil {
		return err
	}
	return d.measure()
}

func (d *idling) idleFlags(fs *flag.FlagSet) {
	fs.IntVar(&d.atATime, "c", 10, "connections that are made at a time")
	fs.IntVar(&d.account, "account", 0, "account")
	fs.IntVar(&d.times, "times", 5, "messages that are delivered, one after the other, for all to hear of; 0 for none, as for another mailbox than INBOX")
	fs.DurationVar(&d.settle, "settle", 2*time.Second, "wait before memory is read")
	fs.DurationVar(&d.collect, "collect", 10*time.Minute, "with -metrics: how long to wait for garbage collections of the server at most; 0 to not ask what it holds")
}

// footprint is what the server uses at a moment.
type footprint struct {
	use      proc.Use
	inUse    int64 // As a Go program says of itself after a collection.
	measured bool
}

// footprint reads what the server uses, as far as it was said where to look.
func (d *idling) footprint() (footprint, error) {
	var f footprint
	var err error
	if d.server.metrics != "" && d.collect > 0 {
		if f.inUse, err = proc.LeastInUse(d.ctx, d.server.metrics, d.collect); err != nil {
			return f, err
		}
	}
	if d.server.pids != "" {
		f.use, err = d.use()
		f.measured = true
	}
	return f, err
}

func (d *idling) measure() error {
	before, err := d.footprint()
	if err != nil {
		return err
	}
	conns, err := d.open()
	defer func() {
		for _, c := range conns {
			if c != nil {
				c.Close()
			}
		}
	}()
	if err != nil {
		return err
	}
	if err := sleep(d.ctx, d.settle); err != nil {
		return err
	}
	after, err := d.footprint()
	if err != nil {
		return err
	}
	if after.measured {
		per := float64(after.use.PSS-before.use.PSS) / 1024 / float64(d.n)
		note := fmt.Sprintf("proportional set size; %.1f MiB in %d processes before", float64(before.use.PSS)/(1<<20), before.use.Processes)
		if err := d.figure("memory", per, "KiB", d.n, note); err != nil {
			return err
		}
	}
	if after.inUse > 0 {
		per := float64(after.inUse-before.inUse) / 1024 / float64(d.n)
		if err := d.figure("collected", per, "KiB", d.n, "what the Go program holds after collections"); err != nil {
			return err
		}
	}
	if d.times == 0 || d.server.smtp == "" {
		return nil
	}
	return d.tellAll(conns)
}

func (d *idling) figure(name string, value float64, unit string, n int, note string) error {
	f := figure.Figure{Name: d.named("idle") + "/" + name, Value: value, Unit: unit, N: n, Note: note}
	if d.axis != "" {
		f.Axis, f.At = d.axis, d.n
	}
	return d.emit(f)
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// open makes the connections, each in IDLE.
func (d *idling) open() ([]*conn.IMAP, error) {
	conns := make([]*conn.IMAP, d.n)
	t, took := work(d.ctx, d.n, d.atATime, func(t *tally) error {
		for {
			i, ok := t.next()
			if !ok {
				return nil
			}
			start := time.Now()
			c, err := d.dialer.IMAP(d.ctx, d.server.imap, d.login(d.account), true)
			if err != nil {
				return err
			}
			conns[i] = c
			if _, err := c.Select(d.mailbox); err != nil {
				return err
			}
			if err := c.Idle(); err != nil {
				return err
			}
			t.done(start)
		}
	})
	fmt.Fprintf(d.log, "%d connections idle after %.1f s\n", len(t.latencies), took.Seconds())
	return conns, t.err()
}

// tellAll delivers messages and sees how soon each connection hears of them.
func (d *idling) tellAll(conns []*conn.IMAP) error {
	g := mail.New(mail.Options{Seed: uint64(time.Now().UnixNano()), Size: 2048, To: d.server.address(d.account)})
	sender, err := d.dialer.SMTP(d.ctx, d.server.smtp, conn.Credentials{})
	if err != nil {
		return err
	}
	defer sender.Quit()
	var times, last []time.Duration
	for i := range d.times {
		l, err := d.tell(conns, func() error {
			return sender.Send("sender@elsewhere.example", []string{d.server.address(d.account)}, g.Message(i))
		})
		if err != nil {
			return err
		}
		times = append(times, l...)
		last = append(last, slices.Max(l))
		// What the clients set off in the server is over before the next one.
		if err := sleep(d.ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
	f := figure.Figure{Name: d.named("idle") + "/told", Unit: "ms", Note: "from MAIL FROM on; the value is the median of when the last one heard"}
	f.Latencies(times)
	f.Value, f.N = figure.Milliseconds(figure.Median(last)), d.n
	if d.axis != "" {
		f.Axis, f.At = d.axis, d.n
	}
	return d.emit(f)
}

// settleReads is what clients get to block in reading, as those that wait for long do.
const settleReads = 100 * time.Millisecond

// tell does something that all connections must hear of, and returns when each did.
func (d *idling) tell(conns []*conn.IMAP, do func() error) ([]time.Duration, error) {
	heard := make([]time.Time, len(conns))
	errs := make([]error, len(conns))
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(d.ctx)
	defer cancel()
	for i, c := range conns {
		wg.Go(func() {
			errs[i] = c.WaitExists(ctx, d.timeout)
			heard[i] = time.Now()
		})
	}
	if err := sleep(ctx, settleReads); err != nil {
		cancel()
		wg.Wait()
		return nil, err
	}
	start := time.Now()
	if err := do(); err != nil {
		cancel()
		wg.Wait()
		return nil, err
	}
	wg.Wait()
	after := make([]time.Duration, len(conns))
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("connection %d was not told of a message: %w", i, err)
		}
		after[i] = heard[i].Sub(start)
	}
	return after, nil
}
