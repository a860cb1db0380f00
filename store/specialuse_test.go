package store_test

import (
	"errors"
	"slices"
	"testing"

	"mox/store"
	"mox/store/storetest"
)

func TestSetSpecialUse(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	a := storetest.Account(t, storetest.New(t, bare), "a")
	for _, name := range []string{"A", "B"} {
		if _, err := a.CreateMailbox(ctx, store.System, name, ""); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		what, name string
		use        store.SpecialUse
		take       bool
		err        error
		a, b       store.SpecialUse // What the mailboxes have then.
		changes    []string
	}{
		{"given", "A", store.Trash, false, nil, store.Trash, "", []string{"+1 kind 10 box 2 uids "}},
		{"given again", "A", store.Trash, false, nil, store.Trash, "", nil},
		{"another has it", "B", store.Trash, false, store.ErrSpecialUseTaken, store.Trash, "", nil},
		{"taken", "B", store.Trash, true, nil, "", store.Trash, []string{"+1 kind 10 box 2 uids ", "+1 kind 10 box 3 uids "}},
		{"free, to be taken", "A", store.Sent, true, nil, store.Sent, store.Trash, []string{"+1 kind 10 box 2 uids "}},
		{"in place of its own", "A", store.Trash, true, nil, store.Trash, "", []string{"+1 kind 10 box 3 uids ", "+1 kind 10 box 2 uids "}},
		{"taken off", "A", "", false, nil, "", "", []string{"+1 kind 10 box 2 uids "}},
		{"unknown", "A", `\All`, true, store.ErrBadSpecialUse, "", "", nil},
		{"not in its own spelling", "A", `\trash`, true, store.ErrBadSpecialUse, "", "", nil},
		{"of the inbox", "inbox", store.Trash, true, store.ErrBadSpecialUse, "", "", nil},
		{"no mailbox", "C", store.Trash, true, store.ErrNoMailbox, "", "", nil},
	} {
		since, err := a.ModSeq(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.SetSpecialUse(ctx, store.System, tc.name, tc.use, tc.take); !errors.Is(err, tc.err) {
			t.Errorf("%s: error %v, want %v", tc.what, err, tc.err)
		}
		if x, y := mailbox(t, a, "A").SpecialUse, mailbox(t, a, "B").SpecialUse; x != tc.a || y != tc.b {
			t.Errorf("%s: special uses %q and %q, want %q and %q", tc.what, x, y, tc.a, tc.b)
		}
		if got := logged(t, a, since); !slices.Equal(got, tc.changes) {
			t.Errorf("%s: changes %q, want %q", tc.what, got, tc.changes)
		}
	}
}
