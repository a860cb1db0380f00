package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mox/imap"
	"mox/store"
	"mox/store/storetest"
)

// kept is what of a message outlives the loss of the database.
type kept struct {
	mailbox  string
	email    store.EmailID
	content  string
	flags    imap.Flags
	keywords string
	received time.Time
	auth     string
}

// keptMessages returns all messages of an account, in the order of mailboxes and UIDs.
func keptMessages(t *testing.T, a *store.Account) []kept {
	t.Helper()
	ctx := context.Background()
	mailboxes, err := a.Mailboxes(ctx, store.System)
	if err != nil {
		t.Fatal(err)
	}
	var l []kept
	for _, mb := range mailboxes {
		sel, err := a.Select(ctx, store.System, mb.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range sel.View().All(1) {
			k := kept{
				mailbox: mb.Name, email: e.Email, content: content(t, a, e.Email), flags: e.Flags,
				keywords: strings.Join(a.KeywordNames(e.Keywords), " "), received: e.ReceivedTime(),
			}
			err := a.Emails(ctx, store.System, []store.EmailID{e.Email}, func(i int, e *store.Email) error {
				k.auth = string(e.Auth)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			l = append(l, k)
		}
		sel.Close()
	}
	return l
}

func content(t *testing.T, a *store.Account, id store.EmailID) string {
	t.Helper()
	c, err := a.Open(context.Background(), store.System, id)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	b, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// waitErased waits until the committer has erased an email that was expunged. It erases when nobody
// waits for it.
func waitErased(t *testing.T, a *store.Account, id store.EmailID) {
	t.Helper()
	ctx := context.Background()
	for range 10_000 {
		c, err := a.Open(ctx, store.System, id)
		if errors.Is(err, store.ErrExpunged) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		c.Close()
		if err := a.SetCursor(ctx, "wait", 0); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("expunged message is not erased")
}

// accountDir returns the directory of the only account.
func accountDir(t *testing.T, dir string) string {
	t.Helper()
	l, err := filepath.Glob(filepath.Join(dir, "*", "account.json"))
	if err != nil || len(l) != 1 {
		t.Fatalf("accounts: %v, %v", l, err)
	}
	return filepath.Dir(l[0])
}

// lossyAccount makes an account with messages, and returns its store, directory and messages.
func lossyAccount(t *testing.T) (s *store.Store, dir string, messages []kept, mailboxes map[string]store.Mailbox) {
	t.Helper()
	ctx := context.Background()
	top := t.TempDir()
	s = storetest.New(t, func(o *store.Options) { o.Dir, o.EraseAfter = top, 1 })
	if err := s.Create(ctx, "lossy"); err != nil {
		t.Fatal(err)
	}
	a, err := s.Open(ctx, "lossy")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := a.SetPassword(ctx, store.System, "secret"); err != nil {
		t.Fatal(err)
	}
	if _, err := a.CreateMailbox(ctx, store.System, "Projects/2026", ""); err != nil {
		t.Fatal(err)
	}
	var added []store.Added
	for i, d := range []store.Delivery{
		{NewMessage: storetest.Message("Subject: one\nMessage-ID: <1@x>\n\nfirst\n")},
		{NewMessage: storetest.Message("Subject: expunged\n\ngone\n")},
		{NewMessage: storetest.Message("Subject: Re: one\nMessage-ID: <2@x>\nIn-Reply-To: <1@x>\n\nreply\n"), Mailbox: "Sent"},
		{NewMessage: storetest.Message("Subject: large\n\n" + strings.Repeat("0123456789abcdef\n", 30_000)), Mailbox: "Projects/2026"},
		{NewMessage: storetest.Message("no header at all"), Mailbox: "Projects/2026"},
		{NewMessage: storetest.Message("Subject: junk\n\nbuy\n"), Mailbox: "Junk"},
	} {
		d.Received = time.Date(2026, 1, 1+i, 12, 0, 0, 0, time.UTC)
		switch i {
		case 0:
			d.Prefix = []byte("Return-Path: <a@example.org>\r\nReceived: from x\r\n")
			d.Auth = []byte("dmarc=pass")
		case 2:
			d.Flags = imap.FlagSeen | imap.FlagAnswered
		case 5:
			d.Keywords = []string{"$Junk", "spam"}
		}
		m, err := a.Deliver(ctx, store.System, d)
		if err != nil {
			t.Fatal(err)
		}
		added = append(added, m)
	}
	if _, _, err := a.Expunge(ctx, store.System, added[1].Mailbox, imap.SetOf(added[1].UID), false); err != nil {
		t.Fatal(err)
	}
	waitErased(t, a, added[1].Email)
	mailboxes = map[string]store.Mailbox{}
	l, err := a.Mailboxes(ctx, store.System)
	if err != nil {
		t.Fatal(err)
	}
	for _, mb := range l {
		mailboxes[mb.Name] = mb
	}
	return s, accountDir(t, top), keptMessages(t, a), mailboxes
}

// loseDatabase closes a store, removes the database of its account and opens the store again.
func loseDatabase(t *testing.T, s *store.Store, dir string) *store.Store {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "index.db")); err != nil {
		t.Fatal(err)
	}
	return storetest.New(t, func(o *store.Options) { o.Dir = filepath.Dir(dir) })
}

func TestRecover(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s, dir, want, before := lossyAccount(t)

	if _, err := s.Recover(ctx, "nobody", nil); !errors.Is(err, store.ErrNoAccount) {
		t.Errorf("unknown account: %v", err)
	}
	if _, err := s.Recover(ctx, "lossy", nil); !errors.Is(err, store.ErrDatabaseExists) {
		t.Errorf("account with database: %v", err)
	}
	a := storetest.Account(t, s, "lossy")
	if _, err := s.Recover(ctx, "lossy", nil); !errors.Is(err, store.ErrAccountInUse) {
		t.Errorf("account in use: %v", err)
	}
	a.Close()

	s = loseDatabase(t, s, dir)
	if _, err := s.Open(ctx, "lossy"); err == nil {
		t.Fatal("account without database opened")
	}
	calls := 0
	var last store.RecoverStats
	stats, err := s.Recover(ctx, "lossy", func(st store.RecoverStats) { last = st; calls++ })
	if err != nil {
		t.Fatal(err)
	}
	if stats != (store.RecoverStats{Messages: int64(len(want))}) || last != stats || calls == 0 {
		t.Errorf("stats %+v, after %d calls of progress %+v", stats, calls, last)
	}
	if _, err := os.Stat(filepath.Join(dir, "recover")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("temporary files are left: %v", err)
	}

	a = storetest.Account(t, s, "lossy")
	got := keptMessages(t, a)
	if len(got) != len(want) {
		t.Errorf("%d messages, want %d", len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Errorf("message %d: got %.200q, want %.200q", i, fmt.Sprint(got[i]), fmt.Sprint(want[i]))
		}
	}
	mailboxes, err := a.Mailboxes(ctx, store.System)
	if err != nil {
		t.Fatal(err)
	}
	for _, mb := range mailboxes {
		old, ok := before[mb.Name]
		if !ok || old.SpecialUse != mb.SpecialUse {
			t.Errorf("mailbox %q with special use %q was not there before, %+v", mb.Name, mb.SpecialUse, old)
		}
		for _, old := range before {
			if mb.UIDValidity <= old.UIDValidity {
				t.Errorf("mailbox %q has uidvalidity %d, mailbox %q had %d before", mb.Name, mb.UIDValidity, old.Name, old.UIDValidity)
			}
		}
		if n, err := a.CountRecent(ctx, store.System, mb.ID); n != 0 || err != nil {
			t.Errorf("mailbox %q: %d messages are recent, %v", mb.Name, n, err)
		}
		if mb.ModSeq <= before[mb.Name].ModSeq {
			t.Errorf("mailbox %q: modseq went back to %d", mb.Name, mb.ModSeq)
		}
		delete(before, mb.Name)
	}
	for name := range before {
		t.Errorf("mailbox %q is missing", name)
	}

	// What relied on the old database is told to begin anew.
	if _, _, err := a.ChangesSince(ctx, 3, 10); !errors.Is(err, store.ErrHorizon) {
		t.Errorf("changes since before: %v", err)
	}
	if err := s.Authenticate(ctx, "lossy", "secret"); !errors.Is(err, store.ErrCredentials) {
		t.Errorf("password: %v", err)
	}
	if err := a.SetPassword(ctx, store.System, "new one"); err != nil {
		t.Fatal(err)
	}
	if err := s.Authenticate(ctx, "lossy", "new one"); err != nil {
		t.Error(err)
	}

	// The account goes on: threads join, ids are not given out again.
	m, err := a.Deliver(ctx, store.System, store.Delivery{NewMessage: storetest.Message("Subject: RE: one\nReferences: <1@x>\n\n")})
	if err != nil {
		t.Fatal(err)
	}
	err = a.Emails(ctx, store.System, []store.EmailID{want[0].email}, func(i int, e *store.Email) error {
		if e.Thread != m.Thread {
			t.Errorf("reply is in thread %d, original in %d", m.Thread, e.Thread)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range want {
		if k.email.Key >= m.Email.Key {
			t.Errorf("new email has id %v, there was %v already", m.Email, k.email)
		}
	}
}

func TestRecoverInterrupted(t *testing.T) {
	t.Parallel()
	s, dir, want, _ := lossyAccount(t)
	s = loseDatabase(t, s, dir)
	ctx, cancel := context.WithCancel(context.Background())
	_, err := s.Recover(ctx, "lossy", func(store.RecoverStats) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted: %v", err)
	}
	if _, err := s.Open(context.Background(), "lossy"); err == nil {
		t.Fatal("account opened with half a database")
	}
	// A crash leaves files behind.
	if err := os.MkdirAll(filepath.Join(dir, "recover"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"index.db", "found.db"} {
		if err := os.WriteFile(filepath.Join(dir, "recover", name), []byte("half written"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stats, err := s.Recover(context.Background(), "lossy", nil)
	if err != nil || stats.Messages != int64(len(want)) {
		t.Fatalf("after interruption: %+v, %v", stats, err)
	}
}

func TestRecoverDamagedPack(t *testing.T) {
	t.Parallel()
	s, dir, want, _ := lossyAccount(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	pack := filepath.Join(dir, "blobs", "00000001.pack")
	b, err := os.ReadFile(pack)
	if err != nil {
		t.Fatal(err)
	}
	i := bytes.Index(b, []byte("reply\r\n"))
	if i < 0 {
		t.Fatal("message is not in the pack")
	}
	b[i]++
	if err := os.WriteFile(pack, b, 0o600); err != nil {
		t.Fatal(err)
	}

	// Before the loss, the damage is found where it is.
	s, err = store.New(store.Options{Dir: filepath.Dir(dir)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { s.Close() }()
	var found []store.Problem
	for _, content := range []bool{false, true} {
		found = nil
		if err := s.Verify(context.Background(), "lossy", content, func(p store.Problem) { found = append(found, p) }); err != nil {
			t.Fatal(err)
		}
		if !content && len(found) > 0 {
			t.Errorf("without reading content: %v", found)
		}
	}
	if len(found) != 1 || found[0].Account != "lossy" || !strings.Contains(found[0].What, `"Sent" uid 1`) || found[0].Cure == "" {
		t.Errorf("damaged message: got problems %+v", found)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	if err := os.Remove(filepath.Join(dir, "index.db")); err != nil {
		t.Fatal(err)
	}
	s = storetest.New(t, func(o *store.Options) { o.Dir = filepath.Dir(dir) })
	stats, err := s.Recover(context.Background(), "lossy", nil)
	if err != nil {
		t.Fatal(err)
	}
	if stats != (store.RecoverStats{Messages: int64(len(want)) - 1, Damaged: 1}) {
		t.Errorf("stats %+v", stats)
	}
}
