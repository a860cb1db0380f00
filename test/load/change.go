package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"strconv"
	"time"

	"mox/test/load/conn"
	"mox/test/load/figure"
)

// changing is a run that changes flags, and copies, moves and removes messages. The mailbox is in the
// end as it was.
type changing struct {
	*run
	c             *conn.IMAP
	mailbox       string
	single, block int
	exists        int
}

func changeMode(r *run, fs *flag.FlagSet, args []string) error {
	m := changing{run: r}
	r.serverFlags(fs)
	account := fs.Int("account", 0, "account")
	fs.StringVar(&m.mailbox, "mailbox", "Load", "mailbox, as mode fill makes it")
	fs.IntVar(&m.single, "single", 500, "messages whose flags are changed one by one")
	fs.IntVar(&m.block, "block", 1000, "messages to copy, move and expunge together")
	if err := r.parse(fs, args, "imap"); err != nil {
		return err
	}
	if err := positive(map[string]int{"single": m.single, "block": m.block}); err != nil {
		return err
	}
	var err error
	if m.c, err = r.imap(*account); err != nil {
		return err
	}
	defer m.c.Close()
	if m.exists, err = m.c.Select(m.mailbox); err != nil {
		return err
	}
	if m.exists < max(m.single, m.block) {
		return fmt.Errorf("%s has only %d messages", m.mailbox, m.exists)
	}
	for _, step := range []func() error{m.storeAll, m.storeSingle, m.transfer, m.c.Logout} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// timed measures one command that is about n messages.
func (m *changing) timed(name string, n int, do func() error) error {
	start := time.Now()
	if err := do(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return m.emit(figure.Figure{Name: m.prefixed(name), Value: figure.Milliseconds(time.Since(start)), Unit: "ms", N: n})
}

func (m *changing) prefixed(name string) string {
	if m.label != "" {
		return m.label + "-" + name
	}
	return name
}

// store changes \Seen of messages. Each must be answered with the flags that it has now.
func (m *changing) store(set string, seen bool, want int) error {
	op := "+FLAGS"
	if !seen {
		op = "-FLAGS"
	}
	n := 0
	err := m.c.Command(func(r *conn.Response) error {
		if !r.Is("FETCH") {
			return nil
		}
		if bytes.Contains(bytes.ToLower(r.Text), []byte(`\seen`)) != seen {
			return fmt.Errorf("message %d has %s", r.Num, r.Text)
		}
		n++
		return nil
	}, `STORE %s %s (\Seen)`, set, op)
	if err == nil && n != want {
		err = fmt.Errorf("STORE %s: %d responses, not %d", set, n, want)
	}
	return err
}

// storeAll changes the flags of all messages, from a state in which each changes.
func (m *changing) storeAll() error {
	if err := m.c.Command(nil, `STORE 1:* -FLAGS.SILENT (\Seen)`); err != nil {
		return err
	}
	if err := m.timed("store-all", m.exists, func() error { return m.store("1:*", true, m.exists) }); err != nil {
		return err
	}
	return m.timed("store-all-removed", m.exists, func() error { return m.store("1:*", false, m.exists) })
}

// storeSingle changes the flags of one message after the other.
func (m *changing) storeSingle() error {
	times := make([]time.Duration, m.single)
	begin := time.Now()
	for i := range times {
		start := time.Now()
		if err := m.store(strconv.Itoa(i+1), true, 1); err != nil {
			return err
		}
		times[i] = time.Since(start)
	}
	f := figure.Figure{Name: m.prefixed("store-single"), Value: figure.PerSecond(m.single, time.Since(begin)), Unit: "/s"}
	f.Latencies(times)
	if err := m.emit(f); err != nil {
		return err
	}
	return m.store(fmt.Sprintf("1:%d", m.single), false, m.single)
}

// transfer copies messages to another mailbox, moves the copies on to a third, and expunges them.
func (m *changing) transfer() error {
	stamp := time.Now().UnixNano()
	copied, moved := fmt.Sprintf("Copied %d", stamp), fmt.Sprintf("Moved %d", stamp)
	for _, name := range []string{copied, moved} {
		if err := m.c.Command(nil, "CREATE %s", conn.Quote(name)); err != nil {
			return err
		}
	}
	hasMove, err := m.c.Has("MOVE")
	if err != nil {
		return err
	}
	err = m.timed("copy", m.block, func() error { return m.c.Command(nil, "COPY 1:%d %s", m.block, conn.Quote(copied)) })
	if err != nil {
		return err
	}
	last := copied
	if err := m.expect(copied, m.block); err != nil {
		return err
	}
	if hasMove {
		err := m.timed("move", m.block, func() error { return m.gone("MOVE 1:%d %s", m.block, conn.Quote(moved)) })
		if err != nil {
			return err
		}
		if err := errors.Join(m.expect(copied, 0), m.expect(moved, m.block)); err != nil {
			return err
		}
		last = moved
	}
	if err := m.c.Command(nil, `STORE 1:* +FLAGS.SILENT (\Deleted)`); err != nil {
		return err
	}
	if err := m.timed("expunge", m.block, func() error { return m.gone("EXPUNGE") }); err != nil {
		return err
	}
	if err := errors.Join(m.expect(last, 0), m.expect(m.mailbox, m.exists)); err != nil {
		return err
	}
	return errors.Join(m.c.Command(nil, "DELETE %s", conn.Quote(copied)), m.c.Command(nil, "DELETE %s", conn.Quote(moved)))
}

// gone runs a command that must remove the whole block.
func (m *changing) gone(format string, args ...any) error {
	n := 0
	err := m.c.Command(func(r *conn.Response) error {
		if r.Is("EXPUNGE") {
			n++
		}
		return nil
	}, format, args...)
	if err == nil && n != m.block {
		err = fmt.Errorf("%d messages were expunged, not %d", n, m.block)
	}
	return err
}

// expect selects a mailbox, which must have n messages.
func (m *changing) expect(mailbox string, n int) error {
	got, err := m.c.Select(mailbox)
	if err == nil && got != n {
		err = fmt.Errorf("%s has %d messages, not %d", mailbox, got, n)
	}
	return err
}
