package store

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"
)

const (
	credentialCacheSize = 4096
	credentialCacheTTL  = 15 * time.Minute
)

// credentialKey is a name and password under the secret of one process, so that memory holds
// no password and no hash that could be tried offline without that secret.
type credentialKey [sha256.Size]byte

// credentialCache remembers credentials that were verified a short while ago, for clients that
// open many connections. It is safe for concurrent use.
type credentialCache struct {
	secret [sha256.Size]byte
	now    func() time.Time

	mu         sync.Mutex
	entries    map[credentialKey]verifiedCredential
	generation uint64 // Counts calls to forget.
}

type verifiedCredential struct {
	account AccountID
	version PasswordVersion
	expires time.Time
}

func newCredentialCache(now func() time.Time) *credentialCache {
	c := &credentialCache{now: now, entries: map[credentialKey]verifiedCredential{}}
	rand.Read(c.secret[:]) // Does not fail, see its documentation.
	return c
}

// key returns the key of a prepared password for an account name.
func (c *credentialCache) key(name, password string) credentialKey {
	h := hmac.New(sha256.New, c.secret[:])
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(name))))
	h.Write([]byte(name))
	h.Write([]byte(password))
	return credentialKey(h.Sum(nil))
}

// verified reports whether the credentials were verified for the account that has the name
// now, and which password they were right for. The generation is for add.
func (c *credentialCache) verified(k credentialKey, account AccountID) (version PasswordVersion, ok bool, generation uint64) {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[k]
	return e.version, ok && e.account == account && now.Before(e.expires), c.generation
}

// add remembers verified credentials. It does nothing if any password changed since the
// generation was read: the password may have been checked against the old verifier.
func (c *credentialCache) add(k credentialKey, account AccountID, version PasswordVersion, generation uint64) {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.generation != generation {
		return
	}
	if len(c.entries) >= credentialCacheSize {
		c.evict(now)
	}
	c.entries[k] = verifiedCredential{account, version, now.Add(credentialCacheTTL)}
}

// evict removes what has expired, and if that is nothing, the entry that would expire first.
// c.mu is held.
func (c *credentialCache) evict(now time.Time) {
	var oldest credentialKey
	var at time.Time
	removed := false
	for k, e := range c.entries {
		if !now.Before(e.expires) {
			delete(c.entries, k)
			removed = true
		} else if at.IsZero() || e.expires.Before(at) {
			oldest, at = k, e.expires
		}
	}
	if !removed {
		delete(c.entries, oldest)
	}
}

// forget drops the account's entries, and whatever is being verified at the moment.
func (c *credentialCache) forget(account AccountID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation++
	for k, e := range c.entries {
		if e.account == account {
			delete(c.entries, k)
		}
	}
}
