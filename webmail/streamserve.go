package webmail

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/klauspost/compress/gzip"

	"mox/http/compress"
	"mox/store"
	"mox/websession"
)

const (
	heartbeat    = 25 * time.Second // After so long without another event there is a ping.
	streamWrite  = 30 * time.Second // For what is written at once.
	streamBuffer = 64 << 10
)

// serveEvents answers with the stream of a browser: Server-Sent Events (WHATWG HTML, 9.2). Events have numbers as ids. With the last one
// that it got, in Last-Event-ID or the parameter "after", a browser goes on where it was. The last event of a stream whose session
// is over is "over".
func (s *Server) serveEvents(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodHead { // It would be a connection that takes the events of another.
		w.Header().Set("Allow", "GET")
		http.Error(w, "only GET", http.StatusMethodNotAllowed)
		return
	}
	name := r.URL.Query().Get("stream")
	if !validStream(name) {
		http.Error(w, "The stream has no name.", http.StatusBadRequest)
		return
	}
	st, turn, err := s.streams.attach(r, name)
	if err != nil {
		if !errors.Is(err, errShutdown) {
			s.log.Error("stream", "err", err)
		}
		w.Header().Set("Retry-After", "5")
		http.Error(w, "Not now.", http.StatusServiceUnavailable)
		return
	}
	over := false
	defer func() { s.streams.detach(st, over) }()
	st.serving.Lock()
	defer st.serving.Unlock()
	ctx := st.begin(r.Context(), turn)
	if ctx == nil { // Another request has come meanwhile.
		w.Header().Set("Retry-After", "5")
		http.Error(w, "Not now.", http.StatusServiceUnavailable)
		return
	}
	defer st.disconnect()

	last := r.URL.Query().Get("after")
	if last == "" {
		last = r.Header.Get("Last-Event-ID")
	}
	after, err := strconv.ParseUint(last, 10, 64)
	resumed := st.connect(ctx, after, err == nil)
	c := newStreamConn(w, r)
	defer c.close()
	err = c.serve(ctx, st, HelloEvent{Stream: name, Version: s.opts.Version, Resumed: resumed, ModSeq: int64(st.acknowledged())})
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, websession.ErrOver):
		over = true
		c.write([]byte("event: over\ndata: {}\n\n"))
	case errors.Is(cause, errShutdown):
		c.write([]byte("retry: 2000\n: bye\n\n"))
	case err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrClosed):
		s.log.Error("stream", "account", st.account, "err", err)
	}
}

// acknowledged returns the state that the stream shows.
func (s *stream) acknowledged() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int64(s.modseq)
}

// streamConn is a connection with a stream.
type streamConn struct {
	w   http.ResponseWriter
	rc  *http.ResponseController
	zip *gzip.Writer // nil for a browser that takes no gzip.
}

// newStreamConn returns a connection that compresses what it writes, rows above all, each time for itself: between
// events it keeps no memory.
func newStreamConn(w http.ResponseWriter, r *http.Request) streamConn {
	c := streamConn{w: w, rc: http.NewResponseController(w)}
	if compress.Negotiate(r.Header.Values("Accept-Encoding"), compress.Gzip) != compress.Gzip {
		return c
	}
	zip, err := gzip.NewWriterLevel(w, gzip.StatelessCompression)
	if err != nil {
		return c // There is this level.
	}
	c.zip = zip
	return c
}

// serve writes events until the context ends, or the connection.
func (c streamConn) serve(ctx context.Context, s *stream, hello HelloEvent) error {
	h := c.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store, no-transform")
	h.Set("X-Accel-Buffering", "no") // For nginx.
	if c.zip != nil {
		h.Set("Content-Encoding", "gzip")
	}
	data, err := json.Marshal(hello)
	if err != nil {
		return err
	}
	if !c.write([]byte("event: hello\ndata: " + string(data) + "\n\n")) {
		return nil
	}
	changes, stop := s.acc.Watch()
	defer stop()
	var buf []byte
	timer := time.NewTimer(0)
	defer timer.Stop()
	lastWrite := time.Now()
	for ctx.Err() == nil {
		again, err := s.step(ctx)
		if err != nil {
			return err
		}
		if buf = s.take(buf[:0]); len(buf) > 0 {
			if !c.write(buf) {
				return nil
			}
			lastWrite = time.Now()
			if cap(buf) > 4*streamBuffer {
				buf = nil
			}
			continue
		}
		timer.Reset(min(again, heartbeat-min(heartbeat, time.Since(lastWrite))))
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-changes:
			s.noteChange()
		case <-timer.C:
			if time.Since(lastWrite) >= heartbeat {
				if !c.write([]byte("event: ping\ndata: {}\n\n")) {
					return nil
				}
				lastWrite = time.Now()
				s.accountMayDiffer()
			}
		}
	}
	return nil
}

// close ends what is compressed.
func (c streamConn) close() {
	if c.zip != nil {
		c.zip.Close()
	}
}

// write writes and flushes. It returns false if the connection is gone.
func (c streamConn) write(b []byte) bool {
	// Without deadlines, as in tests, writes wait as long as they will.
	if err := c.rc.SetWriteDeadline(time.Now().Add(streamWrite)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return false
	}
	if c.zip == nil {
		if _, err := c.w.Write(b); err != nil {
			return false
		}
		return c.rc.Flush() == nil
	}
	if _, err := c.zip.Write(b); err != nil {
		return false
	}
	return c.zip.Flush() == nil && c.rc.Flush() == nil
}

// take returns what is to be written.
func (s *stream) take(b []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.take(b)
}

func (s *stream) noteChange() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dirty = true
}

// accountMayDiffer has be looked at what changes without a change of the account: its identities.
func (s *stream) accountMayDiffer() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accountState.changed = true
}
