package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/mjl-/bstore"

	"mox/store/blob"
)

// contentVerifier checks the content of the emails that a verifier found.
type contentVerifier struct {
	*verifier
	report func(Problem)
	young  youngThreads // As they were at some moment.
}

func (c *contentVerifier) tell(cure, format string, args ...any) {
	c.report(Problem{c.name, fmt.Sprintf(format, args...), cure})
}

// touchAll checks that the files have what emails refer to, without reading it.
func (c *contentVerifier) touchAll() error {
	for id, e := range c.emails {
		if err := c.tick(); err != nil {
			return err
		}
		if e.blob.IsZero() {
			continue
		}
		if err := c.account.touch(e.blob); err != nil {
			if err := c.again(id, err, func(ref blob.Ref) error { return c.account.touch(ref) }); err != nil {
				return err
			}
		}
	}
	return nil
}

// touch reads the last byte of a blob.
func (a *account) touch(ref blob.Ref) error {
	r, err := a.blobs.Open(ref)
	if err != nil {
		return err
	}
	defer r.Close()
	if r.Size() == 0 {
		return nil
	}
	var b [1]byte
	if _, err := r.ReadAt(b[:], r.Size()-1); err != nil && err != io.EOF {
		return err
	}
	return nil
}

// again checks the content of an email for which a check failed. Since the database was read it may have been
// erased or moved. It returns errors that are not about this content.
func (c *contentVerifier) again(id int64, cause error, check func(blob.Ref) error) error {
	row := emailRow{ID: id}
	err := c.account.read(c.ctx, func(tx *bstore.Tx) error { return tx.Get(&row) })
	if errors.Is(err, bstore.ErrAbsent) {
		return nil
	} else if err != nil {
		return err
	}
	ref, err := blob.ParseRef(row.Rec.Blob)
	if err == nil && ref != c.emails[id].blob {
		cause = check(ref)
	}
	switch {
	case cause == nil:
		return nil
	case errors.Is(cause, blob.ErrNotExist), errors.Is(cause, blob.ErrCorrupt), errors.Is(cause, blob.ErrEncoding):
		c.tell(cureContent, "%s: its content at %v: %v", c.of(id), ref, cause)
		return nil
	}
	return cause
}

// of names an email for an operator, by one of its messages.
func (c *contentVerifier) of(id int64) string {
	if e := c.emails[id]; e.messages > 0 {
		return fmt.Sprintf("message %s (email %016x)", c.describe(e.message), id)
	}
	return fmt.Sprintf("email %016x, which is to be erased", id)
}

// scanAttempts is how often reading all packs is begun anew when compaction has removed one meanwhile.
const scanAttempts = 5

// readAll reads everything that is stored and compares it with checksums and the database.
func (c *contentVerifier) readAll() error {
	if err := c.threads(); err != nil {
		return err
	}
	for n := 1; ; n++ {
		s := scannedContent{contentVerifier: c}
		err := c.account.blobs.Scan(c.ctx, s.found, s.damaged)
		if errors.Is(err, fs.ErrNotExist) && n < scanAttempts {
			continue
		} else if err != nil {
			return err
		}
		return s.finish()
	}
}

// scannedContent is what a scan of all blobs came across.
type scannedContent struct {
	*contentVerifier
	seen    map[int64]bool // By EmailID.Key, as those below.
	corrupt map[int64]bool
	tombs   []int64        // In use, but marked as deleted.
	unused  []blob.Located // Large files that no email refers to.
	damages []blob.Damage
}

func (s *scannedContent) found(r blob.Record) error {
	if s.seen == nil {
		s.seen, s.corrupt = map[int64]bool{}, map[int64]bool{}
	}
	id := r.EmailID
	e := s.emails[id]
	switch {
	case e == nil || e.blob != r.Ref:
		// In a pack this is what a crash or compaction leaves, and the next compaction removes.
		if s.account.blobs.Large(r.Ref.Size()) && !r.Deleted {
			s.unused = append(s.unused, blob.Located{EmailID: r.EmailID, Ref: r.Ref})
		}
		return nil
	case r.Corrupt:
		s.corrupt[id] = true
	case r.Deleted:
		s.tombs = append(s.tombs, id)
	}
	s.seen[id] = true
	return nil
}

func (s *scannedContent) damaged(d *blob.Damage) error {
	s.damages = append(s.damages, *d)
	return nil
}

// finish looks again at all that was not as it should be, as it may have changed since the database was read.
func (s *scannedContent) finish() error {
	for _, d := range s.damages {
		s.tell(cureContent, "%v", &d)
	}
	for id, e := range s.emails {
		if s.seen[id] && !s.corrupt[id] || e.blob.IsZero() {
			continue
		}
		verify := func(ref blob.Ref) error { return s.account.blobs.Verify(s.ctx, ref) }
		err := verify(e.blob)
		if err == nil {
			err = fmt.Errorf("%w: not found where it should be", blob.ErrNotExist)
		}
		if err := s.again(id, err, verify); err != nil {
			return err
		}
	}
	if err := s.deleted(); err != nil {
		return err
	}
	return s.unusedFiles()
}

// deleted tells of emails that Recover would leave out.
func (s *scannedContent) deleted() error {
	for _, id := range s.tombs {
		used, err := s.account.liveBlobs(s.ctx, []blob.Located{{EmailID: id, Ref: s.emails[id].blob}})
		if err != nil {
			return err
		}
		if used[0] {
			s.tell("copy the message and expunge the original", "%s: its content is marked as deleted, so that \"mox recover\" would leave it out", s.of(id))
		}
	}
	return nil
}

// sweepPatience is how often Verify asks whether a file is in use after all.
const sweepPatience = 100

// unusedFiles tells of large files that no email refers to.
func (s *scannedContent) unusedFiles() error {
	for n := 0; len(s.unused) > 0; n++ {
		if n == sweepPatience {
			return nil // Too busy to tell.
		}
		// A message that is being added has its file before the database knows it. And what a crash has
		// left, the committer removes soon after the account was opened.
		undecided := s.account.adding.Load() > 0
		var used []bool
		err := s.account.committer.do(s.ctx, &op{label: "verify", bulk: true, reads: true, run: func(tx *txn) (err error) {
			undecided = undecided || s.account.committer.chores.sweep
			used, err = s.account.live(s.ctx, s.unused)
			return err
		}})
		if err != nil {
			return err
		}
		var unused []blob.Located
		for i, b := range s.unused {
			if !used[i] && s.account.touch(b.Ref) == nil {
				unused = append(unused, b)
			}
		}
		s.unused = unused
		if !undecided {
			break
		}
	}
	for _, b := range s.unused {
		s.tell(cureSweep, "content of email %016x, which is not there, at %v", b.EmailID, b.Ref)
	}
	return nil
}

// threads checks that emails are found by what later emails refer to: of the keys of an email, one leads to its
// thread at least.
func (c *contentVerifier) threads() error {
	ids := make([]EmailID, 0, len(c.emails))
	for key, e := range c.emails {
		ids = append(ids, EmailID{key, e.random})
	}
	slices.SortFunc(ids, EmailID.compare)
	a := &Account{acc: c.account}
	return a.Emails(c.ctx, System, ids, func(i int, e *Email) error {
		if e == nil {
			return nil
		}
		if _, err := e.Part(); err != nil {
			c.tell(cureRebuild, "%s: %v", c.of(e.ID.Key), err)
			return nil
		}
		keys := threadKeys(e.ParseEnvelope())
		if len(keys) == 0 {
			return nil
		}
		ok, err := c.leads(keys, e.Thread)
		if err == nil && !ok {
			c.tell(cureRebuild, "%s: nothing leads to its thread %d", c.of(e.ID.Key), e.Thread)
		}
		return err
	})
}

// leads reports whether one of the keys leads to the thread.
func (c *contentVerifier) leads(keys []int64, thread ThreadID) (ok bool, err error) {
	young := func() bool {
		return slices.ContainsFunc(keys, func(key int64) bool { return c.young[key] == thread })
	}
	err = c.account.read(c.ctx, func(tx *bstore.Tx) error {
		for _, key := range keys {
			row := threadKeyRow{Key: key}
			err := tx.Get(&row)
			if err == nil && row.Thread == thread {
				ok = true
				return nil
			} else if err != nil && err != bstore.ErrAbsent {
				return err
			}
		}
		if ok = young(); ok {
			return nil
		}
		// They are from before, or from a moment when others were young.
		var err error
		if c.young, err = loadYoungThreads(tx); err == nil {
			ok = young()
		}
		return err
	})
	return ok, err
}
