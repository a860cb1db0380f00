package imapserver

import (
	"log/slog"

	"mox/imap"
)

// handleID carries out ID (RFC 2971). What the client says of itself goes to the log, where it
// helps to understand its behaviour.
func (c *conn) handleID(_ *request) (imap.Code, error) {
	params, err := c.dec.ID()
	if err != nil {
		return "", err
	}
	attrs := make([]any, 0, len(params))
	for _, p := range params {
		if !p.Nil {
			attrs = append(attrs, slog.String(p.Name, p.Value))
		}
	}
	c.log.Debug("client id", slog.Group("id", attrs...))
	if v := c.srv.opts.Version; v != "" && c.auth != nil {
		// The version is only for those who log in, not for scanners.
		c.enc.Untagged().Atom("ID").Open().String("name").String("mox").String("version").String(v).Close().CRLF()
	} else {
		c.enc.Untagged().Atom("ID").Open().String("name").String("mox").Close().CRLF()
	}
	return "", nil
}
