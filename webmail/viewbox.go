package webmail

import (
	"context"
	"errors"
	"math"

	"mox/imap"
	"mox/store"
)

// box is a mailbox that views of a stream look at.
type box struct {
	id    store.MailboxID
	index uint16 // In rows.
	sel   *store.Selection
	view  *store.View // What views were told of.
}

// entry returns the message with a UID.
func (b *box) entry(uid imap.UID) (store.Entry, bool) { return entryOf(b.view, uid) }

func entryOf(v *store.View, uid imap.UID) (store.Entry, bool) {
	seq, ok := v.Seq(uid)
	if !ok {
		return store.Entry{}, false
	}
	return v.At(seq), true
}

// mail is a message in a mailbox.
type mail struct {
	box *box
	store.Entry
}

func (m mail) place() place { return placeOf(m.box.index, m.UID) }

// boxes are the mailboxes that views of a stream look at, as of the last refresh. What changes in them is told to all
// views at once.
type boxes struct {
	acc   *store.Account
	actor store.Actor

	byID    map[store.MailboxID]*box
	byIndex []*box // Nil for those that are no more.
}

var errManyMailboxes = errors.New("too many mailboxes for one stream")

// open returns a mailbox. Returns store.ErrNoMailbox.
func (l *boxes) open(ctx context.Context, id store.MailboxID) (*box, error) {
	if b := l.byID[id]; b != nil {
		return b, nil
	}
	if len(l.byIndex) > math.MaxUint16 {
		return nil, errManyMailboxes
	}
	sel, err := l.acc.Select(ctx, l.actor, id)
	if err != nil {
		return nil, err
	}
	b := &box{id: id, index: uint16(len(l.byIndex)), sel: sel, view: sel.View()}
	if l.byID == nil {
		l.byID = map[store.MailboxID]*box{}
	}
	l.byID[id] = b
	l.byIndex = append(l.byIndex, b)
	return b, nil
}

// drop forgets a mailbox. Its rows stay those of no other one.
func (l *boxes) drop(b *box) {
	b.sel.Close()
	delete(l.byID, b.id)
	l.byIndex[b.index] = nil
}

func (l *boxes) close() {
	for _, b := range l.byID {
		b.sel.Close()
	}
	l.byID, l.byIndex = nil, nil
}

// entryAt returns the message of a row.
func (l *boxes) entryAt(r row) (mail, bool) {
	b := l.byIndex[r.box]
	if b == nil {
		return mail{}, false
	}
	e, ok := b.entry(r.uid)
	return mail{b, e}, ok
}

// boxChange is what changed in a mailbox.
type boxChange struct {
	box     *box
	gone    []mail // As they were.
	added   []mail
	changed []changedMessage
	lost    bool // The mailbox is gone, or all its UIDs are others now. The box is dropped after.
}

// changedMessage is a message whose flags or keywords changed.
type changedMessage struct{ before, now mail }

// refresh brings all mailboxes up to date and tells what changed. Boxes that are lost are still there; the caller
// drops them.
func (l *boxes) refresh() []boxChange {
	var all []boxChange
	for _, b := range l.byIndex {
		if b == nil {
			continue
		}
		old := b.view
		changes := b.sel.Refresh(true)
		b.view = b.sel.View()
		if b.view == old && !changes.Deleted {
			continue
		}
		c := boxChange{box: b, lost: changes.Deleted}
		for _, uid := range changes.ExpungedUIDs {
			if e, ok := entryOf(old, uid); ok {
				c.gone = append(c.gone, mail{b, e})
			}
		}
		for _, seq := range changes.Flags {
			now := b.view.At(seq)
			if before, ok := entryOf(old, now.UID); ok {
				c.changed = append(c.changed, changedMessage{mail{b, before}, mail{b, now}})
			}
		}
		known := old.Len() - len(changes.ExpungedUIDs)
		if b.view.Len() > known {
			for _, e := range b.view.All(imap.SeqNum(known + 1)) {
				c.added = append(c.added, mail{b, e})
			}
		}
		if c.lost || len(c.gone) > 0 || len(c.added) > 0 || len(c.changed) > 0 {
			all = append(all, c)
		}
	}
	return all
}
