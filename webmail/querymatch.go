package webmail

import (
	"context"
	"slices"

	"mox/imap"
	"mox/store"
)

// matcher finds messages of an account.
type matcher struct {
	acc   *store.Account
	actor store.Actor
}

// match returns the messages of a mailbox that an expr matches, ascending, among some if that is not nil. The expr is for the
// mailbox, see expr.in.
func (m matcher) match(ctx context.Context, mailbox store.MailboxID, view *store.View, x *expr, among []imap.UID) ([]imap.UID, error) {
	switch {
	case x.isEverything():
		return uidsOf(view, among), nil
	case x.isNothing() || among != nil && len(among) == 0:
		return nil, nil
	case x.flagsOnly():
		return matchFlags(view, x, among), nil
	case x.pure():
		return m.search(ctx, mailbox, view, x.toCriteria(), among)
	}
	switch x.op {
	case exprAnd:
		return m.matchAll(ctx, mailbox, view, x.kids, among)
	case exprOr:
		var all []imap.UID
		for _, kid := range x.kids {
			l, err := m.match(ctx, mailbox, view, kid, among)
			if err != nil {
				return nil, err
			}
			all = append(all, l...)
		}
		slices.Sort(all)
		return slices.Compact(all), nil
	case exprNot:
		l, err := m.match(ctx, mailbox, view, x.kids[0], among)
		return without(uidsOf(view, among), l), err
	}
	return m.matchParts(ctx, view, x.parts, among)
}

// matchAll matches what all exprs match. The store decides first, so that the parts of few messages are looked at.
func (m matcher) matchAll(ctx context.Context, mailbox store.MailboxID, view *store.View, l []*expr, among []imap.UID) (_ []imap.UID, err error) {
	var c store.Criteria
	searched := false
	for _, x := range l {
		if x.pure() {
			c = both(c, x.toCriteria())
			searched = true
		}
	}
	if searched {
		if among, err = m.search(ctx, mailbox, view, c, among); err != nil {
			return nil, err
		}
	}
	for _, x := range l {
		if x.pure() {
			continue
		}
		if among, err = m.match(ctx, mailbox, view, x, among); err != nil {
			return nil, err
		}
		if among == nil {
			return nil, nil
		}
	}
	return among, nil
}

// matchFlags is match for an expr that flags alone decide.
func matchFlags(view *store.View, x *expr, among []imap.UID) []imap.UID {
	found := []imap.UID{}
	if among != nil {
		for _, uid := range among {
			if e, ok := entryOf(view, uid); ok && x.matchesFlags(e.Flags) {
				found = append(found, uid)
			}
		}
		return found
	}
	for _, e := range view.All(1) {
		if x.matchesFlags(e.Flags) {
			found = append(found, e.UID)
		}
	}
	return found
}

func (m matcher) search(ctx context.Context, mailbox store.MailboxID, view *store.View, c store.Criteria, among []imap.UID) ([]imap.UID, error) {
	if among != nil {
		var set imap.UIDSet
		for _, uid := range among {
			set.Add(uid)
		}
		c.UIDs = append(slices.Clip(c.UIDs), set)
	}
	seqs, err := m.acc.Search(ctx, m.actor, mailbox, view, c)
	if err != nil {
		return nil, err
	}
	uids := make([]imap.UID, len(seqs))
	for i, seq := range seqs {
		uids[i] = view.At(seq).UID
	}
	return uids, nil
}

func (m matcher) matchParts(ctx context.Context, view *store.View, test partTest, among []imap.UID) ([]imap.UID, error) {
	uids := uidsOf(view, among)
	ids := make([]store.EmailID, len(uids))
	for i, uid := range uids {
		if e, ok := entryOf(view, uid); ok {
			ids[i] = e.Email
		}
	}
	found := []imap.UID{}
	err := m.acc.Emails(ctx, m.actor, ids, func(i int, e *store.Email) error {
		if e != nil && matchesParts(e, test) {
			found = append(found, uids[i])
		}
		return ctx.Err()
	})
	return found, err
}

// uidsOf returns the messages of a view, of some if they are given.
func uidsOf(view *store.View, among []imap.UID) []imap.UID {
	if among != nil {
		return slices.DeleteFunc(slices.Clone(among), func(uid imap.UID) bool {
			_, ok := view.Seq(uid)
			return !ok
		})
	}
	l := make([]imap.UID, 0, view.Len())
	for _, e := range view.All(1) {
		l = append(l, e.UID)
	}
	return l
}

// without returns sorted UIDs without others, which are sorted too.
func without(l, others []imap.UID) []imap.UID {
	kept := l[:0:0]
	for _, uid := range l {
		for len(others) > 0 && others[0] < uid {
			others = others[1:]
		}
		if len(others) == 0 || others[0] != uid {
			kept = append(kept, uid)
		}
	}
	return kept
}

// with returns sorted UIDs together with others, which are sorted too.
func with(l, others []imap.UID) []imap.UID {
	switch {
	case len(others) == 0:
		return l
	case len(l) == 0 || l[len(l)-1] < others[0]:
		return append(l, others...)
	}
	out := make([]imap.UID, 0, len(l)+len(others))
	for len(l) > 0 && len(others) > 0 {
		switch {
		case l[0] < others[0]:
			out, l = append(out, l[0]), l[1:]
		case l[0] > others[0]:
			out, others = append(out, others[0]), others[1:]
		default:
			out, l, others = append(out, l[0]), l[1:], others[1:]
		}
	}
	return append(append(out, l...), others...)
}
