package smtpserver

import (
	"strings"

	"mox/smtp"
)

// vrfy is VRFY. It does not tell who exists (RFC 5321 §3.5.3, §7.3).
func (c *conn) vrfy(args string) error {
	if strings.TrimSpace(args) == "" {
		return smtp.NewError(smtp.C501BadParamSyntax, smtp.E554InvalidArguments, "syntax is VRFY user", nil)
	}
	c.reply(smtp.C252NotVerified, smtp.E200Other, "cannot verify, but will take mail and attempt delivery")
	return nil
}

// expn is EXPN. There are no lists that strangers may look into.
func (c *conn) expn(string) error {
	return smtp.NewError(smtp.C502CommandNotImplemented, smtp.E551InvalidCommand, "not implemented", nil)
}
