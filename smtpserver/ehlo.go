package smtpserver

import (
	"strconv"
	"strings"

	"mox/dns"
	"mox/smtp"
)

// ehlo is EHLO (RFC 5321 §4.1.1.1).
func (c *conn) ehlo(args string) error {
	if err := c.introduce(args); err != nil {
		return err
	}
	c.extended = true
	lines := []string{
		c.l.Hostname.ASCII + " greets " + c.hello,
		"PIPELINING", // RFC 2920.
		"SIZE " + strconv.FormatInt(c.l.MaxMessageSize, 10), // RFC 1870.
		"8BITMIME",            // RFC 6152.
		"SMTPUTF8",            // RFC 6531.
		"DSN",                 // RFC 3461.
		"CHUNKING",            // RFC 3030 §2.
		"BINARYMIME",          // RFC 3030 §3.
		"ENHANCEDSTATUSCODES", // RFC 2034.
		"HELP",                // RFC 5321 §4.1.1.1: all commands that not every server must have.
	}
	if c.tls != nil {
		lines = append(lines, "REQUIRETLS") // RFC 8689 §2: only within TLS.
	}
	if c.isSubmission() {
		lines = append(lines, c.futureRelease())
	}
	// RFC 9422: the limit of addRecipient. How many messages come on a connection is not limited.
	lines = append(lines, "LIMITS RCPTMAX="+strconv.Itoa(c.l.Limits.opts.Recipients))
	if c.l.TLSConfig != nil && c.tls == nil && c.login == nil {
		lines = append(lines, "STARTTLS") // RFC 3207.
	}
	if c.mayAuth() && c.login == nil {
		if l := c.logins.Mechanisms(c.tls); len(l) > 0 {
			lines = append(lines, "AUTH "+strings.Join(l, " ")) // RFC 4954.
		}
	}
	// RFC 2034 §3: no enhanced codes here.
	c.reply(smtp.C250Completed, "", lines...)
	return nil
}

// helo is HELO (RFC 5321 §4.1.1.1).
func (c *conn) helo(args string) error {
	if err := c.introduce(args); err != nil {
		return err
	}
	c.extended = false
	c.reply(smtp.C250Completed, "", c.l.Hostname.ASCII)
	return nil
}

// introduce notes who the client says it is, and ends a transaction (RFC 5321 §4.1.4).
func (c *conn) introduce(args string) error {
	hello, ok := parseHello(strings.TrimSpace(args))
	if !ok {
		return smtp.NewError(smtp.C501BadParamSyntax, smtp.E554InvalidArguments, "need a domain or address literal", nil)
	}
	c.reset()
	c.hello = hello
	c.state = StateReady
	return nil
}

// parseHello checks the argument of EHLO. Many clients know no name of theirs that is a
// domain: Windows machines send their NetBIOS name, with underscores; programs send
// "localhost", an IP address without brackets, or a made-up word. All that is taken which fits into a
// Received field, as RFC 5321 §4.1.4 wants no refusal for a name that cannot be verified.
func parseHello(s string) (string, bool) {
	if s == "" || len(s) > 255 {
		return "", false
	}
	ascii := true
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c == 0x7f || strings.IndexByte(`()<>@,;\"`, c) >= 0 {
			return "", false
		}
		ascii = ascii && c < 0x80
	}
	if ascii {
		return s, true
	}
	// Clients with SMTPUTF8 should send A-labels (RFC 6531 §3.7.1).
	d, err := dns.ParseDomainLax(s)
	return d.ASCII, err == nil
}
