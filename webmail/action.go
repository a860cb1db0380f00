package webmail

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"sync"
	"time"

	"mox/imap"
	"mox/store"
)

const (
	undoKept     = 10 * time.Minute
	undoAccount  = 50 // Actions of an account that can be undone.
	actionBatch  = 500
	actionLabels = 50
)

// actions are those that are being done, and those that can be undone.
type actions struct {
	mu      sync.Mutex
	closed  bool
	undo    map[store.AccountID][]undoable // The oldest first.
	running map[*running]struct{}
}

// running is an action that is being done.
type running struct {
	key    actionKey
	cancel context.CancelFunc
}

// actionKey identifies an action as a page does.
type actionKey struct {
	account        store.AccountID
	stream, action string
}

// undoable is an action that can be undone.
type undoable struct {
	token   string
	expires time.Time
	steps   []undoStep // In the order in which they are undone.
}

func newActions() *actions {
	return &actions{undo: map[store.AccountID][]undoable{}, running: map[*running]struct{}{}}
}

// begin returns a context for an action that goes on when its caller goes away, but ends when cancel is called for it, or another
// one begins under its name.
func (l *actions) begin(ctx context.Context, key actionKey) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r := &running{key, cancel}
	l.cancel(key)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running[r] = struct{}{}
	if l.closed {
		cancel()
	}
	return ctx, func() {
		cancel()
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.running, r)
	}
}

// cancel ends an action that has a name.
func (l *actions) cancel(key actionKey) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for r := range l.running {
		if r.key == key && key.action != "" {
			r.cancel()
		}
	}
}

// cancelAll ends all actions, also those that are still to begin.
func (l *actions) cancelAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for r := range l.running {
		r.cancel()
	}
}

// remember keeps how an action is undone, and returns the token for that; empty if there is nothing to undo.
func (l *actions) remember(account store.AccountID, steps []undoStep) string {
	if len(steps) == 0 {
		return ""
	}
	slices.Reverse(steps)
	token := rand.Text()
	l.keep(account, token, steps)
	return token
}

// keep keeps how an action is undone, under a token.
func (l *actions) keep(account store.AccountID, token string, steps []undoStep) {
	u := undoable{token: token, expires: time.Now().Add(undoKept), steps: steps}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for id, all := range l.undo {
		if all = slices.DeleteFunc(all, func(u undoable) bool { return now.After(u.expires) }); len(all) == 0 {
			delete(l.undo, id)
		} else {
			l.undo[id] = all
		}
	}
	all := append(l.undo[account], u)
	l.undo[account] = all[max(0, len(all)-undoAccount):]
}

// take returns how an action is undone, once.
func (l *actions) take(account store.AccountID, token string) ([]undoStep, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.undo[account]
	i := slices.IndexFunc(all, func(u undoable) bool { return u.token == token && time.Now().Before(u.expires) })
	if i < 0 {
		return nil, false
	}
	steps := all[i].steps
	l.undo[account] = slices.Delete(all, i, i+1)
	return steps, true
}

// undoStep takes back what a call of the store has changed.
type undoStep struct {
	mailbox store.MailboxID
	uids    imap.UIDSet

	flags   *store.FlagChange // What is changed of flags; or
	to      store.MailboxID   // where messages are moved; or
	expunge bool              // messages are removed; or
	threads []store.ThreadID  // conversations are muted, or not any more; or
	mute    bool
	restore restore // a mailbox is as it was.
}

// restore takes back what was done to a mailbox itself.
type restore func(context.Context, *store.Account, store.Actor) error

// do takes the step back, and returns how many messages that changed.
func (u *undoStep) do(ctx context.Context, acc *store.Account, actor store.Actor) (int64, error) {
	switch {
	case u.flags != nil:
		c := *u.flags
		c.UIDs, c.UnchangedSince = u.uids, -1
		r, err := acc.SetFlags(ctx, actor, u.mailbox, c)
		return int64(len(r.Changed)), err
	case u.to != 0:
		r, err := acc.Move(ctx, actor, u.mailbox, u.uids, u.to)
		return int64(len(r.Dest)), err
	case u.expunge:
		gone, _, err := acc.Expunge(ctx, actor, u.mailbox, u.uids, false)
		return int64(len(gone)), err
	case u.restore != nil:
		return 1, u.restore(ctx, acc, actor)
	}
	return int64(len(u.threads)), acc.SetMuted(ctx, actor, u.threads, u.mute)
}

// acting is an action while it is being done.
type acting struct {
	s     *Server
	acc   *store.Account
	actor store.Actor
	kind  ActionKind
	zone  *time.Location // Of days in the query.

	selection *Selection
	mailboxes []Mailbox
	role      map[int64]Role
	steps     []undoStep
	count     int64
	done, of  int64
	told      time.Time
}

// errCanceled ends an action that was canceled.
var errCanceled = errors.New("action was canceled")

// act does an action to messages.
func (s *Server) act(ctx context.Context, acc *store.Account, actor store.Actor, selection Selection, action Action) (_ Acted, rerr error) {
	w := acting{s: s, acc: acc, actor: actor, kind: action.Kind, zone: timeZone(ctx), selection: &selection}
	if err := checkAction(action); err != nil {
		return Acted{}, err
	}
	ctx, end := s.streams.actions.begin(ctx, actionKey{actor.Account, selection.Stream, selection.Action})
	defer end()
	var err error
	if w.mailboxes, err = mailboxes(ctx, acc, actor); err != nil {
		return Acted{}, err
	}
	_, w.role = roles(w.mailboxes)
	targets, err := w.resolve(ctx)
	if err != nil {
		return Acted{}, err
	}
	for _, t := range targets {
		w.of += int64(len(t.uids))
	}
	acted := Acted{}
	err = w.run(ctx, targets, action, &acted)
	w.tell(true)
	if err != nil && !errors.Is(err, errCanceled) && (ctx.Err() == nil || len(w.steps) == 0) {
		w.takeBack(context.WithoutCancel(ctx))
		return Acted{}, err
	}
	acted.Count = w.count
	acted.Undo = s.streams.actions.remember(actor.Account, w.steps)
	return acted, nil
}

// takeBack undoes what was done of an action that has failed, so that it is as the page shows it then: as if nothing had been done. What was removed
// for good stays so.
func (w *acting) takeBack(ctx context.Context) {
	for _, step := range slices.Backward(w.steps) {
		if _, err := step.do(ctx, w.acc, w.actor); err != nil {
			w.s.log.Error("taking back an action that failed", "account", w.acc.Name(), "action", w.kind, "err", err)
			return
		}
	}
}

// checkAction returns an error for an action that makes no sense.
func checkAction(a Action) error {
	switch a.Kind {
	case ActLabel, ActUnlabel:
		if len(a.Labels) == 0 || len(a.Labels) > actionLabels {
			return errUser(codeBad, "Labels are missing, or too many.")
		}
	case ActMove, ActCopy:
		if a.Mailbox == 0 {
			return errUser(codeBad, "The mailbox is missing.")
		}
	case ActRead, ActUnread, ActFlag, ActUnflag, ActArchive, ActTrash, ActJunk, ActNotJunk, ActExpunge, ActMute, ActUnmute, ActAnswered, ActForwarded:
	default:
		return errUser(codeBad, "There is no such action.")
	}
	return nil
}

// run does the action to all targets.
func (w *acting) run(ctx context.Context, targets []target, a Action, acted *Acted) error {
	switch a.Kind {
	case ActArchive, ActTrash, ActJunk, ActNotJunk, ActMove:
		dest, err := w.destination(ctx, a)
		if err != nil {
			return err
		}
		acted.Mailbox = int64(dest)
		return w.batches(ctx, targets, func(mailbox store.MailboxID, uids imap.UIDSet) error {
			return w.move(ctx, mailbox, uids, dest)
		})
	case ActCopy:
		acted.Mailbox = a.Mailbox
		return w.batches(ctx, targets, func(mailbox store.MailboxID, uids imap.UIDSet) error {
			r, err := w.acc.Copy(ctx, w.actor, mailbox, uids, store.MailboxID(a.Mailbox))
			if len(r.Dest) > 0 {
				w.count += int64(len(r.Dest))
				w.steps = append(w.steps, undoStep{mailbox: store.MailboxID(a.Mailbox), uids: imap.SetOf(r.Dest...), expunge: true})
			}
			return err
		})
	case ActExpunge:
		return w.batches(ctx, targets, func(mailbox store.MailboxID, uids imap.UIDSet) error {
			gone, _, err := w.acc.Expunge(ctx, w.actor, mailbox, uids, false)
			w.count += int64(len(gone))
			return err
		})
	case ActMute, ActUnmute:
		return w.mute(ctx, targets, a.Kind == ActMute)
	}
	changes := flagChanges(a)
	return w.batches(ctx, targets, func(mailbox store.MailboxID, uids imap.UIDSet) error {
		n, err := w.setFlags(ctx, mailbox, uids, changes)
		w.count += n
		return err
	})
}

// flagChanges returns what an action changes of flags. Each changes one, so that it can be undone for the messages that
// did not have it.
func flagChanges(a Action) []store.FlagChange {
	switch a.Kind {
	case ActRead:
		return []store.FlagChange{{Op: store.FlagsAdd, Flags: imap.FlagSeen}}
	case ActUnread:
		return []store.FlagChange{{Op: store.FlagsRemove, Flags: imap.FlagSeen}}
	case ActFlag:
		return []store.FlagChange{{Op: store.FlagsAdd, Flags: imap.FlagFlagged}}
	case ActUnflag:
		return []store.FlagChange{{Op: store.FlagsRemove, Flags: imap.FlagFlagged}}
	case ActAnswered:
		return []store.FlagChange{{Op: store.FlagsAdd, Flags: imap.FlagAnswered}}
	case ActForwarded:
		return []store.FlagChange{{Op: store.FlagsAdd, Keywords: []string{imap.KeywordForwarded}}}
	}
	op := store.FlagsAdd
	if a.Kind == ActUnlabel {
		op = store.FlagsRemove
	}
	var l []store.FlagChange
	for _, label := range a.Labels {
		l = append(l, store.FlagChange{Op: op, Keywords: []string{label}})
	}
	return l
}

// setFlags changes flags of messages, and returns how many messages changed.
func (w *acting) setFlags(ctx context.Context, mailbox store.MailboxID, uids imap.UIDSet, changes []store.FlagChange) (int64, error) {
	var all imap.UIDSet
	for _, c := range changes {
		c.UIDs, c.UnchangedSince = uids, -1
		r, err := w.acc.SetFlags(ctx, w.actor, mailbox, c)
		if err != nil {
			return all.Count(), err
		}
		if len(r.Changed) == 0 {
			continue
		}
		inverse := store.FlagChange{Op: store.FlagsRemove, Flags: c.Flags, Keywords: c.Keywords}
		if c.Op == store.FlagsRemove {
			inverse.Op = store.FlagsAdd
		}
		changed := imap.SetOf(r.Changed...)
		w.steps = append(w.steps, undoStep{mailbox: mailbox, uids: changed, flags: &inverse})
		for _, x := range changed {
			all.AddRange(x.First, x.Last)
		}
	}
	return all.Count(), nil
}

// move moves messages, and notes what that says about junk.
func (w *acting) move(ctx context.Context, mailbox store.MailboxID, uids imap.UIDSet, dest store.MailboxID) error {
	from, to := w.role[int64(mailbox)], w.role[int64(dest)]
	junk := junkChanges(w.kind, from, to)
	at := uids
	moved := int64(0)
	if mailbox != dest && (w.kind != ActNotJunk || from == RoleJunk || from == RoleRejects) {
		r, err := w.acc.Move(ctx, w.actor, mailbox, uids, dest)
		if err != nil {
			return err
		}
		if len(r.Dest) == 0 {
			return nil
		}
		at = imap.SetOf(r.Dest...)
		moved = int64(len(r.Dest))
		w.steps = append(w.steps, undoStep{mailbox: dest, uids: at, to: mailbox})
		mailbox = dest
	}
	n, err := w.setFlags(ctx, mailbox, at, junk)
	w.count += max(n, moved)
	return err
}

// junkChanges returns what moving messages changes of the keywords that say whether they are junk.
func junkChanges(kind ActionKind, from, to Role) []store.FlagChange {
	add, remove := "", ""
	switch {
	case kind == ActJunk, kind == ActMove && to == RoleJunk:
		add, remove = imap.KeywordJunk, imap.KeywordNotJunk
	case kind == ActNotJunk, (kind == ActMove || kind == ActArchive) && (from == RoleJunk || from == RoleRejects) && !to.discarded():
		add, remove = imap.KeywordNotJunk, imap.KeywordJunk
	default:
		return nil
	}
	return []store.FlagChange{
		{Op: store.FlagsAdd, Keywords: []string{add}},
		{Op: store.FlagsRemove, Keywords: []string{remove}},
	}
}

// mute mutes the conversations of messages.
func (w *acting) mute(ctx context.Context, targets []target, mute bool) error {
	seen := map[store.ThreadID]bool{}
	var threads []store.ThreadID
	for _, t := range targets {
		sel, err := w.acc.Select(ctx, w.actor, t.mailbox)
		if errors.Is(err, store.ErrNoMailbox) {
			continue
		} else if err != nil {
			return err
		}
		for _, uid := range t.uids {
			if e, ok := entryOf(sel.View(), uid); ok && !seen[e.Thread] {
				seen[e.Thread] = true
				if w.acc.Muted(e.Thread) != mute {
					threads = append(threads, e.Thread)
				}
			}
		}
		sel.Close()
	}
	for batch := range slices.Chunk(threads, actionBatch) {
		if err := w.acc.SetMuted(ctx, w.actor, batch, mute); err != nil {
			return err
		}
		w.count += int64(len(batch))
		w.steps = append(w.steps, undoStep{threads: batch, mute: !mute})
	}
	return nil
}

// batches calls do with all targets, some messages at a time.
func (w *acting) batches(ctx context.Context, targets []target, do func(store.MailboxID, imap.UIDSet) error) error {
	for _, t := range targets {
		for batch := range slices.Chunk(t.uids, actionBatch) {
			if ctx.Err() != nil {
				return errCanceled
			}
			// What has begun is finished: else what it changed would not be known.
			err := do(t.mailbox, imap.SetOf(batch...))
			var gone *store.MailboxError
			if err != nil && (!errors.As(err, &gone) || gone.Dest) {
				return err
			}
			w.done += int64(len(batch))
			w.tell(false)
		}
	}
	return nil
}

// tellEvery is how often is told how far an action has come.
const tellEvery = 200 * time.Millisecond

// tell tells the page how far it is, now and then, if the action takes long.
func (w *acting) tell(end bool) {
	now := time.Now()
	switch {
	case w.selection.Stream == "" || w.selection.Action == "":
		return
	case w.told.IsZero():
		w.told = now // The action may be over before anybody wants to know.
		return
	case !end && now.Sub(w.told) < tellEvery || end && w.of <= actionBatch:
		return
	}
	w.told = now
	w.s.streams.progress(w.actor, w.selection.Stream, ProgressEvent{Action: w.selection.Action, Done: w.done, Of: w.of})
}
