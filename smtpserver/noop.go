package smtpserver

import "mox/smtp"

// noop is NOOP. It takes an argument and ignores it (RFC 5321 §4.1.1.9).
func (c *conn) noop(string) error {
	c.reply(smtp.C250Completed, smtp.E200Other, "ok")
	return nil
}
