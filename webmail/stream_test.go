package webmail

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"mox/imap"
	"mox/store"
)

// minute returns when a message was received, n minutes after another.
func minute(n int) func(*store.Delivery) {
	return func(d *store.Delivery) { d.Received = time.Unix(1_700_000_000+int64(n)*60, 0) }
}

func TestViewMessages(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for i, s := range []string{"a", "b", "c"} {
		e.deliver("", simple("Bob <bob@example.com>", s, "hello "+s), minute(i))
	}
	b := e.browse("s1")
	if b.hello.Resumed || b.hello.Version != "test" {
		t.Errorf("hello %+v", b.hello)
	}
	v := b.open("v", e.inbox(false))
	b.want("v", "c b a")
	if v.unread != 3 {
		t.Errorf("unread %d", v.unread)
	}
	r := v.rows[0]
	if r.People[0].Name != "Bob" || r.Snippet != "hello c" || r.Unread != 1 || r.Messages != 1 || r.Mailbox != int64(e.mailbox("Inbox").ID) {
		t.Errorf("row %+v", r)
	}
	e.deliver("", simple("Bob <bob@example.com>", "d", "hello"), minute(4))
	b.want("v", "d c b a")
	e.deliver("", simple("Bob <bob@example.com>", "late", "hello"), minute(1))
	b.want("v", "d c late b a")

	inbox := e.mailbox("Inbox").ID
	if _, err := e.acc.SetFlags(t.Context(), store.System, inbox, store.FlagChange{UIDs: imap.SetOf(imap.UID(v.rows[1].UID)), Flags: imap.FlagSeen, UnchangedSince: -1}); err != nil {
		t.Fatal(err)
	}
	b.until("seen", func() bool { return v.rows[1].Unread == 0 && v.unread == 4 })
	if _, err := e.acc.Move(t.Context(), store.System, inbox, imap.SetOf(imap.UID(v.rows[0].UID), imap.UID(v.rows[4].UID)), e.mailbox("Archive").ID); err != nil {
		t.Fatal(err)
	}
	b.want("v", "c late b")
	if v.resets != 1 {
		t.Errorf("view was reset %d times", v.resets)
	}
	q := e.inbox(false)
	q.Oldest = true
	b.open("v", q)
	b.want("v", "b late c")
	q.Filters = []string{FilterUnread}
	b.open("u", q)
	b.want("u", "b late")
	if _, err := e.acc.SetFlags(t.Context(), store.System, inbox, store.FlagChange{UIDs: imap.SetOf(imap.UID(v.rows[0].UID)), Op: store.FlagsRemove, Flags: imap.FlagSeen, UnchangedSince: -1}); err != nil {
		t.Fatal(err)
	}
	b.want("u", "b late c")
}

func TestViewThreads(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.deliver("", simple("Bob <bob@example.com>", "plan", "first"), minute(0))
	e.deliver("", simple("Cas <cas@example.com>", "other", "x"), minute(1))
	b := e.browse("s1")
	v := b.open("v", e.inbox(true))
	b.want("v", "other plan")
	e.deliver("", reply("Dee <dee@example.com>", "Bob <bob@example.com>", "plan", "second"), minute(2))
	b.want("v", "Re: plan other")
	r := v.rows[0]
	if r.Messages != 2 || r.Unread != 2 || len(r.People) != 2 || r.People[0].Name != "Bob" {
		t.Errorf("row %+v", r)
	}
	// A message in another mailbox belongs to the conversation, one in Trash does not.
	e.deliver("Sent", reply("Ann <ann@example.org>", "Bob <bob@example.com>", "plan", "of me"), minute(3), func(d *store.Delivery) { d.Flags = imap.FlagSeen })
	b.until("three", func() bool { return v.rows[0].Messages == 3 })
	if p := v.rows[0].People; len(p) != 3 || !p[2].Me {
		t.Errorf("people %+v", p)
	}
	e.deliver("Trash", reply("Eve <eve@example.com>", "Bob <bob@example.com>", "plan", "trashed"), minute(4))
	inbox := e.mailbox("Inbox").ID
	if _, err := e.acc.Move(t.Context(), store.System, inbox, imap.SetOf(imap.UID(v.rows[0].UID)), e.mailbox("Trash").ID); err != nil {
		t.Fatal(err)
	}
	b.want("v", "other plan")
	if n := v.rows[1].Messages; n != 2 {
		t.Errorf("%d messages", n)
	}
	// From where it is in Trash, all of it is there.
	q := e.inbox(true)
	q.Mailbox = int64(e.mailbox("Trash").ID)
	v = b.open("t", q)
	if n := v.rows[0].Messages; len(v.rows) != 1 || n != 4 {
		t.Errorf("%d rows, %d messages", len(v.rows), n)
	}
}

// What changed while the connection was lost is told, and nothing else.
func TestResume(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for i, s := range []string{"a", "b", "c"} {
		e.deliver("", simple("Bob <bob@example.com>", s, "hello"), minute(i))
	}
	b := e.browse("s1")
	v := b.open("v", e.inbox(true))
	b.want("v", "c b a")
	b.disconnect()
	e.deliver("", simple("Bob <bob@example.com>", "d", "hello"), minute(5))
	b.connect()
	if !b.hello.Resumed {
		t.Error("not resumed")
	}
	b.want("v", "d c b a")
	if v.resets != 1 {
		t.Errorf("%d resets", v.resets)
	}

	// Without a number of an event, as from another page, views are opened again with what is known of them.
	b.drain()
	b.disconnect()
	e.deliver("", simple("Bob <bob@example.com>", "e", "hello"), minute(6))
	b.lastID = ""
	b.name = "s2"
	b.connect()
	if b.hello.Resumed {
		t.Error("resumed")
	}
	err := e.api.ViewRange(e.ctx, b.name, "v", 0, 10)
	wantCode(t, err, codeNoView)
	if err := e.api.ViewOpen(e.ctx, ViewRequest{Stream: b.name, View: "v", Query: e.inbox(true), Count: 50, ModSeq: v.modseq}); err != nil {
		t.Fatal(err)
	}
	b.want("v", "e d c b a")
	if v.resets != 1 {
		t.Errorf("%d resets", v.resets)
	}
}

// Of events that were lost on the way the browser hears again.
func TestResumeLost(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	b := e.browse("s1")
	v := b.open("v", e.inbox(false))
	b.drain()
	last := b.lastID
	e.deliver("", simple("Bob <bob@example.com>", "a", "hello"), minute(0))
	other := *b
	other.views = map[string]*shown{"v": {}}
	other.want("v", "a")
	b.disconnect()
	b.lastID = last
	v.rows = nil
	b.connect()
	b.want("v", "a")
	b.disconnect()
	b.lastID = "999"
	b.connect()
	if b.hello.Resumed {
		t.Error("resumed after an event that there was not")
	}
}

func TestStreamRefusals(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	b := e.browse("s1")
	bob, _, _ := e.logIn("bob")
	for _, c := range []struct {
		name, code string
		ctx        context.Context
		request    ViewRequest
	}{
		{"unknown stream", codeNoStream, e.ctx, ViewRequest{Stream: "s2", View: "v"}},
		{"stream of another", codeNoStream, bob, ViewRequest{Stream: "s1", View: "v"}},
		{"no name", codeBad, e.ctx, ViewRequest{Stream: "s1"}},
	} {
		err := e.api.ViewOpen(c.ctx, c.request)
		t.Log(c.name)
		wantCode(t, err, c.code)
	}
	wantCode(t, e.api.ViewRange(e.ctx, "s1", "v", 0, 1), codeNoView)
	if got := e.do(e.request("GET", "/events", "")).StatusCode; got != 400 {
		t.Errorf("stream without a name: %d", got)
	}
	r := e.request("GET", "/events?stream=x", "")
	r.Header.Del("Cookie")
	if got := e.do(r).StatusCode; got != 401 {
		t.Errorf("stream without a session: %d", got)
	}
	q := e.inbox(false)
	q.Mailbox = 4711
	v := b.open("v", q)
	if !v.gone {
		t.Error("view of a mailbox that is not there")
	}
	for i := range maxStreamViews {
		if err := e.api.ViewOpen(e.ctx, ViewRequest{Stream: "s1", View: string(rune('A' + i)), Query: e.inbox(false)}); err != nil && i < maxStreamViews-1 {
			t.Fatal(err)
		}
	}
}

// A page that connects anew, before the server knows that its connection is dead, goes on with its views.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.deliver("", simple("Bob <bob@example.com>", "a", "hello"), minute(0))
	dead := e.browse("s1")
	v := dead.open("tab.v", e.inbox(true))
	dead.open("tab.w", e.inbox(false))
	dead.drain()
	b := e.browse("s2")
	b.views = dead.views
	for name, threads := range map[string]bool{"tab.v": true, "tab.w": false} {
		if err := e.api.ViewOpen(e.ctx, ViewRequest{Stream: "s2", View: name, Query: e.inbox(threads), Count: 50, ModSeq: v.modseq}); err != nil {
			t.Fatal(err)
		}
	}
	e.deliver("", simple("Bob <bob@example.com>", "b", "hello"), minute(1))
	b.want("tab.v", "b a")
	b.want("tab.w", "b a")
	if v.resets != 1 || b.views["tab.w"].resets != 1 {
		t.Errorf("views were reset")
	}
	for range dead.events { // Ends.
	}
	// A tab is closed.
	if err := e.api.ViewClose(e.ctx, "s2", []string{"tab."}); err != nil {
		t.Fatal(err)
	}
	wantCode(t, e.api.ViewRange(e.ctx, "s2", "tab.v", 0, 1), codeNoView)
}

// Each page hears of what it has open: conversations, new mail, settings.
func TestStreamEvents(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	first := e.deliver("", simple("Bob <bob@example.com>", "plan", "x"))
	b := e.browse("s1")
	b.open("v", e.inbox(true))
	if c, _ := b.openThread("v", first); len(c.Items) != 1 {
		t.Fatalf("%+v", c)
	}
	e.deliver("Archive", reply("Cas <cas@example.com>", "Bob <bob@example.com>", "plan", "y"))
	b.until("thread", func() bool {
		return len(b.threads) == 1 && len(b.threads[0].Items) == 1 && b.threads[0].Items[0].Subject == "Re: plan"
	})
	if _, err := e.api.Act(e.ctx, Selection{Messages: []Place{{int64(first.Mailbox), int64(first.UID)}}}, Action{Kind: ActTrash}); err != nil {
		t.Fatal(err)
	}
	b.until("gone", func() bool {
		return len(b.threads) == 2 && len(b.threads[1].Gone) == 1 && b.threads[1].Gone[0] == first.Email.String()
	})

	// Archive counts as a place for new mail, Trash does not, nor do messages that were moved.
	b.until("new", func() bool { return len(b.news) == 1 && b.news[0].Rows[0].Subject == "Re: plan" })
	for i := range 8 {
		e.deliver("", simple("Bob <bob@example.com>", string(rune('a'+i)), "x"))
	}
	e.deliver("Trash", simple("Bob <bob@example.com>", "trash", "x"))
	e.deliver("", simple("Bob <bob@example.com>", "old", "x"), minute(0))
	n := 0
	b.until("8 new", func() bool {
		n = 0
		for _, ev := range b.news[1:] {
			n += len(ev.Rows) + ev.More
			for _, r := range ev.Rows {
				if r.Subject == "trash" || r.Subject == "old" {
					t.Fatalf("told of %s", r.Subject)
				}
			}
		}
		return n == 8
	})

	st, err := e.api.Settings(e.ctx)
	if err != nil {
		t.Fatal(err)
	}
	st.Theme = "dark"
	if _, err := e.api.SettingsSave(e.ctx, st); err != nil {
		t.Fatal(err)
	}
	b.wantAccount("settings", func(a *AccountEvent) bool { return a.Settings != nil && a.Settings.Theme == "dark" })
	if len(b.account.Identities) == 0 || b.account.Usage == nil {
		t.Errorf("account %+v", b.account)
	}
	if _, err := e.api.Act(e.ctx, Selection{Threads: []string{threadText(first.Thread)}, Query: &Query{Scope: ScopeAll}}, Action{Kind: ActMute}); err != nil {
		t.Fatal(err)
	}
	q := e.inbox(true)
	q.Mailbox = int64(e.mailbox("Archive").ID)
	v := b.open("a", q)
	b.until("muted", func() bool { return v.rows[0] != nil && v.rows[0].Muted })
}

// A page goes on to the next message, and the next unread one.
func TestViewStep(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	var ids []string
	for i, flags := range []imap.Flags{0, imap.FlagSeen, 0} {
		ids = append(ids, e.deliver("", simple("Bob <bob@example.com>", string(rune('a'+i)), "x"), minute(i), func(d *store.Delivery) { d.Flags = flags }).Email.String())
	}
	b := e.browse("s1")
	for _, threads := range []bool{false, true} {
		b.open("v", e.inbox(threads))
		for _, c := range []struct {
			from   int
			by     int
			unread bool
			want   string
		}{
			{2, 1, false, "b"}, {1, 1, false, "a"}, {0, 1, false, ""}, {0, -1, false, "b"}, {2, -1, false, ""}, {2, 1, true, "a"}, {0, -1, true, "c"},
		} {
			r, err := e.api.ViewStep(e.ctx, "s1", "v", ids[c.from], c.by, c.unread)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if r != nil {
				got = r.Subject
			}
			if got != c.want {
				t.Errorf("%+v: %q", c, got)
			}
		}
	}
	_, err := e.api.ViewStep(e.ctx, "s1", "v", "x", 1, false)
	wantCode(t, err, codeBad)
	// A view opens where a message is.
	if err := e.api.ViewOpen(e.ctx, ViewRequest{Stream: "s1", View: "f", Query: e.inbox(true), Count: 1, Email: ids[0]}); err != nil {
		t.Fatal(err)
	}
	b.until("focus", func() bool { return b.views["f"] != nil && b.views["f"].focus == 2 && b.views["f"].rows[2] != nil })
}

// Shutdown ends streams; there are no new ones.
func TestStreamShutdown(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	b := e.browse("s1")
	b.open("v", e.inbox(true))
	if err := e.server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range b.events {
	}
	if got := e.do(e.request("GET", "/events?stream=s2", "")).StatusCode; got != 503 {
		t.Errorf("status %d", got)
	}
	wantCode(t, e.api.ViewRange(e.ctx, "s1", "v", 0, 1), codeNoStream)
}

// A search tells how far it is, and shows what it has found so far; it goes on after the stream was lost.
func TestSearchProgress(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.append("Inbox", 2000)
	b := e.browse("s1")
	q := e.inbox(false)
	q.Text = "number17" // And number170 to 179, 1700 to 1799.
	if err := e.api.ViewOpen(e.ctx, ViewRequest{Stream: "s1", View: "v", Query: q, Count: 50}); err != nil {
		t.Fatal(err)
	}
	b.until("progress", func() bool { v := b.views["v"]; return v != nil && v.search != nil && v.search.Looked > 0 })
	if p := b.views["v"].search; p.Done || p.Of != 2000 || p.Back == 0 || p.Looked >= 2000 {
		t.Errorf("%+v", p)
	}
	b.disconnect()
	b.connect()
	b.until("done", func() bool { p := b.views["v"].search; return p != nil && p.Done })
	if v := b.views["v"]; len(v.rows) != 111 || v.rows[0] == nil || v.rows[0].Subject != "m1799" {
		t.Errorf("%d rows, first %+v", len(v.rows), v.rows[0])
	}
	e.deliver("", simple("Bob <bob@example.com>", "number17", "x"))
	b.until("new one", func() bool { return len(b.views["v"].rows) == 112 })
}

// A session has no more streams than it may: the oldest one ends.
func TestManyStreams(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	first := e.browse("first")
	for i := range sessionStreams {
		e.browse(fmt.Sprint("s", i))
	}
	for range first.events {
	}
	wantCode(t, e.api.ViewRange(e.ctx, "first", "v", 0, 1), codeNoStream)
	wantCode(t, e.api.ViewRange(e.ctx, "s0", "v", 0, 1), codeNoView)
}

// breakingContext ends when it was asked so many times whether it has.
type breakingContext struct {
	context.Context
	left int
}

func (c *breakingContext) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

func (c *breakingContext) Done() <-chan struct{} {
	done := make(chan struct{})
	if c.Err() != nil {
		close(done)
	}
	return done
}

// What changed is not lost when reading it fails, wherever that is.
func TestRefreshFails(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	b := e.browse("s1")
	v := b.open("v", e.inbox(false))
	b.open("all", Query{Scope: ScopeAll, Sort: SortDate})
	list, all := "", ""
	failed := 0
	for n := 0; ; n++ {
		b.drain()
		b.disconnect()
		subject := fmt.Sprint("m", n)
		e.deliver("", simple("Bob <bob@example.com>", subject, "hello"), minute(n))
		list = strings.TrimSpace(subject + " " + list)
		mailbox := fmt.Sprint("Box", n)
		if _, err := e.acc.CreateMailbox(t.Context(), store.System, mailbox, ""); err != nil {
			t.Fatal(err)
		}
		e.deliver(mailbox, simple("Bob <bob@example.com>", "in"+subject, "hello"), minute(n))
		all = strings.TrimSpace("in" + subject + " " + subject + " " + all)
		var err error
		for _, st := range e.server.streams.byKey {
			st.mu.Lock()
			err = st.refresh(&breakingContext{t.Context(), n})
			st.mu.Unlock()
		}
		b.connect()
		b.want("v", list)
		b.want("all", all)
		if err == nil {
			break
		}
		failed++
	}
	if failed < 3 || v.resets != 1 {
		t.Errorf("failed %d times, the list began %d times", failed, v.resets)
	}
}
