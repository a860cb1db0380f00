package smtpclient

import (
	"errors"
	"strconv"
	"strings"

	"mox/smtp"
)

// Error is a failure of a delivery, or of one recipient.
//
// When the server has replied, or the failure is permanent, errors.As also finds an
// [*smtp.Error], with the reply's codes. A failure without that, as of the network, is
// temporary.
type Error struct {
	// Permanent tells that the same will not succeed later, so that the sender must be
	// told.
	Permanent bool

	// Command is what failed: "MX" or "address" for lookups, "connect", "greeting", a
	// command such as "RCPT", or "message" for what follows DATA.
	Command string

	// Code, Enhanced and Lines are the server's reply; Code is 0 and Lines is empty if it
	// has not replied. Enhanced is then our own finding, or empty.
	Code     int
	Enhanced smtp.EnhancedCode
	Lines    []string

	// Err is the cause, if it is not the reply. It may be nil.
	Err error
}

// Causes of errors that are no replies, to be found with errors.Is.
var (
	// ErrTLS says that TLS could not be established. The connection is lost; with
	// opportunistic TLS the same can be tried without.
	ErrTLS = errors.New("tls handshake failed")

	// ErrTLSRequired says that the server does not offer the TLS that is required.
	ErrTLSRequired = errors.New("tls required but not offered by server")

	// ErrExtension says that the message needs an extension that the server does not
	// have.
	ErrExtension = errors.New("server lacks a required extension")

	// ErrMessageSize says that the message is bigger than the server takes.
	ErrMessageSize = errors.New("message too big for server")

	// ErrProtocol says that the server has replied something that makes no sense.
	ErrProtocol = errors.New("unexpected reply from server")

	// ErrLoop says that we are the host that the mail would go to.
	ErrLoop = errors.New("mail would loop back to us")

	// ErrNullMX says that the domain takes no mail (RFC 7505).
	ErrNullMX = errors.New("domain does not accept mail (null mx)")

	// ErrNoHost says that there is no host for the domain, or none with an address.
	ErrNoHost = errors.New("no host for mail of domain")

	// ErrClosed says that the Client cannot be used, for an earlier error or Close.
	ErrClosed = errors.New("smtp connection not usable anymore")
)

// Error returns the failure for our log.
func (e *Error) Error() string {
	s := e.Command
	if d := e.Diagnostic(); d != "" {
		s += ": " + d
	} else if e.Enhanced != "" {
		s += ": " + string(e.Enhanced)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Diagnostic returns the server's reply as one line, for the Diagnostic-Code field of a
// delivery status notification (RFC 3464 §2.3.6). It is empty without reply.
func (e *Error) Diagnostic() string {
	if e.Code == 0 {
		return ""
	}
	s := strconv.Itoa(e.Code)
	if e.Enhanced != "" {
		s += " " + string(e.Enhanced)
	}
	return strings.TrimRight(s+" "+strings.Join(e.Lines, " "), " ")
}

// Unwrap returns the reply as an *smtp.Error, if there is one, and the cause.
func (e *Error) Unwrap() []error {
	var l []error
	if r := e.reply(); r != nil {
		l = append(l, r)
	}
	if e.Err != nil {
		l = append(l, e.Err)
	}
	return l
}

// reply returns the failure as a reply of the class that Permanent says.
func (e *Error) reply() *smtp.Error {
	text := strings.Join(e.Lines, " ")
	switch {
	case e.Code >= 400 && e.Permanent == (e.Code >= 500):
		return &smtp.Error{Code: e.Code, Enhanced: e.Enhanced, Text: text}
	case e.Code >= 500:
		return &smtp.Error{Code: e.Code - 100, Enhanced: e.Enhanced.Of(4), Text: text}
	case e.Permanent:
		if e.Err != nil {
			text = e.Err.Error()
		}
		return smtp.NewError(smtp.C554TransactionFailed, e.Enhanced, text, nil)
	}
	return nil
}

// replyError returns the error of a reply that is not what command wants.
func replyError(command string, r smtp.Reply) *Error {
	e := &Error{Permanent: r.Code/100 == 5, Command: command, Code: r.Code, Enhanced: r.Enhanced, Lines: r.Lines}
	if r.Code < 400 {
		e.Err = ErrProtocol
	}
	return e
}
