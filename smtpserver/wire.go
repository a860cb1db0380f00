package smtpserver

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"mox/internal/logging"
	"mox/smtp"
)

// Sizes of buffers, in bytes.
const (
	// readBuffer also bounds a line; it has to hold 12288 octets of an AUTH exchange
	// (RFC 4954 §4).
	readBuffer  = 16 << 10
	writeBuffer = 1 << 10
	flushAt     = 4 << 10 // Replies are written at the latest when there are this many bytes.
	idleBuffer  = 256
	lineBegin   = len("BDAT ") // Of a line longer than the buffer: tells whether a chunk follows, not its size.
)

var (
	readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, readBuffer) }}
	outputs = sync.Pool{New: func() any { b := make([]byte, 0, writeBuffer); return &b }}
)

var (
	errLineTooLong = errors.New("line too long")
	errShutdown    = errors.New("server is shutting down")
)

// wire reads lines from a connection and writes replies to it. It takes buffers from pools
// when bytes arrive and gives them back before it waits for a command: a connection that is
// idle holds none. All but interrupt is for the connection's goroutine.
type wire struct {
	nc      net.Conn
	in, out *logging.Trace // Nil without trace.
	timeout time.Duration  // For each read and write.
	limit   time.Time      // Reads fail after this, whatever the timeout; zero for none.

	br      *bufio.Reader // Nil while idle.
	first   [idleBuffer]byte
	pending []byte  // In first, not given to br yet.
	readErr error   // Of the last read.
	buf     *[]byte // Replies not written yet; nil for none.

	writeErr error // Of a write that failed: nothing can follow it.

	mu          sync.Mutex // Guards what follows.
	waiting     bool       // In a read that interrupt may break off.
	interrupted bool
	greeting    bool // Before the greeting: a client that has come is not sent away without one.
}

// greetingGrace is how long a client has for the TLS handshake before its greeting once the server stops.
const greetingGrace = 3 * time.Second

// Read is the source of br: what idle has read, then the connection.
func (w *wire) Read(p []byte) (int, error) {
	if len(w.pending) > 0 {
		n := copy(p, w.pending)
		w.pending = w.pending[n:]
		return n, nil
	}
	w.mu.Lock()
	interrupted := w.interrupted && w.waiting
	if !interrupted {
		deadline := time.Now().Add(w.timeout)
		if !w.limit.IsZero() && w.limit.Before(deadline) {
			deadline = w.limit
		}
		w.nc.SetReadDeadline(deadline)
	}
	w.mu.Unlock()
	if interrupted {
		return 0, errShutdown
	}
	n, err := w.nc.Read(p)
	if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && w.isInterrupted() {
		err = errShutdown
	}
	w.readErr = err
	return n, err
}

// interrupt makes the current or next wait for a command end with errShutdown, unless it is
// one that must go on.
func (w *wire) interrupt() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.interrupted = true
	switch {
	case w.greeting:
		w.nc.SetReadDeadline(time.Now().Add(greetingGrace))
	case w.waiting:
		w.nc.SetReadDeadline(time.Unix(1, 0))
	}
}

// beforeGreeting sets whether the client still waits for its greeting, and tells whether the server stops.
func (w *wire) beforeGreeting(on bool) (interrupted bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.greeting = on
	return w.interrupted
}

// isInterrupted tells whether the wait that just ended was to be broken off.
func (w *wire) isInterrupted() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.interrupted && w.waiting
}

func (w *wire) setWaiting(on bool) (interrupted bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = on
	return on && w.interrupted
}

// readLine returns the next line without its end, valid until the next read. If none has
// arrived it first writes the replies that are due. A line may end in LF only, as people type
// it and no harm comes of it between commands. If interruptible, the end of the server breaks the
// wait off with errShutdown. A line longer than the buffer is skipped; only its first bytes are returned, with
// errLineTooLong.
func (w *wire) readLine(interruptible bool) ([]byte, error) {
	if w.setWaiting(interruptible) {
		return nil, errShutdown
	}
	defer w.setWaiting(false)
	if w.writeErr != nil {
		return nil, w.writeErr
	}
	if !w.hasLine() {
		if err := w.flush(); err != nil {
			return nil, err
		}
		if err := w.idle(); err != nil {
			return nil, err
		}
	}
	line, err := w.br.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		begin := bytes.Clone(line[:lineBegin])
		for err == bufio.ErrBufferFull {
			_, err = w.br.ReadSlice('\n')
		}
		if err == nil {
			err = errLineTooLong
		}
		return begin, err
	}
	if err != nil {
		return nil, err
	}
	line = line[:len(line)-1]
	return bytes.TrimSuffix(line, []byte("\r")), nil
}

// hasLine tells whether a whole line has arrived.
func (w *wire) hasLine() bool {
	if w.br == nil {
		return false
	}
	b, _ := w.br.Peek(w.br.Buffered())
	return bytes.IndexByte(b, '\n') >= 0
}

// idle makes sure there is something in br, without holding a buffer while waiting for it.
func (w *wire) idle() error {
	if w.br != nil && w.br.Buffered() > 0 {
		return nil
	}
	w.release()
	n, err := w.Read(w.first[:])
	if n == 0 {
		if err == nil {
			err = io.ErrNoProgress
		}
		return err
	}
	w.pending = w.first[:n]
	w.br = readers.Get().(*bufio.Reader)
	w.br.Reset(w)
	return nil
}

// release gives back the reader, and with it what it has buffered.
func (w *wire) release() {
	w.pending = nil
	if w.br != nil {
		w.br.Reset(nil)
		readers.Put(w.br)
		w.br = nil
	}
}

// reply puts a reply into the buffer.
func (w *wire) reply(code int, enhanced smtp.EnhancedCode, texts ...string) {
	if w.buf == nil {
		w.buf = outputs.Get().(*[]byte)
	}
	n := len(*w.buf)
	*w.buf = smtp.AppendReply(*w.buf, code, enhanced, texts...)
	w.out.Log((*w.buf)[n:])
	if len(*w.buf) >= flushAt {
		w.flush() // An error shows when the next line is read.
	}
}

// flush writes the buffered replies.
func (w *wire) flush() error {
	if w.buf == nil {
		return w.writeErr
	}
	if w.writeErr == nil {
		w.nc.SetWriteDeadline(time.Now().Add(w.timeout))
		_, w.writeErr = w.nc.Write(*w.buf)
	}
	if cap(*w.buf) <= 2*flushAt {
		*w.buf = (*w.buf)[:0]
		outputs.Put(w.buf)
	}
	w.buf = nil
	return w.writeErr
}
