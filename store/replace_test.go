package store_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"mox/imap"
	"mox/store"
	"mox/store/storetest"
)

func TestReplace(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	quota := int64(0)
	a := storetest.Account(t, storetest.New(t, bare, func(o *store.Options) { o.Quota = func(string) int64 { return quota } }), "a")
	first := deliver(t, a, storetest.Delivery("Drafts", simple))
	since, err := a.ModSeq(ctx)
	if err != nil {
		t.Fatal(err)
	}
	m := storetest.Message(simple + "more\n")
	m.Flags, m.Keywords = imap.FlagDraft|imap.FlagSeen, []string{"work"}
	second, err := a.Replace(ctx, store.System, first.Mailbox, first.UID, m)
	if err != nil || second.UID != 2 || second.Mailbox != first.Mailbox || second.Thread != first.Thread || second.UIDValidity != first.UIDValidity {
		t.Fatalf("%+v, %v", second, err)
	}
	if got, want := logged(t, a, since), []string{"+1 kind 3 box 2 uids 1 emails 1", "+1 kind 1 box 2 uids 2 emails 1"}; !slices.Equal(got, want) {
		t.Errorf("changes %q, want %q", got, want)
	}
	sel, err := a.Select(ctx, store.System, first.Mailbox)
	if err != nil {
		t.Fatal(err)
	}
	defer sel.Close()
	if v := sel.View(); v.Len() != 1 || v.At(1).UID != 2 || v.At(1).Flags != m.Flags || !slices.Equal(a.KeywordNames(v.At(1).Keywords), m.Keywords) {
		t.Errorf("mailbox has %d messages, %+v", v.Len(), v.At(1))
	}
	if !strings.HasSuffix(contentOf(t, a, second.Email), "more\r\n") {
		t.Error("content is not the new one")
	}

	// Refused, nothing is added.
	for _, tc := range []struct {
		name    string
		mailbox store.MailboxID
		uid     imap.UID
		m       store.NewMessage
		want    error
	}{
		{"replaced before", first.Mailbox, first.UID, storetest.Message(simple), store.ErrExpunged},
		{"never there", first.Mailbox, 99, storetest.Message(simple), store.ErrExpunged},
		{"no UID", first.Mailbox, 0, storetest.Message(simple), store.ErrExpunged},
		{"no mailbox", 99, second.UID, storetest.Message(simple), store.ErrNoMailbox},
		{"keyword", first.Mailbox, second.UID, store.NewMessage{Body: strings.NewReader("\r\n"), Size: 2, Keywords: []string{"a b"}}, store.ErrBadKeyword},
	} {
		if _, err := a.Replace(ctx, store.System, tc.mailbox, tc.uid, tc.m); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, err, tc.want)
		}
		if c := sel.Refresh(true); c.Grown || len(c.Expunged) > 0 {
			t.Errorf("%s: %+v", tc.name, c)
		}
	}

	// In a full account a draft can be written on as long as it does not grow.
	quota = 1
	if _, err := a.Replace(ctx, store.System, first.Mailbox, second.UID, storetest.Message(simple+"more and more\n")); !errors.Is(err, store.ErrQuota) {
		t.Errorf("larger in a full account: %v", err)
	}
	third, err := a.Replace(ctx, store.System, first.Mailbox, second.UID, storetest.Message(simple))
	if err != nil {
		t.Errorf("smaller in a full account: %v", err)
	}
	quota = 0
	if _, err := a.Copy(ctx, store.System, third.Mailbox, uids(third.UID), third.Mailbox); err != nil {
		t.Fatal(err)
	}
	quota = 1
	if _, err := a.Replace(ctx, store.System, third.Mailbox, third.UID, storetest.Message(simple)); !errors.Is(err, store.ErrQuota) {
		t.Errorf("in a full account, of what is in another place too: %v", err)
	}
	if u, err := a.Usage(ctx); err != nil || u.Messages != 2 || u.Bytes != sizeOf(t, a, third) {
		t.Errorf("usage %+v, %v", u, err)
	}
}

// sizeOf returns the size of an email.
func sizeOf(t *testing.T, a *store.Account, added store.Added) (size int64) {
	t.Helper()
	err := a.Emails(t.Context(), store.System, []store.EmailID{added.Email}, func(_ int, e *store.Email) error {
		size = e.Size
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return size
}
