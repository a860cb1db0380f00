package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"mox/internal/ctl"
	"mox/store"
	"mox/websession"
)

func sessionsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sessions",
		Short: "List and end logins of an account to web pages, and see who tried to log in",
		Long: `Sessions has subcommands for the browsers that are logged in to the web pages of
an account, and for the attempts to log in to it, with any protocol.`,
		RunE: groupRun,
	}
	cmd.AddCommand(sessionsListCommand(), sessionsRevokeCommand(), sessionsAttemptsCommand())
	return cmd
}

func sessionsListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list account",
		Short: "List the browsers that are logged in",
		Long: `List prints the web sessions of an account, a line each, the one used last
first: id, pages, when it began and was last used, address of the client at the
login, and browser. Times of use are some minutes early at most.`,
		Example: `  mox sessions list ann
  mox sessions list ann --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return listOfAccount(cmd, "sessions.list", args[0], asJSON, func(i websession.Info) []string {
				return []string{i.ID, i.Service, timeText(i.Created), timeText(i.LastUse), orDash(i.Client), orDash(i.UserAgent)}
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func sessionsAttemptsCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "attempts account",
		Short: "List the attempts to log in",
		Long: `Attempts prints who tried to log in to an account in the last 60 days, over
SMTP, IMAP and on web pages, the latest first. Attempts of one day that were
alike are one line: when the last one was, how many there were, the result,
protocol and mechanism, address of the client, and browser.

Results are ok, credentials (they were wrong), limited (too many had failed
before), disabled, connections (the account had too many) and error. Attempts
with addresses that no account has are only in the log.`,
		Example: `  mox sessions attempts ann
  mox sessions attempts ann --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return listOfAccount(cmd, "sessions.attempts", args[0], asJSON, func(a websession.Attempt) []string {
				return []string{
					timeText(a.Last), fmt.Sprintf("%dx", a.Count), string(a.Result), orDash(a.Protocol), orDash(a.Mechanism),
					orDash(a.Client), orDash(a.UserAgent),
				}
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func sessionsRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "revoke account [id]",
		Short: "End one or all logins to web pages",
		Long: `Revoke ends a web session of an account, whose id "mox sessions list" shows, or
without an id all of them. Pages that are open ask for the password then. Who
knows the password can log in again; "mox setaccountpassword" changes it, which
ends all sessions too.`,
		Example: `  mox sessions revoke ann 1f0d93c2a7b84e65
  mox sessions revoke ann`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			p := sessionsParams{Account: args[0]}
			if len(args) > 1 {
				id, ok := websession.ParseID(args[1])
				if !ok {
					return usagef("%q is not the id of a session; \"mox sessions list\" shows them", args[1])
				}
				p.ID = id
			}
			var n int
			err := withServer(cmd, func(ctx context.Context, c *ctl.Client) error {
				return c.Call(ctx, "sessions.revoke", p, ctl.Streams{}, &n)
			})
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s ended\n", counted(n, "session"))
			return err
		},
	}
}

// listOfAccount prints what a call tells of an account.
func listOfAccount[T any](cmd *cobra.Command, call, account string, asJSON bool, cells func(T) []string) error {
	l := []T{}
	err := withServerOr(cmd, reading, func(ctx context.Context, c *ctl.Client) error {
		return c.Call(ctx, call, sessionsParams{Account: account}, ctl.Streams{}, &l)
	})
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(cmd, l)
	}
	r := newReport()
	for _, v := range l {
		r.cells(cells(v)...)
	}
	_, err = cmd.OutOrStdout().Write(r.bytes())
	return err
}

func timeText(t time.Time) string { return t.Local().Format(time.DateTime) }

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

type sessionsParams struct {
	Account string
	ID      store.WebSessionID // For sessions.revoke; zero for all.
}

// ofAccount calls f with the account that a call is about.
func ofAccount[T any](ctx context.Context, o *operations, c *ctl.Call, f func(*store.Account, sessionsParams) (T, error)) (_ any, rerr error) {
	var p sessionsParams
	if err := c.Params(&p); err != nil {
		return nil, err
	}
	a, err := o.existingAccount(ctx, p.Account)
	if err != nil {
		return nil, err
	}
	defer func() { rerr = errors.Join(rerr, a.Close()) }()
	return f(a, p)
}

func (o *operations) sessionsList(ctx context.Context, c *ctl.Call) (any, error) {
	return ofAccount(ctx, o, c, func(a *store.Account, _ sessionsParams) ([]websession.Info, error) {
		l, err := a.WebSessions(ctx)
		infos := make([]websession.Info, len(l))
		for i, s := range l {
			infos[i] = websession.NewInfo(s)
		}
		return infos, err
	})
}

func (o *operations) sessionsAttempts(ctx context.Context, c *ctl.Call) (any, error) {
	return ofAccount(ctx, o, c, func(a *store.Account, _ sessionsParams) ([]websession.Attempt, error) {
		l, err := a.LoginAttempts(ctx)
		attempts := make([]websession.Attempt, len(l))
		for i, s := range l {
			attempts[i] = websession.NewAttempt(s)
		}
		return attempts, err
	})
}

func (o *operations) sessionsRevoke(ctx context.Context, c *ctl.Call) (any, error) {
	return ofAccount(ctx, o, c, func(a *store.Account, p sessionsParams) (n int, err error) {
		if p.ID == 0 {
			n, err = a.RemoveWebSessions(ctx, store.System, 0)
		} else if err = a.RemoveWebSession(ctx, store.System, p.ID); err == nil {
			n = 1
		}
		if errors.Is(err, store.ErrNoWebSession) {
			err = fmt.Errorf("account %s has no such session; \"mox sessions list %s\" shows those it has", p.Account, p.Account)
		}
		if err == nil {
			o.log.Info("web sessions ended by a command", "account", p.Account, "sessions", n)
		}
		return n, err
	})
}
