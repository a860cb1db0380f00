package smtpserver

import (
	"mox/pipeline"
	"mox/smtp"
)

// transaction is a mail transaction (RFC 5321 §3.3): what lives from MAIL until the message was
// committed, refused, or given up.
type transaction struct {
	env    pipeline.Envelope
	checks *pipeline.Transaction

	seen    map[smtp.Path]bool // Accepted recipients. A repeated one is the same recipient.
	refused bool               // A recipient was refused.
}

// close ends the transaction, whatever became of it.
func (tx *transaction) close() { tx.checks.Close() }
