package replay

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"mox/internal/vfs"
)

// traced are the system calls that change files, or say which file a descriptor
// is, or would go unseen if they wrote to a file.
var traced = []string{
	"open", "openat", "creat", "close", "dup", "dup2", "dup3", "fcntl", "lseek", "read",
	"write", "pwrite64", "writev", "pwritev", "pwritev2", "truncate", "ftruncate", "fallocate",
	"fsync", "fdatasync", "sync_file_range", "syncfs", "sync",
	"rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "mkdir", "mkdirat", "link", "linkat",
	"copy_file_range", "sendfile", "splice", "mmap", "io_uring_setup", "chdir", "fchdir", "clone", "clone3", "fork", "vfork",
}

// TraceAvailable returns an error that says what is missing if Trace cannot work
// here.
func TraceAvailable() error {
	if _, err := exec.LookPath("strace"); err != nil {
		return errors.New("replay: the program strace is needed (Debian package strace)")
	}
	return nil
}

// Trace runs a command under strace until it ends and returns what it did to the
// directory root. What is there at the start counts as durable. What the command
// writes to its standard output becomes marks, one for each write, at the moment
// the write began, so that a mark is never later than others can see it. cmd.Stdout
// may be set, too.
//
// Only the process itself is seen, not those that it starts. It may not write to
// files below root through shared memory or by copying in the kernel, and only
// use paths without symbolic links. Trace returns an error for what it could
// not follow, and the error of the command if that fails; the log is good up to
// there.
func Trace(ctx context.Context, cmd *exec.Cmd, root string) (*Log, error) {
	if err := TraceAvailable(); err != nil {
		return nil, err
	}
	root, err := filepath.EvalSymlinks(root)
	if err != nil {
		return nil, err
	}
	img, err := Snapshot(vfs.OS{}, root)
	if err != nil {
		return nil, err
	}
	out, err := os.CreateTemp("", "mox-trace-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(out.Name())
	defer out.Close()

	args := []string{
		"-f", "--seccomp-bpf", "-qq", "-xx", "-s", "1073741823", "-e", "signal=none", "-e", "raw=read",
		"-e", "trace=" + strings.Join(traced, ","), "-o", out.Name(), cmd.Path,
	}
	under := exec.CommandContext(ctx, "strace", append(args, cmd.Args[1:]...)...)
	under.Env, under.Dir = cmd.Env, cmd.Dir
	under.Stdin, under.Stdout, under.Stderr = cmd.Stdin, cmd.Stdout, cmd.Stderr
	runErr := under.Run()

	cwd := cmd.Dir
	if cwd == "" {
		if cwd, err = os.Getwd(); err != nil {
			return nil, err
		}
	}
	log, err := parseTrace(out, img, root, cwd)
	if err != nil {
		return nil, err
	}
	if runErr != nil {
		return log, fmt.Errorf("replay: running %s: %w", cmd.Path, runErr)
	}
	return log, nil
}

// parseTrace reads the output of strace.
func parseTrace(f io.ReadSeeker, img *Image, root, cwd string) (*Log, error) {
	threads := map[int]bool{}
	first := 0
	err := eachLine(f, func(l line) error {
		if first == 0 {
			first = l.pid
		}
		if l.exit && strings.Contains(l.args, "CLONE_THREAD") {
			threads[int(l.ret)] = true
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	t, err := newTracer(img, root, cwd)
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	err = eachLine(f, func(l line) error {
		if l.pid != first && !threads[l.pid] {
			return nil
		}
		if err := t.line(l); err != nil {
			return fmt.Errorf("replay: %s(%s): %w", l.name, abbreviate(l.args), err)
		}
		return nil
	})
	return t.log, err
}

func abbreviate(s string) string {
	const most = 100
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

// eachLine calls fn for each line of strace's output that tells of a system call.
func eachLine(f io.Reader, fn func(line) error) error {
	pending := map[int]string{}
	r := bufio.NewReaderSize(f, 1<<20)
	for {
		text, err := r.ReadString('\n')
		if errors.Is(err, io.EOF) {
			// A line without end is what a killed process was doing.
			return nil
		} else if err != nil {
			return err
		}
		l, ok, err := parseLine(strings.TrimSuffix(text, "\n"), pending)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if err := fn(l); err != nil {
			return err
		}
	}
}
