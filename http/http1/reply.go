package http1

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http/httpguts"
)

const (
	// gather is up to how much is sent at once with what comes before it, in bytes.
	gather = 8 << 10

	// maxUnframed is how much content may wait for its end, so that its length is known, in bytes.
	maxUnframed = 4 << 10

	// copied is how much is copied at once, in bytes.
	copied = 32 << 10
)

var (
	buffers = sync.Pool{New: func() any { b := make([]byte, 0, gather); return &b }}
	copies  = sync.Pool{New: func() any { return new([copied]byte) }}
)

func newBuffer() *[]byte { return buffers.Get().(*[]byte) }

func freeBuffer(b *[]byte) {
	if b != nil && cap(*b) <= 4*gather {
		*b = (*b)[:0]
		buffers.Put(b)
	}
}

// errEnded is the error of what is written when the handler has returned.
var errEnded = errors.New("response has ended")

// reply is a response, and the ResponseWriter of handlers.
type reply struct {
	c       *conn
	isHead  bool // Only the head is asked for.
	request requestContext
	header  http.Header

	out  *[]byte // To be sent; nil at the end.
	body *[]byte // Content of which the length is not known; nil for none yet.

	status   int
	length   int64 // As said by Content-Length, -1 if not.
	written  int64
	sniff    bool     // The media type is to be guessed.
	dated    bool     // There is a Date, or shall be none.
	trailers []string // Names of fields that come after the content.
	trailing bool     // There are such fields.
	framed   bool     // The head is complete,
	chunked  bool     // and said so.
	last     bool     // It is the last one of the connection.
	timed    bool     // The handler has set deadlines.
	err      error    // Of the connection.
}

var (
	_ http.Flusher  = (*reply)(nil)
	_ io.ReaderFrom = (*reply)(nil)
)

func newReply(c *conn, isHead bool) *reply {
	return &reply{
		c: c, isHead: isHead, length: -1,
		request: requestContext{Context: c.ctx, c: c},
		header:  make(http.Header, 8),
		out:     newBuffer(),
	}
}

// Header returns the fields that WriteHeader sends.
func (w *reply) Header() http.Header { return w.header }

// bare tells whether the code is one without content (RFC 9110 §6.4.1).
func (w *reply) bare() bool {
	return w.status < 200 || w.status == http.StatusNoContent || w.status == http.StatusNotModified
}

// WriteHeader writes the head, as far as it does not depend on the content.
func (w *reply) WriteHeader(code int) {
	if code < 100 || code > 999 {
		panic(fmt.Sprintf("invalid status code %d", code)) // As in net/http.
	}
	if w.status != 0 || w.out == nil {
		return
	}
	if code < 200 && code != http.StatusSwitchingProtocols {
		w.begin(code)
		for name, values := range w.header {
			if name != "Content-Length" && name != "Transfer-Encoding" {
				w.fields(name, values)
			}
		}
		*w.out = append(*w.out, "\r\n"...)
		w.send()
		return
	}
	w.status = code
	w.sniff = w.header["Content-Encoding"] == nil && !w.bare()
	w.begin(code)
	for name, values := range w.header {
		if w.own(name, values) {
			w.fields(name, values)
		}
	}
}

// begin appends a status line.
func (w *reply) begin(code int) {
	b := append(*w.out, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(code), 10)
	b = append(b, ' ')
	if text := http.StatusText(code); text != "" {
		b = append(b, text...)
	} else {
		b = append(b, "status code "...)
		b = strconv.AppendInt(b, int64(code), 10)
	}
	*w.out = append(b, "\r\n"...)
}

// own looks at a field of the handler. It returns false for what is not sent as it is.
func (w *reply) own(name string, values []string) bool {
	switch name {
	case "Content-Length":
		if n, err := strconv.ParseInt(strings.Join(values, ","), 10, 64); err == nil && n >= 0 {
			w.length = n
		}
		return false
	case "Transfer-Encoding":
		w.sniff = false // As in net/http. Which one it is, is ours to choose.
		return false
	case "Connection":
		w.last = w.last || httpguts.HeaderValuesContainsToken(values, "close")
		return !w.last
	case "Content-Type":
		w.sniff = false
		return w.status != http.StatusNotModified
	case "Date":
		w.dated = true
	case "Trailer":
		for _, v := range values {
			for name := range strings.SplitSeq(v, ",") {
				if name = textproto.CanonicalMIMEHeaderKey(textproto.TrimString(name)); httpguts.ValidTrailerHeader(name) {
					w.trailers = append(w.trailers, name)
				}
			}
		}
		w.trailing = true
	default:
		if strings.HasPrefix(name, http.TrailerPrefix) {
			w.trailing = true
			return false
		}
	}
	return true
}

// fields appends the lines of a field.
func (w *reply) fields(name string, values []string) {
	if !httpguts.ValidHeaderFieldName(name) {
		return
	}
	b := *w.out
	for _, v := range values {
		b = append(b, name...)
		b = append(b, ": "...)
		from := len(b)
		b = append(b, textproto.TrimString(v)...)
		for i, c := range b[from:] {
			if c == '\r' || c == '\n' {
				b[from+i] = ' '
			}
		}
		b = append(b, "\r\n"...)
	}
	*w.out = b
}

// frame ends the head. Content is the beginning of the content.
func (w *reply) frame(content []byte) {
	w.framed = true
	b := *w.out
	if w.sniff && len(content) > 0 {
		b = append(b, "Content-Type: "...)
		b = append(b, http.DetectContentType(content)...)
		b = append(b, "\r\n"...)
	}
	switch {
	case w.bare():
	case w.length >= 0:
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, w.length, 10)
		b = append(b, "\r\n"...)
	case !w.isHead:
		w.chunked = true
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	}
	if !w.dated {
		b = append(b, "Date: "...)
		b = time.Now().UTC().AppendFormat(b, http.TimeFormat)
		b = append(b, "\r\n"...)
	}
	if w.last = w.last || w.c.s.closing.Load(); w.last {
		b = append(b, "Connection: close\r\n"...)
	}
	*w.out = append(b, "\r\n"...)
}

// Write writes content. It returns http.ErrContentLength for more than Content-Length said.
func (w *reply) Write(p []byte) (int, error) {
	if err := w.begins(); err != nil {
		return 0, err
	}
	if w.length >= 0 && w.written+int64(len(p)) > w.length {
		w.last = w.last || !w.isHead // As in net/http.
		return 0, http.ErrContentLength
	}
	w.written += int64(len(p))
	switch {
	case w.length >= 0:
		if !w.framed {
			w.frame(p)
		}
		if !w.isHead {
			w.emit(p)
		}
	case w.isHead && w.framed:
	case !w.hold(p):
		w.chunk(p)
	}
	if w.err != nil {
		return 0, w.err
	}
	return len(p), nil
}

// begins tells whether content can be written, and writes the header if that was not done.
func (w *reply) begins() error {
	if w.out == nil {
		return errEnded
	}
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.bare() {
		return http.ErrBodyNotAllowed
	}
	return w.err
}

// hold keeps content until it has ended, or is more.
func (w *reply) hold(p []byte) bool {
	if w.body == nil {
		w.body = newBuffer()
	}
	if len(*w.body)+len(p) > maxUnframed {
		return false
	}
	*w.body = append(*w.body, p...)
	return true
}

// chunk sends what was held and p as a chunk (RFC 9112 §7.1).
func (w *reply) chunk(p []byte) {
	var held []byte
	if w.body != nil {
		held = *w.body
		*w.body = held[:0]
	}
	if !w.framed {
		first := held
		if len(first) == 0 {
			first = p
		}
		w.frame(first)
	}
	if n := len(held) + len(p); n > 0 && w.chunked {
		*w.out = append(strconv.AppendInt(*w.out, int64(n), 16), "\r\n"...)
		w.emit(held)
		w.emit(p)
		w.emit([]byte("\r\n"))
	}
}

// emit sends p, after what is to be sent, or keeps it for later if it is little.
func (w *reply) emit(p []byte) {
	if len(*w.out)+len(p) <= gather {
		*w.out = append(*w.out, p...)
		return
	}
	w.send()
	if len(p) <= gather/2 {
		*w.out = append(*w.out, p...)
	} else if w.err == nil {
		_, w.err = w.c.nc.Write(p)
	}
}

// send sends what is to be sent.
func (w *reply) send() {
	if w.err == nil && len(*w.out) > 0 {
		_, w.err = w.c.nc.Write(*w.out)
	}
	*w.out = (*w.out)[:0]
}

// ReadFrom writes what src has. The connection sends a file itself where it can.
func (w *reply) ReadFrom(src io.Reader) (int64, error) {
	if err := w.begins(); err != nil {
		return 0, err
	}
	rf, ok := w.c.nc.(io.ReaderFrom)
	if !ok || w.length < 0 || w.sniff || w.isHead {
		buf := copies.Get().(*[copied]byte)
		defer copies.Put(buf)
		return io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{src}, buf[:])
	}
	if !w.framed {
		w.frame(nil)
	}
	w.sendBefore(src)
	if w.err != nil {
		return 0, w.err
	}
	n, err := rf.ReadFrom(src)
	w.written += n
	return n, err
}

// sendBefore is send when src follows. The head alone would be a packet that wakes the client for nothing. With the beginning of the file in it, all
// pages of the file would be cut in two, which costs the client half as much again as whole ones.
func (w *reply) sendBefore(src io.Reader) {
	if l, ok := src.(*io.LimitedReader); ok {
		src = l.R
	}
	_, isFile := src.(*os.File)
	m, ok := w.c.nc.(interface{ WriteMore([]byte) (int, error) })
	if !ok || !isFile || w.written >= w.length || w.err != nil || len(*w.out) == 0 {
		w.send()
		return
	}
	_, w.err = m.WriteMore(*w.out)
	*w.out = (*w.out)[:0]
}

// Flush sends what was written.
func (w *reply) Flush() { _ = w.FlushError() }

// FlushError is Flush for http.ResponseController.
func (w *reply) FlushError() error {
	if err := w.begins(); err != nil && err != http.ErrBodyNotAllowed {
		return err
	}
	w.chunk(nil)
	w.send()
	return w.err
}

// SetWriteDeadline is for http.ResponseController.
func (w *reply) SetWriteDeadline(t time.Time) error {
	w.timed = true
	return w.c.nc.SetWriteDeadline(t)
}

// SetReadDeadline is for http.ResponseController. There is nothing to read.
func (w *reply) SetReadDeadline(time.Time) error { return nil }

// EnableFullDuplex is for http.ResponseController. There is nothing to read.
func (w *reply) EnableFullDuplex() error { return nil }

// finish sends the rest of a response when the handler has returned. It returns false when the connection is to be closed.
func (w *reply) finish() bool {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if !w.framed {
		w.frameWhole()
	}
	switch {
	case w.chunked:
		w.chunk(nil)
		*w.out = append(*w.out, "0\r\n"...)
		w.appendTrailers()
		*w.out = append(*w.out, "\r\n"...)
	case !w.isHead && !w.bare() && w.written != w.length:
		w.last = true // So that the client notes that something is missing.
	}
	w.send()
	if w.timed {
		_ = w.c.nc.SetWriteDeadline(time.Time{})
	}
	return w.err == nil && !w.last
}

// frameWhole ends the head when all of the content is known. Of a response to HEAD without any the length is not: the handler
// may have left the content out by itself.
func (w *reply) frameWhole() {
	var content []byte
	if w.body != nil {
		content = *w.body
	}
	if w.length < 0 && !w.trailing && (!w.isHead || len(content) > 0) {
		w.length = int64(len(content))
	}
	w.frame(content)
	if !w.chunked && !w.isHead {
		w.emit(content)
	}
}

// appendTrailers appends the fields that were announced, and those that were not.
func (w *reply) appendTrailers() {
	for name, values := range w.header {
		if rest, ok := strings.CutPrefix(name, http.TrailerPrefix); ok {
			w.fields(rest, values)
		} else if slices.Contains(w.trailers, name) {
			w.fields(name, values)
		}
	}
}

// free gives buffers back.
func (w *reply) free() {
	freeBuffer(w.out)
	freeBuffer(w.body)
	w.out, w.body = nil, nil
}
