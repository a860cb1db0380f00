package store

import (
	"path/filepath"
	"testing"

	"mox/imap"
	"mox/store/dbfile"
)

// A database from before RecentFrom opens, and all its messages are recent.
func TestMailboxRowWithoutRecentFrom(t *testing.T) {
	t.Parallel()
	type before struct {
		ID          MailboxID `bstore:"noauto,typename Mailbox"`
		Name        string
		UIDValidity uint32
		UIDNext     imap.UID
		ModSeq      imap.ModSeq
		Created     imap.ModSeq
		Use         SpecialUse
		Gone        bool

		Total, Unread, Unseen, Deleted, Size int64
	}
	file := filepath.Join(t.TempDir(), "test.db")
	old, err := dbfile.Open(t.Context(), file, before{})
	if err != nil {
		t.Fatal(err)
	}
	if err := old.Insert(t.Context(), &before{ID: 7, Name: "Inbox", UIDNext: 5, Total: 4}); err != nil {
		t.Fatal(err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := dbfile.Open(t.Context(), file, mailboxRow{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	row := mailboxRow{ID: 7}
	if err := db.Get(t.Context(), &row); err != nil {
		t.Fatal(err)
	}
	var marks recentMarks
	if row != (mailboxRow{ID: 7, Name: "Inbox", UIDNext: 5, Total: 4}) || marks.mark(&row) != 1 {
		t.Errorf("row %+v, recent from %d", row, marks.mark(&row))
	}
	if from := marks.move(&row, 5); from != 1 || marks.mark(&row) != 5 {
		t.Errorf("recent from %d, then from %d", from, marks.mark(&row))
	}
}
