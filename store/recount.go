package store

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/mjl-/bstore"
)

// Recount adds up the messages of all mailboxes and corrects what was kept of them: counts, the next UID, modseq and
// keywords of mailboxes, references to emails, the bytes counted against the quota, the list of pending submissions.
// It returns what it corrected, for an operator, or nothing if all was right. Writes to the account wait meanwhile, about
// a second for 100,000 messages.
func (a *Account) Recount(ctx context.Context, actor Actor) ([]string, error) {
	acc, err := a.use()
	if err != nil {
		return nil, err
	}
	var r recount
	err = acc.committer.do(ctx, &op{label: "recount", bulk: true, run: func(tx *txn) error {
		r = recount{ctx: ctx, txn: tx, boxes: map[MailboxID]*recountedBox{}, emails: map[int64]recountedEmail{}}
		return r.run()
	}})
	if err != nil {
		return nil, err
	}
	return r.corrected, nil
}

// recount is one call of Recount, in its transaction.
type recount struct {
	*txn
	ctx       context.Context
	boxes     map[MailboxID]*recountedBox
	emails    map[int64]recountedEmail // By EmailID.Key.
	corrected []string
}

// recountedBox is a mailbox, and what its messages add up to.
type recountedBox struct {
	row     mailboxRow // As in the database.
	counted mailboxRow
	sets    map[KeywordSet]bool
}

type recountedEmail struct{ messages, size int64 }

func (r *recount) correct(format string, args ...any) {
	r.corrected = append(r.corrected, fmt.Sprintf(format, args...))
	r.writes++
}

func (r *recount) run() error {
	for _, step := range []func() error{r.readMailboxes, r.readMessages, r.mailboxes, r.account, r.references, r.submissions} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (r *recount) readMailboxes() error {
	return bstore.QueryTx[mailboxRow](r.tx).ForEach(func(row mailboxRow) error {
		r.boxes[row.ID] = &recountedBox{row: row, counted: mailboxRow{UIDNext: 1}, sets: map[KeywordSet]bool{}}
		return nil
	})
}

func (r *recount) readMessages() error {
	n := 0
	return r.messageRange(0, math.MaxInt64, func(m messageRow) error {
		if n++; n%1024 == 0 && r.ctx.Err() != nil {
			return r.ctx.Err()
		}
		e := r.emails[m.Email.Key]
		e.messages++
		e.size = m.Size
		r.emails[m.Email.Key] = e
		b := r.boxes[m.mailbox()]
		if b == nil {
			return nil // Nobody can see it. Verify tells.
		}
		c := &b.counted
		c.count(&m, 1)
		c.UIDNext = max(c.UIDNext, m.uid()+1)
		c.ModSeq = max(c.ModSeq, m.ModSeq)
		b.sets[m.Keywords] = true
		return nil
	})
}

// mailboxes corrects mailboxes.
func (r *recount) mailboxes() error {
	for _, id := range sortedKeys(r.boxes) {
		rb := r.boxes[id]
		r.row.ModSeq = max(r.row.ModSeq, rb.row.ModSeq, rb.counted.ModSeq)
		if rb.row.Gone {
			row := rb.row
			if r.correctBox(&row, &rb.counted) {
				if err := r.update(&row); err != nil {
					return err
				}
			}
			continue
		}
		b, err := r.box(id)
		if err != nil {
			continue // Not in memory, which Verify tells.
		}
		if b.row != rb.row {
			r.correct("mailbox %q: differed in memory and in the database", b.row.Name)
			b.dirty = true
		}
		if r.correctBox(&b.row, &rb.counted) {
			b.dirty = true
		}
		for set := range rb.sets {
			dirty := b.keywordsDirty
			if int(set) > len(r.sets.table.sets) {
				continue // There is no such set, which Verify tells.
			}
			if err := r.useKeywords(b, set); err != nil {
				return err
			}
			if b.keywordsDirty && !dirty {
				r.correct("mailbox %q: keywords of its messages were missing", b.row.Name)
			}
		}
	}
	return nil
}

// correctBox corrects a mailbox, and reports whether anything was wrong.
func (r *recount) correctBox(m, c *mailboxRow) bool {
	before := *m
	if m.Total != c.Total || m.Unread != c.Unread || m.Unseen != c.Unseen || m.Deleted != c.Deleted || m.Size != c.Size {
		r.correct("mailbox %q: counts were total %d unread %d unseen %d deleted %d size %d, are %d %d %d %d %d",
			m.Name, m.Total, m.Unread, m.Unseen, m.Deleted, m.Size, c.Total, c.Unread, c.Unseen, c.Deleted, c.Size)
		m.Total, m.Unread, m.Unseen, m.Deleted, m.Size = c.Total, c.Unread, c.Unseen, c.Deleted, c.Size
	}
	if m.UIDNext < c.UIDNext {
		r.correct("mailbox %q: uidnext was %d, is %d", m.Name, m.UIDNext, c.UIDNext)
		m.UIDNext = c.UIDNext
	}
	if m.ModSeq < c.ModSeq {
		r.correct("mailbox %q: modseq was %d, is %d", m.Name, m.ModSeq, c.ModSeq)
		m.ModSeq = c.ModSeq
	}
	if m.RecentFrom > m.UIDNext {
		r.correct("mailbox %q: messages were recent from uid %d, are from %d", m.Name, m.RecentFrom, m.UIDNext)
		m.RecentFrom = m.UIDNext
	}
	return *m != before
}

// account corrects what is kept of all mailboxes together.
func (r *recount) account() error {
	var bytes int64
	for _, e := range r.emails {
		bytes += e.size
	}
	if r.row.Bytes != bytes {
		r.correct("bytes counted against the quota were %d, are %d", r.row.Bytes, bytes)
		r.row.Bytes = bytes
	}
	var validity uint32
	var last MailboxID
	for id, b := range r.boxes {
		last = max(last, id)
		validity = max(validity, b.row.UIDValidity)
	}
	if r.row.NextMailbox <= last {
		r.correct("next id of a mailbox was %d, is %d", r.row.NextMailbox, last+1)
		r.row.NextMailbox = last + 1
	}
	if r.row.NextUIDValidity <= validity && validity < math.MaxUint32 {
		r.correct("next uidvalidity was %d, is %d", r.row.NextUIDValidity, validity+1)
		r.row.NextUIDValidity = validity + 1
	}
	return nil
}

// references corrects how many messages emails have.
func (r *recount) references() error {
	rows, err := allRows[emailRefRow](r.tx)
	if err != nil {
		return err
	}
	counted := map[int64]bool{}
	for i := range rows {
		row := &rows[i]
		counted[row.Email] = true
		n := r.emails[row.Email].messages
		if n == row.Count {
			continue
		}
		r.correct("email %016x: messages counted were %d, are %d", row.Email, row.Count, n)
		if n < 2 {
			err = r.delete(row)
		} else {
			row.Count = n
			err = r.update(row)
		}
		if err != nil {
			return err
		}
	}
	for _, key := range sortedKeys(r.emails) {
		if n := r.emails[key].messages; n > 1 && !counted[key] {
			r.correct("email %016x: messages were not counted, are %d", key, n)
			if err := r.insert(&emailRefRow{key, n}); err != nil {
				return err
			}
		}
	}
	return nil
}

// submissions corrects the lists of pending ones and of scheduled ones. Which of those that are not on the latter were
// scheduled, nothing else tells.
func (r *recount) submissions() error {
	listed := map[SubmissionID]bool{}
	rows, err := allRows[pendingSubmissionRow](r.tx)
	if err != nil {
		return err
	}
	for i := range rows {
		row := submissionRow{ID: rows[i].ID}
		err := r.get(&row)
		if err == bstore.ErrAbsent || err == nil && row.State != SubmissionPending {
			r.correct("submission %d: was on the list of pending ones, is not", rows[i].ID)
			err = r.delete(&rows[i])
		}
		if err != nil {
			return err
		}
		listed[rows[i].ID] = true
	}
	scheduled, err := allRows[scheduledSubmissionRow](r.tx)
	if err != nil {
		return err
	}
	for i := range scheduled {
		row := submissionRow{ID: scheduled[i].ID}
		err := r.get(&row)
		if err == bstore.ErrAbsent || err == nil && !row.canBeScheduled() {
			r.correct("submission %d: was on the list of scheduled ones, is not", row.ID)
			err = r.delete(&scheduled[i])
		}
		if err != nil {
			return err
		}
	}
	var missing []SubmissionID
	err = bstore.QueryTx[submissionRow](r.tx).ForEach(func(row submissionRow) error {
		if row.State == SubmissionPending && !listed[row.ID] {
			missing = append(missing, row.ID)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, id := range missing {
		r.correct("submission %d: was not on the list of pending ones, is", id)
		if err := r.insert(&pendingSubmissionRow{ID: id}); err != nil {
			return err
		}
	}
	return nil
}

// allRows returns the rows of a type of which there are few.
func allRows[T any](tx *bstore.Tx) ([]T, error) { return bstore.QueryTx[T](tx).List() }

func sortedKeys[K interface{ ~int64 }, V any](m map[K]V) []K {
	l := make([]K, 0, len(m))
	for k := range m {
		l = append(l, k)
	}
	slices.Sort(l)
	return l
}
