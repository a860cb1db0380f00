package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/netip"
	"slices"
	"time"

	"github.com/mjl-/bstore"
)

const (
	// webSessionsMax is how many sessions an account has at most. With one more, the one longest unused ends.
	webSessionsMax = 50

	// webSessionUseEvery is how often at most is written that a session is used.
	webSessionUseEvery = 5 * time.Minute
)

// WebSessionID identifies a web session in its account: random, positive. It is no secret.
type WebSessionID int64

// WebSessionHash is the SHA-256 of the token of a web session. The token itself is nowhere in the store.
type WebSessionHash [sha256.Size]byte

// NewWebSession is what AddWebSession makes a session of.
type NewWebSession struct {
	Hash      WebSessionHash
	Service   string          // The pages that it is for.
	Password  PasswordVersion // That the login was by, or that the account had.
	Expires   time.Time       // When it ends.
	Idle      time.Duration   // It ends earlier when it is not used for so long; zero for no such end.
	Client    netip.Addr
	UserAgent string // Short, for people.
}

// WebSession is a login to pages in a browser. Times are in seconds.
type WebSession struct {
	ID        WebSessionID
	Service   string
	Created   time.Time
	LastUse   time.Time // Five minutes early at most.
	Expires   time.Time
	Idle      time.Duration
	Client    netip.Addr // At the login; may be invalid.
	UserAgent string
}

// Over tells whether the session has ended by itself.
func (s *WebSession) Over(now time.Time) bool {
	return !now.Before(s.Expires) || s.Idle > 0 && now.Sub(s.LastUse) >= s.Idle
}

// value returns what callers see of a row.
func (r *webSessionRow) value() WebSession {
	client, _ := netip.ParseAddr(r.Client)
	return WebSession{
		ID: r.ID, Service: r.Service,
		Created: time.Unix(r.Created, 0), LastUse: time.Unix(r.Used, 0), Expires: time.Unix(r.Expires, 0),
		Idle: time.Duration(r.Idle) * time.Second, Client: client, UserAgent: r.Agent,
	}
}

func (r *webSessionRow) over(now time.Time) bool {
	s := r.value()
	return s.Over(now)
}

// addrText returns an address as rows have it.
func addrText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// AddWebSession begins a session. Returns ErrCredentials if the password of the account is another one than n.Password
// by now: no session of an earlier one is left when SetPassword returns, nor begins after.
func (a *Account) AddWebSession(ctx context.Context, actor Actor, n NewWebSession) (WebSession, error) {
	acc, err := a.use()
	if err != nil {
		return WebSession{}, err
	}
	id, err := acc.store.random63()
	if err != nil {
		return WebSession{}, err
	}
	var row webSessionRow
	err = acc.write(ctx, "addwebsession", func(tx *txn) error {
		password := credentialsRow{ID: 1}
		if err := tx.get(&password); err != nil && err != bstore.ErrAbsent {
			return err
		}
		if password.Version != n.Password {
			return ErrCredentials
		}
		if err := tx.makeRoomForWebSession(); err != nil {
			return err
		}
		now := tx.now.Unix()
		row = webSessionRow{
			ID: WebSessionID(id), Hash: slices.Clone(n.Hash[:]), Service: n.Service,
			Created: now, Used: now, Expires: n.Expires.Unix(), Idle: int64(n.Idle / time.Second),
			Client: addrText(n.Client), Agent: n.UserAgent,
		}
		return tx.insert(&row)
	})
	if err != nil {
		return WebSession{}, err
	}
	return row.value(), nil
}

// makeRoomForWebSession removes sessions that are over, and of too many those longest unused.
func (t *txn) makeRoomForWebSession() error {
	var live []webSessionRow
	_, err := t.removeWebSessions(func(r *webSessionRow) bool {
		if r.over(t.now) {
			return true
		}
		live = append(live, *r)
		return false
	})
	if err != nil || len(live) < webSessionsMax {
		return err
	}
	slices.SortFunc(live, func(a, b webSessionRow) int {
		return cmp.Or(cmp.Compare(a.Used, b.Used), cmp.Compare(a.Created, b.Created))
	})
	for i := range live[:len(live)-webSessionsMax+1] {
		if err := t.delete(&live[i]); err != nil {
			return err
		}
	}
	return nil
}

// removeWebSessions removes the sessions that match tells.
func (t *txn) removeWebSessions(match func(*webSessionRow) bool) (removed []webSessionRow, rerr error) {
	err := bstore.QueryTx[webSessionRow](t.tx).ForEach(func(r webSessionRow) error {
		if match(&r) {
			removed = append(removed, r)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range removed {
		if err := t.delete(&removed[i]); err != nil {
			return nil, err
		}
	}
	return removed, nil
}

// UseWebSession returns the session with an id and the token of a hash, and notes that it is used. Returns ErrNoWebSession,
// also for one that is over or whose token has another hash.
func (a *Account) UseWebSession(ctx context.Context, id WebSessionID, hash WebSessionHash) (WebSession, error) {
	acc, err := a.use()
	if err != nil {
		return WebSession{}, err
	}
	if id == 0 {
		return WebSession{}, ErrNoWebSession
	}
	var row webSessionRow
	err = acc.read(ctx, func(tx *bstore.Tx) error {
		row = webSessionRow{ID: id}
		return tx.Get(&row)
	})
	now := acc.store.opts.Now()
	switch {
	case err == bstore.ErrAbsent:
		return WebSession{}, ErrNoWebSession
	case err != nil:
		return WebSession{}, err
	case subtle.ConstantTimeCompare(row.Hash, hash[:]) != 1 || row.over(now):
		return WebSession{}, ErrNoWebSession
	}
	if now.Sub(time.Unix(row.Used, 0)) < webSessionUseEvery || acc.store.opts.ReadOnly {
		return row.value(), nil
	}
	used := row
	err = acc.write(ctx, "usewebsession", func(tx *txn) error {
		r := webSessionRow{ID: id}
		if err := tx.get(&r); err == bstore.ErrAbsent {
			return ErrNoWebSession
		} else if err != nil {
			return err
		}
		r.Used = max(r.Used, tx.now.Unix())
		used = r
		return tx.update(&r)
	})
	if err == ErrNoWebSession {
		return WebSession{}, err // It was removed a moment ago.
	} else if err != nil && ctx.Err() == nil {
		// A full disk does not end sessions.
		acc.log.Error("noting the use of a web session", "err", err)
	}
	return used.value(), nil
}

// WebSessions lists the sessions that are not over, the one used last first.
func (a *Account) WebSessions(ctx context.Context) ([]WebSession, error) {
	acc, err := a.use()
	if err != nil {
		return nil, err
	}
	now := acc.store.opts.Now()
	var l []WebSession
	err = acc.read(ctx, func(tx *bstore.Tx) error {
		l = nil
		return bstore.QueryTx[webSessionRow](tx).ForEach(func(r webSessionRow) error {
			if s := r.value(); !s.Over(now) {
				l = append(l, s)
			}
			return nil
		})
	})
	slices.SortFunc(l, func(a, b WebSession) int {
		return cmp.Or(b.LastUse.Compare(a.LastUse), b.Created.Compare(a.Created), cmp.Compare(a.ID, b.ID))
	})
	return l, err
}

// RemoveWebSession ends a session. Returns ErrNoWebSession.
func (a *Account) RemoveWebSession(ctx context.Context, actor Actor, id WebSessionID) error {
	n, err := a.removeWebSessions(ctx, func(r *webSessionRow) bool { return r.ID == id })
	if err == nil && n == 0 {
		err = ErrNoWebSession
	}
	return err
}

// RemoveWebSessions ends all sessions but one, zero for really all, and returns how many were not over.
func (a *Account) RemoveWebSessions(ctx context.Context, actor Actor, except WebSessionID) (int, error) {
	return a.removeWebSessions(ctx, func(r *webSessionRow) bool { return r.ID != except })
}

func (a *Account) removeWebSessions(ctx context.Context, match func(*webSessionRow) bool) (n int, rerr error) {
	acc, err := a.use()
	if err != nil {
		return 0, err
	}
	err = acc.write(ctx, "removewebsessions", func(tx *txn) error {
		removed, err := tx.removeWebSessions(match)
		n = 0
		for i := range removed {
			if !removed[i].over(tx.now) {
				n++
			}
		}
		return err
	})
	return n, err
}
