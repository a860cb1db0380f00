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
	"strings"
	"syscall"
	"time"
)

// Times of a parent.
const (
	firstBackoff = 100 * time.Millisecond // Before the second start of a child that died.
	maxBackoff   = 30 * time.Second
	steady       = time.Minute // A child that lived as long is not blamed for what others did.

	defaultPatience = 30 * time.Second
	probePatience   = 10 * time.Second // For a program to end by itself.
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

	// Replaces tells that this process replaces one that served. A first child that fails is then started again as
	// others are: somebody may find out what is wrong, and connections wait.
	Replaces bool

	Patience time.Duration // For a child to end, before it is killed. Default: 30 s.

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
// each SIGHUP of this process once they are ready. It is an error if the first child ends before it is ready.
//
// After Restart, SIGHUP is ignored, also by what replaces this process until that calls Run: it reads
// everything anew.
func Run(ctx context.Context, opts Options) (Outcome, error) {
	if opts.Patience == 0 {
		opts.Patience = defaultPatience
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	backoff, served := firstBackoff, opts.Replaces
	for {
		started := time.Now()
		c, err := start(opts)
		if err == nil {
			err = c.supervise(ctx, hangup)
			served = served || c.ready
			switch {
			case c.restart && ctx.Err() == nil:
				signal.Ignore(syscall.SIGHUP)
				return Restart, nil
			case err == nil || ctx.Err() != nil:
				return Stopped, err
			}
		}
		if !served {
			return Stopped, fmt.Errorf("the server did not start: %w", err)
		}
		if time.Since(started) >= steady {
			backoff = firstBackoff
		}
		opts.Log.Error("the serving process died, or did not start; starting it again", "err", err, "after", backoff)
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
	// In a session of its own, so that an interrupt from a terminal reaches it once, through us, and that it cannot type
	// into the terminal of root that its log goes to.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
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
	var kill <-chan time.Time // Once it is to end.
	end := func() {
		// Not again: a child must not get more time by asking.
		if kill == nil {
			kill = time.After(c.opts.Patience)
		}
	}
	hungUp := false // Before it was ready, when the signal would end it.
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
				end()
			}
			if c.ready && hungUp {
				hungUp = false
				c.signal(syscall.SIGHUP)
			}
		case <-hangup:
			if !c.ready {
				hungUp = true
			} else if kill == nil {
				c.signal(syscall.SIGHUP)
			}
		case <-stop:
			stop = nil
			end()
			c.signal(syscall.SIGTERM)
		case <-kill:
			c.opts.Log.Error("the serving process does not end and is killed", "pid", c.cmd.Process.Pid, "waited", c.opts.Patience)
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

// Probe runs a program, as the user of a child, and returns an error if that fails or takes too long.
func Probe(ctx context.Context, executable string, args, env []string, user *Credential) error {
	ctx, cancel := context.WithTimeout(ctx, probePatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, executable, args...)
	cmd.Env = env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if user != nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: user.UID, Gid: user.GID}
	}
	err := startConfined(cmd, user != nil)
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", executable, strings.Join(args, " "), err)
	}
	return nil
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
