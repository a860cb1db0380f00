package store_test

import (
	"fmt"
	"strings"
	"testing"

	"mox/store"
	"mox/store/storetest"
)

// A reply joins the thread of what it refers to, whether that came just now, before the account was opened, or so
// long ago that its key has moved to its place.
func TestThreadsOfYoungAndOldKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	st, err := store.New(store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	thread := func(a *store.Account, id, refers string) store.ThreadID {
		t.Helper()
		m := fmt.Sprintf("Message-ID: <%s@example.org>\nSubject: hi\n", id)
		if refers != "" {
			m += "References: <" + refers + "@example.org>\n"
		}
		return email(t, a, deliver(t, a, storetest.Delivery("", m+"\ntext\n")).Email).Thread
	}
	a := storetest.Account(t, st, "a")
	first := thread(a, "first", "")
	if got := thread(a, "reply", "first"); got != first {
		t.Errorf("reply at once: thread %d, want %d", got, first)
	}
	a.Close()
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	st = storetest.New(t, func(o *store.Options) { o.Dir = dir })
	if a, err = st.Open(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if got := thread(a, "after", "first"); got != first {
		t.Errorf("reply after opening: thread %d, want %d", got, first)
	}
	// Each refers to many that are unknown, so that keys have to move several times.
	for i := range 3 * 4096 / 50 {
		refs := make([]string, 50)
		for j := range refs {
			refs[j] = fmt.Sprintf("<%d.%d@example.org>", i, j)
		}
		deliver(t, a, storetest.Delivery("", "Message-ID: <m"+fmt.Sprint(i)+"@example.org>\nSubject: hi\nReferences: "+strings.Join(refs, "\n ")+"\n\ntext\n"))
	}
	if got := thread(a, "late", "reply"); got != first {
		t.Errorf("reply to a key that has moved: thread %d, want %d", got, first)
	}
	if got := thread(a, "other", "0.49"); got == first || got != thread(a, "again", "m0") {
		t.Errorf("reply to one that is only referred to: thread %d", got)
	}
}
