package smtpserver

import (
	"strings"

	"mox/smtp"
)

// usage is what HELP tells about each command that is implemented.
var usage = [...]struct{ verb, text string }{
	{"EHLO", "EHLO domain"},
	{"HELO", "HELO domain"},
	{"STARTTLS", "STARTTLS"},
	{"AUTH", "AUTH mechanism [initial-response]"},
	{"MAIL", "MAIL FROM:<address> [SIZE=bytes] [BODY=7BIT|8BITMIME|BINARYMIME] [SMTPUTF8] [RET=FULL|HDRS] [ENVID=id]"},
	{"RCPT", "RCPT TO:<address> [NOTIFY=NEVER|SUCCESS,FAILURE,DELAY] [ORCPT=type;address]"},
	{"DATA", "DATA"},
	{"BDAT", "BDAT bytes [LAST]"},
	{"RSET", "RSET"},
	{"NOOP", "NOOP [text]"},
	{"QUIT", "QUIT"},
	{"VRFY", "VRFY address"},
	{"HELP", "HELP [command]"},
}

// help is HELP (RFC 5321 §4.1.1.8): all commands, or the syntax of one.
func (c *conn) help(args string) error {
	topic := strings.TrimSpace(args)
	var verbs []string
	for _, u := range usage {
		switch {
		case u.verb == "AUTH" && !c.isSubmission(), u.verb == "STARTTLS" && c.l.TLSConfig == nil:
			continue
		case strings.EqualFold(topic, u.verb):
			c.reply(smtp.C214Help, smtp.E200Other, u.text)
			return nil
		}
		verbs = append(verbs, u.verb)
	}
	if topic != "" {
		return smtp.NewError(smtp.C504ParamNotImplemented, smtp.E554InvalidArguments, "no help for that, try HELP", nil)
	}
	c.reply(smtp.C214Help, smtp.E200Other, "commands: "+strings.Join(verbs, " "), "HELP command tells its syntax, see also RFC 5321")
	return nil
}
