package websession

import (
	"context"
	"errors"

	"mox/store"
)

// Ref says which session a request has, without saying that there is one.
type Ref struct {
	Account store.AccountID
	ID      store.WebSessionID
	Hash    store.WebSessionHash // Of the token.
}

// Sessions keeps sessions. Accounts go by name where nothing else is said; errors not named are temporary. Methods may be
// called concurrently. There is AccountSessions for accounts of the store, and Memory.
type Sessions interface {
	// VerifyPassword tells which of its passwords an account is logged in to with. Returns store.ErrCredentials.
	VerifyPassword(ctx context.Context, account, password string) (store.PasswordVersion, error)

	// PasswordVersion tells which password an account has.
	PasswordVersion(ctx context.Context, account string) (store.PasswordVersion, error)

	// Add begins a session. It may end others of the account where there are too many. Returns store.ErrCredentials if the password
	// is not n.Password any more.
	Add(ctx context.Context, account string, n store.NewWebSession) (store.AccountID, store.WebSession, error)

	// Use returns the session of a request, and the name of its account. Returns store.ErrNoWebSession.
	Use(ctx context.Context, r Ref) (account string, _ store.WebSession, err error)

	// List returns the sessions that are not over, the one used last first.
	List(ctx context.Context, account string) ([]store.WebSession, error)

	// Remove ends a session. Returns store.ErrNoWebSession.
	Remove(ctx context.Context, account string, actor store.Actor, id store.WebSessionID) error

	// RemoveOthers ends all sessions but one, and returns how many.
	RemoveOthers(ctx context.Context, account string, actor store.Actor, except store.WebSessionID) (int, error)

	// Attempts returns attempts to log in, the latest first.
	Attempts(ctx context.Context, account string) ([]store.LoginAttempt, error)
}

// AccountSessions returns the sessions of accounts, which are in their databases.
func AccountSessions(s *store.Store) Sessions { return accountSessions{s} }

type accountSessions struct{ store *store.Store }

// with calls f with an account, and returns an error of closing it too.
func with[T any](ctx context.Context, s *store.Store, name string, f func(*store.Account) (T, error)) (T, error) {
	a, err := s.Open(ctx, name)
	if err != nil {
		var zero T
		return zero, err
	}
	v, err := f(a)
	return v, errors.Join(err, a.Close())
}

func (s accountSessions) VerifyPassword(ctx context.Context, account, password string) (store.PasswordVersion, error) {
	return with(ctx, s.store, account, func(a *store.Account) (store.PasswordVersion, error) {
		return a.VerifyPassword(ctx, password)
	})
}

func (s accountSessions) PasswordVersion(ctx context.Context, account string) (store.PasswordVersion, error) {
	return with(ctx, s.store, account, func(a *store.Account) (store.PasswordVersion, error) {
		return a.PasswordVersion(ctx)
	})
}

func (s accountSessions) Add(ctx context.Context, account string, n store.NewWebSession) (id store.AccountID, _ store.WebSession, err error) {
	session, err := with(ctx, s.store, account, func(a *store.Account) (store.WebSession, error) {
		id = a.ID()
		return a.AddWebSession(ctx, store.Actor{Account: id}, n)
	})
	return id, session, err
}

func (s accountSessions) Use(ctx context.Context, r Ref) (account string, _ store.WebSession, err error) {
	a, err := s.store.OpenID(ctx, r.Account)
	if errors.Is(err, store.ErrNoAccount) {
		return "", store.WebSession{}, store.ErrNoWebSession
	} else if err != nil {
		return "", store.WebSession{}, err
	}
	session, err := a.UseWebSession(ctx, r.ID, r.Hash)
	return a.Name(), session, errors.Join(err, a.Close())
}

func (s accountSessions) List(ctx context.Context, account string) ([]store.WebSession, error) {
	return with(ctx, s.store, account, func(a *store.Account) ([]store.WebSession, error) { return a.WebSessions(ctx) })
}

func (s accountSessions) Remove(ctx context.Context, account string, actor store.Actor, id store.WebSessionID) error {
	_, err := with(ctx, s.store, account, func(a *store.Account) (struct{}, error) {
		return struct{}{}, a.RemoveWebSession(ctx, actor, id)
	})
	return err
}

func (s accountSessions) RemoveOthers(ctx context.Context, account string, actor store.Actor, except store.WebSessionID) (int, error) {
	return with(ctx, s.store, account, func(a *store.Account) (int, error) { return a.RemoveWebSessions(ctx, actor, except) })
}

func (s accountSessions) Attempts(ctx context.Context, account string) ([]store.LoginAttempt, error) {
	return with(ctx, s.store, account, func(a *store.Account) ([]store.LoginAttempt, error) { return a.LoginAttempts(ctx) })
}
