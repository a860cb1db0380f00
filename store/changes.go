package store

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"time"

	"github.com/mjl-/bstore"

	"mox/imap"
)

// ChangeKind tells what a Change is about.
type ChangeKind uint8

// Kinds of change. Values are stored; do not renumber. A reader skips those that it does not know. After each are the
// fields that tell what to read again; the first three change the counts of Mailbox, too, and may add to its keywords.
const (
	ChangeAdd             ChangeKind = 1 + iota // Messages were added to Mailbox: UIDs, Emails.
	ChangeFlags                                 // Flags or keywords of messages changed: Mailbox, UIDs.
	ChangeExpunge                               // Messages were removed from Mailbox, which may be gone: UIDs, Emails.
	ChangeMailboxCreate                         // Mailbox was made.
	ChangeMailboxRename                         // Mailbox was renamed.
	ChangeMailboxDelete                         // Mailbox was removed. ChangeExpunge of its messages may follow.
	ChangeSubscription                          // Subscription of a name changed: all Subscriptions.
	ChangeSubmission                            // State of Submission changed.
	ChangeMailboxRenumber                       // Mailbox got a new UIDVALIDITY.
	ChangeMailboxUse                            // Mailbox got another SpecialUse, or lost it.
	ChangeSetting                               // The setting Name changed, or was removed.
	ChangeMute                                  // Threads were muted, or are no longer: see Muted.
)

// Change is an entry of the change log. An operation that changes several things, such as a move,
// makes several with the same modseq.
type Change struct {
	ModSeq     imap.ModSeq
	Kind       ChangeKind
	Time       time.Time
	Mailbox    MailboxID
	UIDs       imap.UIDSet
	Emails     []EmailID // For ChangeAdd, one per UID; for ChangeExpunge likewise.
	Submission SubmissionID
	Name       string
	Threads    []ThreadID // Ascending.
}

// ChangesSince returns about limit changes with a modseq above since, ascending, and the
// horizon: changes at or below it may have been pruned. Changes with one modseq are not divided, so
// there may be more than limit. If since is below the horizon, ErrHorizon is returned and the
// caller must read everything anew. To ask when nothing has changed costs next to nothing.
func (a *Account) ChangesSince(ctx context.Context, since imap.ModSeq, limit int) (l []Change, horizon imap.ModSeq, err error) {
	acc, err := a.use()
	if err != nil {
		return nil, 0, err
	}
	acc.mu.RLock()
	last, horizon := acc.row.ModSeq, acc.row.Horizon
	acc.mu.RUnlock()
	if since >= last && since >= horizon {
		return nil, horizon, nil
	}
	if limit <= 0 {
		limit = 1
	}
	err = acc.read(ctx, func(tx *bstore.Tx) error {
		l = nil
		row := accountRow{ID: 1}
		if err := tx.Get(&row); err != nil {
			return err
		}
		horizon = row.Horizon
		if since < horizon {
			return ErrHorizon
		}
		q := bstore.QueryTx[changeRow](tx).FilterGreater("ModSeq", since).SortAsc("ModSeq")
		return q.ForEach(func(r changeRow) error {
			if len(l) >= limit {
				return bstore.StopForEach
			}
			var err error
			l, err = r.parse(l)
			return err
		})
	})
	return l, horizon, err
}

// ModSeq returns the highest modseq of the account. What has it, or a lower one, is in all Views that are refreshed after.
func (a *Account) ModSeq(ctx context.Context) (imap.ModSeq, error) {
	acc, err := a.use()
	if err != nil {
		return 0, err
	}
	return acc.modSeq(), nil
}

// Watch returns a channel that receives, at most one value at a time, after each commit,
// until stop is called. What changed is read by ChangesSince.
func (a *Account) Watch() (wake <-chan struct{}, stop func()) { return a.acc.watchers.add() }

// watchers are those to wake after a commit.
type watchers struct {
	mu    sync.Mutex
	chans map[chan struct{}]struct{}
}

func (w *watchers) add() (wake <-chan struct{}, stop func()) {
	ch := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.chans == nil {
		w.chans = map[chan struct{}]struct{}{}
	}
	w.chans[ch] = struct{}{}
	return ch, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.chans, ch)
	}
}

func (w *watchers) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for ch := range w.chans {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

// Cursor returns the modseq up to which the named consumer has worked, zero for a new one.
// SetCursor stores it. Consumers see each change at least once.
func (a *Account) Cursor(ctx context.Context, name string) (imap.ModSeq, error) {
	acc, err := a.use()
	if err != nil {
		return 0, err
	}
	row := cursorRow{Name: name}
	err = acc.read(ctx, func(tx *bstore.Tx) error { return tx.Get(&row) })
	if err == bstore.ErrAbsent {
		return 0, nil
	}
	return row.ModSeq, err
}
func (a *Account) SetCursor(ctx context.Context, name string, modseq imap.ModSeq) error {
	acc, err := a.use()
	if err != nil {
		return err
	}
	return acc.write(ctx, "set_cursor", func(tx *txn) error {
		return tx.put(&cursorRow{Name: name, ModSeq: modseq})
	})
}

// The form of changeRow.Data: a version, then for each change its kind, mailbox, ranges of UIDs, emails and
// submission; in the second version then name and threads. Numbers are varints; UIDs, emails and threads are differences to
// the one before. The first version is written where it can tell all, which is nearly always.
const (
	changeVersion      = 1
	changeVersionNamed = 2
)

var errChange = errors.New("damaged entry of change log")

// appendChanges appends the form of the changes of one operation. ModSeq and Time are not part of it.
func appendChanges(b []byte, l []Change) []byte {
	version := byte(changeVersion)
	for i := range l {
		if l[i].Name != "" || len(l[i].Threads) > 0 {
			version = changeVersionNamed
		}
	}
	b = append(b, version)
	b = binary.AppendUvarint(b, uint64(len(l)))
	for i := range l {
		c := &l[i]
		b = binary.AppendUvarint(b, uint64(c.Kind))
		b = binary.AppendUvarint(b, uint64(c.Mailbox))
		b = binary.AppendUvarint(b, uint64(len(c.UIDs)))
		last := imap.UID(0)
		for _, r := range c.UIDs {
			b = binary.AppendUvarint(b, uint64(r.First-last))
			b = binary.AppendUvarint(b, uint64(r.Last-r.First))
			last = r.Last
		}
		b = appendIDs(b, c.Emails)
		b = binary.AppendUvarint(b, uint64(c.Submission))
		if version == changeVersionNamed {
			b = appendSized(b, c.Name)
			b = appendThreads(b, c.Threads)
		}
	}
	return b
}

// parse appends the changes of a row to l.
func (r *changeRow) parse(l []Change) ([]Change, error) {
	if len(r.Data) == 0 || r.Data[0] != changeVersion && r.Data[0] != changeVersionNamed {
		return l, errChange
	}
	d := metaDecoder{buf: r.Data[1:]}
	at := time.Unix(r.Time, 0).UTC()
	for n := d.uvarint(); n > 0 && !d.bad; n-- {
		c := Change{ModSeq: r.ModSeq, Time: at}
		c.Kind = ChangeKind(d.uvarint())
		c.Mailbox = MailboxID(d.uvarint())
		last := imap.UID(0)
		for n := d.uvarint(); n > 0 && !d.bad; n-- {
			first := last + imap.UID(d.uvarint())
			last = first + imap.UID(d.uvarint())
			c.UIDs = append(c.UIDs, imap.Range[imap.UID]{First: first, Last: last})
		}
		c.Emails = d.ids()
		c.Submission = SubmissionID(d.uvarint())
		if r.Data[0] == changeVersionNamed {
			c.Name = string(d.sized())
			c.Threads = d.threads()
		}
		l = append(l, c)
	}
	if d.bad || len(d.buf) > 0 {
		return l, errChange
	}
	return l, nil
}

// appendIDs appends the number of ids, and of each the key as difference to the one before and the random half.
func appendIDs(b []byte, ids []EmailID) []byte {
	b = binary.AppendUvarint(b, uint64(len(ids)))
	last := int64(0)
	for _, id := range ids {
		b = binary.AppendVarint(b, id.Key-last)
		b = binary.BigEndian.AppendUint64(b, uint64(id.Random))
		last = id.Key
	}
	return b
}

// ids reads what appendIDs wrote.
func (d *metaDecoder) ids() []EmailID {
	n := d.uvarint()
	if n > uint64(len(d.buf)) {
		d.bad = true
	}
	if d.bad || n == 0 {
		return nil
	}
	ids := make([]EmailID, n)
	last := int64(0)
	for i := range ids {
		last += d.varint()
		ids[i] = EmailID{Key: last, Random: d.fixed64()}
	}
	return ids
}

// appendThreads appends the number of threads, and of each the difference to the one before.
func appendThreads(b []byte, threads []ThreadID) []byte {
	b = binary.AppendUvarint(b, uint64(len(threads)))
	last := ThreadID(0)
	for _, t := range threads {
		b = binary.AppendVarint(b, int64(t-last))
		last = t
	}
	return b
}

// threads reads what appendThreads wrote.
func (d *metaDecoder) threads() []ThreadID {
	n := d.uvarint()
	if n > uint64(len(d.buf)) {
		d.bad = true
	}
	if d.bad || n == 0 {
		return nil
	}
	threads := make([]ThreadID, n)
	last := ThreadID(0)
	for i := range threads {
		last += ThreadID(d.varint())
		threads[i] = last
	}
	return threads
}
