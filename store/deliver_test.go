package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mox/imap"
	"mox/internal/vfs"
	"mox/internal/vfs/faultfs"
	"mox/store"
	"mox/store/storetest"
)

func mailbox(t testing.TB, a *store.Account, name string) store.Mailbox {
	t.Helper()
	mb, err := a.MailboxByName(context.Background(), store.System, name)
	if err != nil {
		t.Fatalf("mailbox %s: %v", name, err)
	}
	return mb
}

func deliver(t testing.TB, a *store.Account, d store.Delivery) store.Added {
	t.Helper()
	added, err := a.Deliver(context.Background(), store.System, d)
	if err != nil {
		t.Fatalf("delivering: %v", err)
	}
	return added
}

func contentOf(t testing.TB, a *store.Account, id store.EmailID) string {
	t.Helper()
	c, err := a.Open(context.Background(), store.System, id)
	if err != nil {
		t.Fatalf("opening email: %v", err)
	}
	defer c.Close()
	b, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
	if err != nil {
		t.Fatalf("reading email: %v", err)
	}
	return string(b)
}

func email(t testing.TB, a *store.Account, id store.EmailID) store.Email {
	t.Helper()
	var got store.Email
	err := a.Emails(context.Background(), store.System, []store.EmailID{id}, func(i int, e *store.Email) error {
		if e == nil {
			return errors.New("email is gone")
		}
		got = *e
		got.Envelope = bytes.Clone(e.Envelope)
		got.Header = bytes.Clone(e.Header)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

const simple = "From: Alice <alice@example.org>\nTo: bob@example.net\nSubject: hello\nMessage-ID: <1@example.org>\nX-Other: not kept\nList-ID: <l.example.org>\n\nHi Bob,\n\nhow are you?\n"

func TestDeliver(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	s := storetest.New(t, func(o *store.Options) { o.Now = func() time.Time { return now } })
	a := storetest.Account(t, s, "a")

	d := storetest.Delivery("", simple)
	d.Prefix = []byte("Return-Path: <alice@example.org>\r\nReceived: from x\r\n\tby y\r\n")
	d.Flags = imap.FlagFlagged
	d.Keywords = []string{"$forwarded", "Work"}
	d.Auth = []byte("facts")
	before := mailbox(t, a, "inbox")
	added := deliver(t, a, d)
	mb := mailbox(t, a, "INBOX")
	if added.Mailbox != mb.ID || added.UIDValidity != mb.UIDValidity || added.UID != 1 || added.Duplicate {
		t.Errorf("added %+v", added)
	}
	if added.ModSeq <= before.ModSeq || mb.ModSeq != added.ModSeq || mb.UIDNext != 2 {
		t.Errorf("mailbox %+v after %+v", mb, added)
	}
	size := int64(len(d.Prefix)) + d.Size
	if mb.Counts != (store.Counts{Total: 1, Unread: 1, Unseen: 1, Size: size}) {
		t.Errorf("counts %+v", mb.Counts)
	}
	if fmt.Sprint(mb.Keywords) != "[$Forwarded Work]" {
		t.Errorf("keywords %v", mb.Keywords)
	}

	sel, err := a.Select(ctx, store.System, mb.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer sel.Close()
	e := sel.View().At(1)
	want := store.Entry{UID: 1, Flags: imap.FlagFlagged, Keywords: e.Keywords, Size: size, Received: now.Unix(), ModSeq: added.ModSeq, Email: added.Email, Thread: added.Thread}
	if e != want || !e.ReceivedTime().Equal(now) {
		t.Errorf("entry %+v, want %+v", e, want)
	}
	if l := a.KeywordNames(e.Keywords); fmt.Sprint(l) != "[$Forwarded Work]" {
		t.Errorf("keywords of message %v", l)
	}

	text := string(d.Prefix) + strings.ReplaceAll(simple, "\n", "\r\n")
	if got := contentOf(t, a, added.Email); got != text {
		t.Errorf("content %q, want %q", got, text)
	}
	m := email(t, a, added.Email)
	if m.ID != added.Email || m.Thread != added.Thread || m.Size != size || !m.Received.Equal(now) || string(m.Auth) != "facts" || string(m.Prefix) != string(d.Prefix) {
		t.Errorf("email %+v", m)
	}
	if want := "From: Alice <alice@example.org>\r\nTo: bob@example.net\r\nSubject: hello\r\nMessage-ID: <1@example.org>\r\nList-ID: <l.example.org>\r\n"; string(m.Header) != want {
		t.Errorf("listed header %q, want %q", m.Header, want)
	}
	if !bytes.Contains(m.Envelope, []byte(`"hello"`)) || !bytes.HasPrefix(m.BodyStructure, []byte("(")) || !bytes.HasPrefix(m.Preview, []byte("Hi Bob,")) {
		t.Errorf("envelope %s, structure %s, preview %q", m.Envelope, m.BodyStructure, m.Preview)
	}
	p, err := m.Part()
	if err != nil {
		t.Fatal(err)
	}
	if p.HeaderOffset != 0 || p.EndOffset != size || !strings.HasPrefix(text[p.BodyOffset:], "Hi Bob") || p.HeaderLines != int64(strings.Count(text[:p.BodyOffset], "\n")) {
		t.Errorf("part %+v", p)
	}
	u, err := a.Usage(ctx)
	if err != nil || u != (store.Usage{Bytes: size, Messages: 1}) {
		t.Errorf("usage %+v, %v", u, err)
	}
}

// A prefix with fields that say what the message is changes envelope and structure.
func TestPrefixWithStructure(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	a := storetest.Account(t, s, "a")
	d := storetest.Delivery("", "Subject: hello\nMIME-Version: 1.0\n\n--x\n\none\n--x--\n")
	d.Prefix = []byte("Content-Type: multipart/mixed; boundary=x\r\nMessage-ID: <new@example.org>\r\n")
	m := email(t, a, deliver(t, a, d).Email)
	p, err := m.Part()
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Parts) != 1 || p.EndOffset != m.Size || !bytes.Contains(m.Envelope, []byte("new@example.org")) || p.Parts[0].BodySize() != 3 {
		t.Errorf("part %+v, envelope %s", p, m.Envelope)
	}
}

func TestDeliverToMailbox(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := storetest.New(t)
	a := storetest.Account(t, s, "a")

	first := deliver(t, a, storetest.Delivery("Lists/go/nuts", simple))
	if mb := mailbox(t, a, "Lists/go/nuts"); mb.ID != first.Mailbox || !mb.Subscribed || mb.HasChildren {
		t.Errorf("mailbox %+v", mb)
	}
	if mb := mailbox(t, a, "Lists"); mb.Counts.Total != 0 || !mb.Subscribed || !mb.HasChildren {
		t.Errorf("parent %+v", mb)
	}
	if second := deliver(t, a, storetest.Delivery("Lists/go/nuts", simple)); second.Mailbox != first.Mailbox || second.UID != 2 {
		t.Errorf("second message is at %+v", second)
	}
	if added := deliver(t, a, storetest.Delivery("inBOX/Sub", simple)); added.Mailbox != mailbox(t, a, "Inbox/Sub").ID {
		t.Error("mailbox below Inbox is another one")
	}
	for _, name := range []string{"/", "a//b", "a/", "#news", "a\x00b", "\xff", strings.Repeat("x", 5000), "."} {
		_, err := a.Deliver(ctx, store.System, storetest.Delivery(name, simple))
		wantErr(t, err, store.ErrBadName, fmt.Sprintf("delivering to %.10q", name))
	}
	d := storetest.Delivery("New", simple)
	d.Keywords = []string{"a b"}
	_, err := a.Deliver(ctx, store.System, d)
	wantErr(t, err, store.ErrBadKeyword, "delivering with a keyword that is no atom")
	_, err = a.MailboxByName(ctx, store.System, "New")
	wantErr(t, err, store.ErrNoMailbox, "mailbox of a refused delivery")
}

type brokenReader struct{ err error }

func (r brokenReader) ReadAt([]byte, int64) (int, error) { return 0, r.err }

func TestDeliverBadBody(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := storetest.New(t)
	a := storetest.Account(t, s, "a")
	broken := errors.New("spool is gone")
	for name, m := range map[string]store.NewMessage{
		"no body":        {},
		"unreadable":     {Body: brokenReader{broken}, Size: 10},
		"shorter":        {Body: strings.NewReader("abc"), Size: 10},
		"negative":       {Body: strings.NewReader("abc"), Size: -1},
		"huge prefix":    {Body: strings.NewReader("abc"), Size: 3, Prefix: bytes.Repeat([]byte("X: y\r\n"), 20000)},
		"large, shorter": {Body: strings.NewReader("abc"), Size: 1 << 20},
	} {
		if _, err := a.Deliver(ctx, store.System, store.Delivery{NewMessage: m}); err == nil {
			t.Errorf("%s: no error", name)
		} else if name == "unreadable" {
			wantErr(t, err, broken, name)
		}
	}
	if n := mailbox(t, a, "Inbox").Counts.Total; n != 0 {
		t.Errorf("%d messages", n)
	}
	deliver(t, a, storetest.Delivery("", ""))
	if got := contentOf(t, a, deliver(t, a, storetest.Delivery("", "\n")).Email); got != "\r\n" {
		t.Errorf("content %q", got)
	}
}

func TestDeliverLarge(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	a := storetest.Account(t, s, "a")
	body := "Subject: large\r\n\r\n" + strings.Repeat("0123456789abcdef0123456789abcdef\r\n", 20_000)
	d := store.Delivery{NewMessage: store.NewMessage{Body: strings.NewReader(body), Size: int64(len(body)), Prefix: []byte("X: y\r\n")}}
	if got := contentOf(t, a, deliver(t, a, d).Email); got != "X: y\r\n"+body {
		t.Errorf("content of %d bytes differs", len(got))
	}
}

func TestDeliverEndedContext(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	a := storetest.Account(t, s, "a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := a.Deliver(ctx, store.System, storetest.Delivery("", simple))
	wantErr(t, err, context.Canceled, "delivering")
	large := "\r\n" + strings.Repeat("x", 1<<20)
	_, err = a.Deliver(ctx, store.System, storetest.Delivery("", large))
	wantErr(t, err, context.Canceled, "delivering a large message")
	if n := mailbox(t, a, "Inbox").Counts.Total; n != 0 {
		t.Errorf("%d messages", n)
	}
}

func TestQuota(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := storetest.New(t, func(o *store.Options) {
		o.Quota = func(account string) int64 {
			if account == "limited" {
				return 1000
			}
			return 0
		}
	})
	a := storetest.Account(t, s, "limited")
	text := func(n int) string { return "\n" + strings.Repeat("x", n-2) }
	first := deliver(t, a, storetest.Delivery("", text(600)))
	_, err := a.Deliver(ctx, store.System, storetest.Delivery("", text(401)))
	wantErr(t, err, store.ErrQuota, "delivering too much")
	_, err = a.Append(ctx, store.System, first.Mailbox, []store.NewMessage{storetest.Message(text(300)), storetest.Message(text(300))}, nil)
	wantErr(t, err, store.ErrQuota, "appending too much in two messages")
	d := storetest.Delivery("", text(401))
	d.ID = "id"
	_, err = a.Deliver(ctx, store.System, d)
	wantErr(t, err, store.ErrQuota, "delivering too much with an id")
	d.IgnoreQuota = true
	if added := deliver(t, a, d); added.Duplicate {
		t.Error("a delivery that was refused before is taken for a duplicate")
	}
	// A copy costs nothing, and what is known already is told so in a full account.
	if _, err := a.Copy(ctx, store.System, first.Mailbox, imap.SetOf(first.UID), mailbox(t, a, "Trash").ID); err != nil {
		t.Error(err)
	}
	d.IgnoreQuota = false
	if added := deliver(t, a, d); !added.Duplicate {
		t.Error("a repeated delivery to a full account is not told as duplicate")
	}
	u, err := a.Usage(ctx)
	if err != nil || u != (store.Usage{Bytes: 1001, Messages: 3, Quota: 1000}) {
		t.Errorf("usage %+v, %v", u, err)
	}
	// Room comes when the last copy is expunged.
	if _, _, err := a.Expunge(ctx, store.System, first.Mailbox, imap.SetOf(first.UID), false); err != nil {
		t.Fatal(err)
	}
	if u, _ := a.Usage(ctx); u.Bytes != 1001 {
		t.Errorf("usage %+v after one of two copies was expunged", u)
	}
	if _, _, err := a.Expunge(ctx, store.System, mailbox(t, a, "Trash").ID, nil, false); err != nil {
		t.Fatal(err)
	}
	if u, _ := a.Usage(ctx); u.Bytes != 401 {
		t.Errorf("usage %+v after both copies were expunged", u)
	}
	deliver(t, a, storetest.Delivery("", text(599)))
	deliver(t, storetest.Account(t, s, "unlimited"), storetest.Delivery("", text(5000)))
}

// clock is a time that only the test moves.
type clock struct{ unix atomic.Int64 }

func newClock(at time.Time) *clock {
	c := &clock{}
	c.unix.Store(at.Unix())
	return c
}

func (c *clock) Now() time.Time      { return time.Unix(c.unix.Load(), 0).UTC() }
func (c *clock) Add(d time.Duration) { c.unix.Add(int64(d / time.Second)) }

func TestDeliveryID(t *testing.T) {
	t.Parallel()
	clock := newClock(time.Date(2026, 11, 22, 23, 0, 0, 0, time.UTC))
	s := storetest.New(t, func(o *store.Options) { o.Now = clock.Now })
	a := storetest.Account(t, s, "a")
	with := func(id string) store.Delivery {
		d := storetest.Delivery("", simple)
		d.ID = id
		return d
	}
	for _, step := range []struct {
		after time.Duration
		id    string
		dup   bool
	}{
		{0, "x", false}, {0, "x", true}, {0, "y", false}, {0, "", false}, {0, "", false},
		{2 * time.Hour, "x", true}, {5 * 24 * time.Hour, "x", true}, {24*time.Hour + 21*time.Hour, "x", true}, {0, "y", true},
		{24 * time.Hour, "x", false}, {0, "x", true},
	} {
		clock.Add(step.after)
		if added := deliver(t, a, with(step.id)); added.Duplicate != step.dup {
			t.Errorf("at %v: delivery %q is a duplicate: %v", clock.Now(), step.id, added.Duplicate)
		} else if step.dup && added != (store.Added{Duplicate: true}) {
			t.Errorf("duplicate tells %+v", added)
		}
	}
	if n := mailbox(t, a, "Inbox").Counts.Total; n != 5 {
		t.Errorf("%d messages, want 5", n)
	}
}

// The same delivery from several at once comes in once.
func TestDeliveryIDConcurrently(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	a := storetest.Account(t, s, "a")
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			d := storetest.Delivery("", simple)
			d.ID = "same"
			if _, err := a.Deliver(t.Context(), store.System, d); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := mailbox(t, a, "Inbox").Counts.Total; n != 1 {
		t.Errorf("%d messages", n)
	}
}

// Deliveries that wait at the same time share transactions, and one that fails does not fail the others.
func TestGroupCommit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		reg := prometheus.NewRegistry()
		var hold atomic.Bool
		release := make(chan struct{})
		s := storetest.New(t, func(o *store.Options) {
			o.Registerer = reg
			o.Quota = func(string) int64 { return 100_000 }
			o.FS = &faultfs.FS{FS: vfs.OS{}, Hook: func(c faultfs.Call) error {
				if c.Op == faultfs.Write && hold.Swap(false) {
					<-release
				}
				return nil
			}}
		})
		a := storetest.Account(t, s, "a")
		inbox := mailbox(t, a, "Inbox").ID
		before, opsBefore := commits(t, reg)

		// While the committer is busy with one, all others gather.
		const n = 100
		var wg sync.WaitGroup
		hold.Store(true)
		wg.Go(func() {
			if _, err := a.Append(ctx, store.System, inbox, []store.NewMessage{storetest.Message("Subject: first\n\nx\n")}, nil); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		for i := range n {
			wg.Go(func() {
				if _, err := a.Deliver(ctx, store.System, storetest.Delivery("Many", fmt.Sprintf("Subject: %d\n\nbody\n", i))); err != nil {
					t.Errorf("delivery %d: %v", i, err)
				}
			})
			if i%10 == 0 {
				wg.Go(func() {
					d := storetest.Delivery("Many", fmt.Sprintf("Subject: big\n\n%s\n", strings.Repeat("x", 200_000)))
					_, err := a.Deliver(ctx, store.System, d)
					wantErr(t, err, store.ErrQuota, "delivering too much")
				})
			}
		}
		synctest.Wait()
		close(release)
		wg.Wait()
		if c := mailbox(t, a, "Many").Counts; c.Total != n {
			t.Errorf("%d messages, want %d", c.Total, n)
		}
		after, opsAfter := commits(t, reg)
		ops, transactions := opsAfter-opsBefore, after-before
		if ops < n || transactions > 10 {
			t.Errorf("%v operations took %v transactions", ops, transactions)
		}
	})
}

func TestThreads(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := storetest.New(t)
	a := storetest.Account(t, s, "a")
	msg := func(id, refs, inReplyTo, subject string) string {
		var b strings.Builder
		if id != "" {
			fmt.Fprintf(&b, "Message-ID: <%s>\n", id)
		}
		if refs != "" {
			fmt.Fprintf(&b, "References: %s\n", refs)
		}
		if inReplyTo != "" {
			fmt.Fprintf(&b, "In-Reply-To: %s\n", inReplyTo)
		}
		fmt.Fprintf(&b, "Subject: %s\n\nx\n", subject)
		return b.String()
	}
	threads := map[string]store.ThreadID{}
	for _, tc := range []struct {
		name, id, refs, inReplyTo, subject string
		with                               string // Message of the same thread; empty for a new one.
	}{
		{"first", "1@a", "", "", "Plan", ""},
		{"reply by reference", "2@a", "<1@a>", "", "Re: Plan", "first"},
		{"reply by in-reply-to", "3@a", "", "<1@a>", "RE: plan", "first"},
		{"reply to the reply", "4@a", "<1@a> <2@a>", "<2@a>", "Re: [list] Re: Plan", "first"},
		{"other subject", "5@a", "<1@a>", "<1@a>", "New plan (was: Plan)", ""},
		{"reply with other subject", "6@a", "<1@a> <5@a>", "<5@a>", "Re: New plan (was: Plan)", "other subject"},
		{"same subject, nothing referred to", "7@a", "", "", "Plan", ""},
		{"same message again", "1@a", "", "", "Plan", "first"},
		{"siblings of a message not seen", "8@a", "<0@a>", "", "Re: Lost", ""},
		{"second sibling", "9@a", "<0@a>", "", "Re: Lost", "siblings of a message not seen"},
		{"the one not seen comes late", "0@a", "", "", "Lost", "siblings of a message not seen"},
		{"no ids", "", "", "", "Plan", ""},
		{"no ids again", "", "", "", "Plan", ""},
		{"joins two threads, stays with the first", "10@a", "<7@a> <1@a>", "", "Plan", "same subject, nothing referred to"},
	} {
		added := deliver(t, a, storetest.Delivery("", msg(tc.id, tc.refs, tc.inReplyTo, tc.subject)))
		threads[tc.name] = added.Thread
		if tc.with != "" {
			if added.Thread != threads[tc.with] {
				t.Errorf("%s: thread %d, want that of %q, %d", tc.name, added.Thread, tc.with, threads[tc.with])
			}
			continue
		}
		for other, thread := range threads {
			if other != tc.name && thread == added.Thread {
				t.Errorf("%s: in the thread of %q", tc.name, other)
			}
		}
	}

	// Copies and moves keep email and thread.
	inbox := mailbox(t, a, "Inbox")
	sel, err := a.Select(ctx, store.System, inbox.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer sel.Close()
	e := sel.View().At(1)
	if _, err := a.Move(ctx, store.System, inbox.ID, imap.SetOf(e.UID), mailbox(t, a, "Archive").ID); err != nil {
		t.Fatal(err)
	}
	if email(t, a, e.Email).Thread != threads["first"] {
		t.Error("moving changed the thread")
	}
}
