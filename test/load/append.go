package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"mox/test/load/conn"
	"mox/test/load/figure"
	"mox/test/load/mail"
)

// appending is a run that appends messages to a mailbox.
type appending struct {
	*run
	opts    *mail.Options
	n, c    int
	account int
	mailbox string
	literal string
}

func (a *appending) flags(fs *flag.FlagSet) {
	a.serverFlags(fs)
	a.opts = messageFlags(fs)
	fs.IntVar(&a.n, "n", 1000, "messages")
	fs.IntVar(&a.c, "c", 1, "connections")
	fs.IntVar(&a.account, "account", 0, "account")
	fs.StringVar(&a.mailbox, "mailbox", "Load", "mailbox; it is made if it is not there")
	fs.StringVar(&a.literal, "literal", "auto", "sync (the server is asked before each message), nonsync (LITERAL+), or auto, which is nonsync if the server has it")
}

func appendMode(r *run, fs *flag.FlagSet, args []string) error {
	a := appending{run: r}
	a.flags(fs)
	if err := a.parse(fs, args, "imap"); err != nil {
		return err
	}
	if err := positive(map[string]int{"n": a.n, "c": a.c}); err != nil {
		return err
	}
	f, err := a.appendNew()
	f.Name = a.named("append-c" + strconv.Itoa(a.c))
	if f.N == 0 {
		return err
	}
	return errors.Join(a.emit(f), err)
}

// appendNew appends messages that were made before the clock starts.
func (a *appending) appendNew() (figure.Figure, error) {
	before, nonSync, err := a.prepare()
	if err != nil {
		return figure.Figure{}, err
	}
	a.opts.To, a.opts.Span = a.server.address(a.account), a.n
	g := mail.New(*a.opts)
	msgs := g.Batch(0, a.n)
	t, took, err := a.appendAll(nonSync, 0, func(i int) (time.Time, []byte) { return g.Date(i), msgs[i] })
	if err != nil {
		return figure.Figure{}, err
	}
	f := figure.Figure{Value: figure.PerSecond(len(t.latencies), took), Unit: "/s", Errors: t.failed}
	f.Latencies(t.latencies)
	return f, errors.Join(t.err(), a.expect(before+a.n))
}

// prepare makes the mailbox, and returns how many messages it has, and whether literals need no
// question.
func (a *appending) prepare() (before int, nonSync bool, err error) {
	c, err := a.imap(a.account)
	if err != nil {
		return 0, false, err
	}
	defer c.Logout()
	if nonSync, err = c.Has("LITERAL+"); err != nil {
		return 0, false, err
	}
	switch {
	case a.literal == "auto", a.literal == "nonsync" && nonSync:
	case a.literal == "sync":
		nonSync = false
	case a.literal == "nonsync":
		return 0, false, errors.New("the server has no LITERAL+")
	default:
		return 0, false, usagef("-literal %q is not one of sync, nonsync, auto", a.literal)
	}
	before, err = c.Ensure(a.mailbox)
	return before, nonSync, err
}

// appendAll appends the messages from first up to a.n. The connections are made before the clock
// starts.
func (a *appending) appendAll(nonSync bool, first int, message func(i int) (time.Time, []byte)) (*tally, time.Duration, error) {
	conns := make(chan *conn.IMAP, a.c)
	for range min(a.c, a.n-first) {
		c, err := a.imap(a.account)
		if err != nil {
			return nil, 0, err
		}
		defer c.Close()
		conns <- c
	}
	t, took := work(a.ctx, a.n-first, a.c, func(t *tally) error {
		c := <-conns
		for {
			i, ok := t.next()
			if !ok {
				return nil
			}
			date, msg := message(first + i)
			start := time.Now()
			if err := c.Append(a.mailbox, date, msg, nonSync); err != nil {
				return err
			}
			t.done(start)
		}
	})
	return t, took, nil
}

// expect checks that the mailbox has a number of messages, and the bytes of the last ones.
func (a *appending) expect(n int) error {
	c, err := a.imap(a.account)
	if err != nil {
		return err
	}
	defer c.Close()
	exists, err := c.Examine(a.mailbox)
	if err != nil {
		return err
	}
	if exists != n {
		return fmt.Errorf("%s has %d messages, not %d", a.mailbox, exists, n)
	}
	if _, _, err := checkBodies(c, max(1, n-99), n); err != nil {
		return err
	}
	return c.Logout()
}

func fillMode(r *run, fs *flag.FlagSet, args []string) error {
	a := appending{run: r}
	a.flags(fs)
	fs.IntVar(&a.opts.Span, "span", 0, "messages over which their dates are spread; 0 is as many as asked for")
	if err := a.parse(fs, args, "imap"); err != nil {
		return err
	}
	if err := positive(map[string]int{"n": a.n, "c": a.c}); err != nil {
		return err
	}
	if a.opts.Span == 0 {
		a.opts.Span = a.n
	}
	return a.fill()
}

// fill appends the messages that the mailbox lacks. They are made on the way, as they may be many.
func (a *appending) fill() error {
	have, nonSync, err := a.prepare()
	if err != nil {
		return err
	}
	if have > a.n {
		return fmt.Errorf("%s has %d messages already", a.mailbox, have)
	}
	if have == a.n {
		return nil
	}
	var diskBefore int64
	if a.server.data != "" {
		if diskBefore, err = diskUse(a.server.data); err != nil {
			return err
		}
	}
	a.opts.To = a.server.address(a.account)
	g := mail.New(*a.opts)
	sizes := make([]int64, a.n)
	t, took, err := a.appendAll(nonSync, have, func(i int) (time.Time, []byte) {
		msg := g.Message(i)
		sizes[i] = int64(len(msg))
		return g.Date(i), msg
	})
	if err != nil {
		return err
	}
	f := figure.Figure{Name: a.named("fill"), Value: figure.PerSecond(len(t.latencies), took), Unit: "/s", Errors: t.failed}
	f.Latencies(t.latencies)
	if err := errors.Join(a.emit(f), t.err(), a.expect(a.n)); err != nil || a.server.data == "" {
		return err
	}
	after, err := diskUse(a.server.data)
	if err != nil {
		return err
	}
	var total int64
	for _, n := range sizes {
		total += n
	}
	name := "disk/ratio"
	if a.label != "" {
		name = a.label + "/disk" // Of other messages than those of the table.
	}
	return a.emit(figure.Figure{Name: name, Value: float64(after-diskBefore) / float64(total), Unit: "ratio", N: a.n - have,
		Note: fmt.Sprintf("%.1f MB for %.1f MB", float64(after-diskBefore)/1e6, float64(total)/1e6)})
}

// diskUse returns the bytes that the files below a directory take on the disk.
func diskUse(dir string) (int64, error) {
	syscall.Sync() // File systems settle where data goes when they write it.
	var sum int64
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // The server goes on working.
		}
		if err != nil {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			sum += st.Blocks * 512
		}
		return nil
	})
	return sum, err
}
