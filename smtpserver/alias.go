package smtpserver

import (
	"mox/config"
	"mox/pipeline"
	"mox/smtp"
)

// addAlias adds the members of an alias in place of it (RFC 5321 §3.9.1). One that cannot take the message now does
// not keep the others from it; if none can, that is the answer.
func (c *conn) addAlias(alias *config.Alias, asked pipeline.Recipient) error {
	if !alias.MayPost(c.account()) {
		return smtp.NewError(smtp.C550MailboxUnavailable, smtp.E572ListExpansion, "only members may send to this address", nil)
	}
	if asked.OriginalRecipient == (smtp.OriginalRecipient{}) {
		// Reports are about what the sender knows (RFC 3461 §5.2.7.3).
		asked.OriginalRecipient = smtp.OriginalRecipient{Type: "rfc822", Address: alias.Address.Path().Pack(false)}
		if alias.Address.Localpart.IsInternational() {
			asked.OriginalRecipient = smtp.OriginalRecipient{Type: "utf-8", Address: alias.Address.Path().Pack(true)}
		}
	}
	var refusal error
	accepted := false
	for _, m := range alias.Members {
		r := asked
		r.Path, r.Account, r.Mailbox = m.Address.Path(), m.Account, m.Mailbox
		if c.tx.seen[r.Path] {
			continue
		}
		if err := c.tx.checks.Recipient(c.ctx(), r); err != nil {
			c.log.Info("member of alias cannot take message", "alias", alias.Address.LogString(), "member", m.Address.LogString(), "err", err)
			if refusal == nil || smtp.IsTemporary(err) {
				refusal = err
			}
			continue
		}
		c.tx.seen[r.Path] = true
		accepted = true
	}
	if refusal != nil && !accepted {
		return refusal
	}
	return nil
}
