package imapserver

import "mox/imap"

// handleNamespace carries out NAMESPACE (RFC 9051 §6.3.10, §7.3.2): one personal namespace without prefix.
func (c *conn) handleNamespace(_ *request) (imap.Code, error) {
	if err := c.end(); err != nil {
		return "", err
	}
	c.enc.Untagged().Raw(`NAMESPACE (("" "/")) NIL NIL`).CRLF()
	return "", nil
}
