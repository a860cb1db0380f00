package store

import (
	"context"
	"sync"

	"mox/imap"
)

// recentMarks knows from which UID on the messages of a mailbox are recent (\Recent, RFC 3501 §2.3.2): no session
// that may change the mailbox has been told of them. Such a session takes them when it sees them, and moves the
// mark, so that each message is recent to one of them only.
//
// A mark is moved in memory, and written with the next change of its mailbox: after a crash, or when the account is
// closed before, some messages may be recent once more. A write for each SELECT would cost more than that.
type recentMarks struct {
	mu   sync.Mutex
	from map[MailboxID]imap.UID // Where it may be above that of the row.
}

// mark returns the first UID that is recent in a mailbox, when its row is r.
func (m *recentMarks) mark(r *mailboxRow) imap.UID {
	m.mu.Lock()
	defer m.mu.Unlock()
	return max(1, r.RecentFrom, m.from[r.ID])
}

// move makes messages below a UID no longer recent, and returns the mark before.
func (m *recentMarks) move(r *mailboxRow, to imap.UID) imap.UID {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := max(1, r.RecentFrom, m.from[r.ID])
	if to > old {
		if m.from == nil {
			m.from = map[MailboxID]imap.UID{}
		}
		m.from[r.ID] = to
	}
	return old
}

// forget drops what is known of a mailbox that is gone.
func (m *recentMarks) forget(id MailboxID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.from, id)
}

// TakeRecent makes the messages of the View recent to the session that are so to no other yet. With keep set, as for a
// mailbox that is opened read-only, they stay so for others too (RFC 3501 §6.3.2). It is to be called after Select and
// after a Refresh that found new messages.
func (s *Selection) TakeRecent(keep bool) {
	to := s.view.UIDNext()
	if to <= s.recentTo {
		return
	}
	mb, ok := s.account.mailbox(s.mailbox.id)
	if !ok {
		return
	}
	from := s.recentTo
	if keep {
		from = max(from, s.account.recent.mark(&mb.row))
	} else {
		from = max(from, s.account.recent.move(&mb.row, to))
	}
	s.recentTo = to
	if from < to {
		s.recent.AddRange(from, to-1)
	}
}

// Recent returns the UIDs that are recent to the session, in normal form. Not all of them have a message. The set must
// not be changed, and is valid until the next TakeRecent.
func (s *Selection) Recent() imap.UIDSet { return s.recent }

// CountRecent returns how many messages of a mailbox are recent to no session yet. Returns ErrNoMailbox.
func (a *Account) CountRecent(ctx context.Context, actor Actor, mailbox MailboxID) (int64, error) {
	acc, err := a.use()
	if err != nil {
		return 0, err
	}
	mb, ok := acc.mailbox(mailbox)
	if !ok {
		return 0, &MailboxError{ID: mailbox}
	}
	from := acc.recent.mark(&mb.row)
	switch {
	case from == 1:
		return mb.row.Total, nil
	case from >= mb.row.UIDNext:
		return 0, nil
	}
	if v := acc.views.peek(mailbox); v != nil {
		seq, _ := v.Seq(from)
		return int64(v.Len() - int(seq) + 1), nil
	}
	var n int64
	err = acc.scanMailbox(ctx, mailbox, from, func(*messageRow) { n++ })
	return n, err
}
