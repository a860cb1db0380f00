package interop

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

// imapClient is a small client to prepare mailboxes and to look at them.
type imapClient struct {
	t   *testing.T
	nc  net.Conn
	r   *bufio.Reader
	tag int

	exists int // Messages of the selected mailbox, by what the server told last. It tells of one only once, after whatever command.
}

func (s *server) imap() *imapClient {
	s.t.Helper()
	nc, err := net.Dial("tcp", s.addr(1143))
	if err != nil {
		s.t.Fatal(err)
	}
	c := &imapClient{t: s.t, nc: nc, r: bufio.NewReader(nc)}
	s.t.Cleanup(func() { nc.Close() })
	c.line()
	c.cmd("LOGIN %s %s", user, password)
	return c
}

// line reads a response with its literals.
func (c *imapClient) line() string {
	c.t.Helper()
	l := c.readLine()
	if number, found := strings.CutPrefix(l, "* "); found {
		number, what, _ := strings.Cut(number, " ")
		switch n, err := strconv.Atoi(number); {
		case err == nil && what == "EXISTS":
			c.exists = n
		case err == nil && what == "EXPUNGE":
			c.exists--
		}
	}
	return l
}

func (c *imapClient) readLine() string {
	c.t.Helper()
	var b strings.Builder
	for {
		l, err := c.r.ReadString('\n')
		if err != nil {
			c.t.Fatalf("imap: %v", err)
		}
		b.WriteString(l)
		l = strings.TrimSuffix(l, "\r\n")
		i := strings.LastIndexByte(l, '{')
		if i < 0 || !strings.HasSuffix(l, "}") {
			return strings.TrimSuffix(b.String(), "\r\n")
		}
		n, err := strconv.ParseInt(l[i+1:len(l)-1], 10, 64)
		if err != nil {
			return strings.TrimSuffix(b.String(), "\r\n")
		}
		if _, err := io.CopyN(&b, c.r, n); err != nil {
			c.t.Fatalf("imap literal: %v", err)
		}
	}
}

// cmd sends a command, which must be answered with OK, and returns the untagged responses.
func (c *imapClient) cmd(format string, args ...any) []string {
	c.t.Helper()
	c.tag++
	tag := fmt.Sprintf("x%d", c.tag)
	text := fmt.Sprintf(format, args...)
	if _, err := io.WriteString(c.nc, tag+" "+text+"\r\n"); err != nil {
		c.t.Fatalf("imap: %v", err)
	}
	var untagged []string
	for {
		l := c.line()
		rest, ok := strings.CutPrefix(l, tag+" ")
		if !ok {
			untagged = append(untagged, l)
			continue
		}
		if !strings.HasPrefix(rest, "OK") {
			c.t.Fatalf("imap: %.100s: %s", text, rest)
		}
		return untagged
	}
}

func (c *imapClient) append(mailbox, flags, msg string) {
	c.t.Helper()
	c.cmd("APPEND %s (%s) {%d+}\r\n%s", mailbox, flags, len(msg), msg)
}

// appendAt is append with a received date.
func (c *imapClient) appendAt(mailbox, flags string, received time.Time, msg string) {
	c.t.Helper()
	c.cmd("APPEND %s (%s) \"%s\" {%d+}\r\n%s", mailbox, flags, received.Format("_2-Jan-2006 15:04:05 -0700"), len(msg), msg)
}

// status returns an item of STATUS of a mailbox.
func (c *imapClient) status(mailbox, item string) int {
	c.t.Helper()
	l := c.cmd("STATUS %s (%s)", mailbox, item)
	for _, line := range l {
		if !strings.HasPrefix(line, "* STATUS ") {
			continue // About the selected mailbox.
		}
		_, v, _ := strings.Cut(line, "("+item+" ")
		if n, err := strconv.Atoi(strings.TrimSuffix(v, ")")); err == nil {
			return n
		}
	}
	c.t.Fatalf("STATUS of %s: %q", mailbox, l)
	return 0
}

func (c *imapClient) messages(mailbox string) int {
	c.t.Helper()
	return c.status(mailbox, "MESSAGES")
}

// fetch returns the messages of the selected mailbox, whole and in their order.
func (c *imapClient) fetch() []string {
	c.t.Helper()
	var l []string
	for _, line := range c.cmd("FETCH 1:* BODY.PEEK[]") {
		_, rest, ok := strings.Cut(line, "BODY[] {")
		size, rest, ok2 := strings.Cut(rest, "}\r\n")
		n, err := strconv.Atoi(size)
		if !ok || !ok2 || err != nil {
			continue
		}
		l = append(l, rest[:n])
	}
	return l
}

// bySubject returns the messages of the selected mailbox by their subject.
func (c *imapClient) bySubject() map[string]string {
	c.t.Helper()
	by := map[string]string{}
	for _, msg := range c.fetch() {
		_, rest, _ := strings.Cut(msg, "\r\nSubject: ")
		subject, _, _ := strings.Cut(rest, "\r\n")
		by[subject] = msg
	}
	return by
}

// waitMessages waits for messages that come through the queue. It selects the mailbox.
func (c *imapClient) waitMessages(mailbox string, n int) {
	c.t.Helper()
	c.cmd("SELECT %s", mailbox)
	c.nc.SetReadDeadline(time.Now().Add(patience))
	defer c.nc.SetReadDeadline(time.Time{})
	for c.exists < n {
		c.tag++
		tag := fmt.Sprintf("x%d", c.tag)
		io.WriteString(c.nc, tag+" IDLE\r\n")
		for before := c.exists; c.exists == before; {
			c.line()
		}
		io.WriteString(c.nc, "DONE\r\n")
		for !strings.HasPrefix(c.line(), tag+" ") {
		}
	}
}
