package webmail

import (
	"context"
	"slices"
	"strings"
	"time"

	"mox/message"
	"mox/store"
)

// Bounds of the search for earlier mail of a sender.
const (
	firstTimeMessages = 30_000
	firstTimeLimit    = time.Second
	firstTimeBatch    = 512
)

// slowHints looks through the mail of the account for what is known of a sender.
func (m *openedMessage) slowHints() ([]Hint, error) {
	env := m.letter.envelope
	if m.subject.mine || len(env.From) != 1 || env.From[0].Addr() == "" {
		return nil, nil
	}
	address := env.From[0].Addr()
	known, err := m.acc.HasSentTo(m.ctx, address)
	if known || err != nil {
		return nil, err
	}
	found, err := m.lookBack(address, env.From[0].Name)
	if err != nil {
		return nil, err
	}
	var l []Hint
	if found.namesake != "" && !found.address && !found.colleague {
		l = append(l, newHint(HintName, LevelWarn, "You know somebody of this name by an address at another domain.", found.namesake, address))
	}
	switch {
	case found.address:
	case found.all:
		l = append(l, newHint(HintFirstTime, LevelInfo, "This is the first message from "+persons(env.From, 1)[0].Address+"."))
	case found.looked > 0:
		l = append(l, newHint(HintFirstTime, LevelInfo, "There is nothing from "+persons(env.From, 1)[0].Address+" among the latest mail."))
	}
	return l, nil
}

// past is what earlier mail tells of a sender.
type past struct {
	address  bool   // There is mail from the address.
	namesake string // Address at another domain from which there is mail under the same name.
	looked   int
	all      bool // All earlier mail was looked at.

	// Colleague tells that there is mail under the name from another address of the domain.
	colleague bool
}

// lookBack looks at mail that came before, the latest first, until there is some from the address.
func (m *openedMessage) lookBack(address, name string) (past, error) {
	ctx, cancel := context.WithTimeout(m.ctx, m.s.firstTime)
	defer cancel()
	var p past
	ids, all, err := m.earlier(ctx)
	if ctx.Err() != nil && m.ctx.Err() == nil {
		return p, nil // Nothing is known in time.
	}
	if err != nil {
		return p, err
	}
	p.all = all
	domain := owner(domainOf(address))
	for batch := range slices.Chunk(ids, firstTimeBatch) {
		err := m.acc.Emails(ctx, m.items.actor, batch, func(_ int, e *store.Email) error {
			if e == nil || p.address {
				return nil
			}
			p.looked++
			f, _ := message.FirstField(e.Header, "From")
			from, _ := message.ParseAddresses(f.Value)
			for _, a := range from {
				other := a.Addr()
				if strings.EqualFold(other, address) {
					p.address = true
					return nil
				}
				if !strings.Contains(name, " ") || !sameName(a.Name, name) {
					continue // First names alone are those of many.
				}
				if owner(domainOf(other)) == domain {
					p.colleague = true
				} else if p.namesake == "" {
					p.namesake = other
				}
			}
			return nil
		})
		if ctx.Err() != nil && m.ctx.Err() == nil {
			p.all = false
			return p, nil // As far as it came.
		}
		if err != nil || p.address {
			return p, err
		}
	}
	return p, nil
}

// earlier returns the emails that came before the message, the latest first, but those in Junk, Trash and Rejects, and whether
// these are all.
func (m *openedMessage) earlier(ctx context.Context) (_ []store.EmailID, all bool, _ error) {
	type received struct {
		at int64
		id store.EmailID
	}
	var l []received
	limit := m.letter.received.Unix()
	for id, mb := range m.items.folders {
		if mb.NoSelect || mb.Total == 0 || mb.Role == RoleDrafts || m.items.folders.aside(id) {
			continue
		}
		sel, err := m.acc.Select(ctx, m.items.actor, store.MailboxID(id))
		if err != nil {
			return nil, false, err
		}
		for _, e := range sel.View().All(1) {
			if e.Received <= limit && e.Email != m.letter.key.email {
				l = append(l, received{e.Received, e.Email})
			}
		}
		sel.Close()
	}
	slices.SortFunc(l, func(a, b received) int { return int(min(max(b.at-a.at, -1), 1)) })
	all = len(l) <= firstTimeMessages
	ids := make([]store.EmailID, 0, min(len(l), firstTimeMessages))
	for _, r := range l[:min(len(l), firstTimeMessages)] {
		ids = append(ids, r.id)
	}
	return ids, all, nil
}
