package smtpserver

import (
	"errors"
	"io"
	"strconv"
	"syscall"
	"time"

	"mox/smtp"
)

// connError is a failure of the connection in the middle of a command: there is no reply to
// that command.
type connError struct{ err error }

func (e *connError) Error() string { return "connection: " + e.err.Error() }
func (e *connError) Unwrap() error { return e.err }

// fail writes the reply for an error: the one place where errors become replies. An error
// that is no *smtp.Error is temporary to the client, which learns nothing about it.
func (c *conn) fail(err error) {
	if ce, ok := errors.AsType[*connError](err); ok {
		c.end(ce.err)
		return
	}
	e, ok := errors.AsType[*smtp.Error](err)
	if !ok {
		c.log.Error("command failed", "err", err)
		e = unknownError(err)
	} else {
		c.log.Debug("command refused", "reply", e.Reply(), "err", e.Err)
	}
	text := e.Text
	if text == "" {
		text = "refused"
	}
	if e.Code == smtp.C421ServiceUnavailable {
		// RFC 5321 §3.8, §4.2.2: the server, which is named, closes after it.
		text = c.l.Hostname.ASCII + " " + text
		c.state = StateClosed
	}
	c.reply(e.Code, e.Enhanced, text)
}

// unknownError is what a client is told of an error that is not for it.
func unknownError(err error) *smtp.Error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return smtp.NewError(smtp.C452StorageFull, smtp.E431SystemFull, "insufficient system storage, try again later", err)
	}
	return smtp.NewError(smtp.C451LocalError, smtp.E430SystemOther, "local error, try again later", err)
}

// observe ends a command: it writes the reply of an error, counts it, and ends connections
// that make too many.
func (c *conn) observe(name string, begin time.Time, err error) {
	class := "2"
	if err != nil {
		c.fail(err)
		class = "4"
		if e, ok := errors.AsType[*smtp.Error](err); ok {
			class = strconv.Itoa(e.Code / 100)
			c.countBad(e)
		} else if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			class = "none"
		}
	}
	c.s.metrics.commands.WithLabelValues(c.l.Kind.String(), name, class).Observe(time.Since(begin).Seconds())
}

// countBad counts an error of the client and ends the connection when there are too many.
func (c *conn) countBad(e *smtp.Error) {
	switch e.Code {
	case smtp.C500BadSyntax, smtp.C501BadParamSyntax, smtp.C502CommandNotImplemented, smtp.C503BadSequence, smtp.C504ParamNotImplemented,
		smtp.C530AuthRequired, smtp.C555UnknownMailOrRcptParams:
	default:
		return
	}
	c.bad++
	if c.bad >= c.l.Limits.opts.BadCommands && !c.unlimited && c.state != StateClosed {
		c.log.Info("too many erroneous commands", "remote", c.remoteIP)
		c.unexpected = true
		c.fail(smtp.NewError(smtp.C421ServiceUnavailable, smtp.E470SecurityOther, "too many errors", nil))
	}
}
