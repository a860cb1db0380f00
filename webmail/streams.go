package webmail

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"mox/message/htmlmail"
	"mox/store"
	"mox/websession"
)

const (
	streamKept     = 10 * time.Minute // How long a stream is kept without a connection.
	sessionStreams = 16               // Of one session, with those that are kept.
	maxStreamViews = 32               // Of one stream.
)

var (
	errManyStreams = errors.New("too many streams")
	errReplaced    = errors.New("another connection has the stream")
	errShutdown    = errors.New("server shuts down")
)

// streams are the streams of all browsers.
type streams struct {
	srv     *Server
	html    *htmlmail.Sanitizer
	actions *actions

	mu      sync.Mutex // Guards what follows. Nobody waits for an account while holding it: it is of all of them.
	byKey   map[streamKey]*stream
	made    uint64 // Number of the last stream.
	closed  bool
	serving sync.WaitGroup // Requests with a connection.
}

// streamKey identifies a stream. Browsers choose names; nobody reaches those of another session.
type streamKey struct {
	account store.AccountID
	session store.WebSessionID
	name    string
}

func newStreams(s *Server) *streams {
	return &streams{srv: s, html: htmlmail.New(htmlmail.Limits{}), byKey: map[streamKey]*stream{}, actions: newActions()}
}

func keyOf(ses *websession.Session, name string) streamKey {
	return streamKey{ses.Actor().Account, ses.ID, name}
}

// validStream tells whether a name may be that of a stream.
func validStream(name string) bool {
	if len(name) == 0 || len(name) > 64 {
		return false
	}
	for i := range len(name) {
		if name[i] <= ' ' || name[i] > '~' {
			return false
		}
	}
	return true
}

// get returns the stream that a call names. The error is for the caller.
func (l *streams) get(ctx context.Context, name string) (*stream, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.byKey[keyOf(session(ctx), name)]; s != nil {
		return s, nil
	}
	return nil, errUser(codeNoStream, "The connection to the server was lost.")
}

// attach returns the stream of a name for a new connection, and a new one if there is none. Of a stream that lost its
// connection, or whose session has another stream now, the new one takes over what it has. The connection that the stream has
// leaves soon; the new one begins with the turn.
func (l *streams) attach(r *http.Request, name string) (_ *stream, turn uint64, _ error) {
	ses := websession.FromContext(r.Context())
	key := keyOf(ses, name)
	if s, turn, err := l.attachTo(key, nil); s != nil || err != nil {
		return s, turn, err
	}
	acc, err := l.srv.opts.Accounts.Open(r.Context(), ses.Account)
	if err != nil {
		return nil, 0, err
	}
	fresh := newStream(l.srv, acc, ses)
	s, turn, err := l.attachTo(key, fresh)
	if s != fresh {
		fresh.close() // Another request has made one, or there are to be no more.
	}
	return s, turn, err
}

// attachTo returns the stream that there is already, or else the one given, for a new connection.
func (l *streams) attachTo(key streamKey, fresh *stream) (_ *stream, turn uint64, _ error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, 0, errShutdown
	}
	s := l.byKey[key]
	if s == nil {
		s = l.adopt(key)
	}
	if s == nil && fresh != nil {
		s = fresh
		l.made++
		s.key, s.number = key, l.made
		l.byKey[key] = s
	}
	if s == nil {
		return nil, 0, nil
	}
	l.serving.Add(1)
	s.users++
	if s.expiry != nil {
		s.expiry.Stop()
		s.expiry = nil
	}
	s.since = time.Now()
	l.bound(s)
	return s, s.hangUp(errReplaced), nil
}

// adopt gives a stream of the session that has no connection another name, for when another page of the browser takes over.
func (l *streams) adopt(key streamKey) *stream {
	var latest *stream
	for k, s := range l.byKey {
		if k.account == key.account && k.session == key.session && s.users == 0 && (latest == nil || s.since.After(latest.since)) {
			latest = s
		}
	}
	if latest != nil {
		delete(l.byKey, latest.key)
		latest.key = key
		l.byKey[key] = latest
	}
	return latest
}

// takeOver gives a stream that has just begun the views of the one that has a view of a name: the page has lost the connection of
// that, which the server has not noticed.
func (l *streams) takeOver(s *stream, view string) {
	for _, old := range l.others(s) {
		if s.takeViews(old, view) {
			old.hangUp(errReplaced)
			return
		}
	}
}

// others returns the other streams of the session of a stream.
func (l *streams) others(s *stream) []*stream {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []*stream
	for k, o := range l.byKey {
		if o != s && k.account == s.key.account && k.session == s.key.session {
			all = append(all, o)
		}
	}
	return all
}

// bound ends a stream if the session has too many besides s: one without a connection, or the one that has had its for longest,
// which is likely dead.
func (l *streams) bound(s *stream) {
	n := 0
	var oldest *stream
	for k, o := range l.byKey {
		if k.account != s.key.account || k.session != s.key.session {
			continue
		}
		n++
		if o != s && (oldest == nil || (o.users == 0) != (oldest.users == 0) && o.users == 0 || (o.users == 0) == (oldest.users == 0) && o.since.Before(oldest.since)) {
			oldest = o
		}
	}
	switch {
	case n <= sessionStreams || oldest == nil:
	case oldest.users == 0:
		l.remove(oldest)
	default:
		delete(l.byKey, oldest.key)
		oldest.hangUp(errManyStreams)
	}
}

// detach ends the connection of a request with a stream, and the stream too if its session is over.
func (l *streams) detach(s *stream, over bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.leave(s, over || l.closed)
}

// leave is detach with the lock held.
func (l *streams) leave(s *stream, end bool) {
	l.serving.Done()
	s.users--
	switch {
	case s.users > 0:
	case end || l.byKey[s.key] != s:
		l.remove(s)
	default:
		s.since = time.Now()
		s.expiry = time.AfterFunc(streamKept, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			if s.users == 0 {
				l.remove(s)
			}
		})
	}
}

// remove ends a stream.
func (l *streams) remove(s *stream) {
	if l.byKey[s.key] == s {
		delete(l.byKey, s.key)
	}
	if s.expiry != nil {
		s.expiry.Stop()
	}
	s.close()
}

// shutdown ends all streams and what works for them. It tells pages to come back soon.
func (l *streams) shutdown(ctx context.Context) error {
	l.mu.Lock()
	l.closed = true
	l.actions.cancelAll()
	for _, s := range l.byKey {
		s.hangUp(errShutdown)
		if s.users == 0 {
			l.remove(s)
		}
	}
	l.mu.Unlock()
	return await(ctx, &l.serving)
}

// await returns when all that a group counts has ended, or the context does, whose error it then returns.
func await(ctx context.Context, wg *sync.WaitGroup) error {
	done := make(chan struct{})
	go func() {
		wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// progress tells a page how far an action has come, unless there is much else to tell.
func (l *streams) progress(actor store.Actor, name string, ev ProgressEvent) {
	l.mu.Lock()
	s := l.byKey[streamKey{actor.Account, store.WebSessionID(actor.Session), name}]
	l.mu.Unlock()
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx == nil || s.out.full() {
		return
	}
	if err := s.out.post("progress", ev); err != nil {
		s.log.Error("progress", "err", err)
	}
	s.signal()
}
