package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mjl-/bstore"

	"mox/imap"
)

// openCopy opens a copy of accounts that was made by Snapshot.
func openCopy(t *testing.T, dir string, readOnly bool) *Store {
	t.Helper()
	s, err := New(Options{Dir: dir, ReadOnly: readOnly})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
	return s
}

// While messages arrive, are moved and go, a snapshot is whole, and has what was there before it began.
func TestSnapshotUnderLoad(t *testing.T) {
	t.Parallel()
	s, a := newVerifyStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	inbox, err := a.MailboxByName(ctx, System, "Inbox")
	if err != nil {
		t.Fatal(err)
	}
	archive, err := a.MailboxByName(ctx, System, "Archive")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	acked := map[string]bool{} // Subjects.
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(w), 1))
			for i := 0; ctx.Err() == nil; i++ {
				subject := fmt.Sprintf("acked-%d-%d", w, i)
				text := "Subject: " + subject + "\r\n\r\n" + strings.Repeat("text\r\n", rng.IntN(3000))
				if i%50 == 7 {
					text += strings.Repeat("large message\r\n", 30_000)
				}
				d, err := a.Deliver(context.Background(), System, Delivery{NewMessage: NewMessage{Body: strings.NewReader(text), Size: int64(len(text))}})
				if err != nil {
					t.Error(err)
					return
				}
				switch i % 5 {
				case 0:
					_, err = a.Move(context.Background(), System, inbox.ID, imap.SetOf(d.UID), archive.ID)
				case 1:
					_, _, err = a.Expunge(context.Background(), System, inbox.ID, imap.SetOf(d.UID), false)
				}
				if err != nil {
					t.Error(err)
				}
				if i%5 != 1 {
					mu.Lock()
					acked[subject] = true
					mu.Unlock()
				}
			}
		})
	}
	var copies []string
	var wants []map[string]bool
	for range 5 {
		mu.Lock()
		want := map[string]bool{}
		for k := range acked {
			want[k] = true
		}
		mu.Unlock()
		dir := t.TempDir()
		var told int64
		if err := s.Snapshot(t.Context(), "verify", dir, func(n int64) { told += n }); err != nil {
			t.Fatal(err)
		}
		if told == 0 {
			t.Error("no progress was told")
		}
		if _, err := s.Compact(t.Context(), "verify", true, nil); err != nil {
			t.Fatal(err)
		}
		copies, wants = append(copies, dir), append(wants, want)
	}
	cancel()
	wg.Wait()
	if p := verifyAll(t, s, true); len(p) > 0 {
		t.Errorf("source: %+v", p)
	}
	for i, dir := range copies {
		c := openCopy(t, dir, i%2 == 0)
		for _, p := range verifyAll(t, c, true) {
			t.Errorf("copy %d: %s", i, p.What)
		}
		have := subjectsOf(t, c)
		for subject := range wants[i] {
			if !have[subject] {
				t.Errorf("copy %d lacks %s, which was acknowledged before", i, subject)
			}
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// subjectsOf returns the subjects of all messages of account "verify".
func subjectsOf(t *testing.T, s *Store) map[string]bool {
	t.Helper()
	a, err := s.Open(t.Context(), "verify")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	have := map[string]bool{}
	l, err := a.Mailboxes(t.Context(), System)
	if err != nil {
		t.Fatal(err)
	}
	for _, mb := range l {
		if mb.Counts.Total == 0 {
			continue
		}
		sel, err := a.Select(t.Context(), System, mb.ID)
		if err != nil {
			t.Fatal(err)
		}
		var ids []EmailID
		for i := range sel.View().Len() {
			ids = append(ids, sel.View().At(imap.SeqNum(i+1)).Email)
		}
		err = a.Emails(t.Context(), System, ids, func(_ int, e *Email) error {
			have[e.ParseEnvelope().Subject] = true
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		sel.Close()
	}
	return have
}

// An account whose database is damaged is copied as it is, so that one of many does not prevent the backup of others.
func TestSnapshotOfDamaged(t *testing.T) {
	t.Parallel()
	s, a := newVerifyStore(t)
	acc := a.acc
	path := databasePath(acc.dir)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 10_000); err != nil {
		t.Fatal(err)
	}
	s = openCopy(t, s.opts.Dir, false)
	dir := t.TempDir()
	if err := s.Snapshot(t.Context(), "verify", dir, nil); !errors.Is(err, ErrDamaged) {
		t.Errorf("snapshot of a damaged account: %v", err)
	}
	c := openCopy(t, dir, false)
	if err := c.Mend(t.Context(), "verify", true, func(string) {}); err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"0", "2", "3"} {
		if !subjectsOf(t, c)[subject] {
			t.Errorf("message %s is not in what was recovered", subject)
		}
	}
	if err := s.Snapshot(t.Context(), "nobody", dir, nil); !errors.Is(err, ErrNoAccount) {
		t.Errorf("snapshot of no account: %v", err)
	}
}

// A snapshot that is interrupted leaves nothing, and the account as it was.
func TestSnapshotInterrupted(t *testing.T) {
	t.Parallel()
	s, a := newVerifyStore(t)
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Snapshot(ctx, "verify", dir, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted snapshot: %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	if err := s.Snapshot(ctx, "verify", dir, func(int64) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted snapshot: %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	// A directory that is taken stays as it is.
	taken := filepath.Join(dir, dirName(a.ID()))
	if err := os.Mkdir(taken, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := s.Snapshot(t.Context(), "verify", dir, nil); !errors.Is(err, os.ErrExist) {
		t.Errorf("snapshot to a directory that is there: %v", err)
	}
	if _, err := os.Stat(taken); err != nil {
		t.Error(err)
	}
}

// After a restore nothing that numbers say is the same as something that the account said before or after the backup.
func TestMarkRestored(t *testing.T) {
	t.Parallel()
	s, a := newVerifyStore(t)
	dir := t.TempDir()
	if err := s.Snapshot(t.Context(), "verify", dir, nil); err != nil {
		t.Fatal(err)
	}
	// The account goes on after the backup.
	given := map[uint32]bool{}
	ids := map[MailboxID]bool{}
	for i := range 50 {
		mb, err := a.CreateMailbox(t.Context(), System, fmt.Sprintf("later %d", i), "")
		if err != nil {
			t.Fatal(err)
		}
		given[mb.UIDValidity], ids[mb.ID] = true, true
	}
	l, err := a.Mailboxes(t.Context(), System)
	if err != nil {
		t.Fatal(err)
	}
	for _, mb := range l {
		given[mb.UIDValidity] = true
	}
	modseq, err := a.ModSeq(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	c := openCopy(t, dir, false)
	r, err := c.MarkRestored(t.Context(), "verify")
	if err != nil || r.Mailboxes != 6 || r.Canceled != 1 {
		t.Errorf("restored %+v, %v", r, err)
	}
	b, err := c.Open(t.Context(), "verify")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	mb, err := b.CreateMailbox(t.Context(), System, "new", "")
	if err != nil || ids[mb.ID] {
		t.Errorf("new mailbox has id %d, which the account has given out, %v", mb.ID, err)
	}
	if l, err = b.Mailboxes(t.Context(), System); err != nil {
		t.Fatal(err)
	}
	for _, mb := range l {
		if given[mb.UIDValidity] {
			t.Errorf("mailbox %s has uidvalidity %d again", mb.Name, mb.UIDValidity)
		}
		if mb.ModSeq <= modseq {
			t.Errorf("mailbox %s has modseq %d, before it was %d", mb.Name, mb.ModSeq, modseq)
		}
	}
	if _, _, err := b.ChangesSince(t.Context(), modseq, 10); !errors.Is(err, ErrHorizon) {
		t.Errorf("changes since before the restore: %v", err)
	}
	if p, err := b.PendingSubmissions(t.Context()); err != nil || len(p) > 0 {
		t.Errorf("pending: %v, %v", p, err)
	}
	if value, at, err := b.Setting(t.Context(), "labels"); err != nil || string(value) != "{}" || at == 0 {
		t.Errorf("setting %q, modseq %d, %v", value, at, err)
	}
	if !b.Muted(5) || b.Muted(6) {
		t.Error("muted threads are not as they were")
	}
	if l, err := b.Correspondents(t.Context(), "b@example", 2); err != nil || len(l) != 1 {
		t.Errorf("correspondents %v, %v", l, err)
	}
	// The same messages in the same order, each where another one was.
	for _, box := range []string{"Inbox", "Archive"} {
		was, now := uidsOf(t, a, box), uidsOf(t, b, box)
		if len(was.ids) != len(now.ids) {
			t.Fatalf("%s has %d messages, had %d", box, len(now.ids), len(was.ids))
		}
		for i, id := range was.ids {
			if now.ids[i] != id || now.uids[i] == was.uids[i] || i+1 < len(was.uids) && now.uids[i] != was.uids[i+1] {
				t.Errorf("%s: message %d has uid %d, had %d", box, i, now.uids[i], was.uids[i])
			}
		}
	}
	for _, p := range verifyAll(t, c, true) {
		t.Error(p.What)
	}
	if _, err := c.MarkRestored(t.Context(), "nobody"); !errors.Is(err, ErrNoAccount) {
		t.Errorf("no account: %v", err)
	}
}

type uids struct {
	uids []imap.UID
	ids  []EmailID
}

// uidsOf returns the messages of a mailbox.
func uidsOf(t *testing.T, a *Account, name string) uids {
	t.Helper()
	mb, err := a.MailboxByName(t.Context(), System, name)
	if err != nil {
		t.Fatal(err)
	}
	sel, err := a.Select(t.Context(), System, mb.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer sel.Close()
	var l uids
	for i := range sel.View().Len() {
		m := sel.View().At(imap.SeqNum(i + 1))
		l.uids, l.ids = append(l.uids, m.UID), append(l.ids, m.Email)
	}
	return l
}

// Many messages get new UIDs in several transactions.
func TestMarkRestoredMany(t *testing.T) {
	t.Parallel()
	s, a := newVerifyStore(t)
	for i := range 2*shiftChunk + 7 {
		text := fmt.Sprintf("Subject: many %d\r\n\r\n", i)
		if _, err := a.Deliver(t.Context(), System, Delivery{NewMessage: NewMessage{Body: strings.NewReader(text), Size: int64(len(text))}}); err != nil {
			t.Fatal(err)
		}
	}
	was := uidsOf(t, a, "Inbox")
	dir := t.TempDir()
	if err := s.Snapshot(t.Context(), "verify", dir, nil); err != nil {
		t.Fatal(err)
	}
	c := openCopy(t, dir, false)
	for range 2 {
		if _, err := c.MarkRestored(t.Context(), "verify"); err != nil {
			t.Fatal(err)
		}
		b, err := c.Open(t.Context(), "verify")
		if err != nil {
			t.Fatal(err)
		}
		now := uidsOf(t, b, "Inbox")
		b.Close()
		for i := range was.ids {
			if now.ids[i] != was.ids[i] || now.uids[i] <= was.uids[i] {
				t.Fatalf("message %d has uid %d, had %d", i, now.uids[i], was.uids[i])
			}
		}
		was = now
		for _, p := range verifyAll(t, c, false) {
			t.Error(p.What)
		}
	}
}

// Sessions are told that a mailbox is not what they know, and others see the new UIDVALIDITY with the old messages.
func TestBumpUIDValidity(t *testing.T) {
	t.Parallel()
	s, a := newVerifyStore(t)
	before, err := a.MailboxByName(t.Context(), System, "Inbox")
	if err != nil {
		t.Fatal(err)
	}
	sel, err := a.Select(t.Context(), System, before.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer sel.Close()
	l, err := a.BumpUIDValidity(t.Context(), System, "INBOX")
	if err != nil || len(l) != 1 || l[0].UIDValidity <= before.UIDValidity || l[0].UIDNext != before.UIDNext {
		t.Fatalf("bumped %+v, %v", l, err)
	}
	select {
	case <-sel.Wake():
	default:
		t.Error("the session is not woken")
	}
	if !sel.Refresh(true).Deleted {
		t.Error("the session is told nothing")
	}
	again, err := a.Select(t.Context(), System, before.ID)
	if err != nil {
		t.Fatal(err)
	}
	if v := again.View(); v.UIDValidity() != l[0].UIDValidity || v.Len() != sel.View().Len() {
		t.Errorf("selected again: uidvalidity %d, %d messages", v.UIDValidity(), v.Len())
	}
	again.Close()
	if l, err := a.BumpUIDValidity(t.Context(), System, ""); err != nil || len(l) != 6 {
		t.Errorf("all: %d, %v", len(l), err)
	}
	if _, err := a.BumpUIDValidity(t.Context(), System, "none"); !errors.Is(err, ErrNoMailbox) {
		t.Errorf("no mailbox: %v", err)
	}
	for _, p := range verifyAll(t, s, true) {
		t.Error(p.What)
	}
}

// tamper changes rows behind the back of the account, which is closed meanwhile.
func tamper(t *testing.T, s *Store, a *Account, change func(tx *bstore.Tx) error) *Store {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := openDatabase(t.Context(), a.acc.dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Write(t.Context(), change); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return openCopy(t, s.opts.Dir, false)
}

// What can be counted anew is, and nothing is found to correct then.
func TestMendCounts(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(tx *bstore.Tx) error{
		"counts": func(tx *bstore.Tx) error {
			r := mailboxRow{ID: 1}
			if err := tx.Get(&r); err != nil {
				return err
			}
			r.Total, r.Unseen, r.Size = r.Total+3, 0, -1
			return tx.Update(&r)
		},
		"uidnext": func(tx *bstore.Tx) error {
			r := mailboxRow{ID: 1}
			if err := tx.Get(&r); err != nil {
				return err
			}
			r.UIDNext, r.ModSeq, r.RecentFrom = 2, 1, 2
			return tx.Update(&r)
		},
		"quota": func(tx *bstore.Tx) error {
			r := accountRow{ID: 1}
			if err := tx.Get(&r); err != nil {
				return err
			}
			r.Bytes, r.NextUIDValidity, r.NextMailbox = 5, 1, 2
			return tx.Update(&r)
		},
		"no reference": func(tx *bstore.Tx) error {
			_, err := bstore.QueryTx[emailRefRow](tx).Delete()
			return err
		},
		"references": func(tx *bstore.Tx) error {
			_, err := bstore.QueryTx[emailRefRow](tx).UpdateField("Count", int64(7))
			return err
		},
		"keywords": func(tx *bstore.Tx) error {
			_, err := bstore.QueryTx[mailboxKeywordsRow](tx).Delete()
			return err
		},
		"submission": func(tx *bstore.Tx) error {
			_, err := bstore.QueryTx[pendingSubmissionRow](tx).Delete()
			return err
		},
		"not scheduled": func(tx *bstore.Tx) error { return tx.Insert(&scheduledSubmissionRow{ID: 77}) },
		"not pending":   func(tx *bstore.Tx) error { return tx.Insert(&pendingSubmissionRow{ID: 77}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, a := newVerifyStore(t)
			s = tamper(t, s, a, change)
			if len(verifyAll(t, s, false)) == 0 {
				t.Fatal("nothing is wrong")
			}
			told := 0
			if err := s.Mend(t.Context(), "verify", false, func(string) { told++ }); err != nil || told == 0 {
				t.Errorf("told %d, %v", told, err)
			}
			for _, p := range verifyAll(t, s, true) {
				t.Errorf("still: %s", p.What)
			}
			if err := s.Mend(t.Context(), "verify", true, func(done string) { t.Errorf("again: %s", done) }); err != nil {
				t.Error(err)
			}
		})
	}
}

// Messages that only the packs have come back, files that nothing refers to go, and what was expunged stays away.
func TestMendContent(t *testing.T) {
	t.Parallel()
	s, a := newVerifyStore(t)
	dir := a.acc.dir
	if err := s.Close(); err != nil { // Erases nothing, as it is Store.Close.
		t.Fatal(err)
	}
	s = openCopy(t, s.opts.Dir, false)
	a, err := s.Open(t.Context(), "verify")
	if err != nil {
		t.Fatal(err)
	}
	a.Close()
	if err := s.exclusive(t.Context(), "verify", func(*slot) error { return nil }); err != nil { // Erases.
		t.Fatal(err)
	}
	database, err := os.ReadFile(databasePath(dir))
	if err != nil {
		t.Fatal(err)
	}
	if a, err = s.Open(t.Context(), "verify"); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Deliver(t.Context(), System, Delivery{NewMessage: NewMessage{Body: strings.NewReader("Subject: only here\r\n\r\n"), Size: 22}}); err != nil {
		t.Fatal(err)
	}
	a.Close()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(databasePath(dir), database, 0o600); err != nil {
		t.Fatal(err)
	}
	s = openCopy(t, s.opts.Dir, false)
	var told []string
	if err := s.Mend(t.Context(), "verify", true, func(done string) { told = append(told, done) }); err != nil {
		t.Fatal(err)
	}
	if len(told) != 1 || !strings.Contains(told[0], "put 1 messages") {
		t.Errorf("told %q", told)
	}
	have := subjectsOf(t, s)
	if !have["only here"] || have["1"] || len(have) != 4 {
		t.Errorf("subjects: %v", have)
	}
	for _, p := range verifyAll(t, s, true) {
		t.Error(p.What)
	}
}

// What an earlier version kept of a message is made anew from its content.
func TestReparse(t *testing.T) {
	t.Parallel()
	s, a := newVerifyStore(t)
	var original []byte
	s = tamper(t, s, a, func(tx *bstore.Tx) error {
		r, _, err := firstRow[emailRow](tx)
		if err != nil {
			return err
		}
		original = r.Rec.Cold
		var c cold
		if _, err := c.parse(r.Rec.Cold); err != nil {
			return err
		}
		c.envelope, c.preview = []byte("(NIL)"), "other"
		r.Rec.Cold = c.append(nil)
		return tx.Update(&r)
	})
	a, err := s.Open(t.Context(), "verify")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if have := subjectsOf(t, s); len(have) == 0 { // Cached now.
		t.Error("no messages")
	}
	stats, err := a.Reparse(t.Context(), System, nil)
	if err != nil || stats.Changed != 1 || stats.Failed != 0 || stats.Emails < 3 {
		t.Errorf("%+v, %v", stats, err)
	}
	err = a.acc.read(t.Context(), func(tx *bstore.Tx) error {
		r, _, err := firstRow[emailRow](tx)
		if string(r.Rec.Cold) != string(original) {
			t.Errorf("kept %q, want %q", r.Rec.Cold, original)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if stats, err := a.Reparse(t.Context(), System, nil); err != nil || stats.Changed != 0 {
		t.Errorf("again: %+v, %v", stats, err)
	}
	for _, p := range verifyAll(t, s, true) {
		t.Error(p.What)
	}
}
