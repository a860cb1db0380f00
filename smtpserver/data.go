package smtpserver

import "mox/smtp"

// data is DATA (RFC 5321 §4.1.1.4). However it ends, so does the transaction.
func (c *conn) data(args string) error {
	switch {
	case args != "":
		return noArguments()
	case c.state == StateMail:
		return c.noRecipients()
	case c.tx.env.Binary:
		return smtp.NewError(smtp.C503BadSequence, smtp.E551InvalidCommand, "after BODY=BINARYMIME only BDAT can follow", nil) // RFC 3030 §3.
	}
	defer c.reset()
	d := newDelivery(c)
	defer d.close()
	err := d.receive()
	if err == nil {
		err = d.deliver(c.ctx())
	}
	return d.end(err)
}

// noRecipients is the refusal of a message without recipients.
func (c *conn) noRecipients() error {
	if c.tx.refused {
		// A client that pipelines sends the message before it reads that no recipient was
		// accepted (RFC 2920 §3.1).
		return smtp.NewError(smtp.C554TransactionFailed, smtp.E551InvalidCommand, "no valid recipients", nil)
	}
	return smtp.NewError(smtp.C503BadSequence, smtp.E551InvalidCommand, "need RCPT first", nil)
}
