//go:build unix

package supervise

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// Times of a parent.
const (
	firstBackoff = 100 * time.Millisecond // Before the second start of a child that died.
	maxBackoff   = 30 * time.Second
	steady       = time.Minute      // A child that lived as long is not blamed for what others did.
	stopPatience = 30 * time.Second // For a child to end, before it is killed.
)

// Credential is the user that a child runs as.
type Credential struct{ UID, GID uint32 }

// Options for Run.
type Options struct {
	Executable string // Path.
	Args       []string
	Env        []string
	Credential *Credential // Nil for the parent's user.
	Sockets    Sockets

	// Files returns the content of the files that the child needs and cannot read.
	Files func() (map[string][]byte, error)

	// Restartable tells what is in the way of a restart.
	Restartable func() error

	// Ready is called when a child serves. May be nil.
	Ready func(pid int)

	Log *slog.Logger
}

// Outcome is why Run returned without an error.
type Outcome int

// Outcomes.
const (
	Stopped Outcome = iota // The context ended, or the child was asked to stop.
	Restart                // The child asked for a restart, and has ended.
)

// Run starts a child, and again whenever it dies, until the context ends or the child ends
// by itself without a failure. Children are told with SIGTERM when the context ends, and get
// each SIGHUP of this process. It is an error if the first child ends before it is ready.
func Run(ctx context.Context, opts Options) (Outcome, error) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	backoff, everReady := firstBackoff, false
	for {
		c, err := start(opts)
		if err != nil {
			return Stopped, err
		}
		started := time.Now()
		err = c.supervise(ctx, hangup)
		everReady = everReady || c.ready
		switch {
		case c.restart && ctx.Err() == nil:
			return Restart, nil
		case err == nil || ctx.Err() != nil:
			return Stopped, err
		case !everReady:
			return Stopped, fmt.Errorf("the server did not start: %w", err)
		}
		if time.Since(started) >= steady {
			backoff = firstBackoff
		}
		opts.Log.Error("the serving process died; starting it again", "pid", c.cmd.Process.Pid, "err", err, "after", backoff)
		select {
		case <-time.After(backoff):
		case <-ctx.Done():
			return Stopped, nil
		}
		backoff = min(2*backoff, maxBackoff)
	}
}

// child is a parent's side of a child.
type child struct {
	opts     Options
	cmd      *exec.Cmd
	conn     net.Conn
	requests chan request
	done     chan struct{} // Closed once nobody takes requests.

	ready   bool // It has served.
	restart bool // It was promised a restart.
}

// start starts a child.
func start(opts Options) (*child, error) {
	ours, theirs, err := channel()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	cmd := exec.Command(opts.Executable, opts.Args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{theirs}
	fds := make([]int, len(opts.Sockets))
	for i, s := range opts.Sockets {
		fds[i] = 3 + len(cmd.ExtraFiles)
		cmd.ExtraFiles = append(cmd.ExtraFiles, s.File)
	}
	cmd.Env = append(opts.Env[:len(opts.Env):len(opts.Env)], channelVariable+"=3", opts.Sockets.environment(fds))
	// In a group of its own, so that an interrupt from a terminal reaches it once, through us.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if c := opts.Credential; c != nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: c.UID, Gid: c.GID}
	}
	if err := startConfined(cmd, opts.Credential != nil); err != nil {
		ours.Close()
		return nil, fmt.Errorf("starting %s: %w", opts.Executable, err)
	}
	return &child{opts: opts, cmd: cmd, conn: ours, requests: make(chan request), done: make(chan struct{})}, nil
}

// supervise answers a child until it has ended.
func (c *child) supervise(ctx context.Context, hangup <-chan os.Signal) error {
	defer c.conn.Close()
	defer close(c.done)
	ended := make(chan error, 1)
	go func() { ended <- c.cmd.Wait() }()
	go c.read()
	stop := ctx.Done()
	var kill <-chan time.Time
	for {
		select {
		case err := <-ended:
			return err
		case req, ok := <-c.requests:
			if !ok {
				c.requests = nil
				continue
			}
			if c.answer(req) {
				kill = time.After(stopPatience)
			}
		case <-hangup:
			c.signal(syscall.SIGHUP)
		case <-stop:
			stop = nil
			kill = time.After(stopPatience)
			c.signal(syscall.SIGTERM)
		case <-kill:
			c.opts.Log.Error("the serving process does not end and is killed", "pid", c.cmd.Process.Pid, "waited", stopPatience)
			c.signal(syscall.SIGKILL)
		}
	}
}

func (c *child) signal(sig syscall.Signal) {
	if err := c.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		c.opts.Log.Error("signal to the serving process", "signal", sig, "err", err)
	}
}

// read reads requests. A child that says anything else is not listened to any more.
func (c *child) read() {
	defer close(c.requests)
	r := bufio.NewReaderSize(c.conn, maxRequest)
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return
		}
		var req request
		if err := json.Unmarshal(line, &req); err != nil {
			c.opts.Log.Error("the serving process asks for something that is not understood", "err", err)
			return
		}
		select {
		case c.requests <- req:
		case <-c.done:
			return
		}
	}
}

// answer carries out a request, and tells whether the child is to end now.
func (c *child) answer(req request) (ends bool) {
	var r reply
	var err error
	switch req {
	case requestReady:
		first := !c.ready
		c.ready = true
		if first && c.opts.Ready != nil {
			c.opts.Ready(c.cmd.Process.Pid)
		}
	case requestFiles:
		r.Files, err = c.opts.Files()
	case requestRestart:
		if err = c.opts.Restartable(); err == nil {
			c.restart = true
		}
	default:
		err = errors.New("unknown request")
	}
	if err != nil {
		r = reply{Error: err.Error()}
	}
	// A child that does not read its answers must not keep us from our work.
	c.conn.SetWriteDeadline(time.Now().Add(10 * time.Second))
	if err := json.NewEncoder(c.conn).Encode(r); err != nil {
		c.opts.Log.Error("answering the serving process", "request", req, "err", err)
		c.conn.Close()
	}
	return req == requestRestart && c.restart
}

// Exec replaces this process by a program, which inherits the sockets. It returns only
// with an error.
func Exec(executable string, args, env []string, sockets Sockets) error {
	fds := make([]int, len(sockets))
	for i, s := range sockets {
		// A copy without the close-on-exec flag.
		fd, err := syscall.Dup(int(s.File.Fd()))
		if err != nil {
			return err
		}
		fds[i] = fd
	}
	err := syscall.Exec(executable, append([]string{executable}, args...), append(env[:len(env):len(env)], sockets.environment(fds)))
	for _, fd := range fds {
		syscall.Close(fd)
	}
	return fmt.Errorf("replacing this process by %s: %w", executable, err)
}

// channel returns a pair of connected sockets.
func channel() (ours net.Conn, theirs *os.File, err error) {
	syscall.ForkLock.RLock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, err
	}
	f := os.NewFile(uintptr(fds[0]), "child")
	theirs = os.NewFile(uintptr(fds[1]), "parent")
	ours, err = net.FileConn(f)
	if err = errors.Join(err, f.Close()); err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return ours, theirs, nil
}
