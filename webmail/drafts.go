package webmail

import (
	"context"
	"errors"
	"slices"

	"mox/imap"
	"mox/store"
)

// mailboxFor returns the mailbox with a special use, made if there is none.
func mailboxFor(ctx context.Context, acc *store.Account, actor store.Actor, use store.SpecialUse) (store.Mailbox, error) {
	l, err := acc.Mailboxes(ctx, actor)
	if err != nil {
		return store.Mailbox{}, err
	}
	if i := slices.IndexFunc(l, func(mb store.Mailbox) bool { return mb.SpecialUse == use && !mb.NoSelect }); i >= 0 {
		return l[i], nil
	}
	name := string(use)[1:]
	mb, err := acc.CreateMailbox(ctx, actor, name, use)
	if errors.Is(err, store.ErrMailboxExists) {
		// One of that name, without the role.
		if mb, err = acc.MailboxByName(ctx, actor, name); err == nil && mb.SpecialUse == "" {
			err = acc.SetSpecialUse(ctx, actor, name, use, true)
		}
	}
	return mb, err
}

// saveDraft saves a draft, in place of its earlier version.
func (c *composing) saveDraft(d Draft) (Saved, error) {
	spool, _, err := c.s.write(c.ctx, c.acc, c.actor, d, c.s.now(), true)
	if err != nil {
		return Saved{}, err
	}
	defer spool.Close()
	m := store.NewMessage{Body: spool, Size: spool.Size(), Root: spool.Root(), Received: c.s.now(), Flags: imap.FlagDraft | imap.FlagSeen}
	added, err := c.putDraft(d.Email, m)
	if err != nil {
		return Saved{}, err
	}
	saved := Saved{Email: added.Email.String(), At: c.s.now().Unix()}
	saved.Attachments, err = c.savedAttachments(added.Email, d)
	return saved, err
}

// putDraft puts a message where drafts are. The earlier version goes in the same moment; if somebody else removed it, the
// new one stays all the same, as nothing that was typed may be lost.
func (c *composing) putDraft(earlier string, m store.NewMessage) (store.Added, error) {
	if id, ok := parseEmailID(earlier); ok {
		l, err := c.acc.Instances(c.ctx, c.actor, []store.EmailID{id})
		if err != nil {
			return store.Added{}, err
		}
		trash, err := c.trash()
		if err != nil {
			return store.Added{}, err
		}
		for _, at := range l {
			if at.Flags&imap.FlagDraft == 0 || slices.Contains(trash, at.Mailbox) {
				continue // It was sent, or is none, or somebody else threw it away: it stays.
			}
			added, err := c.acc.Replace(c.ctx, c.actor, at.Mailbox, at.UID, m)
			if !errors.Is(err, store.ErrExpunged) && !errors.Is(err, store.ErrNoMailbox) {
				return added, err
			}
		}
	}
	mb, err := mailboxFor(c.ctx, c.acc, c.actor, store.Drafts)
	if err != nil {
		return store.Added{}, err
	}
	l, err := c.acc.Append(c.ctx, c.actor, mb.ID, []store.NewMessage{m}, nil)
	if err != nil {
		return store.Added{}, err
	}
	return l[0], nil
}

// trash returns the mailboxes for what was thrown away.
func (c *composing) trash() ([]store.MailboxID, error) {
	l, err := c.acc.Mailboxes(c.ctx, c.actor)
	if err != nil {
		return nil, err
	}
	var ids []store.MailboxID
	for _, mb := range l {
		if mb.SpecialUse == store.Trash {
			ids = append(ids, mb.ID)
		}
	}
	return ids, nil
}

// savedAttachments returns the attachments of a draft that was saved, in their order, as parts of it: uploads are forgotten at some
// time, and parts of earlier versions go.
func (c *composing) savedAttachments(id store.EmailID, d Draft) ([]Attachment, error) {
	if len(d.Attachments) == 0 {
		return nil, nil
	}
	o, err := c.open(id.String())
	if err != nil {
		return nil, err
	}
	defer o.content.Close()
	// They were written in the order of the draft, those in the text first.
	var inline, files []leaf
	for _, f := range o.layout.files {
		if f.part.Disposition == "inline" && contentID(f.part) != "" && d.Rich {
			inline = append(inline, f)
		} else {
			files = append(files, f)
		}
	}
	var l []Attachment
	for _, at := range d.Attachments {
		from := &files
		if at.inText() && d.Rich {
			from = &inline
		}
		if len(*from) == 0 {
			l = append(l, at) // Its own id is good still.
			continue
		}
		f := (*from)[0]
		*from = (*from)[1:]
		at.ID = partID(id, f.path)
		at.Address = attachmentAddress(at)
		l = append(l, at)
	}
	return l, nil
}

// removeDraft expunges a draft. One that is gone, or that is no draft, is left alone.
func (c *composing) removeDraft(email string) (int64, error) {
	id, ok := parseEmailID(email)
	if !ok {
		return 0, nil
	}
	l, err := c.acc.Instances(c.ctx, c.actor, []store.EmailID{id})
	if err != nil {
		return 0, err
	}
	n := int64(0)
	for _, at := range l {
		if at.Flags&imap.FlagDraft == 0 {
			continue
		}
		uids, _, err := c.acc.Expunge(c.ctx, c.actor, at.Mailbox, imap.SetOf(at.UID), false)
		if err != nil {
			return n, err
		}
		n += int64(len(uids))
	}
	return n, nil
}
