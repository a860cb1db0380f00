package smtpserver

import "mox/smtp"

// rset is RSET (RFC 5321 §4.1.1.5).
func (c *conn) rset(args string) error {
	if args != "" {
		return noArguments()
	}
	c.reset()
	c.reply(smtp.C250Completed, smtp.E200Other, "ok")
	return nil
}
