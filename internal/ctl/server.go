package ctl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"time"
)

const (
	requestTimeout = 10 * time.Second // For a client to name its call.
	stopTimeout    = 2 * time.Second  // For a client to take the last frame of a server that stops.
)

var errStopping = errors.New("the server is stopping")

// Handler answers a call. What it returns is the result, sent as JSON. The context
// ends when the client is gone or the server stops; a handler should then return
// soon, in an orderly way.
//
// A handler's error is shown to the user of the command, as it is.
type Handler func(ctx context.Context, call *Call) (result any, err error)

// Call is what a Handler answers. It is for one goroutine, except for Progress.
type Call struct {
	Name   string
	params json.RawMessage
	input  io.Reader
	w      *writer
}

// Params decodes the parameters of the call into v, a pointer.
func (c *Call) Params(v any) error {
	if len(c.params) == 0 {
		return nil
	}
	if err := json.Unmarshal(c.params, v); err != nil {
		return fmt.Errorf("parameters of %s: %w", c.Name, err)
	}
	return nil
}

// Input returns what the client sends. It ends with io.EOF only when the client has
// sent all.
func (c *Call) Input() io.Reader { return c.input }

// Output returns where data for the client goes. It is buffered.
func (c *Call) Output() io.Writer { return c.w }

// Progress tells the client how far the call is, with a value that is sent as JSON.
// It may be used concurrently with all else. It waits for a client that reads
// slowly, so calls should be seldom: some per second.
func (c *Call) Progress(v any) error { return c.w.value(kindProgress, v) }

// Options for New.
type Options struct {
	Handlers map[string]Handler // By name of the call. Must not change.
	Version  string             // Of the program, for messages.
	Log      *slog.Logger       // Default: discard.
}

// Server answers calls.
type Server struct {
	opts Options

	ctx    context.Context // Ends all calls.
	cancel context.CancelFunc
	wg     sync.WaitGroup // Connections.

	mu       sync.Mutex // Guards what follows.
	listener net.Listener
	closed   bool
}

// New returns a server.
func New(opts Options) *Server {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{opts: opts}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Serve answers on a listener until Shutdown, and then returns nil. It may be called
// once. When the process is out of file descriptors it waits for some. Returns the
// error of a listener that somebody else closed.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return l.Close()
	}
	s.listener = l
	s.mu.Unlock()
	var backoff time.Duration
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			backoff = 0
			s.serveConn(conn)
			continue
		case s.ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("control socket: %w", err)
		}
		backoff = min(max(2*backoff, 5*time.Millisecond), time.Second)
		s.opts.Log.Error("accepting a control connection", "err", err, "retry", backoff)
		select {
		case <-time.After(backoff):
		case <-s.ctx.Done():
			return nil
		}
	}
}

// serveConn answers on a connection, in a goroutine of its own.
func (s *Server) serveConn(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		conn.Close()
		return
	}
	s.wg.Go(func() {
		defer conn.Close()
		if err := s.answer(conn); err != nil && !errors.Is(err, io.EOF) {
			s.opts.Log.Debug("control connection", "err", err)
		}
	})
}

// Shutdown stops listening, ends the contexts of all calls and waits for them until
// the context ends, whose error it then returns.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	l := s.listener
	s.mu.Unlock()
	s.cancel()
	if l != nil {
		l.Close()
	}
	done := make(chan struct{})
	go func() {
		s.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// answer carries out the one call of a connection.
func (s *Server) answer(conn net.Conn) error {
	w, r := newWriter(conn), newReader(conn)
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()

	req, err := s.request(conn, r, w)
	if err != nil {
		return err
	}
	// When the server stops, a client has a moment to take the last frame.
	stop := context.AfterFunc(s.ctx, func() {
		conn.SetReadDeadline(time.Unix(1, 0))
		conn.SetWriteDeadline(time.Now().Add(stopTimeout))
	})
	defer stop()

	handler := s.opts.Handlers[req.Call]
	switch {
	case req.Version != Version:
		return w.line(frame{Kind: kindError, Text: fmt.Sprintf("the running server (mox %s) speaks version %d of the control protocol, this command version %d; use the server's binary, or restart it", s.opts.Version, Version, req.Version)})
	case handler == nil:
		return w.line(frame{Kind: kindError, Text: fmt.Sprintf("the running server (mox %s) does not know %q; use its binary, or restart it", s.opts.Version, req.Call)})
	}

	pr, pw := io.Pipe()
	defer pr.Close()
	s.wg.Go(func() {
		err := readInput(r, pw)
		if s.ctx.Err() != nil {
			err = errStopping
		}
		pw.CloseWithError(err)
		// After its input a client sends nothing; a read that returns says it is gone.
		var gone frame
		r.line(&gone)
		cancel()
	})
	result, err := s.handle(ctx, handler, &Call{req.Call, req.Params, pr, w})
	if err != nil {
		return w.line(frame{Kind: kindError, Text: err.Error()})
	}
	return w.value(kindResult, result)
}

// request greets and reads what the client wants.
func (s *Server) request(conn net.Conn, r *reader, w *writer) (request, error) {
	var req request
	if err := conn.SetDeadline(time.Now().Add(requestTimeout)); err != nil {
		return req, err
	}
	// A client that says nothing must not keep the server from stopping.
	stop := context.AfterFunc(s.ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := w.line(greeting{"mox-ctl", Version, s.opts.Version}); err != nil {
		return req, err
	}
	if err := r.line(&req); err != nil {
		return req, err
	}
	if !stop() {
		return req, errStopping
	}
	return req, conn.SetDeadline(time.Time{})
}

// handle calls the handler. A panic is a bug, and costs only this call.
func (s *Server) handle(ctx context.Context, h Handler, c *Call) (result any, err error) {
	defer func() {
		if x := recover(); x != nil {
			s.opts.Log.Error("panic in a call on the control socket", "call", c.Name, "panic", x, "stack", string(debug.Stack()))
			err = fmt.Errorf("%s failed by a bug in mox; its log has the details", c.Name)
		}
	}()
	return h(ctx, c)
}

// readInput copies the client's data until it says that it is the end.
func readInput(r *reader, w io.Writer) error {
	for {
		f, err := r.frame()
		if errors.Is(err, io.EOF) {
			return io.ErrUnexpectedEOF
		} else if err != nil {
			return err
		}
		switch f.Kind {
		case kindEnd:
			return io.EOF
		case kindData:
			if err := r.copyData(w, f); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%w: %s frame from a client", errProtocol, f.Kind)
		}
	}
}
