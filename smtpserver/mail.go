package smtpserver

import (
	"errors"
	"strconv"
	"strings"

	"mox/pipeline"
	"mox/smtp"
)

// mail is MAIL (RFC 5321 §4.1.1.2).
func (c *conn) mail(args string) error {
	from, params, err := smtp.ParseMailFrom(args)
	if err != nil {
		return err
	}
	env := pipeline.Envelope{MailFrom: from, Received: c.s.opts.Now(), Account: c.account()}
	if err := c.mailParams(&env, params); err != nil {
		return err
	}
	if err := c.mayMail(from); err != nil {
		return err
	}
	if env.ID, err = pipeline.NewID(c.s.opts.Rand); err != nil {
		return err
	}
	tx := &transaction{
		env:    env,
		checks: c.l.runner.Begin(c.ctx(), c.pipelineConn()),
		seen:   map[smtp.Path]bool{},
	}
	if refusal := tx.checks.Sender(c.ctx(), env); refusal != nil {
		tx.close()
		return refusal
	}
	c.tx = tx
	c.state = StateMail
	c.engaged = true
	c.reply(smtp.C250Completed, smtp.E210AddressOther, "sender ok")
	return nil
}

// mailParams handles the parameters of MAIL.
func (c *conn) mailParams(env *pipeline.Envelope, params smtp.Params) error {
	for _, p := range params {
		bad := smtp.NewError(smtp.C501BadParamSyntax, smtp.E554InvalidArguments, "bad value of parameter "+p.Keyword, nil)
		switch p.Keyword {
		case "SIZE": // RFC 1870 §4: up to 20 digits.
			size, err := strconv.ParseUint(p.Value, 10, 64)
			if err != nil && (!errors.Is(err, strconv.ErrRange) || len(p.Value) > 20) {
				return bad
			}
			if err != nil || size > uint64(c.l.MaxMessageSize) {
				return c.tooBig()
			}
			env.Size = int64(size)
		case "BODY": // RFC 6152 §2.
			switch strings.ToUpper(p.Value) {
			case "7BIT":
			case "8BITMIME":
				env.EightBit = true
			case "BINARYMIME":
				env.EightBit, env.Binary = true, true // RFC 3030 §3.
			default:
				return bad
			}
		case "SMTPUTF8": // RFC 6531 §3.4.
			if p.HasValue {
				return bad
			}
			env.SMTPUTF8 = true
		case "RET": // RFC 3461 §4.3.
			var err error
			if env.Ret, err = smtp.ParseRet(p.Value); err != nil {
				return bad
			}
		case "ENVID": // RFC 3461 §4.4.
			var err error
			if env.ENVID, err = smtp.ParseENVID(p.Value); err != nil {
				return bad
			}
		case "AUTH": // RFC 4954 §5. Who is logged in is known better.
			if !c.isSubmission() {
				return unknownParam(p)
			}
			if !isXtext(p.Value) {
				return bad
			}
		case "REQUIRETLS": // RFC 8689 §2.
			if p.HasValue {
				return bad
			}
			if c.tls == nil {
				return unknownParam(p)
			}
			env.RequireTLS = smtp.RequireTLSAlways
		case "HOLDFOR", "HOLDUNTIL": // RFC 4865 §4.2.
			if err := c.hold(env, p); err != nil {
				return err
			}
		default:
			return unknownParam(p)
		}
	}
	return nil
}

func (c *conn) tooBig() error {
	return smtp.NewError(smtp.C552MailboxFull, smtp.E534MessageTooBig, "message too big, limit is "+strconv.FormatInt(c.l.MaxMessageSize, 10)+" bytes", nil)
}

// unknownParam refuses a parameter that was not announced (RFC 5321 §4.1.1.11).
func unknownParam(p smtp.Param) error {
	return smtp.NewError(smtp.C555UnknownMailOrRcptParams, smtp.E554InvalidArguments, "unknown parameter "+p.Keyword, nil)
}

// isXtext tells whether s is xtext that is not empty (RFC 3461 §4).
func isXtext(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c < '!' || c > '~' || c == '=':
			return false
		case c == '+':
			if i+2 >= len(s) || !isUpperHex(s[i+1]) || !isUpperHex(s[i+2]) {
				return false
			}
			i += 2
		}
	}
	return s != ""
}

func isUpperHex(c byte) bool { return c >= '0' && c <= '9' || c >= 'A' && c <= 'F' }

// mayMail tells whether the client may begin a message from the reverse-path.
func (c *conn) mayMail(from smtp.Path) error {
	if c.isSubmission() {
		// The null reverse-path is for what must not be answered (RFC 5321 §4.5.5), such as read
		// receipts (RFC 8098 §3).
		if from.IsZero() || c.owns(from) {
			return nil
		}
		return smtp.NewError(smtp.C550MailboxUnavailable, smtp.E571NotAuthorized, "not an address of your account", nil)
	}
	if !c.unlimited && !c.l.Limits.messages.Allow(c.remoteIP, 1) {
		return smtp.NewError(smtp.C450MailboxUnavailable, smtp.E471NotAuthorized, "too many messages from your network, try again later", nil)
	}
	return nil
}

// owns tells whether a path is an address of the logged-in account.
func (c *conn) owns(p smtp.Path) bool {
	a, ok := p.Address()
	return ok && c.s.opts.Addresses().AccountCanSendFrom(c.account(), a)
}
