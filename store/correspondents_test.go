package store_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mox/store"
	"mox/store/storetest"
)

// addressesOf returns the addresses of correspondents.
func addressesOf(l []store.Correspondent) []string {
	r := []string{}
	for _, c := range l {
		r = append(r, c.Address)
	}
	return r
}

// submit submits a message at a time. Header may be empty for a submission without a copy.
func submit(t testing.TB, a *store.Account, at time.Time, header string, to ...string) store.Submission {
	t.Helper()
	var sent *store.Delivery
	if header != "" {
		d := storetest.Delivery("Sent", header+"\n\nx\n")
		sent = &d
	}
	s, err := a.AddSubmission(context.Background(), store.System, store.Submission{Created: at, MailFrom: "me@example.org", RcptTo: to}, sent)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCorrespondents(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	dir := t.TempDir()
	s := storetest.New(t, func(o *store.Options) { o.Dir = dir })
	a := storetest.Account(t, s, "a")
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	if l, err := a.Correspondents(ctx, "", 10); err != nil || len(l) != 0 {
		t.Errorf("%v, %v", l, err)
	}
	submit(t, a, at, "To: =?utf-8?q?Andr=C3=A9_M=C3=BCller?= <Andre@Mail.Example.org>, \"O'Neill,\tBob\" <bob.oneill@example.net>\nCc: carl@example.com <carl@example.com>, Other <other@example.com>\nBcc: Dora <dora@example.com>\nSubject: x",
		"andre@mail.example.org", "bob.oneill@example.net", "carl@example.com", "dora@example.com")
	submit(t, a, at.Add(time.Hour), "", "erna@andorra.example")
	for _, tc := range []struct {
		query string
		want  []string
	}{
		{"andr", []string{"erna@andorra.example", "andre@mail.example.org"}[1:]},
		{"and", []string{"erna@andorra.example", "andre@mail.example.org"}},
		{"ANDRÉ", []string{"andre@mail.example.org"}},
		{"muller", []string{"andre@mail.example.org"}},
		{"mu and", []string{"andre@mail.example.org"}},
		{"andre@mail.ex", []string{"andre@mail.example.org"}},
		{"Müller, André <and", []string{"andre@mail.example.org"}},
		{"neill", []string{"bob.oneill@example.net"}},
		{"o'n", []string{"bob.oneill@example.net"}},
		{"bob.on", []string{"bob.oneill@example.net"}},
		{"example.com", []string{"carl@example.com", "dora@example.com"}},
		{"@example.com", []string{"carl@example.com", "dora@example.com"}},
		{"exam", []string{"andre@mail.example.org", "bob.oneill@example.net", "carl@example.com", "dora@example.com"}},
		{"ndre", []string{}},      // Inside of a word.
		{"org", []string{}},       // All have such a domain.
		{"other", []string{}},     // Not sent to.
		{"andre bob", []string{}}, // Of different people.
		{"me@", []string{}},       // The sender.
		{"andre@mail.example.orgs", []string{}},
	} {
		l, err := a.Correspondents(ctx, tc.query, 10)
		if got := addressesOf(l); err != nil || !slices.Equal(got, tc.want) {
			t.Errorf("%q: %q, %v, want %q", tc.query, got, err, tc.want)
		}
	}
	one := func(query string) store.Correspondent {
		t.Helper()
		l, err := a.Correspondents(ctx, query, 1)
		if err != nil || len(l) != 1 {
			t.Fatalf("%q: %v, %v", query, l, err)
		}
		return l[0]
	}
	for query, want := range map[string]store.Correspondent{
		"andre": {Address: "andre@mail.example.org", Name: "André Müller", Count: 1, Last: at},
		"bob":   {Address: "bob.oneill@example.net", Name: "O'Neill, Bob", Count: 1, Last: at},
		"carl":  {Address: "carl@example.com", Count: 1, Last: at},
		"dora":  {Address: "dora@example.com", Count: 1, Last: at},
	} {
		if got := one(query); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}

	// The spelling and the name that were used last count, and a recipient counts once a message.
	submit(t, a, at.Add(2*time.Hour), "To: Andre <andre@mail.example.org>", "Andre@Mail.example.org", "andre@mail.example.org")
	submit(t, a, at.Add(3*time.Hour), "", "ANDRE@mail.example.org")
	if got, want := one("andre"), (store.Correspondent{Address: "ANDRE@mail.example.org", Name: "Andre", Count: 3, Last: at.Add(3 * time.Hour)}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	// A submission that is told again does not.
	again := submit(t, a, at, "", "carl@example.com")
	if _, err := a.AddSubmission(ctx, store.System, again, nil); err != nil {
		t.Fatal(err)
	}
	if got := one("carl"); got.Count != 2 {
		t.Errorf("%+v", got)
	}

	// The frequent ones are first, but what was long ago fades.
	for range 3 {
		submit(t, a, at, "", "dora@example.com")
	}
	if l, err := a.Correspondents(ctx, "example.com", 10); err != nil || !slices.Equal(addressesOf(l), []string{"dora@example.com", "carl@example.com"}) {
		t.Errorf("%v, %v", l, err)
	}
	submit(t, a, at.Add(200*day), "", "carl@example.com")
	if got := one("example.com"); got.Address != "carl@example.com" {
		t.Errorf("first is %+v", got)
	}

	// One that is removed is known still as sent to, and comes back, without a past.
	for _, address := range []string{"Andre@MAIL.example.org", "nobody@example.org"} {
		if err := a.RemoveCorrespondent(ctx, store.System, address); err != nil {
			t.Error(err)
		}
	}
	s.Close()
	a = storetest.Account(t, storetest.New(t, func(o *store.Options) { o.Dir = dir }), "a")
	if l, err := a.Correspondents(ctx, "andre", 10); err != nil || len(l) != 0 {
		t.Errorf("removed: %v, %v", l, err)
	}
	if known, err := a.HasSentTo(ctx, "andre@mail.example.org"); err != nil || !known {
		t.Errorf("removed, sent to: %v, %v", known, err)
	}
	submit(t, a, at, "", "andre@mail.example.org")
	if got, want := one("andre"), (store.Correspondent{Address: "andre@mail.example.org", Count: 1, Last: at}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if l, err := a.Correspondents(ctx, "", 2); err != nil || len(l) != 2 {
		t.Errorf("limit 2: %v, %v", l, err)
	}
	if l, err := a.Correspondents(ctx, strings.Repeat("x ", 10_000), 2); err != nil || len(l) != 0 {
		t.Errorf("long query: %v, %v", l, err)
	}
}

// What a display name can do to a list is bounded.
func TestCorrespondentNames(t *testing.T) {
	t.Parallel()
	a := storetest.Account(t, storetest.New(t), "a")
	for i, tc := range []struct{ name, want string }{
		{`"Ann  B"`, "Ann B"},
		{"=?utf-8?q?A=0D=0AB=00=E2=80=AE?=", "A B"},
		{"=?utf-8?q?=E2=80=8B?=", ""},
		{"=?iso-8859-1?q?=FCber?=", "über"},
		{strings.Repeat("ü", 150), strings.Repeat("ü", 100)},
	} {
		address := fmt.Sprintf("n%d@example.org", i)
		submit(t, a, time.Unix(1_800_000_000, 0), "To: "+tc.name+" <"+address+">", address)
		l, err := a.Correspondents(t.Context(), address, 2)
		if err != nil || len(l) != 1 || l[0].Name != tc.want {
			t.Errorf("%s: %+v, %v, want %q", tc.name, l, err, tc.want)
		}
	}
}

// BenchmarkCorrespondents completes among 20,000.
func BenchmarkCorrespondents(b *testing.B) {
	ctx := context.Background()
	a, _ := benchAccount(b)
	var to []string
	for i := range 20_000 {
		to = append(to, fmt.Sprintf("first%d.last%d@host%d.example.org", i, i*7, i%500))
	}
	submit(b, a, time.Now(), "", to...)
	start := time.Now()
	if l, err := a.Correspondents(ctx, "last7", 10); err != nil || len(l) != 10 {
		b.Fatal(len(l), err)
	}
	b.Logf("first call: %v", time.Since(start))
	for name, query := range map[string]string{"one": "last139993", "several": "host", "none": "firs las nobody"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := a.Correspondents(ctx, query, 10); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
