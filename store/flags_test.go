package store_test

import (
	"fmt"
	"slices"
	"testing"

	"mox/imap"
	"mox/store"
	"mox/store/storetest"
)

// state tells the messages of a mailbox as "uid flags keywords".
func state(t testing.TB, a *store.Account, id store.MailboxID) []string {
	t.Helper()
	sel, err := a.Select(t.Context(), store.System, id)
	if err != nil {
		t.Fatal(err)
	}
	defer sel.Close()
	l := []string{}
	for _, e := range sel.View().All(1) {
		l = append(l, fmt.Sprintf("%d %v %v", e.UID, e.Flags, a.KeywordNames(e.Keywords)))
	}
	return l
}

func uids(l ...imap.UID) imap.UIDSet { return imap.SetOf(l...) }

func TestSetFlags(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	a := storetest.Account(t, storetest.New(t), "a")
	inbox := mailbox(t, a, "Inbox").ID
	for i, flags := range []imap.Flags{0, imap.FlagSeen, imap.FlagSeen | imap.FlagFlagged, imap.FlagDeleted} {
		d := storetest.Delivery("", simple)
		d.Flags = flags
		if i == 2 {
			d.Keywords = []string{"one", "$Junk"}
		}
		deliver(t, a, d)
	}
	if _, _, err := a.Expunge(ctx, store.System, inbox, uids(2), false); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		name    string
		c       store.FlagChange
		changed []imap.UID
		want    []string
	}{
		{"add", store.FlagChange{UIDs: uids(1, 2, 3, 9), Op: store.FlagsAdd, Flags: imap.FlagSeen, Keywords: []string{"ONE", "two"}},
			[]imap.UID{1, 3}, []string{`1 \Seen [one two]`, `3 \Seen \Flagged [$Junk one two]`, `4 \Deleted []`}},
		{"add again", store.FlagChange{UIDs: uids(1, 3), Op: store.FlagsAdd, Flags: imap.FlagSeen, Keywords: []string{"two"}},
			nil, []string{`1 \Seen [one two]`, `3 \Seen \Flagged [$Junk one two]`, `4 \Deleted []`}},
		{"remove", store.FlagChange{UIDs: imap.UIDSet{{First: 1, Last: 100}}, Op: store.FlagsRemove, Flags: imap.FlagFlagged | imap.FlagDraft, Keywords: []string{"$junk", "none"}},
			[]imap.UID{3}, []string{`1 \Seen [one two]`, `3 \Seen [one two]`, `4 \Deleted []`}},
		{"replace", store.FlagChange{UIDs: uids(3, 4), Op: store.FlagsReplace, Flags: imap.FlagAnswered, Keywords: []string{"three"}},
			[]imap.UID{3, 4}, []string{`1 \Seen [one two]`, `3 \Answered [three]`, `4 \Answered [three]`}},
		{"replace by nothing", store.FlagChange{UIDs: uids(1, 3), Op: store.FlagsReplace},
			[]imap.UID{1, 3}, []string{`1  []`, `3  []`, `4 \Answered [three]`}},
		{"no messages", store.FlagChange{Op: store.FlagsReplace},
			nil, []string{`1  []`, `3  []`, `4 \Answered [three]`}},
		{"unknown bits are dropped", store.FlagChange{UIDs: uids(1), Op: store.FlagsAdd, Flags: 1 << 15},
			nil, []string{`1  []`, `3  []`, `4 \Answered [three]`}},
	} {
		before, _ := a.ModSeq(ctx)
		step.c.UnchangedSince = -1
		res, err := a.SetFlags(ctx, store.System, inbox, step.c)
		if err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		after, _ := a.ModSeq(ctx)
		if !slices.Equal(res.Changed, step.changed) || res.Modified != nil {
			t.Errorf("%s: result %+v, want changed %v", step.name, res, step.changed)
		}
		if len(step.changed) > 0 && (res.ModSeq != before+1 || after != res.ModSeq) || len(step.changed) == 0 && (res.ModSeq != 0 || after != before) {
			t.Errorf("%s: modseq %d, of account %d, before %d", step.name, res.ModSeq, after, before)
		}
		if l := state(t, a, inbox); !slices.Equal(l, step.want) {
			t.Errorf("%s: messages %q, want %q", step.name, l, step.want)
		}
	}
	// Spelling is that of the first use; keywords stay known to the mailbox.
	if l := mailbox(t, a, "Inbox").Keywords; fmt.Sprint(l) != "[$Junk one three two]" {
		t.Errorf("keywords %v", l)
	}

	_, err := a.SetFlags(ctx, store.System, 99, store.FlagChange{UIDs: uids(1)})
	wantErr(t, err, store.ErrNoMailbox, "flags in a mailbox that does not exist")
	_, err = a.SetFlags(ctx, store.System, inbox, store.FlagChange{UIDs: uids(1), Keywords: []string{`\Recent`}, UnchangedSince: -1})
	wantErr(t, err, store.ErrBadKeyword, "a system flag as keyword")
}

// A conditional STORE leaves alone what was changed since (RFC 7162 §3.1.3).
func TestSetFlagsUnchangedSince(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	a := storetest.Account(t, storetest.New(t), "a")
	inbox := mailbox(t, a, "Inbox").ID
	first := deliver(t, a, storetest.Delivery("", simple))
	second := deliver(t, a, storetest.Delivery("", simple))
	set := func(since imap.ModSeq, flag imap.Flags) store.FlagResult {
		t.Helper()
		res, err := a.SetFlags(ctx, store.System, inbox, store.FlagChange{UIDs: uids(1, 2), Flags: flag, UnchangedSince: since})
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	if res := set(first.ModSeq, imap.FlagSeen); fmt.Sprint(res.Changed, res.Modified) != "[1] [2]" {
		t.Errorf("result %+v", res)
	}
	if res := set(second.ModSeq, imap.FlagSeen); fmt.Sprint(res.Changed, res.Modified) != "[2] [1]" {
		t.Errorf("result %+v", res)
	}
	if res := set(0, imap.FlagDraft); fmt.Sprint(res.Changed, res.Modified, res.ModSeq) != "[] [1 2] 0" {
		t.Errorf("result %+v", res)
	}
}

func TestTooManyKeywords(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	a := storetest.Account(t, storetest.New(t), "a")
	inbox := mailbox(t, a, "Inbox").ID
	deliver(t, a, storetest.Delivery("", simple))
	deliver(t, a, storetest.Delivery("Other", simple))
	words := func(from, to int) []string {
		var l []string
		for i := from; i < to; i++ {
			l = append(l, fmt.Sprintf("k%d", i))
		}
		return l
	}
	add := func(mailbox store.MailboxID, keywords []string) error {
		_, err := a.SetFlags(ctx, store.System, mailbox, store.FlagChange{UIDs: uids(1), Keywords: keywords, UnchangedSince: -1})
		return err
	}
	if err := add(inbox, words(0, 1000)); err != nil {
		t.Fatal(err)
	}
	wantErr(t, add(inbox, []string{"more"}), store.ErrTooManyKeywords, "one keyword too many")
	if err := add(inbox, []string{"K999"}); err != nil {
		t.Errorf("a keyword that is there: %v", err)
	}
	d := storetest.Delivery("", simple)
	d.Keywords = []string{"more"}
	_, err := a.Deliver(ctx, store.System, d)
	wantErr(t, err, store.ErrTooManyKeywords, "delivering with one keyword too many")
	other := mailbox(t, a, "Other").ID
	if err := add(other, []string{"more"}); err != nil {
		t.Errorf("in another mailbox: %v", err)
	}
	_, err = a.Copy(ctx, store.System, other, uids(1), inbox)
	wantErr(t, err, store.ErrTooManyKeywords, "copying a message with one keyword too many")
	if c := mailbox(t, a, "Inbox").Counts; c.Total != 1 {
		t.Errorf("counts %+v", c)
	}
}

func TestCopyMove(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	a := storetest.Account(t, storetest.New(t), "a")
	inbox, archive := mailbox(t, a, "Inbox"), mailbox(t, a, "Archive")
	var emails []store.EmailID
	for i := range 4 {
		d := storetest.Delivery("", simple)
		d.Flags = imap.Flags(1 << i)
		d.Keywords = []string{fmt.Sprintf("k%d", i)}
		emails = append(emails, deliver(t, a, d).Email)
	}
	want := func(what string, got store.Copied, err error, source, dest []imap.UID, validity uint32) {
		t.Helper()
		if err != nil || !slices.Equal(got.Source, source) || !slices.Equal(got.Dest, dest) || got.UIDValidity != validity || (got.ModSeq == 0) != (len(source) == 0) {
			t.Errorf("%s: %+v, %v, want %v to %v", what, got, err, source, dest)
		}
	}
	c, err := a.Copy(ctx, store.System, inbox.ID, uids(1, 3, 7), archive.ID)
	want("copy", c, err, []imap.UID{1, 3}, []imap.UID{1, 2}, archive.UIDValidity)
	c, err = a.Move(ctx, store.System, inbox.ID, imap.UIDSet{{First: 2, Last: 3}}, archive.ID)
	want("move", c, err, []imap.UID{2, 3}, []imap.UID{3, 4}, archive.UIDValidity)
	if l := state(t, a, inbox.ID); !slices.Equal(l, []string{`1 \Seen [k0]`, `4 \Deleted [k3]`}) {
		t.Errorf("Inbox %q", l)
	}
	if l := state(t, a, archive.ID); !slices.Equal(l, []string{`1 \Seen [k0]`, `2 \Flagged [k2]`, `3 \Answered [k1]`, `4 \Flagged [k2]`}) {
		t.Errorf("Archive %q", l)
	}
	c, err = a.Copy(ctx, store.System, archive.ID, uids(4), archive.ID)
	want("copy within a mailbox", c, err, []imap.UID{4}, []imap.UID{5}, archive.UIDValidity)
	c, err = a.Move(ctx, store.System, archive.ID, uids(1, 5), archive.ID)
	want("move within a mailbox", c, err, []imap.UID{1, 5}, []imap.UID{6, 7}, archive.UIDValidity)
	for what, set := range map[string]imap.UIDSet{"nothing": nil, "missing": uids(50)} {
		c, err = a.Copy(ctx, store.System, inbox.ID, set, archive.ID)
		want("copy "+what, c, err, nil, nil, archive.UIDValidity)
		c, err = a.Move(ctx, store.System, inbox.ID, set, archive.ID)
		want("move "+what, c, err, nil, nil, archive.UIDValidity)
	}

	// Copies are one email, counted once.
	sel, err := a.Select(ctx, store.System, archive.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer sel.Close()
	var got []store.EmailID
	for _, e := range sel.View().All(1) {
		got = append(got, e.Email)
	}
	if want := []store.EmailID{emails[2], emails[1], emails[2], emails[0], emails[2]}; !slices.Equal(got, want) {
		t.Errorf("emails %v, want %v", got, want)
	}
	if u, err := a.Usage(ctx); err != nil || u.Messages != 7 || u.Bytes != 4*storetest.Message(simple).Size {
		t.Errorf("usage %+v, %v", u, err)
	}

	for _, op := range []func(from, to store.MailboxID) error{
		func(from, to store.MailboxID) error {
			_, err := a.Copy(ctx, store.System, from, uids(1), to)
			return err
		},
		func(from, to store.MailboxID) error {
			_, err := a.Move(ctx, store.System, from, uids(1), to)
			return err
		},
	} {
		err := op(99, inbox.ID)
		wantErr(t, err, store.ErrNoMailbox, "from a mailbox that does not exist")
		if merr, ok := err.(*store.MailboxError); !ok || merr.Dest || merr.ID != 99 {
			t.Errorf("error %#v", err)
		}
		err = op(inbox.ID, 98)
		wantErr(t, err, store.ErrNoMailbox, "to a mailbox that does not exist")
		if merr, ok := err.(*store.MailboxError); !ok || !merr.Dest || merr.ID != 98 {
			t.Errorf("error %#v", err)
		}
	}
}

func TestExpunge(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	a := storetest.Account(t, storetest.New(t), "a")
	inbox := mailbox(t, a, "Inbox").ID
	for i := range 10 {
		d := storetest.Delivery("", simple)
		if i%2 == 1 {
			d.Flags = imap.FlagDeleted
		}
		deliver(t, a, d)
	}
	for _, selected := range []bool{false, true} {
		if selected {
			sel, err := a.Select(ctx, store.System, inbox)
			if err != nil {
				t.Fatal(err)
			}
			defer sel.Close()
		}
	}
	for _, step := range []struct {
		name        string
		uids        imap.UIDSet
		onlyDeleted bool
		want        []imap.UID
	}{
		{"deleted of some", imap.UIDSet{{First: 1, Last: 4}}, true, []imap.UID{2, 4}},
		{"none of them deleted", uids(1, 3), true, nil},
		{"missing", uids(2, 99), false, nil},
		{"empty set", imap.UIDSet{}, false, nil},
		{"empty set of deleted", imap.UIDSet{}, true, nil},
		{"all deleted", nil, true, []imap.UID{6, 8, 10}},
		{"some", uids(1, 2, 3), false, []imap.UID{1, 3}},
		{"all", nil, false, []imap.UID{5, 7, 9}},
		{"all of nothing", nil, false, nil},
		{"deleted of nothing", nil, true, nil},
	} {
		before, _ := a.ModSeq(ctx)
		gone, modseq, err := a.Expunge(ctx, store.System, inbox, step.uids, step.onlyDeleted)
		if err != nil || !slices.Equal(gone, step.want) {
			t.Errorf("%s: %v, %v, want %v", step.name, gone, err, step.want)
		}
		if want := before + 1; len(step.want) > 0 && modseq != want || len(step.want) == 0 && modseq != 0 {
			t.Errorf("%s: modseq %d after %d", step.name, modseq, before)
		}
	}
	if mb := mailbox(t, a, "Inbox"); mb.Counts != (store.Counts{}) || mb.UIDNext != 11 {
		t.Errorf("mailbox %+v", mb)
	}
	for _, onlyDeleted := range []bool{false, true} {
		_, _, err := a.Expunge(ctx, store.System, 99, nil, onlyDeleted)
		wantErr(t, err, store.ErrNoMailbox, "in a mailbox that does not exist")
	}
}

func TestAppend(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	a := storetest.Account(t, storetest.New(t), "a")
	sent := mailbox(t, a, "Sent")
	offset := func(key string, want int64) {
		t.Helper()
		if got, err := a.ImportProgress(ctx, key); err != nil || got != want {
			t.Errorf("progress of %s is %d, %v, want %d", key, got, err, want)
		}
	}
	offset("x", 0)
	msgs := []store.NewMessage{storetest.Message(simple), storetest.Message("Subject: two\n\n2\n"), storetest.Message(simple)}
	l, err := a.Append(ctx, store.System, sent.ID, msgs, &store.Progress{Key: "x", Offset: 10})
	if err != nil || len(l) != 3 {
		t.Fatal(l, err)
	}
	for i, added := range l {
		if added.UID != imap.UID(i+1) || added.ModSeq != l[0].ModSeq || added.UIDValidity != sent.UIDValidity || added.Email.IsZero() {
			t.Errorf("added %+v", added)
		}
	}
	offset("x", 10)
	if l, err := a.Append(ctx, store.System, sent.ID, nil, &store.Progress{Key: "x", Offset: 20}); err != nil || len(l) != 0 {
		t.Error(l, err)
	}
	offset("x", 20)
	offset("y", 0)

	// All or none.
	_, err = a.Append(ctx, store.System, sent.ID, []store.NewMessage{storetest.Message(simple), {}}, &store.Progress{Key: "x", Offset: 30})
	if err == nil {
		t.Error("appended a message without body")
	}
	offset("x", 20)
	_, err = a.Append(ctx, store.System, 99, msgs, nil)
	wantErr(t, err, store.ErrNoMailbox, "appending to a mailbox that does not exist")
	if c := mailbox(t, a, "Sent").Counts; c.Total != 3 {
		t.Errorf("counts %+v", c)
	}
}
