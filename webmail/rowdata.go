package webmail

import (
	"context"
	"errors"
	"slices"
	"strings"

	"mox/config"
	"mox/imap"
	"mox/message"
	"mox/store"
)

const (
	maxRowPeople = 6
	maxRowEmails = 40 // Of a conversation that are looked at for people and attachments: the first ones, and the last ones.
)

// rowMaker makes rows, for one event.
type rowMaker struct {
	s      *stream
	v      *view
	cfg    *config.Config
	roles  map[int64]Role
	own    map[string]bool // By address, as far as was asked.
	emails map[store.EmailID]rowEmail
}

// rowEmail is what rows need of an email.
type rowEmail struct {
	subject, snippet string
	from, to         []Person
	attachments      bool
	invitation       bool
}

// rowMail is a message of a row.
type rowMail struct {
	head      mail
	instances []store.Instance // Of the conversation, that count. Several may be of one email.
}

// rows returns the rows at positions of the list of a view.
func (s *stream) rows(ctx context.Context, v *view, at []int) ([]Row, error) {
	if len(at) == 0 {
		return nil, nil
	}
	m := rowMaker{s: s, v: v, cfg: s.srv.opts.Config(), own: map[string]bool{}}
	_, m.roles = roles(s.mailboxes)
	l := make([]rowMail, len(at))
	for i, pos := range at {
		// One that is gone by now has an empty entry. The list changes at the next refresh.
		l[i].head, _ = s.boxes.entryAt(v.list.rows[pos])
	}
	if v.query.Threads {
		if err := m.conversations(ctx, l); err != nil {
			return nil, err
		}
	}
	if err := m.read(ctx, l); err != nil {
		return nil, err
	}
	rows := make([]Row, len(l))
	for i := range l {
		rows[i] = m.row(&l[i])
	}
	return rows, m.find(ctx, rows, l)
}

// conversations finds the messages of conversations.
func (m *rowMaker) conversations(ctx context.Context, l []rowMail) error {
	var threads []store.ThreadID
	index := make(map[store.ThreadID]int, len(l))
	for i := range l {
		if h := &l[i].head; h.box != nil {
			threads = append(threads, h.Thread)
			index[h.Thread] = i
		}
	}
	all, err := m.s.acc.ThreadMessages(ctx, m.s.actor, threads)
	if err != nil {
		return err
	}
	for _, in := range all {
		r := &l[index[in.Thread]]
		if in.Mailbox == r.head.box.id || !m.roles[int64(in.Mailbox)].discarded() {
			r.instances = append(r.instances, in)
		}
	}
	return nil
}

// read reads the emails of rows.
func (m *rowMaker) read(ctx context.Context, l []rowMail) error {
	var ids []store.EmailID
	m.emails = map[store.EmailID]rowEmail{}
	want := func(id store.EmailID) {
		if _, ok := m.emails[id]; !ok && !id.IsZero() {
			m.emails[id] = rowEmail{}
			ids = append(ids, id)
		}
	}
	for i := range l {
		want(l[i].head.Email)
		for _, in := range someOf(l[i].instances) {
			want(in.Email)
		}
	}
	done := 0
	note := func(i int, e *store.Email) error {
		if e != nil {
			m.emails[ids[i]] = newRowEmail(e)
		}
		done = i + 1
		return nil
	}
	err := m.s.acc.Emails(ctx, m.s.actor, ids, note)
	if err == nil || ctx.Err() != nil || errors.Is(err, store.ErrClosed) {
		return err
	}
	// One that is damaged does not keep others from being shown.
	m.s.log.Error("reading messages of a list", "err", err)
	for _, id := range ids[done:] {
		err := m.s.acc.Emails(ctx, m.s.actor, []store.EmailID{id}, func(_ int, e *store.Email) error {
			if e != nil {
				m.emails[id] = newRowEmail(e)
			}
			return nil
		})
		if ctx.Err() != nil || errors.Is(err, store.ErrClosed) {
			return err
		}
	}
	return nil
}

// someOf returns the first and last messages of a long conversation.
func someOf(l []store.Instance) []store.Instance {
	if len(l) <= maxRowEmails {
		return l
	}
	return slices.Concat(l[:maxRowEmails/2], l[len(l)-maxRowEmails/2:])
}

func newRowEmail(e *store.Email) rowEmail {
	r := rowEmail{snippet: string(e.Preview)}
	for f := range message.Fields(e.Header) {
		switch {
		case f.Is("Subject"):
			r.subject = cutText(f.Text(), 1000)
		case f.Is("From"):
			r.from = append(r.from, fieldPeople(f)...)
		case f.Is("To"), f.Is("Cc"):
			r.to = append(r.to, fieldPeople(f)...)
		}
	}
	if root, err := e.Part(); err == nil {
		r.attachments, r.invitation = hasAttachment(root), hasInvitation(root)
	}
	return r
}

func fieldPeople(f message.Field) []Person {
	addresses, _ := message.ParseAddresses(f.Value)
	return persons(addresses, 100)
}

// row returns a row.
func (m *rowMaker) row(l *rowMail) Row {
	h := &l.head
	if h.box == nil {
		return Row{Messages: 1, Labels: []string{}, People: []Participant{}}
	}
	e := m.emails[h.Email]
	r := Row{
		Email: h.Email.String(), Thread: threadText(h.Thread), Mailbox: int64(h.box.id), UID: int64(h.UID),
		Subject: e.subject, Snippet: e.snippet, Received: h.Received, Size: h.Size,
		Messages: 1, Attachments: e.attachments, Invitation: e.invitation,
		Answered: h.Flags.Has(imap.FlagAnswered), Muted: m.s.acc.Muted(h.Thread),
		SendAt: m.s.sendAt[place(h.box.id)<<32|place(h.UID)],
	}
	mails := l.instances
	if len(mails) == 0 {
		mails = []store.Instance{{Mailbox: h.box.id, Entry: h.Entry}}
	} else {
		mails = oncePerEmail(mails, h.box.id)
		r.Messages = len(mails)
	}
	labels := map[string]bool{}
	for _, in := range mails {
		if !in.Flags.Has(imap.FlagSeen) {
			r.Unread++
		}
		r.Flagged = r.Flagged || in.Flags.Has(imap.FlagFlagged)
		r.Draft = r.Draft || in.Flags.Has(imap.FlagDraft)
		e := m.emails[in.Email]
		r.Attachments = r.Attachments || e.attachments
		r.Invitation = r.Invitation || e.invitation
		for _, k := range m.s.acc.KeywordNames(in.Keywords) {
			if isLabel(k) {
				labels[k] = true
			}
		}
	}
	for _, k := range m.s.acc.KeywordNames(h.Keywords) {
		r.Forwarded = r.Forwarded || imap.EqualKeyword(k, imap.KeywordForwarded)
	}
	r.Labels = make([]string, 0, len(labels))
	for k := range labels {
		r.Labels = append(r.Labels, k)
	}
	slices.Sort(r.Labels)
	r.People, r.More = m.people(h, mails)
	return r
}

// oncePerEmail returns one message of each email: that in a mailbox, if there is one.
func oncePerEmail(l []store.Instance, mailbox store.MailboxID) []store.Instance {
	index := make(map[store.EmailID]int, len(l))
	var out []store.Instance
	for _, in := range l {
		if i, ok := index[in.Email]; !ok {
			index[in.Email] = len(out)
			out = append(out, in)
		} else if in.Mailbox == mailbox {
			out[i] = in
		}
	}
	return out
}

// people returns the participants of a row, and how many there are beyond these.
func (m *rowMaker) people(h *mail, mails []store.Instance) ([]Participant, int) {
	if m.roles[int64(h.box.id)].sending() {
		return m.unite(m.emails[h.Email].to, nil)
	}
	var from []Person
	var unread []bool
	others := false
	for _, in := range someOf(mails) {
		for _, p := range m.emails[in.Email].from {
			from = append(from, p)
			unread = append(unread, !in.Flags.Has(imap.FlagSeen))
			others = others || !m.isMe(p.Address)
		}
	}
	if !others && len(from) > 0 {
		// All is from the account: to whom tells more, unless that is itself.
		var to []Person
		for _, in := range someOf(mails) {
			for _, p := range m.emails[in.Email].to {
				if !m.isMe(p.Address) {
					to = append(to, p)
				}
			}
		}
		if len(to) > 0 {
			return m.unite(to, nil)
		}
	}
	return m.unite(from, unread)
}

// unite returns people once each.
func (m *rowMaker) unite(people []Person, unread []bool) ([]Participant, int) {
	l := []Participant{}
	index := map[string]int{}
	more := 0
	for i, p := range people {
		key := strings.ToLower(p.Address)
		if key == "" {
			key = p.Name
		}
		at, known := index[key]
		if !known {
			if at = len(l); at == maxRowPeople {
				more++
				at = -1
			} else {
				name := p.Name
				if name == "" {
					name = p.Address
				}
				l = append(l, Participant{Name: name, Address: p.Address, Me: m.isMe(p.Address)})
			}
			index[key] = at
		}
		if at >= 0 && i < len(unread) && unread[i] {
			l[at].Unread = true
		}
	}
	return l, more
}

// isMe tells whether an address is one of the account.
func (m *rowMaker) isMe(address string) bool {
	if address == "" {
		return false
	}
	is, ok := m.own[address]
	if !ok {
		is = isOwn(m.cfg, m.s.account, address)
		m.own[address] = is
	}
	return is
}
