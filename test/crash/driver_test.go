package crash

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"mox/imap"
	"mox/store"
)

const (
	accountName = "crash"
	archive     = "Archive"
)

// drive works on the account in a directory, with several senders at once, and tells on standard
// output what it begins and what is acknowledged. Each sender delivers messages, numbered from first,
// and flags, moves, copies and expunges some. Meanwhile, and at the end, packs and database are compacted.
func drive(ctx context.Context, dir string, first, senders, rounds int) error {
	s, err := store.New(store.Options{Dir: dir, EraseAfter: 1})
	if err != nil {
		return err
	}
	if err := s.Create(ctx, accountName); err != nil && !errors.Is(err, store.ErrAccountExists) {
		return err
	}
	a, err := s.Open(ctx, accountName)
	if err != nil {
		return err
	}
	arch, err := a.MailboxByName(ctx, store.System, archive)
	if err != nil {
		return err
	}
	fmt.Println("ready")

	var wg sync.WaitGroup
	errs := make(chan error, senders)
	for i := range senders {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for j := first; ctx.Err() == nil && (rounds == 0 || j < first+rounds); j++ {
				m := driven{ctx: ctx, account: a, archive: arch.ID, id: messageID(fmt.Sprintf("%d-%d", i, j))}
				if err := m.run(j); err != nil {
					errs <- fmt.Errorf("message %s: %w", m.id, err)
					return
				}
			}
		}()
	}
	sent := make(chan struct{})
	go func() {
		wg.Wait()
		close(sent)
	}()
	err = compactUntil(ctx, s, sent)
	<-sent
	close(errs)
	for e := range errs {
		err = errors.Join(err, e)
	}
	if ctx.Err() != nil {
		err = nil
	}
	err = errors.Join(err, a.Close())
	if rounds > 0 && err == nil {
		// Now that nobody has the account open, its database is compacted as well.
		err = compact(ctx, s)
	}
	return errors.Join(err, s.Close())
}

// compactUntil compacts the account again and again until the channel is closed.
func compactUntil(ctx context.Context, s *store.Store, end <-chan struct{}) error {
	for {
		if err := compact(ctx, s); err != nil {
			return err
		}
		select {
		case <-end:
			return nil
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func compact(ctx context.Context, s *store.Store) error {
	_, err := s.Compact(ctx, accountName, true, nil)
	return err
}

// driven is one message on its way.
type driven struct {
	ctx     context.Context
	account *store.Account
	archive store.MailboxID
	id      messageID
}

// step begins a change that leads to a state, does it, and acknowledges it.
func (m *driven) step(state string, change func() error) error {
	if err := m.say("begin %s %s\n", m.id, state); err != nil {
		return err
	}
	if err := change(); err != nil {
		return err
	}
	return m.say("ack %s\n", m.id)
}

// say writes a line at once and whole.
func (m *driven) say(format string, args ...any) error {
	_, err := os.Stdout.Write(fmt.Appendf(nil, format, args...))
	return err
}

// run delivers the message, and by its number does more with it.
func (m *driven) run(number int) error {
	body := m.id.body()
	var added store.Added
	err := m.step("Inbox", func() (err error) {
		added, err = m.account.Deliver(m.ctx, store.System, store.Delivery{
			NewMessage: store.NewMessage{Body: bytes.NewReader(body), Size: int64(len(body))},
		})
		return err
	})
	if err != nil {
		return err
	}
	inbox, set := added.Mailbox, imap.SetOf(added.UID)
	switch number % 6 {
	case 1:
		return m.step("Inbox*", func() error { return m.flag(inbox, set) })
	case 2:
		return m.step(archive, func() error {
			_, err := m.account.Move(m.ctx, store.System, inbox, set, m.archive)
			return err
		})
	case 3:
		return m.step(archive+",Inbox", func() error {
			_, err := m.account.Copy(m.ctx, store.System, inbox, set, m.archive)
			return err
		})
	case 4:
		return m.step(gone, func() error {
			_, _, err := m.account.Expunge(m.ctx, store.System, inbox, set, false)
			return err
		})
	case 5:
		if err := m.step("Inbox*", func() error { return m.flag(inbox, set) }); err != nil {
			return err
		}
		var c store.Copied
		err := m.step(archive+"*", func() (err error) {
			c, err = m.account.Move(m.ctx, store.System, inbox, set, m.archive)
			return err
		})
		if err != nil || number%12 != 5 {
			return err
		}
		return m.step(gone, func() error {
			_, _, err := m.account.Expunge(m.ctx, store.System, m.archive, imap.SetOf(c.Dest...), false)
			return err
		})
	}
	return nil
}

func (m *driven) flag(mailbox store.MailboxID, set imap.UIDSet) error {
	_, err := m.account.SetFlags(m.ctx, store.System, mailbox, store.FlagChange{
		UIDs: set, Op: store.FlagsAdd, Flags: imap.FlagFlagged, UnchangedSince: -1,
	})
	return err
}
