package conn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// IMAP is a connection to an IMAP server.
type IMAP struct {
	stream

	// Keep has literals kept in Response.Content; without it they are only counted.
	Keep bool

	// Received counts the bytes that came from the server, before compression or TLS.
	Received int64

	// Exists is the number of messages of the selected mailbox, as told last.
	Exists int

	tags         int
	capabilities []string
	buf          []byte
	resp         Response
}

// ErrRefused is in the error for a command that was answered with NO or BAD.
var ErrRefused = errors.New("refused")

// IMAP connects, reads the greeting, and logs in with LOGIN if there is a user. Small asks for little
// memory on this side, for connections that only wait.
func (d *Dialer) IMAP(ctx context.Context, address string, login Credentials, small bool) (*IMAP, error) {
	nc, err := d.dial(ctx, address)
	if err != nil {
		return nil, err
	}
	c := &IMAP{stream: stream{timeout: d.timeout()}}
	c.set(nc, small)
	if err := c.open(ctx, d.Security, login, small); err != nil {
		c.Close()
		return nil, fmt.Errorf("connecting to %s: %w", address, err)
	}
	return c, nil
}

func (c *IMAP) open(ctx context.Context, security Security, login Credentials, small bool) error {
	c.extend()
	if security == TLS {
		if err := c.startTLS(ctx, small); err != nil {
			return err
		}
	}
	r, err := c.read()
	if err != nil {
		return err
	}
	if r.Tag != "*" || !r.Is("OK") {
		return fmt.Errorf("greeting is %s %s", r.Name, r.Text)
	}
	if security == StartTLS {
		if err := c.Command(nil, "STARTTLS"); err != nil {
			return err
		}
		if err := c.startTLS(ctx, small); err != nil {
			return err
		}
	}
	if login.User == "" {
		return nil
	}
	return c.Command(nil, "LOGIN %s %s", Quote(login.User), Quote(login.Password))
}

// Quote returns a quoted string. The text must be without CR, LF and NUL.
func Quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// Command sends a command and reads up to its tagged response, which must be OK. Each, unless nil,
// is called with every untagged response; its error is returned.
func (c *IMAP) Command(each func(*Response) error, format string, args ...any) error {
	c.extend()
	tag := c.nextTag()
	fmt.Fprintf(c.bw, tag+" "+format+"\r\n", args...)
	if err := c.bw.Flush(); err != nil {
		return err
	}
	name, _, _ := strings.Cut(format, " ")
	if err := c.finish(tag, name, each); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (c *IMAP) nextTag() string {
	c.tags++
	return "t" + strconv.Itoa(c.tags)
}

// extendEvery is the number of responses after which a slow command gets more time.
const extendEvery = 256

// finish reads up to the tagged response of a command.
func (c *IMAP) finish(tag, name string, each func(*Response) error) error {
	for n := 1; ; n++ {
		if n%extendEvery == 0 {
			c.extend()
		}
		r, err := c.read()
		if err != nil {
			return err
		}
		switch r.Tag {
		case "*":
			if err := c.untagged(r, name); err != nil {
				return err
			}
			if each != nil {
				if err := each(r); err != nil {
					return err
				}
			}
		case tag:
			if !r.Is("OK") {
				return fmt.Errorf("%w: %s %s", ErrRefused, r.Name, r.Text)
			}
			return nil
		default:
			return fmt.Errorf("%w: %s %s out of place", ErrResponse, r.Tag, r.Name)
		}
	}
}

// untagged notes what a response says about the selected mailbox.
func (c *IMAP) untagged(r *Response, command string) error {
	switch {
	case r.Is("EXISTS"):
		c.Exists = int(r.Num)
	case r.Is("EXPUNGE"):
		c.Exists--
	case r.Is("BYE") && command != "LOGOUT":
		return fmt.Errorf("server ends the connection: %s", r.Text)
	}
	return nil
}

// Has tells whether the server has a capability, given in upper case. It asks once.
func (c *IMAP) Has(capability string) (bool, error) {
	if c.capabilities == nil {
		err := c.Command(func(r *Response) error {
			if r.Is("CAPABILITY") {
				c.capabilities = strings.Fields(strings.ToUpper(string(r.Text)))
			}
			return nil
		}, "CAPABILITY")
		if err != nil {
			return false, err
		}
	}
	return slices.Contains(c.capabilities, capability), nil
}

// Select selects a mailbox and returns its number of messages.
func (c *IMAP) Select(mailbox string) (int, error) { return c.selectAs("SELECT", mailbox) }

// Examine selects a mailbox for reading only and returns its number of messages.
func (c *IMAP) Examine(mailbox string) (int, error) { return c.selectAs("EXAMINE", mailbox) }

func (c *IMAP) selectAs(command, mailbox string) (int, error) {
	c.Exists = -1
	if err := c.Command(nil, command+" %s", Quote(mailbox)); err != nil {
		return 0, err
	}
	if c.Exists < 0 {
		return 0, fmt.Errorf("%s: no EXISTS", command)
	}
	return c.Exists, nil
}

// Status returns the number of messages of a mailbox.
func (c *IMAP) Status(mailbox string) (int, error) {
	count := -1
	err := c.Command(func(r *Response) error {
		if !r.Is("STATUS") {
			return nil
		}
		_, after, ok := bytes.Cut(bytes.ToUpper(r.Text), []byte("(MESSAGES "))
		n, ok2 := number(bytes.TrimRight(after, ") "))
		if !ok || !ok2 {
			return fmt.Errorf("%w: STATUS %.100q", ErrResponse, r.Text)
		}
		count = int(n)
		return nil
	}, "STATUS %s (MESSAGES)", Quote(mailbox))
	if err == nil && count < 0 {
		err = errors.New("STATUS: no response")
	}
	return count, err
}

// Ensure makes a mailbox unless it is there, and returns its number of messages.
func (c *IMAP) Ensure(mailbox string) (int, error) {
	n, err := c.Status(mailbox)
	if !errors.Is(err, ErrRefused) {
		return n, err
	}
	if err := c.Command(nil, "CREATE %s", Quote(mailbox)); err != nil {
		return 0, err
	}
	return c.Status(mailbox)
}

// Append appends a message. With nonSync the message follows its command at once, for which the
// server must have LITERAL+ (RFC 7888); otherwise the server is asked first.
func (c *IMAP) Append(mailbox string, date time.Time, msg []byte, nonSync bool) error {
	c.extend()
	tag, plus := c.nextTag(), ""
	if nonSync {
		plus = "+"
	}
	fmt.Fprintf(c.bw, "%s APPEND %s () %q {%d%s}\r\n", tag, Quote(mailbox), date.Format("02-Jan-2006 15:04:05 -0700"), len(msg), plus)
	if !nonSync {
		if err := c.bw.Flush(); err != nil {
			return err
		}
		if err := c.waitContinuation(tag); err != nil {
			return fmt.Errorf("APPEND: %w", err)
		}
	}
	c.bw.Write(msg)
	c.bw.WriteString("\r\n")
	if err := c.bw.Flush(); err != nil {
		return err
	}
	if err := c.finish(tag, "APPEND", nil); err != nil {
		return fmt.Errorf("APPEND: %w", err)
	}
	return nil
}

// waitContinuation reads up to the response that has the client go on.
func (c *IMAP) waitContinuation(tag string) error {
	for {
		r, err := c.read()
		if err != nil {
			return err
		}
		switch r.Tag {
		case "+":
			return nil
		case tag:
			return fmt.Errorf("%w: %s %s", ErrRefused, r.Name, r.Text)
		}
		if err := c.untagged(r, ""); err != nil {
			return err
		}
	}
}

// Search returns the number of messages found. Each number must be in the mailbox and come once.
func (c *IMAP) Search(keys string) (int, error) {
	hits := 0
	seen := make([]bool, c.Exists+1)
	err := c.Command(func(r *Response) error {
		if !r.Is("SEARCH") {
			return nil
		}
		for f := range bytes.FieldsSeq(r.Text) {
			n, ok := number(f)
			if !ok || n == 0 || int(n) > c.Exists || seen[n] {
				return fmt.Errorf("%w: SEARCH result %.20q", ErrResponse, f)
			}
			seen[n] = true
			hits++
		}
		return nil
	}, "SEARCH %s", keys)
	return hits, err
}

// Idle begins to wait (RFC 2177).
func (c *IMAP) Idle() error {
	c.extend()
	tag := c.nextTag()
	fmt.Fprintf(c.bw, "%s IDLE\r\n", tag)
	if err := c.bw.Flush(); err != nil {
		return err
	}
	if err := c.waitContinuation(tag); err != nil {
		return fmt.Errorf("IDLE: %w", err)
	}
	return nil
}

// WaitExists waits, in Idle, until the server tells of a number of messages, at most for a time. When
// the context ends, it fails at once.
func (c *IMAP) WaitExists(ctx context.Context, atMost time.Duration) error {
	c.nc.SetDeadline(time.Now().Add(atMost))
	defer context.AfterFunc(ctx, func() { c.nc.SetDeadline(time.Unix(1, 0)) })()
	for {
		r, err := c.read()
		if err != nil {
			return err
		}
		if err := c.untagged(r, ""); err != nil {
			return err
		}
		if r.Is("EXISTS") {
			return nil
		}
	}
}

// Done ends Idle.
func (c *IMAP) Done() error {
	c.extend()
	c.bw.WriteString("DONE\r\n")
	if err := c.bw.Flush(); err != nil {
		return err
	}
	return c.finish("t"+strconv.Itoa(c.tags), "IDLE", nil)
}

// Logout ends the session in an orderly way.
func (c *IMAP) Logout() error {
	err := c.Command(nil, "LOGOUT")
	c.Close()
	return err
}
