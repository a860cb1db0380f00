package queue

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mox/dns"
	"mox/pipeline"
	"mox/queuedb"
	"mox/smtp"
)

// Options for New. Zero values have the defaults told; fields without a default are required.
type Options struct {
	DB *queuedb.DB

	// Local delivers to accounts of this host.
	Local pipeline.Target

	// Route chooses how the next attempt for a recipient is made.
	Route func(m *queuedb.Message, r *queuedb.Recipient) Transport

	// LookupLocal tells where mail for a path of this host goes, for notifications.
	// local is false for paths of other hosts.
	LookupLocal func(ctx context.Context, p smtp.Path) (account, mailbox string, local bool, err error)

	// Done is told of each message once all its recipients are final. It may be told
	// again, after a crash, and is when it returned an error, within the hour. Default: nobody.
	Done func(m queuedb.Message) error

	// Begun is told of each attempt for a message with a SendAt, before it is made. It may be told again of the same one. An
	// error is logged and hinders nothing. Default: nobody.
	Begun func(m queuedb.Message) error

	// Signer signs submissions and notifications. Default: they stay unsigned.
	Signer Signer

	Hostname dns.Domain // Reporting MTA, and the domain of notifications' sender.

	Log        *slog.Logger          // Default: discard.
	Now        func() time.Time      // Default: time.Now.
	Registerer prometheus.Registerer // Default: none.

	MaxConcurrent     int           // Attempts at a time to other hosts. Default 100.
	MaxLocal          int           // Attempts at a time to accounts of this host. Default 20.
	MaxPerDestination int           // Attempts at a time to one destination. Default 5.
	MaxRecipients     int           // Recipients per attempt. Default 100 (RFC 5321 §4.5.3.1.8).
	AttemptTimeout    time.Duration // Default 30 minutes.
	Lifetime          time.Duration // A recipient fails after this. Default 5 days (RFC 5321 §4.5.4.1).
	DelayAfter        time.Duration // The sender hears of delay about then. Default 4 hours.
	Remember          time.Duration // Finished messages are listed this long. Default 7 days.

	// Suspend is how long a destination is left alone, in favour of others, that no connection
	// could be made to. It should be shorter than the first back-off. Negative is not at
	// all. Default 5 minutes.
	Suspend time.Duration

	// Backoff gives the time to the next attempt after the nth one failed, n from 1.
	// Default: Backoff.
	Backoff func(n int) time.Duration
}

func (o *Options) check() error {
	if o.DB == nil || o.Local == nil || o.Route == nil || o.LookupLocal == nil || o.Hostname.IsZero() {
		return errors.New("queue needs a database, local target, route, address lookup and host name")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Done == nil {
		o.Done = func(queuedb.Message) error { return nil }
	}
	if o.Begun == nil {
		o.Begun = func(queuedb.Message) error { return nil }
	}
	if o.Backoff == nil {
		o.Backoff = Backoff
	}
	setDefault(&o.MaxConcurrent, 100)
	setDefault(&o.MaxLocal, 20)
	setDefault(&o.MaxPerDestination, 5)
	setDefault(&o.MaxRecipients, 100)
	setDefault(&o.AttemptTimeout, 30*time.Minute)
	setDefault(&o.Lifetime, 5*24*time.Hour)
	setDefault(&o.DelayAfter, 4*time.Hour)
	setDefault(&o.Remember, 7*24*time.Hour)
	setDefault(&o.Suspend, 5*time.Minute)
	return nil
}

func setDefault[T int | time.Duration](v *T, def T) {
	if *v == 0 {
		*v = def
	}
}

// Backoff doubles from 7.5 minutes up to 16 hours, varied by a tenth so that messages
// which failed together are not all tried together again. The first two retries pass a
// greylist; later ones follow the advice of RFC 5321 §4.5.4.1.
func Backoff(n int) time.Duration {
	d := 450 * time.Second << min(max(n-1, 0), 7)
	return d - d/10 + rand.N(d/5)
}
