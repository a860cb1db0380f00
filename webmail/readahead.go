package webmail

import (
	"context"
	"slices"
	"sync"

	"mox/store"
	"mox/websession"
)

// readAhead has mailboxes read that pages will show first, while browsers still load the files of the page: the first
// time after a start that takes a while, if a mailbox is large. It is safe for concurrent use.
type readAhead struct {
	mu     sync.Mutex
	of     map[string]struct{} // Accounts that are read now: one mailbox of each.
	closed bool
	done   sync.WaitGroup
}

// read begins to read the inbox of a session's account, if that is not done now. What goes wrong is told to those who ask for the
// mailbox.
func (a *readAhead) read(accounts *store.Store, ses *websession.Session, mailboxes []Mailbox) {
	i := slices.IndexFunc(mailboxes, func(m Mailbox) bool { return m.Role == RoleInbox })
	if i < 0 || !a.begin(ses.Account) {
		return
	}
	go func() {
		defer a.end(ses.Account)
		ctx := context.Background() // The page is answered meanwhile.
		acc, err := accounts.Open(ctx, ses.Account)
		if err != nil {
			return
		}
		defer acc.Close()
		if sel, err := acc.Select(ctx, ses.Actor(), store.MailboxID(mailboxes[i].ID)); err == nil {
			sel.Close()
		}
	}()
}

func (a *readAhead) begin(account string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, busy := a.of[account]; busy || a.closed {
		return false
	}
	if a.of == nil {
		a.of = map[string]struct{}{}
	}
	a.of[account] = struct{}{}
	a.done.Add(1)
	return true
}

func (a *readAhead) end(account string) {
	a.mu.Lock()
	delete(a.of, account)
	a.mu.Unlock()
	a.done.Done()
}

// shutdown begins nothing more, and returns when all that is read is, or the context ends, whose error it then returns.
func (a *readAhead) shutdown(ctx context.Context) error {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	return await(ctx, &a.done)
}
