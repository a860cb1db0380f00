package main

import (
	"errors"
	"fmt"
	"time"

	"mox/test/load/conn"
)

// Limits on what a soaked mailbox holds: above the first, the oldest are removed down to the second.
const (
	tooMany = 400
	enough  = 200
)

// read has the reader of an account come for each tick.
func (s *soaking) read(ticks <-chan time.Time, account int) error {
	for range ticks {
		c, err := s.imap(account)
		if err != nil {
			return err
		}
		reader := soakReader{s, c, account}
		if err := reader.session(); err != nil {
			c.Close()
			return fmt.Errorf("reader of %s: %w", s.server.address(account), err)
		}
		if err := c.Logout(); err != nil {
			return err
		}
		s.rounds.Add(1)
	}
	return nil
}

// soakReader is one session.
type soakReader struct {
	*soaking
	c       *conn.IMAP
	account int
}

// side is the mailbox to which messages are copied, moved and appended.
const side = "Soaked"

func (r *soakReader) session() error {
	if _, err := r.c.Ensure(side); err != nil {
		return err
	}
	if _, err := r.c.Select("INBOX"); err != nil {
		return err
	}
	for _, step := range []func(exists int) error{r.look, r.search, r.move} {
		// A mailbox that changes has other numbers after each step.
		if r.c.Exists < 10 {
			break
		}
		if err := step(r.c.Exists); err != nil {
			return err
		}
	}
	msg := r.gen.Message(int(r.sent.Load()))
	if err := r.c.Append(side, r.gen.Date(0), msg, false); err != nil {
		return err
	}
	n, err := r.trim()
	r.mu.Lock()
	r.removed[r.account] += n
	r.mu.Unlock()
	if err != nil {
		return err
	}
	if _, err := r.c.Select(side); err != nil {
		return err
	}
	_, err = r.trim()
	return err
}

// look lists a page, reads messages and marks one.
func (r *soakReader) look(exists int) error {
	n := 0
	err := r.c.Command(func(resp *conn.Response) error {
		if resp.Is("FETCH") {
			n++
		}
		return nil
	}, "FETCH %d:%d (UID FLAGS ENVELOPE BODYSTRUCTURE)", exists-9, exists)
	if err != nil {
		return err
	}
	if n < 10 {
		return fmt.Errorf("a page of 10 messages came with %d", n)
	}
	if err := checkContent(r.c, exists-2, exists); err != nil {
		return err
	}
	return r.c.Command(nil, `STORE %d +FLAGS (\Seen)`, exists)
}

func (r *soakReader) search(int) error {
	_, err := r.c.Search("UNSEEN SUBJECT invoice")
	return err
}

// move copies two messages and moves two others.
func (r *soakReader) move(exists int) error {
	if err := r.c.Command(nil, "COPY %d:%d %s", exists-1, exists, conn.Quote(side)); err != nil {
		return err
	}
	has, err := r.c.Has("MOVE")
	if err != nil || !has {
		return err
	}
	n := 0
	err = r.c.Command(func(resp *conn.Response) error {
		if resp.Is("EXPUNGE") {
			n++
		}
		return nil
	}, "MOVE 1:2 %s", conn.Quote(side))
	r.mu.Lock()
	r.removed[r.account] += n
	r.mu.Unlock()
	if err == nil && n != 2 {
		err = fmt.Errorf("%d messages were moved, not 2", n)
	}
	return err
}

// trim removes the oldest messages of the selected mailbox if there are too many, and returns how many
// it removed.
func (r *soakReader) trim() (int, error) {
	exists := r.c.Exists
	if exists <= tooMany {
		return 0, nil
	}
	n := 0
	err := r.c.Command(nil, `STORE 1:%d +FLAGS.SILENT (\Deleted)`, exists-enough)
	if err == nil {
		err = r.c.Command(func(resp *conn.Response) error {
			if resp.Is("EXPUNGE") {
				n++
			}
			return nil
		}, "EXPUNGE")
	}
	if err == nil && n != exists-enough {
		err = errors.New("EXPUNGE removed other than the oldest messages")
	}
	return n, err
}
