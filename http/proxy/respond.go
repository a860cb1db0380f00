package proxy

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// copyFields adds the fields of the response to header.
func (x *exchange) copyFields(header http.Header) {
	h := &x.head
	values := make([]string, len(h.fields)) // One allocation for the values of all.
	for i := range h.fields {
		f := &h.fields[i]
		if h.nominated(f.name) {
			continue
		}
		switch f.name {
		case "Location":
			f.value = x.location(f.value)
		case "Content-Length":
			if h.code < 200 || h.code == http.StatusNoContent { // RFC 9110 §8.6.
				continue
			}
		}
		if had, ok := header[f.name]; ok {
			header[f.name] = append(had, f.value)
			continue
		}
		values[i] = f.value
		header[f.name] = values[i : i+1 : i+1]
	}
}

// location turns the place of an upstream, in a redirect, into the one that the client
// knows it by.
func (x *exchange) location(value string) string {
	strip := x.h.opts.StripPath
	rest := value
	if origin := x.up.origin; origin != "" && !x.h.opts.PassHost && len(rest) >= len(origin) && strings.EqualFold(rest[:len(origin)], origin) {
		rest = rest[len(origin):]
		if rest == "" {
			rest = "/"
		}
	}
	if rest[:min(1, len(rest))] != "/" || strings.HasPrefix(rest, "//") {
		return value // Elsewhere, or relative.
	}
	if p, ok := strings.CutPrefix(rest, x.up.path); ok && (p == "" || p[0] == '/') {
		rest = p
	} else if x.up.path != "" {
		return value
	}
	if len(rest) > 0 && rest != value && strings.HasPrefix(rest, "//") {
		return value
	}
	return strip + rest
}

// respond passes the final response on.
func (x *exchange) respond() error {
	h, header := &x.head, x.w.Header()
	for _, name := range []string{"Content-Type", "Date", "Server"} {
		delete(header, name)
	}
	x.copyFields(header)
	if _, ok := header["Content-Type"]; !ok {
		header["Content-Type"] = nil // The server is not to guess one.
	}
	for name, values := range x.h.opts.ResponseHeaders {
		if len(values) == 0 {
			delete(header, name)
			continue
		}
		header[name] = values
	}
	if h.code == http.StatusUpgradeRequired && h.upgrade != "" && x.r.ProtoMajor == 1 { // RFC 9110 §15.5.22.
		header.Set("Upgrade", h.upgrade)
		header.Set("Connection", "Upgrade")
	}
	x.closeClient(header)
	announced := x.announce(header)
	x.body.start(&x.c.in, h, x.r.Method)
	x.answered = true
	x.w.WriteHeader(h.code)
	if err := x.copyBody(); err != nil {
		return err
	}
	x.setTrailers(header, announced)
	return nil
}

// closeClient ends the client's connection with this response when its request has not
// been read to the end, and may never be: what follows must not be taken for a request.
func (x *exchange) closeClient(header http.Header) {
	if x.r.ProtoMajor == 1 && x.hasBody && (x.sending == nil || !x.sending.finished()) {
		header.Set("Connection", "close")
	}
}

// announce says which trailers may come, and returns how many.
func (x *exchange) announce(header http.Header) int {
	n := 0
	for _, name := range x.head.trailers {
		if isToken(name) && httpguts.ValidTrailerHeader(name) {
			header.Add("Trailer", name)
			n++
		}
	}
	return n
}

// copyBody passes the content on as it comes.
func (x *exchange) copyBody() error {
	b := &x.body
	if b.done {
		return nil
	}
	var scratch []byte
	if !b.ready() || b.framing != byLength || int64(len(x.c.in.buffered())) < b.left {
		buf := buffers.Get().(*[bodyBuffer]byte)
		defer buffers.Put(buf)
		scratch = buf[:]
		if !b.ready() && !x.flush() { // The client may act on the head alone.
			return errWrite
		}
	}
	for {
		if x.h.opts.BodyTimeout > 0 && !b.ready() {
			x.c.setLimit(time.Now().Add(x.h.opts.BodyTimeout))
		} else if scratch != nil {
			x.c.setLimit(time.Time{})
		}
		p, err := b.next(scratch)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("body of the response: %w", err)
		}
		if _, err := x.w.Write(p); err != nil {
			if errors.Is(err, http.ErrBodyNotAllowed) {
				return fmt.Errorf("%w: content where none is possible", errMalformed)
			}
			return fmt.Errorf("%w: %w", errWrite, err)
		}
		if b.done && b.framing == byLength {
			return nil
		}
		if !b.ready() && !x.flush() {
			return errWrite
		}
	}
}

// flush sends what was written to the client. It returns false when the client is gone.
func (x *exchange) flush() bool {
	if f, ok := x.w.(interface{ FlushError() error }); ok {
		return f.FlushError() == nil
	}
	err := http.NewResponseController(x.w).Flush()
	return err == nil || errors.Is(err, http.ErrNotSupported)
}

// setTrailers passes trailers on.
func (x *exchange) setTrailers(header http.Header, announced int) {
	for _, f := range x.body.trailers {
		if !httpguts.ValidTrailerHeader(f.name) || hopByHop(f.name) {
			continue
		}
		name := http.TrailerPrefix + f.name
		if announced > 0 && slices.Contains(x.head.trailers, f.name) {
			name = f.name
			if !slices.Contains(header["Trailer"], f.name) {
				continue
			}
		}
		header[name] = append(header[name], f.value)
	}
}
