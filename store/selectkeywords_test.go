package store_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"mox/imap"
	"mox/store"
	"mox/store/storetest"
)

// Keywords that messages have are those of the mailbox selected, or told by Refresh.
func TestKeywordsComeBeforeMessages(t *testing.T) {
	t.Parallel()
	a := storetest.Account(t, storetest.New(t), "a")
	ctx := t.Context()
	mb, err := a.MailboxByName(ctx, store.System, "Inbox")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Append(ctx, store.System, mb.ID, []store.NewMessage{storetest.Message("Subject: one\n\n")}, nil); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	wg.Go(func() {
		defer cancel()
		for i := range 100 {
			_, err := a.SetFlags(ctx, store.System, mb.ID, store.FlagChange{
				UIDs: imap.SetOf(imap.UID(1)), Keywords: []string{fmt.Sprintf("k%d", i)}, UnchangedSince: -1,
			})
			if err != nil {
				t.Errorf("setting flags: %v", err)
				return
			}
		}
	})
	for ctx.Err() == nil {
		s, err := a.Select(context.Background(), store.System, mb.ID)
		if err != nil {
			t.Fatal(err)
		}
		told := s.Mailbox().Keywords
		for range 2 {
			for _, k := range a.KeywordNames(s.View().At(1).Keywords) {
				if !slices.Contains(told, k) {
					t.Fatalf("keyword %s was not told, but %v", k, told)
				}
			}
			told = append(slices.Clone(told), s.Refresh(true).Keywords...)
		}
		s.Close()
	}
}
