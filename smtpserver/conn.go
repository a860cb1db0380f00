package smtpserver

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"time"

	"mox/internal/logging"
	"mox/login"
	"mox/pipeline"
	"mox/smtp"
)

const (
	// maxLine is the limit of a command line. RFC 5321 §4.5.3.1.4 asks for 512 octets, to
	// which extensions add.
	maxLine = 4096

	// tlsTimeout is how long a TLS handshake may take.
	tlsTimeout = time.Minute

	// lingerTimeout is how long a client may take to read a last reply that it did not expect.
	lingerTimeout = time.Second

	// turnAwayTimeout is how long a client that is turned away may take to read why.
	turnAwayTimeout = 10 * time.Second
)

// conn is a connection: what outlives a message.
type conn struct {
	s        *Server
	l        *listener
	id       string
	log      *slog.Logger
	plain    net.Conn // Beneath TLS.
	remoteIP netip.Addr
	localIP  netip.Addr
	started  time.Time

	unlimited bool // Not subject to limits.
	admitted  bool // Counted in the limits.

	wire
	state State

	hello    string // As given in EHLO or HELO; empty in StateGreeted.
	extended bool   // It was EHLO.
	tls      *tls.ConnectionState
	logins   *login.Conn  // Nil on listeners without logins.
	login    *loggedIn    // Nil unless logged in.
	tx       *transaction // Nil outside of a mail transaction.

	unexpected  bool // The server ends the connection while the client may still be sending.
	engaged     bool // Has logged in, or begun a message: the short timeout is over.
	bad         int  // Erroneous commands.
	minute      time.Time
	minuteCount int // Commands since minute.
}

// loggedIn is what is known after AUTH.
type loggedIn struct {
	account string
}

// serve runs the connection to its end.
func (c *conn) serve() {
	m := c.s.metrics
	kind := c.l.Kind.String()
	m.connections.WithLabelValues(kind).Inc()
	m.open.WithLabelValues(kind).Inc()
	defer m.open.WithLabelValues(kind).Dec()
	c.log.Debug("connection", "listener", c.l.Name, "kind", kind, "remote", c.remoteIP, "local", c.localIP)
	defer c.close()

	if refusal := c.admit(); refusal != nil {
		c.turnAway(refusal)
		return
	}
	if c.l.Kind == Submissions {
		if err := c.startTLS(true); err != nil {
			return
		}
	}
	// RFC 5321 §3.1, §4.2; without a version, which helps attackers only (§7.5).
	c.reply(smtp.C220ServiceReady, "", c.l.Hostname.ASCII+" ESMTP mox")
	for c.state != StateClosed {
		line, err := c.readCommand()
		switch {
		case err == nil:
			c.command(line)
			c.throttle()
		case errors.Is(err, errLineTooLong):
			c.refuseLine(line, time.Now(), smtp.NewError(smtp.C500BadSyntax, smtp.E552Syntax, "line too long", nil))
		default:
			c.end(err)
		}
	}
	if err := c.flush(); err != nil {
		c.log.Debug("writing last reply", "err", err)
	}
}

// close frees what the connection holds. The caller closes the network connection.
func (c *conn) close() {
	c.reset()
	c.release()
	if c.unexpected {
		c.linger()
	}
	// Who has seen the end may connect and log in again at once.
	if c.admitted {
		c.l.Limits.conns.Release(c.remoteIP)
	}
	if c.logins != nil {
		c.logins.Close()
	}
	if c.tls != nil {
		// Tells the client that nothing was cut off. It must not wait for it.
		c.plain.SetDeadline(time.Now().Add(time.Second))
		c.nc.Close()
	}
	c.log.Debug("connection closed", "duration", time.Since(c.started))
}

// linger lets the client read the last reply. Closing a TCP connection on which something has
// arrived that was not read resets it, which takes the reply away from the client.
func (c *conn) linger() {
	if tc, ok := c.nc.(*tls.Conn); ok {
		c.plain.SetWriteDeadline(time.Now().Add(lingerTimeout))
		tc.CloseWrite()
	}
	half, ok := c.plain.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	c.plain.SetReadDeadline(time.Now().Add(lingerTimeout))
	io.CopyN(io.Discard, c.plain, 1<<20)
}

// turnAway tells the client why it is not served. With TLS from the start there is nobody to
// tell.
func (c *conn) turnAway(refusal *smtp.Error) {
	c.log.Info("connection refused", "remote", c.remoteIP, "reason", refusal.Text)
	c.s.metrics.refused.WithLabelValues(c.l.Kind.String()).Inc()
	if c.l.Kind == Submissions {
		return
	}
	c.timeout = turnAwayTimeout
	c.unexpected = true
	c.fail(refusal)
	c.flush()
}

// readCommand reads the next command line, or with errLineTooLong, what is known of it. Between
// transactions the end of the server breaks it off.
func (c *conn) readCommand() ([]byte, error) {
	c.limit = time.Time{}
	if !c.engaged && !c.unlimited {
		c.limit = c.started.Add(c.l.Limits.opts.LoginTimeout)
	}
	line, err := c.readLine(c.tx == nil)
	if err == nil && len(line) > maxLine && !isAuth(line) {
		err = errLineTooLong
	}
	if err == nil {
		c.traceLine(line)
	}
	return line, err
}

// traceLine logs a command, without credentials.
func (c *conn) traceLine(line []byte) {
	if c.in == nil {
		return
	}
	if isAuth(line) {
		defer c.in.SetKind(c.in.SetKind(logging.LevelTraceauth))
	}
	c.in.Log(line)
}

// end says goodbye after a failure to read, where there is still somebody to hear it.
func (c *conn) end(err error) {
	c.state = StateClosed
	switch {
	case errors.Is(err, errShutdown):
		c.unexpected = true
		c.reply(smtp.C421ServiceUnavailable, smtp.E432NotAccepting, c.l.Hostname.ASCII+" shutting down")
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.log.Debug("client is silent")
		c.reply(smtp.C421ServiceUnavailable, smtp.E442BadConnection, c.l.Hostname.ASCII+" timeout waiting for you")
	case errors.Is(err, io.EOF):
	default:
		c.log.Debug("connection failed", "err", err)
	}
}

// throttle slows a client down to the commands per minute it may have.
func (c *conn) throttle() {
	limit := c.l.Limits.opts.CommandsPerMinute
	if limit <= 0 || c.unlimited || c.login != nil || c.state == StateClosed {
		return
	}
	now := time.Now()
	if now.Sub(c.minute) >= time.Minute {
		c.minute, c.minuteCount = now, 0
	}
	if c.minuteCount++; c.minuteCount > limit {
		c.flush()
		c.sleep(c.minute.Add(time.Minute).Sub(now))
	}
}

// sleep waits, unless the server is stopping.
func (c *conn) sleep(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.s.stopping:
	}
}

// reset ends the mail transaction, if there is one.
func (c *conn) reset() {
	if c.tx != nil {
		c.tx.close()
		c.tx = nil
	}
	if (transacting | chunking).has(c.state) {
		c.state = StateReady
	}
}

// ctx is the context of work for the client's messages.
func (c *conn) ctx() context.Context { return c.s.ctx }

// account returns the logged-in account, or "".
func (c *conn) account() string {
	if c.login == nil {
		return ""
	}
	return c.login.account
}

// isSubmission tells whether users submit here.
func (c *conn) isSubmission() bool { return c.l.Kind != MX }

// pipelineConn describes the connection to checks.
func (c *conn) pipelineConn() pipeline.Conn {
	return pipeline.Conn{
		ID:         c.id,
		Listener:   c.l.Name,
		RemoteIP:   c.remoteIP,
		LocalIP:    c.localIP,
		Hello:      c.hello,
		TLS:        c.tls,
		Submission: c.isSubmission(),
		Account:    c.account(),
	}
}
