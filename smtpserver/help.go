package smtpserver

import "mox/smtp"

// help is HELP (RFC 5321 §4.1.1.8).
func (c *conn) help(string) error {
	c.reply(smtp.C214Help, smtp.E200Other, "see RFC 5321", "commands: EHLO HELO STARTTLS AUTH MAIL RCPT DATA RSET NOOP QUIT VRFY HELP")
	return nil
}
