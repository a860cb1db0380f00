package main

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"mox/test/load/conn"
	"mox/test/load/figure"
	"mox/test/load/mail"
)

// growing is a run that takes the same figures at several places of an axis.
type growing struct {
	*run
	steps   []int
	n       int
	senders int
	size    int
	seed    uint64
	account int
	collect time.Duration
}

// defaultSteps are the places that are measured on each axis.
var defaultSteps = map[string]string{
	"messages":    "1000,10000,100000,1000000",
	"senders":     "1,2,5,10,20,50,100,200",
	"connections": "1,10,100,1000,10000",
	"accounts":    "1,10,100,1000,5000",
}

func growMode(r *run, fs *flag.FlagSet, args []string) error {
	g := growing{run: r}
	r.serverFlags(fs)
	axis := fs.String("axis", "messages", "messages in the mailbox, senders at a time, idle connections, or accounts that receive")
	steps := fs.String("steps", "", "places on the axis, separated by commas; empty for the usual")
	fs.IntVar(&g.n, "n", 1000, "messages that are delivered at each place")
	fs.IntVar(&g.senders, "c", 10, "senders, unless they are the axis")
	fs.IntVar(&g.size, "size", 2048, "size of messages in `bytes`; 0 is as in real mailboxes")
	fs.Uint64Var(&g.seed, "seed", 1, "which messages are made")
	fs.IntVar(&g.account, "account", 0, "account; its INBOX must be empty at the start of axis messages")
	fs.DurationVar(&g.collect, "collect", 10*time.Minute, "with -metrics and connections: how long to wait for garbage collections of the server at most; 0 to not ask what it holds")
	if err := r.parse(fs, args, "smtp", "imap"); err != nil {
		return err
	}
	if err := positive(map[string]int{"n": g.n, "c": g.senders}); err != nil {
		return err
	}
	list := *steps
	if list == "" {
		list = defaultSteps[*axis]
	}
	at := map[string]func(int) error{
		"messages": g.atMessages, "senders": g.atSenders, "connections": g.atConnections, "accounts": g.atAccounts,
	}[*axis]
	if at == nil {
		return usagef("-axis %q is not one of messages, senders, connections, accounts", *axis)
	}
	for s := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return usagef("-steps has %q", s)
		}
		g.steps = append(g.steps, n)
	}
	slices.Sort(g.steps)
	for _, n := range g.steps {
		if err := at(n); err != nil {
			return fmt.Errorf("at %d %s: %w", n, *axis, err)
		}
	}
	return nil
}

// figureAt emits a figure of a place.
func (g *growing) figureAt(axis string, at int, f figure.Figure) error {
	f.Axis, f.At = axis, at
	return g.emit(f)
}

// memoryAt emits the memory of the server, if it was said which processes it has.
func (g *growing) memoryAt(axis string, at int) error {
	if g.server.pids == "" {
		return nil
	}
	u, err := g.use()
	if err != nil {
		return err
	}
	return g.figureAt(axis, at, figure.Figure{Name: "memory", Value: float64(u.PSS) / (1 << 20), Unit: "MiB", N: u.Processes})
}

// deliver delivers messages to accounts from g.account on, in turn.
func (g *growing) deliver(axis string, at, senders, n, recipients int) error {
	d := delivery{run: g.run, opts: &mail.Options{Seed: g.seed + 1000, Size: g.size}, n: n, senders: senders, first: g.account,
		recipients: recipients, wait: 5 * time.Minute, check: 20, verified: 10, address: g.server.smtp, from: "sender@elsewhere.example"}
	s, err := d.send()
	if err = errors.Join(err, s.err); err != nil {
		return err
	}
	s.accepted.Name, s.arrived.Name = "deliver accepted", "deliver arrived"
	median := figure.Figure{Name: "deliver p50", Value: s.accepted.P50, Unit: "ms", N: n}
	slow := figure.Figure{Name: "deliver p99", Value: s.accepted.P99, Unit: "ms", N: n}
	return errors.Join(g.figureAt(axis, at, s.accepted), g.figureAt(axis, at, s.arrived), g.figureAt(axis, at, median), g.figureAt(axis, at, slow))
}

func (g *growing) atSenders(c int) error { return g.deliver("senders", c, c, max(g.n, 10*c), 1) }

func (g *growing) atAccounts(n int) error {
	if g.account+n > g.server.accounts {
		return usagef("the server has %d accounts only", g.server.accounts)
	}
	return errors.Join(g.deliver("accounts", n, g.senders, max(g.n, n), n), g.memoryAt("accounts", n))
}

func (g *growing) atConnections(n int) error {
	d := idling{run: g.run, n: n, atATime: min(n, g.senders), account: g.account, mailbox: "INBOX", times: 3, settle: time.Second, collect: g.collect, axis: "connections"}
	return d.measure()
}

// atMessages fills INBOX up to a number of messages and measures there. What is added meanwhile is
// removed again.
func (g *growing) atMessages(n int) error {
	last := g.steps[len(g.steps)-1]
	opts := mail.Options{Seed: g.seed, Size: g.size, Span: last, To: g.server.address(g.account)}
	if err := g.fillTo(n, opts); err != nil {
		return err
	}
	c, err := g.imap(g.account)
	if err != nil {
		return err
	}
	defer c.Close()
	b := browsing{g, c, n}
	for _, step := range []func() error{b.open, b.page, b.whole, func() error { return b.search(opts) }, b.change} {
		if err := step(); err != nil {
			return err
		}
	}
	if err := g.deliver("messages", n, g.senders, g.n, 1); err != nil {
		return err
	}
	if err := b.shrink(); err != nil {
		return err
	}
	return errors.Join(g.memoryAt("messages", n), c.Logout())
}

// fillTo appends what INBOX lacks to n messages.
func (g *growing) fillTo(n int, opts mail.Options) error {
	a := appending{run: g.run, opts: &opts, n: n, c: g.senders, account: g.account, mailbox: "INBOX", literal: "auto"}
	have, nonSync, err := a.prepare()
	if err != nil {
		return err
	}
	if have >= n {
		return a.expect(n)
	}
	m := mail.New(opts)
	t, took, err := a.appendAll(nonSync, have, func(i int) (time.Time, []byte) { return m.Date(i), m.Message(i) })
	if err != nil {
		return err
	}
	f := figure.Figure{Name: "append on the way", Value: figure.PerSecond(len(t.latencies), took), Unit: "/s", Errors: t.failed}
	f.Latencies(t.latencies)
	return errors.Join(g.figureAt("messages", n, f), t.err(), a.expect(n))
}

// browsing does what a mail program does with a mailbox of n messages.
type browsing struct {
	*growing
	c *conn.IMAP
	n int
}

// repeat is how often the cheap commands are given.
const repeat = 7

// timed emits the median of the times that something takes.
func (b *browsing) timed(name string, rounds int, do func(round int) error) error {
	times := make([]time.Duration, rounds)
	for i := range times {
		start := time.Now()
		if err := do(i); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		times[i] = time.Since(start)
	}
	f := figure.Figure{Name: name, Unit: "ms"}
	f.Latencies(times)
	f.Value = figure.Milliseconds(figure.Median(times))
	return b.figureAt("messages", b.n, f)
}

func (b *browsing) open() error {
	selects := func(int) error {
		got, err := b.c.Select("INBOX")
		if err == nil && got != b.n {
			err = fmt.Errorf("%d messages, not %d", got, b.n)
		}
		return err
	}
	status := func(int) error {
		_, err := b.c.Status("INBOX")
		return err
	}
	return errors.Join(b.timed("SELECT, first", 1, selects), b.timed("SELECT", repeat, selects), b.timed("STATUS", repeat, status))
}

// fetch fetches items of a range, each message of which must come once.
func (b *browsing) fetch(first, last int, items string) error {
	seen := newOnce(first, last)
	err := b.c.Command(func(r *conn.Response) error {
		if r.Is("FETCH") {
			return seen.add(r.Num)
		}
		return nil
	}, "FETCH %d:%d %s", first, last, items)
	return errors.Join(err, seen.complete())
}

// page does what does not concern more than a page of a list.
func (b *browsing) page() error {
	first := max(1, b.n-49)
	return errors.Join(
		b.timed("FETCH ENVELOPE of 50", repeat, func(int) error { return b.fetch(first, b.n, "(UID FLAGS ENVELOPE)") }),
		b.timed("FETCH BODY[] of 1", repeat, func(i int) error { return b.fetch(b.n-i, b.n-i, "(BODY.PEEK[])") }))
}

// whole reads something of every message.
func (b *browsing) whole() error {
	return errors.Join(
		b.timed("FETCH FLAGS of all", 3, func(int) error { return b.fetch(1, b.n, "(UID FLAGS)") }),
		b.timed("FETCH ENVELOPE of all, first", 1, func(int) error { return b.fetch(1, b.n, "(UID FLAGS ENVELOPE)") }),
		b.timed("FETCH ENVELOPE of all", 1, func(int) error { return b.fetch(1, b.n, "(UID FLAGS ENVELOPE)") }))
}

func (b *browsing) search(opts mail.Options) error {
	want := expected(mail.New(opts), b.n)
	for _, s := range searches {
		if s.name == "all" || s.name == "text" {
			continue
		}
		times, err := s.measure(b.c, 3, want)
		if err != nil {
			return err
		}
		f := figure.Figure{Name: "SEARCH " + s.name, Unit: "ms"}
		f.Latencies(times)
		f.Value = figure.Milliseconds(figure.Median(times))
		if err := b.figureAt("messages", b.n, f); err != nil {
			return err
		}
	}
	return nil
}

// change changes the flags of single messages, back and forth.
func (b *browsing) change() error {
	return b.timed("STORE of 1", 2*repeat, func(i int) error {
		op := "+"
		if i%2 == 1 {
			op = "-"
		}
		return b.c.Command(nil, `STORE %d %sFLAGS (\Flagged)`, b.n-i/2, op)
	})
}

// shrink expunges the messages after the n'th.
func (b *browsing) shrink() error {
	exists, err := b.c.Select("INBOX")
	if err != nil || exists == b.n {
		return err
	}
	if err := b.c.Command(nil, `STORE %d:* +FLAGS.SILENT (\Deleted)`, b.n+1); err != nil {
		return err
	}
	if err := b.timed("EXPUNGE of what came", 1, func(int) error { return b.c.Command(nil, "EXPUNGE") }); err != nil {
		return err
	}
	if b.c.Exists != b.n {
		return fmt.Errorf("%d messages are left, not %d", b.c.Exists, b.n)
	}
	return nil
}
