package wire

import (
	"time"

	"mox/imap"
)

// Append has the arguments of APPEND for one message (RFC 9051 §6.3.12).
type Append struct {
	Flags    imap.Flags
	Keywords []string
	HasDate  bool
	Date     time.Time // The internal date, with its zone, if HasDate.
	Literal  Literal   // The message, not opened yet.
}

// appendLine is what is left of Limits.Line, at least, for the options of another message.
const appendLine = 1 << 10

// AppendMailbox takes the mailbox argument of APPEND, as MailboxForm.
func (d *Decoder) AppendMailbox() (name, supplied string, err error) {
	d.SP()
	name, supplied = d.MailboxForm()
	return name, supplied, d.err
}

// AppendMessage takes the options of the next message of APPEND, up to the announcement of
// its literal. The caller then reads the literal with Open and CloseLiteral. If AtEnd is
// false after that, there is another message, to be taken in the same way (MULTIAPPEND,
// RFC 3502); otherwise CRLF ends the command. How many messages a command may have is for the
// caller to say: the options of each may take up to 1 KB beyond the limit for the lines of a command.
//
// A literal may be binary (RFC 3516 §4.4): whether NUL is allowed is for the caller to say.
func (d *Decoder) AppendMessage() (Append, error) {
	var a Append
	d.SP()
	if d.peek() == '(' {
		a.Flags, a.Keywords = d.Flags(nil)
		d.SP()
	}
	if d.peek() == '"' {
		a.HasDate = true
		a.Date = d.DateTime()
		d.SP()
	}
	a.Literal = d.Literal()
	d.lineLeft = max(d.lineLeft, appendLine)
	return a, d.err
}
