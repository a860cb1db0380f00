package store

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/mjl-/bstore"

	"mox/imap"
	"mox/message"
)

// NewMessage is a message to be added. The store reads Body while the call runs and
// keeps no reference to it.
type NewMessage struct {
	// Prefix is the header mox prepends: whole fields, each ended by CRLF. Offsets and
	// sizes that the store tells count from the start of the prefix.
	Prefix []byte

	Body io.ReaderAt // Message as received, Size bytes.
	Size int64

	// Root is the parsed Body, with offsets relative to Body. If nil, the store parses.
	Root *message.Part

	Received time.Time // INTERNALDATE. Zero for now.
	Flags    imap.Flags
	Keywords []string

	// Auth holds message authentication results and other facts for later decisions,
	// opaque to the store.
	Auth []byte
}

// Delivery is a message for one mailbox of the account, addressed by name because the
// mailbox may not exist yet.
type Delivery struct {
	NewMessage
	Mailbox string // Created when missing. Empty for Inbox.

	// ID makes the delivery idempotent: an id seen in the last 7 days is reported as
	// delivered again without adding a message. Empty for no such check.
	ID string

	// IgnoreQuota lets the message in when the account is full.
	IgnoreQuota bool
}

// Added tells where a new message is.
type Added struct {
	Mailbox     MailboxID
	UIDValidity uint32
	UID         imap.UID
	ModSeq      imap.ModSeq
	Email       EmailID
	Thread      ThreadID
	Duplicate   bool // Delivery.ID was seen before; other fields are zero.
}

// Deliver adds a message; in a muted thread with \Seen, see SetMuted. It is durable when Deliver returns without error. Deliveries
// that wait at the same time share one sync and one transaction. The context ends the
// waiting for a place in the queue; a delivery that the committer has begun is finished.
// Returns ErrQuota, ErrBadName, ErrBadKeyword, ErrTooManyKeywords, ErrClosed, and errors of the
// disk, which are temporary.
func (a *Account) Deliver(ctx context.Context, actor Actor, d Delivery) (Added, error) {
	acc, err := a.use()
	if err != nil {
		return Added{}, err
	}
	added, err := acc.deliver(ctx, &d)
	m := acc.store.metrics
	switch {
	case err != nil:
		m.deliveries.WithLabelValues(resultOf(err)).Inc()
	case added.Duplicate:
		m.deliveries.WithLabelValues(resultDuplicate).Inc()
	default:
		m.deliveries.WithLabelValues(resultOK).Inc()
		m.deliveryBytes.Add(float64(int64(len(d.Prefix)) + d.Size))
	}
	return added, err
}

func (a *account) deliver(ctx context.Context, d *Delivery) (Added, error) {
	name, err := d.mailboxName()
	if err != nil {
		return Added{}, err
	}
	a.adding.Add(1)
	defer a.adding.Add(-1)
	e, err := a.prepareDelivery(ctx, d, name)
	if err != nil {
		return Added{}, err
	}
	e.delivered = true
	var added Added
	o := &op{label: "deliver", bodies: []*newEmail{e}}
	o.run = func(tx *txn) (err error) {
		added, err = tx.deliver(d, name, e)
		return err
	}
	if err := a.withBodies(ctx, o); err != nil {
		return Added{}, err
	}
	return added, nil
}

// mailboxName returns the canonical name of the mailbox to deliver to.
func (d *Delivery) mailboxName() (string, error) {
	if d.Mailbox == "" {
		return inboxName, nil
	}
	return checkName(d.Mailbox)
}

// prepareDelivery makes the message of a delivery ready.
func (a *account) prepareDelivery(ctx context.Context, d *Delivery, name string) (*newEmail, error) {
	a.mu.RLock()
	used := a.row.Bytes
	var use SpecialUse
	if mb := a.boxes.byID[a.boxes.byName[name]]; mb != nil {
		use = mb.row.Use
	}
	a.mu.RUnlock()
	if !d.IgnoreQuota && d.ID == "" {
		// The transaction decides, this only saves writing the message. One that was delivered before
		// is told so also when there is no room any more.
		if err := a.room(used, int64(len(d.Prefix))+d.Size); err != nil {
			return nil, err
		}
	}
	return a.prepare(ctx, &d.NewMessage, name, use)
}

// deliver adds the message of a delivery.
func (t *txn) deliver(d *Delivery, name string, e *newEmail) (Added, error) {
	e.used = false
	var key int64
	if d.ID != "" {
		seen, free, err := t.findDelivery(d.ID)
		if seen || err != nil {
			return Added{Duplicate: seen}, err
		}
		key = free
	}
	if !d.IgnoreQuota {
		if err := t.account.room(t.row.Bytes, e.size); err != nil {
			return Added{}, err
		}
	}
	if d.ID != "" {
		if err := t.insert(&deliveryRow{Key: key, ID: d.ID}); err != nil {
			return Added{}, err
		}
	}
	b, err := t.boxNamed(name)
	if errors.Is(err, ErrNoMailbox) {
		b, err = t.createMailbox(name, "", true)
	}
	if err != nil {
		return Added{}, err
	}
	added, err := t.addEmail(b, e)
	if err != nil {
		return Added{}, err
	}
	t.logAdded(b, []Added{added})
	return added, nil
}

// logAdded logs messages added to a mailbox in one op.
func (t *txn) logAdded(b *box, l []Added) {
	c := Change{Kind: ChangeAdd, Mailbox: b.row.ID, Emails: make([]EmailID, len(l))}
	for i := range l {
		c.UIDs.Add(l[i].UID)
		c.Emails[i] = l[i].Email
	}
	t.log(c)
}

// Append adds messages to one mailbox in one transaction, all or none (RFC 3502,
// RFC 9051 §6.3.12). progress, if not nil, is stored in the same transaction.
// Returns ErrNoMailbox, ErrQuota, ErrBadKeyword, ErrTooManyKeywords.
func (a *Account) Append(ctx context.Context, actor Actor, mailbox MailboxID, msgs []NewMessage, progress *Progress) ([]Added, error) {
	acc, err := a.use()
	if err != nil {
		return nil, err
	}
	mb, ok := acc.mailbox(mailbox)
	if !ok {
		return nil, &MailboxError{ID: mailbox}
	}
	// An import is not to keep deliveries waiting.
	o := &op{label: "append", bulk: progress != nil || len(msgs) > batchOps}
	var total int64
	for i := range msgs {
		total += int64(len(msgs[i].Prefix)) + msgs[i].Size
	}
	acc.mu.RLock()
	used := acc.row.Bytes
	acc.mu.RUnlock()
	if err := acc.room(used, total); err != nil {
		return nil, err
	}
	acc.adding.Add(1)
	defer acc.adding.Add(-1)
	for i := range msgs {
		e, err := acc.prepare(ctx, &msgs[i], mb.row.Name, mb.row.Use)
		if err != nil {
			acc.discard(o.bodies)
			return nil, err
		}
		o.bodies = append(o.bodies, e)
	}
	var added []Added
	o.run = func(tx *txn) (err error) {
		added, err = tx.append(mailbox, o.bodies, progress)
		return err
	}
	if err := acc.withBodies(ctx, o); err != nil {
		return nil, err
	}
	return added, nil
}

func (t *txn) append(mailbox MailboxID, emails []*newEmail, progress *Progress) ([]Added, error) {
	b, err := t.box(mailbox)
	if err != nil {
		return nil, err
	}
	var total int64
	for _, e := range emails {
		e.used = false
		total += e.size
	}
	if err := t.account.room(t.row.Bytes, total); err != nil {
		return nil, err
	}
	added := make([]Added, len(emails))
	for i, e := range emails {
		if added[i], err = t.addEmail(b, e); err != nil {
			return nil, err
		}
	}
	if len(added) > 0 {
		t.logAdded(b, added)
	}
	if progress == nil {
		return added, nil
	}
	return added, t.put(&progressRow{Key: progress.Key, Offset: progress.Offset})
}

// Progress records how far a long import came, so that it can be resumed.
type Progress struct {
	Key    string // Names the source, e.g. a fingerprint of the file and mailbox.
	Offset int64  // All before this offset is in the account.
}

// ImportProgress returns the recorded offset for key, zero if there is none.
func (a *Account) ImportProgress(ctx context.Context, key string) (int64, error) {
	acc, err := a.use()
	if err != nil {
		return 0, err
	}
	row := progressRow{Key: key}
	err = acc.read(ctx, func(tx *bstore.Tx) error { return tx.Get(&row) })
	if err == bstore.ErrAbsent {
		return 0, nil
	}
	return row.Offset, err
}
