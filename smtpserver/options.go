package smtpserver

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mox/config"
	"mox/dns"
	"mox/login"
	"mox/pipeline"
	"mox/smtp"
)

// Kind is what a listener is for.
type Kind uint8

// Kinds of listeners.
const (
	MX          Kind = iota // Mail from other servers, port 25. No logins.
	Submission              // Users submit mail after logging in, with STARTTLS, port 587.
	Submissions             // The same with TLS from the start, port 465 (RFC 8314 §3.3).
)

func (k Kind) String() string {
	switch k {
	case MX:
		return "mx"
	case Submission:
		return "submission"
	case Submissions:
		return "submissions"
	}
	return "invalid"
}

// Addresses knows which addresses are ours; a *config.Config does.
type Addresses interface {
	// LookupPath says where mail for p goes, LookupIncoming does for mail from outside.
	// Errors are config.ErrUnknownDomain, ErrUnknownUser and ErrDomainDisabled.
	LookupPath(p smtp.Path) (config.Destination, smtp.Address, error)
	LookupIncoming(p smtp.Path) (config.Destination, smtp.Address, error)

	// LookupAlias returns the alias that p is, nil if it is none.
	LookupAlias(p smtp.Path) *config.Alias

	// AccountCanSendFrom tells whether a is one of the account's addresses.
	AccountCanSendFrom(account string, a smtp.Address) bool
}

// Options for New.
type Options struct {
	// Addresses returns the addresses of this moment. It is asked again for each look-up.
	// Required.
	Addresses func() Addresses

	// Logins decides who may log in. Required for listeners of the kinds Submission and Submissions.
	Logins *login.Service

	// Local takes messages for one account, Queue those for several places. Required for
	// listeners of kind MX.
	Local, Queue pipeline.Target

	// Submit takes what users submit: it records a submission and queues it. Required for
	// listeners of the kinds Submission and Submissions.
	Submit pipeline.Target

	SpoolDir    string // For messages too large for memory. Empty for the system's directory.
	SpoolMemory int64  // How much of a message is kept in memory, bytes. Zero for 256 KiB.

	Log        *slog.Logger          // Default: discard.
	Now        func() time.Time      // Default: time.Now.
	Rand       io.Reader             // For ids. Default: crypto/rand.
	Registerer prometheus.Registerer // Default: none.
}

func (o *Options) defaults() error {
	if o.Addresses == nil {
		return errors.New("smtpserver: Addresses is required")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	return nil
}

// Defaults of ListenerOptions and Limits.
const (
	DefaultMaxMessageSize = 100 << 20
	DefaultTimeout        = 5 * time.Minute // RFC 5321 §4.5.3.2.7.
	DefaultLoginTimeout   = 2 * time.Minute
	DefaultRecipients     = 1000
	DefaultBadCommands    = 10

	minRecipients = 100 // RFC 5321 §4.5.3.1.8.
)

// ListenerOptions for Serve.
type ListenerOptions struct {
	Name     string // Of the listener in the configuration, for logs and checks.
	Kind     Kind
	Hostname dns.Domain // In greetings, Received fields and Authentication-Results. Required.

	// Hostnames are the names of all our listeners. Authentication-Results fields with these or Hostname are
	// taken out of mail from outside.
	Hostnames []dns.Domain

	// TLSConfig is for STARTTLS, and for Submissions, which needs it. Nil means no STARTTLS.
	TLSConfig *tls.Config

	RequireTLS     bool // On an MX listener, take mail only after STARTTLS.
	AuthWithoutTLS bool // Take passwords in the clear.

	// Mechanisms of SASL are all that may be offered; nil for no such restriction.
	Mechanisms []string

	MaxMessageSize int64 // Bytes. Zero means DefaultMaxMessageSize.

	// NormalizeLineEnds turns a bare CR or LF in a message into CRLF, and drops NUL, in place of
	// refusing it.
	NormalizeLineEnds bool

	// HideClient leaves name and address of the client out of the Received field.
	HideClient bool

	Checks []pipeline.Use // In order.

	// Limits may be shared by several listeners, whose clients then count together. Nil
	// means the zero LimitOptions.
	Limits *Limits

	// Unlimited are networks whose clients are not limited in rates and numbers, and
	// never slowed down.
	Unlimited []netip.Prefix
}

func (o *ListenerOptions) defaults(s *Options) error {
	if o.Hostname.IsZero() {
		return errors.New("smtpserver: Hostname is required")
	}
	switch o.Kind {
	case MX:
		if s.Local == nil || s.Queue == nil {
			return errors.New("smtpserver: receiving mail needs the targets Local and Queue")
		}
		if o.RequireTLS && o.TLSConfig == nil {
			return errors.New("smtpserver: RequireTLS needs TLSConfig")
		}
	case Submission, Submissions:
		if s.Submit == nil || s.Logins == nil {
			return errors.New("smtpserver: submission needs the target Submit and Logins")
		}
		if o.Kind == Submissions && o.TLSConfig == nil {
			return errors.New("smtpserver: Submissions needs TLSConfig")
		}
		if o.TLSConfig == nil && !o.AuthWithoutTLS {
			return errors.New("smtpserver: without TLSConfig and AuthWithoutTLS nobody could log in")
		}
	default:
		return errors.New("smtpserver: unknown kind of listener")
	}
	if o.MaxMessageSize <= 0 {
		o.MaxMessageSize = DefaultMaxMessageSize
	}
	if o.Limits == nil {
		o.Limits = NewLimits(LimitOptions{Now: s.Now})
	}
	return nil
}
