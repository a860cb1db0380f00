package main

import (
	"context"
	"time"

	"mox/config"
	"mox/pipeline"
	"mox/pipeline/checks"
	"mox/smtp"
)

// testTimeout is how long an address of localserve that asks for a timeout keeps a
// client waiting: longer than any client waits (RFC 5321 §4.5.3.2).
const testTimeout = time.Hour

// checks returns the checks of messages on SMTP ports. The server stops when ctx ends.
func (s *server) checks(ctx context.Context) []pipeline.Use {
	use := []pipeline.Use{{Check: checks.Quota{Usage: func(ctx context.Context, account string) (used, limit int64, err error) {
		a, err := s.accounts.Open(ctx, account)
		if err != nil {
			return 0, 0, err
		}
		defer a.Close()
		u, err := a.Usage(ctx)
		return u.Bytes, u.Quota, err
	}}}}
	use = append(use, pipeline.Use{Check: checks.NewSendLimit(func(account string) checks.SendLimits {
		if a := s.live.Current().Account(account); a != nil {
			return checks.SendLimits{MessagesPerHour: a.MaxSubmissionsPerHour, RecipientsPerHour: a.MaxOutgoingPerHour, RecipientsPerDay: a.MaxOutgoingPerDay}
		}
		return checks.SendLimits{}
	}, nil)})
	use = append(use, pipeline.Use{Check: s.firstTimeLimit()})
	if s.live.Current().Localserve != nil {
		use = append(use, pipeline.Use{Check: checks.TestAddress{Timeout: testTimeout, Stop: ctx.Done()}, Timeout: 2 * testTimeout})
	}
	return use
}

// firstTimeLimit returns the check of recipients to whom an account has never sent.
func (s *server) firstTimeLimit() *checks.FirstTime {
	return checks.NewFirstTime(checks.FirstTimeOptions{
		Limit: func(account string) int {
			if a := s.live.Current().Account(account); a != nil {
				return a.MaxFirstTimePerDay
			}
			return 0
		},
		HasSentTo: func(ctx context.Context, account string, to smtp.Path) (bool, error) {
			a, err := s.accounts.Open(ctx, account)
			if err != nil {
				return false, err
			}
			defer a.Close()
			return a.HasSentTo(ctx, to.XString(true))
		},
	})
}

// receptionChecks returns the checks of mail that comes from other servers through a listener.
func (s *server) receptionChecks(l *config.Listener) []pipeline.Use {
	var use []pipeline.Use
	if l.SMTP.SenderAuthentication {
		policy := map[config.DMARCPolicy]checks.DMARCPolicy{
			config.DMARCNone: checks.DMARCNote, config.DMARCQuarantine: checks.DMARCQuarantine, config.DMARCEnforce: checks.DMARCEnforce,
		}[l.SMTP.DMARCPolicy]
		use = append(use, pipeline.Use{Timeout: checks.SenderAuthTimeout, Advisory: policy == checks.DMARCNote, Check: checks.NewSenderAuth(checks.SenderAuthOptions{
			Resolver: s.resolver, Hostname: l.Hostname, Policy: policy,
		})})
	}
	if len(l.SMTP.DNSBLs) > 0 {
		listed := map[config.DNSBLPolicy]pipeline.Verdict{
			config.DNSBLNone: pipeline.Neutral, config.DNSBLJunk: pipeline.Quarantine, config.DNSBLReject: pipeline.Reject,
		}[l.SMTP.DNSBLPolicy]
		use = append(use, pipeline.Use{Advisory: listed == pipeline.Neutral, Check: checks.NewDNSBL(checks.DNSBLOptions{
			Resolver: s.resolver, Zones: l.SMTP.DNSBLs, Listed: listed, Log: s.log.With("pkg", "dnsbl"),
		})})
	}
	return use
}
