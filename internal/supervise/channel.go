//go:build unix

package supervise

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"
)

// request is what a child asks of its parent.
type request string

const (
	requestReady   request = "ready"   // The child serves.
	requestRestart request = "restart" // All is to be restarted, once this child has ended.
	requestFiles   request = "files"   // The content of files.
)

// maxRequest bounds what a parent reads, in bytes.
const maxRequest = 64

// reply is the parent's answer.
type reply struct {
	Error string            `json:",omitempty"`
	Files map[string][]byte `json:",omitempty"` // By path.
}

// Child is a child's side. It is safe for concurrent use.
type Child struct {
	conn net.Conn
	gone chan struct{}

	mu      sync.Mutex // Held during a request.
	replies chan reply
}

// Connect returns the connection with the parent, and nil if this process is not a child.
func Connect() (*Child, error) {
	text := os.Getenv(channelVariable)
	if text == "" {
		return nil, nil
	}
	if err := os.Unsetenv(channelVariable); err != nil {
		return nil, err
	}
	fd, err := strconv.Atoi(text)
	if err != nil || fd < 3 {
		return nil, fmt.Errorf("the environment variable %s is not understood: %q; unset it", channelVariable, text)
	}
	syscall.CloseOnExec(fd)
	f := os.NewFile(uintptr(fd), "parent")
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("connection with the parent process: %w", err)
	}
	return newChild(conn), nil
}

func newChild(conn net.Conn) *Child {
	c := &Child{conn: conn, gone: make(chan struct{}), replies: make(chan reply, 1)}
	go c.read()
	return c
}

// read passes replies on until the parent is gone.
func (c *Child) read() {
	defer close(c.gone)
	dec := json.NewDecoder(c.conn)
	for {
		var r reply
		if dec.Decode(&r) != nil {
			return
		}
		select {
		case c.replies <- r:
		default: // Who asked has given up.
		}
	}
}

// Gone is closed when the parent is gone. The child then stops: nobody would start
// it again, and somebody may start another server.
func (c *Child) Gone() <-chan struct{} { return c.gone }

// Ready tells the parent that this child serves.
func (c *Child) Ready(ctx context.Context) error {
	_, err := c.ask(ctx, requestReady)
	return err
}

// Restart asks for a restart. If the parent agrees, which nil means, this child is
// to end, in an orderly way; the parent then becomes what its executable is by now and
// starts a new child. Otherwise the error says what is in the way.
func (c *Child) Restart(ctx context.Context) error {
	_, err := c.ask(ctx, requestRestart)
	return err
}

// Files returns the present content of the files that the parent reads for its child, by
// path.
func (c *Child) Files(ctx context.Context) (map[string][]byte, error) {
	r, err := c.ask(ctx, requestFiles)
	return r.Files, err
}

// ask makes a request. After an error of ctx the connection is of no more use.
func (c *Child) ask(ctx context.Context, req request) (reply, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := json.NewEncoder(c.conn).Encode(req); err != nil {
		return reply{}, fmt.Errorf("asking the parent process: %w", err)
	}
	select {
	case r := <-c.replies:
		if r.Error != "" {
			return reply{}, errors.New(r.Error)
		}
		return r, nil
	case <-c.gone:
		return reply{}, errors.New("the parent process is gone")
	case <-ctx.Done():
		c.conn.Close()
		return reply{}, ctx.Err()
	}
}
