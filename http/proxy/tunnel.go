package proxy

import (
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// extendedConnect tells whether a request begins a tunnel over HTTP/2 (RFC 8441 §4).
func extendedConnect(r *http.Request) bool {
	return r.Method == http.MethodConnect && r.ProtoMajor == 2 && len(r.Header[":protocol"]) == 1
}

// offered returns the protocols of Upgrade fields that a tunnel can be for. HTTP/2 is not
// one: requests within it would reach the upstream unseen. Nor is TLS, for which the
// client is too near.
func offered(lines []string) string {
	var l []string
	for _, line := range lines {
		eachElement(line, func(protocol string) {
			name, version, versioned := strings.Cut(protocol, "/")
			if !isToken(name) || versioned && !isToken(version) {
				return
			}
			switch strings.ToLower(name) {
			case "h2", "h2c", "http", "tls":
				return
			}
			l = append(l, protocol)
		})
	}
	return strings.Join(l, ", ")
}

// accepted tells whether a protocol is one of those that were offered (RFC 9110 §7.8).
func accepted(offers, protocol string) bool {
	ok := false
	eachElement(offers, func(o string) { ok = ok || strings.EqualFold(o, protocol) })
	return ok
}

// tunnel connects both sides, after the upstream has changed the protocol, until both have
// ended.
func (x *exchange) tunnel() error {
	header := x.w.Header()
	saved := header.Clone()
	x.copyFields(header)
	for name, values := range x.h.opts.ResponseHeaders {
		header[name] = values
	}
	client, err := x.openClient(header)
	if err != nil {
		clear(header) // What the upstream says has no part in an error.
		maps.Copy(header, saved)
		return err
	}
	defer client.Close()
	c := x.c
	c.setLimit(time.Time{})
	if err := c.nc.SetWriteDeadline(time.Time{}); err != nil {
		return err
	}
	t := &tunnel{timeout: x.h.opts.TunnelTimeout, end: func() {
		client.Close()
		c.nc.Close()
	}}
	if t.timeout > 0 {
		t.idle = time.AfterFunc(t.timeout, t.end)
		defer t.idle.Stop()
	}
	var down sync.WaitGroup
	down.Go(func() {
		first := append([]byte(nil), c.in.buffered()...)
		c.in.r = c.in.w
		t.copy(client, c, first, client.CloseWrite)
	})
	t.copy(c.nc, client, nil, c.closeWrite)
	down.Wait()
	return nil
}

// clientSide is the client's end of a tunnel.
type clientSide interface {
	io.ReadWriteCloser
	CloseWrite() error
}

// openClient tells the client that the protocol changes, and returns its side of it.
func (x *exchange) openClient(header http.Header) (clientSide, error) {
	if x.connect {
		if !validAccept(x.key, header.Get("Sec-Websocket-Accept")) {
			return nil, fmt.Errorf("%w: bad answer to a WebSocket handshake", errMalformed)
		}
		header.Del("Sec-Websocket-Accept") // RFC 8441 §5: it has no part there.
		x.answered = true
		x.w.WriteHeader(http.StatusOK)
		s := &stream{x: x, body: x.r.Body}
		return s, s.flush()
	}
	nc, brw, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		return nil, fmt.Errorf("taking over the connection: %w", err)
	}
	x.answered = true
	if err := nc.SetDeadline(time.Time{}); err != nil {
		nc.Close()
		return nil, fmt.Errorf("%w: %w", errWrite, err)
	}
	header.Set("Connection", "Upgrade")
	header.Set("Upgrade", x.head.upgrade)
	brw.Writer.Reset(nc)
	_, _ = brw.WriteString("HTTP/1.1 101 Switching Protocols\r\n") // Errors stay until Flush.
	_ = header.Write(brw)
	_, _ = brw.WriteString("\r\n")
	if err := brw.Flush(); err != nil {
		nc.Close()
		return nil, fmt.Errorf("%w: %w", errWrite, err)
	}
	n := brw.Reader.Buffered()
	if n == 0 {
		return socket{nc, nc}, nil
	}
	early, err := brw.Peek(n)
	return socket{nc, io.MultiReader(strings.NewReader(string(early)), nc)}, err
}

// validAccept checks the answer to a WebSocket handshake (RFC 6455 §4.2.2).
func validAccept(key, accept string) bool {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return accept == base64.StdEncoding.EncodeToString(sum[:])
}

// socket is a client that has its connection for itself.
type socket struct {
	net.Conn
	in io.Reader // The connection, after what was read of it already.
}

func (s socket) Read(p []byte) (int, error) { return s.in.Read(p) }
func (s socket) CloseWrite() error          { return closeWrite(s.Conn) }

// stream is a client that has a stream of HTTP/2.
type stream struct {
	x    *exchange
	body io.ReadCloser // Of the request. The tunnel may time out, and close it, when the exchange has just ended.
}

func (s *stream) Read(p []byte) (int, error) { return s.body.Read(p) }

func (s *stream) Write(p []byte) (int, error) {
	n, err := s.x.w.Write(p)
	if err == nil {
		err = s.flush()
	}
	return n, err
}

func (s *stream) flush() error {
	if !s.x.flush() {
		return errWrite
	}
	return nil
}

// CloseWrite ends the tunnel: the stream ends when the handler returns, not before.
func (s *stream) CloseWrite() error { return s.Close() }
func (s *stream) Close() error      { return s.body.Close() }

// tunnel is what its two directions share.
type tunnel struct {
	timeout time.Duration
	idle    *time.Timer // Nil without timeout.
	end     func()      // Closes both sides.
}

// smallBuffer is what a direction has while little goes through it, as with most
// WebSockets at most times.
const smallBuffer = 2048

// copy copies until src ends, then ends dst by closeWrite. Any error ends the tunnel.
func (t *tunnel) copy(dst io.Writer, src io.Reader, first []byte, closeWrite func() error) {
	err := t.copyAll(dst, src, first)
	if err == nil {
		err = closeWrite()
	}
	if err != nil {
		t.end()
	}
}

func (t *tunnel) copyAll(dst io.Writer, src io.Reader, first []byte) error {
	small := make([]byte, smallBuffer)
	buf := small
	var large *[bodyBuffer]byte
	defer func() {
		if large != nil {
			buffers.Put(large)
		}
	}()
	if len(first) > 0 {
		if _, err := dst.Write(first); err != nil {
			return err
		}
	}
	for {
		n, err := src.Read(buf)
		if n > 0 {
			if t.idle != nil {
				t.idle.Reset(t.timeout)
			}
			if _, err := dst.Write(buf[:n]); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case n == len(buf) && large == nil:
			large = buffers.Get().(*[bodyBuffer]byte)
			buf = large[:]
		case n < smallBuffer && large != nil:
			buffers.Put(large)
			large, buf = nil, small
		}
	}
}
