package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"mox/internal/atomicfile"
	"mox/internal/backup"
	"mox/queuedb"
	"mox/store"
)

// restorePart is the directory in a data directory in which a restore works until it is complete.
const restorePart = "restore.part"

func restoreCommand() *cobra.Command {
	var r restoreRun
	cmd := &cobra.Command{
		Use:   "restore backup data-directory",
		Short: "Make a data directory from a backup",
		Long: `Restore copies the data of a backup to a new or empty directory, and compares
checksums on the way. Nothing is ever overwritten, and the backup stays as it
is. No server may use the directory until the command has ended.

As mail may have come and gone since the backup, what is restored is marked as
another state of the accounts, so that nobody takes it for the one he knew:
- All mailboxes get a new UIDVALIDITY, and messages new UIDs. Mail programs give
  up what they keep of them and download it anew; nothing is mixed up.
- Numbers of changes (modseqs) go on above the present time.
- All messages in the queue are put on hold, as they may have been delivered
  since. See "mox queue list --state held", and use "mox queue drop" for those
  that were, then "mox queue unhold". Each keeps the time of its next attempt;
  "mox queue schedule" has it tried now.
- Submissions that the queue had not taken yet are canceled.

With --exact nothing of this is done. That is right only for moving a server:
it was stopped before the backup was made and never ran since.

With --config-directory, the configuration files of the backup are copied as
well, to a new or empty directory. With --dry-run the backup is read and
checked, and nothing is written. Damaged files end the command unless
--keep-damaged is given: then what there is of them is copied.

As root, what is restored gets the owner of the data directory, if that exists.`,
		Example: `  mox restore /backup/mox/monday /home/mox/data
  mox restore --exact --config-directory config /mnt/old/backup data
  mox restore --dry-run /backup/mox/monday /home/mox/data`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			r.cmd, r.from = cmd, args[0]
			if r.to, err = filepath.Abs(args[1]); err != nil {
				return err
			}
			if r.configDir != "" {
				if r.configDir, err = filepath.Abs(r.configDir); err != nil {
					return err
				}
			}
			return r.run()
		},
	}
	cmd.Flags().BoolVar(&r.exact, "exact", false, "change nothing: for moving a server that was stopped before the backup")
	cmd.Flags().BoolVar(&r.dryRun, "dry-run", false, "check the backup and write nothing")
	cmd.Flags().BoolVar(&r.keepDamaged, "keep-damaged", false, "copy what there is of damaged files")
	cmd.Flags().StringVar(&r.configDir, "config-directory", "", "also copy the configuration, to this new or empty directory")
	return cmd
}

// restoreRun is one call of the command.
type restoreRun struct {
	cmd                        *cobra.Command
	from, to, configDir        string
	exact, dryRun, keepDamaged bool

	made     []string // Directories that were made.
	problems int
	line     *progressLine
}

func (r *restoreRun) printf(format string, args ...any) {
	r.line.end()
	fmt.Fprintf(r.cmd.OutOrStdout(), format+"\n", args...)
}

func (r *restoreRun) run() (rerr error) {
	ctx := r.cmd.Context()
	r.line = newProgressLine(r.cmd.ErrOrStderr())
	defer r.line.end()
	b, err := backup.Open(r.from)
	if err != nil {
		return err
	}
	defer b.Close()
	if err := r.checkEmpty(); err != nil {
		return err
	}
	r.printf("backup of %s, made %s by %s: %d files, %d MB", b.Source, b.Created.Local().Format(time.DateTime), b.Program, len(b.Files), (b.Size(backupData)+b.Size(backupConfig))>>20)
	if r.dryRun {
		return r.check(ctx, b)
	}
	if err := r.prepare(); err != nil {
		return err
	}
	part := filepath.Join(r.to, restorePart)
	defer func() {
		if rerr != nil {
			rerr = errors.Join(rerr, r.undo())
		}
	}()
	if err := r.copyOut(ctx, b, backupData, filepath.Join(part, backupData)); err != nil {
		return err
	}
	if r.configDir != "" {
		if err := r.copyOut(ctx, b, backupConfig, filepath.Join(part, backupConfig)); err != nil {
			return err
		}
	}
	if !r.exact {
		if err := r.mark(ctx, filepath.Join(part, backupData)); err != nil {
			return err
		}
	}
	if err := r.putInPlace(part); err != nil {
		return err
	}
	r.printf("restored to %s", r.to)
	if r.problems > 0 {
		return fmt.Errorf("%d problems; run \"mox verifydata --fix %s\" before a server is started", r.problems, r.to)
	}
	return nil
}

// checkEmpty refuses directories with content, but for that of a restore that was killed.
func (r *restoreRun) checkEmpty() error {
	entries, err := os.ReadDir(r.to)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	has := func(name string) bool {
		return slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == name })
	}
	// The accounts come last, so one that was killed has none.
	if len(entries) > 0 && (!has(restorePart) || has("accounts")) {
		return fmt.Errorf("%s is not empty, it has %s; name a new or empty directory", r.to, entries[0].Name())
	}
	if r.configDir == "" {
		return nil
	}
	if rel, err := filepath.Rel(r.to, r.configDir); err == nil && filepath.IsLocal(rel) {
		return usagef("the configuration cannot be in the data directory")
	}
	entries, err = os.ReadDir(r.configDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s is not empty, it has %s; name a new or empty directory for the configuration", r.configDir, entries[0].Name())
	}
	return nil
}

// check is what is done instead of a restore with --dry-run.
func (r *restoreRun) check(ctx context.Context, b *backup.Backup) error {
	problems := 0
	err := b.Check(ctx, func(*backup.File) bool { return true }, func(p backup.Problem) {
		problems++
		r.printf("%v", p)
	})
	if err != nil {
		return err
	}
	if problems > 0 {
		return fmt.Errorf("%d files are damaged; restore another backup, or what there is with --keep-damaged", problems)
	}
	what := "with new UIDVALIDITYs, and the queue on hold"
	if r.exact {
		what = "exactly as it is"
	}
	r.printf("all files are good; they would be restored to %s, %s", r.to, what)
	return nil
}

// prepare makes the directories.
func (r *restoreRun) prepare() error {
	part := filepath.Join(r.to, restorePart)
	if _, err := os.Lstat(part); err == nil {
		// Of a restore that was killed. All that is there is from it.
		if err := r.removeLeft(); err != nil {
			return err
		}
	}
	dirs := []string{r.to, part}
	if r.configDir != "" {
		dirs = append(dirs, r.configDir)
	}
	for _, dir := range dirs {
		err := os.Mkdir(dir, 0o700)
		if err == nil {
			r.made = append(r.made, dir)
		} else if !errors.Is(err, fs.ErrExist) {
			return errors.Join(err, r.undo())
		}
	}
	return nil
}

// removeLeft removes what a restore that was killed has left. The directory in which it has worked goes last.
func (r *restoreRun) removeLeft() error {
	entries, err := os.ReadDir(r.to)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == restorePart {
			continue
		}
		if err := os.RemoveAll(filepath.Join(r.to, e.Name())); err != nil {
			return err
		}
	}
	return os.RemoveAll(filepath.Join(r.to, restorePart))
}

// undo removes what was written.
func (r *restoreRun) undo() error {
	if _, err := os.Lstat(accountsDir(r.to)); err == nil {
		return nil // All is in place.
	}
	err := r.removeLeft()
	for _, dir := range slices.Backward(r.made) {
		if filepath.Base(dir) != restorePart {
			err = errors.Join(err, os.Remove(dir))
		}
	}
	return err
}

// copyOut copies a directory of the backup.
func (r *restoreRun) copyOut(ctx context.Context, b *backup.Backup, dir, to string) error {
	var done int64
	total := b.Size(dir)
	tell := throttled(func(n int64) { r.line.printf("copying, %d%% of %d MB", percent(n, total), total>>20) })
	return b.CopyOut(ctx, dir, to, func(p backup.Problem) error {
		if !r.keepDamaged {
			return fmt.Errorf("%w; nothing was restored: restore another backup, or what there is with --keep-damaged", p)
		}
		r.problems++
		r.printf("%v", p)
		return nil
	}, func(n int64) {
		done += n
		tell(done)
	})
}

// mark makes what was restored another state than what there was.
func (r *restoreRun) mark(ctx context.Context, data string) (rerr error) {
	log := commandLogger(r.cmd.ErrOrStderr())
	st, err := store.New(store.Options{Dir: accountsDir(data), Log: log.With("pkg", "store")})
	if err != nil {
		return err
	}
	defer func() { rerr = errors.Join(rerr, st.Close()) }()
	l, err := st.Accounts(ctx)
	if err != nil {
		return err
	}
	var sum store.Restored
	for _, a := range l {
		m, err := st.MarkRestored(ctx, a.Name)
		if errors.Is(err, store.ErrDamaged) {
			r.problems++
			r.printf("account %s: %v", a.Name, err)
			continue
		} else if err != nil {
			return fmt.Errorf("account %s: %w", a.Name, err)
		}
		sum.Mailboxes += m.Mailboxes
		sum.Canceled += m.Canceled
	}
	for _, p := range st.LeftOut() {
		r.problems++
		r.printf("account %s has its old UIDVALIDITYs: %s; %s, then run \"mox bumpuidvalidity\"", p.Account, p.What, p.Cure)
	}
	r.printf("%d accounts: %d mailboxes have a new UIDVALIDITY, so mail programs download them anew", len(l), sum.Mailboxes)
	if sum.Canceled > 0 {
		r.printf("%d submissions that the queue had not taken yet are canceled; what was sent is in the sender's mailbox, if he keeps copies", sum.Canceled)
	}
	return r.holdQueue(ctx, queueDir(data))
}

// holdQueue puts the restored queue on hold.
func (r *restoreRun) holdQueue(ctx context.Context, dir string) (rerr error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	db, err := queuedb.Open(ctx, queuedb.Options{Dir: dir, Log: commandLogger(r.cmd.ErrOrStderr()).With("pkg", "queue")})
	if errors.Is(err, queuedb.ErrDamaged) {
		r.problems++
		r.printf("queue: %v", err)
		return nil
	} else if err != nil {
		return err
	}
	defer func() { rerr = errors.Join(rerr, db.Close()) }()
	held := 0
	err = db.Update(ctx, queuedb.Filter{}, queuedb.Change{State: queuedb.Held, Note: "restored from a backup"}, func(ch queuedb.Changed) {
		held += len(ch.Recipients)
	})
	if err == nil && held > 0 {
		r.printf(`the queue is on hold: %d recipients may have got their message since the backup
"mox queue list --state held" shows them; remove those that have it with "mox queue drop", then release the others:
  mox queue unhold --state held
Each is tried when its next attempt was due. To have all of them tried now, also those to be sent later:
  mox queue schedule --state waiting`, held)
	}
	return err
}

// putInPlace moves what was restored to where it belongs. The accounts go last: with them the data directory is whole.
func (r *restoreRun) putInPlace(part string) error {
	r.line.printf("putting in place")
	data := filepath.Join(part, backupData)
	if err := r.own(part); err != nil {
		return err
	}
	if r.configDir != "" {
		if err := moveAll(filepath.Join(part, backupConfig), r.configDir); err != nil {
			return err
		}
	}
	if err := moveAll(data, r.to, "accounts"); err != nil {
		return err
	}
	if err := os.Rename(accountsDir(data), accountsDir(r.to)); err != nil {
		return err
	}
	if err := os.RemoveAll(part); err != nil {
		return err
	}
	return syncDirectory(r.to)
}

// own gives what was restored the owner of the data directory, if that is another one.
func (r *restoreRun) own(part string) error {
	uid, gid, ok := ownerOf(r.to)
	if !ok || uid == os.Geteuid() || os.Geteuid() != 0 {
		return nil
	}
	return filepath.WalkDir(filepath.Join(part, backupData), func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(name, uid, gid)
	})
}

// moveAll moves what a directory has, except for some names, to another. In another file system it is copied.
func moveAll(from, to string, except ...string) error {
	entries, err := os.ReadDir(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	for _, e := range entries {
		if slices.Contains(except, e.Name()) {
			continue
		}
		old, name := filepath.Join(from, e.Name()), filepath.Join(to, e.Name())
		if err := os.Rename(old, name); err == nil {
			continue
		}
		if err := copyTree(old, name); err != nil {
			return err
		}
	}
	return syncDirectory(to)
}

// copyTree copies a file or directory to a new one, durably, with private keys in it for nobody else to read.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		dst := filepath.Join(to, rel)
		if d.IsDir() {
			if err := os.Mkdir(dst, 0o700); err != nil {
				return err
			}
		} else {
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			if err := atomicfile.Write(dst, data, 0o600); err != nil {
				return err
			}
		}
		return syncDirectory(filepath.Dir(dst))
	})
}

func syncDirectory(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// checkRestored refuses a data directory in which a restore has not come to its end.
func checkRestored(dataDir string) error {
	if _, err := os.Lstat(filepath.Join(dataDir, restorePart)); err == nil {
		return fmt.Errorf("a restore to the data directory %s was not finished; run \"mox restore\" again", dataDir)
	}
	return nil
}
