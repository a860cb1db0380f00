package websession

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"

	"mox/sasl"
	"mox/store"
)

// memorySessions and memoryAttempts bound what is kept in memory.
const (
	memorySessions = 50
	memoryAttempts = 250
)

// bcryptMaxLen is the longest password that bcrypt looks at as a whole, in bytes.
const bcryptMaxLen = 72

// Memory is one account that is not in the store, such as the administrator: a password of which there is a hash in a
// file, and sessions that end with the process. It is safe for concurrent use.
type Memory struct {
	name  string
	read  func() ([]byte, error)
	check chan struct{} // Holds one while a password is hashed, so that guessing does not take all processors.

	mu       sync.Mutex
	sessions map[store.WebSessionID]*memorySession
	attempts []store.LoginAttempt // The latest last.
}

type memorySession struct {
	store.WebSession
	hash     store.WebSessionHash
	password store.PasswordVersion
}

var _ Sessions = (*Memory)(nil)

// NewMemory returns an account of a name. Read returns the bcrypt hash of its password, as it is now.
func NewMemory(name string, read func() ([]byte, error)) *Memory {
	return &Memory{name: name, read: read, check: make(chan struct{}, 1), sessions: map[store.WebSessionID]*memorySession{}}
}

// Authenticate is for login.Options. The user name is not looked at.
func (m *Memory) Authenticate(ctx context.Context, _, password string) (string, error) {
	_, err := m.VerifyPassword(ctx, m.name, password)
	if errors.Is(err, store.ErrCredentials) {
		return "", sasl.ErrCredentials
	} else if err != nil {
		return "", err
	}
	return m.name, nil
}

// NoteLogin records an attempt to log in. First, Last and Count are not looked at.
func (m *Memory) NoteLogin(a store.LoginAttempt) {
	a.First, a.Count = time.Now(), 1
	a.Last = a.First
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.attempts) == memoryAttempts {
		m.attempts = slices.Delete(m.attempts, 0, 1)
	}
	m.attempts = append(m.attempts, a)
}

// hash returns the hash of the password, and what stands for it.
func (m *Memory) hash() ([]byte, store.PasswordVersion, error) {
	hash, err := m.read()
	if err != nil {
		return nil, 0, fmt.Errorf("reading the hash of the password of %s: %w", m.name, err)
	}
	sum := sha256.Sum256(hash)
	return hash, store.PasswordVersion(binary.BigEndian.Uint64(sum[:]) >> 1), nil
}

// VerifyPassword implements Sessions.
func (m *Memory) VerifyPassword(ctx context.Context, _, password string) (store.PasswordVersion, error) {
	hash, version, err := m.hash()
	if err != nil {
		return 0, err
	}
	if len(password) > bcryptMaxLen {
		return 0, store.ErrCredentials
	}
	select {
	case m.check <- struct{}{}:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	defer func() { <-m.check }()
	err = bcrypt.CompareHashAndPassword(trimLine(hash), []byte(password))
	if errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
		return 0, store.ErrCredentials
	}
	return version, err
}

// trimLine returns the first line.
func trimLine(b []byte) []byte {
	if i := slices.IndexFunc(b, func(c byte) bool { return c == '\n' || c == '\r' }); i >= 0 {
		return b[:i]
	}
	return b
}

// PasswordVersion implements Sessions.
func (m *Memory) PasswordVersion(context.Context, string) (store.PasswordVersion, error) {
	_, version, err := m.hash()
	return version, err
}

// Add implements Sessions.
func (m *Memory) Add(_ context.Context, _ string, n store.NewWebSession) (store.AccountID, store.WebSession, error) {
	_, version, err := m.hash()
	if err != nil {
		return 0, store.WebSession{}, err
	}
	if version != n.Password {
		return 0, store.WebSession{}, store.ErrCredentials
	}
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.live(now, version)) >= memorySessions {
		l := m.live(now, version)
		delete(m.sessions, l[len(l)-1].ID)
	}
	id := store.WebSessionID(rand.Int64())
	for id == 0 || m.sessions[id] != nil {
		id = store.WebSessionID(rand.Int64())
	}
	s := &memorySession{store.WebSession{
		ID: id, Service: n.Service, Created: now, LastUse: now, Expires: n.Expires, Idle: n.Idle,
		Client: n.Client, UserAgent: n.UserAgent,
	}, n.Hash, version}
	m.sessions[id] = s
	return 0, s.WebSession, nil
}

// live returns the sessions that are not over, the one used last first, and forgets the others. M.mu is held.
func (m *Memory) live(now time.Time, password store.PasswordVersion) []store.WebSession {
	var l []store.WebSession
	for id, s := range m.sessions {
		if s.Over(now) || s.password != password {
			delete(m.sessions, id)
			continue
		}
		l = append(l, s.WebSession)
	}
	slices.SortFunc(l, func(a, b store.WebSession) int {
		return cmp.Or(b.LastUse.Compare(a.LastUse), b.Created.Compare(a.Created), cmp.Compare(a.ID, b.ID))
	})
	return l
}

// Use implements Sessions.
func (m *Memory) Use(_ context.Context, r Ref) (string, store.WebSession, error) {
	_, version, err := m.hash()
	if err != nil {
		return "", store.WebSession{}, err
	}
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sessions[r.ID]
	if s == nil || r.Account != 0 || subtle.ConstantTimeCompare(s.hash[:], r.Hash[:]) != 1 || s.Over(now) || s.password != version {
		return "", store.WebSession{}, store.ErrNoWebSession
	}
	s.LastUse = now
	return m.name, s.WebSession, nil
}

// List implements Sessions.
func (m *Memory) List(context.Context, string) ([]store.WebSession, error) {
	_, version, err := m.hash()
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.live(time.Now(), version), nil
}

// Remove implements Sessions.
func (m *Memory) Remove(_ context.Context, _ string, _ store.Actor, id store.WebSessionID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sessions[id] == nil {
		return store.ErrNoWebSession
	}
	delete(m.sessions, id)
	return nil
}

// RemoveOthers implements Sessions.
func (m *Memory) RemoveOthers(_ context.Context, _ string, _ store.Actor, except store.WebSessionID) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for id := range m.sessions {
		if id != except {
			delete(m.sessions, id)
			n++
		}
	}
	return n, nil
}

// Attempts implements Sessions.
func (m *Memory) Attempts(context.Context, string) ([]store.LoginAttempt, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := slices.Clone(m.attempts)
	slices.Reverse(l)
	return l, nil
}
