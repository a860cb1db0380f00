package ctl

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// Name is the name of the socket in the data directory.
const Name = "ctl"

// Errors of Dial and Listen.
var (
	ErrNotRunning = errors.New("no mox server runs on this data directory")
	ErrRunning    = errors.New("another mox server runs on this data directory")
)

// maxSocketPath is the longest path that fits into a socket address on Linux, the BSDs
// and macOS.
const maxSocketPath = 103

// Listen makes the socket in a data directory, for its owner only. A socket that a
// crashed server left is replaced; if one answers, ErrRunning is returned. Closing
// the listener removes the socket.
func Listen(dir string) (net.Listener, error) {
	path := filepath.Join(dir, Name)
	if conn, err := dial(context.Background(), path); err == nil {
		conn.Close()
		return nil, ErrRunning
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var l net.Listener
	err := shortPath(path, func(short string) error {
		ul, err := net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"})
		if err != nil {
			return err
		}
		// The short name is gone by then.
		ul.SetUnlinkOnClose(false)
		l = &listener{ul, path}
		return os.Chmod(path, 0o600)
	})
	if err != nil && l != nil {
		l.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	return l, nil
}

type listener struct {
	*net.UnixListener
	path string
}

// Close stops listening and removes the socket.
func (l *listener) Close() error {
	os.Remove(l.path)
	return l.UnixListener.Close()
}

// Dial returns a client for the server of a data directory. It returns an error that
// wraps ErrNotRunning if there is none; then nothing else is wrong.
func Dial(ctx context.Context, dir string) (*Client, error) {
	path := filepath.Join(dir, Name)
	conn, err := dial(ctx, path)
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED):
		return nil, ErrNotRunning
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("no access to the control socket: %w; run this command as the user of the server, or as root", err)
	case err != nil:
		return nil, fmt.Errorf("control socket: %w", err)
	}
	conn.Close()
	return &Client{dial: func(ctx context.Context) (net.Conn, error) {
		conn, err := dial(ctx, path)
		if err != nil {
			return nil, fmt.Errorf("control socket: %w", err)
		}
		return conn, nil
	}}, nil
}

func dial(ctx context.Context, path string) (conn net.Conn, err error) {
	err = shortPath(path, func(short string) error {
		var d net.Dialer
		conn, err = d.DialContext(ctx, "unix", short)
		return err
	})
	return conn, err
}

// shortPath calls use with a path that fits into a socket address: the given one, or
// for a longer one its name below the open directory.
func shortPath(path string, use func(short string) error) error {
	if len(path) <= maxSocketPath {
		return use(path)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	proc := fmt.Sprintf("/proc/self/fd/%d", dir.Fd())
	if _, err := os.Stat(proc); err != nil {
		return fmt.Errorf("path %s is longer than %d bytes, which sockets allow; use a data directory with a shorter one", path, maxSocketPath)
	}
	return use(proc + "/" + filepath.Base(path))
}
