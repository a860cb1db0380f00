package main

import (
	"errors"
	"flag"
	"fmt"
	"strconv"
	"time"

	"mox/test/load/conn"
	"mox/test/load/figure"
	"mox/test/load/mail"
)

// delivery is a run that sends messages to accounts and sees them arrive.
type delivery struct {
	*run
	opts          *mail.Options
	n, senders    int
	first         int  // Account of the first recipient.
	recipients    int  // How many accounts, from first on.
	together      bool // Each message goes to all, not to one after the other.
	perConnection int
	wait          time.Duration
	check         int
	verified      int // How many of the recipients are looked at.

	address string
	login   conn.Credentials
	from    string
}

func (d *delivery) flags(fs *flag.FlagSet) {
	d.serverFlags(fs)
	d.opts = messageFlags(fs)
	fs.IntVar(&d.n, "n", 1000, "messages")
	fs.IntVar(&d.senders, "c", 1, "senders, each with a connection")
	fs.IntVar(&d.first, "account", 0, "account of the first recipient")
	fs.IntVar(&d.recipients, "recipients", 1, "accounts that receive")
	fs.BoolVar(&d.together, "together", false, "each message goes to all recipients at once, instead of to one of them in turn")
	fs.IntVar(&d.perConnection, "per-connection", 0, "messages after which a sender connects anew; 0 is never")
	fs.DurationVar(&d.wait, "wait", 2*time.Minute, "how long messages may take to arrive after the last was accepted")
	fs.IntVar(&d.check, "check", 100, "messages whose bytes are checked afterwards")
	fs.IntVar(&d.verified, "verified", 50, "recipients at most whose mailboxes are counted")
}

func deliverMode(r *run, fs *flag.FlagSet, args []string) error {
	d := delivery{run: r, from: "sender@elsewhere.example"}
	d.flags(fs)
	fs.StringVar(&d.from, "from", d.from, "sender, in the envelope")
	if err := d.parse(fs, args, "smtp", "imap"); err != nil {
		return err
	}
	d.address = r.server.smtp
	return d.measure("deliver")
}

func submitMode(r *run, fs *flag.FlagSet, args []string) error {
	d := delivery{run: r}
	d.flags(fs)
	sender := fs.Int("sender", 0, "account that submits")
	if err := d.parse(fs, args, "submission", "imap"); err != nil {
		return err
	}
	d.address, d.login, d.from = r.server.submission, r.login(*sender), r.server.address(*sender)
	d.opts.From = d.from
	return d.measure("submit")
}

func (d *delivery) measure(name string) error {
	if err := positive(map[string]int{"n": d.n, "c": d.senders, "recipients": d.recipients}); err != nil {
		return err
	}
	if d.first+d.recipients > d.server.accounts {
		return usagef("the server has %d accounts only", d.server.accounts)
	}
	f, err := d.send()
	if err != nil {
		return err
	}
	label := d.named(name + "-c" + strconv.Itoa(d.senders))
	accepted, arrived := f.accepted, f.arrived
	accepted.Name, arrived.Name = label+"/accepted", label+"/arrived"
	return errors.Join(d.emit(accepted), d.emit(arrived), f.err)
}

// sent is what comes out of a delivery. Err says what did not go well.
type sent struct {
	accepted, arrived figure.Figure
	err               error
}

// send sends the messages and waits for them to arrive. The error is for what kept it from beginning.
func (d *delivery) send() (sent, error) {
	d.opts.To = d.server.address(d.first)
	d.opts.Span = d.n
	msgs := mail.New(*d.opts).Batch(0, d.n)
	watchers, err := d.watch()
	defer closeWatchers(watchers)
	if err != nil {
		return sent{}, fmt.Errorf("counting messages before: %w", err)
	}
	start := time.Now()
	t, took := work(d.ctx, d.n, d.senders, func(t *tally) error { return d.sender(t, msgs) })
	var s sent
	s.accepted = figure.Figure{Value: figure.PerSecond(len(t.latencies), took), Unit: "/s", Errors: t.failed,
		Note: fmt.Sprintf("%.1f MB", float64(totalSize(msgs))/1e6)}
	s.accepted.Latencies(t.latencies)
	s.arrived = figure.Figure{Unit: "/s", N: d.n, Errors: 1} // Until they did.
	if s.err = t.err(); s.err != nil {
		return s, nil
	}
	late := d.awaitArrival(watchers)
	if late == nil {
		s.arrived.Value, s.arrived.Errors = figure.PerSecond(d.n, time.Since(start)), 0
	}
	s.err = errors.Join(late, d.checkNewest())
	return s, nil
}

// sender sends messages on a connection until there are none.
func (d *delivery) sender(t *tally, msgs [][]byte) error {
	var c *conn.SMTP
	defer func() {
		if c != nil {
			c.Quit()
		}
	}()
	for on := 0; ; on++ {
		i, ok := t.next()
		if !ok {
			return nil
		}
		if c != nil && d.perConnection > 0 && on >= d.perConnection {
			c.Quit()
			c = nil
		}
		if c == nil {
			var err error
			if c, err = d.dialer.SMTP(d.ctx, d.address, d.login); err != nil {
				return err
			}
			on = 0
		}
		start := time.Now()
		if err := c.Send(d.from, d.to(i), msgs[i]); err != nil {
			t.fail(err)
			c.Close()
			c = nil
			continue
		}
		t.done(start)
	}
}

// to returns the recipients of a message.
func (d *delivery) to(i int) []string {
	if !d.together {
		return []string{d.server.address(d.first + i%d.recipients)}
	}
	l := make([]string, d.recipients)
	for k := range l {
		l[k] = d.server.address(d.first + k)
	}
	return l
}

// watcher looks at the mailbox of a recipient. It is logged in before the clock starts, as a login
// costs more than many messages.
type watcher struct {
	c      *conn.IMAP
	before int // Messages that were there.
}

// watch returns a watcher for each recipient that is looked at.
func (d *delivery) watch() ([]watcher, error) {
	var l []watcher
	for k := range min(d.recipients, max(d.verified, 1)) {
		c, err := d.imap(d.first + k)
		if err != nil {
			return l, err
		}
		l = append(l, watcher{c: c})
		if l[k].before, err = c.Status("INBOX"); err != nil {
			return l, err
		}
	}
	return l, nil
}

func closeWatchers(l []watcher) {
	for _, w := range l {
		w.c.Logout()
	}
}

// due is the number of messages that a recipient gets.
func (d *delivery) due(k int) int {
	if d.together {
		return d.n
	}
	return (d.n - k + d.recipients - 1) / d.recipients
}

// arrivalPoll is how often mailboxes are looked at while messages are under way.
const arrivalPoll = 20 * time.Millisecond

// awaitArrival waits until each recipient has got exactly what is due.
func (d *delivery) awaitArrival(watchers []watcher) error {
	for k, w := range watchers {
		got := 0
		err := poll(d.ctx, arrivalPoll, d.wait, func() (bool, error) {
			n, err := w.c.Status("INBOX")
			got = n - w.before
			return got >= d.due(k), err
		})
		if got != d.due(k) {
			err = errors.Join(fmt.Errorf("%s got %d messages, not %d", d.server.address(d.first+k), got, d.due(k)), err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkNewest checks the bytes of the messages that the first recipient got last.
func (d *delivery) checkNewest() error {
	c, err := d.imap(d.first)
	if err != nil {
		return err
	}
	defer c.Close()
	exists, err := c.Examine("INBOX")
	if err != nil {
		return err
	}
	n := min(d.check, d.due(0), exists)
	if n <= 0 {
		return nil
	}
	return checkContent(c, exists-n+1, exists)
}
