package websession

import (
	"context"
	"errors"
	"sync"
	"time"

	"mox/store"
)

// checkEvery is how often is looked whether a request that lasts still has a session.
const checkEvery = 10 * time.Second

// ErrOver is the cause with which the context of a request ends whose session is over.
var ErrOver = errors.New("web session is over")

// watches are the requests that last. Those of an account are looked at when sessions of it are ended here, others every so often: a
// session may also end by its age, or with a password that is changed elsewhere.
type watches struct {
	mu sync.Mutex
	of map[store.AccountID]map[*time.Timer]bool // True for those that are to be looked at now.
}

func (w *watches) add(id store.AccountID, t *time.Timer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.of == nil {
		w.of = map[store.AccountID]map[*time.Timer]bool{}
	}
	if w.of[id] == nil {
		w.of[id] = map[*time.Timer]bool{}
	}
	w.of[id][t] = false
}

func (w *watches) remove(id store.AccountID, t *time.Timer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t.Stop()
	delete(w.of[id], t)
	if len(w.of[id]) == 0 {
		delete(w.of, id)
	}
}

// begin is called when a timer runs. It returns false if its request has ended.
func (w *watches) begin(id store.AccountID, t *time.Timer) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.of[id][t]; !ok {
		return false
	}
	w.of[id][t] = false
	return true
}

// again has a timer that has run run again: later, or now if a session was ended meanwhile.
func (w *watches) again(id store.AccountID, t *time.Timer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch now, ok := w.of[id][t]; {
	case !ok:
	case now:
		t.Reset(0)
	default:
		t.Reset(checkEvery)
	}
}

// look has the requests of an account be looked at now.
func (w *watches) look(id store.AccountID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for t := range w.of[id] {
		w.of[id][t] = true
		t.Reset(0)
	}
}

// watch returns a context that ends soon after the session does, at once if it is ended by a request to this service.
func (s *Service) watch(ctx context.Context, session *Session) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	id := session.credential.Account
	var timer *time.Timer
	armed := make(chan struct{})
	timer = time.AfterFunc(checkEvery, func() {
		<-armed
		if !s.watches.begin(id, timer) {
			return
		}
		again, err := s.use(ctx, session.credential)
		if err == nil {
			err = s.admit(again.Account)
		}
		if _, over := errors.AsType[Error](err); over {
			cancel(ErrOver)
			return
		}
		s.watches.again(id, timer)
	})
	s.watches.add(id, timer)
	close(armed)
	return ctx, func() {
		s.watches.remove(id, timer)
		cancel(nil)
	}
}
