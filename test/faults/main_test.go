// Package faults tests how mox behaves when what it stands on fails: a disk that is full or may not be written to,
// damaged databases and packs, ports that are taken, a wrong configuration. It starts the real program and talks to
// it over the wire. Each fault gets a clear error that says what to do, nothing acknowledged is lost, and nobody
// else suffers from it.
//
// File systems are mounted for it, so it must run as root on Linux.
package faults

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// ioTimeout ends a test when the server hangs. Machines stall, and disks are slow to sync.
const ioTimeout = 5 * time.Minute

// exe is the program under test, built once.
var exe string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "mox-faults-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	exe = filepath.Join(dir, "mox")
	if out, err := exec.Command("go", "build", "-o", exe, "mox").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building mox: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// mox runs a command and returns its exit code and what it printed.
func mox(t *testing.T, args ...string) (code int, out string) {
	t.Helper()
	b, err := exec.CommandContext(t.Context(), exe, args...).CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), string(b)
	} else if err != nil {
		t.Fatal(err)
	}
	return 0, string(b)
}

// server is a localserve with two accounts, mox and ann.
type server struct {
	t    *testing.T
	dir  string // Holds mox.conf; the data is in data below it.
	conf string
	ip   string // A loopback address of its own, so that nobody takes its ports while it does not run.

	cmd    *exec.Cmd
	exited chan error
	mu     sync.Mutex
	stderr bytes.Buffer
}

// annPassword is the password of the account ann.
const annPassword = "annannann"

// newServer makes a directory with a configuration and accounts, below top.
func newServer(t *testing.T, top string) *server {
	t.Helper()
	s := &server{t: t, dir: filepath.Join(top, "local"), ip: fmt.Sprintf("127.212.%d.%d", os.Getpid()%250, servers.Add(1))}
	s.conf = filepath.Join(s.dir, "mox.conf")
	if code, out := mox(t, "localserve", "--dir", s.dir, "--initonly"); code != 0 {
		t.Fatalf("localserve --initonly: %s", out)
	}
	s.edit("mox.conf", func(conf string) string {
		return strings.NewReplacer("\t\t\t- ::1\n", "", "\t\t\t- 127.0.0.1\n", "\t\t\t- "+s.ip+"\n").Replace(conf)
	})
	s.edit("domains.conf", func(conf string) string {
		return strings.Replace(conf, "\nAccounts:\n", "\nAccounts:\n\tann:\n\t\tDomain: localhost\n\t\tDestinations:\n\t\t\tann@localhost: nil\n", 1)
	})
	s.setPassword()
	t.Cleanup(func() {
		if s.cmd != nil {
			s.cmd.Process.Kill()
			<-s.exited
		}
		if t.Failed() {
			t.Logf("log of the server:\n%s", s.log())
		}
	})
	return s
}

// setPassword sets that of ann.
func (s *server) setPassword() {
	s.t.Helper()
	cmd := exec.Command(exe, "--config", s.conf, "setaccountpassword", "ann")
	cmd.Stdin = strings.NewReader(annPassword + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("setting a password: %v\n%s", err, out)
	}
}

// edit changes a file of the configuration.
func (s *server) edit(name string, change func(string) string) {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	b, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	changed := change(string(b))
	if changed == string(b) {
		s.t.Fatalf("nothing to change in %s:\n%s", name, b)
	}
	if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// servers counts those that were made.
var servers atomic.Uint32

func (s *server) addr(port string) string { return net.JoinHostPort(s.ip, port) }

// account returns the directory of an account.
func (s *server) account(name string) string {
	s.t.Helper()
	files, err := filepath.Glob(filepath.Join(s.dir, "data", "accounts", "*", "account.json"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, file := range files {
		if b, err := os.ReadFile(file); err == nil && strings.Contains(string(b), strconv.Quote(name)) {
			return filepath.Dir(file)
		}
	}
	s.t.Fatalf("no account %s in %v", name, files)
	return ""
}

// Write keeps what the server logs.
func (s *server) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stderr.Write(b)
}

// log returns what the server has logged since it was started. All of it is there once it has ended.
func (s *server) log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stderr.String()
}

// start starts the server and returns when it serves.
func (s *server) start() {
	s.t.Helper()
	if err := s.tryStart(); err != nil {
		s.t.Fatal(err)
	}
}

// tryStart returns an error with what the server printed, if it does not start.
func (s *server) tryStart() error {
	s.mu.Lock()
	s.stderr.Reset()
	s.mu.Unlock()
	cmd := exec.Command(exe, "localserve", "--dir", s.dir)
	cmd.Stderr = s
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	r := bufio.NewReader(out)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return fmt.Errorf("server did not start, %v: %s", cmd.Wait(), s.log())
		}
		if strings.HasPrefix(line, "Ctrl-C") {
			break
		}
	}
	s.cmd, s.exited = cmd, make(chan error, 1)
	go func() {
		io.Copy(io.Discard, r)
		s.exited <- cmd.Wait()
	}()
	return nil
}

// stop ends the server in an orderly way.
func (s *server) stop() {
	s.t.Helper()
	s.cmd.Process.Signal(os.Interrupt)
	select {
	case err := <-s.exited:
		if err != nil {
			s.t.Errorf("server ended with %v:\n%s", err, s.log())
		}
	case <-time.After(ioTimeout):
		s.cmd.Process.Kill()
		<-s.exited
		s.t.Error("server did not stop")
	}
	s.cmd = nil
}

// refusesToStart checks that the server does not start, for a reason that it tells with all these words.
func (s *server) refusesToStart(words ...string) {
	s.t.Helper()
	err := s.tryStart()
	if err == nil {
		s.stop()
		s.t.Errorf("server started, want it to tell %q", words)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			s.t.Errorf("does not tell %q: %v", word, err)
		}
	}
}

// smtpSession is a connection on which messages are sent.
type smtpSession struct {
	conn net.Conn
	text *textproto.Conn
}

// smtp connects to the SMTP port.
func (s *server) smtp() (*smtpSession, error) {
	conn, err := net.Dial("tcp4", s.addr("1025"))
	if err != nil {
		return nil, err
	}
	ss := &smtpSession{conn, textproto.NewConn(conn)}
	conn.SetDeadline(time.Now().Add(ioTimeout))
	if _, _, err := ss.text.ReadResponse(220); err != nil {
		conn.Close()
		return nil, err
	}
	return ss, ss.command(250, "EHLO client.example")
}

func (ss *smtpSession) command(code int, line string) error {
	ss.conn.SetDeadline(time.Now().Add(ioTimeout))
	if err := ss.text.PrintfLine("%s", line); err != nil {
		return err
	}
	_, _, err := ss.text.ReadResponse(code)
	return err
}

// send sends a message with a subject and a text of some size. It is acknowledged if the error is nil.
func (ss *smtpSession) send(to, subject string, size int) error {
	for _, c := range []struct {
		code int
		line string
	}{
		{250, "MAIL FROM:<sender@example.org>"}, {250, "RCPT TO:<" + to + ">"}, {354, "DATA"},
		{250, "From: <sender@example.org>\r\nSubject: " + subject + "\r\nMessage-ID: <" + subject + "@example.org>\r\n\r\n" + strings.Repeat(strings.Repeat("x", 70)+"\r\n", size/72) + "."},
	} {
		if err := ss.command(c.code, c.line); err != nil {
			ss.command(250, "RSET")
			return err
		}
	}
	return nil
}

// isTemporary reports whether a reply asks the sender to try again later.
func isTemporary(err error) bool {
	var reply *textproto.Error
	return errors.As(err, &reply) && reply.Code/100 == 4
}

// mustSend sends a message that has to be acknowledged.
func (s *server) mustSend(to, subject string, size int) {
	s.t.Helper()
	if err := s.trySend(to, subject, size); err != nil {
		s.t.Errorf("sending %s to %s: %v", subject, to, err)
	}
}

func (s *server) trySend(to, subject string, size int) error {
	ss, err := s.smtp()
	if err != nil {
		return err
	}
	defer ss.conn.Close()
	return ss.send(to, subject, size)
}

// imapSession is a connection for reading mail.
type imapSession struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

// imap connects to the IMAP port.
func (s *server) imap() *imapSession {
	s.t.Helper()
	conn, err := net.Dial("tcp4", s.addr("1143"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	c := &imapSession{s.t, conn, bufio.NewReader(conn)}
	if _, err := c.r.ReadString('\n'); err != nil {
		s.t.Fatal(err)
	}
	return c
}

// inbox logs in as an account and opens its inbox.
func (s *server) inbox(account string) *imapSession {
	s.t.Helper()
	c := s.imap()
	c.ok(login(account))
	c.ok("SELECT INBOX")
	return c
}

func login(account string) string {
	if account == "ann" {
		return "LOGIN ann@localhost " + annPassword
	}
	return "LOGIN mox@localhost moxmoxmox"
}

// command does a command and returns its untagged responses, with literals, and the text after the tag.
func (c *imapSession) command(line string) (untagged, status string) {
	c.t.Helper()
	c.conn.SetDeadline(time.Now().Add(ioTimeout))
	if _, err := fmt.Fprintf(c.conn, "t %s\r\n", line); err != nil {
		c.t.Fatalf("%s: %v", line, err)
	}
	var b strings.Builder
	for {
		got, err := c.r.ReadString('\n')
		if err != nil {
			c.t.Fatalf("%s: %v after %q", line, err, b.String())
		}
		if status, ok := strings.CutPrefix(got, "t "); ok {
			return b.String(), strings.TrimSpace(status)
		}
		b.WriteString(got)
		if i := strings.LastIndexByte(got, '{'); i >= 0 && strings.HasSuffix(got, "}\r\n") {
			n, err := strconv.ParseInt(got[i+1:len(got)-3], 10, 64)
			if err != nil {
				c.t.Fatal(err)
			}
			if _, err := io.CopyN(&b, c.r, n); err != nil {
				c.t.Fatal(err)
			}
		}
	}
}

// ok does a command that must succeed.
func (c *imapSession) ok(line string) (untagged string) {
	c.t.Helper()
	untagged, status := c.command(line)
	if !strings.HasPrefix(status, "OK") {
		c.t.Errorf("%s: %s", line, status)
	}
	return untagged
}

// no does a command that must fail, with a response that contains a text.
func (c *imapSession) no(line, text string) {
	c.t.Helper()
	if _, status := c.command(line); !strings.HasPrefix(status, "NO ") || !strings.Contains(status, text) {
		c.t.Errorf("%.100q: %s, want NO with %q", line, status, text)
	}
}

var subjectLine = regexp.MustCompile(`(?m)^Subject: (.*)\r$`)

// subjects returns how often each subject is in the mailbox. All content is read.
func (c *imapSession) subjects() map[string]int {
	c.t.Helper()
	c.ok("NOOP") // Tells of what is new.
	found := map[string]int{}
	for _, m := range subjectLine.FindAllStringSubmatch(c.ok("UID FETCH 1:* BODY.PEEK[]"), -1) {
		found[m[1]]++
	}
	return found
}

// verify runs verifydata, which must find nothing.
func (s *server) verify() {
	s.t.Helper()
	if code, out := mox(s.t, "--config", s.conf, "verifydata"); code != 0 || !strings.HasPrefix(out, "no problems") {
		s.t.Errorf("verifydata: exit code %d, %s", code, out)
	}
}
