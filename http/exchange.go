package http

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	nethttp "net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"mox/config"
)

// exchange is a request with its response. It is the ResponseWriter of handlers.
type exchange struct {
	nethttp.ResponseWriter
	p      *port
	r      *nethttp.Request
	router *router
	target *target // What answers; never nil once it is known.
	id     uint64
	start  time.Time

	host   string     // In ASCII and lower case, without port and trailing dot.
	path   string     // Without empty elements.
	client netip.Addr // Of the client, or of a proxy that is not trusted.
	secure bool       // TLS all the way.
	body   *body      // Nil for a request without.

	forwarded bool // What proxies tell was taken out of the header.
	counted   bool // The client may make this request.
	site      int  // Position of the handler of a website that answers.
	next      bool // It wants the next one to.
	status    int
	sent      int64
	first     time.Duration // Until the header of the response.
	errorPage bool
	hijacked  bool
	writing   *writeWatch // Ends HTTP/2 streams whose client takes nothing; nil before the first write to one.
}

var (
	_ nethttp.Flusher  = (*exchange)(nil)
	_ nethttp.Hijacker = (*exchange)(nil)
	_ io.ReaderFrom    = (*exchange)(nil)
)

// exchangeOf returns the exchange below a writer, or nil.
func exchangeOf(w nethttp.ResponseWriter) *exchange {
	for {
		switch x := w.(type) {
		case *exchange:
			return x
		case interface{ Unwrap() nethttp.ResponseWriter }:
			w = x.Unwrap()
		default:
			return nil
		}
	}
}

// ServeHTTP answers a request on a port.
func (p *port) ServeHTTP(w nethttp.ResponseWriter, r *nethttp.Request) {
	q := p.exchange(w, r)
	defer q.router.release()
	q.limitTimes()
	defer q.end()
	q.answer()
}

// exchange returns the books on a request. Its router must be released.
func (p *port) exchange(w nethttp.ResponseWriter, r *nethttp.Request) *exchange {
	q := &exchange{
		ResponseWriter: w, p: p, r: r,
		id:     p.s.requests.Add(1),
		start:  time.Now(),
		router: p.s.acquireRouter(),
		target: p.targets.refused,
		secure: r.TLS != nil,
	}
	if c, _ := r.Context().Value(connKey{}).(*conn); c != nil {
		q.client = c.remote
	}
	return q
}

// end closes the books on a request. It is deferred, and recovers from panics of handlers.
func (q *exchange) end() {
	x := recover()
	defer func() {
		if q.writing != nil {
			q.writing.close()
		}
	}()
	q.stopTimes()
	if x != nil && x != nethttp.ErrAbortHandler {
		q.p.s.metrics.panics.Inc()
		q.p.s.log.Error("bug: a handler panicked", "cid", q.cid(), "handler", q.target.name, "panic", fmt.Sprint(x), "stack", string(debug.Stack()))
		if q.status == 0 && !q.hijacked {
			q.p.s.Error(q, q.r, nethttp.StatusInternalServerError)
			x = nil
		}
	}
	if x == nil && q.status == 0 && !q.hijacked {
		q.WriteHeader(nethttp.StatusOK) // As net/http does now.
	}
	q.account(x != nil)
	if x != nil {
		// Net/http ends the connection, so that the client knows that something is missing.
		panic(nethttp.ErrAbortHandler)
	}
}

// account counts and logs a request.
func (q *exchange) account(aborted bool) {
	total := time.Since(q.start)
	var received int64
	if q.body != nil {
		received = q.body.n
	}
	q.target.metrics.observe(q.r.Method, q.status, q.first, total, received, q.sent)
	if q.target.log != config.WebLogNone {
		q.p.s.accessFile.write(q)
	}
	level := slog.LevelDebug
	switch {
	case q.target.log == config.WebLogNone && !q.errorPage:
		return
	case q.target.log == config.WebLogAll, q.errorPage:
		level = slog.LevelInfo
	}
	ctx := q.r.Context()
	if !q.p.s.log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("cid", q.cid()),
		slog.String("listener", q.p.listener.Name),
		slog.String("handler", q.target.name),
		slog.String("remote", q.client.String()),
		slog.String("proto", q.r.Proto),
		slog.Bool("tls", q.secure),
		slog.String("host", clip(q.r.Host)),
		slog.String("method", clip(q.r.Method)),
		slog.String("uri", clip(q.r.RequestURI)),
		slog.Int("code", q.status),
		slog.Int64("received", received),
		slog.Int64("sent", q.sent),
		slog.Duration("header", q.first),
		slog.Duration("duration", total),
		slog.String("agent", clip(q.r.UserAgent())),
	}
	if aborted {
		attrs = append(attrs, slog.Bool("aborted", true))
	}
	q.p.s.log.LogAttrs(ctx, level, "http request", attrs...)
}

// clip shortens what a client says for the log.
func clip(s string) string {
	const most = 500
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}

// cid returns the id of the request, which is in the log and on error pages.
func (q *exchange) cid() string { return q.p.s.cid(q.id) }

// Unwrap is for nethttp.ResponseController.
func (q *exchange) Unwrap() nethttp.ResponseWriter { return q.ResponseWriter }

// WriteHeader sends the header of the response.
func (q *exchange) WriteHeader(code int) {
	if code >= 100 && code < 200 && code != nethttp.StatusSwitchingProtocols {
		q.ResponseWriter.WriteHeader(code)
		return
	}
	if q.status != 0 {
		return
	}
	q.status = code
	q.first = time.Since(q.start)
	h := q.Header()
	if q.secure {
		if d := q.router.sites.Domains[q.router.domain(q.host)]; d != nil && d.HSTS != "" {
			h.Set("Strict-Transport-Security", d.HSTS)
		}
	}
	if code != nethttp.StatusSwitchingProtocols && q.r.ProtoMajor == 1 && q.r.Header["Upgrade"] != nil {
		h.Set("Connection", "close") // See framing: what follows is not looked at.
	}
	if q.r.ProtoMajor == 1 && q.body != nil && q.r.ContentLength-q.body.n > maxLeft {
		h.Set("Connection", "close") // Net/http would wait for some of it before it sends the response.
	}
	q.ResponseWriter.WriteHeader(code)
}

func (q *exchange) Write(p []byte) (int, error) {
	if q.status == 0 {
		q.WriteHeader(nethttp.StatusOK)
	}
	n, err := q.write(p)
	q.sent += int64(n)
	return n, err
}

// pieces are buffers for what HTTP/2 sends.
var pieces = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// ReadFrom sends what src has. With HTTP/1 and without TLS a file is not copied.
func (q *exchange) ReadFrom(src io.Reader) (int64, error) {
	if q.status == 0 {
		q.WriteHeader(nethttp.StatusOK)
	}
	if rf, ok := q.ResponseWriter.(io.ReaderFrom); ok && q.r.ProtoMajor == 1 {
		n, err := rf.ReadFrom(src)
		q.sent += n
		return n, err
	}
	buf := pieces.Get().(*[32 << 10]byte)
	defer pieces.Put(buf)
	return io.CopyBuffer(writerOnly{q}, struct{ io.Reader }{src}, buf[:])
}

// Flush sends what is buffered.
func (q *exchange) Flush() { _ = q.FlushError() }

// FlushError is Flush for nethttp.ResponseController.
func (q *exchange) FlushError() error {
	if q.status == 0 {
		q.WriteHeader(nethttp.StatusOK)
	}
	f, ok := q.ResponseWriter.(interface{ FlushError() error })
	if !ok {
		return nethttp.ErrNotSupported
	}
	defer q.watchWrite()()
	return f.FlushError()
}

// Hijack hands over the connection of an HTTP/1 request.
func (q *exchange) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	h, ok := q.ResponseWriter.(nethttp.Hijacker)
	if !ok || q.status != 0 && q.status != nethttp.StatusSwitchingProtocols {
		return nil, nil, nethttp.ErrNotSupported
	}
	if q.r.Header["Upgrade"] == nil {
		// See framing: it would go on looking for requests.
		return nil, nil, errors.New("no request to upgrade the connection")
	}
	c, rw, err := h.Hijack()
	if err == nil {
		q.hijacked = true
		if q.status == 0 {
			q.status = nethttp.StatusSwitchingProtocols
			q.first = time.Since(q.start)
		}
	}
	return c, rw, err
}
