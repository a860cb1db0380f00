package smtpclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"

	"mox/internal/logging"
	"mox/smtp"
)

// Envelope is what goes with a message.
type Envelope struct {
	From       smtp.Path // Zero for the null reverse-path.
	Recipients []Recipient

	// Size of the message in bytes, with CRLF line ends. 0 if not known.
	Size int64

	// EightBit tells that the message has bytes above 127. It is only sent to a server
	// with 8BITMIME, for others there is a permanent error 5.6.3 (RFC 6152 §3): mox does
	// not re-encode messages.
	EightBit bool

	// Binary tells that the message may have NUL and lines of any kind, so that it cannot be sent
	// with DATA (RFC 3030 §3). It is only sent to a server with BINARYMIME and CHUNKING, for others
	// there is a permanent error 5.6.3. Size must be that of the message.
	Binary bool

	// SMTPUTF8 tells that the message has UTF-8 in its header (RFC 6532). It is only sent
	// to a server with SMTPUTF8, for others there is a permanent error 5.6.7 (RFC 6531
	// §3.2). Addresses that need the extension are noticed without this.
	SMTPUTF8 bool

	// RequireTLS sends the message only over TLS with a verified certificate, to a server
	// that promises the same for the next hop (RFC 8689).
	RequireTLS bool

	// ENVID, decoded, and Ret are for delivery status notifications (RFC 3461 §4.3, §4.4).
	// They are only sent to a server with DSN, see [Client.DSN]. Empty and zero for none.
	ENVID string
	Ret   smtp.Ret
}

// Recipient is a recipient of a message.
type Recipient struct {
	To smtp.Path

	// Notify and Original are for delivery status notifications (RFC 3461 §4.1, §4.2). They
	// are only sent to a server with DSN, see [Client.DSN]. Zero for none.
	Notify   smtp.Notify
	Original smtp.OriginalRecipient
}

// RecipientResult is what became of a recipient.
type RecipientResult struct {
	// Err is nil if the server has taken responsibility, otherwise an [*Error].
	Err error

	// Reply is that to the message if it was taken.
	Reply smtp.Reply
}

// maxPipeline is how many commands are sent before replies are read. The replies of this
// many fit in any buffer on the way, so that neither side waits for the other to read (RFC
// 2920 §3.1).
const maxPipeline = 50

// Deliver sends a message to all recipients in one transaction. It returns one result for
// each recipient, in order, also when there is an error: that is the failure of the
// transaction as a whole, which is then also in the results of all recipients that have no
// failure of their own. It is an [*Error].
//
// The body is read only if the server takes at least one recipient; line ends become CRLF, unless it is binary.
// After an error while reading it, the connection is lost, as there is no other way to end
// a message unfinished. Otherwise, while [Client.Usable], other messages can follow.
func (c *Client) Deliver(ctx context.Context, env Envelope, body io.Reader) ([]RecipientResult, error) {
	d := delivery{c: c, env: &env, results: make([]RecipientResult, len(env.Recipients))}
	err := error(&Error{Command: "MAIL", Err: ErrClosed})
	if !c.lost {
		err = c.during(ctx, func() error { return d.run(body) })
	}
	if err != nil {
		for i := range d.results {
			if r := &d.results[i]; r.Err == nil && r.Reply.Code == 0 {
				r.Err = err
			}
		}
	}
	return d.results, err
}

// delivery is the delivery of one message.
type delivery struct {
	c       *Client
	env     *Envelope
	results []RecipientResult

	mail     []string // The command.
	send     []int    // Recipients for which RCPT is sent.
	accepted []int    // Recipients that the server has taken.
}

func (d *delivery) run(body io.Reader) error {
	if err := d.plan(); err != nil {
		return err
	}
	if len(d.send) == 0 {
		return nil // Each has its own failure.
	}
	if d.c.open {
		if err := d.c.reset(); err != nil {
			return err
		}
	}
	d.c.open = true
	var goAhead bool
	var err error
	if d.c.ext.pipelining {
		goAhead, err = d.pipelined()
	} else {
		goAhead, err = d.inTurn()
	}
	if !goAhead {
		return err
	}
	if err := d.message(body); err != nil {
		return err
	}
	d.c.open = false
	return d.replies()
}

// plan makes the MAIL command, and finds out what cannot be sent to this server.
func (d *delivery) plan() error {
	c, env := d.c, d.env
	if len(env.Recipients) == 0 {
		return &Error{Permanent: true, Command: "RCPT", Enhanced: smtp.E510AddressOther, Err: errors.New("message without recipients")}
	}
	if !sendable(env.From) {
		return &Error{Permanent: true, Command: "MAIL", Enhanced: smtp.E517BadSenderSyntax, Err: smtp.ErrAddress}
	}
	d.mail = append(d.mail, "MAIL FROM:", env.From.Pack(false))
	param := func(s ...string) { d.mail = append(append(d.mail, " "), s...) }

	if c.ext.maxSize > 0 && env.Size > c.ext.maxSize {
		// RFC 1870 §6.
		return &Error{Permanent: true, Command: "MAIL", Enhanced: smtp.E534MessageTooBig, Err: fmt.Errorf("%w: %d bytes, limit %d", ErrMessageSize, env.Size, c.ext.maxSize)}
	}
	if c.ext.size && env.Size > 0 {
		param("SIZE=", strconv.FormatInt(env.Size, 10))
	}
	switch {
	case env.Binary && !(c.ext.binaryMIME && c.ext.chunking):
		return &Error{Permanent: true, Command: "MAIL", Enhanced: smtp.E563ConversionNeeded, Err: fmt.Errorf("%w: BINARYMIME", ErrExtension)}
	case env.Binary:
		param("BODY=BINARYMIME")
	case env.EightBit || env.SMTPUTF8:
		if !c.ext.eightBitMIME {
			return &Error{Permanent: true, Command: "MAIL", Enhanced: smtp.E563ConversionNeeded, Err: fmt.Errorf("%w: 8BITMIME", ErrExtension)}
		}
		param("BODY=8BITMIME")
	}
	if env.RequireTLS {
		switch {
		case c.tlsState == nil || !c.opts.TLS.verified():
			return &Error{Permanent: true, Command: "MAIL", Enhanced: smtp.E5710EncryptionNeeded, Err: fmt.Errorf("%w: verified TLS", ErrExtension)}
		case !c.ext.requireTLS:
			return &Error{Permanent: true, Command: "MAIL", Enhanced: smtp.E5730RequireTLS, Err: fmt.Errorf("%w: REQUIRETLS", ErrExtension)}
		}
		param("REQUIRETLS")
	}
	if c.ext.dsn && env.Ret != 0 {
		param("RET=", env.Ret.String())
	}
	if c.ext.dsn && env.ENVID != "" {
		param("ENVID=", smtp.EncodeXtext(env.ENVID))
	}
	return d.planUTF8(param)
}

// planUTF8 asks for SMTPUTF8 if anything needs it. If the server has not got it, the message
// fails, or only those recipients that need it.
func (d *delivery) planUTF8(param func(...string)) error {
	missing := func(command string) error {
		return &Error{Permanent: true, Command: command, Enhanced: smtp.E567NonASCIIAddress, Err: fmt.Errorf("%w: SMTPUTF8", ErrExtension)}
	}
	needs, has := d.env.SMTPUTF8 || d.env.From.IsInternational(), d.c.ext.smtpUTF8
	if needs && !has {
		return missing("MAIL")
	}
	for i, r := range d.env.Recipients {
		switch {
		case !sendable(r.To) || r.To.IsZero():
			d.results[i].Err = &Error{Permanent: true, Command: "RCPT", Enhanced: smtp.E513BadRecipientSyntax, Err: smtp.ErrAddress}
			continue
		case r.To.IsInternational() && !has:
			d.results[i].Err = missing("RCPT")
			continue
		case r.To.IsInternational():
			needs = true
		}
		d.send = append(d.send, i)
	}
	if needs {
		param("SMTPUTF8")
	}
	return nil
}

// sendable tells whether a path can be sent: one that was not made by parsing can have
// anything in its local part.
func sendable(p smtp.Path) bool {
	return !strings.ContainsFunc(string(p.Localpart), unicode.IsControl)
}

// rcpt returns the command for a recipient. Its domain is in ASCII, which is as good as
// Unicode for a server with SMTPUTF8 (RFC 6531 §3.7.1) and needed for others.
func (d *delivery) rcpt(i int) []string {
	r := &d.env.Recipients[i]
	cmd := []string{"RCPT TO:", r.To.Pack(false)}
	if d.c.ext.dsn && r.Notify != 0 {
		cmd = append(cmd, " NOTIFY=", r.Notify.String())
	}
	if d.c.ext.dsn && r.Original.Address != "" {
		cmd = append(cmd, " ORCPT=", r.Original.Encode())
	}
	return cmd
}

// inTurn waits for the reply to each command.
func (d *delivery) inTurn() (goAhead bool, err error) {
	c := d.c
	if _, err := c.command("MAIL", c.opts.Timeouts.Command, 2, d.mail...); err != nil {
		return false, err
	}
	for _, i := range d.send {
		if err := c.p.send(d.rcpt(i)...); err != nil {
			return false, c.failed("RCPT", err)
		}
		if err := d.rcptReply(i); err != nil {
			return false, err
		}
	}
	if len(d.accepted) == 0 || d.env.Binary {
		return len(d.accepted) > 0, nil
	}
	_, err = c.command("DATA", c.opts.Timeouts.DataStart, 3, "DATA")
	return err == nil, err
}

// pipelined sends commands in groups, the last of which ends with DATA, and then reads the
// replies to all in the group, whatever they are (RFC 2920 §3.1). A binary message has no DATA.
func (d *delivery) pipelined() (goAhead bool, err error) {
	c := d.c
	if err := c.p.send(d.mail...); err != nil {
		return false, c.failed("MAIL", err)
	}
	for start := 0; start < len(d.send); start += maxPipeline {
		group := d.send[start:min(start+maxPipeline, len(d.send))]
		last := start+len(group) == len(d.send) && !d.env.Binary
		if err := d.sendGroup(group, last); err != nil {
			return false, err
		}
		if start == 0 {
			r, err := c.receive("MAIL", c.opts.Timeouts.Command)
			if err == nil && r.Code/100 != 2 {
				err = replyError("MAIL", r)
			}
			if err != nil {
				d.skip(len(group), last)
				return false, err
			}
		}
		for _, i := range group {
			if err := d.rcptReply(i); err != nil {
				return false, err
			}
		}
	}
	if d.env.Binary {
		return len(d.accepted) > 0, nil
	}
	r, err := c.receive("DATA", c.opts.Timeouts.DataStart)
	if err == nil && r.Code != smtp.C354Continue {
		err = replyError("DATA", r)
	}
	if len(d.accepted) > 0 || c.lost {
		return err == nil, err
	}
	if err == nil {
		d.emptyMessage()
	}
	return false, nil // Each recipient has its own failure.
}

func (d *delivery) sendGroup(group []int, last bool) error {
	p := d.c.p
	for _, i := range group {
		if err := p.send(d.rcpt(i)...); err != nil {
			return d.c.failed("RCPT", err)
		}
	}
	if last {
		if err := p.send("DATA"); err != nil {
			return d.c.failed("DATA", err)
		}
	}
	return nil
}

// skip reads the replies to commands that were sent with a MAIL that has failed: to a number
// of RCPT and possibly DATA.
func (d *delivery) skip(rcpts int, data bool) {
	for range rcpts {
		if d.c.lost {
			return
		}
		d.c.receive("RCPT", d.c.opts.Timeouts.Command)
	}
	if d.c.lost || !data {
		return
	}
	if r, err := d.c.receive("DATA", d.c.opts.Timeouts.DataStart); err == nil && r.Code == smtp.C354Continue {
		d.emptyMessage()
	}
}

// emptyMessage ends the message of a server that wants one although it has not taken any
// recipient (RFC 2920 §3.1).
func (d *delivery) emptyMessage() {
	c := d.c
	if err := c.p.send("."); err != nil || c.opts.LMTP {
		c.lost = true // In LMTP there are as many replies as recipients: none.
		return
	}
	c.receive("message", c.opts.Timeouts.DataEnd)
}

// rcptReply reads the reply to a RCPT. An error is one of the connection.
func (d *delivery) rcptReply(i int) error {
	r, err := d.c.receive("RCPT", d.c.opts.Timeouts.Command)
	if err != nil {
		return err
	}
	if r.Code/100 == 2 {
		d.accepted = append(d.accepted, i)
	} else {
		e := replyError("RCPT", r)
		if r.Code == smtp.C552MailboxFull && len(d.accepted) > 0 && !strings.HasPrefix(string(r.Enhanced), "5.2.") {
			e.Permanent = false // It means too many recipients (RFC 5321 §4.5.3.1.10).
		}
		d.results[i].Err = e
		if d.c.lost {
			return e
		}
	}
	return nil
}

// earlyReplyTimeout is how long to wait for what the server may have said when it does not
// take more of a message.
const earlyReplyTimeout = 5 * time.Second

// message sends the message.
func (d *delivery) message(body io.Reader) error {
	c := d.c
	c.p.raw.within(c.opts.Timeouts.DataBlock)
	defer c.p.wtrace.SetKind(c.p.wtrace.SetKind(logging.LevelTracedata))
	src := bodyReader{r: body}
	var err error
	if d.env.Binary {
		err = d.chunk(&src)
	} else {
		w := smtp.NewDataWriter(c.p.bw)
		if _, err = io.CopyBuffer(w, &src, c.p.copyBuffer()); err == nil && src.err == nil {
			err = w.Close()
		}
	}
	if src.err != nil {
		c.lost = true
		return &Error{Command: "message", Err: fmt.Errorf("reading message to send: %w", src.err)}
	}
	if err == nil {
		return nil
	}
	// A server that refuses while it is being sent to may close the connection.
	c.lost = true
	c.p.raw.within(earlyReplyTimeout)
	if r, rerr := smtp.ReadReply(c.p.br); rerr == nil && r.Code >= 400 {
		return replyError("message", r)
	}
	return c.failed("message", err)
}

// chunk sends the message as one chunk (RFC 3030 §2). A body that is shorter or longer than was said is an error of
// reading it.
func (d *delivery) chunk(src *bodyReader) error {
	p := d.c.p
	if err := p.send("BDAT ", strconv.FormatInt(d.env.Size, 10), " LAST"); err != nil {
		return err
	}
	n, err := io.CopyBuffer(struct{ io.Writer }{p.bw}, io.LimitReader(src, d.env.Size), p.copyBuffer())
	if err != nil || src.err != nil {
		return err
	}
	if more, _ := io.CopyN(io.Discard, src, 1); n != d.env.Size || more > 0 {
		src.err = fmt.Errorf("message is not of %d bytes", d.env.Size)
		return src.err
	}
	return p.bw.Flush()
}

// bodyReader tells errors of reading from those of writing.
type bodyReader struct {
	r   io.Reader
	err error
}

func (b *bodyReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err != nil && err != io.EOF {
		b.err = err
	}
	return n, err
}

// replies reads the reply to the message: one for all recipients that were accepted, in
// LMTP one for each of them (RFC 2033 §4.2).
func (d *delivery) replies() error {
	c := d.c
	for k, i := range d.accepted {
		r, err := c.receive("message", c.opts.Timeouts.DataEnd)
		if err != nil {
			return err
		}
		if r.Code/100 != 2 {
			err = replyError("message", r)
		}
		if !c.opts.LMTP {
			if err != nil {
				return err
			}
			for _, i := range d.accepted {
				d.results[i].Reply = r
			}
			return nil
		}
		d.results[i].Reply, d.results[i].Err = r, err
		if err != nil {
			d.results[i].Reply = smtp.Reply{}
			if c.lost && k+1 < len(d.accepted) {
				return err
			}
		}
	}
	return nil
}
