package webmail

import (
	"context"
	"sync"
	"time"

	"mox/dns"
	"mox/rcptsecurity"
	"mox/smtp"
)

// securityTimeout is how long a call waits for what is found out about recipients. It is found out to the end nevertheless, for
// the next one.
const securityTimeout = 8 * time.Second

// security returns what is known of the ways to recipients, in their order.
func (s *Server) security(ctx context.Context, addresses []string) []Security {
	l := make([]Security, len(addresses))
	lookups := map[dns.Domain][]int{}
	for i, text := range addresses {
		l[i] = Security{Address: text, Level: LevelInfo, Summary: "Not known yet.", STARTTLS: AnswerUnknown, MTASTS: AnswerUnknown, DNSSEC: AnswerUnknown, DANE: AnswerUnknown, RequireTLS: AnswerUnknown}
		address, err := smtp.ParseAddress(text)
		if err != nil {
			l[i].Level, l[i].Summary = LevelBad, "This is not an address."
			continue
		}
		if _, _, err := s.opts.Config().LookupPath(address.Path()); err == nil {
			l[i].Level, l[i].Local, l[i].Summary = LevelOK, true, "Stays on this server."
			continue
		}
		lookups[address.Domain] = append(lookups[address.Domain], i)
	}
	if s.opts.Security == nil {
		return l
	}
	ctx, cancel := context.WithTimeout(ctx, securityTimeout)
	defer cancel()
	var wg sync.WaitGroup
	for domain, places := range lookups {
		wg.Go(func() {
			found := s.opts.Security.Lookup(ctx, domain)
			for _, i := range places {
				l[i].add(found)
			}
		})
	}
	wg.Wait()
	return l
}

// add tells what was found.
func (sec *Security) add(f rcptsecurity.Security) {
	sec.STARTTLS, sec.MTASTS, sec.DNSSEC, sec.DANE, sec.RequireTLS = answer(f.STARTTLS), answer(f.MTASTS), answer(f.DNSSEC), answer(f.DANE), answer(f.RequireTLS)
	switch {
	case f.Verified():
		sec.Level, sec.Summary = LevelOK, "Encrypted, to a server that is verified."
	case f.STARTTLS == rcptsecurity.Yes:
		sec.Level, sec.Summary = LevelInfo, "Encrypted, to a server that is not verified."
	case f.STARTTLS == rcptsecurity.No:
		sec.Level, sec.Summary = LevelWarn, "Not encrypted on the way."
	case f.STARTTLS == rcptsecurity.Error:
		sec.Level, sec.Summary = LevelWarn, "Encryption failed the last time."
	default:
		sec.Level, sec.Summary = LevelInfo, "Probably encrypted; nothing was sent there yet."
	}
}

func answer(r rcptsecurity.Result) Answer {
	switch r {
	case rcptsecurity.Yes:
		return AnswerYes
	case rcptsecurity.No:
		return AnswerNo
	case rcptsecurity.Error:
		return AnswerError
	}
	return AnswerUnknown
}
