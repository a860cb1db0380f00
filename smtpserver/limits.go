package smtpserver

import (
	"time"

	"mox/internal/ratelimit"
	"mox/smtp"
)

// LimitOptions for NewLimits. Where a default is told zero stands for it; otherwise zero
// means no limit.
type LimitOptions struct {
	Connections           ratelimit.ConnLimits // Open at a time.
	ConnectionsPerAccount int                  // Logged in at a time.

	Connects ratelimit.NetworkOptions // New connections.
	Messages ratelimit.NetworkOptions // Messages from clients that are not logged in.

	BadCommands       int // Erroneous commands on one connection. Default DefaultBadCommands.
	CommandsPerMinute int // On a connection that is not logged in; it is slowed down to that.
	Recipients        int // Of one message. Default DefaultRecipients; at least 100.

	LoginTimeout time.Duration // For a client to log in or begin a first message. Default DefaultLoginTimeout.
	Timeout      time.Duration // For the next command or piece of data. Default DefaultTimeout.

	Now func() time.Time // Default: time.Now.
}

// Limits bound what the clients of one or several listeners may do. It is safe for
// concurrent use.
type Limits struct {
	opts     LimitOptions
	conns    *ratelimit.Conns
	accounts *ratelimit.Counts[string]
	connects *ratelimit.Networks
	messages *ratelimit.Networks
}

// NewLimits returns limits of which nothing has been used.
func NewLimits(o LimitOptions) *Limits {
	set := func(v *int, def int) {
		if *v <= 0 {
			*v = def
		}
	}
	set(&o.BadCommands, DefaultBadCommands)
	set(&o.Recipients, DefaultRecipients)
	o.Recipients = max(o.Recipients, minRecipients)
	if o.LoginTimeout <= 0 {
		o.LoginTimeout = DefaultLoginTimeout
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	o.Connects.Now, o.Messages.Now = o.Now, o.Now
	return &Limits{
		opts:     o,
		conns:    ratelimit.NewConns(o.Connections),
		accounts: ratelimit.NewCounts[string](o.ConnectionsPerAccount),
		connects: ratelimit.NewNetworks(o.Connects),
		messages: ratelimit.NewNetworks(o.Messages),
	}
}

// admit tells whether the limits let the connection in. If not, the reason is in the reply.
func (c *conn) admit() *smtp.Error {
	if c.unlimited {
		return nil
	}
	l := c.l.Limits
	if !l.connects.Allow(c.remoteIP, 1) {
		return smtp.NewError(smtp.C421ServiceUnavailable, smtp.E470SecurityOther, "too many connections from your network, try again later", nil)
	}
	if !l.conns.Acquire(c.remoteIP) {
		return smtp.NewError(smtp.C421ServiceUnavailable, smtp.E470SecurityOther, "too many open connections, try again later", nil)
	}
	c.admitted = true
	return nil
}
