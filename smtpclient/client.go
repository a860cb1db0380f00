package smtpclient

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"mox/smtp"
)

// Client is a connection to a server that is ready for messages. Its methods must not be
// called concurrently.
//
// A context ends the method it is given to; the connection is lost with that.
type Client struct {
	opts Options
	p    *protocol
	ext  extensions

	tlsState *tls.ConnectionState // Nil without TLS.
	open     bool                 // A transaction was begun and must be reset before another.
	lost     bool                 // The connection cannot be used anymore.
}

// extensions are what the server has announced in its last reply to EHLO.
type extensions struct {
	pipelining, eightBitMIME, smtpUTF8, startTLS, requireTLS, dsn, chunking, binaryMIME bool

	size    bool
	maxSize int64 // 0 for no limit.

	auth []string // Mechanisms.
}

// New reads the greeting of the server at the other end of conn and does all that comes
// before messages: EHLO, or HELO if the server does not know it, STARTTLS and AUTH as the
// options say. On error, which is an [*Error] unless the options are wrong, conn is closed.
func New(ctx context.Context, conn net.Conn, opts Options) (*Client, error) {
	if err := opts.check(); err != nil {
		conn.Close()
		return nil, err
	}
	c := &Client{opts: opts, p: newProtocol(conn, opts.Log)}
	err := c.during(ctx, func() error { return c.begin(ctx) })
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// during calls f, during which the end of ctx ends the connection.
func (c *Client) during(ctx context.Context, f func() error) error {
	if err := ctx.Err(); err != nil {
		c.lost = true
		return &Error{Command: "connect", Err: err}
	}
	stop := context.AfterFunc(ctx, c.p.raw.end)
	err := f()
	if !stop() {
		c.lost = true
	}
	if e, ok := errors.AsType[*Error](err); ok && e.Code == 0 && ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
		// What failed was a read or write, because the context has ended.
		e.Err = fmt.Errorf("%w: %w", ctx.Err(), e.Err)
	}
	return err
}

// begin does what comes before messages.
func (c *Client) begin(ctx context.Context) error {
	if c.opts.TLS == TLSImmediate {
		if err := c.handshake(ctx, "connect"); err != nil {
			return err
		}
	}
	if err := c.greeting(); err != nil {
		return err
	}
	if err := c.hello(); err != nil {
		return err
	}
	if err := c.startTLS(ctx); err != nil {
		return err
	}
	return temporary(c.auth())
}

// temporary makes a failure temporary: it is not the message's fault if the server refuses
// TLS or our password, which others will set right.
func temporary(err error) error {
	if e, ok := errors.AsType[*Error](err); ok {
		e.Permanent = false
	}
	return err
}

// failed notes that the connection is lost and returns the error of a step without reply.
func (c *Client) failed(command string, err error) *Error {
	c.lost = true
	return &Error{Command: command, Enhanced: smtp.E442BadConnection, Err: err}
}

// receive reads the reply to a command.
func (c *Client) receive(command string, timeout time.Duration) (smtp.Reply, error) {
	r, err := c.p.receive(timeout)
	if err != nil {
		return r, c.failed(command, err)
	}
	if r.Code == smtp.C421ServiceUnavailable {
		c.lost = true // The server closes the connection (RFC 5321 §3.8).
	}
	return r, nil
}

// command sends a command and returns its reply, as an error unless it has the class want.
func (c *Client) command(name string, timeout time.Duration, want int, line ...string) (smtp.Reply, error) {
	if err := c.p.send(line...); err != nil {
		return smtp.Reply{}, c.failed(name, err)
	}
	r, err := c.receive(name, timeout)
	if err == nil && r.Code/100 != want {
		err = replyError(name, r)
	}
	return r, err
}

func (c *Client) greeting() error {
	r, err := c.receive("greeting", c.opts.Timeouts.Greeting)
	if err == nil && r.Code != smtp.C220ServiceReady {
		err = replyError("greeting", r)
	}
	return err
}

// hello says EHLO or LHLO and notes the extensions. A server that does not know EHLO is
// greeted with HELO (RFC 5321 §3.2), unless something is needed that only EHLO can tell.
func (c *Client) hello() error {
	name := "EHLO"
	if c.opts.LMTP {
		name = "LHLO"
	}
	local := c.opts.LocalName.String()
	r, err := c.command(name, c.opts.Timeouts.Command, 2, name, " ", local)
	if err == nil {
		c.ext = parseExtensions(r.Lines)
		return nil
	}
	c.ext = extensions{}
	if r.Code/100 != 5 || c.lost || c.opts.LMTP || c.opts.TLS.required() || c.opts.Auth != nil {
		return err
	}
	_, err = c.command("HELO", c.opts.Timeouts.Command, 2, "HELO ", local)
	return err
}

// parseExtensions parses the lines of a reply to EHLO, the first of which has the server's
// name (RFC 5321 §4.1.1.1).
func parseExtensions(lines []string) extensions {
	var e extensions
	var oldAuth []string
	for _, line := range lines[1:] {
		keyword, params, _ := strings.Cut(strings.ToUpper(line), " ")
		switch {
		case keyword == "PIPELINING":
			e.pipelining = true
		case keyword == "8BITMIME":
			e.eightBitMIME = true
		case keyword == "SMTPUTF8":
			e.smtpUTF8 = true
		case keyword == "STARTTLS":
			e.startTLS = true
		case keyword == "REQUIRETLS":
			e.requireTLS = true
		case keyword == "CHUNKING":
			e.chunking = true
		case keyword == "BINARYMIME":
			e.binaryMIME = true
		case keyword == "DSN":
			e.dsn = true
		case keyword == "SIZE":
			e.size = true
			if n, err := strconv.ParseInt(strings.TrimSpace(params), 10, 64); err == nil && n > 0 {
				e.maxSize = n
			}
		case keyword == "AUTH":
			e.auth = append(e.auth, strings.Fields(params)...)
		case strings.HasPrefix(keyword, "AUTH="):
			// As servers wrote it before there was a standard, and some still do for old
			// clients, as a rule besides a proper line.
			oldAuth = strings.Fields(strings.TrimPrefix(keyword, "AUTH=") + " " + params)
		}
	}
	if e.auth == nil {
		e.auth = oldAuth
	}
	return e
}

// startTLS changes to TLS as the options say, and says hello again, as what was known of
// the server before must be forgotten (RFC 3207 §4.2).
func (c *Client) startTLS(ctx context.Context) error {
	if c.tlsState != nil || c.opts.TLS == TLSNone {
		return nil
	}
	if !c.ext.startTLS {
		if c.opts.TLS.required() {
			return &Error{Command: "STARTTLS", Enhanced: smtp.E5710EncryptionNeeded.Of(4), Err: ErrTLSRequired}
		}
		return nil
	}
	_, err := c.command("STARTTLS", c.opts.Timeouts.Command, 2, "STARTTLS")
	if e, ok := errors.AsType[*Error](err); ok && e.Code >= 400 && !c.lost && !c.opts.TLS.required() {
		return nil // The server has it, but not now.
	}
	if err != nil {
		return temporary(err)
	}
	if err := c.handshake(ctx, "STARTTLS"); err != nil {
		return err
	}
	return c.hello()
}

func (c *Client) handshake(ctx context.Context, command string) error {
	if err := c.p.startTLS(ctx, c.opts.tlsConfig(), c.opts.Timeouts.TLS); err != nil {
		c.lost = true
		return &Error{Command: command, Enhanced: smtp.E575CryptographicFailure.Of(4), Err: fmt.Errorf("%w: %w", ErrTLS, err)}
	}
	cs := c.p.conn.(*tls.Conn).ConnectionState()
	c.tlsState = &cs
	c.opts.Log.Debug("tls established", "version", tls.VersionName(cs.Version), "cipher", tls.CipherSuiteName(cs.CipherSuite))
	return nil
}

// auth authenticates (RFC 4954 §4).
func (c *Client) auth() error {
	if c.opts.Auth == nil {
		return nil
	}
	if c.tlsState == nil && !c.opts.AuthWithoutTLS {
		return &Error{Command: "AUTH", Enhanced: smtp.E5711EncryptionForAuth.Of(4), Err: ErrTLSRequired}
	}
	mech, err := c.opts.Auth(c.ext.auth, c.tlsState)
	if err != nil {
		return &Error{Command: "AUTH", Err: err}
	}
	if mech == nil {
		return nil
	}
	initial, err := mech.Start()
	if err != nil {
		return &Error{Command: "AUTH", Err: err}
	}
	line := []string{"AUTH ", mech.Mechanism()}
	if initial != nil {
		line = append(line, " ", encodeInitial(initial))
	}
	if n := len(strings.Join(line, "")); initial != nil && n > maxCommandLine {
		// It is then the answer to the empty challenge (RFC 4954 §4).
		line = line[:2]
	} else {
		initial = nil
	}

	defer c.p.secret()()
	r, err := c.authStep(line...)
	for err == nil && r.Code == smtp.C334ContinueAuth {
		var resp []byte
		if initial != nil {
			resp, initial = initial, nil
		} else {
			var challenge []byte
			if challenge, err = base64.StdEncoding.DecodeString(strings.TrimSpace(r.Lines[0])); err == nil {
				resp, err = mech.Next(challenge)
			}
		}
		if err != nil {
			return c.cancelAuth(err)
		}
		r, err = c.authStep(base64.StdEncoding.EncodeToString(resp))
	}
	if err != nil {
		return err
	}
	if err := mech.Finish(); err != nil {
		// It takes the mail of whoever comes: not the server meant.
		c.lost = true
		return &Error{Command: "AUTH", Err: err}
	}
	return nil
}

// maxCommandLine is the limit of a command line without CRLF (RFC 5321 §4.5.3.1.4).
const maxCommandLine = 510

// encodeInitial encodes an initial response, "=" if it is empty (RFC 4954 §4).
func encodeInitial(b []byte) string {
	if len(b) == 0 {
		return "="
	}
	return base64.StdEncoding.EncodeToString(b)
}

// authStep sends a line of the exchange and reads the reply, which is an error unless it is
// a challenge or success.
func (c *Client) authStep(line ...string) (smtp.Reply, error) {
	if err := c.p.send(line...); err != nil {
		return smtp.Reply{}, c.failed("AUTH", err)
	}
	r, err := c.receive("AUTH", c.opts.Timeouts.Command)
	if err == nil && r.Code != smtp.C334ContinueAuth && r.Code/100 != 2 {
		err = replyError("AUTH", r)
	}
	return r, err
}

// cancelAuth ends an exchange that makes no sense for the mechanism (RFC 4954 §4).
func (c *Client) cancelAuth(cause error) error {
	if _, err := c.authStep("*"); err != nil {
		c.opts.Log.Debug("authentication cancelled", "reply", err)
	}
	c.lost = true
	return &Error{Command: "AUTH", Err: cause}
}

// TLS returns the state of TLS, nil without. It must not be changed.
func (c *Client) TLS() *tls.ConnectionState { return c.tlsState }

// RemoteAddr returns the address of the server.
func (c *Client) RemoteAddr() net.Addr { return c.p.raw.RemoteAddr() }

// DSN tells whether the server knows about delivery status notifications (RFC 3461), so that
// what Envelope and Recipient say about them is passed on to it.
func (c *Client) DSN() bool { return c.ext.dsn }

// StartTLS tells whether the server offers STARTTLS, in its last reply to EHLO: that is none within TLS.
func (c *Client) StartTLS() bool { return c.ext.startTLS }

// RequireTLS tells whether the server takes messages that require TLS (RFC 8689), as Envelope says.
func (c *Client) RequireTLS() bool { return c.ext.requireTLS }

// Usable tells whether another message can be delivered, as far as is known. The server may
// have closed the connection meanwhile.
func (c *Client) Usable() bool { return !c.lost }

// Reset sends RSET: it ends a transaction, and tells whether the server is still there.
func (c *Client) Reset(ctx context.Context) error {
	if c.lost {
		return &Error{Command: "RSET", Err: ErrClosed}
	}
	return c.during(ctx, c.reset)
}

func (c *Client) reset() error {
	_, err := c.command("RSET", c.opts.Timeouts.Command, 2, "RSET")
	if err != nil {
		c.lost = true // Whatever it said, in which state it is now is not known.
		return err
	}
	c.open = false
	return nil
}

// Close says QUIT, if the connection is in order, and closes it. It waits no longer than
// the timeout for QUIT. Errors do not matter for messages that were delivered.
func (c *Client) Close() error {
	if !c.lost {
		c.command("QUIT", c.opts.Timeouts.Quit, 2, "QUIT")
	}
	if tc, ok := c.p.conn.(*tls.Conn); ok && !c.lost {
		tc.CloseWrite() // The server may be gone already.
	}
	c.lost = true
	return c.p.raw.Close()
}
