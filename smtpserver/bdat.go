package smtpserver

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"mox/smtp"
)

// bdat is BDAT (RFC 3030 §2): a chunk of the message follows the line. However a chunk with LAST
// ends, so does the transaction.
func (c *conn) bdat(args string) error {
	ch, err := parseChunk(args)
	if err == nil {
		err = c.mayChunk(ch)
	}
	if err != nil {
		return c.refuseChunk(ch, err)
	}
	c.state = StateChunks
	d := c.tx.chunked
	if d == nil {
		d = newDelivery(c)
		d.w = &lineEnds{w: d.w, normalize: c.l.NormalizeLineEnds, binary: d.env.Binary}
		c.tx.chunked = d
	}
	if err := d.receiveChunk(ch.size); err != nil {
		return d.failChunk(ch, err)
	}
	if !ch.last {
		c.reply(smtp.C250Completed, smtp.E200Other, strconv.FormatInt(ch.size, 10)+" octets received")
		return nil
	}
	defer c.reset()
	err = d.w.(*lineEnds).Close()
	if err == nil {
		err = d.deliver(c.ctx())
	}
	return d.end(err)
}

// chunk is the argument of BDAT.
type chunk struct {
	size int64 // Bytes that follow the line, negative if that was not to be understood.
	last bool
}

// parseChunk parses the arguments of BDAT. The chunk is also good beside an error.
func parseChunk(args string) (chunk, error) {
	ch := chunk{size: -1}
	bad := smtp.NewError(smtp.C501BadParamSyntax, smtp.E554InvalidArguments, "syntax is BDAT size [LAST]", nil)
	size, marker, marked := strings.Cut(strings.TrimRight(args, " "), " ")
	n, err := strconv.ParseUint(size, 10, 63)
	if err != nil {
		return ch, bad
	}
	ch.size = int64(n)
	ch.last = strings.EqualFold(marker, "LAST")
	if marked && !ch.last {
		return ch, bad
	}
	return ch, nil
}

// mayChunk tells whether the message may go on with a chunk.
func (c *conn) mayChunk(ch chunk) error {
	received := int64(0)
	if d := c.tx.chunked; d != nil {
		received = d.body.Size()
	}
	switch {
	case c.tx.failed != nil:
		return c.tx.failed
	case c.state == StateMail:
		return c.noRecipients()
	case ch.size > c.l.MaxMessageSize-received:
		return c.tooBig()
	}
	return nil
}

// refuseBDAT skips the chunk of a BDAT that is not permitted.
func (c *conn) refuseBDAT(args string, refusal error) error {
	ch, _ := parseChunk(args)
	return c.refuseChunk(ch, refusal)
}

// refuseChunk reads a chunk to its end, which must come before the refusal (RFC 3030 §2). Nothing
// becomes of a message of which a chunk is missing: what is left of it gets the same answer.
//
// Where a chunk of unknown size ends cannot be told, and nothing in it may be taken for commands: then
// the connection ends.
func (c *conn) refuseChunk(ch chunk, refusal error) error {
	if ch.size < 0 {
		c.fail(refusal)
		c.unexpected = true
		return smtp.NewError(smtp.C421ServiceUnavailable, smtp.E450ProtocolOther, "cannot tell where the chunk ends, closing connection", nil)
	}
	if c.limit.IsZero() {
		c.limit = time.Now().Add(dataLimit) // Who says 2^63 bytes could stay for ever.
	}
	if err := c.skip(ch.size); err != nil {
		return err
	}
	if c.tx != nil {
		c.state = StateChunks
		if c.tx.failed == nil {
			c.tx.failed = refusal
		}
		if d := c.tx.chunked; d != nil {
			d.close()
		}
	}
	if ch.last {
		c.reset()
	}
	return refusal
}

// failChunk ends a message that a chunk, which was read to its end, has made impossible.
func (d *delivery) failChunk(ch chunk, err error) error {
	d.end(err)
	if _, aborted := errors.AsType[*connError](err); aborted {
		return err
	}
	return d.c.refuseChunk(chunk{last: ch.last}, err)
}

// receiveChunk reads a chunk, in one pass, into the spool. If it does not return a connError all of
// the chunk was read.
func (d *delivery) receiveChunk(size int64) error {
	c := d.c
	c.limit = d.begun.Add(dataLimit)
	n, err := c.copyTo(d.w, size)
	switch {
	case err == nil && d.body.Size() > c.l.MaxMessageSize: // Line ends have become longer.
		return c.tooBig()
	case err == nil:
		return nil
	case c.readErr != nil || c.writeErr != nil:
		return err
	}
	if err := c.skip(size - n); err != nil {
		return err
	}
	if e, ok := errors.AsType[*smtp.Error](err); ok {
		return e
	}
	return d.notSpooled(err)
}

// skip reads bytes that nobody wants.
func (c *conn) skip(n int64) error {
	_, err := c.copyTo(io.Discard, n)
	return err
}

// copyTo reads n bytes, and writes them to w. It returns how many it has read. The error is that of
// w, or a connError.
func (c *conn) copyTo(w io.Writer, n int64) (read int64, err error) {
	for read < n {
		if c.br.Buffered() == 0 {
			// The client may want to know what came of the commands before.
			if err := c.flush(); err != nil {
				return read, &connError{err}
			}
			if _, err := c.br.Peek(1); err != nil {
				return read, &connError{err}
			}
		}
		b, _ := c.br.Peek(int(min(int64(c.br.Buffered()), n-read)))
		_, err := w.Write(b)
		read += int64(len(b))
		c.br.Discard(len(b))
		if err != nil {
			return read, err
		}
	}
	return read, nil
}
