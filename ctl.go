package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mox/admin"
	"mox/config"
	"mox/imap"
	"mox/internal/ctl"
	"mox/internal/logging"
	"mox/queue"
	"mox/queuedb"
	"mox/store"
)

// operations answers calls on the control socket, or of a command that works without
// a server.
type operations struct {
	live  *config.Live
	store *store.Store
	queue func(ctx context.Context) (*outgoing, error) // Opened when first needed. Nil: there is none.
	log   *slog.Logger

	queueDir string

	// Of a running server; nil in a command without one.
	stop    func()                          // Has it stop.
	restart func(ctx context.Context) error // Arranges that another follows. Nil if nobody can.
	levels  *logging.Levels                 // Of its log.
	id      string                          // Of this start of the server, not used by another.

	certificates *certificates
}

// handlers is the table of calls. Their parameters and results are the types beside
// the methods.
func (o *operations) handlers() map[string]ctl.Handler {
	handlers := map[string]ctl.Handler{
		"config.reload":         o.configReload,
		"config.certificates":   o.configCertificates,
		"loglevels":             o.logLevels,
		"stop":                  o.stopServer,
		"restart":               o.restartServer,
		"process":               o.process,
		"setaccountpassword":    o.setAccountPassword,
		"sessions.list":         o.sessionsList,
		"sessions.attempts":     o.sessionsAttempts,
		"sessions.revoke":       o.sessionsRevoke,
		"import.mbox.resume":    o.importMboxResume,
		"import.mbox":           o.importMbox,
		"import.maildir.resume": o.importMaildirResume,
		"import.maildir":        o.importMaildir,
		"export.mailboxes":      o.exportMailboxes,
		"export.mbox":           o.exportMbox,
		"export.maildir":        o.exportMaildir,
		"verifydata":            o.verifyData,
		"recover":               o.recover,
		"compact":               o.compact,
		"backup.snapshot":       o.backupSnapshot,
		"bumpuidvalidity":       o.bumpUIDValidity,
		"recount":               o.recount,
		"reparse":               o.reparse,
		"queue.list":            o.queueList,
		"queue.hold":            queueChange(o, (*queue.Queue).Hold),
		"queue.unhold":          queueChange(o, (*queue.Queue).Unhold),
		"queue.fail":            queueChange(o, (*queue.Queue).Fail),
		"queue.drop":            queueChange(o, (*queue.Queue).Drop),
		"queue.schedule":        o.queueSchedule,
		"queue.dump":            o.queueDump,
	}
	maps.Copy(handlers, o.configHandlers())
	return handlers
}

// withRunningServer calls f with a client for the running server. It is an error if
// none runs.
func withRunningServer(cmd *cobra.Command, f func(ctx context.Context, c *ctl.Client) error) error {
	c, _, err := runningServer(cmd)
	if err != nil {
		return err
	}
	return f(cmd.Context(), c)
}

// runningServer returns a client for the running server, and its data directory.
func runningServer(cmd *cobra.Command) (c *ctl.Client, dataDir string, err error) {
	path, err := configPath(cmd)
	if err != nil {
		return nil, "", err
	}
	// Only mox.conf counts: domains.conf may have problems that the command is about.
	if dataDir, err = config.DataDir(path); err != nil {
		return nil, "", err
	}
	c, err = ctl.Dial(cmd.Context(), dataDir)
	if errors.Is(err, ctl.ErrNotRunning) {
		err = fmt.Errorf("%w: %s; start one with \"mox serve\" or \"mox localserve\", or name the configuration of the one that runs with --config", err, dataDir)
	}
	return c, dataDir, err
}

// withServer calls f with a client for the running server or, when none runs, for
// handlers in this process that work on the data directory.
func withServer(cmd *cobra.Command, f func(ctx context.Context, c *ctl.Client) error) error {
	return withServerOr(cmd, writing, f)
}

// withServerOr is withServer that says what is done to the data directory when no server runs.
func withServerOr(cmd *cobra.Command, access access, f func(ctx context.Context, c *ctl.Client) error) error {
	path, err := configPath(cmd)
	if err != nil {
		return err
	}
	// A running server has the configuration; this process may be one that cannot read all of it.
	dataDir, err := config.DataDir(path)
	if err != nil {
		return err
	}
	return withDataDir(cmd, dataDir, f, func(log *slog.Logger, closers *closers) (*operations, error) {
		live, err := config.Open(config.Options{Path: path, Offline: true})
		if err != nil {
			return nil, err
		}
		return openOperations(live, log, closers, access)
	})
}

// withDataDir is withServer for a data directory; open is called if no server runs.
func withDataDir(cmd *cobra.Command, dataDir string, f func(context.Context, *ctl.Client) error, open func(*slog.Logger, *closers) (*operations, error)) (rerr error) {
	ctx := cmd.Context()
	c, err := ctl.Dial(ctx, dataDir)
	if err == nil {
		return f(ctx, c)
	} else if !errors.Is(err, ctl.ErrNotRunning) {
		return err
	}
	var closers closers
	defer func() { rerr = errors.Join(rerr, closers.close(context.WithoutCancel(ctx))) }()
	o, err := open(commandLogger(cmd.ErrOrStderr()), &closers)
	if err != nil {
		return err
	}
	s := ctl.New(ctl.Options{Handlers: o.handlers(), Version: version()})
	err = f(ctx, ctl.Local(s))
	// An interrupted operation must have ended before what it uses is closed.
	return errors.Join(err, s.Shutdown(context.WithoutCancel(ctx)))
}

// commandLogger returns the logger of parts of mox that a command uses: only what goes
// wrong is shown.
func commandLogger(w io.Writer) *slog.Logger {
	var levels logging.Levels
	levels.Set(slog.LevelError, nil)
	return logging.New(w, &levels)
}

// openOperations opens the data directory for this process.
func openOperations(live *config.Live, log *slog.Logger, closers *closers, access access) (*operations, error) {
	cfg := live.Current()
	if access == reading {
		if err := checkOwner(cfg.DataDir); err != nil {
			return nil, err
		}
	} else if err := prepareDataDir(cfg); err != nil {
		return nil, err
	}
	st, err := openStore(live, log, nil, access)
	if err != nil {
		return nil, err
	}
	closers.add("closing accounts", func(context.Context) error { return st.Close() })
	if access == writing {
		if err := clearSpool(cfg); err != nil {
			return nil, err
		}
	}
	var q *outgoing
	return &operations{live: live, store: st, log: log, queueDir: queueDir(cfg.DataDir), queue: func(ctx context.Context) (*outgoing, error) {
		if q != nil {
			return q, nil
		}
		opened, err := openQueue(ctx, live, st, log, nil, closers, delivering{}, access)
		if err != nil {
			return nil, err
		}
		q = opened
		return q, nil
	}}, nil
}

// account opens an account of the configuration, and makes it if need be.
func (o *operations) account(ctx context.Context, name string) (*store.Account, error) {
	if o.live.Current().Account(name) == nil {
		return nil, fmt.Errorf("there is no account %q in domains.conf; its accounts are listed there under Accounts", name)
	}
	a, err := o.store.Open(ctx, name)
	if errors.Is(err, store.ErrNoAccount) {
		if err := o.store.Create(ctx, name); err != nil && !errors.Is(err, store.ErrAccountExists) {
			return nil, err
		}
		a, err = o.store.Open(ctx, name)
	}
	return a, err
}

// withAccount calls fn with the parameters of a call and the account that they name.
func withAccount[P interface{ account() string }](ctx context.Context, o *operations, c *ctl.Call, fn func(P, *store.Account) (any, error)) (any, error) {
	var p P
	if err := c.Params(&p); err != nil {
		return nil, err
	}
	a, err := o.account(ctx, p.account())
	if err != nil {
		return nil, err
	}
	defer a.Close()
	return fn(p, a)
}

func (o *operations) configReload(context.Context, *ctl.Call) (any, error) {
	return reload(o.live, o.log)
}

// reload reads the configuration again and logs what that means.
func reload(live *config.Live, log *slog.Logger) (config.Reloaded, error) {
	r, err := live.Reload()
	if err != nil {
		log.Error("the configuration is not reloaded, it has problems", "err", err)
		return r, err
	}
	log.Info("configuration reloaded", "domains.conf changed", r.Dynamic, "restart needed for mox.conf", r.NeedsRestart, "problems in mox.conf", r.StaticProblems)
	return r, nil
}

type setAccountPasswordParams struct {
	Account  string
	Password string
}

func (p setAccountPasswordParams) account() string { return p.Account }

func (o *operations) setAccountPassword(ctx context.Context, c *ctl.Call) (any, error) {
	return withAccount(ctx, o, c, func(p setAccountPasswordParams, a *store.Account) (any, error) {
		var extra []string
		if account := o.live.Current().Account(p.Account); account != nil {
			extra = account.PasswordMechanisms
		}
		return nil, a.SetPassword(ctx, store.System, p.Password, extra...)
	})
}

type mboxParams struct {
	Account string
	Mailbox string

	// For import.
	Source string
	Offset int64

	// For export, see admin.MboxExport.
	UIDValidity uint32
	After       imap.UID
}

func (p mboxParams) account() string { return p.Account }

func (o *operations) mboxImport(ctx context.Context, c *ctl.Call, f func(*admin.MboxImport) (any, error)) (any, error) {
	return withAccount(ctx, o, c, func(p mboxParams, a *store.Account) (any, error) {
		return f(&admin.MboxImport{
			Account:  a,
			Mailbox:  p.Mailbox,
			Source:   p.Source,
			Offset:   p.Offset,
			SpoolDir: spoolDir(o.live.Current()),
		})
	})
}

func (o *operations) importMboxResume(ctx context.Context, c *ctl.Call) (any, error) {
	return o.mboxImport(ctx, c, func(im *admin.MboxImport) (any, error) { return im.Resume(ctx) })
}

func (o *operations) importMbox(ctx context.Context, c *ctl.Call) (any, error) {
	return o.mboxImport(ctx, c, func(im *admin.MboxImport) (any, error) {
		im.Progress = func(p admin.ImportProgress) {
			// A client that is gone is noticed by reading its input.
			c.Progress(p)
		}
		p, err := im.Run(ctx, c.Input())
		return p, quotaAdvice(err)
	})
}

// quotaAdvice adds to an error of an import what to do about a full account.
func quotaAdvice(err error) error {
	if errors.Is(err, store.ErrQuota) {
		return fmt.Errorf("%w; raise QuotaMessageSize and run the import again, it goes on where it stopped", err)
	}
	return err
}

// exportMailboxes returns the names of the mailboxes that hold messages.
func (o *operations) exportMailboxes(ctx context.Context, c *ctl.Call) (any, error) {
	return withAccount(ctx, o, c, func(p mboxParams, a *store.Account) (any, error) {
		l, err := a.Mailboxes(ctx, store.System)
		if err != nil {
			return nil, err
		}
		names := []string{}
		for _, mb := range l {
			if mb.Counts.Total > 0 {
				names = append(names, mb.Name)
			}
		}
		return names, nil
	})
}

func (o *operations) exportMbox(ctx context.Context, c *ctl.Call) (any, error) {
	return withAccount(ctx, o, c, func(p mboxParams, a *store.Account) (any, error) {
		told := time.Now()
		ex := admin.MboxExport{
			Account:     a,
			Mailbox:     p.Mailbox,
			UIDValidity: p.UIDValidity,
			After:       p.After,
			Progress: func(p admin.ExportProgress) error {
				if time.Since(told) < progressInterval {
					return nil
				}
				told = time.Now()
				return c.Progress(p)
			},
		}
		return ex.Run(ctx, c.Output())
	})
}

type accountParams struct {
	Account string // Empty for all, where that is possible.
	Content bool   // For verifydata: read all messages.
	Force   bool   // For compact: also where little is gained.
}

// eachAccount calls f for the account of the parameters, or all.
func (o *operations) eachAccount(ctx context.Context, p accountParams, f func(account string) error) error {
	l, err := o.store.Accounts(ctx)
	if err != nil {
		return err
	}
	if p.Account != "" {
		if !slices.ContainsFunc(l, func(a store.AccountInfo) bool { return a.Name == p.Account }) {
			return o.noAccount(p.Account, l)
		}
		return f(p.Account)
	}
	var errs []error
	for _, a := range l {
		err := f(a.Name)
		if ctx.Err() != nil {
			return ctx.Err()
		} else if err != nil {
			// The others want it nevertheless.
			errs = append(errs, fmt.Errorf("account %s: %w", a.Name, err))
		}
	}
	return errors.Join(errs...)
}

// noAccount returns the error for a name that is none of the accounts there are.
func (o *operations) noAccount(name string, accounts []store.AccountInfo) error {
	const most = 10
	var names []string
	for _, a := range accounts {
		names = append(names, a.Name)
	}
	switch {
	case len(names) == 0:
		return fmt.Errorf("there is no account %q in the data directory, which has none", name)
	case len(names) > most:
		return fmt.Errorf("there is no account %q in the data directory; domains.conf lists the accounts under Accounts", name)
	}
	return fmt.Errorf("there is no account %q in the data directory; there are: %s", name, strings.Join(names, ", "))
}

// verifyResult tells what was checked. Problems are told as progress.
type verifyResult struct {
	Accounts, Problems int
}

func (o *operations) verifyData(ctx context.Context, c *ctl.Call) (any, error) {
	var p accountParams
	if err := c.Params(&p); err != nil {
		return nil, err
	}
	var r verifyResult
	var told error
	tell := func(problem store.Problem) {
		r.Problems++
		told = errors.Join(told, c.Progress(problem))
	}
	err := o.eachAccount(ctx, p, func(account string) error {
		r.Accounts++
		return o.store.Verify(ctx, account, p.Content, tell)
	})
	if p.Account == "" && ctx.Err() == nil {
		for _, problem := range o.store.LeftOut() {
			tell(problem)
		}
		qerr := o.verifyQueue(ctx, p.Content, func(problem string) {
			tell(store.Problem{What: problem, Cure: "restore " + o.queueDir + " from a backup, or drop the message with \"mox queue drop\"; a queue whose database is damaged can be moved away, what is in it is not delivered then"})
		})
		err = errors.Join(err, qerr)
	}
	return r, errors.Join(err, told)
}

// verifyQueue checks the queue, if there is one.
func (o *operations) verifyQueue(ctx context.Context, content bool, report func(problem string)) error {
	if _, err := os.Stat(o.queueDir); errors.Is(err, fs.ErrNotExist) {
		return nil // Nothing was ever queued.
	}
	db, err := o.queueDatabase(ctx)
	if errors.Is(err, queuedb.ErrDamaged) {
		report(err.Error())
		return nil
	} else if err != nil {
		return err
	}
	return db.Verify(ctx, content, report)
}

// queueDatabase returns the database of the queue.
func (o *operations) queueDatabase(ctx context.Context) (*queuedb.DB, error) {
	q, err := o.queue(ctx)
	if err != nil {
		return nil, err
	}
	return q.db, nil
}

func (o *operations) recover(ctx context.Context, c *ctl.Call) (any, error) {
	var p accountParams
	if err := c.Params(&p); err != nil {
		return nil, err
	}
	l, err := o.store.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(l, func(a store.AccountInfo) bool { return a.Name == p.Account }) {
		return nil, o.noAccount(p.Account, l)
	}
	return o.store.Recover(ctx, p.Account, throttled(func(s store.RecoverStats) { c.Progress(s) }))
}

func (o *operations) compact(ctx context.Context, c *ctl.Call) (any, error) {
	var p accountParams
	if err := c.Params(&p); err != nil {
		return nil, err
	}
	var sum store.CompactStats
	err := o.eachAccount(ctx, p, func(account string) error {
		stats, err := o.store.Compact(ctx, account, p.Force, func(int64, int64) {})
		sum.Before += stats.Before
		sum.After += stats.After
		return err
	})
	if p.Account != "" || ctx.Err() != nil {
		return sum, err
	}
	db, qerr := o.queueDatabase(ctx)
	if qerr != nil {
		return sum, errors.Join(err, qerr)
	}
	before, after, qerr := db.CompactNow(ctx, p.Force)
	sum.Before += before
	sum.After += after
	return sum, errors.Join(err, qerr)
}

// progressInterval is how often progress is told.
const progressInterval = 200 * time.Millisecond

// throttled returns a function that calls f at most once in a progressInterval.
func throttled[T any](f func(T)) func(T) {
	var last time.Time
	return func(v T) {
		if now := time.Now(); now.Sub(last) >= progressInterval {
			last = now
			f(v)
		}
	}
}

type queueParams struct {
	Filter  queuedb.Filter
	Page    queuedb.Page
	Next    time.Time         // For schedule.
	Message queuedb.MessageID // For dump.
}

func (o *operations) queueCall(ctx context.Context, c *ctl.Call) (*queue.Queue, queueParams, error) {
	var p queueParams
	if err := c.Params(&p); err != nil {
		return nil, p, err
	}
	q, err := o.queue(ctx)
	if err != nil {
		return nil, p, err
	}
	return q.queue, p, nil
}

func (o *operations) queueList(ctx context.Context, c *ctl.Call) (any, error) {
	q, p, err := o.queueCall(ctx, c)
	if err != nil {
		return nil, err
	}
	return q.List(ctx, p.Filter, p.Page)
}

// queueChange returns a handler for an operation that changes recipients and tells how
// many.
func queueChange(o *operations, change func(*queue.Queue, context.Context, queuedb.Filter) (int, error)) ctl.Handler {
	return func(ctx context.Context, c *ctl.Call) (any, error) {
		q, p, err := o.queueCall(ctx, c)
		if err != nil {
			return nil, err
		}
		return change(q, ctx, p.Filter)
	}
}

func (o *operations) queueSchedule(ctx context.Context, c *ctl.Call) (any, error) {
	q, p, err := o.queueCall(ctx, c)
	if err != nil {
		return nil, err
	}
	return q.Schedule(ctx, p.Filter, p.Next)
}

func (o *operations) queueDump(ctx context.Context, c *ctl.Call) (any, error) {
	q, p, err := o.queueCall(ctx, c)
	if err != nil {
		return nil, err
	}
	body, err := q.OpenBody(ctx, p.Message)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.Copy(c.Output(), io.NewSectionReader(body, 0, body.Size()))
}

// decodeProgress returns a ctl progress function for values of a type.
func decodeProgress[T any](f func(T)) func(json.RawMessage) {
	return func(value json.RawMessage) {
		var v T
		if json.Unmarshal(value, &v) == nil {
			f(v)
		}
	}
}
