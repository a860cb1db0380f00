package logging

import (
	"context"
	"io"
	"log/slog"
)

// Trace logs one direction of a protocol dialogue. Its methods are for one
// goroutine at a time. A nil *Trace logs nothing.
type Trace struct {
	log    *slog.Logger
	prefix string
	kind   slog.Level
}

// NewTrace returns a Trace that logs to log at trace level, each record with
// prefix, by custom "C: " for the client's side and "S: " for the server's.
func NewTrace(log *slog.Logger, prefix string) *Trace {
	return &Trace{log: log, prefix: prefix, kind: LevelTrace}
}

// SetKind says what the bytes after it are: LevelTrace for the plain dialogue,
// LevelTraceauth for credentials, LevelTracedata for message data. Credentials
// and data are shown only when their level is enabled; otherwise the trace
// tells that they were there, and of data how much.
//
// It returns the kind before, for restoring it.
func (t *Trace) SetKind(kind slog.Level) (previous slog.Level) {
	if t == nil {
		return kind
	}
	previous, t.kind = t.kind, kind
	return previous
}

// Log logs bytes of the dialogue. It does not keep them.
func (t *Trace) Log(data []byte) {
	if t == nil || len(data) == 0 {
		return
	}
	ctx := context.Background()
	if !t.log.Enabled(ctx, LevelTrace) {
		return
	}
	switch {
	case t.log.Enabled(ctx, t.kind):
		t.log.Log(ctx, t.kind, "protocol", "dir", t.prefix, "data", string(data))
	case t.kind == LevelTracedata:
		t.log.Log(ctx, LevelTrace, "protocol", "dir", t.prefix, "data", "...", "size", len(data))
	default:
		t.log.Log(ctx, LevelTrace, "protocol", "dir", t.prefix, "data", "***")
	}
}

// Reader returns a reader that logs what is read from r.
func (t *Trace) Reader(r io.Reader) io.Reader { return &traceReader{t, r} }

// Writer returns a writer that logs what is written to w.
func (t *Trace) Writer(w io.Writer) io.Writer { return &traceWriter{t, w} }

type traceReader struct {
	t *Trace
	r io.Reader
}

func (r *traceReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.t.Log(p[:max(n, 0)])
	return n, err
}

type traceWriter struct {
	t *Trace
	w io.Writer
}

func (w *traceWriter) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	w.t.Log(p[:max(n, 0)])
	return n, err
}
