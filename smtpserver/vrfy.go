package smtpserver

import (
	"errors"
	"strings"

	"mox/config"
	"mox/smtp"
)

// vrfy is VRFY (RFC 5321 §3.5, §4.1.1.6). Strangers are not told who exists (§3.5.3, §7.3). Users who are
// logged in are, as RCPT tells them too.
func (c *conn) vrfy(args string) error {
	name, utf8 := cutSMTPUTF8(args)
	if name == "" {
		return smtp.NewError(smtp.C501BadParamSyntax, smtp.E554InvalidArguments, "syntax is VRFY address", nil)
	}
	if c.login != nil {
		if path, _, err := smtp.ParseRcptTo("TO:<"+strings.TrimSuffix(strings.TrimPrefix(name, "<"), ">")+">", utf8); err == nil {
			return c.verify(path, utf8)
		} else if e, ok := errors.AsType[*smtp.Error](err); ok && e.Enhanced == smtp.E567NonASCIIAddress {
			return err
		}
	}
	// What cannot be an address may be somebody's name.
	c.reply(smtp.C252NotVerified, smtp.E200Other, "cannot verify, but will take mail and attempt delivery")
	return nil
}

// verify tells whether there is a mailbox.
func (c *conn) verify(path smtp.Path, utf8 bool) error {
	_, address, err := c.s.opts.Addresses().LookupPath(path)
	switch {
	case err == nil:
		// §3.5.2: with the mailbox, in a form for RCPT.
		c.reply(smtp.C250Completed, smtp.E215DestinationValid, address.Path().Pack(utf8))
	case errors.Is(err, config.ErrUnknownDomain):
		c.reply(smtp.C252NotVerified, smtp.E200Other, "not here, but will take mail and attempt delivery")
	default:
		return lookupError(err)
	}
	return nil
}

// cutSMTPUTF8 splits the parameter SMTPUTF8 off the argument of VRFY (RFC 6531 §3.7.4.2).
func cutSMTPUTF8(args string) (name string, utf8 bool) {
	const param = " SMTPUTF8"
	s := strings.TrimRight(args, " ")
	if i := len(s) - len(param); i > 0 && strings.EqualFold(s[i:], param) {
		return strings.TrimSpace(s[:i]), true
	}
	return strings.TrimSpace(s), false
}

// expn is EXPN (RFC 5321 §4.1.1.7). There are no lists that anybody may look into (§3.5.2, §7.3); a command that is
// known and not there is 502, not 500 (§4.2.4).
func (c *conn) expn(string) error {
	return smtp.NewError(smtp.C502CommandNotImplemented, smtp.E551InvalidCommand, "not implemented", nil)
}
