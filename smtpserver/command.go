package smtpserver

import (
	"bytes"
	"strings"
	"time"

	"mox/smtp"
)

// command is a row of the table of commands.
type command struct {
	name   string
	handle func(c *conn, args string) error
	states states // In which it is allowed, else 503.

	// beforeTLS allows it on a listener that requires TLS (RFC 3207 §4).
	beforeTLS bool

	// beforeLogin allows it on submission listeners before AUTH (RFC 6409 §4.3).
	beforeLogin bool

	// flush has the reply written at once, not with those of further pipelined commands
	// (RFC 2920 §3.2).
	flush bool

	// refused reads what follows the line of a command that is not permitted, or malformed, and returns
	// the error to reply. Nil if nothing can follow.
	refused func(c *conn, args string, refusal error) error
}

var commands = []command{
	{"EHLO", (*conn).ehlo, anyState, true, true, true, nil},
	{"HELO", (*conn).helo, anyState, true, true, true, nil},
	{"STARTTLS", (*conn).starttls, ready, true, true, true, nil},
	{"AUTH", (*conn).auth, ready, false, true, true, nil},
	{"MAIL", (*conn).mail, ready, false, false, false, nil},
	{"RCPT", (*conn).rcpt, transacting, false, false, false, nil},
	{"DATA", (*conn).data, transacting, false, false, true, nil},
	{"BDAT", (*conn).bdat, transacting | chunking, false, false, false, (*conn).refuseBDAT},
	{"RSET", (*conn).rset, anyState, true, true, false, nil},
	{"NOOP", (*conn).noop, anyState, true, true, true, nil},
	{"QUIT", (*conn).quit, anyState, true, true, true, nil},
	{"VRFY", (*conn).vrfy, anyState, false, false, true, nil},
	{"EXPN", (*conn).expn, anyState, false, false, true, nil},
	{"HELP", (*conn).help, anyState, true, true, true, nil},
}

// commandUnknown is the name of what is in no table, for metrics.
const commandUnknown = "unknown"

// lookup returns the row of a verb, in any case, or nil.
func lookup(verb []byte) *command {
	for i := range commands {
		if name := commands[i].name; len(name) == len(verb) && strings.EqualFold(name, string(verb)) {
			return &commands[i]
		}
	}
	return nil
}

// isAuth tells whether a line is an AUTH command, which can be longer than others and has
// credentials in it.
func isAuth(line []byte) bool {
	return len(line) >= 5 && bytes.EqualFold(line[:5], []byte("AUTH "))
}

// httpVerbs begin what a browser sends that was led to our port. Nothing in its request may
// be taken for commands.
var httpVerbs = []string{"GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE", "PATCH"}

// command runs a command line and writes its reply.
func (c *conn) command(line []byte) {
	begin := time.Now()
	// RFC 5321 §4.1.1: white space before the end of the line is tolerated.
	line = bytes.TrimRight(line, " \t")
	verb, args, _ := bytes.Cut(line, []byte(" "))
	cmd := lookup(verb)
	if cmd == nil {
		for _, v := range httpVerbs {
			if string(verb) == v {
				c.log.Info("http request on smtp port", "remote", c.remoteIP)
				c.state = StateClosed
				c.unexpected = true
			}
		}
		// Also of those that begin with X (RFC 5321 §4.1.5).
		c.refuseLine(line, begin, smtp.NewError(smtp.C500BadSyntax, smtp.E551InvalidCommand, "unknown command", nil))
		// RFC 2920 §3.2: replies to unrecognised commands are not buffered.
		c.flush()
		return
	}
	err := c.permit(cmd, line)
	switch {
	case err == nil:
		err = cmd.handle(c, string(args))
	case cmd.refused != nil:
		err = cmd.refused(c, string(args), err)
	}
	c.observe(cmd.name, begin, err)
	if cmd.flush {
		c.flush()
	}
}

// refuseLine refuses a line that is no command. What follows one that was meant for BDAT is none
// either.
func (c *conn) refuseLine(line []byte, begin time.Time, refusal error) {
	verb := line
	if i := bytes.IndexAny(line, " \t"); i >= 0 {
		verb = line[:i]
	}
	if cmd := lookup(verb); cmd != nil && cmd.refused != nil {
		args, _ := bytes.CutPrefix(line[len(verb):], []byte(" "))
		refusal = cmd.refused(c, string(args), refusal)
	}
	c.observe(commandUnknown, begin, refusal)
}

// permit tells whether the table allows a command now.
func (c *conn) permit(cmd *command, line []byte) error {
	for _, b := range line {
		if b < ' ' && b != '\t' || b == 0x7f {
			return smtp.NewError(smtp.C500BadSyntax, smtp.E552Syntax, "control character in command", nil)
		}
	}
	if c.l.RequireTLS && c.tls == nil && !cmd.beforeTLS {
		return smtp.NewError(smtp.C530AuthRequired, smtp.E570SecurityOther, "must issue a STARTTLS command first", nil)
	}
	if c.isSubmission() && c.login == nil && !cmd.beforeLogin {
		return smtp.NewError(smtp.C530AuthRequired, smtp.E570SecurityOther, "authentication required", nil)
	}
	if cmd.states.has(c.state) {
		return nil
	}
	text := "out of sequence"
	switch c.state {
	case StateGreeted:
		text = "say EHLO first"
	case StateReady:
		text = "need MAIL first"
	case StateMail, StateRcpt:
		text = "not during a mail transaction"
	case StateChunks:
		text = "not after BDAT"
	}
	return smtp.NewError(smtp.C503BadSequence, smtp.E551InvalidCommand, text, nil)
}

func noArguments() error {
	return smtp.NewError(smtp.C501BadParamSyntax, smtp.E554InvalidArguments, "no arguments allowed", nil)
}
