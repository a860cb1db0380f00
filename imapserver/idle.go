package imapserver

import (
	"strings"

	"mox/imap"
)

// handleIdle carries out IDLE (RFC 9051 §6.3.13): changes are told as they are committed, until the
// client says DONE.
func (c *conn) handleIdle(_ *request) (imap.Code, error) {
	if err := c.end(); err != nil {
		return "", err
	}
	c.enc.Continue("Idling")
	if err := c.tellIdle(); err != nil {
		return "", err
	}
	done := make(chan error, 1)
	go func() {
		err := error(errEnd)
		defer func() { done <- err }()
		defer c.catch()
		err = c.readDone()
	}()

	var wake <-chan struct{}
	if c.selected != nil {
		wake = c.selected.Wake()
	}
	for {
		select {
		case err := <-done:
			c.acquireWriter()
			return "", err
		case <-wake:
			if err := c.tellIdle(); err != nil {
				c.rw.interrupt()
				<-done
				return "", err
			}
		}
	}
}

// tellIdle tells changes at once and gives the buffer back.
func (c *conn) tellIdle() error {
	c.acquireWriter()
	if c.selected != nil {
		if err := c.tell(true); err != nil {
			return err
		}
	}
	if err := c.bw.Flush(); err != nil {
		return connError{err}
	}
	c.releaseWriter()
	return nil
}

// readDone waits for the line with which the client ends IDLE. It runs beside the connection's
// goroutine, which leaves reading to it.
func (c *conn) readDone() error {
	if err := c.waitInput(); err != nil {
		return connError{err}
	}
	if err := c.dec.ReadLine(); err != nil {
		return err
	}
	word := string(c.dec.Keyword())
	c.dec.CRLF()
	if err := c.dec.Err(); err != nil || !strings.EqualFold(word, "DONE") {
		return imap.Bad("DONE expected")
	}
	return nil
}
