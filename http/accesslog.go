package http

import (
	"log/slog"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
)

// accessFile is a file with a line per request, in the combined format of Apache and nginx. It is safe for concurrent
// use.
type accessFile struct {
	log  *slog.Logger
	used atomic.Bool

	mu     sync.Mutex // Guards what follows.
	f      *os.File   // Nil if none is wanted, or it cannot be opened.
	line   []byte
	failed bool // The last write did; told once.
}

// open opens the file of this path, anew if it was open before: it may have been renamed.
// An empty path is for none.
func (a *accessFile) open(path string) {
	var f *os.File
	if path != "" {
		var err error
		if f, err = os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640); err != nil {
			a.log.Error("access log cannot be opened; correct HTTPAccessLog in mox.conf and reload", "err", err)
			return // The one that is open may still do.
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.f != nil {
		a.f.Close() // All lines are written.
	}
	a.f, a.failed = f, false
	a.used.Store(f != nil)
}

func (a *accessFile) close() { a.open("") }

// write adds the line of a request.
func (a *accessFile) write(q *exchange) {
	if !a.used.Load() {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.f == nil {
		return
	}
	a.line = appendCombined(a.line[:0], q)
	if _, err := a.f.Write(a.line); err != nil && !a.failed {
		a.failed = true
		a.log.Error("access log cannot be written; lines are missing", "err", err)
	} else if err == nil {
		a.failed = false
	}
}

// appendCombined appends the line of a request.
func appendCombined(b []byte, q *exchange) []byte {
	if q.client.IsValid() {
		b = q.client.AppendTo(b)
	} else {
		b = append(b, '-')
	}
	b = append(b, " - - ["...)
	b = q.start.AppendFormat(b, "02/Jan/2006:15:04:05 -0700")
	b = append(b, `] "`...)
	b = appendEscaped(b, q.r.Method)
	b = append(b, ' ')
	b = appendEscaped(b, q.r.RequestURI)
	b = append(b, ' ')
	b = append(b, q.r.Proto...)
	b = append(b, `" `...)
	b = strconv.AppendInt(b, int64(q.status), 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, q.sent, 10)
	for _, v := range [...]string{q.r.Referer(), q.r.UserAgent()} {
		b = append(b, ` "`...)
		if v == "" {
			v = "-"
		}
		b = appendEscaped(b, v)
		b = append(b, '"')
	}
	return append(b, '\n')
}

// appendEscaped appends what a client said so that it stays within quotes and its line.
func appendEscaped(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c >= 0x7f:
			b = append(b, '\\', 'x', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return b
}
