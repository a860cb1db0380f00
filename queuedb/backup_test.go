package queuedb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/mjl-/bstore"
)

// While messages come and go, a snapshot is whole and has those that were added before.
func TestSnapshotUnderLoad(t *testing.T) {
	t.Parallel()
	db := newDB(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	var added []string
	var wg sync.WaitGroup
	defer func() {
		cancel()
		wg.Wait()
	}()
	for w := range 3 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				id := fmt.Sprintf("id-%d-%d", w, i)
				size := 3000
				if i%40 == 3 {
					size = 300_000
				}
				if _, _, _, err := db.Add(context.Background(), newMessage(id, size, "a@example.org", "b@example.com")); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				added = append(added, id)
				mu.Unlock()
				if i%3 == 0 {
					if err := db.Update(context.Background(), Filter{EnvelopeID: id}, Change{State: Dropped}, func(Changed) {}); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	for n := range 4 {
		mu.Lock()
		want := len(added)
		ids := added[:want:want]
		mu.Unlock()
		dir := filepath.Join(t.TempDir(), "queue")
		told := int64(0)
		if err := db.Snapshot(t.Context(), dir, func(n int64) { told += n }); err != nil {
			t.Fatal(err)
		}
		if told == 0 {
			t.Error("no progress")
		}
		c := newDB(t, func(o *Options) { o.Dir, o.ReadOnly = dir, n%2 == 0 })
		if err := c.Verify(t.Context(), true, func(problem string) { t.Error(problem) }); err != nil {
			t.Error(err)
		}
		for _, id := range ids {
			if _, err := c.MessageByEnvelope(t.Context(), id); err != nil {
				t.Errorf("%s: %v", id, err)
			}
		}
	}
	cancel()
	wg.Wait()
	dir := t.TempDir()
	if err := db.Snapshot(t.Context(), dir, nil); !errors.Is(err, os.ErrExist) {
		t.Errorf("over a directory: %v", err)
	}
	if err := db.Snapshot(ctx, filepath.Join(dir, "x"), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	if l, err := os.ReadDir(dir); err != nil || len(l) > 0 {
		t.Errorf("left: %v, %v", l, err)
	}
}

func TestMend(t *testing.T) {
	t.Parallel()
	db := newDB(t, nil)
	msg, rcpts := db.mustAdd(t, newMessage("a", 100, "a@example.org", "b@example.org"))
	db.mustAdd(t, newMessage("b", 100, "a@example.org"))
	err := db.db.Write(t.Context(), func(tx *bstore.Tx) error {
		m := messageRow{ID: int64(msg.ID)}
		if err := tx.Get(&m); err != nil {
			return err
		}
		m.Open = 5
		r := recipientRow{ID: int64(rcpts[0].ID)}
		if err := tx.Get(&r); err != nil {
			return err
		}
		r.Due = never
		return tx.Update(&m, &r)
	})
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	if err := db.Verify(t.Context(), true, func(string) { found++ }); err != nil || found != 2 {
		t.Errorf("%d problems, %v", found, err)
	}
	done := 0
	if err := db.Mend(t.Context(), func(string) { done++ }); err != nil || done != 2 {
		t.Errorf("%d things done, %v", done, err)
	}
	if err := db.Verify(t.Context(), true, func(problem string) { t.Error(problem) }); err != nil {
		t.Error(err)
	}
	if err := db.Mend(t.Context(), func(what string) { t.Error(what) }); err != nil {
		t.Error(err)
	}
	body, err := db.OpenBody(t.Context(), msg.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	b := make([]byte, body.Size())
	if _, err := body.ReadAt(b, 0); err != nil || !bytes.Equal(b, text("a", 100)) {
		t.Errorf("%q, %v", b, err)
	}
}
