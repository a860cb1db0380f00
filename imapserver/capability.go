package imapserver

import (
	"strings"

	"mox/imap"
)

// capabilities lists what the connection can do now (RFC 9051 §6.1.1, §7.2.2, RFC 3501 §7.2.1).
func (c *conn) capabilities() []string {
	l := []string{"IMAP4rev1", "IMAP4rev2", "LITERAL+", "ID", "ENABLE", "IDLE"}
	if c.auth == nil {
		if c.lo.TLS != nil && !c.tls {
			l = append(l, "STARTTLS")
		}
		if c.tls || c.lo.PlaintextAuth {
			l = append(l, "SASL-IR")
			for _, m := range c.logins.Mechanisms(c.tlsState()) {
				l = append(l, "AUTH="+m)
			}
			if !c.logins.TakesPasswords() {
				l = append(l, "LOGINDISABLED") // Which is the command of that name.
			}
			return l
		}
		return append(l, "LOGINDISABLED")
	}
	// RFC 9051 appendix A: what became a part of IMAP4rev2 is told by name for clients of IMAP4rev1.
	return append(l, "NAMESPACE", "UNSELECT", "UIDPLUS", "MOVE", "CHILDREN", "LIST-EXTENDED", "LIST-STATUS", "STATUS=SIZE",
		"SPECIAL-USE", "CREATE-SPECIAL-USE", "CONDSTORE", "ESEARCH", "SEARCHRES", "BINARY", "MULTIAPPEND")
}

// handleCapability carries out CAPABILITY (RFC 9051 §6.1.1, RFC 3501 §6.1.1).
func (c *conn) handleCapability(_ *request) (imap.Code, error) {
	if err := c.end(); err != nil {
		return "", err
	}
	c.enc.Untagged().Atom("CAPABILITY").Raw(strings.Join(c.capabilities(), " ")).CRLF()
	return "", nil
}

// end reads the end of the command's line; commands call it before they act.
func (c *conn) end() error {
	c.dec.CRLF()
	return c.dec.Err()
}
