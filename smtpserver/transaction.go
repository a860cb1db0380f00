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

	chunked *delivery // The message, from the first BDAT on.
	failed  error     // What a BDAT was refused with; nothing becomes of the message.
}

// close ends the transaction, whatever became of it.
func (tx *transaction) close() {
	if tx.chunked != nil {
		tx.chunked.close()
	}
	tx.checks.Close()
}
