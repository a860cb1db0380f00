package imapserver

import "mox/imap"

// handleStartTLS carries out STARTTLS (RFC 9051 §6.2.1, RFC 3501 §6.2.1).
func (c *conn) handleStartTLS(r *request) (imap.Code, error) {
	if err := c.end(); err != nil {
		return "", err
	}
	switch {
	case c.tls:
		return "", imap.Bad("TLS is active already")
	case c.lo.TLS == nil:
		return "", imap.Bad("TLS is not available here")
	}
	c.enc.Status(r.tag, imap.StatusOK, "", "Begin TLS negotiation now")
	if err := c.bw.Flush(); err != nil {
		return "", connError{err}
	}
	// What the client sent ahead of TLS could come from somebody else: it is dropped with
	// the buffer. Capabilities must be asked for again.
	c.dropReader()
	c.releaseWriter()
	c.in.pending = nil
	if err := c.startTLS(); err != nil {
		c.log.Info("tls handshake failed", "err", err)
		return "", errEnd
	}
	c.acquireWriter()
	return "", errAnswered
}
