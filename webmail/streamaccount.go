package webmail

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strconv"
	"time"

	"mox/imap"
	"mox/store"
)

// accountState is what a stream knows of an account besides messages.
type accountState struct {
	mailboxes []Mailbox
	labels    []Label // With names.
	sendAt    map[place]int64
	scheduled int

	changed  bool // Something may have to be told.
	settings bool // They changed.
	told     AccountEvent
	next     time.Time // Not before then is the account told of again.

	announced []store.EmailID // New mail that was told of.
}

// again has everything be told again.
func (a *accountState) again() {
	a.told = AccountEvent{}
	a.changed, a.settings = true, true
	a.next = time.Time{}
}

// accountEvery is how often changes of counts are told.
const accountEvery = 250 * time.Millisecond

// readMailboxes reads the mailboxes, and reports whether others than before are there, or with other names or roles.
func (s *stream) readMailboxes(ctx context.Context) (restructured bool, err error) {
	l, err := mailboxes(ctx, s.acc, s.actor)
	if err != nil {
		return false, err
	}
	if s.mailboxes == nil { // The first time.
		if err := s.readSettings(ctx); err != nil {
			return false, err
		}
		if err := s.readScheduled(ctx); err != nil {
			return false, err
		}
	} else {
		restructured = !slices.EqualFunc(l, s.mailboxes, func(a, b Mailbox) bool {
			return a.ID == b.ID && a.Name == b.Name && a.Role == b.Role && a.NoSelect == b.NoSelect
		})
	}
	s.mailboxes = l
	s.changed = true
	return restructured, nil
}

func (s *stream) readSettings(ctx context.Context) error {
	st, err := settings(ctx, s.acc)
	if err != nil {
		return err
	}
	s.accountState.labels = st.Labels
	s.accountState.settings = true
	return nil
}

// readScheduled reads which messages are sent later.
func (s *stream) readScheduled(ctx context.Context) error {
	l, err := s.acc.ScheduledSubmissions(ctx)
	if err != nil {
		return err
	}
	s.scheduled = len(l)
	s.sendAt = make(map[place]int64, len(l))
	for _, sub := range l {
		if sub.Copy.Mailbox != 0 {
			s.sendAt[place(sub.Copy.Mailbox)<<32|place(sub.Copy.UID)] = sub.SendAt.Unix()
		}
	}
	return nil
}

// news are changes besides those of messages, and messages that were delivered a moment ago.
type news struct {
	muted     map[store.ThreadID]struct{} // Muted, or not any more.
	scheduled bool                        // Messages that wait to be sent changed.
	mails     []mail
}

const (
	changesRead = 500              // Entries of the log of changes that are looked at.
	newFor      = 10 * time.Minute // How long after a message was received it may be told as new.
)

// readChanges reads what changed since the last refresh, besides messages.
func (s *stream) readChanges(ctx context.Context, changes []boxChange) (news, error) {
	n := news{muted: map[store.ThreadID]struct{}{}}
	if s.modseq == 0 {
		return n, nil
	}
	l, _, err := s.acc.ChangesSince(ctx, s.modseq, changesRead)
	all := errors.Is(err, store.ErrHorizon) || len(l) >= changesRead
	if err != nil && !all {
		return n, err
	}
	var submissions []store.SubmissionID
	set := all
	n.scheduled = all
	for _, c := range l {
		switch c.Kind {
		case store.ChangeMute:
			for _, t := range c.Threads {
				n.muted[t] = struct{}{}
			}
		case store.ChangeSetting:
			set = true
		case store.ChangeSubmission:
			n.scheduled = true
			if !slices.Contains(submissions, c.Submission) {
				submissions = append(submissions, c.Submission)
			}
		}
	}
	if set {
		if err := s.readSettings(ctx); err != nil {
			return n, err
		}
	}
	if n.scheduled {
		if err := s.readScheduled(ctx); err != nil {
			return n, err
		}
	}
	for _, id := range submissions {
		if err := s.tellSubmission(ctx, id); err != nil {
			return n, err
		}
	}
	n.mails = s.delivered(changes)
	return n, nil
}

// tellSubmission tells what became of a message that was sent.
func (s *stream) tellSubmission(ctx context.Context, id store.SubmissionID) error {
	sub, err := s.acc.Submission(ctx, id)
	if errors.Is(err, store.ErrNoSubmission) {
		return nil
	} else if err != nil {
		return err
	}
	return s.out.post("submission", SubmissionEvent{Submission: strconv.FormatInt(int64(id), 10), State: s.submissionState(&sub)})
}

func (s *stream) submissionState(sub *store.Submission) SubmissionState {
	switch sub.State {
	case store.SubmissionDone:
		return SubmissionDone
	case store.SubmissionCanceled:
		return SubmissionCanceled
	}
	if sub.SendAt.After(s.srv.now()) {
		return SubmissionHeld
	}
	return SubmissionSending
}

// delivered returns messages that came a moment ago to mailboxes of which users want to know, and that were not moved there.
func (s *stream) delivered(changes []boxChange) []mail {
	since := s.srv.now().Add(-newFor).Unix()
	_, role := roles(s.mailboxes)
	gone := map[store.EmailID]bool{}
	for _, c := range changes {
		for i := range c.gone {
			gone[c.gone[i].Email] = true
		}
	}
	var l []mail
	for _, c := range changes {
		r := role[int64(c.box.id)]
		if r.discarded() || r.sending() {
			continue
		}
		for _, m := range c.added {
			if m.Received < since || m.Flags&(imap.FlagSeen|imap.FlagDraft) != 0 || gone[m.Email] || slices.Contains(s.announced, m.Email) {
				continue
			}
			l = append(l, m)
			s.announced = append(s.announced, m.Email)
		}
	}
	if n := len(s.announced); n > 1000 {
		s.announced = slices.Clone(s.announced[n-500:])
	}
	return l
}

// newRows is how many new messages are told of in one event.
const newRows = 5

// tellNew tells of new mail, the latest ones.
func (s *stream) tellNew(ctx context.Context, n news) error {
	if len(n.mails) == 0 {
		return nil
	}
	l := n.mails
	ev := NewEvent{More: max(0, len(l)-newRows)}
	v := view{}
	for _, m := range l[ev.More:] {
		v.list.rows = append(v.list.rows, v.rowOf(&m))
	}
	at := make([]int, len(v.list.rows))
	for i := range at {
		at[i] = len(at) - 1 - i
	}
	var err error
	if ev.Rows, err = s.rows(ctx, &v, at); err != nil {
		return err
	}
	return s.out.post("new", ev)
}

// tellAccount tells what changed of the account, and returns when it is to be asked again, zero for not by itself.
func (s *stream) tellAccount(ctx context.Context, now time.Time) (again time.Duration, err error) {
	if !s.accountState.changed || s.mailboxes == nil {
		return 0, nil
	}
	if wait := s.next.Sub(now); wait > 0 {
		return wait, nil
	}
	ev := AccountEvent{ModSeq: int64(s.modseq), Scheduled: s.scheduled}
	told := s.accountState.told
	if !reflect.DeepEqual(s.mailboxes, told.Mailboxes) {
		ev.Mailboxes, told.Mailboxes = s.mailboxes, s.mailboxes
	}
	if ids := identities(s.srv.opts.Config(), s.account); !slices.Equal(ids, told.Identities) {
		ev.Identities, told.Identities = ids, ids
	}
	u, err := s.acc.Usage(ctx)
	if err != nil {
		return 0, err
	}
	usage := Usage{Bytes: u.Bytes, Messages: u.Messages, Quota: u.Quota}
	if told.Usage == nil || *told.Usage != usage {
		ev.Usage, told.Usage = &usage, &usage
	}
	if s.accountState.settings {
		st, err := settings(ctx, s.acc)
		if err != nil {
			return 0, err
		}
		ev.Settings = &st
	}
	s.accountState.changed, s.accountState.settings = false, false
	if ev.Mailboxes == nil && ev.Identities == nil && ev.Usage == nil && ev.Settings == nil && ev.Scheduled == told.Scheduled {
		return 0, nil
	}
	told.Scheduled = ev.Scheduled
	s.accountState.told = told
	s.next = now.Add(accountEvery)
	return 0, s.out.post("account", ev)
}

// touchScheduled has rows be sent again that tell when a message leaves.
func (v *view) touchScheduled(s *stream) {
	for i := range v.list.rows {
		r := &v.list.rows[i]
		if r.mark&rowHave == 0 {
			continue
		}
		if b := s.boxes.byIndex[r.box]; b != nil && s.roleOf(b.id) == RoleScheduled {
			v.sendRow(i)
		}
	}
}

func (s *stream) roleOf(id store.MailboxID) Role {
	for i := range s.mailboxes {
		if s.mailboxes[i].ID == int64(id) {
			return s.mailboxes[i].Role
		}
	}
	return RoleNone
}
