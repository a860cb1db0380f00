package webmail

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mox/store"
)

// browser is a page of ann with a stream: it keeps what events tell as a page does.
type browser struct {
	t      testing.TB
	e      *env
	server *httptest.Server
	served *sync.WaitGroup // Requests for the stream that the server has not ended.
	name   string
	ctx    context.Context // Of calls.
	cookie *http.Cookie

	cancel context.CancelFunc
	events chan event
	lastID string

	hello      HelloEvent
	views      map[string]*shown
	account    AccountEvent // All parts that were told.
	news       []NewEvent
	threads    []ThreadEvent
	pings      int
	progress   []ProgressEvent
	submission []SubmissionEvent
	raw        int // Bytes of view events.
	count      int // Of view events.
}

type event struct{ name, id, data string }

// shown is a view as a page knows it.
type shown struct {
	rows   []*Row // Nil for those that are unknown.
	unread int
	modseq int64
	focus  int
	gone   bool
	search *Progress
	terms  []Term
	mark   []string
	resets int
}

// browse connects a stream.
func (e *env) browse(name string) *browser {
	e.t.Helper()
	b := &browser{t: e.t, e: e, name: name, views: map[string]*shown{}, ctx: e.ctx, cookie: e.cookie, served: &sync.WaitGroup{}}
	h := e.server.Handler("/webmail/")
	b.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.served.Add(1)
		defer b.served.Done()
		h.ServeHTTP(w, r)
	}))
	e.t.Cleanup(b.server.Close)
	e.t.Cleanup(b.disconnect)
	b.connect()
	return b
}

// connect opens the stream and waits for hello.
func (b *browser) connect() {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", b.server.URL+"/events?stream="+b.name, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	// Without TLS the cookie has another name.
	r.AddCookie(&http.Cookie{Name: strings.TrimPrefix(b.cookie.Name, "__Host-"), Value: b.cookie.Value})
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if b.lastID != "" {
		r.Header.Set("Last-Event-ID", b.lastID)
	}
	resp, err := b.server.Client().Do(r) // Nobody else closes its connections.
	if err != nil {
		b.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		b.t.Fatalf("stream: status %d, type %q", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	events := make(chan event, 10000)
	b.events = events
	b.cancel = func() { cancel(); resp.Body.Close() }
	go func() {
		defer close(events)
		r := bufio.NewReader(resp.Body)
		var ev event
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			line = strings.TrimSuffix(line, "\n")
			field, value, _ := strings.Cut(line, ": ")
			switch {
			case line == "" && ev.name != "":
				events <- ev
				ev = event{}
			case field == "event":
				ev.name = value
			case field == "id":
				ev.id = value
			case field == "data":
				ev.data = value
			}
		}
	}()
	b.hello = HelloEvent{}
	b.until("hello", func() bool { return b.hello.Stream != "" })
}

// disconnect ends the connection, which the server knows then: it does not take later events for told.
func (b *browser) disconnect() {
	if b.cancel == nil {
		return
	}
	b.cancel()
	b.cancel = nil
	for range b.events {
	}
	b.served.Wait()
}

// until takes events until a condition holds.
func (b *browser) until(what string, done func() bool) {
	b.t.Helper()
	timeout := time.After(patience)
	for !done() {
		select {
		case ev, ok := <-b.events:
			if !ok {
				b.t.Fatalf("stream ended before %s", what)
			}
			b.take(ev)
		case <-timeout:
			b.t.Fatalf("no %s: %s", what, b)
		}
	}
}

// drain takes the events that have come.
func (b *browser) drain() {
	for {
		select {
		case ev, ok := <-b.events:
			if !ok {
				return
			}
			b.take(ev)
		default:
			return
		}
	}
}

func (b *browser) String() string {
	var s strings.Builder
	for name, v := range b.views {
		fmt.Fprintf(&s, "%s: %d rows:", name, len(v.rows))
		for _, r := range v.rows[:min(len(v.rows), 20)] {
			if r == nil {
				s.WriteString(" ?")
			} else {
				s.WriteString(" " + r.Subject)
			}
		}
		s.WriteString("\n")
	}
	return s.String()
}

// take does what a page does with an event.
func (b *browser) take(ev event) {
	b.t.Helper()
	if ev.id != "" {
		b.lastID = ev.id
	}
	decode := func(v any) {
		dec := json.NewDecoder(strings.NewReader(ev.data))
		dec.DisallowUnknownFields()
		if err := dec.Decode(v); err != nil {
			b.t.Fatalf("event %s: %v", ev.name, err)
		}
	}
	switch ev.name {
	case "hello":
		decode(&b.hello)
	case "view":
		var v ViewEvent
		decode(&v)
		b.raw += len(ev.data)
		b.count++
		b.takeView(v)
	case "account":
		var a AccountEvent
		decode(&a)
		b.account.ModSeq, b.account.Scheduled = a.ModSeq, a.Scheduled
		if a.Mailboxes != nil {
			b.account.Mailboxes = a.Mailboxes
		}
		if a.Settings != nil {
			b.account.Settings = a.Settings
		}
		if a.Usage != nil {
			b.account.Usage = a.Usage
		}
		if a.Identities != nil {
			b.account.Identities = a.Identities
		}
	case "ping":
		b.pings++
	case "new":
		var n NewEvent
		decode(&n)
		b.news = append(b.news, n)
	case "thread":
		var e ThreadEvent
		decode(&e)
		b.threads = append(b.threads, e)
	case "progress":
		var p ProgressEvent
		decode(&p)
		b.progress = append(b.progress, p)
	case "submission":
		var e SubmissionEvent
		decode(&e)
		b.submission = append(b.submission, e)
	default:
		b.t.Fatalf("event %q", ev.name)
	}
}

func (b *browser) takeView(ev ViewEvent) {
	b.t.Helper()
	v := b.views[ev.View]
	if v == nil {
		if !ev.Reset {
			return // Of an earlier view of this name.
		}
		v = &shown{}
		b.views[ev.View] = v
	}
	v.modseq, v.unread, v.gone = ev.ModSeq, ev.Unread, ev.Gone
	if ev.Reset {
		v.rows = nil
		v.resets++
	}
	v.rows = applySplices(v.rows, ev.Splices)
	if ev.Reset {
		v.rows = make([]*Row, ev.Total)
	}
	if len(v.rows) != ev.Total {
		b.t.Fatalf("view %s: %d rows after splices %v, total is %d", ev.View, len(v.rows), ev.Splices, ev.Total)
	}
	for _, rows := range ev.Rows {
		for i, r := range rows.Rows {
			if rows.First+i >= len(v.rows) {
				b.t.Fatalf("view %s: row beyond the end", ev.View)
			}
			v.rows[rows.First+i] = &r
		}
	}
	v.focus = ev.Focus
	if ev.Search != nil {
		if ev.Search.Terms != nil {
			v.terms, v.mark = ev.Search.Terms, ev.Search.Mark
		}
		v.search = ev.Search
	}
}

// open opens a view, and waits until its first rows are there and its search is over.
func (b *browser) open(name string, q Query) *shown {
	b.t.Helper()
	delete(b.views, name)
	if err := b.e.api.ViewOpen(b.ctx, ViewRequest{Stream: b.name, View: name, Query: q, Count: 50}); err != nil {
		b.t.Fatal(err)
	}
	b.until("view "+name, func() bool {
		v := b.views[name]
		return v != nil && (v.search == nil || v.search.Done)
	})
	return b.views[name]
}

// openThread opens the conversation of a message in a view. It waits until the stream has looked for what came while the page read it: what
// comes meanwhile is told again as a change.
func (b *browser) openThread(view string, m store.Added) (Conversation, *stream) {
	b.t.Helper()
	c, err := b.e.api.Thread(b.ctx, b.name, view, threadText(m.Thread), int64(m.Mailbox))
	if err != nil {
		b.t.Fatal(err)
	}
	s, err := b.e.server.streams.get(b.ctx, b.name)
	if err != nil {
		b.t.Fatal(err)
	}
	b.e.await("first look at the conversation", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return !s.threads[view].all
	})
	return c, s
}

// subjects returns those of the rows of a view, "?" for unknown ones.
func (v *shown) subjects() string {
	var l []string
	for _, r := range v.rows {
		if r == nil {
			l = append(l, "?")
		} else {
			l = append(l, r.Subject)
		}
	}
	return strings.Join(l, " ")
}

// want waits until a view shows rows with these subjects.
func (b *browser) want(view, subjects string) {
	b.t.Helper()
	timeout := time.After(patience)
	for b.views[view] == nil || b.views[view].subjects() != subjects {
		select {
		case ev, ok := <-b.events:
			if !ok {
				b.t.Fatalf("stream ended")
			}
			b.take(ev)
		case <-timeout:
			b.t.Fatalf("view %s shows %q, want %q", view, b.views[view].subjects(), subjects)
		}
	}
}

// inbox is a query for all of Inbox.
func (e *env) inbox(threads bool) Query {
	return Query{Scope: ScopeMailbox, Mailbox: int64(e.mailbox("Inbox").ID), Sort: SortDate, Threads: threads}
}

// account waits until the account is told to be so.
func (b *browser) wantAccount(what string, is func(a *AccountEvent) bool) {
	b.t.Helper()
	b.until(what, func() bool { return is(&b.account) })
}

func (b *browser) mailboxNames() []string {
	var l []string
	for _, m := range b.account.Mailboxes {
		l = append(l, m.Name)
	}
	return slices.Clip(l)
}
