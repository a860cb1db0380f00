package queuedb

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"mox/store/blob"
	"mox/store/dbfile"
)

func TestPurge(t *testing.T) {
	t.Parallel()
	now := begin
	db := newDB(t, func(o *Options) { o.Now = func() time.Time { return now } })
	finish := func(id string, n int) MessageID {
		var to []string
		for i := range n {
			to = append(to, fmt.Sprintf("r%d@example.org", i))
		}
		m, r := db.mustAdd(t, newMessage(id, 100, to...))
		var results []Result
		for _, r := range r {
			results = append(results, Result{Recipient: r.ID, State: Delivered})
		}
		if _, _, err := db.Finish(t.Context(), results, nil); err != nil {
			t.Fatal(err)
		}
		return m.ID
	}
	finish("many", 25)
	finish("old", 1)
	now = begin.Add(time.Hour)
	finish("new", 1)
	db.mustAdd(t, newMessage("open", 100, "a@example.org"))

	rounds := 0
	for more := true; more; rounds++ {
		before := len(db.list(t, Filter{}))
		var err error
		if more, err = db.Purge(t.Context(), begin.Add(time.Minute), 10); err != nil {
			t.Fatal(err)
		}
		if n := before - len(db.list(t, Filter{})); n > 10 {
			t.Errorf("%d recipients removed at once, limit 10", n)
		}
	}
	if rounds != 3 {
		t.Errorf("%d rounds, want 3", rounds)
	}
	wantList(t, db.list(t, Filter{}), "new r0@example.org delivered", "open a@example.org waiting")
	for _, id := range []string{"many", "old"} {
		if _, err := db.MessageByEnvelope(t.Context(), id); !errors.Is(err, ErrNoMessage) {
			t.Errorf("%s: %v, want ErrNoMessage", id, err)
		}
	}
	if l, err := db.Untold(t.Context(), 0, 10); err != nil || len(l) != 1 || l[0].EnvelopeID != "new" {
		t.Errorf("untold %v, %v", l, err)
	}
}

// Packs are rewritten while messages come and go; each keeps its body.
func TestCompact(t *testing.T) {
	t.Parallel()
	db := newDB(t, nil)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for g := range 3 {
		wg.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("g%d-%d", g, i)
				m, r, _, err := db.Add(t.Context(), newMessage(id, 2000, "a@example.org"))
				if err != nil {
					t.Error(err)
					return
				}
				if got := db.content(t, m.ID); got != string(text(id, 2000)) {
					t.Errorf("%s has another body", id)
				}
				if i%3 > 0 {
					if _, _, err := db.Finish(t.Context(), []Result{{Recipient: r[0].ID, State: Delivered}}, nil); err != nil {
						t.Error(err)
					}
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	// At first there may be nothing to rewrite yet.
	removed := 0
	for n := 0; n < 20 || removed == 0 && !t.Failed(); n++ {
		c, err := db.blobs.Compact(t.Context(), blob.Policy{Force: true}, db.live, db.moved)
		if err != nil {
			t.Error(err)
		}
		removed += c.Packs
	}
	close(stop)
	wg.Wait()
	l, err := db.List(t.Context(), Filter{OpenOnly: true}, Page{Limit: 1 << 20})
	if err != nil || len(l) == 0 {
		t.Fatalf("list: %d, %v", len(l), err)
	}
	for _, e := range l {
		if db.content(t, e.Message.ID) != string(text(e.Message.EnvelopeID, 2000)) {
			t.Errorf("%s has another body", e.Message.EnvelopeID)
		}
	}
	if err := db.Compact(t.Context()); err != nil {
		t.Error(err)
	}
}

// The database file gets smaller when it is closed and most of it is free.
func TestCloseGivesSpaceBack(t *testing.T) {
	t.Parallel()
	db := newDB(t, nil)
	dir := filepath.Dir(db.path)
	m := newMessage("m", 100)
	for i := range 4000 {
		p := mustPath(fmt.Sprintf("r%d@example.org", i))
		m.Recipients = append(m.Recipients, Recipient{Path: p, Destination: "example.org", State: Waiting, NextAttempt: begin, Prefix: make([]byte, 200)})
	}
	db.mustAdd(t, m)
	kept, _ := db.mustAdd(t, newMessage("kept", 100, "a@example.org"))
	if err := db.Update(t.Context(), Filter{EnvelopeID: "m"}, Change{State: Dropped}, func(Changed) {}); err != nil {
		t.Fatal(err)
	}
	for more := true; more; {
		var err error
		if more, err = db.Purge(t.Context(), begin.Add(time.Hour), 1000); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	size, free, err := dbfile.Usage(filepath.Join(dir, "index.db"))
	if err != nil || size > 1<<20 || free > size/2 {
		t.Errorf("%d bytes, %d free, %v", size, free, err)
	}
	db, err = Open(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if db.content(t, kept.ID) != string(text("kept", 100)) {
		t.Error("message has another body")
	}
}
