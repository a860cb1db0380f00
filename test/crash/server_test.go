package crash

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// server is a `mox localserve` that can be killed and started again.
type server struct {
	exe, dir string
	ip       string
	smtp     string // Addresses.
	imap     string
	submit   string
	cmd      *exec.Cmd
	stderr   bytes.Buffer
}

// ioTimeout ends the test when the server hangs. Machines stall, and disks are slow to sync.
const ioTimeout = 5 * time.Minute

// servers counts those that were made.
var servers atomic.Uint32

// newServer builds mox and sets up a directory for localserve, on a loopback address of its own, so that nobody takes its
// ports while it does not run.
func newServer(t *testing.T) *server {
	t.Helper()
	top := t.TempDir()
	s := &server{exe: filepath.Join(top, "mox"), dir: filepath.Join(top, "local")}
	build := exec.Command("go", "build", "-buildvcs=false", "-o", s.exe, "mox")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building mox: %v\n%s", err, out)
	}
	s.run(t, "localserve", "--dir", s.dir, "--initonly")
	s.ip = fmt.Sprintf("127.211.%d.%d", os.Getpid()%250, servers.Add(1))
	s.smtp, s.submit, s.imap = net.JoinHostPort(s.ip, "1025"), net.JoinHostPort(s.ip, "1587"), net.JoinHostPort(s.ip, "1143")
	t.Cleanup(func() {
		if s.cmd != nil {
			s.kill()
		}
	})
	return s
}

// run runs a command of mox and returns its output.
func (s *server) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(s.exe, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("mox %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// start starts the server and returns when it serves.
func (s *server) start(t *testing.T) {
	t.Helper()
	s.stderr.Reset()
	s.cmd = exec.Command(s.exe, "localserve", "--dir", s.dir, "--ip", s.ip)
	s.cmd.Stderr = &s.stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(out)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			s.cmd.Wait()
			t.Fatalf("server did not start: %v\n%s", err, s.stderr.String())
		}
		if strings.HasPrefix(line, "Ctrl-C") {
			break
		}
	}
	go io.Copy(io.Discard, r)
}

// kill ends the server at once.
func (s *server) kill() {
	s.cmd.Process.Kill()
	s.cmd.Wait()
	s.cmd = nil
}

// killer returns a function that kills the server as it runs now. Kill is still to be called.
func (s *server) killer() func() {
	p := s.cmd.Process
	return func() { p.Kill() }
}

// smtpSession is a connection on which messages are sent.
type smtpSession struct {
	conn net.Conn
	text *textproto.Conn
}

// openSMTP connects and says hello. With login set it logs in.
func openSMTP(address string, login bool) (*smtpSession, error) {
	conn, err := net.Dial("tcp4", address)
	if err != nil {
		return nil, err
	}
	s := &smtpSession{conn, textproto.NewConn(conn)}
	if _, _, err := s.text.ReadResponse(220); err != nil {
		conn.Close()
		return nil, err
	}
	err = s.command(250, "EHLO client.example")
	if err == nil && login {
		// "\0mox@localhost\0moxmoxmox"
		err = s.command(235, "AUTH PLAIN AG1veEBsb2NhbGhvc3QAbW94bW94bW94")
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return s, nil
}

func (s *smtpSession) command(code int, line string) error {
	s.conn.SetDeadline(time.Now().Add(ioTimeout))
	if err := s.text.PrintfLine("%s", line); err != nil {
		return err
	}
	_, _, err := s.text.ReadResponse(code)
	return err
}

// send sends a message. It is acknowledged if the error is nil.
func (s *smtpSession) send(from, to string, body []byte) error {
	for _, c := range []struct {
		code int
		line string
	}{{250, "MAIL FROM:<" + from + ">"}, {250, "RCPT TO:<" + to + ">"}, {354, "DATA"}} {
		if err := s.command(c.code, c.line); err != nil {
			return err
		}
	}
	// No line of these messages begins with a dot.
	return s.command(250, string(body)+".")
}

// imapSession is a connection for reading mail.
type imapSession struct {
	conn net.Conn
	r    *bufio.Reader
	news bool // A command ended with word of messages that may not be among its answers (RFC 3501 §7.3.1).
}

// openInbox logs in and opens the inbox.
func openInbox(t *testing.T, address string) *imapSession {
	t.Helper()
	conn, err := net.Dial("tcp4", address)
	if err != nil {
		t.Fatal(err)
	}
	c := &imapSession{conn: conn, r: bufio.NewReader(conn)}
	if _, err := c.r.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"LOGIN mox@localhost moxmoxmox", "EXAMINE INBOX"} {
		if _, err := c.command(line); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// readAll returns the content of all messages.
func (c *imapSession) readAll(t *testing.T) [][]byte {
	t.Helper()
	l, err := c.command("UID FETCH 1:* BODY.PEEK[]")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// wait waits for a message to arrive, or the deadline. One that arrived during the last command has its word already, and
// IDLE would not say it again.
func (c *imapSession) wait(deadline time.Time) error {
	if c.news {
		return nil
	}
	c.conn.SetDeadline(deadline)
	if _, err := io.WriteString(c.conn, "t IDLE\r\n"); err != nil {
		return err
	}
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return err
		}
		if strings.HasSuffix(line, " EXISTS\r\n") {
			break
		}
	}
	if _, err := io.WriteString(c.conn, "DONE\r\n"); err != nil {
		return err
	}
	for {
		line, err := c.r.ReadString('\n')
		if err != nil || strings.HasPrefix(line, "t ") {
			return err
		}
	}
}

// command does a command and returns the literals of its responses.
func (c *imapSession) command(line string) (literals [][]byte, err error) {
	c.news = false
	c.conn.SetDeadline(time.Now().Add(ioTimeout))
	if _, err := fmt.Fprintf(c.conn, "t %s\r\n", line); err != nil {
		return nil, err
	}
	for {
		got, err := c.r.ReadString('\n')
		if err != nil {
			return nil, err
		}
		got = strings.TrimSuffix(got, "\r\n")
		if strings.HasSuffix(got, " EXISTS") {
			c.news = true
		}
		if status, ok := strings.CutPrefix(got, "t "); ok {
			if !strings.HasPrefix(status, "OK") {
				err = fmt.Errorf("%s: %s", line, got)
			}
			return literals, err
		}
		if i := strings.LastIndexByte(got, '{'); i >= 0 && strings.HasSuffix(got, "}") {
			n, err := strconv.Atoi(got[i+1 : len(got)-1])
			if err != nil {
				return nil, err
			}
			literal := make([]byte, n)
			if _, err := io.ReadFull(c.r, literal); err != nil {
				return nil, err
			}
			literals = append(literals, literal)
		}
	}
}
