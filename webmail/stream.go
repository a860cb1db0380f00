package webmail

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"mox/imap"
	"mox/store"
	"mox/websession"
)

// stream is what the server knows of a browser: the views that it shows, and what it was told of them. While the stream has a
// connection, the request of that makes events of what changes. Without one nothing is done, and the next one is told how the views differ then
// from what was told last.
type stream struct {
	srv     *Server
	log     *slog.Logger
	account string
	actor   store.Actor
	acc     *store.Account

	number uint64 // In the order in which streams are made: the lock of a lower one is taken first.

	// Guarded by streams.mu.
	key    streamKey
	users  int       // Requests.
	since  time.Time // When the last connection began, or was lost.
	expiry *time.Timer

	wake    chan struct{} // Something is to be told.
	jobs    sync.WaitGroup
	serving sync.Mutex // Held by the request with the connection.

	// Taken for moments only, so that a stream with much to do keeps nobody waiting who ends its connection.
	endMu sync.Mutex // Guards what follows, which is of the connection.
	turn  uint64     // Of the latest request: others do not begin any more.
	end   context.CancelCauseFunc

	mu     sync.Mutex      // Guards what follows.
	ctx    context.Context // Of the connection.
	closed bool
	out    outbox
	boxes  boxes
	zone   *time.Location // Of the days in queries: that of the page that has opened a view last.
	views  map[string]*view
	order  []*view // By when they were opened.

	modseq      imap.ModSeq // As of the last refresh.
	dirty       bool        // There may be changes since.
	force       bool        // There are, whatever modseq is.
	nextRefresh time.Time

	accountState
	threads map[string]*threadWatch // By view.
}

// orphanKept is how long views are kept that a page had before the stream was lost, until it says that it has them.
const orphanKept = time.Minute

func newStream(srv *Server, acc *store.Account, ses *websession.Session) *stream {
	s := &stream{
		srv: srv, log: srv.log.With("account", ses.Account), account: ses.Account, actor: ses.Actor(), acc: acc,
		wake: make(chan struct{}, 1), zone: time.UTC, views: map[string]*view{}, threads: map[string]*threadWatch{},
	}
	s.boxes = boxes{acc: acc, actor: s.actor}
	return s
}

func (s *stream) matcher() matcher { return matcher{s.acc, s.actor} }

// signal has the connection look what is to be told.
func (s *stream) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// hangUp ends the connection, and those that are about to begin. It returns what the next one begins with.
func (s *stream) hangUp(cause error) (turn uint64) {
	s.endMu.Lock()
	defer s.endMu.Unlock()
	s.turn++
	if s.end != nil {
		s.end(cause)
	}
	return s.turn
}

// begin returns the context of a connection, nil if it is not to begin as it was hung up already.
func (s *stream) begin(ctx context.Context, turn uint64) context.Context {
	s.endMu.Lock()
	defer s.endMu.Unlock()
	if turn != s.turn {
		return nil
	}
	ctx, s.end = context.WithCancelCause(ctx)
	return ctx
}

// close frees all that the stream has. There is no connection.
func (s *stream) close() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	for _, v := range s.order {
		v.stop()
	}
	s.mu.Unlock()
	go func() { // Not under the lock of streams, as jobs may need a moment.
		s.jobs.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.boxes.close()
		if err := s.acc.Close(); err != nil && !errors.Is(err, store.ErrClosed) {
			s.log.Error("closing account", "err", err)
		}
	}()
}

// connect begins a connection. After is the number of the last event that the browser got, if it said so. Reports whether it goes on where
// the last connection ended.
func (s *stream) connect(ctx context.Context, after uint64, said bool) (resumed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ctx = ctx
	s.dirty = true
	s.nextRefresh = time.Time{}
	s.accountState.again()
	if said && s.out.resume(after) {
		resumed = true
	} else {
		s.out.clear()
		for _, v := range slices.Clone(s.order) {
			if !v.orphan.IsZero() || v.job != nil || v.fresh {
				s.closeView(v.name)
			} else {
				v.orphan = time.Now()
			}
		}
		clear(s.threads)
	}
	return resumed
}

// disconnect ends a connection. Jobs end, and begin anew with the next one.
func (s *stream) disconnect() {
	s.endMu.Lock()
	s.end(nil)
	s.end = nil
	s.endMu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ctx = nil
	for _, v := range s.order {
		if v.job != nil {
			v.rebuild()
		}
	}
}

// step makes events of what is to be told, and returns when it is to be called again at the latest. More waits
// while there is much to be written. The end of the connection does not break it off: what it has read of changes is not told
// again, so that the views must have it for the next connection.
func (s *stream) step(ctx context.Context) (again time.Duration, err error) {
	ctx = context.WithoutCancel(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	again = heartbeat
	if s.dirty {
		if wait := s.nextRefresh.Sub(now); wait > 0 {
			again = min(again, wait)
		} else {
			s.dirty = false
			if err := s.refresh(ctx); err != nil {
				return 0, err
			}
		}
	}
	for _, v := range slices.Clone(s.order) {
		if s.out.full() {
			return 0, nil
		}
		if !v.orphan.IsZero() {
			if now.Sub(v.orphan) > orphanKept {
				s.closeView(v.name)
			}
			continue
		}
		if v.fresh {
			if err := v.build(ctx, s); err != nil {
				if errors.Is(err, store.ErrClosed) {
					return 0, err
				}
				s.log.Error("view", "err", err)
				v.progress = &Progress{Done: true, Problem: problemSearch, Terms: v.parsed.terms, Mark: v.parsed.mark}
				v.ask = true
			}
		}
		ev, err := v.event(ctx, s)
		if err != nil {
			return 0, err
		}
		if ev != nil {
			if err := s.out.post("view", ev); err != nil {
				return 0, err
			}
			if ev.Gone {
				v.orphan = now
			}
		}
	}
	wait, err := s.tellAccount(ctx, now)
	if err != nil {
		return 0, err
	}
	if wait > 0 {
		again = min(again, wait)
	}
	return again, s.tellThreads(ctx)
}

// Changes are looked at when they come, and then not for ten times as long as that took, so that a burst of them costs a tenth of
// a processor; nor more often than ten times a second, as the page has to draw each time what it is told.
const (
	refreshFactor = 10
	refreshLeast  = 100 * time.Millisecond
	refreshMost   = time.Second
)

// refresh brings all views up to date.
func (s *stream) refresh(ctx context.Context) (err error) {
	begin := time.Now()
	defer func() {
		now := time.Now()
		s.nextRefresh = now.Add(min(max(refreshFactor*now.Sub(begin), refreshLeast), refreshMost))
	}()
	modseq, err := s.acc.ModSeq(ctx)
	if err != nil {
		return err
	}
	if modseq == s.modseq && !s.force && s.mailboxes != nil {
		return nil
	}
	s.force = false
	defer func() {
		if err != nil {
			s.rebuild()
		}
	}()
	restructured, err := s.readMailboxes(ctx)
	if err != nil {
		return err
	}
	if err := s.openBoxes(ctx); err != nil {
		return err
	}
	changes := s.boxes.refresh()
	news, err := s.readChanges(ctx, changes)
	if err != nil {
		return err
	}
	threads := touched(changes)
	for t := range news.muted {
		threads[t] = struct{}{}
	}
	s.modseq = modseq
	for _, v := range s.order {
		if v.fresh {
			continue
		}
		if restructured && (v.query.Scope != ScopeMailbox || v.parsed.text) || v.gone {
			v.rebuild()
			continue
		}
		if err := v.update(ctx, s, changes); err != nil {
			return err
		}
		v.touch(threads, changes)
		if news.scheduled {
			v.touchScheduled(s)
		}
	}
	for _, w := range s.threads {
		w.touch(threads, changes)
	}
	for _, c := range changes {
		if c.lost {
			s.boxes.drop(c.box)
			s.dirty, s.force = true, true // It may be there again, with other UIDs.
		}
	}
	return s.tellNew(ctx, news)
}

// rebuild has all that is shown be read anew, as changes may have been missed.
func (s *stream) rebuild() {
	s.dirty, s.force = true, true
	for _, v := range s.order {
		v.rebuild()
	}
	for _, w := range s.threads {
		w.all = true
	}
}

// openBoxes has all mailboxes be watched: rows tell of messages in others.
func (s *stream) openBoxes(ctx context.Context) error {
	for i := range s.mailboxes {
		id := store.MailboxID(s.mailboxes[i].ID)
		if s.mailboxes[i].NoSelect || s.boxes.byID[id] != nil {
			continue
		}
		b, err := s.boxes.open(ctx, id)
		if errors.Is(err, store.ErrNoMailbox) {
			continue // Deleted just now.
		} else if err != nil {
			return err
		}
		if s.modseq != 0 {
			b.view = &store.View{} // What is in it has come since the last refresh.
		}
	}
	return nil
}

// touched returns the conversations in which something changed.
func touched(changes []boxChange) map[store.ThreadID]struct{} {
	threads := map[store.ThreadID]struct{}{}
	for _, c := range changes {
		for i := range c.gone {
			threads[c.gone[i].Thread] = struct{}{}
		}
		for i := range c.added {
			threads[c.added[i].Thread] = struct{}{}
		}
		for i := range c.changed {
			threads[c.changed[i].now.Thread] = struct{}{}
		}
	}
	return threads
}

// knowledge is what queries depend on.
func (s *stream) knowledge() queryKnowledge {
	return queryKnowledge{
		mailboxes: s.mailboxes, me: identities(s.srv.opts.Config(), s.account), labels: s.labels,
		now: s.srv.now().In(s.zone),
	}
}

// view returns a view that a call names. The error is for the caller.
func (s *stream) view(name string) (*view, error) {
	if v := s.views[name]; v != nil && (v.orphan.IsZero() || v.gone) {
		return v, nil
	}
	return nil, errUser(codeNoView, "The list has to be opened again.")
}

// closeView ends a view.
func (s *stream) closeView(name string) {
	delete(s.threads, name)
	v := s.views[name]
	if v == nil {
		return
	}
	v.stop()
	delete(s.views, name)
	s.order = slices.DeleteFunc(s.order, func(o *view) bool { return o == v })
}

// closeViews ends the views whose names begin so.
func (s *stream) closeViews(prefix string) {
	for _, v := range slices.Clone(s.order) {
		if strings.HasPrefix(v.name, prefix) {
			s.closeView(v.name)
		}
	}
	for name := range s.threads {
		if strings.HasPrefix(name, prefix) {
			delete(s.threads, name)
		}
	}
}

// openView opens a view, or goes on with one.
func (s *stream) openView(r ViewRequest) error {
	if old := s.views[r.View]; old != nil {
		t := old.told
		if !old.orphan.IsZero() && !old.gone && r.ModSeq != 0 && r.ModSeq == int64(t.modseq) && !t.same && sameQuery(old.query, r.Query) && !s.closed {
			old.orphan = time.Time{}
			old.ask = true
			old.window = span{r.First, r.Count}
			old.wantRows(old.window) // What was asked for last may have been lost.
			old.focus, _ = parseEmailID(r.Email)
			return nil
		}
	}
	s.closeView(r.View)
	if len(s.order) >= maxStreamViews {
		i := slices.IndexFunc(s.order, func(v *view) bool { return !v.orphan.IsZero() })
		if i < 0 {
			return errUser(codeLimit, "Too many lists are open.")
		}
		s.closeView(s.order[i].name)
	}
	v := &view{name: strings.Clone(r.View), query: r.Query, fresh: true, reset: true, window: span{r.First, r.Count}}
	v.focus, _ = parseEmailID(r.Email)
	s.views[v.name] = v
	s.order = append(s.order, v)
	return nil
}

// takeViews takes all that another stream of the session has, if a view of a name is in it, and nothing is here yet.
func (s *stream) takeViews(old *stream, name string) bool {
	first, second := s, old
	if old.number < s.number {
		first, second = old, s
	}
	first.mu.Lock()
	defer first.mu.Unlock()
	second.mu.Lock()
	defer second.mu.Unlock()
	if s.closed || old.closed || old.views[name] == nil || slices.ContainsFunc(s.order, func(v *view) bool { return !v.fresh }) {
		return false
	}
	s.boxes.close()
	s.boxes, old.boxes = old.boxes, boxes{acc: old.acc, actor: old.actor}
	s.boxes.acc, s.boxes.actor = s.acc, s.actor
	for _, v := range old.order {
		if v.orphan.IsZero() && v.job == nil && !v.fresh && s.views[v.name] == nil {
			v.orphan = time.Now()
			s.views[v.name] = v
			s.order = append(s.order, v)
		} else {
			v.stop()
		}
	}
	old.views, old.order = map[string]*view{}, nil
	s.modseq, old.modseq = old.modseq, 0
	s.mailboxes, old.mailboxes = old.mailboxes, nil
	s.announced = old.announced
	s.dirty, s.force = true, true
	return true
}
