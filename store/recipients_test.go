package store_test

import (
	"testing"

	"mox/store"
	"mox/store/storetest"
)

func TestHasSentTo(t *testing.T) {
	t.Parallel()
	a := storetest.Account(t, storetest.New(t), "a")
	sent := func(path string) bool {
		t.Helper()
		known, err := a.HasSentTo(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		return known
	}
	if sent("bob@example.net") {
		t.Error("known before anything was sent")
	}
	for range 2 { // A repeated one changes nothing.
		if _, err := a.AddSubmission(t.Context(), store.System, store.Submission{MailFrom: "ann@example.org", RcptTo: []string{"Bob@example.net", "carl@example.net", "bob@example.net"}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]bool{"bob@example.net": true, "BOB@Example.NET": true, "carl@example.net": true, "ann@example.org": false} {
		if got := sent(path); got != want {
			t.Errorf("%q: %v, want %v", path, got, want)
		}
	}
}
