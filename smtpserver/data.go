package smtpserver

import (
	"time"

	"mox/smtp"
)

// dataLimit is how long a client may take for all data of a message, besides the timeout for
// each piece.
const dataLimit = time.Hour

// data is DATA (RFC 5321 §4.1.1.4). However it ends, so does the transaction.
func (c *conn) data(args string) error {
	switch {
	case args != "":
		return noArguments()
	case c.state == StateMail && c.tx.refused:
		// A client that pipelines says DATA before it reads that no recipient was accepted
		// (RFC 2920 §3.1).
		return smtp.NewError(smtp.C554TransactionFailed, smtp.E551InvalidCommand, "no valid recipients", nil)
	case c.state == StateMail:
		return smtp.NewError(smtp.C503BadSequence, smtp.E551InvalidCommand, "need RCPT first", nil)
	}
	defer c.reset()
	begin := time.Now()
	d := &delivery{c: c, tx: c.tx}
	defer d.close()
	err := d.deliver(c.ctx())
	c.s.metrics.deliveries.WithLabelValues(c.l.Kind.String(), d.result(err)).Observe(time.Since(begin).Seconds())
	if err != nil {
		d.logRefusal(err)
		return err
	}
	c.s.metrics.bytes.WithLabelValues(c.l.Kind.String()).Add(float64(d.body.Size()))
	c.reply(smtp.C250Completed, smtp.E200Other, "message accepted, id "+d.env.ID)
	return nil
}
