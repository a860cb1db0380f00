package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mjl-/bstore"

	"mox/imap"
	"mox/store/blob"
)

// newVerifyStore makes a store with an account "verify" that has something of everything: three messages in
// Inbox, of which the first has a copy in Archive, one that was expunged, a large one, keywords, submissions,
// a cursor and a password.
func newVerifyStore(t *testing.T) (*Store, *Account) {
	t.Helper()
	ctx := context.Background()
	s, err := New(Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	s.passwords.setParams(cheapArgon2id)
	s.passwords.rounds = 10
	if err := s.Create(ctx, "verify"); err != nil {
		t.Fatal(err)
	}
	a, err := s.Open(ctx, "verify")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range 4 {
		text := fmt.Sprintf("Subject: %d\r\nMessage-ID: <%d@x>\r\n\r\ntext\r\n", i, i)
		if i == 3 {
			text += strings.Repeat("large message\r\n", 30_000)
		}
		m := NewMessage{Prefix: []byte("Return-Path: <>\r\n"), Body: strings.NewReader(text), Size: int64(len(text))}
		if i == 2 {
			m.Keywords = []string{"work", "$Junk"}
		}
		_, err := a.Deliver(ctx, System, Delivery{NewMessage: m})
		check(err)
	}
	inbox, err := a.MailboxByName(ctx, System, "Inbox")
	check(err)
	archive, err := a.MailboxByName(ctx, System, "Archive")
	check(err)
	_, err = a.Copy(ctx, System, inbox.ID, imap.SetOf[imap.UID](1), archive.ID)
	check(err)
	_, _, err = a.Expunge(ctx, System, inbox.ID, imap.SetOf[imap.UID](2), false)
	check(err)
	_, err = a.AddSubmission(ctx, System, Submission{MailFrom: "a@example.org", RcptTo: []string{"b@example.org"}}, nil)
	check(err)
	check(a.SetCursor(ctx, "junk", 3))
	_, err = a.SetSetting(ctx, System, "labels", []byte("{}"), -1)
	check(err)
	check(a.SetMuted(ctx, System, []ThreadID{5, 7}, true))
	check(a.SetPassword(ctx, System, "secret"))
	sel, err := a.Select(ctx, System, inbox.ID)
	check(err)
	t.Cleanup(sel.Close)
	return s, a
}

// verifyAll returns what Verify finds.
func verifyAll(t *testing.T, s *Store, content bool) []Problem {
	t.Helper()
	var l []Problem
	if err := s.Verify(context.Background(), "verify", content, func(p Problem) { l = append(l, p) }); err != nil {
		t.Fatal(err)
	}
	return l
}

func TestVerifyClean(t *testing.T) {
	t.Parallel()
	s, _ := newVerifyStore(t)
	for _, content := range []bool{false, true} {
		if l := verifyAll(t, s, content); len(l) > 0 {
			t.Errorf("sound account, content %v: %+v", content, l)
		}
	}
	if err := s.Verify(context.Background(), "nobody", false, func(Problem) {}); !errors.Is(err, ErrNoAccount) {
		t.Errorf("unknown account: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Verify(ctx, "verify", false, func(Problem) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// edit gets a row, lets fn change it and updates it.
func edit[T any](tx *bstore.Tx, row T, fn func(row *T)) error {
	if err := tx.Get(&row); err != nil {
		return err
	}
	fn(&row)
	return tx.Update(&row)
}

// Each inconsistency that is planted in the database is found.
func TestVerifyFindsPlanted(t *testing.T) {
	t.Parallel()
	const inbox, archive = MailboxID(1), MailboxID(3)
	first := messageRow{ID: messageID(inbox, 1)}
	second := messageRow{ID: messageID(inbox, 3)}
	account := accountRow{ID: 1}
	// The email of a message.
	email := func(tx *bstore.Tx, m messageRow) emailRow {
		if err := tx.Get(&m); err != nil {
			t.Fatal(err)
		}
		return emailRow{m.Email.Key, emailRecord{Random: m.Email.Random}}
	}
	for _, tc := range []struct {
		name  string
		plant func(tx *bstore.Tx) error
		want  string // Part of a problem.
	}{
		{"total", func(tx *bstore.Tx) error {
			return edit(tx, mailboxRow{ID: inbox}, func(r *mailboxRow) { r.Total++ })
		}, `mailbox 1 "Inbox": counts are total 4`},
		{"unread", func(tx *bstore.Tx) error {
			return edit(tx, mailboxRow{ID: inbox}, func(r *mailboxRow) { r.Unread-- })
		}, "counts are"},
		{"unseen", func(tx *bstore.Tx) error {
			return edit(tx, mailboxRow{ID: inbox}, func(r *mailboxRow) { r.Unseen-- })
		}, "counts are"},
		{"deleted", func(tx *bstore.Tx) error {
			return edit(tx, mailboxRow{ID: inbox}, func(r *mailboxRow) { r.Deleted++ })
		}, "counts are"},
		{"size", func(tx *bstore.Tx) error {
			return edit(tx, mailboxRow{ID: inbox}, func(r *mailboxRow) { r.Size++ })
		}, "counts are"},
		{"flags changed without the counts", func(tx *bstore.Tx) error {
			return edit(tx, first, func(r *messageRow) { r.Flags = imap.FlagSeen })
		}, "counts are"},
		{"uidnext", func(tx *bstore.Tx) error {
			return edit(tx, mailboxRow{ID: inbox}, func(r *mailboxRow) { r.UIDNext = 4 })
		}, "uid 4, uidnext is 4"},
		{"recent beyond all messages", func(tx *bstore.Tx) error {
			return edit(tx, mailboxRow{ID: inbox}, func(r *mailboxRow) { r.RecentFrom = r.UIDNext + 1 })
		}, "messages are recent from uid 6, uidnext is 5"},
		{"uidvalidity repeated", func(tx *bstore.Tx) error {
			m := mailboxRow{ID: inbox}
			if err := tx.Get(&m); err != nil {
				return err
			}
			return edit(tx, mailboxRow{ID: archive}, func(r *mailboxRow) { r.UIDValidity = m.UIDValidity })
		}, "both have uidvalidity"},
		{"uidvalidity ahead", func(tx *bstore.Tx) error {
			return edit(tx, account, func(r *accountRow) { r.NextUIDValidity = 5 })
		}, "is not below the next one, 5"},
		{"mailbox id ahead", func(tx *bstore.Tx) error {
			return edit(tx, account, func(r *accountRow) { r.NextMailbox = 2 })
		}, "mailbox 3: id is not below"},
		{"name repeated", func(tx *bstore.Tx) error {
			return edit(tx, mailboxRow{ID: archive}, func(r *mailboxRow) { r.Name = "Sent" })
		}, `both have the name "Sent"`},
		{"name not allowed", func(tx *bstore.Tx) error {
			return edit(tx, mailboxRow{ID: archive}, func(r *mailboxRow) { r.Name = "a//b" })
		}, `name "a//b" is not allowed`},
		{"no inbox", func(tx *bstore.Tx) error {
			return edit(tx, mailboxRow{ID: inbox}, func(r *mailboxRow) { r.Name = "Outbox" })
		}, "there is no Inbox"},
		{"special use repeated", func(tx *bstore.Tx) error {
			return edit(tx, mailboxRow{ID: archive}, func(r *mailboxRow) { r.Use = Sent })
		}, `both have the special use \Sent`},
		{"mailbox missing", func(tx *bstore.Tx) error { return tx.Delete(&mailboxRow{ID: archive}) },
			"mailbox 3 uid 1: there is no such mailbox"},
		{"mailbox modseq", func(tx *bstore.Tx) error {
			return edit(tx, mailboxRow{ID: inbox}, func(r *mailboxRow) { r.ModSeq = 1 })
		}, "its own is 1"},
		{"account modseq", func(tx *bstore.Tx) error {
			return edit(tx, account, func(r *accountRow) { r.ModSeq = 2 })
		}, "modseqs out of order"},
		{"mailbox only in memory", func(tx *bstore.Tx) error { return tx.Delete(&mailboxRow{ID: 2}) },
			"6 mailboxes in memory, 5 in the database"},

		{"message missing", func(tx *bstore.Tx) error { return tx.Delete(&second) },
			`"Inbox" uid 3: is not there, but no change`},
		{"message from nowhere", func(tx *bstore.Tx) error {
			m := first
			if err := tx.Get(&m); err != nil {
				return err
			}
			m.ID = messageID(inbox, 9)
			return tx.Insert(&m)
		}, `"Inbox" uid 9: the change log does not have its modseq`},
		{"expunged message back", func(tx *bstore.Tx) error {
			m := first
			if err := tx.Get(&m); err != nil {
				return err
			}
			m.ID = messageID(inbox, 2)
			return tx.Insert(&m)
		}, `"Inbox" uid 2: expunged in change`},
		{"message modseq", func(tx *bstore.Tx) error {
			return edit(tx, first, func(r *messageRow) { r.ModSeq++ })
		}, "but its last change is"},
		{"message of another email", func(tx *bstore.Tx) error {
			e := email(tx, second)
			return edit(tx, first, func(r *messageRow) { r.Email = e.id() })
		}, "was added as"},
		{"message differs from memory", func(tx *bstore.Tx) error {
			return edit(tx, second, func(r *messageRow) { r.Flags |= imap.FlagFlagged })
		}, `"Inbox" uid 3: differs in memory and in the database`},
		{"unknown flag", func(tx *bstore.Tx) error {
			return edit(tx, first, func(r *messageRow) { r.Flags |= 1 << 15 })
		}, "malformed"},
		{"no such keyword set", func(tx *bstore.Tx) error {
			return edit(tx, first, func(r *messageRow) { r.Keywords = 77 })
		}, "there is no keyword set 77"},
		{"keyword not of the mailbox", func(tx *bstore.Tx) error {
			return edit(tx, mailboxKeywordsRow{Mailbox: inbox}, func(r *mailboxKeywordsRow) { r.Keywords = []string{"work"} })
		}, `its keyword "$Junk" is not among those of the mailbox`},
		{"keywords of no mailbox", func(tx *bstore.Tx) error {
			return tx.Insert(&mailboxKeywordsRow{Mailbox: 99, Keywords: []string{"x"}})
		}, "there is no such mailbox"},
		{"keyword set changed", func(tx *bstore.Tx) error {
			return edit(tx, keywordSetRow{ID: 1}, func(r *keywordSetRow) { r.Keywords = []string{"$Junk"} })
		}, "keyword set 1: is"},

		{"message size", func(tx *bstore.Tx) error {
			return edit(tx, first, func(r *messageRow) { r.Size++ })
		}, "in id, size, time or thread"},
		{"thread", func(tx *bstore.Tx) error {
			return edit(tx, first, func(r *messageRow) { r.Thread++ })
		}, "in id, size, time or thread"},
		{"email missing", func(tx *bstore.Tx) error {
			e := email(tx, second)
			return tx.Delete(&e)
		}, `"Inbox" uid 3: its email`},
		{"email without message", func(tx *bstore.Tx) error {
			e := email(tx, second)
			if err := tx.Get(&e); err != nil {
				return err
			}
			e.ID--
			return tx.Insert(&e)
		}, "has no message, and is 0 times among what is to be erased"},
		{"content twice in use", func(tx *bstore.Tx) error {
			other := email(tx, first)
			if err := tx.Get(&other); err != nil {
				return err
			}
			return edit(tx, email(tx, second), func(r *emailRow) { r.Rec.Blob = other.Rec.Blob })
		}, "both have their content at"},
		{"email size", func(tx *bstore.Tx) error {
			return edit(tx, email(tx, second), func(r *emailRow) { r.Rec.Size++ })
		}, "but prefix and content have"},
		{"email record", func(tx *bstore.Tx) error {
			return edit(tx, email(tx, second), func(r *emailRow) { r.Rec.Cold = r.Rec.Cold[:len(r.Rec.Cold)-1] })
		}, errCold.Error()},
		{"content reference", func(tx *bstore.Tx) error {
			return edit(tx, email(tx, second), func(r *emailRow) { r.Rec.Blob = []byte{0xff} })
		}, "reference to its content is malformed"},
		{"reference count missing", func(tx *bstore.Tx) error {
			return tx.Delete(&emailRefRow{Email: email(tx, first).ID})
		}, "has 2 messages, counted are 1"},
		{"reference count", func(tx *bstore.Tx) error {
			return edit(tx, emailRefRow{Email: email(tx, first).ID}, func(r *emailRefRow) { r.Count = 3 })
		}, "has 2 messages, counted are 3"},
		{"reference count of nothing", func(tx *bstore.Tx) error {
			return tx.Insert(&emailRefRow{Email: 12345, Count: 2})
		}, "email 0000000000003039: has references counted, but is not there"},
		{"email malformed", func(tx *bstore.Tx) error {
			return edit(tx, email(tx, second), func(r *emailRow) { r.Rec = emailRecord{} })
		}, errCold.Error()},
		{"random half of id", func(tx *bstore.Tx) error {
			return edit(tx, email(tx, first), func(r *emailRow) { r.Rec.Random++ })
		}, "differs from its message \"Inbox\" uid 1 in id"},
		{"not to be erased", func(tx *bstore.Tx) error { return tx.Delete(&eraseRow{ID: 1}) },
			"has no message, and is 0 times among what is to be erased"},
		{"to be erased twice", func(tx *bstore.Tx) error {
			r := eraseRow{ID: 1}
			if err := tx.Get(&r); err != nil {
				return err
			}
			r.ID = 0
			return tx.Insert(&r)
		}, "is 2 times among what is to be erased"},
		{"to be erased, but in use", func(tx *bstore.Tx) error {
			e := email(tx, first)
			return tx.Insert(&eraseRow{At: 1 << 40, Emails: appendIDs(nil, []EmailID{e.id()})})
		}, "is to be erased, but is message"},
		{"list to be erased", func(tx *bstore.Tx) error {
			return edit(tx, eraseRow{ID: 1}, func(r *eraseRow) { r.Emails = append(r.Emails, 1) })
		}, "list 1 of emails to erase: malformed"},
		{"quota", func(tx *bstore.Tx) error {
			return edit(tx, account, func(r *accountRow) { r.Bytes++ })
		}, "counted against its quota"},

		{"change damaged", func(tx *bstore.Tx) error {
			return edit(tx, changeRow{ModSeq: 2}, func(r *changeRow) { r.Data[0] = 99 })
		}, "change 2: " + errChange.Error()},
		{"change missing", func(tx *bstore.Tx) error { return tx.Delete(&changeRow{ModSeq: 2}) },
			"the change log does not have its modseq, 2"},
		{"change ahead", func(tx *bstore.Tx) error {
			return tx.Insert(&changeRow{ModSeq: 1000, Data: appendChanges(nil, nil)})
		}, "change 1000: modseq is above that of the account"},
		{"change of uids that were never given out", func(tx *bstore.Tx) error {
			c := Change{Kind: ChangeFlags, Mailbox: inbox, UIDs: imap.SetOf[imap.UID](500)}
			return edit(tx, changeRow{ModSeq: 1}, func(r *changeRow) { r.Data = appendChanges(nil, []Change{c}) })
		}, "uid 500 of mailbox 1 is not below its uidnext"},
		{"change without emails", func(tx *bstore.Tx) error {
			c := Change{Kind: ChangeAdd, Mailbox: inbox, UIDs: imap.SetOf[imap.UID](1)}
			return edit(tx, changeRow{ModSeq: 1}, func(r *changeRow) { r.Data = appendChanges(nil, []Change{c}) })
		}, "tells 1 uids and 0 emails"},

		{"submission not on the list", func(tx *bstore.Tx) error {
			p, err := bstore.QueryTx[pendingSubmissionRow](tx).Get()
			if err != nil {
				return err
			}
			return tx.Delete(&p)
		}, "being on the list of pending ones is false"},
		{"submission on the list only", func(tx *bstore.Tx) error {
			return tx.Insert(&pendingSubmissionRow{ID: 5})
		}, "submission 5: on the list of pending ones, but not there"},
		{"done submission on the list of scheduled ones", func(tx *bstore.Tx) error {
			return errors.Join(
				tx.Insert(&submissionRow{ID: 5, State: SubmissionDone, ModSeq: 1, SendAt: 1}),
				tx.Insert(&scheduledSubmissionRow{ID: 5}),
			)
		}, "submission 5: on the list of scheduled ones, but its state is 3"},
		{"submission on the list of scheduled ones only", func(tx *bstore.Tx) error {
			return tx.Insert(&scheduledSubmissionRow{ID: 5})
		}, "submission 5: on the list of scheduled ones, but not there"},
		{"setting without a change", func(tx *bstore.Tx) error {
			return tx.Insert(&settingRow{Name: "x", ModSeq: 1})
		}, `setting "x": has modseq 1, but its last change is 0`},
		{"setting that was not told", func(tx *bstore.Tx) error {
			return edit(tx, settingRow{Name: "labels"}, func(r *settingRow) { r.ModSeq-- })
		}, `setting "labels": has modseq`},
		{"setting ahead", func(tx *bstore.Tx) error {
			return edit(tx, settingRow{Name: "labels"}, func(r *settingRow) { r.ModSeq += 1000 })
		}, `setting "labels": modseq`},
		{"large setting", func(tx *bstore.Tx) error {
			return edit(tx, settingRow{Name: "labels"}, func(r *settingRow) { r.Value = make([]byte, MaxSetting+1) })
		}, "value of 262145 bytes, is not allowed"},
		{"recipient", func(tx *bstore.Tx) error {
			return tx.Insert(&recipientRow{Path: "B@example.org", Count: 1})
		}, `recipient "B@example.org": written ""`},
		{"removed recipient with a name", func(tx *bstore.Tx) error {
			return edit(tx, recipientRow{Path: "b@example.org"}, func(r *recipientRow) { r.Count, r.Name = 0, "B" })
		}, `recipient "b@example.org": malformed`},
		{"muted thread only in the database", func(tx *bstore.Tx) error {
			return tx.Insert(&mutedThreadRow{Thread: 6})
		}, "thread 6: is muted, but not in memory"},
		{"muted thread only in memory", func(tx *bstore.Tx) error {
			return tx.Delete(&mutedThreadRow{Thread: 5})
		}, "2 muted threads in memory, 1 in the database"},
		{"submission state", func(tx *bstore.Tx) error {
			return tx.Insert(&submissionRow{ID: 5, State: 9, ModSeq: 1})
		}, "submission 5: state 9"},
		{"cursor", func(tx *bstore.Tx) error {
			return edit(tx, cursorRow{Name: "junk"}, func(r *cursorRow) { r.ModSeq = 10_000 })
		}, `cursor "junk": is at modseq 10000`},
		{"password", func(tx *bstore.Tx) error {
			return edit(tx, credentialsRow{ID: 1}, func(r *credentialsRow) { r.Argon2id = "secret" })
		}, "password: damaged"},
		{"password for scram", func(tx *bstore.Tx) error {
			return edit(tx, credentialsRow{ID: 1}, func(r *credentialsRow) { r.SCRAMSHA256 = "" })
		}, "password for SCRAM: damaged"},
		{"password for scram-sha-1", func(tx *bstore.Tx) error {
			return edit(tx, credentialsRow{ID: 1}, func(r *credentialsRow) { r.SCRAMSHA1 = r.SCRAMSHA256 })
		}, "password for SCRAM-SHA-1: damaged"},
		{"password for cram-md5", func(tx *bstore.Tx) error {
			return edit(tx, credentialsRow{ID: 1}, func(r *credentialsRow) { r.CRAMMD5 = "secret" })
		}, "password for CRAM-MD5: damaged"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s, a := newVerifyStore(t)
			if err := a.acc.db.Write(context.Background(), tc.plant); err != nil {
				t.Fatal(err)
			}
			l := verifyAll(t, s, false)
			found := false
			for _, p := range l {
				if p.Account != "verify" || p.What == "" || p.Cure == "" {
					t.Errorf("incomplete problem %+v", p)
				}
				found = found || strings.Contains(p.What, tc.want)
			}
			if !found {
				t.Errorf("got %+v, want %q", l, tc.want)
			}
		})
	}
}

// Problems with content, planted in files and database.
func TestVerifyFindsContent(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	blobsOf := func(a *Account) string { return filepath.Join(a.acc.dir, "blobs") }
	emailOf := func(t *testing.T, a *Account, uid imap.UID) emailRow {
		t.Helper()
		m := messageRow{ID: messageID(1, uid)}
		if err := a.acc.db.Get(ctx, &m); err != nil {
			t.Fatal(err)
		}
		e := emailRow{ID: m.Email.Key}
		if err := a.acc.db.Get(ctx, &e); err != nil {
			t.Fatal(err)
		}
		return e
	}
	for _, tc := range []struct {
		name  string
		plant func(t *testing.T, a *Account) error
		cheap bool // Found without reading all content.
		want  string
	}{
		{"large file gone", func(t *testing.T, a *Account) error {
			l, err := filepath.Glob(filepath.Join(blobsOf(a), "files", "*.blob"))
			if err != nil || len(l) != 1 {
				t.Fatalf("large files: %v, %v", l, err)
			}
			return os.Remove(l[0])
		}, true, `message "Inbox" uid 4`},
		{"large file cut off", func(t *testing.T, a *Account) error {
			l, err := filepath.Glob(filepath.Join(blobsOf(a), "files", "*.blob"))
			if err != nil || len(l) != 1 {
				t.Fatalf("large files: %v, %v", l, err)
			}
			return os.Truncate(l[0], 100_000)
		}, true, `message "Inbox" uid 4`},
		{"record of another email", func(t *testing.T, a *Account) error {
			one, other := emailOf(t, a, 1), emailOf(t, a, 3)
			one.Rec.Blob, other.Rec.Blob = other.Rec.Blob, one.Rec.Blob
			return a.acc.db.Update(ctx, &one, &other)
		}, false, `message "Inbox" uid 3`},
		{"marked as deleted", func(t *testing.T, a *Account) error {
			e := emailOf(t, a, 3)
			ref, err := blob.ParseRef(e.Rec.Blob)
			if err != nil {
				return err
			}
			return a.acc.blobs.Delete(ctx, []blob.Deletion{{EmailID: int64(e.ID), Ref: ref}})
		}, false, "marked as deleted"},
		{"large file of no email", func(t *testing.T, a *Account) error {
			text := strings.Repeat("x", 300_000)
			_, err := a.acc.blobs.Stage(ctx, blob.Item{EmailID: 1, Body: strings.NewReader(text), Size: int64(len(text))})
			return err
		}, false, "content of email 0000000000000001, which is not there"},
		{"thread that nothing leads to", func(t *testing.T, a *Account) error {
			return a.acc.db.Write(ctx, func(tx *bstore.Tx) error {
				_, err := bstore.QueryTx[youngThreadsRow](tx).Delete()
				return err
			})
		}, false, "nothing leads to its thread"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s, a := newVerifyStore(t)
			if err := tc.plant(t, a); err != nil {
				t.Fatal(err)
			}
			for _, content := range []bool{true, false} {
				l := verifyAll(t, s, content)
				found := strings.Contains(fmt.Sprint(l), tc.want)
				if want := content || tc.cheap; found != want {
					t.Errorf("content %v: got %+v, want %q: %v", content, l, tc.want, want)
				}
			}
		})
	}
}

// Verify of an account at work neither disturbs it nor takes its changes for problems.
func TestVerifyWhileInUse(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	s, a := newVerifyStore(t)
	done := make(chan error)
	go func() {
		for n := 0; ctx.Err() == nil; n++ {
			text := fmt.Sprintf("Subject: %d\r\n\r\n", n)
			if n%5 == 0 {
				text += strings.Repeat("x", 300_000)
			}
			added, err := a.Deliver(context.Background(), System, Delivery{NewMessage: NewMessage{Body: strings.NewReader(text), Size: int64(len(text))}})
			if err == nil && n%2 == 0 {
				_, _, err = a.Expunge(context.Background(), System, added.Mailbox, imap.SetOf(added.UID), false)
			}
			if err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for range 10 {
		if l := verifyAll(t, s, true); len(l) > 0 {
			t.Errorf("%+v", l)
		}
		if _, err := s.Compact(context.Background(), "verify", true, nil); err != nil {
			t.Error(err)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
