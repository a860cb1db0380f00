package imapserver

import (
	"slices"
	"strings"

	"mox/imap"
	"mox/imap/wire"
	"mox/store"
)

// handleList carries out LIST (RFC 9051 §6.3.9) as in RFC 3501 §6.3.8, with the attributes of RFC 3348 and
// RFC 6154. Patterns in parentheses and options are of LIST-EXTENDED, which is not announced, but some
// clients use them for special uses, as RFC 6154 §3 lets them.
func (c *conn) handleList(_ *request) (imap.Code, error) {
	args, err := c.dec.List()
	if isNo(err) {
		return "", nil // RFC 9051 §6.3.9: a malformed name matches nothing.
	} else if err != nil {
		return "", err
	}
	if !args.Extended && args.Patterns[0] == "" {
		// RFC 9051 §6.3.9: the separator and the root of the reference.
		c.enc.Untagged().Atom("LIST").Open().Atom(`\Noselect`).Close().String("/").String("").CRLF()
		return "", nil
	}
	l, err := c.auth.account.Mailboxes(c.srv.ctx, c.auth.actor)
	if err != nil {
		return "", err
	}
	if args.Return&wire.ListReturnStatus != 0 && args.Status&wire.StatusHighestModSeq != 0 {
		c.enableCondstore()
	}
	match := matcher(args.Reference, args.Patterns)
	for _, mb := range l {
		if !match(mb.Name) || !selects(args.Select, mb) {
			continue
		}
		c.writeList(mb, args.Return|selectReturn(args.Select))
		if args.Return&wire.ListReturnStatus != 0 && !mb.NoSelect {
			c.writeStatus(mb, args.Status)
		}
	}
	return "", c.writeError()
}

// matcher returns a function that tells whether any of the patterns matches a name of the store.
func matcher(reference string, patterns []string) func(name string) bool {
	l := make([]*imap.Pattern, len(patterns))
	for i, p := range patterns {
		l[i] = imap.NewPattern(reference, p)
	}
	return func(name string) bool {
		name = wireName(name)
		return slices.ContainsFunc(l, func(p *imap.Pattern) bool { return p.Match(name) })
	}
}

func selects(opts wire.ListSelect, mb store.Mailbox) bool {
	return (opts&wire.SelectSubscribed == 0 || mb.Subscribed) && (opts&wire.SelectSpecialUse == 0 || mb.SpecialUse != "")
}

// selectReturn gives the return options that selection options imply (RFC 9051 §6.3.9.1).
func selectReturn(opts wire.ListSelect) wire.ListReturn {
	if opts&wire.SelectSubscribed != 0 {
		return wire.ListReturnSubscribed
	}
	return 0
}

// writeList writes a LIST response.
func (c *conn) writeList(mb store.Mailbox, opts wire.ListReturn) {
	c.enc.Untagged().Atom("LIST").Open()
	c.writeAttributes(mb)
	if opts&wire.ListReturnSubscribed != 0 && mb.Subscribed {
		c.enc.Atom(`\Subscribed`)
	}
	if mb.SpecialUse != "" {
		c.enc.Atom(string(mb.SpecialUse))
	}
	c.enc.Close().String("/").Mailbox(wireName(mb.Name)).CRLF()
}

func (c *conn) writeAttributes(mb store.Mailbox) {
	if mb.NoSelect {
		c.enc.Atom(`\Noselect`)
	}
	if mb.HasChildren {
		c.enc.Atom(`\HasChildren`)
	} else {
		c.enc.Atom(`\HasNoChildren`)
	}
}

// handleLsub carries out LSUB (RFC 3501 §6.3.9).
func (c *conn) handleLsub(_ *request) (imap.Code, error) {
	args, err := c.dec.LSub()
	if isNo(err) {
		return "", nil
	} else if err != nil {
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
	if !strings.HasSuffix(args.Patterns[0], "%") {
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
