package smtpserver

import "mox/smtp"

// quit is QUIT (RFC 5321 §4.1.1.10).
func (c *conn) quit(args string) error {
	if args != "" {
		return noArguments()
	}
	c.reset()
	c.state = StateClosed
	c.reply(smtp.C221Closing, smtp.E200Other, c.l.Hostname.ASCII+" closing connection")
	return nil
}
