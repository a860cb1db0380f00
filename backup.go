package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"mox/config"
	"mox/internal/backup"
	"mox/internal/ctl"
)

func backupCommand() *cobra.Command {
	var b backupRun
	cmd := &cobra.Command{
		Use:   "backup directory",
		Short: "Copy all data and the configuration to a directory",
		Long: `Backup makes a copy of the data directory and of the configuration in a new or
empty directory, from the running server or without one. All mail that was
acknowledged before is in it. The server goes on as usual; writes to an account
wait some milliseconds while its last changes are copied.

Each account and the queue are copied as they are at one moment. What never
changes, such as files full of messages, is copied once: with --incremental,
what an earlier backup in the same file system as the new one has is shared with
that. Each backup is whole by itself: any of them can be removed. If there is no
earlier backup of that name, as before the first one, everything is copied.

Where the directory is in the file system of the data directory, such files take
no space, as they become hard links. Root has them copied all the same, as the
user of the server can write to its files, and somebody who has broken into the
server could so spoil the backups; with --link they become hard links for root
too.

At the end the backup is checked as "mox verifydata" does; --quick leaves out
reading all messages. A manifest with sizes and checksums is written last: a
directory without manifest.json is no backup, and when the command is
interrupted it removes what it has written.

Of the configuration there are mox.conf, domains.conf and the files that they
name. Those that lie elsewhere than below mox.conf, or cannot be read by this
user, are named and not copied. The backup holds private keys and all mail:
keep it where nobody else can read it.`,
		Example: `  mox backup /backup/mox/monday
  mox backup --quick --incremental /backup/mox/monday /backup/mox/tuesday`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (rerr error) {
			var err error
			if b.dir, err = filepath.Abs(args[0]); err != nil {
				return err
			}
			b.cmd = cmd
			return backupAdvice(b.dir, b.run())
		},
	}
	cmd.Flags().StringVar(&b.incremental, "incremental", "", "earlier backup to share unchanged files with")
	cmd.Flags().BoolVar(&b.link, "link", false, "as root, share files with the data directory, whose owner can write to them")
	cmd.Flags().BoolVar(&b.quick, "quick", false, "do not read all messages at the end")
	return cmd
}

// backupAdvice adds to an error of making a backup what to do about it.
func backupAdvice(dir string, err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w; free space there: nothing is left of this backup", err)
	case errors.Is(err, backup.ErrNotEmpty):
		return fmt.Errorf("%w; name a new directory, e.g. %s", err, dir+"-"+time.Now().Format(time.DateOnly))
	}
	return err
}

// backupRun is one call of the command.
type backupRun struct {
	cmd         *cobra.Command
	dir         string
	incremental string
	quick       bool
	link        bool

	dataDir  string
	w        *backup.Writer
	line     *progressLine
	problems int
}

func (b *backupRun) run() (rerr error) {
	path, err := configPath(b.cmd)
	if err != nil {
		return err
	}
	// Only mox.conf counts: what is wrong elsewhere must not prevent a backup.
	if b.dataDir, err = config.DataDir(path); err != nil {
		return err
	}
	if rel, err := filepath.Rel(b.dataDir, b.dir); err == nil && filepath.IsLocal(rel) {
		return usagef("%s is in the data directory; name a directory outside of it", b.dir)
	}
	var earlier *backup.Backup
	if b.incremental != "" {
		switch earlier, err = backup.Open(b.incremental); {
		case err == nil:
			defer earlier.Close()
		case errors.Is(err, fs.ErrNotExist):
			// The first of many, or the last one was removed: no backup at all would be worse.
			fmt.Fprintf(b.cmd.ErrOrStderr(), "warning: there is no earlier backup %s; everything is copied\n", b.incremental)
		default:
			return fmt.Errorf("earlier backup: %w", err)
		}
	}
	if b.w, err = backup.Create(b.dir, earlier); err != nil {
		return err
	}
	defer func() { rerr = errors.Join(rerr, b.w.Abort()) }()
	b.line = newProgressLine(b.cmd.ErrOrStderr())
	defer b.line.end()
	if err := b.copyData(); err != nil {
		return err
	}
	if err := b.copyConfig(path); err != nil {
		return err
	}
	if err := b.w.Commit(backup.Manifest{Created: time.Now().UTC(), Program: "mox " + version(), Source: b.dataDir}); err != nil {
		return err
	}
	b.line.end()
	stats := b.w.Stats()
	fmt.Fprintf(b.cmd.OutOrStdout(), "%d files, %d bytes copied, %d bytes shared\n", stats.Files, stats.Copied, stats.Linked)
	return b.verify()
}

// copyData has a snapshot made and takes its files.
func (b *backupRun) copyData() error {
	open := func(log *slog.Logger, closers *closers) (*operations, error) {
		return openAccounts(b.dataDir, log, closers, reading)
	}
	return withDataDir(b.cmd, b.dataDir, func(ctx context.Context, c *ctl.Client) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		ready := make(chan string, 1)
		done := make(chan error, 1)
		pr, pw := io.Pipe()
		defer pw.Close()
		go func() {
			done <- c.Call(ctx, "backup.snapshot", backupParams{b.dir}, ctl.Streams{Input: pr, Progress: b.progress(ready)}, nil)
			pr.CloseWithError(io.ErrClosedPipe)
		}()
		select {
		case err := <-done:
			if err == nil {
				err = errors.New("the server has made no snapshot")
			}
			return err
		case dir := <-ready:
			if err := b.take(ctx, dir); err != nil {
				cancel()
				<-done // It removes the snapshot.
				return err
			}
		}
		if err := pw.Close(); err != nil {
			return err
		}
		return <-done
	}, open)
}

// openSnapshot opens the directory of a snapshot. One elsewhere than where snapshots are made, or that a link leads out of there, is
// refused: this command may have more rights than who made it.
func (b *backupRun) openSnapshot(dir string) (*os.Root, error) {
	for top, parent := range map[string]string{b.dataDir: spoolDirIn(b.dataDir), b.dir: b.dir} {
		if rel, err := filepath.Rel(parent, dir); err != nil || !filepath.IsLocal(rel) || rel == "." {
			continue
		}
		root, err := os.OpenRoot(top)
		if err != nil {
			return nil, err
		}
		defer root.Close()
		rel, err := filepath.Rel(top, dir)
		if err != nil {
			return nil, err
		}
		return root.OpenRoot(rel)
	}
	return nil, fmt.Errorf("the server has made its snapshot in %s, where none is expected", dir)
}

// progress returns a function that shows how far a snapshot is, and tells its directory to ready. Progress ends with that.
func (b *backupRun) progress(ready chan<- string) func(json.RawMessage) {
	told := false
	return decodeProgress(func(p backupProgress) {
		switch {
		case told: // There is nothing more to tell, and take tells of its own progress now.
		case p.Dir != "":
			told = true
			ready <- p.Dir
		case p.Problem != "":
			b.line.end()
			b.problems++
			fmt.Fprintln(b.cmd.ErrOrStderr(), p.Problem)
		default:
			b.line.printf("snapshot of %s, %d MB", p.What, p.Bytes>>20)
		}
	})
}

// take adds the files of a snapshot to the backup.
func (b *backupRun) take(ctx context.Context, dir string) error {
	root, err := b.openSnapshot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	var total, done int64
	last := map[string]string{} // Name of the last pack, by directory.
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		total += fi.Size()
		if strings.HasSuffix(name, packSuffix) {
			// They are walked in the order of names.
			last[path.Dir(name)] = backupData + "/" + name
		}
		return nil
	})
	if err != nil {
		return err
	}
	tell := throttled(func(n int64) { b.line.printf("copying, %d%% of %d MB", percent(n, total), total>>20) })
	return b.w.AddTree(ctx, root, backupData, backup.Options{
		Link:        true,
		LinkForeign: b.link,
		Fixed:       fixedIn(last),
		Progress: func(n int64) {
			done += n
			tell(done)
		},
	})
}

// Names in a backup.
const (
	backupData   = "data"
	backupConfig = "config"

	packSuffix  = ".pack"
	largeSuffix = ".blob"
)

// fixedIn returns a function that tells of a path in a backup whether a file of that name never changes: that of a large message, or
// of a pack that is not the last of its directory, to which a server appends.
func fixedIn(last map[string]string) func(path string) bool {
	lasts := map[string]bool{}
	for _, path := range last {
		lasts[path] = true
	}
	return func(path string) bool {
		return strings.HasSuffix(path, largeSuffix) || strings.HasSuffix(path, packSuffix) && !lasts[path]
	}
}

// copyConfig adds the configuration files.
func (b *backupRun) copyConfig(path string) error {
	files, err := config.NamedFiles(path)
	if err != nil {
		return err
	}
	top := filepath.Dir(files[0])
	root, err := os.OpenRoot(top)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, name := range files {
		rel, err := filepath.Rel(top, name)
		if err != nil || !filepath.IsLocal(rel) {
			b.notCopied(name, fmt.Errorf("it is not below %s", top))
			continue
		}
		if fi, err := root.Stat(rel); err != nil || !fi.Mode().IsRegular() {
			b.notCopied(name, cmp.Or(err, errors.New("it is no file")))
			continue
		}
		err = b.w.AddFile(b.cmd.Context(), root, rel, backupConfig+"/"+filepath.ToSlash(rel), backup.Options{})
		if errors.Is(err, fs.ErrPermission) {
			b.notCopied(name, err)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// notCopied names a file that is not in the backup.
func (b *backupRun) notCopied(name string, err error) {
	b.line.end()
	fmt.Fprintf(b.cmd.ErrOrStderr(), "not in the backup: %s: %v\n", name, err)
}

// verify checks what was made.
func (b *backupRun) verify() error {
	b.line.printf("checking the backup")
	r, err := verifyDirectory(b.cmd, filepath.Join(b.dir, backupData), accountParams{Content: !b.quick})
	b.line.end()
	if err != nil {
		return fmt.Errorf("checking the backup: %w", err)
	}
	if n := r.Problems + b.problems; n > 0 {
		return fmt.Errorf("%d problems in %d accounts; the backup is kept, and is as good as the data: run \"mox verifydata\"", n, r.Accounts)
	}
	_, err = fmt.Fprintf(b.cmd.OutOrStdout(), "no problems in %s\n", counted(r.Accounts, "account"))
	return err
}
