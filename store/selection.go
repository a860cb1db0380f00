package store

import (
	"context"

	"mox/imap"
)

// Selection is one session's sight of one mailbox. Its methods are not safe for
// concurrent use; the channel of Wake may be received from anywhere.
type Selection struct {
	account *account
	mailbox *openMailbox
	info    Mailbox
	wake    chan struct{}

	// view is what the session was told: shared itself, or if the session still shows messages
	// that are gone, a private version made from it.
	view   *View
	shared *View

	recent   imap.UIDSet // See TakeRecent.
	recentTo imap.UID    // Below it TakeRecent has looked.

	keywords int  // How many of the mailbox' keywords were told.
	deleted  bool // The end of the mailbox was told.
	closed   bool
}

// Select opens a mailbox for a session. The caller must Close the Selection.
// Returns ErrNoMailbox.
func (a *Account) Select(ctx context.Context, actor Actor, mailbox MailboxID) (*Selection, error) {
	acc, err := a.use()
	if err != nil {
		return nil, err
	}
	mb, err := acc.views.open(ctx, acc, mailbox)
	if err != nil {
		return nil, err
	}
	info, err := a.MailboxByID(ctx, actor, mailbox)
	if err != nil {
		acc.views.release(mb, nil)
		return nil, err
	}
	s := &Selection{account: acc, mailbox: mb, info: info, wake: make(chan struct{}, 1)}
	mb.subscribe(s)
	s.shared = mb.current.Load()
	s.view = s.shared
	// Those of the View, which may be newer or older than info.
	s.info.Keywords = s.view.keywords
	s.keywords = len(s.view.keywords)
	return s, nil
}

// Mailbox is the mailbox selected, as it was at Select.
func (s *Selection) Mailbox() Mailbox { return s.info }

// View is what the session has been told so far.
func (s *Selection) View() *View { return s.view }

// Wake returns a channel that receives, at most one value at a time, when the mailbox
// may have a newer version than the session's View.
func (s *Selection) Wake() <-chan struct{} { return s.wake }

// Changes is what Refresh found. A session tells them in this order.
type Changes struct {
	// Expunged holds sequence numbers, each counted after the ones before it were
	// removed, as EXPUNGE responses tell them; ExpungedUIDs the same messages' UIDs.
	Expunged     []imap.SeqNum
	ExpungedUIDs []imap.UID

	// Exists is the number of messages now, if Grown is set.
	Exists int
	Grown  bool

	// Flags holds sequence numbers (in the new View) of messages that the session knew
	// and whose modseq changed, ascending.
	Flags []imap.SeqNum

	// Keywords holds the mailbox' keywords if there are new ones, else nil. The slice must not
	// be changed.
	Keywords []string

	// Deleted is set once the mailbox does not exist anymore, or has a new UIDVALIDITY. The View stays as it was before.
	Deleted bool
}

// Refresh brings the View up to date and returns what changed. If expunge is false,
// messages that are gone stay in the View with their sequence numbers (RFC 9051
// §7.5.1) and are reported by a later call with expunge set.
func (s *Selection) Refresh(expunge bool) Changes {
	now := s.mailbox.current.Load()
	if now == s.shared && (s.view == s.shared || !expunge) {
		return Changes{}
	}
	d := compare(s.view, now)
	s.shared = now
	s.view = now
	if !expunge && len(d.gone) > 0 {
		s.view = now.keeping(d.gone)
		for i, n := range d.between {
			d.changed[i] += imap.SeqNum(n)
		}
		d.gone = nil
	}
	c := Changes{Flags: d.changed}
	for i := range d.gone {
		c.Expunged = append(c.Expunged, d.goneSeq[i]-imap.SeqNum(i))
		c.ExpungedUIDs = append(c.ExpungedUIDs, d.gone[i].uid)
	}
	if d.added > 0 {
		c.Grown = true
		c.Exists = s.view.Len()
	}
	// Keywords are never taken off a mailbox.
	if len(now.keywords) > s.keywords {
		c.Keywords = now.keywords
		s.keywords = len(now.keywords)
	}
	if now.deleted && !s.deleted {
		c.Deleted = true
		s.deleted = true
	}
	return c
}

// Gone reports whether a message in the View is no longer in the mailbox, as far as the last Refresh saw. It
// is in the View until Refresh is called with expunge set.
func (s *Selection) Gone(uid imap.UID) bool {
	if s.view == s.shared {
		return false
	}
	_, ok := s.shared.Seq(uid)
	return !ok
}

// keeping returns v with messages that are no longer in it.
func (v *View) keeping(gone []entry) *View {
	edits := make([]viewEdit, len(gone))
	for i, e := range gone {
		edits[i] = viewEdit{entry: e}
	}
	w := *v
	w.rewrite(edits)
	return &w
}

// Close ends the Selection. Its View stays readable.
func (s *Selection) Close() {
	if s.closed {
		return
	}
	s.closed = true
	s.account.views.release(s.mailbox, s)
}
