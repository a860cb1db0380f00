package smtpserver

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"mox/smtp"
)

// starttls is STARTTLS (RFC 3207).
func (c *conn) starttls(args string) error {
	switch {
	case c.l.TLSConfig == nil:
		return smtp.NewError(smtp.C502CommandNotImplemented, smtp.E551InvalidCommand, "no TLS here", nil)
	case args != "":
		return noArguments()
	case c.tls != nil:
		return smtp.NewError(smtp.C503BadSequence, smtp.E551InvalidCommand, "TLS is on already", nil)
	case c.login != nil:
		// All that is known from before would have to be forgotten, the login too.
		return smtp.NewError(smtp.C503BadSequence, smtp.E551InvalidCommand, "not after logging in", nil)
	}
	c.reply(smtp.C220ServiceReady, smtp.E200Other, "go ahead")
	if err := c.flush(); err != nil {
		return &connError{err}
	}
	// What came after STARTTLS without waiting for the reply was sent in the clear, perhaps
	// by somebody else. It must not be taken for commands that came under TLS. If more of it
	// arrives later the handshake fails.
	c.release()
	if err := c.startTLS(false); err != nil {
		// The stream is of no use any more.
		return &connError{io.EOF}
	}
	// RFC 3207 §4.2: all knowledge from before is discarded.
	c.hello, c.extended = "", false
	c.state = StateGreeted
	return nil
}

// startTLS makes the handshake, which may come before the greeting. Its errors are logged already.
func (c *conn) startTLS(beforeGreeting bool) error {
	c.nc.SetDeadline(time.Now().Add(tlsTimeout))
	tc := tls.Server(c.nc, c.l.TLSConfig)
	var err error
	switch {
	case beforeGreeting:
		if c.beforeGreeting(true) {
			c.nc.SetDeadline(time.Now().Add(greetingGrace))
		}
		err = tc.Handshake()
		c.beforeGreeting(false)
	case c.setWaiting(true):
		err = errShutdown
	default:
		err = tc.Handshake()
		c.setWaiting(false)
	}
	if err != nil {
		c.s.metrics.tls.WithLabelValues(c.l.Kind.String(), tlsResult(err)).Inc()
		c.log.Info("tls handshake failed", "remote", c.remoteIP, "err", err)
		c.state = StateClosed
		return err
	}
	cs := tc.ConnectionState()
	c.nc, c.tls = tc, &cs
	c.s.metrics.tls.WithLabelValues(c.l.Kind.String(), "ok").Inc()
	c.log.Debug("tls", "version", tls.VersionName(cs.Version), "cipher", tls.CipherSuiteName(cs.CipherSuite), "servername", cs.ServerName)
	return nil
}

// tlsResult is the label of a failed handshake.
func tlsResult(err error) string {
	var alert tls.AlertError
	var header tls.RecordHeaderError
	switch {
	case errors.As(err, &alert):
		return "alert"
	case errors.As(err, &header):
		return "notls"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "timeout"
	case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
		return "closed"
	}
	return "failed"
}
