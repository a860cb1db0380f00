package queuedb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mjl-/bstore"

	"mox/internal/vfs"
	"mox/internal/vfs/faultfs"
	"mox/store/blob"
)

// commits returns how many transactions there were.
func (db *DB) commits(t *testing.T) int64 {
	t.Helper()
	row := commitRow{ID: 1}
	if err := db.db.Get(t.Context(), &row); err != nil {
		t.Fatal(err)
	}
	return row.Commit
}

// blocked makes writes queue up behind one that goes on when the returned function is called.
// To be used in a bubble of synctest.
func (db *DB) blocked(t *testing.T) (release func()) {
	t.Helper()
	hold := make(chan struct{})
	done := make(chan error)
	go func() {
		done <- db.write(context.Background(), &op{run: func(*bstore.Tx, []blob.Ref) error {
			<-hold
			return nil
		}})
	}()
	synctest.Wait()
	return func() {
		close(hold)
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestWritesShareTransactions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := newDB(t, nil)
		before := db.commits(t)
		release := db.blocked(t)
		const n = 50
		errs := make(chan error, n)
		for i := range n {
			go func() {
				_, _, _, err := db.Add(t.Context(), newMessage(fmt.Sprint("m", i), 100, "a@example.org"))
				errs <- err
			}()
		}
		synctest.Wait()
		release()
		for range n {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		if got := db.commits(t) - before; got != 2 {
			t.Errorf("%d transactions for %d writes that waited for one, want 2", got, n)
		}
		if l := db.list(t, Filter{}); len(l) != n {
			t.Errorf("%d recipients, want %d", len(l), n)
		}
	})
}

// A write that fails, for its body or in its transaction, does not fail others with it.
func TestFailingWriteFailsAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := newDB(t, nil)
		boom := errors.New("boom")
		for _, kind := range []string{"body", "transaction", "panic"} {
			release := db.blocked(t)
			bad := make(chan error, 1)
			go func() {
				switch kind {
				case "body":
					m := newMessage("bad", 100, "a@example.org")
					m.Body = failing{boom}
					_, _, _, err := db.Add(t.Context(), m)
					bad <- err
				default:
					bad <- db.writeWith(t.Context(), nil, func(tx *bstore.Tx) ([]messageRow, error) {
						if err := tx.Insert(&messageRow{EnvelopeID: "bad"}); err != nil {
							return nil, err
						}
						if kind == "panic" {
							panic("bug")
						}
						return nil, boom
					})
				}
			}()
			const n = 10
			errs := make(chan error, n)
			for i := range n {
				go func() {
					_, _, _, err := db.Add(t.Context(), newMessage(fmt.Sprint(kind, i), 100, "a@example.org"))
					errs <- err
				}()
			}
			synctest.Wait()
			release()
			if err := <-bad; err == nil || kind != "panic" && !errors.Is(err, boom) {
				t.Errorf("%s: %v, want boom", kind, err)
			}
			for range n {
				if err := <-errs; err != nil {
					t.Errorf("%s: other write: %v", kind, err)
				}
			}
		}
		if _, err := db.MessageByEnvelope(t.Context(), "bad"); !errors.Is(err, ErrNoMessage) {
			t.Errorf("what failed is there: %v", err)
		}
		if l := db.list(t, Filter{}); len(l) != 30 {
			t.Errorf("%d recipients, want 30", len(l))
		}
	})
}

func TestDiskFailure(t *testing.T) {
	t.Parallel()
	const small, large = 100, blob.DefaultLargeThreshold + 1
	for _, tc := range []struct {
		op   faultfs.Op
		size int
	}{{faultfs.Write, small}, {faultfs.Datasync, small}, {faultfs.Write, large}, {faultfs.Sync, large}, {faultfs.Rename, large}, {faultfs.SyncDir, large}} {
		t.Run(fmt.Sprint(tc.op, tc.size), func(t *testing.T) {
			t.Parallel()
			f := &faultfs.FS{FS: vfs.OS{}}
			db := newDB(t, func(o *Options) { o.FS = f })
			db.mustAdd(t, newMessage("before", tc.size, "a@example.org"))
			boom := errors.New("input/output error")
			f.SetHook(func(c faultfs.Call) error {
				if c.Op == tc.op {
					return boom
				}
				return nil
			})
			if _, _, _, err := db.Add(t.Context(), newMessage("m", tc.size, "a@example.org")); !errors.Is(err, boom) {
				t.Errorf("add: %v, want boom", err)
			}
			f.SetHook(nil)
			if _, err := db.MessageByEnvelope(t.Context(), "m"); !errors.Is(err, ErrNoMessage) {
				t.Errorf("the message is there: %v", err)
			}
			db.mustAdd(t, newMessage("m", tc.size, "a@example.org"))
			for _, id := range []string{"before", "m"} {
				m, err := db.MessageByEnvelope(t.Context(), id)
				if err != nil || db.content(t, m.ID) != string(text(id, tc.size)) {
					t.Errorf("message %s: %v", id, err)
				}
			}
		})
	}
}

// When it is not known whether a transaction took place nothing may be built on it.
func TestInDoubt(t *testing.T) {
	t.Parallel()
	db := newDB(t, nil)
	m, _ := db.mustAdd(t, newMessage("m", 100, "a@example.org"))
	boom := errors.New("input/output error")
	// Only the committer may do what follows.
	commitFailed := func(commit int64) (ferr error) {
		err := db.write(t.Context(), &op{reads: true, run: func(*bstore.Tx, []blob.Ref) error {
			ferr = db.commitFailed(commit, boom)
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		return ferr
	}
	if err := commitFailed(db.commits(t) + 1); err != boom {
		t.Fatalf("a transaction that is not there: %v, want its error", err)
	}
	db.mustAdd(t, newMessage("m2", 100, "a@example.org"))
	if err := commitFailed(db.commits(t)); !errors.Is(err, ErrInDoubt) || !errors.Is(err, boom) {
		t.Fatalf("a transaction that is there: %v, want ErrInDoubt", err)
	}
	// Of what comes after it is known that it did not take place.
	if _, _, _, err := db.Add(t.Context(), newMessage("m3", 100, "a@example.org")); !errors.Is(err, ErrUnwritable) || !errors.Is(err, boom) || errors.Is(err, ErrInDoubt) {
		t.Fatalf("write after it: %v, want ErrUnwritable", err)
	}
	if got := db.content(t, m.ID); got != string(text("m", 100)) {
		t.Fatalf("reading after it: %q", got)
	}
	if err := db.Verify(t.Context(), true, func(problem string) { t.Error(problem) }); err != nil {
		t.Error(err)
	}
	// It is found out what is there, and writing goes on. The committer is told to do that now.
	if err := db.write(t.Context(), &op{reads: true, run: func(*bstore.Tx, []blob.Ref) error {
		db.healAt = time.Unix(1, 0)
		return nil
	}}); err != nil {
		t.Fatal(err)
	}
	for {
		_, _, _, err := db.Add(t.Context(), newMessage("m4", 100, "a@example.org"))
		if err == nil {
			break
		} else if !errors.Is(err, ErrUnwritable) {
			t.Fatal(err)
		}
	}
	if err := db.Verify(t.Context(), true, func(problem string) { t.Error(problem) }); err != nil {
		t.Error(err)
	}
}

// A database in doubt of which no copy can be made is not written to, not even to open it anew, and can be read. When the
// queue is closed there is a copy or an error.
func TestInDoubtWithoutCopy(t *testing.T) {
	t.Parallel()
	db, err := Open(t.Context(), Options{Dir: filepath.Join(t.TempDir(), "queue"), Now: func() time.Time { return begin }})
	if err != nil {
		t.Fatal(err)
	}
	m, _ := db.mustAdd(t, newMessage("m", 100, "a@example.org"))
	before, err := os.ReadFile(db.path)
	if err != nil {
		t.Fatal(err)
	}
	// Something is where the copy goes.
	if err := os.MkdirAll(filepath.Join(db.path+".new", "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := db.write(t.Context(), &op{reads: true, run: func(*bstore.Tx, []blob.Ref) error {
		db.breakOff(errors.New("input/output error"))
		db.heal()
		return nil
	}}); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := db.Add(t.Context(), newMessage("m2", 100, "a@example.org")); !errors.Is(err, ErrUnwritable) {
		t.Errorf("adding: %v, want ErrUnwritable", err)
	}
	if got := db.content(t, m.ID); got != string(text("m", 100)) {
		t.Errorf("reading: %q", got)
	}
	if err := db.Close(); err == nil {
		t.Error("closing a queue in doubt, of which no copy can be made, succeeded")
	}
	if after, err := os.ReadFile(db.path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the database was written to, %v", err)
	}
}

// A queue in doubt is settled when it is closed.
func TestCloseInDoubt(t *testing.T) {
	t.Parallel()
	db := newDB(t, nil)
	before, err := os.Stat(db.path)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.write(t.Context(), &op{reads: true, run: func(*bstore.Tx, []blob.Ref) error {
		db.breakOff(errors.New("input/output error"))
		return nil
	}}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(db.path); err != nil || os.SameFile(before, after) {
		t.Errorf("the database is the same file, %v", err)
	}
}
