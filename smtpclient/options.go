package smtpclient

import (
	"cmp"
	"crypto/tls"
	"errors"
	"log/slog"
	"time"

	"mox/dns"
	"mox/sasl"
)

// TLSMode is what a Client does about TLS.
type TLSMode uint8

// TLS modes. Where certificates are not verified, an active attacker can still read and
// change everything.
const (
	// TLSOpportunistic uses STARTTLS if the server has it, without verifying the
	// certificate (RFC 7435). It is the default.
	TLSOpportunistic TLSMode = iota

	// TLSNone never uses TLS.
	TLSNone

	// TLSRequired fails without STARTTLS, but does not verify the certificate.
	TLSRequired

	// TLSVerified fails without STARTTLS, or without a valid certificate for RemoteName.
	TLSVerified

	// TLSImmediate begins with TLS, as for submissions (RFC 8314 §3), and fails without a
	// valid certificate for RemoteName.
	TLSImmediate
)

func (m TLSMode) required() bool { return m == TLSRequired || m == TLSVerified || m == TLSImmediate }

func (m TLSMode) verified() bool { return m == TLSVerified || m == TLSImmediate }

// Options are the options of a Client. Fields without a default told are required.
type Options struct {
	// LocalName is our name for EHLO: a domain with an address, or, without one, an
	// address literal (RFC 5321 §4.1.1.1).
	LocalName dns.IPDomain

	// RemoteName is the host connected to, for TLS. It may be zero if TLS is not
	// verified.
	RemoteName dns.Domain

	// TLS is the TLS mode, TLSOpportunistic by default.
	TLS TLSMode

	// TLSConfig is used for TLS; ServerName and InsecureSkipVerify are set as TLS and
	// RemoteName say, and MinVersion to TLS 1.2 if it is not set. Its VerifyConnection
	// is called in all modes, e.g. for DANE. Default: an empty one.
	TLSConfig *tls.Config

	// Auth chooses a mechanism among those that the server offers, in upper case, in
	// their order. cs is nil without TLS. Default: no authentication. Returning a nil
	// Client goes on without.
	Auth func(mechanisms []string, cs *tls.ConnectionState) (sasl.Client, error)

	// AuthWithoutTLS allows to authenticate without TLS, when anyone on the way can take
	// a password sent with PLAIN or LOGIN.
	AuthWithoutTLS bool

	// LMTP speaks LMTP, where each recipient has a reply of its own after the message
	// (RFC 2033).
	LMTP bool

	// Timeouts are limits for single steps.
	Timeouts Timeouts

	// Log is for debugging and, at trace level, the dialogue. Default: discard.
	Log *slog.Logger
}

// Timeouts are the time limits of a Client. Zero fields have the default told, which are
// the minimums of RFC 5321 §4.5.3.2 where it has one.
type Timeouts struct {
	TLS       time.Duration // TLS handshake: 1 minute.
	Greeting  time.Duration // From connecting to the greeting: 5 minutes.
	Command   time.Duration // EHLO, STARTTLS, AUTH, MAIL, RCPT, RSET: 5 minutes.
	DataStart time.Duration // DATA: 2 minutes.
	DataBlock time.Duration // Each write of the message: 3 minutes.
	DataEnd   time.Duration // From the end of the message to the reply: 10 minutes.
	Quit      time.Duration // QUIT: 10 seconds; nothing depends on it.
}

func (t Timeouts) withDefaults() Timeouts {
	return Timeouts{
		TLS:       cmp.Or(t.TLS, time.Minute),
		Greeting:  cmp.Or(t.Greeting, 5*time.Minute),
		Command:   cmp.Or(t.Command, 5*time.Minute),
		DataStart: cmp.Or(t.DataStart, 2*time.Minute),
		DataBlock: cmp.Or(t.DataBlock, 3*time.Minute),
		DataEnd:   cmp.Or(t.DataEnd, 10*time.Minute),
		Quit:      cmp.Or(t.Quit, 10*time.Second),
	}
}

func (o *Options) check() error {
	if o.LocalName.IsZero() {
		return errors.New("smtpclient: options have no local name")
	}
	if o.TLS.verified() && o.RemoteName.IsZero() {
		return errors.New("smtpclient: options have no remote name to verify")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Timeouts = o.Timeouts.withDefaults()
	return nil
}

// tlsConfig returns the configuration for a connection.
func (o *Options) tlsConfig() *tls.Config {
	c := o.TLSConfig.Clone()
	if c == nil {
		c = &tls.Config{}
	}
	if c.MinVersion == 0 {
		c.MinVersion = tls.VersionTLS12
	}
	c.ServerName = o.RemoteName.ASCII
	c.InsecureSkipVerify = !o.TLS.verified()
	return c
}
