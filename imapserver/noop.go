package imapserver

import "mox/imap"

// handleNoop carries out NOOP (RFC 9051 §6.1.2, RFC 3501 §6.1.2) and CHECK (RFC 3501 §6.4.1). All there is to do
// is to tell changes, as after every command.
func (c *conn) handleNoop(_ *request) (imap.Code, error) {
	return "", c.end()
}
