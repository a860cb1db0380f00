package webmail

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mox/imap"
	"mox/message"
	"mox/store"
)

// attach attaches a request of ann.
func (e *env) attach(name string) (*stream, uint64) {
	e.t.Helper()
	r := e.request("GET", "/events", "").WithContext(e.ctx)
	s, turn, err := e.server.streams.attach(r, name)
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { e.server.streams.detach(s, true) })
	return s, turn
}

// Of requests that wait for the connection of a stream the latest one gets it, in whatever order they come to begin.
func TestStreamTurn(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	s, first := e.attach("s")
	_, second := e.attach("s")
	if s.begin(e.ctx, first) != nil {
		t.Error("an earlier request begins")
	}
	ctx := s.begin(e.ctx, second)
	if ctx == nil {
		t.Fatal("the latest request does not begin")
	}
	s.connect(ctx, 0, false)
	defer s.disconnect()
	e.attach("s")
	if !errors.Is(context.Cause(ctx), errReplaced) {
		t.Errorf("cause %v", context.Cause(ctx))
	}
}

// A request that has not begun when the server shuts down does not begin, and none comes after.
func TestStreamTurnShutdown(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	s, turn := e.attach("s")
	ctx, cancel := context.WithCancel(e.ctx)
	cancel() // It is not waited for.
	if err := e.server.streams.shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("shutdown: %v", err)
	}
	if s.begin(e.ctx, turn) != nil {
		t.Error("a request begins")
	}
	if resp := e.do(e.request("GET", "/events?stream=s", "").WithContext(e.ctx)); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("status %d", resp.StatusCode)
	}
}

// A stream with much to do does not keep others waiting, of whomever.
func TestStreamBusy(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	s, _ := e.attach("busy")
	s.mu.Lock()
	defer s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.hangUp(errReplaced)
		for _, o := range e.server.streams.others(s) {
			t.Errorf("another stream: %v", o.key)
		}
		if _, err := e.server.streams.get(e.ctx, "nosuch"); err == nil {
			t.Error("a stream that there is not")
		}
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Error("others wait")
	}
}

func TestStreamHead(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	s, turn := e.attach("s")
	resp := e.do(e.request("HEAD", "/events?stream=s", ""))
	if resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "GET" {
		t.Errorf("status %d, Allow %q", resp.StatusCode, resp.Header.Get("Allow"))
	}
	if s.begin(e.ctx, turn) == nil {
		t.Error("a HEAD has taken the stream")
	}
}

// What a page may have the server keep is bounded.
func TestViewBounds(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.attach("s")
	long := strings.Repeat("x", 100_000)
	open := func(change func(*ViewRequest)) error {
		r := ViewRequest{Stream: "s", View: "v", Query: e.inbox(false)}
		change(&r)
		return e.api.ViewOpen(e.ctx, r)
	}
	wantCode(t, open(func(r *ViewRequest) { r.View = long }), codeBad)
	wantCode(t, open(func(r *ViewRequest) { r.View = "" }), codeBad)
	wantCode(t, open(func(r *ViewRequest) { r.Query.Filters = make([]string, 1000) }), codeBad)
	wantCode(t, open(func(r *ViewRequest) { r.Query.Filters = []string{FilterLabel + long} }), codeBad)
	if err := open(func(r *ViewRequest) { r.Query.Text = long }); err != nil {
		t.Error(err)
	}
	s, err := e.server.streams.get(e.ctx, "s")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(s.views["v"].query.Text); n > maxQueryText {
		t.Errorf("%d bytes of text are kept", n)
	}

	added := e.deliver("", simple("Bob <bob@example.com>", "a", "hello"))
	thread := threadText(added.Thread)
	_, err = e.api.Thread(e.ctx, "s", long, thread, 0)
	wantCode(t, err, codeBad)
	if _, err := e.api.Thread(e.ctx, "s", "v", thread, 0); err != nil {
		t.Error(err)
	}
	// A filter that is left out would have an action be of more messages.
	all := Selection{All: true, Query: &Query{Scope: ScopeMailbox, Mailbox: int64(e.mailbox("Inbox").ID), Filters: make([]string, 1000)}}
	_, err = e.api.Act(e.ctx, all, Action{Kind: ActTrash})
	wantCode(t, err, codeBad)
}

// A message that a bug meets ends the search that looks at it, and nothing else.
func TestSearchPanics(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.server.log = slog.New(slog.DiscardHandler)
	e.deliver("", simple("Bob <bob@example.com>", "a", "hello"))
	b := e.browse("s")
	b.open("v", e.inbox(false))
	s, err := e.server.streams.get(e.ctx, "s")
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	v := s.views["v"]
	var box uint16
	for box = range v.scope {
	}
	v.scope[box].all, v.scope[box].match = false, nil
	v.scope[box].expr = &expr{op: exprParts, parts: func(*message.Part) bool { panic("test") }}
	v.list, v.heads = viewList{}, headTable{}
	v.restart()
	v.start(s)
	s.signal()
	s.mu.Unlock()
	b.until("problem", func() bool { p := b.views["v"].search; return p != nil && p.Problem != "" })
	if err := e.api.ViewClose(e.ctx, "s", []string{"v"}); err != nil {
		t.Fatal(err)
	}
	e.deliver("", simple("Bob <bob@example.com>", "b", "hello"))
	b.open("w", e.inbox(false))
	b.want("w", "b a")
}

// What cannot be undone, as its mailbox is gone, does not keep the rest from being undone.
func TestUndoMailboxGone(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for _, name := range []string{"One", "Two"} {
		if _, err := e.api.MailboxCreate(e.ctx, name); err != nil {
			t.Fatal(err)
		}
		e.deliver(name, simple("Bob <bob@example.com>", name, "hello"))
	}
	one := e.mailbox("One")
	sel := Selection{Messages: []Place{{Mailbox: int64(one.ID), UID: 1}, {Mailbox: int64(e.mailbox("Two").ID), UID: 1}}}
	acted, err := e.api.Act(e.ctx, sel, Action{Kind: ActTrash})
	if err != nil || acted.Count != 2 {
		t.Fatal(acted, err)
	}
	if _, err := e.api.MailboxDelete(e.ctx, int64(one.ID), true); err != nil {
		t.Fatal(err)
	}
	undone, err := e.api.Undo(e.ctx, acted.Undo)
	if err != nil || undone.Count != 1 {
		t.Errorf("%+v, %v", undone, err)
	}
	if got := e.contents("Two"); got != "Two" {
		t.Errorf("Two has %q", got)
	}
	if got := e.contents("Trash"); got != "One" {
		t.Errorf("Trash has %q", got)
	}

	// With nothing left to undo that is said.
	acted, err = e.api.Act(e.ctx, Selection{Messages: []Place{{Mailbox: int64(e.mailbox("Two").ID), UID: 2}}}, Action{Kind: ActTrash})
	if err != nil || acted.Count != 1 {
		t.Fatal(acted, err)
	}
	if _, err := e.api.MailboxDelete(e.ctx, int64(e.mailbox("Two").ID), true); err != nil {
		t.Fatal(err)
	}
	_, err = e.api.Undo(e.ctx, acted.Undo)
	wantCode(t, err, codeNotFound)
}

// An undo that fails can be tried again.
func TestUndoAgain(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.deliver("", simple("Bob <bob@example.com>", "a", "hello"))
	acted, err := e.api.Act(e.ctx, Selection{Messages: []Place{{Mailbox: int64(e.mailbox("Inbox").ID), UID: 1}}}, Action{Kind: ActTrash})
	if err != nil {
		t.Fatal(err)
	}
	l := e.server.streams.actions
	steps, _ := l.take(e.acc.ID(), acted.Undo)
	l.keep(e.acc.ID(), acted.Undo, append([]undoStep{{mailbox: e.mailbox("Inbox").ID, uids: imap.SetOf(imap.UID(1)), flags: &store.FlagChange{Op: store.FlagsAdd, Keywords: []string{"no keyword"}}}}, steps...))
	if _, err := e.api.Undo(e.ctx, acted.Undo); err == nil {
		t.Fatal("no error")
	}
	if rest, ok := l.take(e.acc.ID(), acted.Undo); !ok || len(rest) != len(steps)+1 {
		t.Errorf("it is forgotten: %d steps are left", len(rest))
	}
	if _, err := e.api.Undo(e.ctx, acted.Undo); !isCode(err, codeNotFound) {
		t.Errorf("a token is good twice: %v", err)
	}
}

// An action ends with the server whether it has a name or not, and one that replaces another can be canceled still after that has
// ended.
func TestActionsCanceled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newActions()
		key := actionKey{1, "s", "a"}
		first, endFirst := l.begin(t.Context(), key)
		second, endSecond := l.begin(t.Context(), key)
		defer endSecond()
		if first.Err() == nil || second.Err() != nil {
			t.Error("the later action does not replace the earlier one")
		}
		endFirst()
		l.cancel(key)
		if second.Err() == nil {
			t.Error("the later action cannot be canceled")
		}
		unnamed, end := l.begin(t.Context(), actionKey{account: 1})
		defer end()
		other, endOther := l.begin(t.Context(), actionKey{account: 1})
		defer endOther()
		l.cancel(actionKey{account: 1})
		if unnamed.Err() != nil || other.Err() != nil {
			t.Error("actions without a name are canceled")
		}
		l.cancelAll()
		late, endLate := l.begin(t.Context(), actionKey{account: 1})
		defer endLate()
		if unnamed.Err() == nil || other.Err() == nil || late.Err() == nil {
			t.Error("an action goes on")
		}
	})
}
