package imapserver

import (
	"io"

	"mox/imap"
	"mox/imap/wire"
	"mox/internal/spool"
	"mox/message"
	"mox/store"
)

const (
	// maxAppend is how many messages one APPEND may have: something of each is kept in memory.
	maxAppend = 5000

	// maxAppendSizes is how many times the size allowed for one message they may have together.
	maxAppendSizes = 4
)

// appending is an APPEND being carried out.
type appending struct {
	c       *conn
	mailbox store.Mailbox
	usage   store.Usage
	body    *spool.Buffer // Of all messages, one after the other.
	msgs    []store.NewMessage
}

// handleAppend carries out APPEND (RFC 9051 §6.3.12) with one or more messages (MULTIAPPEND, RFC 3502), of which
// all are added or none. The client's bytes are kept exactly, in a literal8 too (RFC 3516 §4.4).
func (c *conn) handleAppend(_ *request) (imap.Code, error) {
	name, supplied, err := c.dec.AppendMailbox()
	if err != nil {
		return "", err
	}
	a := &appending{c: c, body: spool.New("", 0)}
	defer a.body.Close()
	for len(a.msgs) == 0 || !c.dec.AtEnd() {
		args, err := c.dec.AppendMessage()
		if err == nil && len(a.msgs) == 0 {
			err = a.begin(name)
		}
		if err == nil {
			err = a.check(args.Literal.Size)
		}
		if err == nil {
			err = a.read(&args)
		}
		if err != nil {
			return "", err
		}
	}
	if err := c.end(); err != nil {
		return "", err
	}
	code, err := a.add()
	if err == nil && c.rev2 && supplied != "" {
		c.tellMailbox(a.mailbox, supplied)
	}
	return code, err
}

// begin looks up the mailbox and what room there is.
func (a *appending) begin(name string) (err error) {
	if a.mailbox, err = a.c.destination(name); err == nil {
		a.usage, err = a.c.auth.account.Usage(a.c.srv.ctx)
	}
	return err
}

// check refuses a message before the client sends it, if it waits for that.
func (a *appending) check(size int64) error {
	most := a.c.lo.MaxMessageSize
	switch total := a.body.Size() + size; {
	case size == 0:
		// RFC 3502 §6.3.11: by this a client can take back what it sent before.
		return imap.No("", "Message is empty, nothing was added", nil)
	case size > most:
		return imap.No(imap.CodeTooBig, "Message is too big", nil)
	case total/maxAppendSizes > most:
		return imap.No(imap.CodeTooBig, "Messages are too big together, add fewer at a time", nil)
	case len(a.msgs) == maxAppend:
		return imap.No(imap.CodeLimit, "Too many messages, add fewer at a time", nil)
	case a.usage.Quota > 0 && a.usage.Bytes+total > a.usage.Quota:
		return store.ErrQuota
	}
	return nil
}

// read reads a message into the spool. The first one is parsed meanwhile. The store parses others
// when it takes them: the trees of thousands would need too much memory.
func (a *appending) read(args *wire.Append) error {
	start := a.body.Size()
	var w io.Writer = a.body
	var p *message.Parser
	if len(a.msgs) == 0 {
		p = message.NewParser(message.Options{})
		w = io.MultiWriter(p, a.body)
	}
	dec := a.c.dec
	_, err := io.Copy(w, dec.Open(args.Literal))
	dec.CloseLiteral()
	if derr := dec.Err(); derr != nil {
		err = derr
	}
	if err != nil {
		return err
	}
	msg := store.NewMessage{
		Body: io.NewSectionReader(a.body, start, args.Literal.Size), Size: args.Literal.Size,
		Flags: args.Flags, Keywords: args.Keywords,
	}
	if args.HasDate {
		msg.Received = args.Date
	}
	if p != nil {
		if msg.Root, err = p.Finish(); err != nil {
			return err
		}
	}
	a.msgs = append(a.msgs, msg)
	return nil
}

// add adds the messages to the mailbox.
func (a *appending) add() (imap.Code, error) {
	added, err := a.c.auth.account.Append(a.c.srv.ctx, a.c.auth.actor, a.mailbox.ID, a.msgs, nil)
	if isNoMailbox(err) {
		return "", imap.No(imap.CodeTryCreate, "Mailbox was deleted meanwhile", err)
	} else if err != nil {
		return "", err
	}
	var uids imap.UIDSet
	for i := range added {
		uids.Add(added[i].UID)
	}
	return imap.AppendUID(added[0].UIDValidity, uids), nil
}
