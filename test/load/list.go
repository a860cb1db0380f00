package main

import (
	"flag"
	"fmt"
	"time"

	"mox/test/load/conn"
	"mox/test/load/figure"
)

// listing is a run of the commands with which a mail program begins.
type listing struct {
	*run
	c       *conn.IMAP
	mailbox string
	rounds  int
	boxes   int
}

func listMode(r *run, fs *flag.FlagSet, args []string) error {
	l := listing{run: r}
	r.serverFlags(fs)
	account := fs.Int("account", 0, "account")
	fs.StringVar(&l.mailbox, "mailbox", "Load", "mailbox, as mode fill makes it")
	fs.IntVar(&l.boxes, "boxes", 500, "mailboxes that LIST is to list; they are made if they are not there")
	fs.IntVar(&l.rounds, "rounds", 9, "times that each command is given; the figure is the median")
	if err := r.parse(fs, args, "imap"); err != nil {
		return err
	}
	if err := positive(map[string]int{"rounds": l.rounds, "boxes": l.boxes}); err != nil {
		return err
	}
	var err error
	if l.c, err = r.imap(*account); err != nil {
		return err
	}
	defer l.c.Close()
	for _, step := range []func() error{l.selects, l.status, l.list, l.c.Logout} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (l *listing) name(s string) string {
	if l.label != "" {
		return l.label + "-" + s
	}
	return s
}

// median gives the median of several rounds.
func (l *listing) median(name string, do func() (int, error)) error {
	times := make([]time.Duration, l.rounds)
	var n int
	for i := range times {
		start := time.Now()
		var err error
		n, err = do()
		times[i] = time.Since(start)
		if err != nil {
			return err
		}
	}
	f := figure.Figure{Name: l.name(name), Unit: "ms"}
	f.Latencies(times)
	f.Value, f.N = figure.Milliseconds(figure.Median(times)), n
	return l.emit(f)
}

// selects times the first SELECT of the mailbox apart from those after it.
func (l *listing) selects() error {
	start := time.Now()
	n, err := l.c.Select(l.mailbox)
	if err != nil {
		return err
	}
	if err := l.emit(figure.Figure{Name: l.name("select/first"), Value: figure.Milliseconds(time.Since(start)), Unit: "ms", N: n}); err != nil {
		return err
	}
	return l.median("select/again", func() (int, error) {
		again, err := l.c.Select(l.mailbox)
		if err == nil && again != n {
			err = fmt.Errorf("SELECT tells of %d messages, then of %d", n, again)
		}
		return again, err
	})
}

// status asks about the mailbox while another is selected.
func (l *listing) status() error {
	want, err := l.c.Select(l.mailbox)
	if err != nil {
		return err
	}
	if _, err := l.c.Select("INBOX"); err != nil {
		return err
	}
	return l.median("status", func() (int, error) {
		n, err := l.c.Status(l.mailbox)
		if err == nil && n != want {
			err = fmt.Errorf("STATUS tells of %d messages, SELECT of %d", n, want)
		}
		return n, err
	})
}

// list lists all mailboxes, of which there are enough.
func (l *listing) list() error {
	for i := range l.boxes {
		if _, err := l.c.Ensure(fmt.Sprintf("Listed %04d", i)); err != nil {
			return err
		}
	}
	return l.median("list", func() (int, error) {
		n := 0
		err := l.c.Command(func(r *conn.Response) error {
			if r.Is("LIST") {
				n++
			}
			return nil
		}, `LIST "" "*"`)
		if err == nil && n <= l.boxes {
			err = fmt.Errorf("LIST has %d mailboxes, fewer than %d and INBOX", n, l.boxes)
		}
		return n, err
	})
}
