//go:build unix

package proxy

import (
	"errors"

	"golang.org/x/sys/unix"
)

// alive tells whether an idle connection can have a request: the upstream has neither
// closed it nor sent something without being asked.
func (c *conn) alive() bool {
	if len(c.in.buffered()) > 0 {
		return false
	}
	if c.raw == nil {
		return true
	}
	var one [1]byte
	var err error
	if e := c.raw.Control(func(fd uintptr) {
		_, _, err = unix.Recvfrom(int(fd), one[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	}); e != nil {
		return false
	}
	return errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR)
}
