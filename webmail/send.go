package webmail

import (
	"errors"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"mox/config"
	"mox/imap"
	"mox/message"
	"mox/pipeline"
	"mox/queue"
	"mox/smtp"
	"mox/store"
)

// maxHold is for how long a message can be held to be taken back, in seconds. To send later is another thing.
const maxHold = 120

// send sends a draft.
func (c *composing) send(d Draft, o SendOptions) (_ Sent, rerr error) {
	from, err := c.sendFrom(d)
	if err != nil {
		return Sent{}, err
	}
	if draft, ok := parseEmailID(d.Email); ok {
		key := draftKey{c.acc.ID(), draft}
		if err := c.s.sent.begin(key); err != nil {
			return Sent{}, err
		}
		defer func() { c.s.sent.end(key, rerr == nil) }()
	}
	now := c.s.now()
	sendAt := now.Add(time.Duration(min(max(o.Hold, 0), maxHold)) * time.Second)
	later := d.SendAt > sendAt.Unix()
	if later {
		sendAt = time.Unix(d.SendAt, 0)
	}
	spool, w, err := c.s.write(c.ctx, c.acc, c.actor, d, sendAt, false)
	if err != nil {
		return Sent{}, err
	}
	defer spool.Close()

	env := pipeline.Envelope{
		ID: w.messageID, MailFrom: from.Path(), SMTPUTF8: w.utf8, EightBit: spool.EightBit(), Size: spool.Size(), Received: now, Account: c.name,
	}
	if sendAt.After(now) {
		env.SendAt = sendAt
	}
	switch d.RequireTLS {
	case TLSRequired:
		env.RequireTLS = smtp.RequireTLSAlways
	case TLSOptional:
		env.RequireTLS = smtp.RequireTLSNever
	}
	plan, err := c.judge(env, d, spool)
	if err != nil {
		return Sent{}, err
	}
	id, err := c.submit(env, plan, d, w, spool, later)
	if err != nil {
		return Sent{}, err
	}
	sent := Sent{Submission: strconv.FormatInt(int64(id), 10)}
	if !env.SendAt.IsZero() {
		sent.Until = env.SendAt.Unix()
	}
	// The message is on its way. What follows is for the eye, and must not look as if it were not.
	if _, err := c.removeDraft(d.Email); err != nil {
		c.s.log.Error("removing the draft of a message that was sent", "account", c.name, "err", err)
	}
	if err := c.markRelated(d); err != nil {
		c.s.log.Error("marking messages as answered", "account", c.name, "err", err)
	}
	if o.Archive && !d.Forward {
		sent.Undo = c.archiveRelated(d)
	}
	return sent, nil
}

// sendFrom returns the sender's address, which must be one of the account.
func (c *composing) sendFrom(d Draft) (smtp.Address, error) {
	from, err := smtp.ParseAddress(d.From.Address)
	if err != nil {
		return smtp.Address{}, errUser(codeBad, "The message needs a sender.")
	}
	if !c.cfg.AccountCanSendFrom(c.name, from) {
		return smtp.Address{}, errUser(codeRefused, "%s is not an address of your account.", d.From.Address)
	}
	if len(d.To)+len(d.Cc)+len(d.Bcc) == 0 {
		return smtp.Address{}, errUser(codeBad, "The message needs a recipient.")
	}
	for _, p := range d.ReplyTo {
		if _, err := recipientPath(p); err != nil {
			return smtp.Address{}, err
		}
	}
	return from, nil
}

// judge has the message checked as one that comes over SMTP, and returns where it goes. Errors are *smtp.Error, and of the
// user's doing.
func (c *composing) judge(env pipeline.Envelope, d Draft, spool *pipeline.Spool) (pipeline.Plan, error) {
	client := session(c.ctx).Client
	if !client.IsValid() {
		client = netip.IPv6Unspecified()
	}
	runner := pipeline.NewRunner(pipeline.RunnerOptions{Checks: c.s.opts.Checks, Hostname: c.cfg.Hostname.ASCII, Log: c.s.log})
	tx := runner.Begin(c.ctx, pipeline.Conn{ID: env.ID, Listener: "webmail", RemoteIP: client, Submission: true, Account: c.name})
	defer tx.Close()
	if refusal := tx.Sender(c.ctx, env); refusal != nil {
		return pipeline.Plan{}, refusal
	}
	seen := map[smtp.Path]bool{}
	for _, p := range slices.Concat(d.To, d.Cc, d.Bcc) {
		path, err := recipientPath(p)
		if err != nil {
			return pipeline.Plan{}, err
		}
		recipients, err := c.resolve(path)
		if err != nil {
			return pipeline.Plan{}, err
		}
		// A member of an alias that cannot take the message does not keep the others from it (RFC 5321 §3.9.1).
		var refusal *smtp.Error
		accepted := false
		for _, r := range recipients {
			if seen[r.Path] {
				accepted = true
				continue
			}
			if refused := tx.Recipient(c.ctx, r); refused != nil {
				refusal = refused
				continue
			}
			seen[r.Path], accepted = true, true
		}
		if !accepted && refusal != nil {
			return pipeline.Plan{}, errUser(codeRefused, "%s: %s", p.Address, refusal.Text)
		}
	}
	if len(seen) > maxRecipients {
		return pipeline.Plan{}, errUser(codeLimit, "There are more than %d recipients.", maxRecipients)
	}
	if stream := tx.Stream(); stream != nil {
		if _, err := io.Copy(stream, io.NewSectionReader(spool, 0, spool.Size())); err != nil {
			return pipeline.Plan{}, err
		}
	}
	plan := pipeline.NewPlan(env, tx.Message(c.ctx, env, spool, nil))
	if plan.Place == pipeline.Nowhere {
		return pipeline.Plan{}, plan.Refuse
	}
	return plan, nil
}

// resolve says where mail for a path goes.
func (c *composing) resolve(path smtp.Path) ([]pipeline.Recipient, error) {
	if alias := c.cfg.LookupAlias(path); alias != nil {
		return c.resolveAlias(alias, path)
	}
	dest, _, err := c.cfg.LookupPath(path)
	switch {
	case err == nil:
		return []pipeline.Recipient{{Path: path, Account: dest.Account, Mailbox: dest.Mailbox}}, nil
	case errors.Is(err, config.ErrUnknownDomain):
		return []pipeline.Recipient{{Path: path}}, nil
	case errors.Is(err, config.ErrUnknownUser):
		return nil, errUser(codeRefused, "There is no %s here.", path.XString(true))
	case errors.Is(err, config.ErrDomainDisabled):
		return nil, errUser(codeRefused, "Mail to %s is not accepted for now.", path.XString(true))
	}
	return nil, err
}

// resolveAlias returns the members of an alias, if the account may write to them.
func (c *composing) resolveAlias(alias *config.Alias, path smtp.Path) ([]pipeline.Recipient, error) {
	if !alias.MayPost(c.name) {
		return nil, errUser(codeRefused, "Only members may write to %s.", path.XString(true))
	}
	// Reports are about what the sender knows (RFC 3461 §5.2.7.3).
	original := smtp.OriginalRecipient{Type: "rfc822", Address: alias.Address.Path().Pack(false)}
	if alias.Address.Localpart.IsInternational() {
		original = smtp.OriginalRecipient{Type: "utf-8", Address: alias.Address.Path().Pack(true)}
	}
	var l []pipeline.Recipient
	for _, m := range alias.Members {
		l = append(l, pipeline.Recipient{Path: m.Address.Path(), Account: m.Account, Mailbox: m.Mailbox, OriginalRecipient: original})
	}
	return l, nil
}

// submit records the message, with its copy, and queues it.
func (c *composing) submit(env pipeline.Envelope, plan pipeline.Plan, d Draft, w *writing, spool *pipeline.Spool, later bool) (store.SubmissionID, error) {
	sentTo, err := mailboxFor(c.ctx, c.acc, c.actor, store.Sent)
	if err != nil {
		return 0, err
	}
	cp := queue.Copy{Delivery: store.Delivery{
		NewMessage: store.NewMessage{Prefix: w.copyPrefix(), Received: env.Received, Flags: imap.FlagSeen},
		Mailbox:    sentTo.Name,
	}}
	if later {
		cp.Mailbox, cp.SentMailbox = scheduledMailbox, sentTo.Name
	}
	delivery, err := c.s.opts.Submissions.BeginWithCopy(c.ctx, env, cp)
	if err != nil {
		return 0, err
	}
	results, err := pipeline.Hand(c.ctx, delivery, plan.Recipients, spool)
	for _, r := range results {
		if r != nil && err == nil {
			err = r
		}
	}
	if err != nil {
		return 0, err
	}
	c.s.log.Info("message submitted", "account", c.name, "id", env.ID, "recipients", len(plan.Recipients), "size", env.Size)
	return delivery.ID(), nil
}

// copyPrefix returns fields that only the sender's copy has: Bcc, and what a message that is taken back needs to be a draft
// again.
func (w *writing) copyPrefix() []byte {
	h := &message.HeaderWriter{UTF8: w.utf8}
	h.Addresses("Bcc", w.addresses(w.d.Bcc))
	w.extra(h)
	return h.Bytes()
}

// markRelated marks the messages that one answers or forwards.
func (c *composing) markRelated(d Draft) error {
	change := store.FlagChange{Op: store.FlagsAdd, Flags: imap.FlagAnswered, UnchangedSince: -1}
	if d.Forward {
		change = store.FlagChange{Op: store.FlagsAdd, Keywords: []string{imap.KeywordForwarded}, UnchangedSince: -1}
	}
	l, err := c.related(d)
	if err != nil {
		return err
	}
	for _, at := range l {
		change.UIDs = imap.SetOf(at.UID)
		if _, err := c.acc.SetFlags(c.ctx, c.actor, at.Mailbox, change); err != nil && !errors.Is(err, store.ErrNoMailbox) {
			return err
		}
	}
	return nil
}

// related returns where the messages are that a draft is about.
func (c *composing) related(d Draft) ([]store.Instance, error) {
	var ids []store.EmailID
	for _, email := range d.Related {
		if id, ok := parseEmailID(email); ok && len(ids) < maxAttached {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return c.acc.Instances(c.ctx, c.actor, ids)
}

// archiveRelated moves the messages that a draft answers from Inbox to the archive, and returns what undoes it.
func (c *composing) archiveRelated(d Draft) string {
	l, err := c.related(d)
	if err != nil || len(l) == 0 {
		return ""
	}
	inbox, err := c.acc.MailboxByName(c.ctx, c.actor, "Inbox")
	if err != nil {
		return ""
	}
	var sel Selection
	for _, at := range l {
		if at.Mailbox == inbox.ID {
			sel.Messages = append(sel.Messages, Place{Mailbox: int64(at.Mailbox), UID: int64(at.UID)})
		}
	}
	if len(sel.Messages) == 0 {
		return ""
	}
	acted, err := API{c.s}.Act(c.ctx, sel, Action{Kind: ActArchive})
	if err != nil {
		c.s.log.Error("archiving answered messages", "account", c.name, "err", err)
	}
	return acted.Undo
}
