package http

import (
	"errors"
	"io"
	nethttp "net/http"
	"os"
	"sync"
	"time"
)

const (
	// minRate is how fast a body must come on average, in bytes per second, once it was waited for two minutes: a client that
	// sends a byte a minute occupies whatever waits for the rest.
	minRate  = 100
	minAfter = 2 * time.Minute

	// maxDocumentRequest is the largest body of a request for a document, in bytes.
	maxDocumentRequest = 64 << 10

	// maxLeft is how much of a body that nobody wants is read for the sake of the connection, in bytes.
	maxLeft = 256 << 10

	// leftover is how long a client may take to send a body that nobody wants, once the response is made.
	leftover = 5 * time.Second

	// piece is what is sent at once over HTTP/2, in bytes: so much a client must take within the time that it may
	// do nothing.
	piece = 64 << 10
)

// body is the body of a request. A client that stops sending is given up.
type body struct {
	io.ReadCloser
	q       *exchange
	n       int64
	waited  time.Duration // In reads.
	renewed time.Time
	ended   bool
}

// limitTimes has reads of the body end in time.
func (q *exchange) limitTimes() {
	if q.r.Body == nil || q.r.Body == nethttp.NoBody {
		return
	}
	q.body = &body{ReadCloser: q.r.Body, q: q}
	q.r.Body = q.body
	q.body.renew()
}

// renew gives the client time for more.
func (b *body) renew() {
	now := time.Now()
	stall := b.q.p.stall
	if now.Sub(b.renewed) < stall/8 {
		return
	}
	b.renewed = now
	until := now.Add(stall)
	if slow := now.Add(minAfter + time.Duration(b.n/minRate)*time.Second - b.waited); slow.Before(until) {
		until = slow
	}
	b.deadline(until)
}

// deadline sets when reads fail; the zero time is never.
func (b *body) deadline(t time.Time) {
	if d, ok := b.q.ResponseWriter.(interface{ SetReadDeadline(time.Time) error }); ok {
		d.SetReadDeadline(t) // If this fails, so do reads.
	}
}

// errSlow ends the body of a client that does not send.
var errSlow = errors.New("the client sends no more of its request")

func (b *body) Read(p []byte) (int, error) {
	if b.ended {
		return b.ReadCloser.Read(p)
	}
	b.renew()
	start := time.Now()
	n, err := b.ReadCloser.Read(p)
	b.waited += time.Since(start)
	b.n += int64(n)
	switch {
	case err == nil:
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = errSlow
	case err == io.EOF:
		// Net/http now waits for the connection to end.
		b.ended = true
		b.deadline(time.Time{})
	}
	return n, err
}

// stopTimes ends what limitTimes began.
func (q *exchange) stopTimes() {
	if q.body != nil && !q.body.ended && !q.hijacked {
		q.body.deadline(time.Now().Add(leftover))
	}
}

// limitBody limits the body of a request. It reports false if it is known to be too large.
func (q *exchange) limitBody(most int64) bool {
	if most <= 0 || q.body == nil {
		return true
	}
	if q.r.ContentLength > most {
		return false
	}
	q.r.Body = nethttp.MaxBytesReader(q.ResponseWriter, q.r.Body, most)
	return true
}

// write sends p. With HTTP/1 the connection sees to it that the client takes it.
func (q *exchange) write(p []byte) (int, error) {
	if q.r.ProtoMajor == 1 {
		return q.ResponseWriter.Write(p)
	}
	defer q.watchWrite()()
	written := 0
	for {
		n, err := q.ResponseWriter.Write(p[written:min(len(p), written+piece)])
		written += n
		if err != nil || written == len(p) {
			return written, err
		}
		q.writing.Reset(q.p.stall)
	}
}

// watchWrite ends an HTTP/2 stream whose client takes nothing for too long, though its connection may be
// alive. The returned function ends the watch.
func (q *exchange) watchWrite() (stop func()) {
	if q.r.ProtoMajor == 1 {
		return func() {}
	}
	if q.writing == nil {
		q.writing = newWriteWatch(q.ResponseWriter, q.p.stall)
	} else {
		q.writing.Reset(q.p.stall)
	}
	return func() { q.writing.Stop() }
}

// writeWatch ends the writing to a client that takes nothing.
type writeWatch struct {
	*time.Timer

	mu sync.Mutex
	w  nethttp.ResponseWriter // Nil once the request has ended: net/http has others use it then.
}

func newWriteWatch(w nethttp.ResponseWriter, stall time.Duration) *writeWatch {
	watch := &writeWatch{w: w}
	watch.Timer = time.AfterFunc(stall, watch.expired)
	return watch
}

func (w *writeWatch) expired() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.w != nil {
		nethttp.NewResponseController(w.w).SetWriteDeadline(time.Now()) // The stream may be gone.
	}
}

// close ends the watch for good. It may have expired at this moment, which stopping the timer does not undo.
func (w *writeWatch) close() {
	w.Stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.w = nil
}
