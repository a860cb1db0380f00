package imapserver

import (
	"slices"

	"mox/imap"
	"mox/imap/wire"
	"mox/store"
)

// handleList carries out LIST (RFC 9051 §6.3.9, RFC 5258), with the attributes of RFC 3348 and RFC 6154, and STATUS
// (RFC 5819).
func (c *conn) handleList(_ *request) (imap.Code, error) {
	args, err := c.dec.List()
	if err != nil {
		return "", err
	}
	if err := c.checkStatusItems(args.Status); err != nil {
		return "", err
	}
	if !args.Extended && slices.Equal(args.Patterns, []string{""}) {
		// RFC 9051 §6.3.9: the separator and the root of the reference.
		c.enc.Untagged().Atom("LIST").Open().Atom(`\Noselect`).Close().String("/").String("").CRLF()
		return "", nil
	}
	l := listing{c: c, args: args, match: matcher(args.Reference, args.Patterns)}
	if err := l.load(); err != nil {
		return "", err
	}
	if args.Status&wire.StatusHighestModSeq != 0 {
		c.enableCondstore()
	}
	return "", l.write()
}

// listing is a LIST being carried out.
type listing struct {
	c     *conn
	args  wire.List
	match func(name string) bool
	names []listedName // In the order of the store, then those without mailbox.
	index map[string]int
}

// listedName is a name that LIST may tell.
type listedName struct {
	store.Mailbox
	exists    bool // There is a mailbox of this name.
	childInfo bool // Names below it are selected.
	childTold bool // All of these are told themselves.
}

// load finds the names, and what is below them.
func (l *listing) load() error {
	acc, actor := l.c.auth.account, l.c.auth.actor
	boxes, err := acc.Mailboxes(l.c.srv.ctx, actor)
	if err != nil {
		return err
	}
	l.names = make([]listedName, len(boxes))
	for i, mb := range boxes {
		l.names[i] = listedName{Mailbox: mb, exists: !mb.NoSelect}
	}
	if l.args.Select&wire.SelectSubscribed == 0 {
		return nil
	}
	// RFC 9051 §6.3.9.1: subscribed names, also of mailboxes that do not exist.
	l.index = make(map[string]int, len(l.names))
	for i := range l.names {
		l.index[l.names[i].Name] = i
	}
	subscribed, err := acc.Subscriptions(l.c.srv.ctx, actor)
	if err != nil {
		return err
	}
	for _, name := range subscribed {
		// It may have been subscribed since.
		l.named(name).Subscribed = true
	}
	if l.args.Select&wire.SelectRecursiveMatch != 0 {
		l.findParents()
	}
	return nil
}

// named returns the entry of a name, which is made if there is none.
func (l *listing) named(name string) *listedName {
	i, ok := l.index[name]
	if !ok {
		i = len(l.names)
		l.index[name] = i
		l.names = append(l.names, listedName{Mailbox: store.Mailbox{Name: name, NoSelect: true}})
	}
	return &l.names[i]
}

// findParents notes, for RECURSIVEMATCH, which names have selected ones below them, and makes those that
// do not exist.
func (l *listing) findParents() {
	for i := range len(l.names) {
		n := l.names[i]
		if !l.selects(&n) {
			continue
		}
		told := l.match(n.Name)
		for parent, ok := imap.ParentMailbox(n.Name); ok; parent, ok = imap.ParentMailbox(parent) {
			p := l.named(parent)
			p.childTold = told && (p.childTold || !p.childInfo)
			p.childInfo = true
		}
	}
}

// selects reports whether a name meets the selection options.
func (l *listing) selects(n *listedName) bool {
	opts := l.args.Select
	return (opts&wire.SelectSubscribed == 0 || n.Subscribed) && (opts&wire.SelectSpecialUse == 0 || n.SpecialUse != "")
}

// write tells the names that match.
func (l *listing) write() error {
	opts := l.args.Return
	if l.args.Select&wire.SelectSubscribed != 0 {
		opts |= wire.ListReturnSubscribed // RFC 9051 §6.3.9.1.
	}
	for i := range l.names {
		n := &l.names[i]
		selected := l.selects(n)
		// RFC 9051 §6.3.9.3: of names that are not selected only those are told below which there is one
		// that is not told itself.
		if !selected && (!n.childInfo || n.childTold) || !l.match(n.Name) {
			continue
		}
		l.writeName(n, opts)
		// RFC 9051 §6.3.9.8, example 11.
		if opts&wire.ListReturnStatus != 0 && n.exists && selected {
			if err := l.c.writeStatus(n.Mailbox, l.args.Status); err != nil {
				return err
			}
		}
	}
	return l.c.writeError()
}

// writeName writes a LIST response (RFC 9051 §7.3.1, RFC 3501 §7.2.2).
func (l *listing) writeName(n *listedName, opts wire.ListReturn) {
	enc := l.c.enc
	enc.Untagged().Atom("LIST").Open()
	if !n.exists {
		// RFC 9051 §6.3.9: \Noselect for levels of hierarchy. Clients that use the extended syntax know
		// the stronger attribute (RFC 5258 §3).
		if l.args.Extended {
			enc.Atom(`\NonExistent`)
		} else {
			enc.Atom(`\Noselect`)
		}
	}
	if n.exists || n.HasChildren || opts&wire.ListReturnChildren != 0 {
		l.c.writeChildren(n.HasChildren)
	}
	l.c.writeRole(n.Mailbox, opts&wire.ListReturnSubscribed != 0)
	enc.Close().String("/").Mailbox(wireName(n.Name))
	if n.childInfo {
		// RFC 9051 §6.3.9.6. SUBSCRIBED is the only option that can stand there.
		enc.Open().String("CHILDINFO").Open().String("SUBSCRIBED").Close().Close()
	}
	enc.CRLF()
}

// writeChildren writes an attribute of RFC 3348 (RFC 9051 §6.3.9.5).
func (c *conn) writeChildren(has bool) {
	if has {
		c.enc.Atom(`\HasChildren`)
	} else {
		c.enc.Atom(`\HasNoChildren`)
	}
}

// writeRole writes the attributes for what a mailbox is to its user.
func (c *conn) writeRole(mb store.Mailbox, subscribed bool) {
	if subscribed && mb.Subscribed {
		c.enc.Atom(`\Subscribed`)
	}
	if mb.SpecialUse != "" {
		c.enc.Atom(string(mb.SpecialUse))
	}
}

// tellMailbox writes a LIST response that no LIST asked for, with the name that the client used for the mailbox if
// that is another form of it (RFC 9051 §6.3.9.7).
func (c *conn) tellMailbox(mb store.Mailbox, oldName string) {
	c.enc.Untagged().Atom("LIST").Open()
	c.writeChildren(mb.HasChildren)
	c.writeRole(mb, true)
	c.enc.Close().String("/").Mailbox(wireName(mb.Name))
	c.writeOldName(oldName)
	c.enc.CRLF()
}

// writeOldName writes the extended data item OLDNAME, unless the name is empty.
func (c *conn) writeOldName(name string) {
	if name != "" {
		c.enc.Open().String("OLDNAME").Open().Mailbox(name).Close().Close()
	}
}

// matcher returns a function that tells whether any of the patterns matches a name of the store. Empty
// patterns match nothing, whatever the reference (RFC 9051 §6.3.9).
func matcher(reference string, patterns []string) func(name string) bool {
	var l []*imap.Pattern
	for _, p := range patterns {
		if p != "" {
			l = append(l, imap.NewPattern(reference, p))
		}
	}
	return func(name string) bool {
		name = wireName(name)
		return slices.ContainsFunc(l, func(p *imap.Pattern) bool { return p.Match(name) })
	}
}
