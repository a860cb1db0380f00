package store_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"mox/imap"
	"mox/store"
	"mox/store/storetest"
)

func mailboxNames(t testing.TB, a *store.Account) []string {
	t.Helper()
	l, err := a.Mailboxes(t.Context(), store.System)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, mb := range l {
		name := mb.Name
		if mb.NoSelect {
			name += "!"
		}
		if mb.HasChildren {
			name += "+"
		}
		names = append(names, name)
	}
	return names
}

func wantMailboxes(t testing.TB, a *store.Account, want ...string) {
	t.Helper()
	if l := mailboxNames(t, a); !slices.Equal(l, want) {
		t.Errorf("mailboxes %q, want %q", l, want)
	}
}

// bare is an option for an account that has only Inbox.
func bare(o *store.Options) { o.Mailboxes = []store.InitialMailbox{} }

func TestInitialMailboxes(t *testing.T) {
	t.Parallel()
	a := storetest.Account(t, storetest.New(t), "a")
	wantMailboxes(t, a, "Inbox", "Archive", "Drafts", "Junk", "Sent", "Trash")
	seen := map[uint32]bool{}
	l, _ := a.Mailboxes(t.Context(), store.System)
	for _, mb := range l {
		want := store.SpecialUse(`\` + mb.Name)
		if mb.Name == "Inbox" {
			want = ""
		}
		if mb.SpecialUse != want || !mb.Subscribed || mb.UIDNext != 1 || mb.UIDValidity == 0 || seen[mb.UIDValidity] {
			t.Errorf("mailbox %+v", mb)
		}
		seen[mb.UIDValidity] = true
	}

	a = storetest.Account(t, storetest.New(t, bare), "a")
	wantMailboxes(t, a, "Inbox")
}

func TestCreateMailbox(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := storetest.New(t, bare)
	a := storetest.Account(t, s, "a")
	create := func(name string, use store.SpecialUse) (store.Mailbox, error) {
		return a.CreateMailbox(ctx, store.System, name, use)
	}
	mb, err := create("Work/Projekte/Ä", "")
	if err != nil || mb.Name != "Work/Projekte/Ä" || mb.Subscribed || mb.UIDNext != 1 || mb.ModSeq != mb.Created || mb.Created == 0 {
		t.Errorf("mailbox %+v, %v", mb, err)
	}
	if got, err := a.MailboxByID(ctx, store.System, mb.ID); err != nil || fmt.Sprint(got) != fmt.Sprint(mb) {
		t.Errorf("by id %+v, %v, want %+v", got, err, mb)
	}
	if got := mailbox(t, a, "Work/Projekte/A\u0308"); got.ID != mb.ID {
		t.Error("another normal form of the name leads to another mailbox")
	}
	_, err = create("Work/Projekte/A\u0308", "")
	wantErr(t, err, store.ErrMailboxExists, "making a mailbox in another normal form")
	_, err = create("Work", "")
	wantErr(t, err, store.ErrMailboxExists, "making a parent that was made already")
	_, err = create("iNbOx", "")
	wantErr(t, err, store.ErrMailboxExists, "making Inbox")
	for _, name := range []string{"", "a/", "/a", "a//b", "..", "x\ny", "\xc3", "#x", strings.Repeat("a/", 200) + "a"} {
		_, err := create(name, "")
		wantErr(t, err, store.ErrBadName, fmt.Sprintf("making %.20q", name))
	}
	if _, err := create("Bin", store.Trash); err != nil {
		t.Error(err)
	}
	_, err = create("Bin2", store.Trash)
	wantErr(t, err, store.ErrSpecialUseTaken, "giving a special use twice")
	for _, name := range []string{"inbox/x", "100%", `back\slash "quoted"`, "a.b", "work", "~"} {
		if _, err := create(name, ""); err != nil {
			t.Errorf("making %q: %v", name, err)
		}
	}
	wantMailboxes(t, a, "Inbox+", "100%", "Bin", "Inbox/x", "Work+", "Work/Projekte+", "Work/Projekte/Ä", "a.b", `back\slash "quoted"`, "work", "~")
}

func TestDeleteMailbox(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := storetest.New(t, bare)
	a := storetest.Account(t, s, "a")
	for _, name := range []string{"A/B/C", "D"} {
		deliver(t, a, storetest.Delivery(name, simple))
	}
	old := mailbox(t, a, "A/B")
	sel, err := a.Select(ctx, store.System, mailbox(t, a, "D").ID)
	if err != nil {
		t.Fatal(err)
	}
	defer sel.Close()
	del := func(name string) error { return a.DeleteMailbox(ctx, store.System, name) }
	wantErr(t, del("inbox"), store.ErrMailboxInUse, "deleting Inbox")
	wantErr(t, del("X"), store.ErrNoMailbox, "deleting a mailbox that does not exist")
	if err := del("A/B"); err != nil {
		t.Fatal(err)
	}
	wantMailboxes(t, a, "Inbox", "A+", "A/B!+", "A/B/C", "D")
	_, err = a.MailboxByName(ctx, store.System, "A/B")
	wantErr(t, err, store.ErrNoMailbox, "looking up a name that is only a parent")
	_, err = a.MailboxByID(ctx, store.System, old.ID)
	wantErr(t, err, store.ErrNoMailbox, "looking up a deleted mailbox")
	_, err = a.Select(ctx, store.System, old.ID)
	wantErr(t, err, store.ErrNoMailbox, "selecting a deleted mailbox")
	_, err = a.Append(ctx, store.System, old.ID, []store.NewMessage{storetest.Message(simple)}, nil)
	wantErr(t, err, store.ErrNoMailbox, "appending to a deleted mailbox")
	wantErr(t, del("A/B"), store.ErrMailboxInUse, "deleting a name that is only a parent")

	// Making it again gives another mailbox with a higher UIDVALIDITY.
	again, err := a.CreateMailbox(ctx, store.System, "A/B", "")
	if err != nil || again.ID == old.ID || again.UIDValidity <= old.UIDValidity {
		t.Errorf("made again %+v, %v, was %+v", again, err, old)
	}
	// A parent goes with its last child.
	for _, name := range []string{"A", "A/B", "A/B/C"} {
		if err := del(name); err != nil {
			t.Errorf("deleting %s: %v", name, err)
		}
	}
	wantMailboxes(t, a, "Inbox", "D")

	if c := sel.Refresh(true); c.Deleted {
		t.Error("mailbox selected is told to be gone")
	}
	if err := del("D"); err != nil {
		t.Fatal(err)
	}
	<-sel.Wake()
	if c := sel.Refresh(true); !c.Deleted || len(c.Expunged) > 0 || sel.View().Len() != 1 {
		t.Errorf("changes %+v after the mailbox was deleted", c)
	}
	if u, err := a.Usage(ctx); err != nil || u.Bytes != 0 || u.Messages != 0 {
		t.Errorf("usage %+v, %v", u, err)
	}
	l, err := a.Subscriptions(ctx, store.System)
	if err != nil || !slices.Contains(l, "D") {
		t.Errorf("subscriptions %v, %v: those of deleted mailboxes stay", l, err)
	}
}

func TestDeleteLargeMailbox(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	a := storetest.Account(t, storetest.New(t, bare), "a")
	mb, err := a.CreateMailbox(ctx, store.System, "Large", "")
	if err != nil {
		t.Fatal(err)
	}
	var msgs []store.NewMessage
	for range 1234 {
		msgs = append(msgs, storetest.Message("Subject: x\n\nx\n"))
	}
	if _, err := a.Append(ctx, store.System, mb.ID, msgs, nil); err != nil {
		t.Fatal(err)
	}
	since, err := a.ModSeq(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.DeleteMailbox(ctx, store.System, "Large"); err != nil {
		t.Fatal(err)
	}
	l, _, err := a.ChangesSince(ctx, since, 100)
	if err != nil {
		t.Fatal(err)
	}
	gone := int64(0)
	for _, c := range l {
		if c.Kind == store.ChangeExpunge && c.Mailbox == mb.ID {
			gone += c.UIDs.Count()
		}
	}
	if l[0].Kind != store.ChangeMailboxDelete || gone != 1234 || len(l) < 3 {
		t.Errorf("%d entries tell of %d messages", len(l), gone)
	}
}

func TestRenameMailbox(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := storetest.New(t, bare)
	a := storetest.Account(t, s, "a")
	for _, name := range []string{"A/B/C", "D", "AB"} {
		if _, err := a.CreateMailbox(ctx, store.System, name, ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Subscribe(ctx, store.System, "A"); err != nil {
		t.Fatal(err)
	}
	deliver(t, a, storetest.Delivery("A/B", simple))
	old := mailbox(t, a, "A/B")
	rename := func(name, newName string) error { return a.RenameMailbox(ctx, store.System, name, newName) }
	wantErr(t, rename("X", "Y"), store.ErrNoMailbox, "renaming a mailbox that does not exist")
	wantErr(t, rename("A", "D"), store.ErrMailboxExists, "renaming to a name that is taken")
	wantErr(t, rename("A", "inbox"), store.ErrMailboxExists, "renaming to Inbox")
	wantErr(t, rename("A", "A/X"), store.ErrBadName, "renaming below itself")
	wantErr(t, rename("A", "x//y"), store.ErrBadName, "renaming to a bad name")
	wantErr(t, rename("A", "A"), store.ErrMailboxExists, "renaming to the same name")
	if err := rename("A", "E/F"); err != nil {
		t.Fatal(err)
	}
	wantMailboxes(t, a, "Inbox", "AB", "D", "E+", "E/F+", "E/F/B+", "E/F/B/C")
	mb := mailbox(t, a, "E/F/B")
	if mb.ID != old.ID || mb.UIDValidity != old.UIDValidity || mb.Counts != old.Counts || mb.ModSeq <= old.ModSeq {
		t.Errorf("mailbox %+v, was %+v", mb, old)
	}
	// A name that is only a parent can be renamed, and to where others are, if none collide.
	if err := a.DeleteMailbox(ctx, store.System, "E"); err != nil {
		t.Fatal(err)
	}
	if err := rename("E", "AB2"); err != nil {
		t.Fatal(err)
	}
	wantMailboxes(t, a, "Inbox", "AB", "AB2!+", "AB2/F+", "AB2/F/B+", "AB2/F/B/C", "D")
	if _, err := a.CreateMailbox(ctx, store.System, "G/F", ""); err != nil {
		t.Fatal(err)
	}
	if err := a.DeleteMailbox(ctx, store.System, "G"); err != nil {
		t.Fatal(err)
	}
	wantErr(t, rename("AB2", "G"), store.ErrMailboxExists, "renaming to where a child collides")
	if err := rename("AB2/F", "AB2"); err != nil {
		t.Fatal(err)
	}
	wantMailboxes(t, a, "Inbox", "AB", "AB2+", "AB2/B+", "AB2/B/C", "D", "G!+", "G/F")
}

// Renaming Inbox moves its messages and leaves it empty; what is below stays (RFC 9051 §6.3.6).
func TestRenameInbox(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	a := storetest.Account(t, storetest.New(t, bare), "a")
	first := deliver(t, a, storetest.Delivery("", simple))
	deliver(t, a, storetest.Delivery("Inbox/Sub", simple))
	before := mailbox(t, a, "Inbox")
	if err := a.RenameMailbox(ctx, store.System, "INBOX", "Old/2026"); err != nil {
		t.Fatal(err)
	}
	wantMailboxes(t, a, "Inbox+", "Inbox/Sub", "Old+", "Old/2026")
	inbox, old := mailbox(t, a, "Inbox"), mailbox(t, a, "Old/2026")
	if inbox.ID != before.ID || inbox.UIDValidity != before.UIDValidity || inbox.Counts != (store.Counts{}) || inbox.UIDNext != 2 {
		t.Errorf("Inbox %+v", inbox)
	}
	if old.Counts != before.Counts || old.UIDValidity <= before.UIDValidity {
		t.Errorf("new mailbox %+v", old)
	}
	contentOf(t, a, first.Email)
}

func TestSubscriptions(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	a := storetest.Account(t, storetest.New(t, bare), "a")
	want := func(names ...string) {
		t.Helper()
		l, err := a.Subscriptions(ctx, store.System)
		if err != nil || !slices.Equal(l, names) {
			t.Errorf("subscriptions %q, %v, want %q", l, err, names)
		}
	}
	want("Inbox")
	for _, name := range []string{"inbox", "Later/There", "A", "A"} {
		if err := a.Subscribe(ctx, store.System, name); err != nil {
			t.Errorf("subscribing %s: %v", name, err)
		}
	}
	want("A", "Inbox", "Later/There")
	wantErr(t, a.Subscribe(ctx, store.System, "a//b"), store.ErrBadName, "subscribing a bad name")
	if mb, err := a.CreateMailbox(ctx, store.System, "Later/There", ""); err != nil || !mb.Subscribed {
		t.Errorf("mailbox made later %+v, %v", mb, err)
	}
	modseq, _ := a.ModSeq(ctx)
	for _, name := range []string{"INBOX", "A", "A", "never"} {
		if err := a.Unsubscribe(ctx, store.System, name); err != nil {
			t.Errorf("unsubscribing %s: %v", name, err)
		}
	}
	want("Later/There")
	if now, _ := a.ModSeq(ctx); now != modseq+2 {
		t.Errorf("modseq went from %d to %d with two changes", modseq, now)
	}
	if mb := mailbox(t, a, "Inbox"); mb.Subscribed {
		t.Error("Inbox is subscribed still")
	}
}

// What mailboxes tell is the same after the account was opened again.
func TestMailboxesKept(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	dir := t.TempDir()
	open := func() (*store.Store, *store.Account) {
		s := storetest.New(t, func(o *store.Options) { o.Dir = dir })
		return s, storetest.Account(t, s, "a")
	}
	s, a := open()
	d := storetest.Delivery("X/Y", simple)
	d.Keywords = []string{"b", "A"}
	deliver(t, a, d)
	deliver(t, a, storetest.Delivery("Z", simple))
	if err := a.DeleteMailbox(ctx, store.System, "X"); err != nil {
		t.Fatal(err)
	}
	if _, err := a.SetFlags(ctx, store.System, mailbox(t, a, "Z").ID, store.FlagChange{UIDs: imap.SetOf[imap.UID](1), Flags: imap.FlagSeen | imap.FlagDeleted, UnchangedSince: -1}); err != nil {
		t.Fatal(err)
	}
	before, err := a.Mailboxes(ctx, store.System)
	if err != nil {
		t.Fatal(err)
	}
	modseq, _ := a.ModSeq(ctx)
	s.Close()
	_, a = open()
	after, err := a.Mailboxes(ctx, store.System)
	if err != nil || fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("mailboxes\n%+v, %v\nwant\n%+v", after, err, before)
	}
	if now, _ := a.ModSeq(ctx); now != modseq {
		t.Errorf("modseq %d, was %d", now, modseq)
	}
	// Ids and UIDVALIDITYs go on where they were.
	mb, err := a.CreateMailbox(ctx, store.System, "New", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, old := range after {
		if mb.ID <= old.ID || mb.UIDValidity <= old.UIDValidity {
			t.Errorf("new mailbox %+v beside %+v", mb, old)
		}
	}
}

// Mailboxes made by several at once, of the same and of other names.
func TestCreateMailboxConcurrently(t *testing.T) {
	t.Parallel()
	a := storetest.Account(t, storetest.New(t, bare), "a")
	var wg sync.WaitGroup
	var mu sync.Mutex
	made := 0
	for i := range 40 {
		wg.Go(func() {
			_, err := a.CreateMailbox(t.Context(), store.System, fmt.Sprintf("P/%d", i%10), "")
			if err == nil {
				mu.Lock()
				made++
				mu.Unlock()
			} else {
				wantErr(t, err, store.ErrMailboxExists, "making a mailbox")
			}
		})
	}
	wg.Wait()
	if made != 10 || len(mailboxNames(t, a)) != 12 {
		t.Errorf("%d made, mailboxes %v", made, mailboxNames(t, a))
	}
}
