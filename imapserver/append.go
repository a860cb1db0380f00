package imapserver

import (
	"io"

	"mox/imap"
	"mox/imap/wire"
	"mox/internal/spool"
	"mox/message"
	"mox/store"
)

// handleAppend carries out APPEND (RFC 9051 §6.3.12). The client's bytes are kept exactly.
func (c *conn) handleAppend(_ *request) (imap.Code, error) {
	name, err := c.dec.AppendMailbox()
	if err != nil {
		return "", err
	}
	args, err := c.dec.AppendMessage()
	if err != nil {
		return "", err
	}
	// Refused before the client sends the message, if it waits for that.
	mb, err := c.destination(name)
	if err != nil {
		return "", err
	}
	if args.Literal.Size > c.lo.MaxMessageSize {
		return "", imap.No(imap.CodeTooBig, "Message is too big", nil)
	}
	u, err := c.auth.account.Usage(c.srv.ctx)
	if err != nil {
		return "", err
	}
	if u.Quota > 0 && u.Bytes+args.Literal.Size > u.Quota {
		return "", store.ErrQuota
	}
	body, root, err := c.readMessage(args.Literal)
	if err != nil {
		return "", err
	}
	defer body.Close()
	if err := c.end(); err != nil {
		return "", err
	}
	msg := store.NewMessage{Body: body, Size: body.Size(), Root: root, Flags: args.Flags, Keywords: args.Keywords}
	if args.HasDate {
		msg.Received = args.Date
	}
	added, err := c.auth.account.Append(c.srv.ctx, c.auth.actor, mb.ID, []store.NewMessage{msg}, nil)
	if isNoMailbox(err) {
		return "", imap.No(imap.CodeTryCreate, "Mailbox was deleted meanwhile", err)
	} else if err != nil {
		return "", err
	}
	return imap.AppendUID(added[0].UIDValidity, imap.SetOf(added[0].UID)), nil
}

// readMessage reads a literal into a spool while it is parsed.
func (c *conn) readMessage(lit wire.Literal) (*spool.Buffer, *message.Part, error) {
	body := spool.New("", 0)
	p := message.NewParser(message.Options{})
	_, err := io.Copy(io.MultiWriter(p, body), c.dec.Open(lit))
	c.dec.CloseLiteral()
	if derr := c.dec.Err(); derr != nil {
		err = derr
	}
	var root *message.Part
	if err == nil {
		root, err = p.Finish()
	}
	if err != nil {
		body.Close()
		return nil, nil, err
	}
	return body, root, nil
}
