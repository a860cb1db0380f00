package imapserver

import (
	"errors"
	"strings"

	"mox/imap"
	"mox/store"
)

func isNoMailbox(err error) bool { return errors.Is(err, store.ErrNoMailbox) }

// handleCreate carries out CREATE (RFC 9051 §6.3.4) with the special use of RFC 6154 §3.
func (c *conn) handleCreate(_ *request) (imap.Code, error) {
	c.dec.SP()
	name, supplied := c.dec.MailboxForm()
	var uses []string
	unknown := false
	if c.dec.Take(' ') {
		c.dec.Parens(false, func() {
			if string(c.dec.Keyword()) != "USE" {
				unknown = true
				return
			}
			c.dec.SP()
			c.dec.Parens(true, func() {
				c.dec.Expect('\\')
				uses = append(uses, string(c.dec.Keyword()))
			})
		})
	}
	if err := c.end(); err != nil {
		return "", err
	}
	if unknown {
		return "", imap.Bad("Unknown parameter of CREATE")
	}
	name, err := newMailboxName(name)
	if err != nil {
		return "", err
	}
	use, err := specialUse(uses)
	if err != nil {
		return "", err
	}
	mb, err := c.auth.account.CreateMailbox(c.srv.ctx, c.auth.actor, name, use)
	if err == nil && c.rev2 && supplied != "" {
		c.tellMailbox(mb, supplied) // RFC 9051 §6.3.4.
	}
	return "", err
}

// specialUse returns the use that a client asked for, of the names without backslash.
func specialUse(names []string) (store.SpecialUse, error) {
	if len(names) == 0 {
		return "", nil
	}
	if len(names) > 1 {
		return "", imap.No(imap.CodeUseAttr, "A mailbox can have one special use only", nil)
	}
	for _, use := range []store.SpecialUse{store.Archive, store.Drafts, store.Junk, store.Sent, store.Trash} {
		if strings.EqualFold(names[0], string(use[1:])) {
			return use, nil
		}
	}
	return "", imap.No(imap.CodeUseAttr, "This special use is not known here", nil)
}
