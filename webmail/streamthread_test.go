package webmail

import (
	"fmt"
	"testing"

	"mox/imap"
	"mox/store"
)

// What came and went in a conversation is not lost when reading it fails, wherever that is.
func TestThreadFails(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	first := e.deliver("", simple("Bob <bob@example.com>", "plan", "x"))
	answer := func(n int) store.Added {
		return e.deliver("", reply("Cas <cas@example.com>", "Bob <bob@example.com>", "plan", fmt.Sprint("answer ", n)), minute(n)) // Not new, so that nothing else reads it.
	}
	last := answer(0)
	b := e.browse("s1")
	b.open("v", e.inbox(true))
	_, s := b.openThread("v", first)
	failed := 0
	for n := 0; ; n++ {
		b.drain()
		b.disconnect()
		b.threads = nil
		gone := last
		last = answer(n + 1)
		if _, _, err := e.acc.Expunge(t.Context(), store.System, gone.Mailbox, imap.SetOf(gone.UID), false); err != nil {
			t.Fatal(err)
		}
		s.mu.Lock()
		refreshed := s.refresh(t.Context())
		err := s.tellThreads(&breakingContext{t.Context(), n})
		s.mu.Unlock()
		if refreshed != nil {
			t.Fatal(refreshed)
		}
		b.connect()
		if !b.hello.Resumed {
			t.Fatal("not resumed")
		}
		b.until(fmt.Sprint("change of the conversation after failure ", n), func() bool {
			come, went := false, false
			for _, ev := range b.threads {
				for _, it := range ev.Items {
					come = come || it.Email == last.Email.String()
				}
				for _, id := range ev.Gone {
					went = went || id == gone.Email.String()
				}
			}
			return come && went
		})
		if err == nil {
			break
		}
		failed++
	}
	if failed == 0 {
		t.Error("reading never failed: the test tests nothing")
	}
}
