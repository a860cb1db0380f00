package ctl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"
)

// RemoteError is an error that a handler returned.
type RemoteError struct{ Text string }

var _ error = (*RemoteError)(nil)

func (e *RemoteError) Error() string { return e.Text }

// Client makes calls. It is safe for concurrent use.
type Client struct {
	dial func(ctx context.Context) (net.Conn, error)
}

// Streams are the data of a call. Zero fields are not used.
type Streams struct {
	Input    io.Reader                   // Sent to the server.
	Output   io.Writer                   // Takes what the server sends.
	Progress func(value json.RawMessage) // Told of progress.
}

// Call calls the handler of a name with params, and decodes its result into result
// unless that is nil. A handler's error is returned as *RemoteError. When the
// context ends, the call is cancelled and the context's error returned.
func (c *Client) Call(ctx context.Context, name string, params any, s Streams, result any) error {
	conn, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	err = call(conn, name, params, s, result)
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func call(conn net.Conn, name string, params any, s Streams, result any) error {
	r, w := newReader(conn), newWriter(conn)
	encoded, err := json.Marshal(params)
	if err != nil {
		return err
	}
	var g greeting
	if err := conn.SetReadDeadline(time.Now().Add(requestTimeout)); err != nil {
		return err
	}
	if err := r.line(&g); err != nil {
		return fmt.Errorf("control socket: no greeting: %w", lost(err))
	}
	if g.Protocol != "mox-ctl" {
		return errProtocol
	}
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	if err := w.line(request{Version, name, encoded}); err != nil {
		return err
	}

	// An error in reading the input must be told, not the lost connection that follows.
	inputErr := make(chan error, 1)
	go func() {
		err := sendInput(w, s.Input)
		inputErr <- err
		// After another error the server may still have something to say.
		if errors.As(err, new(inputFault)) {
			conn.Close()
		}
	}()
	err = receive(r, s, result)
	var remote *RemoteError
	if err != nil && !errors.As(err, &remote) {
		select {
		case ierr := <-inputErr:
			var fault inputFault
			if errors.As(ierr, &fault) {
				return fault.error
			}
		default:
		}
	}
	return err
}

// inputFault is an error from the caller's reader.
type inputFault struct{ error }

func sendInput(w *writer, input io.Reader) error {
	if input != nil {
		// Not io.Copy: who is at fault must be known.
		buf := make([]byte, 64<<10)
		for {
			n, err := input.Read(buf)
			if n > 0 {
				if _, err := w.Write(buf[:n]); err != nil {
					return err
				}
			}
			if errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return inputFault{err}
			}
		}
	}
	return w.line(frame{Kind: kindEnd})
}

// receive handles what the server sends, up to its result.
func receive(r *reader, s Streams, result any) error {
	output := s.Output
	if output == nil {
		output = io.Discard
	}
	for {
		f, err := r.frame()
		if err != nil {
			return fmt.Errorf("control socket: %w", lost(err))
		}
		switch f.Kind {
		case kindData:
			if err := r.copyData(output, f); err != nil {
				return err
			}
		case kindProgress:
			if s.Progress != nil {
				s.Progress(f.Value)
			}
		case kindError:
			return &RemoteError{f.Text}
		case kindResult:
			if result == nil {
				return nil
			}
			return json.Unmarshal(f.Value, result)
		default:
			return fmt.Errorf("%w: %s frame from the server", errProtocol, f.Kind)
		}
	}
}

// lost explains the end of a connection.
func lost(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) {
		return errors.New("the server closed the connection, it probably stopped")
	}
	return err
}

// Local returns a client whose calls s answers in this process, for a command that
// works on the data directory itself.
func Local(s *Server) *Client {
	return &Client{dial: func(context.Context) (net.Conn, error) {
		client, server := net.Pipe()
		s.serveConn(server)
		return client, nil
	}}
}
