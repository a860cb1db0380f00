package webmail

import (
	"context"
	"slices"

	"mox/config"
	"mox/smtp"
	"mox/store"
)

// start returns what a page begins with.
func (s *Server) start(ctx context.Context, path string) (Start, error) {
	acc, actor, err := s.open(ctx)
	if err != nil {
		return Start{}, err
	}
	defer acc.Close()
	ses := session(ctx)
	cfg := s.opts.Config()
	st := Start{
		Account: ses.Account, CSRF: ses.CSRF(), Version: s.opts.Version, Base: path,
		Identities: identities(cfg, ses.Account),
		Limits:     Limits{MessageSize: maxMessageSize(cfg), Recipients: maxRecipients, Labels: store.MaxMailboxKeywords},
	}
	if c := cfg.Account(ses.Account); c != nil {
		st.Name = c.FullName
	}
	// Before the rest is read, so that what changes meanwhile is told again rather than not at all.
	modseq, err := acc.ModSeq(ctx)
	if err != nil {
		return Start{}, err
	}
	st.ModSeq = int64(modseq)
	if st.Mailboxes, err = mailboxes(ctx, acc, actor); err != nil {
		return Start{}, err
	}
	if st.Settings, err = settings(ctx, acc); err != nil {
		return Start{}, err
	}
	u, err := acc.Usage(ctx)
	st.Usage = Usage{Bytes: u.Bytes, Messages: u.Messages, Quota: u.Quota}
	return st, err
}

// maxRecipients is how many a message may have (RFC 5321 §4.5.3.1.8 asks for 100 at least).
const maxRecipients = 1000

// maxMessageSize returns how large a message may be that is sent, in bytes: as much as any listener takes.
func maxMessageSize(cfg *config.Config) int64 {
	size := int64(0)
	for _, l := range cfg.Listeners {
		size = max(size, l.MaxMessageSize)
	}
	return size
}

// identities returns the addresses of an account, its first one being the default.
func identities(cfg *config.Config, account string) []Identity {
	c := cfg.Account(account)
	if c == nil {
		return nil
	}
	var l []Identity
	for _, address := range c.Addresses {
		id := Identity{Name: c.FullName, Address: address.String()}
		if address.Localpart == "" {
			id.Address = "@" + address.Domain.Name()
		} else if d := cfg.Domain(address.Domain); d != nil && len(d.LocalpartSeparators) > 0 {
			id.Separator = d.LocalpartSeparators[0]
		}
		l = append(l, id)
	}
	for _, alias := range cfg.Aliases() {
		if cfg.AccountCanSendFrom(account, alias.Address) && alias.HasMember(account) {
			l = append(l, Identity{Name: c.FullName, Address: alias.Address.String()})
		}
	}
	// Whole addresses before catch-alls, that of the account's own domain and name first.
	rank := func(id Identity) int {
		address, err := smtp.ParseAddress(id.Address)
		switch {
		case err != nil:
			return 4
		case cfg.LookupAlias(address.Path()) != nil:
			return 3
		case address.Domain == c.Domain && string(address.Localpart) == c.Name:
			return 0
		case address.Domain == c.Domain:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(l, func(x, y Identity) int { return rank(x) - rank(y) })
	if len(l) > 0 {
		l[0].Default = true
	}
	return l
}
