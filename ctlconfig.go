package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"mox/admin"
	"mox/config"
	"mox/internal/ctl"
	"mox/store"
)

// Parameters of calls that change the configuration, beside those of package admin.
type (
	domainState struct {
		Domain   string
		Disabled bool
	}
	accountState struct{ Account, Reason string }
	accountGone  struct {
		Account string
		Mail    bool
	}
	nameParams struct{ Name string }
)

// configHandlers is the table of calls about domains.conf.
func (o *operations) configHandlers() map[string]ctl.Handler {
	return map[string]ctl.Handler{
		"config.domain.list": configList(o, admin.Domains),
		"config.domain.add": configChange(o, func(l *config.Live, p admin.NewDomain) error {
			return admin.AddDomain(l, p, time.Now())
		}),
		"config.domain.rm": configChange(o, func(l *config.Live, p nameParams) error { return admin.RemoveDomain(l, p.Name) }),
		"config.domain.disable": configChange(o, func(l *config.Live, p domainState) error {
			return admin.SetDomainDisabled(l, p.Domain, p.Disabled)
		}),
		"config.account.list": configList(o, admin.Accounts),
		"config.account.add":  configChange(o, admin.AddAccount),
		"config.account.rm":   o.removeAccount,
		"config.account.disable": configChange(o, func(l *config.Live, p accountState) error {
			return admin.SetLoginDisabled(l, p.Account, p.Reason)
		}),
		"config.address.list": configList(o, admin.Addresses),
		"config.alias.get": func(_ context.Context, c *ctl.Call) (any, error) {
			var p nameParams
			if err := c.Params(&p); err != nil {
				return nil, err
			}
			return admin.FindAlias(o.live.Current(), p.Name)
		},
		"config.address.add":      configChange(o, admin.AddAddress),
		"config.address.rm":       configChange(o, func(l *config.Live, p nameParams) error { return admin.RemoveAddress(l, p.Name) }),
		"config.alias.list":       configList(o, admin.Aliases),
		"config.alias.add":        configChange(o, admin.AddAlias),
		"config.alias.update":     configChange(o, admin.UpdateAlias),
		"config.alias.rm":         configChange(o, func(l *config.Live, p nameParams) error { return admin.RemoveAlias(l, p.Name) }),
		"config.alias.addmembers": configChange(o, admin.AddAliasMembers),
		"config.alias.rmmembers":  configChange(o, admin.RemoveAliasMembers),
		"config.tlskey.list":      configList(o, admin.TLSKeys),
		"config.tlskey.add":       configChange(o, admin.AddTLSKey),
		"config.tlskey.rm":        configChange(o, func(l *config.Live, p nameParams) error { return admin.RemoveTLSKey(l, p.Name) }),
	}
}

// configChange returns the handler of a change.
func configChange[P any](o *operations, change func(*config.Live, P) error) ctl.Handler {
	return func(_ context.Context, c *ctl.Call) (any, error) {
		var p P
		if err := c.Params(&p); err != nil {
			return nil, err
		}
		return nil, changeAdvice(change(o.live, p))
	}
}

// configList returns the handler of a list.
func configList[T any](o *operations, list func(*config.Config) []T) ctl.Handler {
	return func(context.Context, *ctl.Call) (any, error) { return list(o.live.Current()), nil }
}

// changeAdvice adds to the error of a change what to do.
func changeAdvice(err error) error {
	if errors.Is(err, config.ErrChangedOnDisk) {
		return fmt.Errorf("%w, with \"mox config reload\"", err)
	}
	return err
}

// removeAccount removes an account from the configuration and, if that is asked for, its mail.
func (o *operations) removeAccount(ctx context.Context, c *ctl.Call) (any, error) {
	var p accountGone
	if err := c.Params(&p); err != nil {
		return nil, err
	}
	if err := admin.RemoveAccount(o.live, p.Account); err != nil {
		return nil, changeAdvice(err)
	}
	if !p.Mail {
		return nil, nil
	}
	if err := o.store.Remove(ctx, p.Account); err != nil && !errors.Is(err, store.ErrNoAccount) {
		return nil, fmt.Errorf("the account is removed from domains.conf, its mail is not: %w", err)
	}
	return nil, nil
}

// changeConfig makes a call without a result, and tells of success.
func changeConfig(cmd *cobra.Command, call string, params any, done string, args ...any) error {
	err := withServer(cmd, func(ctx context.Context, c *ctl.Client) error {
		return c.Call(ctx, call, params, ctl.Streams{}, nil)
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), done+"\n", args...)
	return err
}

// listConfig makes a call that returns a list, and prints it as JSON or a line each.
func listConfig[T any](cmd *cobra.Command, call string, asJSON bool, cells func(T) []string) error {
	var l []T
	err := withServer(cmd, func(ctx context.Context, c *ctl.Client) error {
		return c.Call(ctx, call, nil, ctl.Streams{}, &l)
	})
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(cmd, l)
	}
	r := newReport()
	for _, v := range l {
		// Columns that are empty at the end of a line would leave spaces there.
		values := cells(v)
		for len(values) > 0 && values[len(values)-1] == "" {
			values = values[:len(values)-1]
		}
		r.cells(values...)
	}
	_, err = cmd.OutOrStdout().Write(r.bytes())
	return err
}

// listCommand is a command that prints a list.
func listCommand[T any](what, call, long, path string, cells func(T) []string) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List " + what,
		Long:    long,
		Example: "  " + path + " list\n  " + path + " list --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return listConfig(cmd, call, asJSON, cells)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
