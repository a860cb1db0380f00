package imapserver

import "mox/imap"

// handleLogout carries out LOGOUT (RFC 9051 §6.1.3, RFC 3501 §6.1.3).
func (c *conn) handleLogout(_ *request) (imap.Code, error) {
	if err := c.end(); err != nil {
		return "", err
	}
	c.enc.Status(nil, imap.StatusBye, "", "Logging out")
	c.logout = true
	return "", nil
}
