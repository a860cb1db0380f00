package imapserver

import (
	"strings"

	"mox/imap"
)

// handleLsub carries out LSUB (RFC 3501 §6.3.9, §7.2.3).
func (c *conn) handleLsub(_ *request) (imap.Code, error) {
	args, err := c.dec.LSub()
	if err != nil {
		return "", err
	}
	names, err := c.auth.account.Subscriptions(c.srv.ctx, c.auth.actor)
	if err != nil {
		return "", err
	}
	match := matcher(args.Reference, args.Patterns)
	told := map[string]bool{}
	for _, name := range names {
		if match(name) {
			told[name] = true
			c.enc.Untagged().Atom("LSUB").Open().Close().String("/").Mailbox(wireName(name)).CRLF()
		}
	}
	// RFC 3501 §6.3.9: with "%" a name that is not subscribed is told as \Noselect if there are
	// subscribed ones below it.
	if len(args.Patterns) == 0 || !strings.HasSuffix(args.Patterns[0], "%") {
		return "", c.writeError()
	}
	for _, name := range names {
		for parent, ok := imap.ParentMailbox(name); ok; parent, ok = imap.ParentMailbox(parent) {
			if !told[parent] && match(parent) {
				told[parent] = true
				c.enc.Untagged().Atom("LSUB").Open().Atom(`\Noselect`).Close().String("/").Mailbox(wireName(parent)).CRLF()
			}
		}
	}
	return "", c.writeError()
}
