package local_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"mox/imap"
	"mox/message"
	"mox/pipeline"
	"mox/pipeline/local"
	"mox/pipeline/targettest"
	"mox/smtp"
	"mox/store"
)

func newStore(t *testing.T, opts store.Options, accounts ...string) *store.Store {
	t.Helper()
	opts.Dir = t.TempDir()
	st, err := store.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, name := range accounts {
		if err := st.Create(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	return st
}

func recipient(t *testing.T, address, account, mailbox string) pipeline.Recipient {
	t.Helper()
	p, err := smtp.ParsePath(address)
	if err != nil {
		t.Fatal(err)
	}
	return pipeline.Recipient{Path: p, Account: account, Mailbox: mailbox}
}

// message is one in a mailbox.
type entry struct {
	store.Entry
	content string
}

// messages returns what a mailbox of an account holds.
func messages(t *testing.T, st *store.Store, account, mailbox string) []entry {
	t.Helper()
	ctx := context.Background()
	a, err := st.Open(ctx, account)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if mailbox == "" {
		mailbox = "Inbox"
	}
	mb, err := a.MailboxByName(ctx, store.System, mailbox)
	if errors.Is(err, store.ErrNoMailbox) {
		return nil
	} else if err != nil {
		t.Fatal(err)
	}
	sel, err := a.Select(ctx, store.System, mb.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer sel.Close()
	var l []entry
	for seq := imap.SeqNum(1); int(seq) <= sel.View().Len(); seq++ {
		e := sel.View().At(seq)
		c, err := a.Open(ctx, store.System, e.Email)
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
		if err := errors.Join(err, c.Close()); err != nil {
			t.Fatal(err)
		}
		l = append(l, entry{e, string(content)})
	}
	return l
}

func TestTargetSuite(t *testing.T) {
	t.Parallel()
	targettest.Run(t, func(t *testing.T) targettest.Harness {
		st := newStore(t, store.Options{}, "alice", "bob")
		return targettest.Harness{
			Target: local.New(st),
			Recipients: []pipeline.Recipient{
				recipient(t, "alice@example.org", "alice", ""),
				recipient(t, "bob@example.org", "bob", "Lists/go"),
				recipient(t, "bob+junk@example.org", "bob", "Junk"),
			},
			Refused: []pipeline.Recipient{
				recipient(t, "stranger@example.com", "", ""),
				recipient(t, "gone@example.org", "gone", ""),
			},
			Messages: func(t *testing.T, r pipeline.Recipient) (l []string) {
				for _, m := range messages(t, st, r.Account, r.Mailbox) {
					l = append(l, m.content)
				}
				return l
			},
		}
	})
}

// body is a message in memory.
type body struct {
	*strings.Reader
	root *message.Part
}

func newBody(content string) body {
	return body{strings.NewReader(content), message.ParseBytes([]byte(content))}
}

func (b body) Root() *message.Part { return b.root }

const simple = "From: a@example.org\r\nSubject: hi\r\n\r\nbody\r\n"

func TestFinalDelivery(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		from, returnPath string
		utf8             bool
	}{
		{"a@example.org", "Return-Path: <a@example.org>\r\n", false},
		{`"a b"@example.org`, "Return-Path: <\"a b\"@example.org>\r\n", false},
		{"", "Return-Path: <>\r\n", false},
		{"ü@grüße.example", "Return-Path: <ü@grüße.example>\r\n", true},
	} {
		st := newStore(t, store.Options{}, "alice")
		r := recipient(t, "alice@example.org", "alice", "")
		r.Prefix = []byte("Received: x\r\n")
		env := pipeline.Envelope{ID: "1", SMTPUTF8: tt.utf8, Received: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
		if tt.from != "" {
			env.MailFrom = recipient(t, tt.from, "", "").Path
		}
		results, err := pipeline.Deliver(t.Context(), local.New(st), env, []pipeline.Recipient{r}, newBody(simple))
		if err != nil || results[0] != nil {
			t.Fatal(results, err)
		}
		l := messages(t, st, "alice", "Inbox")
		if len(l) != 1 {
			t.Fatalf("%d messages", len(l))
		}
		if want := tt.returnPath + "Received: x\r\n" + simple; l[0].content != want {
			t.Errorf("got %q\nwant %q", l[0].content, want)
		}
		if !l[0].ReceivedTime().Equal(env.Received) {
			t.Errorf("INTERNALDATE is %v", l[0].ReceivedTime())
		}
	}
}

// Mail that comes straight from a client is not remembered: the client's next try is another message.
func TestSingleDelivery(t *testing.T) {
	t.Parallel()
	for single, want := range map[bool]int{false: 1, true: 2} {
		st := newStore(t, store.Options{}, "alice")
		for range 2 {
			results, err := pipeline.Deliver(t.Context(), local.New(st), pipeline.Envelope{ID: "1", Single: single},
				[]pipeline.Recipient{recipient(t, "alice@example.org", "alice", "")}, newBody(simple))
			if err != nil || results[0] != nil {
				t.Fatal(results, err)
			}
		}
		if l := messages(t, st, "alice", "Inbox"); len(l) != want {
			t.Errorf("single %v: %d messages, want %d", single, len(l), want)
		}
	}
}

func TestFullMailboxIsTemporary(t *testing.T) {
	t.Parallel()
	st := newStore(t, store.Options{Quota: func(string) int64 { return 10 }}, "alice")
	results, err := pipeline.Deliver(t.Context(), local.New(st), pipeline.Envelope{ID: "1"},
		[]pipeline.Recipient{recipient(t, "alice@example.org", "alice", "")}, newBody(simple))
	if err != nil {
		t.Fatal(err)
	}
	e, ok := errors.AsType[*smtp.Error](results[0])
	if !ok || e.Code != 452 || e.Enhanced != "4.2.2" {
		t.Fatalf("got %v", results[0])
	}
	if l := messages(t, st, "alice", "Inbox"); len(l) != 0 {
		t.Fatalf("%d messages", len(l))
	}
}
