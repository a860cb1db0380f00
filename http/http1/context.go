package http1

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"
)

// requestContext is the context of a request. It ends when the request is answered, or when the client goes away, which is looked
// for once somebody has asked for Done: most handlers are faster than a client can change its mind.
type requestContext struct {
	context.Context // Of the connection.
	c               *conn

	mu      sync.Mutex // Guards what follows.
	err     error
	done    chan struct{} // Nil until it is asked for.
	watched chan struct{} // Closed when the watch has ended; nil without one.
}

// Done returns a channel that is closed when the context ends.
func (x *requestContext) Done() <-chan struct{} {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.done == nil {
		x.done = make(chan struct{})
		if x.err != nil {
			close(x.done)
		} else if x.c.w < len(x.c.buf) { // Otherwise the client is there and has sent more.
			x.watched = make(chan struct{})
			x.c.armed = time.Time{}
			_ = x.c.nc.SetReadDeadline(time.Time{}) // If this fails, so does the read.
			go x.watch()
		}
	}
	return x.done
}

// Err returns context.Canceled once the context has ended.
func (x *requestContext) Err() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.err
}

// watch reads, ahead of what comes next, until there is something.
func (x *requestContext) watch() {
	defer close(x.watched)
	c := x.c
	n, err := c.nc.Read(c.buf[c.w:])
	c.w += n
	if n == 0 && !errors.Is(err, os.ErrDeadlineExceeded) {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.cancel()
	}
}

// cancel ends the context. The caller holds x.mu.
func (x *requestContext) cancel() {
	if x.err != nil {
		return
	}
	x.err = context.Canceled
	if x.done != nil {
		close(x.done)
	}
}

// end ends the context when the handler has returned, and the watch.
func (x *requestContext) end() {
	x.mu.Lock()
	x.cancel()
	watched := x.watched
	x.mu.Unlock()
	if watched != nil {
		_ = x.c.nc.SetReadDeadline(time.Unix(1, 0))
		<-watched
	}
}
