package webmail

import (
	"context"
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
