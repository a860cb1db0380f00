package imapserver

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mox/internal/ratelimit"
	"mox/login"
	"mox/store"
)

// Options for New. Zero values have the defaults told.
type Options struct {
	// Accounts holds the mail. Required.
	Accounts *store.Store

	// Logins decides who may log in. Required.
	Logins *login.Service

	Hostname   string                // In challenges of CRAM-MD5. Default: localhost.
	Version    string                // Told by ID; default empty.
	Log        *slog.Logger          // Default: discard.
	Now        func() time.Time      // Default: time.Now.
	Registerer prometheus.Registerer // Default: none.

	LoginTimeout time.Duration // For a client to log in. Default 3 minutes.
	IdleTimeout  time.Duration // Without a command or during IDLE. Default 30 minutes (RFC 9051 §5.4, RFC 3501 §5.4).
	IOTimeout    time.Duration // For progress within a command or response. Default 5 minutes.
}

func (o *Options) check() error {
	if o.Accounts == nil || o.Logins == nil {
		return errors.New("IMAP server needs accounts and logins")
	}
	if o.Hostname == "" {
		o.Hostname = "localhost"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	for _, d := range []struct {
		v   *time.Duration
		def time.Duration
	}{
		{&o.LoginTimeout, 3 * time.Minute},
		{&o.IdleTimeout, 30 * time.Minute},
		{&o.IOTimeout, 5 * time.Minute},
	} {
		if *d.v == 0 {
			*d.v = d.def
		}
	}
	return nil
}

// ListenerOptions say how connections of one listener are served. Zero values have the defaults told.
type ListenerOptions struct {
	Name string // In logs and metrics.

	// TLS enables STARTTLS, or TLS from the start with ImplicitTLS. Nil for no TLS.
	TLS         *tls.Config
	ImplicitTLS bool

	// PlaintextAuth allows logins without TLS.
	PlaintextAuth bool

	// Mechanisms of SASL are all that may be offered; without PLAIN and LOGIN among them the command LOGIN is
	// refused too. Default: no such restriction.
	Mechanisms []string

	// Conns bounds connections at a time by address, AccountConns those that are logged in by
	// account. Default: no limit.
	Conns        *ratelimit.Conns
	AccountConns *ratelimit.Counts[string]

	// Unlimited are networks whose clients are not limited in numbers of connections, bad commands and failed
	// logins, and do not wait after these.
	Unlimited []netip.Prefix

	MaxMessageSize int64 // For APPEND, bytes. Default 100 MB.
	MaxBadCommands int   // In a row, then the connection ends. Default 10.

	// MaxSavedRanges bounds a search result that a connection keeps for "$" (RFC 5182 §2.5): it has a range of
	// 8 bytes for each run of messages found. Default 262,144.
	MaxSavedRanges int
}

func (o *ListenerOptions) check() error {
	if o.ImplicitTLS && o.TLS == nil {
		return errors.New("listener with implicit TLS needs a TLS configuration")
	}
	if o.MaxMessageSize <= 0 {
		o.MaxMessageSize = 100 << 20
	}
	if o.MaxBadCommands <= 0 {
		o.MaxBadCommands = 10
	}
	if o.MaxSavedRanges <= 0 {
		o.MaxSavedRanges = 256 << 10
	}
	return nil
}
