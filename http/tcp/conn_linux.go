package tcp

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// most is up to how much is moved by a call of the system without the scheduler knowing, in bytes.
const most = 32 << 10

// Conn is a TCP connection. Like all of them it is safe for concurrent use.
type Conn struct {
	*net.TCPConn
	raw syscall.RawConn
	in  half
	out half
}

// half is one direction.
type half struct {
	mu    sync.Mutex // Held for one call, and guards what follows.
	do    func(fd uintptr) (done bool)
	p     []byte
	n     int
	flags int // Of sends.
	errno syscall.Errno
}

// Wrap returns a connection for less, if it is one of TCP.
func Wrap(nc net.Conn) net.Conn {
	t, ok := nc.(*net.TCPConn)
	if !ok {
		return nc
	}
	raw, err := t.SyscallConn()
	if err != nil {
		return nc
	}
	c := &Conn{TCPConn: t, raw: raw}
	c.in.do, c.out.do = c.in.read, c.out.write
	return c
}

// Read reads as that of net.Conn.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return c.TCPConn.Read(p)
	}
	n, errno, err := c.in.run(p, 0, c.raw.Read)
	if err == nil && errno != 0 {
		err = c.fail("read", errno)
	} else if err == nil && n == 0 {
		err = io.EOF
	}
	return n, err
}

// Write writes as that of net.Conn.
func (c *Conn) Write(p []byte) (int, error) {
	return c.write(p, 0)
}

// WriteMore is Write for what more follows at once: it goes out together with that, at the latest after some 200 ms.
func (c *Conn) WriteMore(p []byte) (int, error) { return c.write(p, unix.MSG_MORE) }

func (c *Conn) write(p []byte, flags int) (int, error) {
	if len(p) == 0 || len(p) > most {
		return c.TCPConn.Write(p)
	}
	n, errno, err := c.out.run(p, flags, c.raw.Write)
	if err == nil && errno != 0 {
		err = c.fail("write", errno)
	}
	return n, err
}

// fail returns an error as package net has it.
func (c *Conn) fail(op string, errno syscall.Errno) error {
	return &net.OpError{Op: op, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: os.NewSyscallError(op, errno)}
}

// run has p read or written, waiting as long as needed by means of wait.
func (h *half) run(p []byte, flags int, wait func(func(fd uintptr) bool) error) (n int, errno syscall.Errno, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.p, h.n, h.flags, h.errno = p, 0, flags, 0
	err = wait(h.do)
	h.p = nil
	return h.n, h.errno, err
}

// read reads once; false is for nothing yet.
func (h *half) read(fd uintptr) bool {
	p := h.p[:min(len(h.p), most)]
	for {
		n, errno := receive(fd, p)
		switch errno {
		case 0:
			h.n = n
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			return false
		default:
			h.errno = errno
		}
		return true
	}
}

// write writes what is left; false is for not all of it yet.
func (h *half) write(fd uintptr) bool {
	for h.n < len(h.p) {
		p := h.p[h.n:]
		n, errno := send(fd, p, h.flags)
		switch errno {
		case 0:
			h.n += n
		case syscall.EINTR:
		case syscall.EAGAIN:
			return false
		default:
			h.errno = errno
			return true
		}
	}
	return true
}
