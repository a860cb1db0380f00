package webmail

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"mox/config"
	"mox/dns"
	"mox/imap"
	"mox/message"
	"mox/smtp"
	"mox/store"
)

// folders are the mailboxes of an account, as items need them.
type folders map[int64]Mailbox

// foldersOf returns the mailboxes of an account.
func foldersOf(ctx context.Context, acc *store.Account, actor store.Actor) (folders, error) {
	l, err := mailboxes(ctx, acc, actor)
	if err != nil {
		return nil, err
	}
	f := make(folders, len(l))
	for _, mb := range l {
		f[mb.ID] = mb
	}
	return f, nil
}

// aside tells whether the messages of a mailbox are in conversations only where they are looked at from it.
func (f folders) aside(mailbox int64) bool {
	return f[mailbox].Role.discarded()
}

// itemMaker makes items of emails.
type itemMaker struct {
	cfg     *config.Config
	acc     *store.Account
	actor   store.Actor
	account string
	folders folders
	mailbox int64 // Whose places come first; may be zero.
}

// newItemMaker returns one for an account. Mailbox is whose places come first, zero for none.
func (s *Server) newItemMaker(ctx context.Context, acc *store.Account, mailbox int64) (*itemMaker, error) {
	m := &itemMaker{cfg: s.opts.Config(), acc: acc, account: acc.Name(), mailbox: mailbox}
	if ses := session(ctx); ses != nil {
		m.actor = ses.Actor()
	}
	var err error
	m.folders, err = foldersOf(ctx, acc, m.actor)
	return m, err
}

// items returns the items of messages, in the order in which their emails come first. Emails that are gone have none.
func (m *itemMaker) items(ctx context.Context, instances []store.Instance) ([]Item, error) {
	var ids []store.EmailID
	places := map[store.EmailID][]store.Instance{}
	for _, in := range instances {
		if places[in.Email] == nil {
			ids = append(ids, in.Email)
		}
		places[in.Email] = append(places[in.Email], in)
	}
	var l []Item
	err := m.acc.Emails(ctx, m.actor, ids, func(i int, e *store.Email) error {
		if e == nil {
			return nil
		}
		it, err := m.item(ctx, e, places[ids[i]])
		if err == nil {
			l = append(l, it)
		}
		return err
	})
	return l, err
}

// item returns the item of an email that is in one or more places.
func (m *itemMaker) item(ctx context.Context, e *store.Email, places []store.Instance) (Item, error) {
	env := e.ParseEnvelope()
	it := Item{
		Email: e.ID.String(), Thread: threadText(e.Thread),
		Subject: env.Subject, Snippet: string(e.Preview), Received: e.Received.Unix(), Size: e.Size,
	}
	if from := persons(env.From, 1); len(from) > 0 {
		it.From = from[0]
	}
	to := persons(slices.Concat(env.To, env.CC, env.BCC), 1000)
	it.To, it.More = to[:min(len(to), 4)], max(0, len(to)-4)
	root, err := e.Part()
	if err != nil {
		return Item{}, err
	}
	it.Attachments = hasAttachment(root)
	it.Mine = m.mine(env)
	m.place(&it, places)
	for _, p := range places {
		switch m.folders[int64(p.Mailbox)].Role {
		case RoleSent, RoleScheduled:
			it.Mine = true
		case RoleJunk, RoleRejects:
			it.Junk = true
		}
		if m.folders[int64(p.Mailbox)].Role == RoleScheduled {
			sub, err := m.acc.SubmissionOf(ctx, e.ID)
			if err == nil && !sub.SendAt.IsZero() {
				it.SendAt = sub.SendAt.Unix()
			}
		}
	}
	return it, nil
}

// place sets what is known by the places of an email.
func (m *itemMaker) place(it *Item, places []store.Instance) {
	rank := func(in store.Instance) int {
		switch id := int64(in.Mailbox); {
		case id == m.mailbox:
			return 0
		case m.folders.aside(id):
			return 2
		}
		return 1
	}
	places = slices.Clone(places)
	slices.SortStableFunc(places, func(x, y store.Instance) int {
		return cmp.Or(cmp.Compare(rank(x), rank(y)), cmp.Compare(x.Mailbox, y.Mailbox), cmp.Compare(x.UID, y.UID))
	})
	for _, p := range places {
		it.Places = append(it.Places, Place{Mailbox: int64(p.Mailbox), UID: int64(p.UID)})
	}
	if len(places) == 0 {
		return
	}
	// Copies may have flags of their own; what is shown are those of the one looked at.
	first := places[0]
	it.Seen = first.Flags.Has(imap.FlagSeen)
	it.Flagged = first.Flags.Has(imap.FlagFlagged)
	it.Answered = first.Flags.Has(imap.FlagAnswered)
	it.Draft = first.Flags.Has(imap.FlagDraft)
	for _, k := range m.acc.KeywordNames(first.Keywords) {
		switch {
		case imap.EqualKeyword(k, "$Forwarded"):
			it.Forwarded = true
		case imap.EqualKeyword(k, "$Junk"):
			it.Junk = true
		case isLabel(k):
			it.Labels = append(it.Labels, k)
		}
	}
}

// mine tells whether a message is from an address of the account.
func (m *itemMaker) mine(env *message.Envelope) bool {
	return slices.ContainsFunc(env.From, func(a message.Address) bool { return isOwn(m.cfg, m.account, a.Addr()) })
}

// isOwn tells whether mail to an address is for the account, which it may be from too.
func isOwn(cfg *config.Config, account, address string) bool {
	a, err := smtp.ParseAddress(address)
	if err != nil {
		return false
	}
	if cfg.LookupAlias(a.Path()) != nil {
		return cfg.AccountCanSendFrom(account, a)
	}
	// Not AccountCanSendFrom, as in localserve the account may send from any.
	dest, _, err := cfg.LookupAddress(a.Localpart, a.Domain)
	return err == nil && dest.Account == account
}

// persons returns the people of an address list, at most max.
func persons(l []message.Address, max int) []Person {
	var people []Person
	for _, a := range l {
		if a.Kind != message.Mailbox || a.Name == "" && a.User == "" && a.Host == "" {
			continue
		}
		if len(people) == max {
			break
		}
		p := Person{Name: cutText(a.Name, 500), Address: a.Addr()}
		if p.Address == "" && p.Name == "" {
			p.Name = cutText(a.User, 500)
		}
		if i := strings.LastIndexByte(p.Address, '@'); i >= 0 {
			p.Address = p.Address[:i+1] + unicodeDomain(p.Address[i+1:])
		}
		people = append(people, p)
	}
	return people
}

// unicodeDomain returns a domain as people read it, or as it is.
func unicodeDomain(domain string) string {
	d, err := dns.ParseDomainLax(domain)
	if err != nil {
		return domain
	}
	return d.Name()
}

// asciiDomain returns a domain in its form for comparing, or in lower case.
func asciiDomain(domain string) string {
	d, err := dns.ParseDomainLax(domain)
	if err != nil {
		return strings.ToLower(domain)
	}
	return d.ASCII
}

// isLabel tells whether a keyword is one that users gave, and not one of those with a meaning for programs: those of
// RFC 5788, of which those of Thunderbird for labels are none, and what clients before it wrote without "$".
func isLabel(keyword string) bool {
	switch strings.ToLower(keyword) {
	case "junk", "nonjunk", "notjunk", "junkrecorded", "receipt-handled":
		return false
	}
	return !strings.HasPrefix(keyword, "$") || len(keyword) > 6 && strings.EqualFold(keyword[:6], "$label")
}
