package proxy

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http/httpguts"
)

// Errors of the client's part.
var (
	errTooLarge   = errors.New("request body too large")
	errBadRequest = errors.New("request cannot be passed on")
	errClient     = errors.New("reading the request body")
	errWrite      = errors.New("writing the response")
)

// errStale says that a kept connection ended before the first byte of a response.
var errStale = errors.New("connection ended while idle")

// maxInformational is how many 1xx responses may come before the final one.
const maxInformational = 100

// expectTimeout is for how long an upstream may think about 100-continue before the
// content is sent without it (RFC 9110 §10.1.1).
const expectTimeout = time.Second

// exchange is a request and its response.
type exchange struct {
	h  *Handler
	w  http.ResponseWriter
	r  *http.Request
	up *upstream
	c  *conn

	hasBody bool
	chunked bool   // The request is sent in chunks.
	expects bool   // The client waits for 100 (Continue).
	upgrade string // Protocols that the client offers to change to, for the Upgrade field.
	connect bool   // It does so by extended CONNECT (RFC 8441).
	key     string // Of the WebSocket handshake, which extended CONNECT has not.

	sending  *sender // Of the request body; nil when it is not begun.
	gone     bool    // The client is, as far as was known before this ended its body.
	answered bool    // Something of the response has gone to the client.
	head     head
	body     body
}

// exchanges are ones that have ended, for the memory of their slices too.
var exchanges = sync.Pool{New: func() any { return new(exchange) }}

func newExchange(h *Handler, w http.ResponseWriter, r *http.Request) *exchange {
	x := exchanges.Get().(*exchange)
	x.h, x.w, x.r = h, w, r
	return x
}

// free lets another exchange have the memory.
func (x *exchange) free() {
	if x.c != nil { // Something panicked.
		x.c.end()
		x.c.nc.Close()
		return
	}
	if x.sending != nil && !x.sending.ended() {
		return // It is still used.
	}
	fields, trailers := x.head.fields, x.body.trailers
	clear(fields[:cap(fields)])
	clear(trailers[:cap(trailers)])
	*x = exchange{head: head{fields: fields[:0]}, body: body{trailers: trailers[:0]}}
	exchanges.Put(x)
}

// buffers are for bodies.
var buffers = sync.Pool{New: func() any { return new([bodyBuffer]byte) }}

const bodyBuffer = 32 << 10

// prepare finds out what the request is about. It returns false for what cannot be done.
func (x *exchange) prepare() bool {
	r := x.r
	x.hasBody = r.Body != nil && r.Body != http.NoBody && r.ContentLength != 0
	if extendedConnect(r) {
		if !strings.EqualFold(r.Header.Get(":protocol"), "websocket") {
			return false
		}
		var key [16]byte
		_, _ = rand.Read(key[:]) // Never fails.
		x.connect, x.upgrade, x.hasBody = true, "websocket", false
		x.key = base64.StdEncoding.EncodeToString(key[:])
		return true
	}
	if x.hasBody {
		x.chunked = r.ContentLength < 0 || len(r.Trailer) > 0
		x.expects = r.ProtoAtLeast(1, 1) && httpguts.HeaderValuesContainsToken(r.Header["Expect"], "100-continue")
		return true
	}
	if r.ProtoMajor == 1 && len(r.Header["Upgrade"]) > 0 && r.ProtoAtLeast(1, 1) &&
		httpguts.HeaderValuesContainsToken(r.Header["Connection"], "upgrade") {
		x.upgrade = offered(r.Header["Upgrade"])
	}
	return true
}

// run sends the request to one upstream after the other until one takes it, and passes
// on the response.
func (x *exchange) run() error {
	var tried uint64
	fresh := false // Whether a kept connection has failed.
	var last error
	for {
		start := time.Now()
		if !fresh {
			up := x.h.choose(start, tried)
			if up == nil {
				return last
			}
			x.up = up
		}
		err := x.attempt(start, fresh)
		if err == nil {
			return nil
		}
		last = err
		var de *dialError
		switch {
		case x.gone:
			return err
		case errors.Is(err, errStale):
			fresh = true
		case errors.As(err, &de):
			fresh = false
			tried |= x.h.bit(x.up)
		default:
			return err
		}
	}
}

// attempt does the exchange with x.up, over a connection that is new if fresh.
func (x *exchange) attempt(start time.Time, fresh bool) error {
	up := x.up
	up.active.Add(1)
	defer up.active.Add(-1)
	repeat := !x.hasBody && x.upgrade == "" && repeatable(x.r.Method)
	var c *conn
	if !fresh {
		c = up.take(start, repeat)
	}
	if c == nil {
		var err error
		if c, err = up.dial(x.r.Context()); err != nil {
			x.gone = x.r.Context().Err() != nil
			x.note(err)
			return err
		}
	}
	x.c = c
	limit := time.Time{}
	if x.h.opts.HeaderTimeout > 0 && !x.hasBody {
		limit = start.Add(x.h.opts.HeaderTimeout)
	}
	c.begin(x.r.Context(), start, limit)
	err := x.converse(start)
	if err != nil && c.reused && repeat && !x.answered && isEnd(err) {
		err = fmt.Errorf("%w: %w", errStale, err)
	}
	x.gone = x.r.Context().Err() != nil
	x.finish(err == nil)
	x.note(err)
	return err
}

// isEnd tells whether a connection had ended, not waited or said something wrong.
func isEnd(err error) bool {
	return !isTimeout(err) && !errors.Is(err, errMalformed) && !errors.Is(err, io.ErrUnexpectedEOF) &&
		!errors.Is(err, errWrite) && !errors.Is(err, errBadRequest)
}

// converse sends the request and passes the response on.
func (x *exchange) converse(start time.Time) error {
	c := x.c
	out, ok := x.h.appendHead(c.out[:0], x)
	c.out = out
	if !ok {
		return errBadRequest
	}
	if x.hasBody {
		c.watch()
		// Without this the server wants all of the body before it writes a byte. Not all
		// servers can; then it is so.
		_ = http.NewResponseController(x.w).EnableFullDuplex()
	}
	if err := c.write(out, 0); err != nil {
		// The upstream may have answered before it ended the connection, but only
		// to a request with content is that of use.
		return err
	}
	if x.hasBody {
		x.sendBody()
	} else {
		// Others go first: a read that finds nothing costs a system call more, and on a busy machine the response is
		// there when they have had their turn.
		runtime.Gosched()
	}
	if err := x.receiveHead(); err != nil {
		return x.blame(err)
	}
	if x.hasBody {
		c.setHeaded()
	}
	x.up.metrics.header(time.Since(start))
	x.up.succeeded()
	if x.head.code == http.StatusSwitchingProtocols {
		return x.tunnel()
	}
	return x.blame(x.respond())
}

// receiveHead reads the head of the final response, and passes on those before it.
func (x *exchange) receiveHead() error {
	for range maxInformational {
		b, err := x.c.in.head(x.h.opts.MaxResponseHeader)
		if err != nil {
			if x.expects && x.sending == nil && isTimeout(err) {
				x.startSending() // The upstream does not know Expect.
				continue
			}
			return err
		}
		if err := parseHead(&x.head, b); err != nil {
			return err
		}
		switch code := x.head.code; {
		case code >= 200:
			return nil
		case code == http.StatusSwitchingProtocols:
			if x.upgrade == "" || !accepted(x.upgrade, x.head.upgrade) {
				return fmt.Errorf("%w: change to a protocol nobody asked for", errMalformed)
			}
			return nil
		case code == http.StatusContinue:
			if x.hasBody && x.sending == nil {
				x.startSending()
			}
		case x.r.ProtoAtLeast(1, 1): // RFC 9110 §15.2.
			x.inform()
		}
	}
	return fmt.Errorf("%w: too many 1xx responses", errMalformed)
}

// inform passes on a 1xx response.
func (x *exchange) inform() {
	header := x.w.Header()
	saved := header.Clone()
	clear(header)
	x.copyFields(header)
	x.answered = true
	x.w.WriteHeader(x.head.code)
	clear(header)
	maps.Copy(header, saved)
}

// blame returns the error of the request body when that is why there is no response, or
// no whole one.
func (x *exchange) blame(err error) error {
	if err == nil || x.sending == nil {
		return err
	}
	if serr := x.sending.clientError(); serr != nil {
		return serr
	}
	return err
}

// finish ends the request body and gives the connection back, or closes it.
func (x *exchange) finish(ok bool) {
	c := x.c
	x.c = nil
	if x.sending != nil && !x.sending.finished() {
		c.nc.Close()
		linger := x.h.opts.LingerTimeout
		switch {
		case ok && x.r.ProtoMajor == 1:
			x.flush() // The client may wait for the response before it ends the body.
		case x.answered:
			linger = 0 // The response is cut off.
		}
		x.sending.cancel(x.w, x.r, linger)
		ok = false
	}
	if x.expects && x.sending == nil || x.head.closes || !x.body.done || len(c.in.buffered()) > 0 {
		ok = false // What comes next on it would be taken for another response.
	}
	if !c.end() || !ok {
		c.nc.Close()
		return
	}
	x.up.put(c, time.Now())
}

// note counts and logs how an attempt ended, and tells the health of the upstream.
func (x *exchange) note(err error) {
	result := x.result(err)
	x.up.metrics.result(result)
	if err == nil {
		return
	}
	level := slog.LevelInfo
	switch result {
	case resultCanceled, resultStale, resultOK:
		level = slog.LevelDebug
	default:
		x.up.failed(time.Now(), err)
	}
	x.h.opts.Log.LogAttrs(x.r.Context(), level, "proxied request", slog.String("upstream", x.up.name),
		slog.String("method", x.r.Method), slog.String("path", x.r.URL.Path), slog.String("result", result), slog.Any("err", err))
}

func (x *exchange) result(err error) string {
	if err == nil {
		return resultOK
	}
	var de *dialError
	switch {
	case errors.Is(err, errTooLarge), errors.Is(err, errBadRequest):
		return resultOK
	case errors.Is(err, errClient), errors.Is(err, errWrite), x.gone:
		return resultCanceled
	case errors.Is(err, errStale):
		return resultStale
	case isTimeout(err):
		return resultTimeout
	case errors.As(err, &de):
		return resultDial
	case errors.Is(err, errMalformed):
		return resultInvalid
	}
	return resultBroken
}
