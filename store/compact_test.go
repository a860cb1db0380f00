package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mox/imap"
	"mox/store/blob"
	"mox/store/dbfile"
)

// compactBody is the content of the message with a number.
func compactBody(n int) string {
	return fmt.Sprintf("Subject: %d\r\n\r\n", n) + strings.Repeat(fmt.Sprintf("line %d\r\n", n), 500)
}

// newCompactStore makes a store with an account "compact" of which most messages were expunged and
// erased: of those numbered from 1 to n, every tenth is left.
func newCompactStore(t *testing.T, n int, setup func(a *account)) (*Store, *Account) {
	t.Helper()
	ctx := context.Background()
	s, err := New(Options{Dir: t.TempDir(), EraseAfter: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing store: %v", err)
		}
	})
	if err := s.Create(ctx, "compact"); err != nil {
		t.Fatal(err)
	}
	a, err := s.Open(ctx, "compact")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	if setup != nil {
		setup(a.acc)
	}
	inbox, err := a.MailboxByName(ctx, System, "Inbox")
	if err != nil {
		t.Fatal(err)
	}
	var gone imap.UIDSet
	var last EmailID
	for i := 0; i < n; i += 10 {
		var msgs []NewMessage
		for j := range 10 {
			text := compactBody(i + j + 1)
			msgs = append(msgs, NewMessage{Body: strings.NewReader(text), Size: int64(len(text))})
		}
		added, err := a.Append(ctx, System, inbox.ID, msgs, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range added[:9] {
			gone.Add(m.UID)
			last = m.Email
		}
	}
	if _, _, err := a.Expunge(ctx, System, inbox.ID, gone, false); err != nil {
		t.Fatal(err)
	}
	// The committer erases when nobody waits for it.
	for range 10_000 {
		c, err := a.Open(ctx, System, last)
		if errors.Is(err, ErrExpunged) {
			// Its content is given up after the transaction, before the committer does anything else.
			if err := a.SetCursor(ctx, "wait", 1); err != nil {
				t.Fatal(err)
			}
			return s, a
		} else if err != nil {
			t.Fatal(err)
		}
		c.Close()
		if err := a.SetCursor(ctx, "wait", 0); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("expunged messages are not erased")
	return nil, nil
}

// checkCompacted fails the test if the account does not have exactly the messages of newCompactStore.
func checkCompacted(t *testing.T, s *Store, n int) {
	t.Helper()
	ctx := context.Background()
	a, err := s.Open(ctx, "compact")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	sel, err := a.Select(ctx, System, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer sel.Close()
	if sel.View().Len() != n/10 {
		t.Errorf("%d messages, want %d", sel.View().Len(), n/10)
	}
	for seq, e := range sel.View().All(1) {
		c, err := a.Open(ctx, System, e.Email)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
		c.Close()
		if err != nil || string(b) != compactBody(10*int(seq)) {
			t.Errorf("message %d: has another content, %v", seq, err)
		}
	}
	err = s.Verify(ctx, "compact", true, func(p Problem) { t.Errorf("%+v", p) })
	if err != nil {
		t.Error(err)
	}
}

func TestCompact(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	const n = 500
	s, a := newCompactStore(t, n, nil)
	path := databasePath(a.acc.dir)

	// The open pack and a small database are left alone unless forced. The pack may grow meanwhile, by
	// notes of what is erased.
	stats, err := s.Compact(ctx, "compact", false, nil)
	if err != nil || stats.After < stats.Before {
		t.Errorf("not forced: %+v, %v", stats, err)
	}

	// While the account is in use, its database is left alone.
	file, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	var done, total []int64
	stats, err = s.Compact(ctx, "compact", true, func(d, n int64) { done, total = append(done, d), append(total, n) })
	if err != nil {
		t.Fatal(err)
	}
	if stats.After > stats.Before/2 || stats.Before-stats.After < n*4000*8/10 {
		t.Errorf("forced: %+v", stats)
	}
	if now, err := os.Stat(path); err != nil || !os.SameFile(file, now) {
		t.Errorf("database in use was replaced, %v", err)
	}
	if len(done) < 2 || done[0] != 0 {
		t.Errorf("progress %v of %v", done, total)
	}
	for i := range done {
		if done[i] > total[i] || i > 0 && done[i] < done[i-1] {
			t.Errorf("progress %v of %v", done, total)
		}
	}
	checkCompacted(t, s, n)

	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	stats, err = s.Compact(ctx, "compact", true, nil)
	if err != nil {
		t.Fatal(err)
	}
	if now, err := os.Stat(path); err != nil || os.SameFile(file, now) || stats.After >= stats.Before {
		t.Errorf("closed database was not replaced, %v, stats %+v", err, stats)
	}
	checkCompacted(t, s, n)
	if _, err := s.Compact(ctx, "nobody", true, nil); !errors.Is(err, ErrNoAccount) {
		t.Errorf("unknown account: %v", err)
	}
}

func TestCompactInterrupted(t *testing.T) {
	t.Parallel()
	s, a := newCompactStore(t, 100, nil)
	ctx, cancel := context.WithCancel(context.Background())
	_, err := s.Compact(ctx, "compact", true, func(done, total int64) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	checkCompacted(t, s, 100)
	if _, err := s.Compact(context.Background(), "compact", true, nil); err != nil {
		t.Error(err)
	}
	checkCompacted(t, s, 100)
	a.Close()
}

// A message that is open while its pack is rewritten stays readable.
func TestCompactUnderReader(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s, a := newCompactStore(t, 100, nil)
	sel, err := a.Select(ctx, System, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer sel.Close()
	c, err := a.Open(ctx, System, sel.View().At(1).Email)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := s.Compact(ctx, "compact", true, nil); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
	if err != nil || string(b) != compactBody(10) {
		t.Errorf("message that was open: %v", err)
	}
}

// Packs that become sparse are rewritten without being asked for.
func TestCompactInBackground(t *testing.T) {
	t.Parallel()
	const n = 300
	s, a := newCompactStore(t, n, func(a *account) {
		// Small packs, so that many are sealed.
		if err := a.write(context.Background(), "test", func(tx *txn) error {
			if err := a.blobs.Close(); err != nil {
				return err
			}
			var err error
			a.blobs, err = blob.Open(filepath.Join(a.dir, "blobs"), blob.Options{MaxPackSize: 64 << 10})
			return err
		}); err != nil {
			t.Fatal(err)
		}
	})
	a.acc.compactor.poke()
	a.acc.compactor.done.Wait()
	for _, p := range a.acc.blobs.Packs() {
		if sparsePack(p) {
			t.Errorf("pack is still sparse: %+v", p)
		}
	}
	if size := a.acc.packBytes(); size > n*4500/2 {
		t.Errorf("packs have %d bytes", size)
	}
	checkCompacted(t, s, n)
}

// A database that is half free is compacted when the account closes.
func TestCompactAtClose(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	const n = 2000
	s, a := newCompactStore(t, n, nil)
	path := databasePath(a.acc.dir)
	file, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	a.Close()
	if err := s.exclusive(ctx, "compact", func(*slot) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if now, err := os.Stat(path); err != nil || os.SameFile(file, now) {
		t.Errorf("database was not replaced, %v", err)
	}
	if size, free, err := dbfile.Usage(path); err != nil || free > size/10 {
		t.Errorf("%d of %d bytes are free, %v", free, size, err)
	}
	if _, err := os.Stat(path + ".compact"); !os.IsNotExist(err) {
		t.Errorf("temporary file is left: %v", err)
	}
	checkCompacted(t, s, n)
}
