package store

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mjl-/bstore"

	"mox/internal/vfs"
	"mox/internal/vfs/faultfs"
	"mox/store/blob"
	"mox/store/dbfile"
)

// closedAccount makes an account with a message and returns its store's directory, and that of the account.
func closedAccount(t *testing.T) (top, dir string) {
	t.Helper()
	top = t.TempDir()
	s, err := New(Options{Dir: top})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Create(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	a, err := s.Open(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := deliverText(t, a); err != nil {
		t.Fatal(err)
	}
	return top, a.acc.dir
}

func deliverText(t *testing.T, a *Account) error {
	text := "Subject: hello\r\n\r\nhello\r\n"
	_, err := a.Deliver(t.Context(), System, Delivery{NewMessage: NewMessage{
		Body: strings.NewReader(text), Size: int64(len(text)), Keywords: []string{"$Important"},
	}})
	return err
}

// readFirst reads the first message of the inbox.
func readFirst(t *testing.T, a *Account) {
	t.Helper()
	mb, ok := a.acc.mailbox(1)
	if !ok {
		t.Fatal("no inbox")
	}
	sel, err := a.Select(t.Context(), System, mb.row.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer sel.Close()
	c, err := a.Open(t.Context(), System, sel.View().At(1).Email)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	b, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
	if err != nil || !bytes.Contains(b, []byte("hello")) {
		t.Errorf("message %q, %v", b, err)
	}
}

// An account that cannot be written to when it is opened can be read, and is written to when that is possible
// again, though it is in use.
func TestOpenedForReading(t *testing.T) {
	t.Parallel()
	top, dir := closedAccount(t)
	// To remove what is left over is the first thing that would be written.
	if err := os.WriteFile(filepath.Join(dir, "blobs", "tmp", "leftover"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var frozen atomic.Bool
	frozen.Store(true)
	s, err := New(Options{Dir: top, FS: &faultfs.FS{FS: vfs.OS{}, Hook: func(c faultfs.Call) error {
		if c.Op == faultfs.Remove && frozen.Load() {
			return syscall.EROFS
		}
		return nil
	}}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	a, err := s.Open(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	readFirst(t, a)
	if err := deliverText(t, a); !errors.Is(err, syscall.EROFS) {
		t.Errorf("delivering: %v", err)
	}
	healNow := func() {
		c := a.acc.committer
		c.mu.Lock()
		defer c.mu.Unlock()
		c.healAt = time.Unix(1, 0)
		c.signal()
	}
	healNow()
	if err := deliverText(t, a); !errors.Is(err, syscall.EROFS) {
		t.Errorf("delivering: %v", err)
	}
	frozen.Store(false)
	for {
		healNow() // An attempt of before may still be about to fail.
		err := deliverText(t, a)
		if err == nil {
			break
		} else if !errors.Is(err, syscall.EROFS) {
			t.Fatal(err)
		}
		runtime.Gosched()
	}
	readFirst(t, a)
	if err := s.Verify(t.Context(), "a", true, func(p Problem) { t.Error(p) }); err != nil {
		t.Error(err)
	}
}

// A file that a transaction in doubt has left is removed after the account was closed.
func TestDoubtLeavesNoFile(t *testing.T) {
	t.Parallel()
	top, _ := closedAccount(t)
	s, err := New(Options{Dir: top})
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.Open(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	body := strings.NewReader(strings.Repeat("large\r\n", 100_000))
	refs, err := a.acc.blobs.Put(t.Context(), []blob.Item{{EmailID: 5, Body: body, Size: body.Size()}})
	if err != nil || !a.acc.blobs.Large(refs[0].Size()) {
		t.Fatal(refs, err)
	}
	a.acc.committer.breakOff(errors.New("input/output error"))
	if err := errors.Join(a.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}

	if s, err = New(Options{Dir: top}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Verify(t.Context(), "a", true, func(p Problem) { t.Error(p) }); err != nil {
		t.Error(err)
	}
}

// After a panic in maintenance the account is made whole again, also if nobody writes to it.
func TestHealAfterPanic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		top, _ := closedAccount(t)
		var fail atomic.Bool
		var calls atomic.Int64
		s, err := New(Options{Dir: top, Now: func() time.Time {
			if fail.Swap(false) {
				panic("a bug")
			}
			return time.Unix(2_000_000_000, 0).Add(time.Duration(calls.Add(1)) * healEvery)
		}})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		a, err := s.Open(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		if err := deliverText(t, a); err != nil {
			t.Fatal(err)
		}
		c := a.acc.committer
		before := a.acc.db
		// The committer has come to rest: what asks next for the time is maintenance.
		synctest.Wait()
		fail.Store(true)
		c.signal()
		synctest.Wait()
		if a.acc.db == before || c.refused() != nil || fail.Load() {
			t.Fatalf("not healed, refuses for %v", c.refused())
		}
		if err := deliverText(t, a); err != nil {
			t.Error(err)
		}
	})
}

// A database in doubt of which no copy can be made is not written to, not even to open it anew, and can be read.
func TestDoubtWithoutCopy(t *testing.T) {
	t.Parallel()
	top, dir := closedAccount(t)
	s, err := New(Options{Dir: top})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	a, err := s.Open(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	c := a.acc.committer
	c.stop(false) // The test does its work.
	before, err := os.ReadFile(databasePath(dir))
	if err != nil {
		t.Fatal(err)
	}
	// Something is where the copy goes.
	inTheWay := databasePath(dir) + ".new"
	if err := os.MkdirAll(filepath.Join(inTheWay, "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	c.breakOff(errors.New("input/output error"))
	if c.heal(time.Unix(1, 0)) {
		t.Error("healed without a copy")
	}
	readFirst(t, a)
	if after, err := os.ReadFile(databasePath(dir)); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the database was written to, %v", err)
	}
	if err := os.RemoveAll(inTheWay); err != nil {
		t.Fatal(err)
	}
	if !c.heal(time.Unix(1, 0)) {
		t.Error("not healed with a copy")
	}
	c.stopping, c.done = false, make(chan struct{})
	c.start()
	readFirst(t, a)
	if err := deliverText(t, a); err != nil {
		t.Error(err)
	}
}

// Of a store for reading only nothing changes.
func TestReadOnlyStore(t *testing.T) {
	t.Parallel()
	top, dir := closedAccount(t)
	// Half of a database being free is reason to compact it elsewhere.
	db, err := openDatabase(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	large := progressRow{Key: strings.Repeat("x", 30_000)}
	for i := range 100 {
		row := progressRow{Key: large.Key + strconv.Itoa(i)}
		if err := db.Insert(t.Context(), &row); err != nil {
			t.Fatal(err)
		}
	}
	err = db.Write(t.Context(), func(tx *bstore.Tx) error {
		_, err := bstore.QueryTx[progressRow](tx).Delete()
		return err
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if size, free, err := dbfile.Usage(databasePath(dir)); err != nil || size < compactDatabaseMin || free <= size/2 {
		t.Fatalf("%d of %d bytes are free, %v", free, size, err)
	}
	state := func() map[string]string {
		found := map[string]string{}
		err := filepath.WalkDir(top, func(path string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			found[path] = string(b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	before := state()
	s, err := New(Options{Dir: top, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{Dir: top}); !errors.Is(err, ErrLocked) {
		t.Errorf("another store beside it: %v", err)
	}
	a, err := s.Open(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	readFirst(t, a)
	if err := deliverText(t, a); !errors.Is(err, ErrReadOnly) {
		t.Errorf("delivering: %v", err)
	}
	if err := s.Verify(t.Context(), "a", true, func(p Problem) { t.Error(p) }); err != nil {
		t.Error(err)
	}
	// A bug leaves nothing in doubt, as nothing was written.
	a.acc.committer.breakOff(errors.New("a bug"))
	if c := a.acc.committer; !errors.Is(c.refused(), ErrReadOnly) || c.doubtful || !c.healAt.IsZero() {
		t.Errorf("after a bug: refuses for %v, in doubt: %v, to be healed at %v", c.refused(), c.doubtful, c.healAt)
	}
	a.Close()
	if err := s.exclusive(t.Context(), "a", func(*slot) error { return nil }); err != nil {
		t.Error(err)
	}
	for name, call := range map[string]func() error{
		"create":  func() error { return s.Create(t.Context(), "b") },
		"rename":  func() error { return s.Rename(t.Context(), "a", "b") },
		"remove":  func() error { return s.Remove(t.Context(), "a") },
		"recover": func() error { _, err := s.Recover(t.Context(), "a", nil); return err },
		"compact": func() error { _, err := s.Compact(t.Context(), "a", true, nil); return err },
	} {
		if err := call(); !errors.Is(err, ErrReadOnly) {
			t.Errorf("%s: %v, want ErrReadOnly", name, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if !maps.Equal(before, state()) {
		t.Error("files were changed")
	}
}
