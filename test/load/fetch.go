package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"

	"mox/test/load/conn"
	"mox/test/load/figure"
)

// fetchShape is what is fetched of each message.
type fetchShape struct {
	name    string
	items   string
	content bool   // Each message comes as one literal.
	has     string // What each response must have, in upper case. Literals are cut out.
}

var fetchShapes = []fetchShape{
	{"flags", "(UID FLAGS)", false, "FLAGS ("},
	{"envelope", "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)", false, "ENVELOPE ("},
	{"bodystructure", "(BODYSTRUCTURE)", false, "BODYSTRUCTURE ("},
	{"headerfields", "(BODY.PEEK[HEADER.FIELDS (FROM TO SUBJECT DATE)])", true, "BODY[HEADER.FIELDS (FROM TO SUBJECT DATE)]"},
	{"body", "(BODY.PEEK[])", true, "BODY[]"},
}

// fetching is a run that fetches a whole mailbox.
type fetching struct {
	*run
	account int
	mailbox string
	rounds  int
}

func fetchMode(r *run, fs *flag.FlagSet, args []string) error {
	f := fetching{run: r}
	r.serverFlags(fs)
	fs.IntVar(&f.account, "account", 0, "account")
	fs.StringVar(&f.mailbox, "mailbox", "Load", "mailbox, as mode fill makes it")
	fs.IntVar(&f.rounds, "rounds", 4, "times that each is fetched, on a new connection; the first is told apart from the others")
	items := fs.String("items", "", "some of flags,envelope,bodystructure,headerfields,body; empty is all")
	check := fs.Int("check", 200, "messages whose bytes are checked afterwards")
	if err := r.parse(fs, args, "imap"); err != nil {
		return err
	}
	if err := positive(map[string]int{"rounds": f.rounds}); err != nil {
		return err
	}
	wanted, err := chosen(*items)
	if err != nil {
		return err
	}
	for _, shape := range wanted {
		if err := f.measure(shape); err != nil {
			return fmt.Errorf("%s: %w", shape.name, err)
		}
	}
	return f.check(*check)
}

// chosen returns the shapes that are named, or all.
func chosen(names string) ([]fetchShape, error) {
	if names == "" {
		return fetchShapes, nil
	}
	var l []fetchShape
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(fetchShapes, func(s fetchShape) bool { return s.name == name })
		if i < 0 {
			return nil, usagef("-items has %q", name)
		}
		l = append(l, fetchShapes[i])
	}
	return l, nil
}

func (f *fetching) measure(shape fetchShape) error {
	var warm []float64
	var n int
	for round := range f.rounds {
		took, count, received, err := f.once(shape)
		if err != nil {
			return err
		}
		n = count
		ms := figure.Milliseconds(took)
		if round > 0 {
			warm = append(warm, ms)
			continue
		}
		fig := figure.Figure{Name: f.named("fetch-"+shape.name) + "/first", Value: ms, Unit: "ms", N: n, Note: fmt.Sprintf("%.1f MB", float64(received)/1e6)}
		if err := f.emit(fig); err != nil {
			return err
		}
	}
	if len(warm) == 0 {
		return nil
	}
	return f.emit(figure.Figure{Name: f.named("fetch-"+shape.name) + "/warm", Value: figure.Median(warm), Unit: "ms", N: n})
}

// once fetches the mailbox on a new connection, so that nothing kept for a session helps. The time is
// that of the FETCH alone.
func (f *fetching) once(shape fetchShape) (took time.Duration, n int, received int64, err error) {
	c, err := f.imap(f.account)
	if err != nil {
		return 0, 0, 0, err
	}
	defer c.Close()
	exists, err := c.Examine(f.mailbox)
	if err != nil {
		return 0, 0, 0, err
	}
	if exists == 0 {
		return 0, 0, 0, errors.New("the mailbox is empty")
	}
	seen := newOnce(1, exists)
	c.Received = 0
	has := []byte(shape.has)
	start := time.Now()
	err = c.Command(func(r *conn.Response) error {
		if !r.Is("FETCH") {
			return nil
		}
		if err := seen.add(r.Num); err != nil {
			return err
		}
		if !bytes.Contains(r.Text, has) {
			return fmt.Errorf("FETCH of message %d is %.200s", r.Num, r.Text)
		}
		if shape.content && (r.Literals != 1 || r.Bytes < 20) {
			return fmt.Errorf("FETCH of message %d has %d literals with %d bytes", r.Num, r.Literals, r.Bytes)
		}
		return nil
	}, "FETCH 1:* %s", shape.items)
	took = time.Since(start)
	if err = errors.Join(err, seen.complete()); err != nil {
		return 0, 0, 0, err
	}
	return took, exists, c.Received, c.Logout()
}

// check checks the bytes of the first messages, and the last.
func (f *fetching) check(n int) error {
	if n <= 0 {
		return nil
	}
	c, err := f.imap(f.account)
	if err != nil {
		return err
	}
	defer c.Close()
	exists, err := c.Examine(f.mailbox)
	if err != nil {
		return err
	}
	half := min(exists, (n+1)/2)
	if err := checkContent(c, 1, half); err != nil {
		return err
	}
	if from := max(half+1, exists-half+1); from <= exists {
		if err := checkContent(c, from, exists); err != nil {
			return err
		}
	}
	return c.Logout()
}

// once sees to it that each message of a range comes, and only one time.
type once struct {
	first int
	seen  []bool
	n     int
}

func newOnce(first, last int) *once { return &once{first: first, seen: make([]bool, last-first+1)} }

func (o *once) add(num uint32) error {
	i := int(num) - o.first
	if i < 0 || i >= len(o.seen) || o.seen[i] {
		return fmt.Errorf("unexpected response for message %d", num)
	}
	o.seen[i] = true
	o.n++
	return nil
}

func (o *once) complete() error {
	if o.n != len(o.seen) {
		return fmt.Errorf("responses for %d of %d messages came", o.n, len(o.seen))
	}
	return nil
}
