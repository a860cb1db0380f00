package imapserver

import (
	"mox/imap"
)

// handleEnable carries out ENABLE (RFC 9051 §6.3.1, RFC 5161). Extensions that are unknown or
// need no enabling are ignored.
func (c *conn) handleEnable(_ *request) (imap.Code, error) {
	condstore := false
	for n := 0; n == 0 || !c.dec.AtEnd(); n++ {
		c.dec.SP()
		if string(c.dec.Keyword()) == "CONDSTORE" {
			condstore = true
		}
		if c.dec.Err() != nil {
			break
		}
	}
	if err := c.end(); err != nil {
		return "", err
	}
	if condstore {
		c.condstore = true
		c.enc.Untagged().Atom("ENABLED").Atom("CONDSTORE").CRLF()
	} else {
		c.enc.Untagged().Atom("ENABLED").CRLF()
	}
	return "", nil
}
