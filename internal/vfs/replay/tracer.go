package replay

import (
	"errors"
	"path/filepath"
	"strconv"
	"strings"
)

// tracer turns system calls into a log.
type tracer struct {
	log  *Log
	disk *Disk // After the log so far, to know what names are.
	root string
	cwd  string
	fds  map[int]*descriptor

	// started is the length of the log when calls began that have not ended, by
	// thread.
	started map[int]int
}

// descriptor is an open file or directory, maybe with several numbers.
type descriptor struct {
	abs    string // Path as opened.
	n      *inode // Nil for what is not below the root.
	path   string // Relative to the root, if n is set.
	pos    int64
	append bool
}

func newTracer(img *Image, root, cwd string) (*tracer, error) {
	t := &tracer{log: &Log{}, disk: NewDisk(), root: root, cwd: cwd, fds: map[int]*descriptor{}, started: map[int]int{}}
	for _, op := range img.log().Ops {
		if err := t.do(op); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// do adds an operation to the log.
func (t *tracer) do(op Op) error {
	if op.Kind == Create {
		op.File = t.log.files
		t.log.files++
	}
	t.log.Ops = append(t.log.Ops, op)
	return t.disk.Apply(op)
}

var errUnseen = errors.New("cannot be followed")

// line does what a line of the trace says.
func (t *tracer) line(l line) error {
	if l.enter {
		t.started[l.pid] = len(t.log.Ops)
		if err := t.enter(l); err != nil {
			return err
		}
	}
	if !l.exit {
		return nil
	}
	start := t.started[l.pid]
	if l.failed && l.name != "fsync" && l.name != "fdatasync" {
		return nil
	}
	return t.exit(l, start)
}

// enter does what counts from the beginning of a call on.
func (t *tracer) enter(l line) error {
	args := l.arguments()
	switch l.name {
	case "close":
		// Another thread may get the number before this one returns.
		delete(t.fds, number(args[0]))
	case "write":
		if number(args[0]) != 1 || t.fds[1] != nil {
			return nil
		}
		b, err := unquote(args[1])
		if err != nil {
			return err
		}
		return t.do(Op{Kind: Mark, Note: string(b)})
	}
	return nil
}

func number(arg string) int {
	n, err := strconv.ParseInt(arg, 0, 64)
	if err != nil {
		return -1
	}
	return int(n)
}

// exit does what a call did that succeeded, or that is a sync.
func (t *tracer) exit(l line, start int) error {
	args := l.arguments()
	switch l.name {
	case "open", "openat", "creat":
		return t.open(l, args)
	case "dup", "dup2", "dup3", "fcntl":
		if l.name != "fcntl" || strings.HasPrefix(args[1], "F_DUPFD") {
			t.fds[int(l.ret)] = t.fds[number(args[0])]
		}
		return nil
	case "rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat", "rmdir", "mkdir", "mkdirat":
		return t.name(l, args)
	case "truncate":
		n, err := t.lookup("AT_FDCWD", args[0])
		if err != nil || n == nil {
			return err
		}
		return t.do(Op{Kind: Truncate, File: n.number, Off: int64(number(args[1]))})
	case "mmap":
		d := t.fds[number(args[4])]
		if d != nil && d.n != nil && strings.Contains(args[2], "PROT_WRITE") && strings.Contains(args[3], "MAP_SHARED") {
			return errUnseen
		}
		return nil
	case "copy_file_range", "splice":
		return t.unseen(args[2])
	case "sendfile":
		return t.unseen(args[0])
	case "io_uring_setup", "fchdir":
		return errUnseen
	case "chdir":
		abs, err := t.absolute("AT_FDCWD", args[0])
		if err == nil {
			t.cwd = abs
		}
		return err
	case "sync", "syncfs", "sync_file_range", "close", "clone", "clone3", "fork", "vfork":
		// Nothing here counts as durable by them.
		return nil
	}
	if d := t.fds[number(args[0])]; d != nil && d.n != nil {
		return t.file(l, args, d, start)
	}
	return nil
}

// unseen is an error if a descriptor is below the root.
func (t *tracer) unseen(fd string) error {
	if d := t.fds[number(fd)]; d != nil && d.n != nil {
		return errUnseen
	}
	return nil
}

// open gives a descriptor its file.
func (t *tracer) open(l line, args []string) error {
	dir, flags := "AT_FDCWD", ""
	switch {
	case l.name == "openat":
		dir, args = args[0], args[1:]
		flags = args[1]
	case l.name == "open":
		flags = args[1]
	default:
		flags = "O_CREAT|O_TRUNC"
	}
	abs, err := t.absolute(dir, args[0])
	if err != nil {
		return err
	}
	d := &descriptor{abs: abs}
	t.fds[int(l.ret)] = d
	p, ok := t.below(abs)
	if !ok {
		return nil
	}
	has := func(flag string) bool { return strings.Contains("|"+flags+"|", "|"+flag+"|") }
	if has("O_TMPFILE") {
		return errUnseen
	}
	n, exists := t.disk.find(p)
	switch {
	case !exists && has("O_CREAT"):
		if err := t.do(Op{Kind: Create, Path: p}); err != nil {
			return err
		}
		n, _ = t.disk.find(p)
	case !exists:
		return errors.New("opened a file that there should not be")
	case has("O_TRUNC"):
		if err := t.do(Op{Kind: Truncate, File: n.number}); err != nil {
			return err
		}
	}
	d.n, d.path, d.append = n, p, has("O_APPEND")
	return nil
}

// name does what changes names.
func (t *tracer) name(l line, args []string) error {
	at := strings.HasSuffix(l.name, "at") || l.name == "renameat2"
	dir := func(i int) string {
		if at {
			return args[2*i]
		}
		return "AT_FDCWD"
	}
	arg := func(i int) string {
		if at {
			return args[2*i+1]
		}
		return args[i]
	}
	p, ok, err := t.path(dir(0), arg(0))
	if err != nil {
		return err
	}
	op := Op{Path: p}
	switch {
	case strings.HasPrefix(l.name, "mkdir"):
		op.Kind = Mkdir
	case strings.HasPrefix(l.name, "unlink"), l.name == "rmdir":
		op.Kind = Remove
	default:
		op.Kind = Rename
		if strings.HasPrefix(l.name, "link") {
			op.Kind = Link
		}
		p, ok2, err := t.path(dir(1), arg(1))
		if err != nil {
			return err
		}
		if ok != ok2 {
			return errUnseen
		}
		op.NewPath = p
	}
	if !ok {
		return nil
	}
	return t.do(op)
}

// file does what a call did to an open file below the root.
func (t *tracer) file(l line, args []string, d *descriptor, start int) error {
	switch l.name {
	case "lseek":
		d.pos = l.ret
	case "read":
		d.pos += l.ret
	case "write", "writev":
		if d.append {
			d.pos = d.n.size()
		}
		err := t.write(l, args[1], d, d.pos)
		d.pos += l.ret
		return err
	case "pwrite64", "pwritev", "pwritev2":
		return t.write(l, args[1], d, int64(number(args[3])))
	case "ftruncate":
		return t.do(Op{Kind: Truncate, File: d.n.number, Off: int64(number(args[1]))})
	case "fallocate":
		end := int64(number(args[2]) + number(args[3]))
		switch mode := args[1]; {
		case mode == "FALLOC_FL_KEEP_SIZE":
		case mode != "0":
			return errUnseen
		case end > d.n.size():
			return t.do(Op{Kind: Truncate, File: d.n.number, Off: end})
		}
	case "fsync", "fdatasync":
		op := Op{Kind: Sync, File: d.n.number, Start: start}
		switch {
		case l.failed && l.ret == 0:
			return nil // It did not return.
		case d.n.dir && l.failed:
			return nil
		case d.n.dir:
			op = Op{Kind: SyncDir, Path: d.path, Start: start}
		case l.failed:
			op.Kind = SyncFailed
		}
		return t.do(op)
	}
	return nil
}

// write does what a write did.
func (t *tracer) write(l line, arg string, d *descriptor, off int64) error {
	read := unquote
	if strings.HasPrefix(arg, "[") {
		read = vectors
	}
	b, err := read(arg)
	if err != nil {
		return err
	}
	if int64(len(b)) < l.ret {
		return errArgument
	}
	return t.do(Op{Kind: Write, File: d.n.number, Off: off, Data: b[:l.ret]})
}

// path returns the path below the root that a call was given, false if it is
// elsewhere.
func (t *tracer) path(dirfd, arg string) (string, bool, error) {
	abs, err := t.absolute(dirfd, arg)
	if err != nil {
		return "", false, err
	}
	p, ok := t.below(abs)
	return p, ok, nil
}

// absolute returns the absolute path of a call's arguments.
func (t *tracer) absolute(dirfd, arg string) (string, error) {
	b, err := unquote(arg)
	if err != nil {
		return "", err
	}
	p := string(b)
	switch d := t.fds[number(dirfd)]; {
	case filepath.IsAbs(p):
		return filepath.Clean(p), nil
	case dirfd == "AT_FDCWD":
		return filepath.Join(t.cwd, p), nil
	case d != nil:
		return filepath.Join(d.abs, p), nil
	}
	return "", errUnseen
}

// below returns the path relative to the root.
func (t *tracer) below(abs string) (string, bool) {
	rel, err := filepath.Rel(t.root, abs)
	if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		return "", false
	}
	return rel, true
}

// lookup returns what a path names, nil if it is not below the root.
func (t *tracer) lookup(dirfd, arg string) (*inode, error) {
	p, ok, err := t.path(dirfd, arg)
	if err != nil || !ok {
		return nil, err
	}
	n, found := t.disk.find(p)
	if !found {
		return nil, errors.New("no such file")
	}
	return n, nil
}
