package proxy

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/net/http/httpguts"
)

// sender passes a request body on, while the response may already come.
type sender struct {
	done   chan struct{}
	failed atomic.Pointer[error] // Set before done is closed, unless all was sent.
	ok     atomic.Bool
}

// sendBody begins to pass the request body on, unless the client waits to be told so.
func (x *exchange) sendBody() {
	if !x.expects {
		x.startSending()
		return
	}
	x.c.setLimit(time.Now().Add(expectTimeout))
}

func (x *exchange) startSending() {
	s := &sender{done: make(chan struct{})}
	x.sending = s
	x.c.setLimit(time.Time{}) // Until all is sent.
	c := x.c
	go func() {
		defer close(s.done)
		err := x.copyRequest(c)
		if err != nil {
			s.failed.Store(&err)
			if errors.Is(err, errClient) || errors.Is(err, errTooLarge) {
				// Nothing that the upstream could answer to.
				c.nc.Close()
				return
			}
			// It may have answered before it ended the connection.
		}
		if x.h.opts.HeaderTimeout > 0 {
			c.setHeadLimit(time.Now().Add(x.h.opts.HeaderTimeout))
		}
		s.ok.Store(err == nil) // From now on the connection may be another exchange's.
	}()
}

// finished tells whether all of the body was passed on.
func (s *sender) finished() bool { return s.ok.Load() }

// ended tells whether the sender uses nothing of the exchange any more.
func (s *sender) ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// clientError returns the error of the client's part, if that ended it.
func (s *sender) clientError() error {
	if p := s.failed.Load(); p != nil && (errors.Is(*p, errClient) || errors.Is(*p, errTooLarge)) {
		return *p
	}
	return nil
}

// cancel ends the sender and waits for it, since a body must not be read when the handler has
// returned. The connection to the upstream is closed already, so that it ends with the next that the client
// sends; the server reads the rest.
func (s *sender) cancel(w http.ResponseWriter, r *http.Request, linger time.Duration) {
	rc := http.NewResponseController(w)
	switch {
	case s.failed.Load() != nil: // It reads no more.
	case r.ProtoMajor >= 2:
		r.Body.Close()
	case rc.SetReadDeadline(time.Now().Add(linger)) != nil:
		return // What made this request ends the read itself.
	}
	<-s.done
}

// chunkFrame is room before a chunk for its size, and after it for CRLF.
const (
	chunkFront = 8
	chunkBack  = 2
)

// copyRequest writes the request body to the upstream.
func (x *exchange) copyRequest(c *conn) error {
	buf := buffers.Get().(*[bodyBuffer]byte)
	defer buffers.Put(buf)
	timeout := x.h.opts.BodyTimeout
	var total int64
	for {
		n, err := x.r.Body.Read(buf[chunkFront : bodyBuffer-chunkBack])
		total += int64(n)
		if max := x.h.opts.MaxRequestBody; max > 0 && total > max {
			return errTooLarge
		}
		if n > 0 {
			if werr := c.write(x.frame(buf, n), timeout); werr != nil {
				return werr
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errClient, err)
		}
	}
	if !x.chunked {
		if total != x.r.ContentLength {
			return fmt.Errorf("%w: %w", errClient, io.ErrUnexpectedEOF)
		}
		return nil
	}
	return c.write(x.lastChunk(buf[:0]), timeout)
}

// frame returns the n bytes in buf from chunkFront on as they are sent.
func (x *exchange) frame(buf *[bodyBuffer]byte, n int) []byte {
	if !x.chunked {
		return buf[chunkFront : chunkFront+n]
	}
	var size [chunkFront]byte
	line := append(strconv.AppendInt(size[:0], int64(n), 16), "\r\n"...)
	from := chunkFront - copy(buf[chunkFront-len(line):], line)
	return append(buf[from:chunkFront+n], "\r\n"...)
}

// lastChunk appends the last chunk and the trailers, which are known when the body has
// been read.
func (x *exchange) lastChunk(b []byte) []byte {
	b = append(b, "0\r\n"...)
	for name, values := range x.r.Trailer {
		if !x.h.passesTrailer(name) {
			continue
		}
		for _, v := range values {
			if !httpguts.ValidHeaderFieldValue(v) {
				continue
			}
			b = append(b, name...)
			b = append(b, ": "...)
			b = append(b, v...)
			b = append(b, "\r\n"...)
		}
	}
	return append(b, "\r\n"...)
}
