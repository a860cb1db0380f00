package smtpclient

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"mox/internal/logging"
	"mox/smtp"
)

// Sizes of the buffers of a connection.
const (
	readBuffer  = 4 << 10
	writeBuffer = 16 << 10
)

// deadlineConn is a connection whose time limits are of steps of the protocol, and which
// a context can end.
type deadlineConn struct {
	net.Conn

	mu           sync.Mutex    // Guards ended and all calls that set deadlines.
	ended        bool          // A context has ended, deadlines are in the past for good.
	writeTimeout time.Duration // Of each Write.
}

var longAgo = time.Unix(1, 0)

// within sets the limit for the next step: for reading as a whole, for writing of each
// write.
func (c *deadlineConn) within(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writeTimeout = d
	if !c.ended {
		c.SetReadDeadline(time.Now().Add(d))
	}
}

// end makes all reads and writes fail.
func (c *deadlineConn) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	c.SetDeadline(longAgo)
}

func (c *deadlineConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	if !c.ended {
		c.SetWriteDeadline(time.Now().Add(c.writeTimeout))
	}
	c.mu.Unlock()
	return c.Conn.Write(p)
}

// protocol is the dialogue with a server, over the connection or TLS on it.
type protocol struct {
	raw    *deadlineConn
	conn   net.Conn // raw, or TLS on it.
	br     *bufio.Reader
	bw     *bufio.Writer
	rtrace *logging.Trace
	wtrace *logging.Trace
	cmd    []byte // For building commands.
	copied []byte // For messages; made by copyBuffer.
}

func newProtocol(conn net.Conn, log *slog.Logger) *protocol {
	p := &protocol{
		raw:    &deadlineConn{Conn: conn},
		br:     bufio.NewReaderSize(nil, readBuffer),
		bw:     bufio.NewWriterSize(nil, writeBuffer),
		rtrace: logging.NewTrace(log, "S: "),
		wtrace: logging.NewTrace(log, "C: "),
	}
	p.setConn(p.raw)
	return p
}

// setConn begins to talk over conn. What was received before and not read is dropped, so
// that nothing said before TLS can be taken for something said within (RFC 3207 §4.2).
func (p *protocol) setConn(conn net.Conn) {
	p.conn = conn
	p.br.Reset(p.rtrace.Reader(conn))
	p.bw.Reset(p.wtrace.Writer(conn))
}

// copyBuffer returns a buffer for copying a message, kept for the next one.
func (p *protocol) copyBuffer() []byte {
	if p.copied == nil {
		p.copied = make([]byte, writeBuffer)
	}
	return p.copied
}

// secret hides what follows from the trace, until the returned function is called.
func (p *protocol) secret() (restore func()) {
	r, w := p.rtrace.SetKind(logging.LevelTraceauth), p.wtrace.SetKind(logging.LevelTraceauth)
	return func() {
		p.rtrace.SetKind(r)
		p.wtrace.SetKind(w)
	}
}

// send writes a command line to the buffer.
func (p *protocol) send(parts ...string) error {
	p.cmd = p.cmd[:0]
	for _, s := range parts {
		p.cmd = append(p.cmd, s...)
	}
	if slices.ContainsFunc(p.cmd, func(c byte) bool { return c < ' ' || c == 0x7f }) {
		// No caller may make two commands of one.
		return errors.New("control character in smtp command")
	}
	p.cmd = append(p.cmd, "\r\n"...)
	_, err := p.bw.Write(p.cmd)
	return err
}

// receive sends what is in the buffer and reads a reply.
func (p *protocol) receive(timeout time.Duration) (smtp.Reply, error) {
	p.raw.within(timeout)
	if err := p.bw.Flush(); err != nil {
		return smtp.Reply{}, err
	}
	r, err := smtp.ReadReply(p.br)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return r, err
}

// startTLS makes the handshake.
func (p *protocol) startTLS(ctx context.Context, config *tls.Config, timeout time.Duration) error {
	p.raw.within(timeout)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn := tls.Client(p.raw, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		return err
	}
	p.setConn(conn)
	return nil
}
