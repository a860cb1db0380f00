package webmail

import (
	"context"
	"errors"
	"slices"

	"mox/imap"
	"mox/store"
)

// maxSelected is how many messages and conversations may be named in a selection.
const maxSelected = 100_000

// target is messages of a mailbox, ascending.
type target struct {
	mailbox store.MailboxID
	uids    []imap.UID
}

// resolve returns the messages of the selection.
func (w *acting) resolve(ctx context.Context) ([]target, error) {
	sel := w.selection
	if len(sel.Messages) > maxSelected || len(sel.Threads) > maxSelected || len(sel.Except) > maxSelected {
		return nil, errUser(codeLimit, "Too many messages are selected.")
	}
	if sel.All && sel.Query == nil {
		return nil, errUser(codeBad, "It is not said what is selected.")
	}
	if sel.Query != nil {
		if _, err := sel.Query.check(); err != nil {
			return nil, err
		}
	}
	all := targetSet{}
	for _, p := range sel.Messages {
		if p.UID > 0 && p.UID < 1<<32 {
			all.add(store.MailboxID(p.Mailbox), imap.UID(p.UID))
		}
	}
	if len(sel.Threads) > 0 {
		if err := w.selectThreads(ctx, all); err != nil {
			return nil, err
		}
	}
	if sel.All {
		if err := w.selectAll(ctx, all); err != nil {
			return nil, err
		}
	}
	return all.targets(), nil
}

// targetSet collects messages by mailbox.
type targetSet map[store.MailboxID][]imap.UID

func (s targetSet) add(mailbox store.MailboxID, uids ...imap.UID) {
	s[mailbox] = append(s[mailbox], uids...)
}

func (s targetSet) targets() []target {
	var l []target
	for mailbox, uids := range s {
		slices.Sort(uids)
		l = append(l, target{mailbox, slices.Compact(uids)})
	}
	slices.SortFunc(l, func(a, b target) int { return int(a.mailbox - b.mailbox) })
	return l
}

// selectThreads adds the messages of conversations in the mailboxes of the query.
func (w *acting) selectThreads(ctx context.Context, all targetSet) error {
	q := Query{Scope: ScopeNormal}
	if w.selection.Query != nil {
		q = *w.selection.Query
	}
	scope, err := w.scope(q)
	if err != nil {
		return err
	}
	var threads []store.ThreadID
	for _, text := range w.selection.Threads {
		id, ok := parseThreadID(text)
		if !ok {
			return errUser(codeBad, "This is no conversation.")
		}
		threads = append(threads, id)
	}
	l, err := w.acc.ThreadMessages(ctx, w.actor, threads)
	if err != nil {
		return err
	}
	for _, in := range l {
		if scope[in.Mailbox] && w.applies(in.Mailbox, len(scope)) {
			all.add(in.Mailbox, in.UID)
		}
	}
	return nil
}

// applies tells whether the action is meant for messages of a mailbox too that belong to a conversation. What the account has sent
// stays where it is when a conversation is put aside that was looked at with other mailboxes.
func (w *acting) applies(mailbox store.MailboxID, scope int) bool {
	switch w.kind {
	case ActArchive, ActJunk, ActNotJunk, ActMove:
		return scope == 1 || !w.role[int64(mailbox)].sending()
	}
	return true
}

// scope returns the mailboxes of a query.
func (w *acting) scope(q Query) (map[store.MailboxID]bool, error) {
	p := parseQuery(q, w.knowledge())
	ids, err := scopeOf(q, p.wide, w.mailboxes)
	scope := map[store.MailboxID]bool{}
	for _, id := range ids {
		if !p.expr.in(id).isNothing() {
			scope[id] = true
		}
	}
	return scope, err
}

func (w *acting) knowledge() queryKnowledge {
	return queryKnowledge{mailboxes: w.mailboxes, me: identities(w.s.opts.Config(), w.acc.Name()), now: w.s.now().In(w.zone)}
}

// selectAll adds all that the query finds. If its rows are conversations, that is all of these in its mailboxes.
func (w *acting) selectAll(ctx context.Context, all targetSet) error {
	q := *w.selection.Query
	k := w.knowledge()
	st, err := settings(ctx, w.acc)
	if err != nil {
		return err
	}
	k.labels = st.Labels
	parsed := parseQuery(q, k)
	ids, err := scopeOf(q, parsed.wide, w.mailboxes)
	if err != nil {
		return err
	}
	views, done, err := w.views(ctx, ids)
	if err != nil {
		return err
	}
	defer done()
	byThread := q.Threads && !parsed.expr.isEverything()
	found := map[store.ThreadID]bool{}
	except := w.except(views)
	for id, view := range views {
		x := parsed.expr.in(id)
		uids, err := (matcher{w.acc, w.actor}).match(ctx, id, view, x, nil)
		if ctx.Err() != nil {
			return errCanceled
		} else if err != nil {
			return err
		}
		for _, uid := range uids {
			e, ok := entryOf(view, uid)
			switch {
			case !ok || q.Threads && except.threads[e.Thread] || except.places[Place{int64(id), int64(uid)}]:
			case byThread:
				found[e.Thread] = true
			case w.applies(id, len(views)):
				all.add(id, uid)
			}
		}
	}
	if !byThread {
		return nil
	}
	for id, view := range views {
		if parsed.expr.in(id).isNothing() || !w.applies(id, len(views)) {
			continue
		}
		for _, e := range view.All(1) {
			if found[e.Thread] {
				all.add(id, e.UID)
			}
		}
	}
	return nil
}

// views returns the present messages of mailboxes, and what is to be called after.
func (w *acting) views(ctx context.Context, ids []store.MailboxID) (map[store.MailboxID]*store.View, func(), error) {
	views := map[store.MailboxID]*store.View{}
	var open []*store.Selection
	done := func() {
		for _, sel := range open {
			sel.Close()
		}
	}
	for _, id := range ids {
		sel, err := w.acc.Select(ctx, w.actor, id)
		if errors.Is(err, store.ErrNoMailbox) {
			continue // Deleted just now.
		} else if err != nil {
			done()
			return nil, nil, err
		}
		open = append(open, sel)
		views[id] = sel.View()
	}
	return views, done, nil
}

// exceptions are what is left out of all that a query finds.
type exceptions struct {
	places  map[Place]bool
	threads map[store.ThreadID]bool
}

func (w *acting) except(views map[store.MailboxID]*store.View) exceptions {
	x := exceptions{map[Place]bool{}, map[store.ThreadID]bool{}}
	for _, p := range w.selection.Except {
		x.places[p] = true
		if v := views[store.MailboxID(p.Mailbox)]; v != nil {
			if e, ok := entryOf(v, imap.UID(p.UID)); ok {
				x.threads[e.Thread] = true
			}
		}
	}
	return x
}

// destination returns the mailbox to which messages are moved.
func (w *acting) destination(ctx context.Context, a Action) (store.MailboxID, error) {
	role := RoleNone
	switch a.Kind {
	case ActMove:
		for _, m := range w.mailboxes {
			if m.ID == a.Mailbox && !m.NoSelect {
				return store.MailboxID(m.ID), nil
			}
		}
		return 0, store.ErrNoMailbox
	case ActArchive:
		role = RoleArchive
	case ActTrash:
		role = RoleTrash
	case ActJunk:
		role = RoleJunk
	case ActNotJunk:
		role = RoleInbox
	}
	return w.mailboxOf(ctx, role)
}

// mailboxOf returns the mailbox of a role, which it makes if there is none.
func (w *acting) mailboxOf(ctx context.Context, role Role) (store.MailboxID, error) {
	byRole, _ := roles(w.mailboxes)
	if id := byRole[role]; id != 0 {
		return store.MailboxID(id), nil
	}
	use, name := roleUse(role)
	if name == "" {
		return 0, store.ErrNoMailbox
	}
	mb, err := w.acc.CreateMailbox(ctx, w.actor, name, use)
	if errors.Is(err, store.ErrMailboxExists) || errors.Is(err, store.ErrSpecialUseTaken) {
		// It is there without the role, or has come to be just now.
		if err := w.acc.SetSpecialUse(ctx, w.actor, name, use, false); err != nil {
			return 0, err
		}
		mb, err = w.acc.MailboxByName(ctx, w.actor, name)
	}
	if err == nil {
		w.role[int64(mb.ID)] = role
	}
	return mb.ID, err
}
