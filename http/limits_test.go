package http

import (
	nethttp "net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// deadlines counts how often a deadline for writing is set.
type deadlines struct {
	nethttp.ResponseWriter
	n int
}

func (d *deadlines) SetWriteDeadline(time.Time) error {
	d.n++
	return nil
}

// A watch that expires as its request ends does not touch what is another request's by then.
func TestWriteWatchExpiresLate(t *testing.T) {
	t.Parallel()
	w := &deadlines{ResponseWriter: httptest.NewRecorder()}
	watch := newWriteWatch(w, time.Hour)
	watch.expired()
	if w.n != 1 {
		t.Errorf("%d deadlines set for a client that takes nothing, want 1", w.n)
	}
	watch.close()
	watch.expired()
	if w.n != 1 {
		t.Error("a deadline was set after the end")
	}
}
