package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mox/dns"
	"mox/internal/logging"
	"mox/message"
	"mox/sasl"
	"mox/smtp"
	"mox/smtpclient"
)

// Exit codes of sendmail, which programs know from sysexits.h.
const (
	exitSendmailUsage       = 64 // EX_USAGE
	exitSendmailData        = 65 // EX_DATAERR
	exitSendmailNoUser      = 67 // EX_NOUSER
	exitSendmailUnavailable = 69 // EX_UNAVAILABLE
	exitSendmailIO          = 74 // EX_IOERR
	exitSendmailTemporary   = 75 // EX_TEMPFAIL
	exitSendmailNoPerm      = 77 // EX_NOPERM
	exitSendmailConfig      = 78 // EX_CONFIG
)

// exitError is an error with an exit code of its own.
type exitError struct {
	error
	code int
}

func (e exitError) Unwrap() error { return e.error }

func sendmailCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sendmail [-t] [-i] [-f sender] [-F name] [--submitconf file] [--] [recipient ...]",
		Short: "Submit a message from standard input, as the program sendmail does",
		Long: `Sendmail reads a message from standard input and submits it to a mail server. It
takes the options of the program of that name, which cron, web applications and
monitoring call. Link it to where they look for it:

    ln -s /usr/local/bin/mox /usr/sbin/sendmail

Called as "sendmail", mox is this command. It needs no mail server on this
machine: server, account and password stand in /etc/moxsubmit.conf, see "mox
config describe-sendmail", and "mox config example sendmail" for a start. TLS
with a valid certificate is required unless that file says otherwise. There is
no queue here: when the server cannot be reached, the exit code says so, and
the message is not sent.

The message ends with the input, or at a line with a dot alone. Date, Message-ID
and From are added when missing, Bcc is removed. Line ends may be LF or CRLF.

    -t           send also to the addresses in To, Cc and Bcc
    -i, -oi      a line with a dot alone does not end the message
    -f, -r ADDR  envelope sender, to which failures are reported
    -F NAME      name for a From field that is added
    -v           show the dialogue with the server
    -N WHEN      notifications: never, or of failure, delay, success
    -R WHAT      what they return: full or hdrs
    -V ID        what they call the message
    -bm          submit a message, which it always does
    --submitconf FILE
                 configuration, instead of /etc/moxsubmit.conf

-N, -R and -V are ignored, with a note, if the server does not offer delivery
status notifications. Other options of sendmail are accepted without effect,
except those for other things than submitting: -bs, -bd, -bp, -q and the like.

Exit codes are those of sysexits.h: 0 sent, 64 wrong usage, 65 wrong address or
message, 67 recipient does not exist, 69 refused, or sent to some recipients
only, 74 cannot read the message, 75 try again later, 77 login failed, 78 wrong
configuration.`,
		Example: `  mox sendmail -t <message.eml
  echo done | mox sendmail -f web1@example.org ann@example.org`,
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := parseSendmail(args)
			switch {
			case o.help:
				return cmd.Help()
			case err != nil:
				return exitError{err, exitSendmailUsage}
			case o.noop:
				return nil
			}
			return sendmail(cmd.Context(), o, cmd.InOrStdin(), cmd.ErrOrStderr())
		},
	}
	return cmd
}

// sendmail submits a message.
func sendmail(ctx context.Context, o sendmailOptions, stdin io.Reader, stderr io.Writer) error {
	conf, err := readSubmitConfig(o.conf)
	if err != nil {
		return exitError{err, exitSendmailConfig}
	}
	m, err := readSubmitMessage(stdin, o.keepDots)
	if errors.Is(err, errSubmitHeader) {
		return exitError{err, exitSendmailData}
	} else if err != nil {
		return exitError{fmt.Errorf("reading the message: %w", err), exitSendmailIO}
	}
	defer m.body.Close()
	env, err := submitEnvelope(conf, o, m)
	if err != nil {
		return err
	}
	from := message.Address{Name: o.name, User: string(conf.from.Localpart), Host: conf.from.IPDomain.Domain.Name()}
	if err := m.finish(from, time.Now()); err != nil {
		return exitError{err, exitSendmailData}
	}
	env.EightBit, env.SMTPUTF8, env.Size = m.eightBit, m.utf8Header(), m.size()
	return submit(ctx, conf, o, env, m, stderr)
}

// submitEnvelope returns sender and recipients.
func submitEnvelope(conf submitConfig, o sendmailOptions, m *submitMessage) (smtpclient.Envelope, error) {
	env := smtpclient.Envelope{From: conf.from, Ret: o.ret, ENVID: o.envid}
	if o.sender != nil && strings.Contains(*o.sender, "@") {
		sender, err := parseSubmitAddress(strings.Trim(*o.sender, "<>"))
		if err != nil {
			return env, exitError{fmt.Errorf("sender %q: %w", *o.sender, err), exitSendmailUsage}
		}
		env.From = sender
	} else if o.sender != nil && *o.sender == "<>" {
		env.From = smtp.Path{}
	}
	add := func(l []message.Address) error {
		for _, a := range l {
			if a.Kind != message.Mailbox {
				continue
			}
			p, err := submitRecipient(conf, a)
			if err != nil {
				return err
			}
			if !slices.ContainsFunc(env.Recipients, func(r smtpclient.Recipient) bool { return r.To == p }) {
				env.Recipients = append(env.Recipients, smtpclient.Recipient{To: p, Notify: o.notify})
			}
		}
		return nil
	}
	for _, arg := range o.recipients {
		l, _ := message.ParseAddresses([]byte(arg))
		if err := add(l); err != nil {
			return env, err
		}
	}
	if o.fromHeader {
		if err := add(m.recipients()); err != nil {
			return env, err
		}
	}
	if len(env.Recipients) == 0 {
		if o.fromHeader {
			return env, exitError{errors.New("the message has no recipients: there is no address in To, Cc and Bcc"), exitSendmailData}
		}
		return env, exitError{errors.New("no recipients: name them, or use -t to take them from the message"), exitSendmailUsage}
	}
	return env, nil
}

// submitRecipient returns the address to send to.
func submitRecipient(conf submitConfig, a message.Address) (smtp.Path, error) {
	switch {
	case a.Host == "" && a.User == "":
		return smtp.Path{}, exitError{fmt.Errorf("%q is not an address", a.Name), exitSendmailData}
	case a.Host == "" && conf.defaultDestination.IsZero():
		return smtp.Path{}, exitError{fmt.Errorf("address %q has no domain; set DefaultDestination in the configuration, for mail to local users", a.User), exitSendmailNoUser}
	case a.Host == "":
		return conf.defaultDestination, nil
	}
	p, err := smtp.ParsePath(smtp.Localpart(a.User).String() + "@" + a.Host)
	if err != nil {
		return p, exitError{fmt.Errorf("address %q: %w", a.Addr(), err), exitSendmailData}
	}
	return p, nil
}

// submit sends the message to the server.
func submit(ctx context.Context, conf submitConfig, o sendmailOptions, env smtpclient.Envelope, m *submitMessage, stderr io.Writer) error {
	address := net.JoinHostPort(conf.host.ASCII, strconv.Itoa(conf.port))
	conn, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "tcp", address)
	if err != nil {
		return exitError{fmt.Errorf("connecting to the server: %w", err), exitSendmailTemporary}
	}
	log := slog.New(slog.DiscardHandler)
	if o.verbose {
		var levels logging.Levels
		levels.Set(logging.LevelTrace, nil)
		log = logging.New(stderr, &levels)
	}
	opts := smtpclient.Options{
		LocalName: submitLocalName(), RemoteName: conf.host, TLS: conf.tls, TLSConfig: conf.tlsConfig, Log: log,
		// The configuration says so.
		AuthWithoutTLS: conf.tls == smtpclient.TLSNone,
	}
	if conf.credentials != nil {
		opts.Auth = func(mechanisms []string, cs *tls.ConnectionState) (sasl.Client, error) {
			return sasl.NewClient(mechanisms, *conf.credentials, cs)
		}
	}
	c, err := smtpclient.New(ctx, conn, opts)
	if err != nil {
		return submitError(fmt.Errorf("server %s: %w", address, err))
	}
	defer c.Close()
	if o.dsn() && !c.DSN() {
		o.note(stderr)
	}
	results, err := c.Deliver(ctx, env, m.reader())
	return submitResult(env, results, err, stderr)
}

// submitResult returns the error of a delivery, nil if all recipients were accepted.
func submitResult(env smtpclient.Envelope, results []smtpclient.RecipientResult, err error, stderr io.Writer) error {
	sent := 0
	var failed error
	for i, r := range results {
		if r.Err == nil {
			sent++
			continue
		}
		failed = r.Err
		if err == nil {
			fmt.Fprintf(stderr, "%s: %v\n", env.Recipients[i].To.XString(true), r.Err)
		}
	}
	switch {
	case sent > 0 && failed != nil:
		// Who tries again would send twice to those who have it.
		return exitError{fmt.Errorf("sent to %d of %d recipients only", sent, len(results)), exitSendmailUnavailable}
	case err != nil:
		return submitError(err)
	case failed != nil:
		return submitError(fmt.Errorf("not sent: %w", failed))
	}
	return nil
}

// submitError gives an error of the server its exit code.
func submitError(err error) error {
	code := exitSendmailTemporary
	if e, ok := errors.AsType[*smtpclient.Error](err); ok {
		switch {
		case e.Command == "AUTH" && (e.Code/100 == 5 || errors.Is(err, sasl.ErrNoMechanism)):
			code = exitSendmailNoPerm
		case e.Permanent && e.Command == "RCPT" && strings.HasPrefix(string(e.Enhanced), "5.1."):
			code = exitSendmailNoUser
		case e.Permanent:
			code = exitSendmailUnavailable
		}
	}
	return exitError{err, code}
}

// submitLocalName returns the name for EHLO.
func submitLocalName() dns.IPDomain {
	if name, err := os.Hostname(); err == nil {
		if d, err := dns.ParseDomain(name); err == nil {
			return dns.IPDomain{Domain: d}
		}
	}
	return dns.IPDomain{Domain: dns.Domain{ASCII: "localhost"}}
}
