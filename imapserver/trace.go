package imapserver

import (
	"context"
	"log/slog"

	"mox/internal/logging"
)

// inputTrace logs what a client sends. What is read from the connection is kept until the command it belongs
// to is known, because only then it is known whether it holds a password, or a message. It
// is for the goroutine that reads. Nothing is kept unless traces are enabled.
type inputTrace struct {
	trace   *logging.Trace
	log     *slog.Logger
	pending []byte // Read, and not logged yet.

	// kind is what the rest of the current command is.
	kind slog.Level
}

// tracePending is how much is kept before what is known of it is logged.
const tracePending = 32 << 10

func (t *inputTrace) enabled() bool { return t.log.Enabled(context.Background(), logging.LevelTrace) }

// add takes what was read, of which the last buffered bytes were not used yet.
func (t *inputTrace) add(b []byte, buffered int) {
	if !t.enabled() {
		t.pending = nil
		return
	}
	if len(t.pending) > tracePending {
		t.consumed(buffered)
	}
	t.pending = append(t.pending, b...)
}

// consumed logs what was used.
func (t *inputTrace) consumed(buffered int) {
	t.as(len(t.pending)-buffered, t.kind)
}

// as logs the next n bytes as being of a kind.
func (t *inputTrace) as(n int, kind slog.Level) {
	if n = min(n, len(t.pending)); n <= 0 {
		return
	}
	t.trace.SetKind(kind)
	t.trace.Log(t.pending[:n])
	if t.pending = append(t.pending[:0], t.pending[n:]...); len(t.pending) == 0 {
		t.pending = nil
	}
}

// buffered is how much of the input was read but not used.
func (c *conn) buffered() int {
	if c.br == nil {
		return 0
	}
	return c.br.Buffered()
}

// traceLine logs the first line of a command. Of a command that may hold credentials, or that is
// not known and could be a LOGIN with a mistake in it, only the name is shown.
func (c *conn) traceLine(r *request, cmd command, known bool) {
	switch {
	case !known || cmd.secret:
		if r.name != "" {
			c.in.as(len(r.tag)+1+len(r.name), logging.LevelTrace)
		}
		c.in.kind = logging.LevelTraceauth
		c.in.consumed(c.buffered())
	case cmd.data:
		c.in.kind = logging.LevelTrace
		c.in.consumed(c.buffered())
		c.in.kind = logging.LevelTracedata
	default:
		c.in.kind = logging.LevelTrace
		c.in.consumed(c.buffered())
	}
}

// traceData runs a function that writes message data, which is kept apart in the trace of what
// is sent.
func (c *conn) traceData(write func()) {
	if !c.in.enabled() {
		write()
		return
	}
	c.enc.Flush()
	kind := c.out.SetKind(logging.LevelTracedata)
	write()
	c.enc.Flush()
	c.out.SetKind(kind)
}
