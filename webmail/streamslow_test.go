package webmail

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"mox/imap"
	"mox/store"
)

// slowWriter is the connection of a browser that reads nothing until it is released.
type slowWriter struct {
	header http.Header
	read   chan struct{}
	wrote  chan struct{} // Has a value after a write.

	mu   sync.Mutex
	data bytes.Buffer
}

func (w *slowWriter) Header() http.Header { return w.header }
func (w *slowWriter) WriteHeader(int)     {}
func (w *slowWriter) Flush()              {}

func (w *slowWriter) Write(b []byte) (int, error) {
	if !strings.HasPrefix(string(b), "event: hello") {
		<-w.read
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() {
		select {
		case w.wrote <- struct{}{}:
		default:
		}
	}()
	return w.data.Write(b)
}

func (w *slowWriter) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.data.String()
}

// For a browser that does not read, nothing piles up: it hears how things are once it does.
func TestStreamSlow(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.append("Inbox", 1000)
	ctx, cancel := context.WithCancel(t.Context())
	w := &slowWriter{header: http.Header{}, read: make(chan struct{}), wrote: make(chan struct{}, 1)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		e.server.Handler("/webmail/").ServeHTTP(w, e.request("GET", "/events?stream=s1", "").WithContext(ctx))
	}()
	<-w.wrote
	for i := range 10 {
		q := e.inbox(i%2 == 0)
		if err := e.api.ViewOpen(e.ctx, ViewRequest{Stream: "s1", View: fmt.Sprint("v", i), Query: q, Count: MaxRows}); err != nil {
			t.Fatal(err)
		}
	}
	inbox := e.mailbox("Inbox").ID
	for i := range 30 {
		c := store.FlagChange{UIDs: imap.UIDSet{{First: 1, Last: 1000}}, Op: store.FlagOp(i % 2), Flags: imap.FlagFlagged, UnchangedSince: -1}
		if _, err := e.acc.SetFlags(t.Context(), store.System, inbox, c); err != nil {
			t.Fatal(err)
		}
		for v := range 10 {
			if err := e.api.ViewRange(e.ctx, "s1", fmt.Sprint("v", v), 30*i, MaxRows); err != nil {
				t.Fatal(err)
			}
		}
	}
	s, err := e.server.streams.get(e.ctx, "s1")
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	if s.out.bytes > 2<<20 {
		t.Errorf("%d bytes are kept", s.out.bytes)
	}
	s.mu.Unlock()
	close(w.read)
	for !strings.Contains(w.text(), `"View":"v9"`) {
		<-w.wrote
	}
	cancel()
	<-ended
}
