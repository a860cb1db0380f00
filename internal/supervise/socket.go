//go:build unix

package supervise

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// Environment variables by which a process tells the next one what it inherits.
const (
	socketsVariable = "MOX_SOCKETS" // E.g. "4=tcp4/192.0.2.1:25,5=tcp6/[2001:db8::1]:25".
	channelVariable = "MOX_CHANNEL" // Number of the descriptor.
)

// Socket is a listening socket that passes from process to process.
type Socket struct {
	Network string // "tcp4" or "tcp6".
	Address string // As it was asked for, with a port.
	File    *os.File
}

// Listen opens a socket.
func Listen(network, address string) (Socket, error) {
	l, err := net.Listen(network, address)
	if err != nil {
		return Socket{}, err
	}
	defer l.Close()
	tl, ok := l.(*net.TCPListener)
	if !ok {
		return Socket{}, fmt.Errorf("%s is not a network of TCP", network)
	}
	f, err := tl.File()
	if err != nil {
		return Socket{}, err
	}
	return Socket{network, address, f}, nil
}

// Listener returns a listener on the socket, which stays open when the listener is
// closed.
func (s Socket) Listener() (net.Listener, error) {
	l, err := net.FileListener(s.File)
	if err != nil {
		return nil, fmt.Errorf("socket for %s: %w", s.Address, err)
	}
	return l, nil
}

// Sockets are listening sockets.
type Sockets []Socket

// Find returns the socket that was opened for an address.
func (l Sockets) Find(network, address string) (Socket, bool) {
	for _, s := range l {
		if s.Network == network && s.Address == address {
			return s, true
		}
	}
	return Socket{}, false
}

// Close closes all of them.
func (l Sockets) Close() error {
	var errs []error
	for _, s := range l {
		errs = append(errs, s.File.Close())
	}
	return errors.Join(errs...)
}

// environment returns the variable that describes sockets to a process that has them
// at the given descriptors.
func (l Sockets) environment(fds []int) string {
	var b strings.Builder
	for i, s := range l {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%d=%s/%s", fds[i], s.Network, s.Address)
	}
	return socketsVariable + "=" + b.String()
}

// Inherited returns the sockets that this process was started with, and takes them out
// of its environment, so that programs it starts know nothing of them.
func Inherited() (Sockets, error) {
	text := os.Getenv(socketsVariable)
	if err := os.Unsetenv(socketsVariable); err != nil {
		return nil, err
	}
	var sockets Sockets
	for part := range strings.SplitSeq(text, ",") {
		if part == "" {
			continue
		}
		number, name, ok1 := strings.Cut(part, "=")
		network, address, ok2 := strings.Cut(name, "/")
		fd, err := strconv.Atoi(number)
		if !ok1 || !ok2 || err != nil || fd < 3 {
			return nil, fmt.Errorf("the environment variable %s is not understood: %q; unset it", socketsVariable, text)
		}
		syscall.CloseOnExec(fd)
		sockets = append(sockets, Socket{network, address, os.NewFile(uintptr(fd), address)})
	}
	return sockets, nil
}
