package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mox/store/blob"
)

// recoverFrom makes an account whose packs hold the given items, and recovers it.
func recoverFrom(t *testing.T, items []blob.Item) (*Account, RecoverStats, error) {
	t.Helper()
	ctx := context.Background()
	s, err := New(Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.Create(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	dir := s.accountDir(s.byName["a"].info.ID)
	blobs, err := blob.Open(filepath.Join(dir, "blobs"), blob.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for len(items) > 0 {
		// One by one, as there may be several of one id.
		if _, err := blobs.Put(ctx, items[:1]); err != nil {
			t.Fatal(err)
		}
		items = items[1:]
	}
	if err := blobs.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(databasePath(dir)); err != nil {
		t.Fatal(err)
	}
	stats, err := s.Recover(ctx, "a", nil)
	if err != nil {
		return nil, stats, err
	}
	if err := s.Verify(ctx, "a", true, func(p Problem) { t.Errorf("%+v", p) }); err != nil {
		t.Error(err)
	}
	a, err := s.Open(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a, stats, nil
}

func recoverItem(id int64, m recoverMeta) blob.Item {
	text := fmt.Sprintf("Subject: %d\r\n\r\n", id)
	return blob.Item{EmailID: id, Meta: appendRecoverMeta(nil, m), Body: strings.NewReader(text), Size: int64(len(text))}
}

func TestRecoverOddities(t *testing.T) {
	t.Parallel()
	var many []blob.Item
	for i := range MaxMailboxKeywords/10 + 1 {
		var keywords []string
		for j := range 10 {
			keywords = append(keywords, fmt.Sprintf("k%d", 10*i+j))
		}
		many = append(many, recoverItem(int64(i+1), recoverMeta{Mailbox: "Many", Keywords: keywords}))
	}
	damaged := recoverItem(1, recoverMeta{Mailbox: "Archive"})
	damaged.Meta = []byte{recoverMetaVersion, 0xff}
	for _, tc := range []struct {
		name      string
		items     []blob.Item
		want      RecoverStats
		mailboxes map[string]int64 // Messages of the mailboxes that have any.
		use       map[string]SpecialUse
	}{
		{"no messages", nil, RecoverStats{}, map[string]int64{}, map[string]SpecialUse{"Sent": Sent, "Inbox": ""}},
		{"description damaged", []blob.Item{damaged},
			RecoverStats{Messages: 1, Damaged: 1}, map[string]int64{"Inbox": 1}, nil},
		{"in no mailbox", []blob.Item{recoverItem(1, recoverMeta{})},
			RecoverStats{Messages: 1}, map[string]int64{"Inbox": 1}, nil},
		{"name not allowed", []blob.Item{recoverItem(1, recoverMeta{Mailbox: "a//b"}), recoverItem(2, recoverMeta{Mailbox: "inbox"})},
			RecoverStats{Messages: 2}, map[string]int64{"Inbox": 2}, nil},
		{"twice", []blob.Item{recoverItem(7, recoverMeta{Mailbox: "x"}), recoverItem(8, recoverMeta{Mailbox: "x"}), recoverItem(7, recoverMeta{Mailbox: "x"})},
			RecoverStats{Messages: 2, Duplicates: 1}, map[string]int64{"x": 2}, nil},
		{"special use had by two", []blob.Item{
			recoverItem(1, recoverMeta{Mailbox: "Gesendet", Use: Sent}),
			recoverItem(3, recoverMeta{Mailbox: "Verstuurd", Use: Sent}),
			recoverItem(2, recoverMeta{Mailbox: "Sent"}),
		}, RecoverStats{Messages: 3}, map[string]int64{"Gesendet": 1, "Verstuurd": 1, "Sent": 1},
			map[string]SpecialUse{"Verstuurd": Sent, "Gesendet": "", "Sent": ""}},
		{"more keywords than a mailbox may have", many,
			RecoverStats{Messages: int64(len(many))}, map[string]int64{"Many": int64(len(many))}, nil},
		{"keyword not allowed", []blob.Item{recoverItem(1, recoverMeta{Keywords: []string{`\Bad`, "good"}})},
			RecoverStats{Messages: 1}, map[string]int64{"Inbox": 1}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a, stats, err := recoverFrom(t, tc.items)
			if err != nil {
				t.Fatal(err)
			}
			if stats != tc.want {
				t.Errorf("stats %+v, want %+v", stats, tc.want)
			}
			mailboxes, err := a.Mailboxes(context.Background(), System)
			if err != nil {
				t.Fatal(err)
			}
			for _, mb := range mailboxes {
				if mb.Counts.Total != tc.mailboxes[mb.Name] {
					t.Errorf("mailbox %q has %d messages, want %d", mb.Name, mb.Counts.Total, tc.mailboxes[mb.Name])
				}
				if use, ok := tc.use[mb.Name]; ok && use != mb.SpecialUse {
					t.Errorf("mailbox %q has special use %q, want %q", mb.Name, mb.SpecialUse, use)
				}
				delete(tc.mailboxes, mb.Name)
				delete(tc.use, mb.Name)
			}
			if len(tc.mailboxes)+len(tc.use) > 0 {
				t.Errorf("missing: %v, %v", tc.mailboxes, tc.use)
			}
		})
	}
}

func TestRecoverOfNewerVersion(t *testing.T) {
	t.Parallel()
	it := recoverItem(1, recoverMeta{})
	it.Meta[0] = recoverMetaVersion + 1
	if _, _, err := recoverFrom(t, []blob.Item{it}); !errors.Is(err, ErrNewerVersion) {
		t.Errorf("got %v, want ErrNewerVersion", err)
	}
}
