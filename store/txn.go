package store

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/mjl-/bstore"

	"mox/imap"
)

// txn is a transaction of the committer. What is read often (the account's row, mailboxes, keyword
// sets) it has as working copies, which are written once at the end and published after the commit.
type txn struct {
	account *account
	tx      *bstore.Tx
	now     time.Time

	// writes counts changes, also those of working copies.
	writes int

	row    accountRow
	boxes  map[MailboxID]*box
	names  map[string]MailboxID // Where it differs from what was published; zero for none.
	subs   map[string]bool      // Likewise: whether the name is subscribed.
	mutes  map[ThreadID]bool    // Likewise: whether the thread is muted.
	sets   keywordSets
	young  youngThreads // Keys of threads that are new.
	gone   []MailboxID  // Mailboxes deleted whose messages are still there.
	erases bool         // There is more to erase.

	recipients bool // Recipients changed.

	settled bool // All young keys of threads were moved to their places.

	// Of the op that runs.
	modseq  imap.ModSeq // Zero until one is needed.
	changes []Change
	erased  []EmailID
}

// box is the working copy of a mailbox.
type box struct {
	mailbox
	inserted      bool // Not in the database yet.
	dirty         bool // Row has to be written.
	keywordsDirty bool

	edits      []viewEdit
	deleted    bool
	renumbered bool // It has a new UIDVALIDITY, so that its View is of no more use.
}

// begin prepares t for the ops of a batch. It fails if somebody else has become the owner of the
// account.
func (t *txn) begin(tx *bstore.Tx) error {
	a := t.account
	*t = txn{account: a, tx: tx, now: a.store.opts.Now(), boxes: t.boxes, names: t.names, subs: t.subs, mutes: t.mutes}
	if t.boxes == nil {
		t.boxes = map[MailboxID]*box{}
		t.names = map[string]MailboxID{}
		t.subs = map[string]bool{}
		t.mutes = map[ThreadID]bool{}
	}
	clear(t.boxes)
	clear(t.names)
	clear(t.subs)
	clear(t.mutes)
	t.sets.begin(&a.keywords)

	t.row = accountRow{ID: 1}
	if err := tx.Get(&t.row); err != nil {
		return fmt.Errorf("reading account: %w", err)
	}
	if !a.committer.owner {
		t.row.Epoch++
	} else if t.row.Epoch != a.row.Epoch {
		return fmt.Errorf("another process has taken over account %s", dirName(a.id))
	}
	return nil
}

func (t *txn) beginOp() {
	t.modseq, t.changes, t.erased = 0, nil, nil
}

// endOp writes the changes of an op to the log, and lists what is to be erased.
func (t *txn) endOp() error {
	if len(t.changes) > 0 {
		if err := t.insert(&changeRow{ModSeq: t.modSeq(), Time: t.now.Unix(), Data: appendChanges(nil, t.changes)}); err != nil {
			return err
		}
	}
	for ids := range slices.Chunk(t.erased, eraseChunk) {
		t.erases = true
		if err := t.insert(&eraseRow{At: t.now.Unix(), Emails: appendIDs(nil, ids)}); err != nil {
			return err
		}
	}
	return nil
}

// finish writes the working copies.
func (t *txn) finish() error {
	for _, id := range slices.Sorted(maps.Keys(t.boxes)) {
		if err := t.writeBox(t.boxes[id]); err != nil {
			return err
		}
	}
	t.row.Commit++
	if err := t.writeYoungThreads(); err != nil {
		return err
	}
	return t.tx.Update(&t.row)
}

func (t *txn) writeBox(b *box) error {
	if b.keywordsDirty {
		row := mailboxKeywordsRow{Mailbox: b.row.ID, Keywords: b.keywords}
		err := t.tx.Update(&row)
		if err == bstore.ErrAbsent {
			err = t.tx.Insert(&row)
		}
		if err != nil {
			return err
		}
	}
	if b.inserted || b.dirty {
		b.row.RecentFrom = max(b.row.RecentFrom, t.account.recent.mark(&b.row))
	}
	switch {
	case b.inserted:
		return t.tx.Insert(&b.row)
	case b.dirty:
		return t.tx.Update(&b.row)
	}
	return nil
}

// publish makes what was committed visible: first the tables, then the Views, then it wakes who
// watches.
func (t *txn) publish() {
	a := t.account
	a.views.moment.Lock()
	defer a.views.moment.Unlock()
	a.keywords.publish(&t.sets)
	a.publishYoungThreads(t)
	news := t.row.ModSeq != a.row.ModSeq
	a.mu.Lock()
	a.row = t.row
	for id, b := range t.boxes {
		a.boxes.publish(b)
		if b.deleted {
			a.recent.forget(id)
		}
	}
	for name, id := range t.names {
		a.boxes.setName(name, id)
	}
	for name, on := range t.subs {
		if on {
			a.subscriptions[name] = struct{}{}
		} else {
			delete(a.subscriptions, name)
		}
	}
	for thread, on := range t.mutes {
		if on {
			a.muted[thread] = struct{}{}
		} else {
			delete(a.muted, thread)
		}
	}
	a.mu.Unlock()
	if t.recipients {
		a.correspondents.changes.Add(1)
	}
	a.committer.committed(t)
	for id, b := range t.boxes {
		if len(b.edits) == 0 && !b.keywordsDirty && !b.deleted && !b.renumbered {
			continue
		}
		a.views.publish(id, boxUpdate{
			edits:    b.edits,
			modseq:   b.row.ModSeq,
			uidNext:  b.row.UIDNext,
			keywords: b.keywords,
			deleted:  b.deleted || b.renumbered,
		})
	}
	if news {
		a.watchers.wake()
	}
}

// Get, insert, update and delete work on rows that are not kept as working copies. Inserting a row
// whose key is taken, and updating or deleting one that is missing, fails before anything is written.

func (t *txn) get(row any) error { return t.tx.Get(row) }

func (t *txn) insert(row any) error {
	t.writes++
	return t.tx.Insert(row)
}

func (t *txn) update(row any) error {
	t.writes++
	return t.tx.Update(row)
}

func (t *txn) delete(row any) error {
	t.writes++
	return t.tx.Delete(row)
}

// put inserts a row, or updates the one that has its key.
func (t *txn) put(row any) error {
	t.writes++
	err := t.tx.Update(row)
	if err == bstore.ErrAbsent {
		err = t.tx.Insert(row)
	}
	return err
}

// modSeq returns the modseq of the op, one more than that of the op before.
func (t *txn) modSeq() imap.ModSeq {
	if t.modseq == 0 {
		t.row.ModSeq++
		t.writes++
		t.modseq = t.row.ModSeq
	}
	return t.modseq
}

// log adds a change to those of the op.
func (t *txn) log(c Change) { t.changes = append(t.changes, c) }

// box returns the working copy of a mailbox. Returns ErrNoMailbox.
func (t *txn) box(id MailboxID) (*box, error) {
	if b := t.boxes[id]; b != nil {
		if b.deleted {
			return nil, &MailboxError{ID: id}
		}
		return b, nil
	}
	mb, ok := t.account.mailbox(id)
	if !ok {
		return nil, &MailboxError{ID: id}
	}
	b := &box{mailbox: *mb}
	t.boxes[id] = b
	return b, nil
}

// boxNamed returns the working copy of the mailbox with a name in canonical form. Returns
// ErrNoMailbox.
func (t *txn) boxNamed(name string) (*box, error) {
	id, ok := t.names[name]
	if !ok {
		t.account.mu.RLock()
		id = t.account.boxes.byName[name]
		t.account.mu.RUnlock()
	}
	if id == 0 {
		return nil, ErrNoMailbox
	}
	return t.box(id)
}

// touch notes that the op changes messages of a mailbox, or the mailbox itself.
func (t *txn) touch(b *box) {
	b.row.ModSeq = t.modSeq()
	b.dirty = true
	t.writes++
}

// errUIDs says that a mailbox has used up its UIDs.
var errUIDs = errors.New("mailbox has no UIDs left, move its messages to a new one")

// newUID gives out a UID.
func (t *txn) newUID(b *box) (imap.UID, error) {
	uid := b.row.UIDNext
	if uid == math.MaxUint32 {
		return 0, errUIDs
	}
	b.row.UIDNext++
	b.dirty = true
	t.writes++
	return uid, nil
}

// insertMessage adds a message to a mailbox. The row has its mailbox and UID.
func (t *txn) insertMessage(b *box, r *messageRow) error {
	t.touch(b)
	b.row.count(r, 1)
	b.edits = append(b.edits, viewEdit{entry: makeEntry(r)})
	return t.insert(r)
}

// updateMessage replaces a message.
func (t *txn) updateMessage(b *box, old, r *messageRow) error {
	t.touch(b)
	b.row.count(old, -1)
	b.row.count(r, 1)
	b.edits = append(b.edits, viewEdit{entry: makeEntry(r)})
	return t.update(r)
}

// deleteMessage removes a message from a mailbox.
func (t *txn) deleteMessage(b *box, r *messageRow) error {
	t.touch(b)
	b.row.count(r, -1)
	b.edits = append(b.edits, viewEdit{entry: entry{uid: r.uid()}, gone: true})
	return t.delete(r)
}

// count adds n times a message to the counts.
func (m *mailboxRow) count(r *messageRow, n int64) {
	m.Total += n
	m.Size += n * r.Size
	switch {
	case !r.Flags.Has(imap.FlagSeen) && !r.Flags.Has(imap.FlagDeleted):
		m.Unread += n
		m.Unseen += n
	case !r.Flags.Has(imap.FlagSeen):
		m.Unseen += n
	}
	if r.Flags.Has(imap.FlagDeleted) {
		m.Deleted += n
	}
}

// ref counts another message of an email.
func (t *txn) ref(email EmailID) error {
	r := emailRefRow{Email: email.Key}
	err := t.get(&r)
	if err == bstore.ErrAbsent {
		r.Count = 2
		return t.insert(&r)
	} else if err != nil {
		return err
	}
	r.Count++
	return t.update(&r)
}

// unref takes a message off the count of an email. With the last one the email is listed to be erased, and
// its bytes are free.
func (t *txn) unref(email EmailID, size int64) error {
	r := emailRefRow{Email: email.Key}
	err := t.get(&r)
	if err == bstore.ErrAbsent {
		t.erased = append(t.erased, email)
		t.row.Bytes -= size
		t.writes++
		return nil
	} else if err != nil {
		return err
	}
	if r.Count--; r.Count < 2 {
		return t.delete(&r)
	}
	return t.update(&r)
}

// messages calls fn with the messages of a mailbox in a set in normal form; nil is all. Fn may change and delete
// the message it is given, and add others to other mailboxes.
func (t *txn) messages(mailbox MailboxID, uids imap.UIDSet, fn func(r messageRow) error) error {
	if uids == nil {
		uids = imap.UIDSet{{First: 1, Last: math.MaxUint32}}
	}
	for _, rg := range uids {
		if rg.First == rg.Last {
			r := messageRow{ID: messageID(mailbox, rg.First)}
			err := t.get(&r)
			if err == bstore.ErrAbsent {
				continue
			} else if err == nil {
				err = fn(r)
			}
			if err != nil {
				return err
			}
			continue
		}
		if err := t.messageRange(messageID(mailbox, rg.First), messageID(mailbox, rg.Last), fn); err != nil {
			return err
		}
	}
	return nil
}

// messageRange calls fn with the messages with ids from first to last. They are read some at a time,
// as changing them would disturb the reading.
func (t *txn) messageRange(first, last int64, fn func(r messageRow) error) error {
	const page = 1000
	var rows []messageRow
	for first <= last {
		rows = rows[:0]
		q := bstore.QueryTx[messageRow](t.tx)
		q.FilterGreaterEqual("ID", first)
		q.FilterLessEqual("ID", last)
		q.SortAsc("ID")
		q.Limit(page)
		err := q.ForEach(func(r messageRow) error {
			rows = append(rows, r)
			return nil
		})
		if err != nil {
			return err
		}
		for _, r := range rows {
			if err := fn(r); err != nil {
				return err
			}
		}
		if len(rows) < page {
			return nil
		}
		first = rows[len(rows)-1].ID + 1
	}
	return nil
}
