package login

import (
	"crypto/tls"
	"net/netip"
	"slices"
	"strings"
	"time"

	"mox/internal/ratelimit"
	"mox/sasl"
)

// ConnOptions say on which connection somebody logs in.
type ConnOptions struct {
	Hostname string     // Of the server, in challenges of CRAM-MD5.
	IP       netip.Addr // Of the client. Those without one share limits.

	// Protocol, such as "imap", and UserAgent, if the client has told one, are for records of attempts.
	Protocol  string
	UserAgent string

	// Mechanisms are all that may be used; nil for no such restriction.
	Mechanisms []string

	// Accounts counts connections by account, once they are logged in. Nil for no limit.
	Accounts *ratelimit.Counts[string]

	// Unlimited clients are not counted, and never wait.
	Unlimited bool
}

// Conn is what there is to know of the logins on one connection. It is for one goroutine.
type Conn struct {
	s       *Service
	opts    ConnOptions
	failed  int
	account string // Logged in to; empty before.
}

// NewConn returns a Conn for a new connection. The caller must close it.
func (s *Service) NewConn(o ConnOptions) *Conn { return &Conn{s: s, opts: o} }

// Close frees what a login has taken. Calls after the first do nothing.
func (c *Conn) Close() {
	if c.account != "" && c.counted() {
		c.opts.Accounts.Release(c.account)
	}
	c.account = ""
}

// counted tells whether connections are counted by account.
func (c *Conn) counted() bool { return c.opts.Accounts != nil && !c.opts.Unlimited }

// Mechanisms returns the names of the mechanisms offered, best first. cs is the state of TLS, nil
// without. Whether logins are offered at all without TLS is the caller's decision.
func (c *Conn) Mechanisms(cs *tls.ConnectionState) []string {
	var l []string
	if v := c.s.opts.Verifiers; v != nil {
		l = slices.Clone(sasl.WithPlus(v.Mechanisms(), sasl.ChannelBindings(cs)))
		if key, ok := sasl.ClientKey(cs); ok && v.KeyAccount(key) != "" {
			l = append(l, sasl.External)
		}
	}
	l = append(l, sasl.Plain, sasl.Login)
	if c.opts.Mechanisms == nil {
		return l
	}
	return slices.DeleteFunc(l, func(m string) bool { return !slices.Contains(c.opts.Mechanisms, m) })
}

// TakesPasswords tells whether a mechanism may be used that sends the password. Without one, no command
// of the protocol's own should take it either.
func (c *Conn) TakesPasswords() bool {
	return c.opts.Mechanisms == nil || slices.Contains(c.opts.Mechanisms, sasl.Plain) || slices.Contains(c.opts.Mechanisms, sasl.Login)
}

// maxKey bounds what is kept of a user name for counting failures, in bytes.
const maxKey = 300

// key returns the name by which failures count.
func (c *Conn) key(username string) string {
	key := c.s.opts.Key(username)
	return strings.Clone(key[:min(len(key), maxKey)]) // It may be a piece of all that the client has sent.
}

// allows tells whether a login as username may be tried.
func (c *Conn) allows(username string) bool {
	return c.opts.Unlimited || c.s.opts.Failures.Allow(c.opts.IP, c.key(username))
}

// noteFailure counts a failure.
func (c *Conn) noteFailure(username string) {
	if !c.opts.Unlimited {
		c.s.opts.Failures.Failed(c.opts.IP, c.key(username))
	}
}

// delay returns how long one more failure waits for its answer.
func (c *Conn) delay() time.Duration {
	c.failed++
	if c.opts.Unlimited {
		return 0
	}
	return time.Duration(min(c.failed, 10)) * c.s.opts.FailDelay
}

// accept makes the connection one of the account, and reports whether it may have one more.
func (c *Conn) accept(account, username string) bool {
	if c.counted() && !c.opts.Accounts.Acquire(account) {
		return false
	}
	c.account = account
	c.s.opts.Failures.Succeeded(c.opts.IP, c.key(username))
	return true
}
