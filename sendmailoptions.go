package main

import (
	"fmt"
	"io"
	"strings"

	"mox/smtp"
)

// sendmailOptions are the options of a command line of sendmail.
type sendmailOptions struct {
	help       bool
	conf       string // Path of the configuration.
	fromHeader bool   // -t
	keepDots   bool   // -i
	verbose    bool   // -v
	noop       bool   // -bi: there is nothing to do.
	sender     *string
	name       string // -F
	notify     smtp.Notify
	ret        smtp.Ret
	envid      string
	recipients []string
}

// Letters of options, as programs use them.
const (
	sendmailFlags    = "itvnmsUGEwxI"     // Without value.
	sendmailAttached = "bdeoq"            // With a value that is attached, or none.
	sendmailValues   = "fFrNRVABCDhLOpXa" // With a value, attached or the next argument.
)

// parseSendmail parses a command line, as getopt does: letters may stand together, and
// options after the first recipient are options too, until "--". Long options are mox's.
func parseSendmail(args []string) (sendmailOptions, error) {
	o := sendmailOptions{conf: defaultSubmitConf}
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			o.recipients = append(o.recipients, args...)
			return o, nil
		case arg == "--help":
			o.help = true
		case arg == "--submitconf" || arg == "--config":
			if len(args) == 0 {
				return o, fmt.Errorf("%s needs a file", arg)
			}
			if arg == "--submitconf" {
				o.conf = args[0]
			}
			args = args[1:]
		case strings.HasPrefix(arg, "--submitconf="):
			o.conf = strings.TrimPrefix(arg, "--submitconf=")
		case strings.HasPrefix(arg, "--"):
			return o, fmt.Errorf("unknown option %s", arg)
		case strings.HasPrefix(arg, "-") && len(arg) > 1:
			var err error
			if args, err = o.letters(arg[1:], args); err != nil {
				return o, err
			}
		default:
			o.recipients = append(o.recipients, arg)
		}
	}
	return o, nil
}

// letters takes an argument with options, and returns the arguments after it that are not
// values of these.
func (o *sendmailOptions) letters(letters string, args []string) ([]string, error) {
	for letters != "" {
		c := letters[0]
		letters = letters[1:]
		switch {
		case strings.IndexByte(sendmailFlags, c) >= 0:
			o.flag(c)
			continue
		case strings.IndexByte(sendmailAttached, c) >= 0:
		case strings.IndexByte(sendmailValues, c) >= 0:
			if letters == "" {
				if len(args) == 0 {
					return nil, fmt.Errorf("option -%c needs a value", c)
				}
				letters, args = args[0], args[1:]
			}
		default:
			return nil, fmt.Errorf("unknown option -%c", c)
		}
		return args, o.value(c, letters)
	}
	return args, nil
}

func (o *sendmailOptions) flag(c byte) {
	switch c {
	case 'i':
		o.keepDots = true
	case 't':
		o.fromHeader = true
	case 'v':
		o.verbose = true
	}
}

func (o *sendmailOptions) value(c byte, v string) (err error) {
	switch c {
	case 'f', 'r':
		o.sender = &v
	case 'F':
		o.name = v
	case 'o':
		o.keepDots = o.keepDots || v == "i"
	case 'O':
		o.keepDots = o.keepDots || strings.EqualFold(v, "IgnoreDots") || strings.EqualFold(v, "IgnoreDots=true")
	case 'N':
		o.notify, err = smtp.ParseNotify(strings.ToUpper(v))
	case 'R':
		v = strings.ToUpper(v)
		if v == "HEADERS" {
			v = "HDRS"
		}
		o.ret, err = smtp.ParseRet(v)
	case 'V':
		o.envid = v
	case 'b':
		return o.mode(v)
	case 'q':
		return fmt.Errorf("-q is not for this program: the queue is the server's; see \"mox help queue\"")
	}
	if err != nil {
		return fmt.Errorf("option -%c: %w", c, err)
	}
	return nil
}

// mode is for -b.
func (o *sendmailOptions) mode(v string) error {
	switch v {
	case "m":
	case "i":
		o.noop = true // As newaliases: there are no aliases here.
	case "s":
		return fmt.Errorf("-bs, SMTP on standard input, is not supported; have the program submit to the server on port 465 or 587, or call sendmail without -bs")
	case "p":
		return fmt.Errorf("-bp is not for this program: the queue is the server's; see \"mox help queue list\"")
	default:
		return fmt.Errorf("-b%s is not supported; this program only submits messages", v)
	}
	return nil
}

// dsn tells whether notifications were asked for.
func (o *sendmailOptions) dsn() bool { return o.notify != 0 || o.ret != 0 || o.envid != "" }

// note tells of options that are ignored.
func (o *sendmailOptions) note(w io.Writer) {
	fmt.Fprintln(w, "the server does not offer delivery status notifications; -N, -R and -V are ignored")
}
